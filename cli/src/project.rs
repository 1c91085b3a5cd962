//! The project that a command works on: found, read, compiled.

use std::io::Read;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use ez_compiler::diagnostic::{Diagnostic, Severity};
use ez_compiler::file_system::{FileSystem, MemoryFileSystem, OverlayFileSystem};
use ez_compiler::folder::FolderTask;
use ez_compiler::ir::{Program, Resolution, TaskId};
use ez_compiler::plan::{CompiledPlan, PlanFile};
use ez_compiler::project::paths::TASKFILE_NAMES;
use ez_compiler::rule;
use ez_compiler::{Compilation, Dialect, Purpose, compile, compile_plans};
use ez_runner::engine::{Engine, Host};
use ez_runner::error::{Cause, RunError};
use ez_runner::event::EventSink;
use ez_runner::options::{self as runner, CommandLine};
use ez_runner::runtime_data;
use ez_runner::template_host::TemplateHost;
use smol_str::SmolStr;

use crate::args::invocation::{Options, Personality, Request};
use crate::ask::User;
use crate::changed_files::Changes;
use crate::commands::Context;
use crate::commands::version::GO_TASK_VERSION;
use crate::discovery::{self, DiscoveryError, Root, STDIN_NAME};
use crate::disk::{self, Disk};
use crate::environment::Environment;
use crate::exit_code::Code;
use crate::failure::Failure;
use crate::files::Files;
use crate::{fuzzy, load_failure, terminal};

/// The directory of what EZ writes while it runs, below the root directory.
const RUNTIME_DATA: &str = ".ez";

/// Where EZ remembers sources, below the root directory.
const MEMORY: &str = ".ez/cache/sources";

/// The same for a folder task, below its own directory there.
const FOLDER_MEMORY: &str = "sources";

/// Names the workspace, for commands and templates.
const WORKSPACE_VARIABLE: &str = "EZ_WORKSPACE_NAME";

/// A compiled project and where it was found.
pub struct Project {
    /// What the compiler made of it.
    pub compilation: Compilation,
    /// The environment of its processes.
    pub environment: Arc<ez_runner::process::Environment>,
    /// The folder task that it is; none for the root of a project.
    pub folder: Option<Arc<FolderTask>>,
    /// What it is a part of.
    pub place: runner::Place,
}

/// Why a project cannot be read.
enum NoOrigin {
    /// There is no root Taskfile.
    Undiscovered(DiscoveryError),
    /// Standard input cannot be read.
    Unreadable(Failure),
}

impl From<NoOrigin> for Failure {
    fn from(reason: NoOrigin) -> Self {
        match reason {
            NoOrigin::Undiscovered(error) => error.into(),
            NoOrigin::Unreadable(failure) => failure,
        }
    }
}

/// Where a project is read from.
pub struct Origin {
    /// The root Taskfile: an absolute path, an address, or [`STDIN_NAME`].
    pub entry: Utf8PathBuf,
    /// The directory that tasks run in.
    pub directory: Utf8PathBuf,
    /// The text of standard input, where the root Taskfile comes from there.
    pub stdin: Option<String>,
    /// The folder task that it is; none for the root of a project.
    pub folder: Option<Arc<FolderTask>>,
    /// What it is a part of.
    pub place: runner::Place,
}

impl Origin {
    /// The root of a project.
    fn root(entry: Utf8PathBuf, directory: Utf8PathBuf) -> Self {
        Self { entry, directory, stdin: None, folder: None, place: runner::Place::default() }
    }

    /// Finds the root Taskfile that the options ask for.
    ///
    /// # Errors
    /// There is none (exit 100), or standard input cannot be read.
    fn find(context: &Context, options: &Options) -> Result<Self, NoOrigin> {
        let here = || context.environment.working_directory.clone();
        Ok(
            match discovery::find_root(&options.taskfile, &options.dir, &context.environment)
                .map_err(NoOrigin::Undiscovered)?
            {
                Root::File { path, directory } => Self::root(path, directory),
                Root::Remote { address, directory } => {
                    Self::root(address.into(), directory.unwrap_or_else(here))
                }
                Root::Stdin { directory } => Self {
                    stdin: Some(read_stdin().map_err(NoOrigin::Unreadable)?),
                    ..Self::root(STDIN_NAME.into(), directory.unwrap_or_else(here))
                },
            },
        )
    }
}

