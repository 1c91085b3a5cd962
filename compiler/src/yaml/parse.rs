//! A file's text to a document, a block at a time, so that an edit costs the block that it is in.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustc_hash::FxHashMap;

use super::blocks::{Block, Level, SPLIT_KEY, split};
use super::compose::{ComposeError, compose, compose_at};
use super::error::YamlError;
use super::explain::{explain, too_large, without_control_characters};
use super::merge::key_text;
use super::node::{CollectionStyle, Entry, Mapping, Node, NodeKind, Sequence};
use super::recover::compose_around_errors;
use super::scan::Problem;
use crate::parallel;
use crate::source::{FileId, SourceId, SourceMap, Span};

/// The largest file that is read, in bytes.
pub const MAX_FILE_SIZE: usize = 64 << 20;

/// A file as YAML.
#[derive(Clone, Debug)]
pub struct Document {
    /// The fragment that covers the whole file.
    pub source: SourceId,
    /// The first document's root; `None` of a file without one.
    pub root: Option<Arc<Node>>,
    /// What is wrong, in the order of the text. The tree has what could be read all the same.
    pub errors: Vec<YamlError>,
    parts: Vec<Part>,
    /// Whether parts of the file refer to each other, so that none can be read alone.
    is_entangled: bool,
}

/// A parsed block in its place, kept for the next time.
#[derive(Clone, Debug)]
struct Part {
    /// Where in the file it begins.
    base: usize,
    /// What it says, shared with the next document.
    block: Arc<ParsedBlock>,
}

impl Deref for Part {
    type Target = ParsedBlock;

    fn deref(&self) -> &ParsedBlock {
        &self.block
    }
}

/// What a block says, wherever it stands.
#[derive(Debug)]
struct ParsedBlock {
    text: Box<str>,
    level: Level,
    source: SourceId,
    /// The mapping or list that the block is for itself.
    root: Option<Arc<Node>>,
    errors: Vec<YamlError>,
    /// What broke it, if that does not depend on what follows the block.
    own_problem: Option<Problem>,
    /// Whether it is one entry or item without an error that means the same wherever it stands.
    is_sound: bool,
    has_references: bool,
}

impl ParsedBlock {
    fn entries(&self) -> &[Entry] {
        match self.root.as_ref().map(|root| &root.kind) {
            Some(NodeKind::Mapping(mapping)) if self.level != Level::Item => &mapping.entries,
            _ => &[],
        }
    }

    fn items(&self) -> &[Arc<Node>] {
        match self.root.as_ref().map(|root| &root.kind) {
            Some(NodeKind::Sequence(list)) if self.level == Level::Item => &list.items,
            _ => &[],
        }
    }

    /// Whether anything of it was read.
    fn says_something(&self) -> bool {
        !self.entries().is_empty() || !self.items().is_empty()
    }
}

