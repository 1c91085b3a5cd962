//! Runs tasks: go-task's executor (`task.go`) as an event stream.

mod cached;
mod params;
mod policy;
mod watch;

pub use params::as_written;

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use ez_compiler::ast::{self, Platform};
use ez_compiler::ir::{GlobalVariable, Program, Resolution, Task, TaskId};
use ez_compiler::template::Value;
use rustc_hash::FxHashMap;
use smol_str::{SmolStr, format_smolstr};

use crate::call::{Call, CallVariable};
use crate::command::{CommandRunner, Input, Script};
use crate::concrete::{ConcreteAction, ConcreteCommand, ConcreteTask, ListTexts, Surroundings, deferred};
use crate::directory;
use crate::error::{Cause, RunError};
use crate::event::{Color, CommandStyle, EventKind, EventSink, Skip, Stream};
use crate::freshness::Freshness;
use crate::go_text::quote;
use crate::messages::{Messages, Subject};
use crate::options::{CommandLine, Options, OutputStyle};
use crate::params::ParamQuestion;
use crate::process::Environment;
use crate::render::Renderer;
use crate::requires::{self, Requirement};
use crate::scheduler::{Context, Executions, Role, Slots};
use crate::signal::{self, Signals, Stop};
use crate::variables::{Globals, Variables};

/// How often one task may be called in a run: a cycle ends here (go-task, `MaximumTaskCall`).
pub const MAX_TASK_CALLS: u32 = 1000;

/// Finds a name that was meant by an unknown one.
pub type Suggest = Box<dyn Fn(&str) -> Option<SmolStr>>;

/// Asks the user.
pub trait Ask {
    /// Asks a question that `y` or `yes` agrees to.
    fn confirm(&self, question: &str) -> Confirmation;

    /// Asks for the value of a variable, one of `options` where there are any.
    fn value(&self, name: &str, options: &[SmolStr]) -> Result<SmolStr, AskError>;

    /// Asks for the value of a param; an empty answer is none.
    fn param(&self, question: &ParamQuestion) -> Result<SmolStr, AskError> {
        self.value(&question.param.name.value, &question.options)
    }
}

/// What the user said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Confirmation {
    /// Yes.
    Yes,
    /// Anything else.
    No,
    /// No answer: the user gave up.
    Cancelled,
    /// There is nobody to ask.
    NoTerminal,
    /// The answer could not be read.
    Failed(String),
}

/// A value that the user gave when asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The name of the variable.
    pub name: SmolStr,
    /// The value as typed.
    pub value: SmolStr,
    /// Whether it is that of a param; templates are what they are in others, as in go-task.
    pub is_param: bool,
}

impl Answer {
    /// The value for a variable of a call, which is a template.
    fn for_call(&self) -> SmolStr {
        if self.is_param { as_written(&self.value) } else { self.value.clone() }
    }
}

/// Why there is no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AskError {
    /// The user gave up.
    Cancelled,
    /// The answer could not be read.
    Failed(String),
}

/// What surrounds a run.
pub struct Host {
    /// The environment in which the program was started.
    pub environment: Arc<Environment>,
    /// Asks the user.
    pub ask: Arc<dyn Ask + Send + Sync>,
    /// Finds a name that was meant by an unknown one.
    pub suggest: Suggest,
    /// A request to stop the run.
    pub stop: Stop,
}

/// What a signal that asks the program to end does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnSignal {
    /// The commands that run get it, and what follows from that is left to them: go-task's way.
    PassOn,
    /// The run ends.
    Stop,
}

/// Runs the tasks of one program. Cheap to clone; must stay on one thread.
#[derive(Clone)]
pub struct Engine(Rc<State>);

struct State {
    program: Arc<Program>,
    options: Rc<Options>,
    host: Host,
    style: OutputStyle,
    messages: Rc<Messages>,
    variables: Variables,
    freshness: Freshness,
    commands: CommandRunner,
    slots: Slots,
    executions: Executions,
    call_counts: RefCell<FxHashMap<TaskId, u32>>,
    prompted: RefCell<Vec<Answer>>,
    /// Options that queries gave, by what was asked and where.
    queried: RefCell<params::Queried>,
    asking: tokio::sync::Mutex<()>,
    /// Exclusive tasks of this run, before they ask other processes.
    locks: RefCell<FxHashMap<SmolStr, Arc<tokio::sync::Mutex<()>>>>,
    /// Whether the run only waits for changes any more.
    watching: Cell<bool>,
}

type Outcome = Pin<Box<dyn Future<Output = Result<(), RunError>>>>;

impl Engine {
    /// An engine for a program.
    ///
    /// # Errors
    /// The output style is unknown, or the directory of fingerprints cannot be named.
    pub fn new(
        program: Arc<Program>,
        options: Options,
        host: Host,
        sink: Rc<dyn EventSink>,
    ) -> Result<Self, RunError> {
        let options = Rc::new(options);
        let style = output_style(&program, &options)?;
        let run_id = if options.run_id.is_empty() { own_run_id() } else { options.run_id.clone() };
        let messages = Rc::new(Messages::new(sink, run_id, options.verbose));
        let told = Rc::clone(&messages);
        let on_bash_only = Box::new(move |what: &str| {
            told.err(Color::Yellow, format!("task: There is no bash, and `sh` may not understand {what}\n"));
        });
        let commands = CommandRunner::new(&host.environment, options.is_terminal, on_bash_only);
        let variables = Variables::new(
            Arc::clone(&program),
            Rc::clone(&options),
            Arc::clone(&host.environment),
            commands.clone(),
            Rc::clone(&messages),
        );
        let freshness = Freshness::new(&program, &options, &host.environment);
        Ok(Self(Rc::new(State {
            slots: Slots::new(options.concurrency),
            program,
            options,
            host,
            style,
            messages,
            variables,
            freshness,
            commands,
            executions: Executions::default(),
            call_counts: RefCell::default(),
            prompted: RefCell::default(),
            queried: RefCell::default(),
            asking: tokio::sync::Mutex::new(()),
            locks: RefCell::default(),
            watching: Cell::new(false),
        })))
    }

