//! Names while they are gathered: nodes that are joined to symbols, and their places.

use std::ops::Range;
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use super::{
    Indexed, Obstacle, Occurrence, Role, Spelling, Symbol, SymbolId, SymbolIndex, SymbolKind, Target,
};
use crate::ast::Text;
use crate::check::span_in;
use crate::source::{FileId, SourceId, SourceMap, Span, Spanned};
use crate::yaml::node::ScalarStyle;

/// Where a name holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// The whole project.
    Global,
    /// The environment of the whole project where no file defines it, beside a variable of templates of the same name.
    Environment,
    /// A task, by its written number: what it defines in `vars`.
    Own(u32),
    /// A task: what it is given.
    Incoming(u32),
    /// A task: its `env`.
    Env(u32),
    /// A task's name and aliases.
    Task(u32),
    /// An include, by its number among all.
    Include(u32),
    /// A loop, or the rows of its matrix, by where it stands.
    Loop(Span),
    /// A template's own variable, by where it is declared.
    Local(Span),
    /// A script.
    Script(Span),
    /// A plan: its steps.
    Steps(u32),
    /// A plan: its variables and params.
    Plan(u32),
    /// A step of a plan: keys of its matrix.
    Matrix(u32, u32),
    /// A step of a plan: its artifacts.
    Artifacts(u32, u32),
    /// A step of a plan: its outputs.
    Outputs(u32, u32),
    /// A file of a template, by its number: its params.
    Template(u32),
    /// Folder tasks.
    Folders,
    /// The artifacts of the folder task that was compiled.
    FolderArtifacts,
    /// What plans name of a folder task, by the folder's number and the symbol in its index.
    OfFolder(u32, SymbolId),
    /// Plugins.
    Plugins,
    /// An anchor, by where its node begins.
    Anchor(Span),
}

/// A node of the graph of names.
pub type NodeId = u32;

struct Node {
    kind: SymbolKind,
    name: SmolStr,
    alias_of: Option<NodeId>,
    obstacle: Option<Obstacle>,
    target: Option<Target>,
    /// The node that gives it its value where it is not defined itself.
    source: Option<NodeId>,
    /// Whether a place defines it or gives it a value.
    is_defined: bool,
    /// Whether it belongs to a folder task.
    in_folder: bool,
}

struct Place {
    node: NodeId,
    file: FileId,
    range: Range<u32>,
    role: Role,
    spelling: Spelling,
    within: Option<NodeId>,
}

/// What an index is made with.
pub struct Builder<'a> {
    /// The project.
    pub indexed: &'a Indexed<'a>,
    /// Its texts, and those that only the index reads.
    pub sources: SourceMap,
    nodes: Vec<Node>,
    by_name: FxHashMap<(Scope, SmolStr), NodeId>,
    parents: Vec<NodeId>,
    places: Vec<Place>,
    read: FxHashMap<Utf8PathBuf, Option<SourceId>>,
    /// What [`super::tasks`] found out for the others.
    pub tasks: super::tasks::Tasks<'a>,
    /// The plan and number of each step.
    pub steps: FxHashMap<NodeId, (u32, u32)>,
    /// What plans name of folder tasks.
    pub mentions: Vec<super::folders::Mention<'a>>,
    /// The indices of folder tasks that plans name.
    pub folders: FxHashMap<SmolStr, Arc<SymbolIndex>>,
}

impl<'a> Builder<'a> {
    /// An empty one.
    pub fn new(indexed: &'a Indexed<'a>) -> Self {
        Self {
            indexed,
            sources: indexed.sources.clone(),
            nodes: Vec::new(),
            by_name: FxHashMap::default(),
            parents: Vec::new(),
            places: Vec::new(),
            read: FxHashMap::default(),
            tasks: super::tasks::Tasks::default(),
            steps: FxHashMap::default(),
            mentions: Vec::new(),
            folders: FxHashMap::default(),
        }
    }

    /// The node of a name, made where there is none.
    pub fn node(&mut self, scope: Scope, kind: SymbolKind, name: &SmolStr) -> NodeId {
        let next = self.nodes.len() as NodeId;
        let node = *self.by_name.entry((scope, name.clone())).or_insert(next);
        if node == next {
            self.nodes.push(Node {
                kind,
                name: name.clone(),
                alias_of: None,
                obstacle: None,
                target: None,
                source: None,
                is_defined: false,
                in_folder: false,
            });
            self.parents.push(node);
        }
        node
    }

