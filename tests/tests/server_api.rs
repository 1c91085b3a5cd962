//! The rest of the API of a server: results, files, nodes, statistics, charts, and what is true of all routes.

#![cfg(target_os = "linux")]

use std::process::Command;

use ez_tests::Project;
use ez_tests::job_server::{JobAgent, JobServer};
use serde_json::{Value, json};

const TASKFILE: &str = "version: '3'
silent: true
tasks:
  hello: echo hello
  fail: exit 3
  wait: 'echo begun; while [ ! -e go ]; do sleep 0.01; done'
";

fn project() -> Project {
    Project::new().file("Taskfile.yml", TASKFILE)
}

#[test]
fn the_last_attempt_of_a_job_has_a_result() {
    let project = project();
    let server = JobServer::start(&project, &[]);
    let job = server.run(&json!({"task": "wait"}));
    server.follow(job, "0", |text| text.contains("begun\n"));
    let attach = |attempt: i64, result: Value| {
        let body = json!({"attempt": attempt, "result": result});
        server.ask("POST", &format!("/jobs/{job}/result"), Some(&body))
    };
    assert_eq!(attach(1, json!({"passed": 7})).status, 204);
    assert_eq!(server.job(job)["result"], json!({"passed": 7}));
    assert_eq!(attach(2, json!(1)).json()["error"], format!("the last attempt of job {job} is 1, not 2"));
    assert_eq!(attach(0, json!(1)).status, 409);
    assert_eq!(attach(1, json!("x".repeat(65_536))).status, 413);
    project.write("go", "");
    server.end_of(job);
    assert_eq!(attach(1, json!(null)).status, 204);
    let unknown = server.ask("POST", "/jobs/99/result", Some(&json!({"attempt": 1, "result": 1})));
    assert_eq!(unknown.status, 404);
}

#[test]
fn an_older_attempt_cannot_speak_for_its_job() {
    let project = project();
    let server = JobServer::start(&project, &[]);
    let job = server.run(&json!({"task": "fail", "retry": 1}));
    while server.job(job)["state"] != "failed" {
        server.end_of(job);
    }
    let late = server.ask("POST", &format!("/jobs/{job}/result"), Some(&json!({"attempt": 1, "result": 1})));
    assert_eq!((late.status, &server.job(job)["result"]), (409, &Value::Null));
    let files = server.ask("GET", &format!("/jobs/{job}/files"), None).json();
    let paths: Vec<&str> =
        files["files"].as_array().expect("a list").iter().filter_map(|file| file["path"].as_str()).collect();
    assert_eq!(paths, ["attempt-1.log", "attempt-2.log"]);
}

#[test]
fn files_of_a_job_are_its_logs_and_no_others() {
    let project = project();
    let server = JobServer::start(&project, &[]);
    let job = server.run(&json!({"task": "hello"}));
    server.end_of(job);
    let shown = server.ask("GET", &format!("/jobs/{job}/files/attempt-1.log"), None);
    assert_eq!((shown.status, shown.body.as_str()), (200, "hello\n"));
    let listed = server.ask("GET", &format!("/jobs/{job}/files"), None).json();
    assert_eq!(listed["files"], json!([{"path": "attempt-1.log", "size": shown.body.len()}]));
    for path in ["attempt-2.log", "../ez.db", "%2e%2e%2fez.db", "%2Fetc%2Fpasswd", "a%00", "attempt-1.log/x"]
    {
        assert_eq!(server.ask("GET", &format!("/jobs/{job}/files/{path}"), None).status, 404, "{path}");
    }
    assert_eq!(server.ask("GET", "/jobs/99/files", None).status, 404);
    assert_eq!(server.ask("DELETE", &format!("/jobs/{job}"), None).status, 204);
    assert_eq!(server.ask("GET", &format!("/jobs/{job}/files"), None).status, 404);
}