    /// Reads the `.env` files of the Taskfile into the global environment. Must come before everything else.
    pub async fn load_dotenv(&self) -> Result<(), RunError> {
        let state = &self.0;
        if state.program.dotenv.is_empty() {
            return Ok(());
        }
        let layer = state.variables.full(None).await?;
        let mut renderer = Renderer::new(&state.variables.template_host);
        let paths = state.program.dotenv.iter().map(|text| renderer.text(text, &layer, &[]));
        let paths: Vec<SmolStr> = paths.filter(|path| !path.is_empty()).collect();
        let globals = state.variables.globals();
        let mut env = globals.env.clone();
        for (name, value) in crate::dotenv_files::read_global(&paths, state.program.dir.as_str())? {
            let variable = literal(&name, Value::String(value));
            env.entry(name).or_insert(GlobalVariable { variable, dir: None });
        }
        state.variables.set_globals(Globals::new(env, globals.vars.clone()));
        Ok(())
    }

    /// Makes the command line visible to templates: `CLI_…` before all globals, `NAME=value` in the place of the
    /// global of that name or after all (go-task, `cmd/task`).
    pub fn apply_command_line(&self, line: &CommandLine) -> Result<(), RunError> {
        let quoted: Result<Vec<String>, _> =
            line.arguments.iter().map(|argument| crate::expansion::quote_argument(argument)).collect();
        let special = [
            ("CLI_ARGS", Value::from(quoted.map_err(RunError::other)?.join(" "))),
            ("CLI_ARGS_LIST", Value::strings(line.arguments.iter().cloned())),
            ("CLI_FORCE", Value::Bool(line.force)),
            ("CLI_SILENT", Value::Bool(line.silent)),
            ("CLI_VERBOSE", Value::Bool(line.verbose)),
            ("CLI_OFFLINE", Value::Bool(line.offline)),
            ("CLI_ASSUME_YES", Value::Bool(line.assume_yes)),
        ];
        let globals = self.0.variables.globals();
        let mut written = globals.vars.clone();
        for (name, value) in &line.globals {
            let old = written.get(name).filter(|_| line.keeps_secrets);
            let secret = old.is_some_and(|old| old.variable.secret);
            let variable = ast::Variable { secret, ..literal(name, Value::String(value.clone())) };
            written.insert(name.clone(), GlobalVariable { variable, dir: None });
        }
        let mut vars = ez_compiler::ir::GlobalVariables::default();
        for (name, value) in special {
            vars.insert(name.into(), GlobalVariable { variable: literal(name, value), dir: None });
        }
        vars.extend(written);
        self.0.variables.set_globals(Globals::new(globals.env.clone(), vars));
        Ok(())
    }

    /// All called names stand for tasks that may be called from the command line.
    pub fn check_calls(&self, calls: &[Call]) -> Result<(), RunError> {
        for call in calls {
            let (id, _) = self.0.find(&call.task)?;
            if self.0.program.task(id).internal {
                return Err(RunError::new(Cause::Internal(call.task.clone())));
            }
        }
        Ok(())
    }

    /// The task that a name stands for.
    pub fn find(&self, name: &str) -> Result<TaskId, RunError> {
        self.0.find(name).map(|(id, _)| id)
    }

    /// The program.
    pub fn program(&self) -> &Arc<Program> {
        &self.0.program
    }

    /// Runs tasks.
    pub async fn run(&self, calls: Vec<Call>) -> Result<(), RunError> {
        let started = Instant::now();
        let messages = Rc::clone(&self.0.messages);
        let tasks = calls.iter().map(|call| call.task.clone()).collect();
        messages.tell(&Subject::default(), EventKind::RunStarted { tasks });
        let local = tokio::task::LocalSet::new();
        let result = local.run_until(Rc::clone(&self.0).run(calls)).await;
        let (exit, cause) = outcome(&result);
        messages
            .tell(&Subject::default(), EventKind::RunFinished { exit, cause, duration: started.elapsed() });
        result
    }

    /// Runs tasks and minds the signals that ask the program to end. The third one ends it at once.
    ///
    /// # Errors
    /// That of [`Self::run`], or the words for the third signal.
    pub async fn run_interruptible(&self, calls: Vec<Call>, on_signal: OnSignal) -> Result<(), RunError> {
        let state = &self.0;
        let mut signals = Signals::listen().map_err(|error| RunError::other(format!("task: {error}")))?;
        let mut run = pin!(self.run(calls));
        let mut count = 0;
        loop {
            let signal = tokio::select! {
                biased;
                // First, because the end of what the signal ended is mostly known at the same time.
                signal = signals.next() => signal,
                result = &mut run => return result,
            };
            if state.watching.get() {
                // Dropping the run ends what still runs.
                return Ok(());
            }
            count += 1;
            let words = signal::message(signal, count);
            if count >= signal::FORCED_AFTER {
                return Err(RunError::other(words.trim_end()));
            }
            state.messages.out(Color::Yellow, words);
            match on_signal {
                OnSignal::PassOn => state.commands.processes().forward(signal, state.options.is_terminal),
                OnSignal::Stop => state.host.stop.stop(signal),
            }
        }
    }

    /// What the user gave when asked, so far.
    pub fn answers(&self) -> Vec<Answer> {
        self.0.prompted.borrow().clone()
    }

    /// A text in which the values of secret params are masked.
    pub fn masked(&self, text: &str) -> String {
        self.0.messages.masked(text)
    }

    /// Whether a signal asked the run to end, so that failures are its consequence.
    pub fn was_interrupted(&self) -> bool {
        self.0.host.stop.received().is_some()
    }

