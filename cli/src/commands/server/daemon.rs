//! A server in the background: begun, looked at, ended.

use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use ez_server::pid_file::{self, RunningServer};
use ez_server::private_directory;
use rustix::process::{Pid, Signal, kill_process};

use super::settings::Place;
use super::{failure, misuse};
use crate::args::server::{ServerData, ServerStop};
use crate::commands::{Context, Outcome};
use crate::failure::Failure;
use crate::logger::Color;

/// The log of a server in the background, beside the database.
const LOG: &str = "server.log";

/// The flag by which a server knows that it is in the background.
const DETACHED: &str = "--detached";

/// The pause between two looks at a server that ends.
const PAUSE: Duration = Duration::from_millis(10);

/// The longest complaint of a server that did not begin.
const MAX_COMPLAINT: u64 = 64 * 1024;

/// Begins a server in the background with the arguments of this process, and waits until it listens.
pub fn start(context: &Context, data: &ServerData) -> Outcome {
    let place = Place::of(context, data)?;
    if let Some(running) = pid_file::holder(&pid_file::beside(&place.database)).map_err(failure)? {
        return Err(failure(pid_file::PidFileError::Taken(running.pid)));
    }
    let path = place.database.with_file_name(LOG);
    let mut log = open_log(&path)?;
    let begun = log.seek(SeekFrom::End(0)).map_err(failure)?;
    let arguments = std::env::args_os().skip(1).filter(|argument| argument != "--daemon");
    let mut server = Command::new(std::env::current_exe().map_err(failure)?)
        .args(arguments)
        .arg(DETACHED)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log.try_clone().map_err(failure)?)
        .spawn()
        .map_err(failure)?;
    let mut line = String::new();
    if let Some(out) = server.stdout.take() {
        // Without a line the server has ended, and its log says why.
        let _ = BufReader::new(out).read_line(&mut line);
    }
    if line.is_empty() {
        // It has closed its output, and ends.
        let _ = server.wait();
        let mut complaint = String::new();
        log.seek(SeekFrom::Start(begun)).map_err(failure)?;
        log.take(MAX_COMPLAINT).read_to_string(&mut complaint).map_err(failure)?;
        let complaint = complaint.trim().trim_start_matches("ez: ");
        return Err(failure(format!("the server has ended: {complaint}")));
    }
    context.logger.err(
        Color::None,
        &format!(
            "ez: listening on {} in the background (process {}); its log is {}\n",
            line.trim(),
            server.id(),
            path.display()
        ),
    );
    Ok(())
}

fn open_log(path: &Path) -> Result<fs::File, Failure> {
    use std::os::unix::fs::OpenOptionsExt;
    let opened = path
        .parent()
        .map_or(Ok(()), private_directory::make)
        .and_then(|()| OpenOptions::new().create(true).append(true).read(true).mode(0o600).open(path));
    opened.map_err(|error| failure(format!("{} cannot be written: {error}", path.display())))
}

/// Leaves the terminal and the session of who began this process.
pub fn detach() {
    // Who leads a group already is on its own.
    let _ = rustix::process::setsid();
}

/// Tells who waits for it that the server listens, once.
pub fn tell(url: &str) {
    let mut out = std::io::stdout();
    // Nobody has to wait.
    let _ = writeln!(out, "{url}").and_then(|()| out.flush());
}

/// The server of this machine that works with a database.
pub fn running(place: &Place) -> Result<RunningServer, Failure> {
    pid_file::holder(&pid_file::beside(&place.database)).map_err(failure)?.ok_or_else(|| {
        let database = place.database.display();
        misuse(format!(
            "no server works with {database}: say which with --root DIRECTORY or --db FILE, or begin one with `ez server start`"
        ))
    })
}

/// Ends a server of this machine, and waits until it has.
pub fn stop(context: &Context, request: &ServerStop) -> Outcome {
    let place = Place::of(context, &request.data)?;
    let path = pid_file::beside(&place.database);
    let RunningServer { pid, .. } = running(&place)?;
    let process =
        Pid::from_raw(pid).ok_or_else(|| failure(format!("{} names no process", path.display())))?;
    let limit = Duration::from_secs(request.limit);
    let begun = Instant::now();
    // It may have ended in between.
    let _ = kill_process(process, Signal::TERM);
    while pid_file::holder(&path).map_err(failure)?.is_some_and(|running| running.pid == pid) {
        if begun.elapsed() > limit {
            return Err(failure(format!("process {pid} has not ended in {} s", request.limit)));
        }
        sleep(PAUSE);
    }
    context.logger.err(Color::None, "ez: the server has ended; jobs that run go on with their watchers\n");
    Ok(())
}
