//! Params of the tasks that run: asked for and checked, as far as that can be before anything runs.

use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use ez_compiler::ast::param::variable_name;
use ez_compiler::ast::{
    CommandAction, Loop, LoopSource, Param, ParamKind, Query, Superset, Variable, VariableValue,
};
use ez_compiler::ir::Task;
use ez_compiler::superset::default_of;
use ez_compiler::template::has_template;
use rustc_hash::{FxHashMap, FxHashSet};
use smol_str::SmolStr;

use super::{Answer, AskError, State, is_for_here};
use crate::call::Call;
use crate::command::{Input, Script};
use crate::concrete::{ConcreteAction, ConcreteTask};
use crate::error::{Cause, RunError};
use crate::event::Stream;
use crate::options::AskParams;
use crate::params::{self, ParamQuestion};
use crate::query::{self, QueryError};
use crate::render::Renderer;
use crate::scope::Layer;

/// How many calls are looked at before the run begins.
pub const MAX_LOOKED_AHEAD: usize = 10_000;

/// The options that queries gave, by what was asked and where.
pub(super) type Queried = FxHashMap<(SmolStr, SmolStr), Rc<[SmolStr]>>;

/// Names of variables.
type Names = FxHashSet<SmolStr>;

/// A call that will be made, whatever happens.
struct Ahead {
    call: Call,
    /// Whether the command line names it.
    is_named: bool,
    /// Its variables that are not yet what they will be when it runs.
    unknown: Names,
    /// The task that calls.
    caller: Option<SmolStr>,
}

impl State {
    /// Asks for params of the tasks that will run, and checks those that are known: before the first command.
    pub(super) async fn settle_params(&self, calls: &[Call]) -> Result<(), RunError> {
        if self.program.tasks.iter().all(|task| params::params_of(task.superset.as_deref()).is_empty()) {
            return Ok(());
        }
        let mut seen = FxHashSet::default();
        let named = calls.iter().map(|call| Ahead {
            call: call.clone(),
            is_named: true,
            unknown: Names::default(),
            caller: None,
        });
        let mut open: VecDeque<Ahead> = named.collect();
        while let Some(ahead) = open.pop_front() {
            if seen.len() >= MAX_LOOKED_AHEAD {
                break;
            }
            if seen.insert((ahead.call.task.clone(), format!("{:?}", ahead.call.vars))) {
                open.extend(self.settle_call(ahead).await?);
            }
        }
        Ok(())
    }

    /// Settles the params of one call. Gives the calls that it will make.
    async fn settle_call(&self, ahead: Ahead) -> Result<Vec<Ahead>, RunError> {
        let Ahead { mut call, is_named, unknown, caller } = ahead;
        self.inject_prompted(&mut call);
        // What is wrong here is told when the task's turn comes, if it comes.
        let Ok((id, task)) = self.enter(&mut call) else { return Ok(Vec::new()) };
        if !is_for_here(&task.definition.platforms) {
            return Ok(Vec::new());
        }
        let Ok(mut concrete) = self.surroundings().fast(id, task, &call) else { return Ok(Vec::new()) };
        let unknown = self.unknown_names(task, unknown, &concrete.vars);
        let is_certain = task.definition.condition.is_none();
        if let Some(superset) = task.superset.as_deref().filter(|superset| !superset.params.is_empty()) {
            self.hide_secrets(&concrete);
            let known = |param: &Param| {
                (is_certain || is_named) && !unknown.contains(&variable_name(&param.name.value))
            };
            if self.ask_for_params(task, superset, &call, &concrete, is_named, &known).await? {
                self.inject_prompted(&mut call);
                match self.surroundings().fast(id, task, &call) {
                    Ok(settled) => concrete = settled,
                    Err(_) => return Ok(Vec::new()),
                }
            }
            let known = |param: &Param| is_certain && known(param);
            let checked = self.check_params(superset, &concrete, &known).await;
            checked.map_err(|error| match caller {
                Some(caller) => error.in_task(caller),
                None => error,
            })?;
        }
        if !is_certain {
            return Ok(Vec::new());
        }
        Ok(certain_calls(concrete, &unknown))
    }

