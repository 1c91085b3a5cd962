//! What go-task's flags ask for once the project is read: lists, summaries, states, runs.

use std::io;
use std::pin::Pin;
use std::rc::Rc;

use ez_compiler::Purpose;
use ez_compiler::check::inevitable_cycle;
use ez_compiler::folder::{DEFAULT_TASK, FolderTask, qualified};
use ez_compiler::ir::{Resolution, TaskId};
use ez_compiler::suggest::nearest;
use ez_runner::call::Call;
use ez_runner::engine::{Engine, OnSignal};
use ez_runner::error::{Cause, EXIT_TASK_NOT_FOUND, EXIT_TOO_MANY_CALLS, RunError};
use ez_runner::event::{EventSink, Sinks};
use ez_runner::report::jsonl::JsonLines;
use ez_runner::report::plain::Plain;
use ez_runner::report::recap::Recap;
use ez_runner::report::status_line::StatusLine;
use ez_runner::report::trace::Trace;
use ez_runner::standard_streams::StandardStream;

use super::check::show;
use super::list::JsonList;
use super::summary::{self, Summary};
use super::{Context, Outcome, engine_task, list, remote, template_fault};
use crate::args::invocation::Progress;
use crate::args::invocation::{
    Action, Engine as EngineKind, Invocation, ListRequest, Options, Personality, Request,
};
use crate::exit_code::Code;
use crate::failure::Failure;
use crate::folder::Target;
use crate::logger::Color;
use crate::project::{self, Project};
use crate::saved_run::SavedRun;
use crate::workspace;

/// Does what a command line of run flags asks for.
pub fn execute(context: &Context, invocation: &Invocation) -> Outcome {
    runtime()?.block_on(Session::run(context, invocation))
}

/// The event loop of a run.
pub fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Code::OTHER, format!("ez: cannot start: {error}")))
}

/// A program and what is asked of it: the project's own, or a folder task.
struct Part {
    project: Project,
    action: Action,
    /// What is kept of it, where it runs in a workspace.
    saved: Option<SavedRun>,
}

impl Part {
    /// The parts of what was asked, in order: names that follow each other in one program stay together.
    ///
    /// # Errors
    /// A folder task is refused, or a workspace cannot be made.
    fn of(
        context: &Context,
        options: &Options,
        project: Project,
        action: &Action,
    ) -> Result<Vec<Self>, Failure> {
        let (Action::Run(request) | Action::Status(request) | Action::Summary(request)) = action else {
            return Ok(vec![Self { project, action: action.clone(), saved: None }]);
        };
        let mut groups: Vec<(Option<FolderTask>, Vec<String>)> = Vec::new();
        for name in &request.tasks {
            let (folder, task) = match project.target(name) {
                Target::Inline => (None, name.clone()),
                Target::Folder { folder, task } => (Some(folder), task),
            };
            match groups.last_mut() {
                Some((last, tasks)) if *last == folder => tasks.push(task),
                _ => groups.push((folder, vec![task])),
            }
        }
        let runs = matches!(action, Action::Run(_));
        let taskfile = project.compilation.program.taskfile.clone();
        let mut own = Some(project);
        let mut parts = Vec::new();
        for (folder, tasks) in groups {
            let first = tasks.first().cloned().unwrap_or_default();
            let name = folder.as_ref().map_or(first.clone(), |folder| qualified(&folder.name, &first).into());
            let project = match &folder {
                Some(folder) => Project::open_sound_folder(context, options, folder)?,
                None => match own.take() {
                    Some(project) => project,
                    None => Project::open_sound(context, options)?,
                },
            };
            let typed: Vec<String> = match &folder {
                Some(folder) => tasks.iter().map(|task| qualified(&folder.name, task).into()).collect(),
                None => tasks.clone(),
            };
            let (project, occupied) =
                if runs { workspace::enter(context, options, project, &name)? } else { (project, None) };
            let request = Request { tasks, ..request.clone() };
            let saved = occupied
                .map(|place| {
                    let typed = Request { tasks: typed, ..request.clone() };
                    SavedRun::begin(context, &project, place, &taskfile, &typed)
                })
                .transpose()?;
            parts.push(Self {
                project,
                saved,
                action: match action {
                    Action::Status(_) => Action::Status(request),
                    Action::Summary(_) => Action::Summary(request),
                    _ => Action::Run(request),
                },
            });
        }
        Ok(parts)
    }
}

