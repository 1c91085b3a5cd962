//! EZ305: a pattern that no file can match, because it does not parse.

use super::facts::{Local, Owner};
use super::place;
use crate::diagnostic::Diagnostic;
use crate::rule;
use crate::shell::parse_words;
use crate::template::has_template;

/// go-task drops such a pattern without a word.
pub fn check(local: &Local<'_>, found: &mut Vec<Diagnostic>) {
    let Owner::Task(task) = local.owner else { return };
    for glob in task.sources.iter().chain(&task.generates) {
        let value = glob.pattern.value.as_str();
        if has_template(value) {
            continue;
        }
        // As go-task prepares a pattern, byte by byte the same length is not kept, so only whole words are blamed.
        let escaped = value.replace(' ', "\\ ").replace('&', "\\&").replace('(', "\\(").replace(')', "\\)");
        let Err(error) = parse_words(&escaped) else { continue };
        let span = place::span_in(&glob.pattern, &(0..value.len()), local.sources);
        found.push(
            Diagnostic::warning(
                rule::INVALID_GLOB,
                format!("this pattern does not parse: {}", error.message),
                span,
            )
            .with_label("matches nothing")
            .with_help("put a backslash in front of quotes, `$` and backquotes that are meant as they are"),
        );
    }
}
