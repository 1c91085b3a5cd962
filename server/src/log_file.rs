//! Logs of attempts on the server: files that only grow, each with one writer.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::ops::ControlFlow;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use crate::log_frame::{self, HEADER_BYTES};
use crate::log_index::{self, IndexWriter};
use crate::private_directory;
use crate::wire::Attempt;

/// How many directories the logs are spread over.
const SHARDS: i64 = 256;

/// What the names of the files end with that an attempt can have.
const LOG: &str = "log";
const EVENTS: &str = "events";
const INDEX: &str = "index";

/// How much of a log is looked through at once.
const READ_BYTES: usize = 1 << 20;

/// All logs, or all events of plans' runs.
#[derive(Debug)]
pub struct LogFiles {
    root: PathBuf,
    suffix: &'static str,
    open: Mutex<HashMap<Attempt, Arc<LogFile>>>,
}

impl LogFiles {
    /// Below a directory.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn new(root: PathBuf) -> io::Result<Self> {
        private_directory::make(&root)?;
        Ok(Self { root, suffix: LOG, open: Mutex::default() })
    }

    /// The events of plans' runs, which are kept in the same directory.
    #[must_use]
    pub fn events(&self) -> Self {
        Self { root: self.root.clone(), suffix: EVENTS, open: Mutex::default() }
    }

    /// Where the log of an attempt is.
    pub fn path(&self, attempt: Attempt) -> PathBuf {
        self.path_of(attempt, self.suffix)
    }

    fn path_of(&self, attempt: Attempt, suffix: &str) -> PathBuf {
        let shard = format!("{:02x}", attempt.job.rem_euclid(SHARDS));
        self.root.join(shard).join(format!("{}-{}.{suffix}", attempt.job, attempt.fence))
    }

    /// All attempts that have a log. What cannot be read is left out.
    pub fn attempts(&self) -> Vec<Attempt> {
        let directories = fs::read_dir(&self.root).into_iter().flatten().flatten();
        let files =
            directories.flat_map(|directory| fs::read_dir(directory.path()).into_iter().flatten().flatten());
        files.filter_map(|file| attempt_of(file.file_name().to_str()?)).collect()
    }

    /// The log of an attempt that runs: what is there of it goes on.
    pub fn begin(&self, attempt: Attempt) -> Arc<LogFile> {
        let length = fs::metadata(self.path(attempt)).map_or(0, |metadata| metadata.len());
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(open.entry(attempt).or_insert_with(|| {
            Arc::new(LogFile {
                path: self.path(attempt),
                index: (self.suffix == LOG).then(|| self.path_of(attempt, INDEX)),
                file: Mutex::default(),
                length: watch::Sender::new(length),
            })
        }))
    }

    /// The log of an attempt, if that runs.
    pub fn growing(&self, attempt: Attempt) -> Option<Arc<LogFile>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).get(&attempt).cloned()
    }

    /// An attempt has ended: its log grows no more.
    pub fn end(&self, attempt: Attempt) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&attempt);
    }

    /// Whether a frame begins at a place of a log, or the log ends there.
    pub fn has_frame_at(&self, attempt: Attempt, offset: u64) -> bool {
        let length = fs::metadata(self.path(attempt)).map_or(0, |metadata| metadata.len());
        let header = self.read(attempt, offset, HEADER_BYTES).unwrap_or_default();
        offset == length || header.first_chunk().is_some_and(|header| log_frame::length_of(header).is_some())
    }

    /// Where the last lines of a log begin. All of it where it has no more.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn last_lines(&self, attempt: Attempt, count: u64) -> io::Result<LineStart> {
        let length = fs::metadata(self.path(attempt)).map_or(0, |metadata| metadata.len());
        let places = log_index::places(&self.path_of(attempt, INDEX), length);
        // The last place may be that of a frame which is not complete.
        let near_end = places.iter().rev().nth(1).copied().unwrap_or_default();
        let mut lines = near_end.lines;
        let mut is_within_line = false;
        let mut end = near_end.offset;
        self.each_frame(attempt, near_end.offset, |offset, content| {
            lines += memchr::memchr_iter(b'\n', content).count() as u64;
            is_within_line = content.last().map_or(is_within_line, |byte| *byte != b'\n');
            end = offset + (HEADER_BYTES + content.len()) as u64;
            ControlFlow::Continue(())
        })?;
        let before = (lines + u64::from(is_within_line)).saturating_sub(count);
        if before == 0 {
            return Ok(LineStart::default());
        }
        let mut start = LineStart { offset: end, skipped: 0 };
        let near = places.iter().rev().find(|place| place.lines < before).copied().unwrap_or_default();
        let mut left = before - near.lines;
        self.each_frame(attempt, near.offset, |offset, content| {
            let ends = memchr::memchr_iter(b'\n', content);
            let Some(last) = ends.clone().nth(usize::try_from(left - 1).unwrap_or(usize::MAX)) else {
                left -= ends.count() as u64;
                return ControlFlow::Continue(());
            };
            start = LineStart { offset, skipped: last + 1 };
            ControlFlow::Break(())
        })?;
        Ok(start)
    }

    /// How long a log is as text, as far as it can be read.
    pub fn text_length(&self, attempt: Attempt) -> u64 {
        let mut length = 0;
        // What cannot be read is not shown either.
        let _ = self.each_frame(attempt, 0, |_, content| {
            length += content.len() as u64;
            ControlFlow::Continue(())
        });
        length
    }

    /// Looks through the whole frames of a log, from the beginning of one.
    fn each_frame(
        &self,
        attempt: Attempt,
        mut offset: u64,
        mut look: impl FnMut(u64, &[u8]) -> ControlFlow<()>,
    ) -> io::Result<()> {
        loop {
            let bytes = self.read(attempt, offset, READ_BYTES)?;
            let (frames, length) = log_frame::whole_frames(&bytes).map_err(io::Error::other)?;
            if length == 0 {
                return Ok(());
            }
            for frame in frames {
                if look(offset, frame.content).is_break() {
                    return Ok(());
                }
                offset += (HEADER_BYTES + frame.content.len()) as u64;
            }
        }
    }

    /// Removes all files of an attempt: its log with the index, and its events.
    ///
    /// # Errors
    /// One cannot be removed.
    pub fn remove(&self, attempt: Attempt) -> io::Result<()> {
        [LOG, INDEX, EVENTS].into_iter().try_for_each(|suffix| {
            match fs::remove_file(self.path_of(attempt, suffix)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            }
        })
    }

    /// Some bytes of a log, at most `most`, from an offset. Nothing where there is no such log.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn read(&self, attempt: Attempt, offset: u64, most: usize) -> io::Result<Vec<u8>> {
        let file = match File::open(self.path(attempt)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            opened => opened?,
        };
        let left = file.metadata()?.len().saturating_sub(offset);
        let mut bytes = vec![0; usize::try_from(left).unwrap_or(most).min(most)];
        let mut read = 0;
        while let Some(rest) = bytes.get_mut(read..).filter(|rest| !rest.is_empty()) {
            match file.read_at(rest, offset + read as u64)? {
                0 => break,
                length => read += length,
            }
        }
        bytes.truncate(read);
        Ok(bytes)
    }
}

