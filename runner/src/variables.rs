//! The variables of a task, layer by layer (go-task, `compiler.go`).
//!
//! Weakest first: the calling environment, special variables, global `env`, global `vars`, variables of the include,
//! globals of the including file, variables of the call, variables of the task. Each is rendered in order and sees what
//! stands before it.

use std::cell::{OnceCell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use ez_compiler::ast::{Text, Variable, VariableValue};
use ez_compiler::ir::{GlobalVariable, GlobalVariables, Program, Task};
use ez_compiler::template::{Reference, Template, TemplateText, Value, has_template};
use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use crate::call::{Call, CallValue};
use crate::command::{CommandRunner, Input, Script};
use crate::environment;
use crate::error::{RunError, TemplateFault};
use crate::event::Color;
use crate::go_text::quote;
use crate::messages::Messages;
use crate::options::Options;
use crate::path;
use crate::process::Environment;
use crate::render::Renderer;
use crate::scope::{Layer, MASK, Slot};
use crate::template_host::TemplateHost;

/// Whether commands of `sh:` are run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// They are not: for lists, summaries and early checks. Faults of templates are left out of account too.
    Fast,
    /// They are.
    Full,
}

/// Beside [`TASK_SPECIAL`], names whose values differ from task to task. A global that names one is rendered again
/// for every task.
const OTHER_TASK_NAMES: [&str; 1] = ["MATCH"];
/// Functions that give something else each time, by the beginnings of their names.
const VOLATILE_FUNCTIONS: [&str; 7] = ["uuid", "rand", "now", "ago", "shuffle", "date", "getHostByName"];
/// Words that begin a template of its own, in which `.` may be anything.
const DEFINITIONS: [&str; 3] = ["define", "block", "template"];

/// Variables of the whole project.
#[derive(Debug)]
pub struct Globals {
    /// Global environment.
    pub env: GlobalVariables,
    /// Global variables.
    pub vars: GlobalVariables,
    /// Whether their values are the same for every task.
    shared: bool,
    fast: OnceCell<Rc<Layer>>,
    full: OnceCell<Rc<Layer>>,
}

impl Globals {
    /// Takes the variables.
    pub fn new(env: GlobalVariables, vars: GlobalVariables) -> Self {
        let shared = !env.values().chain(vars.values()).any(|global| depends_on_task(&global.variable.value));
        Self { env, vars, shared, fast: OnceCell::new(), full: OnceCell::new() }
    }

    fn memo(&self, mode: Mode) -> &OnceCell<Rc<Layer>> {
        match mode {
            Mode::Fast => &self.fast,
            Mode::Full => &self.full,
        }
    }
}

