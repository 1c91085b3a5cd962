//! A Taskfile.

use std::sync::Arc;
use std::time::Duration;

use smol_str::SmolStr;

use crate::ast::{Include, Output, Task, Text, Variable};
use crate::source::{SourceId, Span, Spanned};
use crate::yaml::node::Node;

/// A Taskfile as written.
#[derive(Clone, Debug)]
pub struct Taskfile {
    /// The fragment that stands for the whole file.
    pub source: SourceId,
    /// `version`
    pub version: Option<Text>,
    /// `output`
    pub output: Option<Output>,
    /// `method`
    pub method: Option<Text>,
    /// `includes`
    pub includes: Vec<Include>,
    /// `set`
    pub set: Vec<Text>,
    /// `shopt`
    pub shopt: Vec<Text>,
    /// `vars`
    pub vars: Vec<Variable>,
    /// `env`
    pub env: Vec<Variable>,
    /// `tasks`, of a repeated name only the last.
    pub tasks: Vec<Arc<Task>>,
    /// `silent`
    pub silent: bool,
    /// `dotenv`
    pub dotenv: Vec<Text>,
    /// `run`
    pub run: Option<Text>,
    /// `interval`
    pub interval: Option<Spanned<Duration>>,
    /// `use_gitignore`
    pub use_gitignore: Option<bool>,
    /// Keys that go-task does not know.
    pub extensions: Vec<Extension>,
}

/// A key that go-task does not know, kept whole: `ez-*` fields, `x-*` fields, mistakes.
#[derive(Clone, Debug, PartialEq)]
pub struct Extension {
    /// The key.
    pub key: Spanned<SmolStr>,
    /// The value.
    pub value: Arc<Node>,
    /// What the entry covers.
    pub span: Span,
}
