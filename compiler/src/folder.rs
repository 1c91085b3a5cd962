//! Folder tasks: directories in `tasks/` with a Taskfile of their own, and perhaps a `task.yml` that tells about it.

use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use smol_str::SmolStr;

use crate::ast::{Metadata, Superset, Text};
use crate::decode::decode_metadata;
use crate::diagnostic::Diagnostic;
use crate::file_system::{FileSystem, PathKind};
use crate::ir::Program;
use crate::project::Loaded;
use crate::project::paths::TASKFILE_NAMES;
use crate::rule;
use crate::source::SourceMap;
use crate::yaml;
use crate::yaml::node::ScalarStyle;
use crate::yaml_file::{YamlFile, YamlFiles};

/// The directory of a project's folder tasks, below its root.
pub const DIRECTORY: &str = "tasks";
/// Names of the file of metadata, in the order in which they are looked for.
pub const METADATA_NAMES: [&str; 2] = ["task.yml", "task.yaml"];
/// The task of a folder that its bare name stands for.
pub const DEFAULT_TASK: &str = "default";
/// What stands between a folder's name and one of its tasks.
const SEPARATOR: char = ':';

/// A folder task: where it is. What it does, its own compilation says.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FolderTask {
    /// The folder's name.
    pub name: SmolStr,
    /// The folder.
    pub directory: Utf8PathBuf,
    /// Its Taskfile.
    pub taskfile: Utf8PathBuf,
    /// Its metadata, where it has some.
    pub metadata: Option<Utf8PathBuf>,
    /// The root directory of the project.
    pub project: Utf8PathBuf,
}

/// Whether a folder of that name can be called: no separators, and nothing that a flag or a hidden file begins with.
pub fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_alphanumeric() || c == '_')
        && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

/// The folder tasks of a project, by name.
pub fn find_all(files: &dyn FileSystem, project: &Utf8Path) -> Vec<FolderTask> {
    let directory = project.join(DIRECTORY);
    let entries = files.list(&directory).unwrap_or_default();
    let folders =
        entries.into_iter().filter(|entry| entry.kind == PathKind::Directory && is_name(&entry.name));
    folders.filter_map(|entry| at(files, project, directory.join(entry.name.as_str()), entry.name)).collect()
}

fn at(
    files: &dyn FileSystem,
    project: &Utf8Path,
    directory: Utf8PathBuf,
    name: SmolStr,
) -> Option<FolderTask> {
    let entries = files.list(&directory)?;
    let named = |wanted: &str| {
        let entry = entries.iter().find(|entry| entry.kind == PathKind::File && entry.name == wanted)?;
        Some(directory.join(entry.name.as_str()))
    };
    let taskfile = TASKFILE_NAMES.iter().find_map(|wanted| named(wanted))?;
    let metadata = METADATA_NAMES.iter().find_map(|wanted| named(wanted));
    Some(FolderTask { name, taskfile, metadata, project: project.to_owned(), directory })
}

/// The folder tasks among them: a folder without metadata whose Taskfile the project includes is a part of the project.
pub fn without_included(folders: Vec<FolderTask>, loaded: &Loaded) -> Vec<FolderTask> {
    let is_included =
        |folder: &FolderTask| loaded.files.iter().any(|file| file.path.starts_with(&folder.directory));
    folders.into_iter().filter(|folder| folder.metadata.is_some() || !is_included(folder)).collect()
}

/// What a typed name says of a folder: its name, and the task in it.
pub fn split_name(typed: &str) -> (&str, &str) {
    typed.split_once(SEPARATOR).unwrap_or((typed, DEFAULT_TASK))
}

/// What a folder's task is called from outside.
pub fn qualified(folder: &str, task: &str) -> SmolStr {
    if task == DEFAULT_TASK { folder.into() } else { smol_str::format_smolstr!("{folder}{SEPARATOR}{task}") }
}

/// Inline tasks whose names are those of folder tasks.
pub fn conflicts(program: &Program, folders: &[FolderTask]) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    for folder in folders {
        let Some(id) = program.find(&folder.name) else { continue };
        let path = folder.directory.strip_prefix(&folder.project).unwrap_or(&folder.directory);
        let message = format!("`{}` is a task here and a folder task, `{path}`", folder.name);
        diagnostics.push(
            Diagnostic::error(rule::FOLDER_TASK_CONFLICT, message, program.task(id).name_span())
                .with_label("the name of a folder task")
                .with_help("rename the task, or the folder"),
        );
    }
    diagnostics
}

/// What a folder task's file of metadata says, and what is wrong with it.
#[derive(Debug, Default)]
pub struct ReadMetadata {
    /// What it says, as far as it can be read.
    pub metadata: Metadata,
    /// The findings.
    pub diagnostics: Vec<Diagnostic>,
}

