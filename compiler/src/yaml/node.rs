//! The tree that YAML text becomes.

use std::sync::Arc;

use smol_str::SmolStr;

use crate::source::Span;

/// How a scalar was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum ScalarStyle {
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

/// How a collection was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CollectionStyle {
    /// By indentation.
    Block,
    /// With brackets or braces.
    Flow,
}

/// A node with its place, tag and anchor.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// What the node covers: quotes and brackets included; of a block scalar the content lines (not the `|` line);
    /// of a block collection from its first to its last child. Empty for a value that is not written at all.
    pub span: Span,
    /// Where go-yaml lets the node begin, which its messages name: at the anchor, the tag or the `|`, if it has one.
    pub start: u32,
    /// Its tag and anchor, which few nodes have.
    pub marks: Option<Box<Marks>>,
    /// What it is.
    pub kind: NodeKind,
}

/// What may be written before a node.
#[derive(Clone, Debug, PartialEq)]
pub struct Marks {
    /// The tag as written (`!!str`), resolved to its long form.
    pub tag: Option<SmolStr>,
    /// The anchor's name.
    pub anchor: Option<SmolStr>,
}

impl Node {
    /// The tag in its long form, if one is written.
    pub fn tag(&self) -> Option<&str> {
        self.marks.as_ref()?.tag.as_deref()
    }

    /// The anchor's name, if it has one.
    pub fn anchor(&self) -> Option<&str> {
        self.marks.as_ref()?.anchor.as_deref()
    }
}

/// What a node is.
#[derive(Clone, Debug, PartialEq)]
pub enum NodeKind {
    /// A scalar.
    Scalar(Scalar),
    /// A list.
    Sequence(Sequence),
    /// A mapping, its entries in written order, duplicates and merge keys kept.
    Mapping(Mapping),
    /// `*name`, with the node that it stands for.
    Alias {
        /// The name.
        name: SmolStr,
        /// The anchored node; `None` where the name is unknown or the alias stands inside its own anchor.
        target: Option<Arc<Node>>,
    },
}

/// A scalar's text, not yet resolved to a type.
#[derive(Clone, Debug, PartialEq)]
pub struct Scalar {
    /// The text with escapes and folding done.
    pub text: SmolStr,
    /// How it was written.
    pub style: ScalarStyle,
}

/// A list.
#[derive(Clone, Debug, PartialEq)]
pub struct Sequence {
    /// The items, shared, so that trees of unchanged blocks are reused.
    pub items: Vec<Arc<Node>>,
    /// How it was written.
    pub style: CollectionStyle,
}

/// A mapping.
#[derive(Clone, Debug, PartialEq)]
pub struct Mapping {
    /// The entries as written.
    pub entries: Vec<Entry>,
    /// How it was written.
    pub style: CollectionStyle,
}

/// A key and its value. Both are shared, so that trees of unchanged blocks are reused.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: Node,
    /// The value.
    pub value: Arc<Node>,
}
