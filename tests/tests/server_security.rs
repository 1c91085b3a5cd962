//! What a server refuses, said to it byte by byte.

#![cfg(target_os = "linux")]

use std::io::{Read, Write};

use ez_tests::Project;
use ez_tests::event_client::EventClient;
use ez_tests::job_server::{JobAgent, JobServer, is_begun};
use ez_tests::raw_http::{answers, connect, exchange, rest, status};
use serde_json::json;

const TASKFILE: &str = r"version: '3'
silent: true
tasks:
  hello: echo hello
  stay: 'echo begun; exec sleep 654321'
";

fn project() -> Project {
    Project::new().file("Taskfile.yml", TASKFILE)
}

/// Limits so low that a test sees them.
const LOW_LIMITS: &str = "slots = 0\n[http]\nhead_seconds = 1\nbody_seconds = 1\nmax_body_bytes = 1000\nmax_connections = 3\nmax_wrong_tokens = 3\n";

#[test]
fn a_server_without_tokens_is_reached_by_names_of_this_machine_alone() {
    let project = project();
    let server = JobServer::start(&project, &["--slots", "0"]);
    let port = server.address.port();
    let ask = |host: &str| {
        let head = format!("GET /api/v1/jobs HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        status(&exchange(server.address, head.as_bytes()))
    };
    for host in ["localhost", "LocalHost:1", "127.0.0.1", "127.8.8.8:80", "[::1]", "[::1]:9"] {
        assert_eq!(ask(host), 200, "{host}");
    }
    for host in [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "localhost.",
        "localhost@evil.example",
        "localhost:80@evil.example",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0.0.0.0",
        "[::]",
        "[::ffff:10.0.0.1]",
        "[localhost]",
        "]127.0.0.1[",
        "localhost:99999",
        "localhost:",
        "",
    ] {
        assert_ne!(ask(host), 200, "{host}");
    }
    let raw =
        |head: &str| status(&exchange(server.address, format!("{head}Connection: close\r\n\r\n").as_bytes()));
    assert_eq!(raw("GET /api/v1/jobs HTTP/1.1\r\n"), 403);
    assert_eq!(raw("GET /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n"), 400);
    assert_eq!(raw("GET /api/v1/jobs HTTP/1.1\r\nHost: evil.example\r\nHost: localhost\r\n"), 400);
    assert_eq!(raw("GET http://evil.example/api/v1/jobs HTTP/1.1\r\nHost: localhost\r\n"), 403);
    // What a proxy would say counts for nothing.
    let forwarded = format!(
        "GET /api/v1/jobs HTTP/1.1\r\nHost: evil.example:{port}\r\nX-Forwarded-Host: localhost\r\nForwarded: host=localhost\r\n"
    );
    assert_eq!(raw(&forwarded), 403);
}

#[test]
fn pages_of_other_sites_are_refused_however_they_write_it() {
    let project = project();
    let server = JobServer::start(&project, &["--slots", "0"]);
    let port = server.address.port();
    let ask = |more: &str| {
        let head = format!(
            "GET /api/v1/jobs HTTP/1.1\r\nHost: localhost:{port}\r\n{more}\r\nConnection: close\r\n\r\n"
        );
        status(&exchange(server.address, head.as_bytes()))
    };
    for fine in [
        format!("Origin: http://localhost:{port}"),
        format!("Origin: http://LOCALHOST:{port}"),
        "Sec-Fetch-Site: same-origin".to_owned(),
        "Sec-Fetch-Site: none".to_owned(),
    ] {
        assert_eq!(ask(&fine), 200, "{fine}");
    }
    for evil in [
        "Origin: null".to_owned(),
        "Origin: ".to_owned(),
        "Origin: http://evil.example".to_owned(),
        format!("Origin: http://evil.example:{port}"),
        format!("Origin: http://localhost:{port}.evil.example"),
        format!("Origin: http://localhost:{port}@evil.example"),
        format!("Origin: http://localhost.:{port}"),
        "Origin: http://localhost:1".to_owned(),
        "Origin: file://".to_owned(),
        format!("Origin: http://localhost:{port}\r\nOrigin: http://evil.example"),
        "Sec-Fetch-Site: cross-site".to_owned(),
        "Sec-Fetch-Site: same-site".to_owned(),
    ] {
        assert!(matches!(ask(&evil), 400 | 403), "{evil}");
    }
    // A WebSocket of another site neither.
    let upgrade =
        "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==";
    let head = format!(
        "GET /api/v1/ws HTTP/1.1\r\nHost: localhost:{port}\r\nOrigin: http://evil.example\r\n{upgrade}\r\nConnection: upgrade\r\n\r\n"
    );
    let mut stream = connect(server.address);
    stream.write_all(head.as_bytes()).expect("it reads");
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).expect("an answer");
    assert_eq!(&answer, b"HTTP/1.1 403");
}