    /// Masks the values of secret params in all that is told from now on.
    pub(super) fn hide_secrets(&self, concrete: &ConcreteTask) {
        for (_, slot) in concrete.exports.iter().filter(|(_, slot)| slot.secret) {
            self.messages.hide(&slot.value.to_text());
        }
    }

    /// The variables of a task whose values need commands that did not run, also by way of others.
    fn unknown_names(&self, task: &Task, of_call: Names, vars: &Layer) -> Names {
        let mut unknown = of_call;
        let entries = vars.entries();
        let computed = entries.iter().filter(|(_, slot)| slot.command.is_some());
        unknown.extend(computed.map(|(name, _)| (*name).clone()));
        let globals = self.variables.globals();
        let including = task.including_vars.iter().flat_map(|vars| vars.values());
        let of_files = globals.env.values().chain(globals.vars.values()).chain(including);
        let own = task.include_vars.iter().chain(&task.definition.vars);
        for variable in of_files.map(|global| &global.variable).chain(own) {
            if needs(&variable.value, &unknown) {
                unknown.insert(variable.name.value.clone());
            }
        }
        unknown
    }

    /// Asks for params of a task that have no value. Tells whether one was given.
    ///
    /// Of a task of the command line, those with a default are asked for too where the options say so.
    pub(super) async fn ask_for_params(
        &self,
        task: &Task,
        superset: &Superset,
        call: &Call,
        concrete: &ConcreteTask,
        is_named: bool,
        known: &dyn Fn(&Param) -> bool,
    ) -> Result<bool, RunError> {
        let asks_all = match self.options.ask_params {
            AskParams::Never => return Ok(false),
            AskParams::Required => false,
            AskParams::All => is_named && !self.options.assume_yes,
        };
        if !self.options.is_terminal {
            return Ok(false);
        }
        let given = self.variables.given(task, call)?;
        let mut has_asked = false;
        for param in superset.params.iter().filter(|param| known(param)) {
            let variable = variable_name(&param.name.value);
            let is_given = given.get(&variable).is_some_and(|slot| slot.command.is_some())
                || params::value(&given, &variable).is_some();
            let lacks_value = || param.required && params::value(&concrete.vars, &variable).is_none();
            let was_asked = self.prompted.borrow().iter().any(|answer| answer.name == variable);
            if is_given || was_asked || !(asks_all || lacks_value()) {
                continue;
            }
            let default = self.shown_default(task, superset, param, call, &concrete.vars).await?;
            let options = self.options_of(param, concrete).await?;
            let answer =
                self.ask_for_param(ParamQuestion { param: param.clone(), options, default }, task).await?;
            if !answer.is_empty() {
                if param.kind.value == ParamKind::Secret {
                    self.messages.hide(&answer);
                }
                self.prompted.borrow_mut().push(Answer { name: variable, value: answer, is_param: true });
                has_asked = true;
            }
        }
        Ok(has_asked)
    }

    /// The default that holds for a param, computed where it is made of commands' output.
    async fn shown_default(
        &self,
        task: &Task,
        superset: &Superset,
        param: &Param,
        call: &Call,
        vars: &Layer,
    ) -> Result<SmolStr, RunError> {
        let Some(default) = default_of(param, superset) else { return Ok(SmolStr::default()) };
        if !has_template(default.as_str()) {
            return Ok(default.value);
        }
        let variable = variable_name(&param.name.value);
        if vars.entries().values().all(|slot| slot.command.is_none()) {
            return Ok(params::value(vars, &variable).unwrap_or_default());
        }
        let vars = self.variables.full(Some((task, call))).await?;
        Ok(params::value(&vars, &variable).unwrap_or_default())
    }

    async fn ask_for_param(&self, question: ParamQuestion, task: &Task) -> Result<SmolStr, RunError> {
        let answer = self.ask_user(&self.root_context(), move |user| user.param(&question)).await?;
        answer.map_err(|error| match error {
            AskError::Cancelled => RunError::new(Cause::QuestionCancelled(task.name.clone())),
            AskError::Failed(message) => RunError::other(message),
        })
    }

