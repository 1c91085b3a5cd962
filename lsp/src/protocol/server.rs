//! The methods of the protocol, one line for each question.

use std::sync::{Arc, OnceLock};

use camino::Utf8PathBuf;
use serde::Deserialize;
use tokio::sync::Notify;
use tower_lsp::jsonrpc::{Error, Result};
use tower_lsp::ls_types::{
    CallHierarchyIncomingCall, CallHierarchyIncomingCallsParams, CallHierarchyItem,
    CallHierarchyOutgoingCall, CallHierarchyOutgoingCallsParams, CallHierarchyPrepareParams,
    ClientCapabilities, CodeAction, CodeActionParams, CodeActionResponse, CodeLens, CodeLensParams,
    CompletionItem, CompletionParams, CompletionResponse, ConfigurationItem, DidChangeConfigurationParams,
    DidChangeTextDocumentParams, DidChangeWatchedFilesParams, DidChangeWorkspaceFoldersParams,
    DidCloseTextDocumentParams, DidOpenTextDocumentParams, DidSaveTextDocumentParams,
    DocumentDiagnosticParams, DocumentDiagnosticReportResult, DocumentFormattingParams, DocumentHighlight,
    DocumentHighlightParams, DocumentLink, DocumentLinkParams, DocumentOnTypeFormattingParams,
    DocumentRangeFormattingParams, DocumentSymbolParams, DocumentSymbolResponse, FoldingRange,
    FoldingRangeParams, GotoDefinitionParams, GotoDefinitionResponse, Hover, HoverParams, InitializeParams,
    InitializeResult, InitializedParams, InlayHint, InlayHintParams, Location, PrepareRenameResponse,
    ReferenceParams, RenameParams, SelectionRange, SelectionRangeParams, SemanticTokensDeltaParams,
    SemanticTokensFullDeltaResult, SemanticTokensParams, SemanticTokensRangeParams,
    SemanticTokensRangeResult, SemanticTokensResult, ServerInfo, SignatureHelp, SignatureHelpParams,
    TextDocumentPositionParams, TextEdit, WorkspaceDiagnosticParams, WorkspaceDiagnosticReportResult,
    WorkspaceEdit, WorkspaceSymbolParams, WorkspaceSymbolResponse,
};
use tower_lsp::{Client, LanguageServer};

use super::capabilities::EditAbilities;
use super::handlers::code_lens::EditorCommands;
use super::in_order::VIEW;
use super::outlet::Outlet;
use super::publish::Publisher;
use super::refresh::Refreshable;
use super::watch::Watch;
use super::workers::apart;
use super::{capabilities, from_proto, handlers};
use crate::ide::definition::{declarations, definitions};
use crate::projects::Stale;
use crate::session::{Session, View};
use crate::settings::Settings;

/// The section of the editor's settings.
const SECTION: &str = "ez";

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The texts changed meanwhile.
    #[error("the text has changed")]
    Stale,
    /// What was asked for cannot be done; why.
    #[error("{0}")]
    Refused(String),
    /// We are wrong.
    #[error("internal error: {0}")]
    Panic(String),
}

impl From<Stale> for Refusal {
    fn from(Stale: Stale) -> Self {
        Self::Stale
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        let message = refusal.to_string();
        match refusal {
            Refusal::Stale => Self::content_modified(),
            Refusal::Refused(_) => Self {
                code: tower_lsp::jsonrpc::ErrorCode::ServerError(REQUEST_FAILED),
                message: message.into(),
                data: None,
            },
            Refusal::Panic(_) => Self { message: message.into(), ..Self::internal_error() },
        }
    }
}

/// `RequestFailed` of the protocol: the question was understood, and cannot be answered.
const REQUEST_FAILED: i64 = -32803;

/// How often a question is asked anew whose answer is about files that have changed meanwhile. A build that writes into a
/// project all the time must not keep a thread busy for good.
const ASKED_AGAIN: usize = 5;

