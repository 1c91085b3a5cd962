//! What a task needs on another machine, and what comes back: its files by `ez-remote`, else by what it and all that it calls say of their sources and outputs.

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;

use camino::{Utf8Path, Utf8PathBuf};
use ez_compiler::ast::param::variable_name;
use ez_compiler::ast::{Param, ParamKind, Text};
use ez_compiler::folder::FolderTask;
use ez_compiler::project::paths::TASKFILE_NAMES;
use ez_runner::call::{Call, CallVariable};
use ez_runner::concrete::{ConcreteAction, ConcreteTask};
use ez_runner::engine::Engine;
use ez_runner::error::RunError;
use ez_runner::freshness::Freshness;
use ez_runner::runtime_data;
use ez_server::sync::bring_home::output_directories;
use ez_server::sync::hash_cache::HashCache;
use ez_server::sync::manifest::Manifest;
use ez_server::sync::patterns::{BadPattern, Patterns};
use ez_server::sync::scan::{Scanned, scan, scan_matching};
use ez_server::sync::scratch::Scratch;
use ez_server::sync::transfer::ContentClient;
use ez_server::sync::tree_path::TreePath;
use serde_json::{Value, json};

use crate::args::invocation::{Options, Request};
use crate::commands::Context;
use crate::exit_code::Code;
use crate::failure::Failure;
use crate::folder::Target;
use crate::project::{self, Project};

/// The most tasks that a task may call, each with its variables.
const MAX_CALLS: usize = 10_000;

/// Variables with the token for a server, the first one that is set.
pub const TOKENS: [&str; 2] = ["EZ_CLIENT_TOKEN", "EZ_SERVER_TOKEN"];

/// Files beside the Taskfile that a run reads.
const COMPANIONS: [&str; 4] = [".taskrc.yml", ".taskrc.yaml", "plugins", ".ez-version"];

/// The directory of folder tasks.
const FOLDERS: &str = "tasks";

/// The server that runs tasks for this machine.
pub struct RemoteServer {
    /// It, asked.
    pub client: ContentClient,
}

impl RemoteServer {
    /// The server of a flag or of the environment; `None` where none is named.
    ///
    /// # Errors
    /// Whom to trust cannot be found out.
    pub fn named(context: &Context, flag: Option<&str>) -> Result<Option<Self>, Failure> {
        let variable = |name| context.environment.get(name).map(str::to_owned);
        let Some(url) = flag.map(str::to_owned).or_else(|| variable("EZ_SERVER_URL")) else {
            return Ok(None);
        };
        let token = TOKENS.into_iter().find_map(variable);
        let ca = variable("EZ_SERVER_CA").map(|path| context.environment.absolute(path).into_std_path_buf());
        let client = ContentClient::new(&url, token, ca.as_deref()).map_err(refused)?;
        Ok(Some(Self { client }))
    }
}

/// A task as another machine gets it.
#[derive(Clone, Debug)]
pub struct RemoteTask {
    /// The name by which it is called from the root directory.
    pub name: String,
    /// The root directory, which is that of the tree on the other machine.
    pub root: Utf8PathBuf,
    /// The directory of the task in the tree; `None` for its root.
    pub directory: Option<TreePath>,
    /// The nodes of which one has to run it.
    pub nodes: Vec<String>,
    /// What the node must have.
    pub tags: Vec<String>,
    /// Patterns of what comes back.
    pub outputs: Vec<String>,
    /// Whether it says which files it needs.
    pub has_inputs: bool,
    says_inputs: bool,
    says_outputs: bool,
    /// Files and directories that are sent.
    paths: BTreeSet<String>,
    /// What is sent besides.
    patterns: Vec<String>,
}

fn refused(text: impl std::fmt::Display) -> Failure {
    Failure::new(Code::OTHER, format!("ez: {text}"))
}

impl RemoteTask {
    /// Of the task of a name, called with the variables of a request.
    ///
    /// # Errors
    /// There is no such task, or it cannot be told what it needs.
    pub async fn of(
        context: &Context,
        options: &Options,
        project: &Project,
        name: &str,
        request: &Request,
    ) -> Result<Self, Failure> {
        let (call, variables) = (Call::new(name), request);
        match project.target(name) {
            Target::Inline => Self::inline(context, options, project, call, variables).await,
            Target::Folder { folder, task } => {
                let opened = Project::open_sound_folder(context, options, &folder)?;
                Self::folder(context, options, project, &opened, &folder, name, &task, variables).await
            }
        }
    }

