//! `ez ws`: the workspaces of a project.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use ez_compiler::Purpose;
use ez_compiler::suggest::nearest;
use ez_runner::run_context::{Given, RunContext};
use ez_runner::runtime_data;
use serde::Serialize;

use super::{Context, Outcome, clean};
use crate::args::ez::Ws;
use crate::args::invocation::Options;
use crate::byte_count;
use crate::exit_code::Code;
use crate::failure::Failure;
use crate::logger::Color;
use crate::project::Project;
use crate::table;

/// The word for removing workspaces.
const CLEAN: &str = "clean";
/// How deep the files of a workspace are counted.
const MAX_DEPTH: usize = 128;
/// What is shown where there is nothing.
const NOTHING: &str = "-";

/// What a workspace is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// That of a folder task.
    Folder,
    /// One with a name of its own.
    Named,
}

/// What became of the last run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum State {
    /// It ended.
    Finished,
    /// It goes on.
    Running,
    /// It was killed.
    Unfinished,
    /// There was none, or it is not known.
    None,
}

/// A workspace.
#[derive(Debug)]
pub struct Workspace {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// The directory.
    pub path: PathBuf,
    /// What ran there last.
    pub run: Option<RunContext>,
}

/// A workspace in JSON.
#[derive(Serialize)]
struct Row<'a> {
    name: &'a str,
    kind: Kind,
    path: String,
    tasks: &'a [String],
    started: Option<&'a str>,
    state: State,
    exit: Option<u8>,
    duration: Option<f64>,
    bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<&'a RunContext>,
}

/// Lists workspaces, shows one, or removes some.
pub fn run(context: &Context, options: &Options, request: &Ws) -> Outcome {
    let project = Project::open(context, options, Purpose::Run)?;
    let root = project.root().into_std_path_buf();
    let words: Vec<&str> = request.arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        [] => list(context, &root, request),
        [CLEAN, rest @ ..] => remove(context, &root, rest.first().copied(), request),
        [name] => show(context, &root, name, request),
        [name, ..] => Err(Failure::new(
            Code::USAGE,
            format!("ez: `ez ws {name}` takes no more words; see `ez ws --help`"),
        )),
    }
}

/// All workspaces of a project, by name. What a saved run says that cannot be read, is told.
pub fn all(context: &Context, root: &Path) -> Vec<Workspace> {
    let runtime = runtime_data::directory(root);
    let subdirectories = |path: PathBuf| {
        let entries = fs::read_dir(path).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).filter(|path| path.is_dir())
    };
    let of_folders = subdirectories(runtime.join(runtime_data::TASKS))
        .map(|task| (Kind::Folder, task.join("workspace")))
        .filter(|(_, path)| path.is_dir());
    let named = subdirectories(runtime.join(runtime_data::NAMED_WORKSPACES)).map(|path| (Kind::Named, path));
    let mut all: Vec<Workspace> =
        of_folders.chain(named).filter_map(|(kind, path)| read(context, kind, path)).collect();
    all.sort_by(|a, b| (&a.name, &a.path).cmp(&(&b.name, &b.path)));
    all
}

fn read(context: &Context, kind: Kind, path: PathBuf) -> Option<Workspace> {
    let run = RunContext::read(&path).unwrap_or_else(|error| {
        context.logger.err(Color::Yellow, &format!("ez: {error}\n"));
        None
    });
    let named_by = if kind == Kind::Folder { path.parent()? } else { &path };
    let of_path = named_by.file_name()?.to_string_lossy().into_owned();
    let name = run.as_ref().map_or(of_path, |run| run.workspace.clone());
    Some(Workspace { name, kind, path, run })
}

/// The workspace of a name; of two, the one in which something ran last.
///
/// # Errors
/// There is none.
pub fn find(context: &Context, root: &Path, name: &str) -> Result<Workspace, Failure> {
    let all = all(context, root);
    let names: Vec<String> = all.iter().map(|workspace| workspace.name.clone()).collect();
    let started = |workspace: &Workspace| workspace.run.as_ref().map(|run| run.started.clone());
    all.into_iter().filter(|workspace| workspace.name == name).max_by_key(started).ok_or_else(|| {
        let guess = nearest(name, names.iter().map(String::as_str));
        let hint = guess.map(|other| format!(" Did you mean \"{other}\"?")).unwrap_or_default();
        Failure::new(
            Code::OTHER,
            format!("ez: there is no workspace \"{name}\".{hint} `ez ws` shows them all."),
        )
    })
}

impl Workspace {
    fn state(&self) -> State {
        match &self.run {
            None => State::None,
            Some(_) if runtime_data::is_in_use(&self.path) => State::Running,
            Some(run) if run.exit.is_some() => State::Finished,
            Some(_) => State::Unfinished,
        }
    }

    fn row(&self, root: &Path, is_whole: bool) -> Row<'_> {
        let run = self.run.as_ref();
        let state = self.state();
        let ended = run.filter(|_| state == State::Finished);
        Row {
            name: &self.name,
            kind: self.kind,
            path: shown(root, &self.path),
            tasks: run.map_or(&[], |run| &run.tasks),
            started: run.map(|run| run.started.as_str()),
            state,
            exit: ended.and_then(|run| run.exit),
            duration: ended.and_then(|run| run.seconds),
            bytes: size(&self.path, 0),
            run: run.filter(|_| is_whole),
        }
    }
}

