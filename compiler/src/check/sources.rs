//! EZ304: `sources` that match no file.

use std::cell::Cell;
use std::collections::VecDeque;

use camino::{Utf8Path, Utf8PathBuf};
use memchr::memmem::Finder;
use rustc_hash::FxHashMap;

use super::context::Context;
use super::ignored::is_ignored;
use super::place;
use crate::ast::{CommandAction, Glob, Text};
use crate::diagnostic::Diagnostic;
use crate::file_system::{FileSystem, PathKind};
use crate::ir::Task;
use crate::rule;
use crate::shell::{Pattern, PatternRules};

/// How many directories are looked into in one check. What is not found until then may be anywhere.
const MAX_DIRECTORIES: usize = 5_000;

/// How many patterns and scripts are looked at for what makes a missing file. What is not found until then may be made.
const MAX_MAKERS: usize = 10_000_000;

/// What makes more of a pattern than a path with `*`, `?` and `[…]`.
const SHELL_CHARACTERS: &[char] = &['\'', '"', '\\', '{', '(', ')', '|', '&', ';', '<', '>', '!'];

/// Finds patterns that no file matches: the plain path in front is not there, or nothing below it fits.
///
/// What some task generates or writes about, and what git ignores, may be missing.
pub fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    let generated: Vec<&Text> = context
        .program
        .tasks
        .iter()
        .flat_map(|t| &t.definition.generates)
        .map(|glob| &glob.pattern)
        .collect();
    let search = Search { files: context.files, left: Cell::new(MAX_DIRECTORIES) };
    let makers = generated.len() + context.program.tasks.len();
    let mut looked_at = 0;
    let mut known: FxHashMap<(&str, &str), Option<Missing<'_>>> = FxHashMap::default();
    for (_, task) in context.own_tasks() {
        if task.dir.contains(['{', '$', '~']) {
            continue;
        }
        for glob in task.definition.sources.iter().filter(|glob| !glob.exclude) {
            // Many tasks have the same directory and the same patterns.
            let missing = known.entry((&task.dir, &glob.pattern.value)).or_insert_with(|| {
                let missing = missing(context, task, glob, &search)?;
                looked_at += makers;
                (looked_at <= MAX_MAKERS && !may_be_made(context, &missing, &generated)).then_some(missing)
            });
            if let Some(missing) = missing.as_ref().filter(|missing| !may_be_of_deps(task, missing)) {
                found.push(report(context, glob, missing));
            }
        }
    }
}

/// Why a pattern matches nothing.
struct Missing<'p> {
    /// The part of it that is a plain path.
    plain: String,
    /// The last part, which names files.
    name: &'p str,
    /// Where that path leads.
    path: Utf8PathBuf,
    why: Why,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Why {
    /// There is nothing at the plain path.
    NoPath,
    /// The pattern is a directory.
    IsDirectory,
    /// The directory is there, but nothing in it fits.
    NoFile,
}

fn missing<'p>(
    context: &Context<'_>,
    task: &Task,
    glob: &'p Glob,
    search: &Search<'_>,
) -> Option<Missing<'p>> {
    let pattern = glob.pattern.value.as_str();
    if !Context::is_static(&glob.pattern) || pattern.contains(SHELL_CHARACTERS) || pattern.is_empty() {
        return None;
    }
    let parts: Vec<&str> = pattern.split('/').collect();
    let plain_parts = parts.iter().take_while(|part| !part.contains(['*', '?', '['])).count();
    let (plain, open) = parts.split_at_checked(plain_parts)?;
    let plain = plain.join("/");
    let path = context.join(&task.dir, &plain);
    if !path.starts_with(&context.program.dir) {
        return None;
    }
    let why = match (context.files.kind(&path), open.is_empty()) {
        (None, _) if !plain.is_empty() => Why::NoPath,
        (Some(PathKind::Directory), true) => Why::IsDirectory,
        (Some(PathKind::Directory), false) if search.finds_nothing(&path, open) => Why::NoFile,
        _ => return None,
    };
    Some(Missing { plain, name: parts.last().copied().unwrap_or_default(), path, why })
}

/// Whether what a task depends on may make what is missing.
fn may_be_of_deps(task: &Task, missing: &Missing<'_>) -> bool {
    !task.definition.deps.is_empty() && missing.why != Why::IsDirectory
}

