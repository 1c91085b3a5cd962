//! An entry of `cmds`.

use std::time::Duration;

use crate::ast::{Loop, Platform, Text, Variable};
use crate::source::{Span, Spanned};

/// An entry of `cmds`.
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    /// What it does.
    pub action: CommandAction,
    /// Run at the end of the task, also after a failure.
    pub deferred: bool,
    /// `for`
    pub repeat: Option<Box<Loop>>,
    /// `if`
    pub condition: Option<Text>,
    /// `silent`
    pub silent: bool,
    /// `set`
    pub set: Vec<Text>,
    /// `shopt`
    pub shopt: Vec<Text>,
    /// `ignore_error`
    pub ignore_error: bool,
    /// `platforms`
    pub platforms: Vec<Platform>,
    /// `timeout`
    pub timeout: Option<Spanned<Duration>>,
    /// The whole entry.
    pub span: Span,
}

/// What a command does.
#[derive(Clone, Debug, PartialEq)]
pub enum CommandAction {
    /// Runs a shell script.
    Script(Text),
    /// Calls a task.
    Call {
        /// The task's name, a template.
        task: Text,
        /// Variables of the call.
        vars: Vec<Variable>,
    },
    /// Nothing: an empty `defer`.
    Nothing,
}
