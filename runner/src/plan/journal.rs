//! What happened in a run of a plan, written down before anything depends on it.
//!
//! A journal is a file of lines, each a checksum and a record. The order in which things become durable:
//!
//! 1. The file begins with [`Record::Begin`] and gets its name only when that is on the disk: a run without a whole
//!    beginning does not exist.
//! 2. What a step leaves (artifacts, in [`super::store`]) is on the disk before the record that it finished.
//! 3. That record is on the disk before anything that needs the step starts.
//!
//! So after any end of the process, and after a loss of power, a step whose record is there is done and what it left is whole;
//! one without a record runs again. A last line that is torn is what was being written: it is cut off, and nothing
//! depended on it yet.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::schedule::End;
use super::store::StoredFile;
use crate::file_lock;

/// The version of the format.
pub const VERSION: u32 = 1;
/// The file, in the directory of the run.
pub const FILE: &str = "journal";
/// Largest journal that is read, in bytes.
pub const MAX_SIZE: u64 = 1 << 30;

/// A line of a journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "kebab-case")]
pub enum Record {
    /// The run begins.
    Begin(Begin),
    /// A killed or failed run goes on.
    Resumed {
        /// When; RFC 3339.
        time: SmolStr,
    },
    /// A node begins.
    Started {
        /// The node's slug.
        node: SmolStr,
        /// Which attempt; the first one is 1.
        attempt: u32,
        /// When; RFC 3339.
        time: SmolStr,
    },
    /// A node ended.
    Finished(Box<Finished>),
    /// The run ended.
    Ended {
        /// Its exit code.
        exit: u8,
        /// When; RFC 3339.
        time: SmolStr,
    },
}

/// How a run begins.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Begin {
    /// [`VERSION`]
    pub version: u32,
    /// Names the run.
    pub run: SmolStr,
    /// The plan.
    pub plan: SmolStr,
    /// When; RFC 3339.
    pub time: SmolStr,
    /// What the order of shuffled steps is made from.
    pub seed: u64,
    /// What was given for variables and params, without secrets.
    pub given: BTreeMap<SmolStr, SmolStr>,
    /// The names of secrets that were given.
    pub withheld: Vec<SmolStr>,
    /// The steps by their slugs, each with what it says, so that a change can be told.
    pub steps: BTreeMap<SmolStr, SmolStr>,
    /// The run whose results were taken over for nodes that are not selected.
    pub base: Option<SmolStr>,
    /// The slugs of the nodes that are selected; all without it.
    pub selected: Option<Vec<SmolStr>>,
}

/// How a node ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finished {
    /// The node's slug.
    pub node: SmolStr,
    /// How.
    pub end: End,
    /// The exit code of its last attempt, where it ran.
    pub exit: Option<u8>,
    /// Why it failed.
    pub cause: Option<String>,
    /// When it began, in seconds since the run began.
    pub began: f64,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// How many attempts it took.
    pub attempts: u32,
    /// What it depended on; a node of the same key need not run again.
    pub key: SmolStr,
    /// What it wrote for others.
    pub outputs: BTreeMap<SmolStr, SmolStr>,
    /// What it left, by artifact.
    pub artifacts: BTreeMap<SmolStr, Vec<StoredFile>>,
}

/// A journal that is being written. Whoever has it holds a lock, which ends with the process.
#[derive(Debug)]
pub struct Journal {
    file: File,
    path: PathBuf,
}

/// Why a journal cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Another process writes it.
    #[error("this run goes on in another process")]
    Running,
    /// It does not begin like one.
    #[error("{} is no journal of this version of ez", .0.display())]
    Unreadable(PathBuf),
    /// The disk fails.
    #[error("{}: {error}", path.display())]
    Disk {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

impl Journal {
    /// Begins a journal in the directory of a run.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn create(directory: &Path, begin: &Begin) -> Result<Self, JournalError> {
        let path = directory.join(FILE);
        let fail = |error| JournalError::Disk { path: path.clone(), error };
        let fresh = directory.join(".journal-new");
        let mut file = File::create(&fresh).map_err(fail)?;
        if !file_lock::take(&file).map_err(fail)? {
            return Err(JournalError::Running);
        }
        file.write_all(line(&Record::Begin(begin.clone())).as_bytes()).map_err(fail)?;
        file.sync_all().map_err(fail)?;
        std::fs::rename(&fresh, &path).map_err(fail)?;
        sync_directory(directory).map_err(fail)?;
        Ok(Self { file, path })
    }

    /// Opens the journal of a run to go on with it. A torn end is cut off.
    ///
    /// # Errors
    /// It cannot be read or written, or another process writes it.
    pub fn open(directory: &Path) -> Result<(Self, Vec<Record>), JournalError> {
        let path = directory.join(FILE);
        let fail = |error| JournalError::Disk { path: path.clone(), error };
        let mut file = OpenOptions::new().read(true).write(true).open(&path).map_err(fail)?;
        if !file_lock::take(&file).map_err(fail)? {
            return Err(JournalError::Running);
        }
        let mut bytes = Vec::new();
        (&mut file).take(MAX_SIZE).read_to_end(&mut bytes).map_err(fail)?;
        let (records, length) = replay(&bytes);
        if !matches!(records.first(), Some(Record::Begin(begin)) if begin.version == VERSION) {
            return Err(JournalError::Unreadable(path));
        }
        file.set_len(length as u64).map_err(fail)?;
        file.seek(SeekFrom::End(0)).map_err(fail)?;
        file.sync_all().map_err(fail)?;
        Ok((Self { file, path }, records))
    }

    /// Adds records, and waits until they are on the disk.
    ///
    /// # Errors
    /// They cannot be written.
    pub fn append(&mut self, records: &[Record]) -> Result<(), JournalError> {
        if records.is_empty() {
            return Ok(());
        }
        let text: String = records.iter().map(line).collect();
        let written = self.file.write_all(text.as_bytes()).and_then(|()| self.file.sync_data());
        written.map_err(|error| JournalError::Disk { path: self.path.clone(), error })
    }
}

