//! Tokens to nodes: the grammar, and what anchors and tags stand for.
//!
//! The first error ends the parse, but not the tree: from then on the parser sees the end of the text, so every open
//! collection closes with what it has.

use rustc_hash::FxHashMap;
use smol_str::SmolStr;
use std::sync::Arc;

use super::node::{CollectionStyle, Entry, Mapping, Node, NodeKind, Scalar, ScalarStyle, Sequence};
use super::scan::{Mark, Problem, Scanner, Token, TokenKind};
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

enum Anchor {
    Open(usize),
    Done(Arc<Node>),
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
}

/// Parses the first document of a text.
pub(super) fn compose(text: &str, source: SourceId) -> Composed {
    compose_at(text, source, 0)
}

/// Parses the first document of a text that stands `depth` collections deep in another.
pub(super) fn compose_at(text: &str, source: SourceId, depth: usize) -> Composed {
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
    fn peek(&mut self) -> Token {
        if !self.failed {
            match self.scanner.peek() {
                // Only the kind's outline and the marks are looked at before the token is taken.
                Ok(token) => return Token { kind: outline(&token.kind), start: token.start, end: token.end },
                Err(problem) => self.fail(ComposeError::Syntax(problem)),
            }
        }
        Token { kind: TokenKind::StreamEnd, start: Mark::default(), end: Mark::default() }
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
        Node { span: self.span(mark, mark), start: mark.offset as u32, tag: None, anchor: None, kind }
    }

    fn document(&mut self) -> Option<Node> {
        let root = match self.peek().kind {
            TokenKind::StreamEnd => return None,
            TokenKind::Version { .. } | TokenKind::TagDirective { .. } | TokenKind::DocumentStart => {
                self.explicit_document()?
            }
            _ => {
                self.add_default_tags();
                self.node(true, false)
            }
        };
        // go-yaml reads one document, and asks nothing of what follows it.
        self.has_more = !self.failed && self.peek().kind != TokenKind::StreamEnd;
        Some(root)
    }

    fn explicit_document(&mut self) -> Option<Node> {
        self.has_references = true;
        self.directives();
        let token = self.peek();
        if token.kind != TokenKind::DocumentStart {
            self.expected("did not find expected <document start>", None, token.start);
            return None;
        }
        self.next();
        let token = self.peek();
        Some(match token.kind {
            TokenKind::Version { .. }
            | TokenKind::TagDirective { .. }
            | TokenKind::DocumentStart
            | TokenKind::DocumentEnd
            | TokenKind::StreamEnd => self.empty(token.start),
            _ => self.node(true, false),
        })
    }

    fn directives(&mut self) {
        let mut has_version = false;
        loop {
            let token = self.peek();
            match token.kind {
                TokenKind::Version { major, minor } => {
                    if has_version {
                        self.expected("found duplicate %YAML directive", None, token.start);
                    } else if (major, minor) != (1, 1) {
                        self.expected("found incompatible YAML document", None, token.start);
                    }
                    has_version = true;
                    self.next();
                }
                TokenKind::TagDirective { .. } => {
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
        let node = self.node_unlimited(block, indentless);
        self.depth -= 1;
        node
    }

    fn node_unlimited(&mut self, block: bool, indentless: bool) -> Node {
        let first = self.peek();
        if first.kind == TokenKind::Alias(SmolStr::default()) {
            return self.alias();
        }
        let properties = self.properties();
        let open_anchor = properties.anchor.as_ref().map(|name| self.open_anchor(name));
        let mut node = self.content(block, indentless, first.start, &properties);
        if properties.end != first.start {
            node.start = first.start.offset as u32;
        }
        node.tag = properties.tag;
        node.anchor = properties.anchor;
        if let (Some(name), Some(id)) = (&node.anchor, open_anchor) {
            self.close_anchor(name, id, &node);
        }
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
            Some(Anchor::Done(node)) => Some(Arc::clone(node)),
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
        Node { span, start: span.start, tag: None, anchor: None, kind }
    }

    fn properties(&mut self) -> Properties {
        let mut properties = Properties { anchor: None, tag: None, end: self.peek().start };
        let start = properties.end;
        let mut handled_tag = false;
        for _ in 0..2 {
            match self.peek().kind {
                TokenKind::Anchor(_) if properties.anchor.is_none() => {
                    let token = self.next();
                    self.has_references = true;
                    properties.end = token.end;
                    if let TokenKind::Anchor(name) = token.kind {
                        properties.anchor = Some(name);
                    }
                }
                TokenKind::Tag { .. } if !handled_tag => {
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
            *state = Anchor::Done(Arc::new(node.clone()));
        }
    }

    fn content(&mut self, block: bool, indentless: bool, start: Mark, properties: &Properties) -> Node {
        let token = self.peek();
        match token.kind {
            TokenKind::BlockEntry if indentless => self.indentless_sequence(),
            TokenKind::Scalar { .. } => self.scalar(),
            TokenKind::FlowSequenceStart => self.flow_sequence(),
            TokenKind::FlowMappingStart => self.flow_mapping(),
            TokenKind::BlockSequenceStart if block => self.block_sequence(),
            TokenKind::BlockMappingStart if block => self.block_mapping(),
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
        Node { span, start: token.start.offset as u32, tag: None, anchor: None, kind }
    }

    fn block_sequence(&mut self) -> Node {
        let context = self.next().start;
        let mut items = Vec::new();
        let mut end = context;
        loop {
            let token = self.peek();
            match token.kind {
                TokenKind::BlockEntry => {
                    end = self.next().end;
                    let item = match self.peek().kind {
                        TokenKind::BlockEntry | TokenKind::BlockEnd => self.empty(end),
                        _ => self.node(true, false),
                    };
                    items.push(item);
                }
                TokenKind::BlockEnd => {
                    self.next();
                    break;
                }
                _ => {
                    self.expected("did not find expected '-' indicator", Some(context), token.start);
                    break;
                }
            }
        }
        self.sequence(items, CollectionStyle::Block, context, end)
    }

    fn indentless_sequence(&mut self) -> Node {
        let start = self.peek().start;
        let mut items = Vec::new();
        let mut end = start;
        while self.peek().kind == TokenKind::BlockEntry {
            end = self.next().end;
            let item = match self.peek().kind {
                TokenKind::BlockEntry | TokenKind::Key | TokenKind::Value | TokenKind::BlockEnd => {
                    self.empty(end)
                }
                _ => self.node(true, false),
            };
            items.push(item);
        }
        self.sequence(items, CollectionStyle::Block, start, end)
    }

    fn sequence(&self, items: Vec<Node>, style: CollectionStyle, start: Mark, end: Mark) -> Node {
        let last = items.last().map_or(0, |node| node.span.end);
        let first = match (style, items.first()) {
            (CollectionStyle::Block, Some(item)) => item.span.start,
            _ => start.offset as u32,
        };
        let span = Span { source: self.source, start: first, end: last.max(end.offset as u32) };
        let kind = NodeKind::Sequence(Sequence { items, style });
        Node { span, start: start.offset as u32, tag: None, anchor: None, kind }
    }

    fn mapping(&self, entries: Vec<Entry>, style: CollectionStyle, start: Mark, end: Mark) -> Node {
        let last = entries.last().map_or(0, |entry| entry.value.span.end.max(entry.key.span.end));
        let span = Span { source: self.source, start: start.offset as u32, end: last.max(end.offset as u32) };
        let kind = NodeKind::Mapping(Mapping { entries, style });
        Node { span, start: span.start, tag: None, anchor: None, kind }
    }

    fn block_mapping(&mut self) -> Node {
        let context = self.next().start;
        let mut entries = Vec::new();
        let mut end = context;
        loop {
            let token = self.peek();
            match token.kind {
                TokenKind::Key => {
                    let mark = self.next().end;
                    let key = self.block_part(mark);
                    if self.failed && key.span.is_empty() {
                        break;
                    }
                    let token = self.peek();
                    let value = if token.kind == TokenKind::Value {
                        end = self.next().end;
                        self.block_part(end)
                    } else {
                        self.empty(if self.failed { mark } else { token.start })
                    };
                    let value = self.keep_in_order(&key, value);
                    entries.push(Entry { key, value: Arc::new(value) });
                }
                TokenKind::BlockEnd => {
                    self.next();
                    break;
                }
                _ => {
                    self.expected("did not find expected key", Some(context), token.start);
                    break;
                }
            }
        }
        self.mapping(entries, CollectionStyle::Block, context, end)
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
        match self.peek().kind {
            TokenKind::Key | TokenKind::Value | TokenKind::BlockEnd => self.empty(mark),
            _ => self.node(true, true),
        }
    }

    fn flow_sequence(&mut self) -> Node {
        let context = self.next().start;
        let mut items = Vec::new();
        let mut end = context;
        loop {
            let mut token = self.peek();
            if token.kind == TokenKind::FlowSequenceEnd {
                end = self.next().end;
                break;
            }
            if !items.is_empty() {
                if token.kind != TokenKind::FlowEntry {
                    self.expected("did not find expected ',' or ']'", Some(context), token.start);
                    break;
                }
                end = self.next().end;
                token = self.peek();
            }
            match token.kind {
                TokenKind::FlowSequenceEnd => {}
                TokenKind::Key => items.push(self.flow_pair()),
                _ => items.push(self.node(false, false)),
            }
            if self.failed {
                break;
            }
        }
        self.sequence(items, CollectionStyle::Flow, context, end)
    }

    /// A mapping of one entry without braces, inside of a list.
    fn flow_pair(&mut self) -> Node {
        let start = self.next();
        let token = self.peek();
        let key = match token.kind {
            TokenKind::Value | TokenKind::FlowEntry | TokenKind::FlowSequenceEnd => {
                // go-yaml passes the token here, even a `:`.
                self.next();
                self.empty(token.end)
            }
            _ => self.node(false, false),
        };
        let value = self.flow_value(&TokenKind::FlowSequenceEnd);
        let end = Mark { offset: start.end.offset.max(key.span.end as usize), ..start.end };
        let entry = Entry { key, value: Arc::new(value) };
        self.mapping(vec![entry], CollectionStyle::Flow, start.start, end)
    }

    fn flow_value(&mut self, close: &TokenKind) -> Node {
        let token = self.peek();
        if token.kind != TokenKind::Value {
            return self.empty(token.start);
        }
        self.next();
        let token = self.peek();
        if token.kind == TokenKind::FlowEntry || token.kind == *close {
            return self.empty(token.start);
        }
        self.node(false, false)
    }

    fn flow_mapping(&mut self) -> Node {
        let context = self.next().start;
        let mut entries: Vec<Entry> = Vec::new();
        let mut end = context;
        loop {
            let mut token = self.peek();
            if token.kind == TokenKind::FlowMappingEnd {
                end = self.next().end;
                break;
            }
            if !entries.is_empty() {
                if token.kind != TokenKind::FlowEntry {
                    self.expected("did not find expected ',' or '}'", Some(context), token.start);
                    break;
                }
                end = self.next().end;
                token = self.peek();
            }
            if token.kind == TokenKind::FlowMappingEnd {
                continue;
            }
            let entry = self.flow_entry(&token);
            if self.failed && entry.key.span.is_empty() {
                break;
            }
            entries.push(entry);
        }
        self.mapping(entries, CollectionStyle::Flow, context, end)
    }

    fn flow_entry(&mut self, token: &Token) -> Entry {
        let (key, value) = if token.kind == TokenKind::Key {
            self.next();
            let token = self.peek();
            let key = match token.kind {
                TokenKind::Value | TokenKind::FlowEntry | TokenKind::FlowMappingEnd => {
                    self.empty(token.start)
                }
                _ => self.node(false, false),
            };
            (key, self.flow_value(&TokenKind::FlowMappingEnd))
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

/// A token's kind without its text, which only the one who takes the token needs.
fn outline(kind: &TokenKind) -> TokenKind {
    let empty = SmolStr::default;
    match kind {
        TokenKind::Alias(_) => TokenKind::Alias(empty()),
        TokenKind::Anchor(_) => TokenKind::Anchor(empty()),
        TokenKind::Tag { .. } => TokenKind::Tag { handle: empty(), suffix: empty() },
        TokenKind::TagDirective { .. } => TokenKind::TagDirective { handle: empty(), prefix: empty() },
        TokenKind::Scalar { style, content, .. } => {
            TokenKind::Scalar { text: empty(), style: *style, content: *content }
        }
        other => other.clone(),
    }
}
