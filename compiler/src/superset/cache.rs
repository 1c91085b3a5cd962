//! `ez-cache`: what a task must be like for its outputs to be kept.

use crate::ast::{self, CommandAction, Superset};
use crate::diagnostic::Diagnostic;
use crate::rule;

/// Tells of a task that asks for a cache and cannot have one.
pub fn check(definition: &ast::Task, superset: &Superset, diagnostics: &mut Vec<Diagnostic>) {
    let Some(cache) = superset.cache.as_ref().filter(|cache| cache.value) else { return };
    let name = &definition.name.value;
    let mut report = |message: String, help: &str| {
        let diagnostic = Diagnostic::error(rule::INVALID_EXTENSION, message, cache.span);
        diagnostics.push(diagnostic.with_label("cannot be cached").with_help(help));
    };
    let called = definition.cmds.iter().find_map(|command| match &command.action {
        CommandAction::Call { task, .. } => Some(task),
        _ => None,
    });
    if definition.sources.is_empty() || definition.generates.is_empty() {
        let message = format!("the task `{name}` needs `sources` and `generates` to be cached");
        report(message, "`sources` say when its work is the same, and `generates` what is kept of it");
    } else if let Some(called) = called {
        let message =
            format!("the task `{name}` calls `{}`, whose work the cache does not see", called.value);
        report(message, "cache the called task, or make it a dependency");
    }
}
