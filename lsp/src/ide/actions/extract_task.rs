//! Commands made a task of their own, which the task that had them calls.
//!
//! The new task runs in the same directory, with the same environment and options, and is given the variables that its
//! commands read and that only the old one knows. Where it still could not do the same, nothing is offered.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use ez_compiler::ast::{Command, CommandAction, LoopSource, VariableValue};
use ez_compiler::ir::Resolution;
use ez_compiler::yaml::node::{CollectionStyle, Entry, NodeKind};

use super::lines::blanks;
use super::written_task::{CommandList, WrittenTask};
use super::{Action, ActionKind};

/// Fields that say how commands run, and so hold for the new task too.
const SHARED_FIELDS: [&str; 10] =
    ["dir", "env", "dotenv", "set", "shopt", "silent", "prefix", "interactive", "internal", "ignore_error"];

/// Variables that are others in another task.
pub const OWN_VARIABLES: [&str; 6] = ["TASK", "ALIAS", "MATCH", "CHECKSUM", "TIMESTAMP", "EXIT_CODE"];

/// What the names of variables of EZ and of params begin with, in scripts too.
pub const EZ_PREFIX: &str = "EZ_";

/// How many names are tried for the new task.
const MAX_NAMES: usize = 50;

/// The commands that some bytes touch as a new task.
pub fn at(task: &WrittenTask<'_>, range: &Range<usize>) -> Option<Action> {
    let list = task.commands()?;
    let touched = list.touched(&task.lines, range);
    let (first, last) = (list.items.get(touched.start)?, list.items.get(touched.clone())?.last()?);
    let extraction = Extraction { task, list: &list, place: first.start..last.end };
    if !extraction.keeps_meaning(&touched) {
        return None;
    }
    let name = extraction.name()?;
    let passed = extraction.passed()?;
    let what = if touched.len() == 1 { "command" } else { "commands" };
    let call = extraction.call(&name, &passed);
    let (block, flow) = extraction.new_task(&name);
    let edits = vec![(task.place(extraction.replaced()), call), task.with_task_behind(&block, &flow)];
    Some(Action::new(format!("extract the {what} into a task `{name}`"), ActionKind::Extract, edits))
}

struct Extraction<'t, 'a> {
    task: &'t WrittenTask<'a>,
    list: &'t CommandList<'a>,
    /// From the first item's dash to the last item's end.
    place: Range<usize>,
}

