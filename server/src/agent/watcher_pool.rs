//! Watchers that wait for another attempt, so that not every job starts one.

use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::Instant;

use super::bell::READY;
use super::children;
use super::reaper::ARGUMENT;
use super::watcher::Assignment;

/// How long a watcher waits for another attempt.
pub const IDLE_LIMIT: Duration = Duration::from_secs(10);

/// A watcher that was started by this agent, with the process over it.
pub struct Watcher {
    process: Child,
    assignments: ChildStdin,
    bell: ChildStdout,
}

impl Watcher {
    /// Has an attempt watched to its end; `on_growth` is called when its log or its events grew, and the watcher is killed as often as `kills` says so. The watcher again,
    /// where it takes another.
    pub async fn watch(
        mut self,
        assignment: &Assignment,
        mut kills: UnboundedReceiver<()>,
        mut on_growth: impl FnMut(),
    ) -> Option<Self> {
        let mut line = serde_json::to_vec(assignment).ok()?;
        line.push(b'\n');
        let mut written = 0;
        let mut rings = [0; 4096];
        loop {
            tokio::select! {
                count = self.assignments.write(line.get(written..).unwrap_or_default()), if written < line.len() => match count {
                    Ok(count) => written += count,
                    // The bell ends as well.
                    Err(_) => written = line.len(),
                },
                count = self.bell.read(&mut rings) => match rings.get(..count.unwrap_or(0)) {
                    None | Some([]) => break,
                    Some(told) if told.contains(&READY) => return Some(self),
                    Some(_) => on_growth(),
                },
                Some(()) = kills.recv() => self.kill(),
            }
        }
        // The pipe ends with the process.
        let _ = self.process.wait().await;
        None
    }

    /// Kills the watcher. The process over it clears away what it left, and ends.
    fn kill(&self) {
        if let Some(over) = self.process.id().and_then(|pid| Pid::from_raw(pid as i32)) {
            // It may be stopped as well.
            let _ = kill_process(over, Signal::CONT);
            children::signal_those_of(over, Signal::KILL);
        }
    }
}

/// The watchers of an agent that wait.
pub struct WatcherPool {
    program: PathBuf,
    attempts: PathBuf,
    /// The one that waits longest is the first.
    idle: Vec<(Instant, Watcher)>,
}

impl WatcherPool {
    /// None yet. `attempts` is the directory of all attempts.
    pub fn new(program: PathBuf, attempts: PathBuf) -> Self {
        Self { program, attempts, idle: Vec::new() }
    }

    /// A watcher that waits, else a new one.
    ///
    /// # Errors
    /// None can be started.
    pub fn take(&mut self) -> io::Result<Watcher> {
        while let Some((_, mut watcher)) = self.idle.pop() {
            if matches!(watcher.process.try_wait(), Ok(None)) {
                return Ok(watcher);
            }
        }
        self.start()
    }

    /// A new one.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(&self) -> io::Result<Watcher> {
        let mut process = Command::new(&self.program)
            .arg(ARGUMENT)
            .arg(&self.program)
            .arg(&self.attempts)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let without_pipe = || io::Error::other("a watcher without a pipe");
        let assignments = process.stdin.take().ok_or_else(without_pipe)?;
        let bell = process.stdout.take().ok_or_else(without_pipe)?;
        Ok(Watcher { process, assignments, bell })
    }

    /// Keeps a watcher that takes another attempt.
    pub fn put_back(&mut self, watcher: Watcher) {
        self.idle.push((Instant::now(), watcher));
    }

    /// Lets those end that waited too long: their pipe ends.
    pub fn end_idle(&mut self) {
        self.idle.retain(|(since, _)| since.elapsed() < IDLE_LIMIT);
    }
}
