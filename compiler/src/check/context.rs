//! What the rules of the whole project look up.

use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use rustc_hash::{FxBuildHasher, FxHashMap, FxHashSet};
use smol_str::SmolStr;

use super::calls::{Calls, TaskCall};
use super::facts::Facts;
use crate::ast::{self, Text, VariableValue};
use crate::file_system::FileSystem;
use crate::folder::FolderTask;
use crate::ir::{Program, Task, TaskId};
use crate::project::paths::{possible_files, smart_join};
use crate::project::{Loaded, Project};
use crate::source::SourceMap;
use crate::suggest;
use crate::template::{Host, Template, has_template};

/// How often one rule looks for the nearest name: each look goes over all names.
const MAX_SEARCHES: usize = 50;

/// Variables that go-task sets itself (`compiler.go`, `variables.go`, `task.go`).
pub const SPECIAL_VARIABLES: &[&str] = &[
    "CLI_ARGS",
    "CLI_ARGS_LIST",
    "CLI_FORCE",
    "CLI_SILENT",
    "CLI_VERBOSE",
    "CLI_OFFLINE",
    "CLI_ASSUME_YES",
    "TASK",
    "ALIAS",
    "TASK_EXE",
    "ROOT_TASKFILE",
    "ROOT_DIR",
    "TASKFILE",
    "TASKFILE_DIR",
    "TASK_DIR",
    "USER_WORKING_DIR",
    "TASK_VERSION",
    "PATH_LIST_SEPARATOR",
    "FILE_PATH_SEPARATOR",
    "CHECKSUM",
    "TIMESTAMP",
    "MATCH",
    "ITEM",
    "KEY",
    "EXIT_CODE",
];

/// A linked project with indexes.
pub struct Context<'a> {
    /// The project.
    pub project: &'a Project,
    /// What runs.
    pub program: &'a Program,
    /// The files.
    pub files: &'a dyn FileSystem,
    /// The folder task that the project is.
    pub folder: Option<&'a FolderTask>,
    /// What is known of each task, by its id.
    pub facts: Vec<Arc<Facts>>,
    /// What is known of each file, in loaded order.
    pub file_facts: Vec<Arc<Facts>>,
    /// The calls of all tasks.
    pub calls: Calls<'a>,
    /// Everything that defines a name for all tasks: globals, variables of includes and of calls.
    pub shared: FxHashMap<&'a str, Vec<&'a VariableValue>>,
    /// Names that any task requires.
    pub required: FxHashSet<&'a str>,
    /// What dotenv files set and read.
    pub dotenv: DotenvNames,
    /// Names that some template copes with when empty.
    pub guarded: FxHashSet<SmolStr>,
    /// The variables that are params of a task.
    pub params: FxHashSet<SmolStr>,
    /// What could not be read.
    pub missing: MissingIncludes<'a>,
    /// Whether the root file is meant to be included by another: it calls tasks of a namespace above its own.
    pub is_library: bool,
    is_own: Vec<bool>,
    /// Whether no task before it has the same facts.
    is_first: Vec<bool>,
    environment: FxHashSet<String>,
}

impl<'a> Context<'a> {
    /// Names that are mentioned outside of tasks, where everything may see them.
    pub fn mentioned_by_files(&self) -> FxHashSet<&SmolStr> {
        let files = self.file_facts.iter().flat_map(|facts| &facts.mentions);
        files.chain(&self.dotenv.mentioned).collect()
    }

