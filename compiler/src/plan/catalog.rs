//! The tasks that steps can run.

use std::cell::OnceCell;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};
use smol_str::SmolStr;

use crate::ast::{Artifact, Param, Superset};
use crate::check::{CheckMemo, Facts};
use crate::folder;
use crate::ir::plan::TaskKind;
use crate::ir::{GlobalVariables, Program, Resolution, Task, TaskId};
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
    names: OnceCell<Arc<[SmolStr]>>,
    globals: OnceCell<Arc<Globals>>,
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

/// What a plan was told of tasks when it was linked: as long as a catalog gives the same answers, it is linked the same.
#[derive(Clone, Debug, Default)]
pub struct Answers {
    tasks: Vec<(SmolStr, Answer)>,
    names: Option<Arc<[SmolStr]>>,
    globals: Option<Arc<Globals>>,
}

/// [`Found`], without the program.
#[derive(Clone, Debug)]
enum Answer {
    /// With what is true of all tasks of its folder.
    Task(TaskKind, Box<Task>, Option<Arc<Globals>>),
    Ambiguous(Vec<SmolStr>),
    Unreadable,
    Unknown,
}

/// What a program says of all its tasks, as far as it matters to a plan.
#[derive(Debug, PartialEq)]
struct Globals {
    variables: Vec<SmolStr>,
    has_dotenv: bool,
    run: Option<SmolStr>,
    /// What its files read; `None` where that is not known.
    reads: Option<(bool, FxHashSet<SmolStr>)>,
}

impl Globals {
    fn of(program: &Program, memo: Option<&CheckMemo>) -> Self {
        let reads = memo.map(|memo| {
            let everything = memo.facts_of_files().any(|facts| facts.everything);
            (everything, memo.facts_of_files().flat_map(|facts| &facts.mentions).cloned().collect())
        });
        Self {
            variables: program.vars.keys().chain(program.env.keys()).cloned().collect(),
            has_dotenv: !program.dotenv.is_empty(),
            run: program.run.as_ref().map(|run| run.value.clone()),
            reads,
        }
    }
}

impl Answer {
    fn of(found: &Found<'_>) -> Self {
        match found {
            Found::Task(task) => {
                let is_folder = task.kind == TaskKind::Folder;
                let globals = is_folder.then(|| Arc::new(Globals::of(task.program, None)));
                Self::Task(task.kind, Box::new(task.task().clone()), globals)
            }
            Found::Ambiguous(names) => Self::Ambiguous(names.clone()),
            Found::Unreadable => Self::Unreadable,
            Found::Unknown => Self::Unknown,
        }
    }

    fn is(&self, found: &Found<'_>) -> bool {
        match (self, found) {
            (Self::Task(kind, task, globals), Found::Task(found)) => {
                *kind == found.kind
                    && is_same(task, found.task())
                    && globals.as_ref().is_none_or(|globals| **globals == Globals::of(found.program, None))
            }
            (Self::Ambiguous(names), Found::Ambiguous(others)) => names == others,
            (Self::Unreadable, Found::Unreadable) | (Self::Unknown, Found::Unknown) => true,
            _ => false,
        }
    }
}

/// Whether two tasks are the same as far as a plan is concerned. Most are the same object; those with `ez-*` fields are made
/// anew each time.
fn is_same(one: &Task, other: &Task) -> bool {
    let names = |vars: &Option<Arc<GlobalVariables>>| {
        vars.as_ref().map(|vars| vars.keys().cloned().collect::<Vec<SmolStr>>())
    };
    (Arc::ptr_eq(&one.definition, &other.definition) || one.definition == other.definition)
        && one.superset == other.superset
        && one.name == other.name
        && one.dir == other.dir
        && one.include_vars == other.include_vars
        && names(&one.including_vars) == names(&other.including_vars)
}

impl Answers {
    /// What is asked of a catalog from now on.
    pub fn of(catalog: &TaskCatalog<'_>) -> Self {
        Self { globals: Some(catalog.globals()), ..Self::default() }
    }

    /// Asks what a name stands for.
    pub fn find<'c>(&mut self, name: &SmolStr, catalog: &'c TaskCatalog<'_>) -> Found<'c> {
        let found = catalog.find(name);
        self.tasks.push((name.clone(), Answer::of(&found)));
        found
    }

    /// Asks for all names.
    pub fn names(&mut self, catalog: &TaskCatalog<'_>) -> Arc<[SmolStr]> {
        Arc::clone(self.names.insert(catalog.names()))
    }

    /// Whether a catalog gives the same answers.
    pub fn hold(&self, catalog: &TaskCatalog<'_>) -> bool {
        self.globals.as_ref().is_none_or(|globals| *globals == catalog.globals())
            && self.names.as_ref().is_none_or(|names| *names == catalog.names())
            && self.tasks.iter().all(|(name, answer)| answer.is(&catalog.find(name)))
    }
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
        let (names, globals) = (OnceCell::new(), OnceCell::new());
        Self { program, host, memo: None, folders: FxHashMap::default(), is_partial, names, globals }
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
                return Found::task(TaskKind::Inline, self.program, id);
            }
            Resolution::Ambiguous(ids) => {
                return Found::Ambiguous(ids.iter().map(|id| self.program.task(*id).name.clone()).collect());
            }
            Resolution::Unknown => {}
        }
        let (folder, task) = folder::split_name(name);
        match self.folders.get(folder) {
            Some(Some(program)) => match program.resolve(task) {
                Resolution::Task(id, _) => Found::task(TaskKind::Folder, program, id),
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

    /// All names, without those that have stars, sorted.
    pub fn names(&self) -> Arc<[SmolStr]> {
        Arc::clone(self.names.get_or_init(|| self.all_names().into()))
    }

    fn globals(&self) -> Arc<Globals> {
        Arc::clone(self.globals.get_or_init(|| Arc::new(Globals::of(self.program, self.memo))))
    }

    fn all_names(&self) -> Vec<SmolStr> {
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

impl<'c> Found<'c> {
    fn task(kind: TaskKind, program: &'c Program, id: TaskId) -> Self {
        Self::Task(CatalogTask { kind, program, id })
    }
}

/// What a plan is told of a task: what it looks at belongs into [`is_same`] and [`Globals`].
impl<'c> CatalogTask<'c> {
    /// The task.
    pub fn task(&self) -> &'c Task {
        self.program.task(self.id)
    }

    fn superset(&self) -> Option<&'c Superset> {
        self.task().superset.as_deref()
    }

    /// The params that it asks for.
    pub fn params(&self) -> &'c [Param] {
        self.superset().map_or(&[], |superset| &superset.params)
    }

    /// The artifacts that it makes by itself.
    pub fn artifacts(&self) -> &'c [Artifact] {
        self.superset().map_or(&[], |superset| &superset.artifacts)
    }
}
