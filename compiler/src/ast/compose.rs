//! `ez-compose`: a task that is other tasks in order.

use crate::ast::{Text, Variable};
use crate::source::Span;

/// A step of `ez-compose`.
#[derive(Clone, Debug, PartialEq)]
pub struct ComposeStep {
    /// The task's name as written.
    pub task: Text,
    /// Values for this step; they give way to those of the call, the command line and the environment.
    pub defaults: Vec<Variable>,
    /// The whole entry.
    pub span: Span,
}
