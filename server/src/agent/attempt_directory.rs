//! The directory of one attempt on a node: everything that must outlive the agent.
//!
//! ```text
//! attempts/<job>-<fence>/order.json    what is run
//!                        log           what it wrote, in frames
//!                        events        what happened in the run of a plan, in lines
//!                        plan/         the plan of a task that runs as one
//!                        lock          held by the watcher as long as it lives; its number stands in it
//!                        cancelled     is there when somebody wants its end
//!                        ending.json   how it ended; has its name only when it is complete
//!                        workspace/    the files that it brings, as long as it runs
//! ```
//!
//! Nothing is synced to the disk: where the machine itself loses its power, the attempt is over anyway, and the server knows of no end.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rustix::process::{Pid, Signal, kill_process};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::job_files::JobFiles;
use crate::job::Ending;
use crate::private_directory;
use crate::wire::Attempt;

const ORDER: &str = "order.json";
const LOG: &str = "log";
const EVENTS: &str = "events";
const PLAN: &str = "plan";
const LOCK: &str = "lock";
const CANCELLED: &str = "cancelled";
const ENDING: &str = "ending.json";

/// What a watcher is to run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// The attempt.
    pub attempt: Attempt,
    /// What marks the processes of the attempt in their environment.
    pub mark: String,
    /// The program, by its absolute path.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<String>,
    /// Where it runs.
    pub directory: PathBuf,
    /// Variables of its environment, besides the agent's own.
    pub environment: Vec<(String, String)>,
    /// When the agent began it, in milliseconds since 1970.
    pub begun: i64,
    /// After how many seconds it is ended; 0 is never.
    pub timeout: u64,
    /// How many milliseconds it has to end by itself when it is told to.
    pub grace: u64,
    /// How many bytes of its output are kept.
    pub max_log_bytes: u64,
    /// The files that it brings, where it does; then it runs among them and not in `directory`.
    #[serde(default)]
    pub files: Option<JobFiles>,
    /// Whether it writes events.
    #[serde(default)]
    pub has_events: bool,
    /// Whether it is the run of a task, which can take place in the watcher itself; else the program is started.
    #[serde(default)]
    pub is_task: bool,
}

/// The directory.
#[derive(Clone, Debug)]
pub struct AttemptDirectory {
    path: PathBuf,
}

impl AttemptDirectory {
    /// That of an attempt below the directory of all of them.
    pub fn of(attempts: &Path, attempt: Attempt) -> Self {
        Self { path: attempts.join(format!("{}-{}", attempt.job, attempt.fence)) }
    }

    /// One that is there.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Those below a directory, with their orders. One without an order was never begun, and is removed.
    ///
    /// # Errors
    /// They cannot be read.
    pub fn all(attempts: &Path) -> io::Result<Vec<(Self, Order)>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(attempts)? {
            let directory = Self::at(entry?.path());
            match read_json(&directory.path.join(ORDER)) {
                Some(order) => found.push((directory, order)),
                None => directory.remove()?,
            }
        }
        Ok(found)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether somebody removed it.
    pub fn is_gone(&self) -> bool {
        fs::symlink_metadata(&self.path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
    }

    /// Makes it, with the order.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn create(&self, order: &Order) -> io::Result<()> {
        private_directory::make_closed(&self.path)?;
        File::create(self.path.join(LOG))?;
        self.write_json(ORDER, order)
    }

    /// The order.
    pub fn order(&self) -> Option<Order> {
        read_json(&self.path.join(ORDER))
    }

