//! Writing the task, the step or the param that something names and that is not there.

use std::ops::Range;
use std::sync::Arc;

use ez_compiler::ast::{Include, Task};
use ez_compiler::folder::split_name;
use ez_compiler::ir::Resolution;
use ez_compiler::plan::edit::{NewStep, with_step};
use ez_compiler::project::remote::is_remote;
use ez_compiler::project::{Edge, Loaded, ProjectFile};
use ez_compiler::rule;
use ez_compiler::source::FileId;
use ez_compiler::yaml::merge::key_text;
use ez_compiler::yaml::node::{CollectionStyle, Entry, NodeKind};

use super::lines::{Lines, blanks};
use super::written_task::WrittenTask;
use super::{Action, ActionKind, Change};
use crate::analysis::{FileRange, Snapshot};
use crate::ide::diagnostics::{self, Finding};
use crate::ide::fix_all::difference;

/// The field of a task's params.
const PARAMS: &str = "ez-params";

/// What begins the name of a param's variable.
const PARAM_PREFIX: &str = "EZ_";

/// What can be written for the findings that some bytes touch.
pub fn at(snapshot: &Snapshot, file: FileId, range: &Range<usize>) -> Vec<Action> {
    let findings = diagnostics::touched(&snapshot.analysis, file, range);
    findings.filter_map(|finding| definition(snapshot, finding)).collect()
}

fn definition(snapshot: &Snapshot, finding: Finding) -> Option<Action> {
    let place = finding.place.clone();
    let name = snapshot.analysis.text(place.file).get(place.range.clone())?.to_owned();
    let (title, edit) = if finding.code == rule::UNKNOWN_TASK.id {
        (format!("write a task `{name}`"), missing_task(snapshot, &place, &name)?)
    } else if finding.code == rule::UNKNOWN_STEP.id {
        (format!("write a step `{name}`"), missing_step(snapshot, &place, &name)?)
    } else if finding.code == rule::UNKNOWN_PARAM_VARIABLE.id {
        let param = name.strip_prefix(PARAM_PREFIX)?.to_lowercase().replace('_', "-");
        (format!("declare a param `{param}`"), missing_param(snapshot, &place, &param)?)
    } else {
        return None;
    };
    Some(Action {
        title,
        kind: ActionKind::QuickFix,
        change: Change { files: Vec::new(), edits: vec![edit] },
        is_preferred: finding.fixes.is_empty(),
        mends: Some(finding),
    })
}

/// A task behind the one that calls it; for one of an included file, and for a step of a plan, behind the last of the
/// Taskfile that it belongs to.
fn missing_task(snapshot: &Snapshot, place: &FileRange, name: &str) -> Option<(FileRange, String)> {
    let compilation = &snapshot.analysis.compilation;
    let near = WrittenTask::at(snapshot, place.file, place.range.start);
    let (caller, full) = match &near {
        Some(near) => (near.file, near.linked()?.callee(name)),
        None => (compilation.loaded.files.first()?.file, name.into()),
    };
    if compilation.program.resolve(&full) != Resolution::Unknown || is_of_folder(snapshot, &full) {
        return None;
    }
    let (caller, name) = if name.starts_with(':') {
        (compilation.loaded.files.first()?.file, full.as_str())
    } else {
        (caller, name)
    };
    let (home, name) = home_of(&compilation.loaded, caller, name)?;
    if !is_plain_name(name) {
        return None;
    }
    let near = near.filter(|near| near.file == home.file).or_else(|| WrittenTask::last(snapshot, home.file));
    let Some(near) = near else { return first_task(snapshot, home, name) };
    let is_there = |task: &Arc<Task>| task.name.value == name;
    if near.taskfile.tasks.iter().any(is_there) {
        return None;
    }
    let (newline, key) = (near.lines.newline, blanks(near.column()));
    let field = blanks(near.column() + near.indent());
    let block = format!("{key}{name}:{newline}{field}cmds: []{newline}");
    Some(near.with_task_behind(&block, &format!("{name}: {{cmds: []}}")))
}

/// The first task of a Taskfile in block style that has no `tasks`.
fn first_task(snapshot: &Snapshot, home: &ProjectFile, name: &str) -> Option<(FileRange, String)> {
    let lines = Lines::new(snapshot.analysis.text(home.file));
    let NodeKind::Mapping(root) = &home.document.root.as_ref()?.kind else { return None };
    let is_tasks = |entry: &Entry| key_text(&entry.key).is_some_and(|key| key == "tasks");
    // Behind the end of a document nothing is read.
    let is_one_document = !lines.text.lines().any(|line| line.starts_with("---") || line.starts_with("..."));
    let is_block = root.style == CollectionStyle::Block && home.document.errors.is_empty();
    if !is_block || !is_one_document || root.entries.iter().any(is_tasks) {
        return None;
    }
    let (newline, end) = (lines.newline, lines.text.len());
    let lead = if lines.text.ends_with('\n') { "" } else { newline };
    let text = format!("{lead}{newline}tasks:{newline}  {name}:{newline}    cmds: []{newline}");
    Some((FileRange { file: home.file, range: end..end }, text))
}

