//! What surrounds the process: environment variables and the working directory, taken once, so that the rest of the
//! program can be tested without touching the process.

use std::collections::BTreeMap;
use std::ffi::OsStr;

use camino::{Utf8Path, Utf8PathBuf};
use ez_runner::signal::Stop;
use ez_server::agent::running_job::TaskRun;

use crate::args::go_values;
use crate::paths;

/// Prefix of go-task's own environment variables.
const TASK_PREFIX: &str = "TASK_";

/// A snapshot of what surrounds a run: of the process, or of a job in a watcher.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// Those that are UTF-8; all of EZ's own are.
    variables: BTreeMap<String, String>,
    processes: ez_runner::process::Environment,
    /// The directory in which the program was started, absolute; as the shell names it where `PWD` is right.
    pub working_directory: Utf8PathBuf,
    /// Whether standard output is a terminal.
    pub stdout_is_terminal: bool,
    /// How the program was called.
    pub program: String,
    /// With what arguments.
    pub arguments: Vec<String>,
    /// A request to stop from outside of the run.
    pub stop: Stop,
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
    /// Takes the surroundings of this process.
    ///
    /// # Errors
    /// The working directory cannot be used.
    pub fn of_process(program: &str, arguments: &[String]) -> Result<Self, WorkingDirectoryError> {
        let processes = ez_runner::process::Environment::of_this_process();
        let working_directory = working_directory(named_by_shell(&processes))?;
        Ok(Self::new(processes, working_directory, program, arguments))
    }

    /// The surroundings of a job that takes place in this process, whose working directory is that of the job.
    ///
    /// # Errors
    /// The working directory cannot be used.
    pub fn of_task_run(run: &TaskRun) -> Result<Self, WorkingDirectoryError> {
        let mut processes = ez_runner::process::Environment::of_this_process();
        for name in run.withheld {
            processes.remove(name);
        }
        for (name, value) in &run.environment {
            processes.set(name, value);
        }
        let working_directory = working_directory(named_by_shell(&processes))?;
        let program = run.program.to_string_lossy();
        Ok(Self { stop: run.stop.clone(), ..Self::new(processes, working_directory, &program, &run.args) })
    }

    fn new(
        processes: ez_runner::process::Environment,
        working_directory: Utf8PathBuf,
        program: &str,
        arguments: &[String],
    ) -> Self {
        let text = |(name, value): (&OsStr, &OsStr)| Some((name.to_str()?.into(), value.to_str()?.into()));
        Self {
            variables: processes.iter().filter_map(text).collect(),
            processes,
            working_directory,
            stdout_is_terminal: std::io::IsTerminal::is_terminal(&std::io::stdout()),
            program: program.to_owned(),
            arguments: arguments.to_vec(),
            stop: Stop::new(),
        }
    }

    /// Surroundings for tests.
    #[cfg(test)]
    pub fn for_test(working_directory: impl Into<Utf8PathBuf>, variables: &[(&str, &str)]) -> Self {
        Self {
            variables: variables.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect(),
            working_directory: working_directory.into(),
            program: "task".to_owned(),
            ..Self::default()
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
        self.processes.set(name, value);
    }

    /// The environment for the processes that are started.
    pub fn for_processes(&self) -> ez_runner::process::Environment {
        self.processes.clone()
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

/// What the shell calls the working directory.
fn named_by_shell(processes: &ez_runner::process::Environment) -> Option<&str> {
    processes.get("PWD").and_then(OsStr::to_str)
}

/// The working directory under the name that the shell gives it, where that is the same directory.
fn working_directory(named: Option<&str>) -> Result<Utf8PathBuf, WorkingDirectoryError> {
    if let Some(named) = named.map(Utf8Path::new)
        && named.is_absolute()
        && paths::is_same_file(named, Utf8Path::new("."))
    {
        return Ok(named.to_owned());
    }
    Utf8PathBuf::from_path_buf(std::env::current_dir()?)
        .map_err(|path| WorkingDirectoryError::NotUtf8(path.display().to_string()))
}
