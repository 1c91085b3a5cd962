//! The process that watches over one attempt: it starts the job, writes its log, ends it in time, and says how it ended.
//!
//! It is a process of its own so that a job goes on when the agent is killed or replaced. Between them are only files, and a pipe by which the watcher tells an
//! agent that is there that the log grew.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use ez_runner::mask::Masker;
use rustix::process::{Pid, Signal, WaitOptions, kill_process, kill_process_group};
use smol_str::SmolStr;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::signal::unix::{Signal as TokioSignal, SignalKind, signal};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use super::attempt_directory::{AttemptDirectory, Order};
use super::job_files::{Collected, JobFiles, JobFilesError};
use super::leftovers::MARK;
use crate::clock::now_ms;
use crate::job::{Ending, JobState};
use crate::log_frame::{HEADER_BYTES, MAX_FRAME_BYTES, Stream, header};
use crate::secrets::Secrets;

/// The first argument of a process that watches.
pub const ARGUMENT: &str = "__watch";

/// What server and agent know by their environment, and no job may.
pub const SECRETS: [&str; 3] = ["EZ_SERVER_TOKEN", "EZ_CLIENT_TOKEN", "EZ_SECRET_KEY"];

/// The shortest line of a secret of several lines that is masked by itself, in bytes: shorter ones would mask half of every log.
const MIN_MASKED_LINE: usize = 4;

/// How long processes that a job left have to end by themselves.
const LEFTOVER_GRACE: Duration = Duration::from_millis(500);

/// How often it is looked whether the events of a plan's run grew.
const EVENTS_LOOK: Duration = Duration::from_millis(20);

/// How long the output of a job that ended is waited for, where something outside of it holds its pipes.
const DRAIN_LIMIT: Duration = Duration::from_secs(1);

/// Why an attempt cannot be watched.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// There is no order.
    #[error("{0} has no order that can be read")]
    NoOrder(String),
    /// Another watcher is there.
    #[error("{0} is watched already")]
    Watched(String),
    /// The attempt was given up before this watcher came.
    #[error("{0} has ended")]
    Ended(String),
    /// The system refuses.
    #[error("an attempt cannot be watched: {0}")]
    Io(#[from] io::Error),
}

/// Runs the attempt of a directory to its end.
///
/// # Errors
/// It cannot even be begun, or its end cannot be written down.
pub fn watch(path: &Path) -> Result<(), WatchError> {
    let directory = AttemptDirectory::at(path);
    let shown = || path.display().to_string();
    let order = directory.order().ok_or_else(|| WatchError::NoOrder(shown()))?;
    let lock = directory.lock()?.ok_or_else(|| WatchError::Watched(shown()))?;
    if directory.ending().is_some() {
        return Err(WatchError::Ended(shown()));
    }
    // A signal to the agent's session, as from its terminal, is none to the job. Fails where the watcher leads a group already, which does as well.
    let _ = rustix::process::setsid();
    adopt_orphans();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let ending = runtime.block_on(supervise(&order, &directory, &lock));
    // Work on files that was cancelled is not waited for.
    runtime.shutdown_background();
    let ending = ending?;
    if order.files.is_some() {
        JobFiles::remove(directory.path());
    }
    directory.end(&ending)?;
    Ok(())
}

/// Makes whatever the job leaves a child of this process.
fn adopt_orphans() {
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
}

/// Why a job was ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    Cancelled,
    Timeout,
}

