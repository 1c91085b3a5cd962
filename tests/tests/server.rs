//! `ez server` and `ez client` as their users see them: what is accepted ends once, whatever is killed.

#![cfg(target_os = "linux")]

use ez_tests::Project;
use ez_tests::chance::Chance;
use ez_tests::job_server::{JobAgent, JobServer, fault_jobs, is_begun, kill, running_in, watchers};
use serde_json::{Value, json};

/// Each line of `count` waits until a reader could see the one before.
const TASKFILE: &str = r#"version: '3'
silent: true
tasks:
  tokens: 'env | grep -c TOKEN || true'
  hello: echo "hello {{.NAME | default "you"}}" "{{.CLI_ARGS}}"
  fail: exit 3
  where: echo "on $EZ_NODE_NAME"
  wait: 'echo begun; while [ ! -e go ]; do sleep 0.01; done; echo done'
  stay: 'echo begun; exec sleep 987654'
  stubborn: "trap '' TERM INT; echo begun; while :; do sleep 0.05; done"
  leave: 'sleep 876543 & echo left'
  count: 'for i in $(seq {{.LINES}}); do echo "line $i"; sleep 0.002; done'
"#;

fn project() -> Project {
    Project::new().file("Taskfile.yml", TASKFILE)
}

#[test]
fn a_task_runs_and_its_log_is_told() {
    let project = project();
    let server = JobServer::start(&project, &[]);
    let job = server.run(&json!({"task": "hello", "vars": {"NAME": "bob"}, "args": ["a b"]}));
    let told = server.end_of(job);
    assert_eq!((told.text.as_str(), told.state.as_str()), ("hello bob 'a b'\n", "success"));
    let text = server.ask("GET", &format!("/jobs/{job}/logs?format=text"), None);
    assert_eq!((text.status, text.body.as_str()), (200, "hello bob 'a b'\n"));
    // Who comes with the last place is told the end alone.
    let rest = server.follow(job, &told.last_id, |_| false);
    assert_eq!((rest.text.as_str(), rest.state.as_str()), ("", "success"));
}

#[test]
fn the_log_of_a_job_that_waits_is_told_when_it_begins() {
    let project = project();
    let server = JobServer::start(&project, &["--slots", "1"]);
    server.run(&json!({"task": "wait"}));
    let waiting = server.run(&json!({"task": "hello"}));
    let told = std::thread::scope(|scope| {
        let listener = scope.spawn(|| server.end_of(waiting));
        project.write("go", "");
        listener.join().expect("it listens")
    });
    assert_eq!((told.text.as_str(), told.state.as_str()), ("hello you \n", "success"));
}

#[test]
fn a_failure_has_its_exit_code() {
    let project = project();
    let server = JobServer::start(&project, &[]);
    let job = server.run(&json!({"task": "fail"}));
    assert_eq!(server.end_of(job).state, "failed");
    let job = server.job(job);
    assert_eq!(
        (&job["state"], &job["exit_code"], &job["attempt"]),
        (&json!("failed"), &json!(201), &json!(1))
    );
}

#[test]
fn a_failure_is_tried_again_as_often_as_is_said() {
    let project = project();
    let server = JobServer::start(&project, &[]);
    let job = server.run(&json!({"task": "fail", "retry": 2}));
    while server.end_of(job).state != "failed" {}
    let job = server.job(job);
    assert_eq!(job["attempts"].as_array().map(Vec::len), Some(3));
}

#[test]
fn what_cannot_run_is_refused() {
    let project = project();
    let server = JobServer::start(&project, &[]);
    for (request, status, error) in [
        (json!({"task": "helo"}), 404, "no task is named `helo`"),
        (
            json!({"task": "hello", "vars": {"a b": ""}}),
            400,
            "`a b` is no name of a variable: use letters, digits and `_`",
        ),
        (
            json!({"task": "hello", "vars": {"A": "\u{0}"}}),
            400,
            "`A` has a zero byte, which no process can be given",
        ),
    ] {
        let answer = server.ask("POST", "/tasks/run", Some(&request));
        assert_eq!((answer.status, &answer.json()["error"]), (status, &json!(error)));
    }
    assert_eq!(server.ask("POST", "/tasks/run", Some(&json!({"task": 1}))).status, 422);
    assert_eq!(server.ask("GET", "/jobs/99", None).status, 404);
    assert_eq!(server.ask("GET", "/jobs/x", None).status, 400);
    assert_eq!(server.ask("GET", "/nothing", None).status, 404);
    assert_eq!(server.ask("PUT", "/jobs", None).status, 405);
}

