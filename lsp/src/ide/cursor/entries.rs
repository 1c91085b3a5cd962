//! The entries of the mapping around a place.

use std::ops::Range;

use ez_compiler::source::SourceFile;
use smol_str::SmolStr;

use super::MAX_OPEN;
use super::flow;
use super::line::{Element, Line, byte, closing_quote, skip_blanks, unquoted};

/// A key of a mapping with its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The key, quotes left out.
    pub name: SmolStr,
    /// Its bytes.
    pub key: Range<usize>,
    /// What follows the colon, up to the next entry.
    pub value: Range<usize>,
}

impl Entry {
    /// The value, if it is a scalar on the key's line.
    pub fn scalar(&self, text: &str) -> Option<SmolStr> {
        let line = text.get(self.value.clone())?.lines().next()?.trim();
        let quote = byte(line, 0)?;
        if matches!(quote, b'\'' | b'"') {
            let close = closing_quote(line, 0, line.len())?;
            return Some(unquoted(line.get(1..close)?, quote));
        }
        if matches!(quote, b'[' | b'|' | b'>' | b'#' | b'&' | b'*')
            || (quote == b'{' && !line.starts_with("{{"))
        {
            return None;
        }
        let end = line.find(" #").unwrap_or(line.len());
        Some(line.get(..end)?.trim_end().into())
    }
}

/// The entries of a flow mapping.
pub fn of_flow(text: &str, open: usize) -> Vec<Entry> {
    let mut limit = text.len().min(open.saturating_add(MAX_OPEN));
    while !text.is_char_boundary(limit) {
        limit -= 1;
    }
    flow::entries(text, open, limit)
        .into_iter()
        .map(|(name, key, value)| Entry { name, key, value })
        .collect()
}

/// The entries of the block mapping that has a key at a byte.
pub fn of_block(source: &SourceFile, key: usize) -> Vec<Entry> {
    let line = source.lines.line_of(key);
    let column = key - source.lines.line_start(line);
    around(source, line, column, false)
}

/// The entries of the block mapping in which a key is being written at a column.
pub fn beside(source: &SourceFile, offset: usize, column: usize) -> Vec<Entry> {
    around(source, source.lines.line_of(offset), column, true)
}

fn around(source: &SourceFile, line: usize, column: usize, without_own: bool) -> Vec<Entry> {
    let mut lines = Scan { source, column };
    let mut found = Vec::new();
    let own = lines.look(line);
    let is_first = matches!(own, Look::First(_)) || lines.is_behind_dash(line);
    if !is_first {
        for above in (0..line).rev() {
            match lines.look(above) {
                Look::Entry(entry) => found.push(entry),
                Look::First(entry) => {
                    found.push(entry);
                    break;
                }
                Look::Deeper => {}
                Look::Outside => break,
            }
        }
        found.reverse();
    }
    if let Look::Entry(entry) | Look::First(entry) = own
        && !without_own
    {
        found.push(entry);
    }
    let mut end = source.text.len();
    for below in line + 1..source.lines.len() {
        match lines.look(below) {
            Look::Entry(entry) => found.push(entry),
            Look::Deeper => {}
            Look::First(_) | Look::Outside => {
                end = source.lines.line_start(below);
                break;
            }
        }
    }
    for index in 0..found.len() {
        let next = found
            .get(index + 1)
            .map_or(end, |next| source.lines.line_start(source.lines.line_of(next.key.start)));
        if let Some(entry) = found.get_mut(index) {
            entry.value.end = next.max(entry.value.start);
        }
    }
    found
}

/// What a line is to a mapping.
enum Look {
    /// One of its entries.
    Entry(Entry),
    /// Its first entry, behind a dash.
    First(Entry),
    /// A part of an entry, or nothing.
    Deeper,
    /// A part of something else.
    Outside,
}

struct Scan<'a> {
    source: &'a SourceFile,
    column: usize,
}

impl Scan<'_> {
    fn first(&self, line: usize) -> Option<(Range<usize>, usize)> {
        let range = self.source.lines.line_range(&self.source.text, line);
        let first = skip_blanks(&self.source.text, range.start, range.end);
        (first < range.end).then_some((range, first))
    }

    /// Whether the column of a line is behind a dash.
    fn is_behind_dash(&self, line: usize) -> bool {
        self.first(line).is_some_and(|(range, first)| {
            first - range.start < self.column && byte(&self.source.text, first) == Some(b'-')
        })
    }

    fn look(&mut self, line: usize) -> Look {
        let text = &self.source.text;
        let start = self.source.lines.line_start(line);
        if byte(text, start + self.column) == Some(b' ') && byte(text, start) == Some(b' ') {
            let lead = text.as_bytes().get(start..start + self.column).unwrap_or_default();
            if lead.iter().all(|byte| *byte == b' ') {
                return Look::Deeper;
            }
        }
        let Some((range, first)) = self.first(line) else { return Look::Deeper };
        if byte(text, first) == Some(b'#') {
            return Look::Deeper;
        }
        let own = first - range.start;
        if own > self.column {
            return Look::Deeper;
        }
        let mut behind_dash = false;
        for element in Line::parse(text, &range).elements {
            match element {
                Element::Dash { .. } => behind_dash = true,
                Element::Key { name, range: key, colon } if key.start - range.start == self.column => {
                    let entry = Entry { name, key, value: colon + 1..range.end };
                    return if behind_dash { Look::First(entry) } else { Look::Entry(entry) };
                }
                Element::Key { .. } => {}
            }
        }
        // A list may stand at the column of its key.
        if own == self.column { Look::Deeper } else { Look::Outside }
    }
}
