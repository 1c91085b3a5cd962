//! Plans on a server: their files, their runs, and what becomes of each step, whatever is killed.

#![cfg(target_os = "linux")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::os::unix::fs::symlink;

use ez_tests::Project;
use ez_tests::chance::Chance;
use ez_tests::event_client::EventClient;
use ez_tests::job_server::{JobAgent, JobServer, is_begun, kill, running_in, watchers};
use serde_json::{Value, json};

/// Says of a change that it is meant for whatever is there.
const ANY: [(&str, &str); 1] = [("If-Match", "*")];

const TASKFILE: &str = r#"version: '3'
silent: true
tasks:
  say: echo "{{.WORD | default "nothing"}} on $EZ_NODE_NAME"
  fail: 'echo failing; exit 3'
  flaky: 'echo try >> tries; echo "try $(wc -l < tries)"; test $(wc -l < tries) -ge {{.AT | default 2}}'
  gate: 'echo begun; test -e open'
  wait: 'echo begun; while [ ! -e go ]; do sleep 0.01; done; echo done'
  stay: 'echo begun; exec sleep 765432'
  tell: 'echo "the token is $TOKEN"'
  count: 'mkdir -p effects; for i in $(seq {{.LINES}}); do echo "line $i"; sleep 0.001; done; echo {{.NAME}} >> effects/{{.NAME}}'
"#;

const PLAN: &str = "desc: All that can happen to a step
steps:
  - {name: build, task: say, matrix: {arch: [arm64, x86_64], os: [linux]}, vars: {WORD: '{{.arch}}'}}
  - {name: flaky, task: flaky, retry: 2}
  - {name: never, task: say, when: 'false', needs: [build]}
  - {name: bad, task: fail, needs: [flaky]}
  - {name: after, task: say, needs: [bad, build]}
  - {name: borne, task: fail, continue_on_error: true}
";

fn project(plan: &str) -> Project {
    Project::new().file("Taskfile.yml", TASKFILE).file("plans/p.yml", plan)
}

/// Has a plan run. The number of the run.
fn run(server: &JobServer<'_>, request: &Value) -> i64 {
    let answer = server.ask("POST", "/plans/p/run", Some(request));
    assert_eq!(answer.status, 202, "{answer:?}");
    answer.json()["run"].as_i64().expect("a number")
}

fn record(server: &JobServer<'_>, run: i64) -> Value {
    server.ask("GET", &format!("/plans/runs/{run}"), None).json()
}

/// Whether a run has ended.
fn is_over(record: &Value) -> bool {
    ["success", "failed", "cancelled"].contains(&record["state"].as_str().expect("a state"))
}

/// Waits until a run has ended.
fn end_of(server: &JobServer<'_>, run: i64) -> Value {
    loop {
        let now = record(server, run);
        if is_over(&now) {
            return now;
        }
        server.end_of(now["job"].as_i64().expect("a number"));
    }
}

/// Of each step one field.
fn fields(record: &Value, field: &str) -> BTreeMap<String, Value> {
    let steps = record["steps"].as_array().expect("steps").iter();
    steps.map(|step| (step["name"].as_str().expect("a name").to_owned(), step[field].clone())).collect()
}

fn states(record: &Value) -> Vec<(String, String)> {
    let states = fields(record, "state").into_iter();
    states.map(|(name, state)| (name, state.as_str().expect("a state").to_owned())).collect()
}

fn are(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(name, state)| ((*name).to_owned(), (*state).to_owned())).collect()
}

/// The address of the log of a step. Brackets and the like are written as in addresses.
fn log_of(run: i64, step: &str) -> String {
    let mut name = String::new();
    for byte in step.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => name.push(byte.into()),
            other => {
                let _ = write!(name, "%{other:02X}");
            }
        }
    }
    format!("/plans/runs/{run}/steps/{name}/logs")
}

fn text_of(server: &JobServer<'_>, run: i64, step: &str) -> String {
    let answer = server.ask("GET", &format!("{}?format=text", log_of(run, step)), None);
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body
}

/// Waits until a step of a run has begun to print.
fn wait_for(server: &JobServer<'_>, run: i64, step: &str) {
    while !is_begun(&server.follow_at(&log_of(run, step), "0", is_begun).text) {}
}

