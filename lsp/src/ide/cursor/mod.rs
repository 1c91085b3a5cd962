//! What stands at a place of a text that may be broken or half typed.
//!
//! No tree is made: from the cursor's line the way to the root is read off the indentation of the lines above, and only what
//! a collection or a quote leaves open is read from there on. What is below the cursor is looked at for siblings alone.

mod entries;
mod flow;
pub mod line;
pub mod shell;
pub mod template;

use std::ops::Range;

use camino::Utf8Path;
use ez_compiler::schema::{Format, PathItem};
use ez_compiler::source::{FileId, SourceFile};
use smol_str::SmolStr;

use crate::analysis::Analysis;
pub use entries::Entry;
use flow::FlowSpot;
use line::{Element, Line, byte, closing_quote, skip_blanks};

/// How far a flow collection or a quoted scalar is read, in bytes.
const MAX_OPEN: usize = 64 * 1024;

/// A part of the way from the root to the cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The value of a key.
    Key {
        /// The key.
        name: SmolStr,
        /// Its bytes, quotes included.
        range: Range<usize>,
        /// The bracket of the flow mapping that it stands in.
        flow: Option<usize>,
    },
    /// An item of a list; the byte of its dash, or where it begins in a flow list.
    Index {
        /// That byte.
        at: usize,
    },
}

/// How a scalar is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Without quotes.
    Plain,
    /// `'…'`
    SingleQuoted,
    /// `"…"`
    DoubleQuoted,
    /// `|`
    Literal,
    /// `>`
    Folded,
}

/// What is being written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// A key; its colon is there already.
    KeyWithColon,
    /// A key of a flow mapping, still without a colon.
    Key,
    /// A value behind its key.
    Value,
    /// The beginning of a value on a line of its own or behind a dash: it may become a key.
    KeyOrValue,
}

/// What stands at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The way to the value that the cursor is in, or to the mapping whose key is being written.
    pub path: Vec<Step>,
    /// What is being written.
    pub part: Part,
    /// The bytes of the key or scalar, quotes left out; of one that goes on further down only those of the cursor's line.
    pub word: Range<usize>,
    /// The first byte of the scalar, behind its quote; on a line above where it began there.
    pub scalar: usize,
    /// How the scalar is written.
    pub style: Style,
    /// The cursor.
    pub offset: usize,
    /// The bracket of the flow collection that the cursor is in.
    pub flow: Option<usize>,
    /// Whether a blank is missing between the colon and the value.
    pub needs_blank: bool,
    /// The blanks with which the line begins.
    pub indentation: usize,
    /// The column, in bytes, at which the key or value begins.
    pub column: usize,
}

/// The format of a file, by its path.
pub fn format_of(path: &Utf8Path) -> Format {
    let name = path.file_name().unwrap_or_default();
    let directory = path.parent().and_then(Utf8Path::file_name);
    let above = path.parent().and_then(Utf8Path::parent).and_then(Utf8Path::file_name);
    if matches!(name, ".taskrc.yml" | ".taskrc.yaml") {
        return Format::Taskrc;
    }
    if ez_compiler::folder::METADATA_NAMES.contains(&name) && above == Some(ez_compiler::folder::DIRECTORY) {
        return Format::Metadata;
    }
    match directory {
        _ if crate::projects::is_taskfile_name(path) => Format::Taskfile,
        Some(ez_compiler::plan::DIRECTORY) => Format::Plan,
        Some(ez_compiler::plugin::PROJECT_DIRECTORY) => Format::Plugin,
        Some(ez_compiler::template_file::PROJECT_DIRECTORY) => Format::Template,
        _ => Format::Taskfile,
    }
}

/// The format of a file of a project, which may include a Taskfile from where files of other formats usually are.
pub fn format_in(analysis: &Analysis, file: FileId) -> Format {
    let is_taskfile = analysis.compilation.loaded.files.iter().any(|loaded| loaded.file == file);
    if is_taskfile { Format::Taskfile } else { format_of(&analysis.file(file).path) }
}

