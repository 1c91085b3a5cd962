//! What the events of a plan's run mean for its steps.
//!
//! An attempt of a job that runs a plan writes its events (`docs/events.md`) into a file that the node sends as it grows. The states of the steps follow from
//! that file alone, in its order: read again from any place up to which it was taken in, it says the same.

use ez_runner::civil_time;
use serde::Deserialize;

/// The longest line that is read. A beginning that names 100,000 steps is shorter.
pub const MAX_LINE_BYTES: usize = 64 << 20;

/// The most steps of a run, as of a plan.
const MAX_STEPS: usize = ez_compiler::ir::plan::MAX_NODES;

/// What happened, and where in the file its line ends.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// Where the line begins.
    pub first_byte: u64,
    /// Where the line ends.
    pub end_byte: u64,
    /// When, in milliseconds since 1970.
    pub time: i64,
    /// What.
    pub change: Change,
}

/// What an event changes. Events that change no state are none.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// The run has these steps.
    Begun {
        /// What the node calls the run.
        run: String,
        /// The steps, in the order of the plan.
        steps: Vec<PlannedStep>,
    },
    /// A step runs.
    Started {
        /// Its name.
        step: String,
        /// Which attempt of the step; the first one is 1.
        attempt: u32,
        /// The machine, where it is not that of the job.
        node: Option<String>,
    },
    /// A step is done.
    Finished {
        /// Its name.
        step: String,
        /// How: `succeeded`, `skipped`, `failed`, `tolerated`, `blocked`, `cancelled` or `not-selected`.
        state: String,
        /// Whether its result is that of an earlier job of the run.
        is_reused: bool,
        /// Its exit code, where it ran.
        exit_code: Option<i32>,
        /// Why it failed, or did not run.
        reason: Option<String>,
        /// How many attempts it took.
        attempts: u32,
    },
}

/// A step as the beginning of a run tells it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct PlannedStep {
    /// Its name, with its combination.
    pub name: String,
    /// The step of which it is a combination.
    pub step: String,
    /// Its task.
    pub task: String,
    /// The length of the longest way to it.
    pub level: u32,
    /// The steps that it waits for.
    #[serde(default)]
    pub needs: Vec<String>,
}

/// What a step printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Printed {
    /// `stdout`, `stderr`, or `note` for what is said about the step.
    pub stream: &'static str,
    /// When, in milliseconds since 1970.
    pub time: i64,
    /// What.
    pub text: String,
}

/// The kinds of events that change the state of a step.
const CHANGING: [&str; 3] = ["plan-started", "step-started", "step-finished"];

#[derive(Deserialize)]
struct Kind<'a> {
    kind: &'a str,
}

#[derive(Deserialize)]
struct Head {
    step: Option<String>,
}

#[derive(Deserialize)]
struct Line {
    kind: String,
    #[serde(default)]
    time: String,
    run_id: Option<String>,
    step: Option<String>,
    stream: Option<String>,
    text: Option<String>,
    steps: Option<Vec<PlannedStep>>,
    step_attempt: Option<u32>,
    step_attempts: Option<u32>,
    node: Option<String>,
    state: Option<String>,
    #[serde(default)]
    reused: bool,
    exit: Option<i32>,
    cause: Option<String>,
    next: Option<u32>,
    of: Option<u32>,
}

/// The states that an event can end a step with.
const ENDS: [&str; 7] =
    ["succeeded", "skipped", "failed", "tolerated", "blocked", "cancelled", "not-selected"];

fn milliseconds(time: &str) -> i64 {
    let seconds = civil_time::parse(time).unwrap_or_default();
    let fraction = time.split_once('.').and_then(|(_, rest)| rest.get(..3)?.parse::<i64>().ok());
    seconds.saturating_mul(1000).saturating_add(fraction.unwrap_or_default())
}

impl Line {
    fn change(self) -> Option<Change> {
        match self.kind.as_str() {
            "plan-started" => {
                let steps = self.steps.filter(|steps| steps.len() <= MAX_STEPS)?;
                Some(Change::Begun { run: self.run_id?, steps })
            }
            "step-started" => {
                Some(Change::Started { step: self.step?, attempt: self.step_attempt?, node: self.node })
            }
            "step-finished" => Some(Change::Finished {
                step: self.step?,
                state: self.state.filter(|state| ENDS.contains(&state.as_str()))?,
                is_reused: self.reused,
                exit_code: self.exit,
                reason: self.cause,
                attempts: self.step_attempts.unwrap_or_default(),
            }),
            _ => None,
        }
    }

    fn printed(self) -> Option<Printed> {
        let time = milliseconds(&self.time);
        let note = |text| Some(Printed { stream: "note", time, text });
        match self.kind.as_str() {
            "step-output" => {
                let stream = if self.stream.as_deref() == Some("stderr") { "stderr" } else { "stdout" };
                Some(Printed { stream, time, text: self.text? })
            }
            "step-warning" => note(format!("{}\n", self.text?)),
            "step-retried" => note(format!("{}; attempt {} of {}\n", self.cause?, self.next?, self.of?)),
            "step-waiting" => note("it waits for a yes\n".to_owned()),
            _ => None,
        }
    }
}