#[test]
fn cancelling_ends_the_processes() {
    let project = project();
    let server = JobServer::start(&project, &[]);
    let job = server.run(&json!({"task": "stay"}));
    server.follow(job, "0", is_begun);
    assert_eq!(server.ask("POST", &format!("/jobs/{job}/cancel"), None).status, 202);
    assert_eq!(server.end_of(job).state, "cancelled");
    assert_eq!(running_in(&project, "987654"), [0; 0]);
    assert_eq!(server.ask("POST", &format!("/jobs/{job}/cancel"), None).status, 409);
}

#[test]
fn a_job_that_does_not_end_by_itself_is_killed() {
    let project = project();
    let server = JobServer::start(&project, &["--grace", "1"]);
    let job = server.run(&json!({"task": "stubborn"}));
    server.follow(job, "0", is_begun);
    server.ask("POST", &format!("/jobs/{job}/cancel"), None);
    assert_eq!(server.end_of(job).state, "cancelled");
    assert_eq!(watchers(&project), [0; 0]);
}

#[test]
fn a_job_that_takes_too_long_is_ended() {
    let project = project();
    let server = JobServer::start(&project, &[]);
    let job = server.run(&json!({"task": "stay", "timeout": 1}));
    assert_eq!(server.end_of(job).state, "failed");
    assert_eq!(server.job(job)["reason"], "it took longer than its timeout of 1 s");
}

#[test]
fn a_job_that_waits_is_cancelled_at_once() {
    let project = project();
    let server = JobServer::start(&project, &["--slots", "1"]);
    let first = server.run(&json!({"task": "wait"}));
    let second = server.run(&json!({"task": "hello"}));
    server.follow(first, "0", is_begun);
    assert_eq!(server.ask("POST", &format!("/jobs/{second}/cancel"), None).json()["state"], "cancelled");
    assert_eq!(server.job(second)["state"], "cancelled");
    project.write("go", "");
    assert_eq!(server.end_of(first).state, "success");
}

#[test]
fn what_a_job_leaves_is_ended() {
    let project = project();
    let server = JobServer::start(&project, &[]);
    let job = server.run(&json!({"task": "leave"}));
    let told = server.end_of(job);
    assert_eq!(told.state, "success", "{told:?}");
    assert_eq!(running_in(&project, "876543"), [0; 0]);
}

#[test]
fn jobs_go_on_while_the_server_is_killed() {
    let project = project();
    let mut server = JobServer::start(&project, &["--slots", "1"]);
    let running = server.run(&json!({"task": "wait"}));
    let waiting = server.run(&json!({"task": "hello"}));
    let before = server.follow(running, "0", is_begun);
    server.kill();
    project.write("go", "");
    server.start_again();
    let after = server.follow(running, &before.last_id, |_| false);
    assert_eq!((before.text + &after.text, after.state.as_str()), ("begun\ndone\n".into(), "success"));
    assert_eq!(server.job(running)["attempt"], 1);
    assert_eq!(server.end_of(waiting).state, "success");
}

#[test]
fn the_same_key_is_the_same_job_after_a_restart_too() {
    let project = project();
    let mut server = JobServer::start(&project, &[]);
    let request = json!({"task": "hello", "idempotency_key": "build-17"});
    let job = server.run(&request);
    server.end_of(job);
    server.kill();
    server.start_again();
    assert_eq!(server.run(&request), job);
    assert_ne!(server.run(&json!({"task": "hello"})), job);
}

#[test]
fn jobs_go_where_their_tags_lead() {
    let project = project();
    let server = JobServer::start(&project, &["--slots", "0"]);
    let _left = JobAgent::start(&project, &server, "left", &["--tags", "side:left"]);
    let _right = JobAgent::start(&project, &server, "right", &["--tags", "side:right,gpu"]);
    for (request, place) in [
        (json!({"task": "where", "tags": ["side:left"]}), "on left\n"),
        (json!({"task": "where", "tags": ["gpu", "side:right"]}), "on right\n"),
        (json!({"task": "where", "node": "left"}), "on left\n"),
    ] {
        let job = server.run(&request);
        assert_eq!(server.end_of(job).text, place);
    }
}

#[test]
fn an_agent_that_is_killed_finds_its_jobs_again() {
    let project = project();
    let server = JobServer::start(&project, &["--slots", "0"]);
    let mut agent = JobAgent::start(&project, &server, "one", &[]);
    let job = server.run(&json!({"task": "wait"}));
    server.follow(job, "0", is_begun);
    agent.kill();
    project.write("go", "");
    agent.start_again();
    let told = server.end_of(job);
    assert_eq!((told.text.as_str(), told.state.as_str()), ("begun\ndone\n", "success"));
    assert_eq!(server.job(job)["attempt"], 1);
}

