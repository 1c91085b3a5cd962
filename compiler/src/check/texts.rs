//! Every text of a task or file that go-task renders or runs, with what becomes of it.

use smol_str::SmolStr;

use super::place;
use crate::ast::{
    self, CommandAction, EnumValues, Loop, LoopSource, MatrixValues, Text, Variable, VariableValue,
};
use crate::source::{SourceMap, Span};
use crate::template::value::Value;
use crate::yaml::node::ScalarStyle;

/// What becomes of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// Rendered as a template.
    Rendered,
    /// The expression of a `ref:`.
    Reference,
    /// Rendered, then run as a command.
    Command {
        /// Whether go-task goes on after an error in it.
        forgiven: bool,
    },
    /// Rendered, then run as a test; an error is the same as "no".
    Test,
    /// The name of a variable.
    VariableName,
    /// Evaluated between `<%` and `%>`, when a template makes something of it.
    Made,
}

/// A text and where it belongs.
#[derive(Clone, Debug)]
pub struct Place<'a> {
    /// The text.
    pub text: std::borrow::Cow<'a, Text>,
    /// What becomes of it.
    pub usage: Use,
    /// Names that are there only here: loop variables, `EXIT_CODE`.
    pub extra: Vec<SmolStr>,
}

/// Collects the texts of something.
pub struct Texts<'a> {
    /// What was found, in no particular order.
    pub places: Vec<Place<'a>>,
    sources: &'a SourceMap,
}

impl<'a> Texts<'a> {
    /// Nothing yet.
    pub fn new(sources: &'a SourceMap) -> Self {
        Self { places: Vec::new(), sources }
    }

    fn add(&mut self, text: &'a Text, usage: Use, extra: &[SmolStr]) {
        self.places.push(Place { text: std::borrow::Cow::Borrowed(text), usage, extra: extra.to_vec() });
    }

    fn add_all(&mut self, texts: impl IntoIterator<Item = &'a Text>, usage: Use) {
        for text in texts {
            self.add(text, usage, &[]);
        }
    }

    /// All texts of a task.
    pub fn task(&mut self, task: &'a ast::Task) {
        let rendered =
            [&task.label, &task.desc, &task.summary, &task.dir, &task.method, &task.prefix, &task.run];
        self.add_all(rendered.into_iter().flatten(), Use::Rendered);
        self.add_all(task.prompt.iter().chain(&task.dotenv), Use::Rendered);
        self.add_all(task.sources.iter().chain(&task.generates).map(|glob| &glob.pattern), Use::Rendered);
        self.add_all(&task.status, Use::Test);
        self.add_all(&task.condition, Use::Test);
        for precondition in &task.preconditions {
            self.add(&precondition.script, Use::Command { forgiven: false }, &[]);
            if precondition.message.span != precondition.script.span {
                self.add(&precondition.message, Use::Rendered, &[]);
            }
        }
        self.variables(&task.vars, &[]);
        self.variables(&task.env, &[]);
        for required in &task.requires {
            if let Some(allowed) = &required.allowed
                && let EnumValues::Reference(text) = &allowed.values
            {
                self.add(text, Use::Reference, &[]);
            }
        }
        for dependency in &task.deps {
            let extra = self.repeat(dependency.repeat.as_deref());
            self.add(&dependency.task, Use::Rendered, &extra);
            self.variables(&dependency.vars, &extra);
        }
        for command in &task.cmds {
            self.command(task, command);
        }
    }

    fn command(&mut self, task: &'a ast::Task, command: &'a ast::Command) {
        let mut extra = self.repeat(command.repeat.as_deref());
        if command.deferred {
            extra.push(SmolStr::new_static("EXIT_CODE"));
        }
        if let Some(condition) = &command.condition {
            self.add(condition, Use::Test, &extra);
        }
        match &command.action {
            CommandAction::Script(script) => {
                let forgiven =
                    command.deferred || !command.platforms.is_empty() || !task.platforms.is_empty();
                self.add(script, Use::Command { forgiven }, &extra);
            }
            CommandAction::Call { task, vars } => {
                self.add(task, Use::Rendered, &extra);
                self.variables(vars, &extra);
            }
            CommandAction::Nothing => {}
        }
    }

    /// The texts of a loop; returns the names that it defines.
    fn repeat(&mut self, repeat: Option<&'a Loop>) -> Vec<SmolStr> {
        let Some(repeat) = repeat else { return Vec::new() };
        match &repeat.source {
            LoopSource::Variable { name, .. } => self.add(name, Use::VariableName, &[]),
            LoopSource::Matrix(rows) => {
                for row in rows {
                    if let MatrixValues::Reference(text) = &row.values {
                        self.add(text, Use::Reference, &[]);
                    }
                }
            }
            _ => {}
        }
        let item = repeat.variable.as_ref().map_or(SmolStr::new_static("ITEM"), |name| name.value.clone());
        vec![item, SmolStr::new_static("KEY")]
    }

    /// The values of variables.
    pub fn variables(&mut self, variables: &'a [Variable], extra: &[SmolStr]) {
        for variable in variables {
            self.variable(variable, extra);
        }
    }

    /// The value of one variable.
    pub fn variable(&mut self, variable: &'a Variable, extra: &[SmolStr]) {
        match &variable.value {
            VariableValue::Text(text) => self.add(text, Use::Rendered, extra),
            VariableValue::Shell(text) => self.add(text, Use::Command { forgiven: false }, extra),
            VariableValue::Reference(text) => self.add(text, Use::Reference, extra),
            VariableValue::Literal(value) => self.literal(value, variable.span, extra),
        }
    }

    fn literal(&mut self, value: &Value, whole: Span, extra: &[SmolStr]) {
        match value {
            Value::String(piece) if piece.contains("{{") => {
                let span = place::span_of_piece(piece, whole, self.sources).unwrap_or(whole);
                let text = Text { value: piece.clone(), span, style: ScalarStyle::Plain };
                let text = std::borrow::Cow::Owned(text);
                self.places.push(Place { text, usage: Use::Rendered, extra: extra.to_vec() });
            }
            Value::List(items) => items.iter().for_each(|item| self.literal(item, whole, extra)),
            Value::Map(entries) => entries.values().for_each(|item| self.literal(item, whole, extra)),
            Value::AnyMap(entries) => entries.iter().for_each(|(_, item)| self.literal(item, whole, extra)),
            _ => {}
        }
    }

    /// All texts of a file outside of its tasks.
    pub fn file(&mut self, file: &'a ast::Taskfile) {
        self.variables(&file.vars, &[]);
        self.variables(&file.env, &[]);
        self.add_all(&file.dotenv, Use::Rendered);
        if let Some(output) = &file.output {
            self.add_all(output.group.begin.iter().chain(&output.group.end), Use::Rendered);
        }
        for include in &file.includes {
            self.variables(&include.vars, &[]);
            self.add_all(include.taskfile.iter().chain(&include.dir), Use::Rendered);
        }
    }
}