/// The whole lines of some bytes, each with its beginning and its end.
fn lines(bytes: &[u8]) -> impl Iterator<Item = (usize, usize, &[u8])> {
    let mut at = 0;
    bytes.get(..whole_lines(bytes)).unwrap_or_default().split_inclusive(|byte| *byte == b'\n').map(
        move |line| {
            let first = at;
            at += line.len();
            (first, at, line)
        },
    )
}

/// Where the last whole line of some bytes ends.
pub fn whole_lines(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1)
}

/// What the whole lines of some bytes change, which stand in the file from `offset` on. Lines that are no events, as one that was torn, are passed over.
pub fn changes(bytes: &[u8], offset: u64) -> Vec<Told> {
    let told = |(first, end, line): (usize, usize, &[u8])| {
        // Output is most of a file, and changes nothing.
        let kind: Kind = serde_json::from_slice(line).ok()?;
        if !CHANGING.contains(&kind.kind) {
            return None;
        }
        let line: Line = serde_json::from_slice(line).ok()?;
        let time = milliseconds(&line.time);
        let change = line.change()?;
        Some(Told { first_byte: offset + first as u64, end_byte: offset + end as u64, time, change })
    };
    lines(bytes).filter_map(told).collect()
}

/// What a step printed in the whole lines of some bytes, each piece with the end of its line in the file.
pub fn printed(bytes: &[u8], offset: u64, step: &str) -> Vec<(u64, Printed)> {
    let of_step = |(_, end, line): (usize, usize, &[u8])| {
        let head: Head = serde_json::from_slice(line).ok()?;
        if head.step.as_deref() != Some(step) {
            return None;
        }
        let line: Line = serde_json::from_slice(line).ok()?;
        Some((offset + end as u64, line.printed()?))
    };
    lines(bytes).filter_map(of_step).collect()
}

#[cfg(test)]
mod tests {
    use super::{Change, changes, printed, whole_lines};

    const EVENTS: &str = r#"{"version":1,"run_id":"r","attempt":1,"seq":1,"time":"1970-01-01T00:00:01.000Z","kind":"plan-started","plan":"p","resumed":false,"steps":[{"name":"b[x]","step":"b","task":"build","level":0,"needs":[]}]}
{"version":1,"run_id":"r","attempt":1,"seq":2,"time":"1970-01-01T00:00:02.005Z","task":"build","step":"b[x]","kind":"step-started","step_attempt":1}
{"version":1,"run_id":"r","attempt":1,"seq":3,"time":"1970-01-01T00:00:02.006Z","task":"build","step":"b[x]","kind":"step-output","stream":"stderr","text":"\"kind\":\"step-finished\" ü\n"}
{"version":1,"run_id":"r","attempt":1,"seq":3,"tim
{"version":1,"run_id":"r","attempt":1,"seq":4,"time":"1970-01-01T00:00:03.000Z","task":"build","step":"b[x]","kind":"step-retried","next":2,"of":3,"delay":0.0,"cause":"exit status 1"}
{"version":1,"run_id":"r","attempt":1,"seq":5,"time":"1970-01-01T00:00:04.000Z","task":"build","step":"b[x]","kind":"step-finished","state":"failed","reused":false,"exit":1,"cause":"exit status 1","step_attempts":2,"duration":1.5}
{"version":1,"run_id":"r","attempt":1,"seq":6,"time":"1970-01-01T00:00:05.000Z","kind":"plan-finished","exit":201,"duration":2.0}
"#;

    #[test]
    fn states_follow_from_events_wherever_the_file_is_cut() {
        let all = changes(EVENTS.as_bytes(), 0);
        assert_eq!(all.len(), 3, "{all:?}");
        assert!(
            matches!(&all[0].change, Change::Begun { run, steps } if run == "r" && steps[0].name == "b[x]")
        );
        assert_eq!(all[1].time, 2005);
        assert_eq!(
            all[2].change,
            Change::Finished {
                step: "b[x]".into(),
                state: "failed".into(),
                is_reused: false,
                exit_code: Some(1),
                reason: Some("exit status 1".into()),
                attempts: 2
            }
        );
        for cut in 0..=EVENTS.len() {
            let first = &EVENTS.as_bytes()[..cut];
            let taken = whole_lines(first);
            let mut told = changes(first, 0);
            told.extend(changes(&EVENTS.as_bytes()[taken..], taken as u64));
            assert_eq!(told, all, "cut at {cut}");
        }
    }

    #[test]
    fn output_is_that_of_one_step() {
        let pieces = printed(EVENTS.as_bytes(), 0, "b[x]");
        let told: Vec<(&str, &str)> =
            pieces.iter().map(|(_, piece)| (piece.stream, piece.text.as_str())).collect();
        assert_eq!(
            told,
            [("stderr", "\"kind\":\"step-finished\" ü\n"), ("note", "exit status 1; attempt 2 of 3\n")]
        );
        assert_eq!(printed(EVENTS.as_bytes(), 0, "b"), []);
    }

    #[test]
    fn nonsense_changes_nothing() {
        for text in ["", "\n", "{}\n", "[1]\n", "{\"kind\":\"step-started\"}\n", "\u{0}\n"] {
            assert_eq!(changes(text.as_bytes(), 0), [], "{text:?}");
        }
        let wrong = r#"{"kind":"step-finished","step":"a","state":"exploded"}"#.to_owned() + "\n";
        assert_eq!(changes(wrong.as_bytes(), 0), []);
    }
}
