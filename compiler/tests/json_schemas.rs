//! The schemas in the repository are those of the code, and they say of files what the compiler says.

#![allow(clippy::unwrap_used, reason = "a test that cannot read its cases should stop")]

#[allow(dead_code, reason = "other tests use the rest")]
mod projects;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use boon::{Compiler, SchemaIndex, Schemas};
use ez_compiler::decode;
use ez_compiler::diagnostic::{Code, Severity};
use ez_compiler::emit::json_schema::{KINDS, Kind};
use ez_compiler::rule;
use ez_compiler::source::SourceMap;
use ez_compiler::yaml;
use ez_compiler::yaml::value::to_value;
use projects::{TASKFILE, compile_files};
use serde_json::Value;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// All schemas, ready to use.
struct Validator {
    schemas: Schemas,
    indices: BTreeMap<&'static str, SchemaIndex>,
}

impl Validator {
    fn new() -> Self {
        let mut schemas = Schemas::new();
        let mut compiler = Compiler::new();
        let mut indices = BTreeMap::new();
        for kind in KINDS {
            let schema: Value = serde_json::from_str(&kind.json_schema()).unwrap();
            compiler.add_resource(&kind.url(), schema).unwrap();
            indices.insert(kind.name, compiler.compile(&kind.url(), &mut schemas).unwrap());
        }
        Self { schemas, indices }
    }

    /// What the schema has against a file; `None` where it is no YAML of one meaning.
    fn problem(&self, kind: &str, text: &str) -> Option<String> {
        let mut sources = SourceMap::default();
        let file = sources.add_file("file.yml", text);
        let document = yaml::parse(text, file, &mut sources, None);
        if !document.errors.is_empty() {
            return None;
        }
        let value = match document.root {
            Some(root) => to_value(&root).ok()?,
            None => return None,
        };
        let value = serde_json::to_value(value).unwrap();
        let outcome = self.schemas.validate(&value, self.indices[kind]);
        Some(outcome.err().map_or_else(String::new, |error| format!("{error:#}")))
    }

    fn accepts(&self, kind: &str, text: &str) -> bool {
        self.problem(kind, text).is_some_and(|problem| problem.is_empty())
    }
}

/// The YAML files below a directory.
fn yaml_files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(yaml_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "yml" || extension == "yaml") {
            found.push(path);
        }
    }
    found.sort();
    found
}

#[test]
fn schemas_in_the_repository_are_current() {
    let directory = repository().join("schemas");
    for kind in KINDS {
        let written =
            std::fs::read_to_string(directory.join(format!("{}.json", kind.name))).unwrap_or_default();
        let is_current = written == kind.json_schema();
        assert!(is_current, "schemas/{}.json is old: the chore `schemas` makes it new", kind.name);
    }
    assert_eq!(std::fs::read_dir(directory).unwrap().count(), KINDS.len(), "schemas/ holds nothing else");
}

#[test]
fn every_place_in_a_schema_says_what_it_is() {
    fn check(schema: &Value, place: &str) {
        let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return };
        for (key, property) in properties {
            for word in ["description", "markdownDescription"] {
                let text = property.get(word).and_then(Value::as_str).unwrap_or_default();
                let last = text.lines().last().unwrap_or_default();
                assert!(last.contains("https://"), "{place}.{key}: the {word} ends with no address");
            }
        }
    }
    for kind in KINDS {
        let schema: Value = serde_json::from_str(&kind.json_schema()).unwrap();
        check(&schema, kind.name);
        for (name, definition) in schema["definitions"].as_object().unwrap() {
            assert!(definition["description"].is_string(), "{}: {name}", kind.name);
            check(definition, &format!("{}: {name}", kind.name));
        }
    }
}

