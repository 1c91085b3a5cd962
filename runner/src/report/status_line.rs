//! A line at the bottom of the terminal that tells what runs, while several tasks run at the same time.
//!
//! The line lives outside of the part of the screen that scrolls (DECSTBM), so that commands keep the terminal to
//! themselves: they write as ever, in colour, and nothing of theirs is copied or delayed.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use smol_str::SmolStr;

use crate::event::{Event, EventKind, EventSink};

/// How long several tasks must run before the line is shown: short runs should not flicker.
const DELAY: Duration = Duration::from_millis(400);

/// How often the line is drawn.
const INTERVAL: Duration = Duration::from_millis(200);

/// Fewer rows leave no room for a line.
const MIN_ROWS: u16 = 5;

/// The line; it goes when this is dropped.
pub struct StatusLine {
    state: Arc<Mutex<State>>,
    stop: Option<Sender<()>>,
    drawer: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct State {
    running: BTreeMap<u64, (SmolStr, Instant)>,
    done: usize,
    several_since: Option<Instant>,
}

/// Tells rows and columns of the terminal; `None` where it is none.
pub type Size = fn() -> Option<(u16, u16)>;

impl StatusLine {
    /// Draws on `out` until dropped.
    pub fn new(out: impl Write + Send + 'static, size: Size) -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        let (stop, stopped) = channel::<()>();
        let drawer = std::thread::Builder::new().name("status line".to_owned()).spawn(move || {
            let mut screen = Screen { out, size, reserved: None };
            while stopped.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
                let text = shared.lock().unwrap_or_else(PoisonError::into_inner).text(Instant::now());
                screen.show(text);
            }
            screen.show(None);
        });
        // Without a thread there is no line, and nothing else is lost.
        Self { state, stop: Some(stop), drawer: drawer.ok() }
    }
}

impl Drop for StatusLine {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(drawer) = self.drawer.take() {
            // A drawer that panicked has already said so.
            let _ = drawer.join();
        }
    }
}

impl EventSink for StatusLine {
    fn emit(&self, event: &Event) {
        let call = event.call.unwrap_or(0);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match &event.kind {
            EventKind::Command { runs: true, name, .. } => {
                state.running.insert(call, (name.clone(), Instant::now()));
            }
            EventKind::CommandFinished { .. } => {
                state.running.remove(&call);
            }
            EventKind::TaskFinished { .. } => {
                state.running.remove(&call);
                state.done += 1;
            }
            EventKind::TaskUpToDate { .. } => state.done += 1,
            _ => {}
        }
        state.several_since = match (state.running.len() > 1, state.several_since) {
            (true, None) => Some(Instant::now()),
            (true, since) => since,
            (false, _) => None,
        };
    }
}

impl State {
    fn text(&self, now: Instant) -> Option<String> {
        let since = self.several_since?;
        if now.duration_since(since) < DELAY {
            return None;
        }
        let mut text = format!("▸ {} running, {} done", self.running.len(), self.done);
        let mut oldest: Vec<_> = self.running.values().collect();
        oldest.sort_by_key(|(_, started)| *started);
        for (name, started) in oldest {
            let _ = write!(text, " · {name} {}s", now.duration_since(*started).as_secs());
        }
        Some(text)
    }
}

struct Screen<W> {
    out: W,
    size: Size,
    /// Rows of the terminal when the last one was taken out of the scrolling part.
    reserved: Option<u16>,
}

impl<W: Write> Screen<W> {
    fn show(&mut self, text: Option<String>) {
        let Some((rows, columns)) = (self.size)().filter(|(rows, _)| *rows >= MIN_ROWS) else { return };
        let mut codes = String::new();
        match text {
            Some(text) => {
                if self.reserved != Some(rows) {
                    // A line end first, so that the cursor is not on the row that is taken.
                    let _ = write!(codes, "\n\u{1b}7\u{1b}[1;{}r\u{1b}8\u{1b}[1A", rows - 1);
                    self.reserved = Some(rows);
                }
                let shown: String = text.chars().take(usize::from(columns.saturating_sub(1))).collect();
                let _ = write!(codes, "\u{1b}7\u{1b}[{rows};1H\u{1b}[2m{shown}\u{1b}[0m\u{1b}[K\u{1b}8");
            }
            None if self.reserved.take().is_some() => {
                let _ = write!(codes, "\u{1b}7\u{1b}[1;{rows}r\u{1b}[{rows};1H\u{1b}[2K\u{1b}8");
            }
            None => return,
        }
        // One write, so that nothing of a command comes between. A terminal that went away needs no line.
        let _ = self.out.write_all(codes.as_bytes()).and_then(|()| self.out.flush());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_waits_and_names_the_oldest_first() {
        let start = Instant::now();
        let later = start + Duration::from_secs(3);
        let mut state = State { done: 2, several_since: Some(start), ..State::default() };
        state.running.insert(1, ("young".into(), start + Duration::from_secs(2)));
        state.running.insert(2, ("old".into(), start));
        assert_eq!(state.text(start), None);
        assert_eq!(state.text(later).as_deref(), Some("▸ 2 running, 2 done · old 3s · young 1s"));
    }

    #[test]
    fn the_screen_is_left_as_it_was() {
        let mut screen = Screen { out: Vec::new(), size: || Some((24, 10)), reserved: None };
        screen.show(None);
        assert!(screen.out.is_empty());
        screen.show(Some("0123456789".to_owned()));
        screen.show(None);
        let text = String::from_utf8(screen.out).unwrap();
        assert!(text.contains("012345678\u{1b}[0m"), "{text:?}");
        assert!(text.ends_with("\u{1b}7\u{1b}[1;24r\u{1b}[24;1H\u{1b}[2K\u{1b}8"), "{text:?}");
    }
}
