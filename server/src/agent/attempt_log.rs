//! What an attempt writes, on its way into its log.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write};

use ez_runner::mask::Masker;
use smol_str::SmolStr;
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe::Receiver;

use super::attempt_directory::AttemptDirectory;
use super::bell::Bell;
use crate::clock::now_ms;
use crate::log_frame::{HEADER_BYTES, MAX_FRAME_BYTES, Stream, header};
use crate::secrets::Secrets;

/// The shortest line of a secret of several lines that is masked by itself, in bytes: shorter ones would mask half of every log.
const MIN_MASKED_LINE: usize = 4;

/// How long a character is at most, in UTF-8.
const MAX_CHARACTER_BYTES: usize = 4;

/// How much of the end of an output is kept that is longer than what is kept of it, in bytes with what its pieces need themselves.
const TAIL_BYTES: usize = 256 * 1024;

/// What a piece of the end needs besides its content, in bytes.
const PIECE_COST: usize = 64;

/// What is masked of secrets: each of them, and each line of those that have several.
fn masked_texts(secrets: &Secrets) -> Vec<SmolStr> {
    let lines = |value: &String| {
        let lines = value.lines().filter(|line| line.len() >= MIN_MASKED_LINE);
        lines.map(SmolStr::from).collect::<Vec<_>>()
    };
    let whole = secrets.0.values().map(SmolStr::from);
    whole.chain(secrets.0.values().filter(|value| value.trim_end().contains('\n')).flat_map(lines)).collect()
}

/// A stream of the job.
pub struct Output {
    pipe: Option<Receiver>,
    stream: Stream,
    /// A frame: what is read stands behind the place for the header, so that both are written at once.
    buffer: Box<[u8]>,
    /// How many bytes at the beginning of the content are of the read before: a character that was not complete.
    held: usize,
    masker: Option<Masker>,
}

impl Output {
    /// A stream that arrives through a pipe, in which secrets are to be masked.
    pub fn new(pipe: Receiver, stream: Stream, secrets: &Secrets) -> Self {
        let masker = (!secrets.is_empty()).then(|| {
            let mut masker = Masker::default();
            masker.hide(&masked_texts(secrets));
            masker
        });
        Self {
            pipe: Some(pipe),
            stream,
            buffer: vec![0; HEADER_BYTES + MAX_FRAME_BYTES].into_boxed_slice(),
            held: 0,
            masker,
        }
    }

    /// Whether there may be more.
    pub fn is_open(&self) -> bool {
        self.pipe.is_some()
    }

    /// Reads what is there, for [`AttemptLog::write`]. Cancel-safe.
    ///
    /// # Errors
    /// The pipe fails.
    pub async fn read(&mut self) -> io::Result<usize> {
        let room = self.buffer.get_mut(HEADER_BYTES + self.held..).unwrap_or_default();
        match &mut self.pipe {
            Some(pipe) => pipe.read(room).await,
            None => Ok(0),
        }
    }

    /// Takes note of so many bytes that were read. How long the frame is that they make; what is not in it is held back.
    fn received(&mut self, length: usize) -> usize {
        let end = HEADER_BYTES + self.held + length;
        let content = self.buffer.get(HEADER_BYTES..end).unwrap_or_default();
        end - incomplete_character(content)
    }

    /// Keeps what stands behind a frame for the next one.
    fn hold_back(&mut self, frame: usize, end: usize) {
        self.buffer.copy_within(frame..end, HEADER_BYTES);
        self.held = end - frame;
    }
}

/// How many bytes at the end are the beginning of a character whose rest is missing.
fn incomplete_character(bytes: &[u8]) -> usize {
    let last = bytes.iter().rev().take(MAX_CHARACTER_BYTES - 1).enumerate();
    for (after, byte) in last {
        let wanted = match byte {
            0x80..=0xbf => continue,
            0xc2..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xf4 => MAX_CHARACTER_BYTES,
            _ => 1,
        };
        return if wanted > after + 1 { after + 1 } else { 0 };
    }
    0
}

/// The last frames of an output.
#[derive(Default)]
struct Tail {
    frames: VecDeque<Vec<u8>>,
    cost: usize,
    /// How many bytes of content were before them and are gone.
    left_out: u64,
}

impl Tail {
    fn push(&mut self, stream: Stream, content: &[u8]) {
        self.frames.push_back([&header(stream, now_ms(), content.len())[..], content].concat());
        self.cost += content.len() + PIECE_COST;
        while self.cost > TAIL_BYTES
            && let Some(first) = self.frames.pop_front()
        {
            let length = first.len().saturating_sub(HEADER_BYTES);
            self.cost -= length + PIECE_COST;
            self.left_out += length as u64;
        }
    }
}

/// The log as it grows.
pub struct AttemptLog<'b> {
    file: File,
    left: u64,
    tail: Option<Tail>,
    bell: &'b Bell,
}

