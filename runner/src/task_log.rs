//! Logs of runs: a header, what the commands printed, and a footer. A log without a footer is that of a run that goes on or
//! was killed; which of the two, a lock on the file tells.

use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::fs::{FlockOperation, flock};
use smol_str::SmolStr;

use crate::civil_time;
use crate::process::Environment;
use crate::recorder::{Recorder, Transcript};

/// What a log begins with.
const FIRST_LINE: &str = "# ez log 1";
/// What the footer begins with, before the name of the run.
const END: &str = "# end of ";
/// What a log's file name ends with.
pub const EXTENSION: &str = "log";
/// Most bytes of a header or a footer that are read.
const MAX_HEADER: u64 = 64 << 10;
/// How many logs of one moment get names of their own.
const MAX_SAME_NAME: u32 = 10_000;

/// What a log says about its run before the first output.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogHeader {
    /// Names the run.
    pub run: String,
    /// The task.
    pub task: String,
    /// The plan; empty without one.
    pub plan: String,
    /// The step of the plan; empty without one.
    pub step: String,
    /// When it began; RFC 3339.
    pub started: String,
    /// The machine.
    pub host: String,
    /// The user.
    pub user: String,
    /// The command line, secrets masked.
    pub command: String,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq)]
pub struct LogFooter {
    /// The exit code.
    pub exit: u8,
    /// How long it took, in seconds.
    pub seconds: f64,
}

/// Whether a log is whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogState {
    /// It has its footer.
    Finished,
    /// Its run goes on.
    Running,
    /// Its run was killed.
    Unfinished,
}

/// A log as a list shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct LogEntry {
    /// The file.
    pub path: PathBuf,
    /// What it says at its beginning.
    pub header: LogHeader,
    /// What it says at its end.
    pub footer: Option<LogFooter>,
    /// Whether it is whole.
    pub state: LogState,
}

/// A log that is being written.
#[derive(Debug)]
pub struct TaskLog {
    transcript: Transcript<File>,
    /// The file.
    pub path: PathBuf,
    run: String,
}

impl LogHeader {
    fn fields(&self) -> [(&'static str, &str); 8] {
        [
            ("run", &self.run),
            ("task", &self.task),
            ("plan", &self.plan),
            ("step", &self.step),
            ("started", &self.started),
            ("host", &self.host),
            ("user", &self.user),
            ("command", &self.command),
        ]
    }

    fn text(&self) -> String {
        let mut text = format!("{FIRST_LINE}\n");
        for (name, value) in self.fields().into_iter().filter(|(_, value)| !value.is_empty()) {
            // One line each, whatever stands in them.
            let _ = writeln!(text, "# {name}: {}", value.replace(['\n', '\r'], " "));
        }
        text.push('\n');
        text
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        if lines.next() != Some(FIRST_LINE) {
            return None;
        }
        let mut header = Self::default();
        for line in lines {
            let Some((name, value)) = line.strip_prefix("# ").and_then(|line| line.split_once(": ")) else {
                break;
            };
            let place = match name {
                "run" => &mut header.run,
                "task" => &mut header.task,
                "plan" => &mut header.plan,
                "step" => &mut header.step,
                "started" => &mut header.started,
                "host" => &mut header.host,
                "user" => &mut header.user,
                "command" => &mut header.command,
                _ => continue,
            };
            value.clone_into(place);
        }
        Some(header)
    }
}

impl TaskLog {
    /// Begins a log in a directory that is there. Its name is a prefix and the time.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn begin(directory: &Path, prefix: &str, header: &LogHeader) -> io::Result<Self> {
        let stamp: String = header.started.chars().filter(|c| !matches!(c, '-' | ':')).collect();
        let prefix: String =
            prefix.chars().map(|c| if matches!(c, '/' | '\\' | '\0') { '-' } else { c }).collect();
        let stem = if prefix.is_empty() { stamp } else { format!("{prefix}-{stamp}") };
        let (path, mut file) = fresh_file(directory, &stem)?;
        // Held until the process ends, so that a killed run can be told from one that goes on.
        let _ = flock(&file, FlockOperation::NonBlockingLockExclusive);
        io::Write::write_all(&mut file, header.text().as_bytes())?;
        Ok(Self { transcript: Transcript::new(file), path, run: header.run.clone() })
    }

    /// Ends the log.
    ///
    /// # Errors
    /// Something of it could not be written.
    pub fn finish(&self, exit: u8, duration: Duration) -> io::Result<()> {
        let seconds = duration.as_secs_f64();
        self.transcript.finish(&format!("\n{END}{}: exit {exit}, {seconds:.3}s\n", self.run))
    }
}

impl Recorder for TaskLog {
    fn command(&self, name: &str, text: &str) {
        self.transcript.command(name, text);
    }

    fn output(&self, bytes: &[u8]) {
        self.transcript.output(bytes);
    }

    fn hide(&self, secrets: &[SmolStr]) {
        self.transcript.hide(secrets);
    }
}

