//! Paths as Go's `path/filepath` and go-task's `filepathext` treat them.

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};

use crate::file_system::{FileSystem, PathKind};
use crate::template::has_template;

/// Variables that stand for absolute directories: a path that names one counts as absolute before it is rendered.
const ABSOLUTE_VARIABLES: &[&str] = &[".ROOT_DIR", ".TASKFILE_DIR", ".USER_WORKING_DIR"];

/// Names of a Taskfile in the order in which they are looked for.
pub const TASKFILE_NAMES: &[&str] = &[
    "Taskfile.yml",
    "taskfile.yml",
    "Taskfile.yaml",
    "taskfile.yaml",
    "Taskfile.dist.yml",
    "taskfile.dist.yml",
    "Taskfile.dist.yaml",
    "taskfile.dist.yaml",
];

/// `filepath.Clean`: no `.`, no `..` that can be resolved, no double slashes; `.` for nothing.
pub fn clean(path: &str) -> Utf8PathBuf {
    let mut cleaned = Utf8PathBuf::new();
    for component in Utf8Path::new(path).components() {
        match component {
            Utf8Component::CurDir => {}
            Utf8Component::ParentDir => match cleaned.components().next_back() {
                Some(Utf8Component::Normal(_)) => {
                    cleaned.pop();
                }
                Some(Utf8Component::RootDir) => {}
                _ => cleaned.push(".."),
            },
            other => cleaned.push(other.as_str()),
        }
    }
    if cleaned.as_str().is_empty() { Utf8PathBuf::from(".") } else { cleaned }
}

/// Whether a path, perhaps still a template, counts as absolute.
pub fn is_absolute(path: &str) -> bool {
    path.starts_with('/') || ABSOLUTE_VARIABLES.iter().any(|variable| path.contains(variable))
}

/// `path` as seen from `dir`; an absolute `path` stays as it is.
pub fn smart_join(dir: &str, path: &str) -> Utf8PathBuf {
    if is_absolute(path) {
        return Utf8PathBuf::from(path);
    }
    match (dir.is_empty(), path.is_empty()) {
        (true, true) => Utf8PathBuf::new(),
        (true, false) => clean(path),
        (false, true) => clean(dir),
        (false, false) => clean(&format!("{dir}/{path}")),
    }
}

/// The files that a path may mean whose name holds templates, `.env.{{.STAGE}}`: those of its directory that begin and end as it
/// does. A path without templates means itself, and one with a template before its name nothing that can be known.
pub fn possible_files(files: &dyn FileSystem, dir: &str, path: &str) -> Vec<Utf8PathBuf> {
    if path.is_empty() {
        return Vec::new();
    }
    if !has_template(path) {
        return vec![smart_join(dir, path)];
    }
    let (Some(open), Some(close)) = (path.find("{{"), path.rfind("}}")) else { return Vec::new() };
    let (before, after) = (path.get(..open).unwrap_or_default(), path.get(close + 2..).unwrap_or_default());
    if after.contains('/') {
        return Vec::new();
    }
    let (inner, prefix) = before.rsplit_once('/').unwrap_or(("", before));
    let directory = smart_join(dir, inner);
    let entries = files.list(&directory).unwrap_or_default().into_iter();
    let is_meant = |name: &str| {
        name.len() >= prefix.len() + after.len() && name.starts_with(prefix) && name.ends_with(after)
    };
    entries
        .filter(|entry| entry.kind == PathKind::File && is_meant(&entry.name))
        .map(|entry| directory.join(entry.name.as_str()))
        .collect()
}

/// The directory of a file, as `filepath.Dir`.
pub fn parent(path: &Utf8Path) -> Utf8PathBuf {
    match path.parent() {
        Some(dir) if !dir.as_str().is_empty() => clean(dir.as_str()),
        _ => Utf8PathBuf::from(if path.is_absolute() { "/" } else { "." }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file_system::MemoryFileSystem;

    #[test]
    fn a_name_with_a_template_may_mean_several_files() {
        let files = MemoryFileSystem::new()
            .with("/p/.env.dev", "")
            .with("/p/.env.prod", "")
            .with("/p/c/a.env", "")
            .with("/p/c/.env", "")
            .with("/p/Taskfile.yml", "");
        let found = |path: &str| {
            let mut found = possible_files(&files, "/p", path);
            found.sort();
            found
        };
        assert_eq!(found(".env.{{.X}}"), ["/p/.env.dev", "/p/.env.prod"]);
        assert_eq!(found("c/{{.X}}.env"), ["/p/c/.env", "/p/c/a.env"]);
        assert_eq!(found(".none"), ["/p/.none"]);
        assert_eq!(found("{{.X}}/.env"), Vec::<Utf8PathBuf>::new());
        assert_eq!(found("{{.X}}"), ["/p/.env.dev", "/p/.env.prod", "/p/Taskfile.yml"]);
    }

    #[test]
    fn joining_is_gos() {
        assert_eq!(smart_join("/a/b", "../c"), "/a/c");
        assert_eq!(smart_join("/a", ""), "/a");
        assert_eq!(smart_join("", "x//y"), "x/y");
        assert_eq!(smart_join("/a", "/b"), "/b");
        assert_eq!(smart_join("/a", "{{.ROOT_DIR}}/x"), "{{.ROOT_DIR}}/x");
        assert_eq!(clean("./a/../../b"), "../b");
        assert_eq!(clean("/.."), "/");
        assert_eq!(parent(Utf8Path::new("Taskfile.yml")), ".");
    }
}
