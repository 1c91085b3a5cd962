//! A job on a server, from the side of who wants it: submitted, followed to its end through broken connections, cancelled, and its files brought home.

use std::io;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::thread;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ez_runner::plan::outputs;
use serde_json::Value;
use tokio::sync::mpsc;

use crate::job::{JobId, JobState, STEP_OUTPUT};
use crate::sync::bring_home::{BringHomeError, bring_home};
use crate::sync::content_store::ContentStore;
use crate::sync::course::Patience;
use crate::sync::digest::Digest;
use crate::sync::hash_cache::HashCache;
use crate::sync::manifest::{Manifest, ManifestError};
use crate::sync::patterns::{BadPattern, Patterns};
use crate::sync::scan::{ScanError, scan_matching};
use crate::sync::transfer::{ContentClient, TransferError, Transferred};
use crate::sync::tree_path::TreePath;

/// For how long a job is asked for again where the server does not answer.
const SUBMIT_LIMIT: Duration = Duration::from_secs(10);

/// How long a key of a request is, before it is written in hexadecimal digits.
const KEY_BYTES: usize = 16;

/// The first pause of what is done again.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// After how long it is told that a job waits, and how often it is looked why.
const WAITING_LOOK: Duration = Duration::from_secs(1);

/// How much of a log waits for who shows it.
const EVENTS_AHEAD: usize = 256;

/// The longest line of a stream of events.
const MAX_LINE_BYTES: u64 = 16 << 20;

/// Something that is told of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// A piece of its output.
    Output {
        /// Whether it was written to standard error.
        is_error: bool,
        /// What.
        bytes: Vec<u8>,
    },
    /// It waits, and for what, where the server says so.
    Waiting(Option<String>),
    /// The name of the node that has it.
    Node(String),
    /// What its node says of it.
    Note(String),
    /// The connection broke; it is made again.
    Broken(String),
}

/// How a job ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteEnding {
    /// Its state.
    pub state: JobState,
    /// The exit code of its process.
    pub exit_code: Option<i32>,
    /// Why, where the exit code does not tell.
    pub reason: Option<String>,
    /// The list of the files that it made.
    pub made: Option<Digest>,
}

/// What came of asking for a job.
#[derive(Clone, Debug)]
pub enum Submitted {
    /// It runs, or will.
    Accepted(RemoteJob),
    /// The key belongs to this job, of another request.
    KeyOfAnother(RemoteJob),
}

enum Happening {
    Told(Told),
    Ended(Result<RemoteEnding, TransferError>),
}

/// A job on a server.
#[derive(Clone, Debug)]
pub struct RemoteJob {
    client: ContentClient,
    /// Its number.
    pub id: JobId,
}

