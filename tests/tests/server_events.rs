//! Events over the WebSocket, as browsers and tools hear them: in order, and told again after a reconnect.

#![cfg(target_os = "linux")]

use ez_tests::Project;
use ez_tests::event_client::EventClient;
use ez_tests::job_server::{JobAgent, JobServer};
use serde_json::{Value, json};

/// The version of what agents and the server tell each other.
const VERSION: u32 = 3;

const TASKFILE: &str = r"version: '3'
silent: true
tasks:
  hello: echo hello
  wait: 'echo begun; while [ ! -e go ]; do sleep 0.01; done; echo done'
  much: 'yes 0123456789abcdef | head -c 3000000'
";

fn project() -> Project {
    Project::new().file("Taskfile.yml", TASKFILE)
}

/// The states that a client hears of a job, until it has ended.
fn states_of(client: &mut EventClient, job: i64) -> Vec<String> {
    let mut states = Vec::new();
    loop {
        let message = client.next_of("job_update");
        if message["data"]["job_id"] != job {
            continue;
        }
        let state = message["data"]["state"].as_str().expect("a state").to_owned();
        let is_last = !["pending", "running"].contains(&state.as_str());
        states.push(state);
        if is_last {
            return states;
        }
    }
}

/// What a client hears of a log until the job has ended, and the place after it.
fn log_of(client: &mut EventClient, mut is_enough: impl FnMut(&str) -> bool) -> (String, Value) {
    let mut text = String::new();
    let mut place = Value::Null;
    loop {
        let message = client.hear().expect("a message");
        let data = &message["data"];
        if message["event"] == "job_log" {
            text += data["log"].as_str().expect("a text");
            place = json!({"attempt": data["attempt"], "offset": data["offset"]});
        }
        if is_enough(&text) || message["event"] == "job_log_update" && data["ended"] == true {
            return (text, place);
        }
    }
}

#[test]
fn a_job_is_told_from_its_beginning_to_its_end() {
    let project = project();
    let server = JobServer::start(&project, &[]);
    let mut client = EventClient::connect(&server);
    assert_eq!(client.subscribe(&json!({"topics": ["jobs"]}))["data"]["topics"], json!(["jobs"]));
    let job = server.run(&json!({"task": "hello"}));
    assert_eq!(states_of(&mut client, job), ["pending", "running", "success"]);
}

#[test]
fn who_comes_back_is_told_what_was_missed_and_nothing_twice() {
    let project = project();
    let server = JobServer::start(&project, &[]);
    let mut client = EventClient::connect(&server);
    client.subscribe(&json!({"topics": ["jobs"]}));
    let first = server.run(&json!({"task": "hello"}));
    states_of(&mut client, first);
    let second = server.run(&json!({"task": "hello"}));
    let seen = client.next_of("job_update");
    assert_eq!(seen["data"], json!({"job_id": second, "state": "pending"}));
    drop(client);
    server.end_of(second);
    let third = server.run(&json!({"task": "hello"}));
    server.end_of(third);
    let mut client = EventClient::connect(&server);
    client.subscribe(&json!({"topics": ["jobs"], "after": seen["seq"]}));
    let mut last = seen["seq"].as_u64();
    let mut told = Vec::new();
    for _ in 0..5 {
        let message = client.next_of("job_update");
        assert!(message["seq"].as_u64() > last, "{message}");
        last = message["seq"].as_u64();
        told.push((message["data"]["job_id"].as_i64(), message["data"]["state"].clone()));
    }
    let states = [
        (second, "running"),
        (second, "success"),
        (third, "pending"),
        (third, "running"),
        (third, "success"),
    ];
    assert_eq!(told, states.map(|(job, state)| (Some(job), json!(state))));
}

#[test]
fn a_place_that_is_not_kept_means_to_read_the_state_anew() {
    let project = project();
    let mut server = JobServer::start(&project, &[]);
    let mut client = EventClient::connect(&server);
    client.subscribe(&json!({"topics": ["jobs"]}));
    let job = server.run(&json!({"task": "hello"}));
    states_of(&mut client, job);
    let seq = client.subscribe(&json!({"topics": ["nodes"]}))["seq"].clone();
    server.kill();
    assert_eq!(client.hear(), None);
    server.start_again();
    for after in [seq, json!(1), json!(u64::MAX)] {
        let mut client = EventClient::connect(&server);
        client.say("subscribe", &json!({"topics": ["jobs"], "after": after}));
        client.next_of("reset");
        let job = server.run(&json!({"task": "hello"}));
        assert_eq!(states_of(&mut client, job), ["pending", "running", "success"]);
    }
}

#[test]
fn one_job_is_heard_alone() {
    let project = project();
    let server = JobServer::start(&project, &["--slots", "1"]);
    let first = server.run(&json!({"task": "wait"}));
    let second = server.run(&json!({"task": "hello"}));
    let mut client = EventClient::connect(&server);
    client.subscribe(&json!({"topics": [format!("job:{second}")]}));
    project.write("go", "");
    server.end_of(first);
    loop {
        let message = client.hear().expect("a message");
        assert_eq!(message["data"]["job_id"], second, "{message}");
        if message["data"]["state"] == "success" {
            break;
        }
    }
}

