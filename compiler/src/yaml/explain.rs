//! What is wrong, for people: go-yaml's terse problem and the line that it points at become a message, a place and a fix.

use std::ops::Range;

use super::compose::{ComposeError, MAX_NESTING};
use super::error::YamlError;
use super::parse::MAX_FILE_SIZE;
use super::scan::Problem;
use crate::diagnostic::{Edit, Fix};
use crate::rule;
use crate::source::{SourceId, Span};

/// How many bytes are looked at at once: a loop that never stops early is done many bytes at a time.
const CHUNK: usize = 256;

/// go-yaml's words for a `:` after a value.
pub(super) const NO_MAPPING_VALUE: &str = "mapping values are not allowed in this context";

/// A word alone on the line above that of an offset, indented as it: one that is yet to become a key. YAML takes it for the
/// value of what is above it, and blames the next key.
pub(super) fn lone_word_above(text: &str, offset: usize) -> Option<Range<usize>> {
    let indentation = |line: &str| line.len() - line.trim_start_matches(' ').len();
    let start = text.get(..offset)?.rfind('\n')? + 1;
    let own = indentation(text.get(start..)?);
    let mut end = start;
    loop {
        let line_start = text.get(..end.checked_sub(1)?)?.rfind('\n').map_or(0, |at| at + 1);
        let line = text.get(line_start..end)?;
        let word = line.trim();
        if word.is_empty() && line_start > 0 {
            end = line_start;
            continue;
        }
        let begins = word.starts_with(|c: char| c.is_alphanumeric() || c == '_');
        let is_word = begins && !word.contains(char::is_whitespace) && !word.ends_with(':');
        let first = line_start + indentation(line);
        return (is_word && indentation(line) == own).then(|| first..first + word.len());
    }
}

/// The error of a file that is larger than [`MAX_FILE_SIZE`].
pub(super) fn too_large(length: usize, source: SourceId) -> YamlError {
    YamlError {
        code: rule::LIMIT_EXCEEDED,
        message: format!("this file has {length} bytes, more than the limit of {MAX_FILE_SIZE}"),
        span: Span::new(source, 0, 0),
        go_message: None,
        help: Some("split it with `includes`".to_owned()),
        fix: None,
    }
}

/// A text with blanks for the control characters that YAML forbids, and the error about the first of them.
pub(super) fn without_control_characters(text: &str, source: SourceId) -> Option<(String, YamlError)> {
    // Bytes first: nearly every file passes this without a look at its characters.
    let is_usual = |byte: u8| (b' '..0x7F).contains(&byte) || matches!(byte, b'\n' | b'\t' | b'\r');
    let are_usual = |bytes: &[u8]| bytes.iter().fold(true, |usual, &byte| usual & is_usual(byte));
    if text.as_bytes().chunks(CHUNK).all(are_usual) {
        return None;
    }
    let is_forbidden = |c: char| !matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{A0}'..='\u{FFFD}' | '\u{10000}'..);
    let (at, first) = text.char_indices().find(|(_, c)| is_forbidden(*c))?;
    let mut cleaned = String::with_capacity(text.len());
    for c in text.chars() {
        if is_forbidden(c) {
            cleaned.extend(std::iter::repeat_n(' ', c.len_utf8()));
        } else {
            cleaned.push(c);
        }
    }
    let error = YamlError {
        code: rule::YAML_SYNTAX,
        message: format!("the control character U+{:04X} is not allowed", first as u32),
        span: Span::new(source, at, at + first.len_utf8()),
        go_message: Some("yaml: control characters are not allowed".to_owned()),
        help: Some("remove it, or write it as an escape in double quotes".to_owned()),
        fix: None,
    };
    Some((cleaned, error))
}

/// The error for people.
pub(super) fn explain(error: &ComposeError, text: &str, source: SourceId) -> YamlError {
    match error {
        ComposeError::Syntax(problem) => Explainer { problem, text, source }.explain(),
        ComposeError::UnknownAnchor { name, span } => YamlError {
            code: rule::YAML_SYNTAX,
            message: format!("unknown anchor `{name}`"),
            span: *span,
            go_message: Some(format!("yaml: unknown anchor '{name}' referenced")),
            help: Some(format!(
                "mark the value that it stands for with `&{name}`, further up; if it is text, quote it"
            )),
            fix: None,
        },
        ComposeError::RecursiveAnchor { name, span } => YamlError {
            code: rule::YAML_SYNTAX,
            message: format!("`*{name}` stands inside of what `&{name}` marks"),
            span: *span,
            go_message: Some(format!("yaml: anchor '{name}' value contains itself")),
            help: Some("write out what is meant: a value cannot hold itself".to_owned()),
            fix: None,
        },
        ComposeError::TooDeep { mark } => YamlError {
            code: rule::LIMIT_EXCEEDED,
            message: format!("lists and mappings are nested deeper than the limit of {MAX_NESTING}"),
            span: Span::new(source, mark.offset, mark.offset),
            go_message: None,
            help: Some("move the inner part to a file of its own, or to several variables".to_owned()),
            fix: None,
        },
    }
}