fn read_stdin() -> Result<String, Failure> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).map_err(|error| {
        Failure::new(Code::OTHER, format!("read {STDIN_NAME}: {}", disk::plain_message(&error)))
    })?;
    Ok(text)
}

impl Project {
    /// Finds and compiles the project that the options ask for.
    ///
    /// # Errors
    /// There is no root Taskfile; under `ez` that is a finding. A Taskfile that go-task would refuse is no error: see
    /// [`Compilation::failure`].
    pub fn open(context: &Context, options: &Options, purpose: Purpose) -> Result<Self, Failure> {
        Self::open_changed(context, options, purpose, &Changes::default())
    }

    /// The same for a project with changes that are not made yet.
    ///
    /// # Errors
    /// There is no root Taskfile.
    pub fn open_changed(
        context: &Context,
        options: &Options,
        purpose: Purpose,
        changes: &Changes,
    ) -> Result<Self, Failure> {
        let failure = match Origin::find(context, options) {
            Ok(origin) => return Self::compile_changed(context, options, origin, purpose, changes),
            Err(failure) => failure,
        };
        match (options.personality, failure) {
            (Personality::Ez, NoOrigin::Undiscovered(_)) => Self::open_nothing(context, options, purpose),
            (_, failure) => Err(failure.into()),
        }
    }

    /// A project whose root Taskfile is not there, for the finding about it.
    fn open_nothing(context: &Context, options: &Options, purpose: Purpose) -> Result<Self, Failure> {
        let environment = &context.environment;
        let is_named = !options.taskfile.is_empty();
        let first_name = TASKFILE_NAMES.first().copied().unwrap_or_default();
        let directory = match options.dir.as_str() {
            "" => environment.working_directory.clone(),
            dir => environment.absolute(dir),
        };
        let named = environment.absolute(&options.taskfile);
        let entry = match (is_named, named.is_dir()) {
            (true, false) => named,
            (true, true) => named.join(first_name),
            (false, _) => directory.join(first_name),
        };
        let searched = format!("there is no Taskfile in `{directory}` or in a directory above it");
        let mut project = Self::compile(context, options, Origin::root(entry, directory), purpose)?;
        for diagnostic in &mut project.compilation.diagnostics {
            if !is_named && diagnostic.code == rule::NO_TASKFILE {
                diagnostic.message.clone_from(&searched);
            }
        }
        Ok(project)
    }

    /// Compiles what was found.
    pub fn compile(
        context: &Context,
        options: &Options,
        origin: Origin,
        purpose: Purpose,
    ) -> Result<Self, Failure> {
        Self::compile_changed(context, options, origin, purpose, &Changes::default())
    }

    fn compile_changed(
        context: &Context,
        options: &Options,
        origin: Origin,
        purpose: Purpose,
        changes: &Changes,
    ) -> Result<Self, Failure> {
        let mut environment = context.environment.for_processes();
        if !origin.place.workspace.is_empty() {
            environment.set(WORKSPACE_VARIABLE, origin.place.workspace.as_str());
        }
        let environment = Arc::new(environment);
        let host = TemplateHost::new(&environment);
        let cache = remote_cache(options, &origin.directory, &environment)?;
        let files = Files::new(options, &origin.entry, cache, &environment, &context.logger);
        let dialect = match options.personality {
            Personality::Task => Dialect::GoTask,
            Personality::Ez => Dialect::Ez,
        };
        let options = ez_compiler::Options {
            root_dir: origin.directory,
            host: &host,
            purpose,
            dialect,
            folder: origin.folder.as_deref(),
        };
        let compilation = match origin.stdin {
            None if changes.is_empty() => compile(&files, &origin.entry, &options, None),
            None => changes.over(&files, |files| compile(files, &origin.entry, &options, None)),
            Some(text) => {
                let overlay = MemoryFileSystem::new().with(STDIN_NAME, text);
                let files = OverlayFileSystem { overlay, below: &files as &dyn FileSystem };
                compile(&files, &origin.entry, &options, None)
            }
        };
        Ok(Self { compilation, environment, folder: origin.folder, place: origin.place })
    }

