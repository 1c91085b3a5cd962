//! Paths of files.

use camino::{Utf8Path, Utf8PathBuf};
use ez_compiler::file_system::{FileSystem, PathKind as FileKind};
use ez_compiler::project::paths::{TASKFILE_NAMES, smart_join};
use ez_compiler::schema::{Format, PathKind};
use ez_compiler::template::has_template;

use super::rank::Candidates;
use super::request::Request;
use super::{Item, Kind, insertion};

/// How many entries of a directory are looked at.
const MAX_ENTRIES: usize = 2_000;

/// The entries of the directory that is typed so far.
pub fn add(request: &Request<'_>, kind: PathKind, found: &mut Candidates) {
    let typed = request.typed();
    if has_template(typed) || typed.contains("://") || typed.contains('*') {
        return;
    }
    let (directory, name) = typed.rsplit_once('/').map_or(("", typed), |(directory, name)| (directory, name));
    let Some(base) = base(request) else { return };
    let absolute = if typed.starts_with('/') && directory.is_empty() {
        Utf8PathBuf::from("/")
    } else {
        smart_join(base.as_str(), directory)
    };
    let lead = typed.len() - name.len();
    let mut inner = Candidates::new(name);
    let entries = request.snapshot.files.list(&absolute).unwrap_or_default();
    if entries.len() > MAX_ENTRIES {
        inner.cut();
    }
    for entry in entries.iter().take(MAX_ENTRIES) {
        let is_directory = entry.kind == FileKind::Directory;
        let is_hidden = entry.name.starts_with('.') && !name.starts_with('.') && kind != PathKind::Dotenv;
        let Some(group) = fit(request, kind, &absolute, &entry.name, is_directory).filter(|_| !is_hidden)
        else {
            continue;
        };
        inner.add(group, &entry.name, || item(request, lead, &entry.name, is_directory));
    }
    found.absorb(inner);
}

fn item(request: &Request<'_>, lead: usize, name: &str, is_directory: bool) -> Item {
    let before = request.typed().get(..lead).unwrap_or("");
    let slash = if is_directory { "/" } else { "" };
    let path = format!("{before}{name}{slash}");
    let written = insertion::scalar(&path, request.cursor.style, request.cursor.flow.is_some());
    let blank = if request.cursor.needs_blank { " " } else { "" };
    let kind = if is_directory { Kind::Directory } else { Kind::File };
    let mut item =
        Item::new(format!("{name}{slash}"), kind, request.word()).inserting(format!("{blank}{written}"));
    item.filter = Some(path);
    item
}

/// How well an entry fits; `None` where it does not at all.
fn fit(
    request: &Request<'_>,
    kind: PathKind,
    directory: &Utf8Path,
    name: &str,
    is_directory: bool,
) -> Option<u16> {
    let is_yaml =
        Utf8Path::new(name).extension().is_some_and(|extension| matches!(extension, "yml" | "yaml"));
    match kind {
        PathKind::Directory => is_directory.then_some(0),
        PathKind::Taskfile if is_directory => {
            let inside = directory.join(name);
            let holds =
                TASKFILE_NAMES.iter().any(|file| request.snapshot.files.kind(&inside.join(file)).is_some());
            Some(if holds { 0 } else { 2 })
        }
        PathKind::Taskfile => {
            let is_own = directory.join(name) == request.source.path;
            (is_yaml && !is_own).then(|| u16::from(!name.to_lowercase().contains("taskfile")))
        }
        PathKind::Dotenv if is_directory => Some(1),
        PathKind::Dotenv => name.contains("env").then_some(0),
        PathKind::File | PathKind::Any | PathKind::Glob => Some(u16::from(is_directory)),
    }
}

/// The directory that a path at the cursor is relative to.
fn base(request: &Request<'_>) -> Option<Utf8PathBuf> {
    let own = request.source.path.parent().map(Utf8Path::to_owned);
    if request.format != Format::Taskfile {
        return own;
    }
    let keys: Vec<&str> = request.cursor.keys().into_iter().flatten().collect();
    let loaded = &request.snapshot.analysis.compilation.loaded;
    let index = loaded.files.iter().position(|file| file.path == request.source.path);
    let edge = index.and_then(|index| loaded.edges.iter().find(|edge| edge.to == index));
    let included = edge.map(|edge| Utf8PathBuf::from(&edge.dir));
    match keys.as_slice() {
        ["includes", ..] => own,
        ["dotenv", ..] => Some(request.program().dir.clone()),
        ["tasks", _, "dir", ..] => included.or_else(|| Some(request.program().dir.clone())),
        _ => {
            let dir = request.task().map(|task| task.dir.clone()).filter(|dir| !has_template(dir));
            let root = request.program().dir.as_str();
            Some(dir.map_or_else(|| Utf8PathBuf::from(root), |dir| smart_join(root, &dir)))
        }
    }
}