impl<'a> Extraction<'_, 'a> {
    fn commands(&self) -> impl Iterator<Item = &'a Command> {
        self.task.commands_in(self.place.clone())
    }

    fn keeps_meaning(&self, touched: &Range<usize>) -> bool {
        let (task, definition) = (self.task, self.task.definition);
        let is_once = |text: &ez_compiler::ast::Text| text.value != "always";
        let program = &task.snapshot.analysis.compilation.program;
        let commands: Vec<&Command> = self.commands().collect();
        let is_call = |command: &&Command| matches!(command.action, CommandAction::Call { .. });
        task.is_self_contained()
            && commands.len() == touched.len()
            && !(commands.len() == 1 && commands.iter().all(is_call))
            && commands.iter().all(|command| can_move(command))
            && !program.run.as_ref().is_some_and(is_once)
            && self.shared().is_some()
            && definition.env.iter().all(|variable| !matches!(variable.value, VariableValue::Shell(_)))
            && !task.lines.slice(task.whole()).contains("EXIT_CODE")
            && !is_extended(task)
            && !task.is_silenced()
            && has_same_params(task, task.lines.slice(self.place.clone()))
    }

    /// The task's fields that hold for the new one too; `None` where one comes from elsewhere.
    fn shared(&self) -> Option<Vec<&'a Entry>> {
        let definition = self.task.definition;
        let is_said = |name: &str| match name {
            "dir" => definition.dir.is_some(),
            "env" => !definition.env.is_empty(),
            "dotenv" => !definition.dotenv.is_empty(),
            "set" => !definition.set.is_empty(),
            "shopt" => !definition.shopt.is_empty(),
            "silent" => definition.silent.is_some(),
            "prefix" => definition.prefix.is_some(),
            "interactive" => definition.interactive,
            "internal" => definition.internal,
            _ => definition.ignore_error,
        };
        let said = SHARED_FIELDS.into_iter().filter(|name| is_said(name));
        let fields: Vec<&Entry> = said.map(|name| self.task.field(name)).collect::<Option<_>>()?;
        let stand_alone = |field: &&Entry| {
            self.task.is_value_in_flow() || self.task.lines.begins(self.task.range_of(field).start)
        };
        fields.iter().all(stand_alone).then_some(fields)
    }

    /// A name that no task has yet.
    fn name(&self) -> Option<String> {
        let task = self.task;
        let linked = task.linked()?;
        let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ':');
        let stem: String = task.name().chars().map(|c| if is_plain(c) { c } else { '-' }).collect();
        let stem = stem.trim_matches(|c: char| !c.is_alphanumeric());
        let stem = if stem.is_empty() { "task" } else { stem };
        let program = &task.snapshot.analysis.compilation.program;
        let names = (1..=MAX_NAMES).map(|number| match number {
            1 => format!("{stem}-part"),
            _ => format!("{stem}-part-{number}"),
        });
        let is_free = |name: &String| {
            program.resolve(&linked.callee(name)) == Resolution::Unknown
                && task.taskfile.tasks.iter().all(|other| other.name.value != *name)
        };
        names.into_iter().find(is_free)
    }

    /// Variables that the call has to pass, each as it is written there; `None` where one cannot be passed.
    fn passed(&self) -> Option<BTreeMap<String, String>> {
        let task = self.task;
        let (facts, analysis) = (task.facts()?, &task.snapshot.analysis);
        let linked = task.linked()?;
        if facts.everything {
            return None;
        }
        let mut places: Vec<Range<usize>> =
            self.shared()?.into_iter().map(|field| task.range_of(field)).collect();
        places.push(self.place.clone());
        let is_moved = |span| {
            let at = analysis.locate(span).range;
            places.iter().any(|place| place.start <= at.start && at.end <= place.end)
        };
        let reads = facts.reads.iter().filter(|read| !read.local).map(|read| (&read.name, read.span));
        let others = facts.names.reads.iter().filter(|read| !read.local).map(|read| (&read.name, read.span));
        let read = reads.chain(others).filter(|(_, span)| is_moved(*span)).map(|(name, _)| name.as_str());
        let looped: BTreeSet<&str> = self.commands().filter_map(loop_variable).collect();
        let needed: BTreeSet<&str> = read.chain(looped.iter().copied()).collect();
        if needed.iter().any(|name| OWN_VARIABLES.contains(name)) {
            return None;
        }
        let known = task.known_variables(linked);
        let mut passed = BTreeMap::new();
        for name in needed {
            let Some(variable) = known.get(name) else { continue };
            // Nothing says of a variable of a call that it is secret.
            if !is_identifier(name) || variable.is_secret {
                return None;
            }
            let is_text = variable.is_text && !looped.contains(name);
            let value = if is_text { format!("'{{{{.{name}}}}}'") } else { format!("{{ref: .{name}}}") };
            passed.insert(name.to_owned(), value);
        }
        Some(passed)
    }

    /// What the call stands for: whole lines, or a part of what is in brackets.
    fn replaced(&self) -> Range<usize> {
        let lines = self.task.lines;
        if self.list.is_flow {
            return self.place.clone();
        }
        self.first_line()..lines.end(self.place.end)
    }

    /// Where the first command begins, with the comments above it.
    fn first_line(&self) -> usize {
        let lines = self.task.lines;
        lines.with_comments_above(lines.start(self.place.start), lines.column(self.place.start))
    }

    fn call(&self, name: &str, passed: &BTreeMap<String, String>) -> String {
        let lines = self.task.lines;
        let vars: Vec<String> = passed.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        let vars = vars.join(", ");
        if self.list.is_flow {
            let vars = if vars.is_empty() { vars } else { format!(", vars: {{{vars}}}") };
            return format!("{{task: {name}{vars}}}");
        }
        let column = lines.column(self.place.start);
        let vars = if vars.is_empty() {
            vars
        } else {
            format!("{}{}vars: {{{vars}}}", lines.newline, blanks(column + 2))
        };
        format!("{}- task: {name}{vars}", blanks(column))
    }

    /// The new task as lines, and as it is written in braces.
    fn new_task(&self, name: &str) -> (String, String) {
        let task = self.task;
        let lines = task.lines;
        let moved = lines.slice(self.replaced());
        let shared = self.shared().unwrap_or_default();
        let shared = shared.into_iter().map(|field| task.range_of(field));
        let key = blanks(task.column());
        let newline = lines.newline;
        if task.is_value_in_flow() {
            let mut fields: Vec<String> = shared.map(|field| lines.slice(field).to_owned()).collect();
            fields.push(format!("cmds: [{moved}]"));
            let is_list = self.list.field.is_none();
            let flow = if is_list {
                format!("{name}: [{moved}]")
            } else {
                format!("{name}: {{{}}}", fields.join(", "))
            };
            return (format!("{key}{flow}{newline}"), flow);
        }
        let mut block = format!("{key}{name}:{newline}");
        for field in shared {
            block.push_str(lines.slice(lines.start(field.start)..lines.end(field.end)));
            block.push_str(newline);
        }
        if let Some(field) = self.list.field {
            let column = blanks(lines.column(task.range(&field.key).start));
            let list = if self.list.is_flow { format!(" [{moved}]") } else { format!("{newline}{moved}") };
            block.extend([&column, "cmds:", &list, newline]);
        } else {
            block.extend([moved, newline]);
        }
        (block, String::new())
    }
}

