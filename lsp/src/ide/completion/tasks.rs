//! Names of tasks.

use std::sync::Arc;

use ez_compiler::Compilation;
use ez_compiler::folder::{self, FolderTask};
use ez_compiler::ir::{Resolution, Task};
use ez_compiler::schema::Format;
use smol_str::{SmolStr, format_smolstr};

use super::documentation::Subject;
use super::rank::{Candidates, MAX_ITEMS};
use super::request::Request;
use super::{Item, Kind, insertion};
use crate::ide::cursor::Step;

/// Tasks of the same file come first, then others, those that are internal, and the task itself.
const OWN: u16 = 0;
const OTHER: u16 = 1;
const FURTHER_NAME: u16 = 2;
const INTERNAL: u16 = 3;
const ITSELF: u16 = 4;

/// The longest description beside a name, in characters.
const MAX_DESCRIPTION: usize = 80;

/// A name by which a task can be called.
struct Named<'p> {
    quality: u8,
    group: u16,
    name: SmolStr,
    task: &'p Task,
    is_alias: bool,
}

/// The tasks that can be called where the cursor is, by the names that they have there.
pub fn add_names(request: &Request<'_>, found: &mut Candidates) {
    let namespaces = match request.format {
        Format::Taskfile => namespaces(request),
        _ => Arc::from([]),
    };
    add_called_from(request, &namespaces, found, &|name| request.scalar(name, Kind::Task));
    if request.format == Format::Plan {
        add_folders(request, found);
    }
}

/// The tasks by the names that they have on a command line.
pub fn add_command_line(request: &Request<'_>, found: &mut Candidates, item: &dyn Fn(&str) -> Item) {
    add_called_from(request, &[], found, item);
}

fn add_called_from(
    request: &Request<'_>,
    namespaces: &[SmolStr],
    found: &mut Candidates,
    item: &dyn Fn(&str) -> Item,
) {
    let program = request.program();
    let own = request.task().map(|task| &task.name);
    let mut named: Vec<Named<'_>> = Vec::new();
    for task in &program.tasks {
        let mut add = |name: &SmolStr, is_alias: bool| {
            let name = relative(name, namespaces);
            let Some(quality) = found.quality(&name) else { return };
            let group = match task {
                task if own == Some(&task.name) => ITSELF,
                task if task.internal => INTERNAL,
                _ if is_alias => FURTHER_NAME,
                task if *task.taskfile == *request.source.path => OWN,
                _ => OTHER,
            };
            named.push(Named { quality, group, name, task, is_alias });
        };
        add(&task.name, false);
        task.aliases.iter().for_each(|alias| add(alias, true));
    }
    named.sort_by_key(|named| (named.quality, named.group));
    if named.len() > MAX_ITEMS {
        found.cut();
    }
    for named in named.into_iter().take(MAX_ITEMS) {
        found.add(named.group, &named.name, || task_item(request, &named, item(&named.name)));
    }
}

fn task_item(request: &Request<'_>, named: &Named<'_>, mut item: Item) -> Item {
    let description = named.task.definition.desc.as_ref().map(|desc| first_line(&desc.value));
    item.detail = if named.is_alias { Some(format!("alias of {}", named.task.name)) } else { description };
    if named.task.internal {
        item.origin = Some("internal".to_owned());
    }
    if named.name.contains('*') && request.options.has_snippets {
        let mut place = 0;
        let parts: Vec<String> = item.insert.split('*').map(insertion::snippet_text).collect();
        let mut snippet = String::new();
        for (index, part) in parts.iter().enumerate() {
            if index > 0 {
                place += 1;
                snippet = format!("{snippet}${{{place}:name}}");
            }
            snippet.push_str(part);
        }
        item.insert = snippet;
        item.is_snippet = true;
    }
    item.subject(Subject::Task { name: named.task.name.to_string() })
}

/// The first line of a text, cut to what a list shows.
pub fn first_line(text: &str) -> String {
    let line = text.trim().lines().next().unwrap_or("");
    match line.char_indices().nth(MAX_DESCRIPTION) {
        Some((at, _)) => format!("{}…", line.get(..at).unwrap_or(line)),
        None => line.to_owned(),
    }
}

/// How a task of that full name is called in a file of those namespaces, innermost first: with a colon for each
/// namespace that has to be left.
fn relative(name: &SmolStr, namespaces: &[SmolStr]) -> SmolStr {
    if namespaces.is_empty() {
        return name.clone();
    }
    for left in 0..namespaces.len() {
        let kept = namespaces.get(left..).unwrap_or_default();
        let inside = kept.iter().rev().try_fold(name.as_str(), |rest, namespace| {
            rest.strip_prefix(namespace.as_str())?.strip_prefix(':')
        });
        if let Some(inside) = inside {
            return format_smolstr!("{}{inside}", ":".repeat(left));
        }
    }
    format_smolstr!("{}{name}", ":".repeat(namespaces.len()))
}

