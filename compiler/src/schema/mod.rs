//! Every file format as plain data: which keys there are, what their values are, what they mean.
//!
//! Completion, hover and the JSON Schemas read these tables and nothing else. The decoders are their own code; a test
//! holds the two together: every key of a table is decoded, and every key that is decoded is in a table.

mod command;
mod lookup;
mod metadata;
mod plan;
mod plugin;
mod scalar;
mod snippet;
mod superset;
mod task;
mod taskfile;
mod taskrc;
mod template;
mod variable;

pub use lookup::{PathItem, fields_at, fields_of, map_keys_at, objects_at, shapes_at};
pub use scalar::{EnumValue, KeyMeaning, PathKind, Scalar};

use crate::ast::param::FieldRow;

/// A kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// `Taskfile.yml`
    Taskfile,
    /// `task.yml`, the metadata of a folder task.
    Metadata,
    /// `plans/<name>.yml`
    Plan,
    /// `plugins/<name>.yml`
    Plugin,
    /// `templates/<name>.yml`
    Template,
    /// `.taskrc.yml`
    Taskrc,
}

impl Format {
    /// All, in the order of the documentation.
    pub const ALL: [Self; 6] =
        [Self::Taskfile, Self::Metadata, Self::Plan, Self::Plugin, Self::Template, Self::Taskrc];

    /// What stands at the root of such a file.
    pub fn root(self) -> &'static Object {
        match self {
            Self::Taskfile => &taskfile::TASKFILE,
            Self::Metadata => &metadata::METADATA,
            Self::Plan => &plan::PLAN,
            Self::Plugin => &plugin::PLUGIN,
            Self::Template => &template::TEMPLATE,
            Self::Taskrc => &taskrc::TASKRC,
        }
    }
}

/// What a value is.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// A mapping with known keys.
    Object(&'static Object),
    /// A mapping whose keys are the user's.
    Map(&'static Map),
    /// A list of such values.
    List(&'static Shape),
    /// A scalar that is taken as it is written.
    Scalar(Scalar),
    /// A scalar whose templates are evaluated first.
    Template(Scalar),
    /// One of several; of each kind of YAML node there is at most one, so that what is written says which is meant.
    OneOf(&'static [Shape]),
    /// Anything; texts in it are templates.
    Any,
}

impl Shape {
    /// What stands under a key of a mapping of this shape.
    pub fn of_key(self, key: &str) -> Option<Self> {
        match self {
            Self::Object(object) => {
                let own = object.field(key).map(|field| field.shape);
                own.or_else(|| object.other_keys.map(|map| map.values))
            }
            Self::Map(map) => Some(map.values),
            Self::Any => Some(Self::Any),
            _ => None,
        }
    }

    /// What the keys that the user chooses are, in a mapping of this shape.
    pub fn user_keys(self) -> Option<KeyMeaning> {
        match self {
            Self::Map(map) => Some(map.keys),
            Self::Object(object) => object.other_keys.map(|map| map.keys),
            _ => None,
        }
    }

    /// What is written most where there are several: a scalar, else the first.
    #[must_use]
    pub fn usual(self) -> Self {
        let Self::OneOf(shapes) = self else { return self };
        let is_single = |shape: &&Self| matches!(shape, Self::Scalar(_) | Self::Template(_));
        shapes.iter().find(is_single).or(shapes.first()).map_or(Self::Any, |shape| shape.usual())
    }
}

/// A mapping with known keys.
#[derive(Debug)]
pub struct Object {
    /// What messages call it, with its article: "a task".
    pub title: &'static str,
    /// What it is, as a sentence.
    pub about: &'static str,
    /// Where the documentation tells more.
    pub page: Page,
    /// Its keys, those first that are written most.
    pub fields: &'static [Field],
    /// Whether the user may keep notes under keys that begin with `x-`.
    pub has_notes: bool,
    /// Keys of which one has to be there; none where this is empty.
    pub at_least_one_of: &'static [&'static str],
    /// Keys of which only one may be there.
    pub at_most_one_of: &'static [&'static str],
    /// What all other keys are, where the user chooses them.
    pub other_keys: Option<&'static Map>,
}

impl Object {
    /// One whose keys are these, all of which may be left out or stand together.
    const fn new(title: &'static str, about: &'static str, page: Page, fields: &'static [Field]) -> Self {
        Self {
            title,
            about,
            page,
            fields,
            has_notes: false,
            at_least_one_of: &[],
            at_most_one_of: &[],
            other_keys: None,
        }
    }

    const fn with_notes(mut self) -> Self {
        self.has_notes = true;
        self
    }

    const fn with_at_least_one_of(mut self, keys: &'static [&'static str]) -> Self {
        self.at_least_one_of = keys;
        self
    }

    const fn with_at_most_one_of(mut self, keys: &'static [&'static str]) -> Self {
        self.at_most_one_of = keys;
        self
    }

    const fn with_other_keys(mut self, map: &'static Map) -> Self {
        self.other_keys = Some(map);
        self
    }

    /// The field of that key.
    pub fn field(&self, key: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.key == key)
    }

    /// The fields that it begins with: the required ones, and the first of those of which one has to be there.
    pub fn first_fields(&self) -> impl Iterator<Item = &'static Field> {
        let chosen = self.at_least_one_of.first().and_then(|key| self.field(key));
        self.fields.iter().filter(|field| field.required).chain(chosen)
    }
}