    /// The log, to be read.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn open_log(&self) -> io::Result<File> {
        File::open(self.path.join(LOG))
    }

    /// The log, to be written on.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn append_log(&self) -> io::Result<File> {
        OpenOptions::new().append(true).open(self.path.join(LOG))
    }

    /// Where its events are written.
    pub fn events(&self) -> PathBuf {
        self.path.join(EVENTS)
    }

    /// Makes the file of its events, to be read.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn open_events(&self) -> io::Result<File> {
        OpenOptions::new().create(true).append(true).read(true).open(self.events())
    }

    /// Where the plan of a task is that runs as one.
    pub fn plan(&self, name: &str) -> PathBuf {
        self.path.join(PLAN).join(format!("{name}.yml"))
    }

    /// Writes the plan of a task.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write_plan(&self, name: &str, text: &str) -> io::Result<()> {
        fs::create_dir_all(self.path.join(PLAN))?;
        fs::write(self.plan(name), text)
    }

    /// How it ended, where that is known.
    pub fn ending(&self) -> Option<Ending> {
        read_json(&self.path.join(ENDING))
    }

    /// Says how it ended.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn end(&self, ending: &Ending) -> io::Result<()> {
        self.write_json(ENDING, ending)
    }

    /// Says that a watcher is here, as long as the answer lives. `None` where one is here already.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn lock(&self) -> io::Result<Option<File>> {
        let file = OpenOptions::new().create(true).append(true).open(self.path.join(LOCK))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Says which process watches, in the lock that it holds.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn name_watcher(mut lock: &File, pid: Pid) -> io::Result<()> {
        lock.set_len(0)?;
        write!(lock, "{}", pid.as_raw_nonzero())
    }

    /// Whether a watcher ever had it in hand.
    pub fn was_watched(&self) -> bool {
        fs::metadata(self.path.join(LOCK)).is_ok_and(|lock| lock.len() > 0)
    }

    /// The process that watches now.
    fn watcher(&self) -> Option<Pid> {
        let named = fs::read_to_string(self.path.join(LOCK)).ok()?;
        let is_held = matches!(self.lock(), Ok(None));
        Pid::from_raw(named.parse().ok()?).filter(|_| is_held)
    }

    /// Wants the end of the attempt: a watcher that is there gets the signal, and one that comes finds the wish.
    ///
    /// # Errors
    /// The wish cannot be written.
    pub fn cancel(&self) -> io::Result<()> {
        File::create(self.path.join(CANCELLED))?;
        if let Some(watcher) = self.watcher() {
            // It may have ended in between.
            let _ = kill_process(watcher, Signal::TERM);
        }
        Ok(())
    }

    /// Kills the watcher that is there now, and with it a task that runs in it. What that started is left.
    pub fn kill_watcher(&self) {
        if let Some(watcher) = self.watcher() {
            // It may have ended in between.
            let _ = kill_process(watcher, Signal::KILL);
        }
    }

    /// Whether somebody wants its end.
    pub fn is_cancelled(&self) -> bool {
        self.path.join(CANCELLED).exists()
    }

    /// Forgets the attempt.
    ///
    /// # Errors
    /// It cannot be removed.
    pub fn remove(&self) -> io::Result<()> {
        // Without the order it is nothing any more, even if the rest stays.
        let _ = fs::remove_file(self.path.join(ORDER));
        fs::remove_dir_all(&self.path)
    }

    fn write_json<T: Serialize>(&self, name: &str, value: &T) -> io::Result<()> {
        let begun = self.path.join(format!(".{name}.begun"));
        fs::write(&begun, serde_json::to_vec(value)?)?;
        fs::rename(begun, self.path.join(name))
    }
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Option<T> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::{AttemptDirectory, Order};
    use crate::job::{Ending, JobState};
    use crate::wire::Attempt;

    fn order() -> Order {
        Order {
            attempt: Attempt { job: 3, fence: 1 },
            mark: "m".into(),
            program: "/bin/true".into(),
            args: Vec::new(),
            directory: "/".into(),
            environment: Vec::new(),
            begun: 0,
            timeout: 0,
            grace: 1,
            max_log_bytes: 1,
            files: None,
            has_events: false,
            is_task: false,
        }
    }

    #[test]
    fn what_was_begun_is_found_again() {
        let place = tempfile::tempdir().unwrap();
        let directory = AttemptDirectory::of(place.path(), order().attempt);
        directory.create(&order()).unwrap();
        std::fs::create_dir(place.path().join("9-1")).unwrap();
        let found = AttemptDirectory::all(place.path()).unwrap();
        assert_eq!(found.iter().map(|(_, order)| order.clone()).collect::<Vec<_>>(), [order()]);
        assert!(!place.path().join("9-1").exists());

        assert_eq!(directory.ending(), None);
        let ending = Ending {
            state: JobState::Success,
            exit_code: Some(0),
            reason: None,
            started: 1,
            finished: 2,
            outputs: None,
        };
        directory.end(&ending).unwrap();
        assert_eq!(directory.ending(), Some(ending));
        directory.remove().unwrap();
        assert_eq!(AttemptDirectory::all(place.path()).unwrap().len(), 0);
    }

    #[test]
    fn one_watcher_holds_the_lock() {
        let place = tempfile::tempdir().unwrap();
        let directory = AttemptDirectory::of(place.path(), order().attempt);
        directory.create(&order()).unwrap();
        assert_eq!(directory.watcher(), None);
        let held = directory.lock().unwrap().unwrap();
        assert!(!directory.was_watched());
        let own = rustix::process::getpid();
        AttemptDirectory::name_watcher(&held, own).unwrap();
        assert!(directory.lock().unwrap().is_none());
        assert_eq!(directory.watcher(), Some(own));
        drop(held);
        assert_eq!(directory.watcher(), None);
        assert!(directory.was_watched());
        assert!(directory.lock().unwrap().is_some());
    }
}
