//! A folder of the project whose files are shown. Nothing outside of it is ever opened: each step goes from a directory that is open, and follows no link.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use rustix::fd::OwnedFd;
use rustix::fs::{CWD, Dir, FileType, Mode, OFlags, fstat, openat};
use serde::Serialize;
use utoipa::ToSchema;

use crate::sync::tree_path::TreePath;

/// The most files that are listed, and how deep they may be.
pub const MAX_LISTED: usize = 10_000;
const MAX_DEPTH: usize = 32;

/// The longest file that is shown.
pub const MAX_SHOWN_BYTES: u64 = 1 << 20;

/// A file of a folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ListedFile {
    /// Its path in the folder, with `/` between the names.
    pub path: String,
    /// `file`, `directory` or `link`; links are not followed.
    pub kind: &'static str,
    /// How many bytes it has; of directories and links nothing is said.
    pub size: Option<u64>,
    /// Whether it can be run.
    pub executable: bool,
}

/// Why a file is not shown.
#[derive(Debug, thiserror::Error)]
pub enum ShowError {
    /// There is no such file, or it is a link or a directory.
    #[error("there is no file `{0}`")]
    Missing(String),
    /// It is too long.
    #[error("`{0}` is longer than {MAX_SHOWN_BYTES} bytes")]
    TooLong(String),
    /// It is no text.
    #[error("`{0}` is no text in UTF-8")]
    NoText(String),
}

/// The folder, open.
#[derive(Debug)]
pub struct ProjectFolder {
    directory: OwnedFd,
}

impl ProjectFolder {
    /// Opens it. The last directory of its path must be no link.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(Self { directory: openat(CWD, path, flags, Mode::empty())? })
    }

    /// The files in it, at most [`MAX_LISTED`], by their paths. Names that are no UTF-8 are left out.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn list(&self) -> io::Result<Vec<ListedFile>> {
        let mut found = Vec::new();
        list_into(&self.directory, "", 0, &mut found)?;
        found.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(found)
    }

    /// The text of a file in it.
    ///
    /// # Errors
    /// There is none, or it is not shown.
    pub fn text(&self, path: &TreePath) -> Result<String, ShowError> {
        let missing = || ShowError::Missing(path.to_string());
        let file = self.file(path).map_err(|_| missing())?;
        let metadata = file.metadata().map_err(|_| missing())?;
        if !metadata.is_file() {
            return Err(missing());
        }
        let mut bytes = Vec::new();
        file.take(MAX_SHOWN_BYTES + 1).read_to_end(&mut bytes).map_err(|_| missing())?;
        if bytes.len() as u64 > MAX_SHOWN_BYTES {
            return Err(ShowError::TooLong(path.to_string()));
        }
        String::from_utf8(bytes).map_err(|_| ShowError::NoText(path.to_string()))
    }

    fn file(&self, path: &TreePath) -> io::Result<File> {
        let mut names = path.names().peekable();
        let mut inner: Option<OwnedFd> = None;
        while let Some(name) = names.next() {
            let directory = inner.as_ref().unwrap_or(&self.directory);
            // A pipe that nobody writes to would hold the reader up.
            let kind = if names.peek().is_some() { OFlags::DIRECTORY } else { OFlags::NONBLOCK };
            let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | kind;
            inner = Some(openat(directory, name, flags, Mode::empty())?);
        }
        inner.map(File::from).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

fn list_into(directory: &OwnedFd, prefix: &str, depth: usize, found: &mut Vec<ListedFile>) -> io::Result<()> {
    for entry in Dir::read_from(directory)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().to_str() else { continue };
        if matches!(name, "." | "..") {
            continue;
        }
        if found.len() >= MAX_LISTED {
            return Ok(());
        }
        let path = format!("{prefix}{name}");
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        // What cannot be opened, as a link, is only named.
        let opened = openat(directory, name, flags, Mode::empty()).ok();
        let status = opened.as_ref().and_then(|file| fstat(file).ok());
        let kind = status.map(|status| FileType::from_raw_mode(status.st_mode));
        let (kind, size) = match kind {
            Some(FileType::RegularFile) => {
                ("file", status.and_then(|status| u64::try_from(status.st_size).ok()))
            }
            Some(FileType::Directory) => ("directory", None),
            _ if entry.file_type() == FileType::Symlink => ("link", None),
            _ => continue,
        };
        let executable = kind == "file" && status.is_some_and(|status| status.st_mode & 0o111 != 0);
        found.push(ListedFile { path: path.clone(), kind, size, executable });
        if let Some(inner) = opened.filter(|_| kind == "directory" && depth < MAX_DEPTH) {
            list_into(&inner, &format!("{path}/"), depth + 1, found)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::{MAX_SHOWN_BYTES, ProjectFolder, ShowError};
    use crate::sync::tree_path::TreePath;

    fn path(text: &str) -> TreePath {
        TreePath::new(text).unwrap()
    }

    #[test]
    fn links_lead_nowhere() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("folder");
        fs::create_dir_all(folder.join("sub")).unwrap();
        fs::write(place.path().join("secret"), "s").unwrap();
        fs::write(folder.join("sub/a"), "text").unwrap();
        symlink("../secret", folder.join("link")).unwrap();
        symlink("..", folder.join("up")).unwrap();
        let open = ProjectFolder::open(&folder).unwrap();
        assert_eq!(open.text(&path("sub/a")).unwrap(), "text");
        for hidden in ["link", "up/secret", "sub", "none", "sub/a/b"] {
            assert!(matches!(open.text(&path(hidden)), Err(ShowError::Missing(_))), "{hidden}");
        }
        let listed = open.list().unwrap();
        let listed: Vec<_> = listed.iter().map(|file| (file.path.as_str(), file.kind, file.size)).collect();
        assert_eq!(
            listed,
            [
                ("link", "link", None),
                ("sub", "directory", None),
                ("sub/a", "file", Some(4)),
                ("up", "link", None)
            ]
        );
        symlink("folder", place.path().join("other")).unwrap();
        assert!(ProjectFolder::open(&place.path().join("other")).is_err());
    }

    #[test]
    fn only_short_texts_are_shown() {
        let place = tempfile::tempdir().unwrap();
        let most = usize::try_from(MAX_SHOWN_BYTES).unwrap();
        fs::write(place.path().join("long"), "x".repeat(most + 1)).unwrap();
        fs::write(place.path().join("most"), "x".repeat(most)).unwrap();
        fs::write(place.path().join("binary"), b"\xff\0").unwrap();
        let open = ProjectFolder::open(place.path()).unwrap();
        assert_eq!(open.text(&path("most")).unwrap().len(), most);
        assert!(matches!(open.text(&path("long")), Err(ShowError::TooLong(_))));
        assert!(matches!(open.text(&path("binary")), Err(ShowError::NoText(_))));
    }
}
