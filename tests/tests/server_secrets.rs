//! Secret variables of jobs: they arrive, and stand nowhere.

#![cfg(target_os = "linux")]

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use ez_tests::Project;
use ez_tests::job_server::{JobAgent, JobServer};
use ez_tests::program;
use serde_json::{Value, json};

const SECRET: &str = "s3cr3t-of-the-test-0123456789";

const TASKFILE: &str = r#"version: '3'
silent: true
tasks:
  deploy:
    ez-params: [{name: deploy-token, type: secret}]
    cmds:
      - 'echo begun; while [ ! -e go ]; do sleep 0.01; done'
      - 'echo "it is $EZ_DEPLOY_TOKEN, as everybody sees"; printf "%s" "$EZ_DEPLOY_TOKEN" | sha256sum | cut -c1-16 > seen'
"#;

/// The first half of the SHA-256 of the secret, as the task writes it.
fn digest() -> String {
    use sha2::Digest;
    let digest = sha2::Sha256::digest(SECRET.as_bytes());
    digest.iter().take(8).fold(String::new(), |text, byte| text + &format!("{byte:02x}")) + "\n"
}

fn project() -> Project {
    Project::new().file("Taskfile.yml", TASKFILE)
}

fn has(content: &[u8]) -> bool {
    content.windows(SECRET.len()).any(|bytes| bytes == SECRET.as_bytes())
}

/// The files below a directory in which the secret stands.
fn files_with_secret(directory: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() && !path.is_symlink() {
            found.extend(files_with_secret(&path));
        } else if fs::read(&path).is_ok_and(|content| has(&content)) {
            found.push(path.display().to_string());
        }
    }
    found
}

/// The processes in whose arguments the secret stands.
fn processes_with_secret() -> Vec<String> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let lines = entries.map(|entry| entry.path().join("cmdline"));
    lines
        .filter(|line| fs::read(line).is_ok_and(|line| has(&line)))
        .map(|line| line.display().to_string())
        .collect()
}

/// The answers of the server in which it stands.
fn answers_with_secret(server: &JobServer<'_>, job: i64) -> Vec<String> {
    let paths = ["/jobs".to_owned(), format!("/jobs/{job}"), "/audit".to_owned(), "/nodes".to_owned()];
    let logs = format!("/jobs/{job}/logs?format=text");
    let all = paths.into_iter().chain([logs]);
    all.filter(|path| has(server.ask("GET", path, None).body.as_bytes())).collect()
}

#[test]
fn a_secret_reaches_the_job_and_stands_nowhere() {
    let project = project();
    let server = JobServer::start(&project, &["--slots", "0"]);
    let _agent = JobAgent::start(&project, &server, "far", &[]);
    let job = server.run(&json!({"task": "deploy", "vars": {"deploy-token": SECRET}}));
    server.follow(job, "0", |text| text.contains("begun\n"));
    let none: [String; 0] = [];
    // While it runs, which is when most could be seen.
    assert_eq!(processes_with_secret(), none);
    assert_eq!(files_with_secret(&project.root()), none);
    assert_eq!(answers_with_secret(&server, job), none);
    assert_eq!(server.job(job)["secrets"], json!(["EZ_DEPLOY_TOKEN"]));
    project.write("go", "");
    let told = server.end_of(job);
    assert_eq!(
        (told.text.as_str(), told.state.as_str()),
        ("begun\nit is *****, as everybody sees\n", "success")
    );
    assert_eq!(project.read("seen"), Some(digest()));
    assert_eq!(files_with_secret(&project.root()), none);
    assert_eq!(answers_with_secret(&server, job), none);
}

#[test]
fn a_secret_survives_the_server_but_not_its_key() {
    let project = project().file("go", "");
    let mut server = JobServer::start(&project, &["--slots", "0"]);
    let waiting = server.run(&json!({"task": "deploy", "vars": {"EZ_DEPLOY_TOKEN": SECRET}}));
    server.kill();
    assert_eq!(files_with_secret(&project.root()), [""; 0]);
    server.start_again();
    let mut agent = JobAgent::start(&project, &server, "far", &[]);
    assert_eq!(server.end_of(waiting).state, "success");
    assert_eq!(project.read("seen"), Some(digest()));

    agent.stop();
    let lost = server.run(&json!({"task": "deploy", "vars": {"deploy-token": SECRET}}));
    server.stop();
    let key = project.path(".ez-server/secret.key");
    fs::write(&key, "another key, which is long enough to be one\n").expect("it is ours");
    server.start_again();
    agent.start_again();
    assert_eq!(server.end_of(lost).state, "failed");
    let reason = server.job(lost)["reason"].as_str().expect("a reason").to_owned();
    assert!(reason.contains("the secret `EZ_DEPLOY_TOKEN` cannot be opened"), "{reason}");
}

