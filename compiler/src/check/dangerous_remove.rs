//! EZ603: `rm -rf "$X"/*`, which removes everything where `X` is empty.

use super::facts::{Local, Owner};
use crate::ast::{self, VariableValue};
use crate::diagnostic::Diagnostic;
use crate::rule;
use crate::template::value::Value;

/// Variables that the system sets for everybody.
const ALWAYS_SET: &[&str] = &["HOME", "PWD"];

/// Reports removals under a variable that may be empty.
pub fn check(local: &Local<'_>, found: &mut Vec<Diagnostic>) {
    let (env, unset_is_an_error) = match local.owner {
        Owner::Task(task) => (task.env.as_slice(), task.set.iter().any(|set| is_nounset(&set.value))),
        Owner::File(file) => (file.env.as_slice(), file.set.iter().any(|set| is_nounset(&set.value))),
        Owner::Plan => return,
    };
    if unset_is_an_error {
        return;
    }
    for text in local.texts {
        let Some((inspection, masked)) = &text.script else { continue };
        for removal in inspection.removals.iter().filter(|removal| !masked.touches(removal.range)) {
            let name = removal.variable.name.as_str();
            let is_set = ALWAYS_SET.contains(&name)
                || inspection.writes.iter().any(|write| write.name == name)
                || env.iter().any(|variable| variable.name.value == name && is_filled(variable));
            if is_set {
                continue;
            }
            let expansion = text.span(&removal.expansion.range(), local.sources);
            let safe = format!("${{{name}:?}}");
            found.push(
                Diagnostic::warning(
                    rule::DANGEROUS_REMOVE,
                    format!("with `{name}` empty, this removes far too much"),
                    text.span(&removal.range.range(), local.sources),
                )
                .with_label("begins at the root of the disk then")
                .with_help(format!("`{safe}` stops the script where `{name}` is empty"))
                .with_fix(format!("write `{safe}`"), expansion, safe),
            );
        }
    }
}

fn is_nounset(option: &str) -> bool {
    matches!(option, "u" | "nounset")
}

fn is_filled(variable: &ast::Variable) -> bool {
    match &variable.value {
        VariableValue::Text(text) => !text.value.is_empty() && !text.value.contains("{{"),
        VariableValue::Literal(value) => !matches!(value, Value::Null),
        VariableValue::Shell(_) | VariableValue::Reference(_) => false,
    }
}