    /// All tasks are up to date; runs nothing but their `status`.
    ///
    /// # Errors
    /// The first task that is not.
    pub async fn status(&self, calls: &[Call]) -> Result<(), RunError> {
        let state = &self.0;
        for call in calls {
            let mut call = call.clone();
            let (id, task) = state.enter(&mut call)?;
            let concrete = state.surroundings().full(id, task, &call).await?;
            if !state.is_up_to_date(&state.root_context(), &concrete).await? {
                let name = concrete.shown_name();
                return Err(RunError::other(format!("task: Task \"{name}\" is not up-to-date")));
            }
        }
        Ok(())
    }

    /// What lists show of a task.
    pub fn list_entry(&self, id: TaskId) -> Result<ListTexts, RunError> {
        self.0.surroundings().for_list(self.0.program.task(id))
    }

    /// Whether the sources of a task are unchanged, as lists in JSON say it: without `status`, with globs and
    /// directory as they were written.
    pub fn is_unchanged(&self, id: TaskId, name: &SmolStr) -> Result<bool, RunError> {
        let State { program, options, freshness, .. } = &*self.0;
        let use_gitignore = program.use_gitignore == Some(true);
        freshness.is_unchanged_as_written(program.task(id), name, &options.user_working_dir, use_gitignore)
    }

    /// A task for its summary: rendered without running commands of variables.
    pub fn describe(&self, call: &Call) -> Result<ConcreteTask, RunError> {
        let mut call = call.clone();
        let (id, task) = self.0.enter(&mut call)?;
        let concrete = self.0.surroundings().fast(id, task, &call)?;
        self.0.hide_secrets(&concrete);
        Ok(concrete)
    }

    /// Texts of the file, with the variables of a task.
    ///
    /// # Errors
    /// A template fails.
    pub fn render_texts(&self, texts: &[ast::Text], task: &ConcreteTask) -> Result<Vec<SmolStr>, RunError> {
        let mut renderer = Renderer::new(&self.0.variables.template_host);
        let rendered = renderer.texts(texts, &task.vars);
        renderer.check()?;
        Ok(rendered)
    }

    /// Forgets what ran, and what commands of variables printed: before tasks run again.
    pub fn forget(&self) {
        self.0.executions.clear();
        self.0.variables.forget_outputs();
        self.0.call_counts.borrow_mut().clear();
    }
}

impl State {
    fn find(&self, name: &str) -> Result<(TaskId, Vec<SmolStr>), RunError> {
        match self.program.resolve(name) {
            Resolution::Task(id, stars) => Ok((id, stars)),
            Resolution::Ambiguous(ids) => {
                let tasks = ids.into_iter().map(|id| self.program.task(id).name.clone()).collect();
                Err(RunError::new(Cause::NameConflict { name: name.into(), tasks }))
            }
            Resolution::Unknown => {
                let suggestion = if self.options.disable_fuzzy { None } else { (self.host.suggest)(name) };
                Err(RunError::new(Cause::NotFound { name: name.into(), suggestion }))
            }
        }
    }

    /// Finds the task of a call and tells the call what its stars matched.
    fn enter(&self, call: &mut Call) -> Result<(TaskId, &Task), RunError> {
        let (id, stars) = self.find(&call.task)?;
        call.set("MATCH", Value::strings(stars));
        Ok((id, self.program.task(id)))
    }

    fn root_context(&self) -> Context {
        Context::root(self.host.stop.clone())
    }