fn shown(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).display().to_string()
}

/// The bytes of the files in a directory; links count nothing.
fn size(directory: &Path, depth: usize) -> u64 {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let sizes = entries.filter_map(|entry| {
        let found = entry.metadata().ok()?;
        if found.is_dir() && depth < MAX_DEPTH {
            return Some(size(&entry.path(), depth + 1));
        }
        found.is_file().then_some(found.len())
    });
    sizes.sum()
}

fn list(context: &Context, root: &Path, request: &Ws) -> Outcome {
    let all = all(context, root);
    let rows: Vec<Row> = all.iter().map(|workspace| workspace.row(root, false)).collect();
    if request.json {
        return print_json(context, &rows);
    }
    if rows.is_empty() {
        context.logger.err(
            Color::Yellow,
            "ez: there are no workspaces; folder tasks and `ez run --workspace=auto <task>` make them\n",
        );
        return Ok(());
    }
    let mut text = String::from("name\tkind\ttasks\tlast run\texit\tsize\n");
    for row in &rows {
        let kind = if row.kind == Kind::Folder { "folder" } else { "named" };
        let tasks = if row.tasks.is_empty() { NOTHING.to_owned() } else { row.tasks.join(" ") };
        let started = row.started.unwrap_or(NOTHING);
        let (name, exit) = (context.logger.paint(Color::Green, row.name), exit(context, row));
        let size = byte_count::text(row.bytes);
        let _ = writeln!(text, "{name}\t{kind}\t{tasks}\t{started}\t{exit}\t{size}");
    }
    context.logger.out(Color::None, &table::align(&text, 2));
    Ok(())
}

fn exit(context: &Context, row: &Row) -> String {
    match (row.state, row.exit) {
        (State::Running, _) => context.logger.paint(Color::Yellow, "running"),
        (State::Unfinished, _) => context.logger.paint(Color::Yellow, "unfinished"),
        (_, Some(0)) => "0".to_owned(),
        (_, Some(code)) => context.logger.paint(Color::Red, &code.to_string()),
        (_, None) => NOTHING.to_owned(),
    }
}

/// Prints where a workspace is, and its saved run.
fn show(context: &Context, root: &Path, name: &str, request: &Ws) -> Outcome {
    let workspace = find(context, root, name)?;
    let row = workspace.row(root, true);
    if request.json {
        return print_json(context, &row);
    }
    let mut text = format!("path:\t{}\n", row.path);
    if let Some(run) = row.run {
        let given = |all: &[Given]| {
            let all: Vec<String> =
                all.iter().map(|given| format!("{}={}", given.name, given.value)).collect();
            all.join(" ")
        };
        let fields = [
            ("tasks", run.tasks.join(" ")),
            ("variables", given(&run.variables)),
            ("params", given(&run.params)),
            ("arguments", run.arguments.join(" ")),
            ("withheld", run.withheld.join(" ")),
            ("started", run.started.clone()),
            ("exit", exit(context, &row)),
            ("duration", row.duration.map(|seconds| format!("{seconds:.1}s")).unwrap_or_default()),
        ];
        for (name, value) in fields.iter().filter(|(_, value)| !value.is_empty()) {
            // One line each, whatever stands in them.
            let _ = writeln!(text, "{name}:\t{}", value.replace(['\n', '\r', '\t'], " "));
        }
    }
    let _ = writeln!(text, "size:\t{}", byte_count::text(row.bytes));
    context.logger.out(Color::None, &table::align(&text, 2));
    Ok(())
}

/// Removes workspaces with names of their own: one, or all.
fn remove(context: &Context, root: &Path, name: Option<&str>, request: &Ws) -> Outcome {
    let targets = match name {
        None => all(context, root).into_iter().filter(|found| found.kind == Kind::Named).collect(),
        Some(name) => {
            let path = runtime_data::named_workspace(root, name);
            if path.symlink_metadata().is_ok() {
                vec![Workspace { name: name.to_owned(), kind: Kind::Named, path, run: None }]
            } else {
                vec![find(context, root, name)?]
            }
        }
    };
    if let Some(folder) = targets.iter().find(|found| found.kind == Kind::Folder) {
        let name = &folder.name;
        let message =
            format!("ez: {name} is a folder task: `ez clean {name} --workspace` removes its workspace");
        return Err(Failure::new(Code::OTHER, message));
    }
    let paths: Vec<PathBuf> = targets.into_iter().map(|found| found.path).collect();
    clean::remove_unused(context, root, &paths, request.json)
}

fn print_json(context: &Context, value: &impl Serialize) -> Outcome {
    let json = serde_json::to_string_pretty(value)
        .map_err(|error| Failure::new(Code::OTHER, format!("ez: {error}")))?;
    context.logger.out(Color::None, &format!("{json}\n"));
    Ok(())
}
