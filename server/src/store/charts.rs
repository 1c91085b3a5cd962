//! Charts that somebody made.

use rusqlite::{Connection, OptionalExtension};

use super::StoreError;

/// The most charts.
pub const MAX_CHARTS: usize = 100;

/// A chart as it is remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChartRecord {
    /// Its number.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// How it is drawn.
    pub kind: String,
    /// What it shows.
    pub formula: String,
}

/// What becomes of a new chart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    /// It has this number.
    As(i64),
    /// Another one has the name.
    NameIsTaken,
    /// There are [`MAX_CHARTS`].
    TooMany,
}

/// Remembers a chart.
///
/// # Errors
/// The database fails.
pub fn add(
    connection: &Connection,
    name: &str,
    kind: &str,
    formula: &str,
    now: i64,
) -> Result<Added, StoreError> {
    let known: Option<i64> =
        connection.query_row("SELECT id FROM charts WHERE name = ?1", [name], |row| row.get(0)).optional()?;
    let count: i64 = connection.query_row("SELECT count(*) FROM charts", [], |row| row.get(0))?;
    if known.is_some() {
        return Ok(Added::NameIsTaken);
    }
    if count >= MAX_CHARTS as i64 {
        return Ok(Added::TooMany);
    }
    connection.execute(
        "INSERT INTO charts (name, type, formula, created) VALUES (?1, ?2, ?3, ?4)",
        (name, kind, formula, now),
    )?;
    Ok(Added::As(connection.last_insert_rowid()))
}

/// All charts, the oldest first.
///
/// # Errors
/// The database fails.
pub fn all(connection: &Connection) -> Result<Vec<ChartRecord>, StoreError> {
    let mut query = connection.prepare_cached("SELECT id, name, type, formula FROM charts ORDER BY id")?;
    let found = query.query_map([], |row| {
        Ok(ChartRecord { id: row.get(0)?, name: row.get(1)?, kind: row.get(2)?, formula: row.get(3)? })
    })?;
    Ok(found.collect::<Result<_, _>>()?)
}

/// Forgets a chart. Whether there was one.
///
/// # Errors
/// The database fails.
pub fn delete(connection: &Connection, id: i64) -> Result<bool, StoreError> {
    Ok(connection.execute("DELETE FROM charts WHERE id = ?1", [id])? > 0)
}
