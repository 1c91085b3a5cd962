//! EZ202: a name that stands for several tasks.

use rustc_hash::FxHashMap;

use super::context::Context;
use crate::diagnostic::Diagnostic;
use crate::ir::Task;
use crate::rule;

/// An alias that is also a task's name never works; one of several tasks is refused by go-task.
pub fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    let mut owners: FxHashMap<&str, &Task> = FxHashMap::default();
    for (_, task) in context.own_tasks() {
        for alias in &task.aliases {
            // Aliases that an include adds are nobody's mistake; the written ones are the last part.
            let written = task.definition.aliases.iter().find(|text| {
                alias
                    .strip_suffix(text.value.as_str())
                    .is_some_and(|before| before.is_empty() || before.ends_with(':'))
            });
            if let Some(named) = context.program.find(alias)
                && context.program.task(named).name != task.name
                && let Some(text) = written
            {
                let other = context.program.task(named);
                let message = format!("the alias `{alias}` is also the name of a task");
                found.push(
                    Diagnostic::warning(rule::DUPLICATE_ALIAS, message, text.span)
                        .with_label("never reaches this task")
                        .and_at(other.name_span(), "this one runs")
                        .with_help("choose another alias"),
                );
                continue;
            }
            match owners.get(alias.as_str()) {
                Some(first) if first.name != task.name => {
                    let Some(text) = written else { continue };
                    let message =
                        format!("`{}` and `{}` have the same alias `{alias}`", first.name, task.name);
                    let first_written = first.definition.aliases.iter().find(|t| t.value == text.value);
                    found.push(
                        Diagnostic::warning(rule::DUPLICATE_ALIAS, message, text.span)
                            .with_label("nobody can call it")
                            .and_at(first_written.map_or(first.name_span(), |t| t.span), "also here")
                            .with_help("an alias must belong to one task"),
                    );
                }
                Some(_) => {}
                None => {
                    owners.insert(alias, task);
                }
            }
        }
    }
}
