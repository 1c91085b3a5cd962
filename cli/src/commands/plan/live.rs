//! A run of a plan on the terminal: a line a step while it runs, or, elsewhere, what each step printed in one piece.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::io::Write;
use std::time::{Duration, Instant};

use ez_compiler::ir::{NodeId, Plan};
use ez_runner::event::Stream;
use ez_runner::go_text::duration as shown_duration;
use ez_runner::plan::report::{PlanEvent, PlanSink};
use ez_runner::plan::schedule::End;

use crate::logger::{Color, Logger};

/// How often the live lines are drawn again at most.
const REDRAW: Duration = Duration::from_millis(80);
/// Most bytes of a step's output that are kept to be shown in one piece; the log has all.
const MAX_KEPT: usize = 4 << 20;
/// Shortest part of the last line that is worth showing.
const MIN_TAIL: usize = 8;

/// Tells the rows and columns of a terminal.
pub type Measure = fn() -> Option<(u16, u16)>;

/// Shows a run.
pub struct Live<'a> {
    plan: &'a Plan,
    logger: &'a Logger,
    /// Columns and rows of the terminal; none where there is no terminal to draw on.
    size: Option<Measure>,
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    steps: Vec<Step>,
    running: Vec<NodeId>,
    done: usize,
    failed: usize,
    /// How many lines stand on the terminal that are drawn again.
    drawn: usize,
    last: Option<Instant>,
}

#[derive(Default)]
struct Step {
    began: Option<Instant>,
    waits: bool,
    output: Vec<u8>,
    is_cut: bool,
    tail: String,
}

impl<'a> Live<'a> {
    /// Shows a run of a plan: live where `size` tells how large the terminal is.
    pub fn new(plan: &'a Plan, logger: &'a Logger, size: Option<Measure>) -> Self {
        let mut state = State::default();
        state.steps.resize_with(plan.nodes.len(), Step::default);
        Self { plan, logger, size, state: RefCell::new(state) }
    }

    /// Takes the live lines away.
    pub fn clear(&self) {
        self.state.borrow_mut().erase();
    }

    /// Draws the live lines again if it is time, so that their times go on.
    pub fn tick(&self) {
        let mut state = self.state.borrow_mut();
        self.draw(&mut state, false);
    }

    fn name(&self, node: NodeId) -> &str {
        &self.plan.node(node).name
    }

    fn finished(
        &self,
        state: &mut State,
        node: NodeId,
        end: End,
        reused: bool,
        took: Duration,
        cause: Option<&str>,
    ) {
        state.running.retain(|running| *running != node);
        state.done += 1;
        state.failed += usize::from(matches!(end, End::Failed | End::Blocked));
        let name = self.name(node).to_owned();
        let step = state.steps.get_mut(node.0 as usize).map(std::mem::take).unwrap_or_default();
        let (mark, color) = mark(end, reused);
        let word = if reused { "kept from before" } else { end.word() };
        let mut line = format!("{} {}", self.logger.paint(color, mark), name);
        match (end, reused) {
            (End::Succeeded, false) => {
                let _ = write!(line, "  {}", self.logger.paint(Color::Default, &time(took)));
            }
            _ => {
                let _ = write!(line, "  {}", self.logger.paint(color, word));
            }
        }
        if let Some(cause) = cause {
            let _ = write!(line, ": {}", cause.trim_end());
        }
        line.push('\n');
        state.erase();
        // On a terminal the last line of a step that is well was seen; its log has the rest.
        let is_shown = self.size.is_none() || matches!(end, End::Failed | End::Tolerated | End::Cancelled);
        if is_shown && !step.output.is_empty() {
            let title = format!("── {name} ──\n");
            self.logger.err(Color::Cyan, &title);
            if step.is_cut {
                self.logger.err(Color::Yellow, "ez: the beginning is left out; the log has it\n");
            }
            let mut stdout = std::io::stdout().lock();
            // A reader that went away has what it wanted.
            let _ = stdout.write_all(&step.output);
            if step.output.last() != Some(&b'\n') {
                let _ = stdout.write_all(b"\n");
            }
            let _ = stdout.flush();
        }
        self.logger.err(Color::None, &line);
        self.draw(state, true);
    }

