//! What the server says that it can do. Nothing stands here that is not implemented, and a test asks for each.

use tower_lsp::ls_types::{
    CallHierarchyServerCapability, ClientCapabilities, CodeActionOptions, CodeActionProviderCapability,
    CodeLensOptions, CompletionOptions, DeclarationCapability, DiagnosticOptions,
    DiagnosticServerCapabilities, DocumentLinkOptions, DocumentOnTypeFormattingOptions,
    FoldingRangeProviderCapability, HoverProviderCapability, OneOf, PositionEncodingKind, RenameOptions,
    ResourceOperationKind, SaveOptions, SelectionRangeProviderCapability, SemanticTokensFullOptions,
    SemanticTokensOptions, SemanticTokensServerCapabilities, ServerCapabilities, SignatureHelpOptions,
    TextDocumentSyncCapability, TextDocumentSyncKind, TextDocumentSyncOptions, TextDocumentSyncSaveOptions,
    WorkDoneProgressOptions, WorkspaceFoldersServerCapabilities, WorkspaceServerCapabilities,
};

use super::handlers::code_lens::EditorCommands;
use super::handlers::{self, completion, semantic_tokens, signature_help};
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

/// What the editor can do with changes that it is given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EditAbilities {
    /// Whether it takes changes of documents with their versions.
    pub document_changes: bool,
    /// Whether it makes new files.
    pub creates_files: bool,
    /// Whether it asks for the edit of an action when the user chose it.
    pub resolves_actions: bool,
}

impl EditAbilities {
    /// Of an editor.
    pub fn of(client: &ClientCapabilities) -> Self {
        let edit = client.workspace.as_ref().and_then(|workspace| workspace.workspace_edit.as_ref());
        let action = client.text_document.as_ref().and_then(|document| document.code_action.as_ref());
        let document_changes = edit.is_some_and(|edit| edit.document_changes == Some(true));
        let operations = edit.and_then(|edit| edit.resource_operations.as_deref()).unwrap_or_default();
        let resolve = action.and_then(|action| action.resolve_support.as_ref());
        Self {
            document_changes,
            creates_files: document_changes && operations.contains(&ResourceOperationKind::Create),
            resolves_actions: resolve
                .is_some_and(|resolve| resolve.properties.iter().any(|name| name == "edit")),
        }
    }
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
    let actions = CodeActionOptions {
        code_action_kinds: Some(handlers::code_action::KINDS.to_vec()),
        resolve_provider: Some(true),
        ..CodeActionOptions::default()
    };
    ServerCapabilities {
        document_formatting_provider: Some(OneOf::Left(true)),
        document_range_formatting_provider: Some(OneOf::Left(true)),
        document_on_type_formatting_provider: Some(DocumentOnTypeFormattingOptions {
            first_trigger_character: handlers::formatting::NEW_LINE.to_owned(),
            more_trigger_character: None,
        }),
        folding_range_provider: Some(FoldingRangeProviderCapability::Simple(true)),
        selection_range_provider: Some(SelectionRangeProviderCapability::Simple(true)),
        code_action_provider: Some(CodeActionProviderCapability::Options(actions)),
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
