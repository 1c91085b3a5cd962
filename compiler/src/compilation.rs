//! The whole pipeline.

use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};

use crate::ast::Metadata;
use crate::check::{self, CheckMemo};
use crate::diagnostic::{Diagnostic, Severity};
use crate::file_system::FileSystem;
use crate::folder::{self, FolderTask};
use crate::ir::Program;
use crate::plugin::{self, Plugins};
use crate::project::{self, Failure, Loaded};
use crate::source::SourceMap;
use crate::superset;
use crate::template::Host;

/// What a compilation is told beside the files.
pub struct Options<'a> {
    /// The root directory; tasks without `dir` run there.
    pub root_dir: Utf8PathBuf,
    /// Environment and the like, for templates in paths of includes.
    pub host: &'a dyn Host,
    /// Whether the rules run: not needed to run a task.
    pub check: bool,
    /// The language that is read.
    pub dialect: Dialect,
    /// The folder task that is compiled; none for the root of a project.
    pub folder: Option<&'a FolderTask>,
}

/// A language of Taskfiles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialect {
    /// go-task's, which knows no `ez-*` fields.
    GoTask,
    /// EZ's.
    #[default]
    Ez,
}

/// What a compilation gave: always a program, as far as the files made one, and all findings.
#[derive(Debug)]
pub struct Compilation {
    /// All texts.
    pub sources: SourceMap,
    /// All files and includes.
    pub loaded: Loaded,
    /// What runs.
    pub program: Arc<Program>,
    /// All findings, by file and place.
    pub diagnostics: Vec<Diagnostic>,
    /// The error with which go-task would refuse the project.
    pub failure: Option<Failure>,
    /// The folder tasks of the project; none where a folder task was compiled, or go-task's language was read.
    pub folders: Vec<FolderTask>,
    /// What its `task.yml` says of the folder task that was compiled.
    pub metadata: Metadata,
    /// What the rules found in tasks that the next compilation may find unchanged.
    pub memo: CheckMemo,
}

impl Compilation {
    /// Whether there is an error among the findings.
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|d| d.severity == Severity::Error)
    }
}

/// Compiles the project of a root Taskfile. What an unchanged text gave is taken from `previous`.
pub fn compile(
    files: &dyn FileSystem,
    entry: &Utf8Path,
    options: &Options<'_>,
    previous: Option<&Compilation>,
) -> Compilation {
    let previous_files = previous.map(|p| (&p.sources, &p.loaded));
    let (mut project, mut program) =
        project::open(files, entry, &options.root_dir, options.host, previous_files);
    let mut diagnostics = project.diagnostics.clone();
    let (mut folders, mut metadata) = (Vec::new(), Metadata::default());
    if options.dialect == Dialect::Ez {
        if let Some(folder) = options.folder {
            let (read, findings) = folder::read_metadata(files, folder, &mut project.sources);
            diagnostics.extend(findings);
            folder::apply(&mut program, &read);
            metadata = read;
        } else {
            folders = folder::without_included(folder::find_all(files, &options.root_dir), &project.loaded);
            diagnostics.extend(folder::conflicts(&program, &folders));
            for folder in folders.iter().filter(|_| options.check) {
                diagnostics.extend(folder::read_metadata(files, folder, &mut project.sources).1);
            }
        }
        let plugins = if plugin::is_named(&program) {
            Plugins::load(files, &plugin_roots(options), options.host, &mut project.sources)
        } else {
            Plugins::default()
        };
        diagnostics.extend(superset::expand(&mut program, &plugins));
        diagnostics.extend(plugins.diagnostics);
    }
    let mut memo = CheckMemo::default();
    if options.check {
        let known = previous.map(|p| &p.memo);
        let checked = check::run_with(&project, &program, files, options.host, known);
        diagnostics.extend(checked.diagnostics);
        memo = checked.memo;
    }
    diagnostics.sort_by_cached_key(|d| {
        let location = project.sources.locate(d.span);
        (location.file, location.range.start, location.range.end, d.code)
    });
    diagnostics.dedup();
    Compilation {
        sources: project.sources,
        loaded: project.loaded,
        program: Arc::new(program),
        diagnostics,
        failure: project.failure,
        folders,
        metadata,
        memo,
    }
}

/// The directories that have plugins: a folder task's own come before those of its project.
fn plugin_roots(options: &Options<'_>) -> Vec<Utf8PathBuf> {
    match options.folder {
        None => vec![options.root_dir.clone()],
        Some(folder) => vec![folder.directory.clone(), folder.project.clone()],
    }
}
