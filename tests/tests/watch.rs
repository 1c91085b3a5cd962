//! `--watch`: tasks run again when their sources change, until a signal comes.

#![cfg(unix)]

use std::path::PathBuf;

use ez_tests::process::Exit;
use ez_tests::{Project, program};
use rustix::process::Signal;

const TASKFILE: &str = "\
version: '3'
interval: 10ms
silent: true
tasks:
  print:
    sources: ['in/*.txt']
    cmds: ['cat in/*.txt']
  long:
    sources: ['in/*.txt']
    cmds: ['echo begin $(cat in/*.txt); exec sleep 1000']
  fail:
    sources: ['in/*.txt']
    cmds: ['echo seen; test \"$(cat in/*.txt)\" = good']
  dep:
    sources: ['in/*.txt']
    cmds: ['echo dep $(cat in/*.txt)']
  top:
    deps: [dep]
    cmds: ['echo top']
  always:
    watch: true
    sources: ['in/*.txt']
    cmds: ['cat in/*.txt']
";

fn project() -> Project {
    Project::new().file("Taskfile.yml", TASKFILE).file("in/a.txt", "one\n")
}

fn programs(project: &Project) -> [PathBuf; 2] {
    [project.task(), program::ez()]
}

#[test]
fn a_change_makes_a_task_run_again() {
    for index in 0..2 {
        let project = project();
        let program = &programs(&project)[index];
        let mut session = project.start(program, ["--watch", "print"]);
        session.wait_for("task: Started watching for tasks: print\n").wait_for("one\n");
        session.wait_for("task: task \"print\" finished running\n");
        project.write("in/a.txt", "two, which is longer\n");
        session.wait_for("two, which is longer\n").wait_for("finished running\n");
        // A new file that a glob fits counts, and one that goes.
        project.write("in/b.txt", "three\n");
        session.wait_for("three\n").wait_for("finished running\n");
        std::fs::remove_file(project.path("in/a.txt")).expect("a file that goes");
        session.wait_for("three\n").wait_for("finished running\n");
        session.signal(if index == 0 { Signal::INT } else { Signal::TERM });
        assert_eq!(session.exit(), Exit::Code(0), "{}", session.written());
    }
}

#[test]
fn what_runs_is_ended_before_it_runs_again() {
    for index in 0..2 {
        let project = project();
        let mut session = project.start(&programs(&project)[index], ["--watch", "long"]);
        session.wait_for("begin one\n");
        project.write("in/a.txt", "second\n");
        session.wait_for("begin second\n").signal(Signal::INT);
        assert_eq!(session.exit(), Exit::Code(0), "{}", session.written());
        assert!(!session.written().contains("finished"), "{}", session.written());
    }
}

#[test]
fn a_failure_does_not_end_the_watch() {
    for index in 0..2 {
        let project = project();
        let mut session = project.start(&programs(&project)[index], ["--watch", "fail"]);
        session.wait_for("seen\n").wait_for("Failed to run task \"fail\": exit status 1\n");
        project.write("in/a.txt", "good\n");
        session.wait_for("seen\n").wait_for("task \"fail\" finished running\n").signal(Signal::INT);
        assert_eq!(session.exit(), Exit::Code(0), "{}", session.written());
    }
}

#[test]
fn sources_of_dependencies_are_watched() {
    let project = project();
    let mut session = project.start(&project.task(), ["--watch", "top"]);
    session.wait_for("dep one\n").wait_for("finished running\n");
    project.write("in/a.txt", "second\n");
    session.wait_for("dep second\n").wait_for("top\n").signal(Signal::INT);
    assert_eq!(session.exit(), Exit::Code(0), "{}", session.written());
}

#[test]
fn a_task_may_ask_to_be_watched() {
    let project = project();
    let mut session = project.start(&project.task(), ["always"]);
    session.wait_for("Started watching for tasks: always\n").wait_for("one\n").signal(Signal::INT);
    assert_eq!(session.exit(), Exit::Code(0), "{}", session.written());
}
