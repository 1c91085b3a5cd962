//! Findings that the editor is told of.

use std::sync::Arc;
use std::time::Duration;

use camino::Utf8PathBuf;
use rustc_hash::FxHashMap;
use serde::Serialize;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};
use tower_lsp::Client;
use tower_lsp::ls_types::{MessageType, Uri};

use super::handlers::diagnostic;
use super::json_list::JsonList;
use super::outlet::{self, Outlet};
use super::pace::Pace;
use super::server::Refusal;
use super::to_proto;
use super::workers::apart;
use crate::session::{Session, View};

/// How often in a row findings are held back because the texts changed meanwhile. Then they are sent with the version
/// that they belong to, so that somebody who never stops typing sees some.
const MAX_HELD_BACK: u32 = 5;

/// How many bytes of findings take an editor longer to read than a key is away from the next.
const BIG: usize = 256 << 10;

/// How long an editor is given to read big findings before it is sent others.
const READING_LIMIT: Duration = Duration::from_secs(5);

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
    /// Whether the editor answers questions for its settings.
    pub answers: bool,
}

impl Publisher {
    /// Tells the editor of findings after every change, until the server ends.
    pub async fn run(mut self) {
        let mut told = Known::default();
        let mut held_back = 0;
        let mut reading = None;
        let mut pace = Pace::default();
        loop {
            self.changed.notified().await;
            pace.change(Instant::now(), held_back > 0 || is_going_on(reading.as_ref()));
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
            let is_big = messages.iter().map(Vec::len).sum::<usize>() >= BIG;
            if is_big && !self.is_wanted(pace.due(), &mut reading).await {
                held_back += 1;
                self.changed.notify_one();
                continue;
            }
            held_back = 0;
            told = now;
            pace.tell(Instant::now());
            for message in messages {
                self.outlet.send(message).await;
            }
            if is_big && self.answers {
                reading = Some(self.wait_for_reader());
            }
        }
    }

    /// Waits until big findings are due and the editor has read the last ones. They are not wanted any more where the texts change before that.
    async fn is_wanted(&mut self, due: Option<Instant>, reading: &mut Option<JoinHandle<bool>>) -> bool {
        let changed = Arc::clone(&self.changed);
        let until_wanted = async {
            if let Some(until_read) = reading {
                self.answers = until_read.await.unwrap_or_default();
                *reading = None;
            }
            if let Some(due) = due {
                sleep_until(due).await;
            }
        };
        tokio::select! {
            biased;
            () = until_wanted => true,
            () = changed.notified() => false,
        }
    }

    /// Done when the editor has read what was sent before, as it answers a question that comes after it. Whether it does.
    fn wait_for_reader(&self) -> JoinHandle<bool> {
        let client = self.client.clone();
        tokio::spawn(async move { timeout(READING_LIMIT, client.configuration(Vec::new())).await.is_ok() })
    }
}

fn is_going_on(reading: Option<&JoinHandle<bool>>) -> bool {
    reading.is_some_and(|reading| !reading.is_finished())
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
