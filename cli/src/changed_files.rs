//! Files as they would be after a change that is not made yet.

use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use ez_compiler::file_system::{
    DirectoryEntry, FileSystem, MemoryFileSystem, OverlayFileSystem, PathKind, ReadError, RemoteError,
};

/// What would be different.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// Texts that files would have.
    pub texts: Vec<(Utf8PathBuf, String)>,
    /// Directories that would be gone.
    pub removed: Vec<Utf8PathBuf>,
}

impl Changes {
    /// One text.
    pub fn text(path: impl Into<Utf8PathBuf>, text: impl Into<String>) -> Self {
        Self { texts: vec![(path.into(), text.into())], removed: Vec::new() }
    }

    /// Whether nothing would be.
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty() && self.removed.is_empty()
    }

    /// Asks something about the files as they would be.
    pub fn over<T>(&self, files: &dyn FileSystem, question: impl FnOnce(&dyn FileSystem) -> T) -> T {
        let remaining = Remaining { removed: &self.removed, below: files };
        let texts = self.texts.iter();
        let overlay = texts.fold(MemoryFileSystem::new(), |all, (path, text)| all.with(path, text.as_str()));
        question(&OverlayFileSystem { overlay, below: &remaining })
    }
}

/// Files without some directories.
struct Remaining<'a> {
    removed: &'a [Utf8PathBuf],
    below: &'a dyn FileSystem,
}

impl Remaining<'_> {
    fn is_gone(&self, path: &Utf8Path) -> bool {
        self.removed.iter().any(|removed| path.starts_with(removed))
    }
}

impl FileSystem for Remaining<'_> {
    fn read(&self, path: &Utf8Path) -> Result<Arc<str>, ReadError> {
        if self.is_gone(path) { Err(ReadError::NotFound) } else { self.below.read(path) }
    }

    fn kind(&self, path: &Utf8Path) -> Option<PathKind> {
        if self.is_gone(path) { None } else { self.below.kind(path) }
    }

    fn list(&self, directory: &Utf8Path) -> Option<Vec<DirectoryEntry>> {
        if self.is_gone(directory) {
            return None;
        }
        let mut entries = self.below.list(directory)?;
        entries.retain(|entry| !self.is_gone(&directory.join(entry.name.as_str())));
        Some(entries)
    }

    fn read_remote(&self, url: &str, checksum: Option<&str>) -> Result<Arc<str>, RemoteError> {
        self.below.read_remote(url, checksum)
    }
}

#[cfg(test)]
mod tests {
    use camino::Utf8Path;
    use ez_compiler::file_system::{MemoryFileSystem, ReadError};

    use super::Changes;

    #[test]
    fn files_are_seen_as_they_would_be() {
        let files = MemoryFileSystem::new().with("/p/a", "old").with("/p/d/x", "x").with("/p/e/y", "y");
        let changes = Changes { texts: vec![("/p/a".into(), "new".into())], removed: vec!["/p/d".into()] };
        changes.over(&files, |files| {
            assert_eq!(files.read(Utf8Path::new("/p/a")).as_deref(), Ok("new"));
            assert_eq!(files.read(Utf8Path::new("/p/d/x")), Err(ReadError::NotFound));
            assert_eq!(files.kind(Utf8Path::new("/p/d")), None);
            let names = files.list(Utf8Path::new("/p")).unwrap_or_default();
            let names: Vec<_> = names.iter().map(|entry| entry.name.as_str()).collect();
            assert_eq!(names, ["a", "e"]);
        });
    }
}
