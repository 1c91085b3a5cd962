//! Contents by their digests, on a server and on each of its nodes.
//!
//! ```text
//! <first two digits>/<the other digits>   a content: complete, verified, safe on the disk
//! partial/<digest>                        a large content of which the rest is still to come
//! incoming/                               what has no name yet
//! in-use                                  held by who works with contents, so that none is removed meanwhile
//! ```
//!
//! A content is written to a file of another name, verified, flushed, and only then gets its name. Several processes may use a store at once.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::digest::{Digest, Hasher};
use super::manifest::{MAX_MANIFEST_BYTES, Manifest};
use super::temporary;
use crate::{disk_space, private_directory};

const PARTIAL: &str = "partial";
const INCOMING: &str = "incoming";
const IN_USE: &str = "in-use";

/// So many bytes or contents get their names together, after one flush.
const BATCH_BYTES: u64 = 64 << 20;
const BATCH_CONTENTS: usize = 4096;

/// A content that was asked for is not removed for so long, so that who was told that it is here finds it.
pub const PROTECTED_FOR: Duration = Duration::from_hours(6);

/// So many bytes are left to others on the disk.
pub const LEFT_FREE: u64 = 256 << 20;

/// How old the mark of the last use has to be to be renewed.
const USE_GRAIN: Duration = Duration::from_hours(1);

/// How much of contents is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContentLimits {
    /// What was not used for so long is removed.
    pub max_age: Duration,
    /// What was not used for the longest time is removed until so many bytes are left.
    pub max_bytes: u64,
}

impl Default for ContentLimits {
    fn default() -> Self {
        Self { max_age: Duration::from_hours(30 * 24), max_bytes: 20 << 30 }
    }
}

impl ContentLimits {
    /// As somebody says: days and bytes, of which 0 is without an end. What is not said is as usual.
    pub fn of(days: Option<u64>, bytes: Option<u64>) -> Self {
        let usual = Self::default();
        Self {
            max_age: match days {
                Some(0) => Duration::MAX,
                Some(days) => Duration::from_secs(days.saturating_mul(24 * 3600)),
                None => usual.max_age,
            },
            max_bytes: match bytes {
                Some(0) => u64::MAX,
                bytes => bytes.unwrap_or(usual.max_bytes),
            },
        }
    }
}

/// What was removed, and what is left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    /// How many contents were removed.
    pub removed: usize,
    /// How many bytes they had.
    pub removed_bytes: u64,
    /// How many bytes are left.
    pub left_bytes: u64,
}

/// A store.
#[derive(Clone, Debug)]
pub struct ContentStore {
    root: PathBuf,
}

/// As long as it lives nothing is removed from a store.
#[derive(Debug)]
pub struct InUse {
    _lock: File,
}

