//! Which jobs run at once, and how one is ended whose node does not answer.

#![cfg(target_os = "linux")]

use ez_tests::Project;
use ez_tests::job_server::{JobAgent, JobServer, is_begun, running_in};
use serde_json::json;

const TASKFILE: &str = r"version: '3'
silent: true
tasks:
  flash:
    aliases: [burn]
    ez-lock: true
    cmds: ['echo begun; while [ ! -e go ]; do sleep 0.01; done']
  hello: echo hello
  stay: 'echo begun; exec sleep 543210'
";

fn project() -> Project {
    Project::new().file("Taskfile.yml", TASKFILE)
}

#[test]
fn the_lock_of_a_task_counts_on_all_nodes() {
    let project = project();
    let server = JobServer::start(&project, &["--slots", "0"]);
    let _one = JobAgent::start(&project, &server, "one", &["--slots", "2"]);
    let _two = JobAgent::start(&project, &server, "two", &["--slots", "2"]);
    let first = server.run(&json!({"task": "flash"}));
    server.follow(first, "0", is_begun);
    let second = server.run(&json!({"task": "burn"}));
    // What comes later and has no lock does not wait for it.
    let other = server.run(&json!({"task": "hello"}));
    assert_eq!(server.end_of(other).state, "success");
    assert_eq!(server.job(second)["state"], "pending");
    assert_eq!(server.job(second)["lock"], "ez-lock:flash");
    project.write("go", "");
    assert_eq!(server.end_of(second).state, "success");
    let refused = server.ask("POST", "/tasks/run", Some(&json!({"task": "flash", "lock": "mine"})));
    assert_eq!(refused.status, 400);
    assert_eq!(refused.json()["error"], "`flash` has a lock of its own (ez-lock): leave `lock` out");
}

#[test]
fn tasks_have_limits_of_their_own() {
    let project = project().file("ez-server.toml", "slots = 4\n[tasks.stay]\nmax_jobs = 1\n");
    let server = JobServer::start(&project, &[]);
    let first = server.run(&json!({"task": "stay"}));
    let second = server.run(&json!({"task": "stay"}));
    let other = server.run(&json!({"task": "hello"}));
    assert_eq!(server.end_of(other).state, "success");
    server.follow(first, "0", is_begun);
    assert_eq!(server.job(second)["state"], "pending");
}

#[test]
fn a_job_is_ended_also_where_its_node_does_not_answer() {
    let project = project();
    let server = JobServer::start(&project, &["--slots", "0"]);
    let mut agent = JobAgent::start(&project, &server, "deaf", &[]);
    let job = server.run(&json!({"task": "stay"}));
    server.follow(job, "0", is_begun);
    agent.hold();
    assert_eq!(server.ask("POST", &format!("/jobs/{job}/cancel"), None).json()["state"], "cancelling");
    assert_eq!(server.job(job)["state"], "running");
    assert_eq!(server.ask("POST", &format!("/jobs/{job}/cancel?force=true"), None).status, 202);
    let told = server.end_of(job);
    assert_eq!((told.text.as_str(), told.state.as_str()), ("begun\n", "cancelled"));
    assert_eq!(server.job(job)["reason"], "ended by local without waiting for its node");
    assert_eq!(server.ask("GET", "/stats", None).json()["running"], 0);
    // The node hears of it, and ends what is left.
    agent.go_on();
    assert_eq!(agent.stop(), Some(0));
    assert_eq!(running_in(&project, "543210"), [0; 0]);
}
