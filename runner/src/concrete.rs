//! A task made concrete: every template rendered, every loop unrolled (go-task, `compiledTask` in `variables.go`).

use std::cell::OnceCell;
use std::sync::Arc;
use std::time::Duration;

use ez_compiler::ast::{self, CommandAction, LoopSource, MatrixValues, Variable, VariableValue};
use ez_compiler::ir::{Task, TaskId};
use ez_compiler::template::{Value, has_template};
use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;
use smol_str::SmolStr;

use crate::call::{Call, CallValue, CallVariable};
use crate::environment;
use crate::error::RunError;
use crate::freshness::{Freshness, Method, Subject};
use crate::loops::{self, LoopFiles, Round};
use crate::params;
use crate::path;
use crate::process::Environment;
use crate::render::{Extra, RenderedGlob, Renderer};
use crate::requires::{self, Requirement};
use crate::scope::{Layer, Slot};
use crate::variables::{Dynamic, Variables};

/// Environment variables of a task, before those of the caller.
pub type TaskEnvironment = IndexMap<SmolStr, Slot, FxBuildHasher>;

/// A precondition, rendered.
#[derive(Clone, Debug)]
pub struct ConcretePrecondition {
    /// The command.
    pub script: SmolStr,
    /// What is said when it fails.
    pub message: SmolStr,
}

/// What a command does, rendered.
#[derive(Clone, Debug)]
pub enum ConcreteAction {
    /// Runs a script.
    Script {
        /// The script.
        text: SmolStr,
        /// The script with secrets masked.
        shown: SmolStr,
    },
    /// Calls a task.
    Call {
        /// The task's full name.
        task: SmolStr,
        /// Variables of the call.
        vars: Vec<CallVariable>,
    },
    /// Nothing.
    Nothing,
}

/// A command, rendered.
#[derive(Clone, Debug)]
pub struct ConcreteCommand {
    /// What it does. Of a deferred command only what was written: it is rendered when the task ends.
    pub action: ConcreteAction,
    /// `if`
    pub condition: SmolStr,
    /// Which of the task's written commands it is; loops make several of one.
    pub index: usize,
}

/// A dependency, rendered.
#[derive(Clone, Debug)]
pub struct ConcreteDependency {
    /// The task's full name.
    pub task: SmolStr,
    /// Variables of the call.
    pub vars: Vec<CallVariable>,
    /// `silent`
    pub silent: bool,
    /// `timeout`
    pub timeout: Option<Duration>,
}

/// A task, rendered for one call.
pub struct ConcreteTask {
    /// The task.
    pub id: TaskId,
    /// What was written.
    pub definition: Arc<ast::Task>,
    /// The declared name, with its stars.
    pub name: SmolStr,
    /// The name with its stars replaced.
    pub full_name: SmolStr,
    /// `label`
    pub label: SmolStr,
    /// `desc`
    pub desc: SmolStr,
    /// `prompt`
    pub prompt: Vec<SmolStr>,
    /// `summary`
    pub summary: SmolStr,
    /// All further names.
    pub aliases: Vec<SmolStr>,
    /// `sources`
    pub sources: Vec<RenderedGlob>,
    /// `generates`
    pub generates: Vec<RenderedGlob>,
    /// The working directory, absolute.
    pub dir: SmolStr,
    /// All variables.
    pub vars: Layer,
    /// Environment variables, before those of the caller.
    pub env: TaskEnvironment,
    /// Variables that are in the environment of commands whatever the caller's says: those of params.
    pub exports: Vec<(SmolStr, Slot)>,
    /// `method`; empty for the Taskfile's.
    pub method: SmolStr,
    /// `prefix`; the name without it.
    pub prefix: SmolStr,
    /// `run`; empty for the Taskfile's.
    pub run: SmolStr,
    /// `if`
    pub condition: SmolStr,
    /// `requires`
    pub requires: Vec<Requirement>,
    /// `cmds`
    pub cmds: Vec<ConcreteCommand>,
    /// `deps`
    pub deps: Vec<ConcreteDependency>,
    /// `preconditions`
    pub preconditions: Vec<ConcretePrecondition>,
    /// `status`
    pub status: Vec<SmolStr>,
    /// `use_gitignore`, or the Taskfile's.
    pub use_gitignore: bool,
    /// Whether commands are not echoed.
    pub silent: bool,
    commands_environment: OnceCell<Arc<Environment>>,
}

