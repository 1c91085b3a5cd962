//! The calls between tasks, as far as they are known before anything runs.

use smol_str::SmolStr;

use crate::ast::{CommandAction, Loop, LoopSource, Text, Variable};
use crate::ir::{CallKind, Program, Resolution, Task, TaskId};
use crate::template::has_template;
use crate::template::value::Value;

/// The calls of all tasks of a program.
pub struct Calls<'p> {
    all: Vec<TaskCall<'p>>,
    /// By the id of a task, where its calls end.
    ends: Vec<usize>,
}

impl<'p> Calls<'p> {
    /// Looks every call up.
    pub fn new(program: &'p Program) -> Self {
        let mut all = Vec::with_capacity(program.tasks.len());
        let mut ends = Vec::with_capacity(program.tasks.len());
        for task in &program.tasks {
            add(task, program, &mut all);
            ends.push(all.len());
        }
        Self { all, ends }
    }

    /// Those of all tasks, in the tasks' order.
    pub fn all(&self) -> &[TaskCall<'p>] {
        &self.all
    }

    /// Those of one task, in written order.
    pub fn of(&self, task: TaskId) -> &[TaskCall<'p>] {
        let index = task.0 as usize;
        let end = |index: usize| self.ends.get(index).copied().unwrap_or_default();
        let start = index.checked_sub(1).map_or(0, end);
        self.all.get(start..end(index)).unwrap_or_default()
    }
}

/// A call with what it may call.
#[derive(Debug)]
pub struct TaskCall<'p> {
    /// How it is called.
    pub kind: CallKind,
    /// The name as written.
    pub text: &'p Text,
    /// Variables of the call.
    pub vars: &'p [Variable],
    /// Whether a `for`, an `if` or `platforms` stands before it.
    pub conditional: bool,
    /// The tasks that it calls; several where a `for` over a literal list makes several names.
    pub targets: Vec<Target>,
    /// The full name with its templates, where these are not known before anything runs.
    pub open: Option<SmolStr>,
}

/// What a name stands for.
#[derive(Debug)]
pub struct Target {
    /// The full name.
    pub name: SmolStr,
    /// What it is.
    pub resolution: Resolution,
}

impl TaskCall<'_> {
    /// The tasks that are called for sure.
    pub fn callees(&self) -> impl Iterator<Item = TaskId> {
        self.targets.iter().filter_map(|target| match &target.resolution {
            Resolution::Task(id, _) => Some(*id),
            _ => None,
        })
    }
}

/// All calls of a task, in written order.
pub fn of<'p>(task: &'p Task, program: &Program) -> Vec<TaskCall<'p>> {
    let mut calls = Vec::new();
    add(task, program, &mut calls);
    calls
}

fn add<'p>(task: &'p Task, program: &Program, calls: &mut Vec<TaskCall<'p>>) {
    let definition = &task.definition;
    for dependency in &definition.deps {
        calls.push(call(
            task,
            program,
            CallKind::Dependency,
            &dependency.task,
            &dependency.vars,
            dependency.repeat.as_deref(),
            dependency.repeat.is_some(),
        ));
    }
    for command in &definition.cmds {
        let CommandAction::Call { task: name, vars } = &command.action else { continue };
        let kind = if command.deferred { CallKind::Deferred } else { CallKind::Command };
        let conditional =
            command.repeat.is_some() || command.condition.is_some() || !command.platforms.is_empty();
        calls.push(call(task, program, kind, name, vars, command.repeat.as_deref(), conditional));
    }
}

fn call<'p>(
    task: &'p Task,
    program: &Program,
    kind: CallKind,
    text: &'p Text,
    vars: &'p [Variable],
    repeat: Option<&Loop>,
    conditional: bool,
) -> TaskCall<'p> {
    let target = |name: &str| {
        let name = task.callee(name);
        Target { resolution: program.resolve(&name), name }
    };
    let (targets, open) = if !has_template(&text.value) {
        (vec![target(&text.value)], None)
    } else if let Some(expanded) = expand(&text.value, repeat) {
        (expanded.iter().map(|name| target(name)).collect(), None)
    } else {
        (Vec::new(), Some(task.callee(&text.value)))
    };
    TaskCall { kind, text, vars, conditional, targets, open }
}

/// The names that a `for` over a list of texts makes of a template in which only the item stands.
pub fn expand(name: &str, repeat: Option<&Loop>) -> Option<Vec<String>> {
    let repeat = repeat?;
    let LoopSource::List(items) = &repeat.source else { return None };
    let variable = repeat.variable.as_ref().map_or("ITEM", |text| text.value.as_str());
    let expanded = items.iter().map(|item| match item {
        Value::String(item) => {
            let name = [format!("{{{{.{variable}}}}}"), format!("{{{{ .{variable} }}}}")]
                .iter()
                .fold(name.to_owned(), |name, action| name.replace(action.as_str(), item));
            (!has_template(&name)).then_some(name)
        }
        _ => None,
    });
    expanded.collect()
}
