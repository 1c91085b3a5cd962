//! EZ203: a call of a task that does not exist.

use super::calls::{Target, TaskCall};
use super::context::{Context, is_remote};
use super::place;
use crate::diagnostic::{Diagnostic, Severity};
use crate::ir::{CallKind, Resolution, Task};
use crate::rule;

/// Looks up every called name.
pub fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    let missing = MissingIncludes::new(context);
    for (id, task) in context.own_tasks() {
        for call in context.calls(id) {
            for target in &call.targets {
                match &target.resolution {
                    Resolution::Unknown if !missing.may_hold(&target.name) => {
                        found.push(report(context, task, call, target));
                    }
                    Resolution::Ambiguous(tasks) => {
                        let names: Vec<String> =
                            tasks.iter().map(|id| format!("`{}`", context.program.task(*id).name)).collect();
                        let message = format!("`{}` may be any of {}", call.text.value, names.join(", "));
                        let diagnostic = Diagnostic::error(rule::UNKNOWN_TASK, message, call.text.span)
                            .with_label("several tasks have this alias")
                            .with_help("call the task by its name");
                        found.push(softened(diagnostic, task, call));
                    }
                    _ => {}
                }
            }
        }
    }
}

/// Namespaces of includes that could not be read: what is in them is not known.
struct MissingIncludes<'a> {
    namespaces: Vec<&'a str>,
    flattened: bool,
}

impl<'a> MissingIncludes<'a> {
    fn new(context: &Context<'a>) -> Self {
        let loaded = &context.project.loaded;
        let mut missing = Self { namespaces: Vec::new(), flattened: false };
        for (i, file) in loaded.files.iter().enumerate() {
            // Of a file that is broken, tasks may be missing as well.
            missing.flattened |= !file.document.errors.is_empty();
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

    fn may_hold(&self, name: &str) -> bool {
        self.flattened || name.split(':').any(|part| self.namespaces.contains(&part))
    }
}

fn softened(mut diagnostic: Diagnostic, task: &Task, call: &TaskCall<'_>) -> Diagnostic {
    let certain = !call.conditional
        && call.kind != CallKind::Deferred
        && task.definition.condition.is_none()
        && task.definition.platforms.is_empty();
    if !certain {
        diagnostic.severity = Severity::Warning;
    }
    diagnostic
}

fn report(context: &Context<'_>, task: &Task, call: &TaskCall<'_>, target: &Target) -> Diagnostic {
    let written = call.text.value.as_str();
    let span = place::span_in(call.text, &(0..written.len()), context.sources());
    let message = format!("no task is named `{}`", target.name);
    let mut diagnostic = Diagnostic::error(rule::UNKNOWN_TASK, message, span).with_label("unknown task");
    if target.name != written && call.text.value.contains("{{") {
        diagnostic = diagnostic.with_label(format!("becomes `{}`", target.name));
    }
    diagnostic = match suggestion(context, task, written, target) {
        Some(Suggestion { name, title }) => {
            let fixed = diagnostic.with_help(title);
            if written.contains("{{") {
                fixed
            } else {
                fixed.with_fix(format!("change to `{name}`"), span, name)
            }
        }
        None if target.name.contains('*') => {
            diagnostic.with_help("a star stands for something only in the name of a task, not in a call")
        }
        None => diagnostic.with_help("define the task, or call another"),
    };
    softened(diagnostic, task, call)
}

struct Suggestion {
    name: String,
    title: String,
}

fn suggestion(context: &Context<'_>, task: &Task, written: &str, target: &Target) -> Option<Suggestion> {
    let bare = written.trim_start_matches(':');
    // The task stands in another file of the project than the call thinks.
    if !task.namespaces.is_empty() && !written.starts_with(':') && context.program.find(bare).is_some() {
        let name = relative(task, bare);
        let title = format!("a leading colon leaves the namespace: `{name}`");
        return Some(Suggestion { name, title });
    }
    let names = context.program.tasks.iter().filter(|t| !t.is_wildcard() && !is_remote(&t.taskfile));
    let names = names.flat_map(|t| std::iter::once(&t.name).chain(&t.aliases));
    let near = context.nearest(&target.name, names.map(smol_str::SmolStr::as_str));
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
