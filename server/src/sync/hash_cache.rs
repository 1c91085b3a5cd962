//! Digests of files that were hashed before: a file with the same number, size and times has the same content.
//!
//! A file that was changed so shortly before it was hashed that a further change could leave the same time is not kept (what git calls racy). The cache is a help
//! only: one that is damaged or missing is begun anew.

use std::collections::{HashMap, HashSet};
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use super::digest::{DIGEST_BYTES, Digest};
use crate::sync::temporary;

/// What a file of this form begins with.
const MAGIC: &[u8; 8] = b"ezhash1\n";

/// A record: device, number, size, two times, digest.
const RECORD_BYTES: usize = 5 * 8 + DIGEST_BYTES;

/// The most records that are kept.
const MAX_RECORDS: usize = 2_000_000;

/// How long two changes of a file may have the same time: twice the longest tick of a kernel's clock.
const GRAIN_NS: i64 = 20_000_000;

/// The same where a file system keeps whole seconds, or two of them.
const COARSE_GRAIN_NS: i64 = 2_000_000_000;

const SECOND_NS: i64 = 1_000_000_000;

/// What the system tells of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    device: u64,
    number: u64,
    /// How many bytes it has.
    pub size: u64,
    modified: i64,
    changed: i64,
}

impl Stamp {
    /// Of a file's metadata.
    pub fn of(metadata: &Metadata) -> Self {
        let time = |seconds: i64, ns: i64| seconds.saturating_mul(SECOND_NS).saturating_add(ns);
        Self {
            device: metadata.dev(),
            number: metadata.ino(),
            size: metadata.size(),
            modified: time(metadata.mtime(), metadata.mtime_nsec()),
            changed: time(metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// Whether a change after a moment is seen by its times.
    fn is_settled(&self, now: i64) -> bool {
        let last = self.modified.max(self.changed);
        let is_coarse = self.modified % SECOND_NS == 0 && self.changed % SECOND_NS == 0;
        let grain = if is_coarse { COARSE_GRAIN_NS } else { GRAIN_NS };
        last.saturating_add(grain) < now
    }
}

/// Digests by what the system tells of their files.
#[derive(Debug, Default)]
pub struct HashCache {
    records: HashMap<(u64, u64), (Stamp, Digest)>,
    is_changed: bool,
}

impl HashCache {
    /// What a file has; nothing where it is missing or damaged.
    pub fn load(path: &Path) -> Self {
        let records = fs::read(path).ok().and_then(|bytes| decode(&bytes)).unwrap_or_default();
        Self { records, is_changed: false }
    }

    /// The digest of a file that was not changed since it was hashed.
    pub fn get(&self, stamp: &Stamp) -> Option<Digest> {
        let (known, digest) = self.records.get(&(stamp.device, stamp.number))?;
        (known == stamp).then_some(*digest)
    }

    /// All digests.
    pub fn digests(&self) -> HashSet<Digest> {
        self.records.values().map(|(_, digest)| *digest).collect()
    }

    /// A file was hashed at a moment, in nanoseconds since 1970.
    pub fn insert(&mut self, stamp: Stamp, digest: Digest, now: i64) {
        if !stamp.is_settled(now) {
            self.is_changed |= self.records.remove(&(stamp.device, stamp.number)).is_some();
            return;
        }
        if self.records.len() >= MAX_RECORDS {
            self.records.clear();
        }
        self.records.insert((stamp.device, stamp.number), (stamp, digest));
        self.is_changed = true;
    }

    /// Writes it, where it is another one than was read.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn save(&mut self, path: &Path) -> io::Result<()> {
        if !self.is_changed {
            return Ok(());
        }
        let mut bytes = Vec::with_capacity(self.records.len() * RECORD_BYTES + 64);
        bytes.extend(MAGIC);
        for (stamp, digest) in self.records.values() {
            bytes.extend(stamp.device.to_le_bytes());
            bytes.extend(stamp.number.to_le_bytes());
            bytes.extend(stamp.size.to_le_bytes());
            bytes.extend(stamp.modified.to_le_bytes());
            bytes.extend(stamp.changed.to_le_bytes());
            bytes.extend(digest.0);
        }
        let sum = Digest::of(&bytes);
        bytes.extend(sum.0);
        let begun = temporary::beside(path);
        fs::write(&begun, bytes)?;
        fs::rename(begun, path)?;
        self.is_changed = false;
        Ok(())
    }
}

fn decode(bytes: &[u8]) -> Option<HashMap<(u64, u64), (Stamp, Digest)>> {
    let (content, sum) = bytes.split_last_chunk::<DIGEST_BYTES>()?;
    let records = content.strip_prefix(MAGIC)?;
    if Digest::of(content).0 != *sum || records.len() % RECORD_BYTES != 0 {
        return None;
    }
    let record = |bytes: &[u8]| {
        let (device, bytes) = bytes.split_first_chunk()?;
        let (number, bytes) = bytes.split_first_chunk()?;
        let (size, bytes) = bytes.split_first_chunk()?;
        let (modified, bytes) = bytes.split_first_chunk()?;
        let (changed, bytes) = bytes.split_first_chunk()?;
        let stamp = Stamp {
            device: u64::from_le_bytes(*device),
            number: u64::from_le_bytes(*number),
            size: u64::from_le_bytes(*size),
            modified: i64::from_le_bytes(*modified),
            changed: i64::from_le_bytes(*changed),
        };
        Some(((stamp.device, stamp.number), (stamp, Digest(bytes.try_into().ok()?))))
    };
    records.chunks_exact(RECORD_BYTES).map(record).collect()
}

/// Nanoseconds since 1970 by this machine's clock.
pub fn now_ns() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{COARSE_GRAIN_NS, Digest, GRAIN_NS, HashCache, Stamp};

    const STAMP: Stamp =
        Stamp { device: 1, number: 2, size: 3, modified: 5_000_000_001, changed: 5_000_000_002 };

    #[test]
    fn a_file_that_may_change_within_the_same_tick_is_not_kept() {
        let digest = Digest::of(b"x");
        let is_kept = |stamp: Stamp, now: i64| {
            let mut cache = HashCache::default();
            cache.insert(stamp, digest, now);
            cache.get(&stamp).is_some()
        };
        assert!(!is_kept(STAMP, STAMP.changed));
        assert!(!is_kept(STAMP, STAMP.changed + GRAIN_NS));
        assert!(is_kept(STAMP, STAMP.changed + GRAIN_NS + 1));
        // A clock that went back.
        assert!(!is_kept(STAMP, 0));
        let coarse = Stamp { modified: 5_000_000_000, changed: 5_000_000_000, ..STAMP };
        assert!(!is_kept(coarse, coarse.changed + COARSE_GRAIN_NS));
        assert!(is_kept(coarse, coarse.changed + COARSE_GRAIN_NS + 1));
    }

    #[test]
    fn every_difference_counts() {
        let mut cache = HashCache::default();
        cache.insert(STAMP, Digest::of(b"x"), i64::MAX);
        for other in [
            Stamp { device: 9, ..STAMP },
            Stamp { number: 9, ..STAMP },
            Stamp { size: 9, ..STAMP },
            Stamp { modified: 9, ..STAMP },
            Stamp { changed: 9, ..STAMP },
        ] {
            assert_eq!(cache.get(&other), None);
        }
        assert_eq!(cache.get(&STAMP), Some(Digest::of(b"x")));
    }

    #[test]
    fn it_comes_back_and_damage_is_noticed() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("hashes");
        let mut cache = HashCache::default();
        cache.insert(STAMP, Digest::of(b"x"), i64::MAX);
        cache.save(&path).unwrap();
        assert_eq!(HashCache::load(&path).get(&STAMP), Some(Digest::of(b"x")));
        let mut bytes = fs::read(&path).unwrap();
        bytes[60] ^= 1;
        fs::write(&path, &bytes).unwrap();
        assert_eq!(HashCache::load(&path).get(&STAMP), None);
        fs::write(&path, b"").unwrap();
        assert_eq!(HashCache::load(&path).get(&STAMP), None);
    }
}