impl Cursor {
    /// What stands at a byte of a file; `None` where nothing can be written: in a comment, in the indentation, behind a
    /// value that is complete.
    pub fn at(source: &SourceFile, offset: usize) -> Option<Self> {
        Finder { source, text: &source.text, offset: boundary(&source.text, offset) }.find()
    }

    /// The way for the tables of formats.
    pub fn items(&self) -> Vec<PathItem<'_>> {
        items(&self.path)
    }

    /// The keys of the way, `None` for items of lists.
    pub fn keys(&self) -> Vec<Option<&str>> {
        self.path.iter().map(Step::key).collect()
    }

    /// The text of the key or scalar before the cursor.
    pub fn typed<'t>(&self, text: &'t str) -> &'t str {
        text.get(self.word.start..self.offset).unwrap_or("")
    }

    /// The entries of the mapping that holds the step of that number on the way; for the way's length, the entries beside the
    /// key that is being written.
    pub fn entries(&self, source: &SourceFile, depth: usize) -> Vec<Entry> {
        match self.path.get(depth) {
            Some(Step::Key { flow: Some(open), .. }) => entries::of_flow(&source.text, *open),
            Some(Step::Key { range, .. }) => entries::of_block(source, range.start),
            Some(Step::Index { .. }) => Vec::new(),
            None if depth > self.path.len() => Vec::new(),
            None => match self.flow {
                Some(open) => entries::of_flow(&source.text, open),
                None => entries::beside(source, self.offset, self.column),
            },
        }
    }

    /// The value of a key in the mapping that [`Self::entries`] gives, if it is a scalar.
    pub fn scalar_of(&self, source: &SourceFile, depth: usize, key: &str) -> Option<SmolStr> {
        let entries = self.entries(source, depth);
        entries.iter().find(|entry| entry.name == key).and_then(|entry| entry.scalar(&source.text))
    }
}

impl Step {
    /// The key; `None` for an item of a list.
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::Key { name, .. } => Some(name),
            Self::Index { .. } => None,
        }
    }
}

/// A way as the tables of formats take it.
pub fn items(path: &[Step]) -> Vec<PathItem<'_>> {
    path.iter().map(|step| step.key().map_or(PathItem::Index, PathItem::Key)).collect()
}

/// The nearest character boundary at or before a byte.
fn boundary(text: &str, offset: usize) -> usize {
    let mut at = offset.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

struct Finder<'a> {
    source: &'a SourceFile,
    text: &'a str,
    offset: usize,
}

/// A line above the cursor that holds what the cursor is in.
struct Holder {
    line: usize,
    column: usize,
    is_dash: bool,
}

