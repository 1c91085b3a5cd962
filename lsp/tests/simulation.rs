//! Somebody types: thousands of random edits, sound, half-typed and nonsense, and after each the server knows exactly what it
//! would know had it just been started with the same texts.
//!
//! `EZ_SIMULATED_EDITS` sets how many edits are made in each project.

#![allow(clippy::unwrap_used, reason = "a test that finds no project should stop")]

mod projects;

use std::path::Path;

use camino::Utf8PathBuf;
use ez_lsp::ide::diagnostics;
use ez_lsp::session::{Change, View};
use projects::typing::{Random, edit, edits};
use projects::{directories_in, session_with, texts_of};

/// Edits a project where nothing else is asked for: enough to meet every kind of edit in every kind of place.
const USUAL_EDITS: usize = 60;

/// Everything that is told of all files.
fn told(view: &View) -> Vec<String> {
    let mut told = Vec::new();
    for analysis in view.projects().unwrap() {
        for (id, file) in analysis.files() {
            for finding in diagnostics::of_file(&analysis, id).told {
                let place = |place: &ez_lsp::analysis::FileRange| {
                    format!("{}:{:?}", analysis.file(place.file).path, place.range)
                };
                let related: Vec<String> =
                    finding.related.iter().map(|(at, text)| format!("{} {text}", place(at))).collect();
                let fixes: Vec<String> = finding
                    .fixes
                    .iter()
                    .flat_map(|fix| fix.edits.iter().map(|(at, text)| format!("{} {text:?}", place(at))))
                    .collect();
                told.push(format!(
                    "{} {} {} {} {related:?} {fixes:?}",
                    file.path,
                    place(&finding.place),
                    finding.code,
                    finding.message
                ));
            }
        }
    }
    told.sort();
    told
}

fn simulate(directory: &Path, edits: usize, seed: u64) {
    let disk = texts_of(directory);
    let open: Vec<Utf8PathBuf> = disk
        .keys()
        .filter(|path| path.extension().is_some_and(|extension| extension == "yml" || extension == "yaml"))
        .cloned()
        .collect();
    if open.is_empty() {
        return;
    }
    let session = session_with(&disk);
    let mut now = disk.clone();
    for path in &open {
        session.open(path.clone(), disk[path].clone(), 0);
    }
    let mut random = Random(seed);
    for version in 1..=edits {
        let path = &open[random.below(open.len())];
        let text = now.get_mut(path).unwrap();
        let whole = random.below(8) == 0;
        let change = if whole {
            // Nobody types only nonsense: now and then the text is mended.
            text.clone_from(&disk[path]);
            Change { range: None, text: text.clone() }
        } else {
            let Some(change) = edit(&mut random, text) else { continue };
            change
        };
        session.edit(path, version as i32, vec![change]);
        let fresh = session_with(&disk);
        for path in &open {
            fresh.open(path.clone(), now[path].clone(), 0);
        }
        let (typed, started) = (told(&session.view()), told(&fresh.view()));
        assert!(
            typed == started,
            "{} differs after edit {version} of {path}:\n{:#?}\nafresh:\n{:#?}\n{}",
            directory.display(),
            typed.iter().filter(|line| !started.contains(line)).collect::<Vec<_>>(),
            started.iter().filter(|line| !typed.contains(line)).collect::<Vec<_>>(),
            now[path]
        );
    }
}

#[test]
fn examples_are_known_after_every_edit() {
    for (index, directory) in projects::examples().iter().enumerate() {
        simulate(directory, edits(USUAL_EDITS), 0x9E37_79B9_7F4A_7C15 ^ (index as u64 + 1));
    }
}

#[test]
fn recorded_projects_are_known_after_every_edit() {
    for (index, area) in projects::recorded_areas().iter().enumerate() {
        for (case, project) in directories_in(area).iter().enumerate() {
            let few = edits(USUAL_EDITS) / 12;
            simulate(project, few.max(3), 0x2545_F491_4F6C_DD1D ^ ((index * 1000 + case) as u64 + 1));
        }
    }
}
