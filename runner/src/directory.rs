//! Making directories, with errors as Go's `os.MkdirAll` tells them.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::process::system_message;

/// A directory that could not be made.
#[derive(Debug)]
pub struct MakeError {
    /// The first directory on the way that could not be made.
    pub path: PathBuf,
    /// Why.
    pub source: io::Error,
}

impl fmt::Display for MakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "mkdir {}: {}", self.path.display(), system_message(&self.source))
    }
}

impl std::error::Error for MakeError {}

/// Makes a directory and those above it.
///
/// # Errors
/// One of them cannot be made; those before it are.
pub fn make_all(path: &Path) -> Result<(), MakeError> {
    let missing: Vec<&Path> =
        path.ancestors().take_while(|dir| !dir.as_os_str().is_empty() && !dir.is_dir()).collect();
    for dir in missing.into_iter().rev() {
        match std::fs::create_dir(dir) {
            // Somebody else may make it at the same time.
            Err(_) if dir.is_dir() => {}
            Err(source) => return Err(MakeError { path: dir.to_owned(), source: as_go(dir, source) }),
            Ok(()) => {}
        }
    }
    Ok(())
}

/// Go looks before it makes: something that is there is no directory.
fn as_go(dir: &Path, error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::AlreadyExists && dir.exists() {
        return io::Error::from(io::ErrorKind::NotADirectory);
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_the_directory_to_blame() {
        let root = tempfile::tempdir().unwrap();
        let path = |relative: &str| root.path().join(relative);
        std::fs::write(path("file"), "").unwrap();
        assert!(make_all(&path("a/b/c")).is_ok());
        assert!(make_all(&path("a/b/c")).is_ok());
        assert!(path("a/b/c").is_dir());
        let said = |relative: &str| make_all(&path(relative)).unwrap_err().to_string();
        let expected = format!("mkdir {}: not a directory", path("file").display());
        assert_eq!(said("file"), expected);
        assert_eq!(said("file/x/y"), expected);
    }
}
