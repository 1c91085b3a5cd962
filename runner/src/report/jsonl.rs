//! The stream of events as JSON, one a line.

use std::cell::RefCell;
use std::io::Write;

use crate::event::{Event, EventSink};

/// Writes every event as a line of JSON.
pub struct JsonLines<W: Write>(RefCell<W>);

impl<W: Write> JsonLines<W> {
    /// Writes to `writer`.
    pub fn new(writer: W) -> Self {
        Self(RefCell::new(writer))
    }
}

impl<W: Write> EventSink for JsonLines<W> {
    fn emit(&self, event: &Event) {
        let Ok(mut line) = serde_json::to_vec(event) else { return };
        line.push(b'\n');
        let mut writer = self.0.borrow_mut();
        // A reader that went away is not our failure: what is left is simply not told.
        let _ = writer.write_all(&line).and_then(|()| writer.flush());
    }

    fn wants_output(&self) -> bool {
        true
    }
}
