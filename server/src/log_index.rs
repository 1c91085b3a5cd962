//! Where lines are in a log: beside it, a file with a place for about every 256 KiB of it, so that the last lines of a long log are found without reading it.
//!
//! ```text
//! offset of a frame: u64   line ends before it: u64
//! ```
//!
//! Numbers are little-endian. The file says nothing that the log does not: where it is missing, cut off or wrong, the log is read instead.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::log_frame::{HEADER_BYTES, length_of};

/// How far two places are from each other at least, in bytes of the log.
pub const STEP: u64 = 256 * 1024;

/// The bytes of a place.
const PLACE_BYTES: usize = 16;

/// How much of a log is read at once.
const READ_BYTES: usize = 64 * 1024;

/// A place in a log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Where a frame begins.
    pub offset: u64,
    /// How many lines have ended before it.
    pub lines: u64,
}

impl Place {
    fn to_bytes(self) -> [u8; PLACE_BYTES] {
        let mut bytes = [0; PLACE_BYTES];
        bytes[..8].copy_from_slice(&self.offset.to_le_bytes());
        bytes[8..].copy_from_slice(&self.lines.to_le_bytes());
        bytes
    }

    fn of_bytes(bytes: [u8; PLACE_BYTES]) -> Self {
        let (numbers, _) = bytes.as_chunks::<8>();
        let number = |at: usize| numbers.get(at).map_or(0, |bytes| u64::from_le_bytes(*bytes));
        Self { offset: number(0), lines: number(1) }
    }
}

/// The places in a file, as far as they make sense for a log of a length. None where it cannot be read.
pub fn places(path: &Path, length: u64) -> Vec<Place> {
    let bytes = std::fs::read(path).unwrap_or_default();
    let (whole, _) = bytes.as_chunks::<PLACE_BYTES>();
    let mut last = Place::default();
    let told = whole.iter().map(|bytes| Place::of_bytes(*bytes));
    told.take_while(|place| {
        let follows =
            place.offset >= last.offset + STEP && place.lines >= last.lines && place.offset <= length;
        last = *place;
        follows
    })
    .collect()
}

/// Follows a log that is written, whatever pieces it comes in.
#[derive(Debug)]
struct Reader {
    /// How much of the log was read, and the line ends in it.
    at: Place,
    header: [u8; HEADER_BYTES],
    header_read: usize,
    content_left: usize,
}

impl Reader {
    fn new(at: Place) -> Self {
        Self { at, header: [0; HEADER_BYTES], header_read: 0, content_left: 0 }
    }

    /// Reads on; `on_frame` is called with the beginnings of frames. `None` where there is something else than frames.
    fn read(&mut self, mut bytes: &[u8], mut on_frame: impl FnMut(Place)) -> Option<()> {
        while !bytes.is_empty() {
            let taken = if self.content_left > 0 {
                let (content, _) = bytes.split_at(bytes.len().min(self.content_left));
                self.at.lines += memchr::memchr_iter(b'\n', content).count() as u64;
                self.content_left -= content.len();
                content.len()
            } else {
                if self.header_read == 0 {
                    on_frame(self.at);
                }
                let missing = self.header.get_mut(self.header_read..)?;
                let taken = missing.len().min(bytes.len());
                missing.get_mut(..taken)?.copy_from_slice(bytes.get(..taken)?);
                self.header_read += taken;
                if self.header_read == HEADER_BYTES {
                    self.content_left = length_of(&self.header)?;
                    self.header_read = 0;
                }
                taken
            };
            self.at.offset += taken as u64;
            bytes = bytes.get(taken..)?;
        }
        Some(())
    }
}

/// Writes the index of a log that grows.
#[derive(Debug)]
pub struct IndexWriter {
    path: PathBuf,
    file: Option<File>,
    reader: Reader,
    last: u64,
    count: u64,
}