/// Answers a question that arrived with a view. An answer that was overtaken is not given. If the texts in the editor are still
/// the ones that the question is about, so that only files on disk have changed, it is asked again: editors show nothing at all
/// for a rename or a fix that fails for content that was modified, and a save tells of a change some moments later.
async fn answer_from<T: Send + 'static>(
    session: &Arc<Session>,
    mut view: View,
    work: impl Fn(&View) -> std::result::Result<T, Refusal> + Send + Sync + 'static,
) -> std::result::Result<T, Refusal> {
    let work = Arc::new(work);
    for _ in 0..=ASKED_AGAIN {
        let (work, asked, released) = (Arc::clone(&work), view.clone(), Arc::clone(session));
        let answer = apart(move || work(&asked), move || released.release_replaced()).await;
        let now = session.view();
        if now.revision == view.revision {
            return answer;
        }
        if !now.has_texts_of(&view) {
            break;
        }
        view = now;
    }
    Err(Refusal::Stale)
}

/// The server.
pub struct Backend {
    client: Client,
    outlet: Outlet,
    session: Arc<Session>,
    changed: Arc<Notify>,
    editor: OnceLock<ClientCapabilities>,
    told_tokens: Arc<handlers::semantic_tokens::Told>,
    commands: OnceLock<EditorCommands>,
    /// Told when other files may be read than before.
    read: Arc<Notify>,
    version: &'static str,
}

impl Backend {
    /// For one editor.
    pub fn new(client: Client, session: Arc<Session>, outlet: Outlet, version: &'static str) -> Self {
        Self {
            client,
            outlet,
            session,
            changed: Arc::default(),
            editor: OnceLock::new(),
            told_tokens: Arc::default(),
            commands: OnceLock::new(),
            read: Arc::default(),
            version,
        }
    }

    /// Told after every change.
    pub fn changed(&self) -> Arc<Notify> {
        Arc::clone(&self.changed)
    }

    /// Answers from the session as it was when the question arrived, or as it has become where the question still means the same.
    async fn answer<T: Send + 'static>(
        &self,
        work: impl Fn(&View) -> std::result::Result<T, Refusal> + Send + Sync + 'static,
    ) -> Result<T> {
        let view = VIEW.try_with(Clone::clone).unwrap_or_else(|_| self.session.view());
        answer_from(&self.session, view, work).await.map_err(Error::from)
    }

    /// Takes over the editor's settings. What cannot be read leaves them as they are, and is told.
    fn configure(client: &Client, session: &Session, refreshable: Refreshable, value: serde_json::Value) {
        if value.is_null() {
            return;
        }
        match Settings::deserialize(value).map(|settings| session.set_settings(settings)) {
            Ok(true) => refreshable.ask_again(client),
            Ok(false) => {}
            Err(error) => {
                let client = client.clone();
                let message = format!("the settings of `{SECTION}` cannot be read: {error}");
                tokio::spawn(async move {
                    client.show_message(tower_lsp::ls_types::MessageType::WARNING, message).await;
                });
            }
        }
    }

    /// The editor has other settings, and may have sent them.
    pub fn settings_changed(&self, params: &DidChangeConfigurationParams) {
        match params.settings.get(SECTION) {
            Some(section) => {
                Self::configure(&self.client, &self.session, self.refreshable(), section.clone());
            }
            None if self.has_configuration() => self.ask_for_settings(),
            None => {}
        }
    }

    fn refreshable(&self) -> Refreshable {
        self.editor.get().map(Refreshable::of).unwrap_or_default()
    }

    fn watches_dynamically(&self) -> bool {
        let workspace = self.editor.get().and_then(|editor| editor.workspace.as_ref());
        let watched = workspace.and_then(|workspace| workspace.did_change_watched_files.as_ref());
        watched.is_some_and(|watched| watched.dynamic_registration == Some(true))
    }

    fn edit_abilities(&self) -> EditAbilities {
        self.editor.get().map(EditAbilities::of).unwrap_or_default()
    }

    fn has_configuration(&self) -> bool {
        let workspace = self.editor.get().and_then(|editor| editor.workspace.as_ref());
        workspace.is_some_and(|workspace| workspace.configuration == Some(true))
    }

    /// Asks for the settings. Never waited for by a handler: an editor that does not answer would stop the server.
    fn ask_for_settings(&self) {
        let (client, session, changed) =
            (self.client.clone(), Arc::clone(&self.session), Arc::clone(&self.changed));
        let refreshable = self.refreshable();
        tokio::spawn(async move {
            let item = ConfigurationItem { scope_uri: None, section: Some(SECTION.to_owned()) };
            if let Ok(values) = client.configuration(vec![item]).await
                && let Some(value) = values.into_iter().next()
            {
                Self::configure(&client, &session, refreshable, value);
                changed.notify_one();
            }
        });
    }
}