fn may_be_made(context: &Context<'_>, missing: &Missing<'_>, generated: &[&Text]) -> bool {
    let words: Vec<&str> = if missing.why == Why::NoFile {
        // The longest part that every name has, mostly the ending.
        let literal =
            missing.name.split(['*', '?', '[', ']']).max_by_key(|part| part.len()).unwrap_or_default();
        vec![literal]
    } else {
        vec![missing.plain.rsplit('/').next().unwrap_or(&missing.plain)]
    };
    // Made once for all the texts.
    let finders: Vec<Finder<'_>> = words.iter().map(Finder::new).collect();
    let is_about = |text: &Text| finders.iter().any(|word| word.find(text.value.as_bytes()).is_some());
    let is_written_about = |task: &Task| {
        task.definition
            .cmds
            .iter()
            .any(|command| matches!(&command.action, CommandAction::Script(script) if is_about(script)))
    };
    // A glob of what is generated may stand for the names of another glob.
    let is_generated =
        |text: &&Text| is_about(text) || missing.why == Why::NoFile && has_open_name(&text.value);
    let example = match missing.why {
        Why::NoFile => missing.path.join(missing.name.replace(['*', '?', '[', ']'], "x")),
        Why::NoPath | Why::IsDirectory => missing.path.clone(),
    };
    generated.iter().any(is_generated)
        || context.program.tasks.iter().any(is_written_about)
        || is_ignored(&example, context.files)
}

/// Whether the last part of a pattern may be any name: `out/*`, `out/**`, `{{.FILE}}`.
fn has_open_name(pattern: &str) -> bool {
    let name = pattern.rsplit('/').next().unwrap_or(pattern);
    name.ends_with('*') || name.ends_with("}}") || !name.contains('.')
}

fn report(context: &Context<'_>, glob: &Glob, missing: &Missing<'_>) -> Diagnostic {
    let pattern = glob.pattern.value.as_str();
    let span = place::span_in(&glob.pattern, &(0..pattern.len()), context.sources());
    let all = format!("{}/**/*", pattern.trim_end_matches('/'));
    let relative = "patterns are relative to the task's `dir`".to_owned();
    let (message, help) = match missing.why {
        Why::NoPath => (format!("`{pattern}` matches no file: there is no `{}`", missing.plain), relative),
        Why::NoFile => (format!("`{pattern}` matches no file"), relative),
        Why::IsDirectory => (
            format!("`{pattern}` is a directory, which matches no file"),
            format!("`{all}` matches all files in it"),
        ),
    };
    let diagnostic = Diagnostic::warning(rule::SOURCES_MATCH_NOTHING, message, span)
        .with_label("matches nothing")
        .with_help(help);
    match missing.why {
        Why::IsDirectory => diagnostic.with_fix(format!("write `{all}`"), span, all),
        Why::NoPath | Why::NoFile => diagnostic,
    }
}

/// Looks for files, as long as there are not too many directories.
struct Search<'a> {
    files: &'a dyn FileSystem,
    left: Cell<usize>,
}

impl Search<'_> {
    /// Whether no file below `base` fits the parts of a pattern. What cannot be told may fit: hidden names count, and
    /// links are followed.
    fn finds_nothing(&self, base: &Utf8Path, parts: &[&str]) -> bool {
        self.find(base, parts) == Some(false)
    }

    fn find(&self, base: &Utf8Path, parts: &[&str]) -> Option<bool> {
        let names: Vec<Pattern> = parts
            .iter()
            .map(|part| Pattern::compile(part, PatternRules::ShellText).ok())
            .collect::<Option<_>>()?;
        if parts.iter().any(|part| matches!(*part, "" | "." | "..")) {
            return None;
        }
        let mut open = VecDeque::from([(base.to_owned(), 0)]);
        while let Some((directory, at)) = open.pop_front() {
            self.left.set(self.left.get().checked_sub(1)?);
            let is_last = at + 1 == parts.len();
            let is_deep = parts.get(at) == Some(&"**");
            if is_deep && !is_last {
                open.push_back((directory.clone(), at + 1));
            }
            for entry in self.files.list(&directory)? {
                match entry.kind {
                    PathKind::Directory if is_deep => {
                        open.push_back((directory.join(entry.name.as_str()), at));
                    }
                    _ if is_deep && !is_last => {}
                    _ if !names.get(at)?.matches(&entry.name) => {}
                    PathKind::File if is_last => return Some(true),
                    PathKind::Directory if !is_last => {
                        open.push_back((directory.join(entry.name.as_str()), at + 1));
                    }
                    PathKind::File | PathKind::Directory => {}
                }
            }
        }
        Some(false)
    }
}