/// Parses a file's text, which `sources` must hold as `file`'s.
///
/// Spans of a task's nodes are relative to the task's own fragment. With the `previous` document of the same file,
/// blocks whose text did not change are taken from it: same fragment, moved to its new place, and same nodes.
pub fn parse(text: &str, file: FileId, sources: &mut SourceMap, previous: Option<&Document>) -> Document {
    let source = match previous {
        Some(previous) => previous.source,
        None => sources.add_fragment(file, 0),
    };
    if text.len() > MAX_FILE_SIZE {
        return Document::whole(source, None, vec![too_large(text.len(), source)]);
    }
    if let Some((cleaned, error)) = without_control_characters(text, source) {
        let composed = compose_around_errors(&cleaned, source, 0);
        let others = composed.errors.iter().map(|other| explain(other, &cleaned, source).after_another());
        return Document::whole(source, composed.root, std::iter::once(error).chain(others).collect());
    }
    let blocks = split(text);
    let mut reader = BlockReader { text, blocks: &blocks.list, file, sources, previous };
    let was_entangled = previous.is_some_and(|previous| previous.is_entangled);
    let fragments = reader.sources.fragment_count();
    let mut parts: Option<Vec<Part>> = None;
    if blocks.clean && !blocks.list.is_empty() && !was_entangled {
        parts = reader.read_while_independent();
        if let Some(parts) = parts.take_if(|parts| parts.iter().all(|part| part.is_sound)) {
            let root = Some(Arc::new(assemble(&parts, source)));
            return Document { source, root, errors: Vec::new(), parts, is_entangled: false };
        }
    }
    if previous.is_some()
        && parts.iter().flatten().any(|part| part.says_something())
        && let Some(go_message) = parts.as_ref().and_then(|parts| message_of_first_broken(parts, text))
    {
        return from_broken_parts(parts.unwrap_or_default(), Some(go_message), source);
    }
    let whole = compose(text, source);
    if !whole.errors.iter().any(ComposeError::ends_the_parse) {
        reader.sources.take_back_fragments(fragments);
        let errors = whole.errors.iter().map(|error| explain(error, text, source)).collect();
        let is_entangled = whole.has_references;
        return Document { is_entangled, ..Document::whole(source, whole.root, errors) };
    }
    let parts = parts.unwrap_or_else(|| {
        reader.sources.take_back_fragments(fragments);
        reader.read_all()
    });
    let mut errors = whole.errors.iter().map(|error| explain(error, text, source));
    let document = if parts.iter().all(|part| part.errors.is_empty()) {
        // Only together the blocks are wrong, as where one is a word that is yet to become a key.
        Document { errors: errors.collect(), ..from_broken_parts(parts, None, source) }
    } else {
        let go_message = errors.next().and_then(|error| error.go_message);
        from_broken_parts(parts, go_message, source)
    };
    Document { root: document.root.or(whole.root.map(Arc::new)), ..document }
}

/// Parses a file's text without keeping its tasks: each is given to `take` as soon as it is read, on the thread that read
/// it. The document's `tasks` have no entries then; what was made of them comes with it, in the text's order.
///
/// `None` where not every block is sound, or the tasks are not together: [`parse`] says what there is to say of such a
/// text.
pub fn parse_tasks_apart<T: Send>(
    text: &str,
    file: FileId,
    sources: &mut SourceMap,
    take: impl Fn(&Entry, &SourceMap) -> T + Sync,
) -> Option<(Document, Vec<T>)> {
    let source = sources.add_fragment(file, 0);
    if text.len() > MAX_FILE_SIZE || without_control_characters(text, source).is_some() {
        return None;
    }
    let blocks = split(text);
    let headers = blocks.list.iter().filter(|block| block.level == Level::Header).count();
    if !blocks.clean || headers != 1 {
        return None;
    }
    let unread: Vec<Unread<'_>> = blocks
        .list
        .iter()
        .map(|block| {
            let source = sources.add_fragment(file, block.range.start);
            Unread { text: &text[block.range.clone()], block, source }
        })
        .collect();
    let sources = &*sources;
    let stopped = AtomicBool::new(false);
    let pieces = parallel::map(&unread, text.len(), |block| {
        if stopped.load(Ordering::Relaxed) {
            return None;
        }
        let piece = Piece::read(block, |entry| take(entry, sources));
        stopped.fetch_or(piece.is_none(), Ordering::Relaxed);
        piece
    });
    let mut root = Assembly::default();
    let mut tasks = Vec::with_capacity(pieces.len());
    for piece in pieces {
        match piece? {
            Piece::Entry(entry, base) => root.push_entry(*entry, base),
            Piece::Task(task) => tasks.push(task),
        }
    }
    let is_tasks = |entry: &&Entry| key_text(&entry.key).is_some_and(|key| key == SPLIT_KEY);
    if root.entries.iter().filter(is_tasks).count() != 1 {
        return None;
    }
    let root = Some(Arc::new(root.into_node(source)));
    Some((Document { source, root, errors: Vec::new(), parts: Vec::new(), is_entangled: false }, tasks))
}

