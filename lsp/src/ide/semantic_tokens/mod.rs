//! What the words of a file are: templates and shell inside of scalars, names of tasks, steps and variables.
//!
//! Keys and plain text have no tokens: the editor's own grammar for YAML colours them.

mod paint;
mod shell;
mod template;
#[cfg(test)]
mod tests;

use std::ops::Range;

use ez_compiler::schema::{KeyMeaning, Scalar as Meaning, Shape};
use ez_compiler::source::FileId;
use ez_compiler::template::has_template;
use ez_compiler::yaml::node::{Node, NodeKind, Scalar};

use super::syntax::{self, Tree, chosen};
use crate::analysis::Snapshot;
use paint::{Ground, Paint};

/// What a token is. The order is that of the legend that the editor is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TokenKind {
    /// The namespace of an include.
    Namespace,
    /// A task, a function of templates, a command of the shell.
    Function,
    /// A variable.
    Variable,
    /// A part of a variable's value; an artifact, an output, a key of a matrix.
    Property,
    /// A param.
    Parameter,
    /// A keyword of templates or of the shell.
    Keyword,
    /// A comment inside of a script or template.
    Comment,
    /// A quoted text inside of a script or template, a here-document.
    String,
    /// A number inside of a script or template.
    Number,
    /// An operator of the shell or of templates.
    Operator,
    /// One of the words that a key takes.
    EnumMember,
    /// A step of a plan.
    Event,
    /// The braces of a template.
    Macro,
}

impl TokenKind {
    /// All, in the order of the legend.
    pub const ALL: [Self; 13] = [
        Self::Namespace,
        Self::Function,
        Self::Variable,
        Self::Property,
        Self::Parameter,
        Self::Keyword,
        Self::Comment,
        Self::String,
        Self::Number,
        Self::Operator,
        Self::EnumMember,
        Self::Event,
        Self::Macro,
    ];

    /// The protocol's name for it; all are standard ones.
    pub fn name(self) -> &'static str {
        match self {
            Self::Namespace => "namespace",
            Self::Function => "function",
            Self::Variable => "variable",
            Self::Property => "property",
            Self::Parameter => "parameter",
            Self::Keyword => "keyword",
            Self::Comment => "comment",
            Self::String => "string",
            Self::Number => "number",
            Self::Operator => "operator",
            Self::EnumMember => "enumMember",
            Self::Event => "event",
            Self::Macro => "macro",
        }
    }
}

/// What else is to be said of a token: bits in the order of [`Modifiers::NAMES`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Modifiers(pub u32);

impl Modifiers {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// It is defined here.
    pub const DEFINITION: Self = Self(1);
    /// It comes with EZ, go-task or the shell.
    pub const DEFAULT_LIBRARY: Self = Self(1 << 1);
    /// Its value is set by go-task.
    pub const READONLY: Self = Self(1 << 2);
    /// The protocol's names, in the order of the bits.
    pub const NAMES: [&str; 3] = ["definition", "defaultLibrary", "readonly"];
}

/// A word with what it is. Tokens are in order, do not overlap, and each stands on one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Its bytes in the file.
    pub range: Range<usize>,
    /// What it is.
    pub kind: TokenKind,
    /// What else is to be said.
    pub modifiers: Modifiers,
}

/// The tokens of a part of a file.
pub fn of_range(snapshot: &Snapshot, file: FileId, range: &Range<usize>) -> Vec<Token> {
    let Some(tree) = Tree::of(&snapshot.analysis, file) else { return Vec::new() };
    let mut collector = Collector { tree: &tree, wanted: range, tokens: Vec::new() };
    if let Some(root) = tree.root() {
        collector.node(root, Shape::Object(tree.format.root()));
    }
    let mut tokens = collector.tokens;
    tokens.sort_by_key(|token| token.range.start);
    let mut end = 0;
    tokens.retain(|token| {
        let is_apart = token.range.start >= end;
        if is_apart {
            end = token.range.end;
        }
        is_apart
    });
    tokens
}

struct Collector<'a> {
    tree: &'a Tree<'a>,
    wanted: &'a Range<usize>,
    tokens: Vec<Token>,
}

