//! The shape that nearly every task has, read a line at a time and without tokens: keys without quotes, values on one
//! line, lists and mappings by indentation. Whatever else stands in a text is for the scanner and the grammar, which say
//! the same of such a text, only later.

use std::sync::Arc;

use smol_str::SmolStr;

use super::node::{CollectionStyle, Entry, Mapping, Node, NodeKind, Scalar, ScalarStyle, Sequence};
use crate::source::{SourceId, Span};

/// How deep collections may be nested here.
const MAX_DEPTH: usize = 16;

/// The longest key: well below what YAML allows.
const MAX_KEY: usize = 512;

/// Characters that end a line or mean nothing at a text's start, and which no byte alone tells.
const UNUSUAL: [char; 4] = ['\u{85}', '\u{2028}', '\u{2029}', '\u{feff}'];

/// Bytes with which a scalar without quotes may begin, as far as it is read here.
const STARTS_PLAIN: u8 = 1;
/// Bytes with which a key may begin.
const STARTS_KEY: u8 = 2;
/// Bytes of a key, beside `:`.
const OF_KEY: u8 = 4;
/// Bytes of a scalar without quotes that need no second look.
const OF_PLAIN: u8 = 8;
/// The same between brackets.
const OF_ITEM: u8 = 16;

/// The classes of each byte.
const CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let value = byte as u8;
        let is_word = value.is_ascii_alphanumeric() || value == b'_';
        let starts_plain =
            is_word || value >= 0x80 || matches!(value, b'.' | b'/' | b'$' | b'(' | b'-' | b'+');
        let is_printable = value >= 0x80 || matches!(value, b' '..=b'~');
        if starts_plain {
            classes[byte] |= STARTS_PLAIN;
        }
        if is_word {
            classes[byte] |= STARTS_KEY;
        }
        if is_word || matches!(value, b'-' | b'.' | b'/' | b'*') {
            classes[byte] |= OF_KEY;
        }
        if is_printable && !matches!(value, b':' | b'#') {
            classes[byte] |= OF_PLAIN;
        }
        if starts_plain || matches!(value, b' ' | b'*' | b'=' | b'~' | b'^' | b')') {
            classes[byte] |= OF_ITEM;
        }
        byte += 1;
    }
    classes
};

fn is_of(byte: u8, class: u8) -> bool {
    CLASSES[usize::from(byte)] & class != 0
}

/// The root of a text, if nothing stands in it but what is read here.
pub(super) fn read(text: &str, source: SourceId) -> Option<Node> {
    if !text.is_ascii() && text.contains(UNUSUAL) {
        return None;
    }
    let mut lines = Lines {
        text,
        bytes: text.as_bytes(),
        source,
        next: 0,
        line: None,
        depth: 0,
        open_items: Vec::new(),
        open_entries: Vec::new(),
    };
    lines.advance();
    let first = lines.line?;
    let root = if lines.is_dash(first.start) {
        lines.sequence(first.indent)?
    } else {
        lines.mapping(first.indent, first.start)?
    };
    // What is left stands further left than where the text began.
    lines.line.is_none().then_some(root)
}

/// A line that holds more than a comment.
#[derive(Clone, Copy)]
struct Line {
    indent: usize,
    /// Its first byte that is no space.
    start: usize,
    /// One past its last byte that is no space.
    end: usize,
}

struct Lines<'t> {
    text: &'t str,
    bytes: &'t [u8],
    source: SourceId,
    /// Where the line after the current one begins.
    next: usize,
    line: Option<Line>,
    depth: usize,
    /// Children of the collections that are open, so that each collection is allocated once, in its size.
    open_items: Vec<Node>,
    open_entries: Vec<Entry>,
}

