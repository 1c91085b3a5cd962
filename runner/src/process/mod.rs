//! Processes: started with nothing inherited that was not asked for, waited for without a thread
//! each, and never left behind.

mod environment;
pub mod guard;
mod lookup;
pub mod marked;
mod spawn;
mod unix;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[expect(unsafe_code, reason = "a child that shares our memory cannot be had without")]
mod vfork;

use std::cell::RefCell;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use rustc_hash::FxHashMap;
use rustix::process::{Pid, Signal};
use tokio::time::Instant;

pub use environment::Environment;
pub use lookup::{LookupError, NOT_FOUND_CODE, Programs};

use crate::limits::{Descriptors, Reserved};
use crate::signal::Stop;
use crate::standard_streams;
use unix::{Launched, Pipe, Read};

/// Time between the interrupt and the kill of a command that exceeded its time or was cancelled
/// by the run itself; go-task's.
pub const GRACE: Duration = Duration::from_secs(2);
/// The same for a stop that a person asked for: they can ask again to shorten it.
pub const PATIENT_GRACE: Duration = Duration::from_secs(10);
/// How long output is read on after a program ended and a descendant still holds its pipe; go-task's.
pub const LINGER: Duration = Duration::from_secs(2);
/// How much is read at a time, bytes.
const BUFFER_BYTES: usize = 32 * 1024;
/// How much is still read at most from a pipe that is given up, bytes: what a full pipe holds.
const LAST_BYTES: usize = 1024 * 1024;

/// One of the two streams that a command writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

impl Stream {
    /// The other one.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Stdout => Self::Stderr,
            Self::Stderr => Self::Stdout,
        }
    }
}

/// Where a stream of a command goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// Where ours goes.
    Inherit,
    /// Nowhere.
    Null,
    /// Through a pipe to the caller's sink.
    Read,
}

/// Where both streams go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Routes {
    /// Standard output.
    pub stdout: Route,
    /// Standard error.
    pub stderr: Route,
    /// One pipe for both where both are read, so that their order is kept; all of it is then
    /// told as standard output.
    pub joined: bool,
}

impl Routes {
    /// Both streams where ours go.
    pub const INHERIT: Self = Self { stdout: Route::Inherit, stderr: Route::Inherit, joined: false };
    /// Both nowhere: a condition.
    pub const NULL: Self = Self { stdout: Route::Null, stderr: Route::Null, joined: false };
    /// Standard output is read, as for a dynamic variable.
    pub const READ_STDOUT: Self = Self { stdout: Route::Read, stderr: Route::Inherit, joined: false };
    /// Both are read through one pipe, as for go-task's output styles.
    pub const JOINED: Self = Self { stdout: Route::Read, stderr: Route::Read, joined: true };
    /// Both are read, each by itself.
    pub const SPLIT: Self = Self { stdout: Route::Read, stderr: Route::Read, joined: false };

    fn inherits(self) -> bool {
        self.stdout == Route::Inherit || self.stderr == Route::Inherit
    }

    fn piped(self) -> bool {
        self.stdout == Route::Read || self.stderr == Route::Read
    }

    /// Where one stream goes.
    pub fn of(self, stream: Stream) -> Route {
        match stream {
            Stream::Stdout => self.stdout,
            Stream::Stderr => self.stderr,
        }
    }
}

/// The process group of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// One of its own, so that all that it starts can be signalled together.
    Own,
    /// Ours: on a terminal, a lone or interactive command, so that it may read the keyboard.
    Foreground,
}

/// Where one descriptor of a command leads.
#[derive(Clone, Debug)]
pub enum Target {
    /// To the route of one of the streams.
    Stream(Stream),
    /// To a file.
    File(Arc<File>),
}

/// The standard descriptors of a command.
#[derive(Clone, Debug)]
pub struct Redirected {
    /// Instead of our standard input.
    pub stdin: Option<Arc<File>>,
    /// Standard output.
    pub stdout: Target,
    /// Standard error.
    pub stderr: Target,
}

impl Default for Redirected {
    fn default() -> Self {
        Self { stdin: None, stdout: Target::Stream(Stream::Stdout), stderr: Target::Stream(Stream::Stderr) }
    }
}