impl IndexWriter {
    /// Goes on with the index of a log that has a length. `None` where the log cannot be read; then it has no more index than it has.
    pub fn resume(path: PathBuf, log: &File, length: u64) -> Option<Self> {
        let known = places(&path, length);
        let at = known.last().copied().unwrap_or_default();
        let mut writer =
            Self { path, file: None, reader: Reader::new(at), last: at.offset, count: known.len() as u64 };
        let mut bytes = vec![0; READ_BYTES];
        while writer.reader.at.offset < length {
            let left = usize::try_from(length - writer.reader.at.offset).unwrap_or(READ_BYTES);
            let read = log.read_at(bytes.get_mut(..left.min(READ_BYTES))?, writer.reader.at.offset).ok()?;
            if read == 0 {
                return None;
            }
            writer.grew(bytes.get(..read)?)?;
        }
        Some(writer)
    }

    /// The log has grown by some bytes. `None` where the index cannot go on.
    pub fn grew(&mut self, bytes: &[u8]) -> Option<()> {
        let mut fresh = Vec::new();
        let last = &mut self.last;
        self.reader.read(bytes, |place| {
            if place.offset >= *last + STEP {
                *last = place.offset;
                fresh.extend(place.to_bytes());
            }
        })?;
        if fresh.is_empty() { Some(()) } else { self.write(&fresh).ok() }
    }

    fn write(&mut self, places: &[u8]) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => {
                let file = OpenOptions::new().create(true).truncate(false).write(true).open(&self.path)?;
                none.insert(file)
            }
        };
        file.write_all_at(places, self.count * PLACE_BYTES as u64)?;
        self.count += (places.len() / PLACE_BYTES) as u64;
        // What stood there before and did not make sense.
        file.set_len(self.count * PLACE_BYTES as u64)
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::{IndexWriter, Place, Reader, STEP, places};
    use crate::log_frame::{HEADER_BYTES, Stream, header};

    /// A log of frames of a line each.
    fn log(lines: usize) -> Vec<u8> {
        let line = [b'x'; 999].into_iter().chain([b'\n']).collect::<Vec<_>>();
        (0..lines).flat_map(|_| [&header(Stream::Out, 7, line.len())[..], &line].concat()).collect()
    }

    #[test]
    fn pieces_may_be_cut_anywhere() {
        let bytes = log(3);
        let frame = (HEADER_BYTES + 1000) as u64;
        let wanted: Vec<Place> = (0..3).map(|n| Place { offset: n * frame, lines: n }).collect();
        for size in [1, 7, 16, 17, 999, 5000] {
            let (mut reader, mut found) = (Reader::new(Place::default()), Vec::new());
            for piece in bytes.chunks(size) {
                reader.read(piece, |place| found.push(place)).unwrap();
            }
            assert_eq!((found, reader.at), (wanted.clone(), Place { offset: 3 * frame, lines: 3 }), "{size}");
        }
        assert_eq!(Reader::new(Place::default()).read(&[0xff; 40], |_| ()), None);
    }

    #[test]
    fn an_index_goes_on_after_a_restart() {
        let place = tempfile::tempdir().unwrap();
        let (path, log_path) = (place.path().join("index"), place.path().join("log"));
        let bytes = log(2000);
        std::fs::write(&log_path, &bytes).unwrap();
        let file = File::open(&log_path).unwrap();
        let length = bytes.len() as u64;
        // Half of it, then a restart in the middle of a frame, then the rest.
        let half = 1_000_300;
        IndexWriter::resume(path.clone(), &file, 0).unwrap().grew(&bytes[..half]).unwrap();
        IndexWriter::resume(path.clone(), &file, half as u64).unwrap().grew(&bytes[half..]).unwrap();
        let told = places(&path, length);
        assert_eq!(told.len() as u64, length / (STEP + 1016));
        assert!(told.iter().all(|place| place.offset == place.lines * 1016));
        // Made from nothing, it is the same.
        std::fs::remove_file(&path).unwrap();
        IndexWriter::resume(path.clone(), &file, length).unwrap();
        assert_eq!(places(&path, length), told);
        // What does not fit is left out, and written anew.
        assert_eq!(places(&path, told[1].offset), told[..2]);
        let mut wrong = std::fs::read(&path).unwrap();
        wrong[32..].fill(0xff);
        std::fs::write(&path, wrong).unwrap();
        IndexWriter::resume(path.clone(), &file, length).unwrap();
        assert_eq!(places(&path, length), told);
    }
}
