//! What only Unix knows: starting children on helper threads, noticing their end, signalling groups.

use std::fs::File;
use std::io::{self, ErrorKind, IsTerminal, PipeReader, PipeWriter};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{LazyLock, Mutex, mpsc};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, waitpid};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::oneshot;

use super::spawn::{self, Descriptors, Spawned};
use super::{Ending, Group, Program, Route, Routes, Stream, Target};
use crate::limits;

/// How long a thread that started a child waits for it itself, in microseconds. Most small
/// programs end within it, and then need no registration with the event loop (a quarter of their cost).
const PATIENCE: u32 = 2_000;
/// How often a group that must end is looked at.
const GROUP_POLL: Duration = Duration::from_millis(10);
/// Deepest process tree that is walked to signal it.
const TREE_DEPTH: u32 = 64;
/// Stack of a thread that starts children, bytes.
const LAUNCHER_STACK: usize = 128 * 1024;

/// A child that was started, and the pipes that we read from it. Dropped before its end was seen,
/// it is killed and reaped.
pub(super) struct Launched {
    pid: Pid,
    group: Group,
    /// Set once it was reaped.
    ended: Option<Ending>,
    /// Becomes readable when it ends.
    end: Option<OwnedFd>,
    /// The same, once the event loop knows it.
    watched_end: Option<AsyncFd<OwnedFd>>,
    started: Instant,
    /// Our end of its standard output.
    pub(super) stdout: Option<Pipe>,
    /// Our end of its standard error.
    pub(super) stderr: Option<Pipe>,
}

struct Job {
    program: Program,
    reply: oneshot::Sender<io::Result<Launched>>,
}

/// Threads that start children, so that the event loop does not stand still while the system
/// makes a process, and several starts overlap. One set a process: threads are not a run's own.
struct Launchers {
    queue: mpsc::Sender<Job>,
    waiting_jobs: Mutex<mpsc::Receiver<Job>>,
    /// How many jobs wait or are worked on.
    jobs: AtomicUsize,
    /// Begun as they are needed.
    threads: Mutex<usize>,
    most_threads: usize,
    /// How long to wait now, microseconds: shrinks while children run long, is full after a short one.
    patience: AtomicU32,
}

static LAUNCHERS: LazyLock<Launchers> = LazyLock::new(Launchers::new);

impl Launchers {
    fn new() -> Self {
        let (queue, waiting_jobs) = mpsc::channel();
        Self {
            queue,
            waiting_jobs: Mutex::new(waiting_jobs),
            jobs: AtomicUsize::new(0),
            threads: Mutex::new(0),
            most_threads: limits::launchers(),
            patience: AtomicU32::new(PATIENCE),
        }
    }

    /// Begins another thread where there is work for it; whether there is any.
    fn have_threads(&'static self) -> bool {
        let Ok(mut threads) = self.threads.lock() else { return false };
        if *threads < self.most_threads && *threads <= self.jobs.load(Ordering::Relaxed) {
            let thread =
                std::thread::Builder::new().name("ez-launcher".to_owned()).stack_size(LAUNCHER_STACK);
            *threads += usize::from(thread.spawn(|| self.work()).is_ok());
        }
        *threads > 0
    }

