//! EZ404: a call that does not pass what the called task requires.

use rustc_hash::FxHashMap;

use super::context::Context;
use crate::diagnostic::Diagnostic;
use crate::ir::Task;
use crate::rule;

/// A warning, because the command line can still give the variable to all tasks.
pub fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    if !context.missing.is_empty() {
        return;
    }
    let mut everywhere: FxHashMap<&str, bool> = FxHashMap::default();
    for (id, caller) in context.own_tasks() {
        for call in context.calls(id).iter().filter(|call| call.open.is_none()) {
            let Some(callee) = call.callees().next() else { continue };
            let callee = context.program.task(callee);
            let missing: Vec<_> = callee
                .definition
                .requires
                .iter()
                .filter(|required| {
                    let name = required.name.value.as_str();
                    let is_passed = call.vars.iter().any(|variable| variable.name.value == name);
                    !name.is_empty()
                        && !is_passed
                        && !is_given(callee, name)
                        && !asks_for(caller, name)
                        && !*everywhere.entry(name).or_insert_with(|| is_given_to_all(context, name))
                })
                .collect();
            let Some(first) = missing.first() else { continue };
            let names: Vec<String> =
                missing.iter().map(|required| format!("`{}`", required.name.value)).collect();
            let names = names.join(", ");
            let message =
                format!("the task `{}` requires {names}, which this call does not pass", call.text.value);
            let mut diagnostic = Diagnostic::warning(rule::MISSING_REQUIRED, message, call.text.span)
                .with_label(format!("{names} missing"))
                .with_help(format!("pass it: `vars: {{{}: …}}`", first.name.value));
            for required in &missing {
                diagnostic = diagnostic.and_at(required.name.span, "required here");
            }
            found.push(diagnostic);
        }
    }
}

/// Whether every task has the variable.
fn is_given_to_all(context: &Context<'_>, name: &str) -> bool {
    context.program.vars.contains_key(name)
        || context.program.env.contains_key(name)
        || context.dotenv.defined.contains(name)
        || context.is_special(name)
        || context.is_in_environment(name)
}

/// Whether the called task has the variable without the call.
fn is_given(callee: &Task, name: &str) -> bool {
    callee.include_vars.iter().any(|variable| variable.name.value == name)
        || callee.including_vars.as_ref().is_some_and(|vars| vars.contains_key(name))
        || callee.definition.vars.iter().any(|variable| variable.name.value == name)
}

/// Whether the calling task asks for it as well: then it comes from the command line for both.
fn asks_for(caller: &Task, name: &str) -> bool {
    caller.definition.requires.iter().any(|required| required.name.value == name)
}
