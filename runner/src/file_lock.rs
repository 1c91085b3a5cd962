//! Locks that a process holds as long as it lives, and for a moment longer.

use std::fs::{File, TryLockError};
use std::io;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// For how long a lock is tried.
const LIMIT: Duration = Duration::from_secs(1);

/// The pause between two tries.
const PAUSE: Duration = Duration::from_millis(5);

/// Locks a file. Whether that is done; it is not where somebody else has it, and keeps it.
///
/// Who only looks has a lock for a moment. So has what a process was starting when it was killed: a new process has the open files of the old one until its program begins.
///
/// # Errors
/// Files cannot be locked here.
pub fn take(file: &File) -> io::Result<bool> {
    let begun = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(true),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) if begun.elapsed() < LIMIT => sleep(PAUSE),
            Err(TryLockError::WouldBlock) => return Ok(false),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::sync::mpsc::channel;

    use super::take;

    #[test]
    fn a_lock_that_is_let_go_of_is_had() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("lock");
        let (first, second) = (File::create(&path).unwrap(), File::open(&path).unwrap());
        assert!(take(&first).unwrap());
        assert!(!take(&second).unwrap());
        let (begin, begun) = channel();
        let taking = std::thread::spawn(move || {
            begin.send(()).unwrap();
            take(&second).unwrap()
        });
        begun.recv().unwrap();
        drop(first);
        assert!(taking.join().unwrap());
    }
}
