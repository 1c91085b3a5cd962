//! The tokens of a template's text, for editors: also of one that does not parse.

use std::ops::Range;

use super::functions::{self, Function};
use super::lex::{Delimiters, Lexer, Token, TokenKind};

/// What a piece of a template is.
#[derive(Clone, Copy, Debug)]
pub enum TemplateTokenKind {
    /// `{{` or `{{-`
    Open,
    /// `}}` or `-}}`
    Close,
    /// `if`, `range`, `end` …
    Keyword,
    /// The name of a function; of an unknown one there is no row.
    Function(Option<&'static Function>),
    /// A variable of the scope, without its dot.
    Field,
    /// What follows a variable: `b` of `.A.b`, without its dot.
    Property,
    /// `$`, `$x`
    Variable,
    /// A text or a character, with quotes.
    String,
    /// A number.
    Number,
    /// `true`, `false`, `nil`
    Constant,
    /// `|`, `:=`, `=`
    Operator,
    /// `/* … */`
    Comment,
}

/// A piece of a template.
#[derive(Clone, Debug)]
pub struct TemplateToken {
    /// What it is.
    pub kind: TemplateTokenKind,
    /// Its bytes.
    pub range: Range<usize>,
}

/// The tokens of a text, in order and apart from each other. What stands outside of actions, and what is no token, is
/// left out.
pub fn tokens(text: &str) -> Vec<TemplateToken> {
    tokens_between(text, Delimiters::default())
}

/// The same, of a text whose actions stand between these delimiters.
pub fn tokens_between(text: &str, delimiters: Delimiters) -> Vec<TemplateToken> {
    let mut lexer = Lexer::new(text, delimiters);
    let mut collected = Tokens { text, delimiters, found: Vec::new(), end: 0, is_chained: false };
    loop {
        let token = lexer.next();
        collected.comments_until(token.start);
        match token.kind {
            TokenKind::Eof => break,
            // Behind what cannot be read, actions begin anew.
            TokenKind::Error => {
                collected.unfinished(token);
                lexer.resume(token.end.max(collected.end));
                collected.end = collected.end.max(token.end);
                continue;
            }
            _ => collected.add(token),
        }
        collected.end = collected.end.max(token.end);
    }
    collected.found
}

struct Tokens<'t> {
    text: &'t str,
    delimiters: Delimiters,
    found: Vec<TemplateToken>,
    /// Where the last token ended.
    end: usize,
    /// Whether a field that follows at once belongs to what was last.
    is_chained: bool,
}

impl Tokens<'_> {
    fn push(&mut self, kind: TemplateTokenKind, range: Range<usize>) {
        let is_behind = self.found.last().is_none_or(|last| last.range.end <= range.start);
        if is_behind && range.start < range.end && self.text.get(range.clone()).is_some() {
            self.found.push(TemplateToken { kind, range });
        }
    }

    fn add(&mut self, token: Token) {
        use TemplateTokenKind as Kind;
        let Token { kind, start, end } = token;
        let written = self.text.get(start..end).unwrap_or_default();
        let was_chained = std::mem::take(&mut self.is_chained) && start == self.end;
        match kind {
            TokenKind::LeftDelimiter => {
                let marker = self.text.get(end..).unwrap_or_default().starts_with("- ");
                self.push(Kind::Open, start..end + usize::from(marker));
            }
            TokenKind::RightDelimiter => {
                let marker = self.text.get(..start).unwrap_or_default().ends_with('-');
                self.push(Kind::Close, start - usize::from(marker)..end);
            }
            TokenKind::Identifier => {
                self.push(Kind::Function(functions::find(written)), start..end);
            }
            TokenKind::Field => {
                self.is_chained = true;
                let after_data = was_chained
                    && self.found.last().is_some_and(|last| self.text.get(last.range.clone()) == Some("$"));
                let kind = if was_chained && !after_data { Kind::Property } else { Kind::Field };
                self.push(kind, start + 1..end);
            }
            TokenKind::Variable => {
                self.is_chained = true;
                self.push(Kind::Variable, start..end);
            }
            TokenKind::RightParen => self.is_chained = true,
            TokenKind::String | TokenKind::RawString | TokenKind::CharConstant => {
                self.push(Kind::String, start..end);
            }
            TokenKind::Number | TokenKind::Complex => self.push(Kind::Number, start..end),
            TokenKind::Bool | TokenKind::Nil => self.push(Kind::Constant, start..end),
            TokenKind::Pipe | TokenKind::Assign | TokenKind::Declare => self.push(Kind::Operator, start..end),
            kind if kind.is_keyword() && kind != TokenKind::Dot => self.push(Kind::Keyword, start..end),
            _ => {}
        }
    }

    /// A text without an end is one up to the end of its line.
    fn unfinished(&mut self, token: Token) {
        let rest = self.text.get(token.start..).unwrap_or_default();
        let kind = match rest.chars().next() {
            Some('"' | '\'' | '`') => TemplateTokenKind::String,
            Some('/') if rest.starts_with("/*") => TemplateTokenKind::Comment,
            _ => return,
        };
        self.push(kind, token.start..token.end);
    }

    /// The lexer passes comments over.
    fn comments_until(&mut self, start: usize) {
        let gap = self.text.get(self.end..start).unwrap_or_default();
        let Delimiters { left, right } = self.delimiters;
        let mut from = 0;
        while let Some(open) = gap.get(from..).and_then(|rest| rest.find("/*")).map(|at| from + at) {
            let close =
                gap.get(open..).and_then(|rest| rest.find("*/")).map_or(gap.len(), |at| open + at + 2);
            let before = gap.get(..open).and_then(|before| before.rfind(left)).unwrap_or(open);
            self.push(TemplateTokenKind::Open, self.end + before..self.end + trimmed_end(gap, before, open));
            self.push(TemplateTokenKind::Comment, self.end + open..self.end + close);
            if let Some(end) = gap.get(close..).and_then(|rest| rest.find(right)).map(|at| close + at) {
                let marker = usize::from(gap.get(close..end).is_some_and(|text| text.ends_with('-')));
                let start = self.end + end - marker;
                self.push(TemplateTokenKind::Close, start..self.end + end + right.len());
            }
            from = close;
        }
    }
}