/// A project with its engine, and what was asked of it.
struct Session<'a> {
    context: &'a Context,
    options: &'a Options,
    project: Project,
    engine: Engine,
}

impl<'a> Session<'a> {
    async fn run(context: &'a Context, invocation: &'a Invocation) -> Outcome {
        let options = &invocation.options;
        let project = match options.personality {
            Personality::Task => Project::open_plain(context, options, purpose_of(&invocation.action))?,
            Personality::Ez => Project::open_sound(context, options)?,
        };
        if let (Some(node), Action::Run(request)) = (&options.on_node, &invocation.action) {
            return remote::run(context, options, &project, node, request).await;
        }
        let parts = match options.personality {
            Personality::Task => vec![Part { project, action: invocation.action.clone(), saved: None }],
            Personality::Ez => Part::of(context, options, project, &invocation.action)?,
        };
        if options.parallel && parts.len() > 1 {
            let mut all: Pin<Box<dyn Future<Output = Outcome> + 'a>> = Box::pin(std::future::ready(Ok(())));
            for part in parts {
                all = Box::pin(async move {
                    let (earlier, this) = tokio::join!(all, Self::run_part(context, options, part));
                    earlier.and(this)
                });
            }
            return all.await;
        }
        for part in parts {
            Box::pin(Self::run_part(context, options, part)).await?;
        }
        Ok(())
    }

    async fn run_part(context: &'a Context, options: &'a Options, part: Part) -> Outcome {
        let Part { project, action, saved } = part;
        if options.engine == EngineKind::Task {
            match &action {
                Action::Run(request) => {
                    let outcome = engine_task::run(context, options, &project, request, &[]).await;
                    if let Some(saved) = saved {
                        saved.finish(context, None, &outcome);
                    }
                    return outcome;
                }
                Action::Status(request) => {
                    return engine_task::run(context, options, &project, request, &["--status"]).await;
                }
                _ => {}
            }
        }
        let engine = project.engine(context, options, sink(context, options)?)?;
        let session = Self { context, options, project, engine };
        session.engine.load_dotenv().await.map_err(|error| session.failure(&error))?;
        let outcome = session.act(&action).await;
        if let Some(saved) = saved {
            saved.finish(context, Some(&session.engine), &outcome);
        }
        // The process ends now; giving every node of the program back costs a tenth of a long list.
        std::mem::forget(session.project.compilation);
        outcome
    }

    async fn act(&self, action: &Action) -> Outcome {
        match action {
            Action::ClearCache => self.clear_cache(),
            Action::List(request) => self.list(*request),
            Action::Status(request) => self.status(request).await,
            Action::Summary(request) => self.summary(request),
            Action::Run(request) => self.start(request).await,
            Action::Version
            | Action::Help(_)
            | Action::Experiments(_)
            | Action::Init(_)
            | Action::Completion(_) => Ok(()),
        }
    }

    /// The failure of a run. Under `ez` a template that is to blame is shown in its file first.
    fn failure(&self, error: &RunError) -> Failure {
        if self.options.personality == Personality::Ez
            && let Some(fault) = error.template_fault()
        {
            template_fault::show(self.context, &self.project.compilation, fault);
        }
        let failure = Failure::of_run(error, self.options.exit_code);
        match (self.options.personality, error.cause()) {
            (Personality::Task, _) => failure,
            (Personality::Ez, Cause::MissingParams { .. } | Cause::InvalidParams { .. }) => {
                Failure { message: self.about_params(error), ..failure }
            }
            (Personality::Ez, _) => Failure { message: self.engine.masked(&error.brief()), ..failure },
        }
    }

    /// What is wrong with params, who called their task, and where to look.
    fn about_params(&self, error: &RunError) -> String {
        let (Cause::MissingParams { task, .. } | Cause::InvalidParams { task, .. }) = error.cause() else {
            return error.brief();
        };
        let mut message = error.cause().to_string();
        if let Some(caller) = error.tasks().first() {
            let subject = format!("the task \"{task}\"");
            message = message.replacen(&subject, &format!("{subject}, which \"{caller}\" calls,"), 1);
        }
        let name = match &self.project.folder {
            Some(folder) if *task == DEFAULT_TASK => folder.name.clone(),
            _ => task.clone(),
        };
        self.engine.masked(&format!("ez: {message}\n`ez show {name}` shows what it takes"))
    }

