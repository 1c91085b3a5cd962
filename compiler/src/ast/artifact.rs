//! A file or directory that a folder task or a step makes for others.

use smol_str::SmolStr;

use crate::ast::Text;
use crate::ast::param::FieldRow;
use crate::source::{Span, Spanned};

/// An artifact.
#[derive(Clone, Debug, PartialEq)]
pub struct Artifact {
    /// Its name.
    pub name: Spanned<SmolStr>,
    /// Where it is, relative to the directory that the task runs in; a glob may name several files.
    pub path: Text,
    /// Whether it may be missing.
    pub optional: bool,
    /// The whole entry.
    pub span: Span,
}

/// The keys of an artifact.
pub const ARTIFACT_FIELDS: &[FieldRow] = &[
    FieldRow {
        key: "name",
        takes: "a name",
        about: "what it is called; the last part of its path without it",
    },
    FieldRow {
        key: "path",
        takes: "a path or glob",
        about: "where it is, relative to the workspace; templates see the task's variables",
    },
    FieldRow { key: "optional", takes: "`true` or `false`", about: "a run without it is no failure" },
];
