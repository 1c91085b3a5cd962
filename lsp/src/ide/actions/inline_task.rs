//! The commands of a task written where it is called.
//!
//! Nothing is offered where they would do something else there: where the task has more than commands, or runs them in another
//! way, and where its caller knows variables that they read.

use std::ops::Range;

use ez_compiler::ast::{Command, CommandAction, Task, Text};
use ez_compiler::ir::Resolution;
use ez_compiler::symbols::{Role, SymbolKind};
use ez_compiler::yaml::node::{Node, NodeKind, ScalarStyle};

use super::extract_task::{OWN_VARIABLES, can_move, has_same_params, is_extended, loop_variable};
use super::lines::{blanks, distance, shifted};
use super::written_task::{Body, CommandList, Item, WrittenTask};
use super::{Action, ActionKind};
use crate::analysis::FileRange;

/// What begins the name of a task of another namespace.
const NAMESPACE_MARK: char = ':';

/// The task that nobody has to name.
const DEFAULT_TASK: &str = "default";

/// The commands of the task that is called at some bytes, instead of the call.
pub fn at(task: &WrittenTask<'_>, range: &Range<usize>) -> Option<Action> {
    let list = task.commands()?;
    let touched = list.touched(&task.lines, range);
    let [item] = list.items.get(touched)? else { return None };
    let inlining = Inlining::new(task, &list, *item)?;
    let title = format!("inline the task `{}`", inlining.callee.name());
    Some(Action::new(title, ActionKind::Inline, vec![inlining.edit("")?]))
}

/// The commands of a task, whose name some bytes touch, at the only place that calls it; the task itself goes.
pub fn into_caller(task: &WrittenTask<'_>, range: &Range<usize>) -> Option<Action> {
    let key = task.key();
    let is_touched = key.start <= range.end && range.start <= key.end;
    if !is_touched || task.is_in_flow() || task.name() == DEFAULT_TASK || !does_nothing_else(task.definition)
    {
        return None;
    }
    let call = only_call(task)?;
    let caller = WrittenTask::at(task.snapshot, task.file, call.start)?;
    let list = caller.commands()?;
    let [item] = list.items.get(list.touched(&caller.lines, &(call.start..call.start)))? else { return None };
    let inlining = Inlining::new(&caller, &list, *item)?;
    let is_it = inlining.callee.definition.name.span == task.definition.name.span;
    if !is_it || inlining.leaves_comments() != Some(false) {
        return None;
    }
    let title = format!("inline the task into `{}`, its only caller", caller.name());
    let (removed, comments) = removal(task);
    let edits = vec![inlining.edit(&comments)?, (task.place(removed), String::new())];
    Some(Action::new(title, ActionKind::Inline, edits))
}

/// The only place that names a task besides its definition, if it is in the same file.
fn only_call(task: &WrittenTask<'_>) -> Option<Range<usize>> {
    let symbols = task.snapshot.symbols();
    let path = &task.snapshot.analysis.file(task.file).path;
    let file = symbols.file(path)?;
    let definition = symbols.at(file, task.key().start).into_iter().find(|place| {
        let symbol = symbols.symbol(place.symbol);
        place.role == Role::Definition
            && symbol.is_some_and(|symbol| symbol.kind == SymbolKind::Task && symbol.obstacle.is_none())
    })?;
    let places = symbols.occurrences_with_aliases(definition.symbol);
    let mut others = places.into_iter().filter(|place| place.role != Role::Definition);
    let (only, more) = (others.next()?, others.next());
    (more.is_none() && only.file == file).then(|| only.range())
}

/// The lines of a task, and the comments above it.
pub fn removal(task: &WrittenTask<'_>) -> (Range<usize>, String) {
    let (lines, whole) = (task.lines, task.whole());
    let key = lines.start(whole.start);
    let first = lines.with_comments_above(key, task.column());
    let comments = lines.slice(first..key).to_owned();
    let mut end = task.end_of_lines();
    let mut start = first;
    let above = |start: usize| start.checked_sub(1).map(|end| lines.start(end));
    let is_below_gap = above(start).is_some_and(|above| lines.is_blank(above));
    if (is_below_gap || task.is_first()) && lines.is_blank(end) {
        end = lines.next(end);
    } else if is_below_gap && end == lines.text.len() {
        start = above(start).unwrap_or(start);
    }
    (start..end, comments)
}

