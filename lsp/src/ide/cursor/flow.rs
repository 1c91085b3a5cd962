//! Flow collections: `[a, {b: c}]`.

use std::ops::Range;

use smol_str::SmolStr;

use super::Style;
use super::line::{byte, closing_quote, unquoted};

/// A collection that is open at the cursor.
#[derive(Clone, Debug)]
pub struct Frame {
    /// The byte of its bracket.
    pub open: usize,
    /// Whether it is a mapping.
    pub is_mapping: bool,
    /// The key whose value is being written, with its bytes.
    pub key: Option<(SmolStr, Range<usize>)>,
    /// Where the item or entry begins.
    pub item: usize,
}

/// A scalar that the cursor is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenScalar {
    /// Its first byte behind the quote, if it has one.
    pub start: usize,
    /// How it is written.
    pub style: Style,
}

/// Where in a flow collection the cursor is.
#[derive(Clone, Debug)]
pub enum FlowSpot {
    /// Behind it, or in a comment.
    Outside,
    /// Inside.
    Inside {
        /// The collections that are open, outermost first.
        frames: Vec<Frame>,
        /// The scalar that is being written.
        scalar: Option<OpenScalar>,
    },
}

/// What a piece of flow style is.
enum Token {
    Open { is_mapping: bool },
    Close,
    Comma,
    Colon,
    Scalar { start: usize, end: usize, style: Style, is_whole: bool },
    Comment { end: usize },
}

/// Finds where the cursor is in the collection whose bracket is at `open`.
pub fn locate(text: &str, open: usize, cursor: usize) -> FlowSpot {
    let mut frames: Vec<Frame> = Vec::new();
    let mut last: Option<(SmolStr, Range<usize>)> = None;
    let mut at = open;
    while at < cursor {
        let Some((token, next)) = token(text, at, cursor, !frames.is_empty()) else {
            at += 1;
            continue;
        };
        match token {
            Token::Open { is_mapping } => {
                last = None;
                frames.push(Frame { open: at, is_mapping, key: None, item: next });
            }
            Token::Close => {
                last = None;
                frames.pop();
                if frames.is_empty() {
                    return FlowSpot::Outside;
                }
            }
            Token::Comma => {
                last = None;
                if let Some(frame) = frames.last_mut() {
                    frame.key = None;
                    frame.item = next;
                }
            }
            Token::Colon => {
                if let Some(frame) = frames.last_mut() {
                    frame.key = last.take();
                }
            }
            Token::Scalar { start, end, style, is_whole } => {
                if !is_whole || (end >= cursor && style == Style::Plain) {
                    return FlowSpot::Inside { frames, scalar: Some(OpenScalar { start, style }) };
                }
                let name = text.get(start..end).unwrap_or("");
                let name = match style {
                    Style::SingleQuoted => unquoted(name, b'\''),
                    Style::DoubleQuoted => unquoted(name, b'"'),
                    _ => name.trim_end().into(),
                };
                let range = start..start + text.get(start..end).unwrap_or("").trim_end().len();
                last = Some((name, range));
            }
            Token::Comment { end } => {
                if end >= cursor {
                    return FlowSpot::Outside;
                }
            }
        }
        at = next;
    }
    // Behind a quoted scalar nothing can be written but a comma.
    if last.as_ref().is_some_and(|(_, range)| matches!(byte(text, range.end), Some(b'\'' | b'"'))) {
        return FlowSpot::Outside;
    }
    if frames.is_empty() { FlowSpot::Outside } else { FlowSpot::Inside { frames, scalar: None } }
}

