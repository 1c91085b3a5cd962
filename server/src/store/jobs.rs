//! Jobs and their attempts.
//!
//! Each change says from which state it leads, so that what comes late changes nothing.

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params_from_iter};
use serde::Serialize;
use utoipa::ToSchema;

use super::{StoreError, nodes, plan_runs};
use crate::job::{Ending, Fence, JobId, JobSpec, JobState, PlanRunId};
use crate::queue::NodeId;
use crate::wire::Attempt;

/// A job as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct JobRecord {
    /// Its number.
    pub id: JobId,
    /// What was asked for.
    #[serde(flatten)]
    pub spec: JobSpec,
    /// Where it is in its life.
    pub state: JobState,
    /// Which attempt is the last; 0 before the first.
    pub attempt: Fence,
    /// The number of the node of the last attempt.
    pub on_node: Option<NodeId>,
    /// When it was accepted, in milliseconds since 1970.
    pub created: i64,
    /// When the last attempt began.
    pub started: Option<i64>,
    /// When it ended.
    pub finished: Option<i64>,
    /// The exit code of the last attempt.
    pub exit_code: Option<i32>,
    /// Why it ended as it did, where the exit code does not tell.
    pub reason: Option<String>,
    /// The SHA-256 of the list of files that it made.
    #[serde(rename = "made", skip_serializing_if = "Option::is_none")]
    pub outputs: Option<String>,
    /// Who asked for it.
    pub submitted_by: String,
    /// Whether somebody wants its end.
    #[serde(rename = "cancelling")]
    pub is_cancelling: bool,
    /// How often it may still be tried again.
    pub retries_left: u32,
    /// What it waits for where it has no node, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<String>,
}

const COLUMNS: &str = "SELECT id, spec, state, fence, node, created, started, finished, exit_code, reason, submitted_by, cancel_wanted, retries_left, outputs FROM jobs";

fn record(row: &Row<'_>) -> Result<JobRecord, StoreError> {
    let (spec, state): (String, String) = (row.get(1)?, row.get(2)?);
    let bad = |what: &str| StoreError::Record(format!("a job has the {what} `{state}`"));
    let state_of = JobState::of_name(&state).ok_or_else(|| bad("state"))?;
    Ok(JobRecord {
        id: row.get(0)?,
        spec: serde_json::from_str(&spec).map_err(|error| StoreError::Record(error.to_string()))?,
        state: state_of,
        attempt: row.get(3)?,
        on_node: row.get(4)?,
        created: row.get(5)?,
        started: row.get(6)?,
        finished: row.get(7)?,
        exit_code: row.get(8)?,
        reason: row.get(9)?,
        submitted_by: row.get(10)?,
        is_cancelling: row.get::<_, bool>(11)? && !state_of.is_final(),
        retries_left: row.get(12)?,
        outputs: row.get(13)?,
        waits_for: None,
    })
}

/// A new job.
#[derive(Clone, Debug)]
pub struct NewJob {
    /// Its number.
    pub id: JobId,
    /// What is asked for.
    pub spec: JobSpec,
    /// Who asks.
    pub submitted_by: String,
    /// What makes the same question the same job.
    pub idempotency_key: Option<String>,
    /// When, in milliseconds since 1970.
    pub created: i64,
}

/// What became of a new job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inserted {
    /// It waits.
    New,
    /// Its key belongs to this job.
    Known(JobId),
}

