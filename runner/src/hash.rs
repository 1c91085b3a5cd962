//! Hashes of many files, read on several threads.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::{Duration, SystemTime};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, Stat, open, statat};
use xxhash_rust::xxh3::{Xxh3, xxh3_64, xxh3_128};

use crate::path::base_name;

/// Files that one thread reads before it hands them over.
const FILES_A_CHUNK: usize = 64;
/// A file of more bytes is not held in memory but hashed as it is read.
const SMALL_FILE_BYTES: usize = 256 * 1024;
/// Chunks that wait for their turn, a thread.
const WAITING_CHUNKS: usize = 4;
/// Fewer files are not worth a thread.
const FILES_A_THREAD: usize = 128;
/// Most threads that read.
const MOST_THREADS: usize = 8;
/// Within this time after a change, a further change may leave the time of a file as it is.
const COARSEST_CLOCK: Duration = Duration::from_secs(2);
/// The same where the file system keeps nanoseconds.
const FINE_CLOCK: Duration = Duration::from_millis(50);

/// Hashes of a list of files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents {
    /// go-task's checksum of all of them: xxh3-128 over base name and content of each in order,
    /// in hexadecimal without leading zeros in each half.
    pub checksum: String,
    /// The hash of each file's content, if asked for.
    pub each: Vec<u64>,
}

/// Hashes files. `each` asks for the hash of every single one too.
///
/// # Errors
/// One of them cannot be read.
pub fn contents(files: &[String], each: bool) -> io::Result<Contents> {
    let mut sum = Sum {
        all: Xxh3::new(),
        each: Vec::with_capacity(if each { files.len() } else { 0 }),
        wants_each: each,
    };
    let chunks: Vec<&[String]> = files.chunks(FILES_A_CHUNK).collect();
    let threads = threads_for(files.len());
    if threads == 1 {
        let mut scratch = vec![0; SMALL_FILE_BYTES];
        for chunk in chunks {
            sum.add(&ReadChunk::read(chunk, &mut scratch)?)?;
        }
    } else {
        sum.add_in_parallel(&chunks, threads)?;
    }
    let digest = sum.all.digest128();
    let checksum = format!("{:x}{:x}", (digest >> 64) as u64, digest as u64);
    Ok(Contents { checksum, each: sum.each })
}

fn threads_for(files: usize) -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from).min(MOST_THREADS);
    cores.min(files / FILES_A_THREAD).max(1)
}

struct Sum {
    all: Xxh3,
    each: Vec<u64>,
    wants_each: bool,
}

impl Sum {
    fn add(&mut self, chunk: &ReadChunk<'_>) -> io::Result<()> {
        let mut start = 0;
        for (file, end) in chunk.files.iter().zip(&chunk.ends) {
            self.all.update(base_name(file).as_bytes());
            if let Some(end) = *end {
                let content = chunk.bytes.get(start..end).unwrap_or_default();
                self.all.update(content);
                if self.wants_each {
                    self.each.push(xxh3_64(content));
                }
                start = end;
            } else {
                self.add_large(file)?;
            }
        }
        Ok(())
    }

    fn add_large(&mut self, file: &str) -> io::Result<()> {
        let mut file = File::open(file)?;
        let mut buffer = vec![0; SMALL_FILE_BYTES];
        let mut one = Xxh3::new();
        loop {
            let count = match file.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let bytes = buffer.get(..count).unwrap_or_default();
            self.all.update(bytes);
            if self.wants_each {
                one.update(bytes);
            }
        }
        if self.wants_each {
            self.each.push(one.digest());
        }
        Ok(())
    }

