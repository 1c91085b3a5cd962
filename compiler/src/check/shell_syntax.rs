//! EZ601: a script that the shell cannot parse.

use super::facts::{Local, Owner};
use super::texts::Use;
use crate::diagnostic::{Diagnostic, Severity};
use crate::rule;
use crate::shell;

/// Reports what is wrong whatever the templates print.
pub fn check(local: &Local<'_>, found: &mut Vec<Diagnostic>) {
    for text in local.texts {
        let (Use::Command { .. } | Use::Test) = text.usage else { continue };
        if text.script.is_some() && !text.text.value.contains("{{") {
            continue;
        }
        let Some(error) = shell::syntax_error(&text.text.value) else { continue };
        let span = text.span(&error.range.range(), local.sources);
        let mut diagnostic = Diagnostic::error(
            rule::SHELL_SYNTAX,
            format!("the shell cannot parse this: {}", error.message),
            span,
        )
        .with_label("here")
        .with_help(help(&error.message));
        let forgiven = matches!(text.usage, Use::Test | Use::Command { forgiven: true });
        // What a template prints may mend what is wrong as it stands.
        if forgiven || text.text.value.contains("{{") || matches!(local.owner, Owner::File(_)) {
            diagnostic.severity = Severity::Warning;
        }
        found.push(diagnostic);
    }
}

fn help(message: &str) -> &'static str {
    if message.contains("quote") {
        "close the quote, or put a backslash in front of it"
    } else if message.contains("must be followed by")
        || message.contains("must end with")
        || message.contains("EOF")
    {
        "no line of the script runs; complete the construct (each entry of `cmds` is a script of its own)"
    } else {
        "no line of the script runs; quote the characters that mean something to the shell"
    }
}
