//! What servers and agents promise, where the network, the disk or the clock fails.

#![cfg(target_os = "linux")]

use std::process::Command;

use ez_tests::Project;
use ez_tests::chance::Chance;
use ez_tests::cutting_proxy::CuttingProxy;
use ez_tests::history::{self, Accepted};
use ez_tests::job_server::{JobAgent, JobServer, fault_jobs, is_begun, running_in, watchers};
use serde_json::json;

const TASKFILE: &str = r#"version: '3'
silent: true
tasks:
  hello: echo hello
  wait: 'echo begun; while [ ! -e go ]; do sleep 0.01; done; echo done'
  outlast: 'echo begun; sleep 5; touch outlasted; while [ ! -e go ]; do sleep 0.01; done; echo done'
  release: 'sleep 1; touch go'
  stay: 'echo begun; exec sleep 765432'
  count: 'for i in $(seq {{.LINES}}); do echo "line $i"; sleep 0.002; done'
"#;

fn project() -> Project {
    Project::new().file("Taskfile.yml", TASKFILE)
}

/// Has a job accepted that writes some lines.
fn count(server: &JobServer<'_>, number: u64, lines: u64) -> Accepted {
    let key = format!("job-{number}");
    let request = json!({"task": "count", "vars": {"LINES": lines.to_string()}, "idempotency_key": key});
    let whole = (1..=lines).fold(String::new(), |text, line| text + &format!("line {line}\n"));
    Accepted { job: server.run(&request), key, request, whole }
}

fn agent_through<'p>(project: &'p Project, proxy: &CuttingProxy, name: &str, flags: &[&str]) -> JobAgent<'p> {
    JobAgent::start_at(project, &format!("http://{}", proxy.address()), name, flags)
}

#[test]
fn connections_that_are_cut_at_any_byte_lose_nothing() {
    let project = project();
    let server = JobServer::start(&project, &["--slots", "0"]);
    let proxy = CuttingProxy::start(server.address);
    let mut agent = agent_through(&project, &proxy, "far", &["--slots", "3"]);
    let mut chance = Chance(0xcafe);
    let jobs: Vec<Accepted> =
        (0..fault_jobs()).map(|number| count(&server, number, 20 + chance.below(60))).collect();
    for accepted in &jobs {
        let wanted = format!("line {}\n", 1 + chance.below(15));
        server.follow(accepted.job, "0", |text| text.contains(&wanted));
        proxy.cut_after(chance.below(9000));
    }
    proxy.cut_after(u64::MAX);
    history::check(&server, &jobs, |_| false);
    assert!(proxy.accepted() > 1);
    assert_eq!(agent.stop(), Some(0));
    assert_eq!(watchers(&project), [0; 0]);
}

#[test]
fn a_network_that_fails_in_silence_for_a_while_ends_no_job() {
    let project = project();
    // A node is given up after twelve seconds, and notices after four that nothing comes back.
    let server = JobServer::start(&project, &["--slots", "0", "--lease", "12"]);
    let proxy = CuttingProxy::start(server.address);
    let _agent = agent_through(&project, &proxy, "far", &[]);
    for lose in [CuttingProxy::lose_all, CuttingProxy::lose_to_server] {
        let job = server.run(&json!({"task": "wait"}));
        server.follow(job, "0", is_begun);
        let before = proxy.accepted();
        lose(&proxy);
        // What the job writes meanwhile is kept by its watcher.
        project.write("go", "");
        while proxy.accepted() == before {
            std::thread::yield_now();
        }
        proxy.heal();
        proxy.cut();
        let told = server.end_of(job);
        assert_eq!((told.text.as_str(), told.state.as_str()), ("begun\ndone\n", "success"));
        assert_eq!(server.job(job)["attempts"].as_array().map(Vec::len), Some(1));
        std::fs::remove_file(project.path("go")).expect("it is there");
    }
}

#[test]
fn a_server_that_stood_still_for_longer_than_a_lease_gives_up_no_node() {
    let project = project();
    let server = JobServer::start(&project, &["--slots", "2", "--lease", "2"]);
    let _agent = JobAgent::start(&project, &server, "far", &[]);
    let jobs = ["local", "far"].map(|node| server.run(&json!({"task": "outlast", "node": node})));
    for job in jobs {
        server.follow(job, "0", is_begun);
    }
    server.hold();
    // The job is the clock: it writes this when more than two leases are over.
    while !project.path("outlasted").exists() {
        std::thread::yield_now();
    }
    server.go_on();
    // By then the leases were looked at.
    let release = server.run(&json!({"task": "release", "node": "local"}));
    assert_eq!(server.end_of(release).state, "success");
    for job in jobs {
        let told = server.end_of(job);
        assert_eq!((told.text.as_str(), told.state.as_str()), ("begun\ndone\n", "success"));
        assert_eq!(server.job(job)["attempts"].as_array().map(Vec::len), Some(1));
    }
}