    fn draw(&self, state: &mut State, now: bool) {
        let Some((rows, columns)) = self.size.and_then(|size| size()) else { return };
        let is_early = state.last.is_some_and(|last| last.elapsed() < REDRAW);
        if is_early && !now {
            return;
        }
        state.last = Some(Instant::now());
        let mut text = String::new();
        let room = usize::from(rows).saturating_sub(2).max(1);
        let shown: Vec<NodeId> = state.running.iter().copied().take(room).collect();
        let width = shown.iter().map(|node| self.name(*node).chars().count()).max().unwrap_or(0).min(40);
        for node in &shown {
            let Some(step) = state.steps.get(node.0 as usize) else { continue };
            let took = time(step.began.map(|began| began.elapsed()).unwrap_or_default());
            let word = if step.waits { "waits for an answer" } else { &step.tail };
            let plain = format!("{:<width$}  {took:>7}  ", self.name(*node));
            let left = usize::from(columns).saturating_sub(plain.chars().count() + 3);
            let tail: String =
                if left < MIN_TAIL { String::new() } else { word.chars().take(left).collect() };
            let _ = writeln!(text, "{} {plain}{tail}", self.logger.paint(Color::Cyan, "●"));
        }
        let more = state.running.len().saturating_sub(shown.len());
        let total = self.plan.nodes.len();
        let failed = if state.failed > 0 { format!(", {} failed", state.failed) } else { String::new() };
        let hidden = if more > 0 { format!(", {more} more run") } else { String::new() };
        let _ = writeln!(
            text,
            "{}",
            self.logger.paint(Color::Default, &format!("[{}/{total}{failed}{hidden}]", state.done))
        );
        state.erase();
        state.drawn = text.lines().count();
        self.logger.err(Color::None, &text);
    }
}

impl State {
    /// Takes the live lines away, so that other lines can stand there.
    fn erase(&mut self) {
        if self.drawn > 0 {
            let mut stderr = std::io::stderr().lock();
            // Up to the first of the lines, and everything from there on away.
            let _ = write!(stderr, "\x1b[{}A\r\x1b[J", self.drawn);
            let _ = stderr.flush();
            self.drawn = 0;
        }
    }
}

impl PlanSink for Live<'_> {
    fn emit(&self, event: &PlanEvent<'_>) {
        let mut state = self.state.borrow_mut();
        let state = &mut *state;
        match event {
            PlanEvent::Started { node, attempt } => {
                if *attempt == 1 {
                    state.running.push(*node);
                }
                if let Some(step) = state.steps.get_mut(node.0 as usize) {
                    step.began = Some(Instant::now());
                    step.waits = false;
                }
                self.draw(state, false);
            }
            PlanEvent::Placed { .. } => {}
            PlanEvent::Output { node, stream: Stream::Stdout | Stream::Stderr, bytes } => {
                if let Some(step) = state.steps.get_mut(node.0 as usize) {
                    step.keep(bytes);
                }
                self.draw(state, false);
            }
            PlanEvent::Retried { node, next, of, delay, cause } => {
                let pause =
                    if delay.is_zero() { String::new() } else { format!(" in {}", shown_duration(*delay)) };
                let words = format!(
                    "ez: {}: {}; attempt {next} of {of}{pause}\n",
                    self.name(*node),
                    cause.trim_end()
                );
                state.erase();
                self.logger.err(Color::Yellow, &words);
                self.draw(state, true);
            }
            PlanEvent::Waiting { node } => {
                if let Some(step) = state.steps.get_mut(node.0 as usize) {
                    step.waits = true;
                }
                // The question stands where the lines stood.
                state.erase();
            }
            PlanEvent::Finished { node, end, reused, duration, cause, .. } => {
                self.finished(state, *node, *end, *reused, *duration, *cause);
            }
            PlanEvent::Warning { node, text } => {
                state.erase();
                self.logger.err(Color::Yellow, &format!("ez: {}: {text}\n", self.name(*node)));
                self.draw(state, true);
            }
        }
    }
}

impl Step {
    fn keep(&mut self, bytes: &[u8]) {
        self.output.extend_from_slice(bytes);
        if self.output.len() > MAX_KEPT {
            let excess = self.output.len() - MAX_KEPT / 2;
            self.output.drain(..excess);
            self.is_cut = true;
        }
        let text = String::from_utf8_lossy(bytes);
        if let Some(line) = text.lines().rev().find(|line| !line.trim().is_empty()) {
            self.tail = line.trim().chars().filter(|c| !c.is_control()).collect();
        }
    }
}

fn mark(end: End, reused: bool) -> (&'static str, Color) {
    match end {
        End::Succeeded if reused => ("↺", Color::Cyan),
        End::Succeeded => ("✔", Color::Green),
        End::Skipped | End::NotSelected => ("∘", Color::Cyan),
        End::Tolerated => ("!", Color::Yellow),
        End::Failed => ("✘", Color::Red),
        End::Blocked => ("⊘", Color::Red),
        End::Cancelled => ("⊘", Color::Yellow),
    }
}

/// A time for people: `12.3s`, `2m05s`.
pub fn time(duration: Duration) -> String {
    let seconds = duration.as_secs();
    if seconds < 60 {
        return format!("{:.1}s", duration.as_secs_f64());
    }
    if seconds < 3600 {
        format!("{}m{:02}s", seconds / 60, seconds % 60)
    } else {
        format!("{}h{:02}m", seconds / 3600, seconds / 60 % 60)
    }
}
