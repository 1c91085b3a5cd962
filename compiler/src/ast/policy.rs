//! `ez-timeout`, `ez-retry`, `ez-lock`, `ez-cache`, `ez-log`: how a whole task runs.

use std::time::Duration;

use serde::Serialize;

use crate::ast::Text;
use crate::ast::param::FieldRow;
use crate::source::{Span, Spanned};

/// `ez-retry`
#[derive(Clone, Debug, PartialEq, Serialize)]
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

/// The keys of `ez-retry`.
pub const RETRY_FIELDS: &[FieldRow] = &[
    FieldRow {
        key: "count",
        takes: "a whole number up to 100",
        about: "how often a failed task is started again",
    },
    FieldRow {
        key: "backoff",
        takes: "a duration",
        about: "the pause before that; it doubles each time, up to an hour",
    },
];

/// The keys of `ez-lock`.
pub const LOCK_FIELDS: &[FieldRow] = &[FieldRow {
    key: "exclusive",
    takes: "`true` or `false`",
    about: "the task never runs twice at once on this machine",
}];

/// The keys of `ez-log`.
pub const LOG_FIELDS: &[FieldRow] = &[
    FieldRow {
        key: "dir",
        takes: "a directory",
        about: "where the logs are, from the root directory; `.ez/tasks/<task>/logs` without it",
    },
    FieldRow { key: "prefix", takes: "a text", about: "what the names of the files begin with" },
];
