//! EZ210: a task, or a folder that is one, that a subcommand of `ez` hides.

use super::context::Context;
use crate::diagnostic::Diagnostic;
use crate::folder::{DEFAULT_TASK, FolderTask};
use crate::ir::Task;
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
    if let Some(folder) = context.folder {
        found.extend(check_folder(context, folder));
        return;
    }
    for name in SUBCOMMANDS {
        let Some(id) = context.program.find(name) else { continue };
        let task = context.program.task(id);
        if task.internal || super::context::is_remote(&task.taskfile) {
            continue;
        }
        found.push(hidden(name, task, "task"));
    }
}

/// Of the tasks of a folder only the default one is called by a single word, the folder's name.
fn check_folder(context: &Context<'_>, folder: &FolderTask) -> Option<Diagnostic> {
    let name = SUBCOMMANDS.iter().find(|name| **name == folder.name)?;
    let task = context.program.task(context.program.find(DEFAULT_TASK)?);
    Some(hidden(name, task, "folder task"))
}

fn hidden(name: &str, task: &Task, kind: &str) -> Diagnostic {
    let message = format!("`ez {name}` is a command of its own, not this {kind}");
    Diagnostic::warning(rule::HIDDEN_TASK, message, task.name_span())
        .with_label("hidden by the subcommand")
        .with_help(format!("`ez run {name}` runs the {kind}"))
}