/// The end of `{{` or `{{-` that begins at a place.
fn trimmed_end(text: &str, from: usize, to: usize) -> usize {
    text.get(from..to).map_or(to, |opening| from + opening.trim_end().len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::generated_input::generated;

    fn shown(text: &str) -> String {
        listed(text, &tokens(text))
    }

    fn listed(text: &str, tokens: &[TemplateToken]) -> String {
        let of = |token: &TemplateToken| {
            let kind = match token.kind {
                TemplateTokenKind::Function(Some(_)) => "Function".to_owned(),
                TemplateTokenKind::Function(None) => "Unknown".to_owned(),
                kind => format!("{kind:?}"),
            };
            format!("{kind} {}", &text[token.range.clone()])
        };
        tokens.iter().map(of).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn pieces_between_other_delimiters() {
        let text = "a {{.X}} <%- .port | upper -%> <%/* why */%> <% if .a \"%>\" %>";
        let expected = "Open <%-, Field port, Operator |, Function upper, Close -%>, Open <%, Comment /* why */, Close %>, \
                        Open <%, Keyword if, Field a, String \"%>\", Close %>";
        assert_eq!(listed(text, &tokens_between(text, Delimiters::ANGLES)), expected);
    }

    #[test]
    fn pieces_of_templates() {
        for (text, expected) in [
            ("a {{.X}} b", "Open {{, Field X, Close }}"),
            (
                "{{- $x := .A.b | upper -}}",
                "Open {{-, Variable $x, Operator :=, Field A, Property b, Operator |, Function upper, Close -}}",
            ),
            (
                "{{if eq $.OS \"linux\"}}x{{end}}",
                "Open {{, Keyword if, Function eq, Variable $, Field OS, String \"linux\", Close }}, Open {{, Keyword end, Close }}",
            ),
            (
                "{{/* why */}}{{nope 1 true}}",
                "Open {{, Comment /* why */, Close }}, Open {{, Unknown nope, Number 1, Constant true, Close }}",
            ),
            ("a {{- /* b */ -}} c", "Open {{-, Comment /* b */, Close -}}"),
            ("{{(dict).a}}", "Open {{, Function dict, Property a, Close }}"),
            ("{{.X", "Open {{, Field X"),
            ("{{\"a}} {{.Y}}", "Open {{, String \"a}} {{.Y}}"),
            ("{{.X & .Y}}", "Open {{, Field X, Field Y, Close }}"),
            ("no braces", ""),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    proptest! {
        #![proptest_config(generated(512))]

        #[test]
        fn pieces_never_overlap(parts in prop::collection::vec(prop::sample::select(vec![
            "{{", "}}", "{{-", "-}}", " ", ".A", ".", "$x", "|", "\"", "`", "'", "/*", "*/", "if ", "end", "é", "\n", "(", ")", "upper", "1", ":=",
        ]), 0..24)) {
            let text = parts.concat();
            let mut end = 0;
            for token in tokens(&text) {
                prop_assert!(end <= token.range.start && token.range.start < token.range.end);
                prop_assert!(text.get(token.range.clone()).is_some());
                end = token.range.end;
            }
        }
    }
}
