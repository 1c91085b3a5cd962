//! The rules: what is wrong with a project that was read and linked without a complaint, or in spite of one.
//!
//! A rule is local, and looks at one task (or one file without its tasks), or it looks at the whole project. What local
//! rules find is kept in a [`CheckMemo`] as long as the task's text stays; rules of the whole project only look up.

mod argument_count;
mod bash_only;
mod calls;
mod context;
mod dangerous_remove;
mod deprecated_function;
mod dotenv_files;
mod duplicate_alias;
mod extension;
mod facts;
mod hidden_task;
mod ignored;
mod invalid_glob;
mod missing_required;
mod names;
mod outside_enum;
mod place;
mod reads;
mod shell_syntax;
mod sources;
mod task_cycle;
mod template_syntax;
mod template_type;
mod texts;
mod undefined_variable;
mod unknown_exclude;
mod unknown_function;
mod unknown_param_variable;
mod unknown_task;
mod unread_argument;
mod unused_param;
mod unused_task;
mod unused_variable;
mod values;
mod variable_type;

use std::sync::Arc;

use rustc_hash::FxHashMap;

pub use calls::expand as expand_call;
pub use context::SPECIAL_VARIABLES;
pub use facts::{Facts, VariableRead, of_plan_text};
pub use hidden_task::SUBCOMMANDS;
pub use names::{LocalName, Member, NameRead, Names, ShellName, superset_places};
pub use place::{span_in, span_of_piece};
pub use reads::names_of_data;
pub use task_cycle::inevitable as inevitable_cycle;
pub use template_syntax::is_unknown_function;
pub use texts::{Place, Use};

use crate::ast;
use crate::diagnostic::Diagnostic;
use crate::file_system::FileSystem;
use crate::folder::FolderTask;
use crate::ir::{Program, Task};
use crate::parallel;
use crate::project::Project;
use crate::source::SourceMap;
use crate::template::Host;
use context::Context;
use facts::{Local, Owner};

/// A rule for one task, or for one file without its tasks.
struct LocalRule {
    run: fn(&Local<'_>, &mut Vec<Diagnostic>),
}

/// A rule for the whole project.
struct ProjectRule {
    run: fn(&Context<'_>, &mut Vec<Diagnostic>),
}

const LOCAL_RULES: &[LocalRule] = &[
    LocalRule { run: values::method },
    LocalRule { run: values::run },
    LocalRule { run: values::shell_options },
    LocalRule { run: values::output },
    LocalRule { run: invalid_glob::check },
    LocalRule { run: template_syntax::check },
    LocalRule { run: unknown_function::check },
    LocalRule { run: argument_count::check },
    LocalRule { run: deprecated_function::check },
    LocalRule { run: template_type::check },
    LocalRule { run: shell_syntax::check },
    LocalRule { run: bash_only::check },
    LocalRule { run: dangerous_remove::check },
    LocalRule { run: extension::check },
];

/// The rules for a text that is no part of a Taskfile.
const TEXT_RULES: &[LocalRule] = &[
    LocalRule { run: template_syntax::check },
    LocalRule { run: unknown_function::check },
    LocalRule { run: argument_count::check },
    LocalRule { run: deprecated_function::check },
    LocalRule { run: template_type::check },
    LocalRule { run: shell_syntax::check },
];

const PROJECT_RULES: &[ProjectRule] = &[
    ProjectRule { run: unknown_task::check },
    ProjectRule { run: duplicate_alias::check },
    ProjectRule { run: hidden_task::check },
    ProjectRule { run: unused_task::check },
    ProjectRule { run: unknown_exclude::check },
    ProjectRule { run: task_cycle::check },
    ProjectRule { run: dotenv_files::check },
    ProjectRule { run: sources::check },
    ProjectRule { run: undefined_variable::check },
    ProjectRule { run: unused_variable::check },
    ProjectRule { run: unread_argument::check },
    ProjectRule { run: missing_required::check },
    ProjectRule { run: outside_enum::check },
    ProjectRule { run: variable_type::check },
    ProjectRule { run: unused_param::check },
    ProjectRule { run: unknown_param_variable::check },
];

/// How much text a task is taken for where it is decided how many threads the rules are worth.
const BYTES_A_TASK: usize = 128;

/// What earlier runs found in tasks and files that did not change since, by their identity.
#[derive(Clone, Debug, Default)]
pub struct CheckMemo {
    /// By the address of the task, which stays taken as long as the entry holds it.
    tasks: FxHashMap<usize, (Arc<ast::Task>, Arc<Facts>)>,
    files: FxHashMap<usize, (Arc<ast::Taskfile>, Arc<Facts>)>,
}

impl CheckMemo {
    /// What is known of the files that were checked, without their tasks.
    pub fn facts_of_files(&self) -> impl Iterator<Item = &Facts> {
        self.files.values().map(|(_, facts)| &**facts)
    }

