//! Takes in the events of plans' runs as nodes send them: first into a file, then, line by line, into the states of the steps.
//!
//! The file is the truth, and the store says up to where it was taken in. So whatever is killed in between, a line counts once.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use crate::job::PlanRunId;
use crate::log_file::LogFiles;
use crate::plan_events::{self, MAX_LINE_BYTES, Told};
use crate::store::{Store, StoreError, plan_runs};
use crate::wire::Attempt;

/// How much of a file is read at once.
const READ_BYTES: usize = 1 << 20;

/// Why events are not taken in.
#[derive(Debug, thiserror::Error)]
pub enum TrackError {
    /// The file cannot be read or written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The store refuses.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The server ends.
    #[error("the server ends")]
    Ended,
}

/// The events of all runs.
pub struct PlanTracker {
    files: Arc<LogFiles>,
    store: Store,
    /// Up to where each file was looked through for changes.
    looked: Mutex<HashMap<Attempt, u64>>,
}

impl PlanTracker {
    /// With the files in which events are kept.
    pub fn new(files: Arc<LogFiles>, store: Store) -> Self {
        Self { files, store, looked: Mutex::default() }
    }

    /// The files.
    pub fn files(&self) -> &Arc<LogFiles> {
        &self.files
    }

    /// An attempt runs, or runs on. How much there is of its events.
    pub fn begin(&self, attempt: Attempt) -> u64 {
        self.files.begin(attempt).length()
    }

    /// An attempt has ended.
    pub fn end(&self, attempt: Attempt) {
        self.files.end(attempt);
        self.looked.lock().unwrap_or_else(PoisonError::into_inner).remove(&attempt);
    }

    /// Keeps a piece of the events of an attempt that runs, and takes in what it tells. How long the file is now, and the run, where something changed;
    /// `None` where the attempt is of no interest any more.
    ///
    /// # Errors
    /// It cannot be kept.
    pub async fn keep(
        &self,
        attempt: Attempt,
        offset: u64,
        bytes: Vec<u8>,
    ) -> Result<Option<(u64, Option<PlanRunId>)>, TrackError> {
        let Some(file) = self.files.growing(attempt) else { return Ok(None) };
        let kept = tokio::task::spawn_blocking(move || {
            let length = file.append(offset, &bytes)?;
            file.sync()?;
            Ok::<_, io::Error>(length)
        });
        let length = kept.await.map_err(|_| TrackError::Ended)??;
        let changed = self.catch_up(attempt).await?;
        Ok(Some((length, changed)))
    }

    /// Takes in all whole lines of an attempt's events that were not yet. The run, where something changed.
    ///
    /// # Errors
    /// The file cannot be read, or the store not written.
    pub async fn catch_up(&self, attempt: Attempt) -> Result<Option<PlanRunId>, TrackError> {
        let mut changed = None;
        let mut from = self.looked_up_to(attempt).await?;
        let mut most = READ_BYTES;
        loop {
            let files = Arc::clone(&self.files);
            let read = tokio::task::spawn_blocking(move || {
                let bytes = files.read(attempt, from, most)?;
                let whole = plan_events::whole_lines(&bytes);
                Ok::<_, io::Error>((bytes.len(), whole, plan_events::changes(&bytes, from)))
            });
            let (length, whole, told) = read.await.map_err(|_| TrackError::Ended)??;
            changed = self.apply(attempt, told).await?.or(changed);
            from += whole as u64;
            if whole == 0 && length == most && most < MAX_LINE_BYTES {
                // The line is longer.
                most *= 4;
                continue;
            }
            if whole == 0 && length >= MAX_LINE_BYTES {
                // No line of ours is so long.
                from += length as u64;
            } else if length < most {
                break;
            }
            most = READ_BYTES;
        }
        // One that has ended meanwhile is of no interest.
        if self.files.growing(attempt).is_some() {
            self.looked.lock().unwrap_or_else(PoisonError::into_inner).insert(attempt, from);
        }
        Ok(changed)
    }

    async fn looked_up_to(&self, attempt: Attempt) -> Result<u64, TrackError> {
        let known = self.looked.lock().unwrap_or_else(PoisonError::into_inner).get(&attempt).copied();
        match known {
            Some(known) => Ok(known),
            None => Ok(self.store.read(move |connection| plan_runs::applied(connection, attempt)).await?),
        }
    }

    async fn apply(&self, attempt: Attempt, told: Vec<Told>) -> Result<Option<PlanRunId>, TrackError> {
        if told.is_empty() {
            return Ok(None);
        }
        Ok(self.store.write(move |connection| plan_runs::apply(connection, attempt, &told)).await?)
    }
}