#[test]
fn each_step_of_a_run_has_its_end_and_its_log() {
    let project = project(PLAN);
    let server = JobServer::start(&project, &[]);
    let id = run(&server, &json!({}));
    let ended = end_of(&server, id);
    assert_eq!((&ended["state"], &ended["exit_code"]), (&json!("failed"), &json!(201)), "{ended}");
    assert_eq!(
        states(&ended),
        are(&[
            ("after", "blocked"),
            ("bad", "failed"),
            ("borne", "tolerated"),
            ("build[arch=arm64,os=linux]", "succeeded"),
            ("build[arch=x86_64,os=linux]", "succeeded"),
            ("flaky", "succeeded"),
            ("never", "skipped"),
        ])
    );
    let attempts = fields(&ended, "attempt");
    assert_eq!((&attempts["flaky"], &attempts["bad"], &attempts["after"]), (&json!(2), &json!(1), &json!(0)));
    let exits = fields(&ended, "exit_code");
    assert_eq!((&exits["bad"], &exits["flaky"], &exits["never"]), (&json!(3), &json!(0), &Value::Null));
    let reasons = fields(&ended, "reason");
    assert_eq!((&reasons["bad"], &reasons["after"]), (&json!("exit status 3"), &json!("`bad` failed")));
    let nodes = fields(&ended, "node");
    assert_eq!((&nodes["bad"], &nodes["after"]), (&json!("local"), &Value::Null));
    let (started, finished) = (fields(&ended, "started"), fields(&ended, "finished"));
    assert!(finished["bad"].as_i64() >= started["bad"].as_i64() && started["bad"].is_i64());
    assert_eq!((&started["after"], finished["after"].is_i64()), (&Value::Null, true));
    assert_eq!(ended["steps"][6]["name"], "borne");
    assert_eq!(
        (&ended["steps"][5]["needs"], &ended["steps"][5]["level"]),
        (&json!(["build", "bad"]), &json!(2))
    );
    assert_eq!(
        (&ended["steps_total"], &ended["steps_done"], &ended["steps_failed"]),
        (&json!(7), &json!(7), &json!(1))
    );
    assert_eq!(text_of(&server, id, "build[arch=arm64,os=linux]"), "arm64 on local\n");
    assert_eq!(text_of(&server, id, "flaky"), "try 1\nexit status 1; attempt 2 of 3\ntry 2\n");
    assert_eq!(text_of(&server, id, "never"), "");
    let told = server.follow_at(&log_of(id, "bad"), "0", |_| false);
    assert_eq!((told.text.as_str(), told.state.as_str()), ("failing\n", "failed"));
    let rest = server.follow_at(&log_of(id, "bad"), &told.last_id, |_| false);
    assert_eq!((rest.text.as_str(), rest.state.as_str()), ("", "failed"));
}

const REMOTE_TASKFILE: &str = r#"version: '3'
silent: true
tasks:
  make: {sources: [seed], generates: [made], cmds: ['echo begun; while [ ! -e {{.GO}} ]; do sleep 0.01; done; echo by $EZ_NODE_NAME > made']}
  show: 'cat made; printf %s "$EZ_CLIENT_TOKEN" | head -c 40; sleep 0.1; printf %s "$EZ_CLIENT_TOKEN" | tail -c +41'
"#;

const REMOTE_PLAN: &str = "params: [{name: go, required: true}]
steps:
  - {name: make, task: make, remote: true, vars: {GO: '{{.go}}'}, artifacts: [{name: made, path: made}]}
  - {name: show, task: show, needs: [make], inputs: [{from: make, artifact: made, to: ./}]}
";

/// Runs a plan with a remote step, and looks at it while the step runs.
fn run_remote(server: &JobServer<'_>, project: &Project, node: &str) -> Value {
    let run = run(server, &json!({"vars": {"go": project.path("go")}, "node": "local"}));
    follow_remote(server, project, node, run)
}

/// Looks at the run of a plan while its remote step runs.
fn follow_remote(server: &JobServer<'_>, project: &Project, node: &str, run: i64) -> Value {
    let mut now = record(server, run);
    while fields(&now, "node").get("make") != Some(&json!(node)) {
        now = record(server, run);
        assert!(!is_over(&now), "{now}");
    }
    project.write("go", "");
    let ended = end_of(server, run);
    assert_eq!(states(&ended), are(&[("make", "succeeded"), ("show", "succeeded")]), "{ended}");
    assert!(text_of(server, run, "show").starts_with(&format!("by {node}\n")));
    ended
}

#[test]
fn a_run_has_its_remote_steps_on_other_nodes() {
    let files = |project: Project| project.file("seed", "").file("plans/p.yml", REMOTE_PLAN);
    let project = files(
        Project::new()
            .file("Taskfile.yml", REMOTE_TASKFILE.replace("sources", "ez-remote: {tags: [far]}, sources")),
    );
    let server = JobServer::start(&project, &["--slots", "1"]);
    let node = Project::new();
    let _far = JobAgent::start(&node, &server, "ada", &["--tags", "far"]);
    let ended = run_remote(&server, &project, "ada");
    assert_eq!(fields(&ended, "node")["show"], "local");
}

#[test]
fn a_run_has_its_remote_steps_on_the_only_place_of_a_server_with_tokens() {
    let project = Project::new()
        .file("Taskfile.yml", REMOTE_TASKFILE)
        .file("seed", "")
        .file("plans/p.yml", REMOTE_PLAN);
    let token = "the-token-of-the-administrator";
    let server =
        JobServer::start_in(&project, &["--slots", "1", "--max-jobs", "1"], &[("EZ_SERVER_TOKEN", token)]);
    let ended = run_remote(&server, &project, "local");
    // What it asked with was its own, and is told to nobody.
    let jobs = server.ask("GET", "/jobs", None).json();
    let of_step = jobs["jobs"].as_array().unwrap().iter().find(|job| job["name"] == "make").unwrap();
    let asker = format!("job {}", ended["job"]);
    assert_eq!(of_step["submitted_by"], asker.as_str());
    let told = text_of(&server, ended["id"].as_i64().unwrap(), "show");
    assert!(told.contains("*****") && !told.contains("ez_attempt"), "{told}");
    no_file_has(&project, "ez_attempt_");
}

