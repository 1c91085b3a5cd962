//! Runs of plans and their steps.
//!
//! The state of a run is that of its last job. The states of its steps follow from the events that the job's node sends; each place of them counts once, so that
//! what is sent again changes nothing. When a job ends, each of its steps has an end: those that told none get it then, in the same transaction.

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params_from_iter};
use serde::Serialize;
use utoipa::ToSchema;

use super::jobs::NewJob;
use super::{StoreError, nodes};
use crate::job::{Fence, JobId, JobState, PlanRunId};
use crate::plan_events::{Change, PlannedStep, Told};
use crate::queue::NodeId;
use crate::wire::Attempt;

/// A run as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct PlanRunRecord {
    /// Its number: that of its first job.
    pub id: PlanRunId,
    /// The name of the plan, or of the task that runs as a plan of one step.
    pub name: String,
    /// `plan` or `task`.
    pub kind: &'static str,
    /// The state of its last job.
    pub state: JobState,
    /// Its last job.
    pub job: JobId,
    /// What the run is called on its node, as `ez plan runs` shows it there.
    pub name_on_node: Option<String>,
    /// The number of the node that keeps its journal.
    pub node: Option<NodeId>,
    /// When it was asked for, in milliseconds since 1970.
    pub created: i64,
    /// When its first job began.
    pub started: Option<i64>,
    /// When its last job ended.
    pub finished: Option<i64>,
    /// The exit code of its last job.
    pub exit_code: Option<i32>,
    /// Why it ended as it did, where the exit code does not tell.
    pub reason: Option<String>,
    /// Who asked for it.
    pub submitted_by: String,
    /// Whether somebody wants its end.
    pub cancelling: bool,
    /// How many steps it has, with all combinations.
    pub steps_total: u32,
    /// How many of them are done, however that ended.
    pub steps_done: u32,
    /// How many of them failed.
    pub steps_failed: u32,
}

const RUNS: &str = "SELECT runs.id, runs.name, runs.is_task, last.state, runs.job, runs.name_on_node, runs.node, first.created, first.started,
    last.finished, last.exit_code, last.reason, first.submitted_by, last.cancel_wanted,
    (SELECT count(*) FROM plan_steps WHERE run = runs.id),
    (SELECT count(*) FROM plan_steps WHERE run = runs.id AND state NOT IN ('waiting', 'running')),
    (SELECT count(*) FROM plan_steps WHERE run = runs.id AND state = 'failed'),
    last.created, last.submitted_by
    FROM plan_runs AS runs JOIN jobs AS last ON last.id = runs.job LEFT JOIN jobs AS first ON first.id = runs.id";

fn run(row: &Row<'_>) -> Result<PlanRunRecord, StoreError> {
    let state: String = row.get(3)?;
    let state = JobState::of_name(&state)
        .ok_or_else(|| StoreError::Record(format!("a job has the state `{state}`")))?;
    // Its first job may have been deleted.
    let created: Option<i64> = row.get(7)?;
    let submitted_by: Option<String> = row.get(12)?;
    Ok(PlanRunRecord {
        id: row.get(0)?,
        name: row.get(1)?,
        kind: if row.get(2)? { "task" } else { "plan" },
        state,
        job: row.get(4)?,
        name_on_node: row.get(5)?,
        node: row.get(6)?,
        created: created.map_or_else(|| row.get(17), Ok)?,
        started: row.get(8)?,
        finished: row.get(9)?,
        exit_code: row.get(10)?,
        reason: row.get(11)?,
        submitted_by: submitted_by.map_or_else(|| row.get(18), Ok)?,
        cancelling: row.get::<_, bool>(13)? && !state.is_final(),
        steps_total: row.get(14)?,
        steps_done: row.get(15)?,
        steps_failed: row.get(16)?,
    })
}

