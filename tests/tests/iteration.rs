//! `ez clean`, `ez ws`, `ez rerun`: what runs leave in `.ez`, and runs once more.

use ez_tests::process::Exit;
use ez_tests::{Project, program};
use rustix::process::Signal;

const TASKFILE: &str = "\
version: '3'
vars:
  KEY: {value: none, secret: true}
tasks:
  say: {desc: Says something, cmds: ['echo \"{{.WHAT}} {{.CLI_ARGS}}\"']}
  plain: {ez-params: [{name: word}, {name: token, type: secret}], cmds: ['echo \"$EZ_WORD $EZ_TOKEN\" > said; cat said']}
  keyed: 'test -n \"{{.KEY}}\" && echo keyed > key'
  slow: 'touch began; sleep 60'
  fails: exit 3
";
const FOLDER: &str =
    "version: '3'\ntasks:\n  default: {generates: [out], cmds: ['mkdir -p out; echo $EZ_ARCH > out/arch']}\n";
const METADATA: &str = "params: [{name: arch, options: [arm, x86], type: select, default: arm}]\nartifacts: [{name: made, path: out}]\n";

fn project() -> Project {
    Project::new()
        .file("Taskfile.yml", TASKFILE)
        .file("tasks/fw/Taskfile.yml", FOLDER)
        .file("tasks/fw/task.yml", METADATA)
}

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).expect("JSON")
}

#[test]
fn what_is_kept_of_a_task_is_removed() {
    let project = project();
    project.run(["fw"]).success();
    project.run(["run", "say", "--log"]).success();
    project.run(["clean", "fw", "--logs"]).success().stdout("removed .ez/tasks/fw/logs\n");
    project.run(["clean", "fw", "--workspace"]).success().stdout("removed .ez/tasks/fw/workspace\n");
    project.run(["clean", "fw"]).success().no_file(".ez/tasks/fw").stdout("removed .ez/tasks/fw\n");
    project.run(["clean", "fw"]).success().stdout("").stderr("ez: there is nothing to remove\n");
    project.run(["clean", "fv"]).exit(1).stderr("ez: there is nothing named \"fv\". Did you mean \"fw\"?\n");
    project.run(["clean", "fw:default"]).success();
    project.run(["clean"]).exit(2).stderr_has("<NAME>");
    project.run(["fw"]).success();
    project
        .run(["clean", "--logs"])
        .success()
        .stdout("removed .ez/tasks/fw/logs\nremoved .ez/tasks/say/logs\n");
    let all = project.run(["clean", "--all", "--json"]);
    assert_eq!(json(&all.success().stdout), serde_json::json!({ "removed": [".ez/tasks"] }));
    // What somebody else put there is no runtime data.
    project.write(".ez/plugins/own.yml", "");
    project.run(["run", "say", "--workspace=one"]).success();
    project
        .run(["clean", "--all"])
        .success()
        .stdout("removed .ez/workspace\n")
        .file_is(".ez/plugins/own.yml", "");
    assert_eq!(project.read(".ez/.gitignore").as_deref(), Some("*\n"));
    assert_eq!(std::fs::read_dir(project.path(".ez/locks")).expect("locks").count(), 0);
}

#[test]
fn no_link_is_followed() {
    let project = project().file("outside/kept", "").file("tasks/fw/extra", "");
    project.run(["fw"]).success();
    for link in ["tasks/fw/workspace/link", "tasks/linked"] {
        std::os::unix::fs::symlink(project.path("outside"), project.path(".ez").join(link)).expect("a link");
    }
    project.run(["clean", "linked"]).success().stdout("removed .ez/tasks/linked\n");
    project.run(["clean", "--all"]).success().file_is("outside/kept", "").file_is("tasks/fw/extra", "");
    std::fs::remove_dir_all(project.path(".ez")).expect("runtime data");
    project.write("elsewhere/tasks/fw/logs/x", "");
    std::os::unix::fs::symlink(project.path("elsewhere"), project.path(".ez")).expect("a link");
    for args in [&["clean", "fw"][..], &["clean", "--all"], &["clean", "--logs"]] {
        project.run(args).exit(1).stderr_has("is a link, which is not followed");
    }
    assert!(project.path("elsewhere/tasks/fw/logs/x").exists());
}

