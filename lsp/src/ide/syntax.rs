//! Which YAML node stands at a place, on which path from the root, and where the bytes of its value are.

use std::ops::Range;

use ez_compiler::schema::{Format, PathItem, Scalar as Meaning, Shape, shapes_at};
use ez_compiler::source::{FileId, Span};
use ez_compiler::yaml::node::{Entry, Node, NodeKind, Scalar};
use ez_compiler::yaml::position::Places;

use crate::analysis::{Analysis, FilePosition, ParsedFile};

/// Directories whose files have a format of their own.
const DIRECTORIES: [(&str, Format); 3] =
    [("plans", Format::Plan), ("plugins", Format::Plugin), ("templates", Format::Template)];

/// A file as YAML.
pub struct Tree<'a> {
    /// What kind of file it is.
    pub format: Format,
    /// The file.
    pub file: FileId,
    /// Its text.
    pub text: &'a str,
    analysis: &'a Analysis,
    parsed: ParsedFile,
}

/// A part of the way from the root of a file to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item<'t> {
    /// The value of a key.
    Key(&'t str),
    /// An item of a list.
    Index(usize),
}

/// A node at a place.
#[derive(Clone, Debug)]
pub struct Spot<'t> {
    /// The way to the value; of a key, the way to its value.
    pub path: Vec<Item<'t>>,
    /// Whether it is the key.
    pub is_key: bool,
    /// The key, or the value.
    pub node: &'t Node,
    /// Its bytes in the file.
    pub range: Range<usize>,
    /// The name of the variable of `vars` or `env` in whose value it is.
    pub within: Option<Span>,
}

/// The kind of a file; `None` for one that is none of ours.
pub fn format_of(analysis: &Analysis, file: FileId) -> Option<Format> {
    if analysis.compilation.loaded.files.iter().any(|loaded| loaded.file == file) {
        return Some(Format::Taskfile);
    }
    let path = &analysis.file(file).path;
    if !matches!(path.extension(), Some("yml" | "yaml")) {
        return None;
    }
    let directory = path.parent().and_then(camino::Utf8Path::file_name).unwrap_or_default();
    let of_directory = DIRECTORIES.iter().find(|(name, _)| *name == directory);
    match path.file_stem()? {
        "task" => Some(Format::Metadata),
        ".taskrc" => Some(Format::Taskrc),
        _ => of_directory.map(|(_, format)| *format),
    }
}

impl<'a> Tree<'a> {
    /// Of a file; `None` where it is none of ours.
    pub fn of(analysis: &'a Analysis, file: FileId) -> Option<Self> {
        let format = format_of(analysis, file)?;
        let parsed = analysis.parsed(file);
        Some(Self { format, file, text: analysis.text(file), analysis, parsed })
    }

    /// The root; `None` of an empty file.
    pub fn root(&self) -> Option<&Node> {
        self.parsed.root.as_deref()
    }

    /// Where a node is in the file.
    pub fn range(&self, span: Span) -> Range<usize> {
        let sources = self.parsed.own.as_deref().unwrap_or(&self.analysis.compilation.sources);
        sources.locate(span).range
    }

    /// The scalar, or other node without children, at a place, or that ends there.
    pub fn spot(&self, position: FilePosition) -> Option<Spot<'_>> {
        let mut node = self.root()?;
        let mut path: Vec<Item<'_>> = Vec::new();
        let mut within = None;
        loop {
            match &node.kind {
                NodeKind::Mapping(mapping) => {
                    if let Some((entry, key)) =
                        self.touched(mapping.entries.iter().map(|entry| (entry, &entry.key)), position)
                    {
                        path.push(Item::Key(key_text(entry)?));
                        let range = self.range(key.span);
                        return Some(Spot { path, is_key: true, range, node: key, within });
                    }
                    let values = mapping.entries.iter().map(|entry| (entry, &*entry.value));
                    let (entry, value) = self.touched(values, position)?;
                    if matches!(path.last(), Some(Item::Key("vars" | "env"))) {
                        within = Some(entry.key.span);
                    }
                    path.push(Item::Key(key_text(entry)?));
                    node = value;
                }
                NodeKind::Sequence(sequence) => {
                    let (index, item) =
                        self.touched(sequence.items.iter().map(|item| &**item).enumerate(), position)?;
                    path.push(Item::Index(index));
                    node = item;
                }
                NodeKind::Scalar(_) | NodeKind::Alias { .. } => {
                    let range = self.range(node.span);
                    return Some(Spot { path, is_key: false, range, node, within });
                }
            }
        }
    }

    /// The node that holds a place; else the one that ends there.
    fn touched<'t, T>(
        &self,
        nodes: impl Iterator<Item = (T, &'t Node)>,
        position: FilePosition,
    ) -> Option<(T, &'t Node)> {
        let mut ending = None;
        for (with, node) in nodes {
            let range = self.range(node.span);
            if range.contains(&position.offset) {
                return Some((with, node));
            }
            if range.end == position.offset && range.start < range.end {
                ending = Some((with, node));
            }
        }
        ending
    }

    /// Where the bytes of a scalar's value are.
    pub fn places(&self, scalar: &Scalar, range: &Range<usize>) -> ScalarPlaces<'a> {
        ScalarPlaces {
            places: Places::new(scalar.clone(), self.text, range),
            whole: range.clone(),
            file_text: self.text,
        }
    }
}