#[test]
fn the_jobs_of_a_lost_node_are_given_up_or_tried_elsewhere() {
    let project = project();
    let server = JobServer::start(&project, &["--slots", "0", "--lease", "1"]);
    let mut lost = JobAgent::start(&project, &server, "lost", &[]);
    let given_up = server.run(&json!({"task": "stay", "node": "lost"}));
    let again = server.run(&json!({"task": "wait", "retry": 1}));
    server.follow(given_up, "0", is_begun);
    server.follow(again, "0", is_begun);
    lost.kill();
    project.write("go", "");
    let _other = JobAgent::start(&project, &server, "other", &[]);
    assert_eq!(server.end_of(given_up).state, "failed");
    assert_eq!(server.job(given_up)["reason"], "the node lost was not heard of for 1 s");
    while server.job(again)["state"] != "success" {
        server.end_of(again);
    }
    // What the lost node knows of its old jobs is of no effect, and is ended.
    lost.start_again();
    let job = server.run(&json!({"task": "where", "node": "lost"}));
    assert_eq!(server.end_of(job).text, "on lost\n");
    assert_eq!(server.job(given_up)["state"], "failed");
    lost.stop();
    assert_eq!(running_in(&project, "987654"), [0; 0]);
}

#[test]
fn an_agent_that_is_told_to_end_ends_with_its_last_job() {
    let project = project();
    let server = JobServer::start(&project, &["--slots", "0"]);
    let mut agent = JobAgent::start(&project, &server, "one", &[]);
    let job = server.run(&json!({"task": "wait"}));
    server.follow(job, "0", is_begun);
    project.write("go", "");
    assert_eq!(agent.stop(), Some(0));
    assert_eq!(server.end_of(job).state, "success");
}

#[test]
fn a_name_belongs_to_one_agent() {
    let project = project();
    let server = JobServer::start(&project, &[]);
    let args = [
        "client",
        "start",
        "--server",
        &format!("http://{}", server.address),
        "--name",
        "local",
        "--data",
        "own",
    ];
    let why = "the server refuses this agent: the name local is that of the server's own node: choose another one with --name";
    project.run(args).exit(1).stderr_has(why);
}

#[test]
fn a_node_that_lost_its_directory_is_the_servers_own_or_another_one() {
    let project = project();
    let mut server = JobServer::start(&project, &["--slots", "1"]);
    let url = format!("http://{}", server.address);
    let flags = |data| ["--server", url.as_str(), "--name", "far", "--data", data];
    let mut agent = JobAgent::start_in(&project, &flags("old"), &[]);
    agent.says("connected");
    agent.stop();
    let why = "another agent has the name far: give each one its own, or, where that one is no more, remove it first with DELETE /api/v1/nodes/2";
    project.run(["client", "start"].into_iter().chain(flags("new"))).exit(1).stderr_has(why);
    server.stop();
    std::fs::remove_dir_all(project.path(".ez-server/agent")).expect("it is there");
    server.start_again();
    let job = server.run(&json!({"task": "hello"}));
    assert_eq!(server.end_of(job).state, "success");
}