impl Lines<'_> {
    fn byte(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(b'\n')
    }

    /// Goes to the next line that holds more than a comment.
    fn advance(&mut self) {
        self.line = None;
        while self.next < self.bytes.len() {
            let begin = self.next;
            let rest = &self.bytes[begin..];
            let length = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
            self.next = begin + length + 1;
            let Some(indent) = rest[..length].iter().position(|&byte| byte != b' ') else { continue };
            if rest[indent] == b'#' {
                continue;
            }
            let blanks = rest[..length].iter().rev().take_while(|&&byte| byte == b' ').count();
            self.line = Some(Line { indent, start: begin + indent, end: begin + length - blanks });
            return;
        }
    }

    fn skip_spaces(&self, from: usize, end: usize) -> usize {
        (from..end).find(|&at| self.byte(at) != b' ').unwrap_or(end)
    }

    /// Whether a list's item begins there: a dash alone.
    fn is_dash(&self, at: usize) -> bool {
        self.byte(at) == b'-' && matches!(self.byte(at + 1), b' ' | b'\n')
    }

    /// Where the `:` of the key stands that begins at `start`.
    fn key_end(&self, start: usize, end: usize) -> Option<usize> {
        if !is_of(self.byte(start), STARTS_KEY) {
            return None;
        }
        let mut at = start;
        loop {
            at = (at..end).find(|&at| !is_of(self.byte(at), OF_KEY))?;
            if self.byte(at) != b':' {
                return None;
            }
            if at + 1 == end || self.byte(at + 1) == b' ' {
                return (at - start <= MAX_KEY).then_some(at);
            }
            at += 1;
        }
    }

    /// The mapping whose keys stand `indent` deep; the first one stands at `start`, maybe after a dash.
    fn mapping(&mut self, indent: usize, start: usize) -> Option<Node> {
        if self.depth >= MAX_DEPTH {
            return None;
        }
        self.depth += 1;
        let first = self.open_entries.len();
        let mut at = start;
        let mut end;
        loop {
            let line = self.line?;
            let colon = self.key_end(at, line.end)?;
            let key = self.scalar(at, colon, at..colon, ScalarStyle::Plain)?;
            end = colon + 1;
            let value = self.value(indent, end, line.end)?;
            self.open_entries.push(Entry { key, value: Arc::new(value) });
            match self.line {
                Some(line) if line.indent == indent => at = line.start,
                Some(line) if line.indent > indent => return None,
                _ => break,
            }
        }
        self.depth -= 1;
        let entries: Vec<Entry> = self.open_entries.drain(first..).collect();
        let last = entries.last().map_or(0, |entry| entry.value.span.end);
        let span = Span { end: last.max(end as u32), ..Span::new(self.source, start, end) };
        let kind = NodeKind::Mapping(Mapping { entries, style: CollectionStyle::Block });
        Some(Node { span, start: span.start, marks: None, kind })
    }

    /// The value of a key that stands `indent` deep, from behind its colon on.
    fn value(&mut self, indent: usize, after_colon: usize, end: usize) -> Option<Node> {
        let start = self.skip_spaces(after_colon, end);
        if start < end {
            return self.text_on_line(start, end, indent);
        }
        self.advance();
        match self.line {
            Some(line) if line.indent >= indent && self.is_dash(line.start) => self.sequence(line.indent),
            Some(line) if line.indent > indent => self.mapping(line.indent, line.start),
            _ => self.scalar(after_colon, after_colon, after_colon..after_colon, ScalarStyle::Plain),
        }
    }

    /// The list whose dashes stand `indent` deep.
    fn sequence(&mut self, indent: usize) -> Option<Node> {
        if self.depth >= MAX_DEPTH {
            return None;
        }
        self.depth += 1;
        let first = self.open_items.len();
        let start = self.line?.start;
        let mut end;
        loop {
            let line = self.line?;
            end = line.start + 1;
            let at = self.skip_spaces(end, line.end);
            let item = if self.key_end(at, line.end).is_some() {
                self.mapping(indent + (at - line.start), at)?
            } else {
                self.text_on_line(at, line.end, indent)?
            };
            self.open_items.push(item);
            match self.line {
                Some(line) if line.indent > indent => return None,
                Some(line) if line.indent == indent && self.is_dash(line.start) => {}
                _ => break,
            }
        }
        self.depth -= 1;
        let items: Vec<Arc<Node>> = self.open_items.drain(first..).map(Arc::new).collect();
        let (begin, last) = (items.first()?.span.start, items.last()?.span.end);
        let span = Span { source: self.source, start: begin, end: last.max(end as u32) };
        let kind = NodeKind::Sequence(Sequence { items, style: CollectionStyle::Block });
        Some(Node { span, start: start as u32, marks: None, kind })
    }

    /// The scalar or bracketed list that is the rest of a line, and ends with it.
    fn text_on_line(&mut self, start: usize, end: usize, indent: usize) -> Option<Node> {
        let node = match self.byte(start) {
            b'[' => self.flow_sequence(start, end)?,
            quote @ (b'\'' | b'"') => {
                let close = self.closing_quote(start, end, quote)?;
                if close + 1 != end {
                    return None;
                }
                self.quoted(start, close)?
            }
            _ => {
                self.check_plain(start, end)?;
                self.scalar(start, end, start..end, ScalarStyle::Plain)?
            }
        };
        self.advance();
        // A deeper line would go on with the text.
        self.line.is_none_or(|line| line.indent <= indent).then_some(node)
    }

    /// `None` where more stands in a line than one scalar without quotes.
    fn check_plain(&self, start: usize, end: usize) -> Option<()> {
        if !is_of(self.byte(start), STARTS_PLAIN) || self.is_dash(start) {
            return None;
        }
        let mut at = start;
        while let Some(found) = self.bytes.get(at..end)?.iter().position(|&byte| !is_of(byte, OF_PLAIN)) {
            at += found;
            match self.byte(at) {
                b':' if at + 1 < end && self.byte(at + 1) != b' ' => {}
                b'#' if self.byte(at - 1) != b' ' => {}
                _ => return None,
            }
            at += 1;
        }
        Some(())
    }

    /// Where the quote closes that opens at `start`. `None` where more than the text itself stands between the two.
    fn closing_quote(&self, start: usize, end: usize, quote: u8) -> Option<usize> {
        let inside = self.bytes.get(start + 1..end)?;
        let close = start + 1 + memchr::memchr2(quote, if quote == b'"' { b'\\' } else { quote }, inside)?;
        let is_escape = self.byte(close) != quote || (close + 1 < end && self.byte(close + 1) == quote);
        (!is_escape).then_some(close)
    }

    fn quoted(&self, start: usize, close: usize) -> Option<Node> {
        let style =
            if self.byte(start) == b'"' { ScalarStyle::DoubleQuoted } else { ScalarStyle::SingleQuoted };
        self.scalar(start, close + 1, start + 1..close, style)
    }

    /// `[a, 'b c']`, closed where the line ends.
    fn flow_sequence(&mut self, start: usize, end: usize) -> Option<Node> {
        let first = self.open_items.len();
        let mut at = start + 1;
        loop {
            at = self.skip_spaces(at, end);
            let (item, after) = self.flow_item(at, end)?;
            self.open_items.push(item);
            at = self.skip_spaces(after, end) + 1;
            match self.byte(at - 1) {
                b',' => {}
                b']' if at == end => break,
                _ => return None,
            }
        }
        let items: Vec<Arc<Node>> = self.open_items.drain(first..).map(Arc::new).collect();
        let span = Span::new(self.source, start, end);
        let kind = NodeKind::Sequence(Sequence { items, style: CollectionStyle::Flow });
        Some(Node { span, start: span.start, marks: None, kind })
    }

    /// An item between brackets, and where it ends.
    fn flow_item(&self, start: usize, end: usize) -> Option<(Node, usize)> {
        let first = self.byte(start);
        if matches!(first, b'\'' | b'"') {
            let close = self.closing_quote(start, end, first)?;
            return Some((self.quoted(start, close)?, close + 1));
        }
        if !is_of(first, STARTS_PLAIN) || self.is_dash(start) {
            return None;
        }
        let after = (start..end).find(|&at| !is_of(self.byte(at), OF_ITEM))?;
        let blanks = self.bytes.get(start..after)?.iter().rev().take_while(|&&byte| byte == b' ').count();
        let item = self.scalar(start, after - blanks, start..after - blanks, ScalarStyle::Plain)?;
        Some((item, after))
    }

    fn scalar(
        &self,
        start: usize,
        end: usize,
        text: std::ops::Range<usize>,
        style: ScalarStyle,
    ) -> Option<Node> {
        let text = SmolStr::new(self.text.get(text)?);
        let span = Span::new(self.source, start, end);
        Some(Node { span, start: span.start, marks: None, kind: NodeKind::Scalar(Scalar { text, style }) })
    }
}
