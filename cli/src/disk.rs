//! The real disk, as the compiler sees it.

use std::io::ErrorKind;
use std::sync::Arc;

use camino::Utf8Path;
use ez_compiler::file_system::{DirectoryEntry, FileSystem, PathKind, ReadError};

/// The files of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disk;

impl FileSystem for Disk {
    fn read(&self, path: &Utf8Path) -> Result<Arc<str>, ReadError> {
        let bytes = std::fs::read(path).map_err(|error| match error.kind() {
            ErrorKind::NotFound => ReadError::NotFound,
            ErrorKind::IsADirectory => ReadError::IsDirectory,
            _ => ReadError::Other(plain_message(&error)),
        })?;
        String::from_utf8(bytes)
            .map(Arc::from)
            .map_err(|error| ReadError::NotUtf8 { offset: error.utf8_error().valid_up_to() })
    }

    fn kind(&self, path: &Utf8Path) -> Option<PathKind> {
        let metadata = std::fs::metadata(path).ok()?;
        Some(kind_of(&metadata))
    }

    fn list(&self, directory: &Utf8Path) -> Option<Vec<DirectoryEntry>> {
        let mut entries = Vec::new();
        for entry in directory.read_dir_utf8().ok()? {
            // A name that is no UTF-8 cannot be written in a Taskfile.
            let Ok(entry) = entry else { continue };
            let Ok(metadata) = entry.path().metadata() else { continue };
            entries.push(DirectoryEntry { name: entry.file_name().into(), kind: kind_of(&metadata) });
        }
        entries.sort_unstable();
        Some(entries)
    }
}

fn kind_of(metadata: &std::fs::Metadata) -> PathKind {
    if metadata.is_dir() { PathKind::Directory } else { PathKind::File }
}

/// An error of the operating system in go-task's words: lower case, without a number.
pub fn plain_message(error: &std::io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_tells_the_kinds_of_trouble_apart() {
        let holder = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(holder.path()).unwrap();
        std::fs::write(root.join("good"), "ü").unwrap();
        std::fs::write(root.join("bad"), b"a\xff").unwrap();
        assert_eq!(Disk.read(&root.join("good")).as_deref(), Ok("ü"));
        assert_eq!(Disk.read(&root.join("bad")), Err(ReadError::NotUtf8 { offset: 1 }));
        assert_eq!(Disk.read(&root.join("none")), Err(ReadError::NotFound));
        assert_eq!(Disk.read(root), Err(ReadError::IsDirectory));
        assert_eq!(Disk.kind(root), Some(PathKind::Directory));
        assert_eq!(Disk.kind(&root.join("good")), Some(PathKind::File));
        assert_eq!(Disk.kind(&root.join("good/x")), None);
        let names =
            Disk.list(root).map(|entries| entries.into_iter().map(|entry| entry.name).collect::<Vec<_>>());
        assert_eq!(names, Some(vec!["bad".into(), "good".into()]));
        assert_eq!(Disk.list(&root.join("good")), None);
    }

    #[test]
    fn messages_look_like_go() {
        let error = std::fs::read_dir("/nowhere/at/all").unwrap_err();
        assert_eq!(plain_message(&error), "no such file or directory");
    }
}
