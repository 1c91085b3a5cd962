//! Which token stands in which collection.

use crate::yaml::scan::{Mark, Scanner, Token, TokenKind, TokenShape};

/// A text's tokens and block collections.
#[derive(Debug, Default)]
pub(super) struct Layout {
    /// The tokens that are written, in the text's order.
    pub pieces: Vec<Piece>,
    /// The block collections, outer ones first.
    pub collections: Vec<Collection>,
    /// Whether what follows the last piece is the end of the text, not a further document.
    pub is_whole: bool,
}

/// A collection by its number.
pub(super) type CollectionId = usize;

/// A token that is written.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    pub shape: TokenShape,
    pub start: Mark,
    pub end: Mark,
    /// What its column follows from where it begins a line.
    pub place: Place,
    /// The innermost block collection around it.
    pub innermost: Option<CollectionId>,
    /// Whether it is a scalar of lines, after `|` or `>`.
    pub is_block_scalar: bool,
}

/// Where a token stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Outside of everything, as `---`.
    Free,
    /// It begins an entry.
    Entry(CollectionId),
    /// It is the value of an entry.
    Content(CollectionId),
    /// It is between brackets, so many of them, the first of which counts its lines from the base.
    Flow { base: Base, depth: usize },
    /// It is the root.
    Root,
}

/// From where lines between brackets are indented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Base {
    /// The brackets begin on the line of their key or dash.
    OnLine(Option<CollectionId>),
    /// The brackets begin a line.
    OwnLine(Option<CollectionId>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Mapping,
    Sequence,
}

/// A block collection.
#[derive(Clone, Debug)]
pub(super) struct Collection {
    pub kind: Kind,
    pub parent: Option<CollectionId>,
    /// The column in which its entries begin.
    pub column: usize,
    /// Its lines, from 0.
    pub first_line: usize,
    pub last_line: usize,
    /// Whether it begins behind the dash, or the like, of an entry of its parent.
    pub is_compact: bool,
    /// Whether the tokens say nothing of its beginning and end: a list as deep as the key that it belongs to.
    is_silent: bool,
}

#[derive(Default)]
struct Reader<'t> {
    text: &'t str,
    layout: Layout,
    open: Vec<CollectionId>,
    flow: Option<(Base, usize)>,
    /// The mapping whose key comes next.
    key_of: Option<CollectionId>,
    /// Whether the root has ended: nobody reads what follows.
    is_done: bool,
}

impl Layout {
    /// Reads a text. `None` where there is nothing to lay out, or where it is no YAML.
    pub fn read(text: &str) -> Option<Self> {
        if has_unusual_characters(text) {
            return None;
        }
        let mut scanner = Scanner::new(text);
        let mut reader = Reader { text, ..Reader::default() };
        loop {
            let token = scanner.next().ok()?;
            let is_next_document = match token.kind {
                TokenKind::DocumentStart => {
                    reader.layout.pieces.iter().any(|piece| piece.place != Place::Free || is_start(piece))
                }
                TokenKind::DocumentEnd => true,
                TokenKind::StreamEnd => {
                    reader.layout.is_whole = true;
                    break;
                }
                _ => false,
            };
            if is_next_document {
                reader.piece(&token, Place::Free);
                break;
            }
            reader.token(&token)?;
        }
        let has_content = reader.layout.pieces.iter().any(|piece| piece.place != Place::Free);
        has_content.then_some(reader.layout)
    }
}

fn is_start(piece: &Piece) -> bool {
    piece.shape == TokenShape::DocumentStart
}

/// Whether a text has a byte order mark, or lines that end unusually.
fn has_unusual_characters(text: &str) -> bool {
    let is_lone = |(at, _): (usize, &str)| text.as_bytes().get(at + 1) != Some(&b'\n');
    (memchr::memchr(b'\r', text.as_bytes()).is_some() && text.match_indices('\r').any(is_lone))
        || (!text.is_ascii() && text.contains(['\u{85}', '\u{2028}', '\u{2029}', '\u{feff}']))
}