    /// Every required param has a value, and every value is one that its param takes.
    ///
    /// # Errors
    /// All params without a value, else all with a wrong one, else options that cannot be had.
    pub(super) async fn check_params(
        &self,
        superset: &Superset,
        concrete: &ConcreteTask,
        known: &dyn Fn(&Param) -> bool,
    ) -> Result<(), RunError> {
        let (mut missing, mut problems) = (Vec::new(), Vec::new());
        for param in superset.params.iter().filter(|param| known(param)) {
            let variable = variable_name(&param.name.value);
            let Some(value) = params::value(&concrete.vars, &variable) else {
                if param.required {
                    // That it is missing is worth more than that its options cannot be told.
                    let options = self.options_of(param, concrete).await.unwrap_or_default();
                    missing.push(params::missing_param(param, &options));
                }
                continue;
            };
            let is_default = || default_of(param, superset).is_some_and(|default| default.value == value);
            // A default is the author's word: nothing is asked to doubt it.
            let options = if param.kind.value.has_options() && !(param.query.is_some() && is_default()) {
                self.options_of(param, concrete).await?
            } else {
                Vec::new()
            };
            problems.extend(params::problem(param, &value, &options));
        }
        let task = concrete.shown_name().clone();
        if !missing.is_empty() {
            return Err(RunError::new(Cause::MissingParams { task, params: missing }));
        }
        if !problems.is_empty() {
            return Err(RunError::new(Cause::InvalidParams { task, problems }));
        }
        Ok(())
    }

    /// What a param can be: what is written, else what its query gives, which is asked once. In a dry run nothing is asked.
    async fn options_of(&self, param: &Param, concrete: &ConcreteTask) -> Result<Vec<SmolStr>, RunError> {
        if !param.options.is_empty() {
            return Ok(param.options.iter().map(|option| option.value.clone()).collect());
        }
        let Some(query) = param.query.as_ref().filter(|_| !self.options.dry) else { return Ok(Vec::new()) };
        let mut renderer = Renderer::new(&self.variables.template_host);
        let mut render = |text: &ez_compiler::ast::Text| renderer.text(text, &concrete.vars, &[]);
        let (what, path) = match query {
            // A plugin that was found is a command by now.
            Query::Command(command) | Query::Plugin(command) => (render(command), concrete.dir.clone()),
            Query::Url { url, path } => (render(url), path.as_ref().map(&mut render).unwrap_or_default()),
        };
        renderer.check()?;
        let key = (what, path);
        if let Some(options) = self.queried.borrow().get(&key) {
            return Ok(options.to_vec());
        }
        let found = match query {
            Query::Command(_) | Query::Plugin(_) => self.query_command(&key.0, concrete).await,
            Query::Url { .. } => self.query_url(&key.0, &key.1).await,
        };
        let options = found.map_err(|error| {
            let name = &param.name.value;
            RunError::other(format!("ez: cannot find the options of `{name}`: {error}"))
        })?;
        self.queried.borrow_mut().insert(key, Rc::from(options.as_slice()));
        Ok(options)
    }

    async fn query_command(
        &self,
        command: &str,
        concrete: &ConcreteTask,
    ) -> Result<Vec<SmolStr>, QueryError> {
        let script = Script {
            text: command,
            dir: &concrete.dir,
            environment: concrete.environment(&self.host.environment, self.options.env_precedence),
            set: &[],
            shopt: &[],
            input: Input::Null,
        };
        let (mut printed, mut said, mut is_too_large) = (Vec::new(), Vec::new(), false);
        let mut keep = |stream: Stream, bytes: &[u8]| {
            let kept = if stream == Stream::Stdout { &mut printed } else { &mut said };
            let room = query::MAX_SIZE.saturating_sub(kept.len());
            is_too_large |= stream == Stream::Stdout && bytes.len() > room;
            kept.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
        };
        let limit = Some((concrete.name.clone(), query::COMMAND_TIMEOUT));
        let (script, keep) = (&script, &mut keep);
        let result = self
            .root_context()
            .limited(
                limit,
                |context| async move { self.commands.stream(script, &context, false, keep).await },
            )
            .await;
        match result {
            Err(error) if matches!(error.cause(), Cause::Timeout { .. }) => {
                Err(QueryError::TimedOut(query::COMMAND_TIMEOUT))
            }
            Err(error) => Err(query::command_failed(command, &error.cause().to_string(), &said)),
            Ok(()) if is_too_large => Err(QueryError::TooLarge),
            Ok(()) => query::of_lines(&printed),
        }
    }

