//! Editors as people use them, with the configuration that the pages in `docs/editors/` tell them to write.
//!
//! Each is tested where it is installed; where `EZ_ALL_EDITORS` is set, a missing one is a failure. What an editor is to do is a
//! list of steps, which a script in `tests/editors/` does in it; what the editor then shows is compared here.

#![cfg(unix)]

use std::env;
use std::path::{Path, PathBuf};

use ez_tests::process::Exit;
use ez_tests::{Project, program};
use serde_json::{Value, json};

/// Where it is set, no editor may be missing.
const ALL_EDITORS_VARIABLE: &str = "EZ_ALL_EDITORS";

const TASKFILE: &str = "\
version: '3'
includes: {docs: docs}
tasks:
  build:
    desc: Builds the site
    deps: [test, 'docs:pages']
  test: go test ./...
";

const INCLUDED: &str = "\
version: '3'
tasks:
  pages:
    desc: Writes the pages
    cmds: [echo pages]
";

const UNKNOWN: &str = "6 EZ203 no task is named `tset`";

/// The code blocks of a page in a language, in their order.
fn blocks(page: &str, language: &str) -> Vec<String> {
    let path = program::repository().join("docs/editors").join(page);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{page}: {error}"));
    let blocks = text.split("\n```").skip(1).step_by(2);
    let wanted = blocks.filter_map(|block| block.strip_prefix(language)?.strip_prefix('\n'));
    wanted.map(|block| format!("{block}\n")).collect()
}

/// An editor's program; `None` where there is none and none is asked for.
fn editor(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path).map(|directory| directory.join(name)).find(|file| file.is_file());
    assert!(found.is_some() || env::var_os(ALL_EDITORS_VARIABLE).is_none(), "there is no {name}");
    found
}

/// A project whose programs find `ez`, with the files of an editor beside it.
fn project() -> Project {
    let project = Project::new().file("Taskfile.yml", TASKFILE).file("docs/Taskfile.yml", INCLUDED);
    let bin = project.task().parent().expect("a directory").to_path_buf();
    program::link(&program::ez(), &bin, "ez").expect("a link");
    let path = env::var("PATH").unwrap_or_default();
    project.env("PATH", &format!("{}:{path}", bin.display()))
}

/// The script that does steps in an editor.
fn script(name: &str) -> String {
    program::repository().join("tests/editors").join(name).to_string_lossy().into_owned()
}

/// Runs an editor with steps, and gives what it showed after each.
fn shown(project: Project, editor: &Path, args: &[&str], steps: &Value) -> (Project, Vec<Value>) {
    project.write(".editor/steps.json", steps.to_string());
    let project = project.env("EZ_STEPS", ".editor/steps.json");
    let outcome = project.run_program(editor, args);
    let lines = outcome.stdout.lines().filter_map(|line| serde_json::from_str(line).ok());
    let shown: Vec<Value> = lines.collect();
    let count = steps.as_array().map_or(0, Vec::len);
    assert_eq!(shown.len(), count, "{}\n{}\n{}", steps, outcome.stdout, outcome.stderr);
    (project, shown)
}

/// Does steps in Neovim, which is configured as its page says; `None` where there is no Neovim.
fn neovim(project: Project, steps: &Value) -> Option<(Project, Vec<Value>)> {
    let neovim = editor("nvim")?;
    let version = project.run_program(&neovim, ["--version"]).stdout.clone();
    let blocks = blocks("neovim.md", "lua");
    let [file_types, newer, older, lenses, _] = &blocks[..] else {
        panic!("the page has {} blocks", blocks.len())
    };
    let is_older = (7..=10).any(|minor| version.starts_with(&format!("NVIM v0.{minor}.")));
    let server = if is_older { older } else { newer };
    project.write(".editor/init.lua", format!("{file_types}\n{server}\n{lenses}"));
    let run = format!("luafile {}", script("neovim.lua"));
    Some(shown(
        project,
        &neovim,
        &["--headless", "-u", ".editor/init.lua", "-i", "NONE", "-n", "-c", &run],
        steps,
    ))
}

/// Does steps in Emacs with Eglot, which is configured as its page says; `None` where there is no Emacs.
fn emacs(project: Project, steps: &Value) -> Option<(Project, Vec<Value>)> {
    let emacs = editor("emacs")?;
    let has_packages =
        project.run_program(&emacs, ["--batch", "--eval", "(progn (require 'yaml-mode) (require 'eglot))"]);
    if env::var_os(ALL_EDITORS_VARIABLE).is_none() && has_packages.exit != Exit::Code(0) {
        return None;
    }
    let blocks = blocks("emacs.md", "elisp");
    let [mode, eglot, _] = &blocks[..] else { panic!("the page has {} blocks", blocks.len()) };
    // Emacs takes the repository for the project.
    project.run_program(Path::new("git"), ["init", "-q"]).success();
    project.write(".editor/init.el", format!("{mode}\n{eglot}"));
    let run = script("emacs.el");
    Some(shown(project, &emacs, &["--batch", "-l", ".editor/init.el", "-l", &run], steps))
}

