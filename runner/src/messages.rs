//! Tells listeners what happens.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::SystemTime;

use smol_str::SmolStr;

use crate::event::{Color, EVENT_VERSION, Event, EventKind, EventSink, Level, Stream};
use crate::scope::MASK;

/// Numbers events and hands them to the listener.
pub struct Messages {
    sink: Rc<dyn EventSink>,
    run_id: SmolStr,
    verbose: bool,
    seq: Cell<u64>,
    calls: Cell<u64>,
    secrets: RefCell<Vec<SmolStr>>,
}

/// The shortest text that is masked wherever it stands, in bytes: shorter ones would mask half of every message.
const MIN_HIDDEN: usize = 3;

/// What an event is about.
#[derive(Clone, Debug, Default)]
pub struct Subject {
    /// The task's full name.
    pub task: Option<SmolStr>,
    /// The number of the call.
    pub call: Option<u64>,
}

impl Messages {
    /// Tells `sink`.
    pub fn new(sink: Rc<dyn EventSink>, run_id: SmolStr, verbose: bool) -> Self {
        Self { sink, run_id, verbose, seq: Cell::new(0), calls: Cell::new(0), secrets: RefCell::default() }
    }

    /// Names the run.
    pub fn run_id(&self) -> &SmolStr {
        &self.run_id
    }

    /// The number of the next call.
    pub fn next_call(&self) -> u64 {
        self.calls.set(self.calls.get() + 1);
        self.calls.get()
    }

    /// Whether a listener needs the output of commands.
    pub fn wants_output(&self) -> bool {
        self.sink.wants_output()
    }

    /// Masks a text in all that is told from now on, also where a command prints it.
    pub fn hide(&self, secret: &str) {
        let mut secrets = self.secrets.borrow_mut();
        if secret.len() >= MIN_HIDDEN && !secrets.iter().any(|known| known == secret) {
            secrets.push(secret.into());
            // The longest first, so that one that holds another is masked whole.
            secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        }
    }

    /// What is hidden.
    pub fn hidden(&self) -> Vec<SmolStr> {
        self.secrets.borrow().clone()
    }

    /// A text with what is hidden masked.
    pub fn masked(&self, text: &str) -> String {
        self.secrets.borrow().iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), MASK))
    }

    fn mask(&self, kind: &mut EventKind) {
        let mask = |text: &mut SmolStr| *text = self.masked(text).into();
        match kind {
            EventKind::Command { text, .. } | EventKind::Message { text, .. } => mask(text),
            EventKind::Output { bytes, .. } => {
                for secret in self.secrets.borrow().iter() {
                    replace_bytes(bytes, secret.as_bytes(), MASK.as_bytes());
                }
            }
            EventKind::TaskFinished { cause: Some(cause), .. }
            | EventKind::RunFinished { cause: Some(cause), .. } => *cause = self.masked(cause),
            _ => {}
        }
    }

    /// Tells an event.
    pub fn tell(&self, subject: &Subject, mut kind: EventKind) {
        if !self.secrets.borrow().is_empty() {
            self.mask(&mut kind);
        }
        self.seq.set(self.seq.get() + 1);
        self.sink.emit(&Event {
            version: EVENT_VERSION,
            run_id: self.run_id.clone(),
            attempt: 1,
            seq: self.seq.get(),
            time: SystemTime::now(),
            task: subject.task.clone(),
            call: subject.call,
            step: None,
            kind,
        });
    }

    /// A message that is always told, on standard error.
    pub fn err(&self, color: Color, text: impl Into<SmolStr>) {
        let level = if color == Color::Red { Level::Error } else { Level::Info };
        self.message(level, color, Stream::Stderr, text.into());
    }

    /// A message that is always told, on standard output.
    pub fn out(&self, color: Color, text: impl Into<SmolStr>) {
        self.message(Level::Info, color, Stream::Stdout, text.into());
    }

    /// A message for `--verbose`, on standard error.
    pub fn verbose_err(&self, color: Color, text: impl FnOnce() -> String) {
        if self.verbose {
            self.message(Level::Verbose, color, Stream::Stderr, text().into());
        }
    }

    /// A message for `--verbose`, on standard output.
    pub fn verbose_out(&self, color: Color, text: impl FnOnce() -> String) {
        if self.verbose {
            self.message(Level::Verbose, color, Stream::Stdout, text().into());
        }
    }

    fn message(&self, level: Level, color: Color, stream: Stream, text: SmolStr) {
        self.tell(&Subject::default(), EventKind::Message { level, color, stream, text });
    }
}

fn replace_bytes(bytes: &mut Vec<u8>, from: &[u8], to: &[u8]) {
    let mut start = 0;
    while let Some(at) = bytes.get(start..).and_then(|rest| position(rest, from)) {
        let at = start + at;
        bytes.splice(at..at + from.len(), to.iter().copied());
        start = at + to.len();
    }
}

fn position(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len().max(1)).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_replaced_wherever_they_stand() {
        let check = |text: &str, expected: &str| {
            let mut bytes = text.as_bytes().to_vec();
            replace_bytes(&mut bytes, b"abc", b"*****");
            assert_eq!(String::from_utf8(bytes).unwrap(), expected);
        };
        check("abc", "*****");
        check("xabcabcx ab", "x**********x ab");
        check("", "");
    }
}