#[test]
fn a_plan_with_files_of_its_own_has_its_remote_steps_too() {
    let send = "  send: {ez-remote: {sync_in: [plans, seed]}, cmds: ['true']}\n";
    let project = Project::new()
        .file("Taskfile.yml", format!("{REMOTE_TASKFILE}{send}"))
        .file("seed", "")
        .file("plans/p.yml", REMOTE_PLAN)
        .file("plans/here.yml", "steps: [{task: send}]");
    let elsewhere = Project::new();
    let server = JobServer::start(&elsewhere, &["--slots", "1"]);
    let url = format!("http://{}", server.address);
    project.run(["run", "--remote", "--server", &url, "send"]).success();
    let inputs = server.job(1)["inputs"].clone();
    let submit = |plan: &str, vars: Value| {
        let request = json!({"kind": "plan", "name": plan, "inputs": inputs, "vars": vars});
        let answer = server.ask("POST", "/jobs", Some(&request));
        assert_eq!(answer.status, 202, "{answer:?}");
        answer.json()["job"].as_i64().expect("a number")
    };
    let run = submit("p", json!({"go": project.path("go")}));
    let ended = follow_remote(&server, &project, "local", run);
    let told = text_of(&server, run, "show");
    assert!(told.contains("*****") && !told.contains("ez_attempt"), "{told}");
    // A plan without remote steps takes a slot like other jobs.
    assert_eq!(server.job(run)["plan"]["has_remote_steps"], true, "{ended}");
    let here = submit("here", json!({}));
    assert_eq!(end_of(&server, here)["state"], "success");
    assert_eq!(server.job(here)["plan"], Value::Null);
}

#[test]
fn the_log_of_a_step_goes_on_at_places_that_it_has() {
    let project = project("steps:\n  - {name: first, task: say}\n  - {name: second, task: say}\n");
    let server = JobServer::start(&project, &[]);
    let id = run(&server, &json!({}));
    end_of(&server, id);
    let path = log_of(id, "first");
    let told = server.follow_at(&path, "0", |_| false);
    assert_eq!(told.state, "succeeded");
    let asked = |last: &str| server.ask_with("GET", &path, None, &[("Last-Event-ID", last)]);
    assert_eq!(asked(&told.last_id).status, 200);
    let (attempt, byte) = told.last_id.rsplit_once('-').expect("a place");
    let byte: u64 = byte.parse().expect("a number");
    for wrong in [
        "x".to_owned(),
        "7".to_owned(),
        format!("{attempt}-{}", byte - 1),
        format!("{attempt}-{}", byte + 1_000_000),
        format!("{attempt}-{}", u64::MAX),
        "1-7-0".to_owned(),
        "99-1-0".to_owned(),
        "-1--1-0".to_owned(),
    ] {
        let refused = asked(&wrong);
        assert_eq!(refused.status, 400, "{wrong}: {refused:?}");
        assert!(refused.body.contains("without it the log begins anew"), "{refused:?}");
    }
}

#[test]
fn a_step_is_told_while_it_runs() {
    let project =
        project("steps:\n  - {name: first, task: wait}\n  - {name: second, task: say, needs: [first]}\n");
    let server = JobServer::start(&project, &[]);
    let id = run(&server, &json!({}));
    wait_for(&server, id, "first");
    let now = record(&server, id);
    assert_eq!(states(&now), are(&[("first", "running"), ("second", "waiting")]));
    // The plan of a run is the one with which it began.
    let changed = server.send_yaml("PUT", "/plans/p/yaml", "steps: [{name: other, task: say}]\n", &ANY);
    assert_eq!(changed.status, 200, "{changed:?}");
    let told = std::thread::scope(|scope| {
        let listener = scope.spawn(|| server.follow_at(&log_of(id, "second"), "0", |_| false));
        project.write("go", "");
        listener.join().expect("it listens")
    });
    assert_eq!((told.text.as_str(), told.state.as_str()), ("nothing on local\n", "succeeded"));
    assert_eq!(states(&end_of(&server, id)), are(&[("first", "succeeded"), ("second", "succeeded")]));
}

