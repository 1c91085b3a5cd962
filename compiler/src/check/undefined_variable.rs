//! EZ401: a template that reads a variable which nothing defines.

use rustc_hash::FxHashSet;
use smol_str::SmolStr;

use super::calls::TaskCall;
use super::context::{Context, SPECIAL_VARIABLES, Searches};
use super::facts::VariableRead;
use crate::ast;
use crate::diagnostic::Diagnostic;
use crate::ir::TaskId;
use crate::rule;
use crate::source::Span;
use crate::suggest::distance;
use crate::template::functions;

/// Any name may come from the command line. So a name is only reported where something else is likelier: a slip of
/// the finger, an `env` entry taken for a variable, a template meant for another program.
pub fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    let by_default = reached_from_default(context);
    let mut searches = Searches::default();
    for (id, task) in context.own_definitions() {
        let runs_by_default = by_default.contains(&id) && *task.taskfile == context.program.taskfile;
        let definition = Some(&*task.definition);
        let reads = context.facts(id).reads.iter().filter(|read| is_open(context, read, definition));
        found.extend(
            reads.filter_map(|read| report(context, read, definition, runs_by_default, &mut searches)),
        );
    }
    for (file, facts) in context.project.loaded.files.iter().zip(&context.file_facts) {
        if super::context::is_remote(&file.path) {
            continue;
        }
        let reads = facts.reads.iter().filter(|read| is_open(context, read, None));
        found.extend(reads.filter_map(|read| report(context, read, None, false, &mut searches)));
    }
}

/// The tasks that run when no task is named: nobody gives variables there. Empty where the project is not complete.
fn reached_from_default(context: &Context<'_>) -> FxHashSet<TaskId> {
    let mut reached = FxHashSet::default();
    if context.is_library || !context.missing.is_empty() {
        return reached;
    }
    let mut waiting: Vec<TaskId> = context.program.find("default").into_iter().collect();
    while let Some(id) = waiting.pop() {
        if reached.insert(id) {
            waiting.extend(
                context.calls(id).iter().filter(|call| !call.conditional).flat_map(TaskCall::callees),
            );
        }
    }
    reached
}

/// `.exeExt` for `exeExt`. On Windows there is an `OS` in the environment, and short words are names of many things.
fn is_function_taken_for_variable(name: &str, function: &str) -> bool {
    name.len() > 3
        && name.eq_ignore_ascii_case(function)
        && name.contains(|c: char| c.is_ascii_lowercase())
        && function.contains(|c: char| c.is_ascii_uppercase())
}

fn is_open(context: &Context<'_>, read: &VariableRead, task: Option<&ast::Task>) -> bool {
    !read.guarded
        && !read.local
        && task.is_none_or(|task| !task.vars.iter().any(|variable| variable.name.value == read.name))
        && !context.is_defined(&read.name)
        && !context.guarded.contains(&read.name)
}

fn report(
    context: &Context<'_>,
    read: &VariableRead,
    task: Option<&ast::Task>,
    runs_by_default: bool,
    searches: &mut Searches,
) -> Option<Diagnostic> {
    let name = &read.name;
    // Parameters of EZ are variables of this form.
    if name.starts_with("EZ_") {
        return None;
    }
    let diagnostic = |message: String| Diagnostic::warning(rule::UNDEFINED_VARIABLE, message, read.span);
    if read.foreign
        && name.starts_with(|c: char| c.is_ascii_uppercase())
        && name.contains(|c: char| c.is_lowercase())
    {
        let written = context.sources().text(read.action).to_owned();
        let mut found =
            diagnostic(format!("this template is rendered before the program sees it: `{name}` is empty"))
                .with_label("no variable of the Taskfile")
                .with_help(format!("write {{{{`{written}`}}}} to hand the braces on"));
        if !written.contains('`') {
            found = found.with_fix("hand the braces on", read.action, format!("{{{{`{written}`}}}}"));
        }
        return Some(found);
    }
    if task.is_some_and(|task| task.env.iter().any(|variable| variable.name.value == *name)) {
        return Some(
            diagnostic(format!("`{name}` is in this task's `env`, which templates do not see"))
                .with_label("empty")
                .with_help(format!("write `${name}` in the script, or move it to `vars`")),
        );
    }
    if let Some(function) =
        functions::all().find(|function| is_function_taken_for_variable(name, function.name))
    {
        let dotted = Span { start: read.span.start.saturating_sub(1), ..read.span };
        return Some(
            diagnostic(format!("`{name}` is no variable; `{}` is a function", function.name))
                .with_label("empty")
                .with_help(format!("a function has no dot: `{}`", function.name))
                .with_fix(format!("write `{}`", function.name), dotted, function.name),
        );
    }
    let Some(near) = misspelt(context, name, task, searches) else {
        let is_environment = || context.facts.iter().any(|facts| facts.shell_reads.contains(name));
        return (runs_by_default && !is_environment()).then(|| {
            diagnostic(format!("nothing defines the variable `{name}`")).with_label("empty").with_help(
                format!("define it in `vars`, or say what holds without it: `.{name} | default \"…\"`"),
            )
        });
    };
    Some(
        diagnostic(format!("no variable is named `{name}`"))
            .with_label("empty")
            .with_help(format!("did you mean `{near}`?"))
            .with_fix(format!("change to `{near}`"), read.span, near),
    )
}

/// The defined name that was meant, if it is all but certain that one was.
fn misspelt(
    context: &Context<'_>,
    name: &SmolStr,
    task: Option<&ast::Task>,
    searches: &mut Searches,
) -> Option<String> {
    // A name that is read again and again is no slip of the finger.
    let reads = context.facts.iter().chain(&context.file_facts).flat_map(|facts| &facts.reads);
    if !searches.may_search() || reads.filter(|read| read.name == *name).nth(2).is_some() {
        return None;
    }
    let own = task.into_iter().flat_map(|task| &task.vars).map(|variable| variable.name.value.as_str());
    let known = context
        .shared
        .keys()
        .copied()
        .chain(context.required.iter().copied())
        .chain(context.dotenv.defined.iter().map(SmolStr::as_str))
        .chain(SPECIAL_VARIABLES.iter().copied())
        .chain(own);
    let mut candidates: Vec<&str> = known.filter(|known| is_slip(name, known)).collect();
    candidates.sort_unstable();
    candidates.into_iter().min_by_key(|known| distance(name, known)).map(str::to_owned)
}

/// Whether one name is the other with a slip: a letter too few, too many, wrong or swapped, or only the case differs.
fn is_slip(typed: &str, known: &str) -> bool {
    if typed == known || typed.len().abs_diff(known.len()) > 2 {
        return false;
    }
    let plain = |name: &str| name.replace(['_', '-'], "").to_lowercase();
    if plain(typed) == plain(known) {
        return true;
    }
    let shorter = typed.len().min(known.len());
    let allowed = if shorter >= 8 { 2 } else { 1 };
    let digits = |name: &str| name.chars().filter(char::is_ascii_digit).collect::<String>();
    shorter >= 4 && digits(typed) == digits(known) && distance(typed, known) <= allowed
}