/// Where a line begins in a log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LineStart {
    /// Where the frame begins in which it begins.
    pub offset: u64,
    /// How many bytes of the content of the frame are before it.
    pub skipped: usize,
}

/// The attempt whose log a file is.
fn attempt_of(name: &str) -> Option<Attempt> {
    let (job, fence) = name.strip_suffix(".log")?.split_once('-')?;
    Some(Attempt { job: job.parse().ok()?, fence: fence.parse().ok()? })
}

/// The log of an attempt that runs.
#[derive(Debug)]
pub struct LogFile {
    path: PathBuf,
    /// Where its index is, if it has one.
    index: Option<PathBuf>,
    file: Mutex<Option<Writing>>,
    length: watch::Sender<u64>,
}

/// What is open of a log while it grows.
#[derive(Debug)]
struct Writing {
    file: File,
    /// `None` where it cannot be written on: then the log is read instead.
    index: Option<IndexWriter>,
}

impl LogFile {
    /// How long it is.
    pub fn length(&self) -> u64 {
        *self.length.borrow()
    }

    /// Tells how long it gets. Ends with the attempt.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.length.subscribe()
    }

    /// Adds what is new in a piece. A piece that was there already changes nothing; one that leaves a gap is refused. The length after it.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn append(&self, offset: u64, bytes: &[u8]) -> io::Result<u64> {
        let mut writing = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let length = self.length();
        let known = length.checked_sub(offset);
        let Some(fresh) = known.and_then(|known| bytes.get(usize::try_from(known).ok()?..)) else {
            return Ok(length);
        };
        if fresh.is_empty() {
            return Ok(length);
        }
        let writing = match &mut *writing {
            Some(writing) => writing,
            none => none.insert(self.open(length)?),
        };
        writing.file.write_all_at(fresh, length)?;
        if writing.index.as_mut().is_some_and(|index| index.grew(fresh).is_none()) {
            writing.index = None;
        }
        let length = length + fresh.len() as u64;
        self.length.send_replace(length);
        Ok(length)
    }

    fn open(&self, length: u64) -> io::Result<Writing> {
        if let Some(directory) = self.path.parent() {
            fs::create_dir_all(directory)?;
        }
        let options = OpenOptions::new().create(true).truncate(false).read(true).write(true).clone();
        let file = options.open(&self.path)?;
        let index = self.index.clone().and_then(|path| IndexWriter::resume(path, &file, length));
        Ok(Writing { file, index })
    }

    /// Brings what was added to the disk.
    ///
    /// # Errors
    /// The disk fails.
    pub fn sync(&self) -> io::Result<()> {
        let writing = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let copy = writing.as_ref().map(|writing| writing.file.try_clone()).transpose()?;
        drop(writing);
        copy.map_or(Ok(()), |file| file.sync_data())
    }
}