#[test]
fn what_a_run_uses_stays() {
    let project = project();
    let mut logged = project.start(&program::ez(), ["run", "slow", "--log"]);
    logged.wait_for("sleep 60");
    project.run(["clean", "slow"]).exit(1).stderr_has("`slow` is running: .ez/tasks/slow/logs/");
    project.run(["clean", "--all"]).exit(1).stderr_has("nothing was removed");
    logged.signal(Signal::INT);
    logged.exit();
    project.run(["clean", "slow"]).success();
    let mut inside = project.start(&program::ez(), ["run", "slow", "--workspace=w"]);
    inside.wait_for("sleep 60");
    for args in [&["clean", "--workspace"][..], &["clean", "--all"], &["ws", "clean"], &["ws", "clean", "w"]]
    {
        project.run(args).exit(1).stderr_has("a run goes on in .ez/workspace/w; nothing was removed");
    }
    project.run(["ws"]).success().stdout_has("running");
    inside.signal(Signal::KILL);
    inside.exit();
    project.run(["ws"]).success().stdout_has("unfinished");
    project.run(["ws", "clean"]).success().stdout("removed .ez/workspace/w\n");
}

#[test]
fn workspaces_are_listed_shown_and_removed() {
    let project = project();
    project.run(["ws"]).success().stdout("").stderr_has("there are no workspaces");
    project.run(["fw", "EZ_ARCH=x86"]).success();
    project.run(["run", "fails", "--workspace=one", "X=1", "--", "a"]).exit(201);
    let listed = json(&project.run(["ws", "--json"]).success().stdout);
    let row = |at: usize, key: &str| listed[at][key].clone();
    assert_eq!(
        [row(0, "name"), row(0, "kind"), row(0, "exit")],
        ["fw".into(), "folder".into(), serde_json::json!(0)]
    );
    assert_eq!(
        [row(1, "name"), row(1, "kind"), row(1, "exit")],
        ["one".into(), "named".into(), serde_json::json!(201)]
    );
    assert_eq!(row(1, "path"), ".ez/workspace/one");
    assert_eq!(row(0, "tasks"), serde_json::json!(["fw"]));
    let text = project.run(["ws"]);
    text.success().stdout_has("name  kind    tasks  last run").stdout_has("one   named   fails");
    let shown = project.run(["ws", "one"]);
    shown
        .success()
        .stdout_has("path:       .ez/workspace/one\n")
        .stdout_has("variables:  X=1\n")
        .stdout_has("exit:       201\n");
    let shown = json(&project.run(["ws", "fw", "--json"]).success().stdout);
    assert_eq!(shown["run"]["variables"], serde_json::json!([{ "name": "EZ_ARCH", "value": "x86" }]));
    project.run(["ws", "onn"]).exit(1).stderr_has("Did you mean \"one\"?");
    project.run(["ws", "clean", "fw"]).exit(1).stderr_has("`ez clean fw --workspace`");
    project.run(["clean", "one"]).exit(1).stderr_has("`ez ws clean one` removes it");
    project.run(["__complete", "ez", "rerun", "o"]).success().stdout("one\tfails\n");
    project.run(["ws", "clean", "one"]).success().no_file(".ez/workspace/one");
    project.run(["run", "say", "--workspace=auto"]).success();
    project.run(["ws", "clean"]).success();
    assert_eq!(json(&project.run(["ws", "--json"]).success().stdout).as_array().map(Vec::len), Some(1));
}

#[test]
fn a_run_is_repeated_with_all_that_it_was_given() {
    let project = project();
    project.run(["rerun"]).exit(1).stderr_has("nothing ran in a workspace yet");
    let odd = "{{\"x\"}} ü 'q'";
    let first = project.run(["run", "say", "--workspace=one", &format!("WHAT={odd}"), "--", "a b", "c"]);
    first.success().stdout("x ü 'q' 'a b' c\n");
    project
        .run(["rerun"])
        .success()
        .stdout("x ü 'q' 'a b' c\n")
        .stderr_has("running say again in the workspace one");
    project.run(["rerun", "one", "WHAT=other"]).success().stdout("other 'a b' c\n");
    project.run(["rerun", "one", "--", "d"]).success().stdout("other d\n");
    project.run(["rerun", "two"]).exit(1).stderr_has("no workspace \"two\"");
    project.run(["rerun", "one", "two"]).exit(2);
    project.run(["fw", "EZ_ARCH=x86"]).success();
    // The newest one without a name.
    project.run(["rerun"]).success().file_is(".ez/tasks/fw/artifacts/made/out/arch", "x86\n");
    project
        .run(["rerun", "fw", "EZ_ARCH=arm"])
        .success()
        .file_is(".ez/tasks/fw/artifacts/made/out/arch", "arm\n");
    project.run(["rerun", "fw", "EZ_ARCH=vax"]).exit(207);
    project.run(["rerun", "fw"]).exit(207);
}

#[test]
fn values_of_the_environment_are_repeated_as_they_were() {
    let project = project().env("EZ_WORD", "{{.TASK}} $HOME `x`");
    project.run(["run", "plain", "--workspace=one"]).success().stdout("{{.TASK}} $HOME `x` \n");
    let other = Project::new().file("Taskfile.yml", TASKFILE);
    std::fs::rename(project.path(".ez"), other.path(".ez")).expect("runtime data");
    other.run(["rerun", "one"]).success().stdout("{{.TASK}} $HOME `x` \n");
}