impl Reader<'_> {
    fn token(&mut self, token: &Token) -> Option<()> {
        if self.is_done {
            return None;
        }
        self.read_token(token)?;
        let has_content =
            self.layout.pieces.iter().next_back().is_some_and(|piece| piece.place != Place::Free);
        let is_mark = matches!(token.kind, TokenKind::Anchor(_) | TokenKind::Tag { .. });
        let is_opening = matches!(token.kind, TokenKind::BlockMappingStart | TokenKind::BlockSequenceStart);
        self.is_done = has_content && !is_mark && !is_opening && self.open.is_empty() && self.flow.is_none();
        Some(())
    }

    fn read_token(&mut self, token: &Token) -> Option<()> {
        match token.kind.shape() {
            TokenShape::Version | TokenShape::TagDirective | TokenShape::DocumentStart => {
                self.piece(token, Place::Free);
            }
            TokenShape::BlockMappingStart => self.open(Kind::Mapping, token.start, false)?,
            TokenShape::BlockSequenceStart => self.open(Kind::Sequence, token.start, false)?,
            TokenShape::BlockEnd => self.close()?,
            TokenShape::Key => self.key(token)?,
            TokenShape::Value => self.value(token),
            TokenShape::BlockEntry => self.dash(token)?,
            TokenShape::FlowSequenceStart | TokenShape::FlowMappingStart => self.open_flow(token),
            TokenShape::FlowSequenceEnd | TokenShape::FlowMappingEnd => {
                if let Some((_, depth)) = &mut self.flow {
                    *depth = depth.saturating_sub(1);
                }
                let place = self.content_place();
                self.piece(token, place);
                self.flow = self.flow.filter(|(_, depth)| *depth > 0);
            }
            TokenShape::FlowEntry
            | TokenShape::Alias
            | TokenShape::Anchor
            | TokenShape::Tag
            | TokenShape::Scalar => {
                let place = self.content_place();
                // The text of a root without keys has no columns of its own to keep to.
                if place == Place::Root && token.kind.shape() == TokenShape::Scalar {
                    return None;
                }
                self.piece(token, place);
            }
            TokenShape::StreamEnd | TokenShape::DocumentEnd => {}
        }
        Some(())
    }

    fn content_place(&mut self) -> Place {
        if let Some((base, depth)) = self.flow {
            return Place::Flow { base, depth };
        }
        match (self.key_of.take(), self.open.last()) {
            (Some(mapping), _) => Place::Entry(mapping),
            (None, Some(&collection)) => Place::Content(collection),
            (None, None) => Place::Root,
        }
    }

    fn piece(&mut self, token: &Token, place: Place) {
        let is_block_scalar = matches!(&token.kind, TokenKind::Scalar { style, .. }
            if matches!(style, crate::yaml::node::ScalarStyle::Literal | crate::yaml::node::ScalarStyle::Folded));
        let end = if is_block_scalar { self.end_of_block_scalar(token.end) } else { token.end };
        self.layout.pieces.push(Piece {
            shape: token.kind.shape(),
            start: token.start,
            end,
            place,
            innermost: self.open.last().copied(),
            is_block_scalar,
        });
    }

    /// A block scalar without lines ends with its header, not at the next line.
    fn end_of_block_scalar(&self, end: Mark) -> Mark {
        let before = self.text.get(..end.offset).unwrap_or("");
        match before.strip_suffix('\n') {
            Some(header) => {
                let offset = header.strip_suffix('\r').unwrap_or(header).len();
                Mark { offset, line: end.line.saturating_sub(1), ..end }
            }
            None => end,
        }
    }

    fn last_line(&self) -> Option<usize> {
        self.layout.pieces.last().map(|piece| piece.end.line)
    }

    /// `None` where a collection begins where none can.
    fn open(&mut self, kind: Kind, start: Mark, is_silent: bool) -> Option<()> {
        let is_on_line = self.last_line() == Some(start.line);
        let is_compact = is_on_line && self.layout.pieces.last().is_some_and(is_indicator);
        if is_on_line && !is_compact {
            return None;
        }
        self.open.push(self.layout.collections.len());
        let parent = self.open.iter().nth_back(1).copied();
        self.layout.collections.push(Collection {
            kind,
            parent,
            column: start.column,
            first_line: start.line,
            last_line: start.line,
            is_compact,
            is_silent,
        });
        Some(())
    }

    fn top(&self) -> Option<&Collection> {
        self.layout.collections.get(*self.open.last()?)
    }

    fn close(&mut self) -> Option<()> {
        self.close_silent();
        self.close_one()
    }

    fn close_silent(&mut self) {
        if self.top().is_some_and(|top| top.is_silent) {
            self.close_one();
        }
    }

    fn close_one(&mut self) -> Option<()> {
        let last_line = self.last_line()?;
        let collection = self.layout.collections.get_mut(self.open.pop()?)?;
        collection.last_line = last_line.max(collection.first_line);
        Some(())
    }

    fn key(&mut self, token: &Token) -> Option<()> {
        let is_written = token.end.offset > token.start.offset;
        if self.flow.is_some() {
            if is_written {
                let place = self.content_place();
                self.piece(token, place);
            }
            return Some(());
        }
        self.close_silent();
        let mapping = *self.open.last()?;
        if is_written {
            self.piece(token, Place::Entry(mapping));
        } else {
            self.key_of = Some(mapping);
        }
        Some(())
    }

    fn value(&mut self, token: &Token) {
        self.key_of = None;
        if self.flow.is_some() {
            let place = self.content_place();
            return self.piece(token, place);
        }
        self.close_silent();
        let place = self.open.last().map_or(Place::Root, |&mapping| Place::Entry(mapping));
        self.piece(token, place);
    }

    fn dash(&mut self, token: &Token) -> Option<()> {
        if self.flow.is_some() {
            return None;
        }
        if self.top()?.kind == Kind::Mapping {
            self.open(Kind::Sequence, token.start, true)?;
        }
        let sequence = *self.open.last()?;
        self.piece(token, Place::Entry(sequence));
        Some(())
    }

    fn open_flow(&mut self, token: &Token) {
        let is_on_line = self.last_line() == Some(token.start.line);
        let place = self.content_place();
        self.piece(token, place);
        let collection = self.open.last().copied();
        let base = if is_on_line { Base::OnLine(collection) } else { Base::OwnLine(collection) };
        self.flow = match self.flow {
            Some((base, depth)) => Some((base, depth + 1)),
            None => Some((base, 1)),
        };
    }
}

/// Whether a collection can begin behind it on the same line.
pub(super) fn is_indicator(piece: &Piece) -> bool {
    matches!(piece.shape, TokenShape::BlockEntry | TokenShape::Key | TokenShape::Value)
}
