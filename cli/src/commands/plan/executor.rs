//! Steps of plans on this machine.

use std::cell::OnceCell;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use camino::Utf8PathBuf;
use ez_compiler::Purpose;
use ez_compiler::folder::FolderTask;
use ez_compiler::ir::{Program, Resolution};
use ez_compiler::template::Value;
use ez_compiler::workspace::{outputs, taskfile_copy};
use ez_runner::call::{Call, CallValue, CallVariable};
use ez_runner::engine::{Engine, Host};
use ez_runner::error::RunError;
use ez_runner::event::{Event, EventKind, EventSink, Stream};
use ez_runner::mask::secret_names;
use ez_runner::options::{self as runner, Place};
use ez_runner::plan::executor::{
    Executor, Local, OpenStep, StepFailure, StepListener, StepNews, StepRequest,
};
use ez_runner::plan::state::RunDirectory;
use ez_runner::process::{Environment, guard};
use ez_runner::signal::Stop;
use ez_runner::workspace::Layout;
use ez_server::sync::transfer::ContentClient;
use smol_str::{SmolStr, format_smolstr};

use super::remote_step::RemoteStep;
use crate::args::invocation::{Options, Request};
use crate::ask::User;
use crate::commands::Context;
use crate::disk::plain_message;
use crate::folder::Target;
use crate::project::{Origin, Project, runner_options};
use crate::remote_task::{RemoteServer, RemoteTask, now};

/// Opens steps in a project.
pub struct LocalExecutor<'a> {
    /// What surrounds the program.
    pub context: &'a Context,
    /// The command line.
    pub options: &'a Options,
    /// The project.
    pub project: &'a Project,
    /// The plan.
    pub plan: &'a ez_compiler::ir::Plan,
    /// Where the run keeps what it makes.
    pub directory: RunDirectory,
    /// The server of remote steps, once it is known.
    pub client: OnceCell<ContentClient>,
}

impl Executor for LocalExecutor<'_> {
    fn open(&self, request: &StepRequest) -> Result<Rc<dyn OpenStep>, String> {
        let inner = self.open_here(request)?;
        if self.plan.step_of(request.node).remote == Some(true) {
            return self.open_remote(request, inner).map(|step| step as Rc<dyn OpenStep>);
        }
        Ok(inner)
    }
}

impl LocalExecutor<'_> {
    /// The server, asked by all remote steps through one client: once it answered, it is waited for where it is away.
    fn client(&self) -> Result<ContentClient, String> {
        if let Some(client) = self.client.get() {
            return Ok(client.clone());
        }
        let named = RemoteServer::named(self.context, self.options.server.as_deref());
        let server = named.map_err(|failure| failure.message)?.ok_or(
            "it is a remote step, and no server is named: say --server URL, set EZ_SERVER_URL, or take `remote: true` away",
        )?;
        Ok(self.client.get_or_init(|| server.client).clone())
    }

    /// A step that runs on a node of the server.
    fn open_remote(&self, request: &StepRequest, inner: Rc<dyn OpenStep>) -> Result<Rc<RemoteStep>, String> {
        let client = self.client()?;
        let step = self.plan.step_of(request.node);
        if let Some(secret) = request.vars.iter().chain(&request.env).find(|variable| variable.secret) {
            return Err(format!(
                "`{}` is a secret, which is not sent: set it in the environment of the node's agent",
                secret.name
            ));
        }
        let variables = request.vars.iter();
        let variables =
            variables.map(|variable| (variable.name.to_string(), variable.value.to_text().to_string()));
        let called = Request { variables: variables.collect(), ..Request::default() };
        let task = RemoteTask::of(self.context, self.options, self.project, &request.task, &called);
        let mut task = now(task)
            .ok_or("its `dotenv` depends on a command, which cannot be asked here")?
            .map_err(|failure| said(failure.message, &request.task))?;
        if !request.machines.is_empty() {
            task.nodes = request.machines.iter().map(ToString::to_string).collect();
        }
        let is_apart = step.workspace || matches!(self.project.target(&request.task), Target::Folder { .. });
        let directory = match &task.directory {
            Some(directory) => Some(directory.clone()),
            None => task.directory_of(self.context, self.options, self.project, &request.task)?,
        };
        Ok(Rc::new(RemoteStep {
            inner,
            client,
            task,
            directory,
            is_apart,
            begun: self.directory.begun_job(&request.slug),
            request: request.clone(),
        }))
    }

    fn open_here(&self, request: &StepRequest) -> Result<Rc<dyn OpenStep>, String> {
        let step = self.plan.step_of(request.node);
        let (program, call, place, definition) = match self.project.target(&request.task) {
            Target::Folder { folder, task } => {
                let project = self.open_folder(&folder, &request.slug)?;
                let definition = file_text(&folder.taskfile);
                (Arc::clone(&project.compilation.program), task, project.place, definition)
            }
            Target::Inline if step.workspace => {
                let project = self.in_workspace(self.project, &request.slug)?;
                let definition = self.inline_definition(&request.task);
                (
                    Arc::clone(&project.compilation.program),
                    request.task.to_string(),
                    project.place,
                    definition,
                )
            }
            Target::Inline => {
                let program = Arc::clone(&self.project.compilation.program);
                let definition = self.inline_definition(&request.task);
                (program, request.task.to_string(), self.project.place.clone(), definition)
            }
        };
        let mut environment = Environment::clone(&self.project.environment);
        environment.set(guard::MARK, guard::mark());
        for variable in &request.env {
            environment.set(variable.name.as_str(), variable.value.to_text().as_str());
        }
        let options = runner::Options {
            // The run of the plan writes the log, asks nobody, and counts what runs at once.
            log: false,
            is_terminal: false,
            watch: false,
            interactive: false,
            concurrency: None,
            place,
            ..runner_options(self.context, self.options, self.project)
        };
        Ok(Rc::new(LocalStep {
            program,
            call: call_of(&call, request),
            options,
            environment: Arc::new(environment),
            ask: Arc::new(User::new(self.options.personality, self.context.logger.clone())),
            definition,
            directory: OnceCell::new(),
        }))
    }
}