impl ConcreteTask {
    /// The name that is shown.
    pub fn shown_name(&self) -> &SmolStr {
        if self.label.is_empty() { &self.full_name } else { &self.label }
    }

    /// What fingerprints are made of.
    pub fn subject(&self) -> Subject<'_> {
        Subject {
            task: &self.name,
            name: self.shown_name(),
            dir: &self.dir,
            sources: &self.sources,
            generates: &self.generates,
            method: &self.method,
            use_gitignore: self.use_gitignore,
        }
    }

    /// The environment of its commands.
    pub fn environment(&self, base: &Arc<Environment>, precedence: bool) -> Arc<Environment> {
        let make = || {
            let environment = environment::with_variables(base, &self.env, precedence);
            let exports = self.exports.iter().map(|(name, slot)| (name, slot));
            environment::with_variables(&environment, exports, true)
        };
        Arc::clone(self.commands_environment.get_or_init(make))
    }

    /// All calls that it makes.
    pub fn into_calls(self) -> impl Iterator<Item = Call> {
        let indirect = |task, vars| Call { task, vars, silent: false, indirect: true };
        let dependencies =
            self.deps.into_iter().map(move |dependency| indirect(dependency.task, dependency.vars));
        let commands = self.cmds.into_iter().filter_map(move |command| match command.action {
            ConcreteAction::Call { task, vars } if !task.is_empty() => Some(indirect(task, vars)),
            _ => None,
        });
        dependencies.chain(commands)
    }

    /// All that makes two calls of a task the same for `run: when_changed`: what was rendered, without variables.
    pub fn fingerprint(&self) -> u64 {
        use std::hash::{BuildHasher, Hash, Hasher};
        let mut hasher = FxBuildHasher.build_hasher();
        (&self.label, &self.desc, &self.prompt, &self.summary, &self.dir, &self.method, &self.run)
            .hash(&mut hasher);
        (&self.condition, &self.status).hash(&mut hasher);
        for glob in self.sources.iter().chain(&self.generates) {
            (&glob.pattern, glob.exclude).hash(&mut hasher);
        }
        for requirement in &self.requires {
            (&requirement.name, &requirement.allowed).hash(&mut hasher);
        }
        for command in &self.cmds {
            (command.index, &command.condition).hash(&mut hasher);
            match &command.action {
                ConcreteAction::Script { text, .. } => text.hash(&mut hasher),
                ConcreteAction::Call { task, .. } => task.hash(&mut hasher),
                ConcreteAction::Nothing => {}
            }
        }
        for dependency in &self.deps {
            dependency.task.hash(&mut hasher);
        }
        for precondition in &self.preconditions {
            (&precondition.script, &precondition.message).hash(&mut hasher);
        }
        hasher.finish()
    }
}

/// What rendering a task needs from the program.
pub struct Surroundings<'a> {
    /// Variables.
    pub variables: &'a Variables,
    /// Fingerprints.
    pub freshness: &'a Freshness,
    /// The root directory.
    pub root: &'a str,
    /// The environment in which the program was started.
    pub environment: &'a Arc<Environment>,
    /// `env` wins over the caller's environment.
    pub precedence: bool,
    /// `use_gitignore` of the Taskfile.
    pub use_gitignore: bool,
}