    fn surroundings(&self) -> Surroundings<'_> {
        Surroundings {
            variables: &self.variables,
            freshness: &self.freshness,
            root: self.program.dir.as_str(),
            environment: &self.host.environment,
            precedence: self.options.env_precedence,
            use_gitignore: self.program.use_gitignore == Some(true),
        }
    }

    async fn run(self: Rc<Self>, calls: Vec<Call>) -> Result<(), RunError> {
        for call in &calls {
            let (id, _) = self.find(&call.task)?;
            if self.program.task(id).internal {
                return Err(RunError::new(Cause::Internal(call.task.clone())));
            }
        }
        Box::pin(self.ask_for_dependencies(&calls)).await?;
        Box::pin(self.settle_params(&calls)).await?;
        let is_watched = |call: &Call| {
            let watches = |(id, _)| self.program.task(id).definition.watch;
            self.options.watch || self.find(&call.task).is_ok_and(watches)
        };
        let (watched, calls): (Vec<Call>, Vec<Call>) = calls.into_iter().partition(is_watched);
        let context = self.root_context();
        if self.options.parallel {
            self.run_all(&context, self.options.failfast, calls, |call| (call, None)).await?;
        } else {
            for call in calls {
                self.spawn(&context, call).await?;
            }
        }
        if watched.is_empty() { Ok(()) } else { self.watch(&watched).await }
    }

    /// Runs several calls at the same time and waits for all of them; the error that came first counts.
    async fn run_all<T>(
        self: &Rc<Self>,
        context: &Context,
        failfast: bool,
        calls: Vec<T>,
        describe: impl Fn(T) -> (Call, Option<(SmolStr, std::time::Duration)>),
    ) -> Result<(), RunError> {
        let context = if failfast { context.child() } else { context.clone() };
        let mut running = tokio::task::JoinSet::new();
        for call in in_starting_order(calls) {
            let (call, limit) = describe(call);
            let (state, context) = (Rc::clone(self), context.clone());
            // The inner box keeps small what has to be moved into the outer one.
            let work: Outcome = Box::pin(async move {
                context.limited(limit, |context| Box::pin(state.run_task(context, call))).await
            });
            running.spawn_local(work);
        }
        let mut first = Ok(());
        while let Some(finished) = running.join_next().await {
            let result = finished.unwrap_or_else(|failure| Err(crashed(&failure)));
            if let (Ok(()), Err(error)) = (&first, result) {
                if failfast {
                    context.cancel(error.clone());
                }
                first = Err(error);
            }
        }
        first
    }

    /// Runs a task beside the caller's own stack, however deep calls nest.
    async fn spawn(self: &Rc<Self>, context: &Context, call: Call) -> Result<(), RunError> {
        let (state, context) = (Rc::clone(self), context.clone());
        let work: Outcome = Box::pin(state.run_task(context, call));
        tokio::task::spawn_local(work).await.unwrap_or_else(|failure| Err(crashed(&failure)))
    }

    async fn run_task(self: Rc<Self>, context: Context, mut call: Call) -> Result<(), RunError> {
        self.inject_prompted(&mut call);
        let (id, task) = self.enter(&mut call)?;
        let subject =
            Subject { task: Some(self.outer_name(&task.name)), call: Some(self.messages.next_call()) };
        if !self.early_checks(id, task, &call)? {
            self.messages.tell(&subject, EventKind::TaskSkipped { why: Skip::Platform });
            // No line break: go-task writes its escape sequence as it is.
            self.messages.verbose_out(Color::Yellow, || {
                format!("task: {} not for current platform - ignored\\n", quote(&call.task))
            });
            return Ok(());
        }
        let mut concrete = Box::pin(self.surroundings().full(id, task, &call)).await?;
        self.hide_secrets(&concrete);
        if !concrete.condition.trim().is_empty()
            && !self.holds(&context, &concrete, &concrete.condition).await
        {
            self.messages.tell(&subject, EventKind::TaskSkipped { why: Skip::Condition });
            self.messages.verbose_out(Color::Yellow, || {
                format!("task: if condition not met - skipped: {}\n", quote(&call.task))
            });
            return Ok(());
        }
        if Box::pin(self.ask_for_task(&concrete, &mut call)).await? {
            concrete = self.surroundings().fast(id, task, &call)?;
        }
        requires::check_present(concrete.shown_name(), &concrete.requires, &concrete.vars)?;
        requires::check_allowed(concrete.shown_name(), &concrete.requires, &concrete.vars)?;
        if let Some(superset) = task.superset.as_deref().filter(|superset| !superset.params.is_empty()) {
            let all = |_: &ast::Param| true;
            let asked = self.ask_for_params(task, superset, &call, &concrete, false, &all);
            if Box::pin(asked).await? {
                self.inject_prompted(&mut call);
                concrete = Box::pin(self.surroundings().full(id, task, &call)).await?;
            }
            Box::pin(self.check_params(superset, &concrete, &all)).await?;
        }
        self.count_call(id, &concrete)?;
        self.slots.acquire().await;
        let name = concrete.shown_name().clone();
        let extras = policy::Extras::of(self.program.task(id), &call, &self.options);
        let result = Rc::clone(&self).start(&context, Running { concrete, call, subject, extras }).await;
        self.slots.release();
        result.map_err(|error| error.in_task(name))
    }

    /// Whether the task is for this platform; and its required variables are set, where nobody can be asked.
    ///
    /// A matrix with references tells of any fault in a template before it, also where that is only one because commands
    /// of variables did not run yet.
    fn early_checks(&self, id: TaskId, task: &Task, call: &Call) -> Result<bool, RunError> {
        let written = &task.definition;
        let fits = is_for_here(&written.platforms);
        let has_all = self.can_ask()
            || written.requires.iter().all(|required| self.variables.has(task, call, &required.name.value));
        if fits && has_all && !loops_over_references(written) {
            return Ok(true);
        }
        let concrete = self.surroundings().fast(id, task, call)?;
        if !fits {
            return Ok(false);
        }
        requires::check_present(concrete.shown_name(), &concrete.requires, &concrete.vars)?;
        Ok(true)
    }

    fn count_call(&self, id: TaskId, concrete: &ConcreteTask) -> Result<(), RunError> {
        if self.options.watch {
            return Ok(());
        }
        let mut counts = self.call_counts.borrow_mut();
        let count = counts.entry(id).or_default();
        *count += 1;
        if *count >= MAX_TASK_CALLS {
            return Err(RunError::new(Cause::TooManyCalls {
                task: concrete.name.clone(),
                limit: MAX_TASK_CALLS,
            }));
        }
        Ok(())
    }

    /// Executes a task, or waits for the execution that does its work.
    async fn start(self: Rc<Self>, context: &Context, running: Running) -> Result<(), RunError> {
        let Some(key) = self.execution_key(&running.concrete)? else {
            return self.execute(context, running).await;
        };
        if running.concrete.definition.watch {
            return self.execute(context, running).await;
        }
        match self.executions.enter(&key) {
            Role::Run(execution) => {
                let result = Rc::clone(&self).execute(context, running).await;
                execution.finish(result.clone());
                result
            }
            Role::Join(execution) => {
                self.messages.tell(&running.subject, EventKind::TaskSkipped { why: Skip::AlreadyRun });
                self.messages
                    .verbose_err(Color::Magenta, || format!("task: skipping execution of task: {key}\n"));
                self.slots.without(execution.join(context)).await
            }
        }
    }

    /// What executions that count as one have in common; `None` where each counts.
    fn execution_key(&self, concrete: &ConcreteTask) -> Result<Option<String>, RunError> {
        let of_program = self.program.run.as_ref().map_or("", |run| run.as_str());
        let run = match (concrete.run.as_str(), of_program) {
            ("", "") => "always",
            ("", run) | (run, _) => run,
        };
        let task = self.program.task(concrete.id);
        let local = concrete.full_name.strip_prefix(task.namespace.as_str()).unwrap_or(&concrete.full_name);
        let key = || format!("{}:{}", task.taskfile, local.strip_prefix(':').unwrap_or(local));
        match run {
            "always" => Ok(None),
            "once" => Ok(Some(key())),
            "when_changed" => Ok(Some(format!("{}:{}", key(), concrete.fingerprint()))),
            other => Err(RunError::other(format!("task: invalid run \"{other}\""))),
        }
    }

    async fn execute(self: Rc<Self>, context: &Context, running: Running) -> Result<(), RunError> {
        let started = Instant::now();
        let subject = running.subject.clone();
        let called = running.call.task.clone();
        self.messages.tell(&subject, EventKind::TaskStarted { called: called.clone() });
        self.messages.verbose_err(Color::Magenta, || format!("task: {} started\n", quote(&called)));
        let result = match &running.extras {
            None => self.work(context, &running).await,
            Some(extras) => Box::pin(self.governed(context, &running, extras)).await,
        };
        let (exit, cause) = outcome(&result);
        self.messages.tell(&subject, EventKind::TaskFinished { exit, cause, duration: started.elapsed() });
        result
    }

    async fn work(self: &Rc<Self>, context: &Context, running: &Running) -> Result<(), RunError> {
        let Running { concrete, call, extras, .. } = running;
        Box::pin(self.run_dependencies(context, concrete)).await?;
        let forced = self.options.force_all || (!call.indirect && self.options.force);
        if !forced && Box::pin(self.has_nothing_to_do(context, running)).await? {
            return Ok(());
        }
        let key = self.output_key(running);
        if let (false, Some(key)) = (forced, &key)
            && self.restore_outputs(running, key)?
        {
            return Ok(());
        }
        Box::pin(self.confirm(context, concrete, call)).await?;
        self.make_directory(concrete)?;
        let result = match extras {
            Some(extras) => Box::pin(self.attempts(context, running, extras)).await,
            None => self.run_once(context, running).await,
        };
        if let (Ok(()), Some(key)) = (&result, &key) {
            self.keep_outputs(running, key);
        }
        result
    }

    async fn run_once(self: &Rc<Self>, context: &Context, running: &Running) -> Result<(), RunError> {
        let mut deferred = Vec::new();
        let result = self.run_commands(context, running, &mut deferred).await;
        self.run_all_deferred(context, running, deferred, &result).await;
        result
    }

    /// Runs the deferred commands that were reached, the last one first.
    async fn run_all_deferred(
        self: &Rc<Self>,
        context: &Context,
        running: &Running,
        positions: Vec<usize>,
        result: &Result<(), RunError>,
    ) {
        let status = result.as_ref().err().and_then(RunError::command_status).unwrap_or(0);
        for position in positions.into_iter().rev() {
            self.run_deferred(context, running, position, status).await;
        }
    }

    async fn run_dependencies(
        self: &Rc<Self>,
        context: &Context,
        concrete: &ConcreteTask,
    ) -> Result<(), RunError> {
        if concrete.deps.is_empty() {
            return Ok(());
        }
        let failfast = self.options.failfast || concrete.definition.failfast;
        let calls = concrete.deps.iter().collect();
        let describe = |dependency: &crate::concrete::ConcreteDependency| {
            let (task, vars, silent) = (dependency.task.clone(), dependency.vars.clone(), dependency.silent);
            let limit = dependency.timeout.map(|limit| (task.clone(), limit));
            (Call { task, vars, silent, indirect: true }, limit)
        };
        self.slots.without(self.run_all(context, failfast, calls, describe)).await
    }

    /// Checks preconditions, then whether the task is up to date.
    async fn has_nothing_to_do(&self, context: &Context, running: &Running) -> Result<bool, RunError> {
        let Running { concrete, call, subject, .. } = running;
        if context.is_cancelled() {
            return Err(context.interruption());
        }
        for precondition in &concrete.preconditions {
            if !self.holds(context, concrete, &precondition.script).await {
                if !context.is_cancelled() {
                    self.messages.err(Color::Magenta, format_smolstr!("task: {}\n", precondition.message));
                }
                return Err(RunError::new(Cause::Precondition));
            }
        }
        if !self.is_up_to_date(context, concrete).await? {
            return Ok(false);
        }
        let shown = self.options.verbose || !self.is_silent(call, concrete);
        let name = if self.style.name == "prefixed" { &concrete.prefix } else { concrete.shown_name() };
        self.messages.tell(subject, EventKind::TaskUpToDate { name: name.clone(), shown });
        Ok(true)
    }

    /// Whether both `status` and `sources`, as far as they are there, say that nothing is to be done.
    async fn is_up_to_date(&self, context: &Context, concrete: &ConcreteTask) -> Result<bool, RunError> {
        self.freshness.method(&concrete.method)?;
        let mut up_to_date = !concrete.status.is_empty() || !concrete.sources.is_empty();
        for script in &concrete.status {
            if let Err(error) = self.test(context, concrete, script).await {
                self.messages.verbose_out(Color::Yellow, || {
                    format!("task: status command {script} exited non-zero: {error}\n")
                });
                up_to_date = false;
                break;
            }
            self.messages
                .verbose_out(Color::Yellow, || format!("task: status command {script} exited zero\n"));
        }
        if !concrete.sources.is_empty() {
            // Asked in any case: this also records what the sources look like now.
            up_to_date &= self.freshness.is_unchanged(&concrete.subject())?;
        }
        Ok(up_to_date)
    }

    async fn confirm(&self, context: &Context, concrete: &ConcreteTask, call: &Call) -> Result<(), RunError> {
        if self.options.dry {
            return Ok(());
        }
        for question in concrete.prompt.iter().filter(|question| !question.is_empty()) {
            if self.options.assume_yes {
                self.messages.out(Color::Yellow, format_smolstr!("{question} [assuming yes]\n"));
                continue;
            }
            let question = question.clone();
            match self.ask_user(context, move |user| user.confirm(&question)).await? {
                Confirmation::Yes => {}
                Confirmation::No => return Err(RunError::new(Cause::CancelledByUser(call.task.clone()))),
                Confirmation::Cancelled => {
                    return Err(RunError::new(Cause::QuestionCancelled(call.task.clone())));
                }
                Confirmation::NoTerminal => return Err(RunError::new(Cause::NoTerminal(call.task.clone()))),
                Confirmation::Failed(message) => return Err(RunError::other(message)),
            }
        }
        Ok(())
    }

    /// Makes the task's directory. Where that fails go-task says so and goes on, with commands that may need none.
    fn make_directory(&self, concrete: &ConcreteTask) -> Result<(), RunError> {
        let dir = std::path::Path::new(concrete.dir.as_str());
        let is_missing =
            || std::fs::metadata(dir).is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound);
        if concrete.dir.is_empty() || !is_missing() {
            return Ok(());
        }
        let Err(failure) = directory::make_all(dir) else { return Ok(()) };
        let dir = quote(&concrete.dir);
        if self.options.needs_directories {
            return Err(RunError::other(format!("cannot make directory {dir}: {failure}")));
        }
        self.messages.err(Color::Red, format_smolstr!("task: cannot make directory {dir}: {failure}\n"));
        Ok(())
    }

    async fn run_commands(
        self: &Rc<Self>,
        context: &Context,
        running: &Running,
        deferred: &mut Vec<usize>,
    ) -> Result<(), RunError> {
        let Running { concrete, call, .. } = running;
        for (position, command) in concrete.cmds.iter().enumerate() {
            if concrete.definition.cmds.get(command.index).is_some_and(|written| written.deferred) {
                deferred.push(position);
                continue;
            }
            let Err(error) = self.run_command(context, running, command, position).await else { continue };
            if let Err(failure) = self.freshness.forget(&concrete.subject()) {
                self.messages.verbose_err(Color::Yellow, || {
                    format!("task: error cleaning status on error: {failure}\n")
                });
            }
            if concrete.definition.ignore_error && error.is_command_failure() {
                self.messages.verbose_err(Color::Yellow, || format!("task: task error ignored: {error}\n"));
                continue;
            }
            self.messages
                .verbose_err(Color::Red, || format!("task: {} failed: {error}\n", quote(&call.task)));
            return Err(error);
        }
        self.messages.verbose_err(Color::Magenta, || format!("task: {} finished\n", quote(&call.task)));
        Ok(())
    }

    /// Runs a deferred command; it is not stopped with the task, and its failure changes nothing.
    async fn run_deferred(
        self: &Rc<Self>,
        context: &Context,
        running: &Running,
        position: usize,
        status: u8,
    ) {
        let concrete = &running.concrete;
        let Some(index) = concrete.cmds.get(position).map(|command| command.index) else { return };
        let extra: Vec<(SmolStr, Value)> = match status {
            0 => Vec::new(),
            status => vec![("EXIT_CODE".into(), Value::from(status.to_string()))],
        };
        let task = self.program.task(concrete.id);
        let Some(command) = deferred(task, concrete, index, &self.variables, &extra) else { return };
        let context = context.detached();
        if let Err(error) = self.run_command(&context, running, &command, position).await {
            self.messages
                .verbose_err(Color::Yellow, || format!("task: ignored error in deferred cmd: {error}\n"));
        }
    }

    async fn run_command(
        self: &Rc<Self>,
        context: &Context,
        running: &Running,
        command: &ConcreteCommand,
        position: usize,
    ) -> Result<(), RunError> {
        let concrete = &running.concrete;
        let Some(written) = concrete.definition.cmds.get(command.index) else { return Ok(()) };
        let name = concrete.shown_name();
        let limit = written.timeout.as_ref().map(|limit| (name.clone(), limit.value));
        let result = context
            .limited(limit, |context| async move {
                if !command.condition.trim().is_empty()
                    && !self.holds(&context, concrete, &command.condition).await
                {
                    if context.is_cancelled() {
                        return Err(context.interruption());
                    }
                    self.messages.verbose_out(Color::Yellow, || {
                        format!("task: [{name}] if condition not met - skipped\n")
                    });
                    return Ok(());
                }
                match &command.action {
                    ConcreteAction::Call { task, vars } if !task.is_empty() => {
                        Box::pin(self.call(&context, task, vars, written.silent)).await
                    }
                    ConcreteAction::Script { text, shown } if !text.is_empty() => {
                        Box::pin(self.script(&context, running, written, text, shown, position)).await
                    }
                    _ => Ok(()),
                }
            })
            .await;
        match result {
            Err(error) if written.ignore_error && error.is_command_failure() => {
                let kind =
                    if matches!(command.action, ConcreteAction::Call { .. }) { "task" } else { "command" };
                self.messages
                    .verbose_err(Color::Yellow, || format!("task: [{name}] {kind} error ignored: {error}\n"));
                Ok(())
            }
            result => result,
        }
    }

    async fn call(
        self: &Rc<Self>,
        context: &Context,
        task: &SmolStr,
        vars: &[CallVariable],
        silent: bool,
    ) -> Result<(), RunError> {
        let call = Call { task: task.clone(), vars: vars.to_vec(), silent, indirect: true };
        self.slots.without(self.spawn(context, call)).await
    }

    async fn script(
        &self,
        context: &Context,
        running: &Running,
        written: &ast::Command,
        text: &SmolStr,
        shown: &SmolStr,
        index: usize,
    ) -> Result<(), RunError> {
        let Running { concrete, call, .. } = running;
        let name = concrete.shown_name();
        if !is_for_here(&written.platforms) {
            self.messages.verbose_out(Color::Yellow, || {
                format!("task: [{name}] {shown} not for current platform - ignored\n")
            });
            return Ok(());
        }
        let is_shown = self.options.verbose || (!written.silent && !self.is_silent(call, concrete));
        let definition = &concrete.definition;
        let script = Script {
            text,
            dir: &concrete.dir,
            environment: concrete.environment(&self.host.environment, self.options.env_precedence),
            set: &unique([&self.program.set, &definition.set, &written.set]),
            shopt: &unique([&self.program.shopt, &definition.shopt, &written.shopt]),
            input: if definition.interactive { Input::Terminal } else { Input::Inherit },
        };
        self.run_script(context, running, &script, shown, is_shown, index).await
    }

    /// Runs a script and tells of it.
    async fn run_script(
        &self,
        context: &Context,
        running: &Running,
        script: &Script<'_>,
        shown: &SmolStr,
        is_shown: bool,
        index: usize,
    ) -> Result<(), RunError> {
        let Running { concrete, subject, .. } = running;
        let style = self.command_style(concrete);
        let joined = style != CommandStyle::Interleaved;
        let recorders: Vec<_> = context.recorders().collect();
        // Who has the terminal cannot be listened to.
        let recorded = !recorders.is_empty() && !concrete.definition.interactive;
        let captured = joined || recorded || self.messages.wants_output();
        let name = concrete.shown_name();
        self.messages.tell(
            subject,
            EventKind::Command {
                index,
                name: name.clone(),
                text: shown.clone(),
                shown: is_shown,
                runs: !self.options.dry,
                style: captured.then_some(style),
            },
        );
        if self.options.dry {
            return Ok(());
        }
        let secrets = if recorders.is_empty() { Vec::new() } else { policy::secrets(concrete) };
        for recorder in &recorders {
            recorder.hide(&secrets);
            if is_shown {
                recorder.command(name, shown);
            }
        }
        let started = Instant::now();
        let result = if captured {
            let mut tell = |stream: Stream, bytes: &[u8]| {
                for recorder in &recorders {
                    recorder.output(bytes);
                }
                self.messages.tell(subject, EventKind::Output { index, stream, bytes: bytes.to_vec() });
            };
            self.commands.stream(script, context, joined, &mut tell).await
        } else {
            self.commands.inherit(script, context).await
        };
        let exit = match &result {
            Ok(()) => Some(0),
            Err(error) => error.command_status(),
        };
        self.messages.tell(subject, EventKind::CommandFinished { index, exit, duration: started.elapsed() });
        result
    }

    /// How the output of a command is shown.
    fn command_style(&self, concrete: &ConcreteTask) -> CommandStyle {
        if concrete.definition.interactive {
            return CommandStyle::Interleaved;
        }
        let OutputStyle { name, begin, end, error_only } = &self.style;
        match name.as_str() {
            "group" => {
                let mut renderer = Renderer::new(&self.variables.template_host);
                let mut render = |text| renderer.plain(text, None, &concrete.vars, &[]);
                CommandStyle::Group { begin: render(begin), end: render(end), error_only: *error_only }
            }
            "prefixed" => CommandStyle::Prefixed { prefix: concrete.prefix.clone() },
            _ => CommandStyle::Interleaved,
        }
    }

    fn is_silent(&self, call: &Call, concrete: &ConcreteTask) -> bool {
        call.silent || concrete.silent || self.program.silent || self.options.silent
    }

    /// Whether a condition holds.
    async fn holds(&self, context: &Context, concrete: &ConcreteTask, script: &SmolStr) -> bool {
        Box::pin(self.test(context, concrete, script)).await.is_ok()
    }

    async fn test(
        &self,
        context: &Context,
        concrete: &ConcreteTask,
        script: &SmolStr,
    ) -> Result<(), RunError> {
        let script = Script {
            text: script,
            dir: &concrete.dir,
            environment: concrete.environment(&self.host.environment, self.options.env_precedence),
            set: &[],
            shopt: &[],
            input: Input::Null,
        };
        self.commands.test(&script, context).await
    }

    fn can_ask(&self) -> bool {
        self.options.interactive && self.options.is_terminal
    }

    fn inject_prompted(&self, call: &mut Call) {
        for answer in self.prompted.borrow().iter() {
            if !call.sets(&answer.name) {
                call.set(answer.name.clone(), Value::String(answer.for_call()));
            }
        }
    }

    /// Asks at the start for what all dependencies miss, so that questions do not mix with output.
    async fn ask_for_dependencies(&self, calls: &[Call]) -> Result<(), RunError> {
        if !self.can_ask() {
            return Ok(());
        }
        let mut missing: Vec<Requirement> = Vec::new();
        let mut visited = rustc_hash::FxHashSet::default();
        let mut open: Vec<Call> = calls.iter().rev().cloned().collect();
        while let Some(mut call) = open.pop() {
            let (id, task) = self.enter(&mut call)?;
            let concrete = self.surroundings().fast(id, task, &call)?;
            let mut renderer = Renderer::new(&self.variables.template_host);
            // A reference that needs a command cannot be resolved yet: any value may then be typed.
            let resolved = requires::resolved(&task.definition.requires, &mut renderer, &concrete.vars);
            let requirements = resolved.unwrap_or_else(|_| concrete.requires.clone());
            for requirement in requires::missing(&requirements, &concrete.vars) {
                if !missing.iter().any(|known| known.name == requirement.name) {
                    missing.push(requirement.clone());
                }
            }
            if visited.insert(call.task.clone()) {
                open.extend(concrete.deps.into_iter().rev().map(|dependency| Call {
                    task: dependency.task,
                    vars: dependency.vars,
                    silent: dependency.silent,
                    indirect: false,
                }));
            }
        }
        for requirement in missing {
            let value = self.ask(&requirement, "interactive prompt").await?;
            self.prompted.borrow_mut().push(Answer { name: requirement.name, value, is_param: false });
        }
        Ok(())
    }

    /// Asks for what one task misses. Tells whether it was asked.
    async fn ask_for_task(&self, concrete: &ConcreteTask, call: &mut Call) -> Result<bool, RunError> {
        if !self.can_ask() {
            return Ok(false);
        }
        let mut asked = false;
        for requirement in requires::missing(&concrete.requires, &concrete.vars) {
            if self.prompted.borrow().iter().any(|answer| answer.name == requirement.name) {
                continue;
            }
            let value = self.ask(requirement, concrete.shown_name()).await?;
            call.set(requirement.name.clone(), Value::String(value.clone()));
            let name = requirement.name.clone();
            self.prompted.borrow_mut().push(Answer { name, value, is_param: false });
            asked = true;
        }
        Ok(asked)
    }

    async fn ask(&self, requirement: &Requirement, task: &str) -> Result<SmolStr, RunError> {
        let Requirement { name, allowed, .. } = requirement.clone();
        let answer = self.ask_user(&self.root_context(), move |user| user.value(&name, &allowed)).await?;
        answer.map_err(|error| match error {
            AskError::Cancelled => RunError::new(Cause::QuestionCancelled(task.into())),
            AskError::Failed(message) => RunError::other(message),
        })
    }

    /// Asks beside the event loop, so that signals are minded while the user thinks; one question at a time.
    async fn ask_user<T: Send + 'static>(
        &self,
        context: &Context,
        question: impl FnOnce(&dyn Ask) -> T + Send + 'static,
    ) -> Result<T, RunError> {
        let _alone = self.asking.lock().await;
        let user = Arc::clone(&self.host.ask);
        let (reply, answer) = tokio::sync::oneshot::channel();
        // Nobody waits for the answer any more when the run was stopped meanwhile.
        let ask = move || drop(reply.send(question(&*user)));
        let thread = std::thread::Builder::new().name("ez-prompt".to_owned()).spawn(ask);
        thread.map_err(|error| RunError::other(format!("task: cannot ask: {error}")))?;
        tokio::select! {
            answer = answer => answer.map_err(|_| RunError::other("task: the question was not answered")),
            () = context.stop().stopped() => Err(context.interruption()),
        }
    }
}