impl LocalExecutor<'_> {
    fn open_folder(&self, folder: &FolderTask, slug: &str) -> Result<Project, String> {
        let project = Project::open_sound_folder(self.context, self.options, folder)
            .map_err(|failure| said(failure.message, &folder.name))?;
        self.in_workspace(&project, slug)
    }

    /// A program in the directory of a step.
    fn in_workspace(&self, project: &Project, slug: &str) -> Result<Project, String> {
        let program = &project.compilation.program;
        let path = Utf8PathBuf::from_path_buf(self.directory.step(slug))
            .map_err(|path| format!("{} is not UTF-8", path.display()))?;
        let taskfile = program.taskfile.file_name().unwrap_or("Taskfile.yml");
        let from = program.taskfile.parent().unwrap_or(&program.dir);
        let compilation = &project.compilation;
        let text = taskfile_copy(&compilation.loaded, &compilation.sources, from, &path);
        let outputs = outputs(program);
        let layout = Layout {
            folder: program.dir.as_std_path(),
            workspace: path.as_std_path(),
            taskfile,
            text: &text,
            outputs: &outputs,
        };
        let root = self.project.root();
        let unusable =
            |error: io::Error| format!("cannot make the workspace {path}: {}", plain_message(&error));
        layout.prepare(root.as_std_path()).map_err(unusable)?;
        let origin = Origin {
            entry: path.join(taskfile),
            directory: path.clone(),
            stdin: None,
            folder: project.folder.clone(),
            place: Place { workspace: slug.into(), project: root.as_str().into(), ..project.place.clone() },
        };
        let compiled = Project::compile(self.context, self.options, origin, Purpose::Run);
        let compiled = compiled.and_then(|project| project.sound(self.context));
        compiled.map_err(|failure| said(failure.message, slug))
    }

    /// What the file says of an inline task.
    fn inline_definition(&self, task: &str) -> SmolStr {
        let compilation = &self.project.compilation;
        match compilation.program.resolve(task) {
            Resolution::Task(id, _) => {
                compilation.sources.text(compilation.program.task(id).definition.span).into()
            }
            Resolution::Ambiguous(_) | Resolution::Unknown => SmolStr::default(),
        }
    }
}

fn file_text(path: &Utf8PathBuf) -> SmolStr {
    // A file that cannot be read any more is another one than the one that was compiled.
    std::fs::read_to_string(path).unwrap_or_default().into()
}

