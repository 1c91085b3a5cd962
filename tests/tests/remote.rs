//! Remote Taskfiles, served on loopback. What go-task does is asked of go-task itself: the same project runs under both, and
//! exit code, output and files must be the same.

use std::fs;
use std::process::Command;

use ez_tests::{Outcome, Project, Server};

const GREET: &str = "version: '3'\ntasks:\n  greet: echo hello from afar\n";

/// SHA-256 of [`GREET`].
const GREET_CHECKSUM: &str = "5e80ed5eeb2c05e200a4ae2288fd0f0a02770c0a1d667667d595d76ab1f61531";

fn including(url: &str, more: &str) -> String {
    format!("version: '3'\nsilent: true\nincludes:\n  lib:\n    taskfile: {url}\n{more}")
}

/// The same project twice: for `ez` under the name `task`, and for go-task.
struct Both {
    ours: Project,
    theirs: Project,
}

impl Both {
    fn new(taskfile: &str) -> Self {
        let project = || Project::new().file("Taskfile.yml", taskfile);
        Self { ours: project(), theirs: project() }
    }

    fn env(self, key: &str, value: &str) -> Self {
        Self { ours: self.ours.env(key, value), theirs: self.theirs.env(key, value) }
    }

    fn write(&self, path: &str, text: &str) {
        self.ours.write(path, text);
        self.theirs.write(path, text);
    }

    /// Makes the only file of the cache an old one.
    fn age(&self) {
        for project in [&self.ours, &self.theirs] {
            let names = cached(project).into_iter().map(|(name, _)| name);
            let name = names.into_iter().find(|name| name.ends_with(".timestamp")).expect("a time");
            project.write(&format!(".task/remote/{name}"), "2020-01-01T00:00:00Z");
        }
    }

    /// Runs both, compares them, and gives the outcome. In which order go-task reads several Taskfiles is chance, so the
    /// lines of its output are compared without their order.
    #[track_caller]
    fn run(&self, args: &[&str]) -> Outcome<'_> {
        let ours = self.ours.run_as_task(args);
        let theirs = self.theirs.run_oracle(args);
        assert_eq!(
            (ours.exit, sorted(&ours.stdout), sorted(&ours.stderr)),
            (theirs.exit, sorted(&theirs.stdout), sorted(&theirs.stderr)),
            "ours and theirs differ for {args:?}"
        );
        assert_eq!(cached(&self.ours), cached(&self.theirs), "the caches differ after {args:?}");
        ours
    }
}

fn sorted(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines
}

/// Names and texts in the cache; of times only that they are there.
fn cached(project: &Project) -> Vec<(String, String)> {
    let Ok(entries) = fs::read_dir(project.path(".task/remote")) else { return Vec::new() };
    let mut files: Vec<(String, String)> = entries
        .map(|entry| {
            let path = entry.expect("an entry").path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let text = fs::read_to_string(&path).expect("a readable file");
            (name.clone(), if name.ends_with(".timestamp") { String::new() } else { text })
        })
        .collect();
    files.sort();
    files
}

#[test]
fn nothing_runs_that_nobody_trusts() {
    let server = Server::new();
    server.taskfile("/Taskfile.yml", GREET);
    let both = Both::new(&including(&server.url("/Taskfile.yml"), ""));
    both.run(&["--insecure", "lib:greet"]).exit(104).stderr_has("not trusted by user");
    both.run(&["lib:greet"]).exit(105).stderr_has("insecure connection");
    both.run(&["--insecure", "--yes", "lib:greet"]).success().stdout_has("hello from afar\n");
    // Who was trusted once is trusted until the text changes.
    both.run(&["--insecure", "lib:greet"]).success().stdout("hello from afar\n");
    server.taskfile("/Taskfile.yml", &GREET.replace("hello", "bye"));
    both.run(&["--insecure", "lib:greet"]).exit(104);
    both.run(&["--insecure", "--yes", "lib:greet"]).success().stdout_has("has changed since");
}

