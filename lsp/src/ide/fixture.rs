//! Projects for tests, written as one marked text.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use camino::Utf8PathBuf;
use ez_compiler::Compilation;
use ez_compiler::file_system::{MemoryFileSystem, OverlayFileSystem};
use ez_compiler::template::time::TimeZone;
use ez_compiler::template::{Host, PureHost};

use super::actions::Change;
use crate::analysis::Snapshot;
use crate::session::{Place, Session, World};

/// Where the projects of tests are.
const ROOT: &str = "/project";

/// What begins the line that names the next file of a text: `#- docs/Taskfile.yml`. What stands before the first such
/// line is `Taskfile.yml`.
const FILE_MARK: &str = "#- ";

/// The name of what is no file but the environment of the machine: lines `NAME=value`.
const ENVIRONMENT: &str = "$environment";

/// What stands where the cursor is.
const CURSOR: &str = "$0";

/// Compares with a recorded text below `snapshots/lsp`.
macro_rules! assert_snapshot {
    ($($text:tt)*) => {
        insta::with_settings!({ snapshot_path => "../../../snapshots/lsp" }, {
            insta::assert_snapshot!($($text)*);
        })
    };
}
pub(crate) use assert_snapshot;

/// A machine that has nothing but an environment.
#[derive(Default)]
struct MarkedHost {
    environment: BTreeMap<String, String>,
}

impl Host for MarkedHost {
    fn environment(&self, name: &str) -> Option<String> {
        self.environment.get(name).cloned()
    }

    fn environment_names(&self) -> Vec<String> {
        self.environment.keys().cloned().collect()
    }

    fn now(&self) -> (i64, u32) {
        PureHost.now()
    }

    fn random(&self, buffer: &mut [u8]) {
        PureHost.random(buffer);
    }

    fn cpu_count(&self) -> usize {
        PureHost.cpu_count()
    }

    fn os(&self) -> &str {
        PureHost.os()
    }

    fn arch(&self) -> &str {
        PureHost.arch()
    }

    fn current_dir(&self) -> String {
        PureHost.current_dir()
    }

    fn time_zone(&self, name: &str) -> Option<Arc<TimeZone>> {
        PureHost.time_zone(name)
    }

    fn resolve_host(&self, name: &str) -> Vec<String> {
        PureHost.resolve_host(name)
    }
}

/// A project in memory, and where its cursor is.
pub struct Fixture {
    session: Session,
    cursor: Option<(Utf8PathBuf, usize)>,
    selection_end: Option<usize>,
}

impl Fixture {
    /// The project of a marked text.
    pub fn new(marked: &str) -> Self {
        let mut disk = MemoryFileSystem::new();
        let mut cursor = None;
        let mut selection_end = None;
        let mut open = Vec::new();
        let mut host = MarkedHost::default();
        for (name, text) in files(marked) {
            if name == ENVIRONMENT {
                let lines = text.lines().filter_map(|line| line.split_once('='));
                host.environment = lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
                continue;
            }
            let path = Utf8PathBuf::from(ROOT).join(name);
            let text = match text.find(CURSOR) {
                Some(at) => {
                    cursor = Some((path.clone(), at));
                    let text = text.replacen(CURSOR, "", 1);
                    selection_end = text.find(CURSOR);
                    text.replacen(CURSOR, "", 1)
                }
                None => text,
            };
            disk = disk.with(path.clone(), text.as_str());
            open.push((path, text));
        }
        let world = World { files: Arc::new(disk), host: Arc::new(host), version: "0" };
        let session = Session::new(&world);
        session.change_roots(vec![ROOT.into()], &[]);
        if let Some((path, text)) =
            open.into_iter().find(|(path, _)| cursor.as_ref().is_some_and(|(at, _)| at == path))
        {
            session.open(path, text, 1);
        }
        Self { session, cursor, selection_end }
    }

    /// The project of a file.
    pub fn snapshot(&self, name: &str) -> Snapshot {
        let view = self.session.view();
        view.project_of(&Utf8PathBuf::from(ROOT).join(name)).unwrap().expect("the file belongs to a project")
    }

    /// The place of the cursor; `None` where its file belongs to no project.
    pub fn place_of_file(&self) -> Option<Place> {
        let (path, offset) = self.cursor.clone().expect("the text has a cursor");
        let snapshot = self.session.view().project_of(&path).unwrap()?;
        let file = snapshot.analysis.file_of(&path)?;
        Some(Place { snapshot, position: crate::analysis::FilePosition { file, offset } })
    }

    /// The place of the cursor.
    pub fn place(&self) -> Place {
        let (path, offset) = self.cursor.clone().expect("the text has a cursor");
        let snapshot = self.session.view().project_of(&path).unwrap().expect("the file belongs to a project");
        let file = snapshot.analysis.file_of(&path).unwrap();
        Place { snapshot, position: crate::analysis::FilePosition { file, offset } }
    }
}

impl Fixture {
    /// The bytes between the cursor and a second one; none where there is no second.
    pub fn selection(&self) -> Range<usize> {
        let start = self.cursor.as_ref().map_or(0, |(_, offset)| *offset);
        start..self.selection_end.unwrap_or(start)
    }
}