impl LanguageServer for Backend {
    async fn initialize(&self, params: InitializeParams) -> Result<InitializeResult> {
        self.session.set_encoding(capabilities::encoding(&params.capabilities));
        let folders = params.workspace_folders.unwrap_or_default();
        let mut roots: Vec<_> = folders.iter().filter_map(|folder| from_proto::path(&folder.uri)).collect();
        #[expect(deprecated, reason = "older editors name their root in no other way")]
        if roots.is_empty() {
            roots.extend(params.root_uri.as_ref().and_then(from_proto::path));
        }
        self.session.change_roots(roots, &[]);
        let commands = EditorCommands::of_options(params.initialization_options.as_ref());
        if let Some(options) = params.initialization_options {
            Self::configure(&self.client, &self.session, Refreshable::default(), options);
        }
        let result = InitializeResult {
            capabilities: capabilities::of_server(&params.capabilities, &commands),
            server_info: Some(ServerInfo { name: "ez".to_owned(), version: Some(self.version.to_owned()) }),
            ..InitializeResult::default()
        };
        // Only the first is taken; the library refuses a second `initialize`.
        let _ = self.editor.set(params.capabilities);
        let _ = self.commands.set(commands);
        Ok(result)
    }

    async fn initialized(&self, _: InitializedParams) {
        if self.watches_dynamically() {
            let read = Arc::clone(&self.read);
            tokio::spawn(Watch::run(self.client.clone(), Arc::clone(&self.session), read));
            self.read.notify_one();
        }
        if self.has_configuration() {
            self.ask_for_settings();
        }
        if !self.editor.get().is_some_and(capabilities::pulls_diagnostics) {
            let publisher = Publisher {
                client: self.client.clone(),
                outlet: self.outlet.clone(),
                session: Arc::clone(&self.session),
                changed: self.changed(),
            };
            tokio::spawn(publisher.run());
            self.changed.notify_one();
        }
    }

    async fn shutdown(&self) -> Result<()> {
        Ok(())
    }

    // What these change is applied when they arrive; see `in_order`.
    async fn did_open(&self, _: DidOpenTextDocumentParams) {
        self.read.notify_one();
    }

    async fn did_change(&self, _: DidChangeTextDocumentParams) {}
    async fn did_close(&self, _: DidCloseTextDocumentParams) {}
    async fn did_save(&self, _: DidSaveTextDocumentParams) {
        self.read.notify_one();
    }

    async fn did_change_workspace_folders(&self, _: DidChangeWorkspaceFoldersParams) {}
    async fn did_change_configuration(&self, _: DidChangeConfigurationParams) {}

    async fn did_change_watched_files(&self, params: DidChangeWatchedFilesParams) {
        // What is open counts as it is there, and not as it was saved.
        let is_open = |path: Option<Utf8PathBuf>| path.is_some_and(|path| self.session.is_open(&path));
        if params.changes.iter().any(|change| !is_open(from_proto::path(&change.uri))) {
            self.refreshable().ask_again(&self.client);
        }
        self.read.notify_one();
    }

    async fn completion(&self, params: CompletionParams) -> Result<Option<CompletionResponse>> {
        let support = handlers::completion::Support::new(self.editor.get());
        self.answer(move |view| handlers::completion::at(view, &params, support)).await
    }

    async fn completion_resolve(&self, item: CompletionItem) -> Result<CompletionItem> {
        self.answer(move |view| handlers::completion::resolve(view, item.clone())).await
    }

    async fn signature_help(&self, params: SignatureHelpParams) -> Result<Option<SignatureHelp>> {
        let takes_offsets = handlers::signature_help::takes_offsets(self.editor.get());
        self.answer(move |view| handlers::signature_help::at(view, &params, takes_offsets)).await
    }

    async fn code_action(&self, params: CodeActionParams) -> Result<Option<CodeActionResponse>> {
        let editor = self.edit_abilities();
        self.answer(move |view| handlers::code_action::answer(view, &params, editor)).await
    }

    async fn code_action_resolve(&self, action: CodeAction) -> Result<CodeAction> {
        let editor = self.edit_abilities();
        self.answer(move |view| handlers::code_action::resolve(view, action.clone(), editor)).await
    }