    async fn inline(
        context: &Context,
        options: &Options,
        project: &Project,
        call: Call,
        request: &Request,
    ) -> Result<Self, Failure> {
        let mut task = Self::empty(project, &call.task)?;
        task.take_taskfiles(project)?;
        task.take_calls(context, options, project, call, request).await?;
        Ok(task)
    }

    #[expect(clippy::too_many_arguments, reason = "they are what a call of a folder task has")]
    async fn folder(
        context: &Context,
        options: &Options,
        project: &Project,
        opened: &Project,
        folder: &FolderTask,
        name: &str,
        task_name: &str,
        request: &Request,
    ) -> Result<Self, Failure> {
        let mut task = Self::empty(project, name)?;
        task.take_taskfiles(project)?;
        let own = format!("{FOLDERS}/{}", folder.name);
        task.directory = Some(TreePath::new(own.as_str()).map_err(refused)?);
        task.paths.insert(own);
        task.take_calls(context, options, opened, Call::new(task_name), request).await?;
        task.has_inputs = true;
        Ok(task)
    }

    fn empty(project: &Project, name: &str) -> Result<Self, Failure> {
        let program = &project.compilation.program;
        let root = program.dir.clone();
        let is_usual = program.taskfile.parent() == Some(&root)
            && program.taskfile.file_name().is_some_and(|file| TASKFILE_NAMES.contains(&file));
        if !is_usual {
            return Err(refused(format!(
                "another machine runs the Taskfile of a project's root directory, and {} is none",
                program.taskfile
            )));
        }
        Ok(Self {
            name: name.to_owned(),
            root,
            directory: None,
            nodes: Vec::new(),
            tags: Vec::new(),
            outputs: Vec::new(),
            has_inputs: false,
            says_inputs: false,
            says_outputs: false,
            paths: BTreeSet::new(),
            patterns: Vec::new(),
        })
    }

    /// A path below the root directory, from there.
    fn root_relative(&self, path: &Utf8Path) -> Result<String, Failure> {
        let path = crate::paths::absolute(&self.root, path);
        match path.strip_prefix(&self.root) {
            Ok(rest) => Ok(rest.to_string()),
            Err(_) => Err(refused(format!(
                "{path} is not below {}: only what is in the project is sent",
                self.root
            ))),
        }
    }

    /// The Taskfiles, and what is read with them.
    fn take_taskfiles(&mut self, project: &Project) -> Result<(), Failure> {
        for file in &project.compilation.loaded.files {
            if file.path.is_absolute() {
                let path = self.root_relative(&file.path)?;
                self.paths.insert(path);
            }
        }
        for companion in COMPANIONS {
            if self.root.join(companion).exists() {
                self.paths.insert(companion.to_owned());
            }
        }
        Ok(())
    }

    /// What a task and all that it calls say of their files.
    async fn take_calls(
        &mut self,
        context: &Context,
        options: &Options,
        project: &Project,
        first: Call,
        request: &Request,
    ) -> Result<(), Failure> {
        let failure = |error: &RunError| Failure::of_run(error, false);
        let options = Options { dry: true, ..options.clone() };
        let engine = project.engine(context, &options, project::silent_sink())?;
        engine.load_dotenv().await.map_err(|error| failure(&error))?;
        engine
            .apply_command_line(&project::command_line(&options, request))
            .map_err(|error| failure(&error))?;
        engine.check_calls(std::slice::from_ref(&first)).map_err(|error| failure(&error))?;
        let runner_options = project::runner_options(context, &options, project);
        let freshness = Freshness::new(engine.program(), &runner_options, &project.environment);
        let (mut waiting, mut known, mut is_first) = (vec![first], BTreeSet::new(), true);
        let mut globals: Vec<Text> = engine.program().dotenv.clone();
        while let Some(call) = waiting.pop() {
            if !known.insert(format!("{call:?}")) {
                continue;
            }
            if known.len() > MAX_CALLS {
                return Err(refused(format!("`{}` calls more than {MAX_CALLS} tasks", self.name)));
            }
            let task = engine.describe(&call).map_err(|error| failure(&error))?;
            let root = engine.program().dir.clone();
            self.take_dotenv(&engine, &task, &std::mem::take(&mut globals), &root)?;
            self.take_dotenv(&engine, &task, &task.definition.dotenv, Utf8Path::new(task.dir.as_str()))?;
            self.take_files(&engine, &freshness, &task, is_first, request)?;
            is_first = false;
            waiting.extend(called(&task));
        }
        Ok(())
    }