/// How a variable's value comes about, wherever it was written.
enum Definition<'a> {
    Text(&'a Text),
    Literal(&'a Value),
    Shell(&'a Text),
    Reference(&'a Text),
}

/// One variable to set.
struct Step<'a> {
    name: &'a SmolStr,
    definition: Definition<'a>,
    dir: &'a str,
    secret: bool,
}

/// A command whose output is a variable's value.
pub struct Dynamic {
    /// The command.
    pub command: SmolStr,
    /// Where it runs.
    pub dir: SmolStr,
    /// Whether its output is kept out of messages.
    pub secret: bool,
}

/// Computes variables.
pub struct Variables {
    program: Arc<Program>,
    options: Rc<Options>,
    environment: Arc<Environment>,
    /// What templates ask for beside variables.
    pub template_host: TemplateHost,
    commands: CommandRunner,
    messages: Rc<Messages>,
    base: Rc<Layer>,
    globals: RefCell<Rc<Globals>>,
    outputs: RefCell<FxHashMap<SmolStr, SmolStr>>,
    evaluation: tokio::sync::Mutex<()>,
}

impl Variables {
    /// Variables of a program, with the globals of its files.
    pub fn new(
        program: Arc<Program>,
        options: Rc<Options>,
        environment: Arc<Environment>,
        commands: CommandRunner,
        messages: Rc<Messages>,
    ) -> Self {
        let globals = Globals::new(program.env.clone(), program.vars.clone());
        let base = Rc::new(base_layer(&program, &options, &environment));
        Self {
            program,
            options,
            template_host: TemplateHost::new(&environment),
            environment,
            commands,
            messages,
            base,
            globals: RefCell::new(Rc::new(globals)),
            outputs: RefCell::default(),
            evaluation: tokio::sync::Mutex::new(()),
        }
    }

    /// The variables of the whole project.
    pub fn globals(&self) -> Rc<Globals> {
        Rc::clone(&self.globals.borrow())
    }

    /// Replaces the variables of the whole project.
    pub fn set_globals(&self, globals: Globals) {
        *self.globals.borrow_mut() = Rc::new(globals);
    }

    /// Forgets the output of commands, so that they run again.
    pub fn forget_outputs(&self) {
        self.outputs.borrow_mut().clear();
        let globals = self.globals();
        self.set_globals(Globals::new(globals.env.clone(), globals.vars.clone()));
    }

    /// Whether a task would have a variable, without computing any.
    pub fn has(&self, task: &Task, call: &Call, name: &str) -> bool {
        let globals = self.globals();
        self.base.contains(name)
            || TASK_SPECIAL.contains(&name)
            || name == "MATCH"
            || call.sets(name)
            || globals.env.contains_key(name)
            || globals.vars.contains_key(name)
            || task.include_vars.iter().any(|variable| variable.name.value == name)
            || task.including_vars.as_ref().is_some_and(|vars| vars.contains_key(name))
            || task.definition.vars.iter().any(|variable| variable.name.value == name)
    }

    /// All variables of a task, without running commands.
    pub fn fast(&self, task: Option<(&Task, &Call)>) -> Result<Layer, RunError> {
        let task_dir = self.task_dir(task)?;
        let globals = self.globals();
        let mut layer = if let Some(shared) = globals.memo(Mode::Fast).get() {
            self.over_globals(&globals, shared, task)
        } else {
            let mut layer = self.below_globals(&globals, task);
            for step in self.global_steps(&globals) {
                self.set_fast(&mut layer, &step);
            }
            self.share(&globals, Mode::Fast, layer, task)
        };
        for step in self.task_steps(task, &task_dir) {
            self.set_fast(&mut layer, &step);
        }
        Ok(layer)
    }

    /// All variables of a task.
    pub async fn full(&self, task: Option<(&Task, &Call)>) -> Result<Layer, RunError> {
        let task_dir = self.task_dir(task)?;
        let globals = self.globals();
        let mut layer = if let Some(shared) = globals.memo(Mode::Full).get() {
            self.over_globals(&globals, shared, task)
        } else {
            let mut layer = self.below_globals(&globals, task);
            for step in self.global_steps(&globals) {
                self.set_full(&mut layer, &step, task).await?;
            }
            self.share(&globals, Mode::Full, layer, task)
        };
        for step in self.task_steps(task, &task_dir) {
            self.set_full(&mut layer, &step, None).await?;
        }
        Ok(layer)
    }

    /// The variables that a call of a task finds, without those that the task sets itself; commands are not run.
    pub fn given(&self, task: &Task, call: &Call) -> Result<Layer, RunError> {
        let mut plain = task.clone();
        let mut definition = (*plain.definition).clone();
        definition.vars.clear();
        plain.definition = Arc::new(definition);
        self.fast(Some((&plain, call)))
    }

    /// A layer into which the globals are rendered. Shared globals do not see the variables of a task.
    fn below_globals(&self, globals: &Globals, task: Option<(&Task, &Call)>) -> Layer {
        let mut layer = Layer::over(&self.base);
        if !globals.shared {
            self.set_special(&mut layer, task, |_| true);
        }
        layer
    }

    /// Keeps rendered globals for other tasks, where they are the same for all.
    fn share(&self, globals: &Globals, mode: Mode, layer: Layer, task: Option<(&Task, &Call)>) -> Layer {
        if !globals.shared {
            return layer;
        }
        let shared = globals.memo(mode).get_or_init(|| Rc::new(layer));
        self.over_globals(globals, shared, task)
    }

    fn over_globals(&self, globals: &Globals, shared: &Rc<Layer>, task: Option<(&Task, &Call)>) -> Layer {
        let mut layer = Layer::over(shared);
        let is_free = |name: &str| !globals.env.contains_key(name) && !globals.vars.contains_key(name);
        self.set_special(&mut layer, task, is_free);
        layer
    }

    fn set_special(&self, layer: &mut Layer, task: Option<(&Task, &Call)>, is_free: impl Fn(&str) -> bool) {
        for (name, value) in TASK_SPECIAL.into_iter().zip(self.special_values(task)) {
            if is_free(name) {
                layer.set_value(name, value);
            }
        }
    }

    /// Values of [`TASK_SPECIAL`].
    fn special_values(&self, task: Option<(&Task, &Call)>) -> [SmolStr; 5] {
        let Some((task, call)) = task else { return Default::default() };
        let remote = is_remote(task.taskfile.as_str());
        let dir = match (remote, task.dir.is_empty()) {
            (true, true) => self.options.user_working_dir.clone(),
            (true, false) => path::smart_join(&self.options.user_working_dir, &task.dir),
            (false, _) => path::smart_join(root_dir(&self.program, &self.options), &task.dir),
        };
        let taskfile_dir = if remote { SmolStr::default() } else { path::parent(task.taskfile.as_str()) };
        [task.name.clone(), dir, task.taskfile.as_str().into(), taskfile_dir, call.task.clone()]
    }

    /// The directory of the commands of a task's own variables.
    fn task_dir(&self, task: Option<(&Task, &Call)>) -> Result<SmolStr, RunError> {
        let root = self.program.dir.as_str();
        let Some((definition, _)) = task else { return Ok(root.into()) };
        if !has_template(&definition.dir) {
            return Ok(path::smart_join(root, &definition.dir));
        }
        let mut layer = Layer::over(&self.base);
        self.set_special(&mut layer, task, |_| true);
        let mut renderer = Renderer::new(&self.template_host);
        let origin = definition.definition.dir.as_ref();
        let dir = renderer.plain(&definition.dir, origin, &layer, &[]);
        renderer.check()?;
        Ok(path::smart_join(root, &dir))
    }

    fn global_steps<'a>(&'a self, globals: &'a Globals) -> impl Iterator<Item = Step<'a>> {
        let root = self.program.dir.as_str();
        globals.env.iter().chain(&globals.vars).map(move |(name, global)| global_step(name, global, root))
    }

    fn task_steps<'a>(&'a self, task: Option<(&'a Task, &'a Call)>, task_dir: &'a str) -> Vec<Step<'a>> {
        let Some((task, call)) = task else { return Vec::new() };
        let root = self.program.dir.as_str();
        let mut steps = Vec::new();
        steps.extend(task.include_vars.iter().map(|variable| written_step(variable, root)));
        if let Some(including) = &task.including_vars {
            steps.extend(including.iter().map(|(name, global)| global_step(name, global, task_dir)));
        }
        steps.extend(call.vars.iter().map(|variable| {
            let definition = match &variable.value {
                CallValue::Value(value) => Definition::Literal(value),
                CallValue::Shell(text) => Definition::Shell(text),
            };
            Step { name: &variable.name, definition, dir: root, secret: variable.secret }
        }));
        steps.extend(task.definition.vars.iter().map(|variable| written_step(variable, task_dir)));
        steps
    }

    fn set_fast(&self, layer: &mut Layer, step: &Step<'_>) {
        let slot = match self.render(layer, step).0 {
            Rendered::Value(value) => {
                let value = if value.is_null() { Value::from("") } else { value };
                Slot { value, secret: step.secret, ..Slot::default() }
            }
            Rendered::Command(command) => {
                Slot { value: Value::from(""), command: Some(command), secret: step.secret, live: None }
            }
        };
        layer.set(step.name.clone(), slot);
    }

    /// Sets a variable. A command sees the special variables of `task` even where the layer is shared by all tasks.
    async fn set_full(
        &self,
        layer: &mut Layer,
        step: &Step<'_>,
        task: Option<(&Task, &Call)>,
    ) -> Result<(), RunError> {
        let (rendered, fault) = self.render(layer, step);
        if let Some(fault) = fault {
            return Err(fault.into());
        }
        let value = match rendered {
            Rendered::Value(value) => value,
            Rendered::Command(command) => {
                let dynamic = Dynamic { command, dir: step.dir.into(), secret: step.secret };
                let environment = || {
                    let special = task.map(|_| self.special_values(task));
                    let names = TASK_SPECIAL.map(SmolStr::new_static);
                    let special = special.into_iter().flatten().map(Slot::value).collect::<Vec<_>>();
                    let special = names.iter().zip(&special).filter(|(name, _)| !layer.contains(name));
                    let variables = special.chain(layer.entries());
                    environment::with_variables(&self.environment, variables, self.options.env_precedence)
                };
                Value::String(self.output(&dynamic, environment).await?)
            }
        };
        layer.set(step.name.clone(), Slot { value, secret: step.secret, ..Slot::default() });
        Ok(())
    }

    fn render(&self, layer: &Layer, step: &Step<'_>) -> (Rendered, Option<TemplateFault>) {
        let mut renderer = Renderer::new(&self.template_host);
        let rendered = match step.definition {
            Definition::Text(text) => Rendered::Value(Value::String(renderer.text(text, layer, &[]))),
            Definition::Literal(value) => Rendered::Value(renderer.value(value, layer, &[])),
            Definition::Shell(text) => Rendered::Command(renderer.text(text, layer, &[])),
            Definition::Reference(text) if text.as_str().is_empty() => Rendered::Value(Value::Null),
            Definition::Reference(text) => Rendered::Value(renderer.reference(text, layer)),
        };
        (rendered, renderer.check().err())
    }

    /// The output of a command, without its last line end. A text runs once in the life of the program, whatever the
    /// directory; one command at a time.
    pub async fn output(
        &self,
        dynamic: &Dynamic,
        environment: impl FnOnce() -> Arc<Environment>,
    ) -> Result<SmolStr, RunError> {
        if dynamic.command.is_empty() {
            return Ok(SmolStr::default());
        }
        if let Some(output) = self.outputs.borrow().get(&dynamic.command) {
            return Ok(output.clone());
        }
        let _alone = self.evaluation.lock().await;
        if let Some(output) = self.outputs.borrow().get(&dynamic.command) {
            return Ok(output.clone());
        }
        let script = Script {
            text: &dynamic.command,
            dir: &dynamic.dir,
            environment: environment(),
            set: &[],
            shopt: &[],
            input: Input::Null,
        };
        let (bytes, result) = self.commands.capture(&script).await;
        if let Err(error) = result {
            return Err(RunError::other(format!("task: Command \"{}\" failed: {error}", dynamic.command)));
        }
        let text = String::from_utf8_lossy(&bytes);
        let text = text.strip_suffix("\r\n").unwrap_or(&text);
        let output = SmolStr::new(text.strip_suffix('\n').unwrap_or(text));
        self.outputs.borrow_mut().insert(dynamic.command.clone(), output.clone());
        let shown = if dynamic.secret { MASK } else { output.as_str() };
        self.messages.verbose_err(Color::Magenta, || {
            format!("task: dynamic variable: {} result: {}\n", quote(&dynamic.command), quote(shown))
        });
        Ok(output)
    }
}

enum Rendered {
    Value(Value),
    Command(SmolStr),
}

/// Special variables that differ from task to task.
const TASK_SPECIAL: [&str; 5] = ["TASK", "TASK_DIR", "TASKFILE", "TASKFILE_DIR", "ALIAS"];

/// The calling environment and the special variables that are the same for all tasks.
fn base_layer(program: &Program, options: &Options, environment: &Environment) -> Layer {
    let mut layer = Layer::default();
    for (name, value) in environment.iter() {
        if let (Some(name), Some(value)) = (name.to_str(), value.to_str()) {
            layer.set_value(name, value);
        }
    }
    let (taskfile, dir) = (program.taskfile.as_str(), root_dir(program, options));
    layer.set_value("TASK_EXE", options.program.clone());
    layer.set_value(
        "ROOT_TASKFILE",
        if is_remote(taskfile) { taskfile.into() } else { path::smart_join(dir, taskfile) },
    );
    layer.set_value("ROOT_DIR", dir);
    layer.set_value("USER_WORKING_DIR", options.user_working_dir.clone());
    layer.set_value("TASK_VERSION", options.version.clone());
    layer.set_value("PATH_LIST_SEPARATOR", if cfg!(windows) { ";" } else { ":" });
    layer.set_value("FILE_PATH_SEPARATOR", std::path::MAIN_SEPARATOR_STR);
    layer
}

/// What `ROOT_DIR` says.
fn root_dir<'a>(program: &'a Program, options: &Options) -> &'a str {
    if options.has_no_root || is_remote(program.taskfile.as_str()) { "" } else { program.dir.as_str() }
}

