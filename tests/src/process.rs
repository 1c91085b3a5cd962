//! Runs one program to its end, with everything it writes, and never waits for ever.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

/// What to run.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// The program, by its path.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// Its directory.
    pub directory: PathBuf,
    /// Its whole environment.
    pub environment: Vec<(OsString, OsString)>,
    /// What it reads.
    pub stdin: Vec<u8>,
    /// After this it is killed, with its process group.
    pub timeout: Duration,
}

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It exited with a code.
    Code(i32),
    /// A signal ended it.
    Signal(i32),
    /// It was killed, because it took longer than the invocation allows.
    Timeout,
}

/// What a program did.
#[derive(Clone, Debug)]
pub struct Finished {
    /// How it ended.
    pub exit: Exit,
    /// What it wrote to standard output.
    pub stdout: Vec<u8>,
    /// What it wrote to standard error.
    pub stderr: Vec<u8>,
}

/// Runs a program and collects what it writes, until it has ended and nobody holds its output open.
pub fn run(invocation: &Invocation) -> io::Result<Finished> {
    let deadline = Instant::now() + invocation.timeout;
    let mut child = spawn(invocation)?;
    let group = child.id();
    let stdin = child.stdin.take();
    let stdout = child.stdout.take().map(collect);
    let stderr = child.stderr.take().map(collect);
    let text = invocation.stdin.clone();
    // A program that does not read what it is given is right to close its end.
    let writer = thread::spawn(move || stdin.map(|mut stdin| stdin.write_all(&text)));
    let status = wait_in_background(child);

    let mut late = false;
    let stdout = receive(stdout, deadline, group, &mut late);
    let stderr = receive(stderr, deadline, group, &mut late);
    let status = receive(Some(status), deadline, group, &mut late);
    drop(writer);
    let exit = match (late, status) {
        (false, Some(Ok(status))) => exit_of(status),
        (true, _) => Exit::Timeout,
        (false, Some(Err(error))) => return Err(error),
        (false, None) => return Err(io::Error::other("the program's end was never told")),
    };
    Ok(Finished { exit, stdout: stdout.unwrap_or_default(), stderr: stderr.unwrap_or_default() })
}

fn spawn(invocation: &Invocation) -> io::Result<Child> {
    let mut command = Command::new(&invocation.program);
    command
        .args(&invocation.args)
        .current_dir(&invocation.directory)
        .env_clear()
        .envs(invocation.environment.iter().map(|(key, value)| (key, value)))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command.spawn()
}

fn collect(mut pipe: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // What was read before an error is all that the program wrote.
        let _ = pipe.read_to_end(&mut bytes);
        let _ = sender.send(bytes);
    });
    receiver
}

fn wait_in_background(mut child: Child) -> Receiver<io::Result<ExitStatus>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || sender.send(child.wait()));
    receiver
}

/// Waits for an answer until the deadline; then kills the group, which ends the wait unless something left the group.
fn receive<T>(receiver: Option<Receiver<T>>, deadline: Instant, group: u32, late: &mut bool) -> Option<T> {
    const AFTER_KILL: Duration = Duration::from_secs(2);
    let receiver = receiver?;
    if let Ok(value) = receiver.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
        return Some(value);
    }
    *late = true;
    kill_group(group);
    receiver.recv_timeout(AFTER_KILL).ok()
}

#[cfg(unix)]
fn kill_group(group: u32) {
    use rustix::process::{Pid, Signal, kill_process_group};
    if let Some(group) = i32::try_from(group).ok().and_then(Pid::from_raw) {
        // It may have ended by itself in the meantime.
        let _ = kill_process_group(group, Signal::KILL);
    }
}

#[cfg(not(unix))]
fn kill_group(_group: u32) {}

/// How a process ended that has this status.
pub(crate) fn exit_of(status: ExitStatus) -> Exit {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return Exit::Signal(signal);
    }
    Exit::Code(status.code().unwrap_or(-1))
}
