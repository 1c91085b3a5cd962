//! Listens to what the commands of one task print, its called tasks included.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;

use smol_str::SmolStr;

use crate::mask::Masker;

/// Takes what a task prints, as it comes.
pub trait Recorder: fmt::Debug {
    /// A command that is echoed, secrets masked.
    fn command(&self, name: &str, text: &str);

    /// Bytes that a command printed on either stream.
    fn output(&self, bytes: &[u8]);

    /// Values that must not be kept.
    fn hide(&self, secrets: &[SmolStr]);
}

/// Most bytes of a task's output that hooks see: the kernel takes no variable above 128 KiB.
pub const MAX_TASK_OUTPUT: usize = 64 << 10;

/// The end of a task's output.
#[derive(Debug, Default)]
pub struct Tail(RefCell<VecDeque<u8>>);

impl Tail {
    /// The last [`MAX_TASK_OUTPUT`] bytes at most, from a whole character on and without line breaks at the end. What is no
    /// UTF-8 is replaced, and so are zero bytes, which no variable can hold.
    pub fn text(&self) -> String {
        let mut kept = self.0.borrow_mut();
        let bytes = kept.make_contiguous();
        let is_continuation = |byte: &u8| byte & 0b1100_0000 == 0b1000_0000;
        let is_cut = bytes.len() >= MAX_TASK_OUTPUT;
        let start =
            if is_cut { bytes.iter().take(3).take_while(|byte| is_continuation(byte)).count() } else { 0 };
        let text = String::from_utf8_lossy(bytes.get(start..).unwrap_or_default()).replace('\0', "\u{fffd}");
        let text = text.trim_end_matches(['\n', '\r']);
        let mut from = text.len().saturating_sub(MAX_TASK_OUTPUT);
        while !text.is_char_boundary(from) {
            from += 1;
        }
        text.get(from..).unwrap_or_default().to_owned()
    }
}

impl Recorder for Tail {
    fn command(&self, _name: &str, _text: &str) {}

    fn output(&self, bytes: &[u8]) {
        let mut kept = self.0.borrow_mut();
        let fresh = bytes.get(bytes.len().saturating_sub(MAX_TASK_OUTPUT)..).unwrap_or_default();
        let length = kept.len();
        let excess = (length + fresh.len()).saturating_sub(MAX_TASK_OUTPUT);
        kept.drain(..excess.min(length));
        kept.extend(fresh);
    }

    fn hide(&self, _secrets: &[SmolStr]) {}
}

/// Writes what a task prints, secrets masked. Trouble with writing is kept for the end.
#[derive(Debug)]
pub struct Transcript<W> {
    state: RefCell<TranscriptState<W>>,
}

#[derive(Debug)]
struct TranscriptState<W> {
    out: W,
    masker: Masker,
    ends_line: bool,
    trouble: Option<std::io::Error>,
}

impl<W: std::io::Write> Transcript<W> {
    /// Writes to `out`.
    pub fn new(out: W) -> Self {
        let state = TranscriptState { out, masker: Masker::default(), ends_line: true, trouble: None };
        Self { state: RefCell::new(state) }
    }

    /// Ends the transcript with a text on lines of its own.
    ///
    /// # Errors
    /// The first trouble with writing.
    pub fn finish(&self, text: &str) -> std::io::Result<()> {
        let mut state = self.state.borrow_mut();
        let rest = state.masker.rest();
        state.write(&rest);
        state.end_line();
        state.write(text.as_bytes());
        state.trouble.take().map_or(Ok(()), Err)
    }
}

impl<W: std::io::Write> TranscriptState<W> {
    fn write(&mut self, bytes: &[u8]) {
        if let Some(last) = bytes.last() {
            self.ends_line = *last == b'\n';
        }
        if self.trouble.is_none() {
            self.trouble = self.out.write_all(bytes).and_then(|()| self.out.flush()).err();
        }
    }

    fn end_line(&mut self) {
        if !self.ends_line {
            self.write(b"\n");
        }
    }
}

impl<W: std::io::Write + fmt::Debug> Recorder for Transcript<W> {
    fn command(&self, name: &str, text: &str) {
        let mut state = self.state.borrow_mut();
        let rest = state.masker.rest();
        state.write(&rest);
        state.end_line();
        let mut line = state.masker.push(format!("[{name}] $ {text}\n").as_bytes());
        line.extend(state.masker.rest());
        state.write(&line);
    }

    fn output(&self, bytes: &[u8]) {
        let mut state = self.state.borrow_mut();
        let masked = state.masker.push(bytes);
        state.write(&masked);
    }

    fn hide(&self, secrets: &[SmolStr]) {
        self.state.borrow_mut().masker.hide(secrets);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_is_bounded_and_whole_text() {
        let tail = Tail::default();
        tail.output(b"one\n");
        tail.output("zwei \u{0}\n\n".as_bytes());
        assert_eq!(tail.text(), "one\nzwei \u{fffd}");
        tail.output("ü".repeat(MAX_TASK_OUTPUT).as_bytes());
        tail.output(b"x");
        let text = tail.text();
        assert!(text.ends_with("üx") && text.starts_with('ü') && text.len() <= MAX_TASK_OUTPUT);
        tail.output(&vec![0xff; MAX_TASK_OUTPUT * 3]);
        assert!(tail.text().len() <= MAX_TASK_OUTPUT);
    }

    #[test]
    fn a_transcript_has_no_secrets_and_whole_lines() {
        let mut out = Vec::new();
        {
            let transcript = Transcript::new(&mut out);
            transcript.hide(&["s3cret".into()]);
            transcript.output(b"a s3c");
            transcript.output(b"ret b");
            transcript.command("t", "echo s3cret");
            transcript.output(b"s3cre");
            transcript.finish("end\n").unwrap();
        }
        assert_eq!(String::from_utf8(out).unwrap(), "a ***** b\n[t] $ echo *****\ns3cre\nend\n");
    }
}