    /// Other threads read, this one hashes what they read in its order.
    fn add_in_parallel(&mut self, chunks: &[&[String]], threads: usize) -> io::Result<()> {
        let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
        let (send, receive) = mpsc::sync_channel(threads * WAITING_CHUNKS);
        std::thread::scope(|scope| {
            for _ in 0..threads {
                let (send, next, failed) = (send.clone(), &next, &failed);
                scope.spawn(move || {
                    let mut scratch = vec![0; SMALL_FILE_BYTES];
                    while !failed.load(Ordering::Relaxed) {
                        let index = next.fetch_add(1, Ordering::Relaxed);
                        let Some(chunk) = chunks.get(index) else { return };
                        if send.send((index, ReadChunk::read(chunk, &mut scratch))).is_err() {
                            return;
                        }
                    }
                });
            }
            drop(send);
            let mut early = BTreeMap::new();
            let mut turn = 0;
            let mut result = Ok(());
            for (index, chunk) in receive {
                early.insert(index, chunk);
                while let Some(chunk) = early.remove(&turn) {
                    turn += 1;
                    if result.is_ok() {
                        result = chunk.and_then(|chunk| self.add(&chunk));
                        failed.store(result.is_err(), Ordering::Relaxed);
                    }
                }
            }
            result
        })
    }
}

/// Some files' contents, one after the other.
struct ReadChunk<'a> {
    files: &'a [String],
    bytes: Vec<u8>,
    /// Where each file's bytes end; `None` for a file that was too large.
    ends: Vec<Option<usize>>,
}

impl<'a> ReadChunk<'a> {
    fn read(files: &'a [String], scratch: &mut [u8]) -> io::Result<Self> {
        let mut chunk = Self { files, bytes: Vec::new(), ends: Vec::with_capacity(files.len()) };
        for name in files {
            let end = chunk.append(name, scratch)?;
            chunk.ends.push(end);
        }
        Ok(chunk)
    }

