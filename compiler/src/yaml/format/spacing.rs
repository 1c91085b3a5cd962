//! Which white space should stand where.

use std::ops::Range;

use super::layout::{Base, Collection, CollectionId, Kind, Layout, Piece, Place, is_indicator};
use super::{Respacing, Wish};
use crate::yaml::scan::TokenShape;

/// How far behind a dash its item begins.
const AFTER_DASH: usize = 2;

/// How many empty lines may follow each other.
const MAX_EMPTY_LINES: usize = 1;

/// Finds what is to be replaced.
pub(super) struct Spacer<'t> {
    text: &'t str,
    layout: &'t Layout,
    wish: Wish,
    /// The new column of each collection.
    columns: Vec<usize>,
    edits: Vec<Respacing>,
    /// How far the line moves that is looked at.
    shift: isize,
}

/// A line of the white space between two tokens.
#[derive(Clone, Copy)]
struct GapLine<'t> {
    number: usize,
    start: usize,
    /// Without its end.
    text: &'t str,
}

impl<'t> Spacer<'t> {
    pub fn new(text: &'t str, layout: &'t Layout, wish: &'t Wish) -> Self {
        let wish = with_comments(&layout.pieces, wish);
        let columns = new_columns(&layout.collections, &wish);
        Self { text, layout, wish, columns, edits: Vec::new(), shift: 0 }
    }

    /// All edits, in the text's order.
    pub fn edits(mut self) -> Vec<Respacing> {
        let pieces = &self.layout.pieces;
        let mut before: Option<&Piece> = None;
        for (index, piece) in pieces.iter().enumerate() {
            self.gap(before, Some(piece), pieces.get(index + 1));
            self.inside(piece);
            before = Some(piece);
        }
        if self.layout.is_whole {
            self.gap(before, None, None);
        }
        self.edits
    }

    fn may_change(&self, line: usize) -> bool {
        self.wish.lines.contains(&line)
    }

    fn replace(&mut self, range: Range<usize>, new_text: impl Into<String> + AsRef<str>) {
        if self.text.get(range.clone()) != Some(new_text.as_ref()) {
            self.edits.push(Respacing { range, new_text: new_text.into() });
        }
    }

    fn indent(&mut self, line_start: usize, length: usize, column: usize) {
        self.replace(line_start..line_start + length, " ".repeat(column));
    }

    // --- Columns ---

    fn column(&self, collection: CollectionId) -> usize {
        self.columns.get(collection).copied().unwrap_or(0)
    }

    /// The column of what stands on lines of its own in an entry.
    fn inner_column(&self, collection: CollectionId) -> usize {
        let is_list =
            self.layout.collections.get(collection).is_some_and(|found| found.kind == Kind::Sequence);
        self.column(collection) + if is_list { AFTER_DASH } else { self.wish.indent }
    }

    fn base_column(&self, base: Base) -> usize {
        match base {
            Base::OnLine(None) | Base::OwnLine(None) => 0,
            Base::OwnLine(Some(collection)) => self.inner_column(collection),
            Base::OnLine(Some(collection)) => {
                let is_mapping =
                    self.layout.collections.get(collection).is_some_and(|found| found.kind == Kind::Mapping);
                if is_mapping { self.column(collection) } else { self.inner_column(collection) }
            }
        }
    }

    /// The column of a token that begins a line; `None` where it stays where it is.
    fn line_column(&self, piece: &Piece) -> Option<usize> {
        Some(match piece.place {
            Place::Free => return None,
            Place::Entry(collection) => self.column(collection),
            Place::Content(collection) => self.inner_column(collection),
            Place::Flow { base, depth } => self.base_column(base) + depth * self.wish.indent,
            Place::Root => 0,
        })
    }

    /// The least column of further lines of a scalar.
    fn continuation_column(&self, piece: &Piece) -> usize {
        match piece.place {
            Place::Entry(collection) | Place::Content(collection) => self.inner_column(collection),
            _ => self.line_column(piece).unwrap_or(0),
        }
    }

    // --- Between tokens ---