/// A step of a run, with its combination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct PlanStepRecord {
    /// Its name: `build`, `build[arm64]`.
    pub name: String,
    /// The step of which it is a combination.
    pub step: String,
    /// Its task.
    pub task: String,
    /// The length of the longest way to it: 0 where it waits for nothing.
    pub level: u32,
    /// The steps that it waits for.
    pub needs: Vec<String>,
    /// `waiting`, `running`, or how it ended: `succeeded`, `skipped`, `failed`, `tolerated`, `blocked`, `cancelled`, `not-selected`.
    pub state: String,
    /// Which attempt of the step is the last; 0 before the first.
    pub attempt: u32,
    /// When it began, in milliseconds since 1970.
    pub started: Option<i64>,
    /// When it ended.
    pub finished: Option<i64>,
    /// The exit code of its last attempt, where it ran.
    pub exit_code: Option<i32>,
    /// Why it failed, or did not run.
    pub reason: Option<String>,
    /// The name of the node on which it ran.
    pub node: Option<String>,
    /// Whether its result is kept from before the run went on.
    pub reused: bool,
}

impl PlanStepRecord {
    /// Whether nothing comes after its state.
    pub fn is_done(&self) -> bool {
        !matches!(self.state.as_str(), "waiting" | "running")
    }
}

/// When a step began of which the last job has begun no attempt is kept for a job that takes over its result, and shown to nobody before.
const STEPS: &str = "SELECT name, step, task, level, needs, state, attempt, CASE WHEN attempt > 0 THEN started END, finished, exit_code, reason, node, reused
    FROM plan_steps";

fn step(row: &Row<'_>) -> Result<PlanStepRecord, StoreError> {
    let needs: String = row.get(4)?;
    Ok(PlanStepRecord {
        name: row.get(0)?,
        step: row.get(1)?,
        task: row.get(2)?,
        level: row.get(3)?,
        needs: serde_json::from_str(&needs).map_err(|error| StoreError::Record(error.to_string()))?,
        state: row.get(5)?,
        attempt: row.get(6)?,
        started: row.get(7)?,
        finished: row.get(8)?,
        exit_code: row.get(9)?,
        reason: row.get(10)?,
        node: row.get(11)?,
        reused: row.get(12)?,
    })
}

/// A job that was accepted runs a plan: it begins a run, or a run goes on with it.
///
/// # Errors
/// The run cannot go on as it stands, or the database fails.
pub fn add_job(connection: &Connection, job: &NewJob) -> Result<(), StoreError> {
    let Some(run) = job.spec.plan_run(job.id) else { return Ok(()) };
    let task = job.spec.plan.as_ref().and_then(|plan| plan.task.as_ref());
    if run == job.id {
        connection
            .prepare_cached("INSERT INTO plan_runs (id, name, is_task, job) VALUES (?1, ?2, ?3, ?1)")?
            .execute((run, task.unwrap_or(&job.spec.name), task.is_some()))?;
    } else {
        let updated = connection
            .prepare_cached(
                "UPDATE plan_runs SET job = ?2 WHERE id = ?1
                 AND (SELECT state FROM jobs WHERE id = plan_runs.job) IN ('failed', 'cancelled')",
            )?
            .execute((run, job.id))?;
        if updated == 0 {
            return Err(StoreError::Conflict(format!("plan run {run} goes on already, or has succeeded")));
        }
    }
    connection
        .prepare_cached("INSERT INTO plan_run_jobs (job, run) VALUES (?1, ?2)")?
        .execute((job.id, run))?;
    Ok(())
}

/// The run of a job.
///
/// # Errors
/// The database fails.
pub fn of_job(connection: &Connection, job: JobId) -> Result<Option<PlanRunId>, StoreError> {
    let mut query = connection.prepare_cached("SELECT run FROM plan_run_jobs WHERE job = ?1")?;
    Ok(query.query_row([job], |row| row.get(0)).optional()?)
}