/// Accepts a job.
///
/// # Errors
/// Its key belongs to another request, or the database fails.
pub fn insert(connection: &Connection, job: &NewJob) -> Result<Inserted, StoreError> {
    let kind = serde_json::to_value(job.spec.kind).ok().and_then(|kind| kind.as_str().map(str::to_owned));
    let spec = serde_json::to_string(&job.spec).map_err(|error| StoreError::Record(error.to_string()))?;
    let inserted = connection
        .prepare_cached(
            "INSERT INTO jobs (id, kind, name, spec, state, retries_left, created, submitted_by, idempotency_key)
             VALUES (?1, ?2, ?3, ?4, 'pending', ?5, ?6, ?7, ?8) ON CONFLICT (idempotency_key) DO NOTHING",
        )?
        .execute((
            job.id,
            kind,
            &job.spec.name,
            spec,
            job.spec.retry,
            job.created,
            &job.submitted_by,
            &job.idempotency_key,
        ))?;
    if inserted == 1 {
        plan_runs::add_job(connection, job)?;
        return Ok(Inserted::New);
    }
    let (known, stored): (JobId, String) = connection
        .prepare_cached("SELECT id, spec FROM jobs WHERE idempotency_key = ?1")?
        .query_row([&job.idempotency_key], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let stored: JobSpec =
        serde_json::from_str(&stored).map_err(|error| StoreError::Record(error.to_string()))?;
    if stored != job.spec {
        return Err(StoreError::KeyOfAnother(known));
    }
    Ok(Inserted::Known(known))
}

/// The number of the next job: above all that ever were.
///
/// # Errors
/// The database fails.
pub fn next_id(connection: &Connection) -> Result<JobId, StoreError> {
    let last: Option<JobId> = connection
        .query_row("SELECT seq FROM sqlite_sequence WHERE name = 'jobs'", [], |row| row.get(0))
        .optional()?;
    Ok(last.unwrap_or(0) + 1)
}

/// Gives a job that waits to a node. Whether it still waited.
///
/// # Errors
/// The database fails.
pub fn assign(connection: &Connection, attempt: Attempt, node: NodeId, now: i64) -> Result<bool, StoreError> {
    let assigned = connection
        .prepare_cached(
            "UPDATE jobs SET state = 'running', fence = ?2, node = ?3 WHERE id = ?1 AND state = 'pending' AND fence = ?2 - 1",
        )?
        .execute((attempt.job, attempt.fence, node))?;
    if assigned == 1 {
        connection
            .prepare_cached("INSERT INTO attempts (job, fence, node, assigned) VALUES (?1, ?2, ?3, ?4)")?
            .execute((attempt.job, attempt.fence, node, now))?;
    }
    Ok(assigned == 1)
}

/// An attempt has begun on its node.
///
/// # Errors
/// The database fails.
pub fn start(connection: &Connection, attempt: Attempt, started: i64) -> Result<(), StoreError> {
    connection
        .prepare_cached("UPDATE jobs SET started = ?3 WHERE id = ?1 AND fence = ?2 AND state = 'running'")?
        .execute((attempt.job, attempt.fence, started))?;
    connection
        .prepare_cached("UPDATE attempts SET started = ?3 WHERE job = ?1 AND fence = ?2 AND outcome IS NULL")?
        .execute((attempt.job, attempt.fence, started))?;
    Ok(())
}

/// What comes after the end of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// The job has ended.
    Final(JobState),
    /// It waits for another attempt.
    Again,
    /// The attempt was not the one that counts: nothing changed.
    TooLate,
}