    /// Builds the indexes.
    pub fn new(
        project: &'a Project,
        program: &'a Program,
        files: &'a dyn FileSystem,
        host: &'a dyn Host,
        folder: Option<&'a FolderTask>,
        facts: Vec<Arc<Facts>>,
        file_facts: Vec<Arc<Facts>>,
    ) -> Self {
        let calls = Calls::new(program);
        let OfFacts { guarded, is_first } = OfFacts::new(&facts, &file_facts);
        let mut shared: FxHashMap<&'a str, Vec<&'a VariableValue>> = FxHashMap::default();
        let mut define = |variables: &'a [ast::Variable]| {
            for variable in variables {
                shared.entry(variable.name.value.as_str()).or_default().push(&variable.value);
            }
        };
        for taskfile in project.loaded.files.iter().filter_map(|file| file.taskfile.as_ref()) {
            define(&taskfile.vars);
            define(&taskfile.env);
            taskfile.includes.iter().for_each(|include| define(&include.vars));
        }
        calls.all().iter().for_each(|call| define(call.vars));
        let required = program
            .tasks
            .iter()
            .flat_map(|t| &t.definition.requires)
            .map(|r| r.name.value.as_str())
            .collect();
        let dotenv = dotenv_names(project, program, files);
        let missing = MissingIncludes::new(&project.loaded);
        let is_library = program.ids().any(|id| {
            let of_root = program.task(id).namespaces.is_empty();
            of_root && calls.of(id).iter().any(|call| call.text.value.starts_with(':'))
        });
        let has_remote = project.loaded.files.iter().any(|file| is_remote(&file.path));
        let is_own = program.tasks.iter().map(|task| !has_remote || !is_remote(&task.taskfile)).collect();
        Self {
            project,
            program,
            files,
            folder,
            facts,
            file_facts,
            calls,
            shared,
            required,
            dotenv,
            guarded,
            params: super::unknown_param_variable::params_of(program),
            missing,
            is_library,
            is_own,
            is_first,
            environment: host.environment_names().into_iter().collect(),
        }
    }

    /// The texts.
    pub fn sources(&self) -> &'a SourceMap {
        &self.project.sources
    }

    /// All tasks that are written in files of this machine, by id.
    pub fn own_tasks(&self) -> impl Iterator<Item = (TaskId, &'a Task)> {
        let tasks = self.program.tasks.iter().zip(&self.is_own).enumerate();
        tasks.filter(|(_, (_, is_own))| **is_own).map(|(i, (task, _))| (TaskId(i as u32), task))
    }

    /// The same, of a file that is included several times only once.
    pub fn own_definitions(&self) -> impl Iterator<Item = (TaskId, &'a Task)> {
        self.own_tasks().filter(|(id, _)| self.is_first[id.0 as usize])
    }

    /// What is known of a task.
    pub fn facts(&self, id: TaskId) -> &Facts {
        &self.facts[id.0 as usize]
    }

    /// The calls of a task.
    pub fn calls(&self, id: TaskId) -> &[TaskCall<'a>] {
        self.calls.of(id)
    }

    /// Whether a name is defined for all tasks: by go-task, a file, a call, the environment or a requirement.
    pub fn is_defined(&self, name: &str) -> bool {
        self.shared.contains_key(name)
            || SPECIAL_VARIABLES.contains(&name)
            || self.required.contains(name)
            || self.dotenv.defined.contains(name)
            || self.is_in_environment(name)
    }

    /// Whether the environment has a variable.
    pub fn is_in_environment(&self, name: &str) -> bool {
        self.environment.contains(name)
    }

    /// Whether go-task sets a variable itself.
    #[expect(clippy::unused_self, reason = "reads like the other questions")]
    pub fn is_special(&self, name: &str) -> bool {
        SPECIAL_VARIABLES.contains(&name)
    }

    /// A path as go-task joins it to the directory of a task.
    pub fn join(&self, dir: &str, path: &str) -> Utf8PathBuf {
        let base = smart_join(self.program.dir.as_str(), dir);
        smart_join(base.as_str(), path)
    }

    /// Whether a text is the same whenever it is rendered and expanded.
    pub fn is_static(text: &Text) -> bool {
        !has_template(&text.value) && !text.value.contains(['$', '~', '`'])
    }
}

/// What the facts of all tasks and files say together.
struct OfFacts {
    guarded: FxHashSet<SmolStr>,
    is_first: Vec<bool>,
}

impl OfFacts {
    fn new(tasks: &[Arc<Facts>], files: &[Arc<Facts>]) -> Self {
        let reads = tasks.iter().chain(files).flat_map(|facts| &facts.reads);
        let guarded = reads.filter(|read| read.guarded).map(|read| read.name.clone()).collect();
        let mut seen = FxHashSet::with_capacity_and_hasher(tasks.len(), FxBuildHasher);
        let is_first = tasks.iter().map(|facts| seen.insert(Arc::as_ptr(facts))).collect();
        Self { guarded, is_first }
    }
}

/// The searches of one rule for names that may have been meant.
pub struct Searches {
    left: usize,
}