impl WrittenTask<'_> {
    /// Whether its value stands in brackets or braces.
    fn is_value_in_flow(&self) -> bool {
        let style = match &self.value().kind {
            NodeKind::Mapping(mapping) => mapping.style,
            NodeKind::Sequence(sequence) => sequence.style,
            _ => CollectionStyle::Block,
        };
        style == CollectionStyle::Flow
    }
}

/// Whether a command does the same in another task, at another time of its run.
pub fn can_move(command: &Command) -> bool {
    let is_own = |source: &LoopSource| {
        matches!(source, LoopSource::Sources | LoopSource::Generates | LoopSource::UnknownWord(_))
    };
    !command.deferred
        && command.action != CommandAction::Nothing
        && !command.repeat.as_ref().is_some_and(|repeat| is_own(&repeat.source))
}

pub fn loop_variable(command: &Command) -> Option<&str> {
    match &command.repeat.as_ref()?.source {
        LoopSource::Variable { name, .. } => Some(&name.value),
        _ => None,
    }
}

/// Whether a task is the base of another one, which has its commands with other variables.
pub fn is_extended(task: &WrittenTask<'_>) -> bool {
    let program = &task.snapshot.analysis.compilation.program;
    let bases = program.tasks.iter().filter_map(|other| other.superset.as_ref()?.extends.as_ref());
    let mut names = bases.map(|base| base.value.rsplit(':').next().unwrap_or_default());
    names.any(|name| task.name().ends_with(name))
}

/// Whether what EZ adds to a task makes no difference for a text of it.
pub fn has_same_params(task: &WrittenTask<'_>, text: &str) -> bool {
    let Some(superset) = &task.definition.superset else { return true };
    // What called tasks do, the cache does not see.
    let is_open = superset.extends.is_none() && superset.compose.is_none() && superset.cache.is_none();
    is_open && !text.contains(EZ_PREFIX)
}

