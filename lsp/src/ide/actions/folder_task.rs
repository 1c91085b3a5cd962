//! A task moved into a folder of its own, `tasks/<name>/`, with a file of metadata.
//!
//! A folder task is a program of its own: it knows no variables, environment or options of the root Taskfile, and no task
//! there can call it. Where a task needs any of these, nothing is offered. Its commands run in a workspace afterwards.

use std::ops::Range;

use ez_compiler::ast::{CommandAction, Task};
use ez_compiler::file_system::FileSystem;
use ez_compiler::folder::{DEFAULT_TASK, DIRECTORY, METADATA_NAMES, is_name};
use ez_compiler::symbols::Role;
use ez_compiler::yaml::emit::{Tree, write};
use ez_compiler::yaml::node::CollectionStyle;

use super::description::in_words;
use super::extract_task::{OWN_VARIABLES, can_move};
use super::inline_task::removal;
use super::lines::{blanks, distance, shifted};
use super::written_task::{Body, WrittenTask};
use super::{Action, ActionKind, Change};

/// Columns of the key of a task in the new Taskfile.
const INDENT: usize = 2;

/// Variables that say where a task is.
const PLACES: [&str; 6] =
    ["ROOT_DIR", "ROOT_TASKFILE", "TASKFILE", "TASKFILE_DIR", "TASK_DIR", "USER_WORKING_DIR"];

/// The name of the new Taskfile.
const TASKFILE: &str = "Taskfile.yml";

/// The task, whose name some bytes touch, as a folder task.
pub fn at(task: &WrittenTask<'_>, range: &Range<usize>) -> Option<Action> {
    let key = task.key();
    let is_touched = key.start <= range.end && range.start <= key.end;
    if !is_touched || !can_be_alone(task) || !has_room(task) || is_used(task)? {
        return None;
    }
    let analysis = &task.snapshot.analysis;
    let folder = analysis.file(task.file).path.parent()?.join(DIRECTORY).join(task.name());
    let metadata = METADATA_NAMES.first()?;
    let (removed, comments) = removal(task);
    let files = vec![
        (folder.join(TASKFILE), taskfile(task, &comments)?),
        (folder.join(metadata), format!("desc: {}{}", description(task), task.lines.newline)),
    ];
    let title = format!("move the task into a folder task `{DIRECTORY}/{}`", task.name());
    let edits = vec![(task.place(removed), String::new())];
    let change = Change { files, edits };
    Some(Action { title, kind: ActionKind::Extract, change, mends: None, is_preferred: false })
}

/// Whether a task needs nothing that only the root Taskfile has.
fn can_be_alone(task: &WrittenTask<'_>) -> bool {
    let analysis = &task.snapshot.analysis;
    let compilation = &analysis.compilation;
    let (program, file) = (&compilation.program, task.taskfile);
    let Some(facts) = task.facts() else { return false };
    let reads = facts.reads.iter().filter(|read| !read.local).map(|read| read.name.as_str());
    let others = facts.names.reads.iter().filter(|read| !read.local).map(|read| read.name.as_str());
    let is_elsewhere = |name: &str| {
        OWN_VARIABLES.contains(&name)
            || PLACES.contains(&name)
            || program.vars.contains_key(name)
            || program.env.contains_key(name)
    };
    let is_root = analysis.key.folder.is_none() && analysis.file(task.file).path == program.taskfile;
    let is_bare = program.env.is_empty()
        && file.dotenv.is_empty()
        && file.set.is_empty()
        && file.shopt.is_empty()
        && file.run.is_none()
        && file.method.is_none();
    is_root
        && is_bare
        && !task.is_in_flow()
        && task.has_siblings()
        && task.is_self_contained()
        && is_only_commands(task.definition)
        && !facts.everything
        && !reads.chain(others).any(is_elsewhere)
        && facts.names.runs.is_empty()
}

/// Whether a task has commands that call no task, and nothing that is meant from the root's directory.
fn is_only_commands(task: &Task) -> bool {
    task.deps.is_empty()
        && task.sources.is_empty()
        && task.generates.is_empty()
        && task.status.is_empty()
        && task.preconditions.is_empty()
        && task.dotenv.is_empty()
        && task.aliases.is_empty()
        && task.dir.is_none()
        && task.superset.is_none()
        && !task.internal
        && !task.cmds.is_empty()
        && task
            .cmds
            .iter()
            .all(|command| can_move(command) && !matches!(command.action, CommandAction::Call { .. }))
}

/// Whether the name is one for a folder, and no such folder is there.
fn has_room(task: &WrittenTask<'_>) -> bool {
    let analysis = &task.snapshot.analysis;
    let folder = analysis.file(task.file).path.with_file_name(DIRECTORY).join(task.name());
    is_name(task.name())
        && task.name() != DEFAULT_TASK
        && task.snapshot.files.list(&folder).is_none_or(|entries| entries.is_empty())
}

