//! A line of block style, cut into what it opens.

use std::ops::Range;

use smol_str::SmolStr;

/// What a line opens before its value: `- - key:` has three.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Element {
    /// The dash of a list's item.
    Dash {
        /// Its byte.
        at: usize,
    },
    /// A key with its colon.
    Key {
        /// The key, quotes left out.
        name: SmolStr,
        /// Its bytes, quotes included.
        range: Range<usize>,
        /// The byte of the colon.
        colon: usize,
    },
}

impl Element {
    /// Its first byte.
    pub fn start(&self) -> usize {
        match self {
            Self::Dash { at } => *at,
            Self::Key { range, .. } => range.start,
        }
    }
}

/// A line with its elements.
#[derive(Clone, Debug)]
pub struct Line {
    /// What it opens.
    pub elements: Vec<Element>,
    /// Where what follows begins; the line's end where nothing does.
    pub value: usize,
}

impl Line {
    /// Cuts the bytes of a line, its end left out.
    pub fn parse(text: &str, range: &Range<usize>) -> Self {
        let mut elements = Vec::new();
        let mut at = skip_blanks(text, range.start, range.end);
        while byte(text, at) == Some(b'-') && is_blank_or_end(text, at + 1, range.end) && at < range.end {
            elements.push(Element::Dash { at });
            at = skip_blanks(text, at + 1, range.end);
        }
        if let Some(key) = key(text, at, range.end) {
            if let Element::Key { colon, .. } = &key {
                at = skip_blanks(text, colon + 1, range.end);
            }
            elements.push(key);
        }
        Self { elements, value: at.min(range.end) }
    }
}

/// The byte at a place.
pub fn byte(text: &str, at: usize) -> Option<u8> {
    text.as_bytes().get(at).copied()
}

/// The first byte from `at` on that is no blank.
pub fn skip_blanks(text: &str, at: usize, end: usize) -> usize {
    let rest = text.as_bytes().get(at..end).unwrap_or_default();
    at + rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count()
}

fn is_blank_or_end(text: &str, at: usize, end: usize) -> bool {
    at >= end || matches!(byte(text, at), Some(b' ' | b'\t'))
}

/// The key that begins at `at`, if one does.
fn key(text: &str, at: usize, end: usize) -> Option<Element> {
    let first = byte(text, at).filter(|_| at < end)?;
    if matches!(first, b'\'' | b'"') {
        let close = closing_quote(text, at, end)?;
        let colon = skip_blanks(text, close + 1, end);
        let is_key = byte(text, colon) == Some(b':') && colon < end && is_blank_or_end(text, colon + 1, end);
        let name = text.get(at + 1..close)?;
        return is_key.then(|| Element::Key { name: unquoted(name, first), range: at..close + 1, colon });
    }
    if matches!(first, b'[' | b'{' | b'#' | b'|' | b'>' | b'&' | b'!' | b'*' | b'@' | b'`' | b'%') {
        return None;
    }
    let bytes = text.as_bytes().get(at..end)?;
    for (index, byte) in bytes.iter().enumerate() {
        let here = at + index;
        match byte {
            b':' if is_blank_or_end(text, here + 1, end) => {
                let name = text.get(at..here)?.trim_end();
                return Some(Element::Key { name: name.into(), range: at..at + name.len(), colon: here });
            }
            b'#' if index > 0 && matches!(bytes.get(index - 1), Some(b' ' | b'\t')) => return None,
            _ => {}
        }
    }
    None
}

/// The quote that ends the scalar whose quote is at `open`.
pub fn closing_quote(text: &str, open: usize, end: usize) -> Option<usize> {
    let quote = byte(text, open)?;
    let mut at = open + 1;
    while at < end {
        match byte(text, at)? {
            b'\\' if quote == b'"' => at += 1,
            found if found == quote => {
                if quote == b'\'' && at + 1 < end && byte(text, at + 1) == Some(b'\'') {
                    at += 1;
                } else {
                    return Some(at);
                }
            }
            _ => {}
        }
        at += 1;
    }
    None
}

/// What stands between quotes, as far as names have escapes.
pub fn unquoted(inner: &str, quote: u8) -> SmolStr {
    match quote {
        b'\'' if inner.contains("''") => inner.replace("''", "'").into(),
        b'"' if inner.contains('\\') => inner.replace("\\\"", "\"").replace("\\\\", "\\").into(),
        _ => inner.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(line: &str) -> String {
        let parsed = Line::parse(line, &(0..line.len()));
        let elements = parsed.elements.iter().map(|element| match element {
            Element::Dash { at } => format!("-{at}"),
            Element::Key { name, range, colon } => format!("{name}@{}..{}:{colon}", range.start, range.end),
        });
        format!("{} = {}", elements.collect::<Vec<_>>().join(" "), &line[parsed.value..])
    }

    #[test]
    fn lines_are_cut_at_dashes_and_colons() {
        assert_eq!(shown("  - task: a b"), "-2 task@4..8:8 = a b");
        assert_eq!(shown("- - x"), "-0 -2 = x");
        assert_eq!(shown("a:b"), " = a:b");
        assert_eq!(shown("a:b:"), "a:b@0..3:3 = ");
        assert_eq!(shown("'a''b' : x"), "a'b@0..6:7 = x");
        assert_eq!(shown("\"ä\\\"\": x"), "ä\"@0..6:6 = x");
        assert_eq!(shown("- echo # a: b"), "-0 = echo # a: b");
        assert_eq!(shown("-x: 1"), "-x@0..2:2 = 1");
        assert_eq!(shown("-"), "-0 = ");
        assert_eq!(shown("{a: b}"), " = {a: b}");
    }
}