/// Whether a Taskfile is read over the network.
fn is_remote(taskfile: &str) -> bool {
    taskfile.contains("://")
}

fn written_step<'a>(variable: &'a Variable, dir: &'a str) -> Step<'a> {
    let definition = match &variable.value {
        VariableValue::Text(text) => Definition::Text(text),
        VariableValue::Literal(value) => Definition::Literal(value),
        VariableValue::Shell(text) => Definition::Shell(text),
        VariableValue::Reference(text) => Definition::Reference(text),
    };
    Step { name: &variable.name.value, definition, dir, secret: variable.secret }
}

fn global_step<'a>(name: &'a SmolStr, global: &'a GlobalVariable, dir: &'a str) -> Step<'a> {
    let dir = global.dir.as_deref().filter(|dir| !dir.is_empty()).unwrap_or(dir);
    Step { name, ..written_step(&global.variable, dir) }
}

/// Whether a global may have another value for another task. Says yes too often rather than too seldom.
fn depends_on_task(value: &VariableValue) -> bool {
    match value {
        // The output of a command is kept by its text, so that only templates in it count.
        VariableValue::Text(text) | VariableValue::Shell(text) => {
            has_template(text.as_str()) && text_depends_on_task(text.as_str())
        }
        VariableValue::Reference(text) => expression_depends_on_task(text.as_str()),
        VariableValue::Literal(value) => value_depends_on_task(value),
    }
}