    fn work(&self) {
        loop {
            let job = match self.waiting_jobs.lock() {
                Ok(jobs) => jobs.recv(),
                Err(_) => return,
            };
            let Ok(job) = job else { return };
            if !job.reply.is_closed() {
                let mut launched = Launched::start(&job.program);
                // With other work at hand, the event loop waits.
                if let Ok(launched) = &mut launched
                    && self.jobs.load(Ordering::Relaxed) <= self.most_threads
                {
                    launched.wait_shortly(&self.patience);
                }
                // Nobody waits any more: dropping the child ends it.
                drop(job.reply.send(launched));
            }
            self.jobs.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// Starts a child without holding up the event loop.
pub(super) async fn launch(program: Program) -> io::Result<Launched> {
    let launchers = &*LAUNCHERS;
    if !launchers.have_threads() {
        return Launched::start(&program);
    }
    let (reply, answer) = oneshot::channel();
    launchers.jobs.fetch_add(1, Ordering::Relaxed);
    drop(launchers.queue.send(Job { program, reply }));
    answer.await.unwrap_or_else(|_| Err(io::Error::other("the thread that starts programs ended")))
}

impl Launched {
    fn start(program: &Program) -> io::Result<Self> {
        let (descriptors, [stdout, stderr]) = connect(program)?;
        let Spawned { pid, end } = spawn::spawn(program, descriptors)?;
        Ok(Self {
            pid,
            group: program.group,
            ended: None,
            end,
            watched_end: None,
            started: Instant::now(),
            stdout: stdout.map(Pipe::new).transpose()?,
            stderr: stderr.map(Pipe::new).transpose()?,
        })
    }

    fn wait_shortly(&mut self, patience: &AtomicU32) {
        let micros = patience.load(Ordering::Relaxed);
        let Some(end) = &self.end else { return };
        let wait = Timespec { tv_sec: 0, tv_nsec: i64::from(micros) * 1_000 };
        let ended = poll(&mut [PollFd::new(end, PollFlags::IN)], Some(&wait)).is_ok_and(|ready| ready > 0);
        if ended && self.reap().is_ok() {
            patience.store(PATIENCE, Ordering::Relaxed);
        } else {
            patience.store(micros / 2, Ordering::Relaxed);
        }
    }

    /// The child's process id.
    pub(super) fn pid(&self) -> Pid {
        self.pid
    }

    /// How it ended, if it did and was reaped.
    pub(super) fn ending(&self) -> Option<Ending> {
        self.ended
    }

    /// Asks the system whether it has ended; once it says so, its number may be another's.
    fn look(&mut self, options: WaitOptions) -> io::Result<Option<Ending>> {
        let status = match waitpid(Some(self.pid), options) {
            Err(rustix::io::Errno::INTR) => None,
            status => status?,
        };
        self.ended = status.map(|(_, status)| Ending::from(status));
        Ok(self.ended)
    }

    fn reap(&mut self) -> io::Result<Ending> {
        let ending = loop {
            if let Some(ending) = self.look(WaitOptions::empty())? {
                break ending;
            }
        };
        if self.started.elapsed() < Duration::from_micros(u64::from(PATIENCE)) {
            LAUNCHERS.patience.store(PATIENCE, Ordering::Relaxed);
        }
        Ok(ending)
    }

    /// Waits for the end, and reaps. Cancel-safe.
    pub(super) async fn wait(&mut self) -> io::Result<Ending> {
        if let Some(ending) = self.ended {
            return Ok(ending);
        }
        if let Some(end) = self.end.take() {
            self.watched_end = watch(end);
        }
        match &self.watched_end {
            Some(end) => {
                drop(end.readable().await?);
                self.watched_end = None;
                self.reap()
            }
            // A system without process descriptors: look again and again.
            None => self.poll_child().await,
        }
    }

    async fn poll_child(&mut self) -> io::Result<Ending> {
        loop {
            if let Some(ending) = self.look(WaitOptions::NOHANG)? {
                return Ok(ending);
            }
            tokio::time::sleep(GROUP_POLL).await;
        }
    }

    /// Sends a signal to its group, or to it and its descendants where it has no group of its own.
    pub(super) fn signal(&self, signal: Signal) {
        if self.ended.is_none() {
            send(self.pid(), self.group, signal);
        }
    }
}

impl Drop for Launched {
    fn drop(&mut self) {
        if self.ended.is_none() {
            self.signal(Signal::KILL);
            drop(self.reap());
        }
    }
}

/// Tells the event loop of a descriptor that is to be readable.
#[expect(
    deprecated,
    reason = "the successor is unsafe because a type may lie about its descriptor; `OwnedFd` does not"
)]
fn watch(fd: OwnedFd) -> Option<AsyncFd<OwnedFd>> {
    AsyncFd::with_interest(fd, Interest::READABLE).ok()
}

/// The ends of the pipes through which a child's streams are read.
#[derive(Default)]
struct Pipes {
    writers: [Option<PipeWriter>; 2],
    readers: [Option<PipeReader>; 2],
}

impl Pipes {
    /// A descriptor that leads where `stream` goes.
    fn end_of(&mut self, stream: Stream, routes: Routes) -> io::Result<OwnedFd> {
        match routes.of(stream) {
            Route::Inherit if stream == Stream::Stdout => io::stdout().as_fd().try_clone_to_owned(),
            Route::Inherit => io::stderr().as_fd().try_clone_to_owned(),
            Route::Null => nowhere(),
            Route::Read => {
                let joined = routes.joined && routes.of(Stream::Stdout) == Route::Read;
                let index = usize::from(stream == Stream::Stderr && !joined);
                let (Some(reader), Some(writer)) = (self.readers.get_mut(index), self.writers.get_mut(index))
                else {
                    return nowhere();
                };
                if writer.is_none() {
                    let (read, write) = io::pipe()?;
                    (*reader, *writer) = (Some(read), Some(write));
                }
                writer.as_ref().map_or_else(nowhere, |end| end.try_clone().map(OwnedFd::from))
            }
        }
    }
}

/// Where nothing is to be read, and nothing kept.
fn nowhere() -> io::Result<OwnedFd> {
    File::options().read(true).write(true).open("/dev/null").map(OwnedFd::from)
}

/// Whoever reads a terminal from another group than the foreground one is stopped, for ever.
fn may_read_our_input(group: Group) -> bool {
    group == Group::Foreground || !io::stdin().is_terminal()
}

/// The standard descriptors of a child, and our ends of its pipes.
fn connect(program: &Program) -> io::Result<(Descriptors, [Option<PipeReader>; 2])> {
    let (redirected, routes) = (&program.redirected, program.routes);
    let stdin = match &redirected.stdin {
        Some(file) => Some(OwnedFd::from(file.try_clone()?)),
        None if program.input && may_read_our_input(program.group) => None,
        None => Some(nowhere()?),
    };
    let mut pipes = Pipes::default();
    let mut end = |stream: Stream, target: &Target| match target {
        // Inherited as it is, without a copy.
        Target::Stream(same) if *same == stream && routes.of(stream) == Route::Inherit => Ok(None),
        Target::Stream(other) => pipes.end_of(*other, routes).map(Some),
        Target::File(file) => file.try_clone().map(|file| Some(OwnedFd::from(file))),
    };
    let stdout = end(Stream::Stdout, &redirected.stdout)?;
    let stderr = end(Stream::Stderr, &redirected.stderr)?;
    Ok(([stdin, stdout, stderr], pipes.readers))
}

/// Our end of a pipe from a child. It is registered with the event loop only when there is
/// something to wait for.
pub(super) struct Pipe {
    fd: Option<OwnedFd>,
    registered: Option<AsyncFd<OwnedFd>>,
}

/// What one attempt to read gave.
pub(super) enum Read {
    /// So many bytes.
    Bytes(usize),
    /// Nothing now.
    Later,
    /// Nobody can write any more.
    End,
}

impl Pipe {
    fn new(reader: PipeReader) -> io::Result<Self> {
        let fd = OwnedFd::from(reader);
        rustix::fs::fcntl_setfl(&fd, rustix::fs::OFlags::NONBLOCK)?;
        Ok(Self { fd: Some(fd), registered: None })
    }

