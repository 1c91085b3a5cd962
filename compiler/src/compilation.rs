//! The whole pipeline.

use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use rustc_hash::{FxHashMap, FxHashSet};
use smol_str::SmolStr;

use crate::ast::Metadata;
use crate::check::{self, CheckMemo};
use crate::diagnostic::{Diagnostic, Severity};
use crate::file_system::{FileSystem, Observations, ObservedFileSystem};
use crate::folder::{self, FolderTask, MetadataFiles, ReadMetadata};
use crate::ir::Program;
use crate::plan::{self, CompiledPlan, PlanFile, PlanFiles, ReadPlan, TaskCatalog};
use crate::plugin::{self, PluginFiles, Plugins};
use crate::project::{self, Failure, Loaded, Project, Purpose};
use crate::source::SourceMap;
use crate::superset;
use crate::symbols::{self, Indexed, IndexedFolder, SymbolIndex};
use crate::template::Host;
use crate::template_file::{ReadTemplate, TemplateFiles, Templates};

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
    /// All findings, by file and place; the files in the order in which they were read.
    pub diagnostics: Vec<Diagnostic>,
    /// The error with which go-task would refuse the project.
    pub failure: Option<Failure>,
    /// The folder tasks of the project; none where a folder task was compiled, or go-task's language was read.
    pub folders: Vec<FolderTask>,
    /// The programs of the folder tasks, in the same order; only where the project was compiled to be checked.
    pub folder_programs: Vec<FolderProgram>,
    /// What its `task.yml` says of the folder task that was compiled.
    pub metadata: Metadata,
    /// The plans of the project; only where it was compiled to be checked.
    pub plans: Vec<CompiledPlan>,
    /// The files of the project's templates; only where it was compiled to be checked.
    pub templates: Vec<Arc<ReadTemplate>>,
    /// The plugins that are known: all where one is named, else the project's own, and those only where it was compiled to be
    /// checked.
    pub plugins: Plugins,
    /// What the rules found in tasks that the next compilation may find unchanged.
    pub memo: CheckMemo,
    /// The files beside the Taskfiles, as they were read.
    read: ReadFiles,
}

/// The compilation of a folder task, whose texts and findings are its own.
#[derive(Clone, Debug)]
pub struct FolderProgram {
    /// The folder task.
    pub folder: FolderTask,
    /// What was made of it.
    pub compilation: Arc<Compilation>,
    /// The answers of the file system that it depends on.
    observations: Arc<Observations>,
}

/// Files that were each read for themselves, by their kinds.
#[derive(Debug, Default)]
struct ReadFiles {
    metadata: MetadataFiles,
    templates: TemplateFiles,
    plugins: PluginFiles,
    plans: PlanFiles,
}

impl ReadFiles {
    fn fragment_count(&self) -> usize {
        self.metadata.fragment_count()
            + self.templates.fragment_count()
            + self.plugins.fragment_count()
            + self.plans.fragment_count()
    }
}

/// The number of fragments that nothing points into any more, for each that is in use, from which on a compilation starts
/// from nothing again: each edit leaves one behind.
const MAX_UNUSED_FRAGMENTS: usize = 4;

/// The number of fragments that are not worth a fresh start.
const FEW_FRAGMENTS: usize = 4096;

impl Compilation {
    /// Whether there is an error among the findings.
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|d| d.severity == Severity::Error)
    }

    /// What every name stands for; only of a compilation that was made to be checked.
    pub fn symbols(&self, files: &dyn FileSystem) -> SymbolIndex {
        symbols::index(&self.indexed(files))
    }

    /// What an index is made of.
    fn indexed<'a>(&'a self, files: &'a dyn FileSystem) -> Indexed<'a> {
        let folders = self.folder_programs.iter().map(|program| IndexedFolder {
            folder: &program.folder,
            program: program.compilation.indexed(files),
        });
        Indexed {
            sources: &self.sources,
            loaded: &self.loaded,
            program: &self.program,
            memo: &self.memo,
            folders: folders.collect(),
            metadata: &self.metadata,
            plans: &self.plans,
            templates: &self.templates,
            plugins: &self.plugins,
            files,
        }
    }

    /// Whether the next compilation can start from this one.
    fn can_be_reused(&self) -> bool {
        let of_taskfiles = self.loaded.files.iter().map(|file| file.document.fragment_count());
        let used = of_taskfiles.sum::<usize>() + self.read.fragment_count();
        self.purpose == Purpose::Check
            && self.sources.fragment_count() <= FEW_FRAGMENTS + used * (MAX_UNUSED_FRAGMENTS + 1)
    }
}

