//! The database: what was promised stands here before anybody is told.
//!
//! One thread writes. It takes all changes that wait into one transaction, so that one flush of the disk serves all of them (`synchronous=FULL`), and only then
//! answers each. Readers have connections of their own and never wait for it.

pub mod audit;
pub mod charts;
pub mod executions;
pub mod job_secrets;
pub mod jobs;
pub mod migrations;
pub mod nodes;
pub mod plan_runs;
pub mod results;
pub mod retention;
pub mod tokens;

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use prometheus_client::metrics::histogram::Histogram;
use rusqlite::{Connection, OpenFlags};
use tokio::sync::oneshot;

use crate::job::JobId;
use crate::{disk_space, metrics};

/// How many changes share a transaction at most.
const MAX_BATCH: usize = 512;

/// How long a reader waits for a database that is locked, as by a checkpoint.
const BUSY_LIMIT: Duration = Duration::from_secs(10);

/// So many bytes have to be free on the disk of the database; with less the server says that it is not well.
pub const MIN_FREE_BYTES: u64 = 32 << 20;

/// How many idle connections of readers are kept.
const MAX_READERS: usize = 8;

/// How much of the database each reader keeps in memory, in KiB. What one reads is in the system's own cache; `SQLite`'s 2,000 for each of them would be memory for nothing.
const READER_CACHE_KIB: i64 = 256;

/// Why the database does not do what it is asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database engine says no.
    #[error("the database: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// The file is broken.
    #[error("the database {0} is broken: {1}; put a backup in its place")]
    Broken(String, String),
    /// A newer program wrote it.
    #[error("the database {path} has version {found}, and this program knows {known}: use the newer program")]
    TooNew {
        /// The file.
        path: String,
        /// Its version.
        found: u32,
        /// The newest one that is known here.
        known: u32,
    },
    /// A secret was to be stored.
    #[error("the server has no secret key: set EZ_SECRET_KEY")]
    NoSecretKey,
    /// Its file cannot be made or written.
    #[error("{0} cannot be written: {1}")]
    Unwritable(String, #[source] std::io::Error),
    /// The disk is nearly full.
    #[error(
        "only {0} bytes are free on the disk of the database, and {MIN_FREE_BYTES} have to be: make room"
    )]
    NearlyFull(u64),
    /// The thread that writes has ended, or cannot begin a transaction.
    #[error("the database takes no changes")]
    Closed,
    /// It cannot be done as things stand.
    #[error("{0}")]
    Conflict(String),
    /// The key of a request belongs to the job of another one.
    #[error(
        "the idempotency_key is that of job {0}, which is another request: use a key of its own for each"
    )]
    KeyOfAnother(JobId),
    /// What is stored cannot be understood.
    #[error("the database has a record that cannot be read: {0}")]
    Record(String),
}

type Change = Box<dyn FnOnce(&Connection) -> Answer + Send>;
type Answer = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// The database, open.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    path: PathBuf,
    changes: Sender<Change>,
    commits: Histogram,
    readers: Mutex<Vec<Connection>>,
    /// Whether the last change did not get to the disk.
    is_failing: Arc<AtomicBool>,
}