/// A program to start.
#[derive(Clone, Debug)]
pub struct Program {
    /// The file, with a slash in its path: found by [`Programs::find`].
    pub file: PathBuf,
    /// All arguments; the first is the name under which it is called.
    pub arguments: Vec<OsString>,
    /// Where it runs; must exist.
    pub directory: PathBuf,
    /// Its whole environment.
    pub environment: Arc<Environment>,
    /// Whether it gets our standard input; else it reads nothing. A terminal is never given to another group
    /// than the foreground one.
    pub input: bool,
    /// Where its output goes.
    pub routes: Routes,
    /// Where its three standard descriptors lead, if not along the routes: the redirects of a command.
    pub redirected: Redirected,
    /// Its group.
    pub group: Group,
    /// How long to read on after its end while a descendant holds a pipe. Zero: what is there is
    /// read and no more is waited for.
    pub linger: Duration,
    /// What [`Processes::reserve`] set aside for it, if it was asked already.
    pub reserved: Option<Reserved>,
}

/// What may end a command early.
#[derive(Clone, Debug)]
pub struct Control {
    /// A request to stop.
    pub stop: Stop,
    /// The moment at which its time is over.
    pub deadline: Option<Instant>,
    /// Time from asking it to end to killing it.
    pub grace: Duration,
}

impl Control {
    /// Only a request to stop.
    pub fn new(stop: Stop) -> Self {
        Self { stop, deadline: None, grace: GRACE }
    }
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With an exit code.
    Exited(u8),
    /// By a signal.
    Signalled(u8),
    /// It was never started, because the run had stopped.
    NotStarted,
}

impl Ending {
    /// The exit code as a shell sees it: 128 + n for signal n.
    pub fn code(self) -> u8 {
        match self {
            Self::Exited(code) => code,
            Self::Signalled(signal) => signal.saturating_add(128),
            Self::NotStarted => 130,
        }
    }
}

/// Why EZ ended a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interruption {
    /// The run was stopped.
    Stopped,
    /// Its time was over.
    TimedOut,
}

/// A process that ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finished {
    /// How.
    pub ending: Ending,
    /// Whether we ended it.
    pub interruption: Option<Interruption>,
    /// Its group, if it had one of its own: see [`leftovers`].
    pub group: Option<Pid>,
}

impl Finished {
    /// A command that was done without a process.
    pub fn in_place(code: u8) -> Self {
        Self { ending: Ending::Exited(code), interruption: None, group: None }
    }

    /// A command that was not started, because the run had stopped.
    pub fn not_started() -> Self {
        Self { ending: Ending::NotStarted, interruption: Some(Interruption::Stopped), group: None }
    }
}

