//! EZ504 for variables: `range` over one that is text, comparing text with a number.

use super::context::Context;
use super::facts::VariableRead;
use super::reads::Needs;
use crate::ast::{self, VariableValue};
use crate::diagnostic::{Diagnostic, Severity};
use crate::rule;
use crate::template::value::Value;

/// What a variable holds, whoever sets it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Holds {
    Text,
    Number,
}

/// Looks only at variables that always hold the same type.
pub fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    for (id, task) in context.own_definitions() {
        let facts = context.facts(id);
        for read in facts.reads.iter().filter(|read| read.needs != Needs::Anything && !read.local) {
            let Some(holds) = held(context, read, &task.definition) else { continue };
            found.extend(report(read, holds));
        }
    }
}

fn held(context: &Context<'_>, read: &VariableRead, task: &ast::Task) -> Option<Holds> {
    let name = read.name.as_str();
    // The task's own variable hides all others.
    if let Some(own) = task.vars.iter().find(|variable| variable.name.value == name) {
        return holds(&own.value);
    }
    if context.is_special(name) || context.required.contains(name) || context.is_in_environment(name) {
        return None;
    }
    let definitions = context.shared.get(name)?;
    let first = holds(definitions.first()?)?;
    definitions.iter().all(|value| holds(value) == Some(first)).then_some(first)
}

fn holds(value: &VariableValue) -> Option<Holds> {
    match value {
        VariableValue::Text(_) | VariableValue::Shell(_) => Some(Holds::Text),
        VariableValue::Literal(Value::Int(_)) => Some(Holds::Number),
        VariableValue::Literal(_) | VariableValue::Reference(_) => None,
    }
}

fn report(read: &VariableRead, holds: Holds) -> Option<Diagnostic> {
    let name = &read.name;
    let (message, help) = match (read.needs, holds) {
        (Needs::Items, Holds::Text) => (
            format!("`range` cannot repeat over `{name}`, which is text"),
            format!("make `{name}` a list, or split it: `range splitList \" \" .{name}`"),
        ),
        (Needs::Number, Holds::Text) => (
            format!("`{name}` is text and is compared with a number"),
            format!("put the number in quotes, or write `(int .{name})`"),
        ),
        (Needs::Text, Holds::Number) => (
            format!("`{name}` is a number and is compared with text"),
            format!("take the quotes away, or quote the value of `{name}`"),
        ),
        _ => return None,
    };
    let mut diagnostic =
        Diagnostic::error(rule::TEMPLATE_TYPE, message, read.span).with_label("wrong type").with_help(help);
    if read.conditional {
        diagnostic.severity = Severity::Warning;
    }
    Some(diagnostic)
}
