//! How a server is set up, begun in the background, looked at, and ended.

#![cfg(target_os = "linux")]

use std::io::BufRead;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, SystemTime};

use ez_tests::Project;
use ez_tests::job_server::{JobAgent, JobServer, certificate, certificate_of_an_authority};
use ez_tests::raw_http;
use serde_json::{Value, json};

const TASKFILE: &str = r#"version: '3'
silent: true
tasks:
  where: echo "on $EZ_NODE_NAME"
  wait: 'echo begun; while [ ! -e go ]; do sleep 0.01; done; echo done'
"#;

fn project() -> Project {
    Project::new().file("Taskfile.yml", TASKFILE)
}

/// Ends a server in the background, whatever becomes of the test.
struct Background<'p>(&'p Project);

impl Drop for Background<'_> {
    fn drop(&mut self) {
        let _ = self.0.run(["server", "stop"]);
    }
}

/// `ez server status` as JSON.
fn status(project: &Project, more: &[&str]) -> Value {
    let told = project.run(["server", "status", "--json"].iter().chain(more));
    serde_json::from_str(&told.success().stdout).expect("JSON")
}

#[test]
fn a_server_goes_on_in_the_background_until_it_is_stopped() {
    let project = project();
    let _ended = Background(&project);
    let begun = project.run(["server", "start", "--daemon", "--port", "0"]);
    begun.success().stderr_has("in the background (process ").stderr_has("/.ez-server/server.log");
    let told = status(&project, &[]);
    let pid = told["pid"].as_i64().expect("a process");
    assert!(begun.stderr.contains(&format!("(process {pid})")), "{told}");
    assert_eq!((&told["health"], &told["running"], &told["pending"]), (&json!("ok"), &json!(0), &json!(0)));
    // It is in a session of its own.
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("it lives");
    let session = stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(3)?.parse().ok());
    assert_eq!(session, Some(pid));
    project
        .run(["server", "start", "--daemon", "--port", "0"])
        .exit(1)
        .stderr_has("another server works with");
    project.run(["server", "status"]).success().stdout_has("health").stdout_has("works for");

    project.run(["server", "stop"]).success().stderr_has("the server has ended");
    for command in ["stop", "status"] {
        project.run(["server", command]).exit(2).stderr_has("no server works with");
    }
}

#[test]
fn a_server_that_cannot_begin_in_the_background_says_why() {
    let project = project();
    project
        .run(["server", "start", "--daemon", "--port", "0", "--host", "0.0.0.0"])
        .exit(1)
        .stderr_has("the server has ended: a server that listens on 0.0.0.0:0 can be reached");
}

#[test]
fn two_servers_do_not_work_with_one_database() {
    let project = project();
    let _server = JobServer::start(&project, &[]);
    project
        .run(["server", "start", "--port", "0"])
        .exit(1)
        .stderr_has("another server works with this database");
}

#[test]
fn flags_count_before_variables_and_these_before_the_file() {
    let file = "slots = 3\nhost = '127.0.0.1'\nport = 1\nlease = 30\n\n[nodes.local]\nmax_jobs = 2\n";
    let project = project().file("ez-server.toml", file).file("other/ez.toml", "slots = 5\nroot = '..'\n");
    let slots = |flags: &[&str], variables: &[(&str, &str)]| {
        let server = JobServer::start_in(&project, flags, variables);
        loop {
            // The node stands there since the server before.
            let node = server.ask("GET", "/nodes", None).json()["nodes"][0].clone();
            if node["connected"] == json!(true) {
                return node["slots"].as_u64();
            }
        }
    };
    // The port of the file would not do: the builder gives one by a flag.
    assert_eq!(slots(&[], &[]), Some(3));
    assert_eq!(slots(&["--slots", "4"], &[("EZ_HTTP_PORT", "2")]), Some(4));
    assert_eq!(slots(&["--config", "other/ez.toml"], &[]), Some(5));
    project
        .run(["server", "start", "--config", "none.toml"])
        .exit(2)
        .stderr_has("there is no file")
        .stderr_has("none.toml");
}