impl Store {
    /// Opens the database of a path, makes it where there is none, and brings it to the version of this program.
    ///
    /// # Errors
    /// It is broken, newer, or cannot be opened.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        make_private(path)?;
        let mut connection = Connection::open(path)?;
        connection.busy_timeout(BUSY_LIMIT)?;
        connection.pragma_update(None, "journal_mode", "wal").map_err(|error| of_file(error, path))?;
        connection.pragma_update(None, "synchronous", "full")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        check(&connection, path)?;
        migrations::migrate(&mut connection, path)?;
        connection.set_prepared_statement_cache_capacity(64);
        let (changes, waiting) = mpsc::channel();
        let commits = metrics::commit_times();
        let noted = commits.clone();
        let is_failing = Arc::new(AtomicBool::new(false));
        let failing = Arc::clone(&is_failing);
        thread::Builder::new()
            .name("store".into())
            .spawn(move || write_all(&connection, &waiting, &noted, &failing))
            .map_err(|_| StoreError::Closed)?;
        let readers = Mutex::default();
        Ok(Self { inner: Arc::new(Inner { path: path.to_owned(), changes, commits, readers, is_failing }) })
    }

    /// How long its transactions took.
    pub fn commit_times(&self) -> &Histogram {
        &self.inner.commits
    }

    /// Makes a change; it is on the disk when this answers. A change that fails leaves nothing. Changes are made in the order of the calls.
    ///
    /// # Errors
    /// The change fails, or the disk does.
    pub fn write<T: Send + 'static>(
        &self,
        change: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> impl Future<Output = Result<T, StoreError>> + Send + 'static {
        let (answer, answered) = oneshot::channel();
        let is_failing = Arc::clone(&self.inner.is_failing);
        let change: Change = Box::new(move |connection| {
            let made = savepoint(connection, change);
            Box::new(move |committed| {
                let is_of_disk = matches!(&made, Err(StoreError::Sqlite(error)) if is_of_disk(error));
                is_failing.store(is_of_disk || committed.is_err(), Ordering::Relaxed);
                // Somebody who does not wait any more does not want the answer.
                let _ = answer.send(made.and_then(|made| committed.map(|()| made)));
            })
        });
        let sent = self.inner.changes.send(change);
        async move {
            sent.map_err(|_| StoreError::Closed)?;
            answered.await.map_err(|_| StoreError::Closed)?
        }
    }

    /// Whether changes get to the disk: the last one did, or else one does now, and there is room for more.
    ///
    /// # Errors
    /// They do not, or not for long.
    pub async fn check_disk(&self) -> Result<(), StoreError> {
        if self.inner.is_failing.load(Ordering::Relaxed) {
            let rewrite = |connection: &Connection| {
                let version: u32 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
                Ok(connection.pragma_update(None, "user_version", version)?)
            };
            self.write(rewrite).await?;
        }
        let path = self.inner.path.clone();
        let free = self.read(move |connection| {
            connection.query_row("SELECT 1", [], |_| Ok(()))?;
            disk_space::free(&path).map_err(|error| StoreError::Unwritable(path.display().to_string(), error))
        });
        enough(free.await?)
    }

    /// Reads. Everything that was answered before is there.
    ///
    /// # Errors
    /// It cannot be read.
    pub async fn read<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let inner = Arc::clone(&self.inner);
        let read = tokio::task::spawn_blocking(move || {
            let connection = inner.reader()?;
            let answer = question(&connection);
            let mut readers = inner.readers.lock().unwrap_or_else(PoisonError::into_inner);
            if readers.len() < MAX_READERS {
                readers.push(connection);
            }
            answer
        });
        read.await.map_err(|_| StoreError::Closed)?
    }

    /// Brings what stands in the log of changes into the file of the database, so that who copies that file alone has everything.
    ///
    /// # Errors
    /// The file cannot be written.
    pub async fn fold_log(&self) -> Result<(), StoreError> {
        let path = self.inner.path.clone();
        let folded = tokio::task::spawn_blocking(move || {
            let connection = Connection::open(path)?;
            connection.busy_timeout(BUSY_LIMIT)?;
            Ok(connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?)
        });
        folded.await.map_err(|_| StoreError::Closed)?
    }

    /// Writes a copy of the database, as it is at one moment, while it is used.
    ///
    /// # Errors
    /// The copy cannot be written.
    pub async fn backup(&self, to: PathBuf) -> Result<(), StoreError> {
        self.read(move |connection| {
            make_private(&to)?;
            connection.backup("main", &to, None::<fn(rusqlite::backup::Progress)>)?;
            Ok(())
        })
        .await
    }
}

impl Inner {
    fn reader(&self) -> Result<Connection, StoreError> {
        let idle = self.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        if let Some(connection) = idle {
            return Ok(connection);
        }
        let connection = Connection::open_with_flags(
            &self.path,
            OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )?;
        connection.busy_timeout(BUSY_LIMIT)?;
        // A negative number is one of KiB, not of pages.
        connection.pragma_update(None, "cache_size", -READER_CACHE_KIB)?;
        connection.set_prepared_statement_cache_capacity(64);
        Ok(connection)
    }
}

/// Makes a file for its owner alone, where there is none. Those that the database puts beside it have its mode.
fn make_private(path: &Path) -> Result<(), StoreError> {
    use std::os::unix::fs::OpenOptionsExt;
    let made = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path);
    made.map(drop).map_err(|error| StoreError::Unwritable(path.display().to_string(), error))
}

/// What is wrong with a file that is looked at for the first time.
fn of_file(error: rusqlite::Error, path: &Path) -> StoreError {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    match error.sqlite_error_code() {
        Some(NotADatabase | DatabaseCorrupt) => {
            StoreError::Broken(path.display().to_string(), error.to_string())
        }
        _ => error.into(),
    }
}

fn check(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let found: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if found == "ok" { Ok(()) } else { Err(StoreError::Broken(path.display().to_string(), found)) }
}

