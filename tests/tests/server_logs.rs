//! Logs of jobs: what is told of them, from where, and in which order.

#![cfg(target_os = "linux")]

use ez_tests::Project;
use ez_tests::job_server::JobServer;
use serde_json::json;

const TASKFILE: &str = r"version: '3'
silent: true
tasks:
  count: seq 100
  snowman: printf 'a\342'; while [ ! -e go ]; do sleep 0.01; done; printf '\230\203\n'
  flaky: echo tried; exit 1
";

fn project() -> Project {
    Project::new().file("Taskfile.yml", TASKFILE)
}

#[test]
fn a_character_that_is_written_in_pieces_is_whole() {
    let project = project();
    let server = JobServer::start(&project, &[]);
    let job = server.run(&json!({"task": "snowman"}));
    let begun = server.follow(job, "0", |text| text == "a");
    project.write("go", "");
    let rest = server.follow(job, &begun.last_id, |_| false);
    assert_eq!((begun.text.as_str(), rest.text.as_str()), ("a", "\u{2603}\n"));
}

#[test]
fn the_last_lines_alone_are_told() {
    let project = project();
    let server = JobServer::start(&project, &[]);
    let job = server.run(&json!({"task": "count"}));
    server.end_of(job);
    let text = |query: &str| server.ask("GET", &format!("/jobs/{job}/logs?format=text&{query}"), None).body;
    assert_eq!(text("tail=3"), "98\n99\n100\n");
    assert_eq!(text("tail=0"), "");
    assert_eq!(text("tail=1000"), text(""));
    let told = server.follow_at(&format!("/jobs/{job}/logs?tail=2"), "0", |_| false);
    assert_eq!((told.text.as_str(), told.state.as_str()), ("99\n100\n", "success"));
    assert_eq!(server.ask("GET", &format!("/jobs/{job}/logs?tail=-1"), None).status, 400);
}

#[test]
fn a_log_goes_on_with_the_next_attempt() {
    let project = project();
    let server = JobServer::start(&project, &[]);
    let job = server.run(&json!({"task": "flaky", "retry": 2}));
    let first = server.follow_at(&format!("/jobs/{job}/logs?attempt=1"), "0", |text| text == "tried\n");
    server.end_of(job);
    let rest = server.follow(job, &first.last_id, |_| false);
    assert_eq!((rest.text.matches("tried\n").count(), rest.state.as_str()), (2, "failed"));
    let bound = server.follow_at(&format!("/jobs/{job}/logs?attempt=1"), &first.last_id, |_| false);
    assert_eq!(bound.text.matches("tried\n").count(), 0);
}

#[test]
fn both_streams_of_a_job_are_told_in_their_order() {
    let taskfile = r"version: '3'
tasks:
  many:
    cmds: [echo one, echo two, 'echo three; true', {task: sub}, /bin/echo four, 'echo five >&2; exit 3']
  sub: {cmds: [echo sub, '/bin/echo more >&2'], ez-retry: 1}
";
    let project = Project::new().file("Taskfile.yml", taskfile);
    let server = JobServer::start(&project, &[]);
    for _ in 0..10 {
        let text = server.end_of(server.run(&json!({"task": "many"}))).text;
        let wanted = "task: [many] echo one\none\ntask: [many] echo two\ntwo\ntask: [many] echo three; true\nthree\n\
            task: [sub] echo sub\nsub\ntask: [sub] /bin/echo more >&2\nmore\ntask: [many] /bin/echo four\nfour\n\
            task: [many] echo five >&2; exit 3\nfive\n";
        let begin = text.get(..wanted.len().min(text.len())).unwrap_or_default();
        assert_eq!(begin, wanted, "{text}");
        assert!(text.contains("exit status 3"), "{text}");
    }
}

#[test]
fn of_an_output_that_is_too_long_the_end_is_kept_too() {
    let taskfile = "version: '3'\nsilent: true\ntasks:\n  much: seq 200000\n";
    let project =
        Project::new().file("Taskfile.yml", taskfile).file("ez-server.toml", "max_log_bytes = 1000\n");
    let server = JobServer::start(&project, &[]);
    let job = server.run(&json!({"task": "much"}));
    let told = server.end_of(job);
    assert_eq!(told.state, "success");
    assert!(told.text.starts_with("1\n2\n3\n") && told.text.ends_with("\n199999\n200000\n"));
    let all = server.ask("GET", &format!("/jobs/{job}/logs?format=text"), None).body;
    let (_, rest) = all.split_once("only its end follows, when the job has ended\n").expect("it says so");
    let (left_out, end) = rest.split_once(" bytes are left out here\n").expect("it says how much");
    let whole: usize = (1..=200_000).map(|number: u32| number.to_string().len() + 1).sum();
    assert_eq!(1000 + left_out.parse::<usize>().expect("a number") + end.len(), whole);
    assert!(end.len() > 100_000 && end.len() < 256 * 1024);
}

#[test]
fn what_is_no_place_in_a_log_is_refused() {
    let project = project();
    let server = JobServer::start(&project, &[]);
    let job = server.run(&json!({"task": "count"}));
    server.end_of(job);
    let asked = |query: &str, id: &str| {
        server.ask_with("GET", &format!("/jobs/{job}/logs{query}"), None, &[("Last-Event-ID", id)]).status
    };
    for id in ["7", "1-7", "1-99999999", "2-0", "-1-0", "1-", "x"] {
        assert_eq!(asked("", id), 400, "{id}");
    }
    assert_eq!((asked("?attempt=0", "1-0"), asked("?attempt=1", "1-0"), asked("", "0")), (400, 200, 200));
}

#[test]
fn a_log_of_a_database_that_is_gone_is_nobody_elses() {
    let project = project();
    let mut server = JobServer::start(&project, &[]);
    let before = server.run(&json!({"task": "count"}));
    server.end_of(before);
    server.stop();
    for name in ["ez.db", "ez.db-wal", "ez.db-shm"] {
        // The last two are there only sometimes.
        let _ = std::fs::remove_file(project.path(&format!(".ez-server/{name}")));
    }
    server.start_again();
    project.write("go", "");
    let after = server.run(&json!({"task": "snowman"}));
    assert_eq!((after, server.end_of(after).text.as_str()), (before, "a\u{2603}\n"));
}
