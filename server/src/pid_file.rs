//! Which process serves a database: a file that it holds locked as long as it lives.
//!
//! Its first line is the number of the process, its second the address. The file stays when the process has ended; what counts is the lock.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use ez_runner::file_lock;

/// The name of the file, beside the database.
pub const NAME: &str = "server.pid";

/// The file, held.
#[derive(Debug)]
pub struct PidFile {
    file: File,
}

/// A server that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunningServer {
    /// The number of its process.
    pub pid: i32,
    /// Where it listens; empty before it does.
    pub url: String,
}

/// Why the file is not ours.
#[derive(Debug, thiserror::Error)]
pub enum PidFileError {
    /// Another server has it.
    #[error("another server works with this database (process {0}): `ez server stop` ends it")]
    Taken(i32),
    /// It cannot be used.
    #[error("{0} cannot be used: {1}")]
    Io(String, #[source] io::Error),
}

/// The file that belongs to a database.
pub fn beside(database: &Path) -> PathBuf {
    database.with_file_name(NAME)
}

impl PidFile {
    /// Takes the file for this process.
    ///
    /// # Errors
    /// Another server has it, or it cannot be written.
    pub fn take(path: &Path) -> Result<Self, PidFileError> {
        let io = |error| PidFileError::Io(path.display().to_string(), error);
        let file =
            OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path).map_err(io)?;
        if !file_lock::take(&file).map_err(io)? {
            return Err(PidFileError::Taken(read(&file).map_or(0, |server| server.pid)));
        }
        let taken = Self { file };
        taken.say("").map_err(io)?;
        Ok(taken)
    }

    /// Says where this process listens.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn say(&self, url: &str) -> io::Result<()> {
        use std::io::Seek;
        let mut file = &self.file;
        file.set_len(0)?;
        file.rewind()?;
        file.write_all(format!("{}\n{url}\n", std::process::id()).as_bytes())
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        // Nobody reads it without asking for the lock first.
        let _ = self.file.set_len(0);
    }
}

fn read(mut file: &File) -> Option<RunningServer> {
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    let mut lines = text.lines();
    let pid = lines.next()?.parse().ok()?;
    Some(RunningServer { pid, url: lines.next().unwrap_or_default().to_owned() })
}

/// The server that holds a file. `None` where nobody does.
///
/// # Errors
/// The file cannot be read.
pub fn holder(path: &Path) -> io::Result<Option<RunningServer>> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(None),
        Err(TryLockError::WouldBlock) => Ok(read(&file)),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::{PidFile, PidFileError, RunningServer, holder};

    #[test]
    fn one_process_has_the_file() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("server.pid");
        assert_eq!(holder(&path).unwrap(), None);
        let held = PidFile::take(&path).unwrap();
        held.say("http://127.0.0.1:1").unwrap();
        let pid = std::process::id() as i32;
        let own = RunningServer { pid, url: "http://127.0.0.1:1".into() };
        assert_eq!(holder(&path).unwrap(), Some(own));
        assert!(matches!(PidFile::take(&path), Err(PidFileError::Taken(known)) if known == pid));
        drop(held);
        assert_eq!(holder(&path).unwrap(), None);
        assert!(PidFile::take(&path).is_ok());
    }
}