/// Whether a step of a plan means a task of a folder task, whose Taskfile is one of another project.
fn is_of_folder(snapshot: &Snapshot, name: &str) -> bool {
    let folder = split_name(name).0;
    snapshot.analysis.compilation.folders.iter().any(|known| known.name == folder)
}

/// The Taskfile that a task of that name belongs to for one who calls it from a file, and its name there; `None` where
/// that file cannot be changed.
fn home_of<'l, 'n>(loaded: &'l Loaded, caller: FileId, name: &'n str) -> Option<(&'l ProjectFile, &'n str)> {
    let mut rest = name;
    let mut home = loaded.files.iter().position(|known| known.file == caller)?;
    let mut pin = None;
    // Each round leaves a shorter name.
    while let Some((include, inner)) = include_of(loaded.files.get(home)?, rest) {
        let is_it = |edge: &&Edge| edge.from == home && edge.include.namespace.span == include.namespace.span;
        (home, rest) = (loaded.edges.iter().find(is_it)?.to, inner);
        pin = include.checksum.as_ref();
    }
    let home = loaded.files.get(home)?;
    (pin.is_none() && !is_remote(home.path.as_str())).then_some((home, rest))
}

/// The include of a file to whose namespace a name belongs, and the name in it.
fn include_of<'l, 'n>(file: &'l ProjectFile, name: &'n str) -> Option<(&'l Include, &'n str)> {
    let includes = file.taskfile.iter().flat_map(|taskfile| &taskfile.includes);
    let named = includes.filter(|include| !include.flatten).flat_map(|include| {
        let aliases = include.aliases.iter().map(|alias| &alias.value);
        aliases.chain([&include.namespace.value]).map(move |namespace| (include, namespace))
    });
    let inner = named.filter_map(|(include, namespace)| {
        let inner = name.strip_prefix(namespace.as_str())?.strip_prefix(':')?;
        Some((include, inner))
    });
    // Namespaces may have colons, too.
    inner.min_by_key(|(_, inner)| inner.len())
}

/// A step as the last one of the plan.
fn missing_step(snapshot: &Snapshot, place: &FileRange, name: &str) -> Option<(FileRange, String)> {
    if !is_plain_name(name) {
        return None;
    }
    let text = snapshot.analysis.text(place.file);
    let step = NewStep { task: name.to_owned(), ..NewStep::default() };
    let changed = with_step(text, &step)?;
    let (range, new_text) = difference(text, &changed)?;
    let newline = Lines::new(text).newline;
    let new_text = new_text.replace("\r\n", "\n").replace('\n', newline);
    Some((FileRange { file: place.file, range }, new_text))
}

/// A param of the task that reads its variable.
fn missing_param(snapshot: &Snapshot, place: &FileRange, param: &str) -> Option<(FileRange, String)> {
    let task = WrittenTask::at(snapshot, place.file, place.range.start)?;
    if !is_plain_name(param) {
        return None;
    }
    let Some(field) = task.field(PARAMS) else {
        let item = format!("{}- name: {param}", blanks(task.indent()));
        let block = [format!("{PARAMS}:"), item];
        return task.with_field(&["desc"], &block, &format!("{PARAMS}: [{{name: {param}}}]"));
    };
    let NodeKind::Sequence(list) = &field.value.kind else { return None };
    let (lines, last) = (task.lines, list.items.last());
    if list.style == CollectionStyle::Block {
        let last = task.range(last?);
        let item = lines.slice(0..last.start).trim_end_matches(' ').strip_suffix('-')?.len();
        let at = lines.end(last.end);
        let text = format!("{}{}- name: {param}", lines.newline, blanks(lines.column(item)));
        return Some((task.place(at..at), text));
    }
    let (at, comma) = match last {
        Some(last) => (task.range(last).end, ", "),
        None => (task.range(&field.value).start + 1, ""),
    };
    Some((task.place(at..at), format!("{comma}{{name: {param}}}")))
}