#[test]
fn a_certificate_that_is_renewed_is_used_at_once() {
    let (first, first_key) = certificate();
    let (second, second_key) = certificate();
    let project = project().file("own.pem", &first).file("own.key", &first_key);
    let mode = |mode| {
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(project.path("own.key"), mode).expect("it is ours");
    };
    mode(0o600);
    let flags = ["--slots", "0", "--tls-cert", "own.pem", "--tls-key", "own.key"];
    let mut server = JobServer::start(&project, &flags);
    server.certificate = Some(first);
    assert_eq!(server.ask("GET", "/health", None).status, 200);
    let says = |server: &mut JobServer<'_>| {
        let mut line = String::new();
        server.errors.read_line(&mut line).expect("a line");
        line
    };
    // A pair that does not belong together is not used.
    project.write("own.pem", &second);
    assert!(says(&mut server).contains("own.pem; the certificate before it is still used"));
    assert_eq!(server.ask("GET", "/health", None).status, 200);
    mode(0o644);
    project.write("own.key", &second_key);
    assert!(says(&mut server).contains("say `chmod 600"));
    // To do what it says is enough.
    mode(0o600);
    let mut said = says(&mut server);
    while said.contains("say `chmod 600") {
        said = says(&mut server);
    }
    assert!(said.contains("own.pem was changed, and is used from now on"), "{said}");
    server.certificate = Some(second);
    assert_eq!(server.ask("GET", "/health", None).status, 200);
}

/// Contents below a directory: the hours since their last use, and whether each stays.
struct Contents<'p>(&'p Project, &'static str, [(u64, bool); 3]);

impl Contents<'_> {
    fn path(&self, hours: u64) -> std::path::PathBuf {
        self.0.path(&format!("{}/ab/{hours:062}", self.1))
    }

    fn write(&self) {
        for (hours, _) in self.2 {
            let path = self.path(hours);
            std::fs::create_dir_all(path.parent().expect("a directory")).expect("it is ours");
            std::fs::write(&path, "x".repeat(1000)).expect("it is ours");
            let file = std::fs::File::options().append(true).open(path).expect("it is there");
            file.set_modified(SystemTime::now() - Duration::from_hours(hours)).expect("it is ours");
        }
    }

    /// The oldest are removed first.
    fn assert_tidied(&self) {
        for (hours, stays) in self.2 {
            while !stays && self.path(hours).exists() {
                std::thread::yield_now();
            }
            assert_eq!(self.path(hours).exists(), stays, "{hours}");
        }
    }
}

#[test]
fn files_of_jobs_are_kept_as_long_as_the_settings_say() {
    for (settings, flags, contents) in [
        ("content_bytes = 2500", &["--content-bytes", "2500"][..], [(9, false), (8, true), (7, true)]),
        (
            "content_bytes = 0\ncontent_days = 1",
            &["--content-bytes", "0", "--content-days", "1"],
            [(48, false), (23, true), (7, true)],
        ),
        (
            "content_bytes = 1\ncontent_days = 0",
            &["--content-bytes", "1", "--content-days", "0"],
            [(2000, false), (8, false), (1, true)],
        ),
    ] {
        let project = project().file("ez-server.toml", format!("[retention]\n{settings}\n"));
        let on_server = Contents(&project, ".ez-server/content", contents);
        on_server.write();
        let server = JobServer::start(&project, &["--slots", "0"]);
        on_server.assert_tidied();
        let on_node = Contents(&project, ".agents/far/content", contents);
        on_node.write();
        let _agent = JobAgent::start(&project, &server, "far", flags);
        on_node.assert_tidied();
    }
}

