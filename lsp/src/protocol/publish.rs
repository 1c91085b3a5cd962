//! Findings that the editor is told of.

use std::sync::Arc;

use camino::Utf8PathBuf;
use rustc_hash::FxHashMap;
use tokio::sync::Notify;
use tower_lsp::Client;
use tower_lsp::ls_types::Diagnostic;

use super::handlers::diagnostic;
use super::server::{Refusal, apart};
use super::to_proto;
use crate::session::Session;

/// How often in a row findings are held back because the texts changed meanwhile. Then they are sent with the version
/// that they belong to, so that somebody who never stops typing sees some.
const MAX_HELD_BACK: u32 = 5;

/// What was last told of a file.
#[derive(PartialEq, Eq)]
struct Told {
    version: Option<i32>,
    /// A number for the findings; see [`diagnostic::fingerprint`].
    findings: u64,
}

impl Told {
    /// Of a file that the editor does not know of.
    fn nothing() -> Self {
        Self { version: None, findings: diagnostic::fingerprint(&[]) }
    }
}

/// Tells the editor of findings after every change, until the server ends.
pub async fn run(client: Client, session: Arc<Session>, changed: Arc<Notify>) {
    let mut told: FxHashMap<Utf8PathBuf, Told> = FxHashMap::default();
    let mut held_back = 0;
    loop {
        changed.notified().await;
        let view = session.view();
        let asked = view.clone();
        let found = match apart(move || diagnostic::of_all(&asked)).await {
            Ok(found) => found,
            Err(Refusal::Stale) => continue,
            Err(refusal) => {
                client.log_message(tower_lsp::ls_types::MessageType::ERROR, refusal.to_string()).await;
                continue;
            }
        };
        if session.revision() != view.revision && held_back < MAX_HELD_BACK {
            held_back += 1;
            changed.notify_one();
            continue;
        }
        held_back = 0;
        let gone: Vec<Utf8PathBuf> = told.keys().filter(|path| !found.contains_key(*path)).cloned().collect();
        let gone = gone.into_iter().map(|path| (path, Vec::new()));
        let mut news: Vec<(Utf8PathBuf, Vec<Diagnostic>)> = found.into_iter().chain(gone).collect();
        news.sort_by(|a, b| a.0.cmp(&b.0));
        for (path, diagnostics) in news {
            let version = view.files.documents.get(&path).map(|document| document.version);
            let last = told.entry(path.clone()).or_insert_with(Told::nothing);
            let now = Told { version, findings: diagnostic::fingerprint(&diagnostics) };
            if *last == now {
                continue;
            }
            let Some(uri) = to_proto::uri(&path) else { continue };
            *last = now;
            client.publish_diagnostics(uri, diagnostics, version).await;
        }
    }
}
