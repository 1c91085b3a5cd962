//! What the server says that it can do. Nothing stands here that is not implemented, and a test asks for each.

use tower_lsp::ls_types::{
    CallHierarchyServerCapability, ClientCapabilities, CodeLensOptions, CompletionOptions,
    DeclarationCapability, DiagnosticOptions, DiagnosticServerCapabilities, DocumentLinkOptions,
    HoverProviderCapability, OneOf, PositionEncodingKind, RenameOptions, SaveOptions,
    SemanticTokensFullOptions, SemanticTokensOptions, SemanticTokensServerCapabilities, ServerCapabilities,
    SignatureHelpOptions, TextDocumentSyncCapability, TextDocumentSyncKind, TextDocumentSyncOptions,
    TextDocumentSyncSaveOptions, WorkDoneProgressOptions, WorkspaceFoldersServerCapabilities,
    WorkspaceServerCapabilities,
};

use super::handlers::code_lens::EditorCommands;

use super::handlers::{completion, semantic_tokens, signature_help};
use crate::session::Encoding;

/// How columns are counted: in bytes where the editor can, because texts are.
pub fn encoding(client: &ClientCapabilities) -> Encoding {
    let offered = client.general.as_ref().and_then(|general| general.position_encodings.as_ref());
    let has_bytes = offered.is_some_and(|kinds| kinds.contains(&PositionEncodingKind::UTF8));
    if has_bytes { Encoding::Utf8 } else { Encoding::Utf16 }
}

/// Whether the editor asks for findings; else it is told of them.
pub fn pulls_diagnostics(client: &ClientCapabilities) -> bool {
    client.text_document.as_ref().is_some_and(|document| document.diagnostic.is_some())
}

/// Whether a definition may tell the bytes for which it was asked.
pub fn takes_links(client: &ClientCapabilities) -> bool {
    let definition = client.text_document.as_ref().and_then(|document| document.definition.as_ref());
    definition.is_some_and(|definition| definition.link_support == Some(true))
}

/// Whether edits may tell the version of the text that they are for.
pub fn takes_versions(client: &ClientCapabilities) -> bool {
    let edit = client.workspace.as_ref().and_then(|workspace| workspace.workspace_edit.as_ref());
    edit.is_some_and(|edit| edit.document_changes == Some(true))
}

/// Whether a rename may be asked for before it is done.
fn prepares_renames(client: &ClientCapabilities) -> bool {
    let rename = client.text_document.as_ref().and_then(|document| document.rename.as_ref());
    rename.is_some_and(|rename| rename.prepare_support == Some(true))
}

/// Everything that is announced.
pub fn of_server(client: &ClientCapabilities, commands: &EditorCommands) -> ServerCapabilities {
    let diagnostics = DiagnosticOptions {
        identifier: Some("ez".to_owned()),
        inter_file_dependencies: true,
        workspace_diagnostics: true,
        work_done_progress_options: WorkDoneProgressOptions::default(),
    };
    let sync = TextDocumentSyncOptions {
        open_close: Some(true),
        change: Some(TextDocumentSyncKind::INCREMENTAL),
        save: Some(TextDocumentSyncSaveOptions::SaveOptions(SaveOptions { include_text: Some(false) })),
        ..TextDocumentSyncOptions::default()
    };
    ServerCapabilities {
        position_encoding: Some(match encoding(client) {
            Encoding::Utf8 => PositionEncodingKind::UTF8,
            Encoding::Utf16 => PositionEncodingKind::UTF16,
        }),
        text_document_sync: Some(TextDocumentSyncCapability::Options(sync)),
        diagnostic_provider: pulls_diagnostics(client)
            .then_some(DiagnosticServerCapabilities::Options(diagnostics)),
        definition_provider: Some(OneOf::Left(true)),
        declaration_provider: Some(DeclarationCapability::Simple(true)),
        references_provider: Some(OneOf::Left(true)),
        document_highlight_provider: Some(OneOf::Left(true)),
        rename_provider: Some(if prepares_renames(client) {
            OneOf::Right(RenameOptions {
                prepare_provider: Some(true),
                work_done_progress_options: WorkDoneProgressOptions::default(),
            })
        } else {
            OneOf::Left(true)
        }),
        document_symbol_provider: Some(OneOf::Left(true)),
        workspace_symbol_provider: Some(OneOf::Left(true)),
        call_hierarchy_provider: Some(CallHierarchyServerCapability::Simple(true)),
        document_link_provider: Some(DocumentLinkOptions {
            resolve_provider: Some(false),
            work_done_progress_options: WorkDoneProgressOptions::default(),
        }),
        inlay_hint_provider: Some(OneOf::Left(true)),
        code_lens_provider: commands.has_any().then_some(CodeLensOptions { resolve_provider: Some(true) }),
        hover_provider: Some(HoverProviderCapability::Simple(true)),
        semantic_tokens_provider: Some(semantic_tokens()),
        completion_provider: Some(CompletionOptions {
            resolve_provider: Some(true),
            trigger_characters: Some(texts(completion::TRIGGERS)),
            ..CompletionOptions::default()
        }),
        signature_help_provider: Some(SignatureHelpOptions {
            trigger_characters: Some(texts(signature_help::TRIGGERS)),
            ..SignatureHelpOptions::default()
        }),
        workspace: Some(WorkspaceServerCapabilities {
            workspace_folders: Some(WorkspaceFoldersServerCapabilities {
                supported: Some(true),
                change_notifications: Some(OneOf::Left(true)),
            }),
            ..WorkspaceServerCapabilities::default()
        }),
        ..ServerCapabilities::default()
    }
}

fn semantic_tokens() -> SemanticTokensServerCapabilities {
    SemanticTokensServerCapabilities::SemanticTokensOptions(SemanticTokensOptions {
        legend: semantic_tokens::legend(),
        range: Some(true),
        full: Some(SemanticTokensFullOptions::Delta { delta: Some(true) }),
        ..SemanticTokensOptions::default()
    })
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}
