//! Whether a task's files are as they were when it last ran: globs and methods of tasks over the store of fingerprints.

use std::sync::Arc;
use std::time::SystemTime;

use ez_compiler::ir::{Program, Task};
use ez_compiler::template::time::{Time, TimeZone};
use ez_compiler::template::{Host, Value};
use smol_str::SmolStr;

use crate::error::RunError;
use crate::expansion;
use crate::fingerprint::{FingerprintError, Store, newest, state_directory};
use crate::glob::{Glob, expand_globs};
use crate::options::Options;
use crate::path;
use crate::process::{Environment, system_message};
use crate::render::RenderedGlob;
use crate::template_host::TemplateHost;

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
    /// The task's declared name.
    pub task: &'a str,
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
    environment: Arc<Environment>,
    store: Store,
}

impl Freshness {
    /// Fingerprints under the directory that the options name.
    pub fn new(program: &Program, options: &Options, environment: &Arc<Environment>) -> Self {
        let method =
            program.method.as_ref().map(|method| method.value.clone()).filter(|method| !method.is_empty());
        let home = environment.get("HOME").and_then(|home| home.to_str()).unwrap_or_default();
        let root = match program.dir.as_str() {
            "" => options.user_working_dir.as_str(),
            dir => dir,
        };
        let directory = state_directory(root, Some(&options.temp_dir), home);
        let mut store = Store::new(directory, options.dry);
        if let Some(memory) = &options.fingerprint_memory {
            store = store.with_memory(memory.as_str());
        }
        Self {
            method: method.unwrap_or_else(|| SmolStr::new_static("checksum")),
            environment: Arc::clone(environment),
            store,
        }
    }

    /// The method of a task.
    ///
    /// # Errors
    /// There is no such method.
    pub fn method(&self, of_task: &str) -> Result<Method, RunError> {
        match if of_task.is_empty() { self.method.as_str() } else { of_task } {
            "checksum" => Ok(Method::Checksum),
            "timestamp" => Ok(Method::Timestamp),
            "none" => Ok(Method::None),
            name => Err(RunError::other(format!("task: invalid method \"{name}\""))),
        }
    }

    /// The value of `CHECKSUM` or `TIMESTAMP`; `None` where the method has none.
    ///
    /// # Errors
    /// A source cannot be read.
    pub fn value(&self, subject: &Subject<'_>, host: &TemplateHost) -> Result<Option<Value>, RunError> {
        let sources = || self.files(subject.dir, subject.sources, subject.use_gitignore);
        let unreadable = |error: std::io::Error| RunError::other(format!("open: {}", system_message(&error)));
        Ok(match self.method(subject.method) {
            Ok(Method::Checksum) => {
                let checksum = self.store.checksum(subject.name, &sources()).map_err(unreadable)?;
                Some(Value::from(checksum))
            }
            Ok(Method::Timestamp) => {
                let changed = newest(&sources()).map_err(unreadable)?;
                Some(Value::Time(Arc::new(local_time(changed.unwrap_or(SystemTime::UNIX_EPOCH), host))))
            }
            // A wrong method is told where the task is checked: `--force` never gets there.
            Ok(Method::None) | Err(_) => None,
        })
    }

    /// Whether the sources are as they were; records how they are now.
    ///
    /// # Errors
    /// The method is unknown, or the record cannot be written.
    pub fn is_unchanged(&self, subject: &Subject<'_>) -> Result<bool, RunError> {
        let method = self.method(subject.method)?;
        if subject.sources.is_empty() || method == Method::None {
            return Ok(false);
        }
        let sources = self.files(subject.dir, subject.sources, subject.use_gitignore);
        let is_complete = || {
            let outputs = subject.generates.iter().filter(|glob| !glob.exclude);
            outputs.map(std::slice::from_ref).all(|glob| !self.files(subject.dir, glob, false).is_empty())
        };
        let unchanged = if method == Method::Checksum {
            self.store.is_unchanged_by_checksum(subject.name, &sources, is_complete)
        } else {
            let generates = self.files(subject.dir, subject.generates, subject.use_gitignore);
            self.store.is_unchanged_by_time(subject.task, &sources, &generates, is_complete())
        };
        unchanged.map_err(|error: FingerprintError| RunError::other(error.to_string()))
    }

    /// The same for a list: with globs and directory as they were written.
    ///
    /// # Errors
    /// Those of [`Self::is_unchanged`].
    pub fn is_unchanged_as_written(
        &self,
        task: &Task,
        name: &str,
        working_dir: &str,
        use_gitignore: bool,
    ) -> Result<bool, RunError> {
        let written = &task.definition;
        let method = written.method.as_ref().map_or("", |method| method.as_str());
        if written.sources.is_empty() {
            self.method(method)?;
            return Ok(false);
        }
        let as_written = |globs: &[ez_compiler::ast::Glob]| -> Vec<RenderedGlob> {
            let glob = |glob: &ez_compiler::ast::Glob| RenderedGlob {
                pattern: glob.pattern.value.clone(),
                exclude: glob.exclude,
            };
            globs.iter().map(glob).collect()
        };
        self.is_unchanged(&Subject {
            task: &task.name,
            name,
            dir: &path::smart_join(working_dir, &task.dir),
            sources: &as_written(&written.sources),
            generates: &as_written(&written.generates),
            method,
            use_gitignore: task.use_gitignore.unwrap_or(use_gitignore),
        })
    }

    /// Forgets how the sources were, after a failure.
    ///
    /// # Errors
    /// The method is unknown, or the record cannot be removed.
    pub fn forget(&self, subject: &Subject<'_>) -> Result<(), RunError> {
        match self.method(subject.method)? {
            Method::Checksum if !subject.sources.is_empty() => {
                self.store.forget(subject.name).map_err(|error| RunError::other(error.to_string()))
            }
            _ => Ok(()),
        }
    }

    /// Files that globs match, absolute and sorted.
    pub fn files(&self, dir: &str, globs: &[RenderedGlob], use_gitignore: bool) -> Vec<String> {
        let globs: Vec<Glob<'_>> =
            globs.iter().map(|glob| Glob { pattern: &glob.pattern, negate: glob.exclude }).collect();
        let variable = |name: &str| expansion::variable(name, &self.environment);
        expand_globs(dir, &globs, &variable, use_gitignore)
    }

    /// The store of fingerprints.
    pub fn store(&self) -> &Store {
        &self.store
    }
}

/// A time in the zone of this machine.
fn local_time(time: SystemTime, host: &TemplateHost) -> Time {
    let zone = host.time_zone("Local").unwrap_or_else(TimeZone::utc);
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Time::new(since.as_secs() as i64, since.subsec_nanos(), zone)
}