    /// Appends a small file; takes nothing of a large one.
    fn append(&mut self, name: &str, scratch: &mut [u8]) -> io::Result<Option<usize>> {
        let mut file = File::open(name)?;
        let start = self.bytes.len();
        loop {
            match file.read(scratch) {
                Ok(0) => return Ok(Some(self.bytes.len())),
                Ok(count) => self.bytes.extend_from_slice(scratch.get(..count).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            if self.bytes.len() - start > SMALL_FILE_BYTES {
                self.bytes.truncate(start);
                return Ok(None);
            }
        }
    }
}

/// What the file system says of a list of files, in one number: unlike it, files have changed
/// (or are others); like it, their contents are the same.
///
/// `None` where that cannot be said: one is not there, or was changed so shortly before `now` that a further change
/// might not show.
pub fn stamp(files: &[String], now: SystemTime) -> Option<u128> {
    let threads = threads_for(files.len());
    let part = files.len().div_ceil(threads).max(1);
    let stamps: Vec<Option<u128>> = std::thread::scope(|scope| {
        let workers: Vec<_> =
            files.chunks(part).map(|files| scope.spawn(move || stamp_of_some(files, now))).collect();
        workers.into_iter().map(|worker| worker.join().ok().flatten()).collect()
    });
    let mut all = Xxh3::new();
    all.update(&files.len().to_le_bytes());
    for stamp in stamps {
        all.update(&stamp?.to_le_bytes());
    }
    Some(all.digest128())
}

fn stamp_of_some(files: &[String], now: SystemTime) -> Option<u128> {
    let mut all = Vec::with_capacity(files.len() * 64);
    let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let mut opened: Option<OpenDirectory<'_>> = None;
    for (index, name) in files.iter().enumerate() {
        let (directory, base) = name.rsplit_once('/').unwrap_or(("", name));
        if opened.as_ref().is_some_and(|opened| opened.path != directory) {
            opened = None;
        }
        // The system walks a long path for every file; worth a descriptor from the second file on.
        let has_more = || files.get(index + 1).is_some_and(|next| stands_in(next, directory));
        if opened.is_none() && has_more() {
            opened = OpenDirectory::new(directory);
        }
        let stat = match &opened {
            Some(opened) => statat(&opened.descriptor, base, AtFlags::empty()),
            None => statat(CWD, name.as_str(), AtFlags::empty()),
        };
        let stat = stat.ok()?;
        if changed_lately(&stat, now) {
            return None;
        }
        all.extend_from_slice(&xxh3_64(name.as_bytes()).to_le_bytes());
        for number in [stat.st_dev, stat.st_ino, stat.st_size as u64] {
            all.extend_from_slice(&number.to_le_bytes());
        }
        for (seconds, nanos) in [(stat.st_mtime, stat.st_mtime_nsec), (stat.st_ctime, stat.st_ctime_nsec)] {
            all.extend_from_slice(&seconds.to_le_bytes());
            all.extend_from_slice(&nanos.to_le_bytes());
        }
    }
    Some(xxh3_128(&all))
}

/// A directory of which several files are asked for.
struct OpenDirectory<'a> {
    path: &'a str,
    descriptor: OwnedFd,
}

impl<'a> OpenDirectory<'a> {
    /// `None` where it cannot be opened; its files are then asked for by their whole path.
    fn new(path: &'a str) -> Option<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Some(Self { path, descriptor: open(path, flags, Mode::empty()).ok()? })
    }
}

fn stands_in(file: &str, directory: &str) -> bool {
    file.rsplit_once('/').is_some_and(|(parent, _)| parent == directory)
}

/// `now` is the time since 1970.
fn changed_lately(stat: &Stat, now: Duration) -> bool {
    let nanos = stat.st_ctime_nsec;
    let clock = if nanos == 0 { COARSEST_CLOCK } else { FINE_CLOCK };
    let changed = Duration::new(stat.st_ctime.max(0) as u64, nanos as u32);
    changed + clock >= now
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Files of the given sizes, with contents that differ.
    fn files(directory: &tempfile::TempDir, sizes: &[usize]) -> Vec<String> {
        let write = |(index, size): (usize, &usize)| {
            let path = directory.path().join(format!("f{index:05}"));
            let content: Vec<u8> = (0..*size).map(|byte| (byte * 31 + index) as u8).collect();
            std::fs::write(&path, content).unwrap();
            path.to_str().unwrap().to_owned()
        };
        sizes.iter().enumerate().map(write).collect()
    }

    /// The checksum by its definition.
    fn plain(files: &[String]) -> String {
        let mut all = Xxh3::new();
        for file in files {
            all.update(base_name(file).as_bytes());
            all.update(&std::fs::read(file).unwrap());
        }
        let digest = all.digest128();
        format!("{:x}{:x}", (digest >> 64) as u64, digest as u64)
    }

    #[test]
    fn threads_and_sizes_make_no_difference() {
        for sizes in [
            vec![],
            vec![0],
            vec![3, 0, SMALL_FILE_BYTES, SMALL_FILE_BYTES + 1, 5, 3 * SMALL_FILE_BYTES],
            (0..FILES_A_CHUNK * 9 + 5).map(|index| index % 300).collect(),
            (0..FILES_A_THREAD * 3)
                .map(|index| if index % 100 == 7 { SMALL_FILE_BYTES + 1 } else { 9 })
                .collect(),
        ] {
            let directory = tempfile::tempdir().unwrap();
            let files = files(&directory, &sizes);
            let contents = contents(&files, true).unwrap();
            assert_eq!(contents.checksum, plain(&files));
            let each: Vec<u64> = files.iter().map(|file| xxh3_64(&std::fs::read(file).unwrap())).collect();
            assert_eq!(contents.each, each);
        }
    }

    #[test]
    fn a_missing_file_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let mut files = files(&directory, &vec![1; FILES_A_THREAD * 4]);
        assert!(contents(&files, false).is_ok());
        std::fs::remove_file(&files[300]).unwrap();
        assert!(contents(&files, false).is_err());
        assert!(stamp(&files, SystemTime::now() + Duration::from_hours(1)).is_none());
        files.clear();
        assert_eq!(contents(&files, false).unwrap().checksum, "99aa06d3014798d86001c324468d497f");
    }

    #[test]
    fn stamps_tell_changes_and_distrust_young_files() {
        let directory = tempfile::tempdir().unwrap();
        let files = files(&directory, &[3, 4]);
        let later = SystemTime::now() + Duration::from_hours(1);
        let before = stamp(&files, later);
        assert!(before.is_some());
        assert_eq!(stamp(&files, later), before);
        assert_ne!(stamp(&files[..1], later), before);
        let young = std::fs::metadata(&files[0]).unwrap().modified().unwrap();
        assert_eq!(stamp(&files, young), None);
        let file = File::options().append(true).open(&files[0]).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_hours(9)).unwrap();
        assert_ne!(stamp(&files, later), before);
    }
}