#[test]
fn files_of_the_examples_are_right() {
    let validator = Validator::new();
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for path in
        yaml_files(&repository().join("examples")).into_iter().chain([repository().join("Taskfile.yml")])
    {
        let directory = path.parent().unwrap().file_name().unwrap_or_default().to_string_lossy().into_owned();
        let kind = match directory.as_str() {
            "plans" => "plan",
            "plugins" => "plugin",
            "templates" if !path.ends_with("Taskfile.yml") => "template",
            _ if path.ends_with("task.yml") => "task",
            _ => "taskfile",
        };
        let problem = validator.problem(kind, &std::fs::read_to_string(&path).unwrap());
        assert_eq!(problem.as_deref(), Some(""), "{}", path.display());
        *seen.entry(kind).or_default() += 1;
    }
    assert_eq!(seen.len(), KINDS.len(), "{seen:?}");
}

/// Rules whose findings a schema shares; go-task says nothing of them, or only when a task runs.
const SHARED_RULES: &[Code] = &[
    rule::UNKNOWN_KEY,
    rule::INVALID_EXTENSION,
    rule::INVALID_LOOP,
    rule::INVALID_METHOD,
    rule::INVALID_RUN,
    rule::INVALID_SHELL_OPTION,
    rule::INVALID_OUTPUT,
];

