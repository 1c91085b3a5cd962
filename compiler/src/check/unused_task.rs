//! EZ209: an internal task that nothing calls.

use regex::Regex;

use super::context::Context;
use crate::diagnostic::Diagnostic;
use crate::ir::{Resolution, TaskId};
use crate::rule;

/// Only the tasks of the root file are looked at: those of others may serve other projects.
pub fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    if context.is_library || !context.missing.is_empty() {
        return;
    }
    let mut is_called = vec![false; context.program.tasks.len()];
    let mut call = |id: &TaskId| {
        if let Some(is_called) = is_called.get_mut(id.0 as usize) {
            *is_called = true;
        }
    };
    for target in context.calls.all().iter().flat_map(|call| &call.targets) {
        match &target.resolution {
            Resolution::Task(id, _) => call(id),
            Resolution::Ambiguous(ids) => ids.iter().for_each(&mut call),
            Resolution::Unknown => {}
        }
    }
    let mut patterns: Option<Vec<Regex>> = None;
    for (id, task) in context.own_tasks() {
        let is_unused =
            task.definition.internal && !task.is_wildcard() && is_called.get(id.0 as usize) == Some(&false);
        let in_root = || task.namespaces.is_empty() && *task.taskfile == context.program.taskfile;
        if !is_unused || !in_root() {
            continue;
        }
        let patterns = patterns.get_or_insert_with(|| {
            let calls = context.calls.all().iter();
            calls.filter_map(|call| pattern_of(call.open.as_ref()?)).collect()
        });
        let may_be_called = patterns
            .iter()
            .any(|p| p.is_match(&task.name) || task.aliases.iter().any(|alias| p.is_match(alias)));
        if may_be_called {
            continue;
        }
        found.push(
            Diagnostic::warning(
                rule::UNUSED_TASK,
                format!("nothing calls the internal task `{}`", task.name),
                task.name_span(),
            )
            .with_label("never runs")
            .with_help("remove it, call it, or take `internal: true` away"),
        );
    }
}

/// What a name with templates in it may become.
fn pattern_of(name: &str) -> Option<Regex> {
    let mut pattern = String::from("^");
    let mut rest = name;
    while let Some(start) = rest.find("{{") {
        let (before, action) = rest.split_at(start);
        pattern.push_str(&regex::escape(before));
        pattern.push_str(".*");
        rest = action.split_once("}}").map_or("", |(_, after)| after);
    }
    pattern.push_str(&regex::escape(rest));
    pattern.push('$');
    Regex::new(&pattern).ok()
}
