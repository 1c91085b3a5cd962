//! Folder tasks: found, shown, run in workspaces, their artifacts kept; whole again after any interruption.

use std::fs;
use std::path::Path;

use ez_tests::process::Exit;
use ez_tests::{Project, program};
use rustix::process::Signal;

const ROOT: &str = "version: '3'\nvars: {WHERE: root}\ntasks: {hello: {desc: Says hello, cmds: [pwd]}}\n";
const LIBRARY: &str = "version: '3'\ntasks: {say: 'echo from the library'}\n";
const TASKFILE: &str = "\
version: '3'
includes: {lib: ../../lib.yml, own: {taskfile: ./own, optional: true}}
tasks:
  default:
    ez-params: [{name: arch, default: none}, {name: level, type: number, default: 1}]
    sources: [main.c]
    generates: ['out/fw-{{.EZ_ARCH}}.bin']
    cmds:
      - mkdir -p out
      - scripts/build.sh > out/fw-{{.EZ_ARCH}}.bin
      - task: lib:say
  where: {desc: Says where, cmds: ['echo \"{{.WHERE}}|{{.TASKFILE_DIR}}|{{.ROOT_DIR}}|$EZ_WORKSPACE_NAME|{{.EZ_WORKSPACE_NAME}}\"']}
  fails: exit 7
";
const METADATA: &str = "\
desc: Builds firmware
version: '1.2'
tags: [embedded]
params:
  - {name: arch, type: select, options: [arm, x86], default: arm}