    /// Reads what is there, without waiting.
    pub(super) fn read_now(&self, buffer: &mut [u8]) -> Read {
        let fd = match (&self.registered, &self.fd) {
            (Some(registered), _) => registered.get_ref().as_fd(),
            (None, Some(fd)) => fd.as_fd(),
            (None, None) => return Read::End,
        };
        match rustix::io::read(fd, buffer) {
            Ok(0) => Read::End,
            Ok(count) => Read::Bytes(count),
            Err(error) if error.kind() == ErrorKind::WouldBlock || error.kind() == ErrorKind::Interrupted => {
                Read::Later
            }
            Err(_) => Read::End,
        }
    }

    /// Waits until there may be something to read. Cancel-safe.
    pub(super) async fn readable(&mut self) {
        if let Some(fd) = self.fd.take() {
            self.registered = watch(fd);
        }
        let Some(registered) = &self.registered else { return };
        if let Ok(mut ready) = registered.readable().await {
            // Forgotten before the read, so that what comes in between is told again.
            ready.clear_ready();
        }
    }

    /// Reads, waiting for the first byte. Cancel-safe.
    pub(super) async fn read(&mut self, buffer: &mut [u8]) -> Read {
        loop {
            match self.read_now(buffer) {
                Read::Later => self.readable().await,
                done => return done,
            }
        }
    }
}

impl From<WaitStatus> for Ending {
    fn from(status: WaitStatus) -> Self {
        match (status.exit_status(), status.terminating_signal()) {
            (Some(code), _) => Self::Exited(code as u8),
            (None, Some(signal)) => Self::Signalled(signal as u8),
            (None, None) => Self::Exited(u8::MAX),
        }
    }
}

/// Sends a signal to a group, or to a process and its descendants.
pub(super) fn send(pid: Pid, group: Group, signal: Signal) {
    // It may have ended meanwhile, which is what signals are for.
    match group {
        Group::Own => {
            let _ = rustix::process::kill_process_group(pid, signal);
        }
        Group::Foreground => {
            for process in tree(pid, TREE_DEPTH) {
                let _ = rustix::process::kill_process(process, signal);
            }
        }
    }
}

/// A process and its descendants, parents first, as far as the system tells.
fn tree(pid: Pid, depth: u32) -> Vec<Pid> {
    let mut all = vec![pid];
    let raw = pid.as_raw_nonzero();
    let children = std::fs::read_to_string(format!("/proc/{raw}/task/{raw}/children")).unwrap_or_default();
    if depth > 0 {
        let pids = children.split_whitespace().filter_map(|text| text.parse().ok()).filter_map(Pid::from_raw);
        for child in pids {
            all.extend(tree(child, depth - 1));
        }
    }
    all
}

/// Whether a group still has members that run.
pub(super) fn group_lives(group: Pid) -> bool {
    rustix::process::test_kill_process_group(group).is_ok() && !only_zombies(group)
}

/// Whether all members have ended and just wait for their parent, which may be an idle process 1
/// of a container that never looks.
fn only_zombies(group: Pid) -> bool {
    let Ok(processes) = std::fs::read_dir("/proc") else { return false };
    let group = group.as_raw_nonzero().to_string();
    processes
        .flatten()
        .filter(|entry| entry.file_name().as_encoded_bytes().first().is_some_and(u8::is_ascii_digit))
        .filter_map(|entry| std::fs::read_to_string(entry.path().join("stat")).ok())
        .all(|stat| {
            // After the name, which may hold anything: state, parent, group.
            let mut fields = stat.rsplit(')').next().unwrap_or_default().split_ascii_whitespace();
            let state = fields.next();
            fields.nth(1) != Some(&group) || state == Some("Z")
        })
}

/// Ends what is left of a group: asks, waits up to `grace`, kills.
pub(super) async fn end_group(group: Pid, grace: Duration) {
    if !group_lives(group) {
        return;
    }
    let _ = rustix::process::kill_process_group(group, Signal::TERM);
    let until = Instant::now() + grace;
    while group_lives(group) {
        if Instant::now() >= until {
            let _ = rustix::process::kill_process_group(group, Signal::KILL);
            return;
        }
        tokio::time::sleep(GROUP_POLL).await;
    }
}