impl<'b> AttemptLog<'b> {
    /// The log of an attempt, of which `max_bytes` are kept. The bell rings when it grew.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn open(directory: &AttemptDirectory, max_bytes: u64, bell: &'b Bell) -> io::Result<Self> {
        Ok(Self { file: directory.append_log()?, left: max_bytes, tail: None, bell })
    }

    /// Keeps what was read from a stream; nothing ends the stream.
    ///
    /// # Errors
    /// The log cannot be written.
    pub fn write(&mut self, output: &mut Output, read: &io::Result<usize>) -> io::Result<()> {
        let length = match read {
            Ok(0) | Err(_) => {
                output.pipe = None;
                return Ok(());
            }
            Ok(length) => *length,
        };
        let end = HEADER_BYTES + output.held + length;
        let whole = output.received(length);
        let Some(frame) = output.buffer.get_mut(..whole) else { return Ok(()) };
        match &mut output.masker {
            None => self.keep(output.stream, frame)?,
            Some(masker) => {
                let masked = masker.push(frame.get(HEADER_BYTES..).unwrap_or_default());
                self.keep_apart(output.stream, &masked)?;
            }
        }
        output.hold_back(whole, end);
        Ok(())
    }

    /// Keeps what was held back of a stream because it could have become a character or a secret.
    ///
    /// # Errors
    /// The log cannot be written.
    pub fn write_rest(&mut self, output: &mut Output) -> io::Result<()> {
        let end = HEADER_BYTES + std::mem::take(&mut output.held);
        let held = output.buffer.get(HEADER_BYTES..end).unwrap_or_default();
        let rest = match &mut output.masker {
            Some(masker) => [masker.push(held), masker.rest()].concat(),
            None => held.to_vec(),
        };
        self.keep_apart(output.stream, &rest)
    }

    /// Keeps bytes before which there is no room for a header.
    fn keep_apart(&mut self, stream: Stream, bytes: &[u8]) -> io::Result<()> {
        let mut pieces = bytes.chunks(MAX_FRAME_BYTES);
        pieces.try_for_each(|piece| self.keep(stream, &mut [&[0; HEADER_BYTES][..], piece].concat()))
    }

    /// Keeps a piece of a stream as a frame, for whose header there is room before it, as far as there is room for the piece.
    fn keep(&mut self, stream: Stream, frame: &mut [u8]) -> io::Result<()> {
        let length = frame.len().saturating_sub(HEADER_BYTES);
        let kept = usize::try_from(self.left).unwrap_or(usize::MAX).min(length);
        self.left -= kept as u64;
        if kept > 0
            && let Some(frame) = frame.get_mut(..HEADER_BYTES + kept)
        {
            if let Some(place) = frame.first_chunk_mut::<HEADER_BYTES>() {
                *place = header(stream, now_ms(), kept);
            }
            self.append(frame)?;
        }
        if kept == length {
            return Ok(());
        }
        if self.tail.is_none() {
            self.note(
                "the output is longer than what is kept of it; only its end follows, when the job has ended",
            )?;
        }
        let rest = frame.get(HEADER_BYTES + kept..).unwrap_or_default();
        self.tail.get_or_insert_default().push(stream, rest);
        Ok(())
    }

    /// Writes the end of an output that was longer than what is kept of it.
    ///
    /// # Errors
    /// The log cannot be written.
    pub fn write_end(&mut self) -> io::Result<()> {
        let Some(tail) = self.tail.take() else { return Ok(()) };
        if tail.left_out > 0 {
            self.note(&format!("{} bytes are left out here", tail.left_out))?;
        }
        tail.frames.iter().try_for_each(|frame| self.append(frame))
    }

    /// Adds a line of the watcher's own.
    ///
    /// # Errors
    /// The log cannot be written.
    pub fn note(&mut self, text: &str) -> io::Result<()> {
        let text = format!("{text}\n");
        self.append(&[&header(Stream::Note, now_ms(), text.len())[..], text.as_bytes()].concat())
    }

    /// Writes a whole frame.
    fn append(&mut self, frame: &[u8]) -> io::Result<()> {
        self.file.write_all(frame)?;
        self.bell.log_grew();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::incomplete_character;

    #[test]
    fn a_character_is_held_back_until_it_is_complete() {
        for (text, cut) in
            [("a", 0), ("aä", 1), ("a€", 1), ("a€", 2), ("a🦀", 1), ("a🦀", 3), ("🦀", 2), ("", 0)]
        {
            let bytes = &text.as_bytes()[..text.len() - cut];
            let begun = if cut == 0 { 0 } else { text.chars().last().unwrap().len_utf8() - cut };
            assert_eq!(incomplete_character(bytes), begun, "{text} {cut}");
        }
        // What is no text is not held back.
        for bytes in [&b"\xff"[..], b"\x80\x80\x80\x80", b"\xc0", b"a\x80", b"\xf5\x80"] {
            assert_eq!(incomplete_character(bytes), 0, "{bytes:?}");
        }
    }
}
