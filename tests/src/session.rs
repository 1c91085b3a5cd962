//! A program that runs while a test looks on: what it writes is waited for, keys are typed, signals are sent.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::OFlags;
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};

use crate::process::{Exit, exit_of};
use crate::tree;

/// Longer than anything that is waited for takes on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);
/// The size of the terminal: rows and columns.
const SIZE: (u16, u16) = (24, 80);

/// What to start.
#[derive(Clone, Debug)]
pub struct Start {
    /// The program, by its path.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// Its directory.
    pub directory: PathBuf,
    /// Its whole environment.
    pub environment: Vec<(OsString, OsString)>,
}

/// A running program; it is killed when this is dropped.
#[derive(Debug)]
pub struct Session {
    child: Child,
    /// The other end of the program's terminal.
    terminal: Option<File>,
    output: Arc<Output>,
    /// How much of the output was waited for.
    seen: usize,
}

#[derive(Debug, Default)]
struct Output {
    written: Mutex<Written>,
    more: Condvar,
}

#[derive(Debug, Default)]
struct Written {
    bytes: Vec<u8>,
    /// How many streams may still write.
    open: usize,
}

impl Session {
    /// Starts a program with nothing to read; what it writes to both streams comes in one.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn piped(start: &Start) -> io::Result<Self> {
        let (reader, writer) = io::pipe()?;
        let mut command = start.command(&start.program);
        command.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer);
        let child = command.spawn()?;
        // The command holds an end of the pipe, which would never end then.
        drop(command);
        let output = Arc::new(Output::default());
        collect(reader, &output);
        Ok(Self { child, terminal: None, output, seen: 0 })
    }

    /// Starts a program on a terminal of its own, where the interrupt key sends a signal.
    ///
    /// # Errors
    /// There is no terminal to be had, or the program cannot be started.
    pub fn on_terminal(start: &Start) -> io::Result<Self> {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
        grantpt(&master)?;
        unlockpt(&master)?;
        let name = ptsname(&master, Vec::new())?;
        let name = Path::new(name.to_str().map_err(io::Error::other)?).to_owned();
        let flags = i32::try_from(OFlags::NOCTTY.bits()).map_err(io::Error::other)?;
        let slave = OpenOptions::new().read(true).write(true).custom_flags(flags).open(name)?;
        tcsetwinsize(&slave, Winsize { ws_row: SIZE.0, ws_col: SIZE.1, ws_xpixel: 0, ws_ypixel: 0 })?;
        // It makes the terminal the session's own without unsafe code of ours.
        let mut command = start.command(Path::new("/usr/bin/setsid"));
        command.args(["--ctty", "--wait"]).arg(&start.program).args(&start.args);
        let child = command.stdin(slave.try_clone()?).stdout(slave.try_clone()?).stderr(slave).spawn()?;
        // The command keeps the terminal open, which would hide that the program closed it.
        drop(command);
        let terminal = File::from(master);
        let output = Arc::new(Output::default());
        collect(terminal.try_clone()?, &output);
        Ok(Self { child, terminal: Some(terminal), output, seen: 0 })
    }

    /// Waits until the program has written `text` after what was last waited for.
    ///
    /// # Panics
    /// It ends without it, or does not write it for a minute.
    #[track_caller]
    pub fn wait_for(&mut self, text: &str) -> &mut Self {
        let deadline = Instant::now() + PATIENCE;
        let output = Arc::clone(&self.output);
        let mut written = output.written.lock().expect("output");
        loop {
            let new = written.bytes.get(self.seen..).unwrap_or_default();
            if let Some(at) = new.windows(text.len()).position(|part| part == text.as_bytes()) {
                self.seen += at + text.len();
                return self;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || written.open == 0 {
                let all = tree::printable(&written.bytes);
                drop(written);
                panic!("the program does not write {text:?}; it wrote\n{all}");
            }
            written = output.more.wait_timeout(written, left).expect("output").0;
        }
    }

    /// Types on the terminal.
    ///
    /// # Panics
    /// There is no terminal, or nobody has it any more.
    #[track_caller]
    pub fn type_keys(&mut self, keys: &str) -> &mut Self {
        let terminal = self.terminal.as_mut().expect("a program on a terminal");
        terminal.write_all(keys.as_bytes()).expect("a terminal that takes keys");
        self
    }

    /// Gives the terminal another size, of which the program is told.
    ///
    /// # Panics
    /// There is no terminal.
    #[track_caller]
    pub fn resize(&mut self, rows: u16, columns: u16) -> &mut Self {
        let terminal = self.terminal.as_ref().expect("a program on a terminal");
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(terminal, size).expect("a terminal");
        self
    }

    /// Sends a signal to the program alone.
    ///
    /// # Panics
    /// It ended.
    #[track_caller]
    pub fn signal(&mut self, signal: Signal) -> &mut Self {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("a process");
        kill_process(pid, signal).expect("a running program");
        self
    }

    /// The number of the process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for the end of the program.
    ///
    /// # Panics
    /// It does not end within a minute.
    #[track_caller]
    pub fn exit(&mut self) -> Exit {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                return exit_of(status);
            }
            let written = self.written();
            assert!(Instant::now() < deadline, "the program does not end; it wrote\n{written}");
            thread::yield_now();
        }
    }

    /// All that was written so far.
    pub fn written(&self) -> String {
        tree::printable(&self.output.written.lock().expect("output").bytes)
    }

    /// Whether the terminal handles lines and shows what is typed, as it did at the start.
    pub fn terminal_is_as_before(&self) -> bool {
        let terminal = self.terminal.as_ref().expect("a program on a terminal");
        let modes = tcgetattr(terminal).expect("a terminal").local_modes;
        modes.contains(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG)
    }
}

impl Start {
    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        if program == self.program {
            command.args(&self.args);
        }
        command
            .current_dir(&self.directory)
            .env_clear()
            .envs(self.environment.iter().map(|(key, value)| (key, value)));
        command
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn collect(mut pipe: impl Read + Send + 'static, output: &Arc<Output>) {
    let output = Arc::clone(output);
    output.written.lock().expect("output").open += 1;
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        // A terminal that nobody has open any more gives an error, which is its end.
        while let Ok(count @ 1..) = pipe.read(&mut buffer) {
            output.written.lock().expect("output").bytes.extend_from_slice(&buffer[..count]);
            output.more.notify_all();
        }
        output.written.lock().expect("output").open -= 1;
        output.more.notify_all();
    });
}
