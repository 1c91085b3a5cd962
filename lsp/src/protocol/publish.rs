//! Findings that the editor is told of.

use std::sync::Arc;

use camino::Utf8PathBuf;
use rustc_hash::FxHashMap;
use tokio::sync::Notify;
use tower_lsp::Client;
use tower_lsp::ls_types::{Diagnostic, MessageType, PublishDiagnosticsParams};

use super::handlers::diagnostic;
use super::outlet::{self, Outlet};
use super::server::Refusal;
use super::to_proto;
use super::workers::apart;
use crate::session::{Session, View};

/// How often in a row findings are held back because the texts changed meanwhile. Then they are sent with the version
/// that they belong to, so that somebody who never stops typing sees some.
const MAX_HELD_BACK: u32 = 5;

/// What was last told of a file; nothing of one that the editor does not know of.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Told {
    version: Option<i32>,
    /// A number for the findings, where there are any.
    findings: Option<u64>,
}

/// Who tells of findings, and of what it tells.
pub struct Publisher {
    /// The editor.
    pub client: Client,
    /// The way to it.
    pub outlet: Outlet,
    /// What it has open.
    pub session: Arc<Session>,
    /// Told after every change.
    pub changed: Arc<Notify>,
}

impl Publisher {
    /// Tells the editor of findings after every change, until the server ends.
    pub async fn run(self) {
        let mut told = Known::default();
        let mut held_back = 0;
        loop {
            self.changed.notified().await;
            let view = self.session.view();
            let revision = view.revision;
            let known = told.clone();
            let of_session = Arc::clone(&self.session);
            let told_now = apart(move || news(&view, known), move || of_session.release_replaced());
            let (messages, now) = match told_now.await {
                Ok(news) => news,
                Err(Refusal::Stale) => continue,
                Err(refusal) => {
                    self.client.log_message(MessageType::ERROR, refusal.to_string()).await;
                    continue;
                }
            };
            if self.session.revision() != revision && held_back < MAX_HELD_BACK {
                held_back += 1;
                self.changed.notify_one();
                continue;
            }
            held_back = 0;
            told = now;
            for message in messages {
                self.outlet.send(message).await;
            }
        }
    }
}

/// What was told of files.
type Known = FxHashMap<Utf8PathBuf, Told>;

/// Messages about the files of which something else is to be told than before, and what is known after them.
fn news(view: &View, mut told: Known) -> Result<(Vec<Vec<u8>>, Known), Refusal> {
    let mut found = diagnostic::of_all(view)?;
    for path in told.keys() {
        found.entry(path.clone()).or_default();
    }
    let mut found: Vec<(Utf8PathBuf, Vec<Diagnostic>)> = found.into_iter().collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    let mut messages = Vec::new();
    for (path, diagnostics) in found {
        let version = view.files.documents.get(&path).map(|document| document.version);
        let findings =
            if diagnostics.is_empty() { None } else { Some(diagnostic::fingerprint(&diagnostics)?) };
        let now = Told { version, findings };
        if told.get(&path).map_or(now == Told::default(), |last| *last == now) {
            continue;
        }
        let Some(uri) = to_proto::uri(&path) else { continue };
        told.insert(path, now);
        let params = PublishDiagnosticsParams { uri, diagnostics, version };
        let message = outlet::message("textDocument/publishDiagnostics", &params);
        messages.push(message.map_err(|error| Refusal::Refused(error.to_string()))?);
    }
    Ok((messages, told))
}
