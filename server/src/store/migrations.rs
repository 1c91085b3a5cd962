//! The versions of the database. A version that was released is never changed; the next one changes what it left.

use std::path::Path;

use rusqlite::Connection;

use super::StoreError;

/// What leads from each version to the next.
const STEPS: &[&str] = &[
    include_str!("migrations/1.sql"),
    include_str!("migrations/2.sql"),
    include_str!("migrations/3.sql"),
    include_str!("migrations/4.sql"),
    include_str!("migrations/5.sql"),
    include_str!("migrations/6.sql"),
];

/// Brings the database to the newest version.
///
/// # Errors
/// It is newer than this program, or a step fails; then it stays as it was.
pub fn migrate(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    let found: u32 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let known = STEPS.len() as u32;
    if found > known {
        return Err(StoreError::TooNew { path: path.display().to_string(), found, known });
    }
    for (version, step) in (1u32..).zip(STEPS).skip(found as usize) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "user_version", version)?;
        transaction.commit()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use rusqlite::Connection;

    use super::{STEPS, migrate};

    fn at_version(version: usize) -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        for (number, step) in STEPS.iter().take(version).enumerate() {
            connection.execute_batch(step).unwrap();
            connection.pragma_update(None, "user_version", number as u32 + 1).unwrap();
        }
        connection
    }

    #[test]
    fn every_version_leads_to_the_newest() {
        for from in 0..=STEPS.len() {
            let mut connection = at_version(from);
            migrate(&mut connection, Path::new("x")).unwrap();
            let version: u32 = connection.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
            assert_eq!(version as usize, STEPS.len());
        }
    }

    #[test]
    fn nodes_of_earlier_versions_take_jobs() {
        const DRAINS_STAY: usize = 6;
        for from in 1..=STEPS.len() {
            let mut connection = at_version(from);
            connection
                .execute("INSERT INTO nodes (instance, name, tags, slots, registered, drained) VALUES ('i', 'n', '[]', 1, 0, 1)", [])
                .unwrap();
            migrate(&mut connection, Path::new("x")).unwrap();
            let is_drained: bool =
                connection.query_row("SELECT drained FROM nodes", [], |row| row.get(0)).unwrap();
            assert_eq!(is_drained, from >= DRAINS_STAY, "from version {from}");
        }
    }

    #[test]
    fn a_newer_database_is_left_alone() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.pragma_update(None, "user_version", 99).unwrap();
        let error = migrate(&mut connection, Path::new("x")).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "the database x has version 99, and this program knows {}: use the newer program",
                STEPS.len()
            )
        );
    }
}