/// Whether anything names the task; `None` where that is not known.
fn is_used(task: &WrittenTask<'_>) -> Option<bool> {
    let symbols = task.snapshot.symbols();
    let file = symbols.file(&task.snapshot.analysis.file(task.file).path)?;
    let here = symbols.at(file, task.key().start);
    let definition = here.into_iter().find(|place| place.role == Role::Definition)?;
    let places = symbols.occurrences_with_aliases(definition.symbol);
    Some(places.iter().any(|place| place.role != Role::Definition))
}

/// The description as YAML: the task's own, else its name in words.
fn description(task: &WrittenTask<'_>) -> String {
    let desc = task.definition.desc.as_ref().map(|desc| desc.value.to_string());
    let desc = desc.unwrap_or_else(|| in_words(task.name()));
    // A text in JSON is one in YAML, on one line.
    let is_short = !desc.contains('\n');
    if is_short {
        write(&Tree::Text(desc)).trim_end().to_owned()
    } else {
        serde_json::Value::from(desc).to_string()
    }
}

/// The folder's Taskfile: the task as its `default`, with the comments that stood above it.
fn taskfile(task: &WrittenTask<'_>, comments: &str) -> Option<String> {
    let lines = task.lines;
    let newline = lines.newline;
    let by = distance(task.column(), INDENT);
    let (key, end) = (task.key().end, lines.end(task.whole().end).max(task.end_of_lines()));
    let desc = match task.body()? {
        Body::Fields(mapping) if mapping.style == CollectionStyle::Block => task.field("desc"),
        _ => None,
    };
    let body = match desc.map(|desc| task.range_of(desc)) {
        Some(desc) if lines.begins(desc.start) => {
            let (before, behind) = (key..lines.start(desc.start), lines.next(desc.end).min(end)..end);
            format!("{}{}", lines.slice(before), lines.slice(behind))
        }
        _ => lines.slice(key..end).to_owned(),
    };
    let version = &task.taskfile.version.as_ref()?.value;
    let silent = if task.taskfile.silent { format!("{newline}silent: true{newline}") } else { String::new() };
    let comments: String = comments
        .lines()
        .flat_map(|line| [blanks(INDENT), line.trim().to_owned(), newline.to_owned()])
        .collect();
    let body = shifted(body.trim_end(), by);
    let head = format!("version: '{version}'{newline}{silent}{newline}tasks:{newline}");
    Some(format!("{head}{comments}{}{DEFAULT_TASK}{body}{newline}", blanks(INDENT)))
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;

    #[test]
    fn a_task_becomes_a_folder_task() {
        check(
            "actions-folder-task",
            "move the task into a folder task",
            &[
                (
                    "with a description",
                    "version: '3'\n\ntasks:\n    # Builds\n    bu$0ild:\n        desc: 'Builds: all'\n        vars: {A: b}\n        cmds:\n            - echo {{.A}} # why\n            - |\n                echo b\n\n                  echo c\n            # end\n\n    test: echo\n",
                ),
                ("a command", "version: '3'\nsilent: true\ntasks:\n  test: echo\n  bu$0ild-all: echo a"),
                (
                    "with ends of lines as in Windows",
                    "version: '3'\r\ntasks:\r\n  bu$0ild:\r\n  - a\r\n  - b\r\n  c: d\r\n",
                ),
                (
                    "a description of two lines",
                    "version: '3'\ntasks:\n  bu$0ild:\n    desc: |\n      a\n      b\n    cmds: [a]\n  c: d\n",
                ),
                ("not where it is called", "version: '3'\ntasks:\n  bu$0ild: a\n  c: {deps: [build]}\n"),
                (
                    "not where it reads a variable of the file",
                    "version: '3'\nvars: {A: b}\ntasks:\n  bu$0ild: echo {{.A}}\n  c: d\n",
                ),
                ("not where it calls", "version: '3'\ntasks:\n  bu$0ild: {cmds: [{task: c}]}\n  c: d\n"),
                ("not with a directory", "version: '3'\ntasks:\n  bu$0ild: {dir: x, cmds: [a]}\n  c: d\n"),
                (
                    "not with an environment around it",
                    "version: '3'\nenv: {A: b}\ntasks:\n  bu$0ild: a\n  c: d\n",
                ),
                (
                    "not where the folder is there",
                    "version: '3'\ntasks:\n  bu$0ild: a\n  c: d\n#- tasks/build/x.yml\na: b\n",
                ),
                (
                    "not in an included file",
                    "version: '3'\nincludes: {docs: docs}\n#- docs/Taskfile.yml\nversion: '3'\ntasks:\n  bu$0ild: a\n  c: d\n",
                ),
                ("not as a name that no folder can have", "version: '3'\ntasks:\n  a:bu$0ild: a\n  c: d\n"),
            ],
        );
    }
}
