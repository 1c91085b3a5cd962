//! EZ501: a template that does not parse.

use super::facts::{Local, Parsed};
use super::texts::Use;
use crate::diagnostic::Diagnostic;
use crate::rule;
use crate::source::Span;
use crate::template::TemplateError;

/// Reports what Go's parser says, at the place where it says it.
pub fn check(local: &Local<'_>, found: &mut Vec<Diagnostic>) {
    for text in local.texts {
        let Some(template) = &text.template else { continue };
        // The errors after the first are mostly its consequences.
        let Some(error) = template.errors().iter().find(|error| !is_unknown_function(error)) else {
            continue;
        };
        found.push(report(local, text, error));
    }
}

/// Whether another rule reports this error.
pub fn is_unknown_function(error: &TemplateError) -> bool {
    error.message.starts_with("function ") && error.message.ends_with(" not defined")
}

fn report(local: &Local<'_>, text: &Parsed<'_>, error: &TemplateError) -> Diagnostic {
    let mut span = text.template_span(&error.range, local.sources);
    let value = text.text.value.as_str();
    let end_of_value = {
        let kept = value.trim_end().len();
        let end = text.span(&(0..kept), local.sources).end;
        Span { start: end, end, ..text.text.span }
    };
    if text.usage == Use::Reference {
        return Diagnostic::error(
            rule::TEMPLATE_SYNTAX,
            format!("this reference does not parse: {}", error.message),
            span,
        )
        .with_help("a reference is a template expression without braces, as `.NAME` or `index .LIST 0`");
    }
    if let Some(open) = unclosed_action(value, error) {
        let brace = text.span(&(open.start..open.start + 2), local.sources);
        let mut diagnostic = Diagnostic::error(rule::TEMPLATE_SYNTAX, "this `{{` is not closed", brace)
            .with_label("`}}` is missing")
            .with_help("write `}}` at the end of the expression");
        if let Some((at, missing)) = open.insert {
            let place = text.span(&(at..at), local.sources);
            diagnostic = diagnostic.with_fix(format!("insert `{missing}`"), place, missing);
        }
        return diagnostic;
    }
    if error.message.contains("unexpected EOF") {
        let branch = last_open_branch(value);
        if let Some(range) = &branch {
            span = text.span(range, local.sources);
        }
        return Diagnostic::error(rule::TEMPLATE_SYNTAX, "a branch of this template has no `{{end}}`", span)
            .with_label("opened here")
            .with_help("write `{{end}}` where the branch ends")
            .with_fix("add `{{end}}`", end_of_value, "{{end}}");
    }
    Diagnostic::error(rule::TEMPLATE_SYNTAX, format!("this template does not parse: {}", error.message), span)
        .with_label("here")
        .with_help("braces that are meant for another program are written {{`{{…}}`}}")
}

struct Unclosed {
    start: usize,
    insert: Option<(usize, &'static str)>,
}

/// An action that ends with one brace, or not at all.
fn unclosed_action(value: &str, error: &TemplateError) -> Option<Unclosed> {
    let unclosed = error.message.contains("unclosed action")
        || error.message.contains("unexpected \"}\"")
        || error.message.contains("bad character U+007D")
        || error.message.contains("unexpected \"{\"");
    if !unclosed {
        return None;
    }
    let limit = error.range.end.min(value.len());
    let start = value.get(..limit)?.rfind("{{").or_else(|| value.rfind("{{"))?;
    // A second `{{` inside an unclosed action is where the parser notices.
    let start = match value.get(..start).and_then(|before| before.rfind("{{")) {
        Some(outer) if !value.get(outer..start).is_some_and(|between| between.contains("}}")) => outer,
        _ => start,
    };
    let body = value.get(start + 2..)?;
    let insert = match body.find(['}', '\n', '{']) {
        Some(at) if body.as_bytes().get(at) == Some(&b'}') => Some((start + 2 + at, "}")),
        Some(_) => None,
        None => Some((value.len(), "}}")),
    };
    Some(Unclosed { start, insert })
}

/// The last `if`, `range` or `with` that has no `end`.
fn last_open_branch(value: &str) -> Option<std::ops::Range<usize>> {
    let mut open = Vec::new();
    let mut from = 0;
    while let Some(at) = value.get(from..).and_then(|rest| rest.find("{{")) {
        let start = from + at;
        let end =
            value.get(start..).and_then(|rest| rest.find("}}")).map_or(value.len(), |at| start + at + 2);
        let inside = value.get(start + 2..end).unwrap_or("").trim_start_matches('-').trim_start();
        let word: String = inside.chars().take_while(char::is_ascii_alphabetic).collect();
        match word.as_str() {
            "if" | "range" | "with" | "define" | "block" => open.push(start..end),
            "end" => {
                open.pop();
            }
            _ => {}
        }
        from = end;
    }
    open.pop()
}
