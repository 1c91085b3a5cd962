//! EZ210: a task that a subcommand of `ez` hides.

use super::context::Context;
use crate::diagnostic::Diagnostic;
use crate::rule;

/// The subcommands of `ez`.
pub const SUBCOMMANDS: &[&str] = &[
    "list",
    "show",
    "run",
    "new",
    "check",
    "compile",
    "clean",
    "why",
    "graph",
    "export",
    "import",
    "browse",
    "log",
    "rerun",
    "matrix",
    "ws",
    "cache",
    "plugin",
    "template",
    "schema",
    "doctor",
    "plan",
    "lsp",
    "server",
    "client",
    "completion",
    "version",
    "help",
];

/// Reports tasks that `ez NAME` does not run.
pub fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    for name in SUBCOMMANDS {
        let Some(id) = context.program.find(name) else { continue };
        let task = context.program.task(id);
        if task.internal || super::context::is_remote(&task.taskfile) {
            continue;
        }
        let message = format!("`ez {name}` is a command of its own, not this task");
        found.push(
            Diagnostic::warning(rule::HIDDEN_TASK, message, task.name_span())
                .with_label("hidden by the subcommand")
                .with_help(format!("`ez run {name}` runs the task")),
        );
    }
}
