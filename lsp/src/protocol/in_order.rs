//! Changes applied in the order in which they arrive, and a view of the session for each question.
//!
//! The library works on several messages at once, and promises nothing of their order. What depends on it is done here,
//! before the library sees the message: `call` runs once a message, in the order of the wire.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use futures_util::future::{BoxFuture, FutureExt};
use serde::de::DeserializeOwned;
use tokio::sync::Notify;
use tower_lsp::jsonrpc::{Error, Request, Response};
use tower_lsp::ls_types::{
    DidChangeConfigurationParams, DidChangeTextDocumentParams, DidChangeWorkspaceFoldersParams,
    DidCloseTextDocumentParams, DidOpenTextDocumentParams,
};
use tower_lsp::{ExitedError, LspService};
use tower_service::Service;

use super::server::Backend;
use super::{from_proto, lenient};
use crate::session::{Session, View};

tokio::task_local! {
    /// The session as it was when the message arrived that is being answered.
    pub static VIEW: View;
}

/// A service that applies changes before it passes messages on.
pub struct InOrder {
    service: LspService<Backend>,
    session: Arc<Session>,
    changed: Arc<Notify>,
    parting: Arc<Parting>,
}

/// How an editor takes its leave.
#[derive(Debug, Default)]
pub struct Parting {
    is_announced: AtomicBool,
    is_rude: AtomicBool,
}

impl Parting {
    fn see(&self, method: &str) {
        match method {
            "shutdown" => self.is_announced.store(true, Ordering::Relaxed),
            "exit" => self.is_rude.store(!self.is_announced.load(Ordering::Relaxed), Ordering::Relaxed),
            _ => {}
        }
    }

    /// Whether it left with `exit` alone, which the protocol counts as a failure (LSP 3.17, `exit`).
    pub fn is_rude(&self) -> bool {
        self.is_rude.load(Ordering::Relaxed)
    }
}

impl InOrder {
    /// Around a service.
    pub fn new(
        service: LspService<Backend>,
        session: Arc<Session>,
        changed: Arc<Notify>,
        parting: Arc<Parting>,
    ) -> Self {
        Self { service, session, changed, parting }
    }

    /// Applies what a notification changes.
    fn apply(&self, request: &Request) {
        match request.method() {
            "textDocument/didOpen" => {
                self.apply_with(request, |session, params: DidOpenTextDocumentParams| {
                    let document = params.text_document;
                    if let Some(path) = from_proto::path(&document.uri) {
                        session.open(path, document.text, document.version);
                    }
                });
            }
            "textDocument/didChange" => {
                self.apply_with(request, |session, params: DidChangeTextDocumentParams| {
                    let document = params.text_document;
                    if let Some(path) = from_proto::path(&document.uri) {
                        let changes = params.content_changes.into_iter().map(from_proto::change).collect();
                        session.edit(&path, document.version, changes);
                    }
                });
            }
            "textDocument/didClose" => {
                self.apply_with(request, |session, params: DidCloseTextDocumentParams| {
                    if let Some(path) = from_proto::path(&params.text_document.uri) {
                        session.close(&path);
                    }
                });
            }
            "workspace/didChangeWorkspaceFolders" => {
                self.apply_with(request, |session, params: DidChangeWorkspaceFoldersParams| {
                    let paths = |folders: &[tower_lsp::ls_types::WorkspaceFolder]| {
                        folders.iter().filter_map(|folder| from_proto::path(&folder.uri)).collect::<Vec<_>>()
                    };
                    session.change_roots(paths(&params.event.added), &paths(&params.event.removed));
                });
            }
            "workspace/didChangeConfiguration" => {
                self.apply_with(request, |_, params: DidChangeConfigurationParams| {
                    self.service.inner().settings_changed(&params);
                });
            }
            "textDocument/didSave" | "workspace/didChangeWatchedFiles" => {
                self.session.disk_changed();
                self.changed.notify_one();
            }
            _ => {}
        }
    }

    /// A message that does not have the form of its method is left to the library, which refuses it.
    fn apply_with<P: DeserializeOwned>(&self, request: &Request, apply: impl FnOnce(&Session, P)) {
        let params = request.params().and_then(|params| P::deserialize(params).ok());
        if let Some(params) = params {
            apply(&self.session, params);
            self.changed.notify_one();
        }
    }
}

impl Service<Request> for InOrder {
    type Response = Option<Response>;
    type Error = ExitedError;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        self.parting.see(request.method());
        // The library passes over what begins so, also questions. Only notifications may be.
        if let Some(id) = request.id().filter(|_| request.method().starts_with("$/")) {
            let refusal = Response::from_error(id.clone(), Error::method_not_found());
            return std::future::ready(Ok(Some(refusal))).boxed();
        }
        let request = lenient::mend(request);
        self.apply(&request);
        let view = self.session.view();
        VIEW.scope(view, self.service.call(request)).boxed()
    }
}
