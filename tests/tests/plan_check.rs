//! `ez plan list|new|add|show|check`.

use ez_tests::{Project, program};

const TASKFILE: &str = "version: '3'\ntasks:\n  build: echo build\n  test: echo test\n  pack: {desc: Packs, cmds: ['echo pack {{.X}}']}\n";

/// A plan with everything that a drawing shows.
const RELEASE: &str = "\
desc: Build, test and publish
params: [{name: stage, options: [dev, prod], default: dev}]
steps:
  - {name: lint, task: test}
  - task: build
    matrix: {arch: [arm64, x86_64], os: [linux, macos]}
    artifacts: [{name: app, path: 'out/{{.arch}}-{{.os}}'}]
  - {name: docs, task: pack, shuffle: true}
  - name: test
    task: test
    matrix: {arch: [arm64, x86_64]}
    needs: ['build[arch={{.arch}}]', lint]
    retry: 2
  - {task: pack, needs: [build, docs], inputs: [{from: build, artifact: app, to: dist/}]}
  - {name: publish, task: pack, needs: [pack, test], when: '{{eq .stage \"prod\"}}', checkpoint: true}
";

fn project() -> Project {
    Project::new().file("Taskfile.yml", TASKFILE).file("plans/release.yml", RELEASE)
}

fn settings(folder: &str) -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(format!("../../snapshots/cli/{folder}"));
    settings.set_prepend_module_to_snapshot(false);
    settings
}

/// The compiler's own cases of plans with one mistake, as they are shown.
#[test]
fn mistakes_are_shown_at_their_places() {
    let path = program::repository().join("compiler/tests/one_mistake/plans.txt");
    let text = std::fs::read_to_string(path).expect("the cases");
    let mut count = 0;
    for case in text.split("#### ").filter(|case| !case.is_empty()) {
        let (title, body) = case.split_once('\n').expect("a title");
        // Its lines are too long to be read.
        if title.starts_with("EZ816") {
            continue;
        }
        let body = body.split("\n---- ").next().expect("files").replace(['«', '»'], "");
        let mut files = body.split("@@ ");
        let mut project = Project::new()
            .file("Taskfile.yml", files.next().expect("a Taskfile").trim_end().to_owned() + "\n");
        for file in files {
            let (path, text) = file.split_once('\n').expect("a path");
            project = project.file(path, format!("{}\n", text.trim_end()));
        }
        let outcome = project.run(["plan", "check"]);
        let is_warning = outcome.stderr.contains("0 errors") || outcome.stderr.contains("ez: 1 warning");
        outcome.exit(i32::from(!is_warning));
        let name = title.to_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), "-");
        let shown = outcome.stdout.clone();
        settings("plan-check").bind(|| insta::assert_snapshot!(name, shown));
        count += 1;
    }
    assert!(count >= 40, "{count} cases");
}

#[test]
fn plans_are_listed() {
    let project = project().file("plans/broken.yaml", "steps: [nothing]\n").file("plans/.hidden.yml", "x");
    let outcome = project.run(["plan", "list"]);
    outcome
        .exit(0)
        .stdout("broken    broken\nrelease   6 steps, 10 with combinations   Build, test and publish\n");
    outcome.stderr_has("`ez plan check plans/broken.yaml` tells what is wrong there");
    project.run(["plan", "list", "publish"]).exit(0).stdout_has("release").lacks("broken ");
    project.run(["plan", "list", "--json"]).exit(0).stdout_has("\"combinations\": 10");
    Project::new().file("Taskfile.yml", TASKFILE).run(["plan", "list"]).exit(0).stderr_has("no plans");
}

#[test]
fn plans_are_drawn() {
    let project = project();
    settings("plan-show").bind(|| {
        for format in ["text", "mermaid", "dot", "json", "svg"] {
            let shown = project.run(["plan", "show", "release", "--format", format]).exit(0).stdout.clone();
            insta::assert_snapshot!(format, shown.replace(&project.root().display().to_string(), "{{DIR}}"));
        }
        let shown = project.run(["plan", "show", "release", "--color=always"]).exit(0).stdout.clone();
        insta::assert_snapshot!("colors", shown.replace('\u{1b}', "␛"));
    });
    project.run(["plan", "show", "relaese"]).exit(1).stderr_has("Did you mean \"release\"?");
}

#[test]
fn a_plan_with_many_lanes_is_drawn_without_them() {
    let all: Vec<String> = (0..30).map(|step| format!("s{step}")).collect();
    let lines: Vec<String> = all.iter().map(|name| format!("  - {{name: {name}, task: build}}\n")).collect();
    let last = format!("  - {{name: last, task: test, needs: [{}]}}\n", all.join(", "));
    let plan = format!("steps:\n{}{last}", lines.concat());
    let project = project().file("plans/wide.yml", plan);
    project
        .run(["plan", "show", "wide"])
        .exit(0)
        .stdout_has("last   task test · needs s0, s1, s2")
        .lacks("│");
}

