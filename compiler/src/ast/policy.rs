//! `ez-timeout`, `ez-retry`, `ez-lock`, `ez-cache`, `ez-log`, `ez-remote`: how a whole task runs.

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

/// `ez-remote`
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Remote {
    /// The nodes of which one has to run the task; any where there are none.
    pub nodes: Vec<Text>,
    /// What the node must have.
    pub tags: Vec<Text>,
    /// Patterns of the files that the node gets, from the root directory; `None` for the `sources`.
    pub sync_in: Option<Vec<Text>>,
    /// Patterns of the files that come back; `None` for what the task `generates`.
    pub sync_out: Option<Vec<Text>>,
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

/// The keys of `ez-remote`.
pub const REMOTE_FIELDS: &[FieldRow] = &[
    FieldRow {
        key: "nodes",
        takes: "names of nodes",
        about: "one of them has to run the task; any without it",
    },
    FieldRow { key: "tags", takes: "a list of tags", about: "what the node must have, as in `os:linux`" },
    FieldRow {
        key: "sync_in",
        takes: "a list of patterns",
        about: "the files that the node gets, from the root directory; without it the `sources` of the task and of all that it calls",
    },
    FieldRow {
        key: "sync_out",
        takes: "a list of patterns",
        about: "the files that come back, from the root directory; without it what the task and all that it calls `generates`",
    },
];

/// The keys of `ez-log`.
pub const LOG_FIELDS: &[FieldRow] = &[
    FieldRow {
        key: "dir",
        takes: "a directory",
        about: "where the logs are, from the root directory; `.ez/tasks/<task>/logs` without it",
    },
    FieldRow { key: "prefix", takes: "a text", about: "what the names of the files begin with" },
];