impl ContentStore {
    /// That of a directory, which is made where it is not there.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn open(root: impl Into<PathBuf>) -> io::Result<Self> {
        let root = root.into();
        private_directory::make_closed(&root)?;
        for directory in [PARTIAL, INCOMING] {
            fs::create_dir_all(root.join(directory))?;
        }
        Ok(Self { root })
    }

    /// Where a content is, once it is there.
    pub fn path(&self, digest: &Digest) -> PathBuf {
        let text = digest.to_string();
        let (first, rest) = text.split_at(2);
        self.root.join(first).join(rest)
    }

    /// Keeps all contents from being removed, as long as the answer lives.
    ///
    /// # Errors
    /// The lock cannot be had.
    pub fn use_contents(&self) -> io::Result<InUse> {
        let lock = self.lock_file()?;
        lock.lock_shared()?;
        Ok(InUse { _lock: lock })
    }

    fn lock_file(&self) -> io::Result<File> {
        OpenOptions::new().create(true).append(true).open(self.root.join(IN_USE))
    }

    /// Whether a content is there. Then it stays for a while.
    pub fn has(&self, digest: &Digest) -> bool {
        let path = self.path(digest);
        let Ok(metadata) = fs::symlink_metadata(&path) else { return false };
        let is_old =
            metadata.modified().is_ok_and(|used| used.elapsed().is_ok_and(|since| since > USE_GRAIN));
        if is_old && let Ok(file) = File::options().append(true).open(&path) {
            // Where it cannot be marked as used, it is removed earlier, and has to be sent again.
            let _ = file.set_modified(SystemTime::now());
        }
        true
    }

    /// Of a content that is not complete, how much is there.
    pub fn partial_bytes(&self, digest: &Digest) -> u64 {
        fs::metadata(self.partial(digest)).map_or(0, |metadata| metadata.len())
    }

    fn partial(&self, digest: &Digest) -> PathBuf {
        self.root.join(PARTIAL).join(digest.to_string())
    }

    /// A content, to be read, and its length. What is read has to be verified: disks are not perfect.
    ///
    /// # Errors
    /// It is not there.
    pub fn read(&self, digest: &Digest) -> io::Result<(File, u64)> {
        let file = File::open(self.path(digest))?;
        let length = file.metadata()?.len();
        Ok((file, length))
    }

    /// All of a content that has at most `limit` bytes, verified. One that is damaged is removed.
    ///
    /// # Errors
    /// It is not there, too long, or damaged.
    pub fn read_all(&self, digest: &Digest, limit: u64) -> io::Result<Vec<u8>> {
        let (mut file, length) = self.read(digest)?;
        if length > limit {
            return Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                format!("{digest} is longer than {limit} bytes"),
            ));
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        if Digest::of(&bytes) != *digest {
            return Err(self.damaged(digest));
        }
        Ok(bytes)
    }

    /// A content is not what its name says: it is removed, so that it is sent again.
    pub fn damaged(&self, digest: &Digest) -> io::Error {
        let _ = fs::remove_file(self.path(digest));
        io::Error::new(io::ErrorKind::InvalidData, Damaged(*digest))
    }

    /// Refuses more bytes where the disk would be full with them, because the database is on it too.
    ///
    /// # Errors
    /// There is no space for them.
    pub fn check_space(&self, bytes: u64) -> io::Result<()> {
        let free = disk_space::free(&self.root)?;
        if free >= bytes.saturating_add(LEFT_FREE) {
            return Ok(());
        }
        let text = format!("{free} bytes are free, and {LEFT_FREE} have to stay so beside {bytes} that come");
        Err(io::Error::new(io::ErrorKind::StorageFull, text))
    }

    /// Begins to take contents.
    pub fn begin(&self) -> Incoming<'_> {
        Incoming { store: self, waiting: Vec::new(), bytes: 0 }
    }

    /// Takes one content.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn put(&self, bytes: &[u8]) -> io::Result<Digest> {
        let digest = Digest::of(bytes);
        if !self.has(&digest) {
            let mut incoming = self.begin();
            incoming.take(digest, bytes)?;
            incoming.commit()?;
        }
        Ok(digest)
    }

    /// Takes a whole tree, its manifest too. The digest of the manifest.
    ///
    /// # Errors
    /// A file has another content by now, or cannot be kept.
    pub fn import_tree(&self, manifest: &Manifest, root: &Path) -> io::Result<Digest> {
        let mut incoming = self.begin();
        for (path, file) in manifest.files() {
            self.import(&mut incoming, file.digest, &path.below(root))?;
        }
        incoming.commit()?;
        self.put(&manifest.encode())
    }

    /// The contents of a tree that are not here, each once. `None` where its manifest is not here or cannot be used.
    pub fn lacks(&self, tree: &Digest) -> Option<Vec<Digest>> {
        let manifest = self.manifest(tree).ok()?;
        let mut lacking: Vec<Digest> =
            manifest.contents().into_keys().filter(|digest| !self.has(digest)).collect();
        lacking.sort_unstable();
        Some(lacking)
    }

    /// The manifest of a digest.
    ///
    /// # Errors
    /// It is not here, or none.
    pub fn manifest(&self, tree: &Digest) -> io::Result<Manifest> {
        if !self.has(tree) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let bytes = self.read_all(tree, MAX_MANIFEST_BYTES)?;
        Manifest::decode(&bytes).map_err(io::Error::other)
    }

    /// Takes a file of which the digest is expected.
    ///
    /// # Errors
    /// It cannot be read, has another content by now, or cannot be kept.
    pub fn import(&self, incoming: &mut Incoming<'_>, digest: Digest, path: &Path) -> io::Result<()> {
        if self.has(&digest) {
            return Ok(());
        }
        let mut file = File::open(path)?;
        let mut large = Large::new(digest, self.root.join(INCOMING).join(temporary::name()))?;
        let mut buffer = vec![0; 256 * 1024];
        loop {
            let length = file.read(&mut buffer)?;
            if length == 0 {
                return incoming.end_large(large);
            }
            large.add(buffer.get(..length).unwrap_or_default())?;
        }
    }

    /// Removes what is too old or too much, but not what is to be kept or was just used, and nothing at all while contents are in use. `None` where they are.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn collect_garbage(
        &self,
        limits: &ContentLimits,
        is_kept: impl Fn(&Digest) -> bool,
        now: SystemTime,
    ) -> io::Result<Option<Collected>> {
        let lock = self.lock_file()?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let mut contents = self.all()?;
        contents.sort_unstable_by_key(|content| content.used);
        let mut collected = Collected {
            left_bytes: contents.iter().map(|content| content.bytes).sum(),
            ..Collected::default()
        };
        for content in contents {
            let age = now.duration_since(content.used).unwrap_or_default();
            let is_too_old = age > limits.max_age;
            let is_too_much = collected.left_bytes > limits.max_bytes;
            let is_wanted = age < PROTECTED_FOR || content.digest.as_ref().is_some_and(&is_kept);
            if !(is_too_old || is_too_much) || is_wanted {
                continue;
            }
            fs::remove_file(&content.path)?;
            collected.removed += 1;
            collected.removed_bytes += content.bytes;
            collected.left_bytes -= content.bytes;
        }
        Ok(Some(collected))
    }

    /// All files of the store; those without a digest are what nobody completed.
    fn all(&self) -> io::Result<Vec<Content>> {
        let mut contents = Vec::new();
        for directory in fs::read_dir(&self.root)? {
            let directory = directory?;
            if !directory.file_type()?.is_dir() {
                continue;
            }
            let first = directory.file_name();
            for entry in fs::read_dir(directory.path())? {
                let entry = entry?;
                let metadata = entry.metadata()?;
                let digest = format!("{}{}", first.to_string_lossy(), entry.file_name().to_string_lossy());
                contents.push(Content {
                    path: entry.path(),
                    digest: digest.parse().ok(),
                    bytes: metadata.len(),
                    used: metadata.modified()?,
                });
            }
        }
        Ok(contents)
    }
}