#[test]
fn a_checksum_pins_what_runs() {
    let server = Server::new();
    server.taskfile("/Taskfile.yml", GREET);
    let url = server.url("/Taskfile.yml");
    let right = Both::new(&including(&url, &format!("    checksum: {GREET_CHECKSUM}\n")));
    right.run(&["--insecure", "lib:greet"]).success().stdout("hello from afar\n");
    let wrong = Both::new(&including(&url, "    checksum: abc\n"));
    wrong.run(&["--insecure", "lib:greet"]).exit(111);
    wrong.run(&["--insecure", "--yes", "lib:greet"]).exit(111);
    // A file that is already there is checked as well.
    right.write("Taskfile.yml", &including(&url, "    checksum: abc\n"));
    right.run(&["--insecure", "--offline", "lib:greet"]).exit(111);
}

#[test]
fn a_copy_is_used_when_the_server_is_gone() {
    let mut server = Server::new();
    server.taskfile("/lib/Taskfile.yml", GREET);
    let both = Both::new(&including(&server.url("/lib/Taskfile.yml"), ""));
    both.run(&["--insecure", "--offline", "lib:greet"]).exit(106);
    both.run(&["--insecure", "--yes", "lib:greet"]).success();
    server.requests();
    both.run(&["--insecure", "--offline", "lib:greet"]).success();
    both.run(&["--insecure", "--expiry", "1h", "lib:greet"]).success();
    assert_eq!(server.requests(), Vec::<String>::new());
    both.run(&["--insecure", "--expiry", "1h", "--download", "lib:greet"]).success();
    assert_eq!(server.requests().len(), 4);
    both.run(&["--insecure", "lib:greet"]).success();
    assert_eq!(server.requests().len(), 4);
    server.stop();
    both.run(&["--insecure", "--offline", "lib:greet"]).success();
    both.run(&["--insecure", "--expiry", "1h", "lib:greet"]).success();
    both.run(&["--insecure", "lib:greet"]).exit(103);
    both.run(&["--insecure", "--clear-cache", "--offline"]).success();
    both.run(&["--insecure", "--offline", "lib:greet"]).exit(106);
}

#[test]
fn an_old_copy_is_looked_at_again() {
    let server = Server::new();
    server.taskfile("/Taskfile.yml", GREET);
    let both = Both::new(&including(&server.url("/Taskfile.yml"), ""));
    both.run(&["--insecure", "--yes", "lib:greet"]).success();
    both.age();
    server.requests();
    both.run(&["--insecure", "--expiry", "1h", "--offline", "lib:greet"]).success();
    assert_eq!(server.requests(), Vec::<String>::new());
    both.run(&["--insecure", "--expiry", "1h", "lib:greet"]).success();
    assert_eq!(server.requests().len(), 4);
}

#[test]
fn trusted_hosts_are_not_asked_about() {
    let server = Server::new();
    server.taskfile("/Taskfile.yml", GREET);
    let taskfile = including(&server.url("/Taskfile.yml"), "");
    Both::new(&taskfile).run(&["--insecure", "--trusted-hosts", &server.host(), "lib:greet"]).success();
    Both::new(&taskfile)
        .run(&["--insecure", "--trusted-hosts", "127.0.0.1,localhost", "lib:greet"])
        .exit(104);
    let several = format!("example.com,{}", server.host());
    Both::new(&taskfile)
        .env("TASK_REMOTE_TRUSTED_HOSTS", &several)
        .run(&["--insecure", "lib:greet"])
        .success();
    let both = Both::new(&taskfile);
    both.write(
        ".taskrc.yml",
        &format!("remote:\n  insecure: true\n  trusted-hosts: ['{}']\n", server.host()),
    );
    both.run(&["lib:greet"]).success();
}