struct Explainer<'a> {
    problem: &'a Problem,
    text: &'a str,
    source: SourceId,
}

impl Explainer<'_> {
    fn explain(&self) -> YamlError {
        let mut error = self.by_line().unwrap_or_else(|| self.by_problem());
        error.go_message = Some(self.problem.go_message());
        error
    }

    fn at(&self) -> usize {
        self.problem.mark.offset.min(self.text.len())
    }

    fn opened(&self) -> usize {
        self.problem.context.map_or(self.at(), |mark| mark.offset.min(self.text.len()))
    }

    fn slice(&self, range: Range<usize>) -> &str {
        self.text.get(range).unwrap_or("")
    }

    fn line(&self, offset: usize) -> Range<usize> {
        let offset = offset.min(self.text.len());
        let bytes = self.text.as_bytes();
        let start = bytes[..offset].iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        let length = bytes[start..].iter().position(|&byte| byte == b'\n').unwrap_or(bytes.len() - start);
        start..start + self.slice(start..start + length).trim_end().len()
    }

    fn character(&self, offset: usize) -> Range<usize> {
        let length = self.slice(offset..self.text.len()).chars().next().map_or(0, char::len_utf8);
        offset..offset + length
    }

    /// What stands on a line after its `- ` and its first `key: `.
    fn value_of_line(&self, line: &Range<usize>) -> Range<usize> {
        let mut start = line.start;
        loop {
            let rest = self.slice(start..line.end);
            let trimmed = rest.trim_start();
            start += rest.len() - trimmed.len();
            if !trimmed.starts_with("- ") {
                break;
            }
            start += 1;
        }
        let rest = self.slice(start..line.end);
        if let Some(length) = plain_key_length(rest) {
            let after = &rest[length + 1..];
            let value = start + length + 1 + (after.len() - after.trim_start().len());
            if value < line.end {
                start = value;
            }
        }
        start..line.end
    }

    fn error(&self, message: impl Into<String>, range: Range<usize>) -> YamlError {
        YamlError {
            code: rule::YAML_SYNTAX,
            message: message.into(),
            span: Span::new(self.source, range.start, range.end),
            go_message: None,
            help: None,
            fix: None,
        }
    }

    fn with_fix(
        &self,
        mut error: YamlError,
        title: &str,
        range: Range<usize>,
        new_text: String,
    ) -> YamlError {
        let span = Span::new(self.source, range.start, range.end);
        error.fix = Some(Fix { title: title.to_owned(), edits: vec![Edit { span, new_text }] });
        error
    }

    fn quote_value(&self, message: impl Into<String>, range: Range<usize>, value: Range<usize>) -> YamlError {
        let quoted = quoted(self.slice(value.clone()));
        let mut error = self.error(message, range);
        error.help = Some(format!("quote it: {quoted}"));
        self.with_fix(error, "quote the value", value, quoted)
    }

    /// The classic mistakes, which a look at the lines tells.
    fn by_line(&self) -> Option<YamlError> {
        let line = self.line(self.at());
        let above = self.line_above(line.start).filter(|_| self.problem.text == NO_MAPPING_VALUE);
        [Some(line), Some(self.line(self.opened())), above]
            .into_iter()
            .flatten()
            .find_map(|line| self.template_without_quotes(&line).or_else(|| self.missing_space(&line)))
    }

    /// `- {{.X}} bar`: a mapping to YAML.
    fn template_without_quotes(&self, line: &Range<usize>) -> Option<YamlError> {
        let value = self.value_of_line(line);
        self.slice(value.clone()).starts_with("{{").then(|| {
            let range = value.start..value.start + 2;
            self.quote_value(
                "a value that begins with `{{` needs quotes, or YAML takes it for a mapping",
                range,
                value,
            )
        })
    }

    /// `-x` and `key:value`.
    fn missing_space(&self, line: &Range<usize>) -> Option<YamlError> {
        let structure_problems = [
            "could not find expected ':'",
            "did not find expected key",
            "did not find expected '-' indicator",
            NO_MAPPING_VALUE,
        ];
        if !structure_problems.contains(&self.problem.text) {
            return None;
        }
        let full = self.slice(line.clone());
        let written = full.trim_start();
        let start = line.end - written.len();
        let bytes = written.as_bytes();
        if bytes.first() == Some(&b'-') && bytes.get(1).is_some_and(|byte| !matches!(byte, b' ' | b'-')) {
            let mut error = self.error("a list item needs a space after its `-`", start..start + 1);
            error.help = Some(format!("write `- {}`", &written[1..]));
            return Some(self.with_fix(error, "insert a space", start + 1..start + 1, " ".to_owned()));
        }
        let word = bytes.iter().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')).count();
        let is_key =
            word > 0 && bytes.get(word) == Some(&b':') && !written[word + 1..].starts_with([' ', '/']);
        let colon = start + word;
        (is_key && word + 1 < written.len()).then(|| {
            let mut error = self.error("a key needs a space after its `:`", colon..colon + 1);
            error.help = Some(format!("write `{}: {}`", &written[..word], &written[word + 1..]));
            self.with_fix(error, "insert a space", colon + 1..colon + 1, " ".to_owned())
        })
    }

    fn by_problem(&self) -> YamlError {
        let at = self.at();
        match self.problem.text {
            NO_MAPPING_VALUE => self.second_colon(),
            "found unexpected end of stream" => {
                let mut error = self.error("this quote is never closed", self.character(self.opened()));
                error.help =
                    Some("close it, or quote the whole value with the other kind of quotes".to_owned());
                error
            }
            "found character that cannot start any token" => self.wrong_start(),
            "found a tab character that violates indentation"
            | "found a tab character where an indentation space is expected" => self.tab(self.line(at)),
            "did not find expected key" | "did not find expected '-' indicator" => self.misplaced(),
            "could not find expected ':'" => self.no_key(self.opened()..self.line(self.opened()).end),
            "did not find expected ',' or ']'" => self.unclosed('[', ']'),
            "did not find expected ',' or '}'" => self.unclosed('{', '}'),
            "block sequence entries are not allowed in this context" => {
                let mut error = self.error("a list cannot begin on the line of its key", self.character(at));
                error.help = Some("put it on lines of its own, or in `[` and `]`".to_owned());
                error
            }
            "found unknown escape character" => self.unknown_escape(),
            "did not find expected alphabetic or numeric character" => {
                let start = self.opened();
                let indicator = self.slice(self.character(start)).to_owned();
                let what = if indicator == "*" { "an alias" } else { "an anchor" };
                let value = start..self.line(start).end;
                let message = format!("`{indicator}` begins {what}; text that begins with it needs quotes");
                self.quote_value(message, self.character(start), value)
            }
            "did not find expected node content" => {
                let mut error = self.error("a value is missing here", self.character(at));
                error.help = Some("text with `[`, `]`, `{`, `}` or `,` in it may need quotes".to_owned());
                error
            }
            "found undefined tag handle" | "did not find expected tag URI" => {
                let start = if self.problem.in_scanner { self.opened() } else { at };
                let value = start..self.line(start).end;
                self.quote_value(
                    "`!` begins a tag; text that begins with it needs quotes",
                    self.character(start),
                    value,
                )
            }
            other => self.error(other, self.character(at)),
        }
    }

    /// A `:` inside of unquoted text, or a key that is indented deeper than the entry above it.
    fn no_key(&self, word: Range<usize>) -> YamlError {
        let message = format!("`{}` is neither a `key: value` nor a list item", self.slice(word.clone()));
        let mut error = self.error(message, word);
        error.help =
            Some("a key needs a `:`; text that goes on from the line above is indented deeper".to_owned());
        error
    }

    fn second_colon(&self) -> YamlError {
        let at = self.at();
        let line = self.line(at);
        let value = self.value_of_line(&line);
        if value.start <= at && value.start > line.start && value.start < at {
            let before = self.slice(value.start..at);
            if !before.is_empty() && self.slice(line.start..value.start).trim() != "" {
                let message = "`: ` inside of unquoted text: YAML takes what is before it for a key";
                return self.quote_value(message, at..at + 1, value);
            }
        }
        if let Some(word) = lone_word_above(self.text, at) {
            return self.no_key(word);
        }
        let key = self.slice(line.clone()).trim_start();
        let start = line.end - key.len();
        let above = self.line_above(line.start);
        let message = "this line is indented deeper than the entry above it, which has a value already";
        let mut error = self.error(message, start..at.max(start));
        let above_column = above.map(|above| self.column_of(&above));
        if let Some(column) = above_column.filter(|&column| column < start - line.start) {
            error.help = Some(format!("indent it by {column} spaces"));
            error = self.with_fix(error, "align it", line.start..start, " ".repeat(column));
        }
        error
    }

    fn line_above(&self, start: usize) -> Option<Range<usize>> {
        let mut start = start;
        while start > 0 {
            let line = self.line(start - 1);
            if !self.slice(line.clone()).trim().is_empty() {
                return Some(line);
            }
            start = line.start;
        }
        None
    }

    fn column_of(&self, line: &Range<usize>) -> usize {
        let written = self.slice(line.clone());
        let dashes_and_blanks = written.trim_start_matches([' ', '-']);
        written.len() - dashes_and_blanks.len()
    }

    fn wrong_start(&self) -> YamlError {
        let at = self.at();
        let line = self.line(at);
        let character = self.character(at);
        match self.slice(character.clone()) {
            "\t" => self.tab(line),
            found => {
                let message = format!("`{found}` cannot begin a value without quotes");
                self.quote_value(message, character, at..line.end.max(at))
            }
        }
    }

    fn tab(&self, line: Range<usize>) -> YamlError {
        let written = self.slice(line.clone());
        let blanks = written.len() - written.trim_start_matches([' ', '\t']).len();
        let at = written.find('\t').map_or(self.at(), |at| line.start + at);
        let mut error = self.error("a tab in the indentation, where YAML wants spaces", self.character(at));
        error.help = Some("indent with spaces".to_owned());
        if at >= line.start + blanks {
            return error;
        }
        let range = line.start..line.start + blanks;
        let column = self.line_above(line.start).map_or(0, |above| {
            let above = self.slice(above);
            let column = above.len() - above.trim_start().len();
            if above.ends_with(':') { column + 2 } else { column }
        });
        self.with_fix(error, "replace the tabs by spaces", range, " ".repeat(column))
    }

    /// Something stands where a key or a `-` of a block should: after a value on its line, or at a column of its own.
    fn misplaced(&self) -> YamlError {
        let at = self.at();
        let line = self.line(at);
        let before = self.slice(line.start..at);
        if !before.trim().is_empty() {
            let value = self.value_of_line(&line);
            let first = self.slice(self.character(value.start)).to_owned();
            let what = match first.as_str() {
                "'" | "\"" => format!("text after the closing `{first}`"),
                "[" | "{" => format!("text after the end of what `{first}` began"),
                _ => "text after the end of the value".to_owned(),
            };
            return self.quote_value(what, at..line.end.max(at), value);
        }
        if at >= self.text.trim_end().len() {
            return self.error("the text ends in the middle of a value", at..at);
        }
        let column = at - line.start;
        let expected = self.likely_column(line.start, column);
        let (message, title) = if self.slice(at..line.end).starts_with("- ") {
            ("a list item where a key was expected", "align it")
        } else {
            ("the indentation of this line fits no line above it", "align it")
        };
        let mut error = self.error(message, at..line.end);
        if column == expected {
            return error;
        }
        error.help = Some(format!("indent it by {expected} spaces"));
        self.with_fix(error, title, line.start..at, " ".repeat(expected))
    }

    /// The column that a misplaced line was meant to have: the line above's or its block's, whichever is nearer.
    fn likely_column(&self, line_start: usize, column: usize) -> usize {
        let block = self.problem.context.map_or(0, |mark| mark.column);
        let above = self.line_above(line_start).map_or(block, |above| self.column_of(&above));
        if above.abs_diff(column) <= block.abs_diff(column) { above } else { block }
    }

    fn unclosed(&self, open: char, close: char) -> YamlError {
        let message = format!("this `{open}` is not closed: expected `,` or `{close}`");
        let mut error = self.error(message, self.character(self.opened()));
        error.help = Some(format!("close it with `{close}`, or quote the value if it is text"));
        error
    }

    fn unknown_escape(&self) -> YamlError {
        let at = self.at();
        let length = self.slice(at + 1..self.text.len()).chars().next().map_or(0, char::len_utf8);
        let range = at..at + 1 + length;
        let written = self.slice(range.clone()).to_owned();
        let mut error = self.error(format!("`{written}` means nothing in double quotes"), range);
        error.help = Some(format!("write `\\{written}`, or use single quotes"));
        self.with_fix(error, "double the backslash", at..at, "\\".to_owned())
    }
}

/// Length of a `key` before `: ` at a text's beginning.
fn plain_key_length(text: &str) -> Option<usize> {
    let colon = text.find(": ")?;
    let is_word = |b: u8| b.is_ascii_alphanumeric() || b"_-./*:@".contains(&b);
    (colon > 0 && text.bytes().take(colon).all(is_word)).then_some(colon)
}

/// Text in quotes, the kind that needs the fewest changes.
fn quoted(text: &str) -> String {
    if !text.contains('\'') {
        format!("'{text}'")
    } else if !text.contains(['"', '\\']) {
        format!("\"{text}\"")
    } else {
        format!("'{}'", text.replace('\'', "''"))
    }
}
