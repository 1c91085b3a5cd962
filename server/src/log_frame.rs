//! The form of a log: a row of frames, each a piece of one stream with its time.
//!
//! ```text
//! length: u32   stream: u8   version: u8   zero: u16   milliseconds since 1970: u64   bytes
//! ```
//!
//! Numbers are little-endian. A file may end within a frame, where the one who wrote it was killed; that piece does not count.

/// The bytes before a frame's content.
pub const HEADER_BYTES: usize = 16;
/// The longest content of a frame.
pub const MAX_FRAME_BYTES: usize = 64 * 1024;
const VERSION: u8 = 1;

/// Who wrote a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
    /// The agent itself.
    Note,
}

impl Stream {
    fn number(self) -> u8 {
        match self {
            Self::Out => 1,
            Self::Err => 2,
            Self::Note => 3,
        }
    }

    fn of_number(number: u8) -> Option<Self> {
        [Self::Out, Self::Err, Self::Note].into_iter().find(|stream| stream.number() == number)
    }

    /// Its name in the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Out => "stdout",
            Self::Err => "stderr",
            Self::Note => "note",
        }
    }
}

/// A piece of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Who wrote it.
    pub stream: Stream,
    /// When it was read, in milliseconds since 1970.
    pub time: i64,
    /// What was written.
    pub content: &'a [u8],
}

/// The bytes that stand before a content of at most [`MAX_FRAME_BYTES`].
pub fn header(stream: Stream, time: i64, length: usize) -> [u8; HEADER_BYTES] {
    let mut bytes = [0; HEADER_BYTES];
    bytes[..4].copy_from_slice(&(length as u32).to_le_bytes());
    bytes[4] = stream.number();
    bytes[5] = VERSION;
    bytes[8..].copy_from_slice(&time.to_le_bytes());
    bytes
}

/// How long the content is before which a header stands; `None` where it is no header.
pub fn length_of(header: &[u8; HEADER_BYTES]) -> Option<usize> {
    let [a, b, c, d, stream, version, ..] = *header;
    let length = u32::from_le_bytes([a, b, c, d]) as usize;
    (Stream::of_number(stream).is_some() && version == VERSION && length <= MAX_FRAME_BYTES).then_some(length)
}

/// Why bytes are no log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the log is broken at byte {0}")]
pub struct Broken(pub usize);

/// The whole frames at the beginning of some bytes, and how many bytes they take.
///
/// # Errors
/// There is something else than a frame.
pub fn whole_frames(bytes: &[u8]) -> Result<(Vec<Frame<'_>>, usize), Broken> {
    let mut frames = Vec::new();
    let mut at = 0;
    while let Some((frame, length)) = first_frame(&bytes[at..]).map_err(|()| Broken(at))? {
        frames.push(frame);
        at += length;
    }
    Ok((frames, at))
}

fn first_frame(bytes: &[u8]) -> Result<Option<(Frame<'_>, usize)>, ()> {
    let Some((header, rest)) = bytes.split_first_chunk::<HEADER_BYTES>() else { return Ok(None) };
    let length = length_of(header).ok_or(())?;
    let [_, _, _, _, stream, _, _, _, time @ ..] = *header;
    let stream = Stream::of_number(stream).ok_or(())?;
    let frame = rest.get(..length).map(|content| Frame { stream, time: i64::from_le_bytes(time), content });
    Ok(frame.map(|frame| (frame, HEADER_BYTES + length)))
}

#[cfg(test)]
mod tests {
    use super::{Broken, Frame, HEADER_BYTES, Stream, header, whole_frames};

    fn log(pieces: &[(Stream, &[u8])]) -> Vec<u8> {
        let piece =
            |(stream, content): &(Stream, &[u8])| [&header(*stream, 7, content.len())[..], content].concat();
        pieces.iter().flat_map(piece).collect()
    }

    #[test]
    fn frames_come_back_as_they_were_written() {
        let bytes = log(&[(Stream::Out, b"one\n"), (Stream::Err, b""), (Stream::Note, b"\xff")]);
        let (frames, length) = whole_frames(&bytes).unwrap();
        let frame = |stream, content| Frame { stream, time: 7, content };
        assert_eq!(
            frames,
            [frame(Stream::Out, &b"one\n"[..]), frame(Stream::Err, b""), frame(Stream::Note, b"\xff")]
        );
        assert_eq!(length, bytes.len());
    }

    #[test]
    fn a_frame_that_is_cut_does_not_count() {
        let bytes = log(&[(Stream::Out, b"one\n"), (Stream::Out, b"two\n")]);
        let first = HEADER_BYTES + 4;
        for end in first..bytes.len() {
            let (frames, length) = whole_frames(&bytes[..end]).unwrap();
            assert_eq!((frames.len(), length), (1, first));
        }
    }

    #[test]
    fn other_bytes_are_told_with_their_place() {
        let mut bytes = log(&[(Stream::Out, b"one\n")]);
        let end = bytes.len();
        bytes.extend([0xff; HEADER_BYTES]);
        assert_eq!(whole_frames(&bytes), Err(Broken(end)));
    }
}