#[test]
fn guessing_is_slowed_down_whatever_the_headers_say() {
    let project = project().file("ez-server.toml", LOW_LIMITS);
    let mut server = JobServer::start_in(&project, &[], &[("EZ_SERVER_TOKEN", "own-token-of-a-test")]);
    server.token = Some("wrong".into());
    let mut asked = 0;
    let mut ask = || {
        asked += 1;
        let from = format!("10.0.0.{asked}");
        let more = [("X-Forwarded-For", from.as_str()), ("X-Real-IP", &from), ("Forwarded", &from)];
        server.ask_with("GET", "/jobs", None, &more).status
    };
    assert_eq!([ask(), ask(), ask(), ask()], [401, 401, 401, 429]);
    server.token = Some("own-token-of-a-test".into());
    assert_eq!(server.ask("GET", "/jobs", None).status, 429);
    // Who asks without a token is not held up by it.
    server.token = None;
    assert_eq!(server.ask("GET", "/health", None).status, 200);
}

#[test]
fn what_is_too_long_is_refused() {
    let project = project().file("ez-server.toml", LOW_LIMITS);
    let server = JobServer::start(&project, &[]);
    let long = json!({"task": "hello", "vars": {"A": "x".repeat(2000)}});
    assert_eq!(server.ask("POST", "/tasks/run", Some(&long)).status, 413);
    let head = |more: &str| {
        let head =
            format!("GET /api/v1/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{more}\r\n");
        status(&exchange(server.address, head.as_bytes()))
    };
    assert_eq!(head(""), 200);
    assert_eq!(head(&format!("A: {}\r\n", "x".repeat(100_000))), 431);
    assert_eq!(head(&"A: b\r\n".repeat(200)), 431);
    let target = format!("GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n", "x".repeat(100_000));
    assert!(matches!(status(&exchange(server.address, target.as_bytes())), 414 | 431));
}

#[test]
fn who_is_slow_does_not_hold_others_up() {
    let project = project().file("ez-server.toml", LOW_LIMITS);
    let server = JobServer::start(&project, &[]);
    // As many as are allowed, each in another way.
    let mut silent = connect(server.address);
    let mut in_head = connect(server.address);
    in_head.write_all(b"GET /api/v1/health HTTP/1.1\r\nHost: loc").expect("it reads");
    let mut in_body = connect(server.address);
    let head = "POST /api/v1/tasks/run HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
    in_body.write_all(format!("{head}Content-Length: 100\r\n\r\n{{").as_bytes()).expect("it reads");
    // The next one is answered when their time is over.
    assert_eq!(server.ask("GET", "/health", None).status, 200);
    let answer = rest(&mut in_body);
    assert_eq!(status(&answer), 408, "{answer}");
    assert!(matches!(status(&rest(&mut in_head)), 0 | 408));
    assert!(matches!(status(&rest(&mut silent)), 0 | 408));
}

#[test]
fn one_request_is_one_request() {
    let project = project();
    let server = JobServer::start(&project, &["--slots", "0"]);
    let hidden = "GET /api/v1/version HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let head = "POST /api/v1/jobs/1/cancel HTTP/1.1\r\nHost: localhost\r\n";
    for (more, body) in [
        // Both lengths: whoever stands before the server may believe the other one.
        (format!("Content-Length: {}\r\nTransfer-Encoding: chunked\r\n", 5 + hidden.len()), "0\r\n\r\n"),
        ("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n".to_owned(), "0\r\n\r\n"),
        ("Content-Length: 0\r\nContent-Length: 5\r\n".to_owned(), ""),
        ("Content-Length: 0, 5\r\n".to_owned(), ""),
        ("Content-Length: +5\r\n".to_owned(), ""),
        ("Content-Length: -1\r\n".to_owned(), ""),
        ("Transfer-Encoding: xchunked\r\n".to_owned(), "0\r\n\r\n"),
        ("Transfer-Encoding: chunked, identity\r\n".to_owned(), "0\r\n\r\n"),
        ("Transfer-Encoding : chunked\r\n".to_owned(), "0\r\n\r\n"),
        ("Transfer-Encoding: chunked\r\n".to_owned(), "ffffffffffffffffff\r\n"),
        ("Transfer-Encoding: chunked\r\n".to_owned(), "0x0\r\n\r\n"),
    ] {
        let answer = exchange(server.address, format!("{head}{more}\r\n{body}{hidden}").as_bytes());
        assert!(answers(&answer) <= 1 && !answer.contains("\"wire\""), "{more}: {answer}");
        assert_ne!(status(&answer), 200, "{more}: {answer}");
    }
}

