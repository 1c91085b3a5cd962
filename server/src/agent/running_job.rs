//! A job while it runs: a process of its own, or a run of a task in the watcher itself.
//!
//! Most jobs are tasks that take a few milliseconds, and a process of `ez` for each takes as long again. What a task starts are processes in both cases; only
//! the run over them is spared its own.

use std::ffi::OsString;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use ez_runner::signal::Stop;
use ez_runner::standard_streams;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::net::unix::pipe::Receiver;
use tokio::process::{Child, Command};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::attempt_directory::Order;
use super::children;
use super::leftovers::MARK;
use crate::secrets::Secrets;

/// What server and agent know by their environment, and no job may.
pub const SECRETS: [&str; 3] = ["EZ_SERVER_TOKEN", "EZ_CLIENT_TOKEN", "EZ_SECRET_KEY"];

/// The stack of a thread that runs a task, in bytes: what the main thread of a process has.
const STACK_BYTES: usize = 8 << 20;

/// The exit code of a run that panicked, as Rust's processes have it.
const PANICKED: i32 = 101;

/// How long processes that a job left have to end by themselves.
const LEFTOVER_GRACE: Duration = Duration::from_millis(500);

/// How long a run in this process is waited for after all of its processes were killed.
const KILLED_WAIT: Duration = Duration::from_secs(1);

/// A run of `ez` that takes place in a watcher, with all that surrounds it.
#[derive(Clone, Debug)]
pub struct TaskRun {
    /// How the program is called.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<String>,
    /// Where it runs; also the working directory of this process meanwhile.
    pub directory: PathBuf,
    /// Variables, besides those of this process.
    pub environment: Vec<(OsString, OsString)>,
    /// Variables of this process that it must not have.
    pub withheld: &'static [&'static str],
    /// A request to end.
    pub stop: Stop,
}

/// Runs a task and answers with the exit code. What it prints goes to the standard streams of this process.
pub type RunTask = fn(&TaskRun) -> u8;

/// How a job ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exit {
    /// Its exit code.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// Whether it came to no end that could be waited for, or left this process in a state in which nothing else should run.
    pub spoils_process: bool,
}

impl From<ExitStatus> for Exit {
    fn from(status: ExitStatus) -> Self {
        Self { code: status.code(), signal: status.signal(), ..Self::default() }
    }
}

/// A job that runs.
pub enum RunningJob {
    /// A process that leads its group.
    Process {
        /// The process.
        child: Child,
        /// Its group.
        group: Option<Pid>,
    },
    /// A thread of this process.
    Thread {
        /// The exit code, when it comes.
        exit: oneshot::Receiver<u8>,
        /// Asks it to end.
        stop: Stop,
        /// Where this process was before.
        home: PathBuf,
    },
}