/// What go-task reads and EZ has nothing against, the schema has nothing against.
#[test]
fn what_go_task_takes_the_schema_takes() {
    let validator = Validator::new();
    let (mut taken, mut wrong) = (0, Vec::new());
    for path in yaml_files(&repository().join("tests/conformance/cases")) {
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let mut sources = SourceMap::default();
        let file = sources.add_file("Taskfile.yml", text.as_str());
        let document = yaml::parse(&text, file, &mut sources, None);
        let Some(root) = document.root.filter(|_| document.errors.is_empty()) else { continue };
        let decoded = decode::decode(&root, root.span.source, &sources, None);
        let has_version = decoded.taskfile.as_ref().is_some_and(|taskfile| taskfile.version.is_some());
        let files = [(TASKFILE.to_owned(), text.clone())];
        let is_wrong = decoded.diagnostics.iter().any(|found| found.severity == Severity::Error)
            || compile_files(&files, None).diagnostics.iter().any(|found| SHARED_RULES.contains(&found.code));
        if decoded.failure.is_some() || is_wrong || !has_version {
            continue;
        }
        taken += 1;
        if let Some(problem) = validator.problem("taskfile", &text).filter(|problem| !problem.is_empty()) {
            wrong.push(format!("{}: {problem}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{} of {taken}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(taken > 500, "only {taken} recorded files were looked at");
}

fn check_refused(kind: &str, good: &str, mistakes: &[(&str, &str)]) {
    let validator = Validator::new();
    assert_eq!(validator.problem(kind, good).as_deref(), Some(""), "the {kind} without a mistake");
    for (right, wrong) in mistakes {
        assert!(good.contains(right), "{right:?} is not in the {kind}");
        let text = good.replacen(right, wrong, 1);
        assert!(!validator.accepts(kind, &text), "{kind}: {wrong:?} in place of {right:?} was taken");
    }
}

#[test]
fn one_mistake_in_a_taskfile_is_found() {
    let good = "\
$schema: https://example.com/taskfile.json
version: '3'
output: {group: {begin: a, error_only: true}}
includes:
  docs: ./docs
  lib: {taskfile: ../lib, optional: true, excludes: ['debug:*']}
vars:
  A: {sh: date, secret: true}
  B: [1, {c: d}]
x-note: {any: thing}
tasks:
  list: [echo a, {task: text}]
  text: echo b
  empty:
  full:
    desc: 5
    silent: yes
    method: '{{.METHOD}}'
    sources: ['*.a', {exclude: b.a}]
    platforms: [linux, darwin/arm64, 386]
    requires: {vars: [A, {name: B, enum: [a]}]}
    cmds:
      - {cmd: a, timeout: 1h30m}
      - {defer: {task: text}}
      - for: {matrix: {OS: [linux], ARCH: {ref: .ARCHS}}}
        task: text
    deps: [text, {task: list, for: sources}]
    ez-retry: {count: 3, backoff: 2s}
    ez-lock: true
    ez-remote: {tags: [a], sync_out: [b]}
    ez-params: [arch, {name: jobs, type: number, min: 1}]
    ez-hooks: {always: [{script: a}], pre_run: b}
";
    check_refused(
        "taskfile",
        good,
        &[
            ("version: '3'", "version: three"),
            ("version: '3'\n", ""),
            ("output:", "outputs:"),
            ("group:", "groups:"),
            ("error_only: true", "error_only: perhaps"),
            ("docs: ./docs", "docs: [./docs]"),
            ("taskfile: ../lib", "file: ../lib"),
            ("{sh: date, secret: true}", "{secret: true}"),
            ("{sh: date, secret: true}", "{shell: date}"),
            ("tasks:", "task:"),
            ("[echo a, {task: text}]", "[[echo a]]"),
            ("desc: 5", "desc: [5]"),
            ("silent: yes", "silent: 5"),
            ("method: '{{.METHOD}}'", "method: sums"),
            ("{exclude: b.a}", "{exclude: [b.a]}"),
            ("linux,", "linus,"),
            ("386]", "387]"),
            ("{name: B, enum: [a]}", "{enum: [a]}"),
            ("cmds:\n", "cmd: a\n    cmds:\n"),
            ("{cmd: a, timeout: 1h30m}", "{timeout: 1h30m}"),
            ("timeout: 1h30m", "timeout: 5"),
            ("timeout: 1h30m", "timeout: 5 minutes"),
            ("{task: text}}", "{task: text, timeout: 5s}}"),
            ("{matrix: {OS", "{var: A, matrix: {OS"),
            ("{ref: .ARCHS}", "{reference: .ARCHS}"),
            ("for: sources", "for: words"),
            ("ez-retry: {count: 3", "ez-retry: {count: 300"),
            ("{count: 3, backoff: 2s}", "{backoff: 2s}"),
            ("type: number", "type: numeric"),
            ("{script: a}", "{command: a}"),
            ("always:", "at_end:"),
            ("ez-lock", "ez-locks"),
            ("sync_out: [b]", "sync_back: [b]"),
            ("tags: [a]", "tags: {a: b}"),
        ],
    );
}

#[test]
fn one_mistake_in_the_files_of_ez_is_found() {
    check_refused(
        "task",
        "desc: a\ntags: [b]\nartifacts: [a, {name: b, path: c}]\nparams: [{name: a}]\nx-note: 1\n",
        &[
            ("desc: a", "description: a"),
            ("tags: [b]", "tags: b"),
            ("path: c", "paths: c"),
            ("{name: a}", "{type: input}"),
        ],
    );
    check_refused(
        "plan",
        "\
steps:
  - lint
  - task: build
    matrix: {os: [linux, windows], arch: [a, 1], exclude: [{os: windows, arch: a}]}
    outputs: size
    retry: 2
  - task: test
    needs: [build]
    inputs: [{from: build, artifact: app, to: bin/}]
    checkpoint: true
",
        &[
            ("steps:", "step:"),
            ("task: build", "tasks: build"),
            ("os: [linux, windows]", "os: linux"),
            ("a, 1]", "a, [1]]"),
            ("retry: 2", "retry: often"),
            ("needs: [build]", "needs: {build: true}"),
            (", to: bin/", ""),
            ("checkpoint: true", "checkpoint: {question: a}"),
        ],
    );
    check_refused(
        "plugin",
        "type: hook\ntrigger: always\nscript: a\n",
        &[("type: hook", "type: hooks"), ("always", "ever"), ("script: a", "desc: a"), ("type: hook\n", "")],
    );
    check_refused(
        "template",
        "version: '1'\nfiles: {Taskfile.yml: a, run.sh: {content: b, executable: true}}\n",
        &[
            ("version: '1'\n", ""),
            ("files:", "file:"),
            ("content:", "contents:"),
            ("version: '1'", "version: '1'\ntask: a"),
        ],
    );
}

#[test]
fn schemas_are_found_by_name() {
    assert_eq!(Kind::named("plan").map(|kind| kind.name), Some("plan"));
    assert!(Kind::named("plans").is_none());
}
