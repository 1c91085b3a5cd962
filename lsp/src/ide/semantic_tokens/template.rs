//! Tokens of templates.

use std::ops::Range;

use ez_compiler::check::names_of_data;
use ez_compiler::template::tokens::{TemplateToken, TemplateTokenKind, tokens, tokens_between};
use ez_compiler::template::{Delimiters, Template};
use ez_compiler::template_file::TASK;
use rustc_hash::FxHashSet;

use super::paint::{Ground, Paint};
use super::{Modifiers, TokenKind};
use crate::ide::special_variables;

/// What the variables of params begin with.
const PARAM_PREFIX: &str = "EZ_";

/// Paints the actions of a text over what is there.
pub fn paint(text: &str, paint: &mut Paint) {
    paint_tokens(text, tokens(text), |token, name| kind_of(&token.kind, name), paint);
}

/// The same between the angles of a template file.
pub fn paint_made(text: &str, paint: &mut Paint) {
    let template = Template::parse_between(text, "", Delimiters::ANGLES);
    let read: FxHashSet<Range<usize>> = names_of_data(&template).into_iter().collect();
    let kind = |token: &TemplateToken, name: &str| match token.kind {
        TemplateTokenKind::Field | TemplateTokenKind::Property if read.contains(&token.range) => {
            if name == TASK {
                (TokenKind::Variable, Modifiers::READONLY)
            } else {
                (TokenKind::Parameter, Modifiers::NONE)
            }
        }
        // A field of an item, where `range` or `with` has changed what `.` is.
        TemplateTokenKind::Field => (TokenKind::Property, Modifiers::NONE),
        _ => kind_of(&token.kind, name),
    };
    paint_tokens(text, tokens_between(text, Delimiters::ANGLES), kind, paint);
}

fn paint_tokens(
    text: &str,
    tokens: Vec<TemplateToken>,
    kind_of: impl Fn(&TemplateToken, &str) -> (TokenKind, Modifiers),
    paint: &mut Paint,
) {
    let mut open = None;
    for token in &tokens {
        match token.kind {
            TemplateTokenKind::Open => open = Some(token.range.start),
            TemplateTokenKind::Close => {
                if let Some(start) = open.take() {
                    paint.clear(start..token.range.end, Ground::Plain);
                }
            }
            _ => {}
        }
    }
    // An action that is not closed ends with what is read of it.
    if let (Some(start), Some(last)) = (open, tokens.last()) {
        paint.clear(start..last.range.end, Ground::Plain);
    }
    for token in tokens {
        let name = text.get(token.range.clone()).unwrap_or_default();
        let (kind, modifiers) = kind_of(&token, name);
        paint.token(token.range, kind, modifiers);
    }
}

/// Paints an expression without braces.
pub fn paint_expression(text: &str, paint: &mut Paint) {
    let braced = format!("{{{{{text}}}}}");
    for token in tokens(&braced) {
        if matches!(token.kind, TemplateTokenKind::Open | TemplateTokenKind::Close) {
            continue;
        }
        let name = braced.get(token.range.clone()).unwrap_or_default();
        let (kind, modifiers) = kind_of(&token.kind, name);
        let back = |at: usize| at.saturating_sub("{{".len());
        paint.token(back(token.range.start)..back(token.range.end), kind, modifiers);
    }
}

fn kind_of(kind: &TemplateTokenKind, name: &str) -> (TokenKind, Modifiers) {
    match kind {
        TemplateTokenKind::Open | TemplateTokenKind::Close => (TokenKind::Macro, Modifiers::NONE),
        TemplateTokenKind::Keyword | TemplateTokenKind::Constant => (TokenKind::Keyword, Modifiers::NONE),
        TemplateTokenKind::Function(Some(_)) => (TokenKind::Function, Modifiers::DEFAULT_LIBRARY),
        TemplateTokenKind::Function(None) => (TokenKind::Function, Modifiers::NONE),
        TemplateTokenKind::Field if name.starts_with(PARAM_PREFIX) => (TokenKind::Parameter, Modifiers::NONE),
        TemplateTokenKind::Field if special_variables::find(name).is_some() => {
            (TokenKind::Variable, Modifiers::READONLY)
        }
        TemplateTokenKind::Field | TemplateTokenKind::Variable => (TokenKind::Variable, Modifiers::NONE),
        TemplateTokenKind::Property => (TokenKind::Property, Modifiers::NONE),
        TemplateTokenKind::String => (TokenKind::String, Modifiers::NONE),
        TemplateTokenKind::Number => (TokenKind::Number, Modifiers::NONE),
        TemplateTokenKind::Operator => (TokenKind::Operator, Modifiers::NONE),
        TemplateTokenKind::Comment => (TokenKind::Comment, Modifiers::NONE),
    }
}