    /// The node of a name, if there is one.
    pub fn find(&self, scope: Scope, name: &SmolStr) -> Option<NodeId> {
        // The key owns its name, which is cheap to clone for short ones.
        self.by_name.get(&(scope, name.clone())).copied()
    }

    /// Whether a place defines a node or gives it a value.
    pub fn is_defined(&self, node: NodeId) -> bool {
        self.nodes.get(node as usize).is_some_and(|node| node.is_defined)
    }

    /// Makes a node the further name of another.
    pub fn set_alias(&mut self, node: NodeId, of: NodeId) {
        if let Some(node) = self.nodes.get_mut(node as usize) {
            node.alias_of = Some(of);
        }
    }

    /// Says why a node cannot be renamed; the first reason stays.
    pub fn set_obstacle(&mut self, node: NodeId, obstacle: Obstacle) {
        if let Some(node) = self.nodes.get_mut(node as usize) {
            node.obstacle.get_or_insert(obstacle);
        }
    }

    /// Says why nodes cannot be renamed, by their scopes.
    pub fn set_obstacles(&mut self, of: impl Fn(Scope) -> Option<Obstacle>) {
        for ((scope, _), node) in &self.by_name {
            if let Some(node) = self.nodes.get_mut(*node as usize)
                && let Some(obstacle) = of(*scope)
            {
                node.obstacle.get_or_insert(obstacle);
            }
        }
    }

    /// Says that a node belongs to a folder task.
    pub fn set_in_folder(&mut self, node: NodeId) {
        if let Some(node) = self.nodes.get_mut(node as usize) {
            node.in_folder = true;
        }
    }

    /// Makes a variable that of a param.
    pub fn set_param(&mut self, node: NodeId, param: &SmolStr) {
        if let Some(node) = self.nodes.get_mut(node as usize)
            && node.kind == SymbolKind::Variable
        {
            node.kind = SymbolKind::Param;
            node.name = param.clone();
        }
    }

    /// Gives a node another name than that by which it is found.
    pub fn set_name(&mut self, node: NodeId, name: &SmolStr) {
        if let Some(node) = self.nodes.get_mut(node as usize) {
            node.name = name.clone();
        }
    }

    /// Makes a variable that of the same param as another.
    pub fn copy_param(&mut self, from: NodeId, to: NodeId) {
        let name = self.nodes.get(from as usize).map(|node| node.name.clone());
        if let Some(name) = name {
            self.set_param(to, &name);
        }
    }

    /// Whether a node is the variable of a param.
    pub fn is_param(&self, node: NodeId) -> bool {
        self.nodes.get(node as usize).is_some_and(|node| node.kind == SymbolKind::Param)
    }

    /// Says where a node is defined outside of the project's texts.
    pub fn set_target(&mut self, node: NodeId, target: Target) {
        if let Some(node) = self.nodes.get_mut(node as usize) {
            node.target = Some(target);
            node.is_defined = true;
        }
    }

    /// Says who gives a node its value where it is not defined itself, and makes both one symbol.
    pub fn join_source(&mut self, node: NodeId, source: NodeId) {
        if let Some(node) = self.nodes.get_mut(node as usize) {
            node.source.get_or_insert(source);
        }
        self.join(node, source);
    }

    /// Makes two nodes one symbol.
    pub fn join(&mut self, one: NodeId, other: NodeId) {
        let (one, other) = (self.root(one), self.root(other));
        // The older stays, so that a symbol has the kind and name of what was found first.
        let (kept, joined) = (one.min(other), one.max(other));
        if let Some(parent) = self.parents.get_mut(joined as usize) {
            *parent = kept;
        }
    }

    fn root(&mut self, node: NodeId) -> NodeId {
        let mut node = node;
        while let Some(&parent) = self.parents.get(node as usize) {
            if parent == node {
                break;
            }
            let above = self.parents.get(parent as usize).copied().unwrap_or(parent);
            if let Some(slot) = self.parents.get_mut(node as usize) {
                *slot = above;
            }
            node = above;
        }
        node
    }

    /// Adds a place.
    pub fn add(&mut self, node: NodeId, span: Span, role: Role, spelling: Spelling, within: Option<NodeId>) {
        let location = self.sources.locate(span);
        let range = location.range.start as u32..location.range.end as u32;
        self.add_at(node, location.file, range, role, spelling, within);
    }

