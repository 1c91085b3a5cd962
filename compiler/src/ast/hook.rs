//! `ez-hooks`: scripts around a task.

use crate::ast::Text;
use crate::ast::param::FieldRow;
use crate::source::{Span, Spanned};

/// When a hook runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Moment {
    /// Before the task's dependencies and commands.
    PreRun,
    /// After the task succeeded.
    PostRun,
    /// After the task failed.
    OnError,
    /// After all others, however the task ended.
    Always,
}

impl Moment {
    /// All, in the order in which they come.
    pub const ALL: [Self; 4] = [Self::PreRun, Self::PostRun, Self::OnError, Self::Always];

    /// The key of its list.
    pub fn name(self) -> &'static str {
        match self {
            Self::PreRun => "pre_run",
            Self::PostRun => "post_run",
            Self::OnError => "on_error",
            Self::Always => "always",
        }
    }

    /// The moment of that key.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|moment| moment.name() == name)
    }
}

/// A hook.
#[derive(Clone, Debug, PartialEq)]
pub struct Hook {
    /// When it runs.
    pub moment: Spanned<Moment>,
    /// What it is called in messages.
    pub name: Option<Text>,
    /// What it does.
    pub action: HookAction,
    /// The whole entry.
    pub span: Span,
}

/// What a hook does.
#[derive(Clone, Debug, PartialEq)]
pub enum HookAction {
    /// Runs a script.
    Script(Text),
    /// Runs a plugin, named without `@plugin:`.
    Plugin(Text),
}

/// What a script begins with that is a plugin's name.
pub const PLUGIN_PREFIX: &str = "@plugin:";

/// The keys of `ez-hooks`.
pub const HOOK_MOMENTS: &[FieldRow] = &[
    FieldRow {
        key: "pre_run",
        takes: "hooks",
        about: "before the task's dependencies and commands; a failure stops the task",
    },
    FieldRow { key: "post_run", takes: "hooks", about: "after success; a failure is one of the task" },
    FieldRow { key: "on_error", takes: "hooks", about: "after a failure, which stays whatever they do" },
    FieldRow { key: "always", takes: "hooks", about: "after all others, however the task ended" },
];

/// The keys of a hook.
pub const HOOK_FIELDS: &[FieldRow] = &[
    FieldRow { key: "name", takes: "a text", about: "what it is called in messages" },
    FieldRow { key: "script", takes: "a script", about: "what it runs, or `@plugin:<name>`" },
];