    async fn formatting(&self, params: DocumentFormattingParams) -> Result<Option<Vec<TextEdit>>> {
        self.answer(move |view| Ok(handlers::formatting::of_document(view, &params))).await
    }

    async fn range_formatting(&self, params: DocumentRangeFormattingParams) -> Result<Option<Vec<TextEdit>>> {
        self.answer(move |view| Ok(handlers::formatting::of_range(view, &params))).await
    }

    async fn on_type_formatting(
        &self,
        params: DocumentOnTypeFormattingParams,
    ) -> Result<Option<Vec<TextEdit>>> {
        self.answer(move |view| Ok(handlers::formatting::on_type(view, &params))).await
    }

    async fn folding_range(&self, params: FoldingRangeParams) -> Result<Option<Vec<FoldingRange>>> {
        self.answer(move |view| Ok(handlers::folding_range::answer(view, &params))).await
    }

    async fn selection_range(&self, params: SelectionRangeParams) -> Result<Option<Vec<SelectionRange>>> {
        self.answer(move |view| Ok(handlers::selection_range::answer(view, &params))).await
    }

    async fn diagnostic(&self, params: DocumentDiagnosticParams) -> Result<DocumentDiagnosticReportResult> {
        self.answer(move |view| handlers::diagnostic::of_document(view, &params)).await
    }

    async fn workspace_diagnostic(
        &self,
        params: WorkspaceDiagnosticParams,
    ) -> Result<WorkspaceDiagnosticReportResult> {
        self.answer(move |view| handlers::diagnostic::of_workspace(view, &params)).await
    }

    async fn goto_definition(&self, params: GotoDefinitionParams) -> Result<Option<GotoDefinitionResponse>> {
        let takes_links = self.editor.get().is_some_and(capabilities::takes_links);
        self.answer(move |view| handlers::definition::at(view, &params, takes_links, definitions)).await
    }

    async fn goto_declaration(&self, params: GotoDefinitionParams) -> Result<Option<GotoDefinitionResponse>> {
        let takes_links = self.editor.get().is_some_and(capabilities::takes_links);
        self.answer(move |view| handlers::definition::at(view, &params, takes_links, declarations)).await
    }

    async fn references(&self, params: ReferenceParams) -> Result<Option<Vec<Location>>> {
        self.answer(move |view| handlers::references::references(view, &params)).await
    }

    async fn document_highlight(
        &self,
        params: DocumentHighlightParams,
    ) -> Result<Option<Vec<DocumentHighlight>>> {
        self.answer(move |view| handlers::references::highlights(view, &params)).await
    }

    async fn prepare_rename(
        &self,
        params: TextDocumentPositionParams,
    ) -> Result<Option<PrepareRenameResponse>> {
        self.answer(move |view| handlers::rename::prepare(view, &params)).await
    }

    async fn rename(&self, params: RenameParams) -> Result<Option<WorkspaceEdit>> {
        let takes_versions = self.editor.get().is_some_and(capabilities::takes_versions);
        self.answer(move |view| handlers::rename::rename(view, &params, takes_versions)).await
    }

    async fn document_symbol(&self, params: DocumentSymbolParams) -> Result<Option<DocumentSymbolResponse>> {
        self.answer(move |view| handlers::symbols::of_document(view, &params)).await
    }

    async fn symbol(&self, params: WorkspaceSymbolParams) -> Result<Option<WorkspaceSymbolResponse>> {
        self.answer(move |view| handlers::symbols::of_workspace(view, &params)).await
    }

    async fn prepare_call_hierarchy(
        &self,
        params: CallHierarchyPrepareParams,
    ) -> Result<Option<Vec<CallHierarchyItem>>> {
        self.answer(move |view| handlers::call_hierarchy::prepare(view, &params)).await
    }

    async fn incoming_calls(
        &self,
        params: CallHierarchyIncomingCallsParams,
    ) -> Result<Option<Vec<CallHierarchyIncomingCall>>> {
        self.answer(move |view| handlers::call_hierarchy::incoming(view, &params)).await
    }

    async fn outgoing_calls(
        &self,
        params: CallHierarchyOutgoingCallsParams,
    ) -> Result<Option<Vec<CallHierarchyOutgoingCall>>> {
        self.answer(move |view| handlers::call_hierarchy::outgoing(view, &params)).await
    }

