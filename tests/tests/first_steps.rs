//! A first Taskfile (`--init`), the one of the home directory (`--global`) and the one from standard input, beside go-task.

use ez_tests::{Outcome, Project};

/// Runs both programs in projects of their own; exit code, output and the given files' presence must agree.
#[track_caller]
fn same<'a>(ours: &'a Project, theirs: &Project, args: &[&str], files: &[&str]) -> Outcome<'a> {
    let outcome = ours.run_as_task(args);
    let expected = theirs.run_oracle(args);
    assert_eq!(
        (outcome.exit, &outcome.stdout, &outcome.stderr),
        (expected.exit, &expected.stdout, &expected.stderr),
        "{args:?}"
    );
    for file in files {
        assert_eq!(ours.read(file).is_some(), theirs.read(file).is_some(), "{file} after {args:?}");
    }
    outcome
}

#[test]
fn init_writes_a_taskfile_and_never_overwrites_one() {
    for (args, file, again) in [
        (["--init"].as_slice(), "Taskfile.yml", 101),
        (&["--init", "sub"], "sub/Taskfile.yml", 101),
        (&["--init", "./sub/other.yml"], "sub/other.yml", 101),
        (&["--init", ".yaml"], "Taskfile.yaml", 101),
        (&["--init", "--silent"], "Taskfile.yml", 101),
        (&["--init", "none/x.yml"], "none/x.yml", 1),
    ] {
        let [ours, theirs] = [(); 2].map(|()| Project::new().file("sub/keep", ""));
        let first = same(&ours, &theirs, args, &[file]);
        if again == 101 {
            first.success();
            theirs.run_oracle(["--taskfile", file]).success();
            ours.run_as_task(["--taskfile", file]).success().stdout_has("Hello");
            // Either's Taskfile is one for the other.
            ours.run_oracle(["--taskfile", file]).success();
            theirs.run_as_task(["--taskfile", file]).success();
        }
        same(&ours, &theirs, args, &[file]).exit(again);
    }
    let project = Project::new();
    project.run(["--init"]).success().file_has("Taskfile.yml", "version: '3'");
    project.run(["check"]).success();
    project.run(["--init"]).exit(101);
}

#[test]
fn the_global_taskfile_is_that_of_the_home_directory() {
    let taskfile = "version: '3'\nsilent: true\ntasks:\n  where: {desc: Where it runs, cmds: ['pwd; echo {{.USER_WORKING_DIR}} {{.ROOT_DIR}} {{.TASKFILE}}']}\n";
    let project = || {
        Project::new().file("Taskfile.yml", "version: '3'\ntasks: {local: echo local}\n").file("sub/x", "")
    };
    for flag in ["--global", "-g"] {
        let [ours, theirs] = [project(), project()].map(|project| project.directory("sub"));
        same(&ours, &theirs, &[flag, "where"], &[]).exit(100);
        for project in [&ours, &theirs] {
            project.write("../home/Taskfile.yml", taskfile);
        }
        let by_home = |outcome: &Outcome<'_>, project: &Project| {
            let base = project.root().parent().expect("a parent").to_string_lossy().into_owned();
            outcome.stdout.replace(&base, "{{BASE}}")
        };
        let (outcome, expected) = (ours.run_as_task([flag, "where"]), theirs.run_oracle([flag, "where"]));
        outcome.success().stdout_has("home\n");
        assert_eq!(by_home(&outcome, &ours), by_home(&expected, &theirs));
        same(&ours, &theirs, &[flag, "local"], &[]).exit(200);
        same(&ours, &theirs, &[flag, "--list"], &[]).success();
        same(&ours, &theirs, &[flag, "--dir", ".", "where"], &[]).exit(1);
        assert_eq!(ours.run([flag, "where"]).success().stdout, outcome.stdout);
    }
}

#[test]
fn a_taskfile_from_standard_input_is_at_home_where_it_is_said_to_be() {
    let places = "'{{.ROOT_DIR}}|{{.ROOT_TASKFILE}}|{{.TASKFILE}}|{{.TASKFILE_DIR}}|{{.TASK_DIR}}|{{.USER_WORKING_DIR}}'";
    let task = format!("echo {places}; pwd");
    let included =
        format!("version: '3'\ntasks: {{x: {{cmds: [\"{task}\"]}}, y: {{dir: deep, cmds: [\"{task}\"]}}}}\n");
    for include in ["./inc", "inc/Taskfile.yml", "{taskfile: ./inc}", "{taskfile: ./inc, dir: elsewhere}"] {
        let taskfile = format!(
            "version: '3'\nsilent: true\nincludes: {{i: {include}}}\ntasks:\n  default: {{cmds: [\"{task}\", {{task: 'i:x'}}, {{task: 'i:y'}}]}}\n  \
            d: {{dir: deep, cmds: [\"{task}\"]}}\n"
        );
        let project =
            Project::new().file("inc/Taskfile.yml", &included).file("sub/inc/Taskfile.yml", &included);
        let project = project.stdin(taskfile);
        for place in [&[][..], &["--dir", "sub"], &["--dir", "."]] {
            for what in [&["default", "d"][..], &["--list-all", "--json"]] {
                let args = [place, &["-t", "-"], what].concat();
                same(&project, &project, &args, &[]).success();
            }
        }
    }
}
