//! What is forgotten, and what was forgotten only half.

use rusqlite::Connection;

use super::StoreError;
use super::jobs::{self, Deleted};
use crate::job::JobId;
use crate::wire::Attempt;

/// How many jobs are forgotten in one change: others wait no longer for it.
pub const BATCH: u32 = 100;

/// How many are looked for at once: that reads all jobs.
const MAX_LISTED: u32 = 5_000;

/// Whether a job of `jobs` stands for itself: of a plan run only the last one does, because a run is forgotten as a whole, and counts as one.
const STANDS_ALONE: &str =
    "NOT EXISTS (SELECT 1 FROM plan_run_jobs AS mine JOIN plan_runs AS runs ON runs.id = mine.run
     WHERE mine.job = jobs.id AND runs.job <> jobs.id)";

/// How long what has ended is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// In days after the end of a job; 0 is for ever.
    pub days: u64,
    /// How many ended jobs of each task and plan; 0 is all.
    pub jobs_per_task: u64,
    /// How long all logs are together, in bytes; 0 is as long as they get.
    pub log_bytes: u64,
    /// In days for what stands in the audit log; 0 is for ever.
    pub audit_days: u64,
}

impl Default for Retention {
    fn default() -> Self {
        Self { days: 90, jobs_per_task: 10_000, log_bytes: 20 << 30, audit_days: 365 }
    }
}

const DAY_MS: u64 = 24 * 3600 * 1000;

/// The moment so many days before another one; `None` where nothing is too old.
fn days_before(now: i64, days: u64) -> Option<i64> {
    let age = i64::try_from(days.checked_mul(DAY_MS).filter(|age| *age > 0)?).ok()?;
    now.checked_sub(age)
}

/// Jobs that are to be forgotten, of plan runs the last ones, at most [`MAX_LISTED`]. `now` in milliseconds since 1970; `None` where the clock is not to be believed.
///
/// # Errors
/// The database fails.
pub fn outdated(
    connection: &Connection,
    retention: &Retention,
    now: Option<i64>,
) -> Result<Vec<JobId>, StoreError> {
    if let Some(before) = now.and_then(|now| days_before(now, retention.days)) {
        let old = ids(
            connection,
            &format!(
                "SELECT id FROM jobs WHERE finished < ?1 AND state NOT IN ('pending', 'running') AND {STANDS_ALONE}
                 ORDER BY finished LIMIT ?2"
            ),
            (before, MAX_LISTED),
        )?;
        if !old.is_empty() {
            return Ok(old);
        }
    }
    let many = beyond_count(connection, retention.jobs_per_task)?;
    if !many.is_empty() {
        return Ok(many);
    }
    beyond_size(connection, retention.log_bytes)
}

fn ids(
    connection: &Connection,
    query: &str,
    values: impl rusqlite::Params,
) -> Result<Vec<JobId>, StoreError> {
    let mut query = connection.prepare_cached(query)?;
    let found = query.query_map(values, |row| row.get(0))?;
    Ok(found.collect::<Result<_, _>>()?)
}

