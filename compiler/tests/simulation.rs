//! Somebody types: after every edit, however wrong, a compilation that starts from the previous one says the same as one that
//! starts from nothing.
//!
//! The projects are those of the recorded runs of go-task, the examples, the cases with one mistake, and one of every kind of
//! file. `EZ_SIMULATED_EDITS` says how many edits are made; the edits of a number are always the same.

#![allow(clippy::unwrap_used, reason = "a test that cannot read its projects should stop")]

mod projects;

use std::fmt::Write as _;
use std::path::Path;

use camino::Utf8PathBuf;
use ez_compiler::diagnostic::Diagnostic;
use ez_compiler::emit::plan::{PlanProject, plan_taskfile};
use ez_compiler::emit::taskfile::taskfile;
use ez_compiler::source::{SourceId, SourceMap, Span};
use ez_compiler::{Compilation, FolderProgram};
use projects::{ProjectFiles, ROOT, TASKFILE, compile_files, split};

/// Edits in a test run that nobody asked for more.
const EDITS: usize = 1_200;

/// Edits of one project before another one is taken.
const EDITS_IN_A_ROW: usize = 24;

/// Differences after which no more are looked for.
const TOLD_FAILURES: usize = 5;

/// How often what is written for go-task is compared, too.
const EMITTED: usize = 8;

/// Texts of other files than these are not read by the compiler.
const EXTENSIONS: [&str; 3] = ["yml", "yaml", "env"];

/// A project with every kind of file.
const EVERYTHING: &str = include_str!("simulation/everything.txt");

/// Pieces of text that people type, or paste, or leave half typed.
const PIECES: &[&str] = &[
    " ",
    "\n",
    ":",
    "- ",
    "'",
    "\"",
    "{",
    "}",
    "[",
    "]",
    "#",
    "|",
    ">",
    "&",
    "*",
    "!",
    "%",
    "@",
    "`",
    ",",
    "?",
    "\t",
    "\r\n",
    "\r",
    "x",
    "ü",
    "日本",
    "😀",
    "\u{feff}",
    "\u{85}",
    "\u{2028}",
    "\u{0}",
    "$",
    "\\",
    "/",
    "<<: ",
    "&a ",
    "*a",
    "---\n",
    "...\n",
    "{{",
    "}}",
    "{{.",
    "{{.NAME}}",
    "{{if",
    "{{range $i := .ITEMS}}",
    "{{.X | upper}}",
    "{{fromJson .Y}}",
    "<% .name %>",
    "\n  new:\n    cmds:\n      - echo new\n",
    "\n  new: echo\n",
    "  half:\n    cmds:\n      - ",
    "    deps: [",
    "    deps: [build]\n",
    "    vars:\n      A: 1\n",
    "    requires: {vars: [A]}\n",
    "      - task: build\n",
    "      - for: [a, b]\n        cmd: echo {{.ITEM}}\n",
    "    ez-params:\n      - name: arch\n        options: [a, b]\n",
    "    ez-extends: build\n",
    "    ez-compose: [build, test]\n",
    "    ez-artifacts:\n",
    "    ez-before: ['@plugin:report']\n",
    "includes:\n  lib: ./lib\n",
    "  lib: {taskfile: lib.yml, flatten: true}\n",
    "version: '3'\n",
    "vars: {A: {sh: date}}\n",
    "dotenv: ['.env']\n",
    "steps:\n",
    "  - task: build\n",
    "  - build\n",
    "- build\n",
    "    needs: [build]\n",
    "    needs: build\n",
    "    matrix: {arch: [a, b]}\n",
    "    inputs:\n      - {from: build, artifact: out, to: in/}\n",
    "    artifacts:\n      - {name: out, path: out}\n",
    "    when: '{{.x}}'\n",
    "params: [x]\n",
    "artifacts: [{name: out, path: out}]\n",
    "# note\n",
    "  # note\n",
    "    if [ -n \"$X\" ]; then\n",
    "echo $(",
    "rm -rf \"$X\"/*\n",
    "a: b: c\n",
    "tasks:\n",
    "tasks: {}\n",
];

