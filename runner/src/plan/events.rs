//! A run of a plan as a stream of events: one JSON object a line, for programs.

use std::cell::RefCell;
use std::io::{self, Write};
use std::time::{Duration, SystemTime};

use ez_compiler::ir::{NodeId, Plan};
use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use super::report::{PlanEvent, PlanSink};
use crate::event::{EVENT_VERSION, Event, EventKind, PlannedStep, Stream};

/// What stands in the place of output that is left out.
const CUT: &str = "the output is longer than what is kept of it; the rest is left out";

/// Writes the events of a run. What cannot be written is not told: a run does not fail for those who listen.
pub struct PlanEvents<'p, W> {
    plan: &'p Plan,
    run: SmolStr,
    attempt: u32,
    state: RefCell<Writing<W>>,
}

struct Writing<W> {
    out: W,
    seq: u64,
    /// Whether the last line may be torn.
    is_torn: bool,
    /// How many bytes of output are still told.
    left: u64,
    is_cut: bool,
    /// Bytes at the end of what a step printed that are the beginning of a character.
    begun: FxHashMap<(NodeId, Stream), Vec<u8>>,
}

impl<'p, W: Write> PlanEvents<'p, W> {
    /// Of an attempt of a run, the first one being 1; of what steps print at most `max_output` bytes are told.
    pub fn new(plan: &'p Plan, run: SmolStr, attempt: u32, max_output: u64, out: W) -> Self {
        let begun = FxHashMap::default();
        let state = Writing { out, seq: 0, is_torn: false, left: max_output, is_cut: false, begun };
        Self { plan, run, attempt, state: RefCell::new(state) }
    }

    /// The run begins.
    pub fn begin(&self) {
        let plan = self.plan;
        let step = |node: NodeId| {
            let known = plan.node(node);
            let mut needs: Vec<SmolStr> = Vec::new();
            for need in plan.needs.of(node) {
                let name = &plan.step_of(*need).name.value;
                if needs.last() != Some(name) && !needs.contains(name) {
                    needs.push(name.clone());
                }
            }
            PlannedStep {
                name: known.name.clone(),
                step: plan.step_of(node).name.value.clone(),
                task: known.task.clone(),
                level: plan.levels.get(node.0 as usize).copied().unwrap_or_default(),
                needs,
            }
        };
        let steps = plan.ids().map(step).collect();
        self.tell(None, EventKind::PlanStarted { plan: plan.name.clone(), resumed: self.attempt > 1, steps });
    }

    /// The run ended.
    pub fn end(&self, exit: u8, duration: Duration) {
        self.tell(None, EventKind::PlanFinished { exit, duration });
    }

    fn tell(&self, node: Option<NodeId>, kind: EventKind) {
        let mut state = self.state.borrow_mut();
        state.seq += 1;
        let event = Event {
            version: EVENT_VERSION,
            run_id: self.run.clone(),
            attempt: self.attempt,
            seq: state.seq,
            time: SystemTime::now(),
            task: node.map(|node| self.plan.node(node).task.clone()),
            call: None,
            step: node.map(|node| self.plan.node(node).name.clone()),
            kind,
        };
        let Ok(line) = serde_json::to_vec(&event) else { return };
        state.write(line);
    }

    fn output(&self, node: NodeId, stream: Stream, bytes: &[u8]) {
        let (text, is_cut_now) = self.state.borrow_mut().text(node, stream, bytes);
        if !text.is_empty() {
            self.tell(Some(node), EventKind::StepOutput { stream, text });
        }
        if is_cut_now {
            self.tell(Some(node), EventKind::StepWarning { text: CUT.to_owned() });
        }
    }

    /// Tells what is left of characters that have no end.
    fn finish_texts(&self, node: NodeId) {
        for stream in [Stream::Stdout, Stream::Stderr] {
            let rest = self.state.borrow_mut().begun.remove(&(node, stream)).unwrap_or_default();
            if !rest.is_empty() {
                let text = String::from_utf8_lossy(&rest).into_owned();
                self.tell(Some(node), EventKind::StepOutput { stream, text });
            }
        }
    }
}

impl<W: Write> Writing<W> {
    fn write(&mut self, mut line: Vec<u8>) {
        if self.is_torn {
            line.insert(0, b'\n');
        }
        line.push(b'\n');
        let written = self.out.write_all(&line).and_then(|()| self.out.flush());
        // A reader that went away is no failure of the run; a full disk may have room again.
        self.is_torn = written.is_err_and(|error: io::Error| error.kind() != io::ErrorKind::BrokenPipe);
    }