/// The texts of the files that a change touches, by path.
pub fn changed(snapshot: &Snapshot, change: &Change) -> BTreeMap<Utf8PathBuf, String> {
    let mut texts: BTreeMap<Utf8PathBuf, String> = change.files.iter().cloned().collect();
    let mut edits = change.edits.clone();
    edits.sort_by_key(|(place, _)| (place.range.start, place.range.end));
    for (place, new_text) in edits.into_iter().rev() {
        let source = snapshot.analysis.file(place.file);
        let text = texts.entry(source.path.clone()).or_insert_with(|| source.text.to_string());
        text.replace_range(place.range, &new_text);
    }
    texts
}

/// Those texts, each below the name of its file.
pub fn shown_change(snapshot: &Snapshot, change: &Change) -> String {
    let mut shown = String::new();
    for (path, text) in changed(snapshot, change) {
        let name = path.as_str().trim_start_matches(ROOT).trim_start_matches('/');
        shown.extend([FILE_MARK, name, "\n", &text]);
    }
    shown
}

/// The project with a change applied.
pub fn compiled_after(snapshot: &Snapshot, change: &Change) -> Compilation {
    let mut overlay = MemoryFileSystem::new();
    for (path, text) in changed(snapshot, change) {
        overlay = overlay.with(path, text);
    }
    let files = OverlayFileSystem { overlay, below: &*snapshot.files };
    snapshot.analysis.key.compile(&files, &*snapshot.host, None)
}

fn files(marked: &str) -> Vec<(String, String)> {
    let mut files = vec![("Taskfile.yml".to_owned(), String::new())];
    for line in marked.split_inclusive('\n') {
        if let Some(name) = line.strip_prefix(FILE_MARK) {
            files.push((name.trim().to_owned(), String::new()));
        } else if let Some((_, text)) = files.last_mut() {
            text.push_str(line);
        }
    }
    files.retain(|(_, text)| !text.is_empty());
    files
}

/// Shows a range: its file without the project's directory, its place, and its text.
pub fn shown(snapshot: &Snapshot, place: &crate::analysis::FileRange) -> String {
    let source = snapshot.analysis.file(place.file);
    let position = source.lines.position(&source.text, place.range.start);
    let path = source.path.as_str().trim_start_matches(ROOT).trim_start_matches('/');
    let text = source.text.get(place.range.clone()).unwrap_or("?");
    format!("{path}:{}:{} {text:?}", position.line, position.column)
}

#[test]
fn marked_texts_make_projects() {
    let fixture = Fixture::new(
        "version: '3'\nincludes: {docs: docs}\n#- docs/Taskfile.yml\nversion: '3'\ntasks:\n  a$0b: echo\n",
    );
    let place = fixture.place();
    let program = &place.snapshot.analysis.compilation.program;
    assert_eq!(program.tasks.iter().map(|task| task.name.as_str()).collect::<Vec<_>>(), ["docs:ab"]);
    let range = crate::analysis::FileRange {
        file: place.position.file,
        range: place.position.offset - 1..place.position.offset + 1,
    };
    assert_eq!(shown(&place.snapshot, &range), "docs/Taskfile.yml:3:3 \"ab\"");
}

/// The line of a range with a mark under each of its characters; of several lines the first.
pub fn underlined(snapshot: &Snapshot, place: &crate::analysis::FileRange) -> String {
    let source = snapshot.analysis.file(place.file);
    let line = source.lines.line_of(place.range.start);
    let bytes = source.lines.line_range(&source.text, line);
    let text = &source.text[bytes.clone()];
    let width = |range: Range<usize>| source.text.get(range).map_or(0, |text| text.chars().count());
    let before = width(bytes.start..place.range.start);
    let marked = width(place.range.start..place.range.end.min(bytes.end)).max(1);
    format!("{text}\n{}{}\n", " ".repeat(before), "▔".repeat(marked))
}

/// Compares what cases of a feature answer with what is recorded in `snapshots/lsp/<name>.snap`.
pub fn check_cases(name: &str, cases: &[(&str, &str)], answer: impl Fn(&str) -> String) {
    let mut shown = String::new();
    for (title, marked) in cases {
        let answer = answer(marked);
        shown.extend(["──── ", title, "\n", answer.trim_end(), "\n\n"]);
    }
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(concat!(env!("CARGO_MANIFEST_DIR"), "/../snapshots/lsp"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, shown));
}

/// Every Taskfile, plan and the like of the examples and of the recorded projects, by path, with the directory of its project.
pub fn recorded_files() -> Vec<(Utf8PathBuf, String)> {
    let root = Utf8PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut waiting = vec![root.join("examples"), root.join("tests/conformance/cases")];
    let mut files = Vec::new();
    while let Some(directory) = waiting.pop() {
        let entries = directory.read_dir_utf8().expect("the directory is there");
        for entry in entries.map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() {
                waiting.push(path.to_owned());
            } else if matches!(path.extension(), Some("yml" | "yaml"))
                && let Ok(text) = std::fs::read_to_string(path)
            {
                files.push((path.to_owned(), text));
            }
        }
    }
    files.sort();
    files
}