fn check(did: Option<(Project, Vec<Value>)>, expected: &Value) -> Option<Project> {
    let (project, shown) = did?;
    assert_eq!(&Value::Array(shown), expected);
    Some(project)
}

#[test]
fn neovim_shows_findings_that_come_and_go() {
    let steps = json!([
        {"do": "open", "file": "Taskfile.yml"},
        {"do": "findings", "expected": []},
        {"do": "replace", "line": 6, "from": 12, "to": 16, "text": "tset"},
        {"do": "findings", "expected": [UNKNOWN]},
        {"do": "replace", "line": 6, "from": 12, "to": 16, "text": "test"},
        {"do": "findings", "expected": []},
    ]);
    let expected = json!([
        ["yaml.taskfile", "ez"],
        [],
        "    deps: [tset, 'docs:pages']",
        [UNKNOWN],
        "    deps: [test, 'docs:pages']",
        [],
    ]);
    check(neovim(project(), &steps), &expected);
}

#[test]
fn neovim_knows_the_files_of_a_project() {
    let project = project()
        .file("tasks/flash/Taskfile.yml", "version: '3'\ntasks: {default: echo}\n")
        .file("tasks/flash/task.yml", "description: Flashes\n")
        .file("plans/release.yml", "steps:\n  - task: build\n")
        .file("templates/service.yml", "task: {cmds: [echo]}\n")
        .file("other/templates/service.yml", "kind: Service\n")
        .file("compose.yml", "services: {}\n");
    let own =
        ["tasks/flash/task.yml", "tasks/flash/Taskfile.yml", "plans/release.yml", "templates/service.yml"];
    let others = ["other/templates/service.yml", "compose.yml"];
    let steps = own.iter().map(|file| json!({"do": "open", "file": file}));
    let steps = steps.chain(others.iter().map(|file| json!({"do": "open", "file": file, "is_ours": false})));
    let expected = own.iter().map(|_| json!(["yaml.taskfile", "ez"]));
    let expected = expected.chain(others.iter().map(|_| json!(["yaml"])));
    check(neovim(project, &steps.collect()), &expected.collect());
}

#[test]
fn emacs_shows_findings_that_come_and_go() {
    let steps = json!([
        {"do": "open", "file": "Taskfile.yml"},
        {"do": "findings", "expected": []},
        {"do": "replace", "line": 6, "from": 12, "to": 16, "text": "tset"},
        {"do": "findings", "expected": ["6 ez [EZ203]: no task is named `tset`"]},
        {"do": "replace", "line": 6, "from": 12, "to": 16, "text": "test"},
        {"do": "findings", "expected": []},
    ]);
    let expected = json!([
        ["taskfile-mode", "ez"],
        [],
        "    deps: [tset, 'docs:pages']",
        ["6 ez [EZ203]: no task is named `tset`"],
        "    deps: [test, 'docs:pages']",
        [],
    ]);
    check(emacs(project(), &steps), &expected);
}

/// The steps that go from a call to what it calls in another file, and back.
fn navigation() -> Value {
    json!([
        {"do": "open", "file": "Taskfile.yml"},
        {"do": "definition", "line": 6, "column": 25},
        {"do": "open", "file": "Taskfile.yml"},
        {"do": "references", "line": 6, "column": 13},
    ])
}

#[test]
fn neovim_goes_to_definitions_and_references() {
    let expected = json!([
        ["yaml.taskfile", "ez"],
        "docs/Taskfile.yml:3:3",
        ["yaml.taskfile", "ez"],
        ["Taskfile.yml:6:12", "Taskfile.yml:7:3"],
    ]);
    check(neovim(project(), &navigation()), &expected);
}

#[test]
fn emacs_goes_to_definitions_and_references() {
    let expected = json!([
        ["taskfile-mode", "ez"],
        "docs/Taskfile.yml:3:3",
        ["taskfile-mode", "ez"],
        ["Taskfile.yml:6:12", "Taskfile.yml:7:3"],
    ]);
    check(emacs(project(), &navigation()), &expected);
}

#[test]
fn editors_explain_what_stands_at_a_place() {
    let steps = json!([
        {"do": "open", "file": "Taskfile.yml"},
        {"do": "hover", "line": 6, "column": 25},
    ]);
    for shown in [neovim(project(), &steps), emacs(project(), &steps)].into_iter().flatten() {
        let text = shown.1[1].to_string();
        assert!(text.contains("docs:pages") && text.contains("Writes the pages"), "{text}");
    }
}

