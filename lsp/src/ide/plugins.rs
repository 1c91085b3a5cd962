//! Tasks around plugins: what they have is what a plugin's script sees.

use camino::Utf8Path;
use ez_compiler::ast::{HookAction, Query, Superset, Text};
use ez_compiler::ir::Task;

use crate::analysis::Analysis;

/// How many tasks are looked at for what a plugin sees: a few tell what all have.
const MAX_TASKS: usize = 16;

/// Tasks that name the plugin of a file, also by what they inherit; none where another file of the name is used.
pub fn tasks_that_name<'a>(analysis: &'a Analysis, path: &Utf8Path, name: &str) -> Vec<&'a Task> {
    let compilation = &analysis.compilation;
    let is_used = compilation.plugins.find(name).is_none_or(|found| found.path == *path);
    let sources = &compilation.sources;
    let is_in_file = |text: &Text| sources.file(sources.locate(text.span).file).path == *path;
    let is_named = |superset: &Superset| {
        let by_hook = |action: &HookAction| match action {
            HookAction::Plugin(named) => named.value == name,
            HookAction::Script(script) => is_in_file(script),
        };
        let by_query = |query: &Query| match query {
            Query::Plugin(named) => named.value == name,
            Query::Command(script) => is_in_file(script),
            Query::Url { .. } => false,
        };
        superset.hooks.iter().any(|hook| by_hook(&hook.action))
            || superset.params.iter().filter_map(|param| param.query.as_ref()).any(by_query)
    };
    // The linked task has the plugin's script for its name, and nothing where the file is broken.
    let named = |task: &&Task| {
        let mut supersets = task.superset.as_deref().into_iter().chain(task.definition.superset.as_deref());
        is_used && supersets.any(is_named)
    };
    compilation.program.tasks.iter().filter(named).take(MAX_TASKS).collect()
}

/// The name of the plugin in a file, which is the file's own where it says none.
pub fn name_of<'a>(analysis: &'a Analysis, path: &'a Utf8Path) -> &'a str {
    let mut found = analysis.compilation.plugins.found.iter();
    let own = found.find(|found| found.path == *path).map(|found| found.plugin.name.as_str());
    own.or_else(|| path.file_stem()).unwrap_or_default()
}
