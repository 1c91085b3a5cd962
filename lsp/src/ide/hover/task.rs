//! Tasks, the folders that are tasks, and namespaces.

use std::fmt::Write;

use ez_compiler::folder::{self, FolderTask, MetadataFiles};
use ez_compiler::ir::{CallKind, Resolution, Task};
use ez_compiler::source::{FileId, SourceMap};

use super::markdown::{code, codes, count, params, path};
use crate::analysis::Snapshot;

/// The longest summary that is shown, in lines.
const MAX_SUMMARY: usize = 8;

/// The task that a name means, where a task writes it; for plans, where nobody does.
pub fn named(snapshot: &Snapshot, from: Option<&Task>, name: &str) -> Option<String> {
    let compilation = &snapshot.analysis.compilation;
    let full = from.map_or_else(|| name.into(), |from| from.callee(name));
    match compilation.program.resolve(&full) {
        Resolution::Task(id, matched) => {
            let task = compilation.program.task(id);
            let mut shown = show(snapshot, task);
            if !matched.is_empty() {
                let _ = write!(
                    shown,
                    "\n\nHere `.MATCH` is {}.",
                    codes(matched.iter().map(smol_str::SmolStr::as_str))
                );
            }
            Some(shown)
        }
        Resolution::Ambiguous(ids) => {
            let names = ids.iter().map(|id| compilation.program.task(*id).name.as_str());
            Some(format!("{} is an alias of several tasks: {}", code(name), codes(names)))
        }
        Resolution::Unknown => {
            let (folder, inner) = folder::split_name(&full);
            if inner == folder::DEFAULT_TASK {
                let known = compilation.folders.iter().find(|known| known.name == folder)?;
                return Some(show_folder(snapshot, known));
            }
            let mut folders = compilation.folder_programs.iter();
            let known = &folders.find(|known| known.folder.name == folder)?.compilation;
            let Resolution::Task(id, _) = known.program.resolve(inner) else { return None };
            let task = known.program.task(id);
            Some(show_in(snapshot, &known.sources, task, &folder::qualified(folder, &task.name)))
        }
    }
}

/// A task.
pub fn show(snapshot: &Snapshot, task: &Task) -> String {
    show_in(snapshot, &snapshot.analysis.compilation.sources, task, &task.name)
}

/// A task of a program with those sources, by the name that it has in the project.
fn show_in(snapshot: &Snapshot, sources: &SourceMap, task: &Task, name: &str) -> String {
    let definition = &task.definition;
    let mut shown = format!("**task** {}", code(name));
    if task.internal {
        shown.push_str(" · internal");
    }
    if let Some(desc) = &definition.desc {
        let _ = write!(shown, "\n\n{}", desc.value.trim());
    }
    if let Some(summary) = &definition.summary {
        let lines: Vec<&str> = summary.value.trim().lines().take(MAX_SUMMARY).collect();
        let _ = write!(shown, "\n\n{}", lines.join("\n"));
    }
    let superset = task.superset.as_deref();
    if let Some(superset) = superset.filter(|superset| !superset.params.is_empty()) {
        let _ = write!(shown, "\n\n{}", params(&superset.params));
    }
    let required: Vec<&str> = definition
        .requires
        .iter()
        .map(|required| required.name.value.as_str())
        .filter(|name| crate::ide::variables::param_of(task, name).is_none())
        .collect();
    let calls = |wanted: CallKind| {
        task.calls().filter(move |call| call.kind == wanted).map(|call| call.name).collect()
    };
    let (deps, called): (Vec<_>, Vec<_>) = (calls(CallKind::Dependency), calls(CallKind::Command));
    let mut lines: Vec<String> = Vec::new();
    let mut list = |title: &str, names: Vec<&str>| {
        if !names.is_empty() {
            lines.push(format!("{title}: {}", codes(names)));
        }
    };
    list("Aliases", task.aliases.iter().map(smol_str::SmolStr::as_str).collect());
    list("Needs the variables", required);
    list("Depends on", deps.iter().map(smol_str::SmolStr::as_str).collect());
    list("Calls", called.iter().map(smol_str::SmolStr::as_str).collect());
    let facts = [
        count(definition.cmds.len(), "command", "commands"),
        count(definition.sources.len(), "source", "sources"),
        count(definition.generates.len(), "generated path", "generated paths"),
        superset.and_then(|superset| count(superset.artifacts.len(), "artifact", "artifacts")),
    ];
    let facts: Vec<String> = facts.into_iter().flatten().collect();
    if !facts.is_empty() {
        lines.push(facts.join(" · "));
    }
    let dir = path(snapshot, camino::Utf8Path::new(&task.dir));
    if !dir.as_str().is_empty() {
        lines.push(format!("Runs in {}", code(dir.as_str())));
    }
    let file = sources.file(sources.locate(task.name_span()).file);
    let line = sources.position(task.name_span()).line;
    lines.push(format!("Defined in {}:{line}", path(snapshot, &file.path)));
    let _ = write!(shown, "\n\n{}", lines.join("  \n"));
    shown
}

