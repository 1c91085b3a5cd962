//! What the project has: asked of `ez` itself, in a process of its own, so that no project can hold up or end the server.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::process::Command;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

/// For how long an answer counts. A job is checked again where it runs.
const FRESH_FOR: Duration = Duration::from_secs(1);

/// How long `ez` may take.
const LIMIT: Duration = Duration::from_secs(30);

/// The longest explanation that is passed on.
const MAX_EXPLANATION: usize = 16 * 1024;

/// Why the project does not tell.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CatalogError {
    /// It is wrong; what `ez` says of it.
    #[error("the project cannot be read: {0}")]
    Refused(String),
    /// `ez` does not end.
    #[error("the project cannot be read in {} s", LIMIT.as_secs())]
    Slow,
}

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `ez list --all --json`
    Tasks,
    /// `ez plan list --json`
    Plans,
}

impl Kind {
    fn args(self) -> &'static [&'static str] {
        match self {
            Self::Tasks => &["list", "--all", "--json"],
            Self::Plans => &["plan", "list", "--json"],
        }
    }

    /// The member of the answer that has the list.
    pub fn member(self) -> &'static str {
        match self {
            Self::Tasks => "tasks",
            Self::Plans => "plans",
        }
    }
}

type Kept = Mutex<Option<(Instant, Arc<Vec<Value>>)>>;

/// The tasks and plans of a project.
#[derive(Debug)]
pub struct Catalog {
    program: PathBuf,
    root: PathBuf,
    tasks: Kept,
    plans: Kept,
}

impl Catalog {
    /// Of the project of a directory, by the program `ez`.
    pub fn new(program: PathBuf, root: PathBuf) -> Self {
        Self { program, root, tasks: Mutex::default(), plans: Mutex::default() }
    }

    /// What there is, as `ez … --json` tells it.
    ///
    /// # Errors
    /// The project is wrong.
    pub async fn entries(&self, kind: Kind) -> Result<Arc<Vec<Value>>, CatalogError> {
        let kept = match kind {
            Kind::Tasks => &self.tasks,
            Kind::Plans => &self.plans,
        };
        // Who comes meanwhile waits for the same answer.
        let mut kept = kept.lock().await;
        if let Some((_, entries)) = kept.as_ref().filter(|(when, _)| when.elapsed() < FRESH_FOR) {
            return Ok(Arc::clone(entries));
        }
        let entries = Arc::new(self.ask(kind).await?);
        *kept = Some((Instant::now(), Arc::clone(&entries)));
        Ok(entries)
    }

    /// The entry of a name, which may be an alias.
    ///
    /// # Errors
    /// The project is wrong.
    pub async fn find(&self, kind: Kind, name: &str) -> Result<Option<Value>, CatalogError> {
        let entries = self.entries(kind).await?;
        let is_it = |entry: &&Value| {
            let aliases = entry["aliases"].as_array().into_iter().flatten();
            entry["name"] == name || aliases.into_iter().any(|alias| alias == name)
        };
        Ok(entries.iter().find(is_it).cloned())
    }

    async fn ask(&self, kind: Kind) -> Result<Vec<Value>, CatalogError> {
        let child = Command::new(&self.program)
            .args(kind.args())
            .current_dir(&self.root)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output();
        let output = timeout(LIMIT, child).await.map_err(|_| CatalogError::Slow)?;
        let output = output.map_err(|error| CatalogError::Refused(error.to_string()))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(CatalogError::Refused(said.trim().chars().take(MAX_EXPLANATION).collect()));
        }
        let answer: Value = serde_json::from_slice(&output.stdout)
            .map_err(|error| CatalogError::Refused(format!("its answer is no JSON: {error}")))?;
        let entries = match answer {
            Value::Array(entries) => entries,
            mut answer => match answer[kind.member()].take() {
                Value::Array(entries) => entries,
                _ => Vec::new(),
            },
        };
        Ok(entries)
    }
}
