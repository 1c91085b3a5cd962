//! The job of a remote step, written down before it is asked for and as long as it may run: a run that goes on takes over or ends what a killed one left behind.

use std::fs;
use std::io;
use std::path::Path;

use ez_runner::runtime_data;
use ez_server::job::JobId;
use serde::{Deserialize, Serialize};

/// A job that was begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BegunJob {
    /// The URL of the server.
    pub server: String,
    /// The idempotency key with which it is asked for.
    #[serde(default)]
    pub key: String,
    /// Its number there; `None` as long as the server has not answered.
    pub job: Option<JobId>,
    /// Its task.
    pub task: String,
    /// The digest of its files.
    pub inputs: String,
}

impl BegunJob {
    /// The one in a file; `None` where none was begun.
    pub fn read(file: &Path) -> Option<Self> {
        // A file that is no such one was not written by a run.
        serde_json::from_slice(&fs::read(file).ok()?).ok()
    }

    /// Writes it down.
    ///
    /// # Errors
    /// The disk fails.
    pub fn write(&self, file: &Path) -> io::Result<()> {
        if let Some(directory) = file.parent() {
            fs::create_dir_all(directory)?;
        }
        runtime_data::write_whole(file, &serde_json::to_vec(self)?)
    }

    /// It has ended.
    pub fn forget(file: &Path) {
        // A job that has ended is not ended again, so that what stays does no harm.
        let _ = fs::remove_file(file);
    }
}

#[cfg(test)]
mod tests {
    use super::BegunJob;

    #[test]
    fn what_was_begun_is_found_until_it_has_ended() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("jobs/a.json");
        let mut job = BegunJob {
            server: "http://x".into(),
            key: "k".into(),
            job: None,
            task: "t".into(),
            inputs: "ab".into(),
        };
        assert_eq!(BegunJob::read(&file), None);
        job.write(&file).unwrap();
        assert_eq!(BegunJob::read(&file), Some(job.clone()));
        job.job = Some(7);
        job.write(&file).unwrap();
        assert_eq!(BegunJob::read(&file), Some(job));
        BegunJob::forget(&file);
        assert_eq!(BegunJob::read(&file), None);
    }
}
