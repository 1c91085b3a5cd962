//! What every name stands for: definitions know their references, and the reverse.
//!
//! An [`Occurrence`] is a place at which a name is written; a [`Symbol`] is what is named. Variables of go-task have no
//! declared scopes, so that all places that may mean the same value are one symbol: see [`variables`].

mod anchors;
mod builder;
mod folders;
mod plans;
mod plugins;
mod tasks;
mod templates;
#[cfg(test)]
mod tests;
mod variables;

use std::ops::Range;
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use crate::ast::Metadata;
use crate::check::CheckMemo;
use crate::file_system::FileSystem;
use crate::folder::FolderTask;
use crate::ir::Program;
use crate::plan::CompiledPlan;
use crate::plugin::Plugins;
use crate::project::Loaded;
use crate::source::{FileId, SourceMap};
use crate::template_file::ReadTemplate;

/// What an index is made of: a project as it was compiled to be checked.
pub struct Indexed<'a> {
    /// All texts.
    pub sources: &'a SourceMap,
    /// All files and includes.
    pub loaded: &'a Loaded,
    /// What runs.
    pub program: &'a Program,
    /// What is known of each task.
    pub memo: &'a CheckMemo,
    /// The folder tasks.
    pub folders: Vec<IndexedFolder<'a>>,
    /// What a `task.yml` says of the folder task that was compiled.
    pub metadata: &'a Metadata,
    /// The plans.
    pub plans: &'a [CompiledPlan],
    /// The files of templates.
    pub templates: &'a [Arc<ReadTemplate>],
    /// The plugins that are known.
    pub plugins: &'a Plugins,
    /// The files, for what only an index reads: dotenv files and plugins.
    pub files: &'a dyn FileSystem,
}

/// A folder task of a project, as it was compiled for itself.
pub struct IndexedFolder<'a> {
    /// Which one.
    pub folder: &'a FolderTask,
    /// What its own index is made of.
    pub program: Indexed<'a>,
}

/// A symbol of a [`SymbolIndex`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SymbolId(pub u32);

/// What kind of thing is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SymbolKind {
    /// A task.
    Task,
    /// A further name of a task.
    TaskAlias,
    /// A folder task, or a task in one, as the project around it names it.
    FolderTask,
    /// The namespace of an include, or a further name of it.
    Namespace,
    /// A variable of a Taskfile or of the environment.
    Variable,
    /// A param with its variable `EZ_…`.
    Param,
    /// A variable that only one script sets and reads.
    ShellVariable,
    /// `$x`, which a template declares.
    TemplateVariable,
    /// A row of the matrix of a `for`, or a key of the matrix of a step.
    MatrixKey,
    /// A step of a plan.
    Step,
    /// A variable of a plan.
    PlanVariable,
    /// A param of a plan.
    PlanParam,
    /// A param of a template.
    TemplateParam,
    /// An artifact of a step.
    Artifact,
    /// An output of a step.
    Output,
    /// A plugin.
    Plugin,
    /// An anchor of YAML.
    Anchor,
}

impl SymbolKind {
    /// What it is called in a sentence, with its article.
    pub fn description(self) -> &'static str {
        match self {
            Self::Task => "a task",
            Self::TaskAlias => "an alias",
            Self::FolderTask => "a folder task",
            Self::Namespace => "a namespace",
            Self::Variable => "a variable",
            Self::Param => "a param",
            Self::ShellVariable => "a variable of the script",
            Self::TemplateVariable => "a variable of the template",
            Self::MatrixKey => "a key of a matrix",
            Self::Step => "a step",
            Self::PlanVariable => "a variable of the plan",
            Self::PlanParam => "a param of the plan",
            Self::TemplateParam => "a param of the template",
            Self::Artifact => "an artifact",
            Self::Output => "an output",
            Self::Plugin => "a plugin",
            Self::Anchor => "an anchor",
        }
    }
}

/// Something that has a name.
#[derive(Clone, Debug)]
pub struct Symbol {
    /// What it is.
    pub kind: SymbolKind,
    /// Its name: of a task the one in its own file, of a param that without `EZ_`.
    pub name: SmolStr,
    /// The symbol of which this is a further name.
    pub alias_of: Option<SymbolId>,
    /// Why it cannot have another name; `None` where it can.
    pub obstacle: Option<Obstacle>,
    /// Where it is defined, if that is a file as a whole, or a task in a project of its own.
    pub target: Option<Target>,
    /// Whether it belongs to a folder task, which is a program of its own, and is here because plans name it.
    pub in_folder: bool,
}

/// A definition outside of the project's own texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The file.
    pub path: Utf8PathBuf,
    /// The task in it.
    pub task: Option<SmolStr>,
}

