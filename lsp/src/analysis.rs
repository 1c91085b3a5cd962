//! A compiled project and what is asked of it again and again.

use std::ops::Range;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use camino::{Utf8Path, Utf8PathBuf};
use ez_compiler::Compilation;
use ez_compiler::diagnostic::Diagnostic;
use ez_compiler::file_system::FileSystem;
use ez_compiler::folder::FolderTask;
use ez_compiler::ir::{Program, Resolution, Task, TaskId};
use ez_compiler::source::{FileId, SourceFile, SourceMap, Span};
use ez_compiler::symbols::SymbolIndex;
use ez_compiler::template::Host;
use ez_compiler::yaml::{self, node::Node};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::files::EditorFiles;
use crate::ide::variables::PassedVariables;
use crate::projects::ProjectKey;
use crate::settings::Settings;

/// A host that several threads may ask.
pub type SharedHost = Arc<dyn Host + Send + Sync>;

/// A project as it was compiled from the texts of one moment.
#[derive(Debug)]
pub struct Analysis {
    /// What tells the project from others.
    pub key: ProjectKey,
    /// What the compiler made of it.
    pub compilation: Arc<Compilation>,
    /// The project that it is a folder task of.
    pub project: Option<Arc<Analysis>>,
    by_path: FxHashMap<Utf8PathBuf, FileId>,
    diagnostics: OnceLock<FxHashMap<FileId, Vec<usize>>>,
    symbols: OnceLock<SymbolIndex>,
    parsed: Mutex<FxHashMap<FileId, ParsedFile>>,
    passed: OnceLock<PassedVariables>,
    /// The first task of the program that each definition makes and the others, by where its name is written.
    by_definition: OnceLock<FxHashMap<Span, (TaskId, Vec<TaskId>)>>,
    /// For each task those that extend it.
    extending: OnceLock<FxHashMap<TaskId, Vec<TaskId>>>,
}

/// A file as YAML.
#[derive(Clone, Debug)]
pub struct ParsedFile {
    /// The root; `None` of an empty file.
    pub root: Option<Arc<Node>>,
    /// What the spans of its nodes point into; the project's texts without it.
    pub own: Option<Arc<SourceMap>>,
}

/// A byte of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FilePosition {
    /// The file.
    pub file: FileId,
    /// Bytes from the start of the file.
    pub offset: usize,
}

/// Some bytes of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileRange {
    /// The file.
    pub file: FileId,
    /// Bytes from the start of the file.
    pub range: Range<usize>,
}

/// Some bytes of a text, which may be one that the project itself has not read.
#[derive(Clone, Debug)]
pub struct TextPlace {
    /// The file.
    pub source: Arc<SourceFile>,
    /// Bytes from the start of the file.
    pub range: Range<usize>,
}

/// What a feature answers from.
#[derive(Clone)]
pub struct Snapshot {
    /// The project.
    pub analysis: Arc<Analysis>,
    /// The files around it.
    pub files: Arc<EditorFiles>,
    /// The environment.
    pub host: SharedHost,
    /// What the user switched.
    pub settings: Arc<Settings>,
}

impl Snapshot {
    /// What every name stands for.
    pub fn symbols(&self) -> &SymbolIndex {
        self.analysis.symbols(&*self.files)
    }
}

impl Analysis {
    /// Of a project's compilation.
    pub fn new(key: ProjectKey, compilation: Arc<Compilation>) -> Self {
        // Of a path that was read twice the newest text holds.
        let by_path = compilation.sources.files().map(|(id, file)| (file.path.clone(), id)).collect();
        Self {
            key,
            compilation,
            project: None,
            by_path,
            diagnostics: OnceLock::new(),
            symbols: OnceLock::new(),
            parsed: Mutex::default(),
            passed: OnceLock::new(),
            by_definition: OnceLock::new(),
            extending: OnceLock::new(),
        }
    }

