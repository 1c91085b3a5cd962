//! A task as its Taskfile has it: where each part of it stands, and where more can be written.

use std::ops::Range;
use std::sync::Arc;

use ez_compiler::ast::{self, VariableValue};
use ez_compiler::check::Facts;
use ez_compiler::ir;
use ez_compiler::source::{FileId, Span};
use ez_compiler::yaml::merge::key_text;
use ez_compiler::yaml::node::{CollectionStyle, Entry, Mapping, Node, NodeKind, ScalarStyle};

use rustc_hash::FxHashMap;

use super::lines::{Lines, blanks};
use crate::analysis::{FileRange, Snapshot};

/// Columns by which texts are indented that do not show their own way.
const USUAL_INDENT: usize = 2;

/// The widest indentation that is taken for somebody's way.
const MAX_INDENT: usize = 8;

/// A task in the text of its Taskfile.
#[derive(Clone, Copy)]
pub struct WrittenTask<'a> {
    /// The project.
    pub snapshot: &'a Snapshot,
    /// The file.
    pub file: FileId,
    /// The file's text.
    pub lines: Lines<'a>,
    /// What the file says.
    pub taskfile: &'a ast::Taskfile,
    /// What the task says.
    pub definition: &'a Arc<ast::Task>,
    siblings: &'a Mapping,
    index: usize,
    entry: &'a Entry,
}

/// How a task is written.
#[derive(Clone, Copy)]
pub enum Body<'a> {
    /// As its only command.
    Script(&'a Node),
    /// As its commands.
    List(&'a Node),
    /// With fields.
    Fields(&'a Mapping),
}

/// What is known of a variable without its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownVariable {
    /// Whether it is a text wherever it gets a value.
    pub is_text: bool,
    /// Whether it is masked where commands are shown.
    pub is_secret: bool,
}

/// The commands of a task that are written as a list.
pub struct CommandList<'a> {
    /// The field `cmds`; `None` of a task that is nothing but the list.
    pub field: Option<&'a Entry>,
    /// Whether it stands in brackets.
    pub is_flow: bool,
    /// What is in it.
    pub items: Vec<Item<'a>>,
}

/// An entry of a list.
#[derive(Clone, Copy)]
pub struct Item<'a> {
    /// What it is.
    pub node: &'a Node,
    /// Where its dash is; in brackets where it begins.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
}

impl<'a> WrittenTask<'a> {
    /// The task that holds a byte of a Taskfile without mistakes in its YAML.
    pub fn at(snapshot: &'a Snapshot, file: FileId, offset: usize) -> Option<Self> {
        let (taskfile, siblings) = tasks_of(snapshot, file)?;
        let start = |entry: &Entry| snapshot.analysis.locate(entry.key.span).range.start;
        let index = siblings.entries.partition_point(|entry| start(entry) <= offset).checked_sub(1)?;
        let task = Self::of_entry(snapshot, file, taskfile, siblings, index)?;
        (offset <= task.lines.end(task.whole().end)).then_some(task)
    }

    /// The last task of a Taskfile.
    pub fn last(snapshot: &'a Snapshot, file: FileId) -> Option<Self> {
        let (taskfile, siblings) = tasks_of(snapshot, file)?;
        Self::of_entry(snapshot, file, taskfile, siblings, siblings.entries.len().checked_sub(1)?)
    }