    /// The whole characters of what a step printed, as far as it is told, and whether this is the first that is not.
    fn text(&mut self, node: NodeId, stream: Stream, bytes: &[u8]) -> (String, bool) {
        let kept = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
        self.left -= kept as u64;
        let is_cut_now = kept < bytes.len() && !self.is_cut;
        self.is_cut |= is_cut_now;
        let mut whole = self.begun.remove(&(node, stream)).unwrap_or_default();
        whole.extend_from_slice(bytes.get(..kept).unwrap_or_default());
        let rest = whole.split_off(whole.len() - begun_character(&whole));
        if !rest.is_empty() {
            self.begun.insert((node, stream), rest);
        }
        (String::from_utf8_lossy(&whole).into_owned(), is_cut_now)
    }
}

/// How many bytes at the end of some bytes are the beginning of a character whose rest may follow.
fn begun_character(bytes: &[u8]) -> usize {
    let tail = bytes.iter().rev().take(3);
    for (before, byte) in tail.enumerate() {
        let length = match byte {
            0b1100_0000..=0b1101_1111 => 2,
            0b1110_0000..=0b1110_1111 => 3,
            0b1111_0000..=0b1111_0111 => 4,
            0b1000_0000..=0b1011_1111 => continue,
            _ => 1,
        };
        return if length > before + 1 { before + 1 } else { 0 };
    }
    0
}

impl<W: Write> PlanSink for PlanEvents<'_, W> {
    fn emit(&self, event: &PlanEvent<'_>) {
        match event {
            PlanEvent::Started { node, attempt } => {
                self.tell(Some(*node), EventKind::StepStarted { step_attempt: *attempt, node: None });
            }
            PlanEvent::Placed { node, attempt, machine } => {
                let machine = Some(SmolStr::from(*machine));
                self.tell(Some(*node), EventKind::StepStarted { step_attempt: *attempt, node: machine });
            }
            PlanEvent::Output { node, stream, bytes } => self.output(*node, *stream, bytes),
            PlanEvent::Retried { node, next, of, delay, cause } => {
                self.finish_texts(*node);
                let cause = (*cause).to_owned();
                let kind = EventKind::StepRetried { next: *next, of: *of, delay: *delay, cause };
                self.tell(Some(*node), kind);
            }
            PlanEvent::Waiting { node } => self.tell(Some(*node), EventKind::StepWaiting {}),
            PlanEvent::Finished { node, end, reused, exit, attempts, duration, cause } => {
                self.finish_texts(*node);
                let kind = EventKind::StepFinished {
                    state: *end,
                    reused: *reused,
                    exit: *exit,
                    cause: cause.map(str::to_owned),
                    step_attempts: *attempts,
                    duration: *duration,
                };
                self.tell(Some(*node), kind);
            }
            PlanEvent::Warning { node, text } => {
                self.tell(Some(*node), EventKind::StepWarning { text: (*text).to_owned() });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn writing(max_output: u64) -> Writing<Vec<u8>> {
        let begun = FxHashMap::default();
        Writing { out: Vec::new(), seq: 0, is_torn: false, left: max_output, is_cut: false, begun }
    }

    #[test]
    fn characters_are_told_whole_however_they_are_cut() {
        let printed = "aü€😀z".as_bytes();
        for cut in 0..=printed.len() {
            let mut state = writing(1000);
            let (first, _) = state.text(NodeId(0), Stream::Stdout, &printed[..cut]);
            let (other, _) = state.text(NodeId(0), Stream::Stderr, b"x");
            let (second, _) = state.text(NodeId(0), Stream::Stdout, &printed[cut..]);
            assert_eq!((first + &second, other.as_str()), ("aü€😀z".to_owned(), "x"), "cut at {cut}");
            assert!(state.begun.is_empty());
        }
        for (bytes, begun) in
            [(&b"a\xc3"[..], 1), (b"\xf0\x9f\x98", 3), (b"\x80\x80\x80\x80", 0), (b"\xff", 0)]
        {
            assert_eq!(begun_character(bytes), begun, "{bytes:?}");
        }
    }

    #[test]
    fn output_beyond_the_limit_is_left_out_and_that_is_told_once() {
        let mut state = writing(3);
        assert_eq!(state.text(NodeId(0), Stream::Stdout, b"ab"), ("ab".to_owned(), false));
        assert_eq!(state.text(NodeId(1), Stream::Stdout, b"cd"), ("c".to_owned(), true));
        assert_eq!(state.text(NodeId(0), Stream::Stdout, b"e"), (String::new(), false));
    }

    struct Full(Vec<u8>, usize);

    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let room = self.1.min(bytes.len());
            if room == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.1 -= room;
            self.0.extend_from_slice(bytes.get(..room).unwrap_or_default());
            Ok(room)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_after_a_torn_one_stands_alone() {
        let begun = FxHashMap::default();
        let out = Full(Vec::new(), 3);
        let mut state = Writing { out, seq: 0, is_torn: false, left: 0, is_cut: false, begun };
        state.write(b"{1111}".to_vec());
        state.out.1 = 100;
        state.write(b"{2}".to_vec());
        state.write(b"{3}".to_vec());
        assert_eq!(state.out.0, b"{11\n{2}\n{3}\n");
    }
}
