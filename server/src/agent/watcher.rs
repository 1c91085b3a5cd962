//! A process that watches over attempts, one after the other: it starts the job, writes its log, ends it in time, and says how it ended.
//!
//! It is a process of its own so that a job goes on when the agent is killed or replaced. Between them are files, a pipe by which the agent names attempts, and
//! one by which the watcher tells an agent that is there that the log grew. A watcher ends when its agent is gone and the attempt in hand is over.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal as TokioSignal, SignalKind, signal};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use super::attempt_directory::{AttemptDirectory, Order};
use super::attempt_log::{AttemptLog, Output};
use super::bell::Bell;
use super::children;
use super::job_files::{Collected, JobFilesError};
use super::running_job::{Exit, RunTask, RunningJob, end_leftovers, silence};
use crate::clock::now_ms;
use crate::job::{Ending, JobState};
use crate::log_frame::Stream;
use crate::secrets::Secrets;

/// The first argument of a process that watches; the second is the directory of all attempts, for who looks at processes.
pub const ARGUMENT: &str = "__watch";

/// How many attempts a watcher takes: what little each leaves in memory must not add up.
const MAX_ATTEMPTS: u32 = 200;

/// With how much memory a watcher takes no further attempt, in bytes.
const MAX_RESIDENT_BYTES: u64 = 96 << 20;

/// How often it is looked whether the events of a plan's run grew.
const EVENTS_LOOK: Duration = Duration::from_millis(20);

/// How long the output of a job that ended is waited for, where something outside of it holds its pipes.
const DRAIN_LIMIT: Duration = Duration::from_secs(1);

/// What an agent says to a watcher: a line of JSON for each attempt.
#[derive(Debug, Serialize, Deserialize)]
pub struct Assignment {
    /// The directory of the attempt.
    pub directory: PathBuf,
    /// Its secret variables, which stand in no file.
    pub secrets: Secrets,
}

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

/// Runs attempts to their ends, as the agent behind the standard streams names them.
///
/// # Errors
/// One cannot even be begun, or its end cannot be written down.
pub fn watch(run_task: RunTask) -> Result<(), WatchError> {
    // A signal to the agent's session, as from its terminal, is none to the job. Fails where the watcher leads a group already, which does as well.
    let _ = rustix::process::setsid();
    children::adopt_orphans();
    let (mut assignments, bell) = take_streams()?;
    let watcher = Watcher {
        runtime: tokio::runtime::Builder::new_current_thread().enable_all().build()?,
        bell,
        run_task,
    };
    let mut line = String::new();
    for left in (0..MAX_ATTEMPTS).rev() {
        line.clear();
        if assignments.read_line(&mut line)? == 0 {
            break;
        }
        // A line that is cut off is that of an agent that was killed.
        let Ok(assignment) = serde_json::from_str::<Assignment>(&line) else { break };
        let is_fit = watcher.watch_one(&assignment)?;
        let takes_another = is_fit && left > 0 && resident_bytes() <= MAX_RESIDENT_BYTES;
        if !takes_another || !watcher.bell.is_told_ready() {
            break;
        }
    }
    // Work on files that was cancelled is not waited for.
    watcher.runtime.shutdown_background();
    Ok(())
}

/// Takes the pipes from and to the agent away from the standard streams, which are the jobs'.
fn take_streams() -> io::Result<(BufReader<File>, Bell)> {
    let assignments = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let bell = Bell::new(io::stdout().as_fd().try_clone_to_owned()?);
    rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
    silence()?;
    Ok((BufReader::new(assignments), bell))
}

/// How much memory this process has, in bytes; 0 where the system does not tell.
fn resident_bytes() -> u64 {
    let told = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = told.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or_default();
    pages * rustix::param::page_size() as u64
}

/// Why a job was ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    Cancelled,
    Timeout,
}

struct Watcher {
    runtime: Runtime,
    bell: Bell,
    run_task: RunTask,
}

/// An attempt in hand.
struct Watched<'a> {
    order: &'a Order,
    directory: &'a AttemptDirectory,
    /// Held as long as it is watched.
    lock: &'a File,
    secrets: &'a Secrets,
}

impl Watcher {
    /// Runs the attempt of a directory to its end. Whether this process is fit for another.
    fn watch_one(&self, assignment: &Assignment) -> Result<bool, WatchError> {
        let path = std::path::absolute(&assignment.directory)?;
        let directory = AttemptDirectory::at(&path);
        let shown = || path.display().to_string();
        let order = directory.order().ok_or_else(|| WatchError::NoOrder(shown()))?;
        let lock = directory.lock()?.ok_or_else(|| WatchError::Watched(shown()))?;
        if directory.ending().is_some() {
            return Err(WatchError::Ended(shown()));
        }
        let watched =
            Watched { order: &order, directory: &directory, lock: &lock, secrets: &assignment.secrets };
        let mut is_fit = true;
        let ending = self.runtime.block_on(self.supervise(&watched, &mut is_fit))?;
        if let Some(files) = &order.files {
            files.remove(&path);
        }
        directory.end(&ending)?;
        Ok(is_fit)
    }

