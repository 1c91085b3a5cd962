//! A plugin: a script with a name that tasks of several projects use.

use crate::ast::param::FieldRow;
use crate::ast::{Moment, Text};
use crate::source::{Span, Spanned};

/// Keys of a plugin's file.
pub const PLUGIN_FIELDS: &[FieldRow] = &[
    FieldRow { key: "name", takes: "a name", about: "how tasks name it; the file's name without it" },
    FieldRow { key: "desc", takes: "a text", about: "what it is for, for `ez plugin list`" },
    FieldRow { key: "type", takes: "`hook` or `param`", about: "what it is" },
    FieldRow {
        key: "trigger",
        takes: "`pre_run`, `post_run`, `on_error` or `always`",
        about: "of a hook: the only list in which it may stand",
    },
    FieldRow { key: "script", takes: "a script", about: "of a hook: what it runs" },
    FieldRow { key: "command", takes: "a script", about: "of a param: prints the options, one a line" },
];

/// A plugin.
#[derive(Clone, Debug, PartialEq)]
pub struct Plugin {
    /// By what it is named after `@plugin:`; the file's name where the file says none.
    pub name: Text,
    /// What it is for.
    pub desc: Option<Text>,
    /// What it does.
    pub kind: PluginKind,
    /// The whole file.
    pub span: Span,
}

/// What a plugin does.
#[derive(Clone, Debug, PartialEq)]
pub enum PluginKind {
    /// `type: hook`
    Hook {
        /// `trigger`: the only list of hooks in which it may stand.
        trigger: Spanned<Moment>,
        /// `script`
        script: Text,
    },
    /// `type: param`
    Param {
        /// `command`, which prints the options of a param, one a line.
        command: Text,
    },
}

impl PluginKind {
    /// The word after `type:`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Hook { .. } => "hook",
            Self::Param { .. } => "param",
        }
    }

    /// What it runs.
    pub fn script(&self) -> &Text {
        match self {
            Self::Hook { script, .. } => script,
            Self::Param { command } => command,
        }
    }
}