/// Whether a name can be written without quotes everywhere.
fn is_plain_name(name: &str) -> bool {
    name.starts_with(char::is_alphabetic)
        && !name.ends_with(':')
        && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ':'))
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;

    #[test]
    fn what_is_missing_is_written() {
        check(
            "actions-missing-definition",
            "write a task|write a step|declare",
            &[
                ("a dependency", "version: '3'\ntasks:\n  all:\n    deps: [bu$0ild]\n\n  other: echo\n"),
                ("a call", "version: '3'\ntasks:\n    all:\n    - task: bu$0ild # why\n"),
                ("a call in braces", "version: '3'\ntasks: {all: {cmds: [{task: bu$0ild}]}}\n"),
                (
                    "a call in an included file",
                    "version: '3'\nincludes: {docs: docs}\n#- docs/Taskfile.yml\nversion: '3'\ntasks:\n  all: {deps: [bu$0ild]}\n",
                ),
                (
                    "a task of an included file",
                    "version: '3'\nincludes: {docs: docs}\ntasks:\n  all: {deps: ['docs:bu$0ild']}\n#- docs/Taskfile.yml\nversion: '3'\ntasks: {a: b}\n",
                ),
                (
                    "a task of a file that an included one includes, by an alias",
                    "version: '3'\nincludes: {docs: {taskfile: docs, aliases: [d]}}\ntasks:\n  all: {deps: ['d:deep:bu$0ild']}\n#- docs/Taskfile.yml\nversion: '3'\nincludes: {deep: deep.yml}\ntasks: {a: b}\n#- docs/deep.yml\nversion: '3'\ntasks:\r\n    a: b\r\n",
                ),
                (
                    "a task of the root",
                    "version: '3'\nincludes: {docs: docs}\ntasks:\n  all: ls\n#- docs/Taskfile.yml\nversion: '3'\ntasks:\n  a: {deps: [':bu$0ild']}\n",
                ),
                (
                    "the task of a step in an included file",
                    "version: '3'\nincludes: {docs: docs}\ntasks: {}\n#- docs/Taskfile.yml\nversion: '3'\ntasks: {a: b}\n#- plans/p.yml\nsteps: ['docs:bu$0ild']\n",
                ),
                (
                    "the first task of an included file",
                    "version: '3'\nincludes: {docs: docs}\ntasks:\n  all: {deps: ['docs:bu$0ild']}\n#- docs/Taskfile.yml\nversion: '3'\nvars: {A: b}\n",
                ),
                (
                    "not where the include pins the content",
                    "version: '3'\nincludes: {docs: {taskfile: docs, checksum: 00}}\ntasks:\n  all: {deps: ['docs:bu$0ild']}\n#- docs/Taskfile.yml\nversion: '3'\ntasks: {a: b}\n",
                ),
                (
                    "not of a file that is not there",
                    "version: '3'\nincludes: {docs: {taskfile: docs, optional: true}}\ntasks:\n  all: {deps: ['docs:bu$0ild']}\n",
                ),
                (
                    "not what the include leaves out",
                    "version: '3'\nincludes: {docs: {taskfile: docs, excludes: [build]}}\ntasks:\n  all: {deps: ['docs:bu$0ild']}\n#- docs/Taskfile.yml\nversion: '3'\ntasks: {build: b}\n",
                ),
                (
                    "not of a folder task",
                    "version: '3'\ntasks: {a: b}\n#- plans/p.yml\nsteps: ['fw:bu$0ild']\n#- tasks/fw/Taskfile.yml\nversion: '3'\ntasks: {default: ls}\n",
                ),
                ("not of a template", "version: '3'\nvars: {A: b}\ntasks:\n  all: {deps: ['x{{.A}}y$0z']}\n"),
                (
                    "the task of a step",
                    "version: '3'\ntasks:\n  all: echo\n#- plans/p.yml\nsteps:\n  - task: bu$0ild\n  - task: all\n",
                ),
                (
                    "a step",
                    "version: '3'\ntasks:\n  all: echo\n  build: echo\n#- plans/p.yml\nsteps:\n  - task: all\n    needs: [bu$0ild]\n# end\n",
                ),
                (
                    "a step with ends of lines as in Windows",
                    "version: '3'\ntasks:\n  all: echo\n  build: echo\n#- plans/p.yml\nsteps:\r\n  - task: all\r\n    needs: [bu$0ild]\r\n",
                ),
                (
                    "a param",
                    "version: '3'\ntasks:\n  all:\n    desc: x\n    cmds: ['echo {{.EZ_BUI$0LD_TYPE}}']\n",
                ),
                ("a param of a command", "version: '3'\ntasks:\n  all: echo {{.EZ_BUI$0LD}}\n"),
                (
                    "a param more",
                    "version: '3'\ntasks:\n  all:\n    ez-params:\n    - name: a # a\n    cmds: ['echo {{.EZ_A}} {{.EZ_BUI$0LD}}']\n",
                ),
                (
                    "a param more in brackets",
                    "version: '3'\ntasks:\n  all:\n    ez-params: [{name: a}]\n    cmds: ['echo {{.EZ_A}} {{.EZ_BUI$0LD}}']\n",
                ),
                ("a param in braces", "version: '3'\ntasks:\n  all: {cmds: ['echo {{.EZ_BUI$0LD}}']}\n"),
            ],
        );
    }
}
