//! `task.yml`: what a folder task says of itself.

use crate::ast::param::FieldRow;
use crate::ast::{Artifact, Param, Text};
use crate::source::Span;

/// The metadata of a folder task.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metadata {
    /// `desc`
    pub desc: Option<Text>,
    /// `version`: the folder task's own.
    pub version: Option<Text>,
    /// `author`
    pub author: Option<Text>,
    /// `usage`
    pub usage: Option<Text>,
    /// `tags`
    pub tags: Vec<Text>,
    /// `examples`
    pub examples: Vec<Text>,
    /// `params`: those of the default task; they win over its `ez-params` of the same name.
    pub params: Vec<Param>,
    /// `artifacts`: what a successful run leaves.
    pub artifacts: Vec<Artifact>,
    /// The whole file.
    pub span: Option<Span>,
}

/// The keys of a `task.yml`.
pub const METADATA_FIELDS: &[FieldRow] = &[
    FieldRow {
        key: "name",
        takes: "a name",
        about: "the folder's name, for readers; it cannot be another one",
    },
    FieldRow { key: "desc", takes: "a text", about: "what lists say; the default task's `desc` without it" },
    FieldRow {
        key: "version",
        takes: "a text",
        about: "the folder task's own version, for `ez show` and `ez export`",
    },
    FieldRow { key: "author", takes: "a text", about: "who to ask" },
    FieldRow { key: "usage", takes: "a text", about: "how to use it, for `ez show`" },
    FieldRow { key: "tags", takes: "a list of texts", about: "words by which `ez list` finds it" },
    FieldRow { key: "examples", takes: "a list of texts", about: "command lines, for `ez show`" },
    FieldRow {
        key: "params",
        takes: "a list of params",
        about: "what the default task asks for; wins over `ez-params` of the same name",
    },
    FieldRow {
        key: "artifacts",
        takes: "a list of artifacts or paths",
        about: "what is kept of the workspace after a successful run of the default task",
    },
];
