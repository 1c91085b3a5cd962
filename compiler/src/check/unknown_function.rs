//! EZ502: a template function that does not exist.

use super::facts::Local;
use super::template_syntax::is_unknown_function;
use crate::diagnostic::Diagnostic;
use crate::rule;
use crate::suggest::nearest;
use crate::template::functions;

/// Reports every unknown function with the nearest name.
pub fn check(local: &Local<'_>, found: &mut Vec<Diagnostic>) {
    for text in local.texts {
        let Some(template) = &text.template else { continue };
        for error in template.errors().iter().filter(|error| is_unknown_function(error)) {
            let span = text.template_span(&error.range, local.sources);
            let name = template.text().get(error.range.clone()).unwrap_or_default();
            let message = format!("no template function is named `{name}`");
            let mut diagnostic =
                Diagnostic::error(rule::UNKNOWN_FUNCTION, message, span).with_label("unknown function");
            let is_shouted = name.chars().all(|c| c.is_ascii_uppercase() || c == '_' || c.is_ascii_digit());
            let near = nearest(name, functions::all().map(|function| function.name));
            diagnostic =
                match near.filter(|_| !is_shouted) {
                    Some(near) => diagnostic.with_help(format!("did you mean `{near}`?")).with_fix(
                        format!("change to `{near}`"),
                        span,
                        near,
                    ),
                    None => diagnostic
                        .with_help(format!("a variable has a dot in front: `.{name}`"))
                        .with_fix(format!("change to `.{name}`"), span, format!(".{name}")),
                };
            found.push(diagnostic);
        }
    }
}
