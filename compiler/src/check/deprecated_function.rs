//! EZ110: a template function under a name that go-task keeps for old Taskfiles only.

use super::facts::Local;
use crate::diagnostic::Diagnostic;
use crate::rule;

/// Reports every call by an old name.
pub fn check(local: &Local<'_>, found: &mut Vec<Diagnostic>) {
    for (text, reads) in local.texts.iter().zip(local.reads) {
        for call in &reads.calls {
            let Some(function) = call.identifier.function else { continue };
            let Some(instead) = function.instead else { continue };
            let span = text.template_span(&call.identifier.range, local.sources);
            found.push(
                Diagnostic::warning(
                    rule::DEPRECATED,
                    format!("`{}` is the old name of `{instead}`", function.name),
                    span,
                )
                .with_label("deprecated")
                .with_help(format!("write `{instead}`"))
                .with_fix(format!("change to `{instead}`"), span, instead),
            );
        }
    }
}
