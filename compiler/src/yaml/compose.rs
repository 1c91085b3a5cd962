//! Tokens to nodes: the grammar, and what anchors and tags stand for.
//!
//! The first error ends the parse, but not the tree: from then on the parser sees the end of the text, so every open
//! collection closes with what it has.

use rustc_hash::FxHashMap;
use smol_str::SmolStr;
use std::sync::Arc;

use super::lines;
use super::node::{CollectionStyle, Entry, Mapping, Marks, Node, NodeKind, Scalar, ScalarStyle, Sequence};
use super::scan::{Mark, Problem, Scanner, Token, TokenKind, TokenShape};
use crate::source::{SourceId, Span};

/// How deep collections may be nested. go-yaml stops at 10,000; no stack here is that deep.
pub const MAX_NESTING: usize = 200;

/// What a text says, and what is wrong with it.
#[derive(Debug)]
pub(super) struct Composed {
    /// The first document's root; `None` where there is nothing but comments.
    pub root: Option<Node>,
    /// In the order in which go-yaml would find them.
    pub errors: Vec<ComposeError>,
    /// Whether a further document follows.
    pub has_more_documents: bool,
    /// Whether the text uses anchors, aliases or directives, so that its parts depend on each other.
    pub has_references: bool,
}

/// One error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ComposeError {
    /// The text is no YAML.
    Syntax(Problem),
    /// `*name` without an anchor before it.
    UnknownAnchor { name: SmolStr, span: Span },
    /// `*name` inside of what `&name` marks.
    RecursiveAnchor { name: SmolStr, span: Span },
    /// More than [`MAX_NESTING`] collections inside each other.
    TooDeep { mark: Mark },
}

impl ComposeError {
    /// Whether nothing after it was read.
    pub fn ends_the_parse(&self) -> bool {
        matches!(self, Self::Syntax(_) | Self::TooDeep { .. })
    }
}

impl Composed {
    /// Whether the text means the same wherever it stands.
    pub fn is_sound(&self) -> bool {
        self.errors.is_empty() && !self.has_references && !self.has_more_documents
    }
}

enum Anchor {
    Open(usize),
    /// The node, and how many levels it has, aliases written out.
    Done(Arc<Node>, usize),
}

struct Composer<'t> {
    scanner: Scanner<'t>,
    source: SourceId,
    failed: bool,
    errors: Vec<ComposeError>,
    anchors: FxHashMap<SmolStr, Anchor>,
    anchor_count: usize,
    tag_prefixes: Vec<(SmolStr, SmolStr)>,
    has_references: bool,
    has_more: bool,
    depth: usize,
    /// The deepest level so far, aliases written out.
    deepest: usize,
    /// Children of the collections that are open, so that each collection is allocated once, in its size.
    open_items: Vec<Node>,
    open_entries: Vec<Entry>,
}

/// Parses the first document of a text.
pub(super) fn compose(text: &str, source: SourceId) -> Composed {
    compose_from_tokens(text, source, 0)
}

/// Parses the first document of a text that stands `depth` collections deep in another.
pub(super) fn compose_at(text: &str, source: SourceId, depth: usize) -> Composed {
    match lines::read(text, source) {
        Some(root) => Composed {
            root: Some(root),
            errors: Vec::new(),
            has_more_documents: false,
            has_references: false,
        },
        None => compose_from_tokens(text, source, depth),
    }
}

/// The same for every text, also for those that [`lines`] reads.
pub(super) fn compose_from_tokens(text: &str, source: SourceId, depth: usize) -> Composed {
    let mut composer = Composer {
        scanner: Scanner::new(text),
        source,
        failed: false,
        errors: Vec::new(),
        anchors: FxHashMap::default(),
        anchor_count: 0,
        tag_prefixes: Vec::new(),
        has_references: false,
        has_more: false,
        depth,
        deepest: depth,
        open_items: Vec::new(),
        open_entries: Vec::new(),
    };
    let root = composer.document();
    Composed {
        root,
        errors: composer.errors,
        has_more_documents: composer.has_more,
        has_references: composer.has_references,
    }
}

