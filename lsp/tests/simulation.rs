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
use projects::{directories_in, session_with, texts_of};

/// Edits a project where nothing else is asked for: enough to meet every kind of edit in every kind of place.
const USUAL_EDITS: usize = 60;

/// What is typed.
const PIECES: &[&str] = &[
    "\n",
    " ",
    "  ",
    ":",
    "- ",
    "'",
    "\"",
    "{{",
    "}}",
    "{{.X}}",
    "{{.",
    "|",
    "#",
    "&a ",
    "*a",
    "<<: *a\n",
    "\t",
    "ü",
    "任务",
    "😀",
    "\u{0}",
    "\r\n",
    "[",
    "]",
    "{",
    "}",
    ",",
    "x",
    "\n  new:\n    cmds: [echo new]\n",
    "\n    deps: [build]\n",
    "\n      - task: build\n",
    "\n    vars: {A: 1}\n",
    "$(",
    "if [ -f",
    "version: '3'\n",
    "tasks:\n",
    "---\n",
    "ez-params: [a]\n",
];

/// A generator of numbers that are the same in every run (Marsaglia, "Xorshift RNGs", 2003).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound.max(1) as u64) as usize
    }
}

/// Everything that is told of all files.
fn told(view: &View) -> Vec<String> {
    let mut told = Vec::new();
    for analysis in view.projects().unwrap() {
        for (id, file) in analysis.files() {
            for finding in diagnostics::of_file(&analysis, id) {
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

fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// Line and column in UTF-16 code units.
fn position(text: &str, at: usize) -> (u32, u32) {
    let before = &text[..at];
    let line = before.matches('\n').count();
    let column: usize = before.rsplit('\n').next().unwrap_or("").chars().map(char::len_utf16).sum();
    (line as u32, column as u32)
}

/// Whether a byte stands where columns can name it: a line's end cannot be passed.
fn is_nameable(text: &str, at: usize) -> bool {
    !(text[..at].ends_with('\r') && text[at..].starts_with('\n'))
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
            let start = floor(text, random.below(text.len() + 1));
            let length = if random.below(3) == 0 { random.below(12) } else { 0 };
            let end = floor(text, start + length).max(start);
            if !is_nameable(text, start) || !is_nameable(text, end) {
                continue;
            }
            let piece = PIECES[random.below(PIECES.len())];
            let range = (position(text, start), position(text, end));
            text.replace_range(start..end, piece);
            Change { range: Some(range), text: piece.to_owned() }
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

fn edits() -> usize {
    std::env::var("EZ_SIMULATED_EDITS").ok().and_then(|text| text.parse().ok()).unwrap_or(USUAL_EDITS)
}

#[test]
fn examples_are_known_after_every_edit() {
    for (index, directory) in projects::examples().iter().enumerate() {
        simulate(directory, edits(), 0x9E37_79B9_7F4A_7C15 ^ (index as u64 + 1));
    }
}

#[test]
fn recorded_projects_are_known_after_every_edit() {
    for (index, area) in projects::recorded_areas().iter().enumerate() {
        for (case, project) in directories_in(area).iter().enumerate() {
            let few = edits() / 12;
            simulate(project, few.max(3), 0x2545_F491_4F6C_DD1D ^ ((index * 1000 + case) as u64 + 1));
        }
    }
}