#[test]
fn a_cancelled_run_ends_all_its_steps_and_goes_on_later() {
    let project = project(
        "steps:\n  - {name: done, task: flaky, vars: {AT: 1}}\n  - {name: long, task: wait, needs: [done]}\n  - {name: late, task: say, needs: [long]}\n",
    );
    let server = JobServer::start(&project, &[]);
    let id = run(&server, &json!({}));
    wait_for(&server, id, "long");
    let refused = server.ask("POST", &format!("/plans/runs/{id}/resume"), None);
    assert_eq!(refused.status, 409, "{refused:?}");
    assert_eq!(server.ask("POST", &format!("/plans/runs/{id}/cancel"), None).status, 202);
    let ended = end_of(&server, id);
    assert_eq!(ended["state"], "cancelled");
    assert_eq!(states(&ended), are(&[("done", "succeeded"), ("late", "cancelled"), ("long", "cancelled")]));
    assert_eq!(server.ask("POST", &format!("/plans/runs/{id}/cancel"), None).status, 409);
    project.write("go", "");
    let resumed = server.ask("POST", &format!("/plans/runs/{id}/resume"), None);
    assert_eq!((resumed.status, &resumed.json()["run"]), (202, &json!(id)), "{resumed:?}");
    let ended = end_of(&server, id);
    assert_eq!((&ended["state"], ended["jobs"].as_array().map(Vec::len)), (&json!("success"), Some(2)));
    assert_eq!(states(&ended), are(&[("done", "succeeded"), ("late", "succeeded"), ("long", "succeeded")]));
    let reused = fields(&ended, "reused");
    assert_eq!((&reused["done"], &reused["long"]), (&json!(true), &json!(false)));
    assert_eq!(project.read("tries"), Some("try\n".to_owned()));
    // The log of a step is that of all times that it ran.
    assert_eq!(text_of(&server, id, "long"), "begun\nbegun\ndone\n");
    assert_eq!(text_of(&server, id, "done"), "try 1\n");
    assert_eq!(server.ask("POST", &format!("/plans/runs/{id}/resume"), None).status, 409);
}

#[test]
fn a_run_that_waits_is_cancelled_and_can_begin_later() {
    let project = project("steps: [{name: a, task: say}]\n");
    let server = JobServer::start(&project, &["--slots", "1"]);
    let first = server.run(&json!({"task": "wait"}));
    let id = run(&server, &json!({}));
    assert_eq!(server.ask("POST", &format!("/plans/runs/{id}/cancel"), None).json()["state"], "cancelled");
    assert_eq!(record(&server, id)["steps"], json!([]));
    assert_eq!(server.ask("POST", &format!("/plans/runs/{id}/resume"), None).status, 202);
    project.write("go", "");
    assert_eq!(server.end_of(first).state, "success");
    assert_eq!(states(&end_of(&server, id)), are(&[("a", "succeeded")]));
}

#[test]
fn a_run_goes_on_where_its_journal_is_or_not_at_all() {
    let project = project(
        "steps:\n  - {name: once, task: flaky, vars: {AT: 1}}\n  - {name: gate, task: gate, needs: [once]}\n",
    );
    let server = JobServer::start(&project, &["--slots", "0"]);
    let mut left = JobAgent::start(&project, &server, "left", &[]);
    let _right = JobAgent::start(&project, &server, "right", &[]);
    let id = run(&server, &json!({"node": "left"}));
    assert_eq!(states(&end_of(&server, id)), are(&[("gate", "failed"), ("once", "succeeded")]));
    left.stop();
    let refused = server.ask("POST", &format!("/plans/runs/{id}/resume"), None);
    assert_eq!(refused.status, 409);
    assert!(
        refused.body.contains("the node left, which keeps what plan run 1 did, is not connected"),
        "{refused:?}"
    );
    left.start_again();
    project.write("open", "");
    while server.ask("POST", &format!("/plans/runs/{id}/resume"), None).status != 202 {}
    let ended = end_of(&server, id);
    assert_eq!(states(&ended), are(&[("gate", "succeeded"), ("once", "succeeded")]));
    assert_eq!(fields(&ended, "node")["gate"], "left");
    assert_eq!(project.read("tries"), Some("try\n".to_owned()));
}

#[test]
fn a_checkpoint_waits_for_somebody_who_says_yes() {
    let project = project(
        "steps:\n  - {name: a, task: say}\n  - {name: b, task: say, needs: [a], checkpoint: 'Really?'}\n",
    );
    let server = JobServer::start(&project, &[]);
    let id = run(&server, &json!({}));
    let ended = end_of(&server, id);
    assert_eq!(
        (&ended["exit_code"], states(&ended)),
        (&json!(205), are(&[("a", "succeeded"), ("b", "cancelled")]))
    );
    assert_eq!(fields(&ended, "reason")["b"], "its checkpoint needs a terminal, or --yes");
    let resumed = server.ask("POST", &format!("/plans/runs/{id}/resume"), Some(&json!({"yes": true})));
    assert_eq!(resumed.status, 202);
    assert_eq!(states(&end_of(&server, id)), are(&[("a", "succeeded"), ("b", "succeeded")]));
    let at_once = run(&server, &json!({"yes": true}));
    assert_eq!(end_of(&server, at_once)["state"], "success");
}