/// The words of a failure that were not shown yet.
fn said(message: String, name: &str) -> String {
    if message.is_empty() {
        format!("`{name}` does not compile; its errors are shown above")
    } else {
        message
    }
}

fn call_of(task: &str, request: &StepRequest) -> Call {
    let mut call = Call::new(task);
    for variable in &request.vars {
        call.vars.push(CallVariable {
            name: variable.name.clone(),
            value: CallValue::Value(as_written(&variable.value)),
            secret: variable.secret,
        });
    }
    call
}

/// A value that is the same after it was rendered once more.
fn as_written(value: &Value) -> Value {
    match value {
        Value::String(text) if text.contains("{{") => Value::String(text.replace("{{", "{{\"{{\"}}").into()),
        other => other.clone(),
    }
}

/// A step that can run here.
struct LocalStep {
    program: Arc<Program>,
    call: Call,
    options: runner::Options,
    environment: Arc<Environment>,
    ask: Arc<User>,
    definition: SmolStr,
    directory: OnceCell<PathBuf>,
}

impl LocalStep {
    fn engine(&self, stop: Stop, sink: Rc<dyn EventSink>) -> Result<Engine, RunError> {
        let host = Host {
            environment: Arc::clone(&self.environment),
            ask: self.ask.clone(),
            suggest: Box::new(|_| None),
            stop,
        };
        Engine::new(Arc::clone(&self.program), self.options.clone(), host, sink)
    }

    /// The directory of the task; that of the program where the task cannot tell.
    fn find_directory(&self) -> PathBuf {
        let engine = self.engine(Stop::new(), crate::project::silent_sink());
        let task = engine.and_then(|engine| engine.describe(&self.call));
        let directory = task.map(|task| task.dir).ok().filter(|dir| !dir.is_empty());
        directory
            .map_or_else(|| self.program.dir.clone().into_std_path_buf(), |dir| PathBuf::from(dir.as_str()))
    }
}

impl OpenStep for LocalStep {
    fn directory(&self) -> &Path {
        self.directory.get_or_init(|| self.find_directory())
    }

    fn definition(&self) -> SmolStr {
        self.definition.clone()
    }

    fn secrets(&self) -> Vec<SmolStr> {
        let names = secret_names(&self.program);
        let values = names.iter().filter_map(|name| self.environment.get(name)?.to_str());
        values.map(SmolStr::from).collect()
    }

    fn run(&self, stop: Stop, listener: StepListener) -> Local<'_, Result<(), StepFailure>> {
        Box::pin(async move {
            let failed = |error: &RunError, is_cancelled| StepFailure {
                exit: error.exit_code(true),
                cause: error.cause().to_string(),
                is_cancelled,
            };
            let engine = self
                .engine(stop.clone(), Rc::new(StepSink { listener }))
                .map_err(|error| failed(&error, false))?;
            engine.load_dotenv().await.map_err(|error| failed(&error, false))?;
            let line =
                runner::CommandLine { assume_yes: self.options.assume_yes, ..runner::CommandLine::default() };
            engine.apply_command_line(&line).map_err(|error| failed(&error, false))?;
            engine.run(vec![self.call.clone()]).await.map_err(|error| failed(&error, stop.is_stopped()))
        })
    }
}

/// Hands on what a step prints, and what its runner says, as the terminal would show it.
struct StepSink {
    listener: StepListener,
}

impl EventSink for StepSink {
    fn emit(&self, event: &Event) {
        let output = |stream, bytes: &[u8]| (self.listener)(StepNews::Output(stream, bytes));
        let say = |text: SmolStr| output(Stream::Stderr, text.as_bytes());
        match &event.kind {
            EventKind::Output { stream, bytes, .. } => output(*stream, bytes),
            EventKind::Command { name, text, shown: true, .. } => say(format_smolstr!("[{name}] $ {text}\n")),
            EventKind::Message { stream, text, .. } => output(*stream, text.as_bytes()),
            EventKind::TaskUpToDate { name, shown: true } => say(format_smolstr!("[{name}] is up to date\n")),
            _ => {}
        }
    }

    fn wants_output(&self) -> bool {
        true
    }
}
