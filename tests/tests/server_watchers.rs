//! Processes that watch over attempts, one after the other: what one job does to the next.

#![cfg(target_os = "linux")]

use std::fs::File;
use std::process::Command;

use ez_tests::Project;
use ez_tests::job_server::{
    JobAgent, JobServer, hold, is_begun, kill, running_in, watchers, watching_processes,
};
use ez_tests::program;
use serde_json::{Value, json};

const TASKFILE: &str = r#"version: '3'
silent: true
tasks:
  who: exec /bin/sh -c 'echo $PPID'
  hide:
    ez-params: [{name: word, type: secret}]
    cmds:
      - exec /bin/sh -c 'echo [$EZ_WORD]'
  say: exec /bin/sh -c 'echo [$EZ_WORD] [$EZ_SERVER_TOKEN] [{{.EZ_SERVER_TOKEN}}] $PWD; cat'
  half: printf 'no end of line'
  stay: 'echo begun; exec sleep 987651'
  gate: 'echo begun; while [ ! -e go ]; do sleep 0.01; done'
  leaves: exec /bin/sh -c 'setsid sleep 987652 & echo $PPID'
  fails: exit 7
  escapes: 'env -i setsid sleep 987654 & env -i setsid -f sh -c "sleep 987654 & wait"; echo begun; exec sleep 987653'
"#;

fn project() -> Project {
    Project::new().file("Taskfile.yml", TASKFILE)
}

/// What a job of a task prints that ends as it should.
fn printed(server: &JobServer<'_>, request: &Value) -> String {
    let end = server.end_of(server.run(request));
    assert_eq!(end.state, "success", "{}", end.text);
    end.text
}

/// The process in which a task runs.
fn process(server: &JobServer<'_>, task: &str) -> String {
    printed(server, &json!({"task": task}))
}

#[test]
fn jobs_follow_each_other_in_one_process() {
    let project = project();
    let server = JobServer::start(&project, &["--slots", "1"]);
    let first = process(&server, "who");
    assert_eq!(process(&server, "who"), first);
    let failed = server.run(&json!({"task": "fails"}));
    assert_eq!(server.end_of(failed).state, "failed");
    assert_eq!(printed(&server, &json!({"task": "half"})), "no end of line");
    assert_eq!(process(&server, "who"), first);
}

#[test]
fn a_job_knows_nothing_of_the_one_before() {
    let project = project();
    let server =
        JobServer::start_in(&project, &["--slots", "1"], &[("EZ_SERVER_TOKEN", "0123456789abcdef0123")]);
    let place = project.root().display().to_string();
    assert_eq!(printed(&server, &json!({"task": "hide", "vars": {"word": "hidden-word"}})), "[*****]\n");
    assert_eq!(printed(&server, &json!({"task": "say"})), format!("[] [] [] {place}\n"));
}

#[test]
fn the_end_of_a_job_is_not_that_of_the_next() {
    let project = project();
    let server = JobServer::start(&project, &["--slots", "1"]);
    for request in [json!({"task": "stay"}), json!({"task": "stay", "timeout": 1})] {
        let job = server.run(&request);
        server.follow(job, "0", is_begun);
        if request["timeout"].is_null() {
            assert_eq!(server.ask("POST", &format!("/jobs/{job}/cancel"), None).status, 202);
        }
        let end = server.end_of(job).state;
        assert!(end == "cancelled" || end == "failed", "{end}");
        assert_eq!(running_in(&project, "987651"), [0; 0]);
        process(&server, "who");
    }
}

#[test]
fn what_a_job_leaves_is_ended_before_the_next() {
    let project = project();
    let server = JobServer::start(&project, &["--slots", "1"]);
    let first = process(&server, "leaves");
    assert_eq!(running_in(&project, "987652"), [0; 0]);
    assert_eq!(process(&server, "who"), first);
}

#[test]
fn an_attempt_whose_directory_is_removed_ends_too() {
    let project = project();
    let server = JobServer::start(&project, &["--slots", "1"]);
    let begin = |request: Value| {
        let job = server.run(&request);
        server.follow(job, "0", is_begun);
        std::fs::remove_dir_all(project.path(&format!(".ez-server/agent/attempts/{job}-1")))
            .expect("it is there");
        job
    };
    let cancelled = begin(json!({"task": "stay"}));
    assert_eq!(server.ask("POST", &format!("/jobs/{cancelled}/cancel"), None).status, 202);
    assert_eq!(server.end_of(cancelled).state, "cancelled");
    let late = begin(json!({"task": "stay", "timeout": 1}));
    let ended = begin(json!({"task": "gate"}));
    project.write("go", "");
    for job in [late, ended] {
        let end = server.end_of(job);
        assert_eq!((end.state.as_str(), end.text.starts_with("begun\n")), ("failed", true), "{}", end.text);
        let reason = "its directory on the node was removed, and how it ended with it";
        assert_eq!(server.job(job)["reason"], reason);
    }
    assert_eq!(running_in(&project, "987651"), [0; 0]);
    process(&server, "who");
}