/// A sound block: an entry of the root, or what was made of a task.
enum Piece<T> {
    /// In a box, because there are few of these among many tasks.
    Entry(Box<Entry>, usize),
    Task(T),
}

impl<T> Piece<T> {
    /// `None` where the block is not sound.
    fn read(unread: &Unread<'_>, take: impl FnOnce(&Entry) -> T) -> Option<Self> {
        let Unread { text, block, source } = unread;
        let composed = compose_at(text, *source, depth_of(block.level));
        let is_sound = composed.is_sound();
        let NodeKind::Mapping(mut mapping) = composed.root.filter(|_| is_sound)?.kind else { return None };
        let entry = mapping.entries.pop().filter(|_| mapping.entries.is_empty())?;
        let value = match block.level {
            Level::Task => {
                return matches!(entry.key.kind, NodeKind::Scalar(_)).then(|| Self::Task(take(&entry)));
            }
            Level::Header => {
                let no_entries = Mapping { entries: Vec::new(), style: CollectionStyle::Block };
                let kind = NodeKind::Mapping(no_entries);
                Arc::new(Node { kind, span: entry.value.span, start: entry.value.start, marks: None })
            }
            Level::Root => entry.value,
            // A Taskfile has no list that is split.
            Level::Item => return None,
        };
        Some(Self::Entry(Box::new(Entry { value, ..entry }), block.range.start))
    }
}

/// go-yaml's message for a text of which a block before any other trouble is wrong in itself. An editor asks for this
/// at every key; the rest of the file need not be read for it.
fn message_of_first_broken(parts: &[Part], text: &str) -> Option<String> {
    let index = parts.iter().position(|part| !part.is_sound)?;
    let part = parts.get(index)?;
    let line_of = |part: &Part| text[..part.base].bytes().filter(|&byte| byte == b'\n').count();
    let mut problem = part.own_problem.as_ref()?.moved_down(line_of(part));
    let indentation = part.text.len() - part.text.trim_start_matches(' ').len();
    if part.level == Level::Item && indentation == 0 {
        // A list that stands no deeper than its key has another grammar than one that stands alone.
        return None;
    }
    if let Some(context) = problem.context.as_mut().filter(|context| context.offset == indentation)
        && !problem.in_scanner
    {
        // What begins with the block goes on from the blocks before it.
        let is_root = !matches!(part.level, Level::Task | Level::Item);
        let before = parts[..=index].iter().rev();
        let first = before.take_while(|other| is_root || other.level == part.level).last();
        context.line = first.map_or(0, line_of);
    }
    Some(problem.go_message())
}

impl Document {
    /// How many fragments its nodes are in.
    pub fn fragment_count(&self) -> usize {
        self.parts.len() + 1
    }

    fn whole(source: SourceId, root: Option<Node>, errors: Vec<YamlError>) -> Self {
        Self { source, root: root.map(Arc::new), errors, parts: Vec::new(), is_entangled: false }
    }
}

/// The document of a text that is wrong: every block for itself, so that one mistake costs as little as possible.
///
/// The errors are those of the blocks, because a forgotten quote breaks one task while go-yaml notices it in another.
/// go-yaml's message is on the first of them.
fn from_broken_parts(parts: Vec<Part>, go_message: Option<String>, source: SourceId) -> Document {
    let mut errors: Vec<YamlError> = parts.iter().flat_map(|part| part.errors.iter().cloned()).collect();
    if let Some(first) = errors.first_mut() {
        first.go_message = go_message;
    }
    let says_something = parts.iter().any(|part| part.says_something());
    let root = says_something.then(|| Arc::new(assemble(&parts, source)));
    let is_entangled = parts.iter().any(|part| part.has_references);
    Document { source, root, errors, parts, is_entangled }
}

struct BlockReader<'a> {
    text: &'a str,
    blocks: &'a [Block],
    file: FileId,
    sources: &'a mut SourceMap,
    previous: Option<&'a Document>,
}