struct Content {
    path: PathBuf,
    digest: Option<Digest>,
    bytes: u64,
    used: SystemTime,
}

/// A content whose bytes are not those of its digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the content {0} is damaged")]
pub struct Damaged(pub Digest);

/// Contents that have no names yet. They get them together, because one flush serves many.
#[derive(Debug)]
pub struct Incoming<'s> {
    store: &'s ContentStore,
    waiting: Vec<(Digest, PathBuf)>,
    bytes: u64,
}

impl Incoming<'_> {
    /// Takes a whole content, of which the digest is known to be right.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn take(&mut self, digest: Digest, bytes: &[u8]) -> io::Result<()> {
        let path = self.store.root.join(INCOMING).join(temporary::name());
        fs::write(&path, bytes)?;
        self.add(digest, path, bytes.len() as u64)
    }

    /// Begins a content that comes in parts, at an offset up to which it may be there already.
    ///
    /// # Errors
    /// It cannot be written, or is not there up to the offset.
    pub fn begin_large(&self, digest: Digest, offset: u64) -> io::Result<Large> {
        let partial = self.store.partial(&digest);
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&partial)?;
        let is_ours = file.try_lock().is_ok();
        if !is_ours && offset == 0 {
            // Somebody else sends the same.
            return Large::new(digest, self.store.root.join(INCOMING).join(temporary::name()));
        }
        if !is_ours || file.metadata()?.len() < offset {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("{digest} is not here up to {offset}"),
            ));
        }
        file.set_len(offset)?;
        let mut large = Large { digest, path: partial, file, hasher: Hasher::default(), is_resumable: true };
        large.hash_what_is_there()?;
        Ok(large)
    }

    /// A content that came in parts is complete.
    ///
    /// # Errors
    /// It is not what its digest says, or cannot be kept.
    pub fn end_large(&mut self, large: Large) -> io::Result<()> {
        let length = large.hasher.length;
        if large.hasher.digest() != large.digest {
            let _ = fs::remove_file(&large.path);
            return Err(io::Error::new(io::ErrorKind::InvalidData, Damaged(large.digest)));
        }
        self.add(large.digest, large.path, length)
    }

    fn add(&mut self, digest: Digest, path: PathBuf, bytes: u64) -> io::Result<()> {
        self.waiting.push((digest, path));
        self.bytes += bytes;
        if self.bytes >= BATCH_BYTES || self.waiting.len() >= BATCH_CONTENTS { self.commit() } else { Ok(()) }
    }

    /// Gives all that came their names, once they are safe on the disk.
    ///
    /// # Errors
    /// The disk fails; then they have no names.
    pub fn commit(&mut self) -> io::Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        self.flush()?;
        let mut directories = HashSet::new();
        for (digest, path) in self.waiting.drain(..) {
            let complete = self.store.path(&digest);
            if let Some(directory) = complete.parent()
                && directories.insert(directory.to_owned())
            {
                fs::create_dir_all(directory)?;
            }
            fs::rename(path, complete)?;
        }
        self.bytes = 0;
        Ok(())
    }

    #[cfg(target_os = "linux")]
    fn flush(&self) -> io::Result<()> {
        // One flush of the file system costs less than one of each of many files.
        if self.waiting.len() > 8 {
            return Ok(rustix::fs::syncfs(File::open(&self.store.root)?)?);
        }
        self.flush_each()
    }

    #[cfg(not(target_os = "linux"))]
    fn flush(&self) -> io::Result<()> {
        self.flush_each()
    }

    fn flush_each(&self) -> io::Result<()> {
        self.waiting.iter().try_for_each(|(_, path)| File::open(path)?.sync_data())
    }
}