/// Up to where the events of an attempt are taken in.
///
/// # Errors
/// The database fails.
pub fn applied(connection: &Connection, attempt: Attempt) -> Result<u64, StoreError> {
    let mut query = connection
        .prepare_cached("SELECT events_applied FROM plan_run_jobs WHERE job = ?1 AND events_fence = ?2")?;
    let applied: Option<i64> = query.query_row((attempt.job, attempt.fence), |row| row.get(0)).optional()?;
    Ok(applied.unwrap_or_default().unsigned_abs())
}

/// Takes in what events of an attempt tell. What was taken in before, and what is told of an attempt that is not the last of the run, changes nothing.
/// The run, where something changed.
///
/// # Errors
/// The database fails.
pub fn apply(
    connection: &Connection,
    attempt: Attempt,
    told: &[Told],
) -> Result<Option<PlanRunId>, StoreError> {
    let current: Option<(PlanRunId, NodeId, Option<String>)> = connection
        .prepare_cached(
            "SELECT runs.id, jobs.node, nodes.name FROM plan_runs AS runs JOIN jobs ON jobs.id = runs.job
             LEFT JOIN nodes ON nodes.id = jobs.node
             WHERE jobs.id = ?1 AND jobs.fence = ?2 AND jobs.state = 'running'",
        )?
        .query_row((attempt.job, attempt.fence), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    let Some((run, node, node_name)) = current else { return Ok(None) };
    let applied = applied(connection, attempt)?;
    let mut fresh = told.iter().filter(|told| told.end_byte > applied).peekable();
    if fresh.peek().is_none() {
        return Ok(None);
    }
    let place = Place { connection, run, attempt, node, node_name: node_name.as_deref() };
    let mut end = applied;
    for told in fresh {
        place.apply(told)?;
        end = told.end_byte;
    }
    connection
        .prepare_cached("UPDATE plan_run_jobs SET events_applied = ?3, events_fence = ?2 WHERE job = ?1")?
        .execute((attempt.job, attempt.fence, end as i64))?;
    Ok(Some(run))
}

/// Where changes are made.
struct Place<'a> {
    connection: &'a Connection,
    run: PlanRunId,
    attempt: Attempt,
    node: NodeId,
    node_name: Option<&'a str>,
}