artifacts:
  - {name: image, path: 'out/fw-{{.EZ_ARCH}}.bin'}
  - {name: maps, path: out/*.map, optional: true}
";
const SCRIPT: &str = "#!/bin/sh\necho \"$EZ_ARCH $EZ_LEVEL $(cat src/main.c)\"\n";

fn project() -> Project {
    Project::new()
        .file("Taskfile.yml", ROOT)
        .file("lib.yml", LIBRARY)
        .file("tasks/fw/Taskfile.yml", TASKFILE)
        .file("tasks/fw/task.yml", METADATA)
        .file("tasks/fw/main.c", "int x;")
        .executable("tasks/fw/scripts/build.sh", SCRIPT)
}

/// A project with one folder task `x` and no metadata but this.
fn with_task(taskfile: &str, metadata: &str) -> Project {
    let head = "version: '3'\n";
    Project::new()
        .file("Taskfile.yml", ROOT)
        .file("tasks/x/Taskfile.yml", format!("{head}{taskfile}"))
        .file("tasks/x/task.yml", metadata)
}

const WORKSPACE: &str = ".ez/tasks/fw/workspace";

#[test]
fn folder_tasks_are_listed_shown_and_checked() {
    let project = project();
    project.run(["list"]).success().stdout_has("fw         [folder]  Builds firmware\n");
    project.run(["list", "embedded"]).success().stdout_has("fw").lacks("hello");
    let shown = project.run(["show", "fw"]);
    shown
        .success()
        .stdout_has("EZ_ARCH   select  arm, x86  arm")
        .stdout_has("out/fw-{{.EZ_ARCH}}.bin (image)");
    project.run(["show", "fw:where"]).success().stdout_has("Says where");
    let json: serde_json::Value =
        serde_json::from_str(&project.run(["show", "fw", "--json"]).success().stdout).expect("JSON");
    assert_eq!((&json["kind"], &json["version"]), (&"folder".into(), &"1.2".into()));
    assert_eq!(json["artifacts"][0]["name"], "image");
    project.run(["check"]).success();
    project.write("tasks/fw/task.yml", "artefacts: []\n");
    project.run(["check", "fw"]).exit(1).stdout_has("did you mean `artifacts`");
}

#[test]
fn a_folder_task_runs_in_its_workspace_and_leaves_its_folder_alone() {
    let project = project();
    let before = names(&project.path("tasks/fw"));
    let run = project.run(["fw", "EZ_ARCH=x86"]);
    run.success().stdout("from the library\n").stderr_has("kept 1 file in .ez/tasks/fw/artifacts");
    run.file_is(".ez/tasks/fw/workspace/out/fw-x86.bin", "x86 1 int x;\n");
    run.file_is(".ez/tasks/fw/artifacts/image/fw-x86.bin", "x86 1 int x;\n");
    assert_eq!(names(&project.path("tasks/fw")), before);
    for (link, target) in [
        ("src", "../../../../tasks/fw"),
        ("scripts", "../../../../tasks/fw/scripts"),
        ("main.c", "../../../../tasks/fw/main.c"),
    ] {
        let found = fs::read_link(project.path(WORKSPACE).join(link)).expect("a link");
        assert_eq!(found, Path::new(target));
    }
    assert!(project.path(WORKSPACE).join("out").symlink_metadata().expect("outputs").is_dir());
    let taskfile = project.read(&format!("{WORKSPACE}/Taskfile.yml")).expect("a copy");
    assert!(taskfile.contains("{lib: '../../../../lib.yml', own: {taskfile: ./own"), "{taskfile}");
    // The program is one of its own: no globals of the root, its own directory, and the workspace has a name.
    let here = format!("|{{{{DIR}}}}/{WORKSPACE}|{{{{DIR}}}}/{WORKSPACE}|fw|fw\n");
    project.run(["fw:where"]).success().stdout(&here);
    assert_eq!(project.read(".ez/.gitignore").as_deref(), Some("*\n"));
}

#[test]
fn a_second_run_does_only_what_is_needed() {
    let project = project();
    project.run(["fw"]).success();
    project.run(["fw"]).success().stdout("").stderr_has("\"fw\" is up to date");
    project.write("tasks/fw/main.c", "int y;");
    project.run(["fw"]).success().file_is(".ez/tasks/fw/artifacts/image/fw-arm.bin", "arm 1 int y;\n");
    // What is new in the folder is in the workspace, and what is gone is gone.
    project.write("tasks/fw/new.h", "");
    fs::remove_file(project.path("tasks/fw/scripts/build.sh")).expect("a script");
    project.run(["fw:where"]).success();
    assert!(project.path(WORKSPACE).join("new.h").exists());
    fs::remove_file(project.path("tasks/fw/new.h")).expect("a header");
    project.run(["fw:where"]).success();
    assert!(project.path(WORKSPACE).join("new.h").symlink_metadata().is_err());
}

#[test]
fn every_run_writes_a_log() {
    let project = project().env("EZ_LEVEL", "2");
    project.run(["fw"]).success();
    project.run(["fw:fails"]).exit(201);
    let logs = project.run(["log", "list"]);
    logs.success().stdout_has("  fw        exit 0").stdout_has("  fw:fails  exit 7");
    let log = project.run(["log", "show", "fw"]);
    log.success().stdout_has("# task: fw\n").stdout_has("from the library\n").stdout_has(": exit 0, ");
}

#[test]
fn a_workspace_can_be_chosen_or_left_out() {
    let project = project();
    let run = project.run(["fw", "--no-workspace"]);
    run.success().no_file(".ez/tasks/fw/workspace").file_has("tasks/fw/out/fw-arm.bin", "arm 1");
    drop(run);
    let project = self::project();
    let run = project.run(["fw", "--workspace=mine"]);
    run.success()
        .file_is(".ez/workspace/mine/out/fw-arm.bin", "arm 1 int x;\n")
        .no_file(".ez/tasks/fw/workspace");
    project.run(["hello", "--workspace=mine2"]).success().stdout("{{DIR}}/.ez/workspace/mine2\n");
    project.run(["hello", "--workspace=auto"]).success().stdout_has("{{DIR}}/.ez/workspace/hello-");
    project.run(["hello"]).success().stdout("{{DIR}}\n");
    project.run(["hello", "--workspace=../x"]).exit(1).stderr_has("is no name of a workspace");
    project.run(["hello", "--workspace=x", "--no-workspace"]).exit(1).stderr_has("exclude each other");
    // A dry run makes nothing.
    let project = self::project();
    project.run(["fw", "--dry-run"]).success().no_file(".ez/tasks/fw/workspace");
}

#[test]
fn a_folder_with_an_entry_named_src_keeps_it() {
    let project = with_task("tasks: {default: 'cat src/a'}\n", "").file("tasks/x/src/a", "own\n");
    project.run(["x"]).success().stdout("own\n");
}

#[test]
fn params_of_the_metadata_win_and_are_checked() {
    let project = project();
    project
        .run(["fw", "EZ_ARCH=vax"])
        .exit(207)
        .stderr_has("`vax` is no option of `arch`; it takes arm, x86");
    project.run(["fw", "EZ_LEVEL=high"]).exit(207).stderr_has("level");
    let project = with_task(
        "tasks: {default: {ez-params: [{name: a, default: one}], cmds: ['echo $EZ_A']}}\n",
        "params: [{name: a, required: true}]\n",
    );
    project.run(["x"]).exit(206).stderr_has("`ez show x`");
    project.run(["x", "EZ_A=two"]).success().stdout("two\n");
}

#[test]
fn artifacts_are_what_the_metadata_says() {
    let make = "tasks: {default: {ez-params: [{name: n, default: v}], generates: [out/*], cmds: ['mkdir -p out/d; echo a > out/a.txt; echo b > out/d/b.txt; echo c > out/c-v.txt']}}\n";
    let of = |artifacts: &str| with_task(make, &format!("artifacts: {artifacts}\n"));
    let kept = |artifacts: &str| {
        let project = of(artifacts);
        project.run(["x"]).success();
        names(&project.path(".ez/tasks/x/artifacts"))
    };
    assert_eq!(kept("[out/a.txt]"), ["a.txt/a.txt"]);
    assert_eq!(kept("[{name: all, path: 'out/*.txt'}]"), ["all/a.txt", "all/c-v.txt"]);
    assert_eq!(kept("[{name: dir, path: out}]"), ["dir/out/a.txt", "dir/out/c-v.txt", "dir/out/d/b.txt"]);
    assert_eq!(kept("[{name: one, path: 'out/c-{{.EZ_N}}.txt'}]"), ["one/c-v.txt"]);
    assert!(kept("[{name: no, path: none, optional: true}]").is_empty());
    let missing = of("[{name: no, path: none}]");
    missing.run(["x"]).exit(201).stderr_has("the artifact `no` is missing: nothing is at none");
    let outside = of("[{name: no, path: ../../../../Taskfile.yml}]");
    outside.run(["x"]).exit(1).no_file(".ez/tasks/x/artifacts");
    // Those of the last success stay when the next run fails.
    let project = of("[out/a.txt]");
    project.run(["x"]).success();
    project.write(
        "tasks/x/Taskfile.yml",
        "version: '3'\ntasks: {default: {generates: [out/*], cmds: ['rm -r out', exit 1]}}\n",
    );
    project.run(["x"]).exit(201).file_is(".ez/tasks/x/artifacts/a.txt/a.txt", "a\n");
}

#[test]
fn two_folder_tasks_run_at_once() {
    let wait = |own: &str, other: &str| {
        format!(
            "version: '3'\ntasks: {{default: 'touch {{{{.USER_WORKING_DIR}}}}/{own}; until [ -e {{{{.USER_WORKING_DIR}}}}/{other} ]; do :; done; echo {own}'}}\n"
        )
    };
    let project = Project::new()
        .file("Taskfile.yml", ROOT)
        .file("tasks/a/Taskfile.yml", wait("a", "b"))
        .file("tasks/b/Taskfile.yml", wait("b", "a"));
    project.run(["-p", "a", "b"]).success().stdout_has("a\n").stdout_has("b\n");
    // In order without the flag: what fails ends the rest.
    project.write("tasks/a/Taskfile.yml", "version: '3'\ntasks: {default: exit 1}\n");
    project.run(["a", "hello"]).exit(201).stdout("");
}

#[test]
fn names_are_told_apart() {
    let project = project();
    project.run(["fv"]).exit(200).stderr_has("Did you mean \"fw\"?");
    project.run(["fw:wher"]).exit(200).stderr_has("the folder task \"fw\" has no task \"wher\"");
    project.write("tasks/hello/Taskfile.yml", "version: '3'\ntasks: {default: echo}\n");
    project.run(["check"]).exit(1).stdout_has("folder-task-conflict");
    project.run(["hello"]).exit(1);
}

#[test]
fn a_folder_named_as_a_subcommand_is_told_of() {
    let taskfile = "version: '3'\ntasks:\n  default: echo all\n  graph: echo graph\n";
    let project = project().file("tasks/list/Taskfile.yml", taskfile);
    let checked = project.run(["check", "list"]);
    checked.success().stdout_has("`ez list` is a command of its own, not this folder task");
    checked.stdout_has("tasks/list/Taskfile.yml:3:3").stderr_has("1 warning");
    project.run(["run", "list"]).success().stdout_has("all\n");
    project.run(["list:graph"]).success().stdout_has("graph\n");
    project.write("tasks/list/Taskfile.yml", taskfile.replace("default", "help"));
    project.run(["check", "list"]).success().stdout("");
}

#[test]
fn go_task_knows_nothing_of_folder_tasks() {
    let project = project();
    project.run_as_task(["fw"]).exit(200);
    project.run_as_task(["--list-all"]).success().lacks("fw").no_file(".ez");
    let oracle = project.run_oracle(["--list-all"]);
    assert_eq!(project.run_as_task(["--list-all"]).stdout, oracle.stdout);
}

#[test]
fn plugins_of_the_project_serve_its_folder_tasks() {
    let project = with_task(
        "tasks: {default: {ez-hooks: {pre_run: ['@plugin:greet']}, cmds: ['echo work']}}\n",
        "params: [{name: color, type: select, query: {plugin: colors}}]\n",
    )
    .file(
        "plugins/greet.yml",
        "type: hook\ntrigger: pre_run\nscript: echo greetings to $EZ_TASK_NAME in $EZ_WORKSPACE_NAME\n",
    )
    .file("plugins/colors.yml", "type: param\ncommand: echo red; echo blue\n");
    let run = project.run(["x", "EZ_COLOR=red"]);
    run.success().stdout("greetings to x in x\nwork\n");
    project.run(["x", "EZ_COLOR=green"]).exit(207).stderr_has("red, blue");
}

#[test]
fn mistakes_are_shown_where_they_are_to_be_mended() {
    let project = with_task("tasks:\n  default: echo {{fail \"oops\"}}\n", "");
    project.run(["x"]).exit(1).stderr_has("[tasks/x/Taskfile.yml:3:").lacks(".ez/");
}

#[test]
fn go_task_does_the_same_in_the_folder() {
    let copies = [project(), project(), project()];
    for project in &copies {
        let script = SCRIPT.replace("src/", "");
        project.write("tasks/fw/scripts/build.sh", script);
        project.write("tasks/fw/Taskfile.yml", TASKFILE.replace("  where:", "  was:"));
    }
    let [ez, oracle, compiled] = &copies;
    let here = ez.run(["fw", "--no-workspace", "EZ_ARCH=x86"]);
    here.success();
    compiled
        .run(["compile", "fw", "-o", "tasks/fw/compiled.yml"])
        .success()
        .stderr_has("artifacts are only kept by ez");
    let there = compiled.run_oracle(["-t", "tasks/fw/compiled.yml", "EZ_ARCH=x86"]);
    there.success().stdout(&here.stdout);
    there.file_is("tasks/fw/out/fw-x86.bin", "x86 1 int x;\n");
    here.file_is("tasks/fw/out/fw-x86.bin", "x86 1 int x;\n");
    compiled.run_oracle(["-t", "tasks/fw/compiled.yml", "EZ_ARCH=vax"]).exit(207);
    // As it is written, params are variables that the caller must give and export.
    let plain = oracle.run_oracle(["-d", "tasks/fw", "EZ_ARCH=x86"]);
    plain.success().stdout(&here.stdout);
    oracle.run_oracle(["-d", "tasks/fw", "fails"]).exit(201);
    ez.run(["fw:fails", "--no-workspace"]).exit(201);
}

// What is killed.

const MANY: usize = 1500;

/// A folder with many files, which all have to be in the workspace, and are all artifacts.
fn large() -> Project {
    let project = with_task(
        "tasks: {default: {generates: [out/*], cmds: ['mkdir -p out; cp in/* out/; cp f* out/; ls out | wc -l']}}\n",
        "artifacts: [out]\n",
    );
    for number in 0..MANY {
        project.write(&format!("tasks/x/f{number:04}"), "x");
    }
    project.write("tasks/x/in/one", "1");
    project
}

/// Runs `ez` and kills it as soon as something is so.
fn kill_when(project: &Project, args: &[&str], is_so: &dyn Fn() -> bool) {
    let mut session = project.start(&program::ez(), args);
    let began = std::time::Instant::now();
    while !is_so() {
        assert!(began.elapsed().as_secs() < 60, "it never came to that: {}", session.written());
        std::thread::yield_now();
    }
    session.signal(Signal::KILL);
    assert_eq!(session.exit(), Exit::Signal(9));
}

fn expected() -> String {
    format!("{}\n", MANY + 1)
}

#[test]
fn a_workspace_that_was_half_made_is_completed() {
    let project = large();
    let workspace = project.path(".ez/tasks/x/workspace");
    kill_when(&project, &["x"], &|| workspace.join("f0003").symlink_metadata().is_ok());
    project.run(["x"]).success().stdout(&expected());
}

#[test]
fn a_removal_that_was_interrupted_is_ended() {
    let project = large();
    project.run(["x"]).success();
    let trash = project.path(".ez/trash");
    let begun = || fs::read_dir(&trash).is_ok_and(|mut entries| entries.next().is_some());
    kill_when(&project, &["clean", "x"], &begun);
    // It went in one step, so that nothing of it is taken for whole.
    assert!(!project.path(".ez/tasks/x").exists());
    project.run(["x"]).success().stdout(&expected());
    project.run(["clean", "x", "--logs"]).success();
    assert!(!begun());
}

#[test]
fn artifacts_that_were_half_kept_are_none() {
    let project = large();
    project.run(["x"]).success();
    let kept = names(&project.path(".ez/tasks/x/artifacts"));
    assert_eq!(kept.len(), MANY + 1);
    project.write("tasks/x/in/two", "2");
    let tasks = project.path(".ez/tasks/x");
    let staging = || {
        let entries = fs::read_dir(&tasks).into_iter().flatten().flatten();
        let mut staged =
            entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(".artifacts-"));
        staged.any(|entry| entry.path().join("out/out").exists())
    };
    kill_when(&project, &["x"], &staging);
    assert_eq!(names(&project.path(".ez/tasks/x/artifacts")), kept);
    project.run(["x"]).success();
    assert_eq!(names(&project.path(".ez/tasks/x/artifacts")).len(), MANY + 2);
    assert!(!staging());
    let left = fs::read_dir(&tasks).expect("a directory").flatten();
    assert!(left.into_iter().all(|entry| !entry.file_name().to_string_lossy().starts_with('.')));
}

#[test]
fn a_killed_run_is_told_from_one_that_ended() {
    let project = with_task("tasks: {default: 'touch began; sleep 60'}\n", "");
    kill_when(&project, &["x"], &|| project.path(".ez/tasks/x/workspace/began").exists());
    project.run(["ws"]).success().stdout_has("unfinished");
    project.run(["log", "list"]).success().stdout_has("unfinished");
    project.run(["clean", "x"]).success().no_file(".ez/tasks/x");
}

/// The files below a directory, sorted.
fn names(directory: &Path) -> Vec<String> {
    fn collect(directory: &Path, below: &str, all: &mut Vec<String>) {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            let name = format!("{below}{}", entry.file_name().to_string_lossy());
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                collect(&entry.path(), &format!("{name}/"), all);
            } else {
                all.push(name);
            }
        }
    }
    let mut all = Vec::new();
    collect(directory, "", &mut all);
    all.sort();
    all
}
