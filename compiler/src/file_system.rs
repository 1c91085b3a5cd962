//! How the compiler sees files: through a trait, so that it stays pure and editors can overlay unsaved text.

use std::collections::BTreeMap;
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};

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

/// What a path is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathKind {
    /// A regular file (or anything that is not a directory).
    File,
    /// A directory.
    Directory,
}

/// Files as the compiler needs them. Paths are absolute and normal (no `.` and `..`).
pub trait FileSystem {
    /// The text of a file.
    fn read(&self, path: &Utf8Path) -> Result<Arc<str>, ReadError>;

    /// What is at a path, following links; `None` where nothing is.
    fn kind(&self, path: &Utf8Path) -> Option<PathKind>;

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
        let inside = self.files.keys().any(|file| file.starts_with(path) && file != path);
        inside.then_some(PathKind::Directory)
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

    fn read_remote(&self, url: &str, checksum: Option<&str>) -> Result<Arc<str>, RemoteError> {
        self.below.read_remote(url, checksum)
    }
}