    /// Adds a place by its bytes in a file.
    pub fn add_at(
        &mut self,
        node: NodeId,
        file: FileId,
        range: Range<u32>,
        role: Role,
        spelling: Spelling,
        within: Option<NodeId>,
    ) {
        if matches!(role, Role::Definition | Role::Write)
            && let Some(node) = self.nodes.get_mut(node as usize)
        {
            node.is_defined = true;
        }
        self.places.push(Place { node, file, range, role, spelling, within });
    }

    /// Adds a place whose whole scalar is the name.
    pub fn add_name(&mut self, node: NodeId, name: &Spanned<SmolStr>, role: Role, within: Option<NodeId>) {
        let span = self.name_span(name.span, &name.value);
        self.add(node, span, role, Spelling::Name, within);
    }

    /// Adds a place whose whole scalar is the name.
    pub fn add_text(&mut self, node: NodeId, text: &Text, role: Role, within: Option<NodeId>) {
        let span = self.text_span(text, 0..text.value.len());
        self.add(node, span, role, Spelling::Name, within);
    }

    /// The bytes of a name within its scalar, without quotes.
    pub fn name_span(&self, span: Span, value: &str) -> Span {
        self.piece(span, value, 0..value.len(), None)
    }

    /// Some bytes of a text.
    pub fn text_span(&self, text: &Text, range: Range<usize>) -> Span {
        self.piece(text.span, &text.value, range, Some(text.style))
    }

    fn piece(&self, span: Span, value: &str, range: Range<usize>, style: Option<ScalarStyle>) -> Span {
        let written = self.sources.text(span);
        let at = |lead: u32| Span {
            start: span.start + lead + range.start as u32,
            end: span.start + lead + range.end as u32,
            ..span
        };
        if written == value {
            return at(0);
        }
        let quote = written.chars().next().filter(|c| matches!(c, '\'' | '"'));
        if quote.is_some() && written.get(1..written.len().saturating_sub(1)) == Some(value) {
            return at(1);
        }
        let style = style.unwrap_or(match quote {
            Some('\'') => ScalarStyle::SingleQuoted,
            Some(_) => ScalarStyle::DoubleQuoted,
            None => ScalarStyle::Plain,
        });
        span_in(&Text { value: value.into(), span, style }, &range, &self.sources)
    }

    /// The text of a file that the project itself has not read.
    pub fn read(&mut self, path: &Utf8Path) -> Option<SourceId> {
        if let Some(known) = self.read.get(path) {
            return *known;
        }
        let source = match self.sources.find(path) {
            Some(file) => Some(self.sources.add_fragment(file, 0)),
            None => self.indexed.files.read(path).ok().map(|text| {
                let file = self.sources.add_file(path, text);
                self.sources.add_fragment(file, 0)
            }),
        };
        self.read.insert(path.to_owned(), source);
        source
    }

    /// The text of a fragment that is a whole file.
    pub fn file_text(&self, source: SourceId) -> Arc<str> {
        Arc::clone(&self.sources.file(self.sources.file_of(source)).text)
    }

    /// Symbols of joined nodes, with their places in order.
    pub fn finish(mut self) -> SymbolIndex {
        self.places.sort_unstable_by_key(|place| {
            (place.file, place.range.start, place.range.end, place.role as u8, place.node)
        });
        self.join_shared_places();
        let (symbol_of, symbols) = self.symbols();
        let of = |node: NodeId| symbol_of.get(node as usize).copied().unwrap_or(SymbolId(0));
        let mut occurrences: Vec<Occurrence> = Vec::with_capacity(self.places.len());
        for place in self.places {
            let symbol = of(place.node);
            let last = occurrences.last();
            let is_again = last.is_some_and(|last| {
                last.symbol == symbol && last.file == place.file && last.range == place.range
            });
            if !is_again {
                let Place { file, range, role, spelling, within, node } = place;
                occurrences.push(Occurrence {
                    symbol,
                    file,
                    range,
                    role,
                    spelling,
                    within: within.map(of),
                    node,
                });
            }
        }
        let mut starts = vec![0u32; symbols.len() + 1];
        for occurrence in &occurrences {
            if let Some(start) = starts.get_mut(occurrence.symbol.0 as usize + 1) {
                *start += 1;
            }
        }
        let mut total = 0;
        for start in &mut starts {
            total += *start;
            *start = total;
        }
        let mut next = starts.clone();
        let mut by_symbol = vec![0u32; occurrences.len()];
        for (index, occurrence) in occurrences.iter().enumerate() {
            if let Some(place) = next.get_mut(occurrence.symbol.0 as usize) {
                if let Some(slot) = by_symbol.get_mut(*place as usize) {
                    *slot = index as u32;
                }
                *place += 1;
            }
        }
        let sources_of_nodes = self.nodes.iter().map(|node| node.source).collect();
        let Self { sources, folders, .. } = self;
        SymbolIndex { sources, symbols, occurrences, starts, by_symbol, sources_of_nodes, folders }
    }