#[test]
fn frames_that_no_agent_sends_end_the_connection() {
    let project = project();
    let server = JobServer::start(&project, &["--slots", "0"]);
    let upgrade =
        "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==";
    let head =
        format!("GET /api/v1/ws HTTP/1.1\r\nHost: localhost\r\n{upgrade}\r\nConnection: upgrade\r\n\r\n");
    let masked = |opcode: u8, content: &[u8]| {
        // With a mask of zeros the content stays as it is.
        let length = u8::try_from(content.len()).expect("short");
        [&[opcode, 0x80 | length, 0, 0, 0, 0], content].concat()
    };
    for (what, frame) in [
        ("an exabyte", [&[0x82, 0xff][..], &(1u64 << 60).to_be_bytes(), &[0; 4]].concat()),
        ("four mebibytes", [&[0x82, 0xff][..], &(4u64 << 20).to_be_bytes(), &[0; 4]].concat()),
        ("a length that lies", [&[0x82, 0xff][..], &u64::MAX.to_be_bytes(), &[0; 4]].concat()),
        ("without a mask", vec![0x81, 0x02, b'{', b'}']),
        ("no UTF-8", masked(0x81, &[0xff, 0xfe])),
        ("an unknown kind", masked(0x8b, b"")),
        ("a short piece of a log", masked(0x82, b"abc")),
    ] {
        let mut stream = connect(server.address);
        stream.write_all(head.as_bytes()).expect("it reads");
        stream.write_all(&frame).expect("it reads");
        let answer = rest(&mut stream);
        assert_eq!(status(&answer), 101, "{what}: {answer}");
    }
    assert_eq!(server.ask("GET", "/health", None).status, 200);
}

#[test]
fn the_first_token_closes_a_server_that_runs() {
    let project = project();
    let mut server = JobServer::start(&project, &["--slots", "0"]);
    let insecure = JobServer::start(&project, &["--slots", "0", "--insecure", "--db", "other/ez.db"]);
    assert_eq!(server.ask("GET", "/jobs", None).status, 200);
    let create = |more: &[&str]| {
        let made = project.run(["server", "token", "create", "ci"].iter().chain(more));
        made.success().stdout.trim().to_owned()
    };
    let (token, _) = (create(&[]), create(&["--db", "other/ez.db"]));
    assert_eq!(server.ask("GET", "/jobs", None).status, 401);
    assert_eq!(server.ask("POST", "/tasks/run", Some(&json!({"task": "hello"}))).status, 401);
    assert_eq!(server.ask("GET", "/health", None).status, 200);
    assert_eq!(insecure.ask("GET", "/jobs", None).status, 200);
    server.token = Some(token);
    assert_eq!(server.ask("GET", "/jobs", None).status, 200);
}

#[test]
fn what_is_open_for_a_token_ends_with_it() {
    let project = project();
    let mut server =
        JobServer::start_in(&project, &["--slots", "1"], &[("EZ_SERVER_TOKEN", "own-token-of-a-test")]);
    let create = |scopes: &str| {
        let made = project.run(["server", "token", "create", "ci", "--scopes", scopes]);
        made.success().stdout.trim().to_owned()
    };
    let revoke = |token: &str| {
        let id = token.split('_').nth(1).expect("an id").to_owned();
        project.run(["server", "token", "revoke", &id]).success();
    };
    let (reader, node) = (create("read"), create("node"));
    let url = format!("http://{}", server.address);
    let flags = ["--server", &url, "--name", "far", "--data", ".agents/far"];
    let mut agent = JobAgent::start_in(&project, &flags, &[("EZ_CLIENT_TOKEN", &node)]);
    let jobs = ["local", "far"].map(|node| server.run(&json!({"task": "stay", "node": node})));
    for job in jobs {
        server.follow(job, "0", is_begun);
    }
    server.token = Some(reader.clone());
    let mut events = EventClient::connect(&server);
    events.subscribe(&json!({"topics": ["jobs"]}));
    let told = std::thread::scope(|scope| {
        let listener = scope.spawn(|| server.end_of(jobs[0]));
        revoke(&reader);
        listener.join().expect("it listens")
    });
    assert_eq!(events.next_of("refused")["data"], json!({"reason": "the token counts no more"}));
    assert_eq!(events.close_code(), Some(1008));
    // The stream ended, and not because the job did.
    assert_eq!(told.state, "");
    revoke(&node);
    let (code, said) = agent.end();
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("the token counts no more"), "{said}");
}