/// An attempt has ended, as its node says, or as it is taken to have ended because the node is lost (`outcome` `lost`).
///
/// # Errors
/// The database fails.
pub fn finish(
    connection: &Connection,
    attempt: Attempt,
    ending: &Ending,
    outcome: &str,
    log_bytes: u64,
) -> Result<Next, StoreError> {
    let job: Option<(u32, bool, bool)> = connection
        .prepare_cached(
            "SELECT retries_left, cancel_wanted, kind = 'plan' FROM jobs WHERE id = ?1 AND fence = ?2 AND state = 'running'",
        )?
        .query_row((attempt.job, attempt.fence), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    let Some((retries_left, cancel_wanted, is_plan)) = job else { return Ok(Next::TooLate) };
    connection
        .prepare_cached(
            "UPDATE attempts SET finished = ?3, outcome = ?4, exit_code = ?5, reason = ?6, log_bytes = ?7
             WHERE job = ?1 AND fence = ?2",
        )?
        .execute((
            attempt.job,
            attempt.fence,
            ending.finished,
            outcome,
            ending.exit_code,
            &ending.reason,
            log_bytes as i64,
        ))?;
    if ending.state == JobState::Failed && retries_left > 0 && !cancel_wanted {
        connection
            .prepare_cached(
                "UPDATE jobs SET state = 'pending', retries_left = retries_left - 1 WHERE id = ?1",
            )?
            .execute([attempt.job])?;
        return Ok(Next::Again);
    }
    // What failed because it was to be ended was cancelled; what succeeded nevertheless has succeeded.
    let state =
        if cancel_wanted && ending.state == JobState::Failed { JobState::Cancelled } else { ending.state };
    connection
        .prepare_cached(
            "UPDATE jobs SET state = ?2, finished = ?3, exit_code = ?4,
             reason = CASE WHEN ?2 = 'cancelled' THEN coalesce(?5, reason) ELSE ?5 END,
             started = coalesce(started, ?6), outputs = ?7 WHERE id = ?1",
        )?
        .execute((
            attempt.job,
            state.name(),
            ending.finished,
            ending.exit_code,
            &ending.reason,
            ending.started,
            ending.outputs.map(|outputs| outputs.to_string()),
        ))?;
    if is_plan {
        plan_runs::close(connection, attempt.job, state, ending.reason.as_deref(), ending.finished)?;
    }
    Ok(Next::Final(state))
}

/// An attempt that never began on its node: its job waits again, with all its retries.
///
/// # Errors
/// The database fails.
pub fn take_back(connection: &Connection, attempt: Attempt, now: i64) -> Result<bool, StoreError> {
    let taken = connection
        .prepare_cached(
            "UPDATE jobs SET state = 'pending' WHERE id = ?1 AND fence = ?2 AND state = 'running' AND cancel_wanted = 0",
        )?
        .execute((attempt.job, attempt.fence))?;
    if taken == 1 {
        connection
            .prepare_cached(
                "UPDATE attempts SET finished = ?3, outcome = 'lost' WHERE job = ?1 AND fence = ?2",
            )?
            .execute((attempt.job, attempt.fence, now))?;
    }
    Ok(taken == 1)
}

/// What a wish to end a job meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancelled {
    /// It waited, and is cancelled.
    Done,
    /// It runs, and its node is to end it.
    Wanted(Attempt),
    /// It has ended before.
    Ended(JobState),
    /// There is none.
    Unknown,
}

/// Somebody wants the end of a job.
///
/// # Errors
/// The database fails.
pub fn cancel(connection: &Connection, job: JobId, by: &str, now: i64) -> Result<Cancelled, StoreError> {
    let known: Option<(String, Fence)> = connection
        .prepare_cached("SELECT state, fence FROM jobs WHERE id = ?1")?
        .query_row([job], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((state, fence)) = known else { return Ok(Cancelled::Unknown) };
    match JobState::of_name(&state) {
        Some(JobState::Pending) => {
            connection
                .prepare_cached(
                    "UPDATE jobs SET state = 'cancelled', cancel_wanted = 1, finished = ?2, reason = ?3 WHERE id = ?1",
                )?
                .execute((job, now, format!("cancelled by {by} before it began")))?;
            plan_runs::close(connection, job, JobState::Cancelled, None, now)?;
            Ok(Cancelled::Done)
        }
        Some(JobState::Running) => {
            // Who wants it first is who ended it.
            connection
                .prepare_cached(
                    "UPDATE jobs SET cancel_wanted = 1, reason = ?2 WHERE id = ?1 AND cancel_wanted = 0",
                )?
                .execute((job, format!("cancelled by {by}")))?;
            Ok(Cancelled::Wanted(Attempt { job, fence }))
        }
        Some(state) => Ok(Cancelled::Ended(state)),
        None => Err(StoreError::Record(format!("job {job} has the state `{state}`"))),
    }
}

fn state_of(connection: &Connection, job: JobId) -> Result<Option<JobState>, StoreError> {
    let mut query = connection.prepare_cached("SELECT state FROM jobs WHERE id = ?1")?;
    let state: Option<String> = query.query_row([job], |row| row.get(0)).optional()?;
    let known = |state: String| {
        let no_state = || StoreError::Record(format!("job {job} has the state `{state}`"));
        JobState::of_name(&state).ok_or_else(no_state)
    };
    state.map(known).transpose()
}

/// The job of a number.
///
/// # Errors
/// The database fails.
pub fn find(connection: &Connection, job: JobId) -> Result<Option<JobRecord>, StoreError> {
    let mut query = connection.prepare_cached(&format!("{COLUMNS} WHERE id = ?1"))?;
    let mut rows = query.query([job])?;
    rows.next()?.map(record).transpose()
}

/// Which jobs are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// In this state.
    pub state: Option<JobState>,
    /// Of this task or plan.
    pub name: Option<String>,
    /// Whose last attempt was on this node, by its name or number.
    pub node: Option<String>,
    /// With smaller numbers than this.
    pub before: Option<JobId>,
    /// How many at most.
    pub limit: u32,
}