#[test]
fn after_an_edit_everything_is_as_if_read_for_the_first_time() {
    let wanted = std::env::var("EZ_SIMULATED_EDITS").ok().map(|count| count.parse().unwrap());
    let edits: usize = wanted.unwrap_or(EDITS);
    let projects = all_projects();
    let mut failures: Vec<String> = Vec::new();
    for row in 0..edits.div_ceil(EDITS_IN_A_ROW) {
        let mut random = SplitMix(row as u64);
        // Every third one has all kinds of files.
        let project = if row % 3 == 0 { 0 } else { random.below(projects.len()) };
        let (name, files) = &projects[project];
        let typist = Typist { name, row, files: files.clone(), random, original: files };
        failures.extend(typist.type_for(EDITS_IN_A_ROW));
        if failures.len() >= TOLD_FAILURES {
            break;
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

#[test]
fn what_edits_leave_behind_has_a_limit() {
    let mut files = split(EVERYTHING, "@@ ");
    let mut compilation = compile_files(&files, None);
    let (count, fragments) = (compilation.sources.files().count(), compilation.sources.fragment_count());
    let mut most = 0;
    for edit in 0..6_000 {
        let place = edit % files.len();
        let before = files[place].1.clone();
        files[place].1 =
            before.replacen("echo", ["echo x", "echo"][edit % 2], 1).replacen("desc: ", "desc: a", 1);
        if edit % 7 == 0 {
            files[place].1.push('\n');
        }
        compilation = compile_files(&files, Some(&compilation));
        most = most.max(compilation.sources.fragment_count());
        if files[place].1.len() > before.len() + 40 || edit % 50 == 49 {
            files[place].1 = split(EVERYTHING, "@@ ")[place].1.clone();
        }
    }
    assert_eq!(compilation.sources.files().count(), count);
    assert!(most < 4_096 + 8 * fragments, "{most} fragments, at first {fragments}");
}

/// Projects with their names, that of every kind of file first.
fn all_projects() -> Vec<(String, ProjectFiles)> {
    let mut projects = vec![("everything".to_owned(), split(EVERYTHING, "@@ "))];
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for examples in directories(&repository.join("examples")) {
        projects.push(project_at(&examples));
    }
    for group in directories(&repository.join("tests/conformance/cases")) {
        projects.extend(directories(&group).iter().map(|case| project_at(case)));
    }
    let cases = ["names", "plans", "superset", "texts", "variables", "fields"];
    for group in cases.map(|name| repository.join(format!("compiler/tests/one_mistake/{name}.txt"))) {
        let text = std::fs::read_to_string(&group).unwrap();
        for case in text.split("\n#### ").filter(|case| !case.trim().is_empty()) {
            let (title, body) = case.trim_start_matches("#### ").split_once('\n').unwrap();
            let body = body.split("\n---- ").next().unwrap().replace(['«', '»'], "");
            projects.push((title.to_owned(), split(&body, "@@ ")));
        }
    }
    projects.retain(|(_, files)| !files.is_empty());
    assert!(projects.len() > 500, "{} projects", projects.len());
    projects
}

fn directories(directory: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<_> = entries.filter(|path| path.is_dir()).collect();
    found.sort();
    found
}

fn project_at(root: &Path) -> (String, ProjectFiles) {
    let mut files = ProjectFiles::new();
    let mut open = vec![root.to_owned()];
    while let Some(directory) = open.pop() {
        let entries = std::fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path());
        for path in entries {
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| EXTENSIONS.iter().any(|one| extension == *one))
                && let Ok(text) = std::fs::read_to_string(&path)
            {
                let name = path.strip_prefix(root).unwrap().to_string_lossy().replace('\\', "/");
                files.push((name, text));
            }
        }
    }
    files.sort();
    (root.file_name().unwrap().to_string_lossy().into_owned(), files)
}

/// Somebody who edits a project.
struct Typist<'a> {
    name: &'a str,
    row: usize,
    files: ProjectFiles,
    original: &'a ProjectFiles,
    random: SplitMix,
}