#[test]
fn a_token_counts_until_its_time_is_over() {
    let project = project();
    let make = |days: &str| {
        project.run(["server", "token", "create", "ci", "--scopes", "read", "--expires-in", days])
    };
    for never in ["0", "-1", "1.5"] {
        make(never).exit(2);
    }
    let lasting = make("30").success().stdout.trim().to_owned();
    let mut server =
        JobServer::start_in(&project, &["--slots", "0"], &[("EZ_SERVER_TOKEN", "own-token-of-a-test")]);
    server.token = Some(lasting);
    assert_eq!(server.ask("GET", "/jobs", None).status, 200);
    let listed = project.run(["server", "token", "list", "--json"]);
    let listed: serde_json::Value = serde_json::from_str(&listed.success().stdout).expect("JSON");
    let tokens = listed["tokens"].as_array().expect("tokens");
    assert!(tokens.iter().all(|token| token["expires"].is_i64()), "{listed}");
    project.run(["server", "token", "list"]).success().stdout_has("counts");
}

#[test]
fn what_changes_something_is_written_down() {
    let project = project();
    let server =
        JobServer::start_in(&project, &["--slots", "0"], &[("EZ_SERVER_TOKEN", "own-token-of-a-test")]);
    let job = server.run(&json!({"task": "hello"}));
    server.ask("POST", &format!("/jobs/{job}/cancel"), None);
    let entries =
        || server.ask("GET", "/audit", None).json()["audit"].as_array().cloned().unwrap_or_default();
    // It is written after the answer.
    while entries().len() < 2 {}
    let told: Vec<String> = entries()
        .iter()
        .map(|entry| format!("{} {} {} {}", entry["who"], entry["action"], entry["object"], entry["remote"]))
        .collect();
    assert_eq!(
        told,
        [
            r#""EZ_SERVER_TOKEN" "cancel" "job 1" "127.0.0.1""#,
            r#""EZ_SERVER_TOKEN" "run" "job 1: hello" "127.0.0.1""#
        ]
    );
    let page = server.ask("GET", "/audit?limit=1", None).json();
    let next = page["next"].as_i64().expect("more");
    let older = server.ask("GET", &format!("/audit?limit=1&cursor={next}"), None).json();
    assert_eq!(older["audit"][0]["action"], "run");
}

#[test]
fn no_name_leads_out_of_the_project() {
    let project = project().file("plans/fine.yml", "version: '1'\nsteps:\n  - {name: a, task: hello}\n");
    let server = JobServer::start(&project, &["--slots", "0"]);
    let names = [
        "..%2f..%2fTaskfile",
        "%2e%2e",
        "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "%2fetc%2fpasswd",
        "..%5cTaskfile",
        "fine%2f..%2f..%2fTaskfile",
        "%252e%252e%252fTaskfile",
        "a%00b",
        "--help",
        "-C",
        "%ff",
    ];
    for name in names {
        for (method, path) in [
            ("GET", format!("/tasks/{name}")),
            ("GET", format!("/plans/{name}")),
            ("GET", format!("/plans/{name}/yaml")),
            ("DELETE", format!("/plans/{name}")),
            ("GET", format!("/content/trees/{name}")),
        ] {
            let answer = server.ask(method, &path, None);
            assert!(matches!(answer.status, 400 | 404 | 405), "{method} {path}: {answer:?}");
            assert!(!answer.body.contains("root:"), "{answer:?}");
        }
    }
    for name in ["../x", "/tmp/x", "a/b", "..", "-x", "", "a\\b", "a\u{0}"] {
        let request = json!({"name": name, "yaml": "version: '1'\nsteps:\n  - {name: a, task: hello}\n"});
        let answer = server.ask("POST", "/plans", Some(&request));
        assert!(matches!(answer.status, 400 | 422), "{name}: {answer:?}");
    }
    let plans: Vec<_> = std::fs::read_dir(project.path("plans")).expect("it is there").flatten().collect();
    assert_eq!(plans.len(), 1, "{plans:?}");
    assert_eq!(project.read("Taskfile.yml").as_deref(), Some(TASKFILE));
}
