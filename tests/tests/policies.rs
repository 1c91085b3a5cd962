//! `ez-lock`, `ez-timeout` and logs, with real processes.

#![cfg(unix)]

use std::path::PathBuf;

use ez_tests::process::Exit;
use ez_tests::{Project, program};
use rustix::process::Signal;

/// Waits until there is a file `gate`; what was started so ends at the latest when its project is removed.
const WAIT: &str = "while [ -e Taskfile.yml ] && [ ! -e gate ]; do sleep 0.01; done; cat gate";

/// A task that holds its lock until there is a file `gate`.
fn locked() -> Project {
    project(&format!(
        "version: '3'\nsilent: true\ntasks:\n  hold:\n    ez-lock: {{exclusive: true}}\n    cmds: ['rm -f gate; echo held; {WAIT}']\n"
    ))
}

/// Lets what waits go on, which prints the text.
fn open_gate(project: &Project, text: &str) {
    project.write("gate.new", text);
    std::fs::rename(project.path("gate.new"), project.path("gate")).expect("a gate");
}

fn project(taskfile: &str) -> Project {
    Project::new().file("Taskfile.yml", taskfile)
}

#[test]
fn a_second_process_is_told_who_holds_the_lock() {
    let project = locked();
    let mut holder = project.start(&program::ez(), ["run", "hold"]);
    holder.wait_for("held\n");
    let named = format!("the task is locked: process {} has been running it since 2", holder.pid());
    let refused = project.run(["run", "hold"]);
    refused.exit(201).stdout("").stderr_has(&named).stderr_has("(ez run hold); --wait waits for it");
    let mut waiting = project.start(&program::ez(), ["run", "--wait", "hold"]);
    waiting.wait_for(&format!("ez: [hold] waiting: process {}", holder.pid()));
    open_gate(&project, "one\n");
    holder.wait_for("one\n");
    assert_eq!(holder.exit(), Exit::Code(0));
    waiting.wait_for("held\n");
    open_gate(&project, "two\n");
    waiting.wait_for("two\n");
    assert_eq!(waiting.exit(), Exit::Code(0));
    assert_eq!(project.read(".ez/locks/hold").as_deref(), Some(""));
    assert_eq!(project.read(".ez/.gitignore").as_deref(), Some("*\n"));
}

#[test]
fn the_lock_of_a_killed_process_is_free() {
    let project = locked();
    let mut holder = project.start(&program::ez(), ["run", "hold"]);
    holder.wait_for("held\n");
    holder.signal(Signal::KILL).exit();
    assert!(project.read(".ez/locks/hold").unwrap_or_default().contains("\"pid\""));
    let mut next = project.start(&program::ez(), ["run", "hold"]);
    next.wait_for("held\n");
    let dead = format!("process {} ", holder.pid());
    project.run(["run", "hold"]).exit(201).stderr_has(&format!("process {} ", next.pid())).lacks(&dead);
    // The killed process left its command, which waits, too.
    open_gate(&project, "on\n");
    assert_eq!(next.exit(), Exit::Code(0));
}

#[test]
fn within_one_run_the_second_call_waits() {
    let text = "version: '3'\nsilent: true\ntasks:\n  t: {ez-lock: true, cmds: ['mkdir busy && rmdir busy && echo ok']}\n  \
                all: {deps: [t, t, t]}\n";
    let project = project(text);
    project.run(["run", "all"]).exit(0).stdout("ok\nok\nok\n");
}

#[test]
fn a_whole_task_ends_when_its_time_is_up() {
    let text = "version: '3'\nsilent: true\ntasks:\n  dep: sleep 1000\n  a:\n    ez-timeout: 50ms\n    deps: [dep]\n    \
                ez-hooks: {on_error: echo $EZ_TASK_EXIT_CODE}\n    cmds: [echo never]\n";
    let message = "task: Failed to run task \"a\": task: [a] task timeout exceeded (50ms)\n";
    project(text).run(["run", "a"]).exit(208).stdout("124\n").stderr_has(message);
}

/// The logs of a task.
fn logs(project: &Project, directory: &str) -> Vec<PathBuf> {
    let files = std::fs::read_dir(project.path(directory)).into_iter().flatten();
    let mut files: Vec<PathBuf> = files.map(|file| file.expect("a file").path()).collect();
    files.sort();
    files
}