#[test]
fn a_remote_taskfile_includes_its_neighbours() {
    let server = Server::new();
    server.taskfile(
        "/a/b/Taskfile.yml",
        "version: '3'\nincludes:\n  near: ./near.yml\n  up: ../up.yml\n  root: /root.yml\n  \
         placed: {taskfile: near.yml, dir: sub}\ntasks:\n  here: {cmds: ['pwd', 'echo {{.TASKFILE}} {{.TASKFILE_DIR}} {{.TASK_DIR}}']}\n",
    );
    let neighbour = |name: &str| {
        format!(
            "version: '3'\ntasks:\n  t: {{cmds: ['echo {name} {{{{.TASKFILE}}}} {{{{.TASKFILE_DIR}}}}', 'pwd']}}\n"
        )
    };
    server.taskfile("/a/b/near.yml", &neighbour("near"));
    server.taskfile("/a/up.yml", &neighbour("up"));
    server.taskfile("/root.yml", &neighbour("root"));
    let both = Both::new(&including(&server.url("/a/b/Taskfile.yml"), "    dir: work\n"));
    for task in ["lib:here", "lib:near:t", "lib:up:t", "lib:root:t", "lib:placed:t"] {
        both.run(&["--insecure", "--yes", "--trusted-hosts", &server.host(), task]).success();
    }
    let both = Both::new(&including(&server.url("/a/b/Taskfile.yml?token=1"), ""));
    for task in ["lib:here", "lib:near:t", "lib:placed:t"] {
        both.run(&["--insecure", "--trusted-hosts", &server.host(), task]);
    }
    // As the root Taskfile.
    let both = Both::new("version: '3'\n");
    let url = server.url("/a/b/Taskfile.yml");
    for task in ["here", "near:t", "up:t", "placed:t"] {
        both.run(&["--insecure", "--trusted-hosts", &server.host(), "--taskfile", &url, task]).success();
    }
}

#[test]
fn a_directory_is_searched_for_a_taskfile() {
    let server = Server::new();
    server.content("/lib", "text/html", "<html>").taskfile("/lib/taskfile.yaml", GREET);
    let both = Both::new(&including(&server.url("/lib"), ""));
    both.run(&["--insecure", "--trusted-hosts", &server.host(), "lib:greet"]).success();
    let both = Both::new(&including(&server.url("/none"), ""));
    both.run(&["--insecure", "lib:greet"]).exit(100);
    let both = Both::new(&including(&server.url("/none"), "    optional: true\ntasks: {t: echo t}\n"));
    both.run(&["--insecure", "t"]);
}

#[test]
fn what_a_server_refuses_is_told() {
    let server = Server::new();
    server.taskfile("/page", GREET);
    for (path, status) in [("/forbidden", 403), ("/broken", 500)] {
        server.status(path, status);
        let both = Both::new(&including(&server.url(path), ""));
        both.run(&["--insecure", "lib:greet"]).exit(100);
    }
    server.redirect("/moved", "/page");
    let both = Both::new(&including(&server.url("/moved"), ""));
    both.run(&["--insecure", "--trusted-hosts", &server.host(), "lib:greet"]).success();
    server.taskfile("/odd", "version: '3'\ntasks: [");
    let both = Both::new(&including(&server.url("/odd"), ""));
    assert_ne!(
        both.ours.run_as_task(["--insecure", "--yes", "lib:greet"]).exit,
        ez_tests::process::Exit::Code(0)
    );
}

