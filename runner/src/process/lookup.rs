//! Which file a program name means, by the `PATH` of the command's own environment.

use std::cell::RefCell;
use std::ffi::{OsStr, OsString};
use std::fs::Metadata;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustc_hash::FxHashMap;

use super::{Environment, system_message};

/// Exit code of a command whose program cannot be found or executed.
pub const NOT_FOUND_CODE: u8 = 127;

/// Why a program cannot be started, in the words of go-task's shell.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LookupError {
    /// No directory of `PATH` has it.
    #[error("{0:?}: executable file not found in $PATH")]
    NotInPath(String),
    /// The file cannot be looked at.
    #[error("stat {path}: {message}")]
    Unreadable {
        /// The file.
        path: String,
        /// The system's words.
        message: String,
    },
    /// It is a directory.
    #[error("is a directory")]
    Directory,
    /// It has no execute permission.
    #[error("permission denied")]
    NotExecutable,
}

/// Finds programs and remembers where they were. One run has one.
#[derive(Debug, Default)]
pub struct Programs {
    found: RefCell<FxHashMap<Key, PathBuf>>,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Key {
    name: String,
    path: OsString,
    /// Only where `PATH` has an element that depends on it.
    directory: PathBuf,
}

impl Programs {
    /// The file of a program for a command that runs in `directory` with `environment`.
    ///
    /// # Errors
    /// There is none that can be executed.
    pub fn find(
        &self,
        name: &str,
        directory: &Path,
        environment: &Environment,
    ) -> Result<PathBuf, LookupError> {
        if name.contains('/') {
            return executable(&at(directory, Path::new(name)));
        }
        let path = environment.get("PATH").unwrap_or_default();
        let key = Key {
            name: name.to_owned(),
            path: path.to_owned(),
            directory: if depends_on_directory(path) { directory.to_owned() } else { PathBuf::new() },
        };
        if let Some(file) = self.found.borrow().get(&key) {
            return Ok(file.clone());
        }
        let file = elements(path)
            .find_map(|element| executable(&at(directory, &element.join(name))).ok())
            .ok_or_else(|| LookupError::NotInPath(name.to_owned()))?;
        self.found.borrow_mut().insert(key, file.clone());
        Ok(file)
    }

    /// Forgets all places, because one of them proved wrong.
    pub fn forget(&self) {
        self.found.borrow_mut().clear();
    }
}

fn elements(path: &OsStr) -> impl Iterator<Item = PathBuf> {
    std::env::split_paths(path).map(
        |element| {
            if element.as_os_str().is_empty() { PathBuf::from(".") } else { element }
        },
    )
}

fn depends_on_directory(path: &OsStr) -> bool {
    elements(path).any(|element| element.is_relative())
}

/// A path as seen from a directory; a relative one is cleaned as Go's `filepath.Join` does.
fn at(directory: &Path, file: &Path) -> PathBuf {
    if file.is_absolute() {
        return file.to_owned();
    }
    match directory.join(file).to_str() {
        Some(joined) => PathBuf::from(crate::path::clean(joined)),
        None => directory.join(file),
    }
}

fn executable(file: &Path) -> Result<PathBuf, LookupError> {
    let metadata = std::fs::metadata(file).map_err(|error| LookupError::Unreadable {
        path: file.display().to_string(),
        message: system_message(&error),
    })?;
    check(&metadata)?;
    Ok(file.to_owned())
}

fn check(metadata: &Metadata) -> Result<(), LookupError> {
    if metadata.is_dir() {
        Err(LookupError::Directory)
    } else if metadata.permissions().mode() & 0o111 == 0 {
        Err(LookupError::NotExecutable)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What looking for `name` says, in a directory with an executable `yes`, a text `no` and a directory `sub`.
    fn check(path: &str, name: &str, expected: &str) {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        std::fs::write(root.join("yes"), "").unwrap();
        std::fs::set_permissions(root.join("yes"), std::fs::Permissions::from_mode(0o755)).unwrap();
        std::fs::write(root.join("no"), "").unwrap();
        std::fs::create_dir(root.join("sub")).unwrap();
        let environment: Environment =
            [("PATH", path.replace("ROOT", &root.display().to_string()))].into_iter().collect();
        let found = Programs::default().find(name, root, &environment);
        let said = found.map_or_else(|error| error.to_string(), |file| file.display().to_string());
        assert_eq!(said.replace(&root.display().to_string(), "ROOT"), expected);
    }

    #[test]
    fn programs_are_found_as_go_task_finds_them() {
        check("/nowhere:ROOT", "yes", "ROOT/yes");
        check("", "yes", "ROOT/yes");
        check("/nowhere:.", "yes", "ROOT/yes");
        check("ROOT", "no", r#""no": executable file not found in $PATH"#);
        check("ROOT", "sub", r#""sub": executable file not found in $PATH"#);
        check("ROOT", "absent", r#""absent": executable file not found in $PATH"#);
        check("", "./yes", "ROOT/yes");
        check("", "./sub/../yes", "ROOT/yes");
        check("", "./no", "permission denied");
        check("", "./sub", "is a directory");
        check("", "./absent", "stat ROOT/absent: no such file or directory");
        check("", "./yes/x", "stat ROOT/yes/x: not a directory");
    }

    #[test]
    fn a_place_is_remembered_until_forgotten() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("tool");
        std::fs::write(&file, "").unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
        let environment: Environment = [("PATH", directory.path())].into_iter().collect();
        let programs = Programs::default();
        assert_eq!(programs.find("tool", Path::new("/"), &environment), Ok(file.clone()));
        std::fs::remove_file(&file).unwrap();
        assert_eq!(programs.find("tool", Path::new("/"), &environment), Ok(file));
        programs.forget();
        assert!(programs.find("tool", Path::new("/"), &environment).is_err());
    }
}