#[test]
fn answers_are_repeated_and_secrets_are_asked_for_again() {
    let project = project();
    let mut asked = project.start_on_terminal(&program::ez(), ["run", "plain", "--workspace=one"]);
    asked.wait_for("word");
    asked.type_keys("{{1}}\r");
    asked.wait_for("token");
    asked.type_keys("hunter2\r");
    asked.exit();
    assert_eq!(project.read(".ez/workspace/one/said").as_deref(), Some("{{1}} hunter2\n"));
    let saved = project.read(".ez/workspace/one/.ez/run.json").expect("a saved run");
    assert!(!saved.contains("hunter2") && saved.contains("EZ_TOKEN") && saved.contains("{{1}}"), "{saved}");
    project.run(["rerun", "one"]).exit(206).stderr_has("EZ_TOKEN");
    project
        .run(["rerun", "one", "EZ_TOKEN=again"])
        .success()
        .file_is(".ez/workspace/one/said", "{{1}} again\n");
    let mut again = project.start_on_terminal(&program::ez(), ["rerun", "one"]);
    again.wait_for("EZ_TOKEN");
    again.type_keys("third{{\r");
    again.exit();
    assert_eq!(project.read(".ez/workspace/one/said").as_deref(), Some("{{1}} third{{\n"));
}

#[test]
fn secrets_are_never_stored() {
    let project = project().env("EZ_TOKEN", "opensesame");
    let args =
        ["run", "plain", "say", "--workspace=one", "--log", "WHAT=x-opensesame-y", "KEY=treasure", "--"];
    project.run(args.iter().chain(&["opensesame"])).success().lacks("opensesame");
    project.run(["run", "keyed", "--workspace=two", "--log", "KEY=treasure"]).success().lacks("treasure");
    let saved = json(&project.read(".ez/workspace/one/.ez/run.json").expect("a saved run"));
    assert_eq!(saved["withheld"], serde_json::json!(["KEY", "EZ_TOKEN", "WHAT", "CLI_ARGS"]));
    std::fs::remove_file(project.path(".ez/workspace/one/said")).expect("what the task wrote");
    for secret in ["opensesame", "treasure"] {
        let found = ez_tests::process::run(&ez_tests::process::Invocation {
            program: "/usr/bin/grep".into(),
            args: ["-r", secret, ".ez"].map(Into::into).to_vec(),
            directory: project.root(),
            environment: Vec::new(),
            stdin: Vec::new(),
            timeout: std::time::Duration::from_mins(1),
        });
        let found = found.expect("grep");
        assert_eq!(String::from_utf8_lossy(&found.stdout), "", "{secret}");
    }
    project.run(["rerun", "two"]).exit(206).stderr_has("KEY");
    project.run(["rerun", "two", "KEY=other"]).success();
}

#[test]
fn a_matrix_runs_all_variants_in_workspaces_of_their_own() {
    let project = project();
    let matrix =
        project.run(["matrix", "fw", "--vary", "arch=arm,x86,vax", "--vary", "MODE=a,b", "--jobs", "2"]);
    matrix.exit(201).stderr_has("ez: 2 of 6 variants failed").stderr_has("[6/6]");
    let table = "variant             exit  duration  workspace\nEZ_ARCH=arm MODE=a  0     ";
    matrix.stdout_has(table).stdout_has("EZ_ARCH=vax MODE=b  207   ");
    for (variant, text) in [("fw-arm-a", "arm\n"), ("fw-arm-b", "arm\n"), ("fw-x86-a", "x86\n")] {
        matrix.file_is(&format!(".ez/workspace/{variant}/out/arch"), text);
        matrix.file_is(&format!(".ez/workspace/{variant}/.ez/artifacts/made/out/arch"), text);
    }
    // Only a run in the task's own workspace keeps its artifacts with the task.
    matrix.no_file(".ez/tasks/fw/artifacts").no_file("tasks/fw/out");
    matrix.file_has(".ez/workspace/fw-vax-a/.ez/output.log", "`vax` is no option of `arch`");
    let json_rows = json(&project.run(["matrix", "fw", "--vary", "arch=arm,x86", "--json"]).success().stdout);
    assert_eq!(json_rows[1]["variant"], serde_json::json!({ "EZ_ARCH": "x86" }));
    assert_eq!((&json_rows[1]["exit"], &json_rows[1]["workspace"]), (&0.into(), &"fw-x86".into()));
    project.run(["rerun", "fw-x86"]).success();
}