/// A process could not be started or waited for.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// The system refused to start it. The words are go-task's.
    #[error("fork/exec {}: {}", file.display(), system_message(source))]
    Start {
        /// The program.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It should run where there is no directory.
    #[error("chdir {}: {}", directory.display(), system_message(source))]
    Directory {
        /// The directory.
        directory: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Its end could not be noticed.
    #[error("wait: {}", system_message(.0))]
    Wait(#[source] io::Error),
}

impl ProcessError {
    /// Whether the file is no program that the system knows: a script without `#!`.
    pub fn is_unknown_format(&self) -> bool {
        matches!(self, Self::Start { source, .. }
            if source.raw_os_error() == Some(rustix::io::Errno::NOEXEC.raw_os_error()))
    }

    /// Whether the file, or its interpreter, is not there.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Start { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }
}

/// An error of the system in Go's words: lower case, without a number.
pub fn system_message(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

/// Receives what a command writes, as it comes.
pub type Sink<'a> = &'a mut dyn FnMut(Stream, &[u8]);

/// The processes of one run.
#[derive(Debug)]
pub struct Processes {
    descriptors: Descriptors,
    running: Running,
}

type Running = Rc<RefCell<FxHashMap<Pid, Group>>>;

impl Default for Processes {
    fn default() -> Self {
        Self::new(Descriptors::of_this_process())
    }
}

/// Keeps a process in the list of running ones.
struct Entry {
    running: Running,
    pid: Pid,
}

impl Entry {
    fn new(running: &Running, pid: Pid, group: Group) -> Self {
        running.borrow_mut().insert(pid, group);
        if group == Group::Own {
            guard::begins(pid);
        }
        Self { running: Rc::clone(running), pid }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if self.running.borrow_mut().remove(&self.pid) == Some(Group::Own) {
            guard::ended(self.pid);
        }
    }
}

impl Processes {
    /// With a store of file descriptors.
    pub fn new(descriptors: Descriptors) -> Self {
        Self { descriptors, running: Running::default() }
    }

    /// Runs a program to its end. What it writes to a [`Route::Read`] stream goes to the sink.
    /// A dropped future kills it.
    ///
    /// # Errors
    /// It cannot be started.
    pub async fn run(
        &self,
        program: Program,
        sink: Sink<'_>,
        control: &Control,
    ) -> Result<Finished, ProcessError> {
        let stop = &control.stop;
        if stop.is_stopped() {
            return Ok(Finished::not_started());
        }
        let _reserved = match program.reserved.clone() {
            Some(reserved) => Some(reserved),
            None => match self.reserve(program.routes, 0, stop).await {
                Some(reserved) => Some(reserved),
                None => return Ok(Finished::not_started()),
            },
        };
        let (file, directory) = (program.file.clone(), program.directory.clone());
        let (group, linger) = (program.group, program.linger);
        if program.routes.inherits() {
            standard_streams::settle_all();
        }
        let launched = unix::launch(program).await.map_err(|source| match std::fs::metadata(&directory) {
            Ok(metadata) if metadata.is_dir() => ProcessError::Start { file, source },
            Ok(_) => {
                ProcessError::Directory { directory, source: io::Error::from(io::ErrorKind::NotADirectory) }
            }
            Err(source) => ProcessError::Directory { directory, source },
        })?;
        let pid = launched.pid();
        let _entry = Entry::new(&self.running, pid, group);
        let mut watch = Watch { launched, control, group, interruption: None, kill_at: None };
        let ending = watch.follow(sink, linger).await.map_err(ProcessError::Wait)?;
        let interruption = watch.interruption;
        let group = (group == Group::Own).then_some(pid);
        if let (Some(_), Some(group)) = (interruption, group) {
            end_leftovers(group, watch.grace_left()).await;
        }
        Ok(Finished { ending, interruption, group })
    }

    /// Sets aside what a program with these routes needs, and so many files of its redirects, before they are opened.
    /// `None` once it was asked to stop.
    pub async fn reserve(&self, routes: Routes, files: usize, stop: &Stop) -> Option<Reserved> {
        tokio::select! {
            reserved = self.descriptors.acquire(routes.piped(), files) => reserved,
            () = stop.stopped() => None,
        }
    }

    /// Sends a signal to every running command. Commands in the foreground group of a terminal got
    /// an interrupt already and do not get a second one.
    pub fn forward(&self, signal: Signal, from_terminal: bool) {
        for (&pid, &group) in self.running.borrow().iter() {
            let has_it = group == Group::Foreground && from_terminal && signal == Signal::INT;
            if !has_it {
                unix::send(pid, group, signal);
            }
        }
    }

    /// How many commands run.
    pub fn count(&self) -> usize {
        self.running.borrow().len()
    }
}

/// Whether processes of a command's group still run after it ended.
pub fn leftovers(group: Pid) -> bool {
    unix::group_lives(group)
}

/// Ends what is left of a group: asks it to terminate, kills what is there after `grace`.
pub async fn end_leftovers(group: Pid, grace: Duration) {
    unix::end_group(group, grace).await;
}

/// Follows one process to its end.
struct Watch<'a> {
    launched: Launched,
    control: &'a Control,
    group: Group,
    interruption: Option<Interruption>,
    kill_at: Option<Instant>,
}

/// What happened next.
enum Happened {
    Wrote(Stream, Read),
    Ended,
    Stop,
    Kill,
    TimeOver,
}

impl Watch<'_> {
    async fn follow(&mut self, sink: Sink<'_>, linger: Duration) -> io::Result<Ending> {
        let mut stdout = self.launched.stdout.take();
        let mut stderr = self.launched.stderr.take();
        let mut buffer =
            if stdout.is_some() || stderr.is_some() { vec![0; BUFFER_BYTES] } else { Vec::new() };
        let mut first = Stream::Stdout;
        while self.launched.ending().is_none() {
            match self.next(&mut stdout, &mut stderr, first, &mut buffer).await? {
                Happened::Wrote(stream, read) => {
                    // So that neither waits because of the other.
                    first = stream.other();
                    let pipe = if stream == Stream::Stdout { &mut stdout } else { &mut stderr };
                    tell(stream, &read, pipe, &buffer, sink);
                }
                Happened::Ended => {}
                Happened::Stop => self.interrupt(Interruption::Stopped),
                Happened::TimeOver => self.interrupt(Interruption::TimedOut),
                Happened::Kill => {
                    self.launched.signal(Signal::KILL);
                    self.kill_at = None;
                    self.launched.wait().await?;
                }
            }
        }
        let until = Instant::now() + if self.interruption.is_some() { Duration::ZERO } else { linger };
        for (stream, pipe) in [(Stream::Stdout, stdout), (Stream::Stderr, stderr)] {
            if let Some(pipe) = pipe {
                drain(stream, pipe, until, &self.control.stop, &mut buffer, sink).await;
            }
        }
        self.launched.wait().await
    }

    async fn next(
        &mut self,
        stdout: &mut Option<Pipe>,
        stderr: &mut Option<Pipe>,
        first: Stream,
        buffer: &mut [u8],
    ) -> io::Result<Happened> {
        let (asked, stop) = (self.interruption.is_some(), &self.control.stop);
        let (read, write) = (stdout.is_some(), stderr.is_some());
        // Both arms need the buffer, one after the other: which stream is readable decides.
        tokio::select! {
            ended = self.launched.wait() => ended.map(|_| Happened::Ended),
            happened = read_either(stdout, stderr, first, buffer), if read || write => Ok(happened),
            () = stop.stopped(), if !asked => Ok(Happened::Stop),
            () = stop.killed(), if asked && self.kill_at.is_some() => Ok(Happened::Kill),
            () = at(self.control.deadline), if !asked => Ok(Happened::TimeOver),
            () = at(self.kill_at), if asked => Ok(Happened::Kill),
        }
    }

    fn interrupt(&mut self, why: Interruption) {
        self.interruption = Some(why);
        self.kill_at = Some(Instant::now() + self.control.grace);
        let received = self.control.stop.received();
        // The terminal sent it to the foreground group itself.
        let has_it =
            self.group == Group::Foreground && why == Interruption::Stopped && received == Some(Signal::INT);
        if !has_it {
            let signal = if why == Interruption::Stopped { received } else { None };
            self.launched.signal(signal.unwrap_or(Signal::INT));
        }
    }

    fn grace_left(&self) -> Duration {
        self.kill_at.map_or(Duration::ZERO, |at| at.saturating_duration_since(Instant::now()))
    }
}

async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

/// Reads from one of two streams, beginning with `first`.
async fn read_either(
    stdout: &mut Option<Pipe>,
    stderr: &mut Option<Pipe>,
    first: Stream,
    buffer: &mut [u8],
) -> Happened {
    match (stdout, stderr) {
        (Some(stdout), Some(stderr)) => loop {
            // A pipe tells that it got something, not that it still has something: it is read before it is waited for.
            for stream in [first, first.other()] {
                let pipe = if stream == Stream::Stdout { &*stdout } else { &*stderr };
                match pipe.read_now(buffer) {
                    Read::Later => {}
                    read => return Happened::Wrote(stream, read),
                }
            }
            tokio::select! {
                () = stdout.readable() => {}
                () = stderr.readable() => {}
            }
        },
        (Some(pipe), None) => Happened::Wrote(Stream::Stdout, pipe.read(buffer).await),
        (None, Some(pipe)) => Happened::Wrote(Stream::Stderr, pipe.read(buffer).await),
        (None, None) => std::future::pending().await,
    }
}

/// Passes on what was read; a pipe at its end is closed.
fn tell(stream: Stream, read: &Read, pipe: &mut Option<Pipe>, buffer: &[u8], sink: Sink<'_>) {
    match read {
        Read::Bytes(count) => sink(stream, buffer.get(..*count).unwrap_or_default()),
        Read::Later => {}
        Read::End => *pipe = None,
    }
}

/// Reads what a process that ended left in a pipe, and goes on until the given moment while
/// another process holds it.
async fn drain(
    stream: Stream,
    mut pipe: Pipe,
    until: Instant,
    stop: &Stop,
    buffer: &mut [u8],
    sink: Sink<'_>,
) {
    let mut left = LAST_BYTES;
    loop {
        let mut read = pipe.read_now(buffer);
        if matches!(read, Read::Later) && Instant::now() < until {
            read = tokio::select! {
                read = pipe.read(buffer) => read,
                () = tokio::time::sleep_until(until) => Read::Later,
                () = stop.stopped() => Read::End,
            };
        }
        let Read::Bytes(count) = read else { return };
        sink(stream, buffer.get(..count).unwrap_or_default());
        left = left.saturating_sub(count);
        if left == 0 && Instant::now() >= until {
            return;
        }
    }
}

#[cfg(test)]
mod tests;
