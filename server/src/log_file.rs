//! Logs of attempts on the server: files that only grow, each with one writer.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use crate::wire::Attempt;

/// How many directories the logs are spread over.
const SHARDS: i64 = 256;

/// What the names of the files end with that an attempt can have.
const LOG: &str = "log";
const EVENTS: &str = "events";

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
        fs::create_dir_all(&root)?;
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

    /// Removes all files of an attempt: its log and its events.
    ///
    /// # Errors
    /// One cannot be removed.
    pub fn remove(&self, attempt: Attempt) -> io::Result<()> {
        [LOG, EVENTS].into_iter().try_for_each(|suffix| {
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

/// The attempt whose log a file is.
fn attempt_of(name: &str) -> Option<Attempt> {
    let (job, fence) = name.strip_suffix(".log")?.split_once('-')?;
    Some(Attempt { job: job.parse().ok()?, fence: fence.parse().ok()? })
}

/// The log of an attempt that runs.
#[derive(Debug)]
pub struct LogFile {
    path: PathBuf,
    file: Mutex<Option<File>>,
    length: watch::Sender<u64>,
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
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let length = self.length();
        let known = length.checked_sub(offset);
        let Some(fresh) = known.and_then(|known| bytes.get(usize::try_from(known).ok()?..)) else {
            return Ok(length);
        };
        if fresh.is_empty() {
            return Ok(length);
        }
        let file = match &mut *file {
            Some(file) => file,
            none => {
                if let Some(directory) = self.path.parent() {
                    fs::create_dir_all(directory)?;
                }
                none.insert(OpenOptions::new().create(true).truncate(false).write(true).open(&self.path)?)
            }
        };
        file.write_all_at(fresh, length)?;
        let length = length + fresh.len() as u64;
        self.length.send_replace(length);
        Ok(length)
    }

    /// Brings what was added to the disk.
    ///
    /// # Errors
    /// The disk fails.
    pub fn sync(&self) -> io::Result<()> {
        let file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let copy = file.as_ref().map(File::try_clone).transpose()?;
        drop(file);
        copy.map_or(Ok(()), |file| file.sync_data())
    }
}

#[cfg(test)]
mod tests {
    use super::LogFiles;
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
}
