//! What the project has: asked of `ez` itself, in a process of its own, so that no project can hold up or end the server.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use ez_runner::runtime_data;
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::{Instant, timeout};

use crate::agent::running_job::SECRETS;

/// For how long an answer counts. A job is checked again where it runs.
const FRESH_FOR: Duration = Duration::from_secs(1);

/// How long `ez` may take.
const LIMIT: Duration = Duration::from_secs(30);

/// Where texts are checked before they get their place, below the root.
const DRAFTS: &str = ".ez/drafts";

/// Where the plans of a project are.
pub const PLANS: &str = "plans";

/// The longest explanation that is passed on.
const MAX_EXPLANATION: usize = 16 * 1024;

/// Why the project does not tell.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CatalogError {
    /// It is wrong; what `ez` says of it.
    #[error("the project cannot be read: {0}")]
    Refused(String),
    /// A text has errors: the diagnostics.
    #[error("the text has errors")]
    Wrong(Vec<Value>),
    /// `ez` does not end.
    #[error("the project cannot be read in {} s", LIMIT.as_secs())]
    Slow,
}

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `ez list --all --json --no-status`
    Tasks,
    /// `ez plan list --json`
    Plans,
    /// `ez template list --json`
    Templates,
}

impl Kind {
    fn args(self) -> &'static [&'static str] {
        match self {
            Self::Tasks => &["list", "--all", "--json", "--no-status"],
            Self::Plans => &["plan", "list", "--json"],
            Self::Templates => &["template", "list", "--json"],
        }
    }

    /// The member of the answer that has the list.
    pub fn member(self) -> &'static str {
        match self {
            Self::Tasks => "tasks",
            Self::Plans => "plans",
            Self::Templates => "templates",
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
    templates: Kept,
    /// Held by whoever changes the project, so that changes come one after the other.
    changes: Mutex<()>,
}

impl Catalog {
    /// Of the project of a directory, by the program `ez`.
    pub fn new(program: PathBuf, root: PathBuf) -> Self {
        Self {
            program,
            root,
            tasks: Mutex::default(),
            plans: Mutex::default(),
            templates: Mutex::default(),
            changes: Mutex::default(),
        }
    }