impl Surroundings<'_> {
    /// A task for a list: only what lists show, with variables of [`Mode::Fast`]; faults leave a text as it is.
    pub fn for_list(&self, task: &Task) -> Result<ListTexts, RunError> {
        let written = &task.definition;
        let texts =
            [&written.label, &written.desc, &written.summary].map(|text| text.as_ref().map(|t| &t.value));
        let is_plain = |text: Option<&SmolStr>| text.is_none_or(|text| !has_template(text));
        if texts.into_iter().all(is_plain) && !has_template(&task.dir) {
            let [label, desc, summary] = texts.map(|text| text.cloned().unwrap_or_default());
            return Ok(ListTexts { label, desc, summary });
        }
        let mut call = Call::new(task.name.clone());
        call.set("MATCH", Value::strings(Vec::<SmolStr>::new()));
        let layer = self.variables.fast(Some((task, &call)))?;
        let mut renderer = Renderer::new(&self.variables.template_host);
        let label = renderer.optional(written.label.as_ref(), &layer);
        let desc = renderer.optional(written.desc.as_ref(), &layer);
        renderer.texts(&written.prompt, &layer);
        let summary = renderer.optional(written.summary.as_ref(), &layer);
        Ok(ListTexts { label, desc, summary })
    }

    /// The task without running commands of variables, and without minding faults of templates.
    pub fn fast(&self, id: TaskId, task: &Task, call: &Call) -> Result<ConcreteTask, RunError> {
        let layer = self.variables.fast(Some((task, call)))?;
        let requires = requires::unresolved(&task.definition.requires);
        let mut draft =
            self.draft(id, task, layer, requires, Renderer::new(&self.variables.template_host))?;
        draft.render_body()?;
        Ok(draft.concrete)
    }

    /// The task as it runs.
    pub async fn full(&self, id: TaskId, task: &Task, call: &Call) -> Result<ConcreteTask, RunError> {
        let layer = self.variables.full(Some((task, call))).await?;
        let mut renderer = Renderer::new(&self.variables.template_host);
        let requires = requires::resolved(&task.definition.requires, &mut renderer, &layer)?;
        let mut draft = self.draft(id, task, layer, requires, renderer)?;
        draft.run_environment_commands().await?;
        draft.render_body()?;
        draft.renderer.check()?;
        Ok(draft.concrete)
    }

    /// Everything up to the environment.
    fn draft<'a>(
        &'a self,
        id: TaskId,
        task: &'a Task,
        mut vars: Layer,
        requires: Vec<Requirement>,
        mut renderer: Renderer<'a>,
    ) -> Result<Draft<'a>, RunError> {
        let written = &task.definition;
        let exports = params::exports(task.superset.as_deref(), &mut vars);
        let full_name = replace_stars(&task.name, &vars);
        let label = renderer.optional(written.label.as_ref(), &vars);
        let desc = renderer.optional(written.desc.as_ref(), &vars);
        let prompt = renderer.texts(&written.prompt, &vars);
        let summary = renderer.optional(written.summary.as_ref(), &vars);
        let sources = renderer.globs(&written.sources, &vars);
        let generates = renderer.globs(&written.generates, &vars);
        let dir = renderer.plain(&task.dir, written.dir.as_ref(), &vars, &[]);
        let dotenv = renderer.texts(&written.dotenv, &vars);
        let method = renderer.optional(written.method.as_ref(), &vars);
        let prefix = renderer.optional(written.prefix.as_ref(), &vars);
        let run = renderer.optional(written.run.as_ref(), &vars);
        let condition = renderer.optional(written.condition.as_ref(), &vars);
        let dir = crate::expansion::expand_literal(&dir, self.environment).map_err(RunError::other)?;
        let dir = if self.root.is_empty() { dir } else { path::smart_join(self.root, &dir) };
        let from_files = crate::dotenv_files::read(&dotenv, &dir)?;
        let mut concrete = ConcreteTask {
            id,
            definition: Arc::clone(written),
            name: task.name.clone(),
            full_name,
            label,
            desc,
            prompt,
            summary,
            aliases: task.aliases.clone(),
            sources,
            generates,
            dir,
            vars,
            env: TaskEnvironment::default(),
            exports,
            method,
            prefix: if prefix.is_empty() { task.name.clone() } else { prefix },
            run,
            condition,
            requires,
            cmds: Vec::new(),
            deps: Vec::new(),
            preconditions: Vec::new(),
            status: Vec::new(),
            use_gitignore: task.use_gitignore.unwrap_or(self.use_gitignore),
            silent: task.silent == Some(true),
            commands_environment: OnceCell::new(),
        };
        let globals = self.variables.globals();
        let env = &mut concrete.env;
        set_environment(
            &mut renderer,
            &concrete.vars,
            globals.env.values().map(|global| &global.variable),
            env,
        );
        for (name, value) in from_files {
            if renderer.fault().is_none() {
                let value = renderer.plain(&value, None, &concrete.vars, &[]);
                env.insert(name, Slot::value(value));
            }
        }
        set_environment(&mut renderer, &concrete.vars, &written.env, env);
        Ok(Draft { surroundings: self, task, renderer, concrete })
    }
}