    /// An engine for the project's tasks.
    ///
    /// # Errors
    /// An unknown output style, or a directory of fingerprints that cannot be named.
    pub fn engine(
        &self,
        context: &Context,
        options: &Options,
        sink: Rc<dyn EventSink>,
    ) -> Result<Engine, Failure> {
        let program = Arc::clone(&self.compilation.program);
        let names = Arc::clone(&program);
        let host = Host {
            environment: Arc::clone(&self.environment),
            ask: Arc::new(User::new(options.personality, context.logger.clone())),
            suggest: Box::new(move |typed| suggest(&names, typed)),
            stop: context.environment.stop.child(),
        };
        Engine::new(program, runner_options(context, options, self), host, sink)
            .map_err(|error| Failure::of_run(&error, options.exit_code))
    }
}

/// The options in the engine's terms.
pub fn runner_options(context: &Context, options: &Options, project: &Project) -> runner::Options {
    let output = &options.output;
    runner::Options {
        force: options.force,
        force_all: options.force_all,
        dry: options.dry,
        silent: options.silent,
        verbose: options.verbose,
        assume_yes: options.assume_yes,
        interactive: options.interactive,
        ask_params: options.ask_params,
        offline: options.remote.offline,
        has_no_root: project.compilation.program.taskfile == STDIN_NAME && options.dir.is_empty(),
        log: options.log || !project.place.folder.is_empty(),
        wait_for_locks: options.wait_for_locks,
        command_line: typed_command_line(&context.environment),
        is_terminal: terminal::is_present(),
        parallel: options.parallel,
        failfast: options.failfast,
        concurrency: options.concurrency,
        watch: options.watch,
        interval: u64::try_from(options.interval).ok().filter(|nanos| *nanos > 0).map(Duration::from_nanos),
        output: (!output.style.is_empty()).then(|| runner::OutputStyle {
            name: output.style.as_str().into(),
            begin: output.group_begin.as_str().into(),
            end: output.group_end.as_str().into(),
            error_only: output.group_error_only,
        }),
        temp_dir: options.temp_dir.as_str().into(),
        fingerprint_memory: fingerprint_memory(options, project),
        needs_directories: options.personality == Personality::Ez,
        disable_fuzzy: options.disable_fuzzy,
        env_precedence: options.env_precedence,
        program: context.environment.program.as_str().into(),
        version: GO_TASK_VERSION.into(),
        user_working_dir: context.environment.working_directory.as_str().into(),
        run_id: SmolStr::default(),
        place: project.place.clone(),
    }
}

/// The command line, with the program's name in place of its path.
fn typed_command_line(environment: &Environment) -> Vec<SmolStr> {
    let program = environment.program.rsplit('/').next().unwrap_or_default();
    std::iter::once(program)
        .chain(environment.arguments.iter().map(String::as_str))
        .map(SmolStr::new)
        .collect()
}

/// Where more than go-task's fingerprints is remembered; only under the name `ez`.
fn fingerprint_memory(options: &Options, project: &Project) -> Option<SmolStr> {
    let directory = &project.compilation.program.dir;
    let is_known = options.personality == Personality::Ez && directory.is_absolute();
    let memory = match project.place.folder.as_str() {
        _ if !project.place.workspace.is_empty() => directory.join(MEMORY),
        "" => directory.join(MEMORY),
        // Its names are those of other tasks elsewhere.
        folder => {
            let data = runtime_data::task(project.root().as_std_path(), folder);
            Utf8PathBuf::from_path_buf(data).ok()?.join(FOLDER_MEMORY)
        }
    };
    is_known.then(|| memory.as_str().into())
}

/// What the command line makes visible to templates.
pub fn command_line(options: &Options, request: &Request) -> CommandLine {
    CommandLine {
        globals: request.variables.iter().map(|(name, value)| (name.into(), value.into())).collect(),
        arguments: request.arguments.iter().map(SmolStr::new).collect(),
        keeps_secrets: options.personality == Personality::Ez,
        force: options.force || options.force_all,
        silent: options.silent,
        verbose: options.verbose,
        offline: options.remote.offline,
        assume_yes: options.assume_yes,
    }
}

/// The directory of copies of remote Taskfiles, which `--clear-cache` empties.
pub fn remote_cache(
    options: &Options,
    directory: &Utf8Path,
    environment: &ez_runner::process::Environment,
) -> Result<Utf8PathBuf, Failure> {
    let chosen = [&options.remote.cache_dir, &options.temp_dir].into_iter().find(|dir| !dir.is_empty());
    let chosen = chosen.map_or(".task", String::as_str);
    let base = if chosen.starts_with(['~', '/']) {
        let expanded = ez_runner::expansion::expand_literal(chosen, environment);
        Utf8PathBuf::from(expanded.map_err(|message| Failure::new(Code::OTHER, message))?.as_str())
    } else {
        directory.join(chosen)
    };
    Ok(base.join("remote"))
}

