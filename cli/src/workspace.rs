//! Running a program in a workspace instead of where its files are.

use ez_compiler::Purpose;
use std::fs;
use std::io;
use std::path::Path;

use camino::{Utf8Path, Utf8PathBuf};
use ez_compiler::workspace::{outputs, taskfile_copy};
use ez_runner::options::Place;
use ez_runner::runtime_data::{self, InUse};
use ez_runner::task_log;
use ez_runner::workspace::Layout;

use crate::args::invocation::{Options, WorkspaceChoice};
use crate::commands::Context;
use crate::disk::plain_message;
use crate::exit_code::Code;
use crate::failure::Failure;
use crate::logger::Color;
use crate::project::{Origin, Project};

/// How often a new name is tried.
const MAX_NAMES: u32 = 10_000;

/// The workspace of a run.
struct Chosen {
    name: String,
    path: Utf8PathBuf,
    /// The folder task whose own it is; empty for one with a name of its own.
    folder: String,
}

/// A workspace with a run in it.
#[derive(Debug)]
pub struct Occupied {
    /// Its name.
    pub name: String,
    /// The directory.
    pub path: Utf8PathBuf,
    /// The folder task whose own it is; empty for one with a name of its own.
    pub folder: String,
    /// Keeps others from removing it.
    _in_use: InUse,
}

/// The program in the workspace that the options ask for, or the folder task has; as it is where it runs in none.
///
/// # Errors
/// The workspace cannot be made, or the program cannot run in one.
pub fn enter(
    context: &Context,
    options: &Options,
    project: Project,
    task: &str,
) -> Result<(Project, Option<Occupied>), Failure> {
    if options.dry {
        return Ok((project, None));
    }
    let Some(chosen) = choose(options, &project, task)? else { return Ok((project, None)) };
    let program = &project.compilation.program;
    let folder = program.dir.clone();
    let from = program.taskfile.parent().unwrap_or(&folder);
    let Some(taskfile) = program.taskfile.file_name().filter(|_| program.taskfile.is_absolute()) else {
        let message = format!("ez: a Taskfile from `{}` cannot run in a workspace", program.taskfile);
        return Err(Failure::new(Code::USAGE, message));
    };
    let compilation = &project.compilation;
    let text = taskfile_copy(&compilation.loaded, &compilation.sources, from, &chosen.path);
    let outputs = outputs(program);
    let layout = Layout {
        folder: folder.as_std_path(),
        workspace: chosen.path.as_std_path(),
        taskfile,
        text: &text,
        outputs: &outputs,
    };
    let root = project.root();
    let prepared = layout.prepare(root.as_std_path()).map_err(|error| unusable(&chosen.path, &error))?;
    for entry in prepared.hidden {
        let words = format!(
            "ez: `{}` of the workspace {} hides the one of {folder}; `ez clean` removes the workspace\n",
            entry.display(),
            chosen.name
        );
        context.logger.err(Color::Yellow, &words);
    }
    let place =
        Place { workspace: chosen.name.as_str().into(), project: root.as_str().into(), ..project.place };
    let origin = Origin {
        entry: chosen.path.join(taskfile),
        directory: chosen.path.clone(),
        stdin: None,
        folder: project.folder,
        place,
    };
    let original = program.taskfile.clone();
    let mut project = Project::compile(context, options, origin, Purpose::Run)?;
    // What is wrong in the copy is to be mended where it was copied from: the lines are the same.
    let copy = chosen.path.join(taskfile);
    project.compilation.sources.rename(&copy, &original);
    let Chosen { name, path, folder } = chosen;
    let occupied = Occupied { name, path, folder, _in_use: prepared.in_use };
    Ok((project.sound(context)?, Some(occupied)))
}

fn unusable(path: &Utf8Path, error: &io::Error) -> Failure {
    Failure::new(Code::OTHER, format!("ez: cannot make the workspace {path}: {}", plain_message(error)))
}

/// The workspace that is meant, if any.
fn choose(options: &Options, project: &Project, task: &str) -> Result<Option<Chosen>, Failure> {
    let root = project.root();
    let root = root.as_std_path();
    let named = |name: &str| utf8(&runtime_data::named_workspace(root, name));
    Ok(match (&options.workspace, project.place.folder.as_str()) {
        (WorkspaceChoice::Never, _) | (WorkspaceChoice::Usual, "") => None,
        (WorkspaceChoice::Usual, folder) => {
            let path = utf8(&runtime_data::workspace(root, folder))?;
            Some(Chosen { name: folder.to_owned(), path, folder: folder.to_owned() })
        }
        (WorkspaceChoice::Named(name), _) => {
            Some(Chosen { path: named(name)?, name: name.clone(), folder: String::new() })
        }
        (WorkspaceChoice::New, _) => Some(unused(root, task)?),
    })
}

/// A workspace that nobody has, made at once so that nobody else takes it.
fn unused(root: &Path, task: &str) -> Result<Chosen, Failure> {
    let stamp: String =
        task_log::now().chars().take_while(|c| *c != '.').filter(char::is_ascii_alphanumeric).collect();
    let task: String = task.chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).collect();
    let stem = format!("{}-{stamp}", task.trim_start_matches('-'));
    for number in 1..=MAX_NAMES {
        let name = if number == 1 { stem.clone() } else { format!("{stem}-{number}") };
        let path = utf8(&runtime_data::named_workspace(root, &name))?;
        let parent = path.parent().unwrap_or(&path);
        runtime_data::make_directory(root, parent.as_std_path()).map_err(|error| unusable(&path, &error))?;
        match fs::create_dir(&path) {
            Ok(()) => return Ok(Chosen { name, path, folder: String::new() }),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(unusable(&path, &error)),
        }
    }
    Err(Failure::new(
        Code::OTHER,
        "ez: there are too many workspaces of this second; `ez ws clean` removes them",
    ))
}

fn utf8(path: &Path) -> Result<Utf8PathBuf, Failure> {
    Utf8PathBuf::from_path_buf(path.to_owned())
        .map_err(|path| Failure::new(Code::OTHER, format!("ez: {} is not UTF-8", path.display())))
}
