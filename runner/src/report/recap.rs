//! What a run did, in a few lines at its end: shown by `ez` when more than one task ran.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::io::Write;
use std::time::Duration;

use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use crate::error::CANCELLED;
use crate::event::{Event, EventKind, EventSink, Skip};

/// Tasks that are shown; of more, the slowest.
const MAX_ROWS: usize = 12;

/// Remembers what ran and tells it at the end.
pub struct Recap<W: Write> {
    is_colored: bool,
    state: RefCell<State<W>>,
}

struct State<W> {
    out: W,
    names: FxHashMap<u64, SmolStr>,
    rows: Vec<Row>,
}

struct Row {
    name: SmolStr,
    end: End,
    duration: Duration,
}

#[derive(PartialEq)]
enum End {
    Success,
    UpToDate,
    /// It was ended before its own end: by the user, or because another task failed.
    Ended,
    Failure,
}

impl<W: Write> Recap<W> {
    /// Writes to `out`, in colour or not.
    pub fn new(out: W, is_colored: bool) -> Self {
        Self { is_colored, state: RefCell::new(State { out, names: FxHashMap::default(), rows: Vec::new() }) }
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.is_colored { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    fn text(&self, rows: &mut Vec<Row>, total: Duration) -> String {
        let count = rows.len();
        let counted =
            |end: End, code: &str, words: &str| match rows.iter().filter(|row| row.end == end).count() {
                0 => String::new(),
                n => format!(", {}", self.paint(code, &format!("{n} {words}"))),
            };
        let verdict = counted(End::Failure, "31", "failed") + &counted(End::Ended, "33", "ended early");
        let mut text = format!("{} {count} tasks in {}{verdict}\n", self.paint("1", "ez:"), seconds(total));
        if count > MAX_ROWS {
            rows.sort_by_key(|row| (row.end != End::Failure, std::cmp::Reverse(row.duration)));
            rows.truncate(MAX_ROWS);
        }
        let width = rows.iter().map(|row| row.name.chars().count()).max().unwrap_or(0);
        for row in rows.iter() {
            let (mark, rest) = match row.end {
                End::Success => (self.paint("32", "✓"), seconds(row.duration)),
                End::UpToDate => (self.paint("36", "="), "up to date".to_owned()),
                End::Ended => (self.paint("33", "-"), format!("{}, ended early", seconds(row.duration))),
                End::Failure => (self.paint("31", "✗"), seconds(row.duration)),
            };
            let _ = writeln!(text, "  {mark} {:width$}  {}", row.name, self.paint("2", &rest));
        }
        if count > MAX_ROWS {
            let _ = writeln!(text, "  {}", self.paint("2", &format!("… and {} more", count - MAX_ROWS)));
        }
        text
    }
}

impl<W: Write> EventSink for Recap<W> {
    fn emit(&self, event: &Event) {
        let mut state = self.state.borrow_mut();
        let call = event.call.unwrap_or(0);
        match &event.kind {
            EventKind::TaskStarted { called } => {
                state.names.insert(call, event.task.clone().unwrap_or_else(|| called.clone()));
            }
            EventKind::TaskUpToDate { .. } | EventKind::TaskSkipped { why: Skip::Restored } => {
                if let Some(name) = state.names.remove(&call) {
                    state.rows.push(Row { name, end: End::UpToDate, duration: Duration::ZERO });
                }
            }
            EventKind::TaskSkipped { why: Skip::AlreadyRun | Skip::Platform | Skip::Condition } => {
                state.names.remove(&call);
            }
            EventKind::TaskFinished { exit, duration, cause } => {
                if let Some(name) = state.names.remove(&call) {
                    let end = match (*exit, cause.as_deref()) {
                        (0, _) => End::Success,
                        (_, Some(CANCELLED)) => End::Ended,
                        _ => End::Failure,
                    };
                    state.rows.push(Row { name, end, duration: *duration });
                }
            }
            EventKind::RunFinished { duration, .. } if state.rows.len() > 1 => {
                let mut rows = std::mem::take(&mut state.rows);
                let text = self.text(&mut rows, *duration);
                // There is nobody left to tell when the stream is gone.
                let _ = state.out.write_all(text.as_bytes());
            }
            _ => {}
        }
    }
}

/// `0.04s`, `12.3s`, `3m 05s`
fn seconds(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    match seconds {
        s if s < 10.0 => format!("{s:.2}s"),
        s if s < 60.0 => format!("{s:.1}s"),
        _ => format!("{}m {:02}s", duration.as_secs() / 60, duration.as_secs() % 60),
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    fn run(events: Vec<(u64, EventKind)>) -> String {
        let recap = Recap::new(Vec::new(), false);
        for (seq, (call, kind)) in events.into_iter().enumerate() {
            recap.emit(&Event {
                version: 1,
                run_id: "r".into(),
                attempt: 1,
                seq: seq as u64,
                time: UNIX_EPOCH,
                task: None,
                call: Some(call),
                step: None,
                kind,
            });
        }
        String::from_utf8(recap.state.into_inner().out).unwrap()
    }

    fn started(name: &str) -> EventKind {
        EventKind::TaskStarted { called: name.into() }
    }

    fn finished(exit: u8, milliseconds: u64) -> EventKind {
        EventKind::TaskFinished { exit, cause: None, duration: Duration::from_millis(milliseconds) }
    }

    fn end() -> (u64, EventKind) {
        (0, EventKind::RunFinished { exit: 0, cause: None, duration: Duration::from_secs(65) })
    }

    #[test]
    fn several_tasks_are_told() {
        let up_to_date = EventKind::TaskUpToDate { name: "gen".into(), shown: true };
        let events = vec![
            (1, started("build")),
            (2, started("gen")),
            (2, up_to_date),
            (1, finished(0, 1240)),
            (3, started("test")),
            (3, finished(201, 12_345)),
            end(),
        ];
        let expected =
            "ez: 3 tasks in 1m 05s, 1 failed\n  = gen    up to date\n  ✓ build  1.24s\n  ✗ test   12.3s\n";
        assert_eq!(run(events), expected);
    }

    #[test]
    fn what_was_ended_has_not_failed() {
        let cancelled = EventKind::TaskFinished {
            exit: 201,
            cause: Some(CANCELLED.to_owned()),
            duration: Duration::from_millis(500),
        };
        let events =
            vec![(1, started("a")), (2, started("b")), (1, cancelled), (2, finished(201, 400)), end()];
        let expected =
            "ez: 2 tasks in 1m 05s, 1 failed, 1 ended early\n  - a  0.50s, ended early\n  ✗ b  0.40s\n";
        assert_eq!(run(events), expected);
    }

    #[test]
    fn one_task_needs_no_words() {
        assert_eq!(run(vec![(1, started("a")), (1, finished(0, 1)), end()]), "");
    }
}