/// The oldest jobs of a task that has too many.
fn beyond_count(connection: &Connection, most: u64) -> Result<Vec<JobId>, StoreError> {
    if most == 0 {
        return Ok(Vec::new());
    }
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let mut names = connection.prepare_cached(&format!(
        "SELECT name, kind, count(*) FROM jobs WHERE state NOT IN ('pending', 'running') AND {STANDS_ALONE}
         GROUP BY name, kind HAVING count(*) > ?1 LIMIT 1",
    ))?;
    let mut rows = names.query([most])?;
    let Some(row) = rows.next()? else { return Ok(Vec::new()) };
    let (name, kind, count): (String, String, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
    ids(
        connection,
        &format!(
            "SELECT id FROM jobs WHERE name = ?1 AND kind = ?2 AND state NOT IN ('pending', 'running') AND {STANDS_ALONE}
             ORDER BY id LIMIT ?3"
        ),
        (name, kind, (count - most).min(i64::from(MAX_LISTED))),
    )
}

/// The oldest jobs that have logs, where all logs together are too long.
fn beyond_size(connection: &Connection, most: u64) -> Result<Vec<JobId>, StoreError> {
    if most == 0 {
        return Ok(Vec::new());
    }
    let total: i64 =
        connection.query_row("SELECT coalesce(sum(log_bytes), 0) FROM attempts", [], |row| row.get(0))?;
    let mut excess = total.saturating_sub(i64::try_from(most).unwrap_or(i64::MAX));
    let mut query = connection.prepare_cached(
        "SELECT jobs.id, sum(log_bytes) FROM attempts
         LEFT JOIN plan_run_jobs AS mine ON mine.job = attempts.job
         LEFT JOIN plan_runs AS runs ON runs.id = mine.run
         JOIN jobs ON jobs.id = coalesce(runs.job, attempts.job)
         WHERE state NOT IN ('pending', 'running') AND log_bytes > 0 GROUP BY jobs.id ORDER BY jobs.id LIMIT ?1",
    )?;
    let mut rows = query.query([MAX_LISTED])?;
    let mut found = Vec::new();
    while excess > 0
        && let Some(row) = rows.next()?
    {
        found.push(row.get(0)?);
        excess -= row.get::<_, i64>(1)?;
    }
    Ok(found)
}

/// What was forgotten.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// How many jobs, and runs of plans.
    pub jobs: usize,
    /// The attempts whose logs are to be removed now.
    pub attempts: Vec<Attempt>,
}

/// Forgets jobs that have ended, with the plan runs that they belong to.
///
/// # Errors
/// The database fails.
pub fn forget(connection: &Connection, jobs: &[JobId]) -> Result<Forgotten, StoreError> {
    let mut forgotten = Forgotten::default();
    for job in jobs {
        if let Deleted::Done(attempts) = jobs::forget(connection, *job)? {
            forgotten.jobs += 1;
            forgotten.attempts.extend(attempts);
        }
    }
    Ok(forgotten)
}

/// Forgets what stands in the audit log for too long. Whether there may be more.
///
/// # Errors
/// The database fails.
pub fn forget_audit(connection: &Connection, days: u64, now: i64) -> Result<bool, StoreError> {
    const OLD: &str =
        "DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE at < ?1 ORDER BY id LIMIT ?2)";
    forget_rows(connection, OLD, days, now)
}

/// The same for runs that somebody reported; they are kept as long as jobs are.
///
/// # Errors
/// The database fails.
pub fn forget_reports(connection: &Connection, days: u64, now: i64) -> Result<bool, StoreError> {
    const OLD: &str = "DELETE FROM reports WHERE id IN (SELECT id FROM reports WHERE finished < ?1 ORDER BY finished LIMIT ?2)";
    forget_rows(connection, OLD, days, now)
}

fn forget_rows(connection: &Connection, old: &str, days: u64, now: i64) -> Result<bool, StoreError> {
    let Some(before) = days_before(now, days) else { return Ok(false) };
    let deleted = connection.prepare_cached(old)?.execute((before, BATCH))?;
    Ok(deleted == BATCH as usize)
}

