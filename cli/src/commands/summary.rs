//! `task --summary`: what a task is, for people.

use ez_compiler::ast::{CommandAction, EnumValues, RequiredVariable};
use ez_compiler::ir::Task;
use ez_compiler::template::value::Value;
use ez_runner::concrete::{ConcreteAction, ConcreteCommand, ConcreteTask};
use ez_runner::scope::{MASK, Slot};
use smol_str::SmolStr;

use crate::environment::Environment;
use crate::logger::{Color, Logger};

/// What stands between two summaries.
pub fn separator(logger: &Logger) -> String {
    logger.paint(Color::Default, "\n").repeat(2)
}

/// Beginnings of names that belong to the program, not to the user.
const OWN_PREFIXES: [&str; 3] = ["TASK_", "CLI_", "ROOT_"];

/// Names that belong to the program.
const OWN_NAMES: [&str; 8] = [
    "TASK",
    "TASKFILE",
    "TASKFILE_DIR",
    "USER_WORKING_DIR",
    "ALIAS",
    "MATCH",
    "PATH_LIST_SEPARATOR",
    "FILE_PATH_SEPARATOR",
];

/// Indentation of the keys of a map.
const MAP_INDENT: &str = "    ";

/// Writes one summary.
pub struct Summary<'a> {
    logger: &'a Logger,
    environment: &'a Environment,
    out: String,
}

impl<'a> Summary<'a> {
    /// The summary of a task.
    pub fn text(
        logger: &'a Logger,
        environment: &'a Environment,
        linked: &Task,
        task: &ConcreteTask,
    ) -> String {
        let mut summary = Self { logger, environment, out: String::new() };
        summary.plain("task: ");
        summary.painted(Color::Green, &format!("{}\n", task.shown_name()));
        summary.plain("\n");
        summary.description(task);
        summary.variables(task);
        summary.requirements(&task.definition.requires);
        summary.dependencies(task);
        summary.aliases(&task.aliases);
        summary.commands(linked, task);
        summary.out
    }

    fn painted(&mut self, color: Color, text: &str) {
        let painted = self.logger.paint(color, text);
        self.out.push_str(&painted);
    }

    fn plain(&mut self, text: &str) {
        self.painted(Color::Default, text);
    }

    fn title(&mut self, title: &str) {
        self.plain("\n");
        self.plain(&format!("{title}:\n"));
    }

    fn description(&mut self, task: &ConcreteTask) {
        if !task.summary.is_empty() {
            let text = task.summary.strip_suffix('\n').unwrap_or(&task.summary);
            for line in text.split('\n') {
                self.plain(&format!("{line}\n"));
            }
        } else if !task.desc.is_empty() {
            self.plain(&format!("{}\n", task.desc));
        } else {
            self.plain("(task does not have description or summary)\n");
        }
    }

    fn variables(&mut self, task: &ConcreteTask) {
        let environment = self.environment;
        let is_own = |name: &str| is_own(name) || environment.has(name);
        let vars: Vec<(&SmolStr, &Slot)> = task
            .vars
            .entries()
            .into_iter()
            .filter(|(name, _)| !is_own(name) && !task.env.contains_key(*name))
            .collect();
        self.values("vars", &vars);
        let env: Vec<(&SmolStr, &Slot)> = task.env.iter().filter(|(name, _)| !is_own(name)).collect();
        self.values("env", &env);
    }

    fn values(&mut self, title: &str, values: &[(&SmolStr, &Slot)]) {
        if values.is_empty() {
            return;
        }
        self.title(title);
        for (name, slot) in values {
            self.painted(Color::Yellow, &format!("  {name}: {}\n", value_text(slot)));
        }
    }

    fn requirements(&mut self, required: &[RequiredVariable]) {
        if required.is_empty() {
            return;
        }
        self.title("requires");
        self.plain("  vars:\n");
        for variable in required {
            let name = &variable.name.value;
            match variable.allowed.as_ref().map(|allowed| &allowed.values) {
                Some(EnumValues::List(values)) if !values.is_empty() => {
                    self.painted(Color::Yellow, &format!("    - {name}:\n"));
                    self.painted(Color::Yellow, "        enum:\n");
                    for value in values {
                        self.painted(Color::Yellow, &format!("          - {value}\n"));
                    }
                }
                Some(EnumValues::Reference(expression)) => {
                    self.painted(Color::Yellow, &format!("    - {name}:\n"));
                    self.painted(Color::Yellow, "        enum:\n");
                    self.painted(Color::Yellow, &format!("          ref: {}\n", expression.value));
                }
                _ => self.painted(Color::Yellow, &format!("    - {name}\n")),
            }
        }
    }

    fn dependencies(&mut self, task: &ConcreteTask) {
        if task.deps.is_empty() {
            return;
        }
        self.title("dependencies");
        for dependency in &task.deps {
            self.plain(&format!(" - {}\n", dependency.task));
        }
    }

    fn aliases(&mut self, aliases: &[SmolStr]) {
        if aliases.is_empty() {
            return;
        }
        self.title("aliases");
        for alias in aliases {
            self.plain(" - ");
            self.painted(Color::Cyan, &format!("{alias}\n"));
        }
    }

    fn commands(&mut self, linked: &Task, task: &ConcreteTask) {
        if task.cmds.is_empty() {
            return;
        }
        self.title("commands");
        for command in &task.cmds {
            self.plain(" - ");
            match written_action(task, command) {
                Some(CommandAction::Script(text)) => {
                    self.painted(Color::Yellow, &format!("{}\n", text.value));
                }
                Some(CommandAction::Call { task: called, .. }) => {
                    let name = linked.callee(&called.value);
                    self.painted(Color::Green, &format!("Task: {name}\n"));
                }
                _ => self.rendered(&command.action),
            }
        }
    }

    fn rendered(&mut self, action: &ConcreteAction) {
        match action {
            ConcreteAction::Script { text, shown } if !text.is_empty() => {
                let shown = if shown.is_empty() { text } else { shown };
                self.painted(Color::Yellow, &format!("{shown}\n"));
            }
            ConcreteAction::Call { task, .. } => self.painted(Color::Green, &format!("Task: {task}\n")),
            ConcreteAction::Script { .. } | ConcreteAction::Nothing => {
                self.painted(Color::Green, "Task: \n");
            }
        }
    }
}

/// What was written, of a deferred command: it is rendered only when the task ends.
fn written_action<'t>(task: &'t ConcreteTask, command: &ConcreteCommand) -> Option<&'t CommandAction> {
    let written = task.definition.cmds.get(command.index)?;
    written.deferred.then_some(&written.action)
}

fn is_own(name: &str) -> bool {
    OWN_NAMES.contains(&name) || OWN_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// How a value is shown: masked, as the command or as the text that it is.
fn value_text(slot: &Slot) -> String {
    if slot.secret {
        return MASK.to_owned();
    }
    if let Some(command) = &slot.command {
        return format!("sh: {command}");
    }
    match &slot.value {
        Value::Null => "\"\"".to_owned(),
        Value::Map(map) if map.is_empty() => "{}".to_owned(),
        Value::Map(map) => {
            let entries = map.iter().map(|(key, value)| format!("{MAP_INDENT}{key}: {}\n", value.to_text()));
            format!("\n{}", entries.collect::<String>())
        }
        value => format!("\"{}\"", value.to_text()),
    }
}
