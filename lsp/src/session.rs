//! What is open in the editor, and what a question is asked of.

use std::cell::Cell;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use camino::{Utf8Path, Utf8PathBuf};
use ez_compiler::file_system::{FileSystem, PathKind};
use ez_compiler::source::{LineIndex, SourceFile};
use rustc_hash::FxHashSet;

use crate::analysis::{Analysis, FilePosition, SharedHost, Snapshot};
use crate::document::Document;
use crate::files::{CachedFiles, Documents, EditorFiles, SharedFiles};
use crate::projects::{ProjectKey, Projects, Stale, taskfile_in};
use crate::settings::Settings;

/// How deep below a workspace's root projects are looked for.
const MAX_DEPTH: usize = 6;

/// How many directories of a workspace are looked into.
const MAX_DIRECTORIES: usize = 5_000;

/// Directories that hold no projects of the user's.
const SKIPPED: &[&str] = &["node_modules", "target", "vendor", "dist", "build", "__pycache__"];

/// The machine, as the server may use it.
#[derive(Clone)]
pub struct World {
    /// The files.
    pub files: SharedFiles,
    /// The environment.
    pub host: SharedHost,
    /// The program's version.
    pub version: &'static str,
}

/// How the editor counts columns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// In bytes.
    Utf8,
    /// In UTF-16 code units.
    #[default]
    Utf16,
}

impl Encoding {
    /// The byte at a line and column from 0; cut to the line's end.
    pub fn offset(self, lines: &LineIndex, text: &str, line: u32, column: u32) -> usize {
        match self {
            Self::Utf16 => lines.offset_utf16(text, line, column),
            Self::Utf8 if line as usize >= lines.len() => text.len(),
            Self::Utf8 => {
                let range = lines.line_range(text, line as usize);
                let mut offset = (range.start + column as usize).min(range.end);
                while !text.is_char_boundary(offset) {
                    offset -= 1;
                }
                offset
            }
        }
    }

    /// How many columns a text takes.
    pub fn length(self, text: &str) -> u32 {
        match self {
            Self::Utf16 if !text.is_ascii() => text.chars().map(|c| c.len_utf16() as u32).sum(),
            _ => text.len() as u32,
        }
    }

    /// Line and column from 0 of a byte.
    pub fn position(self, lines: &LineIndex, text: &str, offset: usize) -> (u32, u32) {
        match self {
            Self::Utf16 => lines.position_utf16(text, offset),
            Self::Utf8 => {
                let line = lines.line_of(offset);
                (line as u32, offset.saturating_sub(lines.line_start(line)) as u32)
            }
        }
    }
}

/// Lines and columns of many places of a text, each counted from the last one on its line: a line may be as long as
/// the text, and hold most of the places.
pub struct Columns<'a> {
    encoding: Encoding,
    source: &'a SourceFile,
    /// A byte, its line and its column.
    last: Cell<(usize, u32, u32)>,
}

impl<'a> Columns<'a> {
    /// Of a file.
    pub fn new(encoding: Encoding, source: &'a SourceFile) -> Self {
        Self { encoding, source, last: Cell::new((0, 0, 0)) }
    }

    /// Line and column from 0 of a byte.
    pub fn position(&self, offset: usize) -> (u32, u32) {
        let SourceFile { lines, text, .. } = self.source;
        let (known, line, column) = self.last.get();
        let is_near = lines.line_of(offset) == line as usize;
        let length = |range| text.get(range).filter(|_| is_near).map(|between| self.encoding.length(between));
        let column = if known <= offset {
            length(known..offset).map(|length| column + length)
        } else {
            length(offset..known).map(|length| column.saturating_sub(length))
        };
        let (line, column) = match column {
            Some(column) => (line, column),
            None => self.encoding.position(lines, text, offset),
        };
        self.last.set((offset, line, column));
        (line, column)
    }
}

/// Everything that messages change.
pub struct Session {
    state: Mutex<State>,
    projects: Arc<Projects>,
    host: SharedHost,
}

struct State {
    documents: Arc<Documents>,
    disk: Arc<CachedFiles>,
    roots: Arc<[Utf8PathBuf]>,
    settings: Arc<Settings>,
    encoding: Encoding,
    revision: u64,
    disk_revision: u64,
}

/// The session at one moment.
#[derive(Clone)]
pub struct View {
    /// Grows with every change of a text or directory.
    pub revision: u64,
    /// Grows when files may have changed that are not open.
    pub disk_revision: u64,
    /// The files.
    pub files: Arc<EditorFiles>,
    /// The environment.
    pub host: SharedHost,
    /// The directories that are open in the editor.
    pub roots: Arc<[Utf8PathBuf]>,
    /// What the user switched.
    pub settings: Arc<Settings>,
    /// How the editor counts columns.
    pub encoding: Encoding,
    projects: Arc<Projects>,
}