#[test]
fn plans_are_written_and_steps_added() {
    let project = project();
    project.run(["plan", "new", "nightly", "build", "test", "--desc", "Every night"]).exit(0);
    let written = "desc: Every night\nsteps:\n  - task: build\n  - task: test\n    needs:\n      - build\n";
    assert_eq!(project.read("plans/nightly.yml").as_deref(), Some(written));
    project.run(["plan", "new", "nightly"]).exit(1).stderr_has("there is a plan \"nightly\" already");
    project.run(["plan", "new", "a/b"]).exit(1).stderr_has("no name of a plan");
    project.write("plans/nightly.yml", format!("# kept\n{written}# the end\n"));
    let added = project.run([
        "plan",
        "add",
        "nightly",
        "pack",
        "--name",
        "packed",
        "--needs",
        "test",
        "--matrix",
        "arch=a,b",
        "--artifact",
        "app=out/{{.arch}}",
        "--when",
        "{{.on}}",
        "X=1",
    ]);
    added.exit(0).stderr_has("packed added to plans/nightly.yml");
    let step = "  - name: packed\n    task: pack\n    needs:\n      - test\n    matrix:\n      arch:\n        - a\n        - b\n    \
                when: '{{.on}}'\n    vars:\n      X: '1'\n    artifacts:\n      - name: app\n        path: out/{{.arch}}\n";
    assert_eq!(project.read("plans/nightly.yml"), Some(format!("# kept\n{written}{step}# the end\n")));
    project
        .run(["plan", "add", "nightly", "test", "--name", "last", "-n", "packed", "-i", "packed[a]/app=in/"])
        .exit(0)
        .stderr("ez: last added to plans/nightly.yml\n");
    project.run(["plan", "check", "nightly"]).exit(0).stdout("");
    let wrong = project.run(["plan", "add", "nightly", "biuld"]);
    wrong.exit(0).stderr_has("no task is named `biuld`");
    project.run(["plan", "add", "nightly", "a", "b"]).exit(2).stderr_has("name one task");
    project.run(["plan", "add", "nightly", "build", "-m", "x"]).exit(2).stderr_has("arch=arm64,x86_64");
}

#[test]
fn checks_take_names_and_paths_and_all_formats() {
    let project = project()
        .file("plans/bad.yml", "steps:\n  - task: build\n  - task: test\n    needs: [biuld]\n")
        .file("other/Taskfile.yml", "version: '3'\ntasks: {deploy: echo}\n")
        .file("other/plans/roll.yml", "steps: [deploi]\n");
    project.run(["plan", "check", "release"]).exit(0).stdout("").stderr("");
    project.run(["plan", "check", "plans/release.yml"]).exit(0);
    project.run(["plan", "check", "release", "bad"]).exit(1).stdout_has("no step is named `biuld`");
    let both = project.run(["plan", "check", "plans/bad.yml", "other/plans/roll.yml", "--format", "github"]);
    both.exit(1).stdout_has("file=plans/bad.yml,line=4").stdout_has("file=other/plans/roll.yml,line=1");
    project.run(["plan", "check", "--format", "json"]).exit(1).stdout_has("\"code\": \"EZ804\"");
    project.run(["plan", "check", "--format", "sarif"]).exit(1).stdout_has("EZ804");
    project.run(["plan", "check", "-A", "EZ804"]).exit(0);
    project.run(["plan", "check", "-W", "unknown-step"]).exit(0).stderr_has("1 warning");
    project.run(["plan", "check", "nope"]).exit(2).stderr_has("there is no plan \"nope\"");
    project.run(["plan", "check", "plans/nope.yml"]).exit(2).stderr_has("there is no file");
    project.run(["plan", "check", "-D", "EZ999"]).exit(2);
    // The whole project's check covers its plans.
    project.run(["check"]).exit(1).stdout_has("no step is named `biuld`");
    let mixed = project.run(["check", "plans/bad.yml", "other"]);
    mixed.exit(1).stdout_has("no step is named `biuld`").stdout_has("no task is named `deploi`");
    project.run(["check", "plans/release.yml"]).exit(0).stdout("").stderr("");
    project.run(["plan", "check", "--fix"]).exit(0).stderr_has("1 fixed");
    assert_eq!(
        project.read("plans/bad.yml").as_deref(),
        Some("steps:\n  - task: build\n  - task: test\n    needs: [build]\n")
    );
    project.run(["check"]).exit(0);
    project.write("Taskfile.yml", "version: '3'\ntasks: [\n");
    project.run(["plan", "check"]).exit(1);
}

#[test]
fn steps_name_folder_tasks_and_namespaces() {
    let project = Project::new()
        .file("Taskfile.yml", "version: '3'\nincludes: {lib: lib.yml}\ntasks: {a: echo}\n")
        .file("lib.yml", "version: '3'\ntasks: {b: {aliases: [c], cmds: [echo]}}\n")
        .file("tasks/fw/Taskfile.yml", "version: '3'\ntasks: {default: make, test: make test}\n")
        .file("tasks/fw/task.yml", "artifacts: [build/fw.bin]\n")
        .file(
            "plans/p.yml",
            "steps:\n  - a\n  - 'lib:b'\n  - 'lib:c'\n  - fw\n  - 'fw:test'\n  - {name: x, task: a, needs: [fw], inputs: \
             [{from: fw, artifact: fw.bin, to: fw.bin}]}\n",
        );
    project.run(["plan", "check"]).exit(0).stdout("");
    project.run(["plan", "show", "p"]).exit(0).stdout_has("folder task fw");
    project.write("plans/p.yml", "steps: ['fw:tset']\n");
    project.run(["plan", "check"]).exit(1).stdout_has("did you mean `fw:test`?");
}