/// Files of metadata that were read.
pub type MetadataFiles = YamlFiles<ReadMetadata>;

/// Reads the metadata of a folder task.
pub fn read_metadata(
    files: &dyn FileSystem,
    folder: &FolderTask,
    sources: &mut SourceMap,
    read: &mut MetadataFiles,
    previous: Option<&MetadataFiles>,
) -> Arc<ReadMetadata> {
    let Some(path) = &folder.metadata else { return Arc::default() };
    read.read(path, files, sources, previous, |file, sources, _| decoded(file, folder, sources))
}

fn decoded(file: &YamlFile, folder: &FolderTask, sources: &SourceMap) -> ReadMetadata {
    if let Some(error) = &file.error {
        let message = format!("`{}` cannot be read: {error:?}", file.path);
        let diagnostic = Diagnostic::error(rule::UNREADABLE, message, file.start())
            .with_help("mend the file, or remove it");
        return ReadMetadata { metadata: Metadata::default(), diagnostics: vec![diagnostic] };
    }
    let mut diagnostics: Vec<Diagnostic> =
        file.document.errors.iter().map(yaml::YamlError::to_diagnostic).collect();
    let Some(root) = file.document.root.as_ref().filter(|_| diagnostics.is_empty()) else {
        return ReadMetadata { metadata: Metadata::default(), diagnostics };
    };
    let decoded = decode_metadata(root, &folder.name, sources);
    diagnostics.extend(decoded.diagnostics);
    ReadMetadata { metadata: decoded.metadata, diagnostics }
}

/// Gives the default task what the metadata says of it, its params, artifacts, tags and examples, and every task the
/// name by which it is called from outside.
pub fn apply(program: &mut Program, folder: &FolderTask, metadata: &Metadata) {
    for task in &mut program.tasks {
        if task.definition.label.is_none() && !task.is_wildcard() {
            let span = task.definition.name.span;
            let label = Text { value: qualified(&folder.name, &task.name), span, style: ScalarStyle::Plain };
            Arc::make_mut(&mut task.definition).label = Some(label);
        }
    }
    let Some(task) = program.find(DEFAULT_TASK).and_then(|id| program.tasks.get_mut(id.0 as usize)) else {
        return;
    };
    let definition = Arc::make_mut(&mut task.definition);
    let mut superset = definition
        .superset
        .take()
        .unwrap_or_else(|| Box::new(Superset { span: metadata.span, ..Superset::default() }));
    for param in &metadata.params {
        match superset.params.iter_mut().find(|known| known.name.value == param.name.value) {
            Some(known) => known.clone_from(param),
            None => superset.params.push(param.clone()),
        }
    }
    superset.artifacts.clone_from(&metadata.artifacts);
    superset.tags.extend(metadata.tags.iter().cloned());
    superset.examples.extend(metadata.examples.iter().cloned());
    definition.superset = Some(superset);
    if let Some(desc) = &metadata.desc {
        definition.desc = Some(desc.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file_system::MemoryFileSystem;

    fn names(files: &[&str]) -> Vec<String> {
        let files =
            files.iter().fold(MemoryFileSystem::new(), |all, path| all.with(format!("/p/{path}"), ""));
        let folder = |folder: FolderTask| {
            let has_metadata = if folder.metadata.is_some() { "+" } else { "" };
            format!("{}{has_metadata}", folder.name)
        };
        find_all(&files, Utf8Path::new("/p")).into_iter().map(folder).collect()
    }

    #[test]
    fn a_folder_with_a_taskfile_is_a_task() {
        assert_eq!(
            names(&["tasks/b/Taskfile.yml", "tasks/a/taskfile.dist.yaml", "tasks/b/task.yaml"]),
            ["a", "b+"]
        );
        assert!(names(&["tasks/a/task.yml", "tasks/Taskfile.yml", "tasks/.x/Taskfile.yml"]).is_empty());
        assert!(
            names(&["tasks/a/Taskfile.yml/x", "tasks/a b/Taskfile.yml", "task/a/Taskfile.yml"]).is_empty()
        );
    }

    #[test]
    fn names_have_a_folder_and_a_task() {
        assert_eq!(split_name("fw"), ("fw", "default"));
        assert_eq!(split_name("fw:a:b"), ("fw", "a:b"));
        assert_eq!(qualified("fw", "default"), "fw");
        assert_eq!(qualified("fw", "test"), "fw:test");
        assert!(is_name("fw-2.x") && !is_name("-x") && !is_name("a:b") && !is_name(".x") && !is_name(""));
    }
}
