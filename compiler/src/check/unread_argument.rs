//! EZ403: a call that passes a variable which the called task never reads.

use smol_str::SmolStr;

use super::context::Context;
use crate::ast::param::variable_name;
use crate::diagnostic::Diagnostic;
use crate::ir::TaskId;
use crate::rule;
use crate::suggest::nearest;

/// Compares the variables of each call with what the called tasks read.
pub fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    if context.missing.is_broken() || context.file_facts.iter().any(|facts| facts.everything) {
        return;
    }
    let everywhere = context.mentioned_by_files();
    for (id, _) in context.own_tasks() {
        for call in context.calls(id).iter().filter(|call| !call.vars.is_empty() && call.open.is_none()) {
            let callees: Vec<_> = call.callees().collect();
            if callees.is_empty() || callees.len() < call.targets.len() {
                continue;
            }
            // There the variables decide whether the task runs again.
            let distinguishes = |callee: &TaskId| {
                let run =
                    context.program.task(*callee).definition.run.as_ref().or(context.program.run.as_ref());
                run.is_some_and(|run| run.value != "always" && run.value != "once")
            };
            if callees.iter().any(distinguishes) {
                continue;
            }
            for variable in call.vars {
                let name = &variable.name.value;
                let is_read = everywhere.contains(name)
                    || callees.iter().any(|callee| {
                        let facts = context.facts(*callee);
                        facts.everything
                            || is_param(context, *callee, name)
                            || facts.mentions.contains(name)
                            || context
                                .program
                                .task(*callee)
                                .include_vars
                                .iter()
                                .any(|v| v.name.value == *name)
                    });
                let Some(callee) = callees.first().filter(|_| !is_read) else { continue };
                let task = context.program.task(*callee);
                let facts = context.facts(*callee);
                let message = format!("the task `{}` never reads `{name}`", call.text.value);
                let diagnostic = Diagnostic::warning(rule::UNREAD_ARGUMENT, message, variable.name.span)
                    .with_label("passed for nothing")
                    .and_at(task.name_span(), "the called task");
                let read_names = facts.mentions.iter().map(SmolStr::as_str);
                let mut read_names: Vec<&str> = read_names
                    .filter(|read| {
                        !call.vars.iter().any(|v| v.name.value == *read) && !context.is_special(read)
                    })
                    .collect();
                read_names.sort_unstable();
                found.push(match nearest(name, read_names) {
                    _ if facts.shell_reads.contains(name) => diagnostic.with_help(format!(
                        "`${name}` reads the environment, which calls do not set; write `{{{{.{name}}}}}` in the task"
                    )),
                    Some(near) => diagnostic
                        .with_help(format!("did you mean `{near}`?"))
                        .with_fix(format!("rename to `{near}`"), variable.name.span, near),
                    None => diagnostic.with_help("remove it, or read it in the task"),
                });
            }
        }
    }
}

/// Whether the variable is a param of the task.
fn is_param(context: &Context<'_>, task: TaskId, variable: &str) -> bool {
    let superset = context.program.task(task).superset.iter();
    superset.flat_map(|superset| &superset.params).any(|param| variable_name(&param.name.value) == variable)
}