    fn take_dotenv(
        &mut self,
        engine: &Engine,
        task: &ConcreteTask,
        texts: &[Text],
        from: &Utf8Path,
    ) -> Result<(), Failure> {
        for path in engine.render_texts(texts, task).map_err(|error| Failure::of_run(&error, false))? {
            let path = from.join(path.as_str());
            if !path.as_str().is_empty() && path.exists() {
                let path = self.root_relative(&path)?;
                self.paths.insert(path);
            }
        }
        Ok(())
    }

    /// What one task says. Of those that it calls, `ez-remote` says nothing: they run where it runs.
    fn take_files(
        &mut self,
        engine: &Engine,
        freshness: &Freshness,
        task: &ConcreteTask,
        is_first: bool,
        request: &Request,
    ) -> Result<(), Failure> {
        let superset = engine.program().task(task.id).superset.clone();
        let remote = superset.as_ref().and_then(|superset| superset.remote.as_ref()).filter(|_| is_first);
        let texts = |texts: &[Text]| -> Result<Vec<String>, Failure> {
            let rendered =
                engine.render_texts(texts, task).map_err(|error| Failure::of_run(&error, false))?;
            Ok(rendered.iter().map(ToString::to_string).filter(|text| !text.is_empty()).collect())
        };
        if is_first && let Some(superset) = &superset {
            refuse_secrets(&superset.params, request)?;
        }
        if let Some(remote) = remote {
            self.nodes = texts(&remote.nodes)?;
            self.tags = texts(&remote.tags)?;
            self.says_inputs = remote.sync_in.is_some();
            self.patterns = texts(remote.sync_in.as_deref().unwrap_or_default())?;
            self.says_outputs = remote.sync_out.is_some();
            self.outputs = texts(remote.sync_out.as_deref().unwrap_or_default())?;
            self.has_inputs |= self.says_inputs;
        }
        if !self.says_inputs {
            for file in freshness.files(&task.dir, &task.sources, task.use_gitignore) {
                let path = self.root_relative(Utf8Path::new(&file))?;
                self.paths.insert(path);
            }
            self.has_inputs |= !task.sources.is_empty();
        }
        if !self.says_outputs {
            for glob in &task.generates {
                let path =
                    self.root_relative(&Utf8Path::new(task.dir.as_str()).join(glob.pattern.as_str()))?;
                self.outputs.push(if glob.exclude { format!("!{path}") } else { path });
            }
            let artifacts = superset.as_ref().filter(|_| is_first).map(|superset| superset.artifacts.clone());
            let artifacts: Vec<Text> =
                artifacts.into_iter().flatten().map(|artifact| artifact.path).collect();
            for path in texts(&artifacts)? {
                let path = self.root_relative(&Utf8Path::new(task.dir.as_str()).join(path))?;
                self.outputs.push(path);
            }
        }
        Ok(())
    }

    /// The directory of an inline task in the tree; `None` for its root.
    ///
    /// # Errors
    /// It is elsewhere, or cannot be told.
    pub fn directory_of(
        &self,
        context: &Context,
        options: &Options,
        project: &Project,
        name: &str,
    ) -> Result<Option<TreePath>, String> {
        let engine =
            project.engine(context, options, project::silent_sink()).map_err(|failure| failure.message)?;
        let task = engine.describe(&Call::new(name)).map_err(|error| error.to_string())?;
        let path = self.root_relative(Utf8Path::new(task.dir.as_str())).map_err(|failure| failure.message)?;
        if path.is_empty() {
            Ok(None)
        } else {
            TreePath::new(path).map(Some).map_err(|error| error.to_string())
        }
    }

    /// Looks at the files that are sent, and at the directories for what comes back.
    ///
    /// # Errors
    /// One cannot be read or sent.
    pub fn scan(&self, cache: &mut HashCache) -> Result<Scanned, String> {
        let refused = |error: &dyn std::fmt::Display| error.to_string();
        let root = self.root.as_std_path();
        let paths: Vec<String> = self.paths.iter().cloned().collect();
        let named = scan(root, &paths, cache).map_err(|error| refused(&error))?;
        let patterns = Patterns::new(&self.patterns).map_err(|error| refused(&error))?;
        let matching = scan_matching(root, &patterns, cache).map_err(|error| refused(&error))?;
        let outputs = Patterns::new(&self.outputs).map_err(|error| refused(&error))?;
        let directories = output_directories(root, &outputs).map_err(|error| refused(&error))?;
        let manifest = named.manifest.with(&matching.manifest).map_err(|error| refused(&error))?;
        let manifest = manifest.with_directories(&directories).map_err(|error| refused(&error))?;
        Ok(Scanned { manifest, hashed: named.hashed + matching.hashed })
    }