/// The piece at a place, and where the next one is looked for; `None` for blanks. Nothing from `limit` on is looked at.
fn token(text: &str, at: usize, limit: usize, is_inside: bool) -> Option<(Token, usize)> {
    let ends_key = |at: usize| {
        matches!(
            byte(text, at),
            None | Some(b' ' | b'\t' | b'\n' | b'\r' | b',' | b']' | b'}' | b'"' | b'\'' | b'[' | b'{')
        )
    };
    match byte(text, at)? {
        b' ' | b'\t' | b'\n' | b'\r' => None,
        b'{' if is_inside && byte(text, at + 1) == Some(b'{') => Some(plain(text, at, limit)),
        b'[' => Some((Token::Open { is_mapping: false }, at + 1)),
        b'{' => Some((Token::Open { is_mapping: true }, at + 1)),
        b']' | b'}' => Some((Token::Close, at + 1)),
        b',' => Some((Token::Comma, at + 1)),
        b':' if ends_key(at + 1) => Some((Token::Colon, at + 1)),
        b'#' if at == 0 || matches!(byte(text, at - 1), Some(b' ' | b'\t' | b'\n')) => {
            let rest = text.as_bytes().get(at..limit).unwrap_or_default();
            let end = at + rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
            Some((Token::Comment { end }, end + 1))
        }
        quote @ (b'\'' | b'"') => {
            let style = if quote == b'\'' { Style::SingleQuoted } else { Style::DoubleQuoted };
            Some(match closing_quote(text, at, limit) {
                Some(close) => {
                    (Token::Scalar { start: at + 1, end: close, style, is_whole: true }, close + 1)
                }
                None => (Token::Scalar { start: at + 1, end: limit, style, is_whole: false }, limit),
            })
        }
        _ => Some(plain(text, at, limit)),
    }
}

fn plain(text: &str, start: usize, limit: usize) -> (Token, usize) {
    let end = plain_end(text, start, limit);
    (Token::Scalar { start, end, style: Style::Plain, is_whole: end < limit }, end)
}

/// Where a plain scalar of flow style ends. Brackets that follow a word and braces of templates belong to it, which is more
/// than YAML allows: they are what people write before they write the quotes.
pub fn plain_end(text: &str, start: usize, limit: usize) -> usize {
    let bytes = text.as_bytes();
    let at_blank = |at: usize| matches!(bytes.get(at), Some(b' ' | b'\t' | b'\n' | b'\r'));
    let mut depth = 0usize;
    let mut at = start;
    while at < limit {
        match bytes.get(at) {
            Some(b'{') if bytes.get(at + 1) == Some(&b'{') => {
                let rest = text.get(at..limit).unwrap_or("");
                at = rest.find("}}").map_or(limit, |close| at + close + 1);
            }
            Some(b'[') if at > start && !at_blank(at - 1) => depth += 1,
            Some(b']') if depth > 0 => depth -= 1,
            Some(b',') if depth > 0 => {}
            None | Some(b'\n' | b'\r' | b',' | b'[' | b']' | b'{' | b'}') => break,
            Some(b':')
                if at_blank(at + 1) || matches!(bytes.get(at + 1), None | Some(b',' | b']' | b'}')) =>
            {
                break;
            }
            Some(b'#') if at > start && at_blank(at - 1) => break,
            Some(_) => {}
        }
        at += 1;
    }
    at.min(limit)
}

/// A key of a mapping: its name, its bytes, and those of its value.
pub type KeyAndValue = (SmolStr, Range<usize>, Range<usize>);

/// The keys of a flow mapping with their values, as far as it is written.
pub fn entries(text: &str, open: usize, limit: usize) -> Vec<KeyAndValue> {
    let mut found: Vec<KeyAndValue> = Vec::new();
    let mut depth = 0usize;
    let mut last: Option<(SmolStr, Range<usize>)> = None;
    let mut is_value = false;
    let mut at = open;
    while at < limit {
        let Some((token, next)) = token(text, at, limit, depth > 0) else {
            at += 1;
            continue;
        };
        let ends_value = depth == 1 && matches!(token, Token::Close | Token::Comma);
        if ends_value && std::mem::take(&mut is_value) {
            found.last_mut().into_iter().for_each(|(_, _, value)| value.end = at);
        }
        match token {
            Token::Open { .. } => depth += 1,
            Token::Close if depth <= 1 => return found,
            Token::Close => depth -= 1,
            Token::Comma if depth == 1 => last = None,
            Token::Colon if depth == 1 && !is_value => {
                if let Some((name, range)) = last.take() {
                    found.push((name, range, next..next));
                    is_value = true;
                }
            }
            Token::Scalar { start, end, style, .. } if depth == 1 => {
                let name = text.get(start..end).unwrap_or("").trim_end();
                let quote = if style == Style::SingleQuoted { b'\'' } else { b'"' };
                last = Some((unquoted(name, quote), start..start + name.len()));
            }
            _ => {}
        }
        at = next;
    }
    if is_value {
        found.last_mut().into_iter().for_each(|(_, _, value)| value.end = limit);
    }
    found
}
