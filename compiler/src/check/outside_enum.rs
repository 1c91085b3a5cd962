//! EZ405: a value that the called task does not allow.

use super::context::Context;
use super::place;
use crate::ast::{EnumValues, RequiredVariable, Text, Variable, VariableValue};
use crate::diagnostic::{Diagnostic, Severity};
use crate::rule;
use crate::source::Span;
use crate::suggest::nearest;
use crate::template::has_template;

/// Compares static values, passed by a call or set by the task itself, with the `enum` of the requirement.
pub fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    for (id, task) in context.own_tasks() {
        for call in context.calls(id).iter().filter(|call| !call.vars.is_empty() && call.open.is_none()) {
            for callee in call.callees() {
                let callee = &context.program.task(callee).definition;
                for required in &callee.requires {
                    // The task's own variables hide those of the call.
                    if callee.vars.iter().any(|variable| variable.name.value == required.name.value) {
                        continue;
                    }
                    let Some(mut diagnostic) = outside(context, call.vars, required) else { continue };
                    if call.conditional || task.definition.condition.is_some() {
                        diagnostic.severity = Severity::Warning;
                    }
                    found.push(diagnostic);
                }
            }
        }
        for required in &task.definition.requires {
            found.extend(outside(context, &task.definition.vars, required));
        }
    }
}

fn outside(context: &Context<'_>, vars: &[Variable], required: &RequiredVariable) -> Option<Diagnostic> {
    let allowed = required.allowed.as_ref()?;
    let EnumValues::List(values) = &allowed.values else { return None };
    let variable = vars.iter().find(|variable| variable.name.value == required.name.value)?;
    let VariableValue::Text(text) = &variable.value else { return None };
    if values.is_empty() || has_template(&text.value) || values.contains(&text.value) {
        return None;
    }
    let name = &required.name.value;
    let span = inner_span(context, text);
    let message = format!("`{name}` may not be `{}`", text.value);
    let list: Vec<String> = values.iter().map(|value| format!("`{value}`")).collect();
    let diagnostic = Diagnostic::error(rule::OUTSIDE_ENUM, message, span)
        .with_label("not allowed")
        .and_at(allowed.span, "the allowed values");
    Some(match nearest(&text.value, values.iter().map(smol_str::SmolStr::as_str)) {
        Some(near) => diagnostic
            .with_help(format!("did you mean `{near}`? Allowed are {}", list.join(", ")))
            .with_fix(format!("change to `{near}`"), span, near),
        None => diagnostic.with_help(format!("allowed are {}", list.join(", "))),
    })
}

fn inner_span(context: &Context<'_>, text: &Text) -> Span {
    if text.value.is_empty() {
        text.span
    } else {
        place::span_in(text, &(0..text.value.len()), context.sources())
    }
}