    /// Of a folder task that its project has compiled.
    pub fn of_folder(key: ProjectKey, compilation: Arc<Compilation>, project: Arc<Self>) -> Self {
        Self { project: Some(project), ..Self::new(key, compilation) }
    }

    /// The file of a path, if the project has read it.
    pub fn file_of(&self, path: &Utf8Path) -> Option<FileId> {
        self.by_path.get(path).copied()
    }

    /// The files that the project and its folder tasks have read, some perhaps more than once.
    pub fn read_paths(&self) -> impl Iterator<Item = &Utf8Path> {
        let of_folders =
            self.compilation.folder_programs.iter().flat_map(|program| program.compilation.sources.files());
        self.compilation.sources.files().chain(of_folders).map(|(_, file)| &*file.path)
    }

    /// The folder task that has read a file.
    pub fn folder_that_read(&self, path: &Utf8Path) -> Option<&FolderTask> {
        let mut programs = self.compilation.folder_programs.iter();
        let reader = programs.find(|program| program.compilation.sources.find(path).is_some())?;
        Some(&reader.folder)
    }

    /// A file.
    pub fn file(&self, file: FileId) -> &Arc<SourceFile> {
        self.compilation.sources.file(file)
    }

    /// The text of a file.
    pub fn text(&self, file: FileId) -> &str {
        &self.file(file).text
    }

    /// The files that the project is made of, the newest of each path.
    pub fn files(&self) -> impl Iterator<Item = (FileId, &Arc<SourceFile>)> {
        self.compilation.sources.files().filter(|(id, file)| self.file_of(&file.path) == Some(*id))
    }

    /// A file as YAML. What the compiler kept of a Taskfile is shared; another file is parsed when it is first asked for.
    pub fn parsed(&self, file: FileId) -> ParsedFile {
        if let Some(loaded) = self.compilation.loaded.files.iter().find(|loaded| loaded.file == file) {
            return ParsedFile { root: loaded.document.root.clone(), own: None };
        }
        let mut parsed = self.parsed.lock().unwrap_or_else(PoisonError::into_inner);
        let parse = || {
            let mut own = SourceMap::default();
            let source = self.file(file);
            let id = own.add_file(&source.path, Arc::clone(&source.text));
            let root = yaml::parse(&source.text, id, &mut own, None).root;
            ParsedFile { root, own: Some(Arc::new(own)) }
        };
        parsed.entry(file).or_insert_with(parse).clone()
    }

    /// The task that a name of a Taskfile's `tasks` makes; of a file that is included several times the first.
    pub fn task_in(&self, file: FileId, name: &str) -> Option<&Task> {
        let loaded = self.compilation.loaded.files.iter().find(|loaded| loaded.file == file)?;
        let definition = loaded.taskfile.as_ref()?.tasks.iter().find(|task| task.name.value == name)?;
        self.task_of(definition.name.span)
    }

    /// The task whose name is written at a place.
    pub fn task_of(&self, name: Span) -> Option<&Task> {
        self.tasks_of(name).next()
    }

    /// The tasks whose name is written at a place: several of a file that is included several times.
    pub fn tasks_of(&self, name: Span) -> impl Iterator<Item = &Task> {
        self.ids_of(name).map(|id| self.compilation.program.task(id))
    }

    /// The tasks that a field has its text in: those whose name is written at a place, and those that extend them and do
    /// not write the field themselves.
    pub fn tasks_with(&self, name: Span, field: &str) -> Vec<&Task> {
        let program = &self.compilation.program;
        let extending = self.extending.get_or_init(|| extending(program));
        let mut ids: Vec<TaskId> = self.ids_of(name).collect();
        let mut known: FxHashSet<TaskId> = ids.iter().copied().collect();
        let mut next = 0;
        while let Some(id) = ids.get(next) {
            let heirs = extending.get(id).into_iter().flatten().copied();
            let heirs = heirs.filter(|heir| inherits(program.task(*heir), field) && known.insert(*heir));
            ids.extend(heirs.collect::<Vec<_>>());
            next += 1;
        }
        ids.into_iter().map(|id| program.task(id)).collect()
    }