impl Collector<'_> {
    fn node(&mut self, node: &Node, shape: Shape) {
        let Some(shape) = chosen(shape, node) else { return };
        match &node.kind {
            NodeKind::Mapping(mapping) => {
                for entry in &mapping.entries {
                    let Some(key) = syntax::scalar(&entry.key) else { continue };
                    if !self.is_wanted(&entry.key, &entry.value) {
                        continue;
                    }
                    let is_known =
                        matches!(shape, Shape::Object(object) if object.field(&key.text).is_some());
                    if let Some(meaning) = shape.user_keys().filter(|_| !is_known) {
                        self.key(&entry.key, key, meaning);
                    }
                    if let Some(inner) = shape.of_key(&key.text) {
                        self.node(&entry.value, inner);
                    }
                }
            }
            NodeKind::Sequence(sequence) => {
                let inner = if let Shape::List(items) = shape { *items } else { shape };
                for item in &sequence.items {
                    self.node(item, inner);
                }
            }
            NodeKind::Scalar(scalar) => {
                if let Some((meaning, is_template)) = syntax::scalar_meaning(shape, node) {
                    self.scalar(node, scalar, meaning, is_template);
                }
            }
            // What an alias stands for is coloured where it is written.
            NodeKind::Alias { .. } => {}
        }
    }

    fn is_wanted(&self, key: &Node, value: &Node) -> bool {
        let start = self.tree.range(key.span).start;
        let end = self.tree.range(value.span).end.max(start + 1);
        start < self.wanted.end && end > self.wanted.start
    }

    fn key(&mut self, node: &Node, key: &Scalar, meaning: KeyMeaning) {
        let kind = match meaning {
            KeyMeaning::TaskName => TokenKind::Function,
            KeyMeaning::Namespace => TokenKind::Namespace,
            KeyMeaning::VariableName | KeyMeaning::EnvironmentName => TokenKind::Variable,
            KeyMeaning::ParamOrVariable => TokenKind::Parameter,
            KeyMeaning::MatrixKey => TokenKind::Property,
            KeyMeaning::FilePath | KeyMeaning::ExperimentName => return,
        };
        let mut paint = Paint::new(key.text.len());
        paint.token(0..key.text.len(), kind, Modifiers::DEFINITION);
        self.finish(node, key, &paint);
    }

    fn scalar(&mut self, node: &Node, scalar: &Scalar, meaning: Meaning, is_template: bool) {
        let text = scalar.text.as_str();
        let is_script = matches!(meaning, Meaning::Script)
            || (matches!(meaning, Meaning::ScriptOrPlugin) && !text.starts_with('@'));
        let kind = kind_of(meaning);
        let has_actions = is_template && has_template(text);
        let is_whole = matches!(meaning, Meaning::Expression | Meaning::MadeText);
        if text.is_empty() || !(is_script || has_actions || kind.is_some() || is_whole) {
            return;
        }
        let mut paint = Paint::new(text.len());
        if is_script {
            shell::paint(text, &mut paint);
        } else if meaning == Meaning::Expression {
            template::paint_expression(text, &mut paint);
        } else if meaning == Meaning::MadeText {
            template::paint_made(text, &mut paint);
        } else if let Some((kind, modifiers)) = kind {
            paint.token(0..text.len(), kind, modifiers);
            if kind == TokenKind::Function {
                namespaces(text, &mut paint);
            }
        }
        if has_actions {
            template::paint(text, &mut paint);
        }
        self.finish(node, scalar, &paint);
    }

    /// From bytes of the value to those of the file, line by line.
    fn finish(&mut self, node: &Node, scalar: &Scalar, paint: &Paint) {
        let range = self.tree.range(node.span);
        let places = self.tree.places(scalar, &range);
        for (bytes, kind, modifiers) in paint.runs() {
            let Some(found) = places.range(&bytes) else { continue };
            for range in lines(self.tree.text, &found) {
                if range.start < self.wanted.end && range.end > self.wanted.start {
                    self.tokens.push(Token { range, kind, modifiers });
                }
            }
        }
    }
}

/// What a scalar of that meaning is as a whole.
fn kind_of(meaning: Meaning) -> Option<(TokenKind, Modifiers)> {
    let none = Modifiers::NONE;
    Some(match meaning {
        Meaning::TaskName | Meaning::ExcludedTask => (TokenKind::Function, none),
        Meaning::Alias => (TokenKind::Function, Modifiers::DEFINITION),
        Meaning::VariableName => (TokenKind::Variable, none),
        Meaning::NewVariableName => (TokenKind::Variable, Modifiers::DEFINITION),
        Meaning::ParamName => (TokenKind::Parameter, Modifiers::DEFINITION),
        Meaning::Enum(_) | Meaning::Platform => (TokenKind::EnumMember, none),
        Meaning::StepName => (TokenKind::Event, Modifiers::DEFINITION),
        Meaning::StepReference => (TokenKind::Event, none),
        Meaning::ArtifactName | Meaning::OutputName => (TokenKind::Property, Modifiers::DEFINITION),
        Meaning::ArtifactReference => (TokenKind::Property, none),
        _ => return None,
    })
}

/// What stands before the last colon of a task's name.
fn namespaces(name: &str, paint: &mut Paint) {
    let mut start = 0;
    for (at, _) in name.match_indices(':') {
        if at > start {
            paint.token(start..at, TokenKind::Namespace, Modifiers::NONE);
        }
        paint.clear(at..at + 1, Ground::Plain);
        start = at + 1;
    }
}

/// The parts of a range on each of its lines, without the indentation of further lines.
fn lines(text: &str, range: &Range<usize>) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    let mut start = range.start;
    for line in text.get(range.clone()).unwrap_or_default().split_inclusive(['\n', '\r']) {
        let end = start + line.len();
        let body = if start == range.start { line } else { line.trim_start_matches([' ', '\t']) };
        let from = end - body.len();
        let to = from + body.trim_end_matches(['\n', '\r']).len();
        if from < to {
            parts.push(from..to);
        }
        start = end;
    }
    parts
}
