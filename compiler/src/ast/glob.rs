//! An entry of `sources` or `generates`.

use crate::ast::Text;

/// A pattern for files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob {
    /// The pattern, a template and then shell words.
    pub pattern: Text,
    /// `exclude`: takes away what earlier patterns matched.
    pub exclude: bool,
}
