//! EZ203: a call of a task that does not exist.

use std::cell::LazyCell;

use rustc_hash::FxHashSet;

use super::calls::{Target, TaskCall};
use super::context::{Context, Searches, is_remote};
use super::place;
use crate::diagnostic::{Diagnostic, Severity};
use crate::ir::{CallKind, Resolution, Task};
use crate::rule;
use crate::source::Span;
use crate::yaml::node::ScalarStyle;

/// Looks up every called name.
pub fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    let is_resolved = |target: &Target| matches!(target.resolution, Resolution::Task(..));
    // A file that is included in several places may be at home in one of them only.
    let resolved: LazyCell<FxHashSet<Span>, _> = LazyCell::new(|| {
        context
            .calls
            .all()
            .iter()
            .filter(|call| call.targets.iter().all(is_resolved))
            .map(|call| call.text.span)
            .collect()
    });
    let mut searches = Searches::default();
    let looks_like_part = LazyCell::new(|| is_part_of_another_project(context));
    for (id, task) in context.own_tasks() {
        for call in context.calls(id) {
            for target in &call.targets {
                match &target.resolution {
                    Resolution::Unknown if !context.missing.may_hold(&target.name) => {
                        let mut diagnostic = report(context, task, call, target, &mut searches);
                        if *looks_like_part || resolved.contains(&call.text.span) {
                            diagnostic.severity = Severity::Warning;
                        }
                        found.push(diagnostic);
                    }
                    Resolution::Ambiguous(tasks) => {
                        let names: Vec<String> =
                            tasks.iter().map(|id| format!("`{}`", context.program.task(*id).name)).collect();
                        let message = format!("`{}` may be any of {}", call.text.value, names.join(", "));
                        let diagnostic = Diagnostic::error(rule::UNKNOWN_TASK, message, call.text.span)
                            .with_label("several tasks have this alias")
                            .with_help("call the task by its name");
                        found.push(softened(context, diagnostic, task, call));
                    }
                    _ => {}
                }
            }
        }
    }
}

/// Whether the only file includes nothing and yet calls tasks of a namespace: it was written for another project.
fn is_part_of_another_project(context: &Context<'_>) -> bool {
    let is_alone = context
        .project
        .loaded
        .files
        .iter()
        .all(|file| file.taskfile.as_ref().is_none_or(|taskfile| taskfile.includes.is_empty()));
    is_alone
        && context.calls.all().iter().flat_map(|call| &call.targets).any(|target| {
            let namespace = target.name.split_once(':').map(|(namespace, _)| namespace);
            target.resolution == Resolution::Unknown
                && namespace.is_some_and(|namespace| {
                    !context.program.tasks.iter().any(|task| {
                        task.name
                            .strip_prefix(namespace)
                            .is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
                    })
                })
        })
}

fn softened(
    context: &Context<'_>,
    mut diagnostic: Diagnostic,
    task: &Task,
    call: &TaskCall<'_>,
) -> Diagnostic {
    let certain = !context.is_library
        && !call.conditional
        && call.kind != CallKind::Deferred
        && task.definition.condition.is_none()
        && task.definition.platforms.is_empty();
    if !certain {
        diagnostic.severity = Severity::Warning;
    }
    diagnostic
}

fn report(
    context: &Context<'_>,
    task: &Task,
    call: &TaskCall<'_>,
    target: &Target,
    searches: &mut Searches,
) -> Diagnostic {
    let written = call.text.value.as_str();
    let span = place::span_in(call.text, &(0..written.len()), context.sources());
    let message = format!("no task is named `{}`", target.name);
    let mut diagnostic = Diagnostic::error(rule::UNKNOWN_TASK, message, span).with_label("unknown task");
    if target.name != written && call.text.value.contains("{{") {
        diagnostic = diagnostic.with_label(format!("becomes `{}`", target.name));
    }
    diagnostic = match suggestion(context, task, written, target, searches) {
        Some(Suggestion { name, title }) => {
            let fixed = diagnostic.with_help(title);
            if written.contains("{{") {
                fixed
            } else {
                // A plain scalar in brackets does not take a colon in front.
                let is_plain = call.text.style == ScalarStyle::Plain && name.starts_with(':');
                let new = if is_plain { format!("'{name}'") } else { name.clone() };
                fixed.with_fix(format!("change to `{name}`"), span, new)
            }
        }
        None if target.name.contains('*') => {
            diagnostic.with_help("a star stands for something only in the name of a task, not in a call")
        }
        None => diagnostic.with_help("define the task, or call another"),
    };
    softened(context, diagnostic, task, call)
}

struct Suggestion {
    name: String,
    title: String,
}

fn suggestion(
    context: &Context<'_>,
    task: &Task,
    written: &str,
    target: &Target,
    searches: &mut Searches,
) -> Option<Suggestion> {
    let bare = written.trim_start_matches(':');
    // The task stands in another file of the project than the call thinks.
    if !task.namespaces.is_empty() && !written.starts_with(':') && context.program.find(bare).is_some() {
        let name = relative(task, bare);
        let title = format!("a leading colon leaves the namespace: `{name}`");
        return Some(Suggestion { name, title });
    }
    let names = context.program.tasks.iter().filter(|t| !t.is_wildcard() && !is_remote(&t.taskfile));
    let names = names.flat_map(|t| std::iter::once(&t.name).chain(&t.aliases));
    let near = searches.nearest(&target.name, names.map(smol_str::SmolStr::as_str));
    let near = near.or_else(|| in_another_namespace(context, bare));
    near.map(|near| {
        let name = relative(task, near);
        Suggestion { title: format!("did you mean `{name}`?"), name }
    })
}

/// The only task of that name in any namespace.
fn in_another_namespace<'a>(context: &Context<'a>, bare: &str) -> Option<&'a str> {
    let mut same = context
        .program
        .tasks
        .iter()
        .filter(|task| task.name.strip_suffix(bare).is_some_and(|before| before.ends_with(':')));
    let only = same.next()?;
    same.next().is_none().then_some(only.name.as_str())
}

/// A full name as a task has to write it.
fn relative(task: &Task, name: &str) -> String {
    let mut prefix = String::new();
    for namespace in task.namespaces.iter().rev() {
        prefix.push_str(namespace);
        prefix.push(':');
    }
    match name.strip_prefix(prefix.as_str()) {
        Some(inside) => inside.to_owned(),
        None => format!("{}{name}", ":".repeat(task.namespaces.len())),
    }
}