#[test]
fn a_node_behind_a_dead_network_is_given_up_and_ends_what_it_has() {
    let project = project();
    let server = JobServer::start(&project, &["--slots", "0", "--lease", "2"]);
    let proxy = CuttingProxy::start(server.address);
    let mut lost = agent_through(&project, &proxy, "lost", &[]);
    let given_up = server.run(&json!({"task": "stay"}));
    let again = server.run(&json!({"task": "wait", "retry": 1}));
    server.follow(given_up, "0", is_begun);
    server.follow(again, "0", is_begun);
    proxy.lose_all();
    let _other = JobAgent::start(&project, &server, "other", &[]);
    while server.end_of(given_up).state != "failed" {}
    assert_eq!(server.job(given_up)["reason"], "the node lost was not heard of for 2 s");
    // The second attempt runs while the first one still does, which nobody can know.
    while server.job(again)["attempts"].as_array().map(Vec::len) != Some(2) {
        std::thread::yield_now();
    }
    project.write("go", "");
    while server.job(again)["state"] != "success" {
        server.end_of(again);
    }
    proxy.heal();
    proxy.cut();
    // It comes back, learns that nothing of it counts, and ends its processes.
    let job = server.run(&json!({"task": "hello", "node": "lost"}));
    assert_eq!(server.end_of(job).state, "success");
    assert_eq!(lost.stop(), Some(0));
    assert_eq!(running_in(&project, "765432"), [0; 0]);
    let outcomes: Vec<_> = server.job(again)["attempts"].as_array().expect("a list").clone();
    assert_eq!((&outcomes[0]["outcome"], &outcomes[1]["outcome"]), (&json!("lost"), &json!("success")));
}

/// Has jobs accepted until the disk is full, then makes room, and compares what came of those that were accepted.
fn fill(project: &Project, server: &JobServer<'_>, fill_disk: impl FnOnce(), make_room: impl FnOnce()) {
    let _agent = JobAgent::start(project, server, "far", &["--slots", "2"]);
    let mut jobs: Vec<Accepted> = (0..4).map(|number| count(server, number, 30)).collect();
    server.follow(jobs[0].job, "0", |text| text.contains("line 1\n"));
    fill_disk();
    let refused = (4..100_000).find_map(|number| {
        // Long values, so that it does not take long.
        let request = json!({"task": "hello", "vars": {"A": "x".repeat(20_000)}, "idempotency_key": format!("job-{number}")});
        let answer = server.ask("POST", "/tasks/run", Some(&request));
        if answer.status != 202 {
            return Some(answer);
        }
        let job = answer.json()["job"].as_i64().expect("a number");
        jobs.push(Accepted { job, key: format!("job-{number}"), request, whole: "hello\n".into() });
        None
    });
    let refused = refused.expect("the disk gets full");
    assert_eq!(
        (refused.status, &refused.json()["error"]),
        (503, &json!("the database does not answer as it should"))
    );
    assert!(refused.json()["details"].is_string());
    // It still tells what it knows.
    assert_eq!(server.ask("GET", "/jobs", None).status, 200);
    make_room();
    let mut last = None;
    while last.is_none() {
        let answer = server.ask("POST", "/tasks/run", Some(&json!({"task": "hello"})));
        last = (answer.status == 202).then(|| answer.json()["job"].as_i64()).flatten();
    }
    history::check(server, &jobs, |_| false);
    assert_eq!(server.end_of(last.expect("a number")).state, "success");
}

#[test]
fn a_file_that_may_not_grow_loses_nothing_that_was_accepted() {
    let project = project();
    let mut server = JobServer::start(&project, &["--slots", "0"]);
    let size = std::fs::metadata(project.path(".ez-server/ez.db-wal")).map_or(0, |file| file.len());
    let (most, unlimited) = (size + 400_000, None);
    fill(&project, &server, || server.limit_files(Some(most)), || server.limit_files(unlimited));
    assert_eq!(server.stop(), Some(0));
    // It is whole: the check at the start finds nothing.
    server.start_again();
    assert_eq!(server.ask("GET", "/health", None).status, 200);
}