#[test]
fn what_a_job_made_can_be_fetched() {
    let taskfile = "version: '3'
tasks:
  make:
    ez-remote: {sync_in: [], sync_out: [out]}
    cmds: ['mkdir -p out; echo made > out/π.txt; ln -s π.txt out/link']
";
    let project = Project::new().file("Taskfile.yml", taskfile);
    let elsewhere = Project::new().file("Taskfile.yml", "version: '3'\ntasks: {}\n");
    let server = JobServer::start(&elsewhere, &[]);
    let url = format!("http://{}", server.address);
    project.run(["run", "--remote", "--server", &url, "make"]).success();
    let files = server.ask("GET", "/jobs/1/files", None).json();
    let paths: Vec<&str> =
        files["files"].as_array().expect("a list").iter().filter_map(|file| file["path"].as_str()).collect();
    assert_eq!(paths, ["attempt-1.log", "outputs/out/π.txt"]);
    let shown = server.ask("GET", "/jobs/1/files/outputs/out/%CF%80.txt", None);
    assert_eq!((shown.status, shown.body.as_str()), (200, "made\n"));
    assert_eq!(shown.header("content-disposition"), Some("attachment"));
    for path in ["outputs/out/link", "outputs/../ez.db", "outputs/", "outputs/out", "outputs//etc/passwd"] {
        assert_eq!(server.ask("GET", &format!("/jobs/1/files/{path}"), None).status, 404, "{path}");
    }
}