fn value_depends_on_task(value: &Value) -> bool {
    match value {
        Value::String(text) => has_template(text) && text_depends_on_task(text),
        Value::List(items) | Value::TypedList(_, items) => items.iter().any(value_depends_on_task),
        Value::Map(entries) | Value::StringMap(entries) => entries.values().any(value_depends_on_task),
        Value::AnyMap(entries) => entries.iter().any(|(_, value)| value_depends_on_task(value)),
        _ => false,
    }
}

fn text_depends_on_task(text: &str) -> bool {
    may_depend_on_task(text)
        && match TemplateText::parse(text) {
            TemplateText::Plain(_) => false,
            TemplateText::Template(template) => template_depends_on_task(&template),
        }
}

fn expression_depends_on_task(expression: &str) -> bool {
    may_depend_on_task(expression) && template_depends_on_task(Reference::parse(expression).template())
}

/// Whether it is worth parsing a text: it names something that differs, or all variables at once (by a dot without a
/// name, by `$`, in a template of its own).
fn may_depend_on_task(text: &str) -> bool {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let followed_by_name =
        |at: usize| text.get(at + 1..).and_then(|rest| rest.chars().next()).is_some_and(is_name);
    let words = TASK_SPECIAL.iter().chain(&OTHER_TASK_NAMES).chain(&VOLATILE_FUNCTIONS).chain(&DEFINITIONS);
    text.contains('$')
        || words.into_iter().any(|word| text.contains(word))
        || text.match_indices('.').any(|(at, _)| !followed_by_name(at))
}

fn template_depends_on_task(template: &Template) -> bool {
    let differs = |name: &str| TASK_SPECIAL.contains(&name) || OTHER_TASK_NAMES.contains(&name);
    let is_volatile = |name: &str| VOLATILE_FUNCTIONS.iter().any(|function| name.starts_with(function));
    template.uses_all_variables()
        || DEFINITIONS.iter().any(|word| template.text().contains(word))
        || template.field_references().iter().any(|field| differs(&field.name))
        || template.function_calls().iter().any(|call| is_volatile(&call.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globals_that_may_differ_from_task_to_task_are_found() {
        for (text, expected) in [
            ("{{.A}}/b", false),
            ("{{.TASK}}", true),
            ("{{.TASKFILE_DIR}}", true),
            ("{{range $k, $v := .}}{{end}}", true),
            ("{{. | toJson}}", true),
            ("{{uuid}}", true),
            ("{{OS}}", false),
            ("$HOME/{{.A}}. {{.TASK_VERSION}}", false),
            ("{{index . \"TASK\"}}", true),
            ("{{define \"x\"}}{{.TASK}}{{end}}{{template \"x\" .}}", true),
        ] {
            assert_eq!(text_depends_on_task(text), expected, "{text}");
        }
    }
}
