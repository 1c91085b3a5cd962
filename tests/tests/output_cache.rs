//! `ez-cache`: outputs come back, and only where they are the same.

use ez_tests::process::Exit;
use ez_tests::{Project, program};

const RESTORED: &str = "is restored from the cache";

fn report(project: &Project, args: &[&str], is_made: bool) {
    let outcome = project.run(["run", "report"].iter().chain(args));
    outcome.exit(0);
    let (made, restored) = (outcome.stdout.contains("counting"), outcome.stderr.contains(RESTORED));
    assert_eq!((made, restored), (is_made, !is_made), "{}{}", outcome.stdout, outcome.stderr);
}

#[test]
fn what_was_made_once_is_not_made_again() {
    let project = Project::copy_of("examples/cache");
    report(&project, &[], true);
    let first = project.read("build/name.txt");
    assert_eq!(first.as_deref(), Some("10 long.txt\n3 short.txt\n"));
    // Up to date: neither made nor restored.
    project.run(["run", "report"]).exit(0).stdout("").stderr_has("up to date");
    // Gone: restored.
    std::fs::remove_dir_all(project.path("build")).expect("outputs");
    report(&project, &[], false);
    assert_eq!(project.read("build/name.txt"), first);
    // Another content is other work; the first content again is not.
    let text = project.read("texts/short.txt").expect("a text");
    project.write("texts/short.txt", "one\n");
    report(&project, &[], true);
    assert_eq!(project.read("build/name.txt").as_deref(), Some("10 long.txt\n1 short.txt\n"));
    project.write("texts/short.txt", text);
    report(&project, &[], false);
    assert_eq!(project.read("build/name.txt"), first);
    // A variable of the command is part of it.
    report(&project, &["EZ_ORDER=count"], true);
    // Asked for by force it is made.
    report(&project, &["--force"], true);
    // After a restore it is up to date.
    project.run(["run", "report"]).exit(0).stdout("");
}

#[test]
fn a_changed_command_or_a_damaged_cache_means_work() {
    let project = Project::copy_of("examples/cache");
    report(&project, &[], true);
    let taskfile = project.read("Taskfile.yml").expect("a Taskfile");
    std::fs::remove_dir_all(project.path("build")).expect("outputs");
    project.write("Taskfile.yml", taskfile.replace("-k 2", "-r -k 2"));
    report(&project, &[], true);
    assert_eq!(project.read("build/name.txt").as_deref(), Some("3 short.txt\n10 long.txt\n"));
    project.write("Taskfile.yml", taskfile);
    std::fs::remove_dir_all(project.path("build")).expect("outputs");
    for directory in std::fs::read_dir(project.path(".ez/cache/blobs")).expect("blobs").flatten() {
        for blob in std::fs::read_dir(directory.path()).expect("blobs").flatten() {
            std::fs::write(blob.path(), "damaged").expect("a blob");
        }
    }
    report(&project, &[], true);
    assert_eq!(project.read("build/name.txt").as_deref(), Some("10 long.txt\n3 short.txt\n"));
}

#[test]
fn a_failed_or_killed_run_leaves_nothing_in_the_cache() {
    let project = Project::new().file("in", "x").file(
        "Taskfile.yml",
        "version: '3'\ntasks:\n  fails:\n    ez-cache: true\n    sources: [in]\n    generates: [out]\n    \
         cmds: ['echo half > out', exit 1]\n  killed:\n    ez-cache: true\n    sources: [in]\n    generates: [out]\n    \
         cmds: ['echo half > out', 'kill -9 $PPID']\n",
    );
    project.run(["run", "fails"]).exit(201);
    let killed = project.run(["run", "killed"]);
    assert!(!killed.stderr.contains(RESTORED));
    project.run(["cache", "stats"]).exit(0).stdout("0 results, 0 files, 0.0 KiB\n");
    // Nothing half-written is taken for whole.
    let again = project.run(["run", "fails"]);
    again.exit(201);
}

#[test]
fn two_processes_at_once_are_safe() {
    let project = Project::copy_of("examples/cache");
    for round in 0..3 {
        let mut sessions: Vec<_> =
            (0..2).map(|_| project.start(&program::ez(), ["run", "report", "--force"])).collect();
        for session in &mut sessions {
            assert_eq!(session.exit(), Exit::Code(0));
        }
        assert_eq!(project.read("build/name.txt").as_deref(), Some("10 long.txt\n3 short.txt\n"), "{round}");
    }
    std::fs::remove_dir_all(project.path("build")).expect("outputs");
    report(&project, &[], false);
}

#[test]
fn the_cache_can_be_looked_at_and_emptied() {
    let project = Project::copy_of("examples/cache");
    report(&project, &[], true);
    report(&project, &["EZ_ORDER=count"], true);
    project.run(["cache"]).exit(0).stdout("2 results, 2 files, 0.0 KiB\n");
    project
        .run(["cache", "stats", "--json"])
        .exit(0)
        .stdout("{\n  \"entries\": 2,\n  \"files\": 2,\n  \"bytes\": 48\n}\n");
    project.run(["cache", "gc"]).exit(0).stdout("removed 0 results, 0 files, 0.0 KiB\n");
    project.run(["cache", "gc", "--max-size", "0"]).exit(0).stdout("removed 2 results, 2 files, 0.0 KiB\n");
    project.run(["cache"]).exit(0).stdout("0 results, 0 files, 0.0 KiB\n").file_is(".ez/.gitignore", "*\n");
}

#[test]
fn a_task_that_cannot_be_cached_is_refused() {
    for (fields, word) in [
        ("cmds: [echo]", "needs `sources` and `generates`"),
        ("sources: [a], cmds: [echo]", "needs `sources` and `generates`"),
        ("sources: [a], generates: [b], cmds: [{task: other}]", "calls `other`"),
    ] {
        let text = format!("version: '3'\ntasks:\n  a: {{ez-cache: true, {fields}}}\n  other: echo\n");
        let project = Project::new().file("Taskfile.yml", text);
        project.run(["run", "a"]).exit(1).stderr_has(word);
        project.run_as_task(["other"]).exit(0);
    }
}
