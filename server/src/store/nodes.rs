//! Nodes that have ever registered.

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row};
use serde::Serialize;
use utoipa::ToSchema;

use super::StoreError;
use crate::node_words::OWN;
use crate::queue::NodeId;
use crate::wire::Registration;

/// A node as it is remembered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct NodeRecord {
    /// Its number.
    pub id: NodeId,
    /// Its name.
    pub name: String,
    /// What it has.
    pub tags: Vec<String>,
    /// How many jobs it runs at once.
    pub slots: u32,
    /// When it came first, in milliseconds since 1970.
    pub registered: i64,
    /// Whether it is to take no jobs, until somebody takes that back.
    pub drained: bool,
}

/// What becomes of a registration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Registered {
    /// It is the node of that number.
    As(NodeRecord),
    /// Another agent has the name.
    NameIsTaken(NodeId),
}

/// Remembers a node. An agent that comes again is the same node.
///
/// # Errors
/// The database fails.
pub fn register(
    connection: &Connection,
    registration: &Registration,
    now: i64,
) -> Result<Registered, StoreError> {
    let known: Option<(NodeId, String)> = connection
        .prepare_cached("SELECT id, instance FROM nodes WHERE name = ?1")?
        .query_row([&registration.name], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let tags = tags_text(&registration.tags);
    let id = match known {
        // The server's own node is always the same one, also where its directory was lost.
        Some((id, instance)) if instance != registration.instance && registration.name != OWN => {
            return Ok(Registered::NameIsTaken(id));
        }
        Some((id, _)) => {
            connection
                .prepare_cached("UPDATE nodes SET instance = ?2, tags = ?3, slots = ?4 WHERE id = ?1")?
                .execute((id, &registration.instance, &tags, registration.slots))?;
            id
        }
        None => {
            connection
                .prepare_cached(
                    "INSERT INTO nodes (instance, name, tags, slots, registered) VALUES (?1, ?2, ?3, ?4, ?5)",
                )?
                .execute((&registration.instance, &registration.name, &tags, registration.slots, now))?;
            connection.last_insert_rowid()
        }
    };
    let record = find(connection, id)?;
    record.map(Registered::As).ok_or_else(|| StoreError::Record(format!("node {id} is gone")))
}

fn tags_text(tags: &[String]) -> String {
    serde_json::Value::from(tags).to_string()
}

/// The condition that a column names the node that somebody calls by its number, of which nothing else may be known any more, or by its name.
pub fn is_called(column: &str) -> String {
    format!("({column} = ? OR {column} IN (SELECT nodes.id FROM nodes WHERE nodes.name = ?))")
}

const COLUMNS: &str = "SELECT id, name, tags, slots, registered, drained FROM nodes";

fn record(row: &Row<'_>) -> rusqlite::Result<NodeRecord> {
    let tags: String = row.get(2)?;
    Ok(NodeRecord {
        id: row.get(0)?,
        name: row.get(1)?,
        tags: serde_json::from_str(&tags).unwrap_or_default(),
        slots: row.get(3)?,
        registered: row.get(4)?,
        drained: row.get(5)?,
    })
}

/// The node of a number.
///
/// # Errors
/// The database fails.
pub fn find(connection: &Connection, id: NodeId) -> Result<Option<NodeRecord>, StoreError> {
    let mut query = connection.prepare_cached(&format!("{COLUMNS} WHERE id = ?1"))?;
    Ok(query.query_row([id], record).optional()?)
}

/// The values of [`is_called`] for what somebody calls a node: its number, or its name.
pub fn called(name: &str) -> [Value; 2] {
    [name.parse::<NodeId>().map_or(Value::Null, Value::from), name.to_owned().into()]
}

/// All nodes, by their names.
///
/// # Errors
/// The database fails.
pub fn all(connection: &Connection) -> Result<Vec<NodeRecord>, StoreError> {
    let mut query = connection.prepare_cached(&format!("{COLUMNS} ORDER BY name"))?;
    let found = query.query_map([], record)?;
    Ok(found.collect::<Result<_, _>>()?)
}

/// Whether a node is to take no jobs. Whether there is the node.
///
/// # Errors
/// The database fails.
pub fn set_drained(connection: &Connection, id: NodeId, drained: bool) -> Result<bool, StoreError> {
    let mut update = connection.prepare_cached("UPDATE nodes SET drained = ?2 WHERE id = ?1")?;
    Ok(update.execute((id, drained))? > 0)
}

/// Forgets a node.
///
/// # Errors
/// The database fails.
pub fn delete(connection: &Connection, id: NodeId) -> Result<bool, StoreError> {
    Ok(connection.execute("DELETE FROM nodes WHERE id = ?1", [id])? > 0)
}