async fn supervise(order: &Order, directory: &AttemptDirectory, lock: &File) -> io::Result<Ending> {
    let mut log = Log::open(directory, order.max_log_bytes)?;
    let started = order.begun;
    let Some(secrets) = read_secrets(order) else {
        let reason = Some("its secrets did not arrive".to_owned());
        return Ok(without_process(JobState::Failed, reason, started));
    };
    let mut told_to_end = signal(SignalKind::terminate())?;
    // Who wants the end after this knows whom to tell.
    AttemptDirectory::name_watcher(lock, rustix::process::getpid())?;
    if directory.is_cancelled() {
        return Ok(without_process(JobState::Cancelled, Some("cancelled before it began".into()), started));
    }
    let mut deadline = (order.timeout > 0).then(|| Instant::now() + Duration::from_secs(order.timeout));
    let mut place = order.directory.clone();
    if let Some(files) = order.files.clone() {
        let attempt = directory.path().to_owned();
        let prepared = unless_ended(&mut told_to_end, deadline, move || files.prepare(&attempt)).await;
        match prepared {
            Ok((directory, told)) => {
                place = directory;
                log.note(&told)?;
            }
            Err(over) => return over.ending(&mut log, order.timeout, started),
        }
    }
    let mut child = match start(order, &place, &secrets) {
        Ok(child) => child,
        Err(error) => {
            let reason = format!("{} cannot be started: {error}", order.program.display());
            log.note(&reason)?;
            return Ok(without_process(JobState::Failed, Some(reason), started));
        }
    };
    let group = child.id().and_then(|pid| Pid::from_raw(pid as i32));
    let mut out = Output::new(child.stdout.take(), Stream::Out, &secrets);
    let mut err = Output::new(child.stderr.take(), Stream::Err, &secrets);
    let mut reason = None;
    let mut look = interval(EVENTS_LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut events = 0;
    let status = loop {
        tokio::select! {
            biased;
            _ = told_to_end.recv(), if reason.is_none() => {
                reason = Some(Reason::Cancelled);
                deadline = Some(end_group(group, order.grace));
            }
            () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => {
                deadline = if reason.is_none() {
                    reason = Some(Reason::Timeout);
                    Some(end_group(group, order.grace))
                } else {
                    signal_group(group, Signal::KILL);
                    None
                };
            }
            // What is told about a command comes before what the command tells.
            read = err.read(), if err.is_open() => log.write(&mut err, &read)?,
            read = out.read(), if out.is_open() => log.write(&mut out, &read)?,
            status = child.wait() => break status?,
            _ = look.tick(), if order.has_events => {
                let length = directory.events().metadata().map_or(0, |metadata| metadata.len());
                if length != events {
                    events = length;
                    log.bell.ring();
                }
            }
        }
    };
    end_leftovers().await;
    let until = Instant::now() + DRAIN_LIMIT;
    while out.is_open() || err.is_open() {
        tokio::select! {
            () = sleep_until(until) => break,
            read = out.read(), if out.is_open() => log.write(&mut out, &read)?,
            read = err.read(), if err.is_open() => log.write(&mut err, &read)?,
        }
    }
    log.write_rest(&mut out)?;
    log.write_rest(&mut err)?;
    let mut ending = ending(status, reason, order.timeout, started);
    if let Some(files) = order.files.clone().filter(|_| ending.state == JobState::Success) {
        let attempt = directory.path().to_owned();
        match unless_ended(&mut told_to_end, deadline, move || files.collect(&attempt)).await {
            Ok(None) => {}
            Ok(Some(Collected { tree, notes })) => {
                notes.iter().try_for_each(|note| log.note(note))?;
                ending.outputs = Some(tree);
            }
            Err(over) => return over.ending(&mut log, order.timeout, started),
        }
    }
    if let Some(reason) = &ending.reason {
        log.note(reason)?;
    }
    Ok(ending)
}

/// How an attempt ends of which no process tells.
fn without_process(state: JobState, reason: Option<String>, started: i64) -> Ending {
    Ending { state, exit_code: None, reason, started, finished: now_ms(), outputs: None }
}

/// Why work on the files of an attempt came to no end.
enum Over {
    Told(Reason),
    Failed(JobFilesError),
}

impl Over {
    fn ending(self, log: &mut Log, timeout: u64, started: i64) -> io::Result<Ending> {
        let (state, reason) = match self {
            Self::Told(Reason::Cancelled) => (JobState::Cancelled, None),
            Self::Told(Reason::Timeout) => (JobState::Failed, Some(too_long(timeout))),
            Self::Failed(error) => (JobState::Failed, Some(format!("its files: {error}"))),
        };
        if let Some(reason) = &reason {
            log.note(reason)?;
        }
        Ok(without_process(state, reason, started))
    }
}

/// Works on files, unless the attempt is told to end or its time is over.
async fn unless_ended<T: Send + 'static>(
    told_to_end: &mut TokioSignal,
    deadline: Option<Instant>,
    work: impl FnOnce() -> Result<T, JobFilesError> + Send + 'static,
) -> Result<T, Over> {
    tokio::select! {
        done = tokio::task::spawn_blocking(work) => match done {
            Ok(done) => done.map_err(Over::Failed),
            Err(error) => Err(Over::Failed(io::Error::other(error).into())),
        },
        _ = told_to_end.recv() => Err(Over::Told(Reason::Cancelled)),
        () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => Err(Over::Told(Reason::Timeout)),
    }
}