    fn of_entry(
        snapshot: &'a Snapshot,
        file: FileId,
        taskfile: &'a ast::Taskfile,
        siblings: &'a Mapping,
        index: usize,
    ) -> Option<Self> {
        let entry = siblings.entries.get(index)?;
        let locate = |span| snapshot.analysis.locate(span).range;
        let at = locate(entry.key.span).start;
        let tasks = &taskfile.tasks;
        // Where a name is repeated the order is another one.
        let near = tasks.partition_point(|task| locate(task.name.span).start < at);
        let is_it = |task: &&Arc<ast::Task>| task.name.span == entry.key.span;
        let definition = tasks.get(near).filter(is_it).or_else(|| tasks.iter().find(is_it))?;
        let lines = Lines::new(snapshot.analysis.text(file));
        let task = Self { snapshot, file, lines, taskfile, definition, siblings, index, entry };
        let is_key = |entry: &Entry| {
            let end = task.range(&entry.key).end;
            lines.slice(end..lines.text.len()).trim_start_matches(' ').starts_with(':')
        };
        let begins_line = task.is_in_flow() || lines.begins(task.range(&entry.key).start);
        (begins_line && is_key(entry) && task.fields().iter().all(is_key)).then_some(task)
    }

    /// The name.
    pub fn name(&self) -> &'a str {
        &self.definition.name.value
    }

    /// The task of the linked program; of a file that is included several times the first.
    pub fn linked(&self) -> Option<&'a ir::Task> {
        self.snapshot.analysis.task_of(self.definition.name.span)
    }

    /// What the check found out about its texts; `None` where it did not look.
    pub fn facts(&self) -> Option<&'a Facts> {
        self.snapshot.analysis.compilation.memo.facts_of_task(self.definition)
    }

    /// The variables that it knows and other tasks need not: its own, and those that its callers pass.
    pub fn known_variables(&self, linked: &'a ir::Task) -> FxHashMap<&'a str, KnownVariable> {
        let analysis = &self.snapshot.analysis;
        let compilation = &analysis.compilation;
        let called = analysis.passed_variables().of_definition(linked.name_span(), &compilation.program);
        let plans = compilation.plans.iter().filter_map(|plan| plan.written.as_ref());
        let steps = plans.flat_map(|plan| &plan.steps).flat_map(|step| &step.vars);
        let own = linked.definition.vars.iter().chain(&self.definition.vars);
        let mut known: FxHashMap<&str, KnownVariable> = FxHashMap::default();
        for variable in called.chain(steps).chain(own) {
            let is_text = matches!(variable.value, VariableValue::Text(_) | VariableValue::Shell(_));
            let unseen = KnownVariable { is_text: true, is_secret: false };
            let entry = known.entry(variable.name.value.as_str()).or_insert(unseen);
            entry.is_text &= is_text;
            entry.is_secret |= variable.secret;
        }
        known
    }

    /// Whether some call keeps it silent, but not the tasks that it calls.
    pub fn is_silenced(&self) -> bool {
        self.snapshot.analysis.passed_variables().is_silenced(self.definition.name.span)
    }

    /// A place of the task's file.
    pub fn place(&self, range: Range<usize>) -> FileRange {
        FileRange { file: self.file, range }
    }

    /// Where the key is.
    pub fn key(&self) -> Range<usize> {
        self.range(&self.entry.key)
    }

    /// The value.
    pub fn value(&self) -> &'a Node {
        &self.entry.value
    }

    /// From the key to the value's end.
    pub fn whole(&self) -> Range<usize> {
        let key = self.key();
        key.start..self.end(&self.entry.value).max(key.end + 1)
    }

    /// Whether the tasks of the file stand in braces.
    pub fn is_in_flow(&self) -> bool {
        self.siblings.style == CollectionStyle::Flow
    }

    /// Whether it is the first task of the file.
    pub fn is_first(&self) -> bool {
        self.index == 0
    }

    /// Whether there are other tasks in the file.
    pub fn has_siblings(&self) -> bool {
        self.siblings.entries.len() > 1
    }

    /// The column of the key.
    pub fn column(&self) -> usize {
        self.lines.column(self.key().start)
    }

    /// How far right the file goes from one level to the next.
    pub fn indent(&self) -> usize {
        let of_fields = match self.body() {
            Some(Body::Fields(mapping)) if mapping.style == CollectionStyle::Block => {
                let first = mapping.entries.first();
                first.map(|first| self.lines.column(self.range(&first.key).start) - self.column())
            }
            _ => None,
        };
        let usual = of_fields.unwrap_or_else(|| self.column());
        if (1..=MAX_INDENT).contains(&usual) { usual } else { USUAL_INDENT }
    }

    /// How it is written; `None` of a task that is empty or written elsewhere.
    pub fn body(&self) -> Option<Body<'a>> {
        let node = &*self.entry.value;
        match &node.kind {
            NodeKind::Scalar(_) if node.span.is_empty() => None,
            NodeKind::Scalar(_) => Some(Body::Script(node)),
            NodeKind::Sequence(_) => Some(Body::List(node)),
            NodeKind::Mapping(mapping) => Some(Body::Fields(mapping)),
            NodeKind::Alias { .. } => None,
        }
    }

    /// The fields as written.
    pub fn fields(&self) -> &'a [Entry] {
        match self.body() {
            Some(Body::Fields(mapping)) => &mapping.entries,
            _ => &[],
        }
    }

    /// A field.
    pub fn field(&self, name: &str) -> Option<&'a Entry> {
        self.fields().iter().find(|entry| key_text(&entry.key).is_some_and(|key| key == name))
    }

    /// From the key of a field to its value's end.
    pub fn range_of(&self, field: &Entry) -> Range<usize> {
        let key = self.range(&field.key);
        key.start..self.end(&field.value).max(key.end + 1)
    }

    /// Whether its own text is all that it is, and can stand elsewhere: no anchors, aliases and merges, and no script whose
    /// indicators depend on where it stands.
    pub fn is_self_contained(&self) -> bool {
        self.can_move(&self.entry.key) && self.can_move(&self.entry.value)
    }

    /// The same of a part of it.
    pub fn can_move(&self, node: &Node) -> bool {
        if node.marks.is_some() {
            return false;
        }
        match &node.kind {
            NodeKind::Alias { .. } => false,
            NodeKind::Sequence(sequence) => sequence.items.iter().all(|item| self.can_move(item)),
            NodeKind::Mapping(mapping) => mapping.entries.iter().all(|entry| {
                let is_merge = key_text(&entry.key).is_some_and(|key| key == "<<");
                !is_merge && self.can_move(&entry.key) && self.can_move(&entry.value)
            }),
            NodeKind::Scalar(scalar)
                if matches!(scalar.style, ScalarStyle::Literal | ScalarStyle::Folded) =>
            {
                let start = self.range(node).start;
                let header = self.lines.slice(start..self.lines.end(start));
                let indicators = header.split('#').next().unwrap_or_default();
                !indicators.contains(|c: char| c == '+' || c.is_ascii_digit())
            }
            NodeKind::Scalar(_) => true,
        }
    }

    /// Where a node is written: with its `|`, and without what follows its last character.
    pub fn range(&self, node: &Node) -> Range<usize> {
        let start = Span { start: node.start.min(node.span.start), ..node.span };
        let start = self.snapshot.analysis.locate(start).range.start;
        start..self.end(node).max(start)
    }

    fn end(&self, node: &Node) -> usize {
        let range = self.snapshot.analysis.locate(node.span).range;
        match &node.kind {
            NodeKind::Mapping(mapping) if mapping.style == CollectionStyle::Block => {
                let last = mapping.entries.last();
                last.map_or(range.end, |last| self.end(&last.value).max(self.end(&last.key)))
            }
            NodeKind::Sequence(sequence) if sequence.style == CollectionStyle::Block => {
                sequence.items.last().map_or(range.end, |last| self.end(last))
            }
            NodeKind::Scalar(scalar)
                if matches!(scalar.style, ScalarStyle::Literal | ScalarStyle::Folded) =>
            {
                let content = self.lines.slice(range.clone()).trim_end();
                let start = Span { start: node.start, ..node.span };
                let header = self.lines.end(self.snapshot.analysis.locate(start).range.start);
                if content.is_empty() { header } else { range.start + content.len() }
            }
            _ => range.end,
        }
    }

    /// The commands that are written as a list.
    pub fn commands(&self) -> Option<CommandList<'a>> {
        let field = self.field("cmds");
        let node = match self.body()? {
            Body::List(node) => node,
            Body::Fields(_) => &field?.value,
            Body::Script(_) => return None,
        };
        let NodeKind::Sequence(sequence) = &node.kind else { return None };
        let is_flow = sequence.style == CollectionStyle::Flow;
        let items = sequence.items.iter().map(|node| self.item(node, is_flow));
        let items: Vec<Item<'a>> = items.collect::<Option<_>>()?;
        (!items.is_empty() && node.marks.is_none()).then_some(CommandList { field, is_flow, items })
    }

    fn item(&self, node: &'a Node, is_flow: bool) -> Option<Item<'a>> {
        let range = self.range(node);
        if is_flow {
            return Some(Item { node, start: range.start, end: range.end });
        }
        let before = self.lines.slice(0..range.start).trim_end_matches(' ');
        let start = before.strip_suffix('-')?.len();
        self.lines.begins(start).then_some(Item { node, start, end: range.end.max(start + 1) })
    }

    /// The commands that begin in some bytes.
    pub fn commands_in(&self, range: Range<usize>) -> impl Iterator<Item = &'a ast::Command> + use<'a> {
        let analysis = &self.snapshot.analysis;
        let is_in = move |command: &&ast::Command| range.contains(&analysis.locate(command.span).range.start);
        self.definition.cmds.iter().filter(is_in)
    }

    /// Where the lines of the task end, with the comments that belong to it because they stand deeper.
    pub fn end_of_lines(&self) -> usize {
        let mut at = self.lines.next(self.whole().end);
        while self.lines.comment_column(at).is_some_and(|column| column > self.column()) {
            at = self.lines.next(at);
        }
        at
    }

    /// An edit that writes another task behind this one. `block` makes its lines for a column, `flow` is how it is written in
    /// braces.
    pub fn with_task_behind(&self, block: &str, flow: &str) -> (FileRange, String) {
        let lines = self.lines;
        let whole = self.whole();
        if self.is_in_flow() {
            return (self.place(whole.end..whole.end), format!(", {flow}"));
        }
        let at = self.end_of_lines();
        let above = lines.with_comments_above(lines.start(whole.start), self.column());
        let is_last = self.index + 1 == self.siblings.entries.len();
        let is_apart = !self.is_first()
            && above.checked_sub(1).is_some_and(|end| lines.is_blank(lines.start(end)))
            || !is_last && lines.is_blank(at);
        let gap = if is_apart { lines.newline } else { "" };
        let text = if at == lines.text.len() && !lines.text.ends_with('\n') {
            let block = block.strip_suffix(lines.newline).unwrap_or(block);
            format!("{}{gap}{block}", lines.newline)
        } else {
            format!("{gap}{block}")
        };
        (self.place(at..at), text)
    }

    /// An edit that writes one more field, behind those of these names, else as the first. `block` are its lines, without
    /// indentation; `flow` is how it is written in braces.
    pub fn with_field(&self, behind: &[&str], block: &[String], flow: &str) -> Option<(FileRange, String)> {
        let lines = self.lines;
        match self.body()? {
            Body::Fields(mapping) if mapping.style == CollectionStyle::Flow => {
                let first = mapping.entries.first().map(|first| self.range(&first.key).start);
                let at = first.unwrap_or(self.range(self.value()).start + 1);
                let comma = if first.is_some() { ", " } else { "" };
                Some((self.place(at..at), format!("{flow}{comma}")))
            }
            Body::Fields(mapping) => {
                let first = self.range(&mapping.entries.first()?.key).start;
                if !lines.begins(first) || self.value().marks.is_some() {
                    return None;
                }
                let indent = blanks(lines.column(first));
                let last = behind.iter().rev().find_map(|name| self.field(name));
                let Some(last) = last else {
                    let text = block.join(&format!("{}{indent}", lines.newline));
                    return Some((self.place(first..first), format!("{text}{}{indent}", lines.newline)));
                };
                let at = lines.end(self.end(&last.value));
                let text = block.iter().flat_map(|line| [lines.newline, &indent, line]).collect();
                Some((self.place(at..at), text))
            }
            Body::Script(node) => self.with_fields_around(node, "cmd", block, flow),
            Body::List(node) => self.with_fields_around(node, "cmds", block, flow),
        }
    }

    /// The same for a task that has no fields yet: its value becomes that of a field.
    fn with_fields_around(
        &self,
        node: &Node,
        name: &str,
        block: &[String],
        flow: &str,
    ) -> Option<(FileRange, String)> {
        let lines = self.lines;
        if !self.is_self_contained() {
            return None;
        }
        let (key, value) = (self.key(), self.range(node));
        let written = lines.slice(value.clone());
        if self.is_in_flow() {
            return Some((self.place(value), format!("{{{flow}, {name}: {written}}}")));
        }
        let column = self.column() + self.indent();
        let is_block_list =
            matches!(&node.kind, NodeKind::Sequence(list) if list.style == CollectionStyle::Block);
        let start = if is_block_list { self.item_start(node)? } else { value.start };
        if lines.slice(key.end..start).trim() != ":" {
            return None;
        }
        let break_ = format!("{}{}", lines.newline, blanks(column));
        let fields: String = block.iter().flat_map(|line| [break_.as_str(), line]).collect();
        let moved = if is_block_list {
            let target = column + self.indent();
            let by = super::lines::distance(lines.column(start), target);
            let items = super::lines::shifted(lines.slice(start..value.end), by);
            format!("{name}:{}{}{items}", lines.newline, blanks(target))
        } else {
            format!("{name}: {}", super::lines::shifted(written, self.indent() as isize))
        };
        Some((self.place(key.end..value.end), format!(":{fields}{break_}{moved}")))
    }

    fn item_start(&self, list: &'a Node) -> Option<usize> {
        let NodeKind::Sequence(sequence) = &list.kind else { return None };
        Some(self.item(sequence.items.first()?, false)?.start)
    }
}