impl Place<'_> {
    fn apply(&self, told: &Told) -> Result<(), StoreError> {
        match &told.change {
            Change::Begun { run, steps } => self.begin(run, steps),
            Change::Started { step, attempt, node } => {
                self.start(told, step, *attempt, node.as_deref().or(self.node_name))
            }
            Change::Finished { step, state, is_reused, exit_code, reason, attempts } => {
                self.connection
                    .prepare_cached(
                        "UPDATE plan_steps SET state = ?3, reused = ?4, exit_code = ?5, reason = ?6, attempt = ?7,
                         started = CASE WHEN ?4 OR ?7 > 0 THEN started END,
                         finished = CASE WHEN ?4 THEN coalesce(finished, ?8) ELSE ?8 END
                         WHERE run = ?1 AND name = ?2 AND state IN ('waiting', 'running')",
                    )?
                    .execute((self.run, step, state, is_reused, exit_code, reason, attempts, told.time))?;
                self.end_log(step, told.end_byte)
            }
        }
    }

    /// The steps of the run, which may be others than before where the plan was changed since.
    fn begin(&self, name: &str, steps: &[PlannedStep]) -> Result<(), StoreError> {
        let Self { connection, run, node, .. } = self;
        connection
            .prepare_cached("UPDATE plan_runs SET name_on_node = ?2, node = ?3 WHERE id = ?1")?
            .execute((run, name, node))?;
        connection.prepare_cached("UPDATE plan_steps SET position = -1 WHERE run = ?1")?.execute([run])?;
        let mut insert = connection.prepare_cached(
            "INSERT INTO plan_steps (run, name, position, step, task, level, needs, state) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'waiting')
             ON CONFLICT (run, name) DO UPDATE SET position = ?3, step = ?4, task = ?5, level = ?6, needs = ?7,
             state = 'waiting', exit_code = NULL, reason = NULL, reused = 0",
        )?;
        for (position, step) in (0i64..).zip(steps) {
            let needs =
                serde_json::to_string(&step.needs).map_err(|error| StoreError::Record(error.to_string()))?;
            insert.execute((run, &step.name, position, &step.step, &step.task, step.level, needs))?;
        }
        connection
            .prepare_cached("DELETE FROM plan_steps WHERE run = ?1 AND position = -1")?
            .execute([run])?;
        Ok(())
    }

    fn start(&self, told: &Told, step: &str, attempt: u32, node: Option<&str>) -> Result<(), StoreError> {
        self.connection
            .prepare_cached(
                "UPDATE plan_steps SET state = 'running', attempt = ?3, node = ?4, finished = NULL,
                 started = CASE WHEN ?3 > 1 OR state = 'running' THEN coalesce(started, ?5) ELSE ?5 END
                 WHERE run = ?1 AND name = ?2 AND state IN ('waiting', 'running')",
            )?
            .execute((self.run, step, attempt, node, told.time))?;
        self.connection
            .prepare_cached(
                "INSERT INTO plan_step_logs (run, name, job, fence, first_byte) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT DO NOTHING",
            )?
            .execute((self.run, step, self.attempt.job, self.attempt.fence, told.first_byte as i64))?;
        Ok(())
    }

    fn end_log(&self, step: &str, end: u64) -> Result<(), StoreError> {
        self.connection
            .prepare_cached(
                "UPDATE plan_step_logs SET end_byte = ?5 WHERE run = ?1 AND name = ?2 AND job = ?3 AND fence = ?4",
            )?
            .execute((self.run, step, self.attempt.job, self.attempt.fence, end as i64))?;
        Ok(())
    }
}

/// A job has ended that runs a plan: steps that told no end get one.
///
/// # Errors
/// The database fails.
pub fn close(
    connection: &Connection,
    job: JobId,
    state: JobState,
    reason: Option<&str>,
    now: i64,
) -> Result<(), StoreError> {
    let Some(run) = of_job(connection, job)? else { return Ok(()) };
    let (running, why) = match state {
        JobState::Cancelled => ("cancelled", "the run was cancelled"),
        _ => ("failed", reason.unwrap_or("the run ended before the step told its end")),
    };
    connection
        .prepare_cached(
            "UPDATE plan_steps SET state = ?2, reason = ?3, finished = ?4 WHERE run = ?1 AND state = 'running'",
        )?
        .execute((run, running, why, now))?;
    let why = if state == JobState::Cancelled { why } else { "the run ended before it began" };
    connection
        .prepare_cached(
            "UPDATE plan_steps SET state = 'cancelled', reason = ?2, finished = coalesce(finished, ?3), attempt = 0
             WHERE run = ?1 AND state = 'waiting'",
        )?
        .execute((run, why, now))?;
    Ok(())
}

/// Which runs are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of this plan or task.
    pub name: Option<String>,
    /// In this state.
    pub state: Option<JobState>,
    /// Kept on this node, by its name or number.
    pub node: Option<String>,
    /// With smaller numbers than this.
    pub before: Option<PlanRunId>,
    /// How many at most.
    pub limit: u32,
}