/// A task that runs.
struct Running {
    concrete: ConcreteTask,
    call: Call,
    subject: Subject,
    /// What it has beyond go-task.
    extras: Option<Box<policy::Extras>>,
}

fn outcome(result: &Result<(), RunError>) -> (u8, Option<String>) {
    match result {
        Ok(()) => (0, None),
        Err(error) => (error.exit_code(false), Some(error.cause().to_string())),
    }
}

/// The order in which calls at the same time begin. Go's scheduler goes on with the routine that was made last, and
/// then takes the others as they came: of several errors at once, go-task tells that of the last dependency.
fn in_starting_order<T>(mut calls: Vec<T>) -> Vec<T> {
    if !calls.is_empty() {
        calls.rotate_right(1);
    }
    calls
}

fn crashed(failure: &tokio::task::JoinError) -> RunError {
    RunError::other(format!("internal error: {failure}"))
}

/// Whether the task has a matrix with a row that is a reference.
fn loops_over_references(task: &ast::Task) -> bool {
    let loops = task.cmds.iter().map(|command| command.repeat.as_deref());
    let loops = loops.chain(task.deps.iter().map(|dependency| dependency.repeat.as_deref())).flatten();
    let is_reference = |row: &ast::MatrixRow| matches!(row.values, ast::MatrixValues::Reference(_));
    loops.into_iter().any(
        |repeat| matches!(&repeat.source, ast::LoopSource::Matrix(rows) if rows.iter().any(is_reference)),
    )
}