    fn gap(&mut self, before: Option<&Piece>, after: Option<&Piece>, behind: Option<&Piece>) {
        let start = before.map_or(0, |piece| piece.end.offset);
        let end = after.map_or(self.text.len(), |piece| piece.start.offset);
        let text = self.text;
        let Some(gap) = text.get(start..end) else { return };
        if let (Some(before), Some(after)) = (before, after)
            && !gap.contains('\n')
        {
            return self.gap_on_line(before, after, behind, gap);
        }
        let mut lines = gap_lines(gap, start, before.map_or(0, |piece| piece.end.line));
        if let Some(before) = before {
            let rest = lines.remove(0);
            self.trim(rest);
            let is_at_end = lines.is_empty() && after.is_none();
            if is_at_end && !gap.ends_with('\n') {
                self.end_last_line(before, rest);
            }
        }
        let Some(last) = lines.pop() else { return };
        self.lines_between(before, after, &lines);
        match after {
            Some(piece) => self.begin_line(piece, last),
            None => self.end_of_text(before, &lines, last),
        }
    }

    /// What stands before a token that begins a line.
    fn begin_line(&mut self, piece: &Piece, line: GapLine<'_>) {
        let old = line.text.len();
        self.shift = 0;
        if let Some(column) = self.line_column(piece).filter(|_| self.may_change(line.number)) {
            self.indent(line.start, old, column);
            self.shift = column as isize - old as isize;
        }
    }