#[test]
fn a_project_that_is_not_there_any_more_is_named() {
    let elsewhere = Project::new().file("Taskfile.yml", TASKFILE);
    let project = project();
    let server = JobServer::start(&project, &["--slots", "0"]);
    let root = elsewhere.root().display().to_string();
    let mut agent = JobAgent::start(&project, &server, "far", &["--root", &root]);
    assert_eq!(server.end_of(server.run(&json!({"task": "who"}))).state, "success");
    drop(elsewhere);
    let job = server.run(&json!({"task": "who"}));
    assert_eq!(server.end_of(job).state, "failed");
    assert_eq!(server.job(job)["reason"], format!("the directory {root} is not there on this node"));
    assert_eq!(agent.stop(), Some(0));
}

#[test]
fn a_process_that_waits_may_be_killed() {
    let project = project();
    let mut server = JobServer::start(&project, &["--slots", "1"]);
    process(&server, "who");
    assert_eq!(watchers(&project), [0; 0]);
    let waiting = watching_processes(&project);
    assert_eq!(waiting.len(), 1);
    waiting.into_iter().for_each(kill);
    while !watching_processes(&project).is_empty() {}
    process(&server, "who");
    server.stop();
    while !watching_processes(&project).is_empty() {}
}

/// Waits until as many processes of a project have a word.
fn wait_for(project: &Project, word: &str, count: usize) {
    while running_in(project, word).len() != count {}
}

#[test]
fn what_hid_from_its_job_ends_where_the_watching_process_is_killed() {
    let project = project();
    let server = JobServer::start(&project, &["--slots", "1"]);
    let job = server.run(&json!({"task": "escapes"}));
    server.follow(job, "0", is_begun);
    wait_for(&project, "987654", 2);
    watchers(&project).into_iter().for_each(kill);
    assert_eq!(server.end_of(job).state, "failed");
    assert_eq!(server.job(job)["reason"], "the process that watched over it was killed");
    for word in ["987653", "987654"] {
        assert_eq!(running_in(&project, word), [0; 0]);
    }
}

#[test]
fn a_job_whose_watching_process_hangs_ends_in_time() {
    let project = project();
    let server = JobServer::start(&project, &["--slots", "3", "--grace", "0"]);
    let begin = |request: Value| {
        let job = server.run(&request);
        server.follow(job, "0", is_begun);
        job
    };
    let cancelled = begin(json!({"task": "escapes"}));
    let overdue = begin(json!({"task": "stay", "timeout": 1}));
    watchers(&project).into_iter().for_each(hold);
    assert_eq!(server.ask("POST", &format!("/jobs/{cancelled}/cancel"), None).status, 202);
    let reason = "the process that watched over it did not end it in time, and was killed";
    for (job, state) in [(cancelled, "cancelled"), (overdue, "failed")] {
        assert_eq!(server.end_of(job).state, state);
        assert_eq!(server.job(job)["reason"], reason);
    }
    for word in ["987651", "987653", "987654"] {
        assert_eq!(running_in(&project, word), [0; 0]);
    }
    while !watching_processes(&project).is_empty() {}
}

#[test]
fn a_process_that_hangs_before_it_takes_a_job_holds_it_up_until_that_is_cancelled() {
    let project = project();
    let server = JobServer::start(&project, &["--slots", "1", "--grace", "0"]);
    process(&server, "who");
    watching_processes(&project).into_iter().for_each(hold);
    let job = server.run(&json!({"task": "who"}));
    while server.job(job)["state"] == "pending" {}
    assert_eq!(server.ask("POST", &format!("/jobs/{job}/cancel"), None).status, 202);
    assert_eq!(server.end_of(job).state, "cancelled");
    process(&server, "who");
}

#[test]
fn a_process_takes_no_more_than_200_attempts() {
    let project = Project::new();
    let mut assignments = String::new();
    for job in 1..=201 {
        let order = json!({
            "attempt": {"job": job, "fence": 1}, "mark": "none", "program": "/bin/true", "args": [],
            "directory": project.root(), "environment": [], "begun": 1, "timeout": 0, "grace": 1000,
            "max_log_bytes": 1000,
        });
        let name = format!("{job}-1");
        project.write(&format!("{name}/order.json"), order.to_string());
        project.write(&format!("{name}/log"), "");
        let assignment = json!({"directory": project.path(&name), "secrets": {}});
        assignments = assignments + &assignment.to_string() + "\n";
    }
    project.write("assignments", &assignments);
    let told = Command::new(program::ez())
        .args(["__watch", "here"])
        .stdin(File::open(project.path("assignments")).expect("it was written"))
        .output()
        .expect("ez starts");
    assert!(told.status.success());
    let ended = (1..=201).filter(|job| project.path(&format!("{job}-1/ending.json")).exists()).count();
    // After the last one it does not say that it takes another.
    assert_eq!((ended, String::from_utf8_lossy(&told.stdout).matches('.').count()), (200, 199));
}