/// Compiles the project of a root Taskfile. What an unchanged text gave is taken from `previous`, whose host must have given
/// the answers that the host gives now.
pub fn compile(
    files: &dyn FileSystem,
    entry: &Utf8Path,
    options: &Options<'_>,
    previous: Option<&Compilation>,
) -> Compilation {
    let previous = previous.filter(|previous| previous.can_be_reused());
    let previous_files = previous.map(|p| (&p.sources, &p.loaded));
    let (project, program) =
        project::open(files, entry, &options.root_dir, options.host, options.purpose, previous_files);
    let mut compiler = Compiler {
        files,
        options,
        previous,
        diagnostics: project.diagnostics.clone(),
        project,
        program,
        templates: Vec::new(),
        plugins: Plugins::default(),
        read: ReadFiles::default(),
    };
    let metadata = compiler.folder_metadata();
    let folders = compiler.folders();
    compiler.expand();
    let memo = compiler.check();
    let folder_programs = compiler.folder_programs(&folders);
    let plans = compiler.plans(&folders, &folder_programs, &memo);
    let Compiler { mut project, program, mut diagnostics, templates, plugins, read, .. } = compiler;
    project.sources.release_others();
    diagnostics.sort_by_cached_key(|d| {
        let location = project.sources.locate(d.span);
        (project.sources.rank(location.file), location.range.start, location.range.end, d.code)
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
        folder_programs,
        metadata,
        plans,
        templates,
        plugins,
        memo,
        read,
    }
}

/// A compilation on its way, with the project's files read and linked.
struct Compiler<'a> {
    files: &'a dyn FileSystem,
    options: &'a Options<'a>,
    previous: Option<&'a Compilation>,
    project: Project,
    program: Program,
    diagnostics: Vec<Diagnostic>,
    templates: Vec<Arc<ReadTemplate>>,
    plugins: Plugins,
    read: ReadFiles,
}

