//! A template: a file from which task definitions are made.

use crate::ast::param::FieldRow;
use crate::ast::{Param, Text};
use crate::source::Span;

/// The keys of a template's file.
pub const TEMPLATE_FIELDS: &[FieldRow] = &[
    FieldRow { key: "name", takes: "a name", about: "how it is called; the file's name without it" },
    FieldRow { key: "version", takes: "a text", about: "its own version, which stands in what it makes" },
    FieldRow { key: "desc", takes: "a text", about: "what it makes, for `ez template list`" },
    FieldRow {
        key: "params",
        takes: "a list of params",
        about: "what it asks for, as `ez-params` without `query`",
    },
    FieldRow {
        key: "task",
        takes: "a text",
        about: "what it makes: the fields of one task, the default task of a folder task",
    },
    FieldRow { key: "taskfile", takes: "a text", about: "or: a whole Taskfile" },
    FieldRow {
        key: "files",
        takes: "a mapping",
        about: "or: several files by their paths, a Taskfile among them",
    },
];

/// The keys of a file that is more than a text.
pub const TEMPLATE_FILE_FIELDS: &[FieldRow] = &[
    FieldRow { key: "content", takes: "a text", about: "what is in it" },
    FieldRow { key: "executable", takes: "`true` or `false`", about: "whether it can be run" },
];

/// A template.
#[derive(Clone, Debug, PartialEq)]
pub struct TemplateFile {
    /// How it is called.
    pub name: Text,
    /// Its own version.
    pub version: Text,
    /// What it makes.
    pub desc: Option<Text>,
    /// What it asks for.
    pub params: Vec<Param>,
    /// What it makes it of.
    pub body: Body,
    /// The whole file.
    pub span: Span,
}

/// What the file of a template says; it may lack what it needs to be one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TemplateDraft {
    /// How it is called, where the file says so.
    pub name: Option<Text>,
    /// Its own version.
    pub version: Option<Text>,
    /// What it makes.
    pub desc: Option<Text>,
    /// What it asks for.
    pub params: Vec<Param>,
    /// What it makes it of, each with its key; a template has one.
    pub bodies: Vec<(Option<Body>, Span)>,
}

impl TemplateDraft {
    /// All texts that are evaluated.
    pub fn texts(&self) -> impl Iterator<Item = &Text> {
        self.bodies.iter().filter_map(|(body, _)| body.as_ref()).flat_map(Body::texts)
    }
}

/// What a template makes something of.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// The fields of one task.
    Task(Text),
    /// A whole Taskfile.
    Taskfile(Text),
    /// The files of a folder task.
    Files(Vec<TemplatePart>),
}

impl Body {
    /// All texts in it.
    pub fn texts(&self) -> Vec<&Text> {
        match self {
            Self::Task(text) | Self::Taskfile(text) => vec![text],
            Self::Files(parts) => parts.iter().map(|part| &part.content).collect(),
        }
    }
}

/// A file that a template makes.
#[derive(Clone, Debug, PartialEq)]
pub struct TemplatePart {
    /// Where, below the folder.
    pub path: Text,
    /// What is in it.
    pub content: Text,
    /// Whether it can be run.
    pub executable: bool,
}
