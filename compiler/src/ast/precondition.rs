//! An entry of `preconditions`.

use crate::ast::Text;

/// A command that must succeed before a task runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Precondition {
    /// The command.
    pub script: Text,
    /// What is said when it fails, a template.
    pub message: Text,
}