#[test]
fn a_task_runs_as_a_plan_of_one_step() {
    let project = project("steps: [{name: a, task: say}]\n");
    let server = JobServer::start(&project, &[]);
    let request = json!({"task": "say", "vars": {"WORD": "a \"b\" {{.C}}\n- x: y"}, "node": "local", "idempotency_key": "k"});
    let answer = server.ask("POST", "/plans/run-task", Some(&request));
    assert_eq!(answer.status, 202, "{answer:?}");
    let id = answer.json()["run"].as_i64().expect("a number");
    assert_eq!(server.ask("POST", "/plans/run-task", Some(&request)).json()["run"], id);
    let ended = end_of(&server, id);
    assert_eq!(
        (&ended["kind"], &ended["name"], states(&ended)),
        (&json!("task"), &json!("say"), are(&[("say", "succeeded")]))
    );
    let missing = server.ask("POST", "/plans/run-task", Some(&json!({"task": "nothing"})));
    assert_eq!(missing.status, 404);
    let failing = server.ask("POST", "/plans/run-task", Some(&json!({"task": "gate"}))).json();
    let failing = failing["run"].as_i64().expect("a number");
    assert_eq!(end_of(&server, failing)["state"], "failed");
    project.write("open", "");
    assert_eq!(server.ask("POST", &format!("/plans/runs/{failing}/resume"), None).status, 202);
    assert_eq!(states(&end_of(&server, failing)), are(&[("gate", "succeeded")]));
    assert_eq!(text_of(&server, failing, "gate"), "begun\nbegun\n");
}

#[test]
fn secrets_are_masked_and_not_kept() {
    let plan = "params: [{name: token, type: secret, required: true}]
vars: {word: {value: x, secret: true}}
steps:
  - {name: a, task: tell, env: {TOKEN: '{{.token}}'}}
  - {name: b, task: gate, needs: [a], vars: {WORD: '{{.word}}'}}
";
    let project = project(plan);
    let server = JobServer::start(&project, &[]);
    let refused = server.ask("POST", "/plans/p/run", Some(&json!({"vars": {"word": "y"}})));
    assert_eq!(refused.status, 400, "{refused:?}");
    let unknown = json!({"vars": {"token": "t", "EZ_PW": "s3cr3t-value"}});
    let refused = server.ask("POST", "/plans/p/run", Some(&unknown));
    assert_eq!(refused.status, 400);
    assert_eq!(refused.json()["error"], "the plan knows no variable `EZ_PW`: it takes token, word");
    let secret = json!({"vars": {"token": "s3cr3t-value"}});
    let id = run(&server, &secret);
    let job = end_of(&server, id)["job"].as_i64().expect("a number");
    assert_eq!(text_of(&server, id, "a"), "the token is *****\n");
    let log = server.ask("GET", &format!("/jobs/{job}/logs?format=text"), None).body;
    assert!(log.contains("the token is *****"), "{log}");
    // It has to be given again, and nothing else can be.
    project.write("open", "");
    let resume = format!("/plans/runs/{id}/resume");
    assert_eq!(server.ask("POST", &resume, None).status, 202);
    assert_eq!(end_of(&server, id)["exit_code"], 206);
    assert_eq!(server.ask("POST", &resume, Some(&json!({"vars": {"stage": "x"}}))).status, 400);
    assert_eq!(server.ask("POST", &resume, Some(&secret)).status, 202);
    assert_eq!(states(&end_of(&server, id)), are(&[("a", "succeeded"), ("b", "succeeded")]));
    no_file_has(&project, "s3cr3t-value");
}

#[test]
fn a_secret_that_a_task_prints_in_pieces_is_kept_nowhere() {
    let taskfile = r#"version: '3'
silent: true
tasks:
  sec:
    ez-params: [{name: pw, type: secret}]
    cmds: ['printf %s "$EZ_PW" | head -c 5; sleep 0.2; printf %s "$EZ_PW" | tail -c +6; echo; echo "$EZ_PW" >&2; exit $EZ_PW']
"#;
    let project = Project::new().file("Taskfile.yml", taskfile).file("plans/p.yml", "steps: [{task: sec}]");
    let server = JobServer::start(&project, &[]);
    let request = json!({"task": "sec", "vars": {"EZ_PW": "hunter2SuperSecretValue"}});
    let answer = server.ask("POST", "/plans/run-task", Some(&request));
    let id = answer.json()["run"].as_i64().expect("a number");
    end_of(&server, id);
    assert!(text_of(&server, id, "sec").contains("*****\n"));
    no_file_has(&project, "SuperSecretValue");
    no_file_has(&project, "hunte");
    drop(server);
    let project = project.env("EZ_PW", "hunter2SuperSecretValue");
    project.run(["plan", "run", "p"]).exit(201).lacks("SuperSecretValue");
    no_file_has(&project, "SuperSecretValue");
    no_file_has(&project, "hunte");
    project
        .run(["plan", "run", "p", "EZ_PW=x"])
        .exit(2)
        .stderr_has("knows no variable \"EZ_PW\": it takes none");
}

/// Looks at all that server and runs keep.
fn no_file_has(project: &Project, secret: &str) {
    let mut open = vec![project.path(".ez-server"), project.path(".ez")];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(std::fs::read_dir(path).expect("a directory").flatten().map(|entry| entry.path()));
        } else {
            let text = String::from_utf8_lossy(&std::fs::read(&path).expect("a file")).into_owned();
            assert!(!text.contains(secret), "{}: {text}", path.display());
        }
    }
}

