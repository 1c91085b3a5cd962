//! EZ402: a variable that nothing reads.

use rustc_hash::FxHashSet;
use smol_str::SmolStr;

use super::context::Context;
use crate::ast::Variable;
use crate::diagnostic::Diagnostic;
use crate::ir::Task;
use crate::rule;
use crate::source::Span;

/// Variables of tasks are seen by the task alone; those of files by everything.
pub fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    if context.missing.is_broken() {
        return;
    }
    let every = || context.facts.iter().chain(&context.file_facts);
    let everywhere = context.mentioned_by_files();
    let files_read_all = context.file_facts.iter().any(|facts| facts.everything);
    let inherited = inherited_reads(context);
    for (id, task) in context.own_definitions() {
        let facts = context.facts(id);
        if facts.everything || files_read_all {
            continue;
        }
        for variable in &task.definition.vars {
            let name = &variable.name.value;
            let is_read = facts.mentions.contains(name) || everywhere.contains(name);
            if is_named(variable) && !is_read && !inherited.contains(&variable.name.span) {
                found.push(report(variable, facts.shell_reads.contains(name), "this task"));
            }
        }
    }
    if every().any(|facts| facts.everything) || context.is_library || !context.missing.is_empty() {
        return;
    }
    // A file that others include may define what they read.
    let Some(root) = context.project.loaded.files.first() else { return };
    let Some(taskfile) = root.taskfile.as_ref().filter(|_| !super::context::is_remote(&root.path)) else {
        return;
    };
    if taskfile.tasks.is_empty() || taskfile.vars.is_empty() {
        return;
    }
    let mut left: FxHashSet<&SmolStr> = taskfile
        .vars
        .iter()
        .filter(|variable| is_named(variable))
        .map(|variable| &variable.name.value)
        .collect();
    for name in every().flat_map(|facts| &facts.mentions).chain(&context.dotenv.mentioned) {
        left.remove(name);
        if left.is_empty() {
            return;
        }
    }
    for variable in taskfile.vars.iter().filter(|variable| left.contains(&variable.name.value)) {
        let in_shell = every().any(|facts| facts.shell_reads.contains(&variable.name.value));
        found.push(report(variable, in_shell, "this project"));
    }
}

/// The variables that a task reads, by where they are written, if a task inherits from another: what the base writes may
/// be for those that extend it, and what it reads they need not.
fn inherited_reads(context: &Context<'_>) -> FxHashSet<Span> {
    let extends = |task: &Task| task.superset.as_ref().is_some_and(|superset| superset.extends.is_some());
    let mut read = FxHashSet::default();
    if !context.program.tasks.iter().any(extends) {
        return read;
    }
    for id in context.program.ids() {
        let facts = context.facts(id);
        let is_read =
            |variable: &&Variable| facts.everything || facts.mentions.contains(&variable.name.value);
        let variables = context.program.task(id).definition.vars.iter();
        read.extend(variables.filter(is_read).map(|variable| variable.name.span));
    }
    read
}

/// Whether a variable can be read at all: a name that is no text is another mistake.
fn is_named(variable: &Variable) -> bool {
    !variable.name.value.is_empty()
}

fn report(variable: &Variable, is_read_by_shell: bool, place: &str) -> Diagnostic {
    let name = &variable.name.value;
    let diagnostic = Diagnostic::warning(
        rule::UNUSED_VARIABLE,
        format!("nothing in {place} reads the variable `{name}`"),
        variable.name.span,
    )
    .with_label("never read");
    if is_read_by_shell {
        diagnostic.with_help(format!(
            "`${name}` reads the environment: move it to `env`, or write `{{{{.{name}}}}}`"
        ))
    } else {
        diagnostic.with_help("remove it")
    }
}
