//! Whether the folder of a package compiles, seen by itself: nothing outside of it is read, be it on the disk or on the
//! network, so that a package is whole and a hostile one can make nobody read anything.

use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use ez_compiler::file_system::{DirectoryEntry, FileSystem, PathKind, ReadError};
use ez_compiler::folder::{FolderTask, METADATA_NAMES};
use ez_compiler::project::paths::TASKFILE_NAMES;
use ez_compiler::{Dialect, Purpose, compile};
use ez_runner::template_host::TemplateHost;

use crate::commands::{Context, Outcome};
use crate::disk::Disk;
use crate::exit_code::Code;
use crate::failure::Failure;
use crate::project::Project;

/// The files of one folder, under the name that the folder will have; and plugins, which are the user's own.
struct OneFolder<'a> {
    named: &'a Utf8Path,
    real: &'a Utf8Path,
    plugins: Vec<Utf8PathBuf>,
}

impl OneFolder<'_> {
    /// Where a path's file is; `None` outside of the folder, also by way of links.
    fn find(&self, path: &Utf8Path) -> Option<Utf8PathBuf> {
        if self.plugins.iter().any(|directory| path.starts_with(directory)) {
            return Some(path.to_owned());
        }
        let real = self.real.join(path.strip_prefix(self.named).ok()?);
        let is_inside = real.canonicalize_utf8().ok()?.starts_with(self.real.canonicalize_utf8().ok()?);
        is_inside.then_some(real)
    }
}

impl FileSystem for OneFolder<'_> {
    fn read(&self, path: &Utf8Path) -> Result<Arc<str>, ReadError> {
        self.find(path).map_or(Err(ReadError::NotFound), |real| Disk.read(&real))
    }

    fn kind(&self, path: &Utf8Path) -> Option<PathKind> {
        Disk.kind(&self.find(path)?)
    }

    fn list(&self, directory: &Utf8Path) -> Option<Vec<DirectoryEntry>> {
        Disk.list(&self.find(directory)?)
    }
}

/// Compiles the Taskfile of a folder as if the folder were at `named`.
///
/// # Errors
/// It does not compile; why is shown.
pub fn check(context: &Context, project: &Project, real: &Utf8Path, named: &Utf8Path) -> Outcome {
    let home = context.environment.get("HOME").map(|home| Utf8Path::new(home).join(".ez/plugins"));
    let plugins = home.into_iter().chain([project.root().join("plugins")]).collect();
    let files = OneFolder { named, real, plugins };
    let name = TASKFILE_NAMES.iter().find(|name| files.kind(&named.join(name)) == Some(PathKind::File));
    let entry = named.join(name.unwrap_or(&"Taskfile.yml"));
    let environment = Arc::clone(&project.environment);
    let host = TemplateHost::new(&environment);
    let metadata = METADATA_NAMES.iter().map(|name| named.join(name));
    let folder = FolderTask {
        name: named.file_name().unwrap_or_default().into(),
        directory: named.to_owned(),
        taskfile: entry.clone(),
        metadata: metadata.into_iter().find(|path| files.kind(path) == Some(PathKind::File)),
        project: project.root(),
    };
    let options = ez_compiler::Options {
        root_dir: named.to_owned(),
        host: &host,
        purpose: Purpose::Run,
        dialect: Dialect::Ez,
        folder: Some(&folder),
    };
    let compilation = compile(&files, &entry, &options, None);
    let place = project.place.clone();
    let folder = Project { compilation, environment: Arc::clone(&environment), folder: None, place };
    // What it cannot be run for is said; the code is that of a package that is not taken.
    folder.sound(context).map(drop).map_err(|refused| Failure { code: Code::OTHER, ..refused })
}
