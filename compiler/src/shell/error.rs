//! What is wrong with a shell script.

use std::fmt;

use super::ast::TextRange;

/// The highest line number that messages show; `?` stands for higher ones, as in the shell that go-task embeds.
const MAX_LINE: u32 = (1 << 18) - 1;
/// The highest column that messages show; `?` stands for higher ones.
const MAX_COLUMN: u32 = (1 << 14) - 1;

/// A place while parsing: the byte, and line and column as messages count them (both from 1, the column in bytes).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Pos {
    pub(super) offset: u32,
    pub(super) line: u32,
    pub(super) column: u32,
}

impl Pos {
    /// The place some bytes further on the same line.
    pub(super) fn plus(self, bytes: usize) -> Self {
        Self { offset: self.offset + bytes as u32, column: self.column + bytes as u32, ..self }
    }
}

/// A syntax error. Its `Display` is the text that go-task prints: `1:5: reached EOF without …`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// The line, from 1.
    pub line: u32,
    /// The column in bytes, from 1, as go-task counts it.
    pub column: u32,
    /// What the message is about, in bytes of the script; empty at its end.
    pub range: TextRange,
    /// The message without the place.
    pub message: String,
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |number: u32, limit: u32| match number {
            1.. if number <= limit => number.to_string(),
            _ => "?".to_owned(),
        };
        write!(f, "{}:{}: {}", shown(self.line, MAX_LINE), shown(self.column, MAX_COLUMN), self.message)
    }
}

impl std::error::Error for SyntaxError {}

pub(super) type Parsed<T> = Result<T, Box<SyntaxError>>;
