//! A call of a task.

use ez_compiler::ast::Text;
use ez_compiler::template::Value;
use smol_str::SmolStr;

/// A call of a task by name.
#[derive(Clone, Debug, Default)]
pub struct Call {
    /// The name: a task's, an alias, or something that a task with stars matches.
    pub task: SmolStr,
    /// Variables of the call.
    pub vars: Vec<CallVariable>,
    /// Whether the called task does not echo its commands.
    pub silent: bool,
    /// Whether another task calls.
    pub indirect: bool,
}

/// A variable of a call, rendered by the caller. The callee renders it once more, as go-task does.
#[derive(Clone, Debug)]
pub struct CallVariable {
    /// The name.
    pub name: SmolStr,
    /// The value.
    pub value: CallValue,
    /// Whether it is masked where commands are shown.
    pub secret: bool,
}

/// The value of a variable of a call.
#[derive(Clone, Debug)]
pub enum CallValue {
    /// A value.
    Value(Value),
    /// The output of a command, which the callee runs.
    Shell(Text),
}

impl Call {
    /// A call from the command line.
    pub fn new(task: impl Into<SmolStr>) -> Self {
        Self { task: task.into(), ..Self::default() }
    }

    /// Sets a variable; one of that name keeps its place.
    pub fn set(&mut self, name: impl Into<SmolStr>, value: Value) {
        let name = name.into();
        let value = CallValue::Value(value);
        match self.vars.iter_mut().find(|variable| variable.name == name) {
            Some(variable) => *variable = CallVariable { name, value, secret: false },
            None => self.vars.push(CallVariable { name, value, secret: false }),
        }
    }

    /// Whether the call sets a variable.
    pub fn sets(&self, name: &str) -> bool {
        self.vars.iter().any(|variable| variable.name == name)
    }
}