    fn clear_cache(&self) -> Outcome {
        let directory = &self.project.compilation.program.dir;
        let cache = project::remote_cache(self.options, directory, &self.project.environment)?;
        match std::fs::remove_dir_all(&cache) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Failure::new(
                Code::OTHER,
                format!("unlinkat {cache}: {}", crate::disk::plain_message(&error)),
            )),
            _ => Ok(()),
        }
    }

    /// Prints a list; one that would be empty is a failure without words of its own.
    fn list(&self, request: ListRequest) -> Outcome {
        let program = self.engine.program();
        let ids = list::listed(program, request.all, self.options.order);
        if request.names_only {
            self.context.logger.out(Color::None, &list::names(program, &ids));
            return Ok(());
        }
        let sources = &self.project.compilation.sources;
        let with_status = request.json && !request.no_status;
        let entries = ids.iter().map(|id| {
            list::entry(&self.engine, sources, *id, with_status).map_err(|error| self.failure(&error))
        });
        let is_empty = ids.is_empty();
        if request.json {
            let mut json = JsonList::new(program.taskfile.as_str(), request.nested);
            for entry in entries {
                json.push(entry?).map_err(|error| list::not_json(&error))?;
            }
            let json = json.finish().map_err(|error| list::not_json(&error))?;
            self.context.logger.out(Color::None, &json);
        } else if is_empty {
            self.context.logger.out(Color::Yellow, list::nothing(request.all));
        } else {
            let entries: Vec<_> = entries.collect::<Result<_, _>>()?;
            self.context.logger.out(Color::None, &list::text(&self.context.logger, &entries));
        }
        if is_empty { Err(Failure::silent(Code::OTHER)) } else { Ok(()) }
    }

    /// Makes the command line visible to templates.
    fn enter(&self, request: &Request) -> Result<Vec<Call>, Failure> {
        let line = project::command_line(self.options, request);
        self.engine.apply_command_line(&line).map_err(|error| self.failure(&error))?;
        Ok(request.tasks.iter().map(Call::new).collect())
    }

    /// The calls of a request; where one of them names nothing, the tasks that could be named are listed first.
    fn checked(&self, request: &Request) -> Result<Vec<Call>, Failure> {
        let calls = self.enter(request)?;
        if let Err(error) = self.engine.check_calls(&calls) {
            if let (Cause::NotFound { name, suggestion }, Personality::Ez) =
                (error.cause(), self.options.personality)
            {
                return Err(unknown_task(&self.project, name, suggestion.as_deref()));
            }
            if matches!(error.cause(), Cause::NotFound { .. }) {
                match self.list(ListRequest::default()) {
                    Err(failure) if !failure.message.is_empty() => return Err(failure),
                    _ => {}
                }
            }
            return Err(self.failure(&error));
        }
        Ok(calls)
    }

    async fn status(&self, request: &Request) -> Outcome {
        let calls = self.enter(request)?;
        self.engine.status(&calls).await.map_err(|error| self.failure(&error))
    }

    /// Prints summaries. A task that cannot be rendered ends them without a word, as in go-task.
    fn summary(&self, request: &Request) -> Outcome {
        let calls = self.checked(request)?;
        let logger = &self.context.logger;
        for (at, call) in calls.iter().enumerate() {
            let Ok(task) = self.engine.describe(call) else { return Ok(()) };
            let linked = self.engine.program().task(task.id);
            if at > 0 {
                logger.out(Color::None, &summary::separator(logger));
            }
            let summary = Summary::text(logger, &self.context.environment, linked, &task);
            logger.out(Color::None, &self.engine.masked(&summary));
        }
        Ok(())
    }

    /// Shows a cycle that the calls would run into whatever happens, before anything runs.
    fn refuse_cycles(&self, calls: &[Call]) -> Outcome {
        let compilation = &self.project.compilation;
        let program = &compilation.program;
        let called: Vec<TaskId> = calls
            .iter()
            .filter_map(|call| match program.resolve(&call.task) {
                Resolution::Task(id, _) => Some(id),
                Resolution::Ambiguous(_) | Resolution::Unknown => None,
            })
            .collect();
        match inevitable_cycle(program, &called) {
            None => Ok(()),
            Some(cycle) => {
                show(self.context, &compilation.sources, &[cycle]);
                Err(Failure::silent(Code(EXIT_TOO_MANY_CALLS)))
            }
        }
    }

    async fn start(&self, request: &Request) -> Outcome {
        let calls = self.checked(request)?;
        let on_signal = match self.options.personality {
            Personality::Task => OnSignal::PassOn,
            Personality::Ez => {
                self.refuse_cycles(&calls)?;
                OnSignal::Stop
            }
        };
        let result = self.engine.run_interruptible(calls, on_signal).await;
        self.project.hide_runtime_data();
        result.map_err(|error| match (self.options.personality, error.cause()) {
            (Personality::Ez, Cause::Cancelled) => interrupted(),
            (Personality::Ez, _) if self.engine.was_interrupted() => interrupted(),
            (Personality::Ez, Cause::QuestionCancelled(_)) => {
                Failure { code: Code::INTERRUPTED, ..self.failure(&error) }
            }
            _ => self.failure(&error),
        })
    }
}

