//! How the compiler sees files: through a trait, so that it stays pure and editors can overlay unsaved text.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use camino::{Utf8Path, Utf8PathBuf};
use smol_str::SmolStr;

/// Why a file could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadError {
    /// There is no such file.
    NotFound,
    /// The path is a directory.
    IsDirectory,
    /// The content is not UTF-8; the first bad byte.
    NotUtf8 {
        /// Offset of the first byte that is not UTF-8.
        offset: usize,
    },
    /// Anything else, in the operating system's words.
    Other(String),
}

/// Why a remote Taskfile could not be had, in go-task's words and with its exit code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteError {
    /// The message.
    pub message: String,
    /// The exit code.
    pub exit: i32,
}

impl RemoteError {
    /// The exit code of an address that may not be used because it is not secure: the one failure that an optional
    /// include may have, since go-task finds it before it asks the network.
    pub const NOT_SECURE: i32 = 105;
}

/// What a path is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PathKind {
    /// A regular file (or anything that is not a directory).
    File,
    /// A directory.
    Directory,
}

/// A name in a directory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DirectoryEntry {
    /// The name.
    pub name: SmolStr,
    /// What it is.
    pub kind: PathKind,
}

/// Files as the compiler needs them. Paths are absolute and normal (no `.` and `..`).
pub trait FileSystem: Sync {
    /// The text of a file.
    fn read(&self, path: &Utf8Path) -> Result<Arc<str>, ReadError>;

    /// What is at a path, following links; `None` where nothing is.
    fn kind(&self, path: &Utf8Path) -> Option<PathKind>;

    /// The names in a directory, following links, sorted; `None` where they cannot be told.
    fn list(&self, _directory: &Utf8Path) -> Option<Vec<DirectoryEntry>> {
        None
    }

    /// The text of a remote Taskfile, with the SHA-256 that the include pins. A file system without a network has none.
    fn read_remote(&self, url: &str, _checksum: Option<&str>) -> Result<Arc<str>, RemoteError> {
        Err(RemoteError { message: format!("task: Download of {url:?} failed"), exit: 103 })
    }
}

/// A file system in memory, for tests and for text from standard input.
#[derive(Clone, Debug, Default)]
pub struct MemoryFileSystem {
    files: BTreeMap<Utf8PathBuf, Arc<str>>,
}

impl MemoryFileSystem {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds or replaces a file.
    #[must_use]
    pub fn with(mut self, path: impl Into<Utf8PathBuf>, text: impl Into<Arc<str>>) -> Self {
        self.files.insert(path.into(), text.into());
        self
    }

    /// The files below a directory, in the order of their paths.
    fn below<'s>(&'s self, directory: &'s Utf8Path) -> impl Iterator<Item = &'s Utf8PathBuf> {
        let from = (Bound::Excluded(directory), Bound::Unbounded);
        let files = self.files.range::<Utf8Path, _>(from).map(|(file, _)| file);
        files.take_while(move |file| file.starts_with(directory))
    }
}

impl FileSystem for MemoryFileSystem {
    fn read(&self, path: &Utf8Path) -> Result<Arc<str>, ReadError> {
        match self.files.get(path) {
            Some(text) => Ok(Arc::clone(text)),
            None if self.kind(path) == Some(PathKind::Directory) => Err(ReadError::IsDirectory),
            None => Err(ReadError::NotFound),
        }
    }

    fn kind(&self, path: &Utf8Path) -> Option<PathKind> {
        if self.files.contains_key(path) {
            return Some(PathKind::File);
        }
        self.below(path).next().map(|_| PathKind::Directory)
    }

    fn list(&self, directory: &Utf8Path) -> Option<Vec<DirectoryEntry>> {
        let mut entries: Vec<DirectoryEntry> = Vec::new();
        for file in self.below(directory) {
            let Ok(inside) = file.strip_prefix(directory) else { continue };
            let mut parts = inside.components();
            let Some(first) = parts.next() else { continue };
            let kind = if parts.next().is_some() { PathKind::Directory } else { PathKind::File };
            let is_known = entries.last().is_some_and(|last| last.name == first.as_str());
            if !is_known {
                entries.push(DirectoryEntry { name: first.as_str().into(), kind });
            }
        }
        (!entries.is_empty()).then_some(entries)
    }
}

/// Unsaved texts over another file system.
pub struct OverlayFileSystem<'a> {
    /// The texts that hide what is below.
    pub overlay: MemoryFileSystem,
    /// Asked for everything else.
    pub below: &'a dyn FileSystem,
}

impl FileSystem for OverlayFileSystem<'_> {
    fn read(&self, path: &Utf8Path) -> Result<Arc<str>, ReadError> {
        match self.overlay.files.get(path) {
            Some(text) => Ok(Arc::clone(text)),
            None => self.below.read(path),
        }
    }

    fn kind(&self, path: &Utf8Path) -> Option<PathKind> {
        self.overlay.kind(path).or_else(|| self.below.kind(path))
    }

    fn list(&self, directory: &Utf8Path) -> Option<Vec<DirectoryEntry>> {
        let (Some(mut entries), Some(above)) = (self.below.list(directory), self.overlay.list(directory))
        else {
            return self.below.list(directory).or_else(|| self.overlay.list(directory));
        };
        entries.retain(|entry| above.iter().all(|other| other.name != entry.name));
        entries.extend(above);
        entries.sort_unstable();
        Some(entries)
    }

    fn read_remote(&self, url: &str, checksum: Option<&str>) -> Result<Arc<str>, RemoteError> {
        self.below.read_remote(url, checksum)
    }
}