fn fresh_file(directory: &Path, stem: &str) -> io::Result<(PathBuf, File)> {
    for number in 1..=MAX_SAME_NAME {
        let name =
            if number == 1 { format!("{stem}.{EXTENSION}") } else { format!("{stem}-{number}.{EXTENSION}") };
        let path = directory.join(name);
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(file) => return Ok((path, file)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::new(io::ErrorKind::AlreadyExists, "too many logs of the same moment"))
}

/// Who runs this, as headers say it.
pub fn user(environment: &Environment) -> String {
    let named = ["USER", "LOGNAME"].into_iter().find_map(|name| environment.get(name));
    let uid = || format!("uid {}", rustix::process::getuid().as_raw());
    named.map_or_else(uid, |user| user.to_string_lossy().into_owned())
}

/// The time now, as headers say it.
pub fn now() -> String {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    civil_time::format_milliseconds(since)
}

/// What a file says, if it is a log.
///
/// # Errors
/// The file cannot be read.
pub fn read_entry(path: &Path) -> io::Result<Option<LogEntry>> {
    let mut file = File::open(path)?;
    let mut head = Vec::new();
    (&mut file).take(MAX_HEADER).read_to_end(&mut head)?;
    let Some(header) = LogHeader::parse(&String::from_utf8_lossy(&head)) else { return Ok(None) };
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(MAX_HEADER)))?;
    let mut tail = Vec::new();
    (&mut file).take(MAX_HEADER).read_to_end(&mut tail)?;
    let footer = parse_footer(&String::from_utf8_lossy(&tail), &header.run);
    let state = match &footer {
        Some(_) => LogState::Finished,
        None if flock(&file, FlockOperation::NonBlockingLockShared).is_err() => LogState::Running,
        None => LogState::Unfinished,
    };
    Ok(Some(LogEntry { path: path.to_path_buf(), header, footer, state }))
}

/// The footer, which must be the last line and name the run: what commands print is no footer.
fn parse_footer(tail: &str, run: &str) -> Option<LogFooter> {
    let line = tail.strip_suffix('\n')?.lines().last()?;
    let rest = line.strip_prefix(END)?.strip_prefix(run)?.strip_prefix(": exit ")?;
    let (exit, seconds) = rest.split_once(", ")?;
    Some(LogFooter { exit: exit.parse().ok()?, seconds: seconds.strip_suffix('s')?.parse().ok()? })
}

/// All logs in a directory, the newest first. What is no log is left out.
pub fn list(directory: &Path) -> Vec<LogEntry> {
    let Ok(files) = std::fs::read_dir(directory) else { return Vec::new() };
    let mut entries: Vec<LogEntry> = files
        .flatten()
        .map(|file| file.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == EXTENSION))
        .filter_map(|path| read_entry(&path).ok().flatten())
        .collect();
    entries.sort_by(|a, b| (&b.header.started, &b.path).cmp(&(&a.header.started, &a.path)));
    entries
}

/// Whether a log began more than so many days before a time since 1970.
pub fn is_older(header: &LogHeader, days: u32, now: Duration) -> bool {
    let seconds = header.started.get(..19).and_then(|time| civil_time::parse(&format!("{time}Z")));
    let limit = i64::from(days) * 86_400;
    seconds.is_some_and(|started| now.as_secs() as i64 - started >= limit)
}

/// Masks what stands behind `NAME=` in an argument, for names that hold secrets.
pub fn masked_argument(argument: &str, is_secret: impl Fn(&str) -> bool) -> SmolStr {
    match argument.split_once('=') {
        Some((name, value)) if !value.is_empty() && is_secret(name) => {
            format!("{name}={}", crate::scope::MASK).into()
        }
        _ => argument.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> LogHeader {
        LogHeader {
            run: "r1".into(),
            task: "docs:build".into(),
            started: "2026-01-02T03:04:05.006Z".into(),
            host: "h".into(),
            user: "u".into(),
            command: "ez run docs:build\nX=1".into(),
            ..LogHeader::default()
        }
    }

    #[test]
    fn a_log_is_read_as_it_was_written() {
        let directory = tempfile::tempdir().unwrap();
        let log = TaskLog::begin(directory.path(), "ci", &header()).unwrap();
        assert_eq!(log.path.file_name().unwrap(), "ci-20260102T030405.006Z.log");
        log.output(b"hello\n# end of r0: exit 0, 1.000s\n");
        assert_eq!(read_entry(&log.path).unwrap().unwrap().state, LogState::Running);
        log.finish(7, Duration::from_millis(1250)).unwrap();
        let entry = read_entry(&log.path).unwrap().unwrap();
        assert_eq!(entry.footer, Some(LogFooter { exit: 7, seconds: 1.25 }));
        assert_eq!(entry.header, LogHeader { command: "ez run docs:build X=1".into(), ..header() });
        let second = TaskLog::begin(directory.path(), "ci", &header()).unwrap();
        let path = second.path.clone();
        drop(second);
        assert_eq!(read_entry(&path).unwrap().unwrap().state, LogState::Unfinished);
        std::fs::write(directory.path().join("other.log"), "hello").unwrap();
        assert_eq!(list(directory.path()).len(), 2);
    }

    #[test]
    fn ages_are_counted_in_days() {
        let now = Duration::from_secs(civil_time::parse("2026-01-04T03:04:05Z").unwrap() as u64);
        assert!(is_older(&header(), 2, now) && is_older(&header(), 0, now) && !is_older(&header(), 3, now));
    }

    #[test]
    fn arguments_are_masked_by_their_names() {
        let masked = |argument: &str| masked_argument(argument, |name| name == "EZ_TOKEN");
        assert_eq!(masked("EZ_TOKEN=abc"), "EZ_TOKEN=*****");
        assert_eq!(masked("EZ_OTHER=abc"), "EZ_OTHER=abc");
        assert_eq!(masked("--flag"), "--flag");
    }
}
