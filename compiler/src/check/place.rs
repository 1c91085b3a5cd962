//! From a place in a scalar's text to the place in the file.

use std::ops::Range;

use crate::ast::Text;
use crate::source::{SourceMap, Span};
use crate::yaml::node::ScalarStyle;

/// The span of some bytes of a scalar's text.
///
/// Folding, indentation and escapes are undone. Where that is not possible the whole scalar stands for the place.
pub fn span_in(text: &Text, range: &Range<usize>, sources: &SourceMap) -> Span {
    let written = sources.text(text.span);
    let Some(start) = offset_in(written, &text.value, text.style, range.start) else { return text.span };
    let end =
        if range.end > range.start { last_end(written, &text.value, text.style, range) } else { Some(start) };
    let end = end.unwrap_or(start).max(start);
    Span {
        source: text.span.source,
        start: text.span.start + start as u32,
        end: text.span.start + end as u32,
    }
}

/// The end of the last character of a range: what follows it may stand on another line.
fn last_end(written: &str, value: &str, style: ScalarStyle, range: &Range<usize>) -> Option<usize> {
    let inside = value.get(range.clone())?;
    let last = inside.chars().next_back()?;
    let start = offset_in(written, value, style, range.end - last.len_utf8())?;
    let unit = match style {
        ScalarStyle::DoubleQuoted => escape_length(written.get(start..)?),
        ScalarStyle::SingleQuoted if last == '\'' => 2,
        _ => last.len_utf8(),
    };
    Some(start + unit)
}

/// Where byte `offset` of the value was written.
///
/// All styles keep the order of everything that is no white space, so that the two texts are walked side by side.
fn offset_in(written: &str, value: &str, style: ScalarStyle, offset: usize) -> Option<usize> {
    let quote = usize::from(matches!(style, ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted));
    if written.get(quote..quote + value.len()) == Some(value) {
        return Some(quote + offset);
    }
    let mut at = quote;
    let mut white_start = at;
    for (i, c) in value.char_indices() {
        if i >= offset && !c.is_whitespace() {
            return Some(skip_white(written, at, style, c));
        }
        if c.is_whitespace() {
            if i >= offset {
                return Some(white_start.min(written.len()));
            }
            white_start = advance_white(written, white_start, style, c);
            continue;
        }
        at = skip_white(written, at, style, c);
        at += match style {
            ScalarStyle::DoubleQuoted => escape_length(written.get(at..)?),
            ScalarStyle::SingleQuoted if c == '\'' => 2,
            _ => {
                if !written.get(at..)?.starts_with(c) {
                    return None;
                }
                c.len_utf8()
            }
        };
        white_start = at;
    }
    Some(at.min(written.len()))
}

/// One white space character of the value: what stands for it, as far as that can be told.
fn advance_white(written: &str, at: usize, style: ScalarStyle, c: char) -> usize {
    let Some(rest) = written.get(at..) else { return at };
    if style == ScalarStyle::DoubleQuoted && rest.starts_with('\\') {
        return at + escape_length(rest);
    }
    match rest.chars().next() {
        Some(found) if found == c || (found.is_whitespace() && c.is_whitespace()) => at + found.len_utf8(),
        _ => at,
    }
}

/// The next place that is not white space, escapes that stand for white space included.
fn skip_white(written: &str, mut at: usize, style: ScalarStyle, wanted: char) -> usize {
    while let Some(rest) = written.get(at..)
        && let Some(c) = rest.chars().next()
    {
        let escaped_white = style == ScalarStyle::DoubleQuoted
            && c == '\\'
            && rest.as_bytes().get(1).is_some_and(|next| match next {
                b'n' | b't' | b'r' | b' ' | b'\n' | b'\r' | b'\t' | b'N' | b'_' | b'L' | b'P' => true,
                b'x' => {
                    rest.get(2..4).is_some_and(|hex| matches!(hex, "09" | "0a" | "0A" | "0d" | "0D" | "20"))
                }
                _ => false,
            })
            && !wanted.is_whitespace();
        if escaped_white {
            at += escape_length(rest);
        } else if c.is_whitespace() {
            at += c.len_utf8();
        } else {
            break;
        }
    }
    at
}

/// How many bytes one character of a double-quoted scalar takes.
fn escape_length(rest: &str) -> usize {
    let mut characters = rest.chars();
    match characters.next() {
        Some('\\') => match characters.next() {
            Some('x') => 4,
            Some('u') => 6,
            Some('U') => 10,
            Some(c) => 1 + c.len_utf8(),
            None => 1,
        },
        Some(c) => c.len_utf8(),
        None => 0,
    }
}

/// The span of a text inside a larger value, of which only the whole is known: where it stands there as it is.
pub fn span_of_piece(piece: &str, whole: Span, sources: &SourceMap) -> Option<Span> {
    let written = sources.text(whole);
    let at = written.find(piece)?;
    let start = whole.start + at as u32;
    Some(Span { source: whole.source, start, end: start + piece.len() as u32 })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bytes of `value` named `wanted` must be found at the same word in `written`.
    fn check(written: &str, value: &str, style: ScalarStyle, wanted: &str, expected: &str) {
        let mut sources = SourceMap::default();
        let file = sources.add_file("Taskfile.yml", written);
        let source = sources.add_fragment(file, 0);
        let text = Text { value: value.into(), span: Span::new(source, 0, written.len()), style };
        let at = value.find(wanted).unwrap();
        let span = span_in(&text, &(at..at + wanted.len()), &sources);
        assert_eq!(sources.text(span), expected, "{written:?}");
        assert_eq!(span.start as usize, written.rfind(expected).unwrap(), "{written:?}");
    }

    #[test]
    fn places_survive_every_style() {
        use ScalarStyle as S;
        check("echo {{.X}}", "echo {{.X}}", S::Plain, ".X", ".X");
        check("echo\n      {{.X}} b", "echo {{.X}} b", S::Plain, ".X", ".X");
        check("'it''s {{.X}}'", "it's {{.X}}", S::SingleQuoted, "X", "X");
        check("'it''s'", "it's", S::SingleQuoted, "'", "''");
        check("\"a\\n\\\"{{.X}}\\\"\"", "a\n\"{{.X}}\"", S::DoubleQuoted, ".X", ".X");
        check("\"a \\\n   {{.X}}\"", "a {{.X}}", S::DoubleQuoted, ".X", ".X");
        check("\"\\x41\\u00e4 {{.X}}\"", "Aä {{.X}}", S::DoubleQuoted, "X", "X");
        check("one\n      two {{.X}}\n", "one\ntwo {{.X}}\n", S::Literal, ".X", ".X");
        check(
            "one\n      two\n\n      three {{.X}}\n",
            "one two\nthree {{.X}}\n",
            S::Folded,
            "three {{.X",
            "three {{.X",
        );
        check("a  b {{.X}}\n", "a  b {{.X}}\n", S::Literal, "b {{.X}}", "b {{.X}}");
    }
}