    /// A text that several tasks share, by an anchor, names one variable in all of them. What else is named twice by one
    /// text cannot be renamed. What a folder task has of a text that the project reads as well is the project's own.
    fn join_shared_places(&mut self) {
        let is_variable = |kind: SymbolKind| {
            matches!(
                kind,
                SymbolKind::Variable | SymbolKind::Param | SymbolKind::ShellVariable | SymbolKind::MatrixKey
            )
        };
        let mut pairs = Vec::new();
        for pair in self.places.windows(2) {
            if let [one, other] = pair
                && one.node != other.node
                && (one.file, &one.range) == (other.file, &other.range)
                && one.spelling != Spelling::Implied
                && other.spelling != Spelling::Implied
            {
                pairs.push((one.node, other.node));
            }
        }
        for (one, other) in pairs {
            let kind = |node: NodeId| self.nodes.get(node as usize).map(|node| node.kind);
            let in_folder = |node: NodeId| self.nodes.get(node as usize).is_some_and(|node| node.in_folder);
            let is_same = kind(one) == kind(other) && (in_folder(one) || in_folder(other));
            if is_same || kind(one).is_some_and(is_variable) && kind(other).is_some_and(is_variable) {
                self.join(one, other);
            } else if self.root(one) != self.root(other) {
                self.set_obstacle(one, Obstacle::Shared);
                self.set_obstacle(other, Obstacle::Shared);
            }
        }
    }

    /// For each node its symbol, and the symbols.
    fn symbols(&mut self) -> (Vec<SymbolId>, Vec<Symbol>) {
        let count = self.nodes.len() as NodeId;
        let roots: Vec<NodeId> = (0..count).map(|node| self.root(node)).collect();
        let mut symbol_of = vec![SymbolId(0); self.nodes.len()];
        let mut symbols: Vec<Symbol> = Vec::new();
        let mut is_defined: Vec<bool> = Vec::new();
        // A root is the oldest of its nodes, so that it comes first.
        for (index, (node, root)) in self.nodes.iter().zip(&roots).enumerate() {
            let own = if *root as usize == index {
                symbols.push(Symbol {
                    kind: node.kind,
                    name: node.name.clone(),
                    alias_of: None,
                    obstacle: node.obstacle.clone(),
                    target: node.target.clone(),
                    in_folder: node.in_folder,
                });
                is_defined.push(node.is_defined);
                SymbolId((symbols.len() - 1) as u32)
            } else {
                symbol_of.get(*root as usize).copied().unwrap_or(SymbolId(0))
            };
            if let Some(slot) = symbol_of.get_mut(index) {
                *slot = own;
            }
            let Some(symbol) = symbols.get_mut(own.0 as usize) else { continue };
            if node.kind == SymbolKind::Param && symbol.kind != SymbolKind::Param {
                symbol.kind = SymbolKind::Param;
                symbol.name = node.name.clone();
            }
            if symbol.obstacle.is_none() {
                symbol.obstacle.clone_from(&node.obstacle);
            }
            if let Some(defined) = is_defined.get_mut(own.0 as usize) {
                *defined |= node.is_defined;
            }
        }
        for (node, own) in self.nodes.iter().zip(&symbol_of) {
            if let (Some(of), Some(symbol)) = (node.alias_of, symbols.get_mut(own.0 as usize)) {
                symbol.alias_of = symbol_of.get(of as usize).copied();
            }
        }
        for (symbol, is_defined) in symbols.iter_mut().zip(is_defined) {
            if !is_defined && symbol.obstacle.is_none() {
                symbol.obstacle = Some(match symbol.kind {
                    SymbolKind::Variable | SymbolKind::Param | SymbolKind::PlanParam => Obstacle::Outside,
                    _ => Obstacle::Undefined,
                });
            }
        }
        (symbol_of, symbols)
    }
}
