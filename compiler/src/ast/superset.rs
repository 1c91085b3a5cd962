//! What EZ adds to a task.

use std::time::Duration;

use crate::ast::compose::ComposeStep;
use crate::ast::hook::Hook;
use crate::ast::param::Param;
use crate::ast::policy::{Lock, Log, Remote, Retry};
use crate::ast::{Artifact, Text, Variable};
use crate::source::{Span, Spanned};

/// The `ez-*` fields of a task.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Superset {
    /// `ez-params`
    pub params: Vec<Param>,
    /// `ez-hooks`
    pub hooks: Vec<Hook>,
    /// `ez-extends`
    pub extends: Option<Text>,
    /// `ez-defaults`
    pub defaults: Vec<Variable>,
    /// `ez-compose`, with the key's place.
    pub compose: Option<Spanned<Vec<ComposeStep>>>,
    /// `ez-timeout`
    pub timeout: Option<Spanned<Duration>>,
    /// `ez-retry`
    pub retry: Option<Retry>,
    /// `ez-lock`
    pub lock: Option<Lock>,
    /// `ez-cache`
    pub cache: Option<Spanned<bool>>,
    /// `ez-log`
    pub log: Option<Log>,
    /// `ez-remote`
    pub remote: Option<Remote>,
    /// `artifacts` of a `task.yml`; no field of a Taskfile says them.
    pub artifacts: Vec<Artifact>,
    /// `ez-tags`
    pub tags: Vec<Text>,
    /// `ez-examples`
    pub examples: Vec<Text>,
    /// Which of go-task's own fields the task writes itself, so that inheritance knows what it replaces.
    pub written: Vec<Spanned<&'static str>>,
    /// The first of the fields.
    pub span: Option<Span>,
}