#[test]
fn plans_are_read_written_and_refused_where_they_are_wrong() {
    let project = project(PLAN);
    let server = JobServer::start(&project, &[]);
    let listed = server.ask("GET", "/plans", None).json();
    assert_eq!(listed["plans"][0]["name"], "p");
    let plan = server.ask("GET", "/plans/p", None).json();
    assert_eq!(plan["levels"][2], json!(["after"]));
    assert_eq!(plan["nodes"][2]["name"], "flaky");
    assert_eq!(
        plan["nodes"][3]["needs"],
        json!(["build[arch=arm64,os=linux]", "build[arch=x86_64,os=linux]"])
    );

    let read = server.ask("GET", "/plans/p/yaml", None);
    assert_eq!(
        (read.body.as_str(), read.header("content-type")),
        (PLAN, Some("application/yaml; charset=utf-8"))
    );
    let etag = read.header("etag").expect("a version").to_owned();
    let own = [("If-Match", etag.as_str())];
    let text = "# mine\nsteps: [{name: a, task: say}]\n";
    let saved = server.send_yaml("PUT", "/plans/p/yaml", text, &own);
    assert_eq!((saved.status, saved.header("etag") == Some(&etag)), (200, false), "{saved:?}");
    // Somebody else had the same version.
    let late = server.send_yaml("PUT", "/plans/p/yaml", PLAN, &own);
    assert_eq!(late.status, 412, "{late:?}");
    assert_eq!(server.ask_with("DELETE", "/plans/p", None, &own).status, 412);

    let broken = server.send_yaml("PUT", "/plans/p/yaml", "steps: [{name: a, task: sya}]\n", &ANY);
    assert_eq!(broken.status, 422, "{broken:?}");
    let found = &broken.json()["details"][0];
    assert_eq!((&found["severity"], &found["file"]), (&json!("error"), &json!("plans/p.yml")), "{broken:?}");
    assert!(found["message"].as_str().expect("a text").contains("sya"), "{broken:?}");
    assert_eq!(server.send_yaml("PUT", "/plans/p/yaml", "steps: [", &ANY).status, 422);
    assert_eq!(project.read("plans/p.yml").as_deref(), Some(text));

    let new = json!({"name": "q", "yaml": text});
    let made = server.ask("POST", "/plans", Some(&new));
    assert_eq!((made.status, made.header("location")), (201, Some("/api/v1/plans/q")), "{made:?}");
    assert_eq!(server.ask("POST", "/plans", Some(&new)).status, 409);
    assert_eq!(server.ask("GET", "/plans/q/yaml", None).header("etag"), made.header("etag"));
    for name in ["../q", "a/b", "", ".hidden", "runs", "run-task", "-"] {
        let refused = server.ask("POST", "/plans", Some(&json!({"name": name, "yaml": text})));
        assert_eq!(refused.status, 400, "{name}: {refused:?}");
    }
    assert_eq!(server.ask("DELETE", "/plans/q", None).status, 204);
    for path in [
        "/plans/q",
        "/plans/q/yaml",
        "/plans/..%2Fplans%2Fp",
        "/plans/runs/99",
        "/plans/runs/99/steps/a/logs",
    ] {
        assert_eq!(server.ask("GET", path, None).status, 404, "{path}");
    }
    assert_eq!(server.ask("POST", "/plans/q/run", Some(&json!({}))).status, 404);
    project.write("plans/p.yml", "steps: [{task: sya}]\n");
    while server.ask("POST", "/plans/p/run", Some(&json!({}))).status != 422 {}
    // Nothing of what was checked is left.
    let drafts = std::fs::read_dir(project.path(".ez/drafts")).map_or(0, Iterator::count);
    assert_eq!((drafts, std::fs::read_dir(project.path("plans")).expect("plans").count()), (0, 1));
}

#[test]
fn links_of_plans_stay_and_links_out_are_refused() {
    const ELSEWHERE: &str = "desc: mine\nsteps: [{task: say}]\n";
    let elsewhere = Project::new().file("out.yml", ELSEWHERE);
    let project = project(PLAN).file("shared/in.yml", "steps: [{task: say}]\n");
    symlink("../shared/in.yml", project.path("plans/in.yml")).expect("a link");
    symlink(elsewhere.path("out.yml"), project.path("plans/out.yml")).expect("a link");
    let server = JobServer::start(&project, &[]);
    let text = "steps: [{task: fail}]\n";
    assert_eq!(server.send_yaml("PUT", "/plans/in/yaml", text, &ANY).status, 200);
    let is_link = |name: &str| project.path(&format!("plans/{name}.yml")).is_symlink();
    assert_eq!((is_link("in"), project.read("shared/in.yml").as_deref()), (true, Some(text)));
    assert_eq!(server.ask("GET", "/plans/in/yaml", None).body, text);

    let to_plan = json!({"plan_name": "out", "overwrite": true});
    for (method, path, body) in [
        ("GET", "/plans/out", None),
        ("GET", "/plans/out/yaml", None),
        ("POST", "/plans/out/run", Some(&json!({}))),
        ("POST", "/tasks/say/to-plan", Some(&to_plan)),
        ("DELETE", "/plans/out", None),
    ] {
        let refused = server.ask(method, path, body);
        let is_told = refused.body.contains("outside of the project");
        assert_eq!((refused.status, is_told), (422, true), "{method} {path}: {refused:?}");
    }
    assert_eq!(server.send_yaml("PUT", "/plans/out/yaml", text, &ANY).status, 422);
    assert_eq!((is_link("out"), elsewhere.read("out.yml").as_deref()), (true, Some(ELSEWHERE)));
    // Of a link only the link goes.
    assert_eq!(server.ask("DELETE", "/plans/in", None).status, 204);
    assert_eq!((is_link("in"), project.read("shared/in.yml").as_deref()), (false, Some(text)));

    std::fs::remove_dir_all(project.path("plans")).expect("it is ours");
    symlink(elsewhere.root(), project.path("plans")).expect("a link");
    let new = json!({"name": "new", "yaml": text});
    assert_eq!(server.ask("POST", "/plans", Some(&new)).status, 422);
    assert!(!elsewhere.path("new.yml").exists());
}