/// A call, and what comes in its place.
struct Inlining<'t, 'a> {
    caller: &'t WrittenTask<'a>,
    list: &'t CommandList<'a>,
    item: Item<'a>,
    callee: WrittenTask<'a>,
}

impl<'t, 'a> Inlining<'t, 'a> {
    /// `None` where the item is no call, or one whose task cannot be written in its place.
    fn new(caller: &'t WrittenTask<'a>, list: &'t CommandList<'a>, item: Item<'a>) -> Option<Self> {
        let mut commands = caller.commands_in(item.start..item.end);
        let (command, None) = (commands.next()?, commands.next()) else { return None };
        let name = called(command)?;
        let (snapshot, linked) = (caller.snapshot, caller.linked()?);
        let program = &snapshot.analysis.compilation.program;
        let Resolution::Task(id, stars) = program.resolve(&linked.callee(&name.value)) else { return None };
        let place = snapshot.analysis.locate(program.task(id).name_span());
        if place.file != caller.file || !stars.is_empty() || program.task(id).is_wildcard() {
            return None;
        }
        let callee = WrittenTask::at(snapshot, place.file, place.range.start)?;
        let inlining = Self { caller, list, item, callee };
        inlining.keeps_meaning().then_some(inlining)
    }

    fn keeps_meaning(&self) -> bool {
        let (caller, callee) = (self.caller.definition, self.callee.definition);
        let program = &self.caller.snapshot.analysis.compilation.program;
        let is_always = |run: &Option<Text>| run.as_ref().is_none_or(|run| run.value == "always");
        caller.name.span != callee.name.span
            && is_always(&program.run)
            && is_always(&callee.run)
            && does_nothing_else(callee)
            && run_alike(caller, callee)
            && self.caller.can_move(self.item.node)
            && self.callee.is_self_contained()
            && !is_extended(self.caller)
            && !self.caller.is_silenced()
            && has_same_params(self.caller, self.callee.lines.slice(self.callee.whole()))
            && !self.caller.lines.slice(self.caller.whole()).contains("EXIT_CODE")
            && self.reads_the_same() == Some(true)
    }

    /// Whether the commands read no variable that is another one in the caller; `None` where that is not known.
    fn reads_the_same(&self) -> Option<bool> {
        let facts = self.callee.facts()?;
        let known = self.caller.known_variables(self.caller.linked()?);
        let reads = facts.reads.iter().filter(|read| !read.local).map(|read| read.name.as_str());
        let others = facts.names.reads.iter().filter(|read| !read.local).map(|read| read.name.as_str());
        let looped = self.callee.definition.cmds.iter().filter_map(loop_variable);
        let mut read = reads.chain(others).chain(looped);
        Some(!facts.everything && !read.any(|name| OWN_VARIABLES.contains(&name) || known.contains_key(name)))
    }

    /// The commands instead of the call, below some comments.
    fn edit(&self, comments: &str) -> Option<(FileRange, String)> {
        let (lines, place) = (self.caller.lines, self.item.start..self.item.end);
        if self.list.is_flow {
            return comments.is_empty().then(|| Some((self.caller.place(place), self.in_brackets()?)))?;
        }
        let column = lines.column(place.start);
        let end = lines.end(place.end);
        let (newline, indent) = (lines.newline, blanks(column));
        let behind = lines.slice(place.end..end).trim();
        if !behind.is_empty() && !behind.starts_with('#') || lines.slice(place.clone()).contains('#') {
            return None;
        }
        let own = comments.lines().map(str::trim).chain(Some(behind).filter(|behind| !behind.is_empty()));
        let mut text: String = own.flat_map(|comment| [&indent, comment, newline]).collect();
        text.push_str(&indent);
        text.push_str(&self.as_lines(column)?);
        Some((self.caller.place(lines.start(place.start)..end), text))
    }

    /// The commands as items whose dashes stand in a column, without the blanks before the first.
    fn as_lines(&self, column: usize) -> Option<String> {
        let (callee, lines) = (&self.callee, self.callee.lines);
        if let Some((node, from)) = self.script() {
            let written = lines.slice(self.moved_script(node));
            return Some(format!("- {}", shifted(written, distance(from, column))));
        }
        let list = callee.commands()?;
        let (first, last) = (list.items.first()?, list.items.last()?);
        if !list.is_flow {
            let from = lines.column(first.start);
            let start = lines.with_comments_above(lines.start(first.start), from) + from;
            return Some(shifted(lines.slice(start..lines.end(last.end)), distance(from, column)));
        }
        if lines.slice(first.start..last.end).contains(['\n', '#']) {
            return None;
        }
        let items: Vec<String> =
            list.items.iter().map(|item| format!("- {}", lines.slice(item.start..item.end))).collect();
        Some(items.join(&format!("{}{}", lines.newline, blanks(column))))
    }