#[test]
fn a_job_that_waits_says_for_what() {
    let project = project();
    let mut server = JobServer::start(&project, &["--slots", "0"]);
    let wait = |server: &JobServer<'_>, more: Value| {
        let mut request = json!({"task": "hello"});
        request.as_object_mut().expect("a map").extend(more.as_object().expect("a map").clone());
        let job = server.run(&request);
        assert_eq!(server.job(job)["state"], "pending");
        (job, server.job(job)["waits_for"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(wait(&server, json!({})).1, "a node: none is connected that has slots");
    assert_eq!(
        wait(&server, json!({"node": "nope"})).1,
        "a node: none with slots is named `nope`, or has that tag"
    );
    let agent = JobAgent::start(&project, &server, "far", &["--tags", "gpu"]);
    let (job, _) = wait(&server, json!({"node": "nope"}));
    while server.ask("GET", "/nodes", None).json()["nodes"][0]["connected"] != true {}
    assert_eq!(wait(&server, json!({"tags": ["gpu", "tpm"]})).1, "a node: none that it may run on has `tpm`");
    let drain = |more: &str| server.ask("POST", &format!("/nodes/1/drain{more}"), None).status;
    assert_eq!((drain("?of=true"), drain("?off=maybe"), drain("")), (400, 400, 204));
    let (drained, told) = wait(&server, json!({"node": "far"}));
    assert_eq!(told, "the node `far`, which takes no more jobs");
    assert_eq!(drain("?off=true"), 204);
    assert_eq!(server.end_of(drained).state, "success");
    assert_eq!(server.job(drained)["waits_for"], Value::Null);
    let listed = server.ask("GET", "/jobs?state=pending", None).json();
    let of_job = listed["jobs"].as_array().expect("a list").iter().find(|known| known["id"] == job);
    assert_eq!(
        of_job.expect("it is there")["waits_for"],
        "a node: none with slots is named `nope`, or has that tag"
    );

    // What was known of a node is known after a start too.
    server.kill();
    drop(agent);
    server.start_again();
    assert_eq!(wait(&server, json!({"node": "far"})).1, "the node `far`, not connected now");
    for bad in
        [json!({"tags": [""]}), json!({"tags": ["a b"]}), json!({"node": ""}), json!({"tags": vec!["t"; 65]})]
    {
        let mut request = json!({"task": "hello"});
        request.as_object_mut().expect("a map").extend(bad.as_object().expect("a map").clone());
        assert_eq!(server.ask("POST", "/tasks/run", Some(&request)).status, 400, "{request}");
    }
}

#[test]
fn nodes_register_over_plain_http() {
    let project = project();
    let mut server = JobServer::start(&project, &["--slots", "0"]);
    let register = |server: &JobServer<'_>, body: Value| server.ask("POST", "/nodes/register", Some(&body));
    let made = register(&server, json!({"name": "meter", "tags": ["kind:meter"]}));
    assert_eq!(made.status, 201, "{made:?}");
    let (node, id) = (made.json()["node"].as_i64().expect("a number"), made.json()["id"].clone());
    let listed = server.ask("GET", &format!("/nodes/{node}"), None).json();
    assert_eq!(
        (&listed["name"], &listed["connected"], &listed["slots"]),
        (&json!("meter"), &json!(true), &json!(0))
    );
    assert_eq!(server.ask("POST", &format!("/nodes/{node}/ping"), None).status, 204);
    let own_id = id.as_str().expect("a text");
    // Never a number by chance.
    assert!(own_id.starts_with("node-"), "{own_id}");
    assert_eq!(server.ask("POST", &format!("/nodes/{own_id}/ping"), None).status, 204);
    assert_eq!(server.ask("POST", "/nodes/somebody/ping", None).status, 404);
    assert_eq!(register(&server, json!({"name": "meter"})).status, 409);
    assert_eq!(register(&server, json!({"name": "other", "id": "7"})).status, 400);
    assert_eq!(register(&server, json!({"name": "meter", "id": id})).json()["node"], node);
    for bad in [json!({"name": ""}), json!({"name": "a b"}), json!({"name": "a", "tags": vec!["t"; 65]})] {
        assert_eq!(register(&server, bad).status, 400);
    }
    // Nothing is given to it.
    let job = server.run(&json!({"task": "hello", "node": "meter"}));
    assert_eq!(server.ask("POST", &format!("/nodes/{node}/drain"), None).status, 204);
    assert_eq!(server.job(job)["state"], "pending");
    server.kill();
    server.start_again();
    assert_eq!(server.ask("POST", &format!("/nodes/{node}/ping"), None).status, 409);
    assert_eq!(register(&server, json!({"name": "meter", "id": id})).status, 201);
    assert_eq!(server.ask("DELETE", &format!("/nodes/{node}"), None).status, 204);
    assert_eq!(server.ask("POST", &format!("/nodes/{node}/ping"), None).status, 404);
    assert_eq!(server.ask("GET", "/nodes", None).json(), json!({"nodes": []}));
}

#[test]
fn what_ran_is_told_in_numbers() {
    let project = project();
    let server = JobServer::start(&project, &["--slots", "2"]);
    for task in ["hello", "fail", "hello"] {
        let job = server.run(&json!({"task": task}));
        server.end_of(job);
    }
    let stats = server.ask("GET", "/stats", None).json();
    let jobs = json!({"pending": 0, "running": 0, "success": 2, "failed": 1, "cancelled": 0});
    assert_eq!((&stats["jobs"], &stats["slots"], &stats["nodes"]), (&jobs, &json!(2), &json!(1)));
    let report =
        json!({"name": "hello", "state": "success", "started": 1000, "finished": 3000, "node": "laptop"});
    assert_eq!(server.ask("POST", "/stats/report", Some(&report)).json(), json!({"id": 1}));
    let running = json!({"name": "hello", "state": "running", "started": 1000, "finished": 3000});
    assert_eq!(server.ask("POST", "/stats/report", Some(&running)).status, 400);
    let mut told = Vec::new();
    let mut path = "/stats/executions?limit=3".to_owned();
    loop {
        let page = server.ask("GET", &path, None).json();
        let executions = page["executions"].as_array().expect("a list").clone();
        told.extend(executions.iter().map(|one| format!("{} {} {}", one["source"], one["id"], one["state"])));
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/stats/executions?limit=3&cursor={next}");
    }
    let expected =
        [r#""job" 3 "success""#, r#""job" 2 "failed""#, r#""job" 1 "success""#, r#""report" 1 "success""#];
    assert_eq!(told, expected);
    assert_eq!(server.ask("GET", "/stats/executions?cursor=x", None).status, 400);
}

#[test]
fn what_is_wrong_with_a_body_is_said_in_words_of_json() {
    let project = project();
    let server = JobServer::start(&project, &["--slots", "0"]);
    let kind = ("Content-Type", "application/json");
    for (path, body, status, words) in [
        (
            "/nodes/register",
            "[\"a\", null, []]",
            422,
            "the body is an array: write an object with `name`, `id` or `tags`",
        ),
        ("/tasks/run", "[\"hello\"]", 422, "the body is an array: write an object with `task`, `vars`"),
        ("/tasks/run", "{\"task\": 7}", 422, "`task` is 7: write a string"),
        ("/tasks/run", "{\"tsk\": \"hello\"}", 422, "`tsk` is no field here; do you mean `task`?"),
        ("/tasks/run", "{}", 422, "`task` is missing"),
        (
            "/tasks/run",
            "{\"task\": \"hello\", \"retry\": -1}",
            422,
            "`retry` is -1: write a whole number from 0 to 4294967295",
        ),
        ("/tasks/run", "{\"task\": \"hello\", \"vars\": {\"A\": 1}}", 422, "`vars.A` is 1: write a string"),
        (
            "/tasks/run",
            "{\"task\": \"hello\", \"tags\": [\"a\", {}]}",
            422,
            "`tags[1]` is an object: write a string",
        ),
        (
            "/charts",
            "{\"name\": \"x\", \"type\": \"cake\", \"formula\": \"count()\"}",
            422,
            "`type` is \"cake\": write \"",
        ),
        ("/jobs", "{\"name\": \"hello\", \"inputs\": \"x\"}", 422, "`inputs` cannot be taken: "),
        (
            "/jobs",
            "{\"name\": \"hello\", \"kind\": []}",
            422,
            "`kind` is an array: write \"task\" or \"plan\"",
        ),
        (
            "/plans/runs/1/resume",
            "[]",
            422,
            "the body is an array: write an object with `yes`, `timeout` or `vars`",
        ),
        (
            "/tasks/run",
            "{\"task\": ",
            400,
            "the body is no JSON: EOF while parsing a value at line 1 column 9",
        ),
        (
            "/tasks/run",
            "{\"task\": \"a\", \"task\": \"b\"}",
            400,
            "the body is no JSON: the name `task` is there twice",
        ),
    ] {
        let answer = server.send("POST", path, body.as_bytes(), &[kind]);
        assert_eq!(answer.status, status, "{path} {body}: {answer:?}");
        let error = answer.json()["error"].as_str().expect("a text").to_owned();
        assert!(error.starts_with(words), "{path} {body}: {error}");
        // No name of a type of this program.
        assert!(
            !["struct", "u32", "u64", "i64", "enum", "variant"].iter().any(|word| error.contains(word)),
            "{error}"
        );
    }
    let bare = server.send("POST", "/tasks/run", b"{}", &[]);
    assert_eq!(
        (bare.status, bare.json()["error"].as_str()),
        (415, Some("the body is JSON: send `Content-Type: application/json`"))
    );
    let long = format!("{{\"task\": \"{}\"}}", "x".repeat(5 << 20));
    assert_eq!(server.send("POST", "/tasks/run", long.as_bytes(), &[kind]).status, 413);
    for (path, words) in [
        ("/jobs?limit=x", "`limit` is \"x\": write a whole number from 1 to 1000"),
        ("/jobs?limit=-1", "`limit` is \"-1\": write a whole number from 1 to 1000"),
        ("/jobs?limit=0", "`limit` is \"0\": write a whole number from 1 to 1000"),
        ("/plans/runs?limit=1001", "`limit` is \"1001\": write a whole number from 1 to 1000"),
        ("/audit?limit=9999999999", "`limit` is \"9999999999\": write a whole number from 1 to 1000"),
        ("/jobs?state=done", "`state` is \"done\": write \"pending\", \"running\""),
        ("/jobs?node=a&node=b", "`node` is there twice"),
        ("/jobs?stat=running", "`stat` is no field here; do you mean `state`?"),
        ("/jobs/1/logs?format=html", "`format` is \"html\": write \"events\" or \"text\""),
        ("/tasks/hello/yaml?part=other", "`part` is \"other\": write \"taskfile\" or \"metadata\""),
    ] {
        let answer = server.ask("GET", path, None);
        assert_eq!(answer.status, 400, "{answer:?}");
        assert!(answer.json()["error"].as_str().expect("a text").starts_with(words), "{answer:?}");
    }
    for path in ["/jobs/x", "/jobs/9999999999999999999999", "/plans/runs/x/steps/a/logs"] {
        let error = server.ask("GET", path, None);
        let words = "stands in the address where a whole number is wanted";
        assert!(error.status == 400 && error.body.contains(words), "{path}: {error:?}");
    }
}

#[test]
fn bodies_are_taken_as_they_are() {
    let project = project();
    let server = JobServer::start(&project, &["--slots", "0"]);
    let ask = |method: &str, path: &str, encoding: &str, body: &str, more: &[(&str, &str)]| {
        let headers: Vec<(&str, &str)> =
            [("Content-Encoding", encoding)].iter().chain(more).copied().collect();
        server.send(method, path, body.as_bytes(), &headers)
    };
    let json = [("Content-Type", "application/json")];
    let yaml = [("Content-Type", "application/yaml"), ("If-Match", "*")];
    let run = "{\"task\": \"hello\"}";
    for (method, path, body, more) in [
        ("POST", "/tasks/run", run, &json[..]),
        ("POST", "/plans/runs/1/resume", "{}", &json),
        ("PUT", "/tasks/hello/yaml", "hello: echo\n", &yaml),
    ] {
        let refused = ask(method, path, "gzip", body, more);
        assert_eq!(
            (refused.status, refused.json()["error"].as_str()),
            (415, Some("the body is taken as it is, not compressed: send it without `Content-Encoding`")),
            "{method} {path}"
        );
    }
    assert_eq!(ask("POST", "/tasks/run", "Identity", run, &json).status, 202);
}

#[test]
fn who_asks_again_with_a_key_is_written_down_once() {
    let project = project();
    let server = JobServer::start(&project, &["--slots", "0"]);
    let request = json!({"task": "hello", "idempotency_key": "k"});
    assert_eq!((server.run(&request), server.run(&request)), (1, 1));
    let audit = server.ask("GET", "/audit", None).json();
    let objects: Vec<&Value> =
        audit["audit"].as_array().expect("a list").iter().map(|entry| &entry["object"]).collect();
    assert_eq!(objects, ["job 1: hello"]);
}

#[test]
fn attempts_are_counted_from_1() {
    let project = project();
    let server = JobServer::start(&project, &[]);
    let job = server.run(&json!({"task": "hello"}));
    server.end_of(job);
    for (attempt, status) in [(-1, 400), (0, 400), (1, 200), (2, 404)] {
        let path = format!("/jobs/{job}/logs?format=text&attempt={attempt}");
        assert_eq!(server.ask("GET", &path, None).status, status, "{attempt}");
    }
    // Who followed it when it waited had no other number for its first attempt.
    let followed = server.follow_at(&format!("/jobs/{job}/logs?attempt=0"), "0", |_| false);
    assert_eq!(followed.text, "hello\n");
    assert_eq!(server.ask("GET", &format!("/jobs/{job}/logs?attempt=-1"), None).status, 400);
}

#[test]
fn jobs_and_runs_are_listed_by_the_name_or_the_number_of_their_node() {
    let project = project().file("plans/p.yml", "steps: [{task: hello}]\n");
    let server = JobServer::start(&project, &["--slots", "1"]);
    let run = server.ask("POST", "/plans/p/run", Some(&json!({}))).json();
    server.end_of(run["job"].as_i64().expect("a number"));
    let node = server.ask("GET", "/nodes", None).json()["nodes"][0]["id"].to_string();
    for (called, count) in [("local", 1), (node.as_str(), 1), ("elsewhere", 0), ("999", 0), ("", 0)] {
        for (list, member) in [("/jobs", "jobs"), ("/plans/runs", "runs")] {
            let told = server.ask("GET", &format!("{list}?node={called}"), None);
            assert_eq!(
                told.json()[member].as_array().map(Vec::len),
                Some(count),
                "{list} {called}: {told:?}"
            );
        }
    }
}

#[test]
fn the_scheme_of_a_token_may_be_written_in_any_case() {
    let project = project();
    let mut server =
        JobServer::start_in(&project, &["--slots", "0"], &[("EZ_SERVER_TOKEN", "own-token-of-a-test")]);
    server.token = None;
    for (header, status) in [
        ("bearer own-token-of-a-test", 200),
        ("BEARER own-token-of-a-test", 200),
        ("Basic own-token-of-a-test", 401),
        ("own-token-of-a-test", 401),
    ] {
        let answer = server.ask_with("GET", "/jobs", None, &[("Authorization", header)]);
        assert_eq!(answer.status, status, "{header}");
    }
}

#[test]
fn charts_show_what_their_formulas_say() {
    let project = project();
    let server = JobServer::start(&project, &[]);
    for task in ["hello", "fail", "hello"] {
        let job = server.run(&json!({"task": task}));
        server.end_of(job);
    }
    let make = |name: &str, formula: &str| {
        server.ask("POST", "/charts", Some(&json!({"name": name, "type": "bar", "formula": formula})))
    };
    let made = make("runs", "count() by task");
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!(make("runs", "1").status, 409);
    assert_eq!(make("rate", "rate(success) * 100 where task = \"fail\"").status, 201);
    let wrong = make("wrong", "count() by week").json();
    assert_eq!(
        wrong["details"],
        json!({"column": 12, "message": "write one of hour, day, task, node, state"})
    );
    let charts = server.ask("GET", "/charts", None).json();
    let points = json!([{"key": "fail", "value": 1.0}, {"key": "hello", "value": 2.0}]);
    assert_eq!(charts["charts"][0]["points"], points);
    assert_eq!(charts["charts"][1]["points"], json!([{"key": "all", "value": 0.0}]));
    let id = &charts["charts"][0]["id"];
    assert_eq!(server.ask("DELETE", &format!("/charts/{id}"), None).status, 204);
    assert_eq!(server.ask("DELETE", &format!("/charts/{id}"), None).status, 404);
}

#[test]
fn prometheus_reads_the_numbers() {
    let project = project();
    let server = JobServer::start(&project, &["--slots", "3"]);
    let job = server.run(&json!({"task": "hello"}));
    server.end_of(job);
    let text = server.ask("GET", "/metrics", None).body;
    for line in [
        "# TYPE ez_jobs gauge",
        "ez_jobs{state=\"success\"} 1",
        "ez_queue_length 0",
        "ez_slots 3",
        "ez_http_requests_total{method=\"POST\",route=\"/api/v1/tasks/run\",status=\"202\"} 1",
        "# TYPE ez_store_commit_seconds histogram",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
    }
}

#[test]
fn the_cache_of_the_project_is_cleared() {
    let project = project();
    let server = JobServer::start(&project, &[]);
    assert_eq!(server.ask("POST", "/cache/clear", None).json(), json!({"results": 0, "bytes": 0}));
}

#[test]
fn errors_have_one_form_wherever_they_come_from() {
    let project = project();
    let server = JobServer::start(&project, &[]);
    let json_type = [("Content-Type", "application/json")];
    for (answer, status) in [
        (server.ask("GET", "/nothing", None), 404),
        (server.ask("PATCH", "/jobs", None), 405),
        (server.ask("GET", "/tasks/%ff", None), 400),
        (server.ask("GET", "/jobs?limit=x", None), 400),
        (server.ask("GET", "/jobs?other=1", None), 400),
        (server.send("POST", "/tasks/run", b"{", &json_type), 400),
        (server.send("POST", "/tasks/run", b"[]", &json_type), 422),
        (server.send("POST", "/tasks/run", b"{}", &[("Content-Type", "text/plain")]), 415),
        (server.send("POST", "/tasks/run", &vec![b' '; (4 << 20) + 1], &json_type), 413),
        (server.ask("GET", "/ws", None), 400),
    ] {
        assert_eq!(answer.status, status, "{answer:?}");
        assert!(answer.json()["error"].is_string(), "{answer:?}");
    }
}

/// All routes of the document: method, path with values for its parameters, the operation.
fn routes(server: &JobServer<'_>) -> Vec<(String, String, Value)> {
    let document = server.ask("GET", "/openapi.json", None).json();
    let mut found = Vec::new();
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for (method, operation) in methods.as_object().expect("methods") {
            let path = path.strip_prefix("/api/v1").expect("the prefix");
            let path = ["id", "run", "attempt", "digest"]
                .iter()
                .fold(path.to_owned(), |path, name| path.replace(&format!("{{{name}}}"), "1"));
            let path = ["name", "path", "step"]
                .iter()
                .fold(path, |path, name| path.replace(&format!("{{{name}}}"), "hello"));
            found.push((method.to_uppercase(), path, operation.clone()));
        }
    }
    found
}

/// What a caller could have changed.
fn state(project: &Project, server: &mut JobServer<'_>) -> Vec<String> {
    server.token = Some("own-token-of-a-test".into());
    let lists = ["/jobs", "/nodes", "/charts", "/stats/executions", "/tasks", "/plans"];
    let mut state: Vec<String> = lists.iter().map(|path| server.ask("GET", path, None).body).collect();
    state.extend(project.read("Taskfile.yml"));
    state
}

#[test]
fn nobody_without_the_right_token_does_anything() {
    let project = project();
    let mut server =
        JobServer::start_in(&project, &["--slots", "0"], &[("EZ_SERVER_TOKEN", "own-token-of-a-test")]);
    server.run(&json!({"task": "hello"}));
    let scoped = |name: &str, scope: &str| {
        let made = project.run(["server", "token", "create", name, "--scopes", scope]);
        made.success().stdout.trim().to_owned()
    };
    let (node, read) = (scoped("nodes", "node"), scoped("reader", "read"));
    let before = state(&project, &mut server);
    let all = routes(&server);
    assert!(all.len() >= 40, "{}", all.len());
    server.token = None;
    assert_eq!(server.ask("GET", "/ws", None).status, 401);
    let body = json!({});
    for (method, path, operation) in &all {
        let is_open = operation["security"] == json!([{}]);
        let statuses = &operation["responses"];
        for status in ["401", "403", "429", "503"] {
            assert!(statuses.get(status).is_some(), "{method} {path} does not say {status}");
        }
        server.token = None;
        let without = server.ask(method, path, Some(&body)).status;
        assert_eq!(without, if is_open { 200 } else { 401 }, "{method} {path} without a token");
        // With every scope there is something that may be wanted of the WebSocket.
        if is_open || path == "/ws" {
            continue;
        }
        let is_of_nodes = path.ends_with("/ping")
            || path.ends_with("/register")
            || path.ends_with("/result")
            || path.starts_with("/content");
        server.token = Some(if is_of_nodes { read.clone() } else { node.clone() });
        let small = server.ask(method, path, Some(&body));
        assert_eq!(small.status, 403, "{method} {path} with too small a scope: {small:?}");
        if method != "GET" {
            server.token = Some(read.clone());
            assert_eq!(server.ask(method, path, Some(&body)).status, 403, "{method} {path} by a reader");
        }
    }
    assert_eq!(state(&project, &mut server), before);
}

#[test]
fn wrong_tokens_are_refused_by_every_route() {
    let project = project();
    // So many wrong tokens are refused as such only once in a minute: a few servers share the routes.
    let first =
        JobServer::start_in(&project, &["--slots", "0"], &[("EZ_SERVER_TOKEN", "own-token-of-a-test")]);
    let all = routes(&first);
    drop(first);
    for some in all.chunks(15) {
        let mut server =
            JobServer::start_in(&project, &["--slots", "0"], &[("EZ_SERVER_TOKEN", "own-token-of-a-test")]);
        server.token = Some("wrong".into());
        for (method, path, _) in some {
            assert_eq!(server.ask(method, path, Some(&json!({}))).status, 401, "{method} {path}");
        }
    }
}

/// Schemathesis makes up requests by the document. `EZ_SCHEMATHESIS_EXAMPLES` says how many for a route.
#[test]
fn made_up_requests_are_answered_as_the_document_says() {
    let program = std::env::var("EZ_SCHEMATHESIS").unwrap_or_default();
    if program.is_empty() {
        eprintln!("no requests are made up: EZ_SCHEMATHESIS does not name schemathesis");
        return;
    }
    let examples = std::env::var("EZ_SCHEMATHESIS_EXAMPLES").unwrap_or_else(|_| "5".into());
    let project = project()
        .file("tasks/fw/Taskfile.yml", "version: '3'\ntasks:\n  default: echo fw\n")
        .file("ez-server.toml", "[http]\nmax_wrong_tokens = 1000000\n");
    let server =
        JobServer::start_in(&project, &["--slots", "1"], &[("EZ_SERVER_TOKEN", "own-token-of-a-test")]);
    let url = format!("http://{}/api/v1/openapi.json", server.address);
    let run = Command::new(program)
        .args([
            "run",
            &url,
            "--checks",
            "all",
            "--max-examples",
            &examples,
            "--seed",
            "1",
            "--generation-deterministic",
        ])
        .args(["--phases", "examples,coverage,fuzzing", "--no-color", "--request-timeout", "30"])
        .args(["--header", "Authorization: Bearer own-token-of-a-test"])
        // What a formula, a name or a task may be, no schema says.
        .args(["--exclude-checks", "positive_data_acceptance"])
        // Streams do not end.
        .args(["--exclude-path-regex", "/logs$"])
        // Bytes have no schema: none at all are a stream of contents too.
        .args(["--exclude-path", "/api/v1/content"])
        .current_dir(project.root())
        .output()
        .expect("it runs");
    assert!(
        run.status.success(),
        "{}\n{}",
        String::from_utf8_lossy(&run.stdout),
        String::from_utf8_lossy(&run.stderr)
    );
}

#[test]
fn pages_of_big_jobs_are_short() {
    let project = project();
    let server = JobServer::start(&project, &["--slots", "0"]);
    let vars = |count: usize| (0..count).map(|n| (format!("V{n}"), json!("x".repeat(60_000)))).collect();
    let request = |count| json!({"task": "hello", "vars": Value::Object(vars(count))});
    let refused = server.ask("POST", "/tasks/run", Some(&request(5)));
    assert_eq!((refused.status, refused.body.contains("at most 262144 bytes")), (400, true));
    let jobs: Vec<i64> = (0..45).map(|_| server.run(&request(4))).collect();
    let first = server.ask("GET", "/jobs", None).json();
    let second = server.ask("GET", &format!("/jobs?cursor={}", first["next"]), None).json();
    let ids = |page: &Value| -> Vec<i64> {
        page["jobs"].as_array().expect("jobs").iter().filter_map(|job| job["id"].as_i64()).collect()
    };
    assert!(ids(&first).len() < 40 && second["next"].is_null());
    let all: Vec<i64> = ids(&first).into_iter().chain(ids(&second)).collect();
    assert_eq!(all, jobs.into_iter().rev().collect::<Vec<_>>());
}
