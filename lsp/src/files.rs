//! Files as the editor sees them: open texts over what is on disk.

use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use camino::{Utf8Path, Utf8PathBuf};
use ez_compiler::file_system::{DirectoryEntry, FileSystem, PathKind, ReadError, RemoteError};
use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use crate::document::Document;

/// Files that several threads may read.
pub type SharedFiles = Arc<dyn FileSystem + Send + Sync>;

/// The open texts, by absolute path.
pub type Documents = FxHashMap<Utf8PathBuf, Document>;

/// What was asked of the disk, remembered until something there may have changed: a project is read again at every key.
pub struct CachedFiles {
    below: SharedFiles,
    texts: Memory<Utf8PathBuf, Result<Arc<str>, ReadError>>,
    kinds: Memory<Utf8PathBuf, Option<PathKind>>,
    lists: Memory<Utf8PathBuf, Option<Vec<DirectoryEntry>>>,
    remote: Memory<(SmolStr, Option<SmolStr>), Result<Arc<str>, RemoteError>>,
}

struct Memory<K, V>(Mutex<FxHashMap<K, V>>);

impl<K: Hash + Eq, V: Clone> Memory<K, V> {
    fn new() -> Self {
        Self(Mutex::new(FxHashMap::default()))
    }

    fn get_or(&self, key: K, find: impl FnOnce(&K) -> V) -> V {
        if let Some(known) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return known.clone();
        }
        let found = find(&key);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key, found.clone());
        found
    }
}

impl CachedFiles {
    /// With nothing remembered.
    pub fn new(below: SharedFiles) -> Self {
        Self {
            below,
            texts: Memory::new(),
            kinds: Memory::new(),
            lists: Memory::new(),
            remote: Memory::new(),
        }
    }

    /// The same files with nothing remembered.
    #[must_use]
    pub fn forgotten(&self) -> Self {
        Self::new(Arc::clone(&self.below))
    }
}

impl FileSystem for CachedFiles {
    fn read(&self, path: &Utf8Path) -> Result<Arc<str>, ReadError> {
        self.texts.get_or(path.to_owned(), |path| self.below.read(path))
    }

    fn kind(&self, path: &Utf8Path) -> Option<PathKind> {
        self.kinds.get_or(path.to_owned(), |path| self.below.kind(path))
    }

    fn list(&self, directory: &Utf8Path) -> Option<Vec<DirectoryEntry>> {
        self.lists.get_or(directory.to_owned(), |directory| self.below.list(directory))
    }

    fn read_remote(&self, url: &str, checksum: Option<&str>) -> Result<Arc<str>, RemoteError> {
        let key = (SmolStr::new(url), checksum.map(SmolStr::new));
        self.remote.get_or(key, |(url, checksum)| self.below.read_remote(url, checksum.as_deref()))
    }
}

/// Open texts over the disk.
pub struct EditorFiles {
    /// The open texts.
    pub documents: Arc<Documents>,
    /// What is below them.
    pub disk: Arc<CachedFiles>,
}

impl FileSystem for EditorFiles {
    fn read(&self, path: &Utf8Path) -> Result<Arc<str>, ReadError> {
        match self.documents.get(path) {
            Some(document) => Ok(Arc::clone(&document.text)),
            None => self.disk.read(path),
        }
    }

    fn kind(&self, path: &Utf8Path) -> Option<PathKind> {
        if self.documents.contains_key(path) {
            return Some(PathKind::File);
        }
        // A directory may hold nothing but a text that is not saved yet.
        let holds_open = || self.documents.keys().any(|open| open.starts_with(path));
        self.disk.kind(path).or_else(|| holds_open().then_some(PathKind::Directory))
    }

    fn list(&self, directory: &Utf8Path) -> Option<Vec<DirectoryEntry>> {
        let on_disk = self.disk.list(directory);
        let open = self.documents.keys().filter_map(|path| {
            let mut inside = path.strip_prefix(directory).ok()?.components();
            let name = inside.next()?.as_str().into();
            let kind = if inside.next().is_some() { PathKind::Directory } else { PathKind::File };
            Some(DirectoryEntry { name, kind })
        });
        let mut entries: Vec<DirectoryEntry> = on_disk.iter().flatten().cloned().chain(open).collect();
        entries.sort_unstable();
        entries.dedup_by(|a, b| a.name == b.name);
        (on_disk.is_some() || !entries.is_empty()).then_some(entries)
    }

    fn read_remote(&self, url: &str, checksum: Option<&str>) -> Result<Arc<str>, RemoteError> {
        self.disk.read_remote(url, checksum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ez_compiler::file_system::MemoryFileSystem;

    #[test]
    fn open_texts_hide_the_disk() {
        let disk = MemoryFileSystem::new().with("/p/a.yml", "old").with("/p/b.yml", "b");
        let mut documents = Documents::default();
        documents.insert("/p/a.yml".into(), Document::new("new", 1));
        documents.insert("/p/docs/c.yml".into(), Document::new("c", 1));
        let disk = Arc::new(CachedFiles::new(Arc::new(disk)));
        let files = EditorFiles { documents: Arc::new(documents), disk };
        assert_eq!(files.read("/p/a.yml".into()).as_deref(), Ok("new"));
        assert_eq!(files.read("/p/b.yml".into()).as_deref(), Ok("b"));
        assert_eq!(files.kind("/p/docs".into()), Some(PathKind::Directory));
        let listed = files.list("/p".into()).unwrap_or_default();
        let names: Vec<&str> = listed.iter().map(|entry| entry.name.as_str()).collect();
        assert_eq!(names, ["a.yml", "b.yml", "docs"]);
        assert_eq!(files.list("/q".into()), None);
    }
}
