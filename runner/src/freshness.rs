//! Whether a task's files are as they were when it last ran.

use ez_compiler::ir::{Program, Task};
use ez_compiler::template::Value;
use smol_str::SmolStr;

use crate::error::RunError;
use crate::options::Options;
use crate::process::Environment;
use crate::render::RenderedGlob;

/// How files are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// By content.
    Checksum,
    /// By time.
    Timestamp,
    /// Not at all.
    None,
}

/// What is compared.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The task's label or full name.
    pub name: &'a str,
    /// Where globs start.
    pub dir: &'a str,
    /// `sources`
    pub sources: &'a [RenderedGlob],
    /// `generates`
    pub generates: &'a [RenderedGlob],
    /// `method`; empty for the Taskfile's.
    pub method: &'a str,
    /// Whether files that git ignores are left out.
    pub use_gitignore: bool,
}

/// Fingerprints of one program.
pub struct Freshness {
    method: SmolStr,
}

impl Freshness {
    /// Fingerprints under the directory that the options name.
    pub fn new(program: &Program, _options: &Options, _environment: &Environment) -> Result<Self, RunError> {
        let method =
            program.method.as_ref().map(|method| method.value.clone()).filter(|method| !method.is_empty());
        Ok(Self { method: method.unwrap_or_else(|| "checksum".into()) })
    }

    /// The method of a task; `None` where its name is unknown.
    pub fn method(&self, of_task: &str) -> Option<Method> {
        match if of_task.is_empty() { self.method.as_str() } else { of_task } {
            "checksum" => Some(Method::Checksum),
            "timestamp" => Some(Method::Timestamp),
            "none" => Some(Method::None),
            _ => None,
        }
    }

    /// The method of a task is known.
    pub fn check_method(&self, of_task: &str) -> Result<(), RunError> {
        let name = if of_task.is_empty() { self.method.as_str() } else { of_task };
        match self.method(of_task) {
            Some(_) => Ok(()),
            None => Err(RunError::other(format!("task: invalid method \"{name}\""))),
        }
    }

    /// The value of `CHECKSUM` or `TIMESTAMP`; `None` where the method is unknown.
    pub fn value(&self, _subject: &Subject<'_>) -> Result<Option<Value>, RunError> {
        Ok(None)
    }

    /// Whether the sources are as they were; records how they are now.
    pub fn is_unchanged(&self, _subject: &Subject<'_>) -> Result<bool, RunError> {
        Ok(false)
    }

    /// The same for a list: with globs and directory as they were written.
    pub fn is_unchanged_as_written(
        &self,
        _task: &Task,
        _name: &SmolStr,
        _dir: &str,
    ) -> Result<bool, RunError> {
        Ok(false)
    }

    /// Forgets how the sources were, after a failure.
    pub fn forget(&self, _subject: &Subject<'_>) -> Result<(), RunError> {
        Ok(())
    }

    /// Files that globs match, absolute and sorted.
    pub fn files(
        &self,
        _dir: &str,
        _globs: &[RenderedGlob],
        _gitignore: bool,
    ) -> Result<Vec<String>, RunError> {
        Ok(Vec::new())
    }
}