    /// What there is, as `ez … --json` tells it.
    ///
    /// # Errors
    /// The project is wrong.
    pub async fn entries(&self, kind: Kind) -> Result<Arc<Vec<Value>>, CatalogError> {
        let kept = match kind {
            Kind::Tasks => &self.tasks,
            Kind::Plans => &self.plans,
            Kind::Templates => &self.templates,
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

    /// The root directory of the project.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What was changed is asked for again.
    pub async fn forget(&self, kind: Kind) {
        let kept = match kind {
            Kind::Tasks => &self.tasks,
            Kind::Plans => &self.plans,
            Kind::Templates => &self.templates,
        };
        *kept.lock().await = None;
    }

    /// The steps of a plan, as `ez plan show --json` tells them.
    ///
    /// # Errors
    /// The plan or the project is wrong.
    pub async fn plan(&self, name: &str) -> Result<Value, CatalogError> {
        answer(&self.run(&["plan", "show", "--json", name]).await?)
    }

    /// What is wrong with the text of a plan, which is not in its place yet: diagnostics as `ez check --format json` tells them, among which no error is.
    ///
    /// # Errors
    /// It has errors ([`CatalogError::Wrong`]), or cannot be checked.
    pub async fn check_plan(&self, name: &str, text: &str) -> Result<Vec<Value>, CatalogError> {
        let refused =
            |error: io::Error| CatalogError::Refused(format!("the text cannot be checked: {error}"));
        let drafts = self.root.join(DRAFTS);
        runtime_data::make_directory(&self.root, &drafts).map_err(refused)?;
        let draft = Draft(drafts.join(format!("{:032x}", chance().map_err(refused)?)));
        let path = draft.0.join(format!("{name}.yml"));
        fs::create_dir(&draft.0).and_then(|()| fs::write(&path, text)).map_err(refused)?;
        let shown = path.to_string_lossy().into_owned();
        let output = self.run(&["plan", "check", "--format", "json", &shown]).await?;
        drop(draft);
        let report = serde_json::from_slice::<Value>(&output.stdout).ok();
        let Some(Value::Array(mut found)) = report.map(|mut report| report["diagnostics"].take()) else {
            return Err(said(&output));
        };
        let relative = path.strip_prefix(&self.root).unwrap_or(&path).to_string_lossy().into_owned();
        let place = format!("{PLANS}/{name}.yml");
        for found in &mut found {
            rename_file(found, &[&shown, &relative], &place);
        }
        if output.status.success() { Ok(found) } else { Err(CatalogError::Wrong(found)) }
    }

    async fn run(&self, arguments: &[&str]) -> Result<Output, CatalogError> {
        self.run_with(arguments, String::new()).await
    }

    /// Has `ez` run with a standard input. The secrets of the server stay here.
    async fn run_with(&self, arguments: &[&str], input: String) -> Result<Output, CatalogError> {
        let refused = |error: io::Error| CatalogError::Refused(error.to_string());
        let mut command = Command::new(&self.program);
        for name in SECRETS {
            command.env_remove(name);
        }
        let mut child = command
            .args(arguments)
            .current_dir(&self.root)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(refused)?;
        let stdin = child.stdin.take();
        let told = async move {
            if let Some(mut stdin) = stdin {
                // Who does not listen says by its exit code what is wrong.
                let _ = stdin.write_all(input.as_bytes()).await;
            }
            child.wait_with_output().await
        };
        timeout(LIMIT, told).await.map_err(|_| CatalogError::Slow)?.map_err(refused)
    }

    /// Everything is asked for again.
    pub async fn forget_all(&self) {
        for kept in [&self.tasks, &self.plans, &self.templates] {
            *kept.lock().await = None;
        }
    }

    /// Asks something about the definition of a task; see `ez`'s `__definition`.
    ///
    /// # Errors
    /// `ez` does not answer.
    pub async fn definition(&self, question: &Value) -> Result<Value, CatalogError> {
        answer(&self.run_with(&["__definition"], question.to_string()).await?)
    }

    /// Held while a file of the project is compared with what a change is meant for, checked and replaced.
    pub async fn changing(&self) -> MutexGuard<'_, ()> {
        self.changes.lock().await
    }

    /// The same for a question that changes the project.
    ///
    /// # Errors
    /// `ez` does not answer.
    pub async fn change_definition(&self, question: &Value) -> Result<Value, CatalogError> {
        let changing = self.changing().await;
        let answer = self.definition(question).await;
        drop(changing);
        self.forget_all().await;
        answer
    }

    /// Has `ez` change the project in another way.
    ///
    /// # Errors
    /// It refuses.
    pub async fn change(&self, args: &[&str]) -> Result<Value, CatalogError> {
        let changing = self.changing().await;
        let answer = self.run(args).await.and_then(|output| answer(&output));
        drop(changing);
        self.forget_all().await;
        answer
    }

    async fn ask(&self, kind: Kind) -> Result<Vec<Value>, CatalogError> {
        let answer = answer(&self.run(kind.args()).await?)?;
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

/// A text that is checked before it gets its place. It is removed when this ends.
struct Draft(PathBuf);

impl Drop for Draft {
    fn drop(&mut self) {
        // What stays is no part of the project.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn chance() -> io::Result<u128> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(u128::from_le_bytes(bytes))
}

/// What `ez` says of why it does not do something.
fn said(output: &Output) -> CatalogError {
    let said = String::from_utf8_lossy(&output.stderr);
    CatalogError::Refused(said.trim().chars().take(MAX_EXPLANATION).collect())
}

fn answer(output: &Output) -> Result<Value, CatalogError> {
    if !output.status.success() {
        return Err(said(output));
    }
    serde_json::from_slice(&output.stdout)
        .map_err(|error| CatalogError::Refused(format!("its answer is no JSON: {error}")))
}

/// Names the place that a text is meant for, where a diagnostic names that of the draft.
fn rename_file(value: &mut Value, drafts: &[&str], place: &str) {
    match value {
        Value::String(text) if drafts.contains(&text.as_str()) => place.clone_into(text),
        Value::Array(items) => items.iter_mut().for_each(|item| rename_file(item, drafts, place)),
        Value::Object(fields) => fields.values_mut().for_each(|field| rename_file(field, drafts, place)),
        _ => {}
    }
}