fn key_text(entry: &Entry) -> Option<&str> {
    ez_compiler::yaml::merge::key_text(&entry.key).map(smol_str::SmolStr::as_str)
}

/// Where the bytes of a scalar's value are in its file.
pub struct ScalarPlaces<'a> {
    places: Places,
    whole: Range<usize>,
    file_text: &'a str,
}

impl ScalarPlaces<'_> {
    /// The bytes in the file of some bytes of the value; `None` where they are not written there.
    pub fn range(&self, range: &Range<usize>) -> Option<Range<usize>> {
        let found = self.places.range(self.file_text, range)?;
        let is_inside = self.whole.start <= found.start && found.end <= self.file_text.len();
        (is_inside && self.file_text.get(found.clone()).is_some()).then_some(found)
    }

    /// The byte of the value that stands at a byte of the file.
    pub fn offset(&self, value: &str, at: usize) -> usize {
        let boundaries: Vec<(usize, char)> = value.char_indices().collect();
        let is_before = |(start, c): &(usize, char)| {
            self.range(&(*start..start + c.len_utf8())).is_some_and(|range| range.start <= at)
        };
        let behind = boundaries.partition_point(is_before);
        let Some((start, c)) = behind.checked_sub(1).and_then(|index| boundaries.get(index)) else {
            return 0;
        };
        let ends_before = self.range(&(*start..start + c.len_utf8())).is_some_and(|range| range.end <= at);
        if ends_before { start + c.len_utf8() } else { *start }
    }
}

impl<'t> Spot<'t> {
    /// The path as the tables of the formats take it.
    pub fn schema_path(&self) -> Vec<PathItem<'t>> {
        schema_path(&self.path)
    }

    /// The scalar, if the node is one.
    pub fn scalar(&self) -> Option<&'t Scalar> {
        scalar(self.node)
    }

    /// What the value means, and whether templates in it are evaluated.
    pub fn meaning(&self, format: Format) -> Option<(Meaning, bool)> {
        let shapes = shapes_at(format, &self.schema_path());
        shapes.into_iter().find_map(|shape| scalar_meaning(shape, self.node))
    }
}

/// The scalar that a node is.
pub fn scalar(node: &Node) -> Option<&Scalar> {
    match &node.kind {
        NodeKind::Scalar(scalar) => Some(scalar),
        _ => None,
    }
}

/// A path as the tables of the formats take it.
pub fn schema_path<'t>(path: &[Item<'t>]) -> Vec<PathItem<'t>> {
    let item = |item: &Item<'t>| match item {
        Item::Key(key) => PathItem::Key(key),
        Item::Index(_) => PathItem::Index,
    };
    path.iter().map(item).collect()
}

/// What a scalar of that shape means, and whether templates in it are evaluated.
pub fn scalar_meaning(shape: Shape, node: &Node) -> Option<(Meaning, bool)> {
    match chosen(shape, node)? {
        Shape::Scalar(meaning) => Some((meaning, false)),
        Shape::Template(meaning) => Some((meaning, true)),
        Shape::Any => Some((Meaning::Value, true)),
        _ => None,
    }
}

/// Of several shapes the one that a node has.
pub fn chosen(shape: Shape, node: &Node) -> Option<Shape> {
    match (shape, &node.kind) {
        (Shape::OneOf(shapes), _) => shapes.iter().find_map(|shape| chosen(*shape, node)),
        (Shape::Object(_) | Shape::Map(_), NodeKind::Mapping(_))
        | (Shape::List(_), NodeKind::Sequence(_))
        | (Shape::Scalar(_) | Shape::Template(_), NodeKind::Scalar(_))
        | (Shape::Any, _) => Some(shape),
        _ => None,
    }
}