/// Which of these jobs there are.
///
/// # Errors
/// The database fails.
pub fn known_of(connection: &Connection, jobs: &[JobId]) -> Result<Vec<JobId>, StoreError> {
    let mut query = connection.prepare_cached("SELECT id FROM jobs WHERE id = ?1")?;
    let mut known = Vec::new();
    for job in jobs {
        if query.exists([job])? {
            known.push(*job);
        }
    }
    Ok(known)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use rusqlite::Connection;

    use super::{DAY_MS, MAX_LISTED, Retention, forget, forget_audit, forget_reports, known_of, outdated};
    use crate::store::migrations::migrate;
    use crate::wire::Attempt;

    const NEVER: Retention = Retention { days: 0, jobs_per_task: 0, log_bytes: 0, audit_days: 0 };
    const NOW: i64 = 1000 * DAY_MS as i64;

    /// Jobs, each with its name, its state, for how many days it is over, and how long its log is.
    fn database(jobs: &[(&str, &str, i64, i64)]) -> Connection {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.pragma_update(None, "foreign_keys", true).unwrap();
        migrate(&mut connection, Path::new("x")).unwrap();
        for (id, (name, state, days, log_bytes)) in (1i64..).zip(jobs) {
            let finished = NOW - days * DAY_MS as i64;
            connection
                .execute(
                    "INSERT INTO jobs (id, kind, name, spec, state, retries_left, created, finished, submitted_by)
                     VALUES (?1, 'task', ?2, '{}', ?3, 0, 0, ?4, '')",
                    (id, name, state, finished),
                )
                .unwrap();
            connection
                .execute(
                    "INSERT INTO attempts (job, fence, node, assigned, log_bytes) VALUES (?1, 1, 1, 0, ?2)",
                    (id, log_bytes),
                )
                .unwrap();
        }
        connection
    }

    #[test]
    fn nothing_is_forgotten_where_nothing_is_limited() {
        let connection = database(&[("a", "success", 900, 1 << 40)]);
        assert_eq!(outdated(&connection, &NEVER, Some(NOW)).unwrap(), [0; 0]);
    }

    #[test]
    fn what_ended_long_ago_is_forgotten_but_not_what_runs() {
        let jobs =
            [("a", "success", 9, 0), ("a", "running", 9, 0), ("b", "failed", 11, 0), ("b", "success", 1, 0)];
        let connection = database(&jobs);
        let retention = Retention { days: 5, ..NEVER };
        assert_eq!(outdated(&connection, &retention, Some(NOW)).unwrap(), [3, 1]);
        // A clock that jumped tells nobody's age.
        assert_eq!(outdated(&connection, &retention, None).unwrap(), [0; 0]);
    }

    #[test]
    fn each_task_keeps_its_newest() {
        let jobs = [("a", "success", 0, 0); 4].into_iter().chain([("b", "success", 0, 0); 2]);
        let connection = database(&jobs.collect::<Vec<_>>());
        let retention = Retention { jobs_per_task: 2, ..NEVER };
        assert_eq!(outdated(&connection, &retention, Some(NOW)).unwrap(), [1, 2]);
        let forgotten = forget(&connection, &[1, 2]).unwrap();
        let attempts = vec![Attempt { job: 1, fence: 1 }, Attempt { job: 2, fence: 1 }];
        assert_eq!(forgotten, super::Forgotten { jobs: 2, attempts });
        assert_eq!(outdated(&connection, &retention, Some(NOW)).unwrap(), [0; 0]);
    }

    #[test]
    fn the_oldest_logs_make_room() {
        let jobs =
            [("a", "success", 0, 50), ("a", "running", 0, 50), ("a", "failed", 0, 50), ("a", "failed", 0, 9)];
        let connection = database(&jobs);
        let retention = |log_bytes| Retention { log_bytes, ..NEVER };
        assert_eq!(outdated(&connection, &retention(159), Some(NOW)).unwrap(), [0; 0]);
        assert_eq!(outdated(&connection, &retention(158), Some(NOW)).unwrap(), [1]);
        assert_eq!(outdated(&connection, &retention(59), Some(NOW)).unwrap(), [1, 3]);
        assert_eq!(outdated(&connection, &retention(1), Some(NOW)).unwrap(), [1, 3, 4]);
    }

    /// Has the second of these jobs go on with the plan run that the first one began.
    fn resumed(jobs: &[(&str, &str, i64, i64)]) -> Connection {
        let connection = database(jobs);
        connection
            .execute_batch(
                "INSERT INTO plan_runs (id, name, is_task, job) VALUES (1, 'a', 0, 2);
                 INSERT INTO plan_run_jobs (job, run) VALUES (1, 1), (2, 1);",
            )
            .unwrap();
        connection
    }

    #[test]
    fn a_plan_run_is_forgotten_as_a_whole() {
        let old = Retention { days: 5, ..NEVER };
        for (last, days) in [("success", 1), ("running", 9)] {
            let connection = resumed(&[("a", "failed", 9, 50), ("a", last, days, 50)]);
            assert_eq!(outdated(&connection, &old, Some(NOW)).unwrap(), [0; 0], "{last}");
        }
        let connection = resumed(&[("a", "failed", 9, 50), ("a", "running", 9, 50)]);
        // It went on since it was looked for.
        assert_eq!(forget(&connection, &[1, 2]).unwrap(), super::Forgotten::default());
        let jobs = [("a", "failed", 9, 50), ("a", "success", 8, 50), ("a", "success", 0, 9)];
        let connection = resumed(&jobs);
        assert_eq!(outdated(&connection, &old, Some(NOW)).unwrap(), [2]);
        // It counts as one, with all its logs.
        let count =
            |jobs_per_task| outdated(&connection, &Retention { jobs_per_task, ..NEVER }, Some(NOW)).unwrap();
        assert_eq!((count(2), count(1)), (vec![], vec![2]));
        let size = |log_bytes| outdated(&connection, &Retention { log_bytes, ..NEVER }, Some(NOW)).unwrap();
        assert_eq!((size(109), size(9), size(8)), (vec![], vec![2], vec![2, 3]));
        let attempts = vec![Attempt { job: 1, fence: 1 }, Attempt { job: 2, fence: 1 }];
        assert_eq!(forget(&connection, &[2]).unwrap(), super::Forgotten { jobs: 1, attempts });
        assert_eq!(known_of(&connection, &[1, 2, 3]).unwrap(), [3]);
    }

    #[test]
    fn no_list_is_long() {
        let connection = database(&vec![("a", "success", 9, 1); MAX_LISTED as usize * 2]);
        for retention in [
            Retention { days: 5, ..NEVER },
            Retention { jobs_per_task: 1, ..NEVER },
            Retention { log_bytes: 1, ..NEVER },
        ] {
            assert_eq!(outdated(&connection, &retention, Some(NOW)).unwrap().len(), MAX_LISTED as usize);
        }
    }

    #[test]
    fn the_audit_log_ends_too() {
        let connection = database(&[]);
        for at in [NOW - 9 * DAY_MS as i64, NOW] {
            crate::store::audit::write(&connection, "who", "run", "job 1", "here", at).unwrap();
        }
        assert!(!forget_audit(&connection, 5, NOW).unwrap());
        let left: i64 = connection.query_row("SELECT count(*) FROM audit", [], |row| row.get(0)).unwrap();
        assert_eq!(left, 1);
    }

    #[test]
    fn reports_go_as_jobs_do() {
        let connection = database(&[]);
        for finished in [NOW - 9 * DAY_MS as i64, NOW] {
            connection
                .execute(
                    "INSERT INTO reports (kind, name, state, started, finished, reported_by) VALUES ('task', 'a', 'success', 0, ?1, '')",
                    [finished],
                )
                .unwrap();
        }
        assert!(!forget_reports(&connection, 5, NOW).unwrap());
        assert!(!forget_reports(&connection, 0, NOW).unwrap());
        let left: i64 = connection.query_row("SELECT count(*) FROM reports", [], |row| row.get(0)).unwrap();
        assert_eq!(left, 1);
    }

    #[test]
    fn what_is_known_is_told() {
        let connection = database(&[("a", "success", 0, 0)]);
        assert_eq!(known_of(&connection, &[9, 1]).unwrap(), [1]);
    }
}