    async fn document_link(&self, params: DocumentLinkParams) -> Result<Option<Vec<DocumentLink>>> {
        self.answer(move |view| handlers::document_link::links(view, &params)).await
    }

    async fn hover(&self, params: HoverParams) -> Result<Option<Hover>> {
        self.answer(move |view| handlers::hover::answer(view, &params)).await
    }

    async fn inlay_hint(&self, params: InlayHintParams) -> Result<Option<Vec<InlayHint>>> {
        self.answer(move |view| handlers::inlay_hint::answer(view, &params)).await
    }

    async fn code_lens(&self, params: CodeLensParams) -> Result<Option<Vec<CodeLens>>> {
        let commands = self.commands.get().cloned().unwrap_or_default();
        self.answer(move |view| handlers::code_lens::of_document(view, &params, &commands)).await
    }

    async fn code_lens_resolve(&self, lens: CodeLens) -> Result<CodeLens> {
        self.answer(move |view| handlers::code_lens::resolve(view, lens.clone())).await
    }

    async fn semantic_tokens_full(
        &self,
        params: SemanticTokensParams,
    ) -> Result<Option<SemanticTokensResult>> {
        let told = Arc::clone(&self.told_tokens);
        self.answer(move |view| handlers::semantic_tokens::full(view, &told, &params)).await
    }

    async fn semantic_tokens_full_delta(
        &self,
        params: SemanticTokensDeltaParams,
    ) -> Result<Option<SemanticTokensFullDeltaResult>> {
        let told = Arc::clone(&self.told_tokens);
        self.answer(move |view| handlers::semantic_tokens::delta(view, &told, &params)).await
    }

    async fn semantic_tokens_range(
        &self,
        params: SemanticTokensRangeParams,
    ) -> Result<Option<SemanticTokensRangeResult>> {
        self.answer(move |view| handlers::semantic_tokens::range(view, &params)).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use camino::Utf8Path;
    use ez_compiler::file_system::MemoryFileSystem;
    use ez_compiler::template::PureHost;

    use super::*;
    use crate::session::{Change, World};

    const TASKFILE: &str = "/w/Taskfile.yml";

    /// How often a question is worked on, and its answer, where something happens meanwhile for the first `times` times.
    async fn asked(times: usize, happens: impl Fn(&Session) + Send + Sync + 'static) -> (usize, bool) {
        let files = Arc::new(MemoryFileSystem::new());
        let session = Arc::new(Session::new(&World { files, host: Arc::new(PureHost), version: "0" }));
        session.open(TASKFILE.into(), "version: '3'\n".to_owned(), 1);
        let (meanwhile, count) = (Arc::clone(&session), Arc::new(AtomicUsize::new(0)));
        let counted = Arc::clone(&count);
        let work = move |view: &View| {
            if counted.fetch_add(1, Ordering::Relaxed) < times {
                happens(&meanwhile);
                // What was overtaken may fail in any way.
                return Err(Refusal::Stale);
            }
            Ok(view.revision)
        };
        let answer = answer_from(&session, session.view(), work).await;
        let is_newest = match answer {
            Ok(revision) => revision == session.revision(),
            Err(Refusal::Stale) => false,
            Err(refusal) => panic!("{refusal}"),
        };
        (count.load(Ordering::Relaxed), is_newest)
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_file_that_changes_on_disk_costs_no_answer() {
        assert_eq!(asked(0, Session::disk_changed).await, (1, true));
        assert_eq!(asked(2, Session::disk_changed).await, (3, true));
        let open_another = |session: &Session| session.open("/w/other.yml".into(), String::new(), 1);
        assert_eq!(asked(1, open_another).await, (2, true));
    }

    #[tokio::test(flavor = "current_thread")]
    async fn files_that_change_all_the_time_do_not_keep_a_question_for_good() {
        assert_eq!(asked(usize::MAX, Session::disk_changed).await, (1 + ASKED_AGAIN, false));
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_question_about_a_text_that_was_edited_or_closed_has_no_answer() {
        let edit = |session: &Session| {
            let change = Change { range: None, text: String::new() };
            session.edit(Utf8Path::new(TASKFILE), 2, vec![change]);
        };
        assert_eq!(asked(1, edit).await, (1, false));
        assert_eq!(asked(1, |session| session.close(Utf8Path::new(TASKFILE))).await, (1, false));
    }
}