/// What a journal says, and whether a process is writing it.
///
/// # Errors
/// It cannot be read.
pub fn read(directory: &Path) -> io::Result<(Vec<Record>, bool)> {
    let file = File::open(directory.join(FILE))?;
    let is_running = flock(&file, FlockOperation::NonBlockingLockShared).is_err();
    let mut bytes = Vec::new();
    file.take(MAX_SIZE).read_to_end(&mut bytes)?;
    Ok((replay(&bytes).0, is_running))
}

/// Makes the names in a directory durable.
pub(super) fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

fn line(record: &Record) -> String {
    // A record holds texts, numbers and maps with texts for keys, all of which JSON can say.
    let json = serde_json::to_string(record).unwrap_or_default();
    format!("{:016x} {json}\n", xxhash_rust::xxh3::xxh3_64(json.as_bytes()))
}

/// The records up to the first line that is not whole, and how many bytes they are.
pub fn replay(bytes: &[u8]) -> (Vec<Record>, usize) {
    let mut records = Vec::new();
    let mut length = 0;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let Some(record) = parse(line) else { break };
        records.push(record);
        length += line.len();
    }
    (records, length)
}

fn parse(line: &[u8]) -> Option<Record> {
    let text = std::str::from_utf8(line).ok()?.strip_suffix('\n')?;
    let (checksum, json) = text.split_once(' ')?;
    let expected = u64::from_str_radix(checksum, 16).ok()?;
    let is_whole = checksum.len() == 16 && xxhash_rust::xxh3::xxh3_64(json.as_bytes()) == expected;
    if is_whole { serde_json::from_str(json).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finished(node: &str) -> Record {
        Record::Finished(Box::new(Finished {
            node: node.into(),
            end: End::Succeeded,
            exit: Some(0),
            cause: None,
            began: 0.5,
            seconds: 1.25,
            attempts: 1,
            key: "k".into(),
            outputs: BTreeMap::from([("version".into(), "1 ü\n".into())]),
            artifacts: BTreeMap::new(),
        }))
    }

    fn sample() -> (Begin, Vec<Record>) {
        let begin = Begin { version: VERSION, run: "r".into(), ..Begin::default() };
        let started = Record::Started { node: "a".into(), attempt: 1, time: "t".into() };
        (begin, vec![started, finished("a"), Record::Ended { exit: 0, time: "t".into() }])
    }

    #[test]
    fn a_journal_cut_anywhere_gives_whole_records_and_goes_on() {
        let place = tempfile::tempdir().unwrap();
        let (begin, records) = sample();
        let mut journal = Journal::create(place.path(), &begin).unwrap();
        for record in &records {
            journal.append(std::slice::from_ref(record)).unwrap();
        }
        drop(journal);
        let whole = std::fs::read(place.path().join(FILE)).unwrap();
        let expected: Vec<Record> = std::iter::once(Record::Begin(begin)).chain(records).collect();
        let first = line(&expected[0]).len();
        for cut in first..=whole.len() {
            std::fs::write(place.path().join(FILE), &whole[..cut]).unwrap();
            let (mut journal, read) = Journal::open(place.path()).unwrap();
            assert_eq!(read, expected[..read.len()], "cut at {cut}");
            journal.append(&[finished("z")]).unwrap();
            drop(journal);
            let (_, again) = Journal::open(place.path()).unwrap();
            assert_eq!(again.last(), Some(&finished("z")), "cut at {cut}");
            assert_eq!(again.len(), read.len() + 1);
        }
        for cut in 0..first {
            std::fs::write(place.path().join(FILE), &whole[..cut]).unwrap();
            assert!(matches!(Journal::open(place.path()), Err(JournalError::Unreadable(_))), "cut at {cut}");
        }
    }

    #[test]
    fn a_changed_byte_ends_the_journal() {
        let (begin, records) = sample();
        let text: String = std::iter::once(Record::Begin(begin)).chain(records).map(|r| line(&r)).collect();
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= 1;
            let (read, length) = replay(&bytes);
            assert!(length <= at && read.len() < 4, "byte {at}");
        }
    }

    #[test]
    fn one_process_at_a_time_writes() {
        let place = tempfile::tempdir().unwrap();
        let journal = Journal::create(place.path(), &sample().0).unwrap();
        assert!(matches!(Journal::open(place.path()), Err(JournalError::Running)));
        assert!(read(place.path()).unwrap().1);
        drop(journal);
        assert!(!read(place.path()).unwrap().1);
        assert!(Journal::open(place.path()).is_ok());
    }
}