fn is_identifier(name: &str) -> bool {
    name.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;

    #[test]
    fn commands_become_a_task() {
        check(
            "actions-extract-task",
            "extract the command",
            &[
                (
                    "one command",
                    "version: '3'\ntasks:\n  build:\n    cmds:\n      - echo $0a\n      - echo b\n",
                ),
                (
                    "several commands with comments",
                    "version: '3'\ntasks:\n  build:\n    desc: x\n    cmds:\n      # the first\n      - echo $0a # a\n      # the second\n      - cmd: |\n          echo b\n\n          echo $0c\n        silent: true\n      - echo d\n    dir: sub\n    # end of it\n\n  # another one\n  test: echo\n",
                ),
                ("of a list", "version: '3'\ntasks:\n  build:\n  - $0echo a\n  - echo b\n$0  - echo c\n"),
                ("of a list in brackets", "version: '3'\ntasks:\n  build: [echo a, $0echo b, echo$0 c]\n"),
                (
                    "of commands in brackets",
                    "version: '3'\ntasks:\n  build:\n    cmds: [echo a, $0echo b, 'echo$0 c', d]\n  test: x\n",
                ),
                (
                    "of fields in braces",
                    "version: '3'\ntasks:\n  build: {desc: x, cmds: [$0echo a, echo b], silent: true, prefix: p}\n",
                ),
                ("of tasks in braces", "version: '3'\ntasks: {build: {cmds: [a, $0b]}, c: d}\n"),
                (
                    "with how they run",
                    "version: '3'\ntasks:\n  build:\n    deps: [dep]\n    dir: sub\n    env: {A: b} # env\n    set: [pipefail]\n    internal: true\n    sources: [x]\n    cmds:\n      - echo $0a\n      - echo b\n  dep: echo\n",
                ),
                (
                    "with variables",
                    "version: '3'\nvars: {G: g}\ntasks:\n  build:\n    vars: {A: a, B: {sh: date}, N: 3, L: [x, y]}\n    cmds:\n      - echo $0{{.A}} {{.B}} {{.G}} {{add .N 1}}\n      - {for: {var: L}, cmd: 'echo {{.ITEM}}'}$0\n      - echo {{.A}}\n",
                ),
                (
                    "with variables of a call",
                    "version: '3'\ntasks:\n  all: {cmds: [{task: build, vars: {P: p, Q: [1]}}]}\n  build:\n    cmds: ['echo {{.P}} {{.$0Q}}', b]\n",
                ),
                (
                    "a taken name",
                    "version: '3'\ntasks:\n  build:\n    cmds:\n      - echo $0a\n      - echo b\n  build-part: x\n  build-part-2: y\n",
                ),
                (
                    "a name with stars",
                    "version: '3'\ntasks:\n  'build:*':\n    cmds:\n      - echo $0a\n      - echo {{.MATCH}}\n",
                ),
                (
                    "at the end of a file without a line's end",
                    "version: '3'\ntasks:\n  a: b\n\n  build:\n    cmds:\n      - echo a\n      - echo $0b",
                ),
                (
                    "with ends of lines as in Windows",
                    "version: '3'\r\ntasks:\r\n  build:\r\n    cmds:\r\n      - echo $0a\r\n      - echo b\r\n  c: d\r\n",
                ),
                (
                    "in an included file",
                    "version: '3'\nincludes: {docs: docs}\n#- docs/Taskfile.yml\nversion: '3'\ntasks:\n  build:\n    cmds:\n      - echo $0a\n      - echo b\n",
                ),
            ],
        );
    }

    #[test]
    fn what_would_mean_something_else_is_not_extracted() {
        check(
            "actions-extract-task-refused",
            "extract the command",
            &[
                ("a call alone", "version: '3'\ntasks:\n  build:\n    cmds:\n      - task: $0b\n  b: c\n"),
                (
                    "a deferred command",
                    "version: '3'\ntasks:\n  build:\n    cmds:\n      - defer: $0b\n      - c\n",
                ),
                (
                    "its own name",
                    "version: '3'\ntasks:\n  build:\n    cmds:\n      - echo $0{{.TASK}}\n      - c\n",
                ),
                (
                    "all variables",
                    "version: '3'\ntasks:\n  build:\n    vars: {A: b}\n    cmds:\n      - echo $0{{.}}\n      - c\n",
                ),
                (
                    "its sources",
                    "version: '3'\ntasks:\n  build:\n    sources: [x]\n    cmds:\n      - {for: sources, cmd: 'ec$0ho'}\n      - c\n",
                ),
                (
                    "params",
                    "version: '3'\ntasks:\n  build:\n    ez-params: [{name: a}]\n    cmds:\n      - echo $0$EZ_A\n      - c\n",
                ),
                (
                    "an environment that a command makes",
                    "version: '3'\ntasks:\n  build:\n    env: {A: {sh: date}}\n    cmds:\n      - echo $0$A\n      - c\n",
                ),
                ("anchors", "version: '3'\ntasks:\n  build:\n    cmds:\n      - &a echo $0\n      - *a\n"),
                (
                    "what was merged",
                    "version: '3'\nx-a: &a {dir: x}\ntasks:\n  build:\n    <<: *a\n    cmds:\n      - echo $0\n      - b\n",
                ),
                (
                    "tasks that run once",
                    "version: '3'\nrun: once\ntasks:\n  build:\n    cmds:\n      - echo $0\n      - b\n",
                ),
                (
                    "a secret",
                    "version: '3'\ntasks:\n  build:\n    vars: {A: {value: b, secret: true}}\n    cmds:\n      - echo $0{{.A}}\n      - b\n",
                ),
                (
                    "what a call keeps silent",
                    "version: '3'\ntasks:\n  all: {cmds: [{task: build, silent: true}]}\n  build:\n    cmds:\n      - echo $0\n      - b\n",
                ),
                (
                    "a base",
                    "version: '3'\ntasks:\n  build:\n    cmds:\n      - echo $0\n      - b\n  c: {ez-extends: build}\n",
                ),
                (
                    "no command",
                    "version: '3'\ntasks:\n  build:\n    de$0sc: x\n    cmds:\n      - echo\n      - b\n",
                ),
                (
                    "a broken file",
                    "version: '3'\ntasks:\n  build:\n    cmds:\n      - echo $0\n      - b\n  c: [\n",
                ),
            ],
        );
    }
}