/// A piece of a text that the editor replaced.
#[derive(Clone, Debug)]
pub struct Change {
    /// First and last place, as line and column from 0; none where the whole text is new.
    pub range: Option<((u32, u32), (u32, u32))>,
    /// The new text.
    pub text: String,
}

impl Session {
    /// Nothing is open.
    pub fn new(world: &World) -> Self {
        let state = State {
            documents: Arc::default(),
            disk: Arc::new(CachedFiles::new(Arc::clone(&world.files))),
            roots: Arc::from([]),
            settings: Arc::default(),
            encoding: Encoding::default(),
            revision: 0,
            disk_revision: 0,
        };
        Self { state: Mutex::new(state), projects: Arc::default(), host: Arc::clone(&world.host) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The session as it is now.
    pub fn view(&self) -> View {
        let state = self.state();
        View {
            revision: state.revision,
            disk_revision: state.disk_revision,
            files: Arc::new(EditorFiles {
                documents: Arc::clone(&state.documents),
                disk: Arc::clone(&state.disk),
            }),
            host: Arc::clone(&self.host),
            roots: Arc::clone(&state.roots),
            settings: Arc::clone(&state.settings),
            encoding: state.encoding,
            projects: Arc::clone(&self.projects),
        }
    }

    /// Lets go of what is left of earlier states of the texts. Takes a while for a big project.
    pub fn release_replaced(&self) {
        self.projects.release_replaced();
    }

    /// The number of the newest change.
    pub fn revision(&self) -> u64 {
        self.state().revision
    }

    /// Sets how columns are counted.
    pub fn set_encoding(&self, encoding: Encoding) {
        self.state().encoding = encoding;
    }

    /// Sets what the user switched, and tells whether it was otherwise before. No text is another one for that: a question that is being worked on gets its answer, also in
    /// the first moment, when editors send settings and questions at once.
    pub fn set_settings(&self, settings: Settings) -> bool {
        let mut state = self.state();
        let is_new = *state.settings != settings;
        state.settings = Arc::new(settings);
        is_new
    }

    /// Whether a text is open.
    pub fn is_open(&self, path: &Utf8Path) -> bool {
        self.state().documents.contains_key(path)
    }

    /// Opens and closes directories.
    pub fn change_roots(&self, added: Vec<Utf8PathBuf>, removed: &[Utf8PathBuf]) {
        let mut state = self.state();
        let mut roots: Vec<Utf8PathBuf> =
            state.roots.iter().filter(|root| !removed.contains(root)).cloned().collect();
        roots.extend(added);
        roots.sort();
        roots.dedup();
        state.roots = roots.into();
        state.forget_disk();
    }

    /// A text was opened.
    pub fn open(&self, path: Utf8PathBuf, text: String, version: i32) {
        let mut state = self.state();
        Arc::make_mut(&mut state.documents).insert(path, Document::new(text, version));
        state.forget_disk();
    }

    /// A text was edited. Changes are applied one after the other, each to what the one before left.
    pub fn edit(&self, path: &Utf8Path, version: i32, changes: Vec<Change>) {
        let mut state = self.state();
        let encoding = state.encoding;
        let Some(document) = Arc::make_mut(&mut state.documents).get_mut(path) else { return };
        for change in changes {
            *document = match change.range {
                None => Document::new(change.text, version),
                Some((start, end)) => {
                    let at = |(line, column)| encoding.offset(&document.lines, &document.text, line, column);
                    document.with_edit(at(start)..at(end), &change.text)
                }
            };
        }
        document.version = version;
        state.revision += 1;
    }

    /// A text was closed: what is on disk holds again.
    pub fn close(&self, path: &Utf8Path) {
        let mut state = self.state();
        Arc::make_mut(&mut state.documents).remove(path);
        state.forget_disk();
    }

    /// Files may have changed that are not open.
    pub fn disk_changed(&self) {
        self.state().forget_disk();
    }
}

impl State {
    fn forget_disk(&mut self) {
        self.disk = Arc::new(self.disk.forgotten());
        self.disk_revision += 1;
        self.revision += 1;
    }
}

/// A place in a project.
#[derive(Clone)]
pub struct Place {
    /// The project and what is around it.
    pub snapshot: Snapshot,
    /// The place.
    pub position: FilePosition,
}

impl View {
    /// Whether all texts that were open in an earlier view are open in this one, as they were.
    pub fn has_texts_of(&self, earlier: &Self) -> bool {
        earlier.files.documents.iter().all(|(path, document)| {
            self.files.documents.get(path).is_some_and(|now| Arc::ptr_eq(&now.text, &document.text))
        })
    }

    /// The project that a file belongs to, and the file there. `None` for a file that is a part of none.
    pub fn project_of(&self, path: &Utf8Path) -> Result<Option<Snapshot>, Stale> {
        let found = self.projects.of_file(self, path)?;
        Ok(found.map(|(_, analysis)| self.snapshot(analysis)))
    }

    /// What features answer from, of a project.
    pub fn snapshot(&self, analysis: Arc<Analysis>) -> Snapshot {
        Snapshot {
            analysis,
            files: Arc::clone(&self.files),
            host: Arc::clone(&self.host),
            settings: Arc::clone(&self.settings),
        }
    }

    /// A line and column of a file.
    pub fn place(&self, path: &Utf8Path, line: u32, column: u32) -> Result<Option<Place>, Stale> {
        let Some(snapshot) = self.project_of(path)? else { return Ok(None) };
        let Some(file) = snapshot.analysis.file_of(path) else { return Ok(None) };
        let source = snapshot.analysis.file(file);
        let offset = self.encoding.offset(&source.lines, &source.text, line, column);
        Ok(Some(Place { snapshot, position: FilePosition { file, offset } }))
    }

    /// All projects: those of open files, and those below the directories that are open.
    pub fn projects(&self) -> Result<Vec<Arc<Analysis>>, Stale> {
        let mut keys: Vec<ProjectKey> = Vec::new();
        let mut analyses: Vec<Arc<Analysis>> = Vec::new();
        let add = |key: ProjectKey, keys: &mut Vec<ProjectKey>, analyses: &mut Vec<Arc<Analysis>>| {
            if keys.contains(&key) {
                return Ok(());
            }
            let analysis = self.projects.analysis(self, &key)?;
            keys.push(key);
            let folders = analysis.compilation.folders.iter().map(ProjectKey::folder).collect::<Vec<_>>();
            analyses.push(analysis);
            for folder in folders {
                if !keys.contains(&folder) {
                    analyses.push(self.projects.analysis(self, &folder)?);
                    keys.push(folder);
                }
            }
            Ok(())
        };
        let (own, discovered) = (self.projects.own(self)?, self.projects.discovered(self));
        let discovered: FxHashSet<&Utf8PathBuf> = discovered.iter().collect();
        for key in own.keys.iter().chain(&own.parts).filter(|key| discovered.contains(&key.entry)) {
            add(key.clone(), &mut keys, &mut analyses)?;
        }
        let mut open: Vec<&Utf8PathBuf> = self.files.documents.keys().collect();
        open.sort();
        for path in open {
            if let Some((key, _)) = self.projects.of_file(self, path)? {
                add(key, &mut keys, &mut analyses)?;
            }
        }
        self.projects.retain(|key| keys.contains(key) || own.compiled.contains(key));
        Ok(analyses)
    }

    /// The Taskfiles below a directory, outer ones first.
    pub(crate) fn taskfiles_below(&self, root: &Utf8Path) -> Vec<Utf8PathBuf> {
        let mut found = Vec::new();
        let mut level = vec![root.to_owned()];
        let mut left = MAX_DIRECTORIES;
        for _ in 0..MAX_DEPTH {
            let mut next = Vec::new();
            for directory in level {
                if left == 0 {
                    return found;
                }
                left -= 1;
                found.extend(taskfile_in(self, &directory));
                let entries = self.files.list(&directory).unwrap_or_default();
                let inner = entries.into_iter().filter(|entry| {
                    let name = entry.name.as_str();
                    entry.kind == PathKind::Directory && !name.starts_with('.') && !SKIPPED.contains(&name)
                });
                next.extend(inner.map(|entry| directory.join(entry.name.as_str())));
            }
            level = next;
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_the_same_in_whatever_order_they_are_asked_for() {
        let source = {
            let text = "a: ü😀b\n\r\n: 😀\n";
            SourceFile { path: "/p".into(), text: text.into(), lines: LineIndex::new(text) }
        };
        for encoding in [Encoding::Utf8, Encoding::Utf16] {
            let columns = Columns::new(encoding, &source);
            let places: Vec<usize> = source.text.char_indices().map(|(at, _)| at).collect();
            for (first, second) in places.iter().flat_map(|a| places.iter().map(move |b| (*a, *b))) {
                for offset in [first, second] {
                    let expected = encoding.position(&source.lines, &source.text, offset);
                    assert_eq!(columns.position(offset), expected, "{first} {second}");
                }
            }
        }
    }
}
