//! What a run in a workspace was asked for, kept beside it, so that it can be asked for again.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::runtime_data;

/// The version of the format.
pub const VERSION: u32 = 1;
/// The file, in a workspace.
const FILE: &str = ".ez/run.json";
/// Most bytes of a file that are read.
const MAX_SIZE: u64 = 16 << 20;

/// What a run was asked for, and how it ended. No secret is in it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RunContext {
    /// The version of the format, [`VERSION`].
    pub version: u32,
    /// The name of the workspace.
    pub workspace: String,
    /// The folder task whose own workspace it is; empty for a workspace with a name of its own.
    #[serde(default)]
    pub folder: String,
    /// The Taskfile of the project, relative to its root directory.
    pub taskfile: String,
    /// The tasks as typed.
    pub tasks: Vec<String>,
    /// The variables of the command line, in order.
    #[serde(default)]
    pub variables: Vec<Given>,
    /// Values of params that the environment or the user gave.
    #[serde(default)]
    pub params: Vec<Given>,
    /// What stood behind `--`.
    #[serde(default)]
    pub arguments: Vec<String>,
    /// Names of what had a value that is not kept because it is a secret.
    #[serde(default)]
    pub withheld: Vec<String>,
    /// When it began; RFC 3339.
    pub started: String,
    /// The exit code; none while it runs and after it was killed.
    pub exit: Option<u8>,
    /// How long it took.
    pub seconds: Option<f64>,
}

/// A name with its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given {
    /// The name of the variable.
    pub name: String,
    /// Its value, as it was given.
    pub value: String,
}

/// Why a saved run cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum ContextError {
    /// The file cannot be read.
    #[error("cannot read {}: {error}", path.display())]
    Disk {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// It is no saved run.
    #[error("{} is no saved run: {problem}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// A later version of EZ saved it.
    #[error("{} is of version {version}; this program knows version {VERSION}", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: u32,
    },
}

impl RunContext {
    /// What was saved in a workspace; `None` where nothing was.
    ///
    /// # Errors
    /// The file cannot be read or understood.
    pub fn read(workspace: &Path) -> Result<Option<Self>, ContextError> {
        let path = workspace.join(FILE);
        let mut bytes = Vec::new();
        let read = fs::File::open(&path).and_then(|file| file.take(MAX_SIZE).read_to_end(&mut bytes));
        match read {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(ContextError::Disk { path, error }),
            Ok(_) => {}
        }
        let context: Self = serde_json::from_slice(&bytes)
            .map_err(|error| ContextError::Format { path: path.clone(), problem: error.to_string() })?;
        if context.version != VERSION {
            return Err(ContextError::Version { path, version: context.version });
        }
        Ok(Some(context))
    }

    /// Saves it in a workspace, in place of what was saved before.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, workspace: &Path) -> io::Result<()> {
        let path = workspace.join(FILE);
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory)?;
        }
        let mut text = serde_json::to_vec_pretty(self)?;
        text.push(b'\n');
        runtime_data::write_whole(&path, &text)
    }

    /// Saves how the run ended, unless another run has begun in the workspace meanwhile.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn finish(&mut self, workspace: &Path, exit: u8, seconds: f64) -> io::Result<()> {
        let is_ours = |saved: &Self| saved.started == self.started && saved.tasks == self.tasks;
        if !Self::read(workspace).is_ok_and(|saved| saved.as_ref().is_some_and(is_ours)) {
            return Ok(());
        }
        self.exit = Some(exit);
        self.seconds = Some(seconds);
        self.write(workspace)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(started: &str) -> RunContext {
        RunContext {
            version: VERSION,
            workspace: "fw".into(),
            tasks: vec!["fw".into()],
            variables: vec![Given { name: "X".into(), value: "{{.Y}} \"ü\"\n".into() }],
            started: started.into(),
            ..RunContext::default()
        }
    }

    #[test]
    fn what_is_saved_is_read() {
        let place = tempfile::tempdir().unwrap();
        assert!(RunContext::read(place.path()).unwrap().is_none());
        let mut saved = context("1");
        saved.write(place.path()).unwrap();
        assert_eq!(RunContext::read(place.path()).unwrap(), Some(saved.clone()));
        saved.finish(place.path(), 7, 0.5).unwrap();
        let read = RunContext::read(place.path()).unwrap().unwrap();
        assert_eq!((read.exit, read.seconds), (Some(7), Some(0.5)));
        context("2").write(place.path()).unwrap();
        saved.finish(place.path(), 0, 0.5).unwrap();
        assert_eq!(RunContext::read(place.path()).unwrap(), Some(context("2")));
    }

    #[test]
    fn what_cannot_be_understood_is_refused() {
        let place = tempfile::tempdir().unwrap();
        RunContext { version: 2, ..context("1") }.write(place.path()).unwrap();
        assert!(matches!(RunContext::read(place.path()), Err(ContextError::Version { version: 2, .. })));
        fs::write(place.path().join(FILE), "{").unwrap();
        assert!(matches!(RunContext::read(place.path()), Err(ContextError::Format { .. })));
    }
}