/// What lists show of a task.
#[derive(Clone, Debug, Default)]
pub struct ListTexts {
    /// `label`
    pub label: SmolStr,
    /// `desc`
    pub desc: SmolStr,
    /// `summary`
    pub summary: SmolStr,
}

struct Draft<'a> {
    surroundings: &'a Surroundings<'a>,
    task: &'a Task,
    renderer: Renderer<'a>,
    concrete: ConcreteTask,
}

impl Draft<'_> {
    async fn run_environment_commands(&mut self) -> Result<(), RunError> {
        let Surroundings { variables, environment: base, precedence, .. } = *self.surroundings;
        let globals = variables.globals();
        let concrete = &mut self.concrete;
        for index in 0..concrete.env.len() {
            let Some((name, slot)) = concrete.env.get_index(index) else { break };
            let Some(command) = slot.command.clone() else { continue };
            // A command that came with an include runs in the directory of the include.
            let is_own = concrete.definition.env.iter().any(|variable| variable.name.value == *name);
            let of_include = globals.env.get(name).and_then(|global| global.dir.clone()).filter(|_| !is_own);
            let dir = of_include.filter(|dir| !dir.is_empty()).unwrap_or_else(|| concrete.dir.clone());
            let dynamic = Dynamic { command, dir, secret: slot.secret };
            let environment = || environment::with_variables(base, &concrete.env, precedence);
            let output = variables.output(&dynamic, environment).await?;
            if let Some((_, slot)) = concrete.env.get_index_mut(index) {
                *slot = Slot::value(output);
            }
        }
        Ok(())
    }

    fn render_body(&mut self) -> Result<(), RunError> {
        self.set_fingerprint_variable()?;
        self.render_commands()?;
        self.render_dependencies()?;
        let (written, vars) = (&self.task.definition, &self.concrete.vars);
        let render = |precondition: &ast::Precondition| ConcretePrecondition {
            script: self.renderer.text(&precondition.script, vars, &[]),
            message: self.renderer.text(&precondition.message, vars, &[]),
        };
        self.concrete.preconditions = written.preconditions.iter().map(render).collect();
        self.concrete.status = self.renderer.texts(&written.status, &self.concrete.vars);
        Ok(())
    }

    /// `CHECKSUM` or `TIMESTAMP`, where the task names it: it costs reading all sources.
    fn set_fingerprint_variable(&mut self) -> Result<(), RunError> {
        if self.task.definition.sources.is_empty() {
            return Ok(());
        }
        let freshness = self.surroundings.freshness;
        let name = match freshness.method(&self.concrete.method) {
            Ok(Method::None) => return Ok(()),
            Ok(Method::Timestamp) => "TIMESTAMP",
            Ok(Method::Checksum) | Err(_) => "CHECKSUM",
        };
        let host = &self.surroundings.variables.template_host;
        if names_variable(&self.task.definition, name)
            && let Some(value) = freshness.value(&self.concrete.subject(), host)?
        {
            self.concrete.vars.set(name, Slot { live: Some(value), ..Slot::default() });
        }
        Ok(())
    }

    fn render_commands(&mut self) -> Result<(), RunError> {
        let definition = Arc::clone(&self.task.definition);
        for (index, command) in definition.cmds.iter().enumerate() {
            if command.deferred {
                let action = self.as_written(&command.action);
                self.concrete.cmds.push(ConcreteCommand { action, condition: SmolStr::default(), index });
                continue;
            }
            match &command.repeat {
                None => {
                    let command = self.render_command(command, index, &[]);
                    self.concrete.cmds.push(command);
                }
                Some(repeat) => {
                    for round in self.rounds(repeat)? {
                        let command = self.render_command(command, index, &round);
                        self.concrete.cmds.push(command);
                    }
                }
            }
        }
        Ok(())
    }

    /// A deferred command, which is rendered when the task ends.
    fn as_written(&self, action: &CommandAction) -> ConcreteAction {
        match action {
            CommandAction::Script(text) => {
                ConcreteAction::Script { text: text.value.clone(), shown: text.value.clone() }
            }
            CommandAction::Call { task, .. } => {
                ConcreteAction::Call { task: self.task.callee(task.as_str()), vars: Vec::new() }
            }
            CommandAction::Nothing => ConcreteAction::Nothing,
        }
    }

    fn render_command(&mut self, command: &ast::Command, index: usize, extra: &Extra) -> ConcreteCommand {
        let vars = &self.concrete.vars;
        let host = &self.surroundings.variables.template_host;
        let (action, condition) = match &command.action {
            CommandAction::Script(text) => {
                let was_sound = self.renderer.fault().is_none();
                let rendered = self.renderer.text(text, vars, extra);
                let shown = if was_sound && !vars.has_secrets() {
                    rendered.clone()
                } else {
                    Renderer::masked(host, &text.value, vars, extra)
                };
                (ConcreteAction::Script { text: rendered, shown }, self.condition(command, extra))
            }
            CommandAction::Call { task, vars: written } => {
                let name = task.with_value(self.task.callee(task.as_str()));
                let task = self.renderer.text(&name, vars, extra);
                let condition = self.condition(command, extra);
                let vars = self.renderer.variables(written, &self.concrete.vars, extra);
                (ConcreteAction::Call { task, vars }, condition)
            }
            CommandAction::Nothing => (ConcreteAction::Nothing, SmolStr::default()),
        };
        ConcreteCommand { action, condition, index }
    }

    fn condition(&mut self, command: &ast::Command, extra: &Extra) -> SmolStr {
        let vars = &self.concrete.vars;
        command.condition.as_ref().map(|text| self.renderer.text(text, vars, extra)).unwrap_or_default()
    }

    fn render_dependencies(&mut self) -> Result<(), RunError> {
        let definition = Arc::clone(&self.task.definition);
        for dependency in &definition.deps {
            let rounds = match &dependency.repeat {
                None => vec![Round::new()],
                Some(repeat) => self.rounds(repeat)?,
            };
            for round in rounds {
                let name = dependency.task.with_value(self.task.callee(dependency.task.as_str()));
                let task = self.renderer.text(&name, &self.concrete.vars, &round);
                let vars = self.renderer.variables(&dependency.vars, &self.concrete.vars, &round);
                let timeout = dependency.timeout.as_ref().map(|timeout| timeout.value);
                self.concrete.deps.push(ConcreteDependency {
                    task,
                    vars,
                    silent: dependency.silent,
                    timeout,
                });
            }
        }
        Ok(())
    }

    fn rounds(&mut self, repeat: &ast::Loop) -> Result<Vec<Round>, RunError> {
        let files = TaskFiles { concrete: &self.concrete, freshness: self.surroundings.freshness };
        let taskfile = self.task.taskfile.as_str();
        loops::rounds(repeat, taskfile, &files, &mut self.renderer, &self.concrete.vars)
    }
}

