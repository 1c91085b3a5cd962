//! Forgets what is too old, too much or too long, a little at a time.
//!
//! Rows go first and logs after them, so that no job is without its log. What a server that was killed in between left of logs is found at the next start.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::clock::now_ms;
use crate::job::JobId;
use crate::log_file::LogFiles;
use crate::store::retention::{self, Retention};
use crate::store::{Store, StoreError, jobs};
use crate::wire::Attempt;

/// How often is looked for what can be forgotten.
const LOOK: Duration = Duration::from_mins(1);

/// By how much the clock may run differently from the time that passes before it is not believed: it was set.
const CLOCK_SLACK: Duration = Duration::from_hours(1);

/// How many logs are compared with the database at once.
const ORPHAN_BATCH: usize = 500;

/// Says whether the clock runs as time passes. One that was set tells no ages until the next start.
#[derive(Debug)]
struct Clock {
    began_at: i64,
    began: Instant,
}

impl Clock {
    fn new() -> Self {
        Self { began_at: now_ms(), began: Instant::now() }
    }

    /// What time it is; `None` where the clock was set.
    fn now(&self) -> Option<i64> {
        let now = now_ms();
        let passed = i64::try_from(self.began.elapsed().as_millis()).ok()?;
        let gone = now.checked_sub(self.began_at)?.abs_diff(passed);
        (u128::from(gone) < CLOCK_SLACK.as_millis()).then_some(now)
    }
}

/// Works until the server ends.
pub async fn work(store: Store, logs: Arc<LogFiles>, limits: Retention, mut end: watch::Receiver<bool>) {
    let clock = Clock::new();
    let mut look = interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let working = async {
        if let Err(error) = remove_orphans(&store, &logs).await {
            eprintln!("ez: logs without a job cannot be removed: {error}");
        }
        loop {
            look.tick().await;
            if let Err(error) = sweep(&store, &logs, &limits, clock.now()).await {
                eprintln!("ez: old jobs cannot be forgotten: {error}");
            }
        }
    };
    tokio::select! {
        () = working => {}
        _ = end.wait_for(|end| *end) => {}
    }
}

/// Forgets all that can be forgotten now.
async fn sweep(
    store: &Store,
    logs: &Arc<LogFiles>,
    limits: &Retention,
    now: Option<i64>,
) -> Result<(), StoreError> {
    let limits = *limits;
    while forget_jobs(store, logs, limits, now).await? {}
    let Some(now) = now else { return Ok(()) };
    while store.write(move |connection| retention::forget_audit(connection, limits.audit_days, now)).await? {}
    while store.write(move |connection| retention::forget_reports(connection, limits.days, now)).await? {}
    Ok(())
}

/// Forgets some jobs and then their logs. Whether there may be more.
async fn forget_jobs(
    store: &Store,
    logs: &Arc<LogFiles>,
    limits: Retention,
    now: Option<i64>,
) -> Result<bool, StoreError> {
    let outdated = store.read(move |connection| retention::outdated(connection, &limits, now)).await?;
    for batch in outdated.chunks(retention::BATCH as usize) {
        let batch = batch.to_vec();
        let forgotten = store.write(move |connection| retention::forget(connection, &batch)).await?;
        if forgotten.jobs == 0 {
            // They cannot be forgotten, whatever the reason: the next look finds them again.
            return Ok(false);
        }
        remove_logs(logs, forgotten.attempts).await;
    }
    Ok(!outdated.is_empty())
}

/// Removes logs. One that stays is found at the next start.
async fn remove_logs(logs: &Arc<LogFiles>, attempts: Vec<Attempt>) {
    let logs = Arc::clone(logs);
    let removed = tokio::task::spawn_blocking(move || {
        for attempt in attempts {
            let _ = logs.remove(attempt);
        }
    });
    let _ = removed.await;
}

/// Removes logs of jobs that there are no more.
async fn remove_orphans(store: &Store, logs: &Arc<LogFiles>) -> Result<(), StoreError> {
    // What comes later has a higher number.
    let next = store.read(jobs::next_id).await?;
    let listed = Arc::clone(logs);
    let all = tokio::task::spawn_blocking(move || listed.attempts()).await.map_err(|_| StoreError::Closed)?;
    let old: Vec<_> = all.into_iter().filter(|attempt| attempt.job < next).collect();
    for batch in old.chunks(ORPHAN_BATCH) {
        let ids: Vec<JobId> = batch.iter().map(|attempt| attempt.job).collect();
        let known = store.read(move |connection| retention::known_of(connection, &ids)).await?;
        for attempt in batch.iter().filter(|attempt| !known.contains(&attempt.job)) {
            // One that cannot be removed is tried again at the next start.
            let _ = logs.remove(*attempt);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::time::Instant;

    use super::{CLOCK_SLACK, Clock, remove_orphans, sweep};
    use crate::clock::now_ms;
    use crate::job::{Ending, JobSpec, JobState};
    use crate::log_file::LogFiles;
    use crate::store::retention::Retention;
    use crate::store::{Store, jobs};
    use crate::wire::Attempt;

    const LIMITS: Retention = Retention { days: 0, jobs_per_task: 3, log_bytes: 0, audit_days: 0 };

    async fn ended_job(store: &Store, logs: &LogFiles, id: i64) {
        let attempt = Attempt { job: id, fence: 1 };
        logs.begin(attempt).append(0, b"log").unwrap();
        let new = jobs::NewJob {
            id,
            spec: JobSpec { name: "a".into(), ..JobSpec::default() },
            submitted_by: String::new(),
            idempotency_key: None,
            created: 0,
        };
        let ending = Ending {
            state: JobState::Success,
            exit_code: Some(0),
            reason: None,
            started: 1,
            finished: 2,
            outputs: None,
        };
        store
            .write(move |connection| {
                jobs::insert(connection, &new)?;
                jobs::assign(connection, attempt, 1, 0)?;
                jobs::finish(connection, attempt, &ending, "success", 3)
            })
            .await
            .unwrap();
    }

    #[tokio::test]
    async fn rows_and_logs_go_together_and_what_stayed_is_found() {
        let place = tempfile::tempdir().unwrap();
        let store = Store::open(&place.path().join("ez.db")).unwrap();
        let logs = Arc::new(LogFiles::new(place.path().join("logs")).unwrap());
        for id in 1..=5 {
            ended_job(&store, &logs, id).await;
        }
        sweep(&store, &logs, &LIMITS, None).await.unwrap();
        let left = || {
            let mut left: Vec<i64> = logs.attempts().into_iter().map(|attempt| attempt.job).collect();
            left.sort_unstable();
            left
        };
        assert_eq!(left(), [3, 4, 5]);

        // Killed between the rows and the logs.
        store.write(|connection| jobs::delete(connection, 4)).await.unwrap();
        // Of a job that is not written yet.
        logs.begin(Attempt { job: 6, fence: 1 }).append(0, b"x").unwrap();
        remove_orphans(&store, &logs).await.unwrap();
        assert_eq!(left(), [3, 5, 6]);
    }

    #[test]
    fn a_clock_that_was_set_is_not_believed() {
        let slack = i64::try_from(CLOCK_SLACK.as_millis()).unwrap();
        for (began_at, is_believed) in
            [(now_ms(), true), (now_ms() - 2 * slack, false), (now_ms() + 2 * slack, false)]
        {
            assert_eq!(Clock { began_at, began: Instant::now() }.now().is_some(), is_believed);
        }
    }
}