/// Runs, the newest first.
///
/// # Errors
/// The database fails.
pub fn list(connection: &Connection, filter: &Filter) -> Result<Vec<PlanRunRecord>, StoreError> {
    let mut conditions: Vec<&str> = Vec::new();
    let mut values: Vec<Value> = Vec::new();
    if let Some(name) = &filter.name {
        conditions.push("runs.name = ?");
        values.push(name.clone().into());
    }
    if let Some(state) = filter.state {
        conditions.push("last.state = ?");
        values.push(state.name().to_owned().into());
    }
    let is_called = nodes::is_called("runs.node");
    if let Some(node) = &filter.node {
        conditions.push(&is_called);
        values.extend(nodes::called(node));
    }
    if let Some(before) = filter.before {
        conditions.push("runs.id < ?");
        values.push(before.into());
    }
    let chosen =
        if conditions.is_empty() { String::new() } else { format!(" WHERE {}", conditions.join(" AND ")) };
    values.push(i64::from(filter.limit).into());
    let mut query = connection.prepare_cached(&format!("{RUNS}{chosen} ORDER BY runs.id DESC LIMIT ?"))?;
    let mut rows = query.query(params_from_iter(values))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(run(row)?);
    }
    Ok(found)
}

/// The run of a number.
///
/// # Errors
/// The database fails.
pub fn find(connection: &Connection, id: PlanRunId) -> Result<Option<PlanRunRecord>, StoreError> {
    let mut query = connection.prepare_cached(&format!("{RUNS} WHERE runs.id = ?1"))?;
    let mut rows = query.query([id])?;
    rows.next()?.map(run).transpose()
}

/// The steps of a run, in the order of the plan.
///
/// # Errors
/// The database fails.
pub fn steps(connection: &Connection, id: PlanRunId) -> Result<Vec<PlanStepRecord>, StoreError> {
    let mut query = connection.prepare_cached(&format!("{STEPS} WHERE run = ?1 ORDER BY position"))?;
    let mut rows = query.query([id])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(step(row)?);
    }
    Ok(found)
}

/// A step of a run.
///
/// # Errors
/// The database fails.
pub fn find_step(
    connection: &Connection,
    id: PlanRunId,
    name: &str,
) -> Result<Option<PlanStepRecord>, StoreError> {
    let mut query = connection.prepare_cached(&format!("{STEPS} WHERE run = ?1 AND name = ?2"))?;
    let mut rows = query.query((id, name))?;
    rows.next()?.map(step).transpose()
}

/// A part of the log of a step: what an attempt of a job told of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepLogPart {
    /// The attempt.
    pub attempt: Attempt,
    /// Where in its events the step begins.
    pub first_byte: u64,
    /// Where it ends; `None` as long as it runs, or where the attempt ended before it.
    pub end_byte: Option<u64>,
}

/// The parts of the log of a step, in their order.
///
/// # Errors
/// The database fails.
pub fn step_log(connection: &Connection, id: PlanRunId, name: &str) -> Result<Vec<StepLogPart>, StoreError> {
    let mut query = connection.prepare_cached(
        "SELECT job, fence, first_byte, end_byte FROM plan_step_logs WHERE run = ?1 AND name = ?2 ORDER BY job, fence",
    )?;
    let found = query.query_map((id, name), |row| {
        let (job, fence): (JobId, Fence) = (row.get(0)?, row.get(1)?);
        let (first, end): (i64, Option<i64>) = (row.get(2)?, row.get(3)?);
        Ok(StepLogPart {
            attempt: Attempt { job, fence },
            first_byte: first.unsigned_abs(),
            end_byte: end.map(i64::unsigned_abs),
        })
    })?;
    Ok(found.collect::<Result<_, _>>()?)
}

/// The jobs of a run, in their order.
///
/// # Errors
/// The database fails.
pub fn jobs_of(connection: &Connection, id: PlanRunId) -> Result<Vec<JobId>, StoreError> {
    let mut query = connection.prepare_cached("SELECT job FROM plan_run_jobs WHERE run = ?1 ORDER BY job")?;
    Ok(query.query_map([id], |row| row.get(0))?.collect::<Result<_, _>>()?)
}

/// A run with its jobs and steps.
pub type WholeRun = (PlanRunRecord, Vec<JobId>, Vec<PlanStepRecord>);