struct TaskFiles<'a> {
    concrete: &'a ConcreteTask,
    freshness: &'a Freshness,
}

impl TaskFiles<'_> {
    fn relative(&self, globs: &[RenderedGlob]) -> Vec<SmolStr> {
        let dir = &self.concrete.dir;
        let files = self.freshness.files(dir, globs, self.concrete.use_gitignore);
        files.iter().map(|file| path::relative(dir, file).into()).collect()
    }
}

impl LoopFiles for TaskFiles<'_> {
    fn sources(&self) -> Vec<SmolStr> {
        self.relative(&self.concrete.sources)
    }

    fn generates(&self) -> Vec<SmolStr> {
        self.relative(&self.concrete.generates)
    }
}

/// Renders a deferred command when its task ends. Faults leave its texts as they were written.
pub fn deferred(
    task: &Task,
    concrete: &ConcreteTask,
    index: usize,
    variables: &Variables,
    extra: &Extra,
) -> Option<ConcreteCommand> {
    let command = concrete.definition.cmds.get(index)?;
    let mut renderer = Renderer::new(&variables.template_host);
    let action = match &command.action {
        CommandAction::Script(text) => {
            let shown = Renderer::masked(&variables.template_host, &text.value, &concrete.vars, extra);
            ConcreteAction::Script { text: renderer.text(text, &concrete.vars, extra), shown }
        }
        CommandAction::Call { task: name, vars } => {
            let name = name.with_value(task.callee(name.as_str()));
            ConcreteAction::Call {
                task: renderer.text(&name, &concrete.vars, extra),
                vars: renderer.variables(vars, &concrete.vars, extra),
            }
        }
        CommandAction::Nothing => ConcreteAction::Nothing,
    };
    Some(ConcreteCommand { action, condition: SmolStr::default(), index })
}

