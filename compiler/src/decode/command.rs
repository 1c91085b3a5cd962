//! `cmds`.

use super::Decoder;
use super::reader::{is_null, resolve};
use crate::ast::{Command, CommandAction, Platform, Text};
use crate::diagnostic::Diagnostic;
use crate::rule;
use crate::source::Span;
use crate::yaml::node::{Node, NodeKind};

const COMMAND_KEYS: &[&str] = &[
    "cmd",
    "task",
    "for",
    "if",
    "silent",
    "set",
    "shopt",
    "vars",
    "ignore_error",
    "defer",
    "platforms",
    "timeout",
];

impl Command {
    fn new(action: CommandAction, span: Span) -> Self {
        Self {
            action,
            deferred: false,
            repeat: None,
            condition: None,
            silent: false,
            set: Vec::new(),
            shopt: Vec::new(),
            ignore_error: false,
            platforms: Vec::new(),
            timeout: None,
            span,
        }
    }
}

impl Decoder<'_> {
    pub(super) fn commands(&mut self, node: &Node) -> Vec<Command> {
        self.list(node, "[]*ast.Cmd", "a list of commands", Self::command)
    }

    /// One command; null is skipped, as in go-task.
    pub(super) fn command(&mut self, node: &Node) -> Option<Command> {
        let resolved = resolve(node);
        match &resolved.kind {
            _ if is_null(resolved) => None,
            NodeKind::Scalar(_) => {
                let text = self.text(resolved)?;
                Some(Command::new(CommandAction::Script(text), resolved.span))
            }
            NodeKind::Mapping(_) => self.frame(resolved, |this| this.command_mapping(resolved)),
            _ => {
                self.shape_error(resolved, "command", "a command");
                None
            }
        }
    }

    fn command_mapping(&mut self, node: &Node) -> Option<Command> {
        let mut command = Command::new(CommandAction::Nothing, node.span);
        let (mut script, mut task, mut vars, mut defer, mut timeout) = (None, None, Vec::new(), None, None);
        let fields = self.fields(node);
        let mut unknown = Vec::new();
        for field in fields {
            match field.name {
                "cmd" => script = self.filled_text(field.value),
                "task" => task = self.filled_text(field.value),
                "for" => command.repeat = self.repeat(field.value).map(Box::new),
                "if" => command.condition = self.filled_text(field.value),
                "silent" => command.silent = self.boolean(field.value).unwrap_or(false),
                "set" => command.set = self.texts(field.value),
                "shopt" => command.shopt = self.texts(field.value),
                "vars" => vars = self.variables(field.value),
                "ignore_error" => command.ignore_error = self.boolean(field.value).unwrap_or(false),
                "defer" if !is_null(field.value) => defer = Some(self.deferred(field.value)),
                "defer" => {}
                "platforms" => command.platforms = self.platforms(field.value),
                "timeout" => timeout = Some(field.value),
                _ => unknown.push(field),
            }
        }
        let plain = !self.has_type_errors();
        if let Some(value) = timeout {
            command.timeout = self.timeout(value, node);
        }
        if let Some(deferred) = defer {
            for field in &unknown {
                self.unknown_key(field, "a command", COMMAND_KEYS);
            }
            return Some(finish_deferred(command, deferred));
        }
        let action = match (task, script) {
            (Some(task), _) => CommandAction::Call { task, vars },
            (None, Some(script)) => CommandAction::Script(script),
            (None, None) => {
                // What go-yaml says about types hides what go-task would say.
                if plain {
                    self.report_no_action(node, &unknown);
                }
                return None;
            }
        };
        for field in &unknown {
            self.unknown_key(field, "a command", COMMAND_KEYS);
        }
        command.action = action;
        Some(command)
    }

    /// A mapping without `cmd` and `task` is mostly a command with `: ` in it.
    fn report_no_action(&mut self, node: &Node, unknown: &[super::reader::Field<'_>]) {
        let mut diagnostic =
            Self::error(rule::INVALID_COMMAND, "a command needs `cmd`, `task` or `defer`", node.span);
        let written = self.sources.text(node.span).trim_end().to_owned();
        diagnostic = if unknown.len() == 1 && !written.contains('\n') {
            let quoted = format!("'{}'", written.replace('\'', "''"));
            let span = Span { end: node.span.start + written.len() as u32, ..node.span };
            diagnostic
                .with_label("`: ` makes this a mapping")
                .with_help(format!("quote the command: {quoted}"))
                .with_fix("quote the command", span, quoted)
        } else {
            diagnostic.with_label("nothing to do here").with_help("write the command under `cmd:`")
        };
        self.fail_with(node, "invalid keys in command", diagnostic);
    }

    fn deferred(&mut self, node: &Node) -> Deferred {
        let resolved = resolve(node);
        match &resolved.kind {
            NodeKind::Scalar(_) => self.filled_text(resolved).map_or(Deferred::Nothing, Deferred::Script),
            NodeKind::Mapping(_) => self.frame(resolved, |this| this.deferred_mapping(resolved)),
            _ => {
                self.shape_error(resolved, "defer", "a command or a call");
                Deferred::Nothing
            }
        }
    }

    fn deferred_mapping(&mut self, node: &Node) -> Deferred {
        let (mut script, mut task, mut vars, mut silent, mut timeout) = (None, None, Vec::new(), false, None);
        for field in self.fields(node) {
            match field.name {
                "defer" => {
                    script = self.filled_text(field.value);
                    self.report(nested_defer(field.key.span));
                }
                "task" => task = self.filled_text(field.value),
                "vars" => vars = self.variables(field.value),
                "silent" => silent = self.boolean(field.value).unwrap_or(false),
                "timeout" => timeout = self.filled_text(field.value),
                _ => self.unknown_key(&field, "a `defer`", &["task", "vars", "silent"]),
            }
        }
        if let Some(text) = timeout {
            let diagnostic =
                Self::error(rule::INVALID_COMMAND, "`timeout` stands next to `defer`, not inside", text.span)
                    .with_help("move it one level out");
            self.fail_with(node, "timeout must be set next to defer, not inside it", diagnostic);
        }
        match (script, task) {
            (Some(text), _) => Deferred::Script(text),
            (None, Some(task)) => Deferred::Call { task, vars, silent },
            (None, None) => Deferred::Nothing,
        }
    }

    pub(super) fn platforms(&mut self, node: &Node) -> Vec<Platform> {
        self.list(node, "[]*ast.Platform", "a list of platforms", |this, n| {
            let resolved = resolve(n);
            if is_null(resolved) {
                return None;
            }
            if !matches!(resolved.kind, NodeKind::Scalar(_)) {
                this.shape_error(resolved, "platform", "a platform");
                return None;
            }
            let text = this.text(resolved)?;
            let platform = Platform::parse(&text.value, text.span);
            if platform.is_none() {
                let message = format!("`{}` is no platform", text.value);
                let near =
                    crate::ast::platform::KNOWN_OS.iter().chain(crate::ast::platform::KNOWN_ARCH).copied();
                let mut diagnostic = Self::error(rule::INVALID_PLATFORM, message, text.span);
                diagnostic = match crate::suggest::nearest(&text.value, near) {
                    Some(name) => diagnostic.with_help(format!("did you mean `{name}`?")).with_fix(
                        format!("change to `{name}`"),
                        text.span,
                        name,
                    ),
                    None => diagnostic
                        .with_help("use Go's names: `linux`, `darwin`, `windows`, `amd64`, `linux/arm64` …"),
                };
                this.fail_with(resolved, format!("invalid platform \"{}\"", text.value), diagnostic);
            }
            platform
        })
    }
}

/// go-task's own schema calls `defer` within `defer` deprecated.
fn nested_defer(key: Span) -> Diagnostic {
    Diagnostic::warning(rule::DEPRECATED, "`defer` inside `defer` is an old form", key)
        .with_label("deprecated")
        .with_help("write the script directly after the outer `defer:`")
}

/// A deferred command has neither a loop nor a condition.
fn finish_deferred(command: Command, deferred: Deferred) -> Command {
    let base = Command { deferred: true, repeat: None, condition: None, ..command };
    match deferred {
        Deferred::Script(text) => Command { action: CommandAction::Script(text), ..base },
        Deferred::Call { task, vars, silent } => {
            Command { action: CommandAction::Call { task, vars }, silent, ..base }
        }
        Deferred::Nothing => Command { deferred: false, ..base },
    }
}

enum Deferred {
    Script(Text),
    Call { task: Text, vars: Vec<crate::ast::Variable>, silent: bool },
    Nothing,
}