#[test]
fn a_matrix_that_cannot_be_is_refused_before_anything_runs() {
    let project = project();
    let refused = |args: &[&str], exit: i32, words: &str| {
        project.run(["matrix"].iter().chain(args)).exit(exit).stderr_has(words).no_file(".ez/workspace");
    };
    refused(&["say", "--vary", "X=a/b,a-b"], 2, "would both run in the workspace say-a-b");
    refused(&["nope", "--vary", "X=1"], 200, "there is no task \"nope\"");
    refused(&["say"], 2, "--vary");
    project.run(["run", "fails", "--workspace=say-1"]).exit(201);
    project
        .run(["matrix", "say", "--vary", "WHAT=1"])
        .exit(1)
        .stderr_has("the workspace say-1 is that of fails; `ez ws clean say-1` removes it");
}

#[test]
fn an_interrupted_matrix_leaves_nothing_behind() {
    let project = Project::new().file(
        "Taskfile.yml",
        "version: '3'\ntasks:\n  s: {cmds: ['echo $$ > pid; sleep 300']}\n  deaf: {cmds: [\"trap '' INT TERM; echo $$ > pid; sleep 300; sleep 300\"]}\n",
    );
    for (task, signal) in [("s", Signal::INT), ("deaf", Signal::TERM)] {
        let mut matrix =
            project.start(&program::ez(), ["matrix", task, "--vary", "N=1,2,3", "--jobs", "2", "--json"]);
        let pid = |n: u32| {
            let text = project.read(&format!(".ez/workspace/{task}-{n}/pid"))?;
            text.trim().parse::<i32>().ok().and_then(rustix::process::Pid::from_raw)
        };
        while pid(1).is_none() || pid(2).is_none() {
            std::thread::yield_now();
        }
        matrix.signal(signal);
        assert_eq!(matrix.exit(), Exit::Code(130));
        for pid in [pid(1), pid(2)].into_iter().flatten() {
            assert!(rustix::process::test_kill_process(pid).is_err(), "{task}: {pid:?} lives");
        }
        assert!(pid(3).is_none());
    }
}

#[cfg(target_os = "linux")]
/// Whether a process works: one that has ended may still be listed until somebody asks for its exit code.
fn works(pid: rustix::process::Pid) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with(" Z"))
}

#[cfg(target_os = "linux")]
#[test]
fn a_killed_matrix_leaves_nothing_behind() {
    let project = Project::new().file(
        "Taskfile.yml",
        "version: '3'\ntasks:\n  s: {cmds: ['echo $$ > pid; sleep 99999; echo late']}\n",
    );
    let mut matrix = project.start(&program::ez(), ["matrix", "s", "--vary", "N=1,2", "--jobs", "2"]);
    let pid = |n: u32| {
        let text = project.read(&format!(".ez/workspace/s-{n}/pid"))?;
        text.trim().parse::<i32>().ok().and_then(rustix::process::Pid::from_raw)
    };
    while pid(1).is_none() || pid(2).is_none() {
        std::thread::yield_now();
    }
    matrix.signal(Signal::KILL);
    matrix.exit();
    while [pid(1), pid(2)].into_iter().flatten().any(works) {
        std::thread::yield_now();
    }
}

#[test]
fn a_new_folder_task_runs_and_overwrites_nothing() {
    let project = project();
    project
        .run(["new", "board", "--desc", "Builds: a \"board\""])
        .success()
        .stderr_has("tasks/board/Taskfile.yml");
    project.run(["board"]).success().stdout("board runs in {{DIR}}/.ez/tasks/board/workspace\n");
    project.run(["list"]).success().stdout_has("[folder]  Builds: a \"board\"");
    project.run(["check"]).success();
    project.run(["new", "board"]).exit(1).stderr_has("exists, and is not overwritten");
    project.run(["new", "say"]).exit(1).stderr_has("the Taskfile has a task `say`");
    project.run(["new", "../x"]).exit(2).stderr_has("is no name of a folder task");
    project.run(["new", "list"]).success().stderr_has("`ez run list` runs the task");
    project.run(["run", "list"]).success().stdout("list runs in {{DIR}}/.ez/tasks/list/workspace\n");
    let leftovers: Vec<_> = std::fs::read_dir(project.path("tasks")).expect("tasks").flatten().collect();
    assert_eq!(leftovers.len(), 3, "{leftovers:?}");
}

#[test]
fn a_new_folder_task_can_be_made_of_a_template() {
    let project = project().file(
        "templates/svc.yml",
        "version: '1'\nparams: [{name: port, type: number, default: 80}]\ntask: |\n  cmds: ['echo port <% .port %>']\n",
    );
    project.run(["new", "web", "--template", "svc", "--port=8080"]).success();
    project.run(["web"]).success().stdout("port 8080\n");
    project.run(["new", "api", "--template", "svc", "--prt=1"]).exit(2).stderr_has("`--port`");
}