fn set_environment<'a>(
    renderer: &mut Renderer<'_>,
    vars: &Layer,
    written: impl IntoIterator<Item = &'a Variable>,
    env: &mut TaskEnvironment,
) {
    // A fault in one block leaves out the blocks after it.
    if renderer.fault().is_some() {
        return;
    }
    for variable in written {
        let CallVariable { name, value, secret } = renderer.variable(variable, vars, &[]);
        let slot = match value {
            CallValue::Value(value) => Slot { value, secret, ..Slot::default() },
            CallValue::Shell(text) => Slot { command: Some(text.value), secret, ..Slot::default() },
        };
        env.insert(name, slot);
    }
}

/// The name with its stars replaced by what they matched.
fn replace_stars(name: &SmolStr, vars: &Layer) -> SmolStr {
    if !name.contains('*') {
        return name.clone();
    }
    let matches = vars.get("MATCH").and_then(|slot| slot.value.as_list()).unwrap_or_default();
    let mut full = name.to_string();
    for text in matches.iter().filter_map(Value::as_str) {
        full = full.replacen('*', text, 1);
    }
    full.into()
}

/// Whether a task names a fingerprint variable where it would be rendered after its value is known.
fn names_variable(task: &ast::Task, name: &str) -> bool {
    let text = |text: &ast::Text| text.as_str().contains(name);
    let vars = |vars: &[Variable]| vars.iter().any(|variable| variable_names(variable, name));
    task.status.iter().any(text)
        || task
            .preconditions
            .iter()
            .any(|precondition| text(&precondition.script) || text(&precondition.message))
        || task.cmds.iter().any(|command| {
            command.condition.as_ref().is_some_and(text)
                || command.repeat.as_ref().is_some_and(|repeat| loop_names(repeat, name))
                || match &command.action {
                    CommandAction::Script(script) => text(script),
                    CommandAction::Call { task, vars: given } => text(task) || vars(given),
                    CommandAction::Nothing => false,
                }
        })
        || task.deps.iter().any(|dependency| {
            text(&dependency.task)
                || vars(&dependency.vars)
                || dependency.repeat.as_ref().is_some_and(|repeat| loop_names(repeat, name))
        })
}

fn loop_names(repeat: &ast::Loop, name: &str) -> bool {
    match &repeat.source {
        LoopSource::List(items) => items.iter().any(|item| value_names(item, name)),
        LoopSource::Matrix(rows) => rows.iter().any(|row| match &row.values {
            MatrixValues::List(items) => items.iter().any(|item| value_names(item, name)),
            MatrixValues::Reference(text) => text.as_str().contains(name),
        }),
        _ => false,
    }
}

fn variable_names(variable: &Variable, name: &str) -> bool {
    match &variable.value {
        VariableValue::Text(text) | VariableValue::Shell(text) | VariableValue::Reference(text) => {
            text.as_str().contains(name)
        }
        VariableValue::Literal(value) => value_names(value, name),
    }
}

fn value_names(value: &Value, name: &str) -> bool {
    match value {
        Value::String(text) => text.contains(name),
        Value::List(items) | Value::TypedList(_, items) => items.iter().any(|item| value_names(item, name)),
        Value::Map(entries) | Value::StringMap(entries) => {
            entries.iter().any(|(key, value)| key.contains(name) || value_names(value, name))
        }
        Value::AnyMap(entries) => {
            entries.iter().any(|(key, value)| value_names(key, name) || value_names(value, name))
        }
        _ => false,
    }
}
