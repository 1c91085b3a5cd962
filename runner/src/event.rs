//! The one stream of events that a run tells about itself.

use std::time::{Duration, SystemTime};

use serde::{Serialize, Serializer};
use smol_str::SmolStr;

/// Version of the format; fields are only ever added.
pub const EVENT_VERSION: u32 = 1;

/// Something that happened.
#[derive(Clone, Debug, Serialize)]
pub struct Event {
    /// [`EVENT_VERSION`].
    pub version: u32,
    /// Names the run.
    pub run_id: SmolStr,
    /// Which attempt of the run, from 1.
    pub attempt: u32,
    /// Counts the events of a run, from 1.
    pub seq: u64,
    /// When it happened; RFC 3339 with milliseconds, in UTC.
    #[serde(serialize_with = "rfc3339")]
    pub time: SystemTime,
    /// The task's full name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<SmolStr>,
    /// Counts the calls of a run, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call: Option<u64>,
    /// The step of a plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<SmolStr>,
    /// What happened.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// What happened.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum EventKind {
    /// The run begins.
    RunStarted {
        /// The names that were called.
        tasks: Vec<SmolStr>,
    },
    /// A task begins.
    TaskStarted {
        /// The name by which it was called.
        called: SmolStr,
    },
    /// A task does not run.
    TaskSkipped {
        /// Why.
        why: Skip,
    },
    /// A task has nothing to do.
    TaskUpToDate {
        /// The name that is shown.
        name: SmolStr,
        /// Whether the user is told.
        shown: bool,
    },
    /// A command begins.
    Command {
        /// Its index in the task, loops unrolled.
        index: usize,
        /// The name that is shown.
        name: SmolStr,
        /// The command, secrets masked.
        text: SmolStr,
        /// Whether the user is told.
        shown: bool,
        /// Whether it runs; not in a dry run.
        runs: bool,
        /// How its output is shown; `None` where it goes straight through.
        #[serde(skip)]
        style: Option<CommandStyle>,
    },
    /// Output of a command.
    Output {
        /// The command's index in the task.
        index: usize,
        /// The stream.
        stream: Stream,
        /// The bytes; bytes that are not UTF-8 are replaced in the serialised form.
        #[serde(serialize_with = "lossy_text", rename = "text")]
        bytes: Vec<u8>,
    },
    /// A command ended.
    CommandFinished {
        /// Its index in the task.
        index: usize,
        /// The status; `None` where there is none (a timeout, a shell that does not start).
        exit: Option<u8>,
        /// How long it took.
        #[serde(serialize_with = "seconds")]
        duration: Duration,
    },
    /// Something to tell the user.
    Message {
        /// How important it is.
        level: Level,
        /// The colour in which it is shown.
        color: Color,
        /// Where it is shown.
        stream: Stream,
        /// The text, line end included.
        text: SmolStr,
    },
    /// A task ended.
    TaskFinished {
        /// The exit code that a failure of this task alone would give; 0 after success.
        exit: u8,
        /// What went wrong, without the tasks on the way to it.
        #[serde(skip_serializing_if = "Option::is_none")]
        cause: Option<String>,
        /// How long it took, its dependencies included.
        #[serde(serialize_with = "seconds")]
        duration: Duration,
    },
    /// The run ended.
    RunFinished {
        /// The exit code without `--exit-code`; 0 after success.
        exit: u8,
        /// What went wrong.
        #[serde(skip_serializing_if = "Option::is_none")]
        cause: Option<String>,
        /// How long it took.
        #[serde(serialize_with = "seconds")]
        duration: Duration,
    },
}

/// How the output of one command is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommandStyle {
    /// As it comes.
    Interleaved,
    /// In one piece at the end.
    Group {
        /// A line before it; empty for none.
        begin: SmolStr,
        /// A line after it; empty for none.
        end: SmolStr,
        /// Not at all when the command succeeds.
        error_only: bool,
    },
    /// Each line after a name.
    Prefixed {
        /// The name.
        prefix: SmolStr,
    },
}

/// Why a task does not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Skip {
    /// It is for another platform.
    Platform,
    /// Its `if` failed.
    Condition,
    /// It already ran, or runs, in this run.
    AlreadyRun,
}

/// How important a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Only told with `--verbose`.
    Verbose,
    /// Always told.
    Info,
    /// Something went wrong.
    Error,
}

/// A standard stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// A colour by its role in go-task's logger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Color {
    /// No colour.
    Default,
    /// Commands.
    Green,
    /// Things that are left out.
    Yellow,
    /// Progress.
    Magenta,
    /// Failures.
    Red,
}

/// Listens to a run.
pub trait EventSink {
    /// Takes an event.
    fn emit(&self, event: &Event);

    /// Whether it needs the bytes that commands print. Where nobody does, commands write to the terminal themselves.
    fn wants_output(&self) -> bool {
        false
    }
}

/// Several listeners as one.
#[derive(Default)]
pub struct Sinks(pub Vec<Box<dyn EventSink>>);

impl EventSink for Sinks {
    fn emit(&self, event: &Event) {
        for sink in &self.0 {
            sink.emit(event);
        }
    }

    fn wants_output(&self) -> bool {
        self.0.iter().any(|sink| sink.wants_output())
    }
}

fn seconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64())
}

fn lossy_text<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&String::from_utf8_lossy(bytes))
}

fn rfc3339<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    serializer.serialize_str(&format_time(since))
}

/// A time since 1970 in RFC 3339, by the civil calendar's rules (days are counted in eras of 400 years).
fn format_time(since_epoch: Duration) -> String {
    let seconds = since_epoch.as_secs();
    let days = seconds / 86_400 + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    let millis = since_epoch.subsec_millis();
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_rfc_3339() {
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400, "2000-02-29T00:00:00.000Z"),
            (1_763_700_382, "2025-11-21T04:46:22.000Z"),
        ] {
            assert_eq!(format_time(Duration::from_secs(seconds)), expected);
        }
    }

    #[test]
    fn events_carry_their_envelope() {
        let event = Event {
            version: EVENT_VERSION,
            run_id: "r".into(),
            attempt: 1,
            seq: 2,
            time: SystemTime::UNIX_EPOCH,
            task: Some("a".into()),
            call: None,
            step: None,
            kind: EventKind::Output { index: 0, stream: Stream::Stderr, bytes: b"x\n".to_vec() },
        };
        assert_eq!(
            serde_json::to_string(&event).unwrap(),
            r#"{"version":1,"run_id":"r","attempt":1,"seq":2,"time":"1970-01-01T00:00:00.000Z","task":"a","kind":"output","index":0,"stream":"stderr","text":"x\n"}"#
        );
    }
}