#[test]
fn a_log_tells_what_ran_and_hides_secrets() {
    let text = "version: '3'\ntasks:\n  a:\n    ez-params: [{name: token, type: secret, default: hunter22}]\n    \
                ez-hooks: {always: echo bye $EZ_TOKEN}\n    deps: [b]\n    cmds: ['echo \"$EZ_TOKEN {{.EZ_TOKEN}}\"; printf end; exit 3']\n  \
                b: echo dep\n  c: {ez-log: {dir: 'out/logs', prefix: 'c-{{.N}}'}, vars: {N: 7}, cmds: [echo c]}\n";
    let project = project(text).env("USER", "ada");
    project.run(["run", "a"]).exit(201);
    assert!(logs(&project, ".ez/tasks/a/logs").is_empty());
    project.run(["run", "--log", "a", "EZ_TOKEN=s3cr3t"]).exit(201);
    let files = logs(&project, ".ez/tasks/a/logs");
    let log = std::fs::read_to_string(&files[0]).expect("a log");
    let lines: Vec<&str> = log.lines().collect();
    assert_eq!(lines[0], "# ez log 1");
    for line in ["# task: a", "# user: ada", "# command: ez run --log a EZ_TOKEN=*****"] {
        assert!(lines.contains(&line), "{line}\n{log}");
    }
    let body = "[b] $ echo dep\ndep\n[a] $ echo \"$EZ_TOKEN *****\"; printf end; exit 3\n***** *****\nend\n[a] $ echo bye $EZ_TOKEN\nbye *****\n";
    assert!(log.contains(body), "{log}");
    assert!(
        lines.last().is_some_and(|line| line.starts_with("# end of ") && line.contains(": exit 3, 0.")),
        "{log}"
    );
    assert!(!log.contains("s3cr3t") && !log.contains("hunter22"));
    assert_eq!(project.read(".ez/.gitignore").as_deref(), Some("*\n"));

    project.run(["run", "c"]).exit(0);
    let files = logs(&project, "out/logs");
    assert!(
        files[0].file_name().is_some_and(|name| name.to_string_lossy().starts_with("c-7-2")),
        "{files:?}"
    );
    let list = project.run(["log", "list"]);
    list.exit(0).stdout_has("  c  exit 0  ").stdout_has("  a  exit 3  ");
    project.run(["log", "list", "a", "--json"]).exit(0).stdout_has("\"exit\": 3").lacks("\"task\": \"c\"");
    project.run(["log", "show", "a"]).exit(0).stdout_has("bye *****\n");
    project.run(["log", "show"]).exit(0).stdout_has("# task: c\n");
    project.run(["log", "show", "--json", "c"]).exit(0).stdout_has("\"state\": \"finished\"");
    project.run(["log", "show", "nope"]).exit(1).stderr_has("there is no log of \"nope\"");
    project.run(["log", "clean"]).exit(0).stderr("ez: removed 0 logs\n");
    project.run(["log", "clean", "x"]).exit(2).stderr_has("no number of days");
    project.run(["log", "clean", "0"]).exit(0).stderr("ez: removed 2 logs\n");
    project.run(["log"]).exit(0).stdout("").stderr_has("there are no logs");
}

#[test]
fn the_log_of_a_killed_run_is_unfinished() {
    let project = project(&format!("version: '3'\nsilent: true\ntasks:\n  a: ['echo begun; {WAIT}']\n"));
    let mut run = project.start(&program::ez(), ["run", "--log", "a"]);
    run.wait_for("begun\n");
    project.run(["log", "list"]).exit(0).stdout_has("running");
    project.run(["log", "clean", "0"]).exit(0).stderr("ez: removed 0 logs\n");
    run.signal(Signal::KILL).exit();
    project.run(["log", "list"]).exit(0).stdout_has("unfinished");
    project.run(["log", "show", "a"]).exit(0).stdout_has("begun\n").stderr_has("was ended before");
    project
        .run(["log", "list", "--json"])
        .exit(0)
        .stdout_has("\"state\": \"unfinished\"")
        .stdout_has("\"exit\": null");
    project.run(["log", "clean", "0"]).exit(0).stderr("ez: removed 1 log\n");
    // The killed process left its command.
    open_gate(&project, "");
}