/// Why the files of a job do not come home.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// They cannot be fetched.
    #[error("the outputs cannot be fetched: {0}")]
    Transfer(#[from] TransferError),
    /// They are refused.
    #[error("the outputs are not taken: {0}")]
    Refused(#[from] BringHomeError),
    /// The tree cannot be read.
    #[error(transparent)]
    Scan(#[from] ScanError),
    /// A pattern is wrong.
    #[error(transparent)]
    Pattern(#[from] BadPattern),
    /// The list of files cannot be.
    #[error("the outputs are not taken: {0}")]
    Manifest(#[from] ManifestError),
    /// The disk fails.
    #[error("the outputs cannot be kept: {0}")]
    Io(#[from] io::Error),
}

/// Files that came home.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Home {
    /// How many there are.
    pub files: usize,
    /// How many of them were other ones before.
    pub changed: usize,
    /// What was fetched for that.
    pub fetched: Transferred,
    /// The patterns of which none of them is.
    pub unmatched: Vec<String>,
}

impl RemoteJob {
    /// Has a job run whose files the server has. `request` is the body of `POST /jobs`; it is sent again where its answer is lost, and the same key is the same job.
    ///
    /// # Errors
    /// The server says no, or nothing: then the job may be there or not, and a further request with this key tells.
    pub fn submit(client: &ContentClient, mut request: Value, key: &str) -> Result<Submitted, TransferError> {
        request["idempotency_key"] = key.into();
        let job = |id: &Value| Self { client: client.clone(), id: id.as_i64().unwrap_or_default() };
        let mut outage = Patience { limit: SUBMIT_LIMIT, ..Patience::default() }.outage();
        loop {
            match client.ask("/jobs", &request) {
                Ok(answer) => return Ok(Submitted::Accepted(job(&answer["job"]))),
                Err(TransferError::Refused { status: 409, details, .. }) if details["job"].is_i64() => {
                    return Ok(Submitted::KeyOfAnother(job(&details["job"])));
                }
                Err(error) => match outage.next_pause().filter(|_| error.is_outage()) {
                    Some(pause) => thread::sleep(pause),
                    None => return Err(error),
                },
            }
        }
    }

    /// The same with a key of its own, for who asks once.
    ///
    /// # Errors
    /// The server says no, or nothing.
    pub fn submit_new(client: &ContentClient, request: &Value) -> Result<Self, TransferError> {
        loop {
            if let Submitted::Accepted(job) = Self::submit(client, request.clone(), &Self::new_key()?)? {
                return Ok(job);
            }
        }
    }

    /// A key for [`Self::submit`] that nobody has used.
    ///
    /// # Errors
    /// The machine has no chance.
    pub fn new_key() -> io::Result<String> {
        let mut chance = [0; KEY_BYTES];
        getrandom::fill(&mut chance).map_err(io::Error::other)?;
        Ok(chance.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}")))
    }

    /// The job of a number, where it is the one of this task and these files, and has not ended.
    ///
    /// # Errors
    /// The server says no, or nothing.
    pub fn unfinished(
        client: &ContentClient,
        id: JobId,
        task: &str,
        inputs: &str,
    ) -> Result<Option<Self>, TransferError> {
        let job = Self { client: client.clone(), id };
        let record = match job.record() {
            Err(TransferError::Refused { status: 404, .. }) => return Ok(None),
            record => record?,
        };
        let is_it = record["name"] == task && record["inputs"] == inputs;
        let has_ended = record["state"].as_str().and_then(JobState::of_name).is_some_and(JobState::is_final);
        Ok((is_it && !has_ended).then_some(job))
    }

    /// Wants its end. A job that has ended by itself meanwhile is as good.
    ///
    /// # Errors
    /// The server says no, or nothing.
    pub fn cancel(&self) -> Result<(), TransferError> {
        match self.client.ask(&format!("/jobs/{}/cancel", self.id), &Value::Null) {
            Ok(_) | Err(TransferError::Refused { status: 409, .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Follows it to its end. `tell` is told what it writes. When `cancelled` ends, it is cancelled, and followed to its end nevertheless.
    ///
    /// # Errors
    /// The server forgot it, or is away for too long.
    pub async fn follow(
        &self,
        cancelled: impl Future<Output = ()>,
        mut tell: impl FnMut(Told),
    ) -> Result<RemoteEnding, TransferError> {
        let (happenings, mut happened) = mpsc::channel(EVENTS_AHEAD);
        let (job, told) = (self.clone(), happenings.clone());
        let follower = Follower { job: self.clone(), happenings, attempt: 0, last_id: "0".to_owned() };
        // Threads of their own: nobody waits for them when the process ends.
        thread::Builder::new().name("follow".into()).spawn(move || follower.run())?;
        thread::Builder::new().name("wait".into()).spawn(move || job.watch_waiting(&told))?;
        tokio::pin!(cancelled);
        let mut is_cancelled = false;
        let mut known_node = String::new();
        loop {
            tokio::select! {
                happening = happened.recv() => match happening {
                    Some(Happening::Told(Told::Node(name))) if name == known_node => {}
                    Some(Happening::Told(told)) => {
                        if let Told::Node(name) = &told {
                            known_node.clone_from(name);
                        }
                        tell(told);
                    }
                    Some(Happening::Ended(ending)) => return ending,
                    None => return Err(io::Error::other("the job is not followed any more").into()),
                },
                () = &mut cancelled, if !is_cancelled => {
                    is_cancelled = true;
                    let job = self.clone();
                    thread::Builder::new().name("cancel".into()).spawn(move || job.cancel_patiently())?;
                }
            }
        }
    }

    fn cancel_patiently(&self) {
        let mut outage = Patience::default().outage();
        while self.cancel().is_err_and(|error| error.is_outage())
            && let Some(pause) = outage.next_pause()
        {
            thread::sleep(pause);
        }
    }

    /// Looks for the first node of the job, and tells what it waits for meanwhile.
    fn watch_waiting(&self, happenings: &mpsc::Sender<Happening>) {
        let mut told = None;
        while !happenings.is_closed() {
            thread::sleep(WAITING_LOOK);
            // An outage is the matter of who reads the log.
            let Ok(record) = self.record() else { continue };
            if record["state"] != JobState::Pending.name() {
                if let Some(node) = self.node(&record) {
                    let _ = happenings.blocking_send(Happening::Told(Told::Node(node)));
                }
                return;
            }
            let why = record["waits_for"].as_str().map(str::to_owned);
            if told.as_ref() != Some(&why) {
                told = Some(why.clone());
                let _ = happenings.blocking_send(Happening::Told(Told::Waiting(why)));
            }
        }
    }

    /// The name of the node of the last attempt.
    fn node(&self, record: &Value) -> Option<String> {
        let node = record["on_node"].as_i64()?;
        let known = self.client.get(&format!("/nodes/{node}")).ok();
        // One that is forgotten has only its number left.
        Some(known.and_then(|known| known["name"].as_str().map(str::to_owned)).unwrap_or(node.to_string()))
    }

    fn record(&self) -> Result<Value, TransferError> {
        self.client.get(&format!("/jobs/{}", self.id))
    }

    /// The same, asked for through another client.
    #[must_use]
    pub fn through(&self, client: &ContentClient) -> Self {
        Self { client: client.clone(), id: self.id }
    }

    /// Brings files that it made into a directory. `prefix` is the directory of the job's tree that this directory stands for; `scratch` is an empty one
    /// on the same file system. Files that are the same already are neither fetched nor written.
    ///
    /// # Errors
    /// They cannot be fetched, or are refused; then nothing was changed.
    pub fn bring_home(
        &self,
        made: &Digest,
        outputs: &[String],
        prefix: Option<&TreePath>,
        root: &Path,
        scratch: &Path,
        cache: &mut HashCache,
    ) -> Result<Home, OutputError> {
        self.bring(made, &Patterns::new(outputs)?, prefix, root, scratch, cache)
    }

    /// Writes the values that it made for later steps of its plan to a file. Without any there is no file.
    ///
    /// # Errors
    /// They cannot be fetched, or written.
    pub fn bring_step_output(&self, made: &Digest, to: &Path, scratch: &Path) -> Result<(), OutputError> {
        let store = ContentStore::open(scratch.join("content"))?;
        let (manifest, _) = self.client.fetch_manifest(made, &store)?;
        let (values, _) = split_step_output(&manifest)?;
        self.client.fetch_contents(&values, &store)?;
        for (_, file) in values.files() {
            std::fs::write(to, store.read_all(&file.digest, outputs::MAX_SIZE)?)?;
        }
        Ok(())
    }

    fn bring(
        &self,
        made: &Digest,
        patterns: &Patterns,
        prefix: Option<&TreePath>,
        root: &Path,
        scratch: &Path,
        cache: &mut HashCache,
    ) -> Result<Home, OutputError> {
        let store = ContentStore::open(scratch.join("content"))?;
        let (manifest, mut fetched) = self.client.fetch_manifest(made, &store)?;
        let (_, manifest) = split_step_output(&manifest)?;
        let asked = manifest.entries().keys().find(|path| !patterns.is_match(path.as_str()));
        if let Some(path) = asked {
            return Err(BringHomeError::NotAsked(path.clone()).into());
        }
        let unmatched = patterns.without_match(&manifest.entries().keys());
        let unmatched = unmatched.into_iter().map(str::to_owned).collect();
        let manifest = match prefix {
            Some(prefix) => manifest.below(prefix)?,
            None => manifest,
        };
        let files = manifest.entries().len();
        let same = if prefix.is_none() {
            scan_matching(root, patterns, cache)?.manifest
        } else {
            Manifest::default()
        };
        let changed = manifest.without(&same)?;
        let more = self.client.fetch_contents(&changed, &store)?;
        fetched.contents += more.contents;
        fetched.bytes += more.bytes;
        bring_home(&changed, &store, root, &scratch.join("staging"), self.client.course(), |_| true)?;
        Ok(Home { files, changed: changed.entries().len(), fetched, unmatched })
    }
}

/// The values for later steps among what a job made, and the rest.
fn split_step_output(made: &Manifest) -> Result<(Manifest, Manifest), ManifestError> {
    let entries = made.entries().iter().map(|(path, entry)| (path.clone(), entry.clone()));
    let (values, rest) = entries.partition(|(path, _)| path.as_str() == STEP_OUTPUT);
    Ok((Manifest::new(values)?, Manifest::new(rest)?))
}

/// Reads the log of a job through all its attempts, on a thread of its own.
struct Follower {
    job: RemoteJob,
    happenings: mpsc::Sender<Happening>,
    /// Which attempt is read; 0 before the first is known.
    attempt: i64,
    last_id: String,
}

/// Why a stream of events came to its end.
enum StreamEnd {
    /// The attempt has ended, or the job.
    Ended,
    /// The connection broke.
    Broken(String),
    /// Nobody listens any more.
    Unheard,
}

impl Follower {
    fn run(mut self) {
        let mut outage = Patience::default().outage();
        loop {
            match self.step() {
                Ok(Some(ending)) => {
                    let _ = self.happenings.blocking_send(Happening::Ended(Ok(ending)));
                    return;
                }
                Ok(None) => outage.end(),
                Err(error) => {
                    let pause = outage.next_pause().filter(|_| error.is_outage());
                    let Some(pause) = pause else {
                        let _ = self.happenings.blocking_send(Happening::Ended(Err(error)));
                        return;
                    };
                    thread::sleep(pause);
                }
            }
            if self.happenings.is_closed() {
                return;
            }
        }
    }

    /// Reads until a stream ends. How the job ended, where it did.
    fn step(&mut self) -> Result<Option<RemoteEnding>, TransferError> {
        let record = self.job.record()?;
        let last = record["attempt"].as_i64().unwrap_or(0);
        let state = record["state"].as_str().and_then(JobState::of_name);
        if let Some(node) = self.job.node(&record).filter(|_| state != Some(JobState::Pending)) {
            let _ = self.happenings.blocking_send(Happening::Told(Told::Node(node)));
        }
        if self.attempt > last
            && let Some(state) = state.filter(|state| state.is_final())
        {
            return Ok(Some(ending(state, &record)));
        }
        if self.attempt > last {
            // It waits for another attempt.
            thread::sleep(FIRST_PAUSE);
            return Ok(None);
        }
        let fence = if last == 0 { 0 } else { self.attempt.max(1) };
        let path = format!("/jobs/{}/logs?attempt={fence}", self.job.id);
        match self.read(&path)? {
            StreamEnd::Ended => {
                self.attempt = fence.max(1) + 1;
                "0".clone_into(&mut self.last_id);
                Ok(None)
            }
            StreamEnd::Broken(why) => {
                self.attempt = fence.max(1);
                let _ = self.happenings.blocking_send(Happening::Told(Told::Broken(why)));
                thread::sleep(FIRST_PAUSE);
                Ok(None)
            }
            StreamEnd::Unheard => Ok(None),
        }
    }

    fn read(&mut self, path: &str) -> Result<StreamEnd, TransferError> {
        let response = self.job.client.open_stream(path, &[("Last-Event-ID", &self.last_id)])?;
        let reader = response.into_body().into_with_config().limit(u64::MAX).reader();
        let mut lines = BufReader::new(reader);
        let (mut kind, mut id, mut line) = (String::new(), String::new(), String::new());
        loop {
            line.clear();
            let read = io::Read::take(&mut lines, MAX_LINE_BYTES).read_line(&mut line);
            match read {
                Ok(0) => return Ok(StreamEnd::Broken("the connection ended".into())),
                Ok(_) => {}
                Err(error) => return Ok(StreamEnd::Broken(error.to_string())),
            }
            let (name, value) = line.trim_end_matches(['\n', '\r']).split_once(": ").unwrap_or_default();
            match name {
                "event" => value.clone_into(&mut kind),
                "id" => value.clone_into(&mut id),
                "data" if kind == "end" => return Ok(StreamEnd::Ended),
                "data" if kind == "log" => {
                    let Ok(data) = serde_json::from_str::<Value>(value) else { continue };
                    if self.happenings.blocking_send(Happening::Told(told(&data))).is_err() {
                        return Ok(StreamEnd::Unheard);
                    }
                    self.last_id.clone_from(&id);
                }
                _ => {}
            }
        }
    }
}

fn told(data: &Value) -> Told {
    let text = data["text"].as_str().unwrap_or_default().to_owned();
    let stream = data["stream"].as_str().unwrap_or_default();
    if !matches!(stream, "stdout" | "stderr") {
        return Told::Note(text);
    }
    let raw = data["base64"].as_str().and_then(|raw| BASE64_STANDARD.decode(raw).ok());
    Told::Output { is_error: stream == "stderr", bytes: raw.unwrap_or_else(|| text.into_bytes()) }
}

fn ending(state: JobState, record: &Value) -> RemoteEnding {
    RemoteEnding {
        state,
        exit_code: record["exit_code"].as_i64().and_then(|code| i32::try_from(code).ok()),
        reason: record["reason"].as_str().map(str::to_owned),
        made: record["made"].as_str().and_then(|digest| digest.parse().ok()),
    }
}