/// A rename, of a task that another file defines.
fn rename() -> Value {
    json!([
        {"do": "open", "file": "Taskfile.yml"},
        {"do": "rename", "line": 6, "column": 25, "name": "chapters"},
        {"do": "findings", "expected": []},
    ])
}

fn check_renamed(project: &Project) {
    project.run(["list", "--all"]).success().stdout_has("docs:chapters");
    project
        .run(["check"])
        .success()
        .file_is("Taskfile.yml", &TASKFILE.replace("docs:pages", "docs:chapters"))
        .file_is("docs/Taskfile.yml", &INCLUDED.replace("  pages:", "  chapters:"));
}

#[test]
fn neovim_renames_a_task_in_all_files() {
    let expected = json!([["yaml.taskfile", "ez"], ["Taskfile.yml", "docs/Taskfile.yml"], []]);
    if let Some(project) = check(neovim(project(), &rename()), &expected) {
        check_renamed(&project);
    }
}

#[test]
fn emacs_renames_a_task_in_all_files() {
    let expected = json!([["taskfile-mode", "ez"], ["Taskfile.yml", "docs/Taskfile.yml"], []]);
    if let Some(project) = check(emacs(project(), &rename()), &expected) {
        check_renamed(&project);
    }
}

/// Steps that complete the name of a task where nothing stands yet, and what is offered there.
fn check_completion(shown: Option<(Project, Vec<Value>)>) {
    let Some((_, shown)) = shown else { return };
    let offered = words(&shown[2]);
    for name in ["build", "test", "docs:pages"] {
        assert!(offered.contains(&name), "{offered:?}");
    }
}

fn completion() -> Value {
    json!([
        {"do": "open", "file": "Taskfile.yml"},
        {"do": "replace", "line": 6, "from": 12, "to": 30, "text": "]"},
        {"do": "complete", "line": 6, "column": 12},
    ])
}

#[test]
fn neovim_completes_names_of_tasks() {
    check_completion(neovim(project(), &completion()));
}

#[test]
fn emacs_completes_names_of_tasks() {
    check_completion(emacs(project(), &completion()));
}

#[test]
fn neovim_mends_a_finding() {
    let steps = json!([
        {"do": "open", "file": "Taskfile.yml"},
        {"do": "replace", "line": 6, "from": 12, "to": 16, "text": "tset"},
        {"do": "findings", "expected": [UNKNOWN]},
        {"do": "action", "line": 6, "column": 13, "title": "Change to `test`"},
        {"do": "findings", "expected": []},
        {"do": "text"},
    ]);
    let Some((_, shown)) = neovim(project(), &steps) else { return };
    assert!(words(&shown[3]).contains(&"Change to `test`"), "{}", shown[3]);
    assert_eq!((&shown[4], words(&shown[5])), (&json!([]), TASKFILE.lines().collect()));
}

#[test]
fn neovim_extracts_commands() {
    let text = "version: '3'\ntasks:\n  build:\n    cmds:\n      - echo a\n      - echo b\n";
    let title = "Extract the command into a task `build-part`";
    let steps = json!([
        {"do": "open", "file": "Taskfile.yml"},
        {"do": "action", "line": 6, "column": 9, "title": title},
        {"do": "text"},
    ]);
    let Some((_, shown)) = neovim(project().file("Taskfile.yml", text), &steps) else { return };
    assert_eq!(words(&shown[1]), [title]);
    let expected =
        text.replace("- echo b\n", "- task: build-part\n  build-part:\n    cmds:\n      - echo b\n");
    assert_eq!(words(&shown[2]), expected.lines().collect::<Vec<_>>());
}

#[test]
fn neovim_runs_a_task_by_its_lens() {
    let project = project().file("Taskfile.yml", "version: '3'\ntasks:\n  hello: echo hi from a task\n");
    let steps = json!([
        {"do": "open", "file": "Taskfile.yml"},
        {"do": "lens", "line": 3, "count": 3, "title": "▶ run", "output": "hi from a task"},
    ]);
    let Some((_, shown)) = neovim(project, &steps) else { return };
    assert_eq!(shown[1], json!([["dry-run", "no references", "▶ run"], true]));
}

#[test]
fn editors_format() {
    let steps = json!([{"do": "open", "file": "Taskfile.yml"}, {"do": "format"}]);
    let untidy = TASKFILE.replace("desc: B", "desc:   B").replace("  build:\n", "  build:  \n");
    for with in [neovim, emacs] {
        let project = project().file("Taskfile.yml", &untidy);
        let Some((_, shown)) = with(project, &steps) else { continue };
        assert_eq!(words(&shown[1]), TASKFILE.lines().collect::<Vec<_>>());
    }
}