/// How many bytes of variables and arguments a page has, besides those of its last job: fewer jobs follow each other on it where they have more.
const MAX_PAGE_BYTES: usize = 8 << 20;

/// Some jobs of a list.
#[derive(Debug)]
pub struct Page {
    /// The newest first.
    pub jobs: Vec<JobRecord>,
    /// The last of them, where there may be more.
    pub next: Option<JobId>,
}

/// Jobs, the newest first.
///
/// # Errors
/// The database fails.
pub fn list(connection: &Connection, filter: &Filter) -> Result<Page, StoreError> {
    let is_called = nodes::is_called("node");
    let mut conditions: Vec<&str> = Vec::new();
    let mut values: Vec<Value> = Vec::new();
    if let Some(state) = filter.state {
        conditions.push("state = ?");
        values.push(state.name().to_owned().into());
    }
    if let Some(name) = &filter.name {
        conditions.push("name = ?");
        values.push(name.clone().into());
    }
    if let Some(node) = &filter.node {
        conditions.push(&is_called);
        values.extend(nodes::called(node));
    }
    if let Some(before) = filter.before {
        conditions.push("id < ?");
        values.push(before.into());
    }
    let chosen =
        if conditions.is_empty() { String::new() } else { format!(" WHERE {}", conditions.join(" AND ")) };
    values.push(i64::from(filter.limit).into());
    let mut query = connection.prepare_cached(&format!("{COLUMNS}{chosen} ORDER BY id DESC LIMIT ?"))?;
    let mut rows = query.query(params_from_iter(values))?;
    let (mut jobs, mut bytes) = (Vec::new(), 0);
    while bytes < MAX_PAGE_BYTES
        && let Some(row) = rows.next()?
    {
        let job = record(row)?;
        bytes += job.spec.text_bytes();
        jobs.push(job);
    }
    let is_full = jobs.len() == filter.limit as usize || bytes >= MAX_PAGE_BYTES;
    let next = jobs.last().filter(|_| is_full).map(|job| job.id);
    Ok(Page { jobs, next })
}

/// All jobs that have not ended, the oldest first.
///
/// # Errors
/// The database fails.
pub fn unfinished(connection: &Connection) -> Result<Vec<JobRecord>, StoreError> {
    let mut query =
        connection.prepare_cached(&format!("{COLUMNS} WHERE state IN ('pending', 'running') ORDER BY id"))?;
    let mut rows = query.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(record(row)?);
    }
    Ok(found)
}

/// An attempt of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct AttemptRecord {
    /// Which: 1 for the first.
    pub attempt: Fence,
    /// The number of its node.
    pub node: NodeId,
    /// When the node got it, in milliseconds since 1970.
    pub assigned: i64,
    /// When it began.
    pub started: Option<i64>,
    /// When it ended.
    pub finished: Option<i64>,
    /// `success`, `failed`, `cancelled`, or `lost`.
    pub outcome: Option<String>,
    /// Its exit code.
    pub exit_code: Option<i32>,
    /// Why it ended as it did.
    pub reason: Option<String>,
}

/// The attempts of a job, in their order.
///
/// # Errors
/// The database fails.
pub fn attempts(connection: &Connection, job: JobId) -> Result<Vec<AttemptRecord>, StoreError> {
    let mut query = connection.prepare_cached(
        "SELECT fence, node, assigned, started, finished, outcome, exit_code, reason FROM attempts WHERE job = ?1 ORDER BY fence",
    )?;
    let found = query.query_map([job], |row| {
        Ok(AttemptRecord {
            attempt: row.get(0)?,
            node: row.get(1)?,
            assigned: row.get(2)?,
            started: row.get(3)?,
            finished: row.get(4)?,
            outcome: row.get(5)?,
            exit_code: row.get(6)?,
            reason: row.get(7)?,
        })
    })?;
    Ok(found.collect::<Result<_, _>>()?)
}