#[test]
fn a_log_is_told_as_it_grows_and_goes_on_where_it_broke() {
    let project = project();
    let server = JobServer::start(&project, &[]);
    let job = server.run(&json!({"task": "wait"}));
    let topic = format!("log:{job}");
    let mut client = EventClient::connect(&server);
    client.subscribe(&json!({"topics": [topic]}));
    let (before, place) = log_of(&mut client, |text| text.contains("begun\n"));
    drop(client);
    project.write("go", "");
    server.end_of(job);
    let mut client = EventClient::connect(&server);
    client.subscribe(&json!({"topics": [topic], "logs": {job.to_string(): place}}));
    let (after, _) = log_of(&mut client, |_| false);
    assert_eq!((before.as_str(), after.as_str()), ("begun\n", "done\n"));
    client.subscribe(&json!({"topics": [topic], "logs": {job.to_string(): {"attempt": 1, "offset": 3}}}));
    let error = client.next_of("error");
    assert_eq!(error["data"]["error"], format!("3 is no place in the log of job {job}"));
}

#[test]
fn a_place_that_a_log_does_not_have_is_told_and_not_followed() {
    let project = project();
    let server = JobServer::start(&project, &[]);
    let ended = server.run(&json!({"task": "hello"}));
    server.end_of(ended);
    let running = server.run(&json!({"task": "wait"}));
    server.follow(running, "0", |text| text.contains("begun\n"));
    let mut client = EventClient::connect(&server);
    for job in [ended, running] {
        for kind in ["job", "log"] {
            for (place, error) in [
                (
                    json!({"attempt": 1, "offset": 1_000_000_000}),
                    format!("1000000000 is no place in the log of job {job}"),
                ),
                (json!({"offset": 1_000_000}), format!("1000000 is no place in the log of job {job}")),
                (json!({"attempt": 5, "offset": 0}), format!("job {job} has no attempt 5")),
                (json!({"attempt": -1, "offset": 0}), format!("job {job} has no attempt -1")),
            ] {
                let topic = format!("{kind}:{job}");
                client.subscribe(&json!({"topics": [topic], "logs": {job.to_string(): place}}));
                let told = client.hear().expect("a message");
                assert_eq!(
                    (&told["event"], &told["data"]["error"]),
                    (&json!("error"), &json!(error)),
                    "{topic}"
                );
                client.say("unsubscribe", &json!({"topics": [topic]}));
                client.next_of("subscribed");
            }
        }
    }
    // What is a place is followed.
    client.subscribe(&json!({"topics": [format!("job:{ended}")], "logs": {ended.to_string(): {"attempt": 1, "offset": 0}}}));
    assert_eq!(client.next_of("job_log_update")["data"]["ended"], true);
    project.write("go", "");
    server.end_of(running);
}

#[test]
fn a_client_that_is_slow_gets_the_whole_log_and_holds_nobody_up() {
    let project = project();
    let server = JobServer::start(&project, &[]);
    let job = server.run(&json!({"task": "much"}));
    let mut slow = EventClient::connect(&server);
    slow.say("subscribe", &json!({"topics": [format!("log:{job}"), "jobs"]}));
    // It reads nothing while others work.
    for _ in 0..20 {
        let other = server.run(&json!({"task": "hello"}));
        assert_eq!(server.end_of(other).state, "success");
    }
    assert_eq!(server.end_of(job).state, "success");
    let (text, _) = log_of(&mut slow, |_| false);
    assert_eq!(text.len(), 3_000_000);
}

#[test]
fn nodes_are_told_as_they_come_and_go() {
    let project = project();
    let server = JobServer::start(&project, &["--slots", "0"]);
    let mut client = EventClient::connect(&server);
    client.subscribe(&json!({"topics": ["nodes"]}));
    let mut agent = JobAgent::start(&project, &server, "one", &[]);
    let data = client.next_of("node_update")["data"].clone();
    assert_eq!(data["connected"], true);
    agent.kill();
    let gone = client.next_of("node_update")["data"].clone();
    assert_eq!((&gone["node_id"], &gone["connected"]), (&data["node_id"], &json!(false)));
}

#[test]
fn what_cannot_be_understood_is_told_and_costs_nothing() {
    let project = project();
    let server = JobServer::start(&project, &[]);
    let mut client = EventClient::connect(&server);
    client.subscribe(&json!({"topics": ["jobs"]}));
    for (event, data, error) in [
        ("sing", json!({}), "`sing` is no message: send subscribe or unsubscribe"),
        (
            "subscribe",
            json!({"topics": ["job:x"]}),
            "`job:x` is no topic: use jobs, nodes, plans, job:ID, log:ID, node:ID or plan:NAME",
        ),
        ("subscribe", json!({}), "`data.topics` is missing"),
        (
            "subscribe",
            json!({"topics": (0..33).map(|job| format!("log:{job}")).collect::<Vec<_>>()}),
            "a connection follows at most 32 jobs and logs",
        ),
        (
            "subscribe",
            json!({"topics": (0..257).map(|node| format!("node:{node}")).collect::<Vec<_>>()}),
            "a connection has at most 256 topics",
        ),
    ] {
        client.say(event, &data);
        assert_eq!(client.next_of("error")["data"]["error"], error);
    }
    client.say_text("{".into());
    client.next_of("error");
    client.say("unsubscribe", &json!({"topics": ["jobs"]}));
    assert_eq!(client.next_of("subscribed")["data"]["topics"], json!([]));
    client.say_text("x".repeat(2_000_000));
    assert_eq!(client.hear(), None);
}

