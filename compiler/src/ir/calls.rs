//! Which tasks a task calls, as far as that is known before anything runs.

use smol_str::SmolStr;

use crate::ast::{CommandAction, Text};
use crate::ir::{Program, Resolution, Task, TaskId};

/// How a task calls another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CallKind {
    /// In `deps`.
    Dependency,
    /// In `cmds`.
    Command,
    /// In `cmds`, with `defer`.
    Deferred,
}

/// A call as written.
#[derive(Clone, Debug)]
pub struct Call<'p> {
    /// How it is called.
    pub kind: CallKind,
    /// The name as written.
    pub text: &'p Text,
    /// The full name; templates in it are not rendered.
    pub name: SmolStr,
    /// Variables of the call.
    pub vars: &'p [crate::ast::Variable],
    /// Whether a `for` or an `if` stands before it.
    pub conditional: bool,
}

impl Call<'_> {
    /// Whether the name is known before anything runs.
    pub fn is_static(&self) -> bool {
        !self.name.contains("{{")
    }
}

impl Task {
    /// All calls of this task, in written order.
    pub fn calls(&self) -> impl Iterator<Item = Call<'_>> {
        let definition = &self.definition;
        let dependencies = definition.deps.iter().map(|dependency| Call {
            kind: CallKind::Dependency,
            text: &dependency.task,
            name: self.callee(&dependency.task.value),
            vars: &dependency.vars,
            conditional: dependency.repeat.is_some(),
        });
        let commands = definition.cmds.iter().filter_map(|command| {
            let CommandAction::Call { task, vars } = &command.action else { return None };
            Some(Call {
                kind: if command.deferred { CallKind::Deferred } else { CallKind::Command },
                text: task,
                name: self.callee(&task.value),
                vars,
                conditional: command.repeat.is_some() || command.condition.is_some(),
            })
        });
        dependencies.chain(commands)
    }
}

impl Program {
    /// The tasks that `id` calls by names that are known before anything runs.
    pub fn callees(&self, id: TaskId) -> impl Iterator<Item = (Call<'_>, TaskId)> {
        self.task(id).calls().filter(Call::is_static).filter_map(|call| match self.resolve(&call.name) {
            Resolution::Task(callee, _) => Some((call, callee)),
            Resolution::Ambiguous(_) | Resolution::Unknown => None,
        })
    }
}