impl Project {
    /// Opens a project as go-task does.
    ///
    /// # Errors
    /// There is no root Taskfile, or it is refused, in go-task's words.
    pub fn open_plain(context: &Context, options: &Options, purpose: Purpose) -> Result<Self, Failure> {
        let project = Self::open(context, options, purpose)?;
        match &project.compilation.failure {
            None => Ok(project),
            Some(failure) => Err(load_failure::describe(failure, &context.logger, &context.environment)),
        }
    }

    /// Opens a project that `ez` can work with.
    ///
    /// # Errors
    /// There is no root Taskfile, or it is refused; why is shown with its lines.
    pub fn open_sound(context: &Context, options: &Options) -> Result<Self, Failure> {
        Self::open(context, options, Purpose::Run)?.sound(context)
    }

    /// The project, if `ez` can work with it.
    ///
    /// # Errors
    /// It is refused; why is shown with its lines.
    pub fn sound(self, context: &Context) -> Result<Self, Failure> {
        let refused = match &self.compilation.failure {
            None if self.compilation.diagnostics.iter().any(is_superset_error) => {
                Failure::silent(Code::OTHER)
            }
            None => return Ok(self),
            Some(failure) => load_failure::describe(failure, &context.logger, &context.environment),
        };
        Err(crate::commands::check::refuse(context, &self, refused))
    }

    /// The root directory of the project, also for a folder task in it.
    pub fn root(&self) -> Utf8PathBuf {
        match self.place.project.as_str() {
            "" => self.compilation.program.dir.clone(),
            project => project.into(),
        }
    }

    /// Keeps what the run wrote out of version control. Nothing depends on it, so trouble is passed over.
    pub fn hide_runtime_data(&self) {
        let directory = self.root().join(RUNTIME_DATA);
        let file = directory.join(".gitignore");
        if directory.is_dir() && !file.exists() {
            let _ = std::fs::write(file, "*\n");
        }
    }

    /// Compiles plans of the project; their texts join the project's.
    pub fn plans(&mut self, found: Vec<PlanFile>) -> Vec<CompiledPlan> {
        let host = TemplateHost::new(&self.environment);
        compile_plans(&Disk, &host, &mut self.compilation, found)
    }

    /// The task that a name stands for.
    ///
    /// # Errors
    /// None, or several (exit 200 and 203).
    pub fn find(&self, name: &str, options: &Options) -> Result<TaskId, Failure> {
        let program = &self.compilation.program;
        let cause = match program.resolve(name) {
            Resolution::Task(id, _) => return Ok(id),
            Resolution::Ambiguous(ids) => Cause::NameConflict {
                name: name.into(),
                tasks: ids.into_iter().map(|id| program.task(id).name.clone()).collect(),
            },
            Resolution::Unknown => {
                let suggestion = if options.disable_fuzzy { None } else { suggest(program, name) };
                Cause::NotFound { name: name.into(), suggestion }
            }
        };
        Err(Failure::of_run(&RunError::new(cause), false))
    }
}

/// Whether a field of EZ is wrong, for which go-task has no refusal.
fn is_superset_error(diagnostic: &Diagnostic) -> bool {
    diagnostic.severity == Severity::Error && rule::SUPERSET_CODES.contains(&diagnostic.code)
}

/// The public task or alias that a name probably means.
fn suggest(program: &Program, typed: &str) -> Option<SmolStr> {
    let public = program.tasks.iter().filter(|task| !task.internal);
    let known: Vec<&str> = public
        .flat_map(|task| std::iter::once(&task.name).chain(&task.aliases))
        .map(SmolStr::as_str)
        .collect();
    fuzzy::guess(typed, &known).map(SmolStr::new)
}

/// A listener that shows nothing.
pub fn silent_sink() -> Rc<dyn EventSink> {
    struct Silent;
    impl EventSink for Silent {
        fn emit(&self, _event: &ez_runner::event::Event) {}
    }
    Rc::new(Silent)
}