/// What was asked of a file system, and what it answered. Who asked no more than this finds the same as long as the answers
/// are the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observations {
    texts: BTreeMap<Utf8PathBuf, Result<Arc<str>, ReadError>>,
    kinds: BTreeMap<Utf8PathBuf, Option<PathKind>>,
    lists: BTreeMap<Utf8PathBuf, Option<Vec<DirectoryEntry>>>,
    remote: BTreeMap<(String, Option<String>), Result<Arc<str>, RemoteError>>,
}

impl Observations {
    /// Whether a file system gives the same answers.
    pub fn hold(&self, files: &dyn FileSystem) -> bool {
        self.texts.iter().all(|(path, text)| files.read(path) == *text)
            && self.kinds.iter().all(|(path, kind)| files.kind(path) == *kind)
            && self.lists.iter().all(|(path, entries)| files.list(path) == *entries)
            && self.remote.iter().all(|((url, pin), text)| files.read_remote(url, pin.as_deref()) == *text)
    }

    /// The text that was read of a file.
    pub fn text(&self, path: &Utf8Path) -> Option<&Arc<str>> {
        self.texts.get(path)?.as_ref().ok()
    }

    /// The files and directories that were asked for.
    pub fn paths(&self) -> impl Iterator<Item = &Utf8PathBuf> {
        self.texts.keys().chain(self.kinds.keys()).chain(self.lists.keys())
    }
}

/// A file system that notes what it is asked.
pub struct ObservedFileSystem<'a> {
    below: &'a dyn FileSystem,
    seen: Mutex<Observations>,
}

impl<'a> ObservedFileSystem<'a> {
    /// Notes what is asked of a file system.
    pub fn new(below: &'a dyn FileSystem) -> Self {
        Self { below, seen: Mutex::default() }
    }

    fn seen(&self) -> MutexGuard<'_, Observations> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was asked so far.
    pub fn into_observations(self) -> Observations {
        self.seen.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FileSystem for ObservedFileSystem<'_> {
    fn read(&self, path: &Utf8Path) -> Result<Arc<str>, ReadError> {
        let answer = self.below.read(path);
        self.seen().texts.insert(path.to_owned(), answer.clone());
        answer
    }

    fn kind(&self, path: &Utf8Path) -> Option<PathKind> {
        let answer = self.below.kind(path);
        self.seen().kinds.insert(path.to_owned(), answer);
        answer
    }

    fn list(&self, directory: &Utf8Path) -> Option<Vec<DirectoryEntry>> {
        let answer = self.below.list(directory);
        self.seen().lists.insert(directory.to_owned(), answer.clone());
        answer
    }

    fn read_remote(&self, url: &str, checksum: Option<&str>) -> Result<Arc<str>, RemoteError> {
        let answer = self.below.read_remote(url, checksum);
        let asked = (url.to_owned(), checksum.map(str::to_owned));
        self.seen().remote.insert(asked, answer.clone());
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(files: &dyn FileSystem, directory: &str) -> String {
        let entries = files.list(directory.into()).unwrap_or_default();
        let shown = entries.iter().map(|entry| match entry.kind {
            PathKind::File => entry.name.to_string(),
            PathKind::Directory => format!("{}/", entry.name),
        });
        shown.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn answers_hold_as_long_as_they_are_the_same() {
        let files = MemoryFileSystem::new().with("/p/a", "a").with("/p/d/x", "x");
        let observed = ObservedFileSystem::new(&files);
        let _ = (observed.read("/p/a".into()), observed.read("/p/b".into()));
        let _ = (observed.kind("/p/c".into()), observed.list("/p/d".into()));
        let observations = observed.into_observations();
        assert_eq!(observations.paths().count(), 4);
        let holds_with = |path: &str| observations.hold(&files.clone().with(path, "new"));
        assert!(observations.hold(&files) && holds_with("/p/e") && holds_with("/p/d/x"));
        for path in ["/p/a", "/p/b", "/p/c", "/p/d/y"] {
            assert!(!holds_with(path), "{path}");
        }
    }

    #[test]
    fn directories_are_listed() {
        let below = MemoryFileSystem::new()
            .with("/p/b/x", "")
            .with("/p/b/y/z", "")
            .with("/p/b.txt", "")
            .with("/p/a", "")
            .with("/q/a", "");
        assert_eq!(names(&below, "/p"), "a b/ b.txt");
        assert_eq!(names(&below, "/p/b"), "x y/");
        assert_eq!(below.list("/p/none".into()), None);
        assert_eq!(below.kind("/p/b".into()), Some(PathKind::Directory));
        assert_eq!(below.kind("/p/b.tx".into()), None);
        let overlay = MemoryFileSystem::new().with("/p/a", "new").with("/p/c", "").with("/r/d", "");
        let files = OverlayFileSystem { overlay, below: &below };
        assert_eq!(names(&files, "/p"), "a b/ b.txt c");
        assert_eq!(names(&files, "/q"), "a");
        assert_eq!(names(&files, "/r"), "d");
    }
}