impl Composer<'_> {
    /// What comes next, without its text, which only the one who takes the token needs.
    fn peek(&mut self) -> Ahead {
        if !self.failed {
            match self.scanner.peek() {
                Ok(token) => return Ahead { shape: token.kind.shape(), start: token.start, end: token.end },
                Err(problem) => self.fail(ComposeError::Syntax(problem)),
            }
        }
        Ahead { shape: TokenShape::StreamEnd, start: Mark::default(), end: Mark::default() }
    }

    fn next(&mut self) -> Token {
        if !self.failed {
            match self.scanner.next() {
                Ok(token) => return token,
                Err(problem) => self.fail(ComposeError::Syntax(problem)),
            }
        }
        Token { kind: TokenKind::StreamEnd, start: Mark::default(), end: Mark::default() }
    }

    fn fail(&mut self, error: ComposeError) {
        if !self.failed {
            self.failed = true;
            self.errors.push(error);
        }
    }

    fn expected(&mut self, text: &'static str, context: Option<Mark>, mark: Mark) {
        self.fail(ComposeError::Syntax(Problem { text, context, mark, in_scanner: false }));
    }

    fn span(&self, start: Mark, end: Mark) -> Span {
        Span::new(self.source, start.offset, end.offset)
    }

    fn empty(&self, mark: Mark) -> Node {
        let kind = NodeKind::Scalar(Scalar { text: SmolStr::default(), style: ScalarStyle::Plain });
        Node { span: self.span(mark, mark), start: mark.offset as u32, marks: None, kind }
    }

    fn document(&mut self) -> Option<Node> {
        let root = match self.peek().shape {
            TokenShape::StreamEnd => return None,
            TokenShape::Version | TokenShape::TagDirective | TokenShape::DocumentStart => {
                self.explicit_document()?
            }
            _ => {
                self.add_default_tags();
                self.node(true, false)
            }
        };
        // go-yaml reads one document, and asks nothing of what follows it.
        self.has_more = !self.failed && self.peek().shape != TokenShape::StreamEnd;
        Some(root)
    }

    fn explicit_document(&mut self) -> Option<Node> {
        self.has_references = true;
        self.directives();
        let token = self.peek();
        if token.shape != TokenShape::DocumentStart {
            self.expected("did not find expected <document start>", None, token.start);
            return None;
        }
        self.next();
        let token = self.peek();
        Some(match token.shape {
            TokenShape::Version
            | TokenShape::TagDirective
            | TokenShape::DocumentStart
            | TokenShape::DocumentEnd
            | TokenShape::StreamEnd => self.empty(token.start),
            _ => self.node(true, false),
        })
    }

    fn directives(&mut self) {
        let mut has_version = false;
        loop {
            let token = self.peek();
            match token.shape {
                TokenShape::Version => {
                    let version = self.next().kind;
                    if has_version {
                        self.expected("found duplicate %YAML directive", None, token.start);
                    } else if version != (TokenKind::Version { major: 1, minor: 1 }) {
                        self.expected("found incompatible YAML document", None, token.start);
                    }
                    has_version = true;
                }
                TokenShape::TagDirective => {
                    let TokenKind::TagDirective { handle, prefix } = self.next().kind else { break };
                    if self.tag_prefixes.iter().any(|(known, _)| *known == handle) {
                        self.expected("found duplicate %TAG directive", None, token.start);
                    }
                    self.tag_prefixes.push((handle, prefix));
                }
                _ => break,
            }
        }
        self.add_default_tags();
    }

    fn add_default_tags(&mut self) {
        for (handle, prefix) in [("!", "!"), ("!!", super::scalar::TAG_PREFIX)] {
            if !self.tag_prefixes.iter().any(|(known, _)| known == handle) {
                self.tag_prefixes.push((handle.into(), prefix.into()));
            }
        }
    }

    /// A node. `block`: collections by indentation may begin here; `indentless`: a list's dashes may stand at the
    /// column of the key above them.
    fn node(&mut self, block: bool, indentless: bool) -> Node {
        if self.depth >= MAX_NESTING {
            let mark = self.peek().start;
            self.fail(ComposeError::TooDeep { mark });
            return self.empty(mark);
        }
        self.depth += 1;
        self.deepest = self.deepest.max(self.depth);
        let node = self.node_unlimited(block, indentless);
        self.depth -= 1;
        node
    }

    fn node_unlimited(&mut self, block: bool, indentless: bool) -> Node {
        let first = self.peek();
        if first.shape == TokenShape::Alias {
            return self.alias();
        }
        let properties = self.properties();
        let open_anchor = properties.anchor.as_ref().map(|name| self.open_anchor(name));
        let deepest_outside = std::mem::replace(&mut self.deepest, self.depth);
        let mut node = self.content(block, indentless, first.start, &properties);
        if properties.end != first.start {
            node.start = first.start.offset as u32;
        }
        let Properties { anchor, tag, .. } = properties;
        let closed = anchor.clone().zip(open_anchor);
        if anchor.is_some() || tag.is_some() {
            node.marks = Some(Box::new(Marks { tag, anchor }));
        }
        if let Some((name, id)) = closed {
            self.close_anchor(&name, id, &node);
        }
        self.deepest = self.deepest.max(deepest_outside);
        node
    }

    fn alias(&mut self) -> Node {
        let token = self.next();
        self.has_references = true;
        let name = match token.kind {
            TokenKind::Alias(name) => name,
            _ => SmolStr::default(),
        };
        let span = self.span(token.start, token.end);
        let target = match self.anchors.get(&name) {
            Some(Anchor::Done(node, levels)) => {
                let deepest = self.depth - 1 + levels;
                self.deepest = self.deepest.max(deepest);
                if deepest > MAX_NESTING {
                    self.fail(ComposeError::TooDeep { mark: token.start });
                    return self.empty(token.start);
                }
                Some(Arc::clone(node))
            }
            Some(Anchor::Open(_)) => {
                self.errors.push(ComposeError::RecursiveAnchor { name: name.clone(), span });
                None
            }
            None => {
                self.errors.push(ComposeError::UnknownAnchor { name: name.clone(), span });
                None
            }
        };
        let kind = NodeKind::Alias { name, target };
        Node { span, start: span.start, marks: None, kind }
    }

    fn properties(&mut self) -> Properties {
        let mut properties = Properties { anchor: None, tag: None, end: self.peek().start };
        let start = properties.end;
        let mut handled_tag = false;
        for _ in 0..2 {
            match self.peek().shape {
                TokenShape::Anchor if properties.anchor.is_none() => {
                    let token = self.next();
                    self.has_references = true;
                    properties.end = token.end;
                    if let TokenKind::Anchor(name) = token.kind {
                        properties.anchor = Some(name);
                    }
                }
                TokenShape::Tag if !handled_tag => {
                    let token = self.next();
                    handled_tag = true;
                    properties.end = token.end;
                    if let TokenKind::Tag { handle, suffix } = token.kind {
                        properties.tag = self.long_tag(&handle, &suffix, start, token.start);
                    }
                }
                _ => break,
            }
        }
        properties
    }

    /// A tag's long form; `None` for `!`, which says no more than no tag.
    fn long_tag(&mut self, handle: &SmolStr, suffix: &SmolStr, start: Mark, mark: Mark) -> Option<SmolStr> {
        if handle.is_empty() {
            return Some(suffix.clone()).filter(|tag| tag != "!");
        }
        let Some((_, prefix)) = self.tag_prefixes.iter().find(|(known, _)| known == handle) else {
            self.expected("found undefined tag handle", Some(start), mark);
            return None;
        };
        Some(SmolStr::from(format!("{prefix}{suffix}")))
    }

    fn open_anchor(&mut self, name: &SmolStr) -> usize {
        self.anchor_count += 1;
        self.anchors.insert(name.clone(), Anchor::Open(self.anchor_count));
        self.anchor_count
    }

    /// An anchor of the same name further inside is the newer one and stays.
    fn close_anchor(&mut self, name: &SmolStr, id: usize, node: &Node) {
        if let Some(state) = self.anchors.get_mut(name)
            && matches!(state, Anchor::Open(open) if *open == id)
        {
            *state = Anchor::Done(Arc::new(node.clone()), self.deepest - self.depth + 1);
        }
    }

    fn content(&mut self, block: bool, indentless: bool, start: Mark, properties: &Properties) -> Node {
        let token = self.peek();
        match token.shape {
            TokenShape::BlockEntry if indentless => self.indentless_sequence(),
            TokenShape::Scalar => self.scalar(),
            TokenShape::FlowSequenceStart => self.flow_sequence(),
            TokenShape::FlowMappingStart => self.flow_mapping(),
            TokenShape::BlockSequenceStart if block => self.block_sequence(),
            TokenShape::BlockMappingStart if block => self.block_mapping(),
            _ if properties.end != start => self.empty(properties.end),
            _ => {
                self.expected("did not find expected node content", Some(start), token.start);
                self.empty(token.start)
            }
        }
    }

    fn scalar(&mut self) -> Node {
        let token = self.next();
        let TokenKind::Scalar { text, style, content } = token.kind else { return self.empty(token.start) };
        let span = Span::new(self.source, content, token.end.offset.max(content));
        let kind = NodeKind::Scalar(Scalar { text, style });
        Node { span, start: token.start.offset as u32, marks: None, kind }
    }

    fn block_sequence(&mut self) -> Node {
        let context = self.next().start;
        let first = self.open_items.len();
        let mut end = context;
        loop {
            let token = self.peek();
            match token.shape {
                TokenShape::BlockEntry => {
                    end = self.next().end;
                    let item = match self.peek().shape {
                        TokenShape::BlockEntry | TokenShape::BlockEnd => self.empty(end),
                        _ => self.node(true, false),
                    };
                    self.open_items.push(item);
                }
                TokenShape::BlockEnd => {
                    self.next();
                    break;
                }
                _ => {
                    self.expected("did not find expected '-' indicator", Some(context), token.start);
                    break;
                }
            }
        }
        self.sequence(first, CollectionStyle::Block, context, end)
    }

    fn indentless_sequence(&mut self) -> Node {
        let start = self.peek().start;
        let first = self.open_items.len();
        let mut end = start;
        while self.peek().shape == TokenShape::BlockEntry {
            end = self.next().end;
            let item = match self.peek().shape {
                TokenShape::BlockEntry | TokenShape::Key | TokenShape::Value | TokenShape::BlockEnd => {
                    self.empty(end)
                }
                _ => self.node(true, false),
            };
            self.open_items.push(item);
        }
        self.sequence(first, CollectionStyle::Block, start, end)
    }

    /// The sequence whose items are the open ones from `first` on.
    fn sequence(&mut self, first: usize, style: CollectionStyle, start: Mark, end: Mark) -> Node {
        let items = self.open_items.drain(first..).map(Arc::new).collect::<Vec<_>>();
        let last = items.last().map_or(0, |node| node.span.end);
        let first = match (style, items.first()) {
            (CollectionStyle::Block, Some(item)) => item.span.start,
            _ => start.offset as u32,
        };
        let span = Span { source: self.source, start: first, end: last.max(end.offset as u32) };
        let kind = NodeKind::Sequence(Sequence { items, style });
        Node { span, start: start.offset as u32, marks: None, kind }
    }

    /// The block or flow mapping whose entries are the open ones from `first` on.
    fn mapping(&mut self, first: usize, style: CollectionStyle, start: Mark, end: Mark) -> Node {
        let entries = self.open_entries.drain(first..).collect();
        self.mapping_of(entries, style, start, end)
    }

    fn mapping_of(&self, entries: Vec<Entry>, style: CollectionStyle, start: Mark, end: Mark) -> Node {
        let last = entries.last().map_or(0, |entry| entry.value.span.end.max(entry.key.span.end));
        let span = Span { source: self.source, start: start.offset as u32, end: last.max(end.offset as u32) };
        let kind = NodeKind::Mapping(Mapping { entries, style });
        Node { span, start: span.start, marks: None, kind }
    }

    fn block_mapping(&mut self) -> Node {
        let context = self.next().start;
        let first = self.open_entries.len();
        let mut end = context;
        loop {
            let token = self.peek();
            match token.shape {
                TokenShape::Key => {
                    let mark = self.next().end;
                    let key = self.block_part(mark);
                    if self.failed && key.span.is_empty() {
                        break;
                    }
                    let token = self.peek();
                    let value = if token.shape == TokenShape::Value {
                        end = self.next().end;
                        self.block_part(end)
                    } else {
                        self.empty(if self.failed { mark } else { token.start })
                    };
                    let value = self.keep_in_order(&key, value);
                    self.open_entries.push(Entry { key, value: Arc::new(value) });
                }
                TokenShape::BlockEnd => {
                    self.next();
                    break;
                }
                _ => {
                    self.expected("did not find expected key", Some(context), token.start);
                    break;
                }
            }
        }
        self.mapping(first, CollectionStyle::Block, context, end)
    }

    /// After an error, marks are gone; a value that was cut off stands after its key.
    fn keep_in_order(&self, key: &Node, mut value: Node) -> Node {
        if self.failed && value.span.is_empty() && value.span.start < key.span.end {
            value.span = Span { start: key.span.end, end: key.span.end, ..key.span };
            value.start = key.span.end;
        }
        value
    }

    /// A key or value of a block mapping, whose indicator ended at `mark`.
    fn block_part(&mut self, mark: Mark) -> Node {
        match self.peek().shape {
            TokenShape::Key | TokenShape::Value | TokenShape::BlockEnd => self.empty(mark),
            _ => self.node(true, true),
        }
    }

    fn flow_sequence(&mut self) -> Node {
        let context = self.next().start;
        let first = self.open_items.len();
        let mut end = context;
        loop {
            let mut token = self.peek();
            if token.shape == TokenShape::FlowSequenceEnd {
                end = self.next().end;
                break;
            }
            if self.open_items.len() > first {
                if token.shape != TokenShape::FlowEntry {
                    self.expected("did not find expected ',' or ']'", Some(context), token.start);
                    break;
                }
                end = self.next().end;
                token = self.peek();
            }
            match token.shape {
                TokenShape::FlowSequenceEnd => {}
                TokenShape::Key => {
                    let pair = self.flow_pair();
                    self.open_items.push(pair);
                }
                _ => {
                    let item = self.node(false, false);
                    self.open_items.push(item);
                }
            }
            if self.failed {
                break;
            }
        }
        self.sequence(first, CollectionStyle::Flow, context, end)
    }

    /// A mapping of one entry without braces, inside of a list.
    fn flow_pair(&mut self) -> Node {
        let start = self.next();
        let token = self.peek();
        let key = match token.shape {
            TokenShape::Value | TokenShape::FlowEntry | TokenShape::FlowSequenceEnd => {
                // go-yaml passes the token here, even a `:`.
                self.next();
                self.empty(token.end)
            }
            _ => self.node(false, false),
        };
        let value = self.flow_value(TokenShape::FlowSequenceEnd);
        let end = Mark { offset: start.end.offset.max(key.span.end as usize), ..start.end };
        let entry = Entry { key, value: Arc::new(value) };
        self.mapping_of(vec![entry], CollectionStyle::Flow, start.start, end)
    }

    fn flow_value(&mut self, close: TokenShape) -> Node {
        let token = self.peek();
        if token.shape != TokenShape::Value {
            return self.empty(token.start);
        }
        self.next();
        let token = self.peek();
        if token.shape == TokenShape::FlowEntry || token.shape == close {
            return self.empty(token.start);
        }
        self.node(false, false)
    }

    fn flow_mapping(&mut self) -> Node {
        let context = self.next().start;
        let first = self.open_entries.len();
        let mut end = context;
        loop {
            let mut token = self.peek();
            if token.shape == TokenShape::FlowMappingEnd {
                end = self.next().end;
                break;
            }
            if self.open_entries.len() > first {
                if token.shape != TokenShape::FlowEntry {
                    self.expected("did not find expected ',' or '}'", Some(context), token.start);
                    break;
                }
                end = self.next().end;
                token = self.peek();
            }
            if token.shape == TokenShape::FlowMappingEnd {
                continue;
            }
            let entry = self.flow_entry(token);
            if self.failed && entry.key.span.is_empty() {
                break;
            }
            self.open_entries.push(entry);
        }
        self.mapping(first, CollectionStyle::Flow, context, end)
    }

    fn flow_entry(&mut self, token: Ahead) -> Entry {
        let (key, value) = if token.shape == TokenShape::Key {
            self.next();
            let token = self.peek();
            let key = match token.shape {
                TokenShape::Value | TokenShape::FlowEntry | TokenShape::FlowMappingEnd => {
                    self.empty(token.start)
                }
                _ => self.node(false, false),
            };
            (key, self.flow_value(TokenShape::FlowMappingEnd))
        } else {
            let key = self.node(false, false);
            let mark = self.peek().start;
            (key, self.empty(mark))
        };
        let value = self.keep_in_order(&key, value);
        Entry { key, value: Arc::new(value) }
    }
}

struct Properties {
    anchor: Option<SmolStr>,
    tag: Option<SmolStr>,
    end: Mark,
}

/// A token that was not taken yet.
#[derive(Clone, Copy)]
struct Ahead {
    shape: TokenShape,
    start: Mark,
    end: Mark,
}
