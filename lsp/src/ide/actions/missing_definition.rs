//! Writing the task, the step or the param that something names and that is not there.

use std::ops::Range;

use ez_compiler::ir::Resolution;
use ez_compiler::plan::edit::{NewStep, with_step};
use ez_compiler::rule;
use ez_compiler::source::FileId;
use ez_compiler::yaml::node::{CollectionStyle, NodeKind};

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

/// A task behind the one that calls it; for a step of a plan behind the last of the root Taskfile.
fn missing_task(snapshot: &Snapshot, place: &FileRange, name: &str) -> Option<(FileRange, String)> {
    let analysis = &snapshot.analysis;
    let program = &analysis.compilation.program;
    let (near, full) = if let Some(near) = WrittenTask::at(snapshot, place.file, place.range.start) {
        (near, near.linked()?.callee(name))
    } else {
        (WrittenTask::last(snapshot, analysis.file_of(&program.taskfile)?)?, name.into())
    };
    let is_of_include = near.taskfile.includes.iter().any(|include| {
        let rest = name.strip_prefix(include.namespace.value.as_str());
        rest.is_some_and(|rest| rest.starts_with(':'))
    });
    if !is_plain_name(name) || is_of_include || program.resolve(&full) != Resolution::Unknown {
        return None;
    }
    let (newline, key) = (near.lines.newline, blanks(near.column()));
    let field = blanks(near.column() + near.indent());
    let block = format!("{key}{name}:{newline}{field}cmds: []{newline}");
    Some(near.with_task_behind(&block, &format!("{name}: {{cmds: []}}")))
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
                    "not of another namespace",
                    "version: '3'\nincludes: {docs: docs}\ntasks:\n  all: {deps: ['docs:bu$0ild']}\n#- docs/Taskfile.yml\nversion: '3'\ntasks: {a: b}\n",
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