/// What a project is read for that an action is about.
fn purpose_of(action: &Action) -> Purpose {
    if matches!(action, Action::List(_)) { Purpose::List } else { Purpose::Run }
}

/// The failure of a name that no task has.
pub fn unknown_task(project: &Project, name: &str, suggestion: Option<&str>) -> Failure {
    let folders = project.compilation.folders.iter().map(|folder| folder.name.as_str());
    let suggestion = suggestion.or_else(|| nearest(name, folders));
    let hint = suggestion.map(|other| format!(" Did you mean \"{other}\"?")).unwrap_or_default();
    let place = match &project.folder {
        Some(folder) => format!("the folder task \"{}\" has no task \"{name}\"", folder.name),
        None => format!("there is no task \"{name}\""),
    };
    let message = format!("ez: {place}.{hint} `ez list --all` shows all tasks.");
    Failure::new(Code(EXIT_TASK_NOT_FOUND), message)
}

fn interrupted() -> Failure {
    Failure::new(Code::INTERRUPTED, "ez: interrupted")
}

/// Who listens to a run: the terminal, or a stream of events on standard output; under `ez` also those who tell what
/// runs and what ran.
fn sink(context: &Context, options: &Options) -> Result<Rc<dyn EventSink>, Failure> {
    let mut sinks: Vec<Box<dyn EventSink>> = Vec::new();
    if let Some(path) = &options.trace {
        let path = context.environment.absolute(path);
        let file = std::fs::File::create(&path).map_err(|error| {
            let what = crate::disk::plain_message(&error);
            Failure::new(Code::OTHER, format!("ez: cannot write the trace {path}: {what}"))
        })?;
        sinks.push(Box::new(Trace::new(io::BufWriter::new(file))));
    }
    if options.events {
        sinks.push(Box::new(JsonLines::new(io::stdout())));
    } else {
        sinks.push(Box::new(Plain::new(
            StandardStream::out(),
            StandardStream::err(),
            context.logger.palette().cloned(),
        )));
        if options.personality == Personality::Ez && !options.silent && !options.dry {
            sinks.push(Box::new(Recap::new(StandardStream::err(), options.color)));
        }
        if wants_status_line(options) {
            sinks.push(Box::new(StatusLine::new(io::stderr(), terminal_size)));
        }
    }
    Ok(match sinks.pop() {
        Some(only) if sinks.is_empty() => Rc::from(only),
        last => Rc::new(Sinks(sinks.into_iter().chain(last).collect())),
    })
}

fn wants_status_line(options: &Options) -> bool {
    let is_usable =
        || terminal_size().is_some() && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
    match (options.personality, options.progress) {
        (Personality::Task, _) | (_, Progress::Never) => false,
        (Personality::Ez, Progress::Always) => terminal_size().is_some(),
        (Personality::Ez, Progress::Auto) => !options.silent && is_usable(),
    }
}

/// Rows and columns of the terminal behind standard error.
pub fn terminal_size() -> Option<(u16, u16)> {
    let size = rustix::termios::tcgetwinsize(io::stderr()).ok()?;
    (size.ws_row > 0 && size.ws_col > 0).then_some((size.ws_row, size.ws_col))
}
