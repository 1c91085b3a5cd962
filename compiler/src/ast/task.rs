//! An entry of `tasks`.

use smol_str::SmolStr;

use crate::ast::{
    Command, Dependency, Extension, Glob, Platform, Precondition, RequiredVariable, Superset, Text, Variable,
};
use crate::source::{Span, Spanned};

/// A task as written.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// The name in its file.
    pub name: Spanned<SmolStr>,
    /// The whole value.
    pub span: Span,
    /// `cmds`, or `cmd` as the only one.
    pub cmds: Vec<Command>,
    /// `deps`
    pub deps: Vec<Dependency>,
    /// `label`
    pub label: Option<Text>,
    /// `desc`
    pub desc: Option<Text>,
    /// `prompt`, one or several questions.
    pub prompt: Vec<Text>,
    /// `summary`
    pub summary: Option<Text>,
    /// `aliases`
    pub aliases: Vec<Text>,
    /// `sources`
    pub sources: Vec<Glob>,
    /// `generates`
    pub generates: Vec<Glob>,
    /// `status`
    pub status: Vec<Text>,
    /// `preconditions`
    pub preconditions: Vec<Precondition>,
    /// `dir`
    pub dir: Option<Text>,
    /// `set`
    pub set: Vec<Text>,
    /// `shopt`
    pub shopt: Vec<Text>,
    /// `vars`
    pub vars: Vec<Variable>,
    /// `env`
    pub env: Vec<Variable>,
    /// `dotenv`
    pub dotenv: Vec<Text>,
    /// `silent`
    pub silent: Option<bool>,
    /// `interactive`
    pub interactive: bool,
    /// `internal`
    pub internal: bool,
    /// `method`
    pub method: Option<Text>,
    /// `prefix`
    pub prefix: Option<Text>,
    /// `ignore_error`
    pub ignore_error: bool,
    /// `use_gitignore`
    pub use_gitignore: Option<bool>,
    /// `run`
    pub run: Option<Text>,
    /// `platforms`
    pub platforms: Vec<Platform>,
    /// `if`
    pub condition: Option<Text>,
    /// `requires`
    pub requires: Vec<RequiredVariable>,
    /// `watch`
    pub watch: bool,
    /// `failfast`
    pub failfast: bool,
    /// Keys that go-task does not know.
    pub extensions: Vec<Extension>,
    /// The fields of EZ, if it has any.
    pub superset: Option<Box<Superset>>,
}
