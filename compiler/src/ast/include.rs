//! An entry of `includes`.

use smol_str::SmolStr;

use crate::ast::{Text, Variable};
use crate::source::{Span, Spanned};

/// Another Taskfile under a namespace.
#[derive(Clone, Debug, PartialEq)]
pub struct Include {
    /// The namespace.
    pub namespace: Spanned<SmolStr>,
    /// Path of a file or directory, a template; empty where only `dir` is given.
    pub taskfile: Option<Text>,
    /// `dir`, a template.
    pub dir: Option<Text>,
    /// `optional`
    pub optional: bool,
    /// `internal`
    pub internal: bool,
    /// `flatten`
    pub flatten: bool,
    /// `aliases`
    pub aliases: Vec<Text>,
    /// `excludes`
    pub excludes: Vec<Text>,
    /// `vars`
    pub vars: Vec<Variable>,
    /// `checksum`, a SHA-256 in hexadecimal.
    pub checksum: Option<Text>,
    /// Whether it was written as a mapping: only then directories and variables follow the include.
    pub mapping: bool,
    /// The whole value.
    pub span: Span,
}
