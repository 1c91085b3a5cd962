//! `ez clean`: removes what EZ keeps of tasks and plans below `.ez`.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use ez_compiler::Purpose;
use ez_compiler::folder::DEFAULT_TASK;
use ez_compiler::ir::Resolution;
use ez_compiler::suggest::nearest;
use ez_runner::plan::journal;
use ez_runner::runtime_data::{self, DirectoryLock};
use ez_runner::task_log::{self, LogState};

use super::{Context, Outcome};
use crate::args::ez::Clean;
use crate::args::invocation::Options;
use crate::disk::plain_message;
use crate::exit_code::Code;
use crate::failure::Failure;
use crate::folder::Target;
use crate::logger::Color;
use crate::project::Project;

/// The directory of logs of a task or plan, below its own.
const LOGS: &str = "logs";
/// The directory of a folder task's workspace, below its own.
const WORKSPACE: &str = "workspace";
/// The directory of a plan's runs, below its own.
const STATE: &str = "state";
/// How deep logs are looked for in a directory of logs: those of plans are sorted by run and step.
const MAX_LOG_DEPTH: usize = 3;

/// Removes what is asked for, after nothing of it was found in use.
pub fn run(context: &Context, options: &Options, request: &Clean) -> Outcome {
    let project = Project::open(context, options, Purpose::Run)?;
    let kept = Kept { root: project.root().into_std_path_buf() };
    runtime_data::empty_trash(&kept.root).map_err(|error| cannot("what was left before", &error))?;
    let mut targets = Vec::new();
    if request.all {
        let directory = runtime_data::directory(&kept.root);
        targets.extend(runtime_data::REMOVABLE.map(|name| directory.join(name)));
    } else if request.names.is_empty() {
        for directory in kept.of_all() {
            targets.extend(parts(&directory, request));
        }
        if request.workspace {
            targets.push(runtime_data::directory(&kept.root).join(runtime_data::NAMED_WORKSPACES));
        }
    }
    for name in &request.names {
        for directory in kept.of(&project, name)? {
            targets.extend(parts(&directory, request));
        }
    }
    remove_unused(context, &kept.root, &targets, request.json)?;
    if request.all {
        let locks = runtime_data::remove_free_locks(&kept.root);
        locks.map_err(|error| cannot(".ez/locks", &error))?;
    }
    Ok(())
}

/// Removes what nothing uses, and prints what was there.
///
/// # Errors
/// Something is in use, and nothing was removed; or something cannot be removed.
pub fn remove_unused(context: &Context, root: &Path, targets: &[PathBuf], json: bool) -> Outcome {
    let kept = Kept { root: root.to_owned() };
    let mut locks = Vec::new();
    for target in targets {
        locks.extend(kept.refuse_use(target)?);
    }
    let mut removed = BTreeSet::new();
    for target in targets {
        let shown = kept.shown(target);
        if runtime_data::remove(root, target).map_err(|error| cannot(&shown, &error))? {
            removed.insert(shown);
        }
    }
    drop(locks);
    if json {
        let json = serde_json::to_string_pretty(&serde_json::json!({ "removed": removed }))
            .map_err(|error| Failure::new(Code::OTHER, format!("ez: {error}")))?;
        context.logger.out(Color::None, &format!("{json}\n"));
        return Ok(());
    }
    if removed.is_empty() {
        context.logger.err(Color::None, "ez: there is nothing to remove\n");
    }
    let lines: String = removed.iter().flat_map(|path| ["removed ", path, "\n"]).collect();
    context.logger.out(Color::None, &lines);
    Ok(())
}

/// The directory of a task or plan, or the parts of it that are asked for.
fn parts(directory: &Path, request: &Clean) -> Vec<PathBuf> {
    if !request.logs && !request.workspace {
        return vec![directory.to_owned()];
    }
    let logs = request.logs.then(|| directory.join(LOGS));
    let workspace = request.workspace.then(|| directory.join(WORKSPACE));
    logs.into_iter().chain(workspace).collect()
}

fn cannot(what: &str, error: &io::Error) -> Failure {
    Failure::new(Code::OTHER, format!("ez: cannot remove {what}: {}", plain_message(error)))
}

/// What may be in use.
#[derive(Default)]
struct Found {
    /// Directories with logs.
    logs: Vec<PathBuf>,
    workspaces: Vec<PathBuf>,
    /// Directories of runs of plans.
    plan_runs: Vec<PathBuf>,
}

/// What EZ keeps of a project.
struct Kept {
    root: PathBuf,
}

impl Kept {
    fn shown(&self, path: &Path) -> String {
        path.strip_prefix(&self.root).unwrap_or(path).display().to_string()
    }

    /// The directories of all tasks and plans of which something is kept.
    fn of_all(&self) -> Vec<PathBuf> {
        let runtime = runtime_data::directory(&self.root);
        let kinds = [runtime.join(runtime_data::TASKS), runtime.join(runtime_data::PLANS)];
        let entries = kinds.iter().flat_map(|kind| fs::read_dir(kind).into_iter().flatten().flatten());
        let mut all: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        all.sort();
        all
    }