impl Compiler<'_> {
    fn is_ez(&self) -> bool {
        self.options.dialect == Dialect::Ez
    }

    /// Whether all that there is to say about a project of EZ is asked for.
    fn is_checked_project(&self) -> bool {
        self.is_ez() && self.options.folder.is_none() && self.options.purpose == Purpose::Check
    }

    /// What the metadata of the folder task that is compiled say; the program gets them.
    fn folder_metadata(&mut self) -> Metadata {
        let Some(folder) = self.options.folder.filter(|_| self.is_ez()) else { return Metadata::default() };
        let read = self.read_metadata(folder);
        folder::apply(&mut self.program, folder, &read.metadata);
        read.metadata.clone()
    }

    fn read_metadata(&mut self, folder: &FolderTask) -> Arc<ReadMetadata> {
        let before = self.previous.map(|previous| &previous.read.metadata);
        let sources = &mut self.project.sources;
        let read = folder::read_metadata(self.files, folder, sources, &mut self.read.metadata, before);
        self.diagnostics.extend(read.diagnostics.iter().cloned());
        read
    }

    /// The folder tasks of the project. Their metadata and the project's templates are checked.
    fn folders(&mut self) -> Vec<FolderTask> {
        if !self.is_ez() || self.options.folder.is_some() {
            return Vec::new();
        }
        let root = &self.options.root_dir;
        let folders = folder::without_included(folder::find_all(self.files, root), &self.project.loaded);
        self.diagnostics.extend(folder::conflicts(&self.program, &folders));
        if self.is_checked_project() {
            let before = self.previous.map(|previous| &previous.read.templates);
            let sources = &mut self.project.sources;
            let templates =
                Templates::of_project(self.files, root, sources, &mut self.read.templates, before);
            self.diagnostics.extend(templates.diagnostics);
            self.templates = templates.files;
            for folder in &folders {
                self.read_metadata(folder);
            }
        }
        folders
    }

    /// Expands what EZ adds to go-task's language.
    fn expand(&mut self) {
        if !self.is_ez() {
            return;
        }
        self.plugins = self.read_plugins();
        self.diagnostics.extend(superset::expand(&mut self.program, &self.plugins));
        self.diagnostics.append(&mut self.plugins.diagnostics);
    }

    fn read_plugins(&mut self) -> Plugins {
        let before = self.previous.map(|previous| &previous.read.plugins);
        let Options { root_dir, host, purpose, folder, .. } = self.options;
        let (sources, read) = (&mut self.project.sources, &mut self.read.plugins);
        if plugin::is_named(&self.program) {
            let roots = plugin::roots(root_dir, folder.map(|folder| &*folder.project));
            Plugins::load_with(self.files, &roots, *host, sources, read, before)
        } else if *purpose == Purpose::Check {
            Plugins::of_project(self.files, root_dir, sources, read, before)
        } else {
            Plugins::default()
        }
    }

    fn check(&mut self) -> CheckMemo {
        if self.options.purpose != Purpose::Check {
            return CheckMemo::default();
        }
        let known = self.previous.map(|previous| &previous.memo);
        let Options { host, folder, .. } = *self.options;
        let checked = check::run(&self.project, &self.program, self.files, host, folder, known);
        self.diagnostics.extend(checked.diagnostics);
        checked.memo
    }

    fn folder_programs(&self, folders: &[FolderTask]) -> Vec<FolderProgram> {
        if !self.is_checked_project() {
            return Vec::new();
        }
        let before: FxHashMap<&SmolStr, &FolderProgram> = self
            .previous
            .iter()
            .flat_map(|previous| &previous.folder_programs)
            .map(|known| (&known.folder.name, known))
            .collect();
        let programs = folders.iter().map(|folder| {
            let before = before.get(&folder.name).copied().filter(|known| known.folder == *folder);
            FolderProgram::new(self.files, self.options.host, folder, before)
        });
        programs.collect()
    }

    fn plans(
        &mut self,
        folders: &[FolderTask],
        programs: &[FolderProgram],
        memo: &CheckMemo,
    ) -> Vec<CompiledPlan> {
        if !self.is_checked_project() {
            return Vec::new();
        }
        let found = plan::find_all(self.files, &self.options.root_dir);
        let surroundings = Surroundings {
            files: self.files,
            host: self.options.host,
            program: &self.program,
            folders,
            folder_programs: programs,
            memo: Some(memo),
            is_partial: self.project.failure.is_some(),
        };
        let mut plans = PlanReader {
            sources: &mut self.project.sources,
            read: &mut self.read.plans,
            previous: self.previous,
        };
        let compiled = surroundings.compile_plans(found, &mut plans);
        self.diagnostics.extend(compiled.iter().flat_map(|plan| plan.diagnostics.iter().cloned()));
        compiled
    }
}

impl FolderProgram {
    /// Compiles a folder task to be checked, if anything that it depends on changed.
    fn new(files: &dyn FileSystem, host: &dyn Host, folder: &FolderTask, before: Option<&Self>) -> Self {
        if let Some(before) = before.filter(|before| before.observations.hold(files)) {
            return before.clone();
        }
        let files = ObservedFileSystem::new(files);
        let previous = before.map(|before| &*before.compilation);
        let compilation = compile_folder(&files, host, folder, Purpose::Check, previous);
        let observations = Arc::new(files.into_observations());
        Self { folder: folder.clone(), compilation: Arc::new(compilation), observations }
    }

    /// The files and directories that it depends on, also those that are not there.
    pub fn paths(&self) -> impl Iterator<Item = &Utf8PathBuf> {
        self.observations.paths()
    }
}

fn compile_folder(
    files: &dyn FileSystem,
    host: &dyn Host,
    folder: &FolderTask,
    purpose: Purpose,
    previous: Option<&Compilation>,
) -> Compilation {
    let root_dir = folder.directory.clone();
    let options = Options { root_dir, host, purpose, dialect: Dialect::Ez, folder: Some(folder) };
    compile(files, &folder.taskfile, &options, previous)
}

/// What plans are compiled among.
struct Surroundings<'a> {
    files: &'a dyn FileSystem,
    host: &'a dyn Host,
    program: &'a Program,
    folders: &'a [FolderTask],
    /// Those that are compiled already.
    folder_programs: &'a [FolderProgram],
    memo: Option<&'a CheckMemo>,
    /// Whether not all files of the project could be read.
    is_partial: bool,
}

