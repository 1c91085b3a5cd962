//! Processes that an attempt left behind, found by the mark in their environment.

use std::time::{Duration, Instant};

use ez_runner::process::marked;

use super::attempt_directory::AttemptDirectory;

/// The variable that marks the processes of an attempt.
pub const MARK: &str = "EZ_ATTEMPT_MARK";

/// For how long killed processes are looked after.
const LIMIT: Duration = Duration::from_secs(5);

/// The pause between two looks.
const PAUSE: Duration = Duration::from_millis(5);

/// Kills all processes with a mark, also those that begin meanwhile. Whether none is left.
pub fn kill(mark: &str) -> bool {
    let begun = Instant::now();
    while marked::kill(MARK, mark) {
        if begun.elapsed() > LIMIT {
            return false;
        }
        std::thread::sleep(PAUSE);
    }
    true
}

/// Kills the watcher of an attempt, and then what that started.
///
/// What a watcher is just starting has no mark yet, but it has the watcher's lock until it has one: so the lock is waited for.
pub fn kill_watched(directory: &AttemptDirectory, mark: &str) {
    let begun = Instant::now();
    let _lock = loop {
        directory.kill_watcher();
        match directory.lock() {
            Ok(None) if begun.elapsed() <= LIMIT => std::thread::sleep(PAUSE),
            lock => break lock,
        }
    };
    kill(mark);
}