/// A mapping whose keys are the user's.
#[derive(Debug)]
pub struct Map {
    /// What a key is.
    pub keys: KeyMeaning,
    /// What its value is.
    pub values: Shape,
}

/// A key of a mapping.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// The key.
    pub key: &'static str,
    /// What its value is.
    pub shape: Shape,
    /// The text of the table, with or without the signs of a sentence; [`Field::about`] has them.
    text: &'static str,
    /// A few lines of YAML with this key in them.
    pub example: &'static str,
    /// What holds without it.
    pub default: Option<&'static str>,
    /// Whose it is.
    pub origin: Origin,
    /// Whether its mapping is nothing without it.
    pub required: bool,
    /// What to write instead, of a key that is better not written.
    pub deprecated: Option<&'static str>,
    /// Keys beside which it means nothing.
    pub idle_beside: &'static [&'static str],
    /// Where the documentation tells more.
    pub page: Page,
}

/// Whose a key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// go-task's, since that version; since version 3 at the latest without one.
    GoTask(Option<&'static str>),
    /// One that EZ adds.
    Ez,
}

/// A page of documentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    /// In go-task's reference, with its anchor: `schema#task`.
    GoTask(&'static str),
    /// In the book of EZ: `params.md`.
    Ez(&'static str),
}

impl Page {
    /// Its address.
    pub fn url(self) -> String {
        match self {
            Self::GoTask(page) => format!("https://taskfile.dev/docs/reference/{page}"),
            Self::Ez(page) => format!("https://github.com/ez-build/ez/blob/main/docs/{page}"),
        }
    }
}

impl Field {
    const fn new(key: &'static str, shape: Shape, text: &'static str, origin: Origin, page: Page) -> Self {
        Self {
            key,
            shape,
            text,
            example: "",
            default: None,
            origin,
            required: false,
            deprecated: None,
            idle_beside: &[],
            page,
        }
    }

    /// A key of go-task.
    const fn go_task(key: &'static str, shape: Shape, text: &'static str, page: &'static str) -> Self {
        Self::new(key, shape, text, Origin::GoTask(None), Page::GoTask(page))
    }

    /// A key of EZ that no table of a format names.
    const fn ez(key: &'static str, shape: Shape, text: &'static str, page: &'static str) -> Self {
        Self::new(key, shape, text, Origin::Ez, Page::Ez(page))
    }

    /// A key of EZ, with the text of its row.
    const fn row(
        rows: &'static [FieldRow],
        key: &'static str,
        shape: Shape,
        page: &'static str,
        example: &'static str,
    ) -> Self {
        let mut index = 0;
        while index < rows.len() {
            if is_same(rows[index].key, key) {
                return Self::new(key, shape, rows[index].about, Origin::Ez, Page::Ez(page)).example(example);
            }
            index += 1;
        }
        panic!("the table has no such row");
    }

    const fn example(self, example: &'static str) -> Self {
        Self { example, ..self }
    }

    const fn default(self, default: &'static str) -> Self {
        Self { default: Some(default), ..self }
    }

    const fn since(self, version: &'static str) -> Self {
        Self { origin: Origin::GoTask(Some(version)), ..self }
    }

    const fn required(self) -> Self {
        Self { required: true, ..self }
    }

    const fn deprecated(self, instead: &'static str) -> Self {
        Self { deprecated: Some(instead), ..self }
    }

    const fn idle_beside(self, keys: &'static [&'static str]) -> Self {
        Self { idle_beside: keys, ..self }
    }

    /// What it means, in one or two sentences of Markdown.
    pub fn about(&self) -> String {
        sentence(self.text)
    }
}

/// A text as a sentence: a capital at its beginning, a full stop at its end.
fn sentence(text: &str) -> String {
    let mut rest = text.chars();
    let first: String = rest.next().into_iter().flat_map(char::to_uppercase).collect();
    let end = if text.ends_with(['.', '?', '!']) { "" } else { "." };
    format!("{first}{}{end}", rest.as_str())
}

/// Whether two texts are equal, while the program is compiled.
const fn is_same(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    if one.len() != other.len() {
        return false;
    }
    let mut index = 0;
    while index < one.len() {
        if one[index] != other[index] {
            return false;
        }
        index += 1;
    }
    true
}

/// `$schema`, which every format has at its root.
const fn schema_key(page: Page, origin: Origin) -> Field {
    Field::new(
        "$schema",
        Shape::Scalar(Scalar::Url),
        "The JSON Schema by which an editor checks this file; nothing else reads it.",
        origin,
        page,
    )
    .example("$schema: https://taskfile.dev/schema.json")
}

/// `true` or `false`.
const BOOL: Shape = Shape::Scalar(Scalar::Bool);
/// A text as it is written.
const TEXT: Shape = Shape::Scalar(Scalar::Text);
/// A text that something is made of.
const MADE_TEXT: Shape = Shape::Scalar(Scalar::MadeText);
/// A text with templates.
const TEMPLATE_TEXT: Shape = Shape::Template(Scalar::Text);
/// Several texts as they are written.
const TEXTS: Shape = Shape::List(&Shape::Scalar(Scalar::Text));
/// A shell script with templates.
const SCRIPT: Shape = Shape::Template(Scalar::Script);
/// A length of time.
const DURATION: Shape = Shape::Scalar(Scalar::Duration);

#[cfg(test)]
mod tests;