/// Why a symbol cannot be renamed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// go-task or EZ gives the variable its name and value.
    Special,
    /// No file gives the variable a value: it comes from the command line or the environment.
    Outside,
    /// The task `default` is what runs without a name.
    DefaultTask,
    /// Its name is that of a directory or file.
    FileName,
    /// A call whose name is put together when it runs may mean it.
    OpenCall(SmolStr),
    /// A template that takes variables by names that are put together when it runs may mean it.
    OpenRead(SmolStr),
    /// Calls mean it by a pattern.
    Wildcard,
    /// Scripts write the output by its name.
    WrittenByScripts,
    /// The name is made from something else, such as a path.
    Implied,
    /// A text with a mistake may read it.
    Broken,
    /// Programs that a script starts may read the variable.
    Exported,
    /// It is defined nowhere.
    Undefined,
    /// The text that names it names something else as well.
    Shared,
    /// A plugin of the user reads it.
    UserPlugin(SmolStr),
}

impl Obstacle {
    /// Says why, as the end of a sentence that begins with the name.
    pub fn explain(&self) -> String {
        match self {
            Self::Special => "is a name that go-task or EZ gives: it cannot be changed".to_owned(),
            Self::Outside => {
                "gets its value from the command line or the environment: no file of the project defines it"
                    .to_owned()
            }
            Self::DefaultTask => "is what runs when no task is named: it has to keep this name".to_owned(),
            Self::FileName => "has the name of its file or folder: rename that".to_owned(),
            Self::OpenCall(call) => {
                format!(
                    "may be called as `{call}`, a name that is put together when it runs: change that call first"
                )
            }
            Self::OpenRead(read) => {
                format!(
                    "may be read by `{read}`, which takes a name that is put together when it runs: write the \
                     name there first"
                )
            }
            Self::Wildcard => "is called by names that fit its stars: change the calls by hand".to_owned(),
            Self::WrittenByScripts => {
                "is written by the scripts of the step under this name: change them by hand".to_owned()
            }
            Self::Implied => "has a name that is made from something else: write a `name` first".to_owned(),
            Self::Broken => "may be read behind a mistake in this file: mend that first".to_owned(),
            Self::Exported => "may be read by programs that the script starts: change it by hand".to_owned(),
            Self::Undefined => "is not defined in this project".to_owned(),
            Self::Shared => {
                "is written in a text that names something else as well: write the two apart first".to_owned()
            }
            Self::UserPlugin(plugin) => {
                format!(
                    "is read by the plugin `{plugin}`, which other projects may use as well: change it by hand"
                )
            }
        }
    }
}

/// What a place does with a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// Makes the thing.
    Definition,
    /// Says that it has to be there: `requires`.
    Declaration,
    /// Gives it a value elsewhere: a variable of a call.
    Write,
    /// Runs it.
    Call,
    /// Uses it otherwise.
    Read,
}

/// How a name is written at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Spelling {
    /// As it is.
    Name,
    /// As the variable of a param: `EZ_BUILD_TYPE`, in a template `build_type`.
    ParamVariable,
    /// Not at all: the place means it in another way, such as by a pattern.
    Implied,
}

/// A place at which something is named.
#[derive(Clone, Debug)]
pub struct Occurrence {
    /// What is named.
    pub symbol: SymbolId,
    /// The file.
    pub file: FileId,
    /// The bytes of the name from the start of the file, without quotes.
    pub range: Range<u32>,
    /// What the place does with it.
    pub role: Role,
    /// How it is written there.
    pub spelling: Spelling,
    /// The task or step in which the place is.
    pub within: Option<SymbolId>,
    node: u32,
}

impl Occurrence {
    /// The bytes of the name.
    pub fn range(&self) -> Range<usize> {
        self.range.start as usize..self.range.end as usize
    }
}

/// All symbols of a project with their places.
#[derive(Debug, Default)]
pub struct SymbolIndex {
    sources: SourceMap,
    symbols: Vec<Symbol>,
    /// By file and place.
    occurrences: Vec<Occurrence>,
    /// For each symbol the first of its entries in `by_symbol`, and one more.
    starts: Vec<u32>,
    /// Indices of occurrences, symbol by symbol, in the order of their places.
    by_symbol: Vec<u32>,
    /// For each node the one that gives it its value where it is not defined itself.
    sources_of_nodes: Vec<Option<u32>>,
    /// The indices of the folder tasks that plans name.
    folders: FxHashMap<SmolStr, Arc<SymbolIndex>>,
}

/// Makes the index of a project.
pub fn index(indexed: &Indexed<'_>) -> SymbolIndex {
    let mut builder = builder::Builder::new(indexed);
    parts(&mut builder);
    plans::add_steps(&mut builder);
    rest(&mut builder);
    builder.finish()
}

/// What is called.
fn parts(builder: &mut builder::Builder<'_>) {
    tasks::add(builder);
    folders::add_artifacts(builder);
}

/// What depends on who calls it.
fn rest(builder: &mut builder::Builder<'_>) {
    variables::add(builder);
    plans::add_names(builder);
    templates::add(builder);
    anchors::add(builder);
    folders::add(builder);
}

impl SymbolIndex {
    /// The project's texts, and those that only the index has read.
    pub fn sources(&self) -> &SourceMap {
        &self.sources
    }

