//! The one stream of events that a run tells about itself.

use std::time::{Duration, SystemTime};

use serde::{Serialize, Serializer};
use smol_str::SmolStr;

use crate::civil_time;
use crate::plan::schedule::End;

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
    /// A hook of a task begins; its command and output have this index.
    HookStarted {
        /// `pre_run`, `post_run`, `on_error` or `always`.
        moment: &'static str,
        /// Its name.
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<SmolStr>,
        /// Its index, after those of the task's commands.
        index: usize,
    },
    /// A hook of a task ended.
    HookFinished {
        /// `pre_run`, `post_run`, `on_error` or `always`.
        moment: &'static str,
        /// Its name.
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<SmolStr>,
        /// Its index, after those of the task's commands.
        index: usize,
        /// The status; `None` where there is none.
        exit: Option<u8>,
        /// How long it took.
        #[serde(serialize_with = "seconds")]
        duration: Duration,
    },
    /// The commands of a task failed and will run again.
    TaskRetried {
        /// The next attempt; the first one of all is 1.
        next: u32,
        /// How many attempts there are.
        of: u32,
        /// The pause before it.
        #[serde(serialize_with = "seconds")]
        delay: Duration,
        /// What went wrong.
        cause: String,
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
    /// The run of a plan begins, or goes on.
    PlanStarted {
        /// The plan.
        plan: SmolStr,
        /// Whether an earlier attempt of the run goes on.
        resumed: bool,
        /// What it runs: a combination of a step each.
        steps: Vec<PlannedStep>,
    },
    /// A step of a plan begins an attempt.
    StepStarted {
        /// Which attempt of the step; the first one is 1.
        step_attempt: u32,
        /// The machine, where it is another one than that of the run.
        #[serde(skip_serializing_if = "Option::is_none")]
        node: Option<SmolStr>,
    },
    /// A step of a plan printed something.
    StepOutput {
        /// The stream.
        stream: Stream,
        /// What, secrets masked; bytes that are not UTF-8 are replaced.
        text: String,
    },
    /// An attempt of a step failed and another one follows.
    StepRetried {
        /// The next attempt.
        next: u32,
        /// How many attempts there are.
        of: u32,
        /// The pause before it.
        #[serde(serialize_with = "seconds")]
        delay: Duration,
        /// What went wrong.
        cause: String,
    },
    /// A step waits for a yes at its checkpoint.
    StepWaiting {},
    /// Something to know about a step.
    StepWarning {
        /// What.
        text: String,
    },
    /// A step is done, and that is written down.
    StepFinished {
        /// How.
        state: End,
        /// Whether its result is that of an earlier attempt of the run.
        reused: bool,
        /// The exit code of its last attempt, where it ran.
        exit: Option<u8>,
        /// Why it failed, or did not run.
        #[serde(skip_serializing_if = "Option::is_none")]
        cause: Option<String>,
        /// How many attempts it took.
        step_attempts: u32,
        /// How long it took.
        #[serde(serialize_with = "seconds")]
        duration: Duration,
    },
    /// The run of a plan ended.
    PlanFinished {
        /// The exit code.
        exit: u8,
        /// How long it took.
        #[serde(serialize_with = "seconds")]
        duration: Duration,
    },
}

/// A combination of a step, as the beginning of a run tells it.
#[derive(Clone, Debug, Serialize)]
pub struct PlannedStep {
    /// Its name: `build`, `build[arm64]`.
    pub name: SmolStr,
    /// The step of which it is a combination.
    pub step: SmolStr,
    /// The task that it runs.
    pub task: SmolStr,
    /// The length of the longest way to it: 0 where it waits for nothing.
    pub level: u32,
    /// The steps that it waits for: of each the name of the step, not of its combinations.
    pub needs: Vec<SmolStr>,
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
    /// What an earlier run made was put back.
    Restored,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
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
    serializer.serialize_str(&civil_time::format_milliseconds(since))
}

#[cfg(test)]
mod tests {
    use super::*;

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
