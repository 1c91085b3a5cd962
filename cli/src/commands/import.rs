//! `ez import`: a folder task from a package.

use std::fs::File;

use camino::{Utf8Path, Utf8PathBuf};
use ez_compiler::ir::Task;
use ez_runner::package::import::Import as Importing;
use ez_runner::package::path::is_task_name;
use ez_runner::package::{Limits, PackageError, TASKS};
use serde::Serialize;

use super::export::amount;
use super::{Context, Outcome};
use crate::args::ez::Import;
use crate::args::invocation::Options;
use crate::disk::plain_message;
use crate::exit_code::Code;
use crate::failure::Failure;
use crate::logger::Color;
use crate::packaged;
use crate::project::Project;

/// What was imported, in JSON.
#[derive(Serialize)]
struct Imported<'a> {
    name: &'a str,
    folder: String,
    files: usize,
    bytes: u64,
    /// The version of EZ that packed it.
    ez: &'a str,
}

/// Unpacks a package aside, checks and compiles it, and gives it its place.
pub fn run(context: &Context, options: &Options, request: &Import) -> Outcome {
    let project = Project::open_sound(context, options)?;
    let root = &project.root();
    let fail = |error: PackageError| refused(request, root, error);
    let path = context.environment.absolute(request.package.as_str());
    let package = File::open(&path).map_err(|error| {
        Failure::new(Code::OTHER, format!("ez: cannot read {path}: {}", plain_message(&error)))
    })?;
    let import = Importing::begin(root.as_std_path(), &|_| {}).map_err(fail)?;
    let unpacked = import.unpack(package, &Limits::default()).map_err(fail)?;
    let name = request.name.as_deref().unwrap_or(&unpacked.manifest.name).to_owned();
    if !is_task_name(&name) {
        return Err(fail(PackageError::IllegalName(name)));
    }
    let place = root.join(TASKS).join(&name);
    check_name(&project, &name, &place, request)?;
    let folder = Utf8PathBuf::try_from(unpacked.staged.folder())
        .map_err(|error| Failure::new(Code::OTHER, format!("ez: {error}")))?;
    packaged::check(context, &project, &folder, &place)?;
    let (contents, ez) = (unpacked.manifest.contents(), unpacked.manifest.ez.clone());
    import.install(unpacked.staged, &name, request.force).map_err(fail)?;
    let folder = format!("{TASKS}/{name}");
    if request.json {
        let (files, bytes) = (contents.entries, contents.bytes);
        let imported = Imported { name: &name, folder, files, bytes, ez: &ez };
        let json = serde_json::to_string_pretty(&imported)
            .map_err(|error| Failure::new(Code::OTHER, format!("ez: {error}")))?;
        context.logger.out(Color::None, &format!("{json}\n"));
    } else {
        let size = amount(contents.entries, contents.bytes);
        context.logger.err(Color::Green, &format!("ez: imported `{name}` into {folder} ({size})\n"));
    }
    Ok(())
}

/// Early, so that what is wrong with a package is not all that is told of a name that is taken.
fn check_name(project: &Project, name: &str, place: &Utf8Path, request: &Import) -> Outcome {
    let program = &project.compilation.program;
    if place.symlink_metadata().is_ok() {
        return if request.force { Ok(()) } else { Err(taken(name)) };
    }
    let has_name = |task: &Task| task.name == name || task.aliases.iter().any(|alias| alias == name);
    if program.tasks.iter().any(has_name) {
        let message =
            format!("ez: the Taskfile has a task `{name}`; `--name` gives the imported one another name");
        return Err(Failure::new(Code::OTHER, message));
    }
    Ok(())
}

fn taken(name: &str) -> Failure {
    let message = format!(
        "ez: there is a folder task `{TASKS}/{name}`; `--force` replaces it, `--name` gives the imported one another name"
    );
    Failure::new(Code::OTHER, message)
}

fn refused(request: &Import, root: &Utf8Path, error: PackageError) -> Failure {
    match error {
        PackageError::Taken(place) => taken(&place.file_name().unwrap_or_default().to_string_lossy()),
        PackageError::Disk { path, source } => {
            let path = path.strip_prefix(root).unwrap_or(&path).display();
            Failure::new(Code::OTHER, format!("ez: cannot write {path}: {}", plain_message(&source)))
        }
        error => Failure::new(Code::OTHER, format!("ez: cannot import `{}`: {error}", request.package)),
    }
}
