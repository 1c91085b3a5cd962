//! `ez run --remote` and remote steps of plans: files go to a node, the task runs there, what it makes comes back.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test ends where its surroundings fail")]

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use ez_tests::Project;
use ez_tests::cutting_proxy::CuttingProxy;
use ez_tests::job_server::{JobAgent, JobServer, certificate, is_begun, kill, watchers};
use ez_tests::program;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

const TASKFILE: &str = r#"version: '3'
silent: true
tasks:
  copy:
    ez-remote: {sync_in: [src], sync_out: [out]}
    cmds: ['cp -a src out', 'pwd > out/where']
  upper:
    deps: [words]
    sources: [words/*.txt, '{{.EXTRA}}']
    generates: ['build/{{.NAME | default "all"}}.txt']
    cmds: ['mkdir -p build; cat words/*.txt | tr a-z A-Z > build/{{.NAME | default "all"}}.txt; echo made']
  words:
    sources: [more/list]
    cmds: ['cp more/list words/list.txt']
  speak: 'echo out; echo err >&2; echo "$EZ_NODE_NAME" {{.CLI_ARGS}} >> said; cat said'
  fail:
    ez-remote: {sync_in: [src], sync_out: [out]}
    cmds: ['mkdir out; echo new > out/kept; exit 3']
  node:
    ez-remote: {tags: [gpu], sync_out: []}
    cmds: ['echo on $EZ_NODE_NAME']
  stay: 'echo begun; exec sleep 987654'
  big:
    ez-remote: {sync_in: [src], sync_out: [out, '!out/kept']}
    cmds: ['mkdir -p out; head -c 16000000 /dev/zero > out/big; echo made']
  count: 'for i in $(seq {{.LINES}}); do echo "line $i"; sleep 0.002; done'
  slow:
    ez-remote: {sync_in: [src], sync_out: [out]}
    cmds: ['echo begun; while [ ! -e "{{.GATE}}" ]; do sleep 0.01; done; mkdir out; echo new > out/kept; echo done']
"#;

/// A project, and a server elsewhere that knows nothing of it.
struct Place {
    project: Project,
    elsewhere: Project,
}

impl Place {
    fn new() -> Self {
        let project = Project::new()
            .file("Taskfile.yml", TASKFILE)
            .file("src/ä ö/π.txt", "text")
            .executable("src/tool", "#!/bin/sh\n")
            .file("words/one.txt", "one\n")
            .file("more/list", "two\n");
        fs::create_dir_all(project.path("src/empty/deep")).unwrap();
        symlink("tool", project.path("src/link")).unwrap();
        symlink("ä ö", project.path("src/dir")).unwrap();
        Self { project, elsewhere: Project::new().file("Taskfile.yml", "version: '3'\ntasks: {}\n") }
    }

    fn server(&self, flags: &[&str]) -> JobServer<'_> {
        JobServer::start(&self.elsewhere, flags)
    }

    fn run(&self, server: &JobServer<'_>, args: &[&str]) -> ez_tests::Outcome<'_> {
        let url = format!("http://{}", server.address);
        let own = ["run", "--remote", "--server", &url];
        self.project.run(own.iter().chain(args))
    }

    /// Begins a run through a server's address, or that of a proxy before it.
    fn spawn(&self, address: SocketAddr, args: &[&str]) -> Child {
        Command::new(program::ez())
            .args(["run", "--remote", "--server", &format!("http://{address}")])
            .args(args)
            .current_dir(self.project.root())
            .env_remove("EZ_SERVER_URL")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// Begins a run, and waits until its task has written a line.
    fn begin(&self, server: &JobServer<'_>, args: &[&str]) -> (Child, BufReader<std::process::ChildStdout>) {
        let mut child = self.spawn(server.address, args);
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        (child, out)
    }
}

fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_raw(child.id() as i32).unwrap(), signal).unwrap();
}

/// What is in a directory: kinds, modes and contents by path.
fn tree(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut waiting = vec![root.to_owned()];
    while let Some(directory) = waiting.pop() {
        for entry in fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            let shown = path.strip_prefix(root).unwrap().display().to_string();
            let metadata = fs::symlink_metadata(&path).unwrap();
            if metadata.is_symlink() {
                found.push(format!("{shown} -> {}", fs::read_link(&path).unwrap().display()));
            } else if metadata.is_dir() {
                found.push(format!("{shown}/"));
                waiting.push(path);
            } else {
                let is_executable = metadata.permissions().mode() & 0o111 != 0;
                found.push(format!("{shown} {is_executable} {}", fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn files_survive_the_way_there_and_back() {
    let place = Place::new();
    let server = place.server(&["--slots", "0"]);
    let node = Project::new();
    let _agent = JobAgent::start(&node, &server, "far", &[]);
    place.run(&server, &["copy"]).success();
    let directory = place.project.read("out/where").unwrap();
    assert!(directory.starts_with(&*node.root().to_string_lossy()), "{directory}");
    fs::remove_file(place.project.path("out/where")).unwrap();
    assert_eq!(tree(&place.project.path("out")), tree(&place.project.path("src")));
    // Nothing is left of it on the node but the contents.
    assert!(!Path::new(directory.trim()).exists());
}

#[test]
fn nobody_else_sees_the_files_on_the_node() {
    let place = Place::new();
    let server = place.server(&["--slots", "0"]);
    let node = Project::new();
    let _agent = JobAgent::start(&node, &server, "far", &[]);
    let (mut child, _) = place.begin(&server, &["stay"]);
    let data = node.path(".agents/far");
    for directory in [data.clone(), data.join("content"), data.join("attempts"), data.join("attempts/1-1")] {
        let mode = fs::metadata(&directory).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o700, "{}", directory.display());
    }
    signal(&child, Signal::INT);
    child.wait().unwrap();
}

#[test]
fn what_did_not_change_is_not_sent() {
    let place = Place::new();
    let server = place.server(&[]);
    let run = || place.run(&server, &["upper", "NAME=x"]);
    fs::create_dir(place.project.path("build")).unwrap();
    run().success().stderr_has("3 files, 4 contents sent (").stderr_has("1 output, 1 of them new");
    assert_eq!(place.project.read("build/x.txt").as_deref(), Some("TWO\nONE\n"));
    run().success().stderr_has("3 files, 0 contents sent (0 bytes)").stderr_has("1 output, 0 of them new");
    place.project.write("more/list", "three\n");
    run().success().stderr_has("3 files, 2 contents sent (");
    assert_eq!(place.project.read("build/x.txt").as_deref(), Some("THREE\nONE\n"));
}

#[test]
fn streams_arguments_and_exit_codes_are_those_of_the_task() {
    let place = Place::new();
    let server = place.server(&[]);
    let spoken = place.run(&server, &["speak", "--", "a b"]);
    spoken.success().stdout("out\nlocal a b\n").stderr_has("err\n").stderr_has("only the Taskfiles are sent");
    place.project.write("out/kept", "old");
    place.run(&server, &["fail"]).exit(201).file_is("out/kept", "old");
    place.run(&server, &["fail", "-x"]).exit(3);
    place.run(&server, &["nothing"]).exit(200);
}

#[test]
fn bytes_that_are_no_text_come_as_they_are() {
    let place = Place::new();
    let server = place.server(&[]);
    let bytes = "  bytes: \"printf 'a\\\\377\\\\376\\\\303b\\\\n'; head -c 100000 /dev/zero | tr '\\\\0' '\\\\377'\"\n";
    place.project.write("Taskfile.yml", format!("{TASKFILE}{bytes}"));
    let output = Command::new(program::ez())
        .args(["run", "--remote", "--server", &format!("http://{}", server.address), "bytes"])
        .current_dir(place.project.root())
        .output()
        .unwrap();
    let expected = [b"a\xff\xfe\xc3b\n".to_vec(), vec![0xff; 100_000]].concat();
    assert_eq!(output.stdout.len(), expected.len());
    assert!(output.stdout == expected, "{:?}", &output.stdout[..10]);
}

#[test]
fn the_node_is_chosen() {
    let place = Place::new();
    let server = place.server(&["--slots", "0"]);
    let (one, two) = (Project::new(), Project::new());
    let _plain = JobAgent::start(&one, &server, "plain", &[]);
    let _gpu = JobAgent::start(&two, &server, "big", &["--tags", "gpu"]);
    place.run(&server, &["node"]).success().stdout("on big\n");
    place.run(&server, &["--node", "plain", "speak"]).success().stdout("out\nplain\n");
}

#[test]
fn links_that_lead_out_are_refused_before_anything_is_sent() {
    let place = Place::new();
    let server = place.server(&[]);
    symlink("../../secret", place.project.path("src/out")).unwrap();
    place
        .run(&server, &["copy"])
        .exit(1)
        .stderr_has("the link `src/out` leads out of the tree, to `../../secret`");
    assert_eq!(server.ask("GET", "/jobs", None).json()["jobs"], json!([]));
}

#[test]
fn directories_for_outputs_are_there_as_they_are_here() {
    let place = Place::new();
    let server = place.server(&[]);
    let put = "  put: {generates: ['made/deep/*.txt'], cmds: ['echo new > made/deep/a.txt']}\n";
    place.project.write("Taskfile.yml", format!("{TASKFILE}{put}"));
    place.project.write("made/deep/old.txt", "old\n");
    fs::remove_file(place.project.path("made/deep/old.txt")).unwrap();
    place.run(&server, &["put"]).success();
    assert_eq!(tree(&place.project.path("made")), ["deep/", "deep/a.txt false new\n"]);

    // What could not be put in its place is not made either.
    fs::rename(place.project.path("made"), place.project.path("kept")).unwrap();
    symlink("kept", place.project.path("made")).unwrap();
    place.run(&server, &["put"]).exit(1).stderr_has("`made/deep` is not written, because the link");
    assert_eq!(server.ask("GET", "/jobs", None).json()["jobs"].as_array().unwrap().len(), 1);
}

#[test]
fn what_cannot_be_is_told() {
    let place = Place::new();
    place
        .project
        .run(["run", "--remote", "copy"])
        .exit(2)
        .stderr_has("Say --server URL, or set EZ_SERVER_URL");
    place.project.run(["run", "--node", "x", "copy"]).exit(1).stderr_has("--node goes with --remote");
    place
        .project
        .run(["run", "--remote", "--watch", "copy"])
        .exit(1)
        .stderr_has("--remote and --watch exclude each other");
    for flag in ["--parallel", "--failfast", "--force", "--yes", "--concurrency=2", "--output=prefixed"] {
        let shown = flag.split('=').next().unwrap();
        let refused = place.project.run(["run", "--remote", flag, "copy"]);
        refused.exit(1).stderr_has(&format!("--remote and {shown} exclude each other"));
    }
    for url in ["nonsense", "ftp://x", "http://", "http:///x"] {
        let wrong = place.project.run(["run", "--remote", "--server", url, "copy"]);
        wrong.exit(1).stderr_has(&format!("`{url}` is no URL of a server"));
    }
    let gone = ["run", "--remote", "--server", "http://127.0.0.1:1", "copy"];
    place.project.run(gone).exit(1).stderr_has("http://127.0.0.1:1 does not answer");
}

#[test]
fn patterns_that_mean_no_file_are_told() {
    let place = Place::new();
    let server = place.server(&[]);
    let told = "`sync_in: nowhere/**` of `partly` means no file that is here";
    let partly = "  partly: {ez-remote: {sync_in: [src, 'nowhere/**']}, cmds: ['true']}\n";
    place.project.write("Taskfile.yml", format!("{TASKFILE}{partly}"));
    place.run(&server, &["partly"]).success().stderr_has(told);
    let made = "  made: {ez-remote: {sync_in: [src], sync_out: [src, 'no/*']}, cmds: ['true']}\n";
    place.project.write("Taskfile.yml", format!("{TASKFILE}{partly}{made}"));
    let told = "`sync_out: no/*` of `made` means no file that was made";
    place.run(&server, &["made"]).success().stderr_has(told);
    place.run(&server, &["copy"]).success().lacks("means no file");
}

#[test]
fn a_job_that_no_node_takes_is_said_to_wait() {
    let place = Place::new();
    let server = place.server(&[]);
    let mut child = Command::new(program::ez())
        .args(["run", "--remote", "--server", &format!("http://{}", server.address)])
        .args(["--node", "nowhere", "speak"])
        .current_dir(place.project.root())
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    let waiting = lines.into_iter().find(|line| line.starts_with("ez: job 1 waits for a node"));
    assert!(waiting.is_some());
    signal(&child, Signal::INT);
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[test]
fn a_list_of_files_that_is_none_is_told_from_one_that_is_not_here() {
    let place = Place::new();
    let server = place.server(&[]);
    let submit = |inputs: &str| {
        let answer = server.ask("POST", "/jobs", Some(&json!({"name": "t", "inputs": inputs})));
        (answer.status, answer.json()["error"].as_str().unwrap().to_owned())
    };
    let (status, error) = submit(&"0".repeat(64));
    assert!(status == 409 && error.contains("send what is missing first"), "{error}");
    // The content of a file is no list of files.
    place.run(&server, &["copy"]).success();
    let content = walk(&place.elsewhere.path(".ez-server/content"));
    let digest = content.iter().find(|path| fs::read(path).unwrap() == b"text").unwrap();
    let digest = digest.iter().rev().take(2).map(|part| part.to_str().unwrap()).collect::<Vec<_>>();
    let (status, error) = submit(&format!("{}{}", digest[1], digest[0]));
    assert!(status == 422 && error.contains("is no list of files that can be used"), "{error}");
}

/// The files below a directory.
fn walk(directory: &Path) -> Vec<std::path::PathBuf> {
    let paths = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

#[test]
fn a_token_is_needed_where_the_server_wants_one() {
    let place = Place::new();
    let server = JobServer::start_in(&place.elsewhere, &[], &[("EZ_SERVER_TOKEN", "ez_a_token-of-a-test")]);
    let refused = place.run(&server, &["copy"]);
    refused.exit(1).stderr_has("answers with 401").stderr_has("set EZ_CLIENT_TOKEN").lacks("Bearer");
    let place =
        Place { project: place.project.env("EZ_CLIENT_TOKEN", "ez_a_token-of-a-test"), ..Place::new() };
    let server = JobServer::start_in(&place.elsewhere, &[], &[("EZ_SERVER_TOKEN", "ez_a_token-of-a-test")]);
    place.run(&server, &["copy"]).success();
}

#[test]
fn an_interrupt_ends_the_job_over_there() {
    let place = Place::new();
    let server = place.server(&[]);
    let (mut child, _) = place.begin(&server, &["stay"]);
    signal(&child, Signal::INT);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(server.job(1)["state"], "cancelled");
    // So does a terminal that is closed.
    let (mut child, _) = place.begin(&server, &["stay"]);
    signal(&child, Signal::HUP);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(server.job(2)["state"], "cancelled");
}

/// Waits until a part of a large output is here.
fn wait_for_a_part(project: &Project, child: &mut Child) {
    let is_here = || {
        let mut waiting = vec![project.path(".ez/remote")];
        while let Some(directory) = waiting.pop() {
            // What is looked at may be gone.
            for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
                match entry.metadata() {
                    Ok(metadata) if metadata.is_dir() => waiting.push(entry.path()),
                    Ok(metadata) if metadata.len() > 100_000 => return true,
                    _ => {}
                }
            }
        }
        false
    };
    while !is_here() {
        assert!(child.try_wait().unwrap().is_none(), "it ended");
    }
}

fn left_of(project: &Project) -> usize {
    fs::read_dir(project.path(".ez/remote")).map_or(0, Iterator::count)
}

/// The exit code, and what was said.
fn ended(mut child: Child) -> (Option<i32>, String) {
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    (child.wait().unwrap().code(), said)
}

#[test]
fn an_interrupt_stops_what_comes_home_and_all_that_would_follow() {
    let place = Place::new();
    let server = place.server(&[]);
    let proxy = CuttingProxy::start(server.address);
    place.project.write("out/kept", "old");
    let mut child = place.spawn(proxy.address(), &["big", "speak"]);
    wait_for_a_part(&place.project, &mut child);
    signal(&child, Signal::INT);
    let (code, said) = ended(child);
    assert!(code == Some(130) && said.contains("stopped while outputs came home"), "{code:?} {said}");
    assert_eq!(tree(&place.project.path("out")), ["kept false old"]);
    assert_eq!(left_of(&place.project), 0);
    assert_eq!(server.ask("GET", "/jobs", None).json()["jobs"].as_array().map(Vec::len), Some(1));

    place.project.write("plans/p.yml", "steps: [{name: big, task: big, remote: true}]\n");
    let mut child = Command::new(program::ez())
        .args(["plan", "run", "p", "--server", &format!("http://{}", proxy.address())])
        .current_dir(place.project.root())
        .env_remove("EZ_SERVER_URL")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    wait_for_a_part(&place.project, &mut child);
    signal(&child, Signal::INT);
    let (code, said) = ended(child);
    assert!(code == Some(130) && !said.contains("1 succeeded"), "{code:?} {said}");
    assert_eq!(tree(&place.project.path("out")), ["kept false old"]);
}

#[test]
fn what_a_killed_run_left_is_removed_with_the_next_one() {
    let place = Place::new();
    let server = place.server(&[]);
    let proxy = CuttingProxy::start(server.address);
    let mut child = place.spawn(proxy.address(), &["big"]);
    wait_for_a_part(&place.project, &mut child);
    signal(&child, Signal::KILL);
    child.wait().unwrap();
    assert_eq!(left_of(&place.project), 1);
    place.run(&server, &["speak"]).success();
    assert_eq!(left_of(&place.project), 0);
}

#[test]
fn an_interrupt_ends_a_transfer_that_hangs() {
    let place = Place::new();
    let server = place.server(&[]);
    let proxy = CuttingProxy::start(server.address);
    proxy.lose_all();
    for signals in [1, 2] {
        let before = proxy.accepted();
        let child = place.spawn(proxy.address(), &["speak"]);
        while proxy.accepted() == before {}
        (0..signals).for_each(|_| signal(&child, Signal::INT));
        let (code, said) = ended(child);
        assert!(code == Some(130) && said.contains("stopped while files were sent"), "{code:?} {said}");
    }
}

#[test]
fn what_comes_home_goes_on_where_the_connection_broke() {
    let place = Place::new();
    let mut server = place.server(&[]);
    let proxy = CuttingProxy::start(server.address);
    let mut child = place.spawn(proxy.address(), &["big"]);
    wait_for_a_part(&place.project, &mut child);
    server.kill();
    proxy.cut();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    let is_told = |line: &String| line.contains("the connection to the server broke");
    assert!(lines.any(|line| is_told(&line)));
    let tried = proxy.accepted();
    while proxy.accepted() < tried + 3 {}
    server.start_again();
    let rest: Vec<String> = lines.collect();
    assert!(child.wait().unwrap().success() && !rest.iter().any(is_told), "{rest:?}");
    assert_eq!(fs::metadata(place.project.path("out/big")).unwrap().len(), 16_000_000);
}

#[test]
fn a_silent_run_echoes_nothing_over_there() {
    let place = Place::new();
    let server = place.server(&[]);
    place.project.write("Taskfile.yml", "version: '3'\ntasks: {loud: 'echo x'}\n");
    place.run(&server, &["loud"]).success().stdout("x\n").stderr_has("[loud] echo x");
    place.run(&server, &["--silent", "loud"]).success().stdout("x\n").stderr("");
}

#[test]
fn the_other_protocol_is_told() {
    let (plain, encrypted) = (Place::new(), Place::new());
    let (certificate, key) = certificate();
    encrypted.elsewhere.write("cert.pem", certificate);
    encrypted.elsewhere.write("key.pem", key);
    fs::set_permissions(encrypted.elsewhere.path("key.pem"), fs::Permissions::from_mode(0o600)).unwrap();
    let asked = |url: String| plain.project.run(["run", "--remote", "--server", &url, "copy"]);
    let server = plain.server(&[]);
    asked(format!("https://{}", server.address)).exit(1).stderr_has("write http://");
    let server = encrypted.server(&["--tls-cert", "cert.pem", "--tls-key", "key.pem"]);
    asked(format!("http://{}", server.address)).exit(1).stderr_has("write https://");
}

/// Begins the run of a plan with one remote step, and waits until the step's job has begun to print.
fn begin_plan(project: &Project, server: &JobServer<'_>, job: i64, args: &[&str]) -> Child {
    let child = spawn_plan(project, server, args);
    while server.job(job)["state"] != "running" {}
    server.follow(job, "0", is_begun);
    child
}

fn spawn_plan(project: &Project, server: &JobServer<'_>, args: &[&str]) -> Child {
    Command::new(program::ez())
        .args(["plan", "run", "p"])
        .args(args)
        .current_dir(project.root())
        .env("EZ_SERVER_URL", format!("http://{}", server.address))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

const STAY_PLAN: &str = "steps: [{name: stay, task: stay, remote: true}]\n";

#[test]
fn a_terminal_that_is_closed_ends_the_remote_steps_of_a_plan() {
    let place = Place::new();
    let server = place.server(&[]);
    place.project.write("plans/p.yml", STAY_PLAN);
    let mut child = begin_plan(&place.project, &server, 1, &[]);
    signal(&child, Signal::HUP);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(server.job(1)["state"], "cancelled");
}

#[test]
fn a_plan_that_goes_on_ends_the_job_that_a_killed_run_left() {
    let place = Place::new();
    let server = place.server(&["--slots", "2"]);
    place.project.write("plans/p.yml", STAY_PLAN);
    let mut child = begin_plan(&place.project, &server, 1, &[]);
    signal(&child, Signal::KILL);
    child.wait().unwrap();
    assert_eq!(server.job(1)["state"], "running");
    let mut child = begin_plan(&place.project, &server, 2, &["--resume"]);
    let (first, second) = (server.job(1), server.job(2));
    assert_eq!((&first["state"], &second["state"]), (&json!("cancelled"), &json!("running")));
    assert!(first["finished"].as_i64() <= second["created"].as_i64());
    signal(&child, Signal::TERM);
    child.wait().unwrap();
    assert_eq!(server.job(2)["state"], "cancelled");
}

/// The file in which a run notes the job of its remote step, and what stands there.
fn noted_job(project: &Project) -> (std::path::PathBuf, Value) {
    let is_note = |path: &Path| path.parent().is_some_and(|parent| parent.ends_with("jobs"));
    let mut files = walk(&project.path(".ez")).into_iter();
    // Beside it may be one that takes its place in a moment.
    let note = files.find(|path| is_note(path) && path.extension().is_some_and(|kind| kind == "json"));
    let note = note.expect("the step's job is noted");
    let text = fs::read(&note).unwrap();
    (note, serde_json::from_slice(&text).unwrap())
}

/// Kills the run of a plan, and makes it one that did not learn the number of its job.
fn kill_unanswered(project: &Project, mut child: Child) {
    while noted_job(project).1["job"].is_null() {}
    signal(&child, Signal::KILL);
    child.wait().unwrap();
    let (path, mut note) = noted_job(project);
    assert_eq!(note["job"].take(), 1);
    fs::write(path, note.to_string()).unwrap();
}

#[test]
fn a_plan_that_goes_on_knows_of_the_job_of_which_a_killed_run_did_not_learn() {
    let place = Place::new();
    let server = place.server(&["--slots", "2"]);
    place.project.write("plans/p.yml", STAY_PLAN);
    kill_unanswered(&place.project, begin_plan(&place.project, &server, 1, &[]));
    // The same request is the same job.
    kill_unanswered(&place.project, begin_plan(&place.project, &server, 1, &["--resume"]));
    assert_eq!(server.ask("GET", "/jobs", None).json()["jobs"].as_array().map(Vec::len), Some(1));
    // Another one is another job, and the first is ended before.
    place.project.write("Taskfile.yml", format!("{TASKFILE}# changed\n"));
    let mut child = spawn_plan(&place.project, &server, &["--resume"]);
    let second = loop {
        match noted_job(&place.project).1["job"].as_i64() {
            Some(job) => break job,
            None => assert!(child.try_wait().unwrap().is_none(), "it ended"),
        }
    };
    server.follow(second, "0", is_begun);
    let (first, second) = (server.job(1), server.job(second));
    assert_eq!((&first["state"], &second["state"]), (&json!("cancelled"), &json!("running")));
    assert!(first["finished"].as_i64() <= second["created"].as_i64());
    signal(&child, Signal::TERM);
    child.wait().unwrap();
    assert_eq!(server.job(second["id"].as_i64().unwrap())["state"], "cancelled");
}

#[test]
fn a_log_goes_on_where_the_connection_broke() {
    let place = Place::new();
    let mut server = place.server(&[]);
    let (mut child, mut out) = place.begin(&server, &["count", "LINES=400"]);
    server.kill();
    server.start_again();
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    assert!(child.wait().unwrap().success());
    let expected: String = (2..=400).fold(String::new(), |text, line| text + &format!("line {line}\n"));
    assert_eq!(rest, expected);
}

#[test]
fn an_agent_may_be_killed_and_a_watcher_not() {
    let place = Place::new();
    let server = place.server(&["--slots", "0"]);
    let node = Project::new();
    let mut agent = JobAgent::start(&node, &server, "far", &[]);
    let gate = place.elsewhere.path("gate");
    let gate = format!("GATE={}", gate.display());

    let (mut child, mut out) = place.begin(&server, &["slow", &gate]);
    agent.kill();
    place.elsewhere.write("gate", "");
    agent.start_again();
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    assert_eq!((child.wait().unwrap().code(), rest.as_str()), (Some(0), "done\n"));
    assert_eq!(place.project.read("out/kept").as_deref(), Some("new\n"));

    fs::remove_file(place.elsewhere.path("gate")).unwrap();
    place.project.write("out/kept", "old");
    let (mut child, _) = place.begin(&server, &["slow", &gate]);
    watchers(&node).into_iter().for_each(kill);
    assert_eq!(child.wait().unwrap().code(), Some(1));
    assert_eq!(place.project.read("out/kept").as_deref(), Some("old"));
    assert!(server.job(2)["reason"].as_str().unwrap().contains("was killed"));
    assert_eq!(agent.stop(), Some(0));
    assert_eq!(fs::read_dir(node.path(".agents/far/attempts")).unwrap().count(), 0);
}

#[test]
fn a_folder_task_runs_on_a_node_alone_and_in_a_plan() {
    let project = Project::new()
        .file("Taskfile.yml", "version: '3'\ntasks:\n  seed: {cmds: ['echo seed > seed'], generates: [seed]}\n")
        .file(
            "tasks/pack/Taskfile.yml",
            "version: '3'\nsilent: true\ntasks:\n  default: 'mkdir -p made; cat part.txt given/* > made/pack; cat made/pack'\n",
        )
        .file("tasks/pack/task.yml", "artifacts: [{name: pack, path: made/pack}]\n")
        .file("tasks/pack/part.txt", "part\n")
        .file("tasks/pack/given/old", "old\n")
        .file(
            "plans/p.yml",
            "steps:\n  - {name: seed, task: seed, artifacts: [{name: s, path: seed}]}\n  - {name: pack, task: pack, remote: true, needs: [seed], \
             inputs: [{from: seed, artifact: s, to: given/new}]}\n",
        );
    let elsewhere = Project::new().file("Taskfile.yml", "version: '3'\ntasks: {}\n");
    let server = JobServer::start(&elsewhere, &[]);
    let project = project.env("EZ_SERVER_URL", &format!("http://{}", server.address));
    project
        .run(["run", "--remote", "pack"])
        .success()
        .stdout("part\nold\n")
        .file_is("tasks/pack/made/pack", "part\nold\n");
    fs::remove_dir_all(project.path("tasks/pack/made")).unwrap();
    fs::remove_file(project.path("tasks/pack/given/old")).unwrap();
    fs::remove_dir(project.path("tasks/pack/given")).unwrap();
    project
        .run(["plan", "run", "p"])
        .success()
        .stdout_has("part")
        .stdout_has("seed")
        .no_file("tasks/pack/made/pack");
    let run = fs::read_dir(project.path(".ez/plans/p/state")).unwrap().next().unwrap().unwrap().path();
    let kept = tree(&run.join("artifacts"));
    assert!(kept.iter().any(|file| file.ends_with(" false part\nseed\n")), "{kept:?}");
}

const PLAN: &str = "steps:
  - name: make
    task: part
    vars: {NAME: '{{.os}}'}
    matrix: {os: [one, two]}
    remote: true
    nodes: ['{{.os}}']
    artifacts: [{name: part, path: 'parts/{{.os}}'}]
  - name: join
    task: join
    remote: true
    needs: [make]
    inputs: [{from: make, artifact: part, to: given/}]
    artifacts: [{name: whole, path: whole}]
  - name: show
    task: show
    needs: [join]
    inputs: [{from: join, artifact: whole, to: shown}]
";

const PLAN_TASKFILE: &str = "version: '3'
silent: true
tasks:
  part: {sources: [seed], cmds: ['mkdir -p parts; echo \"$(cat seed) {{.NAME}} $EZ_NODE_NAME\" > parts/{{.NAME}}']}
  join: {cmds: ['cat given/*/* > whole; echo by $EZ_NODE_NAME >> whole']}
  show: 'cat shown'
";

#[test]
fn the_example_builds_on_two_kinds_of_nodes_and_collects_what_they_made() {
    let project = Project::copy_of("examples/cross");
    let elsewhere = Project::new().file("Taskfile.yml", "version: '3'\ntasks: {}\n");
    let server = JobServer::start(&elsewhere, &["--slots", "0"]);
    let (one, two) = (Project::new(), Project::new());
    let _one = JobAgent::start(&one, &server, "ada", &["--tags", "target:x86_64"]);
    let _two = JobAgent::start(&two, &server, "bob", &["--tags", "target:aarch64"]);
    let project = project.env("EZ_SERVER_URL", &format!("http://{}", server.address));
    let run = project.run(["plan", "run", "release"]);
    run.success().stdout_has("./aarch64/hello").stdout_has("./x86_64/hello");
    for (target, node) in [("x86_64", "ada"), ("aarch64", "bob")] {
        let program = project.path(&format!("build/{target}/hello"));
        let text = fs::read_to_string(&program).unwrap();
        assert!(text.contains(&format!("# for {target}, built on {node}\n")), "{text}");
        assert_ne!(fs::metadata(program).unwrap().permissions().mode() & 0o111, 0);
    }
    project
        .run(["run", "--remote", "compile", "EZ_TARGET=aarch64"])
        .success()
        .stderr_has("1 output, 0 of them new");
}

#[test]
fn steps_of_a_plan_run_on_nodes() {
    let project = Project::new()
        .file("Taskfile.yml", PLAN_TASKFILE)
        .file("seed", "seed")
        .file("plans/release.yml", PLAN);
    project.run(["plan", "run", "release"]).exit(201).stderr_has("no server is named: say --server URL");
    let gone = project.run(["plan", "run", "release", "--server", "http://127.0.0.1:1"]);
    gone.exit(201).stderr_has("http://127.0.0.1:1 does not answer");
    let elsewhere = Project::new().file("Taskfile.yml", "version: '3'\ntasks: {}\n");
    let server = JobServer::start(&elsewhere, &["--slots", "0"]);
    let (one, two) = (Project::new(), Project::new());
    let _one = JobAgent::start(&one, &server, "one", &[]);
    let _two = JobAgent::start(&two, &server, "two", &["--tags", "gpu"]);
    let project = project.env("EZ_SERVER_URL", &format!("http://{}", server.address));
    let run = project.run(["plan", "run", "release"]);
    run.success().stdout_has("seed one one").stdout_has("seed two two");
}

const OUTPUTS_TASKFILE: &str = r#"version: '3'
silent: true
tasks:
  some: {dir: sub, cmds: ['echo begin; pwd > where', 'printf "%s\n" version=1.2 other=x "spaced=a = b" hidden=no >> "$EZ_STEP_OUTPUT"', 'echo twice=1 >> $EZ_STEP_OUTPUT; echo twice=2 >> $EZ_STEP_OUTPUT']}
  none: 'true'
  half: 'echo "value=half" >> "$EZ_STEP_OUTPUT"; exit 3'
  large: 'head -c 1100000 /dev/zero | tr "\0" x >> "$EZ_STEP_OUTPUT"'
  show: 'echo "<{{.TEXT}}>"'
"#;

const OUTPUTS_PLAN: &str = "steps:
  - {name: some, task: some, remote: REMOTE, outputs: [version, spaced, twice, absent]}
  - {name: none, task: none, remote: REMOTE, outputs: [value]}
  - {name: half, task: half, remote: REMOTE, outputs: [value], continue_on_error: true}
  - {name: large, task: large, remote: REMOTE, outputs: [value], continue_on_error: true}
  - {name: packed, task: pack, remote: REMOTE, outputs: [version], artifacts: [{name: made, path: made}]}
  - name: show
    task: show
    needs: [some, none, half, large, packed]
    vars: {TEXT: '{{.steps.some.outputs}} {{.steps.none.outputs}} {{.steps.half.outputs}} {{.steps.large.outputs}} {{.steps.packed.outputs}}'}
";

#[test]
fn outputs_of_steps_are_the_same_there_as_here() {
    let project = Project::new()
        .file("Taskfile.yml", OUTPUTS_TASKFILE)
        .file("sub/seed", "")
        .file(
            "tasks/pack/Taskfile.yml",
            "version: '3'\ntasks:\n  default: 'echo a > made; echo version=2 > $EZ_STEP_OUTPUT'\n",
        )
        .file("tasks/pack/task.yml", "desc: packs\n")
        .file("plans/here.yml", OUTPUTS_PLAN.replace("REMOTE", "false"))
        .file("plans/there.yml", OUTPUTS_PLAN.replace("REMOTE", "true"));
    let elsewhere = Project::new().file("Taskfile.yml", "version: '3'\ntasks: {}\n");
    let server = JobServer::start(&elsewhere, &["--slots", "0"]);
    let node = Project::new();
    let _ada = JobAgent::start(&node, &server, "ada", &[]);
    let project = project.env("EZ_SERVER_URL", &format!("http://{}", server.address));
    let shown = |plan: &str| {
        let run = project.run(["plan", "run", plan]);
        let said = run.stdout.lines().chain(run.stderr.lines());
        let shown = said.filter_map(|line| line.split_once('<')).map(|(_, shown)| shown.to_owned());
        (run.exit, shown.collect::<Vec<_>>())
    };
    let here = shown("here");
    assert!(
        here.1.iter().any(|shown| shown.contains("version:1.2") && shown.contains("value:half")),
        "{here:?}"
    );
    assert_eq!(shown("there"), here);
    // What went there and back is no file of the project.
    assert!(!project.path(".ez/step-output").exists());
}
