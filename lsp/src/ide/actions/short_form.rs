//! One command written short, as `cmd` or as the task itself, and as a list.

use std::ops::Range;

use ez_compiler::ast::CommandAction;
use ez_compiler::yaml::node::{Entry, Node, NodeKind, Scalar, ScalarStyle};

use super::lines::{blanks, distance, shifted};
use super::written_task::{Body, CommandList, WrittenTask};
use super::{Action, ActionKind};
use crate::analysis::FileRange;

/// The other form of a task's only command, where some bytes touch the task's name or the command.
pub fn at(task: &WrittenTask<'_>, range: &Range<usize>) -> Option<Action> {
    let [command] = task.definition.cmds.as_slice() else { return None };
    let CommandAction::Script(script) = &command.action else { return None };
    let is_touched = |place: Range<usize>| place.start <= range.end && range.start <= place.end;
    let commands = task.field("cmds").or_else(|| task.field("cmd"));
    let place = match task.body()? {
        Body::Fields(_) => task.range_of(commands?),
        _ => task.whole(),
    };
    if script.value.trim().is_empty() || !is_touched(place) && !is_touched(task.key()) {
        return None;
    }
    let (title, edit) = match (task.body()?, task.field("cmd")) {
        (Body::Script(node), _) => ("write the command as a list", task_to_list(task, node)?),
        (Body::Fields(_), Some(field)) => ("write the command as a list", field_to_list(task, field)?),
        _ => ("write the command in the short form", to_short(task, &task.commands()?)?),
    };
    Some(Action::new(title, ActionKind::Rewrite, vec![edit]))
}

/// `name: cmd` with a list.
fn task_to_list(task: &WrittenTask<'_>, node: &Node) -> Option<(FileRange, String)> {
    let (lines, key, value) = (task.lines, task.key(), task.range(node));
    if !task.can_move(node) {
        return None;
    }
    if task.is_in_flow() {
        return Some((task.place(value.clone()), format!("{{cmds: [{}]}}", lines.slice(value))));
    }
    if lines.slice(key.end..value.start).trim() != ":" {
        return None;
    }
    let (newline, step) = (lines.newline, task.indent());
    let (field, item) = (blanks(task.column() + step), blanks(task.column() + 2 * step));
    let script = shifted(lines.slice(value.clone()), 2 * step as isize);
    let text = format!(":{newline}{field}cmds:{newline}{item}- {script}");
    Some((task.place(key.end..value.end), text))
}

/// `cmd: …` as `cmds` with a list.
fn field_to_list(task: &WrittenTask<'_>, field: &Entry) -> Option<(FileRange, String)> {
    let lines = task.lines;
    let (key, value) = (task.range(&field.key), task.range(&field.value));
    if !task.can_move(&field.value) || lines.slice(key.end..value.start).trim() != ":" {
        return None;
    }
    let written = lines.slice(value.clone());
    let text = if is_in_braces(task) {
        format!("cmds: [{written}]")
    } else {
        let item = blanks(lines.column(key.start) + task.indent());
        let script = shifted(written, task.indent() as isize);
        format!("cmds:{}{item}- {script}", lines.newline)
    };
    Some((task.place(key.start..value.end), text))
}

/// A list of one command as `cmd: …`, or as the task itself where it has nothing else.
fn to_short(task: &WrittenTask<'_>, list: &CommandList<'_>) -> Option<(FileRange, String)> {
    let [item] = list.items.as_slice() else { return None };
    let NodeKind::Scalar(scalar) = &item.node.kind else { return None };
    let lines = task.lines;
    let is_alone = list.field.is_none() || task.fields().len() == 1;
    let range = if is_alone { task.key().end..task.whole().end } else { task.range_of(list.field?) };
    let is_kept = task.can_move(item.node) && task.value().marks.is_none();
    let behind = lines.slice(item.end..range.end);
    if !is_kept || range.end < item.end || behind.contains(['#', '\n']) {
        return None;
    }
    let value = task.range(item.node);
    let comments = comments(lines.slice(range.start..value.start))?;
    let (lead, column) = match list.field.filter(|_| !is_alone) {
        Some(field) => ("cmd: ", lines.column(task.range(&field.key).start)),
        None => (": ", task.column()),
    };
    let by = match first_line_of(scalar, lines.slice(value.clone())) {
        Some(first) => distance(first, column + task.indent()),
        None => 0,
    };
    let script = shifted(lines.slice(value), by);
    if comments.is_empty() {
        return Some((task.place(range), format!("{lead}{script}")));
    }
    // What was told between the name and the command is told above.
    let start = if is_alone { task.key().start } else { range.start };
    if !lines.begins(start) {
        return None;
    }
    let above: String = comments
        .iter()
        .flat_map(|comment| [comment, lines.newline, &blanks(column)].map(str::to_owned))
        .collect();
    let name = lines.slice(start..range.start);
    Some((task.place(start..range.end), format!("{above}{name}{lead}{script}")))
}

/// The column of the first line of a script with lines of its own.
fn first_line_of(scalar: &Scalar, written: &str) -> Option<usize> {
    if !matches!(scalar.style, ScalarStyle::Literal | ScalarStyle::Folded) {
        return None;
    }
    let first = written.lines().skip(1).find(|line| !line.trim().is_empty())?;
    Some(first.len() - first.trim_start_matches(' ').len())
}