    /// The index of a folder task, with the places at which plans name something of it; `None` where none does.
    pub fn folder(&self, name: &str) -> Option<&Self> {
        self.folders.get(name).map(|index| &**index)
    }

    /// All symbols.
    pub fn symbols(&self) -> impl Iterator<Item = (SymbolId, &Symbol)> {
        self.symbols.iter().enumerate().map(|(index, symbol)| (SymbolId(index as u32), symbol))
    }

    /// A symbol by its id.
    pub fn symbol(&self, id: SymbolId) -> Option<&Symbol> {
        self.symbols.get(id.0 as usize)
    }

    /// The newest file of a path.
    pub fn file(&self, path: &Utf8Path) -> Option<FileId> {
        self.sources.find(path)
    }

    /// What stands at a byte of a file, or ends there. Of a text that names several things there are several.
    pub fn at(&self, file: FileId, offset: usize) -> Vec<&Occurrence> {
        let offset = offset as u32;
        let until =
            self.occurrences.partition_point(|found| (found.file, found.range.start) <= (file, offset));
        let before = self.occurrences.get(..until).unwrap_or_default().iter().rev();
        let touches = |found: &&Occurrence| {
            found.range.end >= offset
                && !(found.spelling == Spelling::Implied && found.role == Role::Definition)
        };
        let near = before.take(MAX_OVERLAP).take_while(|found| found.file == file);
        let mut found: Vec<&Occurrence> = near.filter(touches).collect();
        // What is written comes before what is only meant; then the innermost, and at the border of two words the one that
        // begins there. Others that stand at the same bytes stay with it.
        let order = |one: &&&Occurrence| {
            (one.spelling == Spelling::Implied, one.range.end == offset, one.range.len())
        };
        let best = found.iter().min_by_key(order).map(|one| one.range.clone());
        found.retain(|one| Some(&one.range) == best.as_ref());
        found.reverse();
        found
    }

    /// All places of a symbol, by file and place.
    pub fn occurrences(&self, symbol: SymbolId) -> impl Iterator<Item = &Occurrence> {
        let bound = |index: u32| self.starts.get(index as usize).copied().unwrap_or_default() as usize;
        let indices = self.by_symbol.get(bound(symbol.0)..bound(symbol.0 + 1)).unwrap_or_default();
        indices.iter().filter_map(|index| self.occurrences.get(*index as usize))
    }

    /// The places of a symbol and of its further names.
    pub fn occurrences_with_aliases(&self, symbol: SymbolId) -> Vec<&Occurrence> {
        let aliases = self.symbols().filter(|(_, other)| other.alias_of == Some(symbol)).map(|(id, _)| id);
        let mut all: Vec<&Occurrence> =
            std::iter::once(symbol).chain(aliases).flat_map(|id| self.occurrences(id)).collect();
        all.sort_by_key(|found| (found.file, found.range.start, found.range.end));
        all.dedup_by_key(|found| (found.file, found.range.start, found.range.end));
        all
    }

    /// All places in a file, in order.
    pub fn in_file(&self, file: FileId) -> &[Occurrence] {
        let from = self.occurrences.partition_point(|found| found.file < file);
        let to = self.occurrences.partition_point(|found| found.file <= file);
        self.occurrences.get(from..to).unwrap_or_default()
    }

    /// Where what stands at a place is made, or gets its value; the nearest if there are several ways.
    pub fn definitions(&self, place: &Occurrence) -> Vec<&Occurrence> {
        let of_node = |node: u32, role: Role| {
            let all = self.occurrences(place.symbol);
            all.filter(move |found| found.node == node && found.role == role)
        };
        let source_of = |node: u32| self.sources_of_nodes.get(node as usize).copied().flatten();
        let source = source_of(place.node);
        let mut found: Vec<&Occurrence> = of_node(place.node, Role::Definition).collect();
        // A param that a task inherits is made where its base has it, and not where it is given a value.
        let is_param = self.symbol(place.symbol).is_some_and(|symbol| symbol.kind == SymbolKind::Param);
        let mut base = source.filter(|_| is_param);
        for _ in 0..MAX_SOURCES {
            let Some(node) = base.filter(|_| found.is_empty()) else { break };
            found.extend(of_node(node, Role::Definition));
            base = source_of(node);
        }
        if found.is_empty() {
            found.extend(of_node(place.node, Role::Write));
            found.extend(source.into_iter().flat_map(|source| of_node(source, Role::Definition)));
        }
        if found.is_empty() {
            found.extend(self.occurrences(place.symbol).filter(|other| other.role == Role::Definition));
        }
        if found.is_empty() {
            found.extend(self.occurrences(place.symbol).filter(|other| other.role == Role::Write));
        }
        if found.is_empty() {
            found.extend(self.occurrences(place.symbol).filter(|other| other.role == Role::Declaration));
        }
        found
    }
}

/// How many tasks that inherit from each other are followed to the one that has a param.
const MAX_SOURCES: usize = 16;

/// How many places may overlap at one byte.
const MAX_OVERLAP: usize = 64;