#[test]
fn a_disk_that_takes_no_writes_is_no_health() {
    let project = project();
    let server = JobServer::start(&project, &["--slots", "0"]);
    assert_eq!(server.ask("GET", "/health", None).json(), json!({"status": "ok"}));
    let size = std::fs::metadata(project.path(".ez-server/ez.db-wal")).map_or(0, |file| file.len());
    server.limit_files(Some(size));
    let request = json!({"task": "hello"});
    while server.ask("POST", "/tasks/run", Some(&request)).status != 503 {}
    let told = server.ask("GET", "/health", None);
    assert_eq!(told.status, 503);
    assert!(told.json()["details"].as_str().expect("a reason").starts_with("the database: "), "{told:?}");
    project.run(["server", "status"]).exit(1).stderr_has("answers with 503").stderr_has("the database: ");
    // It is asked anew, and need not wait for somebody who writes.
    server.limit_files(None);
    assert_eq!(server.ask("GET", "/health", None).json(), json!({"status": "ok"}));
}

/// A small file system of its own below a directory, until this ends.
struct SmallDisk(std::path::PathBuf);

impl SmallDisk {
    /// `None` where this user may not mount.
    fn mount(directory: std::path::PathBuf) -> Option<Self> {
        std::fs::create_dir_all(&directory).expect("it is ours");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=2m,mode=700", "tmpfs"])
            .arg(&directory)
            .output();
        mounted.is_ok_and(|mounted| mounted.status.success()).then_some(Self(directory))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).output();
    }
}

#[test]
fn a_full_disk_loses_nothing_that_was_accepted() {
    let project = project();
    let Some(_disk) = SmallDisk::mount(project.path(".ez-server")) else {
        // The test above is the same with a limit of the process; who may mount has both.
        assert!(!rustix::process::geteuid().is_root() || !has_mount_rights(), "root cannot mount a tmpfs");
        return;
    };
    let mut server = JobServer::start(&project, &["--slots", "0"]);
    fill(&project, &server, || (), || grow(&project));
    assert_eq!(server.stop(), Some(0));
    server.start_again();
    assert_eq!(server.ask("GET", "/health", None).status, 200);
}

/// Makes the small disk a larger one.
fn grow(project: &Project) {
    let grown = Command::new("mount")
        .args(["-o", "remount,size=200m"])
        .arg(project.path(".ez-server"))
        .output()
        .expect("mount is there");
    assert!(grown.status.success(), "{grown:?}");
}

/// Whether this process has the capability to mount.
fn has_mount_rights() -> bool {
    const SYS_ADMIN: u64 = 1 << 21;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let rights = status.lines().find_map(|line| line.strip_prefix("CapEff:\t"));
    rights
        .and_then(|rights| u64::from_str_radix(rights, 16).ok())
        .is_some_and(|rights| rights & SYS_ADMIN != 0)
}

#[test]
fn a_clock_that_jumps_ends_no_job() {
    let project = project().file("offset", "0");
    let offset = project.path("offset").display().to_string();
    let environment = [("EZ_SERVER_CLOCK_OFFSET", offset.as_str())];
    let server = JobServer::start_in(&project, &["--slots", "0", "--lease", "3"], &environment);
    let _agent = JobAgent::start(&project, &server, "far", &[]);
    let year: i64 = 366 * 24 * 3_600_000;
    for jump in [year, -year, 0] {
        let job = server.run(&json!({"task": "wait"}));
        server.follow(job, "0", is_begun);
        let before = server.ask("GET", "/stats", None).json()["uptime"].as_i64().expect("a number");
        project.write("offset", jump.to_string());
        // A whole lease goes by, as the server's own measure of time tells.
        let begun = std::time::Instant::now();
        while begun.elapsed() < std::time::Duration::from_millis(3200) {
            assert_eq!(server.job(job)["state"], "running");
        }
        let after = server.ask("GET", "/stats", None).json()["uptime"].as_i64().expect("a number");
        assert!((0..60_000).contains(&(after - before)), "{before} {after}");
        project.write("go", "");
        let told = server.end_of(job);
        assert_eq!((told.text.as_str(), told.state.as_str()), ("begun\ndone\n", "success"));
        assert_eq!(server.job(job)["attempts"].as_array().map(Vec::len), Some(1));
        std::fs::remove_file(project.path("go")).expect("it is there");
    }
}

#[test]
fn a_backup_while_jobs_are_accepted_has_all_that_were_accepted_before() {
    let project = project();
    let server = JobServer::start(&project, &["--slots", "0"]);
    let run = || server.run(&json!({"task": "hello"}));
    let before: Vec<i64> = (0..30).map(|_| run()).collect();
    std::thread::scope(|scope| {
        let backup = scope.spawn(|| {
            project.run(["server", "backup", "copy.db"]).success();
        });
        while !backup.is_finished() {
            run();
        }
        backup.join().expect("it is written");
    });
    let copy = JobServer::start(&project, &["--db", "copy.db", "--slots", "0"]);
    for job in before {
        assert_eq!(copy.job(job)["state"], "pending");
    }
}