    /// The directories of the task and the plan of a name.
    ///
    /// # Errors
    /// Nothing has that name, or it is one of a part of a folder task.
    fn of(&self, project: &Project, typed: &str) -> Result<Vec<PathBuf>, Failure> {
        let program = &project.compilation.program;
        let (name, is_known) = match project.target(typed) {
            Target::Folder { folder, task } if task == DEFAULT_TASK => (folder.name, true),
            Target::Folder { folder, .. } => {
                let name = &folder.name;
                let message =
                    format!("ez: what is kept of `{typed}` is that of the folder task: `ez clean {name}`");
                return Err(Failure::new(Code::OTHER, message));
            }
            Target::Inline => match program.resolve(typed) {
                Resolution::Task(id, stars) if stars.is_empty() => (program.task(id).name.clone(), true),
                _ => (typed.into(), false),
            },
        };
        let directories = vec![runtime_data::task(&self.root, &name), runtime_data::plan(&self.root, &name)];
        let is_kept = directories.iter().any(|directory| directory.symlink_metadata().is_ok());
        if is_known || is_kept {
            return Ok(directories);
        }
        if runtime_data::named_workspace(&self.root, typed).is_dir() {
            let message = format!("ez: `{typed}` is a workspace: `ez ws clean {typed}` removes it");
            return Err(Failure::new(Code::OTHER, message));
        }
        let all = self.of_all();
        let kept = all.iter().filter_map(|directory| directory.file_name()?.to_str());
        let folders = project.compilation.folders.iter().map(|folder| folder.name.as_str());
        let tasks = program.tasks.iter().map(|task| task.name.as_str());
        let guess = nearest(typed, kept.chain(folders).chain(tasks));
        let hint = guess.map(|other| format!(" Did you mean \"{other}\"?")).unwrap_or_default();
        Err(Failure::new(Code::OTHER, format!("ez: there is nothing named \"{typed}\".{hint}")))
    }

    /// Something in which a run goes on stays. Gives locks by which no run begins in its workspaces.
    fn refuse_use(&self, target: &Path) -> Result<Vec<DirectoryLock>, Failure> {
        let mut found = Found::default();
        self.look(target, 0, &mut found);
        let Found { logs, workspaces, plan_runs } = found;
        // A run whose journal cannot be read is none.
        let goes_on = |run: &&PathBuf| journal::read(run).is_ok_and(|(_, is_running)| is_running);
        if let Some(run) = plan_runs.iter().find(goes_on) {
            let message = format!("ez: a run of a plan goes on: {}; nothing was removed", self.shown(run));
            return Err(Failure::new(Code::OTHER, message));
        }
        for directory in logs {
            if let Some(entry) =
                task_log::list(&directory).into_iter().find(|entry| entry.state == LogState::Running)
            {
                let (task, log) = (&entry.header.task, self.shown(&entry.path));
                let message = format!("ez: `{task}` is running: {log}; nothing was removed");
                return Err(Failure::new(Code::OTHER, message));
            }
        }
        let mut locks = Vec::new();
        for workspace in workspaces {
            let shown = self.shown(&workspace);
            let lock = DirectoryLock::take(&self.root, &workspace);
            locks.push(lock.map_err(|error| cannot(&shown, &error))?);
            if runtime_data::is_in_use(&workspace) {
                let message = format!("ez: a run goes on in {shown}; nothing was removed");
                return Err(Failure::new(Code::OTHER, message));
            }
        }
        Ok(locks)
    }

    /// Finds what may be in use in something that is to be removed. No link is followed.
    fn look(&self, path: &Path, depth: usize, found: &mut Found) {
        if !path.symlink_metadata().is_ok_and(|found| found.is_dir()) {
            return;
        }
        if self.is_workspace(path) {
            return found.workspaces.push(path.to_owned());
        }
        let below = path.strip_prefix(&self.root).unwrap_or(path);
        if below.components().any(|part| part.as_os_str() == LOGS) {
            found.logs.push(path.to_owned());
        }
        if path.parent().and_then(Path::file_name).is_some_and(|name| name == STATE) {
            return found.plan_runs.push(path.to_owned());
        }
        if depth > MAX_LOG_DEPTH {
            return;
        }
        for entry in fs::read_dir(path).into_iter().flatten().flatten() {
            self.look(&entry.path(), depth + 1, found);
        }
    }

    fn is_workspace(&self, path: &Path) -> bool {
        let named = runtime_data::directory(&self.root).join(runtime_data::NAMED_WORKSPACES);
        let tasks = runtime_data::directory(&self.root).join(runtime_data::TASKS);
        let is_of_task = path.file_name().is_some_and(|name| name == WORKSPACE)
            && path.parent().and_then(Path::parent) == Some(&tasks);
        is_of_task || path.parent() == Some(&named)
    }
}
