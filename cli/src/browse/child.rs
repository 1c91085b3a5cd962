//! A run in a process of its own: this very program, which tells what happens line by line.

use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use super::entry::Kind;
use super::output::MAX_LINE;
use super::state::{Input, Order};

/// How often a run is looked at.
const TICK: Duration = Duration::from_millis(125);
/// How long a run may take to end when the browser does.
const GRACE: Duration = Duration::from_secs(5);
/// Most bytes of a line that is read: an event is longer than what it tells.
const MAX_READ: u64 = 4 * MAX_LINE as u64;

/// A process that runs a task.
#[derive(Debug)]
pub struct Run {
    process: Arc<Mutex<Child>>,
    group: Pid,
}

impl Run {
    /// Starts what is ordered in a project that `place` names by flags.
    ///
    /// # Errors
    /// The program cannot be started.
    pub fn start(order: &Order, place: &[String], inputs: &Sender<Input>) -> io::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        match order.kind {
            Kind::Plan => command.args(["plan", "run"]).args(place).arg(&order.name),
            Kind::Inline | Kind::Folder => {
                command.args(["run", "--events", "jsonl"]).args(place).arg(&order.name)
            }
        };
        command.args(order.variables.iter().map(|(name, value)| format!("{name}={value}")));
        command.envs(order.secrets.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let mut child = command.spawn()?;
        let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let group = group.ok_or_else(|| io::Error::other("a process without a number"))?;
        let out = child.stdout.take().map(|pipe| forward(pipe, inputs.clone(), Input::Out));
        let err = child.stderr.take().map(|pipe| forward(pipe, inputs.clone(), Input::Err));
        let process = Arc::new(Mutex::new(child));
        let (watched, inputs) = (Arc::clone(&process), inputs.clone());
        thread::spawn(move || {
            let started = Instant::now();
            loop {
                let ended = watched.lock().unwrap_or_else(PoisonError::into_inner).try_wait();
                if let Ok(None) = ended {
                    // The browser that is gone needs no news.
                    let _ = inputs.send(Input::Ticked(started.elapsed()));
                    thread::sleep(TICK);
                    continue;
                }
                let _ = inputs.send(Input::Ticked(started.elapsed()));
                // All that was written comes before the end.
                for reader in [out, err].into_iter().flatten() {
                    let _ = reader.join();
                }
                let code = ended.ok().flatten().and_then(|status| status.code());
                let _ = inputs.send(Input::Ended(code));
                return;
            }
        });
        Ok(Self { process, group })
    }

    /// Sends a signal to all of it.
    pub fn signal(&self, signal: Signal) {
        if self.is_running() {
            // It may have ended just now.
            let _ = kill_process_group(self.group, signal);
        }
    }

    fn is_running(&self) -> bool {
        let mut process = self.process.lock().unwrap_or_else(PoisonError::into_inner);
        matches!(process.try_wait(), Ok(None))
    }

    /// Ends it: gently, and after a while not gently.
    pub fn end(&self) {
        self.signal(Signal::INT);
        let deadline = Instant::now() + GRACE;
        while self.is_running() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(10));
        }
        self.signal(Signal::KILL);
    }
}

/// Sends every line as it comes; longer ones in pieces.
fn forward(
    pipe: impl Read + Send + 'static,
    inputs: Sender<Input>,
    input: fn(String) -> Input,
) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        let mut pipe = BufReader::new(pipe);
        let mut line = Vec::new();
        while let Ok(1..) = pipe.by_ref().take(MAX_READ).read_until(b'\n', &mut line) {
            let text = String::from_utf8_lossy(&line);
            if inputs.send(input(text.trim_end_matches('\n').to_owned())).is_err() {
                return;
            }
            line.clear();
        }
    })
}