impl RunningJob {
    /// Starts the job of an order, and gives the pipes to which it writes: standard output, standard error.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(
        order: &Order,
        directory: &Path,
        secrets: &Secrets,
        run_task: RunTask,
    ) -> io::Result<(Self, [Receiver; 2])> {
        let (out, out_end) = io::pipe()?;
        let (err, err_end) = io::pipe()?;
        let readers =
            [Receiver::from_owned_fd(OwnedFd::from(out))?, Receiver::from_owned_fd(OwnedFd::from(err))?];
        let ends = [OwnedFd::from(out_end), OwnedFd::from(err_end)];
        let job = if order.is_task {
            Self::start_thread(order, directory, secrets, &ends, run_task)
        } else {
            Self::start_process(order, directory, secrets, ends)
        };
        Ok((job?, readers))
    }

    fn start_process(
        order: &Order,
        directory: &Path,
        secrets: &Secrets,
        [out, err]: [OwnedFd; 2],
    ) -> io::Result<Self> {
        let mut command = Command::new(&order.program);
        for secret in SECRETS {
            command.env_remove(secret);
        }
        let child = command
            .args(&order.args)
            .current_dir(directory)
            .envs(environment(order, secrets))
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            .process_group(0)
            .spawn()?;
        let group = child.id().and_then(|pid| Pid::from_raw(pid as i32));
        Ok(Self::Process { child, group })
    }

    fn start_thread(
        order: &Order,
        directory: &Path,
        secrets: &Secrets,
        [out, err]: &[OwnedFd; 2],
        run_task: RunTask,
    ) -> io::Result<Self> {
        let home = std::env::current_dir()?;
        let stop = Stop::new();
        let run = TaskRun {
            program: order.program.clone(),
            args: order.args.clone(),
            directory: directory.to_owned(),
            environment: environment(order, secrets).collect(),
            withheld: &SECRETS,
            stop: stop.clone(),
        };
        std::env::set_current_dir(directory)?;
        rustix::stdio::dup2_stdout(out)?;
        rustix::stdio::dup2_stderr(err)?;
        standard_streams::keep_order();
        let (tell, exit) = oneshot::channel();
        let thread = std::thread::Builder::new().name("ez-task".into()).stack_size(STACK_BYTES);
        thread.spawn(move || {
            let code = run_task(&run);
            // What has no end of line yet.
            let _ = io::stdout().flush();
            let _ = tell.send(code);
        })?;
        Ok(Self::Thread { exit, stop, home })
    }

    /// Waits for the end. Cancel-safe.
    ///
    /// # Errors
    /// The system does not tell.
    pub async fn wait(&mut self) -> io::Result<Exit> {
        match self {
            Self::Process { child, .. } => child.wait().await.map(Exit::from),
            Self::Thread { exit, .. } => Ok(match exit.await {
                Ok(code) => Exit { code: Some(code.into()), ..Exit::default() },
                Err(_) => Exit { code: Some(PANICKED), spoils_process: true, ..Exit::default() },
            }),
        }
    }

    /// Tells the job to end.
    pub fn ask_to_end(&self) {
        match self {
            Self::Process { group, .. } => signal_group(*group, Signal::TERM),
            Self::Thread { stop, .. } => stop.stop(Signal::TERM),
        }
    }

    /// Ends the job by force. Until when it is waited for; `None` is until it ends.
    pub fn kill(&self) -> Option<Instant> {
        match self {
            Self::Process { group, .. } => {
                signal_group(*group, Signal::KILL);
                None
            }
            Self::Thread { stop, .. } => {
                stop.kill();
                children::signal(Signal::KILL);
                Some(Instant::now() + KILLED_WAIT)
            }
        }
    }

    /// Lets go of what a job that ended held of this process.
    ///
    /// # Errors
    /// The standard streams cannot be taken back.
    pub fn release(&self) -> io::Result<()> {
        let Self::Thread { home, .. } = self else { return Ok(()) };
        silence()?;
        std::env::set_current_dir(home)
    }
}

/// Leads the standard streams for output of this process nowhere.
///
/// # Errors
/// The system refuses.
pub fn silence() -> io::Result<()> {
    let nowhere = std::fs::OpenOptions::new().write(true).open("/dev/null")?;
    rustix::stdio::dup2_stdout(&nowhere)?;
    Ok(rustix::stdio::dup2_stderr(&nowhere)?)
}

/// The variables of an attempt.
fn environment(order: &Order, secrets: &Secrets) -> impl Iterator<Item = (OsString, OsString)> {
    // The mark is nobody else's: by it the processes of the attempt are found.
    let mark = [(MARK.into(), OsString::from(&order.mark))];
    let given = order.environment.iter().map(|(name, value)| (name.into(), value.into()));
    let given: Vec<_> = given.collect();
    let secret: Vec<_> = secrets.0.iter().map(|(name, value)| (name.into(), value.into())).collect();
    given.into_iter().chain(secret).chain(mark)
}

fn signal_group(group: Option<Pid>, signal: Signal) {
    if let Some(group) = group {
        // It may have ended in between.
        let _ = kill_process_group(group, signal);
    }
}

/// Ends and reaps what the job left running: first by asking, then by force.
pub async fn end_leftovers() {
    let mut asked_until = None;
    while children::are_left() {
        let until = *asked_until.get_or_insert_with(|| {
            children::signal(Signal::TERM);
            Instant::now() + LEFTOVER_GRACE
        });
        if Instant::now() >= until {
            children::signal(Signal::KILL);
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
