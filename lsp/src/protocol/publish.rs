//! Findings that the editor is told of.

use std::sync::Arc;

use camino::Utf8PathBuf;
use rustc_hash::FxHashMap;
use serde::Serialize;
use tokio::sync::Notify;
use tower_lsp::Client;
use tower_lsp::ls_types::{MessageType, Uri};

use super::handlers::diagnostic;
use super::json_list::JsonList;
use super::outlet::{self, Outlet};
use super::server::Refusal;
use super::to_proto;
use super::workers::apart;
use crate::session::{Session, View};

/// How often in a row findings are held back because the texts changed meanwhile. Then they are sent with the version
/// that they belong to, so that somebody who never stops typing sees some.
const MAX_HELD_BACK: u32 = 5;

/// What was last told of a file.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Told {
    version: Option<i32>,
    /// A number for the findings; see [`JsonList::fingerprint`].
    findings: u64,
}

impl Told {
    /// Of a file that the editor does not know of.
    fn nothing() -> Self {
        Self { version: None, findings: JsonList::default().fingerprint() }
    }
}

/// Tells the editor of findings after every change, until the server ends.
pub async fn run(client: Client, outlet: Outlet, session: Arc<Session>, changed: Arc<Notify>) {
    let mut told = Known::default();
    let mut held_back = 0;
    loop {
        changed.notified().await;
        let view = session.view();
        let revision = view.revision;
        let known = told.clone();
        let of_session = Arc::clone(&session);
        let told_now = apart(move || news(&view, known), move || of_session.release_replaced());
        let (messages, now) = match told_now.await {
            Ok(news) => news,
            Err(Refusal::Stale) => continue,
            Err(refusal) => {
                client.log_message(MessageType::ERROR, refusal.to_string()).await;
                continue;
            }
        };
        if session.revision() != revision && held_back < MAX_HELD_BACK {
            held_back += 1;
            changed.notify_one();
            continue;
        }
        held_back = 0;
        told = now;
        for message in messages {
            outlet.send(message).await;
        }
    }
}

/// What was told of files.
type Known = FxHashMap<Utf8PathBuf, Told>;

/// Messages about the files of which something else is to be told than before, and what is known after them.
fn news(view: &View, mut told: Known) -> Result<(Vec<Vec<u8>>, Known), Refusal> {
    let mut found = diagnostic::of_all_as_json(view)?;
    for path in told.keys() {
        found.entry(path.clone()).or_default();
    }
    let mut found: Vec<(Utf8PathBuf, JsonList)> = found.into_iter().collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    let mut messages = Vec::new();
    for (path, findings) in found {
        let version = view.files.documents.get(&path).map(|document| document.version);
        let now = Told { version, findings: findings.fingerprint() };
        if told.get(&path).map_or(now == Told::nothing(), |last| *last == now) {
            continue;
        }
        let Some(uri) = to_proto::uri(&path) else { continue };
        told.insert(path, now);
        let about = About { uri, version };
        let message = outlet::with_list("textDocument/publishDiagnostics", &about, "diagnostics", &findings);
        messages.push(message.map_err(|error| Refusal::Refused(error.to_string()))?);
    }
    Ok((messages, told))
}

/// What a message about a file says besides its findings.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct About {
    uri: Uri,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<i32>,
}