/// A folder task.
fn show_folder(snapshot: &Snapshot, folder: &FolderTask) -> String {
    let (mut sources, mut read) = (SourceMap::default(), MetadataFiles::default());
    let read = folder::read_metadata(&*snapshot.files, folder, &mut sources, &mut read, None);
    let metadata = &read.metadata;
    let mut shown = format!("**folder task** {}", code(&folder.name));
    if let Some(desc) = &metadata.desc {
        let _ = write!(shown, "\n\n{}", desc.value.trim());
    }
    if !metadata.params.is_empty() {
        let _ = write!(shown, "\n\n{}", params(&metadata.params));
    }
    if !metadata.artifacts.is_empty() {
        let names = metadata.artifacts.iter().map(|artifact| artifact.name.value.as_str());
        let _ = write!(shown, "\n\nArtifacts: {}", codes(names));
    }
    let _ = write!(shown, "\n\nDefined in {}", path(snapshot, &folder.taskfile));
    shown
}

/// The include of a namespace of a file.
pub fn namespace(snapshot: &Snapshot, file: FileId, name: &str) -> Option<String> {
    let loaded = &snapshot.analysis.compilation.loaded;
    let from = loaded.files.iter().position(|known| known.file == file)?;
    let taskfile = loaded.files.get(from)?.taskfile.as_ref()?;
    let include = taskfile.includes.iter().find(|include| include.namespace.value == name)?;
    let mut shown = format!("**namespace** {}", code(name));
    let edge = loaded.edges.iter().find(|edge| edge.from == from && edge.include.namespace.value == name);
    match edge.and_then(|edge| loaded.files.get(edge.to)) {
        Some(target) => {
            let tasks =
                target.taskfile.as_ref().map(|taskfile| taskfile.tasks.as_slice()).unwrap_or_default();
            let names = tasks.iter().filter(|task| !task.internal).map(|task| task.name.value.as_str());
            let number = count(tasks.len(), "task", "tasks").unwrap_or_else(|| "no tasks".to_owned());
            let _ = write!(shown, "\n\n{} · {number}", path(snapshot, &target.path));
            let names = codes(names);
            if !names.is_empty() {
                let _ = write!(shown, "\n\n{names}");
            }
        }
        None if include.optional => shown.push_str("\n\nThe file is not there, which its `optional` allows."),
        None => shown.push_str("\n\nThe file cannot be read."),
    }
    let flags = [
        (include.flatten, "its tasks have no namespace"),
        (include.internal, "its tasks are internal"),
        (include.optional && edge.is_some(), "optional"),
    ];
    let flags: Vec<&str> = flags.into_iter().filter(|(is_set, _)| *is_set).map(|(_, text)| text).collect();
    if !flags.is_empty() {
        let _ = write!(shown, "\n\n{}", flags.join(" · "));
    }
    Some(shown)
}
