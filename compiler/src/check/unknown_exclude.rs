//! EZ214: an `excludes` entry that names no task of the included file.

use rustc_hash::FxHashSet;

use super::context::{Context, Searches};
use super::place;
use crate::diagnostic::Diagnostic;
use crate::project::{Loaded, MAX_INCLUDE_DEPTH};
use crate::rule;

/// Compares the excludes of every include with the names in it.
pub fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    let loaded = &context.project.loaded;
    let mut searches = Searches::default();
    for edge in loaded.edges.iter().filter(|edge| !edge.include.excludes.is_empty()) {
        let names = names_in(loaded, edge.to, 0);
        for exclude in &edge.include.excludes {
            let value = exclude.value.as_str();
            let matches = match value.strip_suffix(":*") {
                Some(namespace) => {
                    names.iter().any(|n| n.strip_prefix(namespace).is_some_and(|rest| rest.starts_with(':')))
                }
                None => names.contains(value),
            };
            if matches || value.contains("{{") {
                continue;
            }
            let span = place::span_in(exclude, &(0..value.len()), context.sources());
            let message = format!("the include `{}` has no task `{value}`", edge.include.namespace.value);
            let diagnostic =
                Diagnostic::warning(rule::UNKNOWN_EXCLUDE, message, span).with_label("excludes nothing");
            found.push(match searches.nearest(value, names.iter().map(String::as_str)) {
                Some(near) => diagnostic.with_help(format!("did you mean `{near}`?")).with_fix(
                    format!("change to `{near}`"),
                    span,
                    near,
                ),
                None => diagnostic.with_help("remove it"),
            });
        }
    }
}

/// The names of a file's tasks, those of its own includes with their namespaces.
fn names_in(loaded: &Loaded, file: usize, depth: usize) -> FxHashSet<String> {
    let mut names = FxHashSet::default();
    let Some(taskfile) = loaded.files.get(file).and_then(|file| file.taskfile.as_ref()) else { return names };
    names.extend(taskfile.tasks.iter().map(|task| task.name.value.to_string()));
    if depth < MAX_INCLUDE_DEPTH {
        for edge in loaded.edges.iter().filter(|edge| edge.from == file) {
            let inner = names_in(loaded, edge.to, depth + 1);
            let namespace = &edge.include.namespace.value;
            names.extend(
                inner
                    .into_iter()
                    .map(|name| if edge.include.flatten { name } else { format!("{namespace}:{name}") }),
            );
        }
    }
    names
}