#[test]
fn settings_with_which_nothing_would_run_are_refused() {
    for (flags, file, words) in [
        (&["--max-jobs", "0"][..], "", "with max_jobs = 0 no job would ever run"),
        (&[], "max_jobs_per_node = 0\n", "with max_jobs_per_node = 0 no job would ever run"),
        (&[], "[tasks.where]\nmax_jobs = 0\n", "with tasks.where.max_jobs = 0 no job would ever run"),
        (&[], "[nodes.local]\nmax_jobs = 0\n", "with nodes.local.max_jobs = 0 no job would ever run"),
        (&["--lease", "0"], "", "with lease = 0 every node would be given up at once"),
        (&[], "[http]\nmax_connections = 0\n", "with a 0 in [http] nobody could ask anything"),
    ] {
        let project = project().file("ez-server.toml", file);
        let told = project.run(["server", "start", "--port", "0"].iter().chain(flags));
        told.exit(2).stderr_has(words).stderr_has("write 1 or more");
    }
    for (file, words) in [
        ("[http]\nmax_connections = 2305843009213693952\n", "max_connections in [http] is at most 1048576"),
        (
            "[http]\nhead_seconds = 9223372036854775807\n",
            "head_seconds and body_seconds in [http] are at most 86400",
        ),
        ("[http]\nbody_seconds = 86401\n", "head_seconds and body_seconds in [http] are at most 86400"),
    ] {
        let project = project().file("ez-server.toml", file);
        project.run(["server", "start", "--port", "0"]).exit(2).stderr_has(words);
    }
    // An address for documentation (RFC 5737), which no machine has.
    project()
        .env("EZ_SERVER_TOKEN", "own-token-of-a-test")
        .run(["server", "start", "--port", "0", "--host", "192.0.2.1"])
        .exit(1)
        .stderr_has("--host is an address of this machine, or 0.0.0.0 for all that it has");
    let agent = ["client", "start", "--server", "http://127.0.0.1:1", "--slots", "0"];
    project().run(agent).exit(2).stderr_has("an agent with 0 slots would run nothing: say --slots 1 or more");
}

#[test]
fn a_project_that_is_not_there_is_not_made() {
    let project = project();
    for command in [
        &["server", "start", "--port", "0", "--root", "missing"][..],
        &["server", "token", "create", "ci", "--root", "missing"],
        &["server", "start", "--daemon", "--port", "0", "--root", "missing"],
        &["client", "start", "--server", "http://127.0.0.1:1", "--root", "missing"],
    ] {
        project.run(command).exit(2).stderr_has("missing is no directory: --root (EZ_ROOT) is the project");
        assert!(!project.path("missing").exists(), "{command:?}");
    }
    let project = project.file("ez-server.toml", "root = 'missing'\n");
    project.run(["server", "start", "--port", "0"]).exit(2).stderr_has("missing is no directory");
    assert!(!project.path("missing").exists());
}

#[test]
fn a_token_that_can_be_guessed_is_refused() {
    for host in ["127.0.0.1", "0.0.0.0"] {
        let project = project().env("EZ_SERVER_TOKEN", "fifteen-letters");
        let told = project.run(["server", "start", "--port", "0", "--host", host]);
        told.exit(2)
            .stderr_has("EZ_SERVER_TOKEN has only 15 characters")
            .stderr_has("ez server token create");
    }
    let project = project().file("ez-server.toml", "token_file = 'token'\n").file("token", "x\n");
    std::fs::set_permissions(project.path("token"), std::fs::Permissions::from_mode(0o600))
        .expect("it is ours");
    project.run(["server", "start", "--port", "0"]).exit(2).stderr_has("token has only 1 characters");
    let docker = Project::new().env("EZ_SERVER_TOKEN", "x");
    docker.run(["server", "docker", "up"]).exit(2).stderr_has("EZ_SERVER_TOKEN has only 1 characters");
}

#[test]
fn an_agent_keeps_as_much_of_an_output_as_it_is_told() {
    let project = project().file(
        "Taskfile.yml",
        "version: '3'\nsilent: true\ntasks: {long: 'head -c 1000000 /dev/zero | tr \\\\0 x'}\n",
    );
    let server = JobServer::start(&project, &["--slots", "0"]);
    let url = format!("http://{}", server.address);
    project
        .run(["client", "start", "--server", &url, "--max-log-bytes", "x"])
        .exit(2)
        .stderr_has("--max-log-bytes");
    let wrong = Project::new().env("EZ_MAX_LOG_BYTES", "1 GiB");
    wrong
        .run(["client", "start", "--server", &url])
        .exit(2)
        .stderr_has("EZ_MAX_LOG_BYTES is \"1 GiB\": write a number of bytes");
    for (flags, environment) in [
        (&["--max-log-bytes", "1000"][..], ("EZ_MAX_LOG_BYTES", "9000000")),
        (&[], ("EZ_MAX_LOG_BYTES", "1000")),
    ] {
        let own = ["--server", &url, "--name", "far", "--data", ".agents/far"];
        let flags: Vec<&str> = own.into_iter().chain(flags.iter().copied()).collect();
        let _agent = JobAgent::start_in(&project, &flags, &[environment]);
        let told = server.end_of(server.run(&json!({"task": "long"})));
        assert_eq!(told.state, "success");
        // The end is kept too.
        assert!(told.text.len() < 400_000, "{}", told.text.len());
    }
}

