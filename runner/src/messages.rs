//! Tells listeners what happens.

use std::cell::Cell;
use std::rc::Rc;
use std::time::SystemTime;

use smol_str::SmolStr;

use crate::event::{Color, EVENT_VERSION, Event, EventKind, EventSink, Level, Stream};

/// Numbers events and hands them to the listener.
pub struct Messages {
    sink: Rc<dyn EventSink>,
    run_id: SmolStr,
    verbose: bool,
    seq: Cell<u64>,
    calls: Cell<u64>,
}

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
        Self { sink, run_id, verbose, seq: Cell::new(0), calls: Cell::new(0) }
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

    /// Tells an event.
    pub fn tell(&self, subject: &Subject, kind: EventKind) {
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
