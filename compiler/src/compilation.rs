//! The whole pipeline.

use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use rustc_hash::FxHashSet;
use smol_str::SmolStr;

use crate::ast::Metadata;
use crate::check::{self, CheckMemo};
use crate::diagnostic::{Diagnostic, Severity};
use crate::file_system::FileSystem;
use crate::folder::{self, FolderTask};
use crate::ir::Program;
use crate::plan::{self, CompiledPlan, PlanFile, ReadPlan, TaskCatalog};
use crate::plugin::{self, Plugins};
use crate::project::{self, Failure, Loaded, Purpose};
use crate::source::SourceMap;
use crate::superset;
use crate::symbols::{self, Indexed, SymbolIndex};
use crate::template::Host;
use crate::template_file::Templates;

/// What a compilation is told beside the files.
pub struct Options<'a> {
    /// The root directory; tasks without `dir` run there.
    pub root_dir: Utf8PathBuf,
    /// Environment and the like, for templates in paths of includes.
    pub host: &'a dyn Host,
    /// What the result is for.
    pub purpose: Purpose,
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
    /// What it was made for.
    pub purpose: Purpose,
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
    /// The plans of the project; only where it was compiled to be checked.
    pub plans: Vec<CompiledPlan>,
    /// What the rules found in tasks that the next compilation may find unchanged.
    pub memo: CheckMemo,
}

impl Compilation {
    /// Whether there is an error among the findings.
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|d| d.severity == Severity::Error)
    }

    /// What every name stands for; only of a compilation that was made to be checked.
    pub fn symbols(&self, files: &dyn FileSystem) -> SymbolIndex {
        symbols::index(&Indexed {
            sources: &self.sources,
            loaded: &self.loaded,
            program: &self.program,
            memo: &self.memo,
            folders: &self.folders,
            metadata: &self.metadata,
            plans: &self.plans,
            files,
        })
    }
}

/// Compiles the project of a root Taskfile. What an unchanged text gave is taken from `previous`.
pub fn compile(
    files: &dyn FileSystem,
    entry: &Utf8Path,
    options: &Options<'_>,
    previous: Option<&Compilation>,
) -> Compilation {
    let previous = previous.filter(|previous| previous.purpose == Purpose::Check);
    let previous_files = previous.map(|p| (&p.sources, &p.loaded));
    let (mut project, mut program) =
        project::open(files, entry, &options.root_dir, options.host, options.purpose, previous_files);
    let mut diagnostics = project.diagnostics.clone();
    let (mut folders, mut metadata) = (Vec::new(), Metadata::default());
    if options.dialect == Dialect::Ez {
        if let Some(folder) = options.folder {
            let (read, findings) = folder::read_metadata(files, folder, &mut project.sources);
            diagnostics.extend(findings);
            folder::apply(&mut program, folder, &read);
            metadata = read;
        } else {
            folders = folder::without_included(folder::find_all(files, &options.root_dir), &project.loaded);
            diagnostics.extend(folder::conflicts(&program, &folders));
            if options.purpose == Purpose::Check {
                let templates = Templates::of_project(files, &options.root_dir, &mut project.sources);
                diagnostics.extend(templates.diagnostics);
            }
            for folder in folders.iter().filter(|_| options.purpose == Purpose::Check) {
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
    let mut plans = Vec::new();
    if options.purpose == Purpose::Check {
        let known = previous.map(|p| &p.memo);
        let checked = check::run_with(&project, &program, files, options.host, known);
        diagnostics.extend(checked.diagnostics);
        memo = checked.memo;
        if options.dialect == Dialect::Ez && options.folder.is_none() {
            let surroundings = Surroundings {
                files,
                host: options.host,
                program: &program,
                folders: &folders,
                memo: Some(&memo),
                is_partial: project.failure.is_some(),
            };
            let found = plan::find_all(files, &options.root_dir);
            plans = surroundings.compile_plans(found, &mut project.sources);
            diagnostics.extend(plans.iter().flat_map(|plan| plan.diagnostics.iter().cloned()));
        }
    }
    diagnostics.sort_by_cached_key(|d| {
        let location = project.sources.locate(d.span);
        (location.file, location.range.start, location.range.end, d.code)
    });
    diagnostics.dedup();
    Compilation {
        sources: project.sources,
        purpose: options.purpose,
        loaded: project.loaded,
        program: Arc::new(program),
        diagnostics,
        failure: project.failure,
        folders,
        metadata,
        plans,
        memo,
    }
}

/// What plans are compiled among.
struct Surroundings<'a> {
    files: &'a dyn FileSystem,
    host: &'a dyn Host,
    program: &'a Program,
    folders: &'a [FolderTask],
    memo: Option<&'a CheckMemo>,
    /// Whether not all files of the project could be read.
    is_partial: bool,
}

impl Surroundings<'_> {
    fn compile_plans(&self, found: Vec<PlanFile>, sources: &mut SourceMap) -> Vec<CompiledPlan> {
        if found.is_empty() {
            return Vec::new();
        }
        let reads: Vec<ReadPlan> =
            found.into_iter().map(|file| plan::read(self.files, file, sources)).collect();
        let twice = plan::duplicates(&reads);
        let mut catalog = TaskCatalog::new(self.program, self.host, self.is_partial);
        if let Some(memo) = self.memo {
            catalog = catalog.with_facts(memo);
        }
        let named: FxHashSet<SmolStr> =
            reads.iter().filter_map(|read| read.plan.as_ref()).flat_map(plan::named_folders).collect();
        // Names with templates may be those of any folder.
        let is_open = reads.iter().filter_map(|read| read.plan.as_ref()).any(plan::has_open_task);
        for folder in self.folders.iter().filter(|folder| is_open || named.contains(&folder.name)) {
            catalog.add_folder(folder.name.clone(), self.folder_program(folder));
        }
        let mut compiled: Vec<CompiledPlan> =
            reads.into_iter().map(|read| plan::compile(read, &catalog, sources)).collect();
        for (path, diagnostic) in twice {
            if let Some(plan) = compiled.iter_mut().find(|plan| plan.file.path == path) {
                plan.diagnostics.insert(0, diagnostic);
            }
        }
        compiled
    }

    /// The program of a folder task; `None` where its Taskfile cannot be read, of which its own check tells.
    fn folder_program(&self, folder: &FolderTask) -> Option<Arc<Program>> {
        let options = Options {
            root_dir: folder.directory.clone(),
            host: self.host,
            purpose: Purpose::Run,
            dialect: Dialect::Ez,
            folder: Some(folder),
        };
        let compilation = compile(self.files, &folder.taskfile, &options, None);
        compilation.failure.is_none().then_some(compilation.program)
    }
}

/// Compiles plans of a compiled project; their texts join the project's.
pub fn compile_plans(
    files: &dyn FileSystem,
    host: &dyn Host,
    compilation: &mut Compilation,
    found: Vec<PlanFile>,
) -> Vec<CompiledPlan> {
    let surroundings = Surroundings {
        files,
        host,
        program: &compilation.program,
        folders: &compilation.folders,
        memo: (compilation.purpose == Purpose::Check).then_some(&compilation.memo),
        is_partial: compilation.failure.is_some(),
    };
    surroundings.compile_plans(found, &mut compilation.sources)
}

/// The directories that have plugins: a folder task's own come before those of its project.
fn plugin_roots(options: &Options<'_>) -> Vec<Utf8PathBuf> {
    match options.folder {
        None => vec![options.root_dir.clone()],
        Some(folder) => vec![folder.directory.clone(), folder.project.clone()],
    }
}
