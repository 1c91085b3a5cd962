//! A project that is read to run or to list its tasks says what one says that is read to be checked.

#![allow(clippy::unwrap_used, reason = "a test that cannot read its cases should stop")]

use std::path::{Path, PathBuf};

use camino::Utf8Path;
use ez_compiler::file_system::MemoryFileSystem;
use ez_compiler::ir::{Program, Task};
use ez_compiler::project::{self, Project};
use ez_compiler::template::PureHost;
use ez_compiler::{Purpose, ast};

const ROOT: &str = "/p";

/// The Taskfiles of all recorded runs of go-task, and a few that fall apart badly.
fn texts() -> Vec<String> {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/conformance/cases");
    let mut texts = Vec::new();
    let mut open: Vec<PathBuf> = vec![cases];
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(directory).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "yml" || extension == "yaml") {
                texts.extend(std::fs::read_to_string(path));
            }
        }
    }
    assert!(texts.len() > 500, "{} recorded Taskfiles", texts.len());
    let odd = [
        "tasks:\n  a: x\ntasks:\n  b: y\n",
        "version: '3'\ntasks:\n  a: x\n'tasks': {b: y}\n",
        "version: '3'\ntasks:\n  a: {cmds: [x]\n  b: y\n",
        "version: '3'\ntasks:\n  a: &x x\n  b: *x\n",
        "version: '3'\ntasks:\n  a: x\n  a: {cmd: y, cmds: [z]}\n  c: {dir: [], vars: {A: 2024-01-02}}\n",
        "tasks:\n  a: x\nversion: [3]\n",
        "version: '3'\ntasks:\n  a: x\n---\nb: y\n",
        "version: '3'\ntasks: # none\n",
        "version: '3'\ntasks:\n  a: \u{1}x\n",
    ];
    texts.extend(odd.map(str::to_owned));
    texts
}

fn read(text: &str, purpose: Purpose) -> (Project, Program) {
    let entry = format!("{ROOT}/Taskfile.yml");
    let files = MemoryFileSystem::new().with(&entry, text);
    project::open(&files, Utf8Path::new(&entry), Utf8Path::new(ROOT), &PureHost, purpose, None)
}

/// Everything that was found, with its place in the file.
fn findings(project: &Project) -> Vec<String> {
    let shown = |d: &ez_compiler::diagnostic::Diagnostic| {
        format!("{:?} {} {:?}", d.code, d.message, project.sources.locate(d.span))
    };
    project.diagnostics.iter().map(shown).collect()
}

/// A task as it was written, without the numbers of fragments.
fn written(task: &Task) -> String {
    let text = format!("{:?} {:?}", task.definition, task.aliases);
    let mut parts = text.split("SourceId(");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.trim_start_matches(|c: char| c.is_ascii_digit()))
}

/// What a list shows of a task.
fn listed(task: &ast::Task) -> impl PartialEq + std::fmt::Debug {
    let texts = [&task.label, &task.desc, &task.summary, &task.dir, &task.method].map(Clone::clone);
    (
        task.name.value.clone(),
        texts,
        task.aliases.clone(),
        task.sources.clone(),
        task.generates.clone(),
        task.internal,
    )
}

fn check(text: &str) {
    let (checked, program) = read(text, Purpose::Check);
    for purpose in [Purpose::Run, Purpose::List] {
        let (project, other) = read(text, purpose);
        assert_eq!(project.failure, checked.failure, "{text}");
        assert_eq!(findings(&project), findings(&checked), "{text}");
        assert_eq!(other.tasks.len(), program.tasks.len(), "{text}");
        for (task, full) in other.tasks.iter().zip(&program.tasks) {
            assert_eq!(
                project.sources.position(task.name_span()),
                checked.sources.position(full.name_span())
            );
            if purpose == Purpose::Run {
                assert_eq!(written(task), written(full), "{text}");
            } else {
                assert_eq!(listed(&task.definition), listed(&full.definition), "{text}");
            }
        }
    }
}

#[test]
fn a_project_says_the_same_whatever_it_is_read_for() {
    for text in &texts() {
        check(text);
    }
}

/// How many bytes of a text lie between the places where the slips are tried.
const SLIP_DISTANCE: usize = 61;

/// Slips of the keyboard.
const SLIPS: [&str; 11] = ["\n", " ", ":", "#", "- ", "'", "", ": ", "[", "\n  ", "&a *a "];

#[test]
fn a_slip_is_told_whatever_a_project_is_read_for() {
    let mut slips = SLIPS.iter().cycle();
    for text in texts() {
        for at in (0..text.len()).step_by(SLIP_DISTANCE) {
            let (Some(before), Some(after)) = (text.get(..at), text.get(at + 1..)) else { continue };
            let slip = slips.next().copied().unwrap_or_default();
            check(&format!("{before}{slip}{after}"));
        }
    }
}

#[test]
fn a_task_whose_texts_hold_templates_keeps_its_variables_for_a_list() {
    let text = "version: '3'\ntasks:\n  a: {desc: '{{.A}}', vars: {A: 1}, cmds: [x]}\n  b: {desc: b, vars: {A: 1}, cmds: [x]}\n";
    let (_, program) = read(text, Purpose::List);
    let kept = |task: &Task| (task.definition.vars.len(), task.definition.cmds.len());
    assert_eq!(program.tasks.iter().map(kept).collect::<Vec<_>>(), [(1, 1), (0, 0)]);
}