impl Typist<'_> {
    /// Makes so many edits, or fewer: the first difference is told.
    fn type_for(mut self, edits: usize) -> Option<String> {
        let mut compilation = compile_files(&self.files, None);
        for edit in 0..edits {
            let before = self.files.clone();
            for _ in 0..=self.random.below(3) / 2 {
                self.edit();
            }
            let next = compile_files(&self.files, Some(&compilation));
            let fresh = compile_files(&self.files, None);
            let is_emitted = edit % EMITTED == 0;
            let (found, expected) = (shown(&next, is_emitted), shown(&fresh, is_emitted));
            if found != expected {
                return Some(self.difference(edit, &before, &found, &expected));
            }
            compilation = next;
        }
        None
    }

    fn difference(&self, edit: usize, before: &ProjectFiles, found: &str, expected: &str) -> String {
        let mut told = format!("row {} edit {edit}, project `{}`\n", self.row, self.name);
        for (path, text) in &self.files {
            match before.iter().find(|(known, _)| known == path) {
                Some((_, old)) if old == text => {}
                Some((_, old)) => {
                    writeln!(told, "=== {path} before\n{old}\n{old:?}\n=== {path} after\n{text}\n{text:?}")
                        .unwrap();
                }
                None => writeln!(told, "=== {path} is new\n{text}").unwrap(),
            }
        }
        for (path, old) in before.iter().filter(|(path, _)| self.files.iter().all(|(other, _)| other != path))
        {
            writeln!(told, "=== {path} is gone\n{old}").unwrap();
        }
        let lines = found.lines().map(Some).chain(std::iter::repeat(None));
        let others = expected.lines().map(Some).chain(std::iter::repeat(None));
        let differing = lines.zip(others).find(|(one, other)| one != other).unwrap();
        write!(
            told,
            "\n=== with the previous compilation\n{:?}\n=== without\n{:?}",
            differing.0, differing.1
        )
        .unwrap();
        told
    }

    fn edit(&mut self) {
        match self.random.below(40) {
            0 => return self.add_file(),
            1 if self.files.len() > 1 => {
                let place = self.random.below(self.files.len());
                self.files.remove(place);
                return;
            }
            2 | 3 => return self.undo(),
            _ => {}
        }
        let place = self.random.below(self.files.len());
        let text = self.files[place].1.clone();
        self.files[place].1 = self.edited(&text);
    }

    fn add_file(&mut self) {
        let place = self.random.below(self.original.len());
        let (path, text) = &self.original[place];
        let name = match self.random.below(8) {
            0 => "plans/more.yml",
            1 => "tasks/more/Taskfile.yml",
            2 => "tasks/firmware/task.yml",
            3 => "plugins/more.yml",
            4 => "templates/more.yml",
            5 => "lib.yml",
            6 => TASKFILE,
            _ => path,
        };
        let text = text.clone();
        let name = name.to_owned();
        self.files.retain(|(path, _)| *path != name);
        self.files.push((name, text));
    }

    /// A file as it was at first.
    fn undo(&mut self) {
        let place = self.random.below(self.original.len());
        let (path, text) = &self.original[place];
        match self.files.iter_mut().find(|(known, _)| known == path) {
            Some(known) => known.1.clone_from(text),
            None => self.files.push((path.clone(), text.clone())),
        }
    }

    fn edited(&mut self, text: &str) -> String {
        let at = self.place_in(text);
        let mut edited = text.to_owned();
        match self.random.below(16) {
            0..=3 => edited.insert_str(at, PIECES[self.random.below(PIECES.len())]),
            4 | 5 => {
                let word = self.word();
                edited.insert_str(at, &word);
            }
            6 | 7 => {
                let end = self.place_near(text, at);
                edited.replace_range(at..end, "");
            }
            8 => {
                let end = self.place_near(text, at);
                edited.replace_range(at..end, PIECES[self.random.below(PIECES.len())]);
            }
            9 => {
                edited = self.with_lines(text, |lines, at, _| {
                    lines.remove(at);
                });
            }
            10 => edited = self.with_lines(text, |lines, at, _| lines.insert(at, lines[at])),
            11 => edited = self.with_lines(text, |lines, at, other| lines.swap(at, other)),
            12 => {
                let start = line_start(text, at);
                edited.insert_str(start, PIECES[self.random.below(PIECES.len())]);
            }
            13 => {
                let start = line_start(text, at);
                let comes_in = self.random.below(2) == 0;
                if text[start..].starts_with(' ') && !comes_in {
                    edited.replace_range(start..=start, "");
                } else {
                    edited.insert_str(start, ["  ", "# ", " "][self.random.below(3)]);
                }
            }
            14 => {
                edited = self.with_lines(text, |lines, at, other| {
                    let block: Vec<&str> =
                        lines[at.min(other)..at.max(other)].iter().take(12).copied().collect();
                    lines.splice(at..at, block);
                });
            }
            _ => {
                edited = self.with_lines(text, |lines, at, other| {
                    let end = at.max(other).min(at.min(other) + 12);
                    lines.drain(at.min(other)..end);
                });
            }
        }
        // No text gets longer and longer.
        if edited.len() > 40_000 { self.original[0].1.clone() } else { edited }
    }

    fn place_in(&mut self, text: &str) -> usize {
        let mut at = self.random.below(text.len() + 1);
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    }

    fn place_near(&mut self, text: &str, at: usize) -> usize {
        let mut end = (at + 1 + self.random.below(12)).min(text.len());
        while !text.is_char_boundary(end) {
            end += 1;
        }
        end
    }

    /// A word of the project.
    fn word(&mut self) -> String {
        let (_, text) = &self.files[self.random.below(self.files.len())];
        let words: Vec<&str> =
            text.split(|c: char| !c.is_alphanumeric() && c != '-').filter(|word| !word.is_empty()).collect();
        if words.is_empty() { "word".to_owned() } else { words[self.random.below(words.len())].to_owned() }
    }

    fn with_lines(&mut self, text: &str, change: impl FnOnce(&mut Vec<&str>, usize, usize)) -> String {
        let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
        if !lines.is_empty() {
            let (at, other) = (self.random.below(lines.len()), self.random.below(lines.len()));
            change(&mut lines, at, other);
        }
        lines.concat()
    }
}

fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |newline| newline + 1)
}

/// Everything that a compilation says, with places in files.
fn shown(compilation: &Compilation, is_emitted: bool) -> String {
    let sources = &compilation.sources;
    let mut out = String::new();
    for (_, file) in sources.files() {
        writeln!(out, "file {} {:?}", file.path, file.text).unwrap();
    }
    for diagnostic in &compilation.diagnostics {
        show_diagnostic(&mut out, diagnostic, sources);
    }
    writeln!(out, "failure {:?}", compilation.failure.as_ref().map(|failure| located(failure, sources)))
        .unwrap();
    writeln!(out, "folders {:?}", compilation.folders).unwrap();
    writeln!(out, "metadata {}", located(&compilation.metadata, sources)).unwrap();
    for edge in &compilation.loaded.edges {
        writeln!(out, "edge {}", located(edge, sources)).unwrap();
    }
    for file in &compilation.loaded.files {
        writeln!(out, "taskfile {} {}", file.path, located(&file.taskfile, sources)).unwrap();
    }
    for task in &compilation.program.tasks {
        writeln!(out, "task {}", located(task, sources)).unwrap();
    }
    let program = &*compilation.program;
    let globals = located(&(&program.vars, &program.env, &program.output, &program.dotenv), sources);
    writeln!(out, "globals {globals} {:?} {:?}", program.version, program.dir).unwrap();
    for plan in &compilation.plans {
        writeln!(out, "plan {} {}", plan.file.path, located(&plan.written, sources)).unwrap();
        writeln!(out, "graph {}", located(&plan.plan, sources)).unwrap();
        plan.diagnostics.iter().for_each(|diagnostic| show_diagnostic(&mut out, diagnostic, sources));
    }
    if is_emitted {
        out.push_str(&emitted(compilation));
    }
    for FolderProgram { folder, compilation, .. } in &compilation.folder_programs {
        writeln!(out, "program of {}\n{}", folder.name, shown(compilation, is_emitted)).unwrap();
    }
    out
}

fn emitted(compilation: &Compilation) -> String {
    let Compilation { program, loaded, sources, .. } = compilation;
    let mut out = format!("{:?}\n", taskfile(program, loaded, sources).text);
    let parts = PlanProject { program, loaded, sources, folders: Vec::new() };
    for plan in compilation.plans.iter().filter_map(|plan| plan.plan.as_ref()) {
        writeln!(out, "{:?}", plan_taskfile(plan, &parts, None).text).unwrap();
    }
    out
}

fn show_diagnostic(out: &mut String, diagnostic: &Diagnostic, sources: &SourceMap) {
    writeln!(out, "{}", located(diagnostic, sources)).unwrap();
}

/// What `Debug` says of a value, with the places of spans in their files.
fn located(value: &impl std::fmt::Debug, sources: &SourceMap) -> String {
    let text = format!("{value:?}");
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once("Span { source: SourceId(") {
        out.push_str(before);
        let (span, after) = after.split_once(" }").unwrap();
        let numbers: Vec<u32> = span
            .split(|c: char| !c.is_ascii_digit())
            .filter(|digits| !digits.is_empty())
            .map(|digits| digits.parse().unwrap())
            .collect();
        let [source, start, end] = numbers[..] else { panic!("{span}") };
        let location = sources.locate(Span { source: SourceId(source), start, end });
        let path: Utf8PathBuf = sources.file(location.file).path.clone();
        write!(out, "{}@{:?}", path.strip_prefix(ROOT).unwrap_or(&path), location.range).unwrap();
        rest = after;
    }
    out.push_str(rest);
    // What a fragment is called is no matter, and the beginning of a node is relative to it.
    without_numbers(&without_numbers(&out, "SourceId("), ", start: ")
}

/// A text without the numbers behind a mark.
fn without_numbers(text: &str, mark: &str) -> String {
    let mut parts = text.split(mark);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.trim_start_matches(|c: char| c.is_ascii_digit()))
}

/// Random numbers, as of Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (2014).
struct SplitMix(u64);

impl SplitMix {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^= mixed >> 31;
        ((u128::from(mixed) * bound as u128) >> 64) as usize
    }
}