impl Default for Searches {
    fn default() -> Self {
        Self { left: MAX_SEARCHES }
    }
}

impl Searches {
    /// Whether another search through all names may be made; counts it.
    pub fn may_search(&mut self) -> bool {
        let may_search = self.left > 0;
        self.left = self.left.saturating_sub(1);
        may_search
    }

    /// The nearest of many names, as long as not too many were looked for.
    pub fn nearest<'n>(&mut self, typed: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
        if !self.may_search() {
            return None;
        }
        let limit = (typed.chars().count() / 3).max(1);
        suggest::nearest(
            typed,
            names.into_iter().filter(|name| name.len().abs_diff(typed.len()) <= limit * 2),
        )
    }
}

/// Namespaces of includes that could not be read: what is in them is not known.
pub struct MissingIncludes<'a> {
    broken: bool,
    namespaces: Vec<&'a str>,
    flattened: bool,
}

impl<'a> MissingIncludes<'a> {
    /// Whether a file is no YAML, so that parts of its tasks may be missing.
    pub fn is_broken(&self) -> bool {
        self.broken
    }

    /// Whether everything was read.
    pub fn is_empty(&self) -> bool {
        self.namespaces.is_empty() && !self.flattened
    }

    fn new(loaded: &'a Loaded) -> Self {
        let mut missing = Self { broken: false, namespaces: Vec::new(), flattened: false };
        for (i, file) in loaded.files.iter().enumerate() {
            // Of a file that is broken, tasks may be missing as well.
            missing.broken |= !file.document.errors.is_empty();
            missing.flattened |= missing.broken;
            for include in file.taskfile.iter().flat_map(|taskfile| &taskfile.includes) {
                let edge = loaded
                    .edges
                    .iter()
                    .find(|e| e.from == i && e.include.namespace.value == include.namespace.value);
                let is_read =
                    edge.is_some_and(|edge| loaded.files.get(edge.to).is_some_and(|f| f.taskfile.is_some()));
                if !is_read {
                    missing.flattened |= include.flatten;
                    missing.namespaces.push(&include.namespace.value);
                    missing.namespaces.extend(include.aliases.iter().map(|alias| alias.value.as_str()));
                }
            }
        }
        missing
    }

    /// Whether a name may be that of a task in such an include.
    pub fn may_hold(&self, name: &str) -> bool {
        let padded = format!(":{name}:");
        self.flattened || self.namespaces.iter().any(|namespace| padded.contains(&format!(":{namespace}:")))
    }
}

/// Whether a Taskfile was downloaded.
pub fn is_remote(path: &Utf8Path) -> bool {
    crate::project::remote::is_remote(path.as_str())
}

/// What the dotenv files of a project say.
#[derive(Debug, Default)]
pub struct DotenvNames {
    /// Names that those of the root set.
    pub defined: FxHashSet<SmolStr>,
    /// Names that templates in the values read, of those of tasks as well.
    pub mentioned: FxHashSet<SmolStr>,
}

fn dotenv_names(project: &Project, program: &Program, files: &dyn FileSystem) -> DotenvNames {
    let mut names = DotenvNames::default();
    let root = project.loaded.files.first().and_then(|file| file.taskfile.as_ref());
    let of_root =
        root.iter().flat_map(|taskfile| &taskfile.dotenv).map(|text| (program.dir.to_string(), text, true));
    let with_dotenv = program.tasks.iter().filter(|task| !task.definition.dotenv.is_empty());
    let of_tasks = with_dotenv.flat_map(|task| {
        let dir = smart_join(program.dir.as_str(), &task.dir).to_string();
        task.definition.dotenv.iter().map(move |text| (dir.clone(), text, false))
    });
    for (dir, text, is_of_root) in of_root.chain(of_tasks) {
        for path in possible_files(files, &dir, &text.value) {
            let Ok(text) = files.read(&path) else { continue };
            for entry in crate::dotenv::parse(&text).0 {
                if has_template(&entry.value) {
                    let template = Template::parse(&entry.value);
                    let reads = super::reads::read(&template).variables;
                    names.mentioned.extend(reads.into_iter().map(|read| read.name));
                }
                if is_of_root {
                    names.defined.insert(SmolStr::new(entry.name));
                }
            }
        }
    }
    names
}
