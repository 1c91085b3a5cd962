//! Who changed what, when, and from where.

use rusqlite::Connection;
use serde::Serialize;
use utoipa::ToSchema;

use super::StoreError;

/// Something that somebody did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct AuditRecord {
    /// Its number. Numbers grow.
    pub id: i64,
    /// When, in milliseconds since 1970.
    pub at: i64,
    /// The id of the token, `local`, `EZ_SERVER_TOKEN` or `command line`.
    pub who: String,
    /// What was done.
    pub action: String,
    /// To what.
    pub object: String,
    /// The address from which it was asked for.
    pub remote: String,
}

/// Writes down who did what.
///
/// # Errors
/// The database fails.
pub fn write(
    connection: &Connection,
    who: &str,
    action: &str,
    object: &str,
    remote: &str,
    now: i64,
) -> Result<(), StoreError> {
    connection
        .prepare_cached("INSERT INTO audit (at, who, action, object, remote) VALUES (?1, ?2, ?3, ?4, ?5)")?
        .execute((now, who, action, object, remote))?;
    Ok(())
}

/// What was done, the newest first, with smaller numbers than `before`.
///
/// # Errors
/// The database fails.
pub fn list(
    connection: &Connection,
    before: Option<i64>,
    limit: u32,
) -> Result<Vec<AuditRecord>, StoreError> {
    let mut query = connection.prepare_cached(
        "SELECT id, at, who, action, object, remote FROM audit WHERE id < ?1 ORDER BY id DESC LIMIT ?2",
    )?;
    let found = query.query_map((before.unwrap_or(i64::MAX), limit), |row| {
        Ok(AuditRecord {
            id: row.get(0)?,
            at: row.get(1)?,
            who: row.get(2)?,
            action: row.get(3)?,
            object: row.get(4)?,
            remote: row.get(5)?,
        })
    })?;
    Ok(found.collect::<Result<_, _>>()?)
}
