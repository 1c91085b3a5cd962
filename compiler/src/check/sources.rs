//! EZ304: `sources` that match no file.

use super::context::Context;
use super::ignored::is_ignored;
use super::place;
use crate::ast::{CommandAction, Glob, Text};
use crate::diagnostic::Diagnostic;
use crate::file_system::PathKind;
use crate::ir::Task;
use crate::rule;

/// Looks only at the part of a pattern that is a plain path: its directory must be there, or the file itself.
pub fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    let generated: Vec<&Text> = context
        .program
        .tasks
        .iter()
        .flat_map(|t| &t.definition.generates)
        .map(|glob| &glob.pattern)
        .collect();
    for (_, task) in context.own_tasks() {
        if task.dir.contains(['{', '$', '~']) {
            continue;
        }
        for glob in task.definition.sources.iter().filter(|glob| !glob.exclude) {
            found.extend(missing(context, task, glob, &generated));
        }
    }
}

fn missing(context: &Context<'_>, task: &Task, glob: &Glob, generated: &[&Text]) -> Option<Diagnostic> {
    let pattern = glob.pattern.value.as_str();
    if !Context::is_static(&glob.pattern) || pattern.contains(['\'', '"', '\\', '{']) || pattern.is_empty() {
        return None;
    }
    let plain: Vec<&str> = pattern.split('/').take_while(|part| !part.contains(['*', '?', '['])).collect();
    let is_whole = plain.len() == pattern.split('/').count();
    let plain = plain.join("/");
    if plain.is_empty() {
        return None;
    }
    let path = context.join(&task.dir, &plain);
    let inside = path.starts_with(&context.program.dir);
    let kind = context.files.kind(&path);
    if !inside || kind.is_some() && !(is_whole && kind == Some(PathKind::Directory)) {
        return None;
    }
    let last = plain.rsplit('/').next().unwrap_or(&plain);
    let is_written_about = |task: &Task| {
        task.definition.cmds.iter().any(
            |command| matches!(&command.action, CommandAction::Script(script) if script.value.contains(last)),
        )
    };
    let is_made = context.program.tasks.iter().any(is_written_about)
        || generated.iter().any(|text| text.value.contains(last))
        || is_ignored(&path, context.files)
        || task.definition.deps.iter().any(|_| kind.is_none());
    if is_made {
        return None;
    }
    let span = place::span_in(&glob.pattern, &(0..pattern.len()), context.sources());
    let (message, help) = if kind == Some(PathKind::Directory) {
        (
            format!("`{pattern}` is a directory, which matches no file"),
            format!("`{}/**/*` matches all files in it", pattern.trim_end_matches('/')),
        )
    } else {
        (
            format!("`{pattern}` matches no file: there is no `{plain}`"),
            "patterns are relative to the task's `dir`".to_owned(),
        )
    };
    let mut diagnostic = Diagnostic::warning(rule::SOURCES_MATCH_NOTHING, message, span)
        .with_label("matches nothing")
        .with_help(help);
    if kind == Some(PathKind::Directory) {
        let all = format!("{}/**/*", pattern.trim_end_matches('/'));
        diagnostic = diagnostic.with_fix(format!("write `{all}`"), span, all);
    }
    Some(diagnostic)
}