/// Makes one change within the transaction; one that fails is taken back by itself.
fn savepoint<T>(
    connection: &Connection,
    change: impl FnOnce(&Connection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    connection.prepare_cached("SAVEPOINT change")?.execute([])?;
    let made = change(connection);
    if made.is_err() {
        connection.prepare_cached("ROLLBACK TO change")?.execute([])?;
    }
    connection.prepare_cached("RELEASE change")?.execute([])?;
    made
}

fn enough(free: u64) -> Result<(), StoreError> {
    if free < MIN_FREE_BYTES { Err(StoreError::NearlyFull(free)) } else { Ok(()) }
}

/// Whether an error says that the disk does not take what is written.
fn is_of_disk(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{CannotOpen, DatabaseCorrupt, DiskFull, ReadOnly, SystemIoFailure};
    let of_disk = [CannotOpen, DatabaseCorrupt, DiskFull, ReadOnly, SystemIoFailure];
    error.sqlite_error_code().is_some_and(|code| of_disk.contains(&code))
}

fn write_all(
    connection: &Connection,
    waiting: &Receiver<Change>,
    commits: &Histogram,
    is_failing: &AtomicBool,
) {
    while let Ok(first) = waiting.recv() {
        let beginning = Instant::now();
        let begun = connection.execute_batch("BEGIN IMMEDIATE");
        let mut answers = Vec::new();
        let changes = std::iter::once(first).chain(waiting.try_iter()).take(MAX_BATCH);
        match begun {
            Ok(()) => {
                for change in changes {
                    // A disk that is full, for one, ends the whole transaction: nothing more may be changed outside of it.
                    if !connection.is_autocommit() {
                        answers.push(change(connection));
                    }
                }
            }
            // Outside of a transaction nothing is changed; who waits learns that nobody answers.
            Err(error) => {
                is_failing.store(true, Ordering::Relaxed);
                changes.for_each(drop);
                eprintln!("ez: the database cannot be written: {error}");
                continue;
            }
        }
        let committed = connection.execute_batch("COMMIT");
        metrics::note(commits, beginning.elapsed());
        if committed.is_err() && !connection.is_autocommit() {
            // What cannot be committed is taken back, so that the next transaction can begin.
            let _ = connection.execute_batch("ROLLBACK");
        }
        for answer in answers {
            let outcome = committed.as_ref().copied().map_err(copy_of);
            answer(outcome.map_err(StoreError::Sqlite));
        }
    }
}

/// The error once more, for each of those whom it concerns.
fn copy_of(error: &rusqlite::Error) -> rusqlite::Error {
    match error {
        rusqlite::Error::SqliteFailure(code, text) => rusqlite::Error::SqliteFailure(*code, text.clone()),
        other => rusqlite::Error::SqliteFailure(
            rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_ERROR),
            Some(other.to_string()),
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{MIN_FREE_BYTES, Store, StoreError, enough};

    fn count(store: &Store) -> impl Future<Output = i64> {
        let store = store.clone();
        async move {
            store
                .read(|connection| {
                    Ok(connection.query_row("SELECT count(*) FROM nodes", [], |row| row.get(0))?)
                })
                .await
                .unwrap()
        }
    }

    fn insert(connection: &rusqlite::Connection, name: &str) -> Result<(), StoreError> {
        connection.execute(
            "INSERT INTO nodes (instance, name, tags, slots, registered) VALUES (?1, ?1, '[]', 1, 0)",
            [name],
        )?;
        Ok(())
    }

    #[tokio::test]
    async fn a_change_that_fails_takes_no_other_with_it() {
        let place = tempfile::tempdir().unwrap();
        let store = Store::open(&place.path().join("ez.db")).unwrap();
        let changes: Vec<_> = (0..20)
            .map(|number| {
                store.write(move |connection| {
                    insert(connection, &format!("node-{number}"))?;
                    // Every third inserts a name that is there.
                    if number % 3 == 0 { insert(connection, &format!("node-{number}")) } else { Ok(()) }
                })
            })
            .collect();
        let mut failed = 0;
        for change in changes {
            failed += usize::from(change.await.is_err());
        }
        assert_eq!((failed, count(&store).await), (7, 13));
    }

    #[tokio::test]
    async fn what_was_answered_is_there_after_the_next_opening() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("ez.db");
        let store = Store::open(&path).unwrap();
        store.write(|connection| insert(connection, "a")).await.unwrap();
        store.backup(place.path().join("copy.db")).await.unwrap();
        store.write(|connection| insert(connection, "b")).await.unwrap();
        drop(store);
        assert_eq!(count(&Store::open(&path).unwrap()).await, 2);
        assert_eq!(count(&Store::open(&place.path().join("copy.db")).unwrap()).await, 1);
    }

    #[test]
    fn a_disk_has_to_have_room() {
        assert!(enough(MIN_FREE_BYTES).is_ok());
        let told = enough(MIN_FREE_BYTES - 1).unwrap_err().to_string();
        assert_eq!(
            told,
            "only 33554431 bytes are free on the disk of the database, and 33554432 have to be: make room"
        );
    }

    #[tokio::test]
    async fn a_broken_file_is_refused() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("ez.db");
        std::fs::write(&path, "not a database, however long this text may be".repeat(100)).unwrap();
        let told = Store::open(&path).err().unwrap().to_string();
        let expected = format!(
            "the database {} is broken: file is not a database; put a backup in its place",
            path.display()
        );
        assert_eq!(told, expected);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn many_write_at_once() {
        let place = tempfile::tempdir().unwrap();
        let store = Arc::new(Store::open(&place.path().join("ez.db")).unwrap());
        let tasks: Vec<_> = (0..200)
            .map(|number| {
                let store = Arc::clone(&store);
                tokio::spawn(async move {
                    store.write(move |connection| insert(connection, &format!("n{number}"))).await
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap().unwrap();
        }
        assert_eq!(count(&store).await, 200);
    }
}