impl BlockReader<'_> {
    fn read_all(&mut self) -> Vec<Part> {
        self.read(|_| true).unwrap_or_default()
    }

    /// `None` as soon as a block refers to others.
    fn read_while_independent(&mut self) -> Option<Vec<Part>> {
        self.read(|part| !part.has_references)
    }

    fn read(&mut self, go_on: impl Fn(&Part) -> bool + Sync) -> Option<Vec<Part>> {
        let old = self.previous.map_or(&[][..], |previous| &previous.parts);
        let mut reuse = Reuse::new(self.text, self.blocks, old);
        let mut unread = Vec::new();
        let mut parts = Vec::with_capacity(self.blocks.len());
        for (index, block) in self.blocks.iter().enumerate() {
            let base = block.range.start;
            let text = &self.text[block.range.clone()];
            let Some(old) = reuse.take(index, block, text) else {
                let source = self.sources.add_fragment(self.file, base);
                unread.push(Unread { text, block, source });
                parts.push(None);
                continue;
            };
            if old.base != base {
                self.sources.move_fragment(old.source, base);
            }
            let part = Part { base, block: Arc::clone(&old.block) };
            if !go_on(&part) {
                return None;
            }
            parts.push(Some(part));
        }
        let mut new = read_blocks(&unread, &go_on)?.into_iter();
        Some(parts.into_iter().filter_map(|part| part.or_else(|| new.next())).collect())
    }
}

/// A block that is to be parsed.
struct Unread<'t> {
    text: &'t str,
    block: &'t Block,
    source: SourceId,
}

/// Parses blocks. `None` where one of them must not `go_on`.
fn read_blocks(blocks: &[Unread<'_>], go_on: &(impl Fn(&Part) -> bool + Sync)) -> Option<Vec<Part>> {
    let bytes = blocks.iter().map(|block| block.text.len()).sum();
    let stopped = AtomicBool::new(false);
    let parts = parallel::map(blocks, bytes, |Unread { text, block, source }| {
        if stopped.load(Ordering::Relaxed) {
            return None;
        }
        let part = Some(read_block(text, block, *source)).filter(go_on);
        stopped.fetch_or(part.is_none(), Ordering::Relaxed);
        part
    });
    parts.into_iter().collect()
}

/// The root, which the text of a task or a step does not show, is one level of nesting.
fn depth_of(level: Level) -> usize {
    usize::from(matches!(level, Level::Task | Level::Item))
}

fn read_block(text: &str, block: &Block, source: SourceId) -> Part {
    let depth = depth_of(block.level);
    let mut composed = compose_at(text, source, depth);
    let is_broken = composed.errors.iter().any(ComposeError::ends_the_parse);
    // What is left out to read around an error may be the reference.
    let has_references = composed.has_references;
    if is_broken {
        composed = compose_around_errors(text, source, depth);
    }
    let syntax_errors = composed.errors.iter().filter(|error| error.ends_the_parse());
    let errors: Vec<_> = syntax_errors.map(|error| explain(error, text, source).after_another()).collect();
    let own_problem = composed.errors.iter().find_map(|error| match error {
        ComposeError::Syntax(problem) if problem.mark.offset < text.trim_end().len() => Some(problem.clone()),
        _ => None,
    });
    let is_sound = !is_broken && composed.is_sound();
    let mut parsed = ParsedBlock {
        text: text.into(),
        level: block.level,
        source,
        root: composed.root.map(Arc::new),
        errors,
        own_problem,
        is_sound: false,
        has_references: has_references || composed.has_references,
    };
    parsed.is_sound = is_sound && parsed.entries().len() + parsed.items().len() == 1;
    Part { base: block.range.start, block: Arc::new(parsed) }
}

/// Which old part a new block is. Most edits change one place: what is equal at the beginning and at the end is found
/// without hashing.
struct Reuse<'p> {
    old: &'p [Part],
    same_at_start: usize,
    same_at_end: usize,
    new_count: usize,
    between: FxHashMap<&'p str, usize>,
}