    /// The patterns of files to send that mean none of those that are there.
    ///
    /// # Errors
    /// A pattern is wrong.
    pub fn unmatched(&self, found: &Manifest) -> Result<Vec<String>, BadPattern> {
        let patterns = Patterns::new(&self.patterns)?;
        let unmatched = patterns.without_match(&found.entries().keys());
        Ok(unmatched.into_iter().map(str::to_owned).collect())
    }

    /// Keeps digests for the next run. Without them it takes longer, and that is all.
    pub fn save(&self, cache: &mut HashCache) {
        let path = self.hash_cache();
        if let Some(directory) = path.parent()
            && runtime_data::make_directory(self.root.as_std_path(), directory).is_ok()
        {
            let _ = cache.save(&path);
        }
    }

    /// The body of a request to run it.
    pub fn submission(&self, inputs: &str, variables: &[(String, String)], arguments: &[String]) -> Value {
        let variables: serde_json::Map<String, Value> =
            variables.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
        json!({
            "name": self.name, "inputs": inputs, "outputs": self.outputs, "vars": variables, "args": arguments,
            "nodes": self.nodes, "tags": self.tags,
        })
    }

    /// Where digests of files are kept.
    pub fn hash_cache(&self) -> PathBuf {
        runtime_data::directory(self.root.as_std_path()).join("cache/hashes")
    }

    /// What is said of patterns that met nothing of what was made; only of those of `sync_out`.
    pub fn told_of_unmatched(&self, unmatched: &[String]) -> Vec<String> {
        let said = unmatched.iter().filter(|pattern| self.says_outputs && self.outputs.contains(pattern));
        said.map(|pattern| format!("`sync_out: {pattern}` of `{}` means no file that was made", self.name))
            .collect()
    }

    fn scratches(&self) -> PathBuf {
        runtime_data::directory(self.root.as_std_path()).join(runtime_data::REMOTE)
    }

    /// A directory of this process for files that come back.
    ///
    /// # Errors
    /// The disk fails.
    pub fn scratch(&self) -> io::Result<Scratch> {
        runtime_data::make_directory(self.root.as_std_path(), &self.scratches())?;
        Scratch::make(&self.scratches())
    }

    /// Removes what runs left that were killed while files came back.
    pub fn sweep(&self) {
        Scratch::sweep(&self.scratches());
    }
}

/// What a future gives at once; `None` where it has to wait for something.
pub fn now<T>(future: impl Future<Output = T>) -> Option<T> {
    let future = std::pin::pin!(future);
    match future.poll(&mut std::task::Context::from_waker(std::task::Waker::noop())) {
        std::task::Poll::Ready(value) => Some(value),
        std::task::Poll::Pending => None,
    }
}

/// What a task calls: its dependencies and commands.
fn called(task: &ConcreteTask) -> Vec<Call> {
    let call = |name: &smol_str::SmolStr, vars: &Vec<CallVariable>| Call {
        vars: vars.clone(),
        ..Call::new(name.clone())
    };
    let commands = task.cmds.iter().filter_map(|command| match &command.action {
        ConcreteAction::Call { task, vars } => Some(call(task, vars)),
        ConcreteAction::Script { .. } | ConcreteAction::Nothing => None,
    });
    task.deps.iter().map(|dependency| call(&dependency.task, &dependency.vars)).chain(commands).collect()
}

/// A secret would stand in the server's database.
fn refuse_secrets(params: &[Param], request: &Request) -> Result<(), Failure> {
    for param in params.iter().filter(|param| param.kind.value == ParamKind::Secret) {
        let variable = variable_name(&param.name.value);
        let is_given =
            |(name, _): &&(String, String)| *name == param.name.value || *name == variable.as_str();
        if request.variables.iter().any(|given| is_given(&given)) {
            return Err(refused(format!(
                "the param `{}` is a secret, which is not sent: set {variable} in the environment of the node's agent",
                param.name.value
            )));
        }
    }
    Ok(())
}
