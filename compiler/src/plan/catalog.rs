//! The tasks that steps can run.

use std::sync::Arc;

use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use crate::ast::{Artifact, Param};
use crate::check::{CheckMemo, Facts};
use crate::folder;
use crate::ir::plan::TaskKind;
use crate::ir::{Program, Resolution, Task, TaskId};
use crate::template::Host;

/// All tasks by the names that steps call them: inline tasks, with or without namespace, and folder tasks.
pub struct TaskCatalog<'p> {
    program: &'p Program,
    host: &'p dyn Host,
    /// What is known of the project's tasks, where it was checked.
    memo: Option<&'p CheckMemo>,
    /// Programs of folder tasks by the folder's name; `None` where one could not be read.
    folders: FxHashMap<SmolStr, Option<Arc<Program>>>,
    is_partial: bool,
}

/// A task that a step runs.
#[derive(Clone, Copy, Debug)]
pub struct CatalogTask<'c> {
    /// What it is.
    pub kind: TaskKind,
    /// The program that it belongs to: the project's, or the folder's own.
    pub program: &'c Program,
    /// Its place there.
    pub id: TaskId,
}

/// What a name stands for.
#[derive(Clone, Debug)]
pub enum Found<'c> {
    /// One task.
    Task(CatalogTask<'c>),
    /// An alias of several tasks: their names.
    Ambiguous(Vec<SmolStr>),
    /// Perhaps a task: what would define it could not be read.
    Unreadable,
    /// No task.
    Unknown,
}

impl<'p> TaskCatalog<'p> {
    /// The inline tasks of a project. Where not all of its files could be read, unknown names are not told of.
    pub fn new(program: &'p Program, host: &'p dyn Host, is_partial: bool) -> Self {
        Self { program, host, memo: None, folders: FxHashMap::default(), is_partial }
    }

    /// Adds a folder task with the tasks in it; without a program nothing is known of them.
    pub fn add_folder(&mut self, name: impl Into<SmolStr>, program: Option<Arc<Program>>) {
        self.folders.insert(name.into(), program);
    }

    /// Adds what is known of the project's tasks.
    #[must_use]
    pub fn with_facts(self, memo: &'p CheckMemo) -> Self {
        Self { memo: Some(memo), ..self }
    }

    /// Whether a task, or a variable that all tasks have, may read a variable. True where that is not known.
    pub fn may_read(&self, task: &CatalogTask<'_>, variable: &str) -> bool {
        let facts = self.memo.and_then(|memo| Some((memo, memo.facts_of_task(&task.task().definition)?)));
        let Some((memo, facts)) = facts else { return true };
        let reads = |facts: &Facts| facts.everything || facts.mentions.contains(variable);
        reads(facts) || memo.facts_of_files().any(reads)
    }

    /// Whether the environment has a variable.
    pub fn has_environment(&self, name: &str) -> bool {
        self.host.environment(name).is_some()
    }

    /// What a name stands for.
    pub fn find(&self, name: &str) -> Found<'_> {
        match self.program.resolve(name) {
            Resolution::Task(id, _) => {
                return Found::Task(CatalogTask { kind: TaskKind::Inline, program: self.program, id });
            }
            Resolution::Ambiguous(ids) => {
                return Found::Ambiguous(ids.iter().map(|id| self.program.task(*id).name.clone()).collect());
            }
            Resolution::Unknown => {}
        }
        let (folder, task) = folder::split_name(name);
        match self.folders.get(folder) {
            Some(Some(program)) => match program.resolve(task) {
                Resolution::Task(id, _) => Found::Task(CatalogTask { kind: TaskKind::Folder, program, id }),
                Resolution::Ambiguous(ids) => Found::Ambiguous(
                    ids.iter().map(|id| folder::qualified(folder, &program.task(*id).name)).collect(),
                ),
                Resolution::Unknown => Found::Unknown,
            },
            Some(None) => Found::Unreadable,
            None if self.is_partial => Found::Unreadable,
            None => Found::Unknown,
        }
    }

    /// All names, without those that have stars.
    pub fn names(&self) -> Vec<SmolStr> {
        let own = |program: &'_ Program| -> Vec<SmolStr> {
            let plain = program.tasks.iter().filter(|task| !task.is_wildcard());
            plain.flat_map(|task| std::iter::once(&task.name).chain(&task.aliases)).cloned().collect()
        };
        let mut names = own(self.program);
        for (folder, program) in &self.folders {
            names.extend(
                program.iter().flat_map(|program| own(program)).map(|task| folder::qualified(folder, &task)),
            );
        }
        names.sort_unstable();
        names
    }
}

impl<'c> CatalogTask<'c> {
    /// The task.
    pub fn task(&self) -> &'c Task {
        self.program.task(self.id)
    }

    /// The params that it asks for.
    pub fn params(&self) -> &'c [Param] {
        self.task().superset.as_deref().map_or(&[], |superset| &superset.params)
    }

    /// The artifacts that it makes by itself.
    pub fn artifacts(&self) -> &'c [Artifact] {
        self.task().superset.as_deref().map_or(&[], |superset| &superset.artifacts)
    }
}
