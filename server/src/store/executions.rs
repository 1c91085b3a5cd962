//! What ran: jobs that have ended, and runs that others reported.

use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::StoreError;
use crate::job::JobState;

/// Something that ran and has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Execution {
    /// `job` for a job of this server, `report` for what somebody reported.
    pub source: String,
    /// Its number among those of its source.
    pub id: i64,
    /// `task` or `plan`.
    pub kind: String,
    /// The name of the task or plan.
    pub name: String,
    /// The name of the node; of a report what it says.
    pub node: Option<String>,
    /// `success`, `failed` or `cancelled`.
    pub state: String,
    /// Its exit code.
    pub exit_code: Option<i32>,
    /// When it was asked for, in milliseconds since 1970.
    pub created: i64,
    /// When it began; `null` where it never did.
    pub started: Option<i64>,
    /// When it ended.
    pub finished: i64,
}

impl Execution {
    /// For how many milliseconds it ran.
    pub fn duration(&self) -> Option<i64> {
        self.started.map(|started| (self.finished - started).max(0))
    }
}

/// A place in the list of executions: the one that was told last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// When it ended.
    pub finished: i64,
    /// Whether it is a report.
    pub is_report: bool,
    /// Its number.
    pub id: i64,
}

const ALL: &str = "
    SELECT 0 AS is_report, jobs.id AS id, jobs.kind AS kind, jobs.name AS name, nodes.name AS node, jobs.state AS state, jobs.exit_code AS exit_code,
        jobs.created AS created, jobs.started AS started, jobs.finished AS finished
    FROM jobs LEFT JOIN nodes ON nodes.id = jobs.node WHERE jobs.finished IS NOT NULL
    UNION ALL
    SELECT 1, id, kind, name, node, state, exit_code, started, started, finished FROM reports";

/// The last executions from a time on, the latest first; those behind a place, where one is given.
///
/// # Errors
/// The database fails.
pub fn list(
    connection: &Connection,
    since: i64,
    behind: Option<Place>,
    limit: u32,
) -> Result<Vec<Execution>, StoreError> {
    let mut query = connection.prepare_cached(&format!(
        "SELECT is_report, id, kind, name, node, state, exit_code, created, started, finished FROM ({ALL})
         WHERE finished >= ?1 AND (finished, is_report, id) < (?2, ?3, ?4)
         ORDER BY finished DESC, is_report DESC, id DESC LIMIT ?5"
    ))?;
    let behind = behind.unwrap_or(Place { finished: i64::MAX, is_report: true, id: i64::MAX });
    let found = query.query_map((since, behind.finished, behind.is_report, behind.id, limit), |row| {
        let is_report: bool = row.get(0)?;
        Ok(Execution {
            source: if is_report { "report" } else { "job" }.to_owned(),
            id: row.get(1)?,
            kind: row.get(2)?,
            name: row.get(3)?,
            node: row.get(4)?,
            state: row.get(5)?,
            exit_code: row.get(6)?,
            created: row.get(7)?,
            started: row.get(8)?,
            finished: row.get(9)?,
        })
    })?;
    Ok(found.collect::<Result<_, _>>()?)
}

/// A run that somebody else did.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// The name of the task or plan.
    pub name: String,
    /// `task`, which is meant where nothing is said, or `plan`.
    #[serde(default)]
    pub kind: crate::job::JobKind,
    /// Where it ran.
    #[serde(default)]
    pub node: Option<String>,
    /// `success`, `failed` or `cancelled`.
    pub state: JobState,
    /// Its exit code.
    #[serde(default)]
    pub exit_code: Option<i32>,
    /// When it began, in milliseconds since 1970.
    #[schema(minimum = 0, maximum = 253_402_300_799_999_i64)]
    pub started: i64,
    /// When it ended.
    #[schema(minimum = 0, maximum = 253_402_300_799_999_i64)]
    pub finished: i64,
}

/// Keeps a report. Its number.
///
/// # Errors
/// The database fails.
pub fn report(connection: &Connection, report: &Report, by: &str) -> Result<i64, StoreError> {
    let kind = match report.kind {
        crate::job::JobKind::Task => "task",
        crate::job::JobKind::Plan => "plan",
    };
    connection
        .prepare_cached(
            "INSERT INTO reports (kind, name, node, state, exit_code, started, finished, reported_by)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute((
            kind,
            &report.name,
            &report.node,
            report.state.name(),
            report.exit_code,
            report.started,
            report.finished,
            by,
        ))?;
    Ok(connection.last_insert_rowid())
}

/// How many jobs are in each state, in the order of [`JobState::ALL`].
///
/// # Errors
/// The database fails.
pub fn counts(connection: &Connection) -> Result<[i64; 5], StoreError> {
    let mut query = connection.prepare_cached("SELECT count(*) FROM jobs WHERE state = ?1")?;
    let mut counts = [0; 5];
    for (count, state) in counts.iter_mut().zip(JobState::ALL) {
        *count = query.query_row([state.name()], |row| row.get(0))?;
    }
    Ok(counts)
}