/// The comments between a name and a command; `None` where something else stands there.
fn comments(between: &str) -> Option<Vec<&str>> {
    let mut comments = Vec::new();
    for line in between.lines() {
        let (code, comment) = line.find('#').map_or((line, ""), |at| line.split_at(at));
        if !code.replace("cmds", "").trim_matches(&[' ', ':', '-', '[', '{'][..]).is_empty() {
            return None;
        }
        if !comment.is_empty() {
            comments.push(comment.trim_end());
        }
    }
    Some(comments)
}

fn is_in_braces(task: &WrittenTask<'_>) -> bool {
    let first = task.lines.slice(task.range(task.value()));
    first.starts_with('{')
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;

    #[test]
    fn a_list_becomes_short() {
        check(
            "actions-to-short-form",
            "write the command in the short form",
            &[
                (
                    "beside other fields",
                    "version: '3'\ntasks:\n  build:\n    desc: x\n    cm$0ds: [echo a] # why\n",
                ),
                (
                    "of a list of lines",
                    "version: '3'\ntasks:\n  build:\n    desc: x\n    cmds:\n      - echo $0a # why\n    dir: x\n",
                ),
                (
                    "with comments",
                    "version: '3'\ntasks:\n  build:\n    desc: x\n    cmds: # now\n      # this\n      - echo $0a # why\n",
                ),
                (
                    "as the task itself",
                    "version: '3'\ntasks:\n  bu$0ild:\n    cmds:\n      - echo a # why\n  c: d\n",
                ),
                (
                    "as the task itself, with comments",
                    "version: '3'\ntasks:\n  bu$0ild: # now\n    cmds:\n      # this\n      - echo a # why\n  c: d\n",
                ),
                ("as the task itself, from braces", "version: '3'\ntasks:\n  bu$0ild: {cmds: ['echo a']}\n"),
                (
                    "in braces beside other fields",
                    "version: '3'\ntasks:\n  bu$0ild: {cmds: ['echo a'], desc: x}\n",
                ),
                ("of a task that is a list", "version: '3'\ntasks:\n  bu$0ild:\n    - echo a\n  c:\n  - d\n"),
                ("of a task that is a list in brackets", "version: '3'\ntasks:\n  bu$0ild: [echo a]\n"),
                (
                    "a script",
                    "version: '3'\ntasks:\n  build:\n    desc: x\n    cmds:\n      - |\n        a$0\n          b\n\n        c\n    dir: x\n",
                ),
                (
                    "a script as the task itself",
                    "version: '3'\ntasks:\n  build:\n    cmds:\n    - >-\n        a$0\n        b\n",
                ),
                (
                    "a quoted text of two lines",
                    "version: '3'\ntasks:\n  build:\n    cmds:\n      - \"echo $0a\n        b\"\n",
                ),
                (
                    "ends of lines as in Windows",
                    "version: '3'\r\ntasks:\r\n  build:\r\n    dir: x\r\n    cmds:\r\n      - |\r\n        a$0\r\n        b\r\n",
                ),
                ("not of two commands", "version: '3'\ntasks:\n  build:\n    cmds: [a$0, b]\n"),
                ("not of a call", "version: '3'\ntasks:\n  build:\n    cmds: [{task: $0b}]\n  b: c\n"),
                (
                    "not of a command with an anchor",
                    "version: '3'\ntasks:\n  build:\n    cmds: [&a $0b]\n  c: [*a]\n",
                ),
                (
                    "not where a comment would be lost",
                    "version: '3'\ntasks:\n  build:\n    cmds: [\n      a$0 # why\n    ]\n",
                ),
                ("not where nothing is said", "version: '3'\ntasks:\n  build:\n    cmds: ['$0']\n"),
            ],
        );
    }

    #[test]
    fn a_short_form_becomes_a_list() {
        check(
            "actions-to-list",
            "write the command as a list",
            &[
                ("of a task", "version: '3'\ntasks:\n  build: echo $0a, b # why\n  c: d\n"),
                ("of a task on its own line", "version: '3'\ntasks:\n  build:\n    echo $0a\n    b\n"),
                (
                    "of a script",
                    "version: '3'\ntasks:\n    build: |\n        a$0\n          b\n\n        c\n    d: e\n",
                ),
                ("of a field", "version: '3'\ntasks:\n  build:\n    cmd: echo $0a # why\n    dir: x\n"),
                (
                    "of a field with a script",
                    "version: '3'\ntasks:\n  build:\n    cmd: |-\n      a$0\n      b\n    dir: x\n",
                ),
                ("of a field in braces", "version: '3'\ntasks:\n  build: {cmd: echo $0a, dir: x}\n"),
                ("of a task in braces", "version: '3'\ntasks: {build: echo $0a, c: d}\n"),
                ("of a quoted text", "version: '3'\ntasks:\n  build: 'echo: $0a'\n"),
                ("with ends of lines as in Windows", "version: '3'\r\ntasks:\r\n  build: echo $0a\r\n"),
                ("not of an empty task", "version: '3'\ntasks:\n  build:$0\n  c: ~\n"),
                ("not of a call", "version: '3'\ntasks:\n  build:\n    cmd: {task: $0c}\n  c: d\n"),
            ],
        );
    }
}