#[test]
fn verbose_tells_of_the_cache() {
    let server = Server::new();
    server.taskfile("/Taskfile.yml", GREET);
    let both = Both::new(&including(&server.url("/Taskfile.yml"), ""));
    both.run(&["--insecure", "--offline", "--verbose", "lib:greet"]).exit(106);
    both.run(&["--insecure", "--yes", "--verbose", "lib:greet"]).success();
    both.run(&["--insecure", "--verbose", "--expiry", "1h", "lib:greet"]).success();
    both.run(&["--insecure", "--verbose", "--expiry", "1h", "--download", "lib:greet"]).success();
    both.age();
    both.run(&["--insecure", "--verbose", "--offline", "lib:greet"]).success();
    both.run(&["--insecure", "--verbose", "--expiry", "1h", "lib:greet"]).success();
    both.age();
    server.silent("/Taskfile.yml");
    both.run(&["--insecure", "--verbose", "--timeout", "200ms", "lib:greet"]).success();
}

#[test]
fn addresses_are_named_and_kept_as_in_go_task() {
    for url in [
        "https://me:secret@example.com/a/b/Taskfile.yml?token=1",
        "https://example.com/Taskfile.yml",
        "https://example.com:8443/x/",
        "https://example.com",
        "https://example.com/a.git",
        "https://example.com/a/b.git//c/d/Taskfile.yml?ref=v1.0",
        "https://dev.example.com/o/p/_git/r//Taskfile.yml",
        "ssh://git@example.com:2222/a/b.git//T.yml",
        "git@example.com:a/b.git//c/T.yml?ref=main",
        "git@example.com:b.git",
        "git://example.com/a/b.git",
        "file:///etc/passwd",
        "ftp://example.com/Taskfile.yml",
    ] {
        let both = Both::new(&including(&format!("'{url}'"), ""));
        both.run(&["--verbose", "--offline", "lib:greet"]);
    }
}

#[test]
fn an_optional_include_may_be_insecure() {
    let server = Server::new();
    let both = Both::new(&including(&server.url("/none"), "    optional: true\ntasks: {t: echo t}\n"));
    both.run(&["t"]).success();
}

