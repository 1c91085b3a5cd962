//! EZ701: an `ez-` field that nobody knows.

use super::facts::{Local, Owner};
use crate::diagnostic::Diagnostic;
use crate::rule;
use crate::suggest::nearest;

/// The fields of EZ.
pub const KNOWN_FIELDS: &[&str] = &[
    "ez-params",
    "ez-hooks",
    "ez-extends",
    "ez-defaults",
    "ez-compose",
    "ez-cache",
    "ez-log",
    "ez-lock",
    "ez-retry",
    "ez-timeout",
    "ez-shell",
    "ez-tags",
    "ez-examples",
    "ez-artifacts",
    "ez-workspace",
    "ez-remote",
    "ez-server",
];

/// Reports unknown fields with the nearest name.
pub fn check(local: &Local<'_>, found: &mut Vec<Diagnostic>) {
    let extensions = match local.owner {
        Owner::Task(task) => &task.extensions,
        Owner::File(file) => &file.extensions,
        Owner::Plan => return,
    };
    for extension in extensions {
        let name = extension.key.value.as_str();
        if !name.starts_with("ez-") || KNOWN_FIELDS.contains(&name) {
            continue;
        }
        let span = extension.key.span;
        let diagnostic =
            Diagnostic::warning(rule::INVALID_EXTENSION, format!("no field is named `{name}`"), span)
                .with_label("unknown field");
        found.push(match nearest(name, KNOWN_FIELDS.iter().copied()) {
            Some(near) => diagnostic.with_help(format!("did you mean `{near}`?")).with_fix(
                format!("rename to `{near}`"),
                span,
                near,
            ),
            None => diagnostic.with_help(format!("the fields are {}", KNOWN_FIELDS.join(", "))),
        });
    }
}
