//! Where a name is made, and what it takes its value from.

use std::ops::Range;
use std::sync::Arc;

use camino::Utf8Path;
use ez_compiler::file_system::FileSystem;
use ez_compiler::source::{LineIndex, SourceFile};
use ez_compiler::symbols::{Occurrence, Role, SymbolIndex, Target};
use ez_compiler::{Dialect, Options, Purpose, compile};

use super::document_links::{self, LinkTarget};
use crate::analysis::{FilePosition, Snapshot, TextPlace};

/// Where something is defined.
#[derive(Clone, Debug)]
pub struct Definition {
    /// The bytes at which it was asked for.
    pub origin: Range<usize>,
    /// Where it is.
    pub place: TextPlace,
}

/// The definitions of what stands at a place: of a name, or the file that a path names.
pub fn definitions(snapshot: &Snapshot, position: FilePosition) -> Vec<Definition> {
    let index = snapshot.symbols();
    let mut found: Vec<Definition> = Vec::new();
    for occurrence in index.at(position.file, position.offset) {
        let origin = occurrence.range();
        let target = index.symbol(occurrence.symbol).and_then(|symbol| symbol.target.as_ref());
        if let Some(place) = target.and_then(|target| place_of_target(snapshot, target)) {
            found.push(Definition { origin: origin.clone(), place });
        }
        let places = index.definitions(occurrence).into_iter().map(|place| text_place(index, place));
        found.extend(places.map(|place| Definition { origin: origin.clone(), place }));
    }
    if found.is_empty() {
        found.extend(file_at(snapshot, position));
    }
    unique(found)
}

/// Where what stands at a place is declared: what a task says that it needs. Without such a place, its definitions.
pub fn declarations(snapshot: &Snapshot, position: FilePosition) -> Vec<Definition> {
    let index = snapshot.symbols();
    let mut found = Vec::new();
    for occurrence in index.at(position.file, position.offset) {
        let declared = index.occurrences(occurrence.symbol).filter(|other| other.role == Role::Declaration);
        found.extend(
            declared.map(|place| Definition { origin: occurrence.range(), place: text_place(index, place) }),
        );
    }
    if found.is_empty() { definitions(snapshot, position) } else { unique(found) }
}

/// The place of an occurrence.
pub fn text_place(index: &SymbolIndex, occurrence: &Occurrence) -> TextPlace {
    TextPlace { source: Arc::clone(index.sources().file(occurrence.file)), range: occurrence.range() }
}

fn unique(mut found: Vec<Definition>) -> Vec<Definition> {
    let mut known: Vec<(Arc<SourceFile>, Range<usize>)> = Vec::new();
    found.retain(|one| {
        let key = (&one.place.source.path, &one.place.range);
        let is_new = known.iter().all(|(source, range)| (&source.path, range) != key);
        known.push((Arc::clone(&one.place.source), one.place.range.clone()));
        is_new
    });
    found
}

/// The file that the path at a place names.
fn file_at(snapshot: &Snapshot, position: FilePosition) -> Option<Definition> {
    let links = document_links::of_file(snapshot, position.file);
    let link = links
        .into_iter()
        .find(|link| link.range.start <= position.offset && position.offset <= link.range.end)?;
    let LinkTarget::File(path) = link.target else { return None };
    Some(Definition { origin: link.range, place: start_of(snapshot, &path)? })
}

fn start_of(snapshot: &Snapshot, path: &Utf8Path) -> Option<TextPlace> {
    let source = if let Some(file) = snapshot.analysis.file_of(path) {
        Arc::clone(snapshot.analysis.file(file))
    } else {
        let text = snapshot.files.read(path).ok()?;
        let lines = LineIndex::new(&text);
        Arc::new(SourceFile { path: path.to_owned(), text, lines })
    };
    Some(TextPlace { source, range: 0..0 })
}

/// A file as a whole, or a task in a project of its own.
fn place_of_target(snapshot: &Snapshot, target: &Target) -> Option<TextPlace> {
    let task = target.task.as_ref().and_then(|task| task_in(snapshot, &target.path, task));
    task.or_else(|| start_of(snapshot, &target.path))
}

/// Where a folder task's Taskfile defines a task.
fn task_in(snapshot: &Snapshot, taskfile: &Utf8Path, task: &str) -> Option<TextPlace> {
    let folders = &snapshot.analysis.compilation.folders;
    let folder = folders.iter().find(|folder| folder.taskfile == taskfile)?;
    let options = Options {
        root_dir: folder.directory.clone(),
        host: &*snapshot.host,
        purpose: Purpose::List,
        dialect: Dialect::Ez,
        folder: Some(folder),
    };
    let compilation = compile(&*snapshot.files, taskfile, &options, None);
    let id = compilation.program.find(task)?;
    let place = compilation.sources.locate(compilation.program.task(id).name_span());
    Some(TextPlace { source: Arc::clone(compilation.sources.file(place.file)), range: place.range })
}