    /// Asks a server, beside the event loop.
    async fn query_url(&self, url: &str, path: &str) -> Result<Vec<SmolStr>, QueryError> {
        if self.options.offline {
            return Err(QueryError::Offline(url.to_owned()));
        }
        let (reply, answer) = tokio::sync::oneshot::channel();
        let (asked, path) = (url.to_owned(), path.to_owned());
        // Nobody waits for the answer any more when the run was stopped meanwhile.
        let ask = move || drop(reply.send(query::of_url(&asked, &path)));
        let unreachable = |problem: String| QueryError::Unreachable { url: url.to_owned(), problem };
        let thread = std::thread::Builder::new().name("ez-query".to_owned()).spawn(ask);
        thread.map_err(|error| unreachable(error.to_string()))?;
        let context = self.root_context();
        tokio::select! {
            answer = answer => answer.map_err(|_| unreachable("no answer".to_owned()))?,
            () = context.stop().stopped() => Err(unreachable("interrupted".to_owned())),
        }
    }
}

/// A text that is rendered as it was typed: variables of calls are templates.
pub fn as_written(answer: &str) -> SmolStr {
    answer.replace("{{", "{{\"{{\"}}").into()
}

/// Whether a value is made of one that is not known.
fn needs(value: &VariableValue, unknown: &Names) -> bool {
    let reads = |text: &str| {
        unknown.iter().any(|name| text.contains(&format!(".{name}")) || text.contains(&format!("\"{name}\"")))
    };
    match value {
        VariableValue::Shell(_) => true,
        VariableValue::Text(text) => has_template(text.as_str()) && reads(text.as_str()),
        VariableValue::Reference(text) => reads(text.as_str()),
        VariableValue::Literal(value) => has_template(&value.to_text()) && reads(&value.to_text()),
    }
}

/// The variables of a call that are not known by the caller: all of them where it is not known how often it calls.
fn unknown_of(vars: &[Variable], repeat: Option<&Loop>, unknown: &Names) -> Names {
    let is_open = repeat.is_some_and(|repeat| !matches!(repeat.source, LoopSource::List(_)));
    let open = vars.iter().filter(|variable| is_open || needs(&variable.value, unknown));
    open.map(|variable| variable.name.value.clone()).collect()
}

/// The calls that a task makes in any case: not those under a condition, and not those that sources can spare.
fn certain_calls(concrete: ConcreteTask, unknown: &Names) -> Vec<Ahead> {
    let definition = Arc::clone(&concrete.definition);
    let may_be_spared = !definition.sources.is_empty()
        || !definition.status.is_empty()
        || !definition.preconditions.is_empty()
        || !definition.prompt.is_empty();
    let name = concrete.shown_name().clone();
    let call = |task, vars, unknown| Ahead {
        call: Call { task, vars, silent: false, indirect: true },
        is_named: false,
        unknown,
        caller: Some(name.clone()),
    };
    // Of dependencies it is not told which was written as which.
    let of_dependencies: Names = definition
        .deps
        .iter()
        .flat_map(|dependency| unknown_of(&dependency.vars, dependency.repeat.as_deref(), unknown))
        .collect();
    let mut calls: Vec<Ahead> = concrete
        .deps
        .into_iter()
        .map(|dependency| call(dependency.task, dependency.vars, of_dependencies.clone()))
        .collect();
    if may_be_spared {
        return calls;
    }
    calls.extend(concrete.cmds.into_iter().filter_map(|command| {
        let written = definition.cmds.get(command.index)?;
        let is_certain = written.condition.is_none() && !written.deferred && is_for_here(&written.platforms);
        let CommandAction::Call { vars: of_call, .. } = &written.action else { return None };
        let of_call = unknown_of(of_call, written.repeat.as_deref(), unknown);
        match command.action {
            ConcreteAction::Call { task, vars } if is_certain && !task.is_empty() => {
                Some(call(task, vars, of_call))
            }
            _ => None,
        }
    }));
    calls
}