/// The secret variables that the agent writes to the standard input; `None` where it was killed meanwhile.
fn read_secrets(order: &Order) -> Option<Secrets> {
    if !order.has_secrets {
        return Some(Secrets::default());
    }
    serde_json::from_reader(io::stdin().lock()).ok()
}

/// What is masked of secrets: each of them, and each line of those that have several.
fn masked_texts(secrets: &Secrets) -> Vec<SmolStr> {
    let lines = |value: &String| {
        let lines = value.lines().filter(|line| line.len() >= MIN_MASKED_LINE);
        lines.map(SmolStr::from).collect::<Vec<_>>()
    };
    let whole = secrets.0.values().map(SmolStr::from);
    whole.chain(secrets.0.values().filter(|value| value.trim_end().contains('\n')).flat_map(lines)).collect()
}

fn start(order: &Order, directory: &Path, secrets: &Secrets) -> io::Result<Child> {
    let mut command = Command::new(&order.program);
    for secret in SECRETS {
        command.env_remove(secret);
    }
    command
        .args(&order.args)
        .current_dir(directory)
        .envs(order.environment.iter().map(|(name, value)| (name, value)))
        .envs(&secrets.0)
        // Nobody else's: by it the processes of the attempt are found.
        .env(MARK, &order.mark)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
}

/// Tells a job to end; by when it has to.
fn end_group(group: Option<Pid>, grace: u64) -> Instant {
    signal_group(group, Signal::TERM);
    Instant::now() + Duration::from_millis(grace)
}

fn signal_group(group: Option<Pid>, signal: Signal) {
    if let Some(group) = group {
        // It may have ended in between.
        let _ = kill_process_group(group, signal);
    }
}

fn ending(status: ExitStatus, reason: Option<Reason>, timeout: u64, started: i64) -> Ending {
    let (state, reason) = match reason {
        Some(Reason::Cancelled) => (JobState::Cancelled, None),
        Some(Reason::Timeout) => (JobState::Failed, Some(too_long(timeout))),
        None if status.success() => (JobState::Success, None),
        None => (JobState::Failed, status.signal().map(|signal| format!("ended by signal {signal}"))),
    };
    Ending { state, exit_code: status.code(), reason, started, finished: now_ms(), outputs: None }
}

fn too_long(timeout: u64) -> String {
    format!("it took longer than its timeout of {timeout} s")
}