/// The namespaces that calls in the file are relative to, innermost first.
pub fn namespaces(request: &Request<'_>) -> Arc<[SmolStr]> {
    let path = request.source.path.as_path();
    if let Some(task) = request.task() {
        return Arc::clone(&task.namespaces);
    }
    if let Some(task) = request.program().tasks.iter().find(|task| *task.taskfile == *path) {
        return Arc::clone(&task.namespaces);
    }
    let loaded = &request.snapshot.analysis.compilation.loaded;
    let mut found = Vec::new();
    let mut file = loaded.files.iter().position(|file| file.path == path);
    // A file cannot include itself, so the way up ends.
    while let Some(edge) = file.and_then(|file| loaded.edges.iter().find(|edge| edge.to == file)) {
        if !edge.include.flatten {
            found.push(edge.include.namespace.value.clone());
        }
        file = Some(edge.from).filter(|from| *from != 0 && found.len() < loaded.files.len());
    }
    found.into()
}

/// The task of a name that is written in the file, as it is called there.
pub fn find<'p>(request: &Request<'p>, name: &str) -> Option<&'p Task> {
    let program = request.program();
    let full = match request.format {
        Format::Taskfile => namespaces(request)
            .iter()
            .fold(SmolStr::new(name), |name, namespace| ez_compiler::ir::task::qualify(&name, namespace)),
        _ => name.into(),
    };
    match program.resolve(&full) {
        Resolution::Task(id, _) => Some(program.task(id)),
        _ => None,
    }
}

/// Folder tasks; behind the name of one and a colon, the tasks in it.
fn add_folders(request: &Request<'_>, found: &mut Candidates) {
    let folders = &request.snapshot.analysis.compilation.folders;
    let inner = request
        .typed()
        .split_once(':')
        .and_then(|(name, _)| folders.iter().find(|folder| folder.name == name));
    if let Some(folder) = inner {
        let tasks = folder_compilation(request, folder).into_iter().flat_map(|known| &known.program.tasks);
        for task in tasks.filter(|task| !task.is_wildcard()) {
            let name = folder::qualified(&folder.name, &task.name);
            let description = task.definition.desc.as_ref().map(|desc| first_line(&desc.value));
            let group = if task.internal { INTERNAL } else { OWN };
            found.add(group, &name, || {
                request.scalar(&name, Kind::Task).detail(description).origin(format!("tasks/{}", folder.name))
            });
        }
    }
    for folder in folders {
        found.add(OWN, &folder.name, || {
            let desc = folder_compilation(request, folder).and_then(|known| known.metadata.desc.as_ref());
            let description = desc.map(|desc| first_line(&desc.value));
            request.scalar(&folder.name, Kind::Task).detail(description).origin("folder task")
        });
    }
}

/// What was compiled of a folder task.
pub fn folder_compilation<'r>(request: &Request<'r>, folder: &FolderTask) -> Option<&'r Compilation> {
    let known = &request.snapshot.analysis.compilation.folder_programs;
    known.iter().find(|known| known.folder == *folder).map(|known| &*known.compilation)
}

/// The tasks of an included file, by the names that they have there.
pub fn add_excluded(request: &Request<'_>, found: &mut Candidates) {
    let [_, Step::Key { name: namespace, .. }, ..] = request.cursor.path.as_slice() else { return };
    let loaded = &request.snapshot.analysis.compilation.loaded;
    let including = loaded.files.iter().position(|file| file.path == request.source.path);
    let is_meant = |edge: &&ez_compiler::project::Edge| {
        Some(edge.from) == including && edge.include.namespace.value == *namespace
    };
    let Some(edge) = loaded.edges.iter().find(is_meant) else { return };
    let Some(taskfile) = loaded.files.get(edge.to).and_then(|file| file.taskfile.as_ref()) else { return };
    for task in &taskfile.tasks {
        let description = task.desc.as_ref().map(|desc| first_line(&desc.value));
        let name = &task.name.value;
        found.add(OWN, name, || request.scalar(name, Kind::Task).detail(description));
    }
    for include in &taskfile.includes {
        let name = format!("{}:*", include.namespace.value);
        found.add(OTHER, &name, || request.scalar(&name, Kind::Namespace));
    }
}

#[cfg(test)]
mod tests {
    use smol_str::SmolStr;

    use super::relative;

    #[test]
    fn names_are_relative_to_the_file() {
        let namespaces: Vec<SmolStr> = ["inner", "outer"].map(SmolStr::from).to_vec();
        for (name, expected) in [
            ("outer:inner:build", "build"),
            ("outer:build", ":build"),
            ("build", "::build"),
            ("outer:innermost", ":innermost"),
        ] {
            assert_eq!(relative(&name.into(), &namespaces), expected);
        }
        assert_eq!(relative(&"a:b".into(), &[]), "a:b");
    }
}