#[test]
fn a_server_that_is_told_to_end_ends() {
    let project = project();
    let mut server = JobServer::start(&project, &[]);
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn a_server_for_other_machines_wants_a_token() {
    let project = project();
    project
        .run(["server", "start", "--host", "0.0.0.0", "--port", "0"])
        .exit(1)
        .stderr_has("can be reached from other machines");
}

#[test]
fn contents_are_for_nodes_and_for_those_who_run_jobs() {
    let project = project();
    let mut server = JobServer::start_in(&project, &[], &[("EZ_SERVER_TOKEN", "own-token-of-a-test")]);
    for (scope, expected) in [("read", 403), ("edit", 403), ("run", 200), ("node", 200), ("admin", 200)] {
        let made = project.run(["server", "token", "create", scope, "--scopes", scope]);
        server.token = Some(made.success().stdout.trim().to_owned());
        let asked = server.ask("POST", "/content/missing", Some(&json!({"digests": []})));
        assert_eq!(asked.status, expected, "{scope}: {asked:?}");
    }
}

#[test]
fn jobs_do_not_see_the_tokens_of_server_and_agent() {
    let project = project();
    let server = JobServer::start_in(
        &project,
        &[],
        &[("EZ_SERVER_TOKEN", "own-token-of-a-test"), ("EZ_CLIENT_TOKEN", "other")],
    );
    let job = server.run(&json!({"task": "tokens"}));
    assert_eq!(server.end_of(job).text, "0\n");
}

#[test]
fn tokens_are_made_listed_and_revoked() {
    let project = project();
    let token = project
        .run(["server", "token", "create", "ci", "--scopes", "read,run"])
        .success()
        .stdout
        .trim()
        .to_owned();
    let mut server = JobServer::start(&project, &[]);
    server.token = Some(token.clone());
    let job = server.run(&json!({"task": "hello"}));
    assert_eq!(server.end_of(job).state, "success");
    assert_eq!(server.ask("DELETE", &format!("/jobs/{job}"), None).status, 403);
    let id = token.split('_').nth(1).expect("an id").to_owned();
    assert_eq!(server.job(job)["submitted_by"], Value::String(id.clone()));
    let listed = project.run(["server", "token", "list"]);
    listed.success().stdout_has("ci").stdout_has("read,run").lacks(&token);
    project.run(["server", "token", "revoke", &id]).success();
    assert_eq!(server.ask("GET", "/jobs", None).status, 401);
    project.run(["server", "token", "revoke", &id]).exit(2).stderr_has("ez server token list");
    // A server that was closed is not opened by that.
    server.stop();
    server.start_again();
    server.token = None;
    assert_eq!(server.ask("GET", "/jobs", None).status, 401);
    let made = project.run(["server", "token", "create", "a\tb"]);
    made.exit(2).stderr_has("\"a\\tb\" is no name of a token");
    let made = project.run(["server", "token", "create", "second", "--scopes", "read,read,admin"]);
    server.token = Some(made.success().lacks("the first one").stdout.trim().to_owned());
    project.run(["server", "token", "list"]).success().stdout_has("  read,admin  ");
    let audit = server.ask("GET", "/audit", None).json();
    let revoked = audit["audit"].as_array().expect("a list").iter().filter(|line| line["action"] == "revoke");
    assert_eq!(revoked.count(), 1);
}

#[test]
fn pages_of_other_sites_are_refused() {
    let project = project();
    let server = JobServer::start(&project, &[]);
    let evil = [("Origin", "http://evil.example")];
    assert_eq!(server.ask_with("GET", "/jobs", None, &evil).status, 403);
    let own = format!("http://{}", server.address);
    assert_eq!(server.ask_with("GET", "/jobs", None, &[("Origin", own.as_str())]).status, 200);
}

#[test]
fn jobs_are_listed_in_pages() {
    let project = project();
    let server = JobServer::start(&project, &[]);
    let jobs: Vec<i64> = (0..5).map(|_| server.run(&json!({"task": "hello"}))).collect();
    for job in &jobs {
        server.end_of(*job);
    }
    let ids = |page: &Value| -> Vec<i64> {
        page["jobs"].as_array().expect("a list").iter().filter_map(|job| job["id"].as_i64()).collect()
    };
    let first = server.ask("GET", "/jobs?limit=3", None).json();
    assert_eq!(ids(&first), [5, 4, 3]);
    let second = server.ask("GET", &format!("/jobs?limit=3&cursor={}", first["next"]), None).json();
    assert_eq!((ids(&second), second.get("next")), (vec![2, 1], None));
    assert_eq!(server.ask("DELETE", "/jobs/2", None).status, 204);
    assert_eq!(ids(&server.ask("GET", "/jobs?state=success&name=hello", None).json()), [5, 4, 3, 1]);
}

#[test]
fn a_backup_is_a_server_that_can_be_started() {
    let project = project();
    let mut server = JobServer::start(&project, &[]);
    let job = server.run(&json!({"task": "hello"}));
    server.end_of(job);
    project.run(["server", "backup", "copy.db"]).success();
    project.run(["server", "backup", "copy.db"]).exit(2).stderr_has("is there already");
    project
        .run(["server", "backup", "x.db", "--db", "typo/ez.db"])
        .exit(2)
        .stderr_has("there is no database at");
    assert!(!project.path("typo").exists());
    server.stop();
    // Who copies the file of a server that has ended has everything.
    assert_eq!(std::fs::metadata(project.path(".ez-server/ez.db-wal")).map_or(0, |wal| wal.len()), 0);
    let copy = JobServer::start(&project, &["--db", "copy.db", "--slots", "0"]);
    assert_eq!(copy.job(job)["state"], "success");
}

/// Server, agent and watchers are killed at random places of the logs. `EZ_FAULT_JOBS` says how many jobs it takes.
#[test]
fn whatever_is_killed_every_job_ends_once_and_no_byte_is_lost() {
    let project = project();
    let mut server = JobServer::start(&project, &["--slots", "0"]);
    let mut agent = JobAgent::start(&project, &server, "one", &["--slots", "3"]);
    let mut chance = Chance(0x5eed);
    let mut jobs: Vec<(i64, u64)> = Vec::new();
    for number in 0..fault_jobs() {
        let lines = 20 + chance.below(60);
        let key = format!("job-{number}");
        let request = json!({"task": "count", "vars": {"LINES": lines.to_string()}, "idempotency_key": key});
        let job = server.run(&request);
        // Asked again, it is the same job.
        assert_eq!(server.run(&request), job);
        jobs.push((job, lines));
    }
    for (job, _) in &jobs {
        let wanted = format!("line {}\n", 1 + chance.below(15));
        server.follow(*job, "0", |text| text.contains(&wanted));
        match chance.below(4) {
            0 => {
                server.kill();
                server.start_again();
            }
            1 => {
                agent.kill();
                agent.start_again();
            }
            2 => {
                if let Some(pid) = watchers(&project).first() {
                    kill(*pid);
                }
            }
            _ => {}
        }
    }
    for (job, lines) in jobs {
        let told = server.end_of(job);
        let record = server.job(job);
        // An attempt that was given to an agent which was just killed never began, and another one takes its place.
        let attempts = record["attempts"].as_array().expect("a list");
        let begun = attempts.iter().filter(|attempt| !attempt["started"].is_null());
        assert_eq!(begun.count(), 1, "{record}");
        let whole: String = (1..=lines).fold(String::new(), |text, line| text + &format!("line {line}\n"));
        if told.state == "success" {
            assert_eq!(told.text, whole, "job {job}");
        } else {
            assert_eq!(record["reason"], "the process that watched over it was killed", "{record}");
            assert!(whole.starts_with(&told.text), "job {job}: {}", told.text);
        }
    }
    assert_eq!(watchers(&project), [0; 0]);
    assert_eq!(agent.stop(), Some(0));
}

#[test]
fn a_key_is_that_of_one_request() {
    let project = project();
    let server = JobServer::start(&project, &["--slots", "0"]);
    let request = |task: &str| json!({"task": task, "idempotency_key": "k"});
    let job = server.run(&request("hello"));
    assert_eq!(server.run(&request("hello")), job);
    let answer = server.ask("POST", "/tasks/run", Some(&request("fail")));
    assert_eq!(answer.status, 409, "{answer:?}");
    assert!(answer.body.contains("which is another request"), "{answer:?}");
}

#[test]
fn attempts_that_fail_follow_each_other_more_and_more_slowly() {
    let project = project();
    let server = JobServer::start(&project, &[]);
    let too_often = json!({"task": "fail", "retry": 101});
    assert_eq!(server.ask("POST", "/tasks/run", Some(&too_often)).status, 400);
    let job = server.run(&json!({"task": "fail", "retry": 3}));
    while server.job(job)["state"] != "failed" {}
    let attempts = server.job(job)["attempts"].as_array().expect("a list").clone();
    assert_eq!(attempts.len(), 4);
    let pauses = attempts.windows(2).map(|two| {
        let time = |attempt: &Value, name: &str| attempt[name].as_i64().expect("a time");
        time(&two[1], "assigned") - time(&two[0], "finished")
    });
    for (pause, least) in pauses.zip([200, 400, 800]) {
        assert!(pause >= least - 5, "{attempts:?}");
    }
}

#[test]
fn a_job_that_is_cancelled_before_its_next_attempt_has_none() {
    let project = project();
    let server = JobServer::start(&project, &[]);
    let job = server.run(&json!({"task": "fail", "retry": 100}));
    // The pauses get so long that one of them is met.
    while server.job(job)["waits_for"] != "the pause before its next attempt" {}
    assert_eq!(server.ask("POST", &format!("/jobs/{job}/cancel"), None).status, 202);
    while server.job(job)["state"] != "cancelled" {}
    let attempts = server.job(job)["attempt"].as_i64().expect("a number");
    assert_eq!(server.run(&json!({"task": "hello"})), job + 1);
    server.end_of(job + 1);
    assert_eq!(server.job(job)["attempt"], attempts);
}

#[test]
fn a_job_that_was_cancelled_while_it_ran_says_by_whom() {
    let project = project();
    let server = JobServer::start(&project, &[]);
    let job = server.run(&json!({"task": "stay"}));
    server.follow(job, "0", is_begun);
    server.ask("POST", &format!("/jobs/{job}/cancel"), None);
    server.end_of(job);
    assert_eq!(
        (&server.job(job)["state"], &server.job(job)["reason"]),
        (&json!("cancelled"), &json!("cancelled by local"))
    );
}