    /// What is known of a task as it is written; `None` where it was not checked.
    pub fn facts_of_task(&self, task: &Arc<ast::Task>) -> Option<&Facts> {
        self.tasks.get(&(Arc::as_ptr(task) as usize)).map(|(_, facts)| &**facts)
    }

    /// What is known of a file outside of its tasks; `None` where it was not checked.
    pub fn facts_of_file(&self, file: &Arc<ast::Taskfile>) -> Option<&Facts> {
        self.files.get(&(Arc::as_ptr(file) as usize)).map(|(_, facts)| &**facts)
    }

    fn task(
        &mut self,
        task: &Arc<ast::Task>,
        superset: Option<&ast::Superset>,
        previous: Option<&Self>,
        sources: &SourceMap,
    ) -> Arc<Facts> {
        let key = Arc::as_ptr(task) as usize;
        if let Some((_, facts)) = self.tasks.get(&key) {
            return Arc::clone(facts);
        }
        let known = previous.and_then(|memo| memo.tasks.get(&key));
        let facts = known.map_or_else(
            || Arc::new(facts::gather(Owner::Task(task), superset, sources)),
            |(_, facts)| Arc::clone(facts),
        );
        self.tasks.insert(key, (Arc::clone(task), Arc::clone(&facts)));
        facts
    }

    fn file(
        &mut self,
        file: &Arc<ast::Taskfile>,
        previous: Option<&Self>,
        sources: &SourceMap,
    ) -> Arc<Facts> {
        let key = Arc::as_ptr(file) as usize;
        if let Some((_, facts)) = self.files.get(&key) {
            return Arc::clone(facts);
        }
        let known = previous.and_then(|memo| memo.files.get(&key));
        let facts = known.map_or_else(
            || Arc::new(facts::gather(Owner::File(file), None, sources)),
            |(_, facts)| Arc::clone(facts),
        );
        self.files.insert(key, (Arc::clone(file), Arc::clone(&facts)));
        facts
    }
}

/// Findings, and what the next run can take over.
#[derive(Debug)]
pub struct Checked {
    /// The findings, in no particular order.
    pub diagnostics: Vec<Diagnostic>,
    /// To be given to the next run over the same project.
    pub memo: CheckMemo,
}

/// Applies all rules, those for a folder task where the project is one, and takes over what an earlier run found in tasks that
/// did not change since.
pub fn run(
    project: &Project,
    program: &Program,
    files: &dyn FileSystem,
    host: &dyn Host,
    folder: Option<&FolderTask>,
    previous: Option<&CheckMemo>,
) -> Checked {
    let mut memo = CheckMemo::default();
    memo.tasks.reserve(program.tasks.len());
    let mut diagnostics = Vec::new();
    let mut file_facts = Vec::new();
    for file in &project.loaded.files {
        let Some(taskfile) = &file.taskfile else {
            file_facts.push(Arc::new(Facts::default()));
            continue;
        };
        let facts = memo.file(taskfile, previous, &project.sources);
        let ours = !context::is_remote(&file.path);
        if ours {
            diagnostics.extend(facts.diagnostics.iter().cloned());
        }
        file_facts.push(facts);
        for task in &taskfile.tasks {
            let facts = memo.task(task, task.superset.as_deref(), previous, &project.sources);
            if ours {
                diagnostics.extend(facts.diagnostics.iter().cloned());
            }
        }
    }
    // A task that EZ adds something to is another one in the program than in its file.
    let of_linked =
        |task: &Task| memo.task(&task.definition, task.superset.as_deref(), previous, &project.sources);
    let facts = program.tasks.iter().map(of_linked).collect();
    let context = Context::new(project, program, files, host, folder, facts, file_facts);
    let found = parallel::map(PROJECT_RULES, program.tasks.len() * BYTES_A_TASK, |rule| {
        let mut found = Vec::new();
        (rule.run)(&context, &mut found);
        found
    });
    diagnostics.reserve(found.iter().map(Vec::len).sum());
    for mut found in found {
        diagnostics.append(&mut found);
    }
    Checked { diagnostics, memo }
}