    fn ids_of(&self, name: Span) -> impl Iterator<Item = TaskId> {
        let program = &self.compilation.program;
        let by_definition = self.by_definition.get_or_init(|| {
            let mut by_definition: FxHashMap<Span, (TaskId, Vec<TaskId>)> = FxHashMap::default();
            for id in program.ids() {
                let entry = by_definition.entry(program.task(id).name_span());
                entry.and_modify(|(_, others)| others.push(id)).or_insert_with(|| (id, Vec::new()));
            }
            by_definition
        });
        let found = by_definition.get(&name).into_iter();
        let ids = found.flat_map(|(first, others)| std::iter::once(first).chain(others));
        ids.copied()
    }

    /// Which calls pass variables to which tasks.
    pub fn passed_variables(&self) -> &PassedVariables {
        self.passed.get_or_init(|| PassedVariables::new(self))
    }

    /// Where a span is.
    pub fn locate(&self, span: Span) -> FileRange {
        let location = self.compilation.sources.locate(span);
        FileRange { file: location.file, range: location.range }
    }

    /// Whether a span holds a byte, or ends at it: a cursor behind a word is at the word.
    pub fn touches(&self, span: Span, position: FilePosition) -> bool {
        let place = self.locate(span);
        place.file == position.file
            && place.range.start <= position.offset
            && position.offset <= place.range.end
    }

    /// What every name stands for; made when it is first asked for.
    pub fn symbols(&self, files: &dyn FileSystem) -> &SymbolIndex {
        let named = self.project.as_ref().zip(self.key.folder.as_ref());
        // The plans of the project name what a folder task has.
        let named = named.and_then(|(project, folder)| project.symbols(files).folder(&folder.name));
        named.unwrap_or_else(|| self.symbols.get_or_init(|| self.compilation.symbols(files)))
    }

    /// The findings in a file, by place.
    pub fn diagnostics_of(&self, file: FileId) -> impl Iterator<Item = &Diagnostic> {
        let by_file = self.diagnostics.get_or_init(|| {
            let mut by_file: FxHashMap<FileId, Vec<usize>> = FxHashMap::default();
            for (index, diagnostic) in self.compilation.diagnostics.iter().enumerate() {
                let file = self.compilation.sources.locate(diagnostic.span).file;
                by_file.entry(file).or_default().push(index);
            }
            by_file
        });
        let indices = by_file.get(&file).map_or(&[][..], Vec::as_slice);
        indices.iter().filter_map(|index| self.compilation.diagnostics.get(*index))
    }
}

/// For each task those that extend it.
fn extending(program: &Program) -> FxHashMap<TaskId, Vec<TaskId>> {
    let mut extending: FxHashMap<TaskId, Vec<TaskId>> = FxHashMap::default();
    for id in program.ids() {
        let task = program.task(id);
        let base = task.definition.superset.as_deref().and_then(|superset| superset.extends.as_ref());
        if let Some(Resolution::Task(base, _)) = base.map(|base| program.resolve(&task.callee(&base.value))) {
            extending.entry(base).or_default().push(id);
        }
    }
    extending
}

/// Whether a task has a field of the one that it extends; what is merged by name it has in part.
fn inherits(task: &Task, field: &str) -> bool {
    let Some(own) = task.definition.superset.as_deref() else { return true };
    let writes = |key: &str| own.written.iter().any(|written| written.value == key);
    match field {
        "aliases" | "internal" | "label" => false,
        "vars" | "env" | "requires" => true,
        "cmds" | "cmd" | "ez-compose" => !writes("cmds") && !writes("cmd") && own.compose.is_none(),
        field => !writes(field),
    }
}
