//! Every rule has a page in the book, every page has a rule, and the examples on the pages are right: of the first the
//! rule is the only finding, the second is clean.

mod projects;

use std::fmt::Write as _;
use std::path::Path;

use ez_compiler::project::remote::sha256;
use ez_compiler::rule::RULES;
use projects::{ProjectFiles, TASKFILE, compile_files, split};

#[test]
fn every_rule_has_a_page_and_stands_in_the_index() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/rules");
    let index = std::fs::read_to_string(folder.join("README.md")).unwrap();
    for rule in RULES {
        let id = rule.code.id;
        let page = std::fs::read_to_string(folder.join(format!("{id}.md"))).unwrap_or_default();
        assert!(
            page.starts_with(&format!("# {id} {}\n", rule.code.name)),
            "docs/rules/{id}.md lacks its title"
        );
        assert!(
            page.contains("## Why") && page.matches("```").count() >= 4,
            "docs/rules/{id}.md lacks a part"
        );
        let row = index.lines().find(|line| line.contains(&format!("({id}.md)"))).unwrap_or_default();
        assert!(row.contains(rule.code.name) && row.contains(rule.summary), "the index has no row for {id}");
    }
    let pages = std::fs::read_dir(&folder).unwrap().count();
    assert_eq!(pages, RULES.len() + 1, "a page without a rule");
}

/// Rules about files that cannot be read as text: their examples are words about a file.
const NOT_ABOUT_TEXT: &[&str] = &["EZ102", "EZ103", "EZ104", "EZ109"];

/// What stands for a checksum in an example.
const CHECKSUM: &str = "89ab…";

/// A Taskfile that examples include.
const LIBRARY: &str = "version: '3'\ntasks:\n  build: go build\n";

/// The Taskfile of examples that are plans.
const OF_PLANS: &str = "version: '3'\ntasks:\n  build: echo {{if .FAST}}fast{{end}} {{if .V}}{{.V}}{{end}}\n  test: echo {{if .V}}{{.V}}{{end}}\n";

/// Files that examples speak of.
const OTHER_FILES: &[(&str, &str)] = &[
    (".env", "A=1\n"),
    ("docs/Taskfile.yml", "version: '3'\ntasks:\n  serve: echo serve\n"),
    ("lib.yml", LIBRARY),
    ("src/main.go", "package main\n"),
    ("main.go", "package main\n"),
    ("a.jpg", ""),
    ("a.png", ""),
];

/// Keys of a Taskfile, by which an example is known to be a whole one.
const FILE_KEYS: &[&str] = &["version", "tasks", "vars", "includes", "dotenv", "output", "set"];
/// Keys of a task.
const TASK_KEYS: &[&str] = &["cmds", "platforms", "sources"];

/// The first and the second example of a page.
fn examples(page: &str) -> (String, String) {
    let mut blocks =
        page.split("```").skip(1).step_by(2).map(|block| block.trim_start_matches("yaml\n").to_owned());
    (blocks.next().expect("an example"), blocks.next().expect("a better one"))
}

/// An example as a whole Taskfile: pages leave out what goes without saying.
fn completed(id: &str, text: &str) -> String {
    let first = text.lines().find(|line| !line.starts_with('#')).unwrap_or_default();
    let key = first.split(':').next().unwrap_or_default();
    let indented = |by: &str| {
        text.lines().fold(String::new(), |mut all, line| {
            let _ = writeln!(all, "{by}{line}");
            all
        })
    };
    if FILE_KEYS.contains(&key) {
        let is_whole = key == "version" || id == "EZ120";
        let tasks = if text.contains("tasks:") || text.contains("includes:") {
            ""
        } else {
            "tasks:\n  default: {cmds: [echo]}\n"
        };
        return if is_whole { text.to_owned() } else { format!("version: '3'\n{text}{tasks}") };
    }
    if first.starts_with("- ") {
        return format!("version: '3'\ntasks:\n  default:\n    cmds:\n{}", indented("      "));
    }
    if TASK_KEYS.contains(&key) {
        let cmds = if key == "cmds" { "" } else { "    cmds: [make]\n" };
        return format!("version: '3'\ntasks:\n  default:\n{}{cmds}", indented("    "));
    }
    format!("version: '3'\ntasks:\n{}", indented("  "))
}

/// The files of an example: `# name.yml` begins one.
fn files_of(id: &str, example: &str) -> ProjectFiles {
    let example = example.replace(CHECKSUM, &sha256(LIBRARY.as_bytes()));
    let mut files = split(&example, "# ");
    files.retain(|(path, text)| {
        path == TASKFILE
            || Path::new(path).extension().is_some_and(|extension| extension == "yml") && !text.is_empty()
    });
    let is_plan = |path: &str| path.starts_with("plans/");
    let is_of_ez = |path: &str| {
        path.starts_with("plugins/") || path.starts_with("templates/") || path.ends_with("/task.yml")
    };
    let of_plans = files.iter().any(|(path, _)| is_plan(path));
    for (path, text) in &mut files {
        if path == TASKFILE && text.is_empty() && of_plans {
            OF_PLANS.clone_into(text);
        } else if !is_plan(path) && !is_of_ez(path) {
            *text = completed(id, text);
        }
    }
    for (path, text) in OTHER_FILES {
        if files.iter().all(|(known, _)| known != path) {
            files.push(((*path).to_owned(), (*text).to_owned()));
        }
    }
    files
}

fn findings(files: &[(String, String)]) -> Vec<String> {
    let compilation = compile_files(files, None);
    compilation.diagnostics.iter().map(|d| format!("{} {}", d.code.id, d.message)).collect()
}

#[test]
fn examples_are_what_they_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/rules");
    let mut wrong = String::new();
    for id in RULES.iter().map(|rule| rule.code.id).filter(|id| !NOT_ABOUT_TEXT.contains(id)) {
        let (bad, good) = examples(&std::fs::read_to_string(folder.join(format!("{id}.md"))).unwrap());
        let found = findings(&files_of(id, &bad));
        if found.len() != 1 || !found[0].starts_with(id) {
            let _ = writeln!(wrong, "{id}: the first example gives {found:#?}\n{bad}");
        }
        let mut files = files_of(id, &good);
        files.push(("https://example.com/Taskfile.yml".to_owned(), LIBRARY.to_owned()));
        let found = findings(&files);
        if !found.is_empty() {
            let _ = writeln!(wrong, "{id}: the second example gives {found:#?}\n{good}");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
