//! `ez client start` as who starts it sees it: what it says, what it refuses, and how it ends.

#![cfg(target_os = "linux")]

use ez_tests::Project;
use ez_tests::job_server::{JobAgent, JobServer, is_begun, watchers};
use serde_json::{Value, json};

const TASKFILE: &str = r"version: '3'
silent: true
tasks:
  hello: echo hello
  wait: 'echo begun; while [ ! -e go ]; do sleep 0.01; done; echo done'
";

fn project() -> Project {
    Project::new().file("Taskfile.yml", TASKFILE)
}

#[test]
fn an_agent_says_where_it_is_and_for_what_it_waits() {
    let project = project();
    let server = JobServer::start(&project, &["--slots", "0"]);
    let url = format!("http://{}", server.address);
    let flags = ["--server", &url, "--name", "far", "--slots", "1", "--data", ".agents/far"];
    let mut agent = JobAgent::start_in(&project, &flags, &[]);
    assert_eq!(
        agent.says("connected"),
        format!("ez: connected to {url} as the node far (number 1) with 1 slot\n")
    );
    let job = server.run(&json!({"task": "wait"}));
    server.follow(job, "0", is_begun);
    agent.ask_to_end();
    agent.says("takes no more jobs, and waits for 1 job;");
    // Told once more it does not wait, and the job goes on.
    agent.ask_to_end();
    assert_eq!(agent.end(), (Some(0), "ez: ends; jobs that run go on with their watchers\n".to_owned()));
    assert_eq!(watchers(&project).len(), 1);
    project.write("go", "");
    let _again = JobAgent::start_in(&project, &flags, &[]);
    let told = server.end_of(job);
    assert_eq!((told.text.as_str(), told.state.as_str()), ("begun\ndone\n", "success"));
    assert_eq!(server.job(job)["attempts"].as_array().map(Vec::len), Some(1));
}

#[test]
fn a_node_that_was_drained_stays_so_until_that_is_taken_back() {
    let project = project();
    let mut server = JobServer::start(&project, &["--slots", "0"]);
    let mut agent = JobAgent::start(&project, &server, "far", &["--slots", "1"]);
    let wait_for = |server: &JobServer<'_>, is_so: &dyn Fn(&Value) -> bool| {
        while !is_so(&server.ask("GET", "/nodes/1", None).json()) {}
    };
    let is_connected = |node: &Value| node["connected"] == true;
    wait_for(&server, &is_connected);
    let running = server.run(&json!({"task": "wait"}));
    server.follow(running, "0", is_begun);
    assert_eq!(server.ask("POST", "/nodes/1/drain", None).status, 204);
    let drained = server.run(&json!({"task": "hello"}));
    let stays_drained = |server: &JobServer<'_>| {
        wait_for(server, &is_connected);
        let node = server.ask("GET", "/nodes/1", None).json();
        assert_eq!((&node["drained"], &node["leaving"]), (&json!(true), &json!(false)), "{node}");
        assert_eq!(server.job(drained)["waits_for"], "the node `far`, which takes no more jobs");
    };
    stays_drained(&server);
    agent.kill();
    wait_for(&server, &|node| node["connected"] == false);
    agent.start_again();
    stays_drained(&server);
    server.kill();
    server.start_again();
    stays_drained(&server);
    // What it had goes on.
    project.write("go", "");
    assert_eq!(server.end_of(running).state, "success");
    assert_eq!(server.ask("POST", "/nodes/1/drain?off=true", None).status, 204);
    assert_eq!(server.end_of(drained).state, "success");
    assert_eq!(server.ask("GET", "/nodes/1", None).json()["drained"], false);
}

#[test]
fn a_node_whose_agent_was_told_to_end_takes_jobs_when_it_comes_again() {
    let project = project();
    let server = JobServer::start(&project, &["--slots", "0"]);
    let mut agent = JobAgent::start(&project, &server, "far", &["--slots", "1"]);
    let running = server.run(&json!({"task": "wait"}));
    server.follow(running, "0", is_begun);
    agent.ask_to_end();
    while server.ask("GET", "/nodes/1", None).json()["leaving"] == false {}
    assert_eq!(server.ask("GET", "/nodes/1", None).json()["drained"], false);
    assert_eq!(server.ask("POST", "/nodes/1/drain?off=true", None).status, 409);
    let next = server.run(&json!({"task": "hello"}));
    project.write("go", "");
    assert_eq!(server.end_of(running).state, "success");
    assert_eq!(agent.end().0, Some(0));
    assert_eq!(server.job(next)["state"], "pending");
    agent.start_again();
    assert_eq!(server.end_of(next).state, "success");
}

#[test]
fn an_agent_that_nobody_knows_ends_and_says_what_it_lacks() {
    let project = project();
    let server =
        JobServer::start_in(&project, &["--slots", "0"], &[("EZ_SERVER_TOKEN", "own-token-of-a-test")]);
    let url = format!("http://{}", server.address);
    let reader = project.run(["server", "token", "create", "ci", "--scopes", "read"]);
    let reader = reader.success().stdout.trim().to_owned();
    for (token, words) in [
        ("", "set EZ_CLIENT_TOKEN"),
        ("ez_a_b", "the token is not known"),
        (&reader, "the token lacks the scope `node`"),
    ] {
        let mut agent =
            JobAgent::start_in(&project, &["--server", &url, "--name", "far"], &[("EZ_CLIENT_TOKEN", token)]);
        let (code, said) = agent.end();
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains(words) && said.lines().count() == 1, "{said}");
    }
}

#[test]
fn what_no_node_can_be_is_refused_before_it_connects() {
    let project = project();
    let long = "x".repeat(101);
    for (flags, words) in [
        (["--name", ""], "`` is no name of a node"),
        (["--name", "a b\n"], "`a b\\n` is no name of a node"),
        (["--name", "../../etc"], "is no name of a node"),
        (["--name", &long], "is no name of a node"),
        (["--tags", ",,a,,"], "`` is no tag"),
        (["--root", "nowhere"], "nowhere is no directory"),
    ] {
        let mut arguments = vec!["client", "start", "--server", "http://127.0.0.1:9"];
        arguments.extend(flags);
        project.run(arguments).exit(2).stderr_has(words);
    }
    project.run(["server", "start", "--port", "0", "--tags", "a,,b"]).exit(2).stderr_has("`` is no tag");
}

#[test]
fn agents_that_come_are_written_down_once() {
    let project = project();
    let mut server = JobServer::start(&project, &["--slots", "0"]);
    let mut agent = JobAgent::start(&project, &server, "far", &[]);
    let job = server.run(&json!({"task": "hello"}));
    server.end_of(job);
    agent.kill();
    agent.start_again();
    let job = server.run(&json!({"task": "hello"}));
    server.end_of(job);
    let registered = |server: &JobServer<'_>| {
        let entries = server.ask("GET", "/audit", None).json()["audit"].as_array().cloned();
        let entries = entries.unwrap_or_default();
        entries
            .iter()
            .filter(|entry| entry["action"] == "register")
            .map(|entry| entry["object"].clone())
            .collect()
    };
    let told: Vec<Value> = registered(&server);
    assert_eq!(told, [json!("node 1: far")]);
    // Another server process does not know what was written before.
    server.kill();
    server.start_again();
    let job = server.run(&json!({"task": "hello"}));
    server.end_of(job);
    assert_eq!(registered(&server).len(), 2);
}
