//! `ez-timeout`, `ez-retry`, `ez-lock`, `ez-cache`, `ez-log`: how a whole task runs.

use std::time::Duration;

use crate::ast::Text;
use crate::source::{Span, Spanned};

/// `ez-retry`
#[derive(Clone, Debug, PartialEq)]
pub struct Retry {
    /// How often a failed task is started again.
    pub count: Spanned<u32>,
    /// The time before the first further attempt; it doubles each time.
    pub backoff: Option<Spanned<Duration>>,
    /// The whole field.
    pub span: Span,
}

/// `ez-lock`
#[derive(Clone, Debug, PartialEq)]
pub struct Lock {
    /// Whether the task never runs twice at once on this machine.
    pub exclusive: bool,
    /// The whole field.
    pub span: Span,
}

/// `ez-log`
#[derive(Clone, Debug, PartialEq)]
pub struct Log {
    /// The directory of the log files.
    pub dir: Option<Text>,
    /// What the names of the log files begin with.
    pub prefix: Option<Text>,
    /// The whole field.
    pub span: Span,
}
