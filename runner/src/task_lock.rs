//! `ez-lock`: a file that one process at a time holds. The kernel lets go of it when the process ends, however it ends.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::path::Path;

use rustix::fs::{FlockOperation, flock};
use rustix::process::{Pid, test_kill_process};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::runtime_data;

/// Most bytes of a lock file that are read.
const MAX_SIZE: u64 = 64 << 10;

/// Who holds a lock.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The process.
    pub pid: i32,
    /// The machine.
    pub host: SmolStr,
    /// Since when; RFC 3339.
    pub since: SmolStr,
    /// What it runs, secrets masked.
    pub command: String,
}

/// A lock that is held until this is dropped.
#[derive(Debug)]
pub struct TaskLock {
    file: File,
}

/// What came of trying to get a lock.
#[derive(Debug)]
pub enum Attempt {
    /// It is ours.
    Held(TaskLock),
    /// Somebody else has it; `None` where it is not known who.
    Busy(Option<Holder>),
}

impl TaskLock {
    /// Tries to get the lock of a file, which is made where it is missing, for `holder`.
    ///
    /// # Errors
    /// The file cannot be made, read or written.
    pub fn attempt(path: &Path, holder: &Holder) -> io::Result<Attempt> {
        let mut file = loop {
            let mut file =
                OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) if runtime_data::is_at(&file, path) => break file,
                // It was removed before it was ours.
                Ok(()) => {}
                Err(rustix::io::Errno::WOULDBLOCK) => return Ok(Attempt::Busy(living_holder(&mut file))),
                Err(error) => return Err(error.into()),
            }
        };
        file.set_len(0)?;
        file.rewind()?;
        file.write_all(&serde_json::to_vec(holder)?)?;
        file.flush()?;
        Ok(Attempt::Held(Self { file }))
    }
}

impl Drop for TaskLock {
    fn drop(&mut self) {
        // Nobody is to read who held it; a file that cannot be emptied names a process that is soon gone.
        let _ = self.file.set_len(0);
        let _ = flock(&self.file, FlockOperation::Unlock);
    }
}

/// Whom the file names, if that process lives: one that was killed leaves its name to the next holder.
fn living_holder(file: &mut File) -> Option<Holder> {
    let mut text = String::new();
    file.rewind().ok()?;
    file.take(MAX_SIZE).read_to_string(&mut text).ok()?;
    let holder: Holder = serde_json::from_str(&text).ok()?;
    let lives = |pid| !matches!(test_kill_process(pid), Err(rustix::io::Errno::SRCH));
    let is_here = holder.host == host_name();
    (!is_here || Pid::from_raw(holder.pid).is_some_and(lives)).then_some(holder)
}

/// The name of this machine.
pub fn host_name() -> SmolStr {
    rustix::system::uname().nodename().to_string_lossy().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holder(pid: i32) -> Holder {
        Holder { pid, host: host_name(), since: "now".into(), command: "ez run x".into() }
    }

    #[test]
    fn one_at_a_time_holds_it_and_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lock");
        let me = holder(i32::try_from(std::process::id()).unwrap());
        let Attempt::Held(first) = TaskLock::attempt(&path, &me).unwrap() else { panic!("free") };
        let Attempt::Busy(who) = TaskLock::attempt(&path, &holder(1)).unwrap() else { panic!("held") };
        assert_eq!(who, Some(me));
        drop(first);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "");
        assert!(matches!(TaskLock::attempt(&path, &holder(1)).unwrap(), Attempt::Held(_)));
    }

    #[test]
    fn a_dead_holder_is_not_named() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lock");
        // No process has this id: it is above what Linux gives out.
        let Attempt::Held(_held) = TaskLock::attempt(&path, &holder(i32::MAX)).unwrap() else {
            panic!("free")
        };
        assert!(matches!(TaskLock::attempt(&path, &holder(1)).unwrap(), Attempt::Busy(None)));
    }

    #[test]
    fn what_is_no_lock_file_names_nobody() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lock");
        let Attempt::Held(held) = TaskLock::attempt(&path, &holder(1)).unwrap() else { panic!("free") };
        std::fs::write(&path, "what?").unwrap();
        assert!(matches!(TaskLock::attempt(&path, &holder(1)).unwrap(), Attempt::Busy(None)));
        drop(held);
    }
}