#[test]
fn a_server_that_ends_says_so_to_everybody_who_is_connected() {
    let project = project();
    let mut server = JobServer::start(&project, &["--slots", "0"]);
    let mut listener = EventClient::connect(&server);
    listener.subscribe(&json!({"topics": ["jobs"]}));
    let mut stranger = EventClient::connect(&server);
    let mut agent = EventClient::connect(&server);
    let registration = json!({"version": VERSION, "name": "far", "instance": "i", "slots": 1});
    agent.say("node_register", &registration);
    agent.next_of("registered");
    let codes = std::thread::scope(|scope| {
        let heard =
            [&mut listener, &mut stranger, &mut agent].map(|client| scope.spawn(|| client.close_code()));
        assert_eq!(server.stop(), Some(0));
        heard.map(|code| code.join().expect("it listens"))
    });
    assert_eq!(codes, [Some(1001); 3]);
}

#[test]
fn an_agent_of_another_version_is_refused_in_words() {
    let project = project();
    let server = JobServer::start(&project, &["--slots", "0"]);
    assert_eq!(server.ask("GET", "/version", None).json()["wire"], VERSION);
    for version in [0, VERSION - 1, VERSION + 1] {
        let mut agent = EventClient::connect(&server);
        // A later one may say more than is known here.
        let data = json!({"version": version, "name": "far", "instance": "i", "slots": 1, "more": {"x": 1}});
        agent.say("node_register", &data);
        assert_eq!(
            agent.next_of("refused")["data"]["reason"],
            format!(
                "it speaks version {version}, and this server version {VERSION}: use the same version of ez on both"
            )
        );
    }
    for (data, words) in [
        (json!({"version": VERSION + 1, "who": "far"}), format!("it speaks version {}, and", VERSION + 1)),
        (json!({"version": VERSION, "name": "far"}), "`data.instance` is missing; use the same".to_owned()),
        (json!(["far"]), "`data` is an array: write an object with".to_owned()),
    ] {
        let mut agent = EventClient::connect(&server);
        agent.say("node_register", &data);
        let refused = agent.next_of("refused")["data"]["reason"].clone();
        assert!(refused.as_str().expect("words").starts_with(&words), "{refused}");
    }
    assert_eq!(server.ask("GET", "/nodes", None).json()["nodes"], json!([]));
}

#[test]
fn a_token_comes_in_a_header_or_in_the_first_message() {
    let project = project();
    let mut server = JobServer::start_in(&project, &[], &[("EZ_SERVER_TOKEN", "own-token-of-a-test")]);
    let topics = json!({"topics": ["jobs"]});
    EventClient::connect(&server).subscribe(&topics);

    let mut client = EventClient::try_connect(&server, &[]).expect("it may introduce itself");
    client.say("authenticate", &json!({"token": "own-token-of-a-test"}));
    client.next_of("authenticated");
    client.subscribe(&topics);

    for (event, data) in [
        ("authenticate", json!({"token": "other"})),
        ("authenticate", json!({})),
        ("subscribe", topics.clone()),
        ("node_register", json!({})),
    ] {
        let mut client = EventClient::try_connect(&server, &[]).expect("it may introduce itself");
        client.say(event, &data);
        client.next_of("refused");
        assert_eq!(client.hear(), None);
    }
    let wrong = EventClient::try_connect(&server, &[("authorization", "Bearer other")]);
    assert_eq!(wrong.err(), Some(401));

    let made = project.run(["server", "token", "create", "nodes", "--scopes", "node"]);
    server.token = Some(made.success().stdout.trim().to_owned());
    let mut client = EventClient::connect(&server);
    client.say("subscribe", &topics);
    assert_eq!(client.next_of("refused")["data"]["reason"], "the token lacks the scope `read`");
    let made = project.run(["server", "token", "create", "reader", "--scopes", "read"]);
    server.token = Some(made.success().stdout.trim().to_owned());
    let mut client = EventClient::connect(&server);
    let registration = json!({"version": 1, "name": "n", "instance": "i", "slots": 1});
    client.say("node_register", &registration);
    assert_eq!(client.next_of("refused")["data"]["reason"], "the token lacks the scope `node`");
}

#[test]
fn pages_of_other_sites_cannot_listen() {
    let project = project();
    let server = JobServer::start(&project, &[]);
    let evil = EventClient::try_connect(&server, &[("origin", "http://evil.example")]);
    assert_eq!(evil.err(), Some(403));
    let own = format!("http://{}", server.address);
    assert!(EventClient::try_connect(&server, &[("origin", &own)]).is_ok());
}