#[test]
fn a_wrong_file_is_refused_with_the_place() {
    let project = project().file("ez-server.toml", "slots = 3\n\n[tls]\ncertt = 'x'\n");
    for command in [vec!["server", "start"], vec!["server", "token", "list"], vec!["server", "backup", "x"]] {
        project
            .run(command)
            .exit(2)
            .stderr_has("ez-server.toml:4:1: `certt` is no setting of [tls]; do you mean `cert`?");
    }
}

#[test]
fn the_limit_of_a_node_counts_whatever_it_offers() {
    let project = project().file("ez-server.toml", "[nodes.local]\nmax_jobs = 1\n");
    let server = JobServer::start(&project, &["--slots", "4"]);
    let first = server.run(&json!({"task": "wait"}));
    let second = server.run(&json!({"task": "where"}));
    server.follow(first, "0", |text| text.contains("begun\n"));
    assert_eq!(server.job(second)["state"], "pending");
    project.write("go", "");
    assert_eq!(server.end_of(second).state, "success");
}

#[test]
fn a_server_for_everybody_is_reached_by_addresses_but_by_no_name() {
    let project = project();
    let server = JobServer::start(&project, &["--host", "0.0.0.0", "--insecure", "--slots", "0"]);
    // The builder asks 0.0.0.0, which is an address.
    assert_eq!(server.ask("GET", "/jobs", None).status, 200);
    let evil = "GET /api/v1/jobs HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n";
    assert_eq!(raw_http::status(&raw_http::exchange(server.address, evil.as_bytes())), 403);
    project.run(["server", "status"]).success().stdout_has("http://127.0.0.1:").stdout_has("ok");
}

#[test]
fn a_token_may_stand_in_a_file() {
    let project = project()
        .file("ez-server.toml", "token_file = 'token'\n")
        .file("token", "token-of-a-file-of-a-test\n");
    let mode = |mode| {
        std::fs::set_permissions(project.path("token"), std::fs::Permissions::from_mode(mode)).unwrap();
    };
    mode(0o644);
    project.run(["server", "start"]).exit(2).stderr_has("token can be read by others (mode 644)");
    mode(0o600);
    let mut server = JobServer::start(&project, &[]);
    assert_eq!(server.ask("GET", "/jobs", None).status, 401);
    server.token = Some("token-of-a-file-of-a-test".into());
    assert_eq!(server.ask("GET", "/jobs", None).status, 200);
}

#[test]
fn what_a_server_keeps_is_its_owners_wherever_it_is() {
    let project = project().file("open/here", "");
    let server = JobServer::start(&project, &["--db", "open/jobs.db"]);
    let job = server.run(&json!({"task": "where"}));
    server.end_of(job);
    project.run(["server", "backup", "copy.db", "--db", "open/jobs.db"]).success();
    for name in ["open/jobs.db", "open/jobs.db-wal", "open/logs", "open/secret.key", "copy.db"] {
        let mode = std::fs::metadata(project.path(name)).expect(name).permissions().mode();
        assert_eq!(mode & 0o077, 0, "{name} {mode:o}");
    }
}

#[test]
fn a_server_that_is_told_to_end_waits_for_its_jobs_where_it_is_told_to() {
    let project = project();
    let mut server = JobServer::start(&project, &["--stop-wait", "60", "--slots", "1"]);
    let job = server.run(&json!({"task": "wait"}));
    let waiting = server.run(&json!({"task": "where"}));
    server.follow(job, "0", |text| text.contains("begun\n"));
    let stopped = std::thread::scope(|scope| {
        let stop = scope.spawn(|| project.run(["server", "stop"]).exit);
        // It is asked still, and takes no more jobs for itself.
        while server.ask("GET", "/nodes/1", None).json()["leaving"] == json!(false) {}
        project.write("go", "");
        stop.join().expect("it ends")
    });
    assert_eq!(stopped, ez_tests::process::Exit::Code(0));
    server.start_again();
    assert_eq!(server.job(job)["state"], "success");
    assert_eq!(server.end_of(waiting).state, "success");
}