    /// A command that is not written in a list, with the comment behind it.
    fn moved_script(&self, node: &Node) -> Range<usize> {
        let (range, lines) = (self.callee.range(node), self.callee.lines);
        let end = lines.end(range.end);
        let has_comment = lines.slice(range.end..end).trim_start().starts_with('#');
        range.start..if has_comment { end } else { range.end }
    }

    /// Whether a comment of the task is not written with its commands.
    fn leaves_comments(&self) -> Option<bool> {
        let (callee, lines) = (&self.callee, self.callee.lines);
        let moved = if let Some((node, _)) = self.script() {
            self.moved_script(node)
        } else {
            let list = callee.commands()?;
            let (first, last) = (list.items.first()?, list.items.last()?);
            let start = lines.with_comments_above(lines.start(first.start), lines.column(first.start));
            if list.is_flow { first.start..last.end } else { start..lines.end(last.end) }
        };
        let (before, behind) = (callee.key().end..moved.start, moved.end..callee.end_of_lines());
        Some(lines.slice(before).contains('#') || lines.slice(behind).contains('#'))
    }

    /// The commands as items of a list in brackets, where they can stand there as they are.
    fn in_brackets(&self) -> Option<String> {
        let (callee, lines) = (&self.callee, self.callee.lines);
        let nodes: Vec<&Node> = match self.script() {
            Some((node, _)) => vec![node],
            None => callee.commands()?.items.iter().map(|item| item.node).collect(),
        };
        let is_in_flow = self.script().is_none() && callee.commands()?.is_flow || callee.is_in_flow();
        let items = nodes.into_iter().map(|node| {
            let written = lines.slice(callee.range(node));
            let stands = match &node.kind {
                _ if written.contains(['\n', '#']) => false,
                _ if is_in_flow || written.starts_with('{') => true,
                NodeKind::Scalar(scalar) if scalar.style == ScalarStyle::Plain => {
                    !written.contains([',', '[', ']', '{', '}'])
                }
                NodeKind::Scalar(_) => true,
                _ => false,
            };
            stands.then_some(written)
        });
        Some(items.collect::<Option<Vec<_>>>()?.join(", "))
    }

    /// The only command, where it is not written in a list, and the column that its lines count from.
    fn script(&self) -> Option<(&'a Node, usize)> {
        let callee = &self.callee;
        match callee.body()? {
            Body::Script(node) => Some((node, callee.column())),
            Body::List(_) => None,
            Body::Fields(_) => {
                let field = callee.field("cmd")?;
                let is_script = matches!(field.value.kind, NodeKind::Scalar(_));
                is_script.then(|| (&*field.value, callee.lines.column(callee.range(&field.key).start)))
            }
        }
    }
}

/// The task that a command calls, if it does and says nothing else.
fn called(command: &Command) -> Option<&Text> {
    let CommandAction::Call { task, vars } = &command.action else { return None };
    let says_more = command.deferred
        || command.silent
        || command.ignore_error
        || command.repeat.is_some()
        || command.condition.is_some()
        || command.timeout.is_some()
        || !command.platforms.is_empty()
        || !command.set.is_empty()
        || !command.shopt.is_empty()
        || !vars.is_empty();
    let is_known = !task.value.contains("{{") && !task.value.starts_with(NAMESPACE_MARK);
    (!says_more && is_known).then_some(task)
}

/// Whether a task only runs its commands, always and as they come.
fn does_nothing_else(task: &Task) -> bool {
    task.deps.is_empty()
        && task.sources.is_empty()
        && task.generates.is_empty()
        && task.status.is_empty()
        && task.preconditions.is_empty()
        && task.requires.is_empty()
        && task.prompt.is_empty()
        && task.platforms.is_empty()
        && task.vars.is_empty()
        && task.condition.is_none()
        && task.label.is_none()
        && task.prefix.is_none()
        && task.superset.is_none()
        && !task.watch
        && !task.cmds.is_empty()
        && task.cmds.iter().all(can_move)
}