#[cfg(test)]
mod tests {
    use super::{LineStart, LogFiles};
    use crate::log_frame::{Stream, header, whole_frames};
    use crate::wire::Attempt;

    const ATTEMPT: Attempt = Attempt { job: 700, fence: 2 };

    #[test]
    fn pieces_come_once_whatever_is_sent_again() {
        let place = tempfile::tempdir().unwrap();
        let logs = LogFiles::new(place.path().join("logs")).unwrap();
        let log = logs.begin(ATTEMPT);
        assert_eq!(log.append(0, b"abc").unwrap(), 3);
        assert_eq!(log.append(0, b"abc").unwrap(), 3);
        assert_eq!(log.append(2, b"cde").unwrap(), 5);
        // A gap is left to be sent again.
        assert_eq!(log.append(9, b"x").unwrap(), 5);
        log.sync().unwrap();
        assert_eq!(logs.read(ATTEMPT, 1, 3).unwrap(), b"bcd");
        assert_eq!(logs.read(ATTEMPT, 99, 3).unwrap(), b"");
    }

    #[test]
    fn a_log_goes_on_after_a_restart() {
        let place = tempfile::tempdir().unwrap();
        let logs = LogFiles::new(place.path().to_owned()).unwrap();
        logs.begin(ATTEMPT).append(0, b"abc").unwrap();
        let logs = LogFiles::new(place.path().to_owned()).unwrap();
        let log = logs.begin(ATTEMPT);
        assert_eq!((log.length(), log.append(1, b"bcde").unwrap()), (3, 5));
        logs.end(ATTEMPT);
        assert!(logs.growing(ATTEMPT).is_none());
        assert_eq!(logs.read(ATTEMPT, 0, 99).unwrap(), b"abcde");
        logs.remove(ATTEMPT).unwrap();
        logs.remove(ATTEMPT).unwrap();
        assert_eq!(logs.read(ATTEMPT, 0, 99).unwrap(), b"");
    }

    /// A log of lines that are cut into frames anywhere, and its text.
    fn cut_lines(logs: &LogFiles, lines: usize, frame: usize) -> String {
        let line = |text: String, n: usize| text + "line " + &n.to_string() + &"x".repeat(n % 90) + "\n";
        let text = (0..lines).fold(String::new(), line) + "the last without an end";
        let log = logs.begin(ATTEMPT);
        for piece in text.as_bytes().chunks(frame) {
            let frame = [&header(Stream::Out, 7, piece.len())[..], piece].concat();
            log.append(log.length(), &frame).unwrap();
        }
        text
    }

    /// The text of a log from a place.
    fn text_from(logs: &LogFiles, start: LineStart) -> String {
        let bytes = logs.read(ATTEMPT, start.offset, usize::MAX).unwrap();
        let (frames, _) = whole_frames(&bytes).unwrap();
        let text: Vec<u8> = frames.iter().flat_map(|frame| frame.content).copied().collect();
        String::from_utf8(text[start.skipped..].to_vec()).unwrap()
    }

    #[test]
    fn the_last_lines_are_found_with_and_without_index() {
        for (lines, frame) in [(3, 5), (40_000, 700), (40_000, 60_000)] {
            let place = tempfile::tempdir().unwrap();
            let logs = LogFiles::new(place.path().to_owned()).unwrap();
            let text = cut_lines(&logs, lines, frame);
            for is_indexed in [true, false] {
                for count in [0, 1, 2, 3, 4, 5, 1000, 39_999, 40_001, 90_000] {
                    let all: Vec<&str> = text.split_inclusive('\n').collect();
                    let wanted = all[all.len().saturating_sub(count)..].concat();
                    let start = logs.last_lines(ATTEMPT, count as u64).unwrap();
                    assert!(text_from(&logs, start) == wanted, "{lines} {frame} {count} {is_indexed}");
                }
                let index = logs.path_of(ATTEMPT, super::INDEX);
                assert_eq!(index.exists(), is_indexed && lines > 3);
                let _ = std::fs::remove_file(index);
            }
        }
    }

    #[test]
    fn a_log_that_is_not_there_has_no_lines() {
        let place = tempfile::tempdir().unwrap();
        let logs = LogFiles::new(place.path().to_owned()).unwrap();
        assert_eq!(logs.last_lines(ATTEMPT, 5).unwrap(), LineStart::default());
    }
}