/// The command of a configuration: the page's editor is to start a server that answers.
fn check_command(command: &[&str]) {
    assert_eq!(command, ["ez", "lsp"]);
}

fn words(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

fn parsed_json(page: &str) -> Vec<Value> {
    let parse = |block: &String| {
        serde_json::from_str(block).unwrap_or_else(|error| panic!("{page}: {error}\n{block}"))
    };
    blocks(page, "json").iter().map(parse).collect()
}

fn parsed_toml(page: &str) -> Vec<toml::Table> {
    let parse = |block: &String| block.parse().unwrap_or_else(|error| panic!("{page}: {error}\n{block}"));
    blocks(page, "toml").iter().map(parse).collect()
}

#[test]
fn the_configuration_of_helix_starts_the_server() {
    let [main, beside] = &parsed_toml("helix.md")[..] else { panic!("two blocks") };
    let server = &main["language-server"]["ez"];
    let args = server["args"].as_array().into_iter().flatten().filter_map(toml::Value::as_str);
    check_command(&server["command"].as_str().into_iter().chain(args).collect::<Vec<_>>());
    for block in [main, beside] {
        assert_eq!(block["language"][0]["name"].as_str(), Some("taskfile"));
        assert_eq!(block["language"][0]["language-servers"][0].as_str(), Some("ez"));
    }
}

#[test]
fn the_configuration_of_zed_starts_the_server() {
    let [instead, beside] = &parsed_json("zed.md")[..] else { panic!("two blocks") };
    let binary = &instead["lsp"]["yaml-language-server"]["binary"];
    let args = words(&binary["arguments"]);
    check_command(&binary["path"].as_str().into_iter().chain(args).collect::<Vec<_>>());
    let [extension, _] = &parsed_toml("zed.md")[..] else { panic!("two blocks") };
    let servers = extension["language_servers"].as_table().expect("a table");
    assert_eq!(servers.keys().collect::<Vec<_>>(), ["ez"]);
    assert_eq!(words(&beside["languages"]["YAML"]["language_servers"])[0], "ez");
    assert!(blocks("zed.md", "rust")[0].contains("args: vec![\"lsp\".into()]"));
}

#[test]
fn the_configuration_of_sublime_text_starts_the_server() {
    let [main, _] = &parsed_json("sublime.md")[..] else { panic!("two blocks") };
    check_command(&words(&main["clients"]["ez"]["command"]));
}

#[test]
fn the_template_for_jetbrains_starts_the_server() {
    let [template, settings] = &parsed_json("jetbrains.md")[..] else { panic!("two blocks") };
    let command = template["programArgs"]["default"].as_str().unwrap_or_default();
    check_command(&command.split(' ').collect::<Vec<_>>());
    assert!(settings["ez"].is_object());
}

/// What no editor here can run is at least Lua, and asks for the same server.
#[test]
fn the_newer_configuration_of_neovim_is_one_of_the_same_server() {
    let Some(neovim) = editor("nvim") else { return };
    let blocks = blocks("neovim.md", "lua");
    let record = "\
        local seen = {}\n\
        vim.lsp.config = function(name, config) seen[name] = config end\n\
        vim.lsp.enable = function(name) seen.enabled = name end\n";
    let tell = "io.stdout:write(vim.fn.json_encode(seen))\nvim.cmd('qa!')\n";
    let project = project();
    project.write(".editor/new.lua", format!("{record}{}{}{tell}", blocks[1], blocks[4]));
    let args = ["--headless", "-u", "NONE", "-i", "NONE", "-n", "-c", "luafile .editor/new.lua"];
    let outcome = project.run_program(&neovim, args);
    let seen: Value =
        serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {outcome:?}"));
    check_command(&words(&seen["ez"]["cmd"]));
    assert_eq!((&seen["enabled"], words(&seen["ez"]["filetypes"])), (&json!("ez"), vec!["yaml.taskfile"]));
}

/// The settings that the pages show are those that the server has.
#[test]
fn settings_of_the_pages_are_known() {
    let page = std::fs::read_to_string(program::repository().join("docs/editors.md")).expect("the page");
    let source =
        std::fs::read_to_string(program::repository().join("lsp/src/settings.rs")).expect("settings");
    let section = page.split("\n## ").find(|section| section.starts_with("Settings\n")).expect("the section");
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `ez."));
    let names: Vec<&str> = rows.filter_map(|row| row.split('`').next()).collect();
    let fields = source.lines().filter_map(|line| line.trim().strip_prefix("pub ")?.strip_suffix(": bool,"));
    let last: Vec<&str> = names.iter().filter_map(|name| name.rsplit('.').next()).collect();
    assert_eq!(last, fields.collect::<Vec<_>>());
}