/// A Taskfile and its `tasks` as they are written; `None` where it is none, or YAML cannot read all of it.
fn tasks_of(snapshot: &Snapshot, file: FileId) -> Option<(&ast::Taskfile, &Mapping)> {
    let loaded = &snapshot.analysis.compilation.loaded;
    let loaded = loaded.files.iter().find(|known| known.file == file)?;
    if !loaded.document.errors.is_empty() {
        return None;
    }
    let NodeKind::Mapping(root) = &loaded.document.root.as_ref()?.kind else { return None };
    let tasks = root.entries.iter().find(|entry| key_text(&entry.key).is_some_and(|key| key == "tasks"))?;
    let NodeKind::Mapping(tasks) = &tasks.value.kind else { return None };
    Some((loaded.taskfile.as_ref()?, tasks))
}

impl CommandList<'_> {
    /// Which items some bytes touch; a cursor touches the one on whose lines it is.
    pub fn touched(&self, lines: &Lines<'_>, range: &Range<usize>) -> Range<usize> {
        let begin = |item: &Item<'_>| if self.is_flow { item.start } else { lines.start(item.start) };
        let end = |item: &Item<'_>| if self.is_flow { item.end } else { lines.end(item.end) };
        let first = self.items.partition_point(|item| end(item) < range.start);
        let last = if range.is_empty() {
            self.items.partition_point(|item| begin(item) <= range.end)
        } else {
            self.items.partition_point(|item| begin(item) < range.end)
        };
        first..last.max(first)
    }
}
