//! Secret variables of jobs, sealed. They are removed with the end of their job, which the database sees to itself.

use rusqlite::Connection;

use super::StoreError;
use crate::job::JobId;
use crate::secrets::Sealed;

/// Keeps the secrets of a job.
///
/// # Errors
/// The database fails.
pub fn insert(connection: &Connection, job: JobId, secrets: &[Sealed]) -> Result<(), StoreError> {
    let mut insert =
        connection.prepare_cached("INSERT INTO job_secrets (job, name, sealed) VALUES (?1, ?2, ?3)")?;
    for (name, sealed) in secrets {
        insert.execute((job, name, sealed))?;
    }
    Ok(())
}

/// The secrets of a job.
///
/// # Errors
/// The database fails.
pub fn of(connection: &Connection, job: JobId) -> Result<Vec<Sealed>, StoreError> {
    let mut query = connection.prepare_cached("SELECT name, sealed FROM job_secrets WHERE job = ?1")?;
    let found = query.query_map([job], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(found.collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use rusqlite::Connection;

    use super::{insert, of};
    use crate::store::jobs::{self, NewJob};
    use crate::store::migrations::migrate;

    #[test]
    fn secrets_end_with_their_job() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.pragma_update(None, "foreign_keys", true).unwrap();
        migrate(&mut connection, Path::new("x")).unwrap();
        for id in [1, 2] {
            let new = NewJob {
                id,
                spec: crate::job::JobSpec::default(),
                submitted_by: String::new(),
                idempotency_key: None,
                created: 0,
            };
            jobs::insert(&connection, &new).unwrap();
            insert(&connection, id, &[("A".into(), vec![1, 2])]).unwrap();
        }
        assert_eq!(of(&connection, 1).unwrap(), [("A".to_owned(), vec![1, 2])]);
        jobs::cancel(&connection, 1, "me", 0).unwrap();
        assert_eq!(of(&connection, 1).unwrap(), []);
        connection.execute("DELETE FROM jobs", []).unwrap();
        assert_eq!(of(&connection, 2).unwrap(), []);
    }
}
