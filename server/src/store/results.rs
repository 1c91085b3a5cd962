//! Results of attempts.

use rusqlite::{Connection, OptionalExtension};

use super::StoreError;
use crate::job::Fence;
use crate::wire::Attempt;

/// What becomes of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attached {
    /// It is kept.
    Kept,
    /// Another attempt is the last one.
    Fenced(Fence),
    /// There is no such job.
    Unknown,
}

/// Keeps the result of an attempt, in place of an earlier one. Only of a job's last attempt.
///
/// # Errors
/// The database fails.
pub fn attach(
    connection: &Connection,
    attempt: Attempt,
    result: &str,
    now: i64,
) -> Result<Attached, StoreError> {
    let last: Option<Fence> = connection
        .prepare_cached("SELECT fence FROM jobs WHERE id = ?1")?
        .query_row([attempt.job], |row| row.get(0))
        .optional()?;
    match last {
        None => Ok(Attached::Unknown),
        Some(last) if last != attempt.fence || last == 0 => Ok(Attached::Fenced(last)),
        Some(_) => {
            connection
                .prepare_cached(
                    "INSERT OR REPLACE INTO results (job, fence, result, at) VALUES (?1, ?2, ?3, ?4)",
                )?
                .execute((attempt.job, attempt.fence, result, now))?;
            Ok(Attached::Kept)
        }
    }
}

/// The result of an attempt, as JSON.
///
/// # Errors
/// The database fails.
pub fn find(connection: &Connection, attempt: Attempt) -> Result<Option<String>, StoreError> {
    Ok(connection
        .prepare_cached("SELECT result FROM results WHERE job = ?1 AND fence = ?2")?
        .query_row((attempt.job, attempt.fence), |row| row.get(0))
        .optional()?)
}