/// Ends and reaps what the job left running: first by asking, then by force.
async fn end_leftovers() {
    let mut asked_until = None;
    loop {
        while matches!(rustix::process::wait(WaitOptions::NOHANG), Ok(Some(_))) {}
        let left = children();
        if left.is_empty() {
            return;
        }
        let until = *asked_until.get_or_insert_with(|| {
            for pid in &left {
                let _ = kill_process(*pid, Signal::TERM);
            }
            Instant::now() + LEFTOVER_GRACE
        });
        if Instant::now() >= until {
            for pid in &left {
                let _ = kill_process(*pid, Signal::KILL);
            }
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// The children of this process, where the system tells them.
fn children() -> Vec<Pid> {
    let own = rustix::process::getpid().as_raw_nonzero();
    let listed = std::fs::read_to_string(format!("/proc/self/task/{own}/children")).unwrap_or_default();
    listed.split_ascii_whitespace().filter_map(|pid| Pid::from_raw(pid.parse().ok()?)).collect()
}

/// A stream of the job.
struct Output<R> {
    pipe: Option<R>,
    stream: Stream,
    /// A frame: what is read stands behind the place for the header, so that both are written at once.
    buffer: Box<[u8]>,
    masker: Option<Masker>,
}

impl<R: AsyncRead + Unpin> Output<R> {
    fn new(pipe: Option<R>, stream: Stream, secrets: &Secrets) -> Self {
        let masker = (!secrets.is_empty()).then(|| {
            let mut masker = Masker::default();
            masker.hide(&masked_texts(secrets));
            masker
        });
        Self { pipe, stream, buffer: vec![0; HEADER_BYTES + MAX_FRAME_BYTES].into_boxed_slice(), masker }
    }

    fn is_open(&self) -> bool {
        self.pipe.is_some()
    }

    async fn read(&mut self) -> io::Result<usize> {
        match &mut self.pipe {
            Some(pipe) => pipe.read(self.buffer.get_mut(HEADER_BYTES..).unwrap_or_default()).await,
            None => Ok(0),
        }
    }
}

/// The log as it grows.
struct Log {
    file: File,
    left: u64,
    is_cut: bool,
    bell: Bell,
}

impl Log {
    fn open(directory: &AttemptDirectory, max_bytes: u64) -> io::Result<Self> {
        Ok(Self { file: directory.append_log()?, left: max_bytes, is_cut: false, bell: Bell::new() })
    }

    /// Keeps what was read from a stream; nothing ends the stream.
    fn write<R>(&mut self, output: &mut Output<R>, read: &io::Result<usize>) -> io::Result<()> {
        let length = match read {
            Ok(0) | Err(_) => {
                output.pipe = None;
                return Ok(());
            }
            Ok(length) => *length,
        };
        let Some(frame) = output.buffer.get_mut(..HEADER_BYTES + length) else { return Ok(()) };
        let Some(masker) = &mut output.masker else { return self.keep(output.stream, frame) };
        let masked = masker.push(frame.get(HEADER_BYTES..).unwrap_or_default());
        self.keep_masked(output.stream, &masked)
    }

    /// Keeps what was held back of a stream because it could have become a secret.
    fn write_rest<R>(&mut self, output: &mut Output<R>) -> io::Result<()> {
        let rest = output.masker.as_mut().map(Masker::rest).unwrap_or_default();
        self.keep_masked(output.stream, &rest)
    }

    /// Keeps what was masked, which may be longer than what was read.
    fn keep_masked(&mut self, stream: Stream, masked: &[u8]) -> io::Result<()> {
        let mut pieces = masked.chunks(MAX_FRAME_BYTES);
        pieces.try_for_each(|piece| self.keep(stream, &mut [&[0; HEADER_BYTES][..], piece].concat()))
    }

    /// Keeps a piece of a stream as a frame, for whose header there is room before it, as far as there is room for the piece.
    fn keep(&mut self, stream: Stream, frame: &mut [u8]) -> io::Result<()> {
        let length = frame.len().saturating_sub(HEADER_BYTES);
        let kept = usize::try_from(self.left).unwrap_or(usize::MAX).min(length);
        self.left -= kept as u64;
        if kept > 0
            && let Some(frame) = frame.get_mut(..HEADER_BYTES + kept)
        {
            if let Some(place) = frame.first_chunk_mut::<HEADER_BYTES>() {
                *place = header(stream, now_ms(), kept);
            }
            self.append(frame)?;
        }
        if kept < length && !self.is_cut {
            self.is_cut = true;
            self.note("the output is longer than what is kept of it; the rest is left out")?;
        }
        Ok(())
    }

    fn note(&mut self, text: &str) -> io::Result<()> {
        let text = format!("{text}\n");
        self.append(&[&header(Stream::Note, now_ms(), text.len())[..], text.as_bytes()].concat())
    }

    /// Writes a whole frame.
    fn append(&mut self, frame: &[u8]) -> io::Result<()> {
        self.file.write_all(frame)?;
        self.bell.ring();
        Ok(())
    }
}

/// Tells the agent, if one is there, that the log grew.
struct Bell {
    out: io::Stdout,
}

impl Bell {
    fn new() -> Self {
        let out = io::stdout();
        // An agent that does not listen must not hold the job up.
        if let Ok(flags) = rustix::fs::fcntl_getfl(&out) {
            let _ = rustix::fs::fcntl_setfl(&out, flags | rustix::fs::OFlags::NONBLOCK);
        }
        Self { out }
    }

    fn ring(&self) {
        // A full pipe rings already, and a closed one has nobody behind it.
        let _ = rustix::io::write(&self.out, b"\n");
    }
}
