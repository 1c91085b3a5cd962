//! An entry of `deps`.

use std::time::Duration;

use crate::ast::{Loop, Text, Variable};
use crate::source::{Span, Spanned};

/// A task that runs before, at the same time as the other dependencies.
#[derive(Clone, Debug, PartialEq)]
pub struct Dependency {
    /// The task's name, a template.
    pub task: Text,
    /// `for`
    pub repeat: Option<Box<Loop>>,
    /// Variables of the call.
    pub vars: Vec<Variable>,
    /// `silent`
    pub silent: bool,
    /// `timeout`
    pub timeout: Option<Spanned<Duration>>,
    /// The whole entry.
    pub span: Span,
}
