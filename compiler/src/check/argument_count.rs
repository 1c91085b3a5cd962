//! EZ503: a template function with too few or too many arguments.

use super::facts::Local;
use crate::diagnostic::{Diagnostic, Severity};
use crate::rule;

/// Compares every call with the table of functions.
pub fn check(local: &Local<'_>, found: &mut Vec<Diagnostic>) {
    for (text, reads) in local.texts.iter().zip(local.reads) {
        for call in &reads.calls {
            let Some(function) = call.identifier.function else { continue };
            let given = call.arguments.len() + usize::from(call.piped);
            let least = function.min_arguments();
            let most = function.max_arguments();
            if given >= least && most.is_none_or(|most| given <= most) {
                continue;
            }
            let wanted = match most {
                Some(most) if most == least => format!("{least}"),
                Some(most) => format!("{least} to {most}"),
                None => format!("at least {least}"),
            };
            let plural = if wanted == "1" { "argument" } else { "arguments" };
            let message = format!("`{}` takes {wanted} {plural}, not {given}", function.name);
            let span = text.template_span(&call.identifier.range, local.sources);
            let mut diagnostic = Diagnostic::error(rule::ARGUMENT_COUNT, message, span)
                .with_label(format!("{given} given"))
                .with_help(format!("it is written `{}`", function.signature));
            if call.conditional {
                diagnostic.severity = Severity::Warning;
            }
            found.push(diagnostic);
        }
    }
}