#[test]
fn a_key_that_others_can_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let project = project()
        .file("key", "a key that is long enough to be one, at least")
        .file("ez-server.toml", "secret_key_file = 'key'\n");
    project
        .run(["server", "start", "--port", "0"])
        .exit(1)
        .stderr_has("key can be read by others (mode 644)");
    fs::set_permissions(project.path("key"), fs::Permissions::from_mode(0o600)).expect("it is ours");
    let server = JobServer::start(&project, &[]);
    assert_eq!(server.ask("GET", "/health", None).status, 200);
    assert!(!project.path(".ez-server/secret.key").exists());
}

/// What an attempt writes whose watcher gets a secret, and how it ends.
fn watched(script: &str, secrets: &Value) -> (String, Value) {
    let (text, ending) = watched_as_told(script, |directory| {
        let assignment = json!({"directory": directory, "secrets": secrets});
        format!("{assignment}\n")
    });
    (text, serde_json::from_str(&ending.expect("an end")).expect("JSON"))
}

/// The same with what an agent says of the directory of the attempt.
fn watched_as_told(script: &str, say: impl FnOnce(&Path) -> String) -> (String, Option<String>) {
    let project = Project::new();
    let order = json!({
        "attempt": {"job": 1, "fence": 1}, "mark": format!("1-1-{}", std::process::id()), "program": "/bin/sh",
        "args": ["-c", script], "directory": project.root(), "environment": [], "begun": 1, "timeout": 0,
        "grace": 1000, "max_log_bytes": 1_000_000,
    });
    project.write("1-1/order.json", order.to_string());
    project.write("1-1/log", "");
    let mut watcher = Command::new(program::ez())
        .arg("__watch")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("ez starts");
    let mut input = watcher.stdin.take().expect("a pipe");
    input.write_all(say(&project.path("1-1")).as_bytes()).expect("it reads");
    drop(input);
    watcher.wait().expect("it ends");
    let log = fs::read(project.path("1-1/log")).expect("a log");
    (contents(&log), project.read("1-1/ending.json"))
}

/// The contents of the frames of a log.
fn contents(mut log: &[u8]) -> String {
    let mut text = Vec::new();
    while let Some((length, _)) = log.split_first_chunk::<4>() {
        let end = 16 + u32::from_le_bytes(*length) as usize;
        text.extend(&log[16..end]);
        log = &log[end..];
    }
    String::from_utf8(text).expect("text")
}

#[test]
fn a_secret_is_masked_however_it_is_written() {
    let secrets = json!({"S": SECRET, "KEY": "-----BEGIN-----\nabcdefgh\nx\n-----END-----\n"});
    for (script, expected) in [
        (r#"echo "$S$S""#, "**********\n"),
        (r#"echo "${S#s3cr3t}" "$S""#, "-of-the-test-0123456789 *****\n"),
        (
            r"printf 's3cr3t-of-'; sleep 0.05; printf 'the-test-'; sleep 0.05; printf '0123456789\n'",
            "*****\n",
        ),
        (r"printf 's3cr3t-of-the-'", "s3cr3t-of-the-"),
        (r#"printf "%s" "$KEY""#, "*****"),
        (
            r#"echo "$KEY" | while read -r line; do echo "> $line"; done"#,
            "> *****\n> *****\n> x\n> *****\n> \n",
        ),
        (r#"printf '%s' "$S" >&2"#, "*****"),
    ] {
        let (text, ending) = watched(script, &secrets);
        assert_eq!((text.as_str(), &ending["state"]), (expected, &json!("success")), "{script}");
    }
}

#[test]
fn a_job_whose_secrets_did_not_arrive_does_not_run() {
    let cut_off =
        |directory: &Path| format!("{{\"directory\": {directory:?}, \"secrets\": {{\"KEY\": \"half");
    assert_eq!(watched_as_told("echo it runs", cut_off), (String::new(), None));
    let wrong = |directory: &Path| json!({"directory": directory, "secrets": "no map"}).to_string() + "\n";
    assert_eq!(watched_as_told("echo it runs", wrong), (String::new(), None));
}