/// Whether one of the platforms, if there are any, is this one.
fn is_for_here(platforms: &[Platform]) -> bool {
    let (os, arch) = (crate::platform::os(), crate::platform::arch());
    platforms.is_empty() || platforms.iter().any(|platform| platform.matches(os, arch))
}

/// All words of several lists, sorted, each once.
fn unique(lists: [&[ast::Text]; 3]) -> Vec<SmolStr> {
    let mut words: Vec<SmolStr> = lists.into_iter().flatten().map(|text| text.value.clone()).collect();
    words.sort_unstable();
    words.dedup();
    words
}

/// A variable that no file holds.
fn literal(name: &str, value: Value) -> ast::Variable {
    use ez_compiler::source::{SourceId, Span, Spanned};
    let nowhere = Span { source: SourceId(u32::MAX), start: 0, end: 0 };
    ast::Variable {
        name: Spanned::new(name.into(), nowhere),
        value: ast::VariableValue::Literal(value),
        span: nowhere,
        secret: false,
    }
}

/// The style of output of the command line, else of the Taskfile.
fn output_style(program: &Program, options: &Options) -> Result<OutputStyle, RunError> {
    let of_program = || {
        let text =
            |text: &Option<ast::Text>| text.as_ref().map(|text| text.value.clone()).unwrap_or_default();
        program.output.as_ref().map(|output| OutputStyle {
            name: output.style.value.clone(),
            begin: text(&output.group.begin),
            end: text(&output.group.end),
            error_only: output.group.error_only,
        })
    };
    let chosen = options.output.clone().filter(|style| !style.name.is_empty());
    let style = chosen.or_else(of_program).unwrap_or_default();
    let has_group = !style.begin.is_empty() || !style.end.is_empty();
    match style.name.as_str() {
        "group" => Ok(style),
        "" | "interleaved" | "prefixed" if !has_group => Ok(style),
        "" | "interleaved" | "prefixed" => Err(RunError::other(format!(
            "task: output style {} does not support the group begin/end parameter",
            quote(&style.name)
        ))),
        name => Err(RunError::other(format!("task: output style {} not recognized", quote(name)))),
    }
}

fn own_run_id() -> SmolStr {
    let since =
        std::time::SystemTime::now().duration_since(std::time::SystemTime::UNIX_EPOCH).unwrap_or_default();
    format_smolstr!("{:x}-{:x}", since.as_nanos(), std::process::id())
}

#[cfg(test)]
mod tests;
