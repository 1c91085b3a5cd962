//! `output`.

use crate::ast::Text;

/// How the output of commands is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// `interleaved`, `group` or `prefixed`.
    pub style: Text,
    /// Settings of `group`.
    pub group: OutputGroup,
}

/// Settings of the style `group`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OutputGroup {
    /// A line before the output, a template.
    pub begin: Option<Text>,
    /// A line after it.
    pub end: Option<Text>,
    /// Show only what a failing command printed.
    pub error_only: bool,
}