    /// Lines without tokens: empty ones and comments.
    fn lines_between(&mut self, before: Option<&Piece>, after: Option<&Piece>, lines: &[GapLine<'_>]) {
        let mut empty = if before.is_none() { MAX_EMPTY_LINES } else { 0 };
        let mut shift = None;
        let mut may_be_value = before.is_some_and(|piece| self.keeps_empty_lines(piece));
        let is_last = |index: usize| after.is_none() && lines[index..].iter().all(|line| is_empty(line));
        for (index, line) in lines.iter().enumerate() {
            if !is_empty(line) {
                empty = 0;
                may_be_value = false;
                shift = Some(self.comment(before, after, *line, shift));
                continue;
            }
            if !self.may_change(line.number) {
                continue;
            }
            empty += 1;
            let is_surplus = empty > MAX_EMPTY_LINES || is_last(index);
            if is_surplus && !may_be_value {
                let next = lines.get(index + 1).map(|next| next.start);
                let end = next.unwrap_or_else(|| self.next_line(line.start));
                self.replace(line.start..end, "");
            } else {
                self.trim(*line);
            }
        }
    }

    fn next_line(&self, from: usize) -> usize {
        let rest = self.text.get(from..).unwrap_or("");
        rest.find('\n').map_or(self.text.len(), |at| from + at + 1)
    }

    /// A comment on a line of its own. Gives how far it moves.
    fn comment(
        &mut self,
        before: Option<&Piece>,
        after: Option<&Piece>,
        line: GapLine<'_>,
        shift: Option<isize>,
    ) -> isize {
        let old = line.text.len() - line.text.trim_start().len();
        if !self.may_change(line.number) {
            return 0;
        }
        let column = self.comment_column(before, after, old, shift);
        self.indent(line.start, old, column);
        let trimmed = line.text.trim_end().len();
        self.replace(line.start + trimmed..line.start + line.text.len(), "");
        column as isize - old as isize
    }

    /// A comment belongs to what follows it in the same column, else to what stands before it in the same column, else it
    /// moves with the comment above it, else it goes with the next outer column.
    fn comment_column(
        &self,
        before: Option<&Piece>,
        after: Option<&Piece>,
        old: usize,
        shift: Option<isize>,
    ) -> usize {
        let in_flow = before.and_then(|piece| self.flow_column_behind(piece));
        if let Some(column) = in_flow {
            return column;
        }
        let mut known: Vec<(usize, usize)> = Vec::new();
        for piece in after.into_iter().chain(before) {
            let is_next = after.is_some_and(|after| std::ptr::eq(after, piece));
            if is_next && let Some(column) = self.line_column(piece) {
                known.push((piece.start.column, column));
            }
            let mut collection = piece.innermost;
            while let Some(id) = collection {
                let Some(found) = self.layout.collections.get(id) else { break };
                known.push((found.column, self.column(id)));
                collection = found.parent;
            }
        }
        if let Some((_, column)) = known.iter().find(|(from, _)| *from == old) {
            return *column;
        }
        let column = if let Some(shift) = shift {
            old.saturating_add_signed(shift)
        } else {
            let outer = known.iter().filter(|(from, _)| *from <= old).max_by_key(|(from, _)| *from);
            outer.map_or(0, |(_, column)| *column)
        };
        // Deeper it would be a line of the text above it.
        let limit = before.filter(|piece| piece.is_block_scalar).and_then(|piece| piece.innermost);
        limit.map_or(column, |collection| column.min(self.column(collection)))
    }

    /// The column of lines behind a token, where that is between brackets.
    fn flow_column_behind(&self, piece: &Piece) -> Option<usize> {
        let opens = matches!(piece.shape, TokenShape::FlowSequenceStart | TokenShape::FlowMappingStart);
        let closes = matches!(piece.shape, TokenShape::FlowSequenceEnd | TokenShape::FlowMappingEnd);
        let (base, depth) = match piece.place {
            Place::Flow { base, depth } => (base, depth + usize::from(opens)),
            _ if opens => {
                let begins_line = self.begins_line(piece);
                let collection = piece.innermost;
                (if begins_line { Base::OwnLine(collection) } else { Base::OnLine(collection) }, 1)
            }
            _ => return None,
        };
        let is_outside = closes && depth == 0;
        (!is_outside).then(|| self.base_column(base) + depth * self.wish.indent)
    }

    fn begins_line(&self, piece: &Piece) -> bool {
        let before = self.text.get(..piece.start.offset).unwrap_or("");
        let line = before.rfind('\n').map_or(before, |at| &before[at + 1..]);
        line.trim_start().is_empty()
    }

    /// Takes white space from the end of a line.
    fn trim(&mut self, line: GapLine<'_>) {
        if self.may_change(line.number) {
            let length = line.text.trim_end().len();
            self.replace(line.start + length..line.start + line.text.len(), "");
        }
    }

    /// The last line, which no line break ends.
    fn end_last_line(&mut self, before: &Piece, line: GapLine<'_>) {
        // Without a break at its end, a block scalar has none in its value either.
        let is_value = before.is_block_scalar && self.chomping(before) != Some(b'-') && is_empty(&line);
        if self.may_change(line.number) && !is_value {
            let end = line.start + line.text.len();
            let start = line.start + line.text.trim_end().len();
            if let Some(last) = self.edits.last_mut().filter(|edit| edit.range == (start..end)) {
                last.new_text.push_str(line_end(self.text));
            } else {
                let line_end = line_end(self.text);
                self.replace(end..end, line_end);
            }
        }
    }

    /// What stands behind the last line break.
    fn end_of_text(&mut self, before: Option<&Piece>, lines: &[GapLine<'_>], last: GapLine<'_>) {
        if !self.may_change(last.number) {
            return;
        }
        if is_empty(&last) {
            return self.replace(last.start..last.start + last.text.len(), "");
        }
        let shift = lines.last().filter(|line| !is_empty(line)).map(|_| 0);
        self.comment(before, None, last, shift);
        let end = self.text.len();
        if let Some(edit) =
            self.edits.last_mut().filter(|edit| edit.range.end == end && !edit.range.is_empty())
        {
            edit.new_text.push_str(line_end(self.text));
        } else {
            let line_end = line_end(self.text);
            self.replace(end..end, line_end);
        }
    }

    fn gap_on_line(&mut self, before: &Piece, after: &Piece, behind: Option<&Piece>, gap: &str) {
        if !self.may_change(after.start.line) || self.is_held(before, after) {
            return;
        }
        let range = before.end.offset..after.start.offset;
        if let Some(blanks) = self.blanks_between(before, after, behind, gap) {
            self.replace(range, " ".repeat(blanks));
        }
    }

    /// Whether a collection begins here that may not move.
    fn is_held(&self, before: &Piece, after: &Piece) -> bool {
        if !is_indicator(before) || before.innermost == after.innermost {
            return false;
        }
        let mut collection = after.innermost;
        while let Some(id) = collection.filter(|_| collection != before.innermost) {
            let Some(found) = self.layout.collections.get(id) else { break };
            if !is_movable(found, &self.wish) {
                return true;
            }
            collection = found.parent;
        }
        false
    }

    /// How many blanks should stand between two tokens of a line; `None` where they are left as they are.
    fn blanks_between(
        &self,
        before: &Piece,
        after: &Piece,
        behind: Option<&Piece>,
        gap: &str,
    ) -> Option<usize> {
        use TokenShape::{
            Alias, Anchor, BlockEntry, FlowEntry, FlowMappingEnd, FlowMappingStart, FlowSequenceEnd,
            FlowSequenceStart, Key, Scalar, Tag, Value,
        };
        let in_flow = matches!(before.place, Place::Flow { .. }) || matches!(after.place, Place::Flow { .. });
        let ends = |piece: &Piece| matches!(piece.shape, FlowEntry | FlowSequenceEnd | FlowMappingEnd);
        if self.is_inside_template(before, after) {
            return None;
        }
        match (before.shape, after.shape) {
            // A name takes in what stands directly behind it, and a colon is one only before a blank.
            (Anchor | Tag | Key | Value, FlowEntry | FlowSequenceEnd | FlowMappingEnd)
            | (Anchor | Tag | Alias | Key | Value, Value) => None,
            (Key, _) if in_flow => None,
            (Scalar | FlowSequenceEnd | FlowMappingEnd, Value) => {
                let follows = self.text.get(after.end.offset..).and_then(|rest| rest.bytes().next());
                let is_before_blank = follows.is_none_or(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'));
                let will_be =
                    behind.is_some_and(|behind| behind.start.line == after.end.line && !ends(behind));
                (is_before_blank || will_be).then_some(0)
            }
            (FlowSequenceStart | FlowMappingStart, _)
            | (
                FlowEntry | Scalar | Alias | FlowSequenceEnd | FlowMappingEnd,
                FlowSequenceEnd | FlowMappingEnd,
            )
            | (Scalar | Alias | FlowSequenceEnd | FlowMappingEnd, FlowEntry) => Some(0),
            (BlockEntry | Key | Value | FlowEntry, _) => Some(1),
            (Anchor | Tag, _) if !gap.is_empty() => Some(1),
            _ => None,
        }
    }

    /// Whether a gap stands inside of `{{ }}`, which YAML takes for braces.
    fn is_inside_template(&self, before: &Piece, after: &Piece) -> bool {
        let is_double = |at: usize, brace: &str| self.text.get(at..at + 2) == Some(brace);
        let opens = before.shape == TokenShape::FlowMappingStart;
        let closes = after.shape == TokenShape::FlowMappingEnd;
        (opens && before.start.offset > 0 && is_double(before.start.offset - 1, "{{"))
            || (opens && is_double(before.start.offset, "{{"))
            || (closes && is_double(after.start.offset, "}}"))
            || (closes && after.start.offset > 0 && is_double(after.start.offset - 1, "}}"))
    }

    // --- Inside tokens ---

    /// The further lines of a token.
    fn inside(&mut self, piece: &Piece) {
        if piece.is_block_scalar {
            self.block_scalar(piece);
        } else if piece.end.line > piece.start.line {
            self.further_lines(piece);
        }
    }

    /// The further lines of a scalar that goes on: blanks at their beginning mean nothing.
    fn further_lines(&mut self, piece: &Piece) {
        let floor = self.continuation_column(piece);
        let shift = self.shift;
        let text = self.text;
        let Some(written) = text.get(piece.start.offset..piece.end.offset) else { return };
        for line in gap_lines(written, piece.start.offset, piece.start.line).into_iter().skip(1) {
            let old = line.text.len() - line.text.trim_start_matches([' ', '\t']).len();
            if old == line.text.len() {
                continue;
            }
            self.shift = 0;
            if self.may_change(line.number) {
                let column = old.saturating_add_signed(shift).max(floor);
                self.indent(line.start, old, column);
                self.shift = column as isize - old as isize;
            }
        }
    }

    /// The header of a block scalar: what stands behind `|` or `>`.
    fn header(&self, piece: &Piece) -> &'t str {
        let text = self.text;
        let rest = text.get(piece.start.offset + 1..).unwrap_or("");
        &rest[..rest.find(|c: char| !matches!(c, '+' | '-' | '1'..='9')).unwrap_or(rest.len())]
    }

    fn chomping(&self, piece: &Piece) -> Option<u8> {
        self.header(piece).bytes().find(|byte| matches!(byte, b'+' | b'-'))
    }

    /// Whether empty lines behind a token belong to its value.
    fn keeps_empty_lines(&self, piece: &Piece) -> bool {
        piece.is_block_scalar && self.chomping(piece) == Some(b'+')
    }

    fn block_scalar(&mut self, piece: &Piece) {
        let text = self.text;
        let (Place::Content(collection), Some(written)) =
            (piece.place, text.get(piece.start.offset..piece.end.offset))
        else {
            return;
        };
        let mut lines = gap_lines(written, piece.start.offset, piece.start.line);
        let header = lines.remove(0);
        let Some(last) = lines.last() else { return };
        if !(self.may_change(header.number) && self.may_change(last.number)) {
            return;
        }
        self.trim(header);
        let Some(found) = self.layout.collections.get(collection) else { return };
        let digit =
            self.header(piece).bytes().find(u8::is_ascii_digit).map(|digit| usize::from(digit - b'0'));
        let first = lines.iter().find(|line| !is_blank(line)).map(indentation);
        let (old, new) = match (digit, first) {
            (Some(digit), _) => (found.column + digit, self.column(collection) + digit),
            (None, Some(first)) => (first, self.inner_column(collection)),
            (None, None) => return,
        };
        for line in lines {
            let blanks = indentation(&line);
            if is_blank(&line) && blanks <= old {
                self.indent(line.start, blanks, 0);
            } else if let Some(extra) = blanks.checked_sub(old) {
                self.indent(line.start, blanks, new + extra);
            }
        }
    }
}

/// The lines that may change, with the comments behind a block scalar that ends them: where its lines move, a comment must not
/// become one of them.
fn with_comments(pieces: &[Piece], wish: &Wish) -> Wish {
    let end = wish.lines.end;
    let mut pairs = pieces.iter().zip(pieces.iter().skip(1).map(Some).chain([None]));
    let found = pairs.find(|(piece, next)| {
        piece.is_block_scalar && piece.end.line < end && next.is_none_or(|next| end <= next.start.line)
    });
    let end = match found {
        Some((_, Some(next))) => next.start.line,
        Some((_, None)) => usize::MAX,
        None => end,
    };
    Wish { lines: wish.lines.start..end, ..*wish }
}

/// Whether all lines of a collection may change.
fn is_movable(collection: &Collection, wish: &Wish) -> bool {
    wish.lines.start <= collection.first_line && collection.last_line < wish.lines.end
}

/// Where the entries of each collection should begin.
fn new_columns(collections: &[Collection], wish: &Wish) -> Vec<usize> {
    let list_indent = if has_flat_lists(collections) { 0 } else { wish.indent };
    let mut columns: Vec<usize> = Vec::with_capacity(collections.len());
    for collection in collections {
        let parent = collection.parent.and_then(|id| Some((collections.get(id)?, *columns.get(id)?)));
        let column = match parent {
            _ if !is_movable(collection, wish) => collection.column,
            None => 0,
            Some((_, column)) if collection.is_compact => column + AFTER_DASH,
            Some((parent, column)) => match (parent.kind, collection.kind) {
                (Kind::Sequence, _) => column + AFTER_DASH,
                (Kind::Mapping, Kind::Sequence) => column + list_indent,
                (Kind::Mapping, Kind::Mapping) => column + wish.indent,
            },
        };
        columns.push(column);
    }
    columns
}

/// Whether most lists stand in the column of the key that they belong to.
fn has_flat_lists(collections: &[Collection]) -> bool {
    let lists =
        collections.iter().filter(|collection| collection.kind == Kind::Sequence && !collection.is_compact);
    let (mut flat, mut deeper) = (0, 0);
    for list in lists {
        match list.parent.and_then(|parent| collections.get(parent)) {
            Some(parent) if parent.kind == Kind::Mapping && parent.column == list.column => flat += 1,
            Some(parent) if parent.kind == Kind::Mapping => deeper += 1,
            _ => {}
        }
    }
    flat > deeper
}

/// The lines of a piece of text, without their ends.
fn gap_lines(text: &str, start: usize, number: usize) -> Vec<GapLine<'_>> {
    let mut at = start;
    text.split('\n')
        .enumerate()
        .map(|(index, line)| {
            let found =
                GapLine { number: number + index, start: at, text: line.strip_suffix('\r').unwrap_or(line) };
            at += line.len() + 1;
            found
        })
        .collect()
}

fn is_empty(line: &GapLine<'_>) -> bool {
    line.text.trim_ascii().is_empty()
}

/// Whether a line of a block scalar has nothing but blanks; a tab is text there.
fn is_blank(line: &GapLine<'_>) -> bool {
    line.text.bytes().all(|byte| byte == b' ')
}

fn indentation(line: &GapLine<'_>) -> usize {
    line.text.bytes().take_while(|byte| *byte == b' ').count()
}

/// How the lines of a text end.
fn line_end(text: &str) -> &'static str {
    let first = text.find('\n').unwrap_or(0);
    let is_crlf = first > 0 && text.as_bytes().get(first - 1) == Some(&b'\r');
    if is_crlf { "\r\n" } else { "\n" }
}
