//! Tokens: of each only its hash.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension};
use serde::Serialize;
use utoipa::ToSchema;

use super::StoreError;

/// A token as it is remembered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct TokenRecord {
    /// Its public part.
    pub id: String,
    /// What it is for.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<String>,
    /// When it was made, in milliseconds since 1970.
    pub created: i64,
    /// When it was last used.
    pub last_used: Option<i64>,
    /// When it was revoked.
    pub revoked: Option<i64>,
    /// Until when it counts; `null` is for ever.
    pub expires: Option<i64>,
}

/// Remembers a token.
///
/// # Errors
/// The database fails.
pub fn insert(
    connection: &Connection,
    id: &str,
    name: &str,
    hash: &[u8],
    scopes: &str,
    now: i64,
    expires: Option<i64>,
) -> Result<(), StoreError> {
    connection.execute(
        "INSERT INTO tokens (id, name, hash, scopes, created, expires) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        (id, name, hash, scopes, now, expires),
    )?;
    Ok(())
}

/// The hash and the scopes of a token that counts.
///
/// # Errors
/// The database fails.
pub fn find(connection: &Connection, id: &str, now: i64) -> Result<Option<(Vec<u8>, String)>, StoreError> {
    let mut query = connection.prepare_cached(
        "SELECT hash, scopes FROM tokens WHERE id = ?1 AND revoked IS NULL AND (expires IS NULL OR expires > ?2)",
    )?;
    Ok(query.query_row((id, now), |row| Ok((row.get(0)?, row.get(1)?))).optional()?)
}

/// A token was used.
///
/// # Errors
/// The database fails.
pub fn touch(connection: &Connection, id: &str, now: i64) -> Result<(), StoreError> {
    connection.prepare_cached("UPDATE tokens SET last_used = ?2 WHERE id = ?1")?.execute((id, now))?;
    Ok(())
}

/// Whether a token was ever made: a server that was closed stays so when its tokens are revoked or over.
///
/// # Errors
/// The database fails.
pub fn was_any_made(connection: &Connection) -> Result<bool, StoreError> {
    let mut query = connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM tokens)")?;
    Ok(query.query_row([], |row| row.get(0))?)
}

/// Which tokens count.
///
/// # Errors
/// The database fails.
pub fn counting(connection: &Connection, now: i64) -> Result<BTreeSet<String>, StoreError> {
    let mut query = connection.prepare_cached(
        "SELECT id FROM tokens WHERE revoked IS NULL AND (expires IS NULL OR expires > ?1)",
    )?;
    let found = query.query_map([now], |row| row.get(0))?;
    Ok(found.collect::<Result<_, _>>()?)
}

/// All tokens, the oldest first.
///
/// # Errors
/// The database fails.
pub fn all(connection: &Connection) -> Result<Vec<TokenRecord>, StoreError> {
    let mut query = connection.prepare(
        "SELECT id, name, scopes, created, last_used, revoked, expires FROM tokens ORDER BY created, id",
    )?;
    let found = query.query_map([], |row| {
        let scopes: String = row.get(2)?;
        Ok(TokenRecord {
            id: row.get(0)?,
            name: row.get(1)?,
            scopes: scopes.split(',').map(str::to_owned).collect(),
            created: row.get(3)?,
            last_used: row.get(4)?,
            revoked: row.get(5)?,
            expires: row.get(6)?,
        })
    })?;
    Ok(found.collect::<Result<_, _>>()?)
}

/// Ends a token. Whether it counted.
///
/// # Errors
/// The database fails.
pub fn revoke(connection: &Connection, id: &str, now: i64) -> Result<bool, StoreError> {
    let revoked =
        connection.execute("UPDATE tokens SET revoked = ?2 WHERE id = ?1 AND revoked IS NULL", (id, now))?;
    Ok(revoked == 1)
}