/// What a wish to forget a job meets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deleted {
    /// It is forgotten. The attempts whose logs are to be removed now.
    Done(Vec<Attempt>),
    /// This one has not ended: the job, or another one of its plan run.
    Unfinished(JobId, JobState),
    /// It is a later job of a plan run, which is forgotten as a whole with its first one.
    PartOf {
        /// The run.
        run: PlanRunId,
        /// The first job that is there of it.
        first: JobId,
    },
    /// There is none.
    Unknown,
}

/// Forgets a job that has ended; with the first job of a plan run the whole run.
///
/// # Errors
/// The database fails.
pub fn delete(connection: &Connection, job: JobId) -> Result<Deleted, StoreError> {
    if let Some(run) = plan_runs::of_job(connection, job)?
        && let Some(first) = plan_runs::jobs_of(connection, run)?.first().filter(|first| **first != job)
    {
        return Ok(Deleted::PartOf { run, first: *first });
    }
    forget(connection, job)
}

/// Forgets a job that has ended, with all jobs of its plan run: a run is there as a whole or not at all.
///
/// # Errors
/// The database fails.
pub fn forget(connection: &Connection, job: JobId) -> Result<Deleted, StoreError> {
    let jobs = match plan_runs::of_job(connection, job)? {
        Some(run) => plan_runs::jobs_of(connection, run)?,
        None => vec![job],
    };
    for job in &jobs {
        let Some(state) = state_of(connection, *job)? else { return Ok(Deleted::Unknown) };
        if !state.is_final() {
            return Ok(Deleted::Unfinished(*job, state));
        }
    }
    let mut attempts = Vec::new();
    for job in jobs {
        let mut query = connection.prepare_cached("SELECT fence FROM attempts WHERE job = ?1")?;
        for fence in query.query_map([job], |row| row.get(0))? {
            attempts.push(Attempt { job, fence: fence? });
        }
        connection.prepare_cached("DELETE FROM jobs WHERE id = ?1")?.execute([job])?;
    }
    Ok(Deleted::Done(attempts))
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::{
        Cancelled, Deleted, Filter, Inserted, NewJob, Next, assign, cancel, delete, find, finish, insert,
        list, next_id, start, take_back, unfinished,
    };
    use crate::job::{Ending, JobSpec, JobState};
    use crate::store::StoreError;
    use crate::store::migrations::migrate;
    use crate::wire::Attempt;

    fn database() -> Connection {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.pragma_update(None, "foreign_keys", true).unwrap();
        migrate(&mut connection, std::path::Path::new("x")).unwrap();
        connection
    }

    fn new_job(id: i64, retry: u32, key: Option<&str>) -> NewJob {
        NewJob {
            id,
            spec: JobSpec { name: "build".into(), retry, ..JobSpec::default() },
            submitted_by: "me".into(),
            idempotency_key: key.map(str::to_owned),
            created: id,
        }
    }

    fn ended(state: JobState) -> Ending {
        let exit_code = Some(i32::from(state != JobState::Success));
        Ending { state, exit_code, reason: None, started: 5, finished: 9, outputs: None }
    }

    fn running(connection: &Connection, retry: u32) -> Attempt {
        insert(connection, &new_job(1, retry, None)).unwrap();
        let attempt = Attempt { job: 1, fence: 1 };
        assert!(assign(connection, attempt, 7, 2).unwrap());
        start(connection, attempt, 3).unwrap();
        attempt
    }

    #[test]
    fn a_job_lives_and_ends_once() {
        let connection = database();
        let attempt = running(&connection, 0);
        let end = |state| finish(&connection, attempt, &ended(state), "success", 10).unwrap();
        assert_eq!(end(JobState::Success), Next::Final(JobState::Success));
        assert_eq!(end(JobState::Failed), Next::TooLate);
        let job = find(&connection, 1).unwrap().unwrap();
        assert_eq!(
            (job.state, job.exit_code, job.started, job.finished),
            (JobState::Success, Some(0), Some(3), Some(9))
        );
    }

    #[test]
    fn a_fenced_attempt_changes_nothing() {
        let connection = database();
        let first = running(&connection, 1);
        assert_eq!(finish(&connection, first, &ended(JobState::Failed), "lost", 0).unwrap(), Next::Again);
        let second = Attempt { fence: 2, ..first };
        assert!(!assign(&connection, first, 7, 2).unwrap());
        assert!(assign(&connection, second, 8, 2).unwrap());
        assert_eq!(
            finish(&connection, first, &ended(JobState::Success), "success", 0).unwrap(),
            Next::TooLate
        );
        let end = finish(&connection, second, &ended(JobState::Failed), "failed", 0).unwrap();
        assert_eq!(end, Next::Final(JobState::Failed));
        assert_eq!(super::attempts(&connection, 1).unwrap().len(), 2);
    }

    #[test]
    fn the_same_key_is_the_same_job() {
        let connection = database();
        assert_eq!(insert(&connection, &new_job(1, 0, Some("k"))).unwrap(), Inserted::New);
        assert_eq!(insert(&connection, &new_job(2, 0, Some("k"))).unwrap(), Inserted::Known(1));
        assert!(matches!(insert(&connection, &new_job(3, 9, Some("k"))), Err(StoreError::KeyOfAnother(1))));
        assert_eq!(insert(&connection, &new_job(3, 0, None)).unwrap(), Inserted::New);
        assert_eq!(insert(&connection, &new_job(4, 0, None)).unwrap(), Inserted::New);
        assert_eq!(next_id(&connection).unwrap(), 5);
    }

    #[test]
    fn cancelling() {
        let connection = database();
        insert(&connection, &new_job(1, 3, None)).unwrap();
        assert_eq!(cancel(&connection, 1, "me", 4).unwrap(), Cancelled::Done);
        assert_eq!(cancel(&connection, 1, "me", 4).unwrap(), Cancelled::Ended(JobState::Cancelled));
        assert_eq!(cancel(&connection, 9, "me", 4).unwrap(), Cancelled::Unknown);

        let connection = database();
        let attempt = running(&connection, 3);
        assert_eq!(cancel(&connection, 1, "me", 4).unwrap(), Cancelled::Wanted(attempt));
        assert!(!take_back(&connection, attempt, 5).unwrap());
        let end = finish(&connection, attempt, &ended(JobState::Failed), "lost", 0).unwrap();
        assert_eq!(end, Next::Final(JobState::Cancelled));
        assert_eq!(find(&connection, 1).unwrap().unwrap().reason.as_deref(), Some("cancelled by me"));
    }

    #[test]
    fn who_wanted_an_end_that_came_otherwise_is_no_reason() {
        let connection = database();
        let attempt = running(&connection, 0);
        cancel(&connection, 1, "me", 4).unwrap();
        finish(&connection, attempt, &ended(JobState::Success), "success", 0).unwrap();
        assert_eq!(find(&connection, 1).unwrap().unwrap().reason, None);
    }

    #[test]
    fn an_attempt_that_never_began_costs_nothing() {
        let connection = database();
        let attempt = running(&connection, 0);
        assert!(take_back(&connection, attempt, 5).unwrap());
        assert!(assign(&connection, Attempt { fence: 2, ..attempt }, 7, 6).unwrap());
    }

    #[test]
    fn lists_are_chosen_and_paged() {
        let connection = database();
        for id in 1..=5 {
            insert(&connection, &new_job(id, 0, None)).unwrap();
        }
        cancel(&connection, 2, "me", 4).unwrap();
        let ids = |filter: Filter| -> Vec<i64> {
            list(&connection, &filter).unwrap().jobs.iter().map(|job| job.id).collect()
        };
        assert_eq!(ids(Filter { limit: 2, ..Filter::default() }), [5, 4]);
        assert_eq!(ids(Filter { limit: 9, before: Some(4), ..Filter::default() }), [3, 2, 1]);
        assert_eq!(ids(Filter { limit: 9, state: Some(JobState::Cancelled), ..Filter::default() }), [2]);
        assert_eq!(ids(Filter { limit: 9, name: Some("other".into()), ..Filter::default() }), [0; 0]);
        assert_eq!(unfinished(&connection).unwrap().len(), 4);
        assert_eq!(delete(&connection, 2).unwrap(), Deleted::Done(Vec::new()));
        assert!(matches!(delete(&connection, 3).unwrap(), Deleted::Unfinished(3, _)));
        assert_eq!(delete(&connection, 2).unwrap(), Deleted::Unknown);
    }
}