/// A repository with Taskfiles on two branches, served below `/git/`.
fn repository(server: &Server) -> tempfile::TempDir {
    let holder = tempfile::tempdir().expect("a directory");
    let git = |directory: &std::path::Path, args: &[&str]| {
        let status = Command::new("git")
            .args(["-c", "user.name=T", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=main"])
            .args(args)
            .current_dir(directory)
            .status()
            .expect("git");
        assert!(status.success(), "git {args:?}");
    };
    let work = holder.path().join("work");
    fs::create_dir_all(work.join("sub")).expect("a directory");
    let write = |path: &str, text: &str| fs::write(work.join(path), text).expect("a file");
    write("Taskfile.yml", "version: '3'\ntasks:\n  greet: echo root\n");
    write(
        "sub/Taskfile.yml",
        "version: '3'\nincludes: {other: ./other.yml, up: ../Taskfile.yml}\ntasks:\n  greet: echo sub\n",
    );
    write("sub/other.yml", "version: '3'\ntasks:\n  greet: echo other\n");
    git(&work, &["init", "--quiet"]);
    git(&work, &["add", "."]);
    git(&work, &["commit", "--quiet", "-m", "one"]);
    git(&work, &["checkout", "--quiet", "-b", "next"]);
    write("sub/other.yml", "version: '3'\ntasks:\n  greet: echo next\n");
    git(&work, &["commit", "--quiet", "-a", "-m", "two"]);
    git(&work, &["checkout", "--quiet", "main"]);
    git(holder.path(), &["clone", "--quiet", "--bare", "work", "repo.git"]);
    server.repositories("/git/", holder.path());
    holder
}

#[test]
fn a_repository_is_cloned() {
    let server = Server::new();
    let _repository = repository(&server);
    for (tail, tasks) in [
        ("", ["lib:greet"].as_slice()),
        ("//sub/Taskfile.yml?ref=main", &["lib:greet", "lib:other:greet", "lib:up:greet"]),
        ("//sub/Taskfile.yml?ref=next", &["lib:other:greet"]),
        ("//sub/other.yml", &["lib:greet"]),
        ("//?ref=next", &["lib:greet"]),
    ] {
        let both = Both::new(&including(&server.url(&format!("/git/repo.git{tail}")), ""));
        for task in tasks {
            both.run(&["--insecure", "--yes", task]);
        }
    }
    let url = server.url("/git/repo.git//sub/Taskfile.yml");
    let both = Both::new(&including(&url, ""));
    both.run(&["lib:greet"]).exit(105);
    both.run(&["--insecure", "lib:greet"]).exit(104);
    both.run(&["--insecure", "--trusted-hosts", &server.host(), "lib:greet"]).success();
    both.run(&["--insecure", "--offline", "lib:greet"]).success().stdout("sub\n");
}

#[test]
fn a_repository_that_is_not_there_is_told() {
    let server = Server::new();
    let _repository = repository(&server);
    for tail in ["repo.git//Taskfile.yml?ref=none", "none.git//Taskfile.yml"] {
        let project =
            Project::new().file("Taskfile.yml", including(&server.url(&format!("/git/{tail}")), ""));
        let theirs = project.run_oracle(["--insecure", "--yes", "lib:greet"]).exit;
        let ours = project.run_as_task(["--insecure", "--yes", "lib:greet"]);
        ours.stderr_has("failed to clone repository");
        assert_eq!(ours.exit, theirs, "{tail}");
    }
    // go-task tells the path of its own clone instead.
    for tail in ["//none.yml", "//sub/none", "//../../etc/passwd"] {
        let url = server.url(&format!("/git/repo.git{tail}"));
        let project = Project::new().file("Taskfile.yml", including(&url, ""));
        let outcome = project.run_as_task(["--insecure", "--yes", "lib:greet"]);
        outcome.exit(100).stderr(&format!("task: No Taskfile found at \"{url}\"\n"));
    }
}

/// What a hostile server does must end, soon and in words; go-task is not asked, because it has fewer limits.
fn hostile(url: &str, code: i32, words: &str) {
    let project = Project::new().file("Taskfile.yml", including(url, ""));
    project.run_as_task(["--insecure", "--yes", "lib:greet"]).exit(code).stderr_has(words);
    project.no_cache();
}

trait NoCache {
    fn no_cache(&self);
}

impl NoCache for Project {
    fn no_cache(&self) {
        assert_eq!(cached(self), Vec::new());
    }
}

#[test]
fn an_endless_page_is_left() {
    let server = Server::new();
    server.endless("/Taskfile.yml");
    hostile(&server.url("/Taskfile.yml"), 1, "a remote Taskfile is larger than 16777216 bytes");
    server.endless_headers("/headers.yml");
    hostile(&server.url("/headers.yml"), 103, "failed");
}

#[test]
fn a_redirect_leads_only_to_the_network() {
    let server = Server::new();
    let secret = tempfile::NamedTempFile::new().expect("a file");
    fs::write(secret.path(), GREET).expect("a file");
    for location in [format!("file://{}", secret.path().display()), "ftp://127.0.0.1/x".into()] {
        server.redirect("/Taskfile.yml", &location);
        hostile(&server.url("/Taskfile.yml"), 103, "failed");
    }
    server.redirect("/a", "/b").redirect("/b", "/a");
    server.requests();
    hostile(&server.url("/a"), 103, "failed");
    assert_eq!(server.requests().len(), 11);
}

#[test]
fn a_server_that_does_not_answer_is_left() {
    let server = Server::new();
    server.silent("/Taskfile.yml");
    let both = Both::new(&including(&server.url("/Taskfile.yml"), ""));
    both.run(&["--insecure", "--timeout", "200ms", "lib:greet"]).exit(108);
    // With a copy at hand it is used instead.
    server.taskfile("/Taskfile.yml", GREET);
    both.run(&["--insecure", "--yes", "lib:greet"]).success();
    server.silent("/Taskfile.yml");
    both.run(&["--insecure", "--timeout", "200ms", "lib:greet"]).success().stdout("hello from afar\n");
}