#[test]
fn a_run_is_deleted_as_a_whole() {
    let project = project("steps: [{name: gate, task: gate}]\n");
    let server = JobServer::start(&project, &[]);
    let id = run(&server, &json!({}));
    end_of(&server, id);
    project.write("open", "");
    let resumed = server.ask("POST", &format!("/plans/runs/{id}/resume"), None).json();
    let last = resumed["job"].as_i64().expect("a number");
    assert_eq!(end_of(&server, id)["state"], "success");
    let refused = server.ask("DELETE", &format!("/jobs/{last}"), None);
    let why = format!(
        "job {last} belongs to plan run {id}, which is forgotten as a whole: delete job {id}, its first one"
    );
    assert_eq!((refused.status, &refused.json()["error"]), (409, &json!(why)));
    assert_eq!(text_of(&server, id, "gate"), "begun\nbegun\n");
    assert_eq!(server.ask("DELETE", &format!("/jobs/{id}"), None).status, 204);
    for path in [format!("/plans/runs/{id}"), format!("/jobs/{id}"), format!("/jobs/{last}")] {
        assert_eq!(server.ask("GET", &path, None).status, 404, "{path}");
    }
    let shards = std::fs::read_dir(project.path(".ez-server/logs")).expect("logs").flatten();
    let left: usize = shards.map(|shard| std::fs::read_dir(shard.path()).expect("a directory").count()).sum();
    assert_eq!(left, 0);
}

#[test]
fn runs_are_listed_in_pages() {
    let project = project("steps: [{name: a, task: say}]\n");
    let server = JobServer::start(&project, &[]);
    let runs: Vec<i64> = (0..4).map(|_| run(&server, &json!({}))).collect();
    let task = server.ask("POST", "/plans/run-task", Some(&json!({"task": "fail"}))).json();
    let task = task["run"].as_i64().expect("a number");
    for id in runs.iter().chain([&task]) {
        end_of(&server, *id);
    }
    let ids = |path: &str| -> (Vec<i64>, Option<i64>) {
        let page = server.ask("GET", path, None).json();
        let runs = page["runs"].as_array().expect("a list").iter();
        (runs.filter_map(|run| run["id"].as_i64()).collect(), page["next"].as_i64())
    };
    assert_eq!(ids("/plans/runs?limit=3"), (vec![5, 4, 3], Some(3)));
    assert_eq!(ids("/plans/runs?limit=3&cursor=3"), (vec![2, 1], None));
    assert_eq!(ids("/plans/runs?name=p&state=success&node=1"), (vec![4, 3, 2, 1], None));
    assert_eq!(ids("/plans/runs?state=failed"), (vec![5], None));
    assert_eq!(server.ask("GET", "/plans/runs?limit=0", None).status, 400);
    // A run ends with its last job.
    assert_eq!(server.ask("DELETE", "/jobs/4", None).status, 204);
    assert_eq!(ids("/plans/runs?name=p").0, [3, 2, 1]);
    assert_eq!(server.ask("GET", "/plans/runs/4", None).status, 404);
}

#[test]
fn watchers_are_told_how_a_run_stands() {
    let project = project(PLAN);
    let server = JobServer::start(&project, &[]);
    let mut client = EventClient::connect(&server);
    client.subscribe(&json!({"topics": ["plan:p"]}));
    let id = run(&server, &json!({}));
    loop {
        let told = client.next_of("plan_update")["data"].clone();
        assert_eq!((&told["run_id"], &told["plan"]), (&json!(id), &json!("p")));
        if told["state"] == "failed" {
            assert_eq!((&told["steps_done"], &told["steps_failed"]), (&json!(7), &json!(1)));
            break;
        }
    }
}

