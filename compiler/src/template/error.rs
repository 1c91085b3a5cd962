//! What is wrong with a template, in Go's words.

use std::fmt;
use std::ops::Range;

use super::quote::quote;

/// When the error shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// While parsing.
    Parse,
    /// While evaluating.
    Evaluation,
}

/// One error, with its place in the template's text. `Display` gives go-task's full line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateError {
    /// When it shows.
    pub kind: ErrorKind,
    /// Go's message without the prefix that names the place.
    pub message: String,
    /// The bytes of the template's text that are to blame.
    pub range: Range<usize>,
    /// Line of Go's message, from 1.
    pub line: usize,
    /// Byte in the line of Go's message, from 0; parse errors have none.
    pub column: usize,
    /// The name under which the text was parsed: empty, but `resolver` for `ref:`.
    pub parse_name: Box<str>,
    /// The template that was being evaluated: [`Self::parse_name`] or that of a `define`.
    pub template: Box<str>,
    /// What was being evaluated, as Go prints it.
    pub context: Box<str>,
}

impl TemplateError {
    /// Go's full line: `template: :1:5: executing "" at <.X.Y>: …` or `template: :1: …`.
    pub fn full_message(&self) -> String {
        self.to_string()
    }
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { message, line, column, parse_name, template, context, .. } = self;
        match self.kind {
            ErrorKind::Parse => write!(f, "template: {parse_name}:{line}: {message}"),
            ErrorKind::Evaluation => write!(
                f,
                "template: {parse_name}:{line}:{column}: executing {} at <{context}>: {message}",
                quote(template)
            ),
        }
    }
}

impl std::error::Error for TemplateError {}

/// Line (from 1) and byte in the line (from 0) of a byte, as Go counts them.
pub(super) fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = text.as_bytes().get(..offset).unwrap_or(text.as_bytes());
    #[expect(clippy::naive_bytecount, reason = "only errors count lines")]
    let line = 1 + before.iter().filter(|b| **b == b'\n').count();
    let line_start = before.iter().rposition(|b| *b == b'\n').map_or(0, |newline| newline + 1);
    (line, before.len() - line_start)
}
