//! A file that several programs include is used by each of them.

#![allow(clippy::unwrap_used, reason = "a test that finds no project should stop")]

mod projects;

use camino::Utf8Path;
use ez_lsp::analysis::{FilePosition, Snapshot};
use ez_lsp::ide::references::references_in_all;

#[test]
fn references_are_those_of_all_programs() {
    let disk = projects::shared_file();
    let view = projects::session_with(&disk).view();
    let path = Utf8Path::new("/project/lib/Taskfile.yml");
    let snapshot = view.project_of(path).unwrap().unwrap();
    let others: Vec<Snapshot> =
        view.projects().unwrap().into_iter().map(|other| view.snapshot(other)).collect();
    let file = snapshot.analysis.file_of(path).unwrap();
    let found = |name: &str| {
        let position = FilePosition { file, offset: disk[path].find(name).unwrap() };
        let mut found: Vec<String> = references_in_all(&snapshot, position, true, &others)
            .iter()
            .map(|place| {
                let line = place.source.lines.line_of(place.range.start) + 1;
                format!("{}:{line} {}", place.source.path, &place.source.text[place.range.clone()])
            })
            .collect();
        found.sort();
        found
    };
    assert_eq!(
        found("make"),
        [
            "/project/lib/Taskfile.yml:3 make",
            "/project/one/Taskfile.yml:4 make",
            "/project/two/Taskfile.yml:4 make"
        ]
    );
    assert_eq!(
        found("MODE"),
        [
            "/project/lib/Taskfile.yml:4 MODE",
            "/project/lib/Taskfile.yml:5 MODE",
            "/project/one/Taskfile.yml:4 MODE",
            "/project/two/Taskfile.yml:4 MODE",
        ]
    );
}
