//! What steps give to their tasks: all that these require, nothing that they do not allow, and nothing that they do not
//! read (EZ403, EZ404, EZ405).

use super::catalog::CatalogTask;
use super::link::Linker;
use crate::ast::param::variable_name;
use crate::ast::{EnumValues, RequiredVariable, Step, Text, Variable, VariableValue};
use crate::check::span_in;
use crate::diagnostic::Diagnostic;
use crate::ir::plan::{PlanStep, TaskKind};
use crate::rule;
use crate::source::Span;
use crate::suggest::nearest;
use crate::superset::{requirements, value_problem};
use crate::template::has_template;

/// Compares the variables of each step with what its task asks for. Steps of which the task depends on their matrix are
/// left out: their combinations may give different things.
pub(super) fn check(linker: &Linker<'_>, steps: &[PlanStep]) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (index, (written, step)) in linker.plan.steps.iter().zip(steps).enumerate() {
        let first = linker.nodes_of(index).next();
        let task = first.and_then(|id| linker.task_of(linker.nodes.get(id.0 as usize)?));
        let Some(task) = task.filter(|_| !has_template(&written.task.value)) else { continue };
        found.extend(missing(linker, &task, written, step));
        for (variable, linked) in written.vars.iter().zip(&step.vars) {
            found.extend(not_allowed(linker, &task, variable, &linked.name.value));
            found.extend(not_read(linker, &task, variable, &linked.name.value));
        }
    }
    found
}

/// What the task requires and nobody gives. A warning, because the environment of the run can still give it.
fn missing(
    linker: &Linker<'_>,
    task: &CatalogTask<'_>,
    written: &Step,
    step: &PlanStep,
) -> Option<Diagnostic> {
    let definition = &task.task().definition;
    let of_params = task.task().superset.iter().flat_map(|superset| requirements(superset));
    let required: Vec<RequiredVariable> = definition.requires.iter().cloned().chain(of_params).collect();
    let missing: Vec<&RequiredVariable> = required
        .iter()
        .filter(|required| {
            let name = required.name.value.as_str();
            let passed = step.vars.iter().chain(&step.env);
            !name.is_empty()
                && passed.into_iter().all(|variable| variable.name.value != name)
                && !is_given(task, name)
                && !linker.catalog.has_environment(name)
        })
        .collect();
    let first = missing.first()?;
    let names: Vec<String> = missing.iter().map(|required| format!("`{}`", required.name.value)).collect();
    let names = names.join(", ");
    let message =
        format!("the task `{}` requires {names}, which this step does not pass", written.task.value);
    let span = span_in(&written.task, &(0..written.task.value.len()), linker.sources);
    Some(
        missing.iter().fold(
            Diagnostic::warning(rule::MISSING_REQUIRED, message, span)
                .with_label(format!("{names} missing"))
                .with_help(format!("pass it: `vars: {{{}: …}}`", first.name.value)),
            |diagnostic, required| match place_of(task, required.name.span) {
                Some(place) => diagnostic.and_at(place, "required here"),
                None => diagnostic,
            },
        ),
    )
}

/// A place in the text of a task, where that is among those of the project.
fn place_of(task: &CatalogTask<'_>, span: Span) -> Option<Span> {
    (task.kind == TaskKind::Inline).then_some(span)
}

/// Whether a task has a variable without the step.
fn is_given(task: &CatalogTask<'_>, name: &str) -> bool {
    let (program, called) = (task.program, task.task());
    // What stands in dotenv files is not known here.
    !program.dotenv.is_empty()
        || !called.definition.dotenv.is_empty()
        || program.vars.contains_key(name)
        || program.env.contains_key(name)
        || called.include_vars.iter().any(|variable| variable.name.value == name)
        || called.including_vars.as_ref().is_some_and(|vars| vars.contains_key(name))
        || called.definition.vars.iter().any(|variable| variable.name.value == name)
}

/// A value that is known before anything runs, and that the task does not take.
fn not_allowed(
    linker: &Linker<'_>,
    task: &CatalogTask<'_>,
    variable: &Variable,
    name: &str,
) -> Option<Diagnostic> {
    let VariableValue::Text(text) = &variable.value else { return None };
    if has_template(&text.value) || text.value.is_empty() {
        return None;
    }
    let param = task.params().iter().find(|param| variable_name(&param.name.value) == name);
    if let Some(param) = param {
        let options: Vec<&str> = param.options.iter().map(Text::as_str).collect();
        let message = value_problem(param, &text.value, &options)?;
        return Some(refused(linker, text, message, place_of(task, param.span), "the param", &options));
    }
    let definition = &task.task().definition;
    // The task's own variables hide those of the step.
    if definition.vars.iter().any(|own| own.name.value == name) {
        return None;
    }
    let required = definition.requires.iter().find(|required| required.name.value == name)?;
    let allowed = required.allowed.as_ref()?;
    let EnumValues::List(values) = &allowed.values else { return None };
    let values: Vec<&str> = values.iter().map(smol_str::SmolStr::as_str).collect();
    if values.is_empty() || values.contains(&text.as_str()) {
        return None;
    }
    let message = format!("`{name}` may not be `{}`", text.value);
    let place = place_of(task, allowed.span);
    Some(refused(linker, text, message, place, "the allowed values", &values))
}

/// A variable that the task never reads.
fn not_read(
    linker: &Linker<'_>,
    task: &CatalogTask<'_>,
    variable: &Variable,
    name: &str,
) -> Option<Diagnostic> {
    let called = task.task();
    let is_param = task.params().iter().any(|param| variable_name(&param.name.value) == name);
    let run = called.definition.run.as_ref().or(task.program.run.as_ref());
    // There the variables decide whether the task runs again.
    let distinguishes = run.is_some_and(|run| run.value != "always" && run.value != "once");
    let is_of_include = called.include_vars.iter().any(|variable| variable.name.value == name);
    if is_param || distinguishes || is_of_include || linker.catalog.may_read(task, name) {
        return None;
    }
    let message = format!("the task `{}` never reads `{name}`", called.name);
    let diagnostic = Diagnostic::warning(rule::UNREAD_ARGUMENT, message, variable.name.span)
        .with_label("passed for nothing")
        .and_at(called.name_span(), "the called task");
    let params: Vec<&str> = task.params().iter().map(|param| param.name.value.as_str()).collect();
    Some(match nearest(&variable.name.value, params) {
        Some(near) => diagnostic.with_help(format!("did you mean `{near}`?")).with_fix(
            format!("rename to `{near}`"),
            variable.name.span,
            near,
        ),
        None => diagnostic.with_help("remove it, or read it in the task"),
    })
}

fn refused(
    linker: &Linker<'_>,
    text: &Text,
    message: String,
    asked_for: Option<Span>,
    remark: &'static str,
    allowed: &[&str],
) -> Diagnostic {
    let span = span_in(text, &(0..text.value.len()), linker.sources);
    let mut diagnostic = Diagnostic::error(rule::OUTSIDE_ENUM, message, span).with_label("not allowed");
    if let Some(place) = asked_for {
        diagnostic = diagnostic.and_at(place, remark);
    }
    let list: Vec<String> = allowed.iter().map(|value| format!("`{value}`")).collect();
    match nearest(&text.value, allowed.iter().copied()) {
        Some(near) => diagnostic
            .with_help(format!("did you mean `{near}`? Allowed are {}", list.join(", ")))
            .with_fix(format!("change to `{near}`"), span, near),
        None if allowed.is_empty() => diagnostic.with_help("write a value that the task takes"),
        None => diagnostic.with_help(format!("allowed are {}", list.join(", "))),
    }
}
