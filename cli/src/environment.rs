//! What surrounds the process: environment variables and the working directory, taken once, so that the rest of the
//! program can be tested without touching the process.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};

use crate::args::go_values;
use crate::paths;

/// Prefix of go-task's own environment variables.
const TASK_PREFIX: &str = "TASK_";

/// A snapshot of the process's surroundings.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    variables: BTreeMap<String, String>,
    added: Vec<(String, String)>,
    /// The directory in which the program was started, absolute; as the shell names it where `PWD` is right.
    pub working_directory: Utf8PathBuf,
    /// Whether standard output is a terminal.
    pub stdout_is_terminal: bool,
    /// How the program was called.
    pub program: String,
}

/// The working directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WorkingDirectoryError {
    /// It does not exist any more, or may not be read.
    #[error("cannot find the working directory: {0}")]
    Missing(#[from] std::io::Error),
    /// Its path is not UTF-8.
    #[error("the path of the working directory is not UTF-8: {0}")]
    NotUtf8(String),
}

impl Environment {
    /// Takes the surroundings of this process. Variables that are not UTF-8 are left out: none of EZ's own is.
    pub fn of_process(program: &str) -> Result<Self, WorkingDirectoryError> {
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Ok(Self {
            variables,
            added: Vec::new(),
            working_directory: working_directory()?,
            stdout_is_terminal: std::io::IsTerminal::is_terminal(&std::io::stdout()),
            program: program.to_owned(),
        })
    }

    /// Surroundings for tests.
    #[cfg(test)]
    pub fn for_test(working_directory: impl Into<Utf8PathBuf>, variables: &[(&str, &str)]) -> Self {
        Self {
            variables: variables.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect(),
            added: Vec::new(),
            working_directory: working_directory.into(),
            stdout_is_terminal: false,
            program: "task".to_owned(),
        }
    }

    /// A variable; empty ones count as unset.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The variable `TASK_<name>`; empty ones count as unset.
    pub fn task(&self, name: &str) -> Option<&str> {
        self.get(&format!("{TASK_PREFIX}{name}"))
    }

    /// Whether a variable holds one of Go's words for true.
    pub fn is_true(&self, name: &str) -> bool {
        self.get(name).and_then(go_values::parse_bool).unwrap_or(false)
    }

    /// Whether there is a variable, be it empty.
    pub fn has(&self, name: &str) -> bool {
        self.variables.contains_key(name)
    }

    /// Sets a variable for this run and the processes it starts.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        let (name, value) = (name.into(), value.into());
        self.variables.insert(name.clone(), value.clone());
        self.added.push((name, value));
    }

    /// The environment for the processes that are started.
    pub fn for_processes(&self) -> ez_runner::process::Environment {
        let mut environment = ez_runner::process::Environment::of_this_process();
        for (name, value) in &self.added {
            environment.set(name, value);
        }
        environment
    }

    /// The user's home directory.
    pub fn home(&self) -> Option<&Utf8Path> {
        self.get(if cfg!(windows) { "USERPROFILE" } else { "HOME" }).map(Utf8Path::new)
    }

    /// A path made absolute and normal.
    pub fn absolute(&self, path: impl AsRef<Utf8Path>) -> Utf8PathBuf {
        paths::absolute(&self.working_directory, path.as_ref())
    }
}

/// The working directory under the name that the shell gives it in `PWD`, where that is the same directory.
fn working_directory() -> Result<Utf8PathBuf, WorkingDirectoryError> {
    if let Ok(named) = std::env::var("PWD") {
        let named = Utf8PathBuf::from(named);
        if named.is_absolute() && paths::is_same_file(&named, Utf8Path::new(".")) {
            return Ok(named);
        }
    }
    Utf8PathBuf::from_path_buf(std::env::current_dir()?)
        .map_err(|path| WorkingDirectoryError::NotUtf8(path.display().to_string()))
}
