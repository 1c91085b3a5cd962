//! Has the editor ask again for what it shows, where something changed of which it does not know that it matters.

use tower_lsp::Client;
use tower_lsp::jsonrpc::Result;
use tower_lsp::ls_types::ClientCapabilities;

/// What an editor asks for again when it is told to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Refreshable {
    diagnostics: bool,
    inlay_hints: bool,
    code_lenses: bool,
    semantic_tokens: bool,
}

impl Refreshable {
    /// By what the editor says.
    pub fn of(editor: &ClientCapabilities) -> Self {
        let Some(workspace) = &editor.workspace else { return Self::default() };
        let is = |support: Option<Option<bool>>| support.flatten() == Some(true);
        Self {
            diagnostics: is(workspace.diagnostics.as_ref().map(|able| able.refresh_support)),
            inlay_hints: is(workspace.inlay_hint.as_ref().map(|able| able.refresh_support)),
            code_lenses: is(workspace.code_lens.as_ref().map(|able| able.refresh_support)),
            semantic_tokens: is(workspace.semantic_tokens.as_ref().map(|able| able.refresh_support)),
        }
    }

    /// Tells the editor. Not waited for: one that does not answer shows what it had.
    pub fn ask_again(self, client: &Client) {
        let client = client.clone();
        tokio::spawn(async move {
            tokio::join!(
                when(self.diagnostics, client.workspace_diagnostic_refresh()),
                when(self.inlay_hints, client.inlay_hint_refresh()),
                when(self.code_lenses, client.code_lens_refresh()),
                when(self.semantic_tokens, client.semantic_tokens_refresh()),
            );
        });
    }
}

async fn when(is_asked_for: bool, refresh: impl Future<Output = Result<()>>) {
    if is_asked_for {
        // An editor that refuses shows what it had.
        let _ = refresh.await;
    }
}