    async fn supervise(&self, watched: &Watched<'_>, is_fit: &mut bool) -> io::Result<Ending> {
        let Watched { order, directory, lock, secrets } = watched;
        let mut log = AttemptLog::open(directory, order.max_log_bytes, &self.bell)?;
        let started = order.begun;
        let mut told_to_end = signal(SignalKind::terminate())?;
        // Who wants the end after this knows whom to tell.
        AttemptDirectory::name_watcher(lock, rustix::process::getpid())?;
        if directory.is_cancelled() {
            return Ok(without_process(
                JobState::Cancelled,
                Some("cancelled before it began".into()),
                started,
            ));
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
        let (mut job, [out, err]) = match RunningJob::start(order, &place, secrets, self.run_task) {
            Ok(started) => started,
            Err(error) => {
                *is_fit = false;
                let reason = if place.is_dir() {
                    format!("{} cannot be started: {error}", order.program.display())
                } else {
                    format!("the directory {} is not there on this node", place.display())
                };
                log.note(&reason)?;
                return Ok(without_process(JobState::Failed, Some(reason), started));
            }
        };
        let mut out = Output::new(out, Stream::Out, secrets);
        let mut err = Output::new(err, Stream::Err, secrets);
        let mut reason = None;
        let mut is_killed = false;
        let mut look = interval(EVENTS_LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut events = 0;
        let exit = loop {
            tokio::select! {
                biased;
                _ = told_to_end.recv(), if reason.is_none() => {
                    reason = Some(Reason::Cancelled);
                    job.ask_to_end();
                    deadline = Some(Instant::now() + Duration::from_millis(order.grace));
                }
                () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => {
                    if reason.is_none() {
                        reason = Some(Reason::Timeout);
                        job.ask_to_end();
                        deadline = Some(Instant::now() + Duration::from_millis(order.grace));
                    } else if is_killed {
                        break Exit { spoils_process: true, ..Exit::default() };
                    } else {
                        is_killed = true;
                        deadline = job.kill();
                    }
                }
                // What is told about a command comes before what the command tells.
                read = err.read(), if err.is_open() => log.write(&mut err, &read)?,
                read = out.read(), if out.is_open() => log.write(&mut out, &read)?,
                exit = job.wait() => break exit?,
                _ = look.tick(), if order.has_events => {
                    let length = directory.events().metadata().map_or(0, |metadata| metadata.len());
                    if length != events {
                        events = length;
                        self.bell.log_grew();
                    }
                }
            }
        };
        *is_fit = reason.is_none() && !exit.spoils_process;
        job.release()?;
        end_leftovers().await;
        let until = Instant::now() + DRAIN_LIMIT;
        while out.is_open() || err.is_open() {
            tokio::select! {
                biased;
                read = err.read(), if err.is_open() => log.write(&mut err, &read)?,
                read = out.read(), if out.is_open() => log.write(&mut out, &read)?,
                () = sleep_until(until) => break,
            }
        }
        log.write_rest(&mut out)?;
        log.write_rest(&mut err)?;
        log.write_end()?;
        let mut ending = ending(exit, reason, order.timeout, started);
        if let Some(files) = order.files.clone().filter(|_| reason.is_none()) {
            let attempt = directory.path().to_owned();
            let has_failed = ending.state != JobState::Success;
            match unless_ended(&mut told_to_end, deadline, move || files.collect(&attempt, has_failed)).await
            {
                Ok(None) => {}
                // It has failed anyway, and for another reason.
                Err(Over::Failed(error)) if has_failed => log.note(&format!("its files: {error}"))?,
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
    fn ending(self, log: &mut AttemptLog, timeout: u64, started: i64) -> io::Result<Ending> {
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

fn ending(exit: Exit, reason: Option<Reason>, timeout: u64, started: i64) -> Ending {
    let (state, reason) = match reason {
        Some(Reason::Cancelled) => (JobState::Cancelled, None),
        Some(Reason::Timeout) => (JobState::Failed, Some(too_long(timeout))),
        None if exit.code == Some(0) => (JobState::Success, None),
        None => (JobState::Failed, exit.signal.map(|signal| format!("ended by signal {signal}"))),
    };
    Ending { state, exit_code: exit.code, reason, started, finished: now_ms(), outputs: None }
}

fn too_long(timeout: u64) -> String {
    format!("it took longer than its timeout of {timeout} s")
}
