//! A run as a trace for Chrome's viewer and Perfetto ("Trace Event Format", complete events).

use std::cell::RefCell;
use std::io::{self, Write};
use std::time::{SystemTime, UNIX_EPOCH};

use rustc_hash::FxHashMap;
use serde_json::{Value, json};
use smol_str::SmolStr;

use crate::event::{Event, EventKind, EventSink};

/// Collects a run and writes it when it ends.
pub struct Trace<W: Write> {
    state: RefCell<State<W>>,
}

struct State<W> {
    out: W,
    entries: Vec<Value>,
    /// Calls that run: when they began, and in which row they are drawn.
    tasks: FxHashMap<u64, Open>,
    /// Commands that run, by call and index.
    commands: FxHashMap<(u64, usize), Open>,
    /// Which rows are taken.
    rows: Vec<bool>,
}

struct Open {
    name: SmolStr,
    since: u64,
    row: usize,
}

impl<W: Write> Trace<W> {
    /// Writes to `out` when the run ends.
    pub fn new(out: W) -> Self {
        let state = State {
            out,
            entries: Vec::new(),
            tasks: FxHashMap::default(),
            commands: FxHashMap::default(),
            rows: Vec::new(),
        };
        Self { state: RefCell::new(state) }
    }
}

impl<W: Write> State<W> {
    fn take_row(&mut self) -> usize {
        let row = self.rows.iter().position(|taken| !taken).unwrap_or(self.rows.len());
        if row == self.rows.len() {
            self.rows.push(true);
        } else {
            self.rows[row] = true;
        }
        row
    }

    fn close(&mut self, open: &Open, category: &str, now: u64, details: &Value) {
        self.entries.push(json!({
            "name": open.name, "cat": category, "ph": "X", "pid": 1, "tid": open.row + 1,
            "ts": open.since, "dur": now.saturating_sub(open.since), "args": details,
        }));
    }

    fn write(&mut self) -> io::Result<()> {
        let trace = json!({"displayTimeUnit": "ms", "traceEvents": self.entries});
        serde_json::to_writer(&mut self.out, &trace)?;
        writeln!(self.out)?;
        self.out.flush()
    }
}

impl<W: Write> EventSink for Trace<W> {
    fn emit(&self, event: &Event) {
        let mut state = self.state.borrow_mut();
        let now = microseconds(event.time);
        let call = event.call.unwrap_or(0);
        match &event.kind {
            EventKind::TaskStarted { called } => {
                let row = state.take_row();
                state.tasks.insert(call, Open { name: called.clone(), since: now, row });
            }
            EventKind::TaskFinished { exit, .. } => {
                if let Some(open) = state.tasks.remove(&call) {
                    if let Some(taken) = state.rows.get_mut(open.row) {
                        *taken = false;
                    }
                    state.close(&open, "task", now, &json!({"exit": exit}));
                }
            }
            EventKind::Command { index, text, .. } => {
                let row = state.tasks.get(&call).map_or(0, |task| task.row);
                let name = text.lines().next().unwrap_or("").into();
                state.commands.insert((call, *index), Open { name, since: now, row });
            }
            EventKind::CommandFinished { index, exit, .. } => {
                if let Some(open) = state.commands.remove(&(call, *index)) {
                    state.close(&open, "command", now, &json!({"exit": exit}));
                }
            }
            EventKind::RunFinished { .. } => {
                if let Err(error) = state.write() {
                    // The run itself is not to blame for a full disk.
                    let _ = writeln!(io::stderr(), "ez: the trace cannot be written: {error}");
                }
            }
            _ => {}
        }
    }
}

fn microseconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as u64)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn event(seq: u64, call: u64, kind: EventKind) -> Event {
        Event {
            version: 1,
            run_id: "r".into(),
            attempt: 1,
            seq,
            time: UNIX_EPOCH + Duration::from_micros(seq * 10),
            task: None,
            call: Some(call),
            step: None,
            kind,
        }
    }

    #[test]
    fn tasks_that_overlap_get_rows_of_their_own() {
        let trace = Trace::new(Vec::new());
        let started = |name: &str| EventKind::TaskStarted { called: name.into() };
        let finished = || EventKind::TaskFinished { exit: 0, cause: None, duration: Duration::ZERO };
        trace.emit(&event(1, 1, started("a")));
        trace.emit(&event(2, 2, started("b")));
        trace.emit(&event(3, 1, finished()));
        trace.emit(&event(4, 2, finished()));
        trace.emit(&event(5, 0, EventKind::RunFinished { exit: 0, cause: None, duration: Duration::ZERO }));
        let text = trace.state.into_inner().out;
        let json: Value = serde_json::from_slice(&text).unwrap();
        let rows: Vec<_> =
            json["traceEvents"].as_array().unwrap().iter().map(|e| e["tid"].as_u64()).collect();
        assert_eq!(rows, [Some(1), Some(2)]);
        assert_eq!(json["traceEvents"][0]["dur"], 20);
    }
}