impl Finder<'_> {
    fn range(&self, line: usize) -> Range<usize> {
        self.source.lines.line_range(self.text, line)
    }

    fn starts_with_dash(&self, at: usize, end: usize) -> bool {
        byte(self.text, at) == Some(b'-')
            && at < end
            && (at + 1 >= end || matches!(byte(self.text, at + 1), Some(b' ' | b'\t')))
    }

    fn find(&self) -> Option<Cursor> {
        let number = self.source.lines.line_of(self.offset);
        let range = self.range(number);
        let first = skip_blanks(self.text, range.start, range.end);
        let is_blank = first >= range.end;
        let offset = self.offset.min(range.end);
        if !is_blank && offset < first {
            return None;
        }
        let column = if is_blank { offset } else { first } - range.start;
        let is_dash = !is_blank && self.starts_with_dash(first, range.end);
        let mut path = Vec::new();
        let mut holders = self.holders(number, column, is_dash).into_iter().rev().peekable();
        while let Some(holder) = holders.next() {
            let (inner, inner_is_dash) =
                holders.peek().map_or((column, is_dash), |next| (next.column, next.is_dash));
            let range = self.range(holder.line);
            let line = Line::parse(self.text, &range);
            let count = line.elements.len();
            let kept = line.elements.into_iter().filter(|element| {
                let own = element.start() - range.start;
                let is_key = matches!(element, Element::Key { .. });
                own < inner || (own == inner && is_key && inner_is_dash)
            });
            let before = path.len();
            path.extend(kept.map(step));
            if path.len() - before == count {
                match self.opened(line.value, &range) {
                    Opened::Nothing => {}
                    Opened::Block(style) => return Some(self.block(path, holder.line + 1, style, number)),
                    Opened::Value => return self.value(path, line.value, offset, number, holder.line),
                }
            }
        }
        self.own_line(path, &range, offset, number)
    }

    /// The lines that hold the cursor's, innermost first.
    fn holders(&self, number: usize, column: usize, is_dash: bool) -> Vec<Holder> {
        let (mut limit, mut limit_is_dash) = (column, is_dash);
        let mut found = Vec::new();
        for line in (0..number).rev() {
            if limit == 0 && !limit_is_dash {
                break;
            }
            let start = self.source.lines.line_start(line);
            // Most lines are deeper than what is looked for: one look is enough.
            if matches!(byte(self.text, start + limit), Some(b' ')) && self.is_deeper(start, limit) {
                continue;
            }
            let range = self.range(line);
            let first = skip_blanks(self.text, range.start, range.end);
            if first >= range.end || byte(self.text, first) == Some(b'#') {
                continue;
            }
            let own = first - range.start;
            if own == 0 && self.text.get(range).is_some_and(|line| line.starts_with("---")) {
                break;
            }
            let dash = self.starts_with_dash(first, self.source.lines.line_range(self.text, line).end);
            if own < limit || (own == limit && limit_is_dash && !dash) {
                found.push(Holder { line, column: own, is_dash: dash });
                (limit, limit_is_dash) = (own, dash);
            }
        }
        found
    }

    fn is_deeper(&self, start: usize, limit: usize) -> bool {
        let lead = self.text.as_bytes().get(start..=start + limit).unwrap_or_default();
        lead.len() == limit + 1 && lead.iter().all(|byte| *byte == b' ')
    }

    /// What the value of a line above leaves open.
    fn opened(&self, value: usize, range: &Range<usize>) -> Opened {
        let value = self.skip_properties(value, range.end);
        match byte(self.text, value).filter(|_| value < range.end) {
            None | Some(b'#') => Opened::Nothing,
            Some(b'|') => Opened::Block(Style::Literal),
            Some(b'>') => Opened::Block(Style::Folded),
            Some(_) => Opened::Value,
        }
    }

    /// Behind anchors and tags.
    fn skip_properties(&self, from: usize, end: usize) -> usize {
        let mut at = from;
        while matches!(byte(self.text, at), Some(b'&' | b'!')) && at < end {
            let rest = self.text.as_bytes().get(at..end).unwrap_or_default();
            let length = rest.iter().position(|byte| matches!(byte, b' ' | b'\t')).unwrap_or(rest.len());
            at = skip_blanks(self.text, at + length, end);
        }
        at
    }

    /// In a block scalar that begins with a line.
    fn block(&self, path: Vec<Step>, first: usize, style: Style, number: usize) -> Cursor {
        let range = self.range(number);
        let offset = self.offset.min(range.end);
        let content = skip_blanks(self.text, range.start, range.end).min(offset);
        let scalar = self.source.lines.line_start(first);
        self.cursor(path, Part::Value, content..range.end.max(offset), scalar, style, number)
    }

    /// On a line that nothing above leaves open.
    fn own_line(
        &self,
        mut path: Vec<Step>,
        range: &Range<usize>,
        offset: usize,
        number: usize,
    ) -> Option<Cursor> {
        let line = Line::parse(self.text, range);
        let mut behind_key = None;
        for element in line.elements {
            match element {
                Element::Dash { at } if offset <= at + 1 => return None,
                Element::Dash { at } => path.push(Step::Index { at }),
                Element::Key { range: key, .. } if offset <= key.end => {
                    return self.key(path, key, offset, number);
                }
                Element::Key { colon, .. } if offset <= colon => return None,
                Element::Key { name, range, colon } => {
                    behind_key = Some(colon + 1);
                    path.push(Step::Key { name, range, flow: None });
                }
            }
        }
        let is_written = line.value < range.end && byte(self.text, line.value) != Some(b'#');
        if offset < line.value && is_written {
            return None;
        }
        let cursor = self.value(path, line.value.min(offset), offset, number, number)?;
        // What is open on this line alone may yet get a colon.
        let may_be_key = behind_key.is_none() && cursor.flow.is_none() && cursor.style == Style::Plain;
        Some(Cursor {
            part: if may_be_key { Part::KeyOrValue } else { cursor.part },
            needs_blank: cursor.needs_blank || behind_key == Some(offset),
            ..cursor
        })
    }

    fn cursor(
        &self,
        path: Vec<Step>,
        part: Part,
        word: Range<usize>,
        scalar: usize,
        style: Style,
        number: usize,
    ) -> Cursor {
        let range = self.range(number);
        let offset = self.offset.min(range.end);
        let first = skip_blanks(self.text, range.start, range.end).min(offset);
        Cursor {
            path,
            part,
            scalar,
            style,
            offset,
            flow: None,
            needs_blank: false,
            indentation: first - range.start,
            column: word.start.saturating_sub(range.start),
            word,
        }
    }

    /// In a key of block style that has its colon.
    fn key(&self, path: Vec<Step>, key: Range<usize>, offset: usize, number: usize) -> Option<Cursor> {
        let quote = byte(self.text, key.start).filter(|byte| matches!(byte, b'\'' | b'"'));
        let inner = if quote.is_some() { key.start + 1..key.end - 1 } else { key };
        let style = match quote {
            Some(b'\'') => Style::SingleQuoted,
            Some(_) => Style::DoubleQuoted,
            None => Style::Plain,
        };
        if offset < inner.start || offset > inner.end {
            return None;
        }
        let column = inner.start;
        Some(self.cursor(path, Part::KeyWithColon, inner, column, style, number))
    }

    /// In a value that begins at `start`, on the cursor's line or above.
    fn value(
        &self,
        path: Vec<Step>,
        start: usize,
        offset: usize,
        number: usize,
        first_line: usize,
    ) -> Option<Cursor> {
        let range = self.range(number);
        let start = self.skip_properties(start, self.range(first_line).end).min(offset);
        if offset - start > MAX_OPEN {
            return None;
        }
        let found = byte(self.text, start).filter(|_| start < range.end.max(offset));
        let is_template = self.text.get(start..).is_some_and(|rest| rest.starts_with("{{"));
        match found {
            Some(b'#') => None,
            Some(b'|' | b'>') if start < offset => None,
            Some(b'*') if start < offset => self.plain(path, start, offset, number, first_line),
            Some(quote @ (b'\'' | b'"')) if start < offset => {
                if closing_quote(self.text, start, offset).is_some() {
                    return None;
                }
                let style = if quote == b'\'' { Style::SingleQuoted } else { Style::DoubleQuoted };
                Some(self.quoted(path, start, style, number))
            }
            Some(b'[' | b'{') if start < offset && !is_template => self.flow(path, start, offset, number),
            Some(b'\'' | b'"' | b'[' | b'{' | b'|' | b'>' | b'*') if !is_template => None,
            _ => self.plain(path, start, offset, number, first_line),
        }
    }

    fn quoted(&self, path: Vec<Step>, open: usize, style: Style, number: usize) -> Cursor {
        let range = self.range(number);
        let begin = (open + 1).max(skip_blanks(self.text, range.start, range.end)).min(self.offset);
        let end = closing_quote(self.text, open, range.end).unwrap_or(range.end);
        let offset = self.offset.min(range.end);
        self.cursor(path, Part::Value, begin..end.max(offset), open + 1, style, number)
    }

    fn plain(
        &self,
        path: Vec<Step>,
        start: usize,
        offset: usize,
        number: usize,
        first_line: usize,
    ) -> Option<Cursor> {
        let range = self.range(number);
        let begin = if first_line == number { start } else { skip_blanks(self.text, range.start, range.end) };
        let begin = begin.min(offset);
        if starts_comment(self.text.get(begin..offset)?) {
            return None;
        }
        let behind = self.text.get(offset..range.end)?;
        let length = comment_in(behind, self.text.get(begin..offset)?).unwrap_or(behind.len());
        let end = offset + behind.get(..length)?.trim_end().len();
        Some(self.cursor(path, Part::Value, begin..end, start, Style::Plain, number))
    }

    /// In a flow collection.
    fn flow(&self, mut path: Vec<Step>, open: usize, offset: usize, number: usize) -> Option<Cursor> {
        let FlowSpot::Inside { frames, scalar } = flow::locate(self.text, open, offset) else { return None };
        for frame in &frames {
            match &frame.key {
                Some((name, range)) => {
                    let flow = frame.is_mapping.then_some(frame.open);
                    if !frame.is_mapping {
                        path.push(Step::Index { at: frame.item });
                    }
                    path.push(Step::Key { name: name.clone(), range: range.clone(), flow });
                }
                None if !frame.is_mapping => path.push(Step::Index { at: frame.item }),
                None => {}
            }
        }
        let inner = frames.last()?;
        let is_key = inner.is_mapping && inner.key.is_none();
        let range = self.range(number);
        let line_end = range.end.max(offset);
        let (begin, end, style) = match scalar {
            Some(scalar) if scalar.style == Style::Plain => {
                (scalar.start, flow::plain_end(self.text, scalar.start, line_end), Style::Plain)
            }
            Some(scalar) => {
                let close = closing_quote(self.text, scalar.start.saturating_sub(1), line_end);
                (scalar.start, close.unwrap_or(line_end), scalar.style)
            }
            None => (offset, flow::plain_end(self.text, offset, line_end), Style::Plain),
        };
        let begin_here = begin.max(range.start).min(offset);
        let end = begin_here.max(offset) + trimmed_length(self.text, offset, end, style);
        let behind = skip_blanks(self.text, end + usize::from(style != Style::Plain), line_end);
        let has_colon = byte(self.text, behind) == Some(b':');
        let part = match (is_key, has_colon) {
            (true, true) => Part::KeyWithColon,
            (true, false) => Part::Key,
            (false, _) => Part::Value,
        };
        let needs_blank = scalar.is_none() && offset > 0 && byte(self.text, offset - 1) == Some(b':');
        let mut cursor = self.cursor(path, part, begin_here..end, begin, style, number);
        cursor.flow = Some(inner.open);
        cursor.needs_blank = needs_blank;
        Some(cursor)
    }
}

/// The length of what stands behind the cursor, blanks at its end left out where they are not quoted.
fn trimmed_length(text: &str, offset: usize, end: usize, style: Style) -> usize {
    let behind = text.get(offset..end.max(offset)).unwrap_or("");
    if style == Style::Plain { behind.trim_end().len() } else { behind.len() }
}

enum Opened {
    Nothing,
    Block(Style),
    Value,
}

fn step(element: Element) -> Step {
    match element {
        Element::Dash { at } => Step::Index { at },
        Element::Key { name, range, .. } => Step::Key { name, range, flow: None },
    }
}

/// Whether a comment begins in a plain scalar.
fn starts_comment(plain: &str) -> bool {
    plain.starts_with('#') || plain.contains(" #") || plain.contains("\t#")
}

/// Where a comment begins behind the cursor.
fn comment_in(behind: &str, before: &str) -> Option<usize> {
    let at_start = before.is_empty() || before.ends_with([' ', '\t']);
    if at_start && behind.starts_with('#') {
        return Some(0);
    }
    [" #", "\t#"].iter().filter_map(|mark| behind.find(mark)).min()
}

#[cfg(test)]
mod tests;