impl Drop for Incoming<'_> {
    fn drop(&mut self) {
        // What came before a connection broke is complete as well.
        if let Err(error) = self.commit() {
            eprintln!("ez: contents cannot be kept: {error}");
        }
        for (_, path) in &self.waiting {
            let _ = fs::remove_file(path);
        }
    }
}

/// A content that comes in parts.
#[derive(Debug)]
pub struct Large {
    digest: Digest,
    path: PathBuf,
    file: File,
    hasher: Hasher,
    is_resumable: bool,
}

impl Large {
    fn new(digest: Digest, path: PathBuf) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(&path)?;
        Ok(Self { digest, path, file, hasher: Hasher::default(), is_resumable: false })
    }

    fn hash_what_is_there(&mut self) -> io::Result<()> {
        let mut buffer = vec![0; 256 * 1024];
        loop {
            let length = self.file.read(&mut buffer)?;
            if length == 0 {
                return Ok(());
            }
            self.hasher.add(buffer.get(..length).unwrap_or_default());
        }
    }

    /// More of it.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn add(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.hasher.add(bytes);
        Ok(())
    }

    /// How much of it is there.
    pub fn length(&self) -> u64 {
        self.hasher.length
    }

    /// Nothing more comes now. What is there is kept for another try where that is possible.
    pub fn abandon(self) {
        if !self.is_resumable {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Copies a content of a store to a new file, and verifies it on the way. One that is damaged is removed from the store.
///
/// # Errors
/// It is not there or damaged, or cannot be written.
pub fn copy_out(store: &ContentStore, digest: &Digest, to: &mut File, buffer: &mut [u8]) -> io::Result<u64> {
    let (mut file, _) = store.read(digest)?;
    let mut hasher = Hasher::default();
    loop {
        let length = match file.read(buffer) {
            Ok(0) => break,
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let bytes = buffer.get(..length).unwrap_or_default();
        hasher.add(bytes);
        to.write_all(bytes)?;
    }
    let length = hasher.length;
    if hasher.digest() != *digest {
        return Err(store.damaged(digest));
    }
    Ok(length)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::{Duration, SystemTime};

    use super::{Collected, ContentLimits, ContentStore, Digest, PROTECTED_FOR};

    fn store() -> (tempfile::TempDir, ContentStore) {
        let place = tempfile::tempdir().unwrap();
        let store = ContentStore::open(place.path().join("content")).unwrap();
        (place, store)
    }

    #[test]
    fn contents_come_back() {
        let (_place, store) = store();
        let digest = store.put(b"hello").unwrap();
        assert_eq!(store.put(b"hello").unwrap(), digest);
        assert!(store.has(&digest));
        assert_eq!(store.read_all(&digest, 5).unwrap(), b"hello");
        assert!(store.read_all(&digest, 4).is_err());
        assert!(!store.has(&Digest::of(b"other")));
    }

    #[test]
    fn damage_is_noticed_and_taken_away() {
        let (_place, store) = store();
        let digest = store.put(b"hello").unwrap();
        fs::write(store.path(&digest), b"jello").unwrap();
        let error = store.read_all(&digest, 9).unwrap_err().to_string();
        assert_eq!(error, format!("the content {digest} is damaged"));
        assert!(!store.has(&digest));
    }

    #[test]
    fn a_large_content_goes_on_where_it_broke() {
        let (_place, store) = store();
        let digest = Digest::of(b"one two");
        let mut large = store.begin().begin_large(digest, 0).unwrap();
        large.add(b"one").unwrap();
        // Two that send the same do not disturb each other.
        let mut incoming = store.begin();
        let mut other = incoming.begin_large(digest, 0).unwrap();
        other.add(b"one two").unwrap();
        incoming.end_large(other).unwrap();
        drop(incoming);
        assert!(store.has(&digest));
        fs::remove_file(store.path(&digest)).unwrap();

        large.abandon();
        assert_eq!(store.partial_bytes(&digest), 3);
        assert!(store.begin().begin_large(digest, 4).is_err());
        let mut incoming = store.begin();
        let mut large = incoming.begin_large(digest, 3).unwrap();
        large.add(b" two").unwrap();
        incoming.end_large(large).unwrap();
        incoming.commit().unwrap();
        assert_eq!(
            (store.read_all(&digest, 9).unwrap(), store.partial_bytes(&digest)),
            (b"one two".to_vec(), 0)
        );
    }

    #[test]
    fn a_wrong_large_content_is_forgotten() {
        let (_place, store) = store();
        let digest = Digest::of(b"right");
        let mut incoming = store.begin();
        let mut large = incoming.begin_large(digest, 0).unwrap();
        large.add(b"wrong").unwrap();
        assert!(incoming.end_large(large).is_err());
        incoming.commit().unwrap();
        assert_eq!((store.has(&digest), store.partial_bytes(&digest)), (false, 0));
    }

    #[test]
    fn a_disk_is_not_filled() {
        let (_place, store) = store();
        store.check_space(1).unwrap();
        assert_eq!(store.check_space(u64::MAX).unwrap_err().kind(), std::io::ErrorKind::StorageFull);
    }

    #[test]
    fn garbage_is_what_is_old_or_too_much() {
        let (_place, store) = store();
        let digests: Vec<Digest> = (0..5_u8).map(|n| store.put(&[n; 10]).unwrap()).collect();
        let now = SystemTime::now();
        for (digest, hours) in digests.iter().zip([50, 40, 30, 20, 0]) {
            let file = fs::File::options().append(true).open(store.path(digest)).unwrap();
            file.set_modified(now - Duration::from_hours(hours)).unwrap();
        }
        let kept = digests[1];
        let limits = ContentLimits { max_age: Duration::from_hours(45), max_bytes: 30 };
        let collected = store.collect_garbage(&limits, |digest| *digest == kept, now).unwrap();
        assert_eq!(collected, Some(Collected { removed: 2, removed_bytes: 20, left_bytes: 30 }));
        assert_eq!(
            digests.iter().map(|digest| store.has(digest)).collect::<Vec<_>>(),
            [false, true, false, true, true]
        );
        // Asking for it was a use.
        let later = SystemTime::now() + PROTECTED_FOR / 2;
        let all = ContentLimits { max_age: Duration::ZERO, max_bytes: 0 };
        assert_eq!(store.collect_garbage(&all, |_| false, later).unwrap().unwrap().removed, 0);

        let in_use = store.use_contents().unwrap();
        assert_eq!(store.collect_garbage(&all, |_| false, now).unwrap(), None);
        drop(in_use);
        let much_later = now + Duration::from_hours(99);
        assert_eq!(store.collect_garbage(&all, |_| false, much_later).unwrap().unwrap().left_bytes, 0);
    }
}