impl<'p> Reuse<'p> {
    fn new(text: &str, blocks: &[Block], old: &'p [Part]) -> Self {
        let same = |(block, part): &(&Block, &Part)| {
            block.level == part.level && text[block.range.clone()] == *part.text
        };
        let same_at_start = blocks.iter().zip(old).take_while(same).count();
        let (rest, old_rest) = (&blocks[same_at_start..], &old[same_at_start..]);
        let same_at_end = rest.iter().rev().zip(old_rest.iter().rev()).take_while(same).count();
        let between = same_at_start..old.len() - same_at_end;
        let between = between.map(|index| (&*old[index].text, index)).collect();
        Self { old, same_at_start, same_at_end, new_count: blocks.len(), between }
    }

    fn take(&mut self, index: usize, block: &Block, text: &str) -> Option<&'p Part> {
        if index < self.same_at_start {
            return self.old.get(index);
        }
        let from_end = self.new_count - index;
        if from_end <= self.same_at_end {
            return self.old.get(self.old.len() - from_end);
        }
        // Two blocks of the same text need two fragments, so each old part is taken once.
        let part = self.old.get(self.between.remove(text)?)?;
        (part.level == block.level).then_some(part)
    }
}

/// The root mapping of parsed blocks. What spans several blocks has its place in `source`, the whole file.
fn assemble(parts: &[Part], source: SourceId) -> Node {
    let mut root = Assembly::default();
    let mut header: Option<&Part> = None;
    let mut below = Assembly::default();
    for part in parts {
        if matches!(part.level, Level::Task | Level::Item) && header.is_some() {
            below.push_all(part);
            continue;
        }
        root.push_header(header.take(), std::mem::take(&mut below), source);
        if part.level == Level::Header {
            header = Some(part);
        } else {
            root.push_all(part);
        }
    }
    root.push_header(header, below, source);
    root.into_node(source)
}

/// Entries or items of several fragments that make one mapping or list.
#[derive(Default)]
struct Assembly {
    entries: Vec<Entry>,
    items: Vec<Arc<Node>>,
    /// Where go-yaml lets it begin.
    start: Option<usize>,
    /// Where its first child begins.
    first: usize,
    end: usize,
}

impl Assembly {
    fn push_all(&mut self, part: &Part) {
        for entry in part.entries() {
            self.push_entry(entry.clone(), part.base);
        }
        if let Some(list) = part.root.as_ref().filter(|_| !part.items().is_empty()) {
            let at = |offset: u32| part.base + offset as usize;
            self.cover(at(list.start), at(list.span.start), at(list.span.end));
            self.items.extend_from_slice(part.items());
        }
    }

    fn push_entry(&mut self, entry: Entry, base: usize) {
        let start = base + entry.key.span.start as usize;
        let end = base + entry.value.span.end.max(entry.key.span.end) as usize;
        self.push(entry, start, end);
    }

    fn push(&mut self, entry: Entry, start: usize, end: usize) {
        self.cover(start, start, end);
        self.entries.push(entry);
    }

    fn cover(&mut self, start: usize, first: usize, end: usize) {
        if self.start.is_none() {
            self.start = Some(start);
            self.first = first;
        }
        self.end = self.end.max(end);
    }

    fn push_header(&mut self, header: Option<&Part>, below: Self, source: SourceId) {
        let Some(header) = header else { return };
        let (Some(entry), Some(_)) = (header.entries().first(), below.start) else {
            return self.push_all(header);
        };
        let (start, end) = (header.base + entry.key.span.start as usize, below.end);
        let value = Arc::new(below.into_node(source));
        self.push(Entry { key: entry.key.clone(), value }, start, end);
    }

    fn into_node(self, source: SourceId) -> Node {
        let style = CollectionStyle::Block;
        let kind = if self.items.is_empty() {
            NodeKind::Mapping(Mapping { entries: self.entries, style })
        } else {
            NodeKind::Sequence(Sequence { items: self.items, style })
        };
        Node {
            span: Span::new(source, self.first, self.end.max(self.first)),
            start: self.start.unwrap_or(0) as u32,
            marks: None,
            kind,
        }
    }
}