/// Where texts of plans go, and what they were before.
struct PlanReader<'a> {
    sources: &'a mut SourceMap,
    read: &'a mut PlanFiles,
    previous: Option<&'a Compilation>,
}

impl PlanReader<'_> {
    fn read(&mut self, files: &dyn FileSystem, file: PlanFile) -> Arc<ReadPlan> {
        let before = self.previous.map(|previous| &previous.read.plans);
        plan::read_with(files, file, self.sources, self.read, before)
    }
}

impl Surroundings<'_> {
    fn compile_plans(&self, found: Vec<PlanFile>, reader: &mut PlanReader<'_>) -> Vec<CompiledPlan> {
        if found.is_empty() {
            return Vec::new();
        }
        let reads: Vec<Arc<ReadPlan>> = found.into_iter().map(|file| reader.read(self.files, file)).collect();
        let twice = plan::duplicates(&reads);
        let catalog = self.catalog(&reads);
        let before: FxHashMap<&Utf8Path, &CompiledPlan> = reader
            .previous
            .iter()
            .flat_map(|previous| &previous.plans)
            .map(|plan| (plan.file.path.as_path(), plan))
            .collect();
        let mut compiled: Vec<CompiledPlan> = reads
            .iter()
            .map(|read| {
                let before = before.get(read.file.path.as_path()).copied();
                plan::compile(read, &catalog, reader.sources, before)
            })
            .collect();
        for (path, diagnostic) in twice {
            if let Some(plan) = compiled.iter_mut().find(|plan| plan.file.path == path) {
                plan.diagnostics.insert(0, diagnostic);
            }
        }
        compiled
    }

    /// The tasks that the steps of some plans can run.
    fn catalog(&self, reads: &[Arc<ReadPlan>]) -> TaskCatalog<'_> {
        let mut catalog = TaskCatalog::new(self.program, self.host, self.is_partial);
        if let Some(memo) = self.memo {
            catalog = catalog.with_facts(memo);
        }
        let written = || reads.iter().filter_map(|read| read.plan.as_ref());
        let named: FxHashSet<SmolStr> = written().flat_map(|plan| plan::named_folders(plan)).collect();
        // Names with templates may be those of any folder.
        let is_open = written().any(|plan| plan::has_open_task(plan));
        for folder in self.folders.iter().filter(|folder| is_open || named.contains(&folder.name)) {
            catalog.add_folder(folder.name.clone(), self.folder_program(folder));
        }
        catalog
    }

    /// The program of a folder task; `None` where its Taskfile cannot be read, of which its own check tells.
    fn folder_program(&self, folder: &FolderTask) -> Option<Arc<Program>> {
        if let Some(known) = self.folder_programs.iter().find(|known| known.folder.name == folder.name) {
            let compilation = &known.compilation;
            return compilation.failure.is_none().then(|| Arc::clone(&compilation.program));
        }
        let compilation = compile_folder(self.files, self.host, folder, Purpose::Run, None);
        compilation.failure.is_none().then_some(compilation.program)
    }
}

/// Compiles plans of a compiled project; their texts join the project's. Those with which the project was checked are taken as
/// they are.
pub fn compile_plans(
    files: &dyn FileSystem,
    host: &dyn Host,
    compilation: &mut Compilation,
    found: Vec<PlanFile>,
) -> Vec<CompiledPlan> {
    let Compilation {
        purpose, program, folders, folder_programs, plans, memo, failure, sources, read, ..
    } = compilation;
    let memo = (*purpose == Purpose::Check).then_some(&*memo);
    let is_partial = failure.is_some();
    let surroundings = Surroundings { files, host, program, folders, folder_programs, memo, is_partial };
    let mut reader = PlanReader { sources, read: &mut read.plans, previous: None };
    let checked = |file: &PlanFile| plans.iter().find(|plan| plan.file == *file);
    let (known, new): (Vec<PlanFile>, Vec<PlanFile>) =
        found.into_iter().partition(|file| checked(file).is_some());
    let mut compiled: Vec<CompiledPlan> = known.iter().filter_map(checked).cloned().collect();
    compiled.extend(surroundings.compile_plans(new, &mut reader));
    compiled
}