#[test]
fn a_thousand_steps_are_told() {
    let mut plan = String::from("steps:\n  - {name: first, task: nothing}\n");
    for number in 0..999 {
        let _ = writeln!(plan, "  - {{name: s{number}, task: nothing, needs: [first]}}");
    }
    let project = project(&plan);
    project.write("Taskfile.yml", format!("{TASKFILE}  nothing: ''\n"));
    let server = JobServer::start(&project, &[]);
    let id = run(&server, &json!({}));
    let ended = end_of(&server, id);
    assert_eq!((&ended["state"], &ended["steps_done"]), (&json!("success"), &json!(1000)));
    assert!(ended.to_string().len() < 300_000, "{}", ended.to_string().len());
    assert_eq!(ended["steps"].as_array().map(Vec::len), Some(1000));
}

/// Steps of each plan that is killed.
const STEPS: u64 = 8;

/// Server, agent, watcher and the run itself are killed at random places. `EZ_FAULT_RUNS` says how many runs it takes.
#[test]
fn whatever_is_killed_each_step_ends_once_and_is_done_once() {
    let count = std::env::var("EZ_FAULT_RUNS").ok().and_then(|count| count.parse().ok()).unwrap_or(8);
    let mut chance = Chance(0x91a5);
    let mut plan = String::from("steps:\n");
    let mut lines = BTreeMap::new();
    for number in 0..STEPS {
        let own = 20 + chance.below(60);
        let need = if number > 1 { format!("s{}", number - 2) } else { String::new() };
        let _ = writeln!(
            plan,
            "  - {{name: s{number}, task: count, needs: [{need}], vars: {{LINES: {own}, NAME: '{{{{.id}}}}-s{number}'}}}}"
        );
        lines.insert(format!("s{number}"), own);
    }
    plan.push_str("params: [{name: id, required: true}]\n");
    let project = project(&plan);
    let mut server = JobServer::start(&project, &["--slots", "0"]);
    let mut agent = JobAgent::start(&project, &server, "one", &["--slots", "2"]);
    for number in 0..count {
        let id = run(&server, &json!({"vars": {"id": number.to_string()}, "jobs": 2}));
        let mut known: BTreeMap<String, Value> = BTreeMap::new();
        for round in 0.. {
            assert!(round < 50, "run {id} does not end: {}", record(&server, id));
            let step = format!("s{}", chance.below(STEPS));
            let wanted = format!("line {}\n", 1 + chance.below(15));
            // Before it has begun, nobody knows its steps.
            while !server
                .follow_at(&log_of(id, &step), "0", |text| text.contains(&wanted))
                .text
                .contains(&wanted)
                && !is_over(&record(&server, id))
            {}
            match chance.below(5) {
                0 => {
                    server.kill();
                    server.start_again();
                }
                1 => {
                    agent.kill();
                    agent.start_again();
                }
                2 => watchers(&project).first().copied().into_iter().for_each(kill),
                3 => running_in(&project, "--events-file").first().copied().into_iter().for_each(kill),
                _ => {}
            }
            let ended = end_of(&server, id);
            check_ends(&ended, &known);
            known.extend(done(&ended));
            if ended["state"] == "success" {
                break;
            }
            // The agent may be coming back.
            while server.ask("POST", &format!("/plans/runs/{id}/resume"), None).status != 202 {}
        }
        check_whole(&server, &project, id, number, &lines);
    }
    assert_eq!(watchers(&project), [0; 0]);
    assert_eq!(agent.stop(), Some(0));
}

/// Each step of a run that ended has an end, and one that had succeeded has not begun again since.
fn check_ends(ended: &Value, before: &BTreeMap<String, Value>) {
    let states = fields(ended, "state");
    for (step, began) in fields(ended, "started") {
        let state = &states[&step];
        assert!(state != "running" && state != "waiting", "{step}: {ended}");
        if state == "succeeded" {
            assert_eq!(before.get(&step).unwrap_or(&began), &began, "{step} ran again: {ended}");
        }
    }
}

/// When the steps began that have succeeded.
fn done(ended: &Value) -> BTreeMap<String, Value> {
    let states = fields(ended, "state");
    fields(ended, "started").into_iter().filter(|(step, _)| states[step] == "succeeded").collect()
}

/// What a run did that succeeded at last: the effect of each step once, and a log that ends with all that the step printed.
fn check_whole(
    server: &JobServer<'_>,
    project: &Project,
    id: i64,
    number: u64,
    lines: &BTreeMap<String, u64>,
) {
    for (step, lines) in lines {
        let effect = project.read(&format!("effects/{number}-{step}")).unwrap_or_default();
        // A step that was killed after its effect and before its end runs again.
        assert!(effect.lines().count() >= 1, "{step} of run {id}: {effect}");
        let log = text_of(server, id, step);
        let whole: String = (1..=*lines).fold(String::new(), |text, line| text + &format!("line {line}\n"));
        let (earlier, last) = log.split_at(log.len().saturating_sub(whole.len()));
        assert_eq!(last, whole, "{step} of run {id}");
        // Before it are only beginnings of the same.
        for part in earlier.split("line 1\n").skip(1) {
            assert!(whole.starts_with(&format!("line 1\n{part}")), "{step} of run {id}: {part}");
        }
    }
}