#[test]
fn who_follows_a_log_does_not_hold_the_end_up() {
    let project = project();
    let mut server = JobServer::start(&project, &[]);
    let job = server.run(&json!({"task": "wait"}));
    server.follow(job, "0", |text| text.contains("begun\n"));
    let before = std::thread::scope(|scope| {
        let follower = scope.spawn(|| server.end_of(job));
        project.run(["server", "stop", "--limit", "4"]).success();
        follower.join().expect("it follows")
    });
    assert_eq!((before.text.as_str(), before.state.as_str()), ("begun\n", ""));
    project.write("go", "");
    server.start_again();
    let after = server.follow(job, &before.last_id, |_| false);
    assert_eq!((after.text.as_str(), after.state.as_str()), ("done\n", "success"));
}

#[test]
fn jobs_go_over_tls() {
    let (certificate, key) = certificate();
    let project = project().file("tls/server.pem", &certificate).file("tls/server.key", &key);
    let only_owner = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(project.path("tls/server.key"), only_owner).expect("it is ours");
    project.write("ez-server.toml", "slots = 0\n[tls]\ncert = 'tls/server.pem'\nkey = 'tls/server.key'\n");
    let mut server = JobServer::start(&project, &[]);
    server.certificate = Some(certificate);
    let _agent = JobAgent::start(&project, &server, "far", &["--ca", "tls/server.pem"]);
    let job = server.run(&json!({"task": "where"}));
    let told = server.end_of(job);
    assert_eq!((told.text.as_str(), told.state.as_str()), ("on far\n", "success"));

    let url = format!("https://{}", server.address);
    let status = |more: &[&str]| {
        let args = ["server", "status", "--server", &url].into_iter().chain(more.iter().copied());
        project.run(args)
    };
    status(&["--ca", "tls/server.pem"]).success().stdout_has("ok");
    // Its own certificate is that of the settings.
    project.run(["server", "status"]).success().stdout_has("https://127.0.0.1:").stdout_has("ok");
    status(&[]).exit(1).stderr_has("does not answer: nobody who is trusted vouches for its certificate");
    let plain = format!("http://{}", server.address);
    project.run(["server", "status", "--server", &plain]).exit(1).stderr_has("does not answer");
}

#[test]
fn a_server_with_the_certificate_of_an_authority_says_that_clients_refuse_it() {
    let (certificate, key) = certificate_of_an_authority();
    let project = project().file("own.pem", &certificate).file("own.key", &key);
    let only_owner = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(project.path("own.key"), only_owner).expect("it is ours");
    let flags = ["--slots", "0", "--tls-cert", "own.pem", "--tls-key", "own.key"];
    let mut server = JobServer::start(&project, &flags);
    let mut line = String::new();
    server.errors.read_line(&mut line).expect("a line");
    assert!(line.contains("own.pem: it is the certificate of an authority"), "{line}");

    let url = format!("https://{}", server.address);
    let words = "its certificate is that of an authority (CA:TRUE)";
    project.run(["server", "status", "--server", &url, "--ca", "own.pem"]).exit(1).stderr_has(words);
    let flags = ["--server", &url, "--ca", "own.pem", "--name", "far"];
    JobAgent::start_in(&project, &flags, &[]).says(words);
}

#[test]
fn certificates_that_cannot_be_used_are_refused_at_once() {
    let ((one, key), (other, _)) = (certificate(), certificate());
    let project = project().file("a.pem", &one).file("a.key", &key).file("b.pem", &other);
    let start = |cert: &str, key: &str| {
        project.run(["server", "start", "--port", "0", "--tls-cert", cert, "--tls-key", key])
    };
    start("a.pem", "a.key").exit(1).stderr_has("a.key can be read by everybody (mode 644): say `chmod 600");
    let only_owner = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(project.path("a.key"), only_owner).expect("it is ours");
    start("b.pem", "a.key")
        .exit(1)
        .stderr_has("a.key does not belong to the certificate")
        .stderr_has("b.pem");
    start("c.pem", "a.key").exit(1).stderr_has("c.pem cannot be read");
    project
        .run(["server", "start", "--port", "0", "--tls-cert", "a.pem"])
        .exit(2)
        .stderr_has("a certificate needs its key");
}