/// Whether the commands of two tasks run in the same directory, with the same environment and options.
fn run_alike(caller: &Task, callee: &Task) -> bool {
    let values = |texts: &[Text]| texts.iter().map(|text| text.value.clone()).collect::<Vec<_>>();
    let dir = |task: &Task| task.dir.as_ref().map(|dir| dir.value.clone());
    let prefix = |task: &Task| task.prefix.as_ref().map(|prefix| prefix.value.clone());
    let is_open = |task: &Task| task.env.is_empty() && task.dotenv.is_empty();
    is_open(caller)
        && is_open(callee)
        && dir(caller) == dir(callee)
        && !dir(caller).is_some_and(|dir| dir.contains("{{"))
        && values(&caller.set) == values(&callee.set)
        && values(&caller.shopt) == values(&callee.shopt)
        && caller.silent == callee.silent
        && prefix(caller) == prefix(callee)
        && caller.interactive == callee.interactive
        && caller.ignore_error == callee.ignore_error
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;

    #[test]
    fn a_task_is_written_where_it_is_called() {
        check(
            "actions-inline-task",
            "inline the task",
            &[
                (
                    "at a call",
                    "version: '3'\ntasks:\n  all:\n    cmds:\n      - echo 0\n      - task: b$0uild # why\n      - echo 3\n  build:\n    desc: x\n    cmds:\n    # one\n    - echo 1 # first\n\n    - cmd: |\n        echo 2\n\n          echo 3\n      silent: true\n",
                ),
                (
                    "a command",
                    "version: '3'\ntasks:\n  all:\n    cmds:\n      - task: b$0uild\n  build: echo a, b # why\n",
                ),
                ("a script", "version: '3'\ntasks:\n  all:\n  - task: b$0uild\n  build: |\n    a\n      b\n"),
                (
                    "a field",
                    "version: '3'\ntasks:\n  all:\n    cmds:\n      - task: b$0uild\n  build:\n    desc: x\n    cmd: |\n      a\n      b\n",
                ),
                (
                    "a list in brackets",
                    "version: '3'\ntasks:\n  all:\n    cmds:\n      - task: b$0uild\n  build: [a, 'b', {cmd: c, silent: true}]\n",
                ),
                (
                    "from brackets to brackets",
                    "version: '3'\ntasks:\n  all: [x, {task: b$0uild}]\n  build: [a, 'b', {cmd: c, silent: true}]\n",
                ),
                (
                    "a command into brackets",
                    "version: '3'\ntasks:\n  all: {cmds: [x, {task: b$0uild}, y]}\n  build: echo a\n",
                ),
                (
                    "lines into brackets",
                    "version: '3'\ntasks:\n  all: {cmds: [x, {task: b$0uild}, y]}\n  build:\n    cmds:\n      - echo a\n      - 'echo b, c'\n",
                ),
                (
                    "by an alias",
                    "version: '3'\ntasks:\n  all: {cmds: [{task: $0b}]}\n  build: {aliases: [b], cmds: [a]}\n",
                ),
                (
                    "with calls in it",
                    "version: '3'\ntasks:\n  all:\n    cmds:\n      - task: b$0uild\n  build:\n    cmds:\n      - task: c\n        vars: {A: b}\n  c: echo {{.A}}\n",
                ),
                (
                    "with ends of lines as in Windows",
                    "version: '3'\r\ntasks:\r\n  all:\r\n    cmds:\r\n      - task: b$0uild\r\n  build:\r\n  - a\r\n  - b\r\n",
                ),
                (
                    "with what both run with",
                    "version: '3'\ntasks:\n  all:\n    dir: sub\n    silent: true\n    cmds:\n      - task: b$0uild\n  build: {dir: sub, silent: true, cmds: [a]}\n",
                ),
            ],
        );
    }

    #[test]
    fn a_task_goes_to_its_only_caller() {
        check(
            "actions-inline-into-caller",
            "inline the task into",
            &[
                (
                    "at its name",
                    "version: '3'\n\ntasks:\n  all:\n    cmds:\n      - task: build\n\n  # Builds\n  # it\n  bu$0ild:\n    - a\n    - b\n\n  c: d\n",
                ),
                (
                    "at the end",
                    "version: '3'\ntasks:\n  all:\n    cmds:\n      - task: build\n\n  bu$0ild:\n    cmd: a # why\n",
                ),
                (
                    "not where a comment would go",
                    "version: '3'\ntasks:\n  all:\n    cmds:\n      - task: build\n\n  bu$0ild:\n    - a\n    # end\n",
                ),
                (
                    "before its caller",
                    "version: '3'\ntasks:\n  bu$0ild: a\n  all:\n    cmds:\n      - task: build\n",
                ),
                (
                    "not of two",
                    "version: '3'\ntasks:\n  all: {cmds: [{task: build}]}\n  bu$0ild: a\n  c: {deps: [build]}\n",
                ),
                (
                    "not where it is a dependency",
                    "version: '3'\ntasks:\n  all: {deps: [build]}\n  bu$0ild: a\n",
                ),
                ("not where nobody calls it", "version: '3'\ntasks:\n  all: b\n  bu$0ild: a\n"),
                (
                    "not where a plan has it",
                    "version: '3'\ntasks:\n  all: {cmds: [{task: build}]}\n  bu$0ild: a\n#- plans/p.yml\nsteps:\n  - task: build\n",
                ),
                (
                    "not where it calls itself",
                    "version: '3'\ntasks:\n  bu$0ild:\n    cmds:\n      - task: build\n",
                ),
            ],
        );
    }

    #[test]
    fn what_would_mean_something_else_is_not_inlined() {
        let callee = |fields: &str| {
            format!(
                "version: '3'\ntasks:\n  all:\n    cmds:\n      - task: b$0uild\n  build: {{{fields}, cmds: [a]}}\n"
            )
        };
        let fields = [
            "deps: [c]",
            "sources: [x]",
            "status: [x]",
            "preconditions: [x]",
            "requires: {vars: [A]}",
            "vars: {A: b}",
            "env: {A: b}",
            "dotenv: [.env]",
            "dir: sub",
            "silent: true",
            "prefix: p",
            "interactive: true",
            "ignore_error: true",
            "run: once",
            "platforms: [linux]",
            "prompt: sure?",
            "if: 'true'",
            "set: [pipefail]",
            "ez-timeout: 1s",
        ];
        let texts: Vec<(&str, String)> = fields.into_iter().map(|fields| (fields, callee(fields))).collect();
        let mut cases: Vec<(&str, &str)> =
            texts.iter().map(|(title, text)| (*title, text.as_str())).collect();
        cases.extend([
            ("variables of the call", "version: '3'\ntasks:\n  all: {cmds: [{task: b$0uild, vars: {A: b}}]}\n  build: [a]\n"),
            ("a loop", "version: '3'\ntasks:\n  all: {cmds: [{task: b$0uild, for: [1]}]}\n  build: [a]\n"),
            ("a variable that the caller knows", "version: '3'\nvars: {A: a}\ntasks:\n  all: {vars: {A: b}, cmds: [{task: b$0uild}]}\n  build: ['echo {{.A}}']\n"),
            ("a variable that the caller is given", "version: '3'\nvars: {A: a}\ntasks:\n  more: {cmds: [{task: all, vars: {A: c}}]}\n  all: {cmds: [{task: b$0uild}]}\n  build: ['echo {{.A}}']\n"),
            ("the environment of the caller", "version: '3'\ntasks:\n  all: {env: {A: b}, cmds: [{task: b$0uild}]}\n  build: [a]\n"),
            ("into what a call keeps silent", "version: '3'\ntasks:\n  more: {deps: [{task: all, silent: true}]}\n  all: {cmds: [{task: b$0uild}]}\n  build: [a]\n"),
            ("its own name", "version: '3'\ntasks:\n  all: {cmds: [{task: b$0uild}]}\n  build: ['echo {{.TASK}}']\n"),
            ("a deferred command", "version: '3'\ntasks:\n  all: {cmds: [{task: b$0uild}]}\n  build: [{defer: a}, b]\n"),
            ("a wildcard", "version: '3'\ntasks:\n  all: {cmds: [{task: b$0uild}]}\n  b*: [a]\n"),
            ("a task of another file", "version: '3'\nincludes: {docs: docs}\ntasks:\n  all: {cmds: [{task: do$0cs:a}]}\n#- docs/Taskfile.yml\nversion: '3'\ntasks: {a: b}\n"),
            ("itself", "version: '3'\ntasks:\n  all: {cmds: [{task: a$0ll}]}\n"),
            ("an empty task", "version: '3'\ntasks:\n  all: {cmds: [{task: b$0uild}]}\n  build: {cmds: []}\n"),
            ("lines into brackets", "version: '3'\ntasks:\n  all: {cmds: [{task: b$0uild}]}\n  build: |\n    a\n    b\n"),
        ]);
        check("actions-inline-refused", "inline", &cases);
    }
}
