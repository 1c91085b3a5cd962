//! `ez-compose`: a task that is other tasks, in order.

use crate::ast::{
    self, Command, CommandAction, ComposeStep, Param, Superset, Variable, param::variable_name,
};
use crate::diagnostic::Diagnostic;
use crate::ir::{Program, Resolution, Task};
use crate::rule;
use crate::source::{Span, Spanned};

/// Writes the commands of a composition: before each step a line on stderr that counts, then the call.
pub fn write_commands(
    definition: &mut ast::Task,
    program: &Program,
    task: &Task,
    superset: &Superset,
    steps: &Spanned<Vec<ComposeStep>>,
    diagnostics: &mut Vec<Diagnostic>,
) {
    if let Some(written) = superset.written.iter().find(|key| matches!(key.value, "cmds" | "cmd")) {
        let message = format!("the task `{}` has both `ez-compose` and `{}`", task.name, written.value);
        diagnostics.push(
            Diagnostic::error(rule::COMPOSE_WITH_COMMANDS, message, written.span)
                .with_label("commands")
                .and_at(steps.span, "the composition")
                .with_help("move the commands into a task of their own, and make it a step"),
        );
        return;
    }
    let count = steps.value.len();
    definition.cmds = steps
        .value
        .iter()
        .enumerate()
        .flat_map(|(index, step)| {
            let line = format!("echo '[{}/{count}] {}' >&2", index + 1, step.task.value.replace('\'', ""));
            let told = command(CommandAction::Script(super::made(line, step.span)), step.span, true);
            let params = params_of(program, task, step);
            let vars = step_variables(&superset.defaults, &step.defaults, params);
            let call = CommandAction::Call { task: step.task.clone(), vars };
            [told, command(call, step.span, false)]
        })
        .collect();
}

fn params_of<'p>(program: &'p Program, task: &Task, step: &ComposeStep) -> &'p [Param] {
    match program.resolve(&task.callee(step.task.as_str())) {
        Resolution::Task(id, _) => {
            program.task(id).superset.as_ref().map_or(&[], |superset| superset.params.as_slice())
        }
        _ => &[],
    }
}

/// What a step passes on: its own defaults, then the composition's, then every param of the called task that has a value
/// here.
fn step_variables(shared: &[Variable], own: &[Variable], params: &[Param]) -> Vec<Variable> {
    let mut vars: Vec<Variable> = Vec::new();
    for variable in own.iter().chain(shared) {
        let is_param = params.iter().any(|param| param.name.value == variable.name.value);
        let name = if is_param { variable_name(&variable.name.value) } else { variable.name.value.clone() };
        if vars.iter().any(|known| known.name.value == name) {
            continue;
        }
        vars.push(match super::text_of(variable) {
            Some(text) => super::with_default(&name, &text, variable.span),
            None => Variable { name: Spanned::new(name, variable.name.span), ..variable.clone() },
        });
    }
    vars
}

fn command(action: CommandAction, span: Span, silent: bool) -> Command {
    Command {
        action,
        deferred: false,
        repeat: None,
        condition: None,
        silent,
        set: Vec::new(),
        shopt: Vec::new(),
        ignore_error: false,
        platforms: Vec::new(),
        timeout: None,
        span,
    }
}
