//! What EZ adds to go-task's language, turned into it: bases, compositions and params become commands, variables and
//! requirements of the tasks themselves. What cannot be said that way stays in the task's [`ast::Superset`], for the
//! runner.

mod cache;
mod compose;
mod extends;
mod params;
mod plugins;

pub use params::{
    RESERVED_VARIABLES, default_of, is_checked_by_requirement, is_reserved, param_problem, requirements,
    value_problem,
};

use std::fmt::Write as _;
use std::sync::Arc;

use smol_str::SmolStr;

use crate::ast;
use crate::diagnostic::Diagnostic;
use crate::ir::{Program, Task, TaskId};
use crate::plugin::Plugins;
use crate::source::Span;
use crate::template::Value;
use crate::yaml::node::ScalarStyle;

/// Expands the `ez-*` fields of all tasks. What is wrong with them is told at the places where they are written.
pub fn expand(program: &mut Program, plugins: &Plugins) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    if program.tasks.iter().all(|task| task.definition.superset.is_none()) {
        return diagnostics;
    }
    let merged = extends::merge_all(program, &mut diagnostics);
    for (id, mut task) in merged {
        if let Some(superset) = &mut task.superset {
            plugins::resolve(superset, plugins, &mut diagnostics);
        }
        if let Some(place) = program.tasks.get_mut(id.0 as usize) {
            *place = task;
        }
    }
    let expanded: Vec<(TaskId, Task)> = program
        .ids()
        .filter_map(|id| {
            let task = program.task(id);
            task.superset
                .as_ref()
                .map(|superset| (id, expand_task(program, task, superset, &mut diagnostics)))
        })
        .collect();
    for (id, task) in expanded {
        if let Some(place) = program.tasks.get_mut(id.0 as usize) {
            *place = task;
        }
    }
    diagnostics
}

fn expand_task(
    program: &Program,
    task: &Task,
    superset: &ast::Superset,
    diagnostics: &mut Vec<Diagnostic>,
) -> Task {
    let mut definition = ast::Task::clone(&task.definition);
    params::declare(&mut definition, superset, diagnostics);
    if let Some(steps) = &superset.compose {
        compose::write_commands(&mut definition, program, task, superset, steps, diagnostics);
    }
    cache::check(&definition, superset, diagnostics);
    Task { definition: Arc::new(definition), ..task.clone() }
}

/// A text that EZ makes, told of at the place of what it was made from.
fn made(value: impl Into<SmolStr>, span: Span) -> ast::Text {
    ast::Text { value: value.into(), span, style: ScalarStyle::Plain }
}

/// The text of a value that is written out: a text, or a number or a boolean.
fn text_of(variable: &ast::Variable) -> Option<ast::Text> {
    match &variable.value {
        ast::VariableValue::Text(text) => Some(text.clone()),
        ast::VariableValue::Literal(value @ (Value::Bool(_) | Value::Int(_) | Value::Float(_))) => {
            Some(made(value.to_text(), variable.span))
        }
        _ => None,
    }
}

/// A variable that keeps the value that it has, and else gets one.
fn with_default(name: &str, default: &ast::Text, span: Span) -> ast::Variable {
    let value = format!("{{{{.{name} | default {}}}}}", template_operand(default.as_str()));
    ast::Variable {
        name: crate::source::Spanned::new(name.into(), span),
        value: ast::VariableValue::Text(made(value, default.span)),
        span,
        secret: false,
    }
}

/// A text as an operand in a template: a literal, or, where it has templates itself, what they print.
fn template_operand(text: &str) -> String {
    if !text.contains("{{") {
        return quoted(text);
    }
    let mut parts: Vec<String> = Vec::new();
    let mut rest = text;
    while let Some((before, from)) = rest.split_once("{{") {
        let Some((action, after)) = from.split_once("}}") else { break };
        if !before.is_empty() {
            parts.push(quoted(before));
        }
        parts.push(format!("({})", action.trim_matches('-').trim()));
        rest = after;
    }
    if !rest.is_empty() {
        parts.push(quoted(rest));
    }
    match parts.as_slice() {
        [one] => one.clone(),
        // `print` puts spaces between operands that are no texts; `printf` does not.
        _ => format!("(printf {} {})", quoted(&"%v".repeat(parts.len())), parts.join(" ")),
    }
}

/// A Go string literal.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if c.is_control() => {
                // A `String` takes all that is written to it.
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests;