/// A run with its jobs and steps, all of one moment.
///
/// # Errors
/// The database fails.
pub fn find_whole(connection: &Connection, id: PlanRunId) -> Result<Option<WholeRun>, StoreError> {
    let moment = connection.unchecked_transaction()?;
    let Some(run) = find(&moment, id)? else { return Ok(None) };
    Ok(Some((run, jobs_of(&moment, id)?, steps(&moment, id)?)))
}

/// A step of a run with the parts of its log, all of one moment.
///
/// # Errors
/// The database fails.
pub fn find_step_log(
    connection: &Connection,
    id: PlanRunId,
    name: &str,
) -> Result<Option<(PlanStepRecord, Vec<StepLogPart>)>, StoreError> {
    let moment = connection.unchecked_transaction()?;
    let Some(step) = find_step(&moment, id, name)? else { return Ok(None) };
    Ok(Some((step, step_log(&moment, id, name)?)))
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::{Filter, applied, apply, find, find_step, find_whole, list, of_job, step_log};
    use crate::job::{Ending, JobKind, JobSpec, JobState, PlanOrder};
    use crate::plan_events::{Change, PlannedStep, Told};
    use crate::store::jobs::{self, Cancelled, Deleted, NewJob, Next};
    use crate::store::migrations::migrate;
    use crate::store::{StoreError, nodes};
    use crate::wire::{Attempt, Registration, VERSION};

    const FIRST: Attempt = Attempt { job: 1, fence: 1 };

    fn database() -> Connection {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.pragma_update(None, "foreign_keys", true).unwrap();
        migrate(&mut connection, std::path::Path::new("x")).unwrap();
        let registration = Registration {
            version: VERSION,
            name: "one".into(),
            instance: "i".into(),
            tags: Vec::new(),
            slots: 1,
            attempts: Vec::new(),
        };
        nodes::register(&connection, &registration, 0).unwrap();
        connection
    }

    fn submit(connection: &Connection, id: i64, run: Option<i64>) -> Result<jobs::Inserted, StoreError> {
        let plan = Some(Box::new(PlanOrder { run, ..PlanOrder::default() }));
        let spec = JobSpec { kind: JobKind::Plan, name: "p".into(), plan, ..JobSpec::default() };
        let job = NewJob { id, spec, submitted_by: "me".into(), idempotency_key: None, created: id };
        jobs::insert(connection, &job)
    }

    fn begin(connection: &Connection, attempt: Attempt) {
        assert!(jobs::assign(connection, attempt, 1, 2).unwrap());
        jobs::start(connection, attempt, 3).unwrap();
    }

    fn end(connection: &Connection, attempt: Attempt, state: JobState) -> Next {
        let ending = Ending { state, exit_code: None, reason: None, started: 3, finished: 99, outputs: None };
        jobs::finish(connection, attempt, &ending, state.name(), 0).unwrap()
    }

    fn step(name: &str) -> PlannedStep {
        let (name, task) = (name.to_owned(), "t".to_owned());
        PlannedStep { step: name.clone(), name, task, level: 0, needs: Vec::new() }
    }

    fn told(changes: Vec<Change>) -> Vec<Told> {
        let numbered = changes.into_iter().zip(1..);
        let told = |(change, number): (Change, u64)| Told {
            first_byte: number * 10 - 10,
            end_byte: number * 10,
            time: number as i64,
            change,
        };
        numbered.map(told).collect()
    }

    fn started(step: &str, attempt: u32) -> Change {
        Change::Started { step: step.into(), attempt, node: None }
    }

    fn finished(step: &str, state: &str, is_reused: bool) -> Change {
        let (step, state) = (step.to_owned(), state.to_owned());
        Change::Finished { step, state, is_reused, exit_code: Some(0), reason: None, attempts: 1 }
    }

    fn story() -> Vec<Told> {
        told(vec![
            Change::Begun { run: "r".into(), steps: vec![step("a"), step("b"), step("c")] },
            started("a", 1),
            started("b", 1),
            finished("a", "succeeded", false),
            started("b", 2),
        ])
    }

    fn states(connection: &Connection) -> Vec<(String, String, u32)> {
        let (_, _, steps) = find_whole(connection, 1).unwrap().unwrap();
        steps.into_iter().map(|step| (step.name, step.state, step.attempt)).collect()
    }

    fn are(expected: [(&str, &str, u32); 3]) -> Vec<(String, String, u32)> {
        expected.into_iter().map(|(name, state, attempt)| (name.into(), state.into(), attempt)).collect()
    }

    #[test]
    fn events_count_once_however_they_are_told() {
        let story = story();
        for cut in 0..=story.len() {
            let connection = database();
            submit(&connection, 1, None).unwrap();
            begin(&connection, FIRST);
            let changed = apply(&connection, FIRST, &story[..cut]).unwrap();
            assert_eq!(changed.is_some(), cut > 0);
            // Told from the beginning, as by a server that was killed before it knew how far it was.
            apply(&connection, FIRST, &story).unwrap();
            assert_eq!(apply(&connection, FIRST, &story).unwrap(), None);
            assert_eq!(
                states(&connection),
                are([("a", "succeeded", 1), ("b", "running", 2), ("c", "waiting", 0)])
            );
            assert_eq!(applied(&connection, FIRST).unwrap(), 50);
            let part = step_log(&connection, 1, "a").unwrap();
            assert_eq!((part[0].first_byte, part[0].end_byte), (10, Some(40)));
        }
    }

    #[test]
    fn every_step_has_an_end_when_the_job_has() {
        for (state, of_b) in [(JobState::Cancelled, "cancelled"), (JobState::Failed, "failed")] {
            let connection = database();
            submit(&connection, 1, None).unwrap();
            begin(&connection, FIRST);
            apply(&connection, FIRST, &story()).unwrap();
            end(&connection, FIRST, state);
            assert_eq!(
                states(&connection),
                are([("a", "succeeded", 1), ("b", of_b, 2), ("c", "cancelled", 0)])
            );
            // What comes late changes nothing.
            assert_eq!(
                apply(&connection, FIRST, &told(vec![Change::Begun { run: "x".into(), steps: vec![] }]))
                    .unwrap(),
                None
            );
            let run = find(&connection, 1).unwrap().unwrap();
            assert_eq!(
                (run.state, run.steps_done, run.steps_total, run.name_on_node.as_deref()),
                (state, 3, 3, Some("r"))
            );
        }
    }

    #[test]
    fn a_run_goes_on_with_another_job_once_at_a_time() {
        let connection = database();
        submit(&connection, 1, None).unwrap();
        assert!(matches!(submit(&connection, 2, Some(1)), Err(StoreError::Conflict(_))));
        begin(&connection, FIRST);
        apply(&connection, FIRST, &story()).unwrap();
        end(&connection, FIRST, JobState::Failed);
        // A change that fails is taken back by the store.
        connection.execute("DELETE FROM jobs WHERE id = 2", []).unwrap();
        submit(&connection, 3, Some(1)).unwrap();
        assert!(matches!(submit(&connection, 4, Some(1)), Err(StoreError::Conflict(_))));
        let second = Attempt { job: 3, fence: 1 };
        begin(&connection, second);
        let changes = vec![
            Change::Begun { run: "r".into(), steps: vec![step("b"), step("a")] },
            finished("a", "succeeded", true),
            started("b", 1),
            finished("b", "succeeded", false),
        ];
        apply(&connection, second, &told(changes)).unwrap();
        end(&connection, second, JobState::Success);
        let (run, jobs, steps) = find_whole(&connection, 1).unwrap().unwrap();
        assert_eq!((run.state, run.job, jobs), (JobState::Success, 3, vec![1, 3]));
        // The step that the plan has no more is gone, and what was kept has its own time.
        let times: Vec<_> =
            steps.iter().map(|step| (step.name.as_str(), step.reused, step.started)).collect();
        assert_eq!(times, [("b", false, Some(3)), ("a", true, Some(2))]);
        assert_eq!(step_log(&connection, 1, "b").unwrap().len(), 2);
        assert!(matches!(submit(&connection, 5, Some(1)), Err(StoreError::Conflict(_))));
    }

    /// A job may end when it has told which steps there are, and not yet which it takes over.
    #[test]
    fn what_was_kept_has_its_own_time_also_after_a_job_that_did_not_come_to_it() {
        let connection = database();
        submit(&connection, 1, None).unwrap();
        begin(&connection, FIRST);
        apply(&connection, FIRST, &story()).unwrap();
        end(&connection, FIRST, JobState::Failed);
        let begun = Change::Begun { run: "r".into(), steps: vec![step("a"), step("b"), step("c")] };
        let started_of_a = || find_step(&connection, 1, "a").unwrap().unwrap().started;
        for (job, changes, known) in
            [(2, vec![begun.clone()], None), (3, vec![begun, finished("a", "succeeded", true)], Some(2))]
        {
            submit(&connection, job, Some(1)).unwrap();
            let attempt = Attempt { job, fence: 1 };
            begin(&connection, attempt);
            apply(&connection, attempt, &told(changes)).unwrap();
            end(&connection, attempt, JobState::Failed);
            assert_eq!(started_of_a(), known, "job {job}");
        }
    }

    #[test]
    fn a_run_is_found_by_its_jobs_and_goes_as_a_whole() {
        let connection = database();
        submit(&connection, 1, None).unwrap();
        assert_eq!(jobs::cancel(&connection, 1, "me", 5).unwrap(), Cancelled::Done);
        submit(&connection, 2, Some(1)).unwrap();
        submit(&connection, 3, None).unwrap();
        assert_eq!((of_job(&connection, 2).unwrap(), of_job(&connection, 9).unwrap()), (Some(1), None));
        let ids = |filter: Filter| -> Vec<i64> {
            list(&connection, &filter).unwrap().iter().map(|run| run.id).collect()
        };
        assert_eq!(ids(Filter { limit: 9, ..Filter::default() }), [3, 1]);
        assert_eq!(
            ids(Filter { limit: 9, before: Some(3), name: Some("p".into()), ..Filter::default() }),
            [1]
        );
        assert_eq!(ids(Filter { limit: 9, state: Some(JobState::Cancelled), ..Filter::default() }), [0; 0]);
        assert_eq!(jobs::delete(&connection, 2).unwrap(), Deleted::PartOf { run: 1, first: 1 });
        assert_eq!(jobs::delete(&connection, 1).unwrap(), Deleted::Unfinished(2, JobState::Pending));
        jobs::cancel(&connection, 2, "me", 5).unwrap();
        assert_eq!(jobs::delete(&connection, 1).unwrap(), Deleted::Done(Vec::new()));
        assert_eq!((find(&connection, 1).unwrap(), jobs::find(&connection, 2).unwrap()), (None, None));
    }

    #[test]
    fn a_run_whose_first_job_an_earlier_version_forgot_goes_with_the_next_one() {
        let connection = database();
        submit(&connection, 1, None).unwrap();
        jobs::cancel(&connection, 1, "me", 5).unwrap();
        submit(&connection, 2, Some(1)).unwrap();
        connection.execute("DELETE FROM jobs WHERE id = 1", []).unwrap();
        let run = find(&connection, 1).unwrap().unwrap();
        assert_eq!((run.created, run.submitted_by.as_str()), (2, "me"));
        jobs::cancel(&connection, 2, "me", 5).unwrap();
        assert_eq!(jobs::delete(&connection, 2).unwrap(), Deleted::Done(Vec::new()));
        assert_eq!(find(&connection, 1).unwrap(), None);
    }
}
