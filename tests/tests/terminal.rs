//! What happens on a terminal: questions, the interrupt key, programs that read what is typed.

#![cfg(unix)]

use std::path::PathBuf;

use ez_tests::process::Exit;
use ez_tests::{Project, Session, program};
use rustix::process::Signal;

const QUESTIONS: &str = "\
version: '3'
silent: true
tasks:
  sure:
    prompt: Sure?
    cmds: [echo done]
  twice:
    prompt: ['One?', 'Two?']
    cmds: [echo done]
  deploy:
    requires:
      vars: [NAME, {name: ENV, enum: [dev, staging, prod]}]
    cmds: ['echo {{.NAME}} to {{.ENV}}']
  all:
    deps: [deploy]
    cmds: ['echo all']
  read:
    cmds: ['read -r line; echo \"got $line\"', 'test -t 0 && echo terminal']
  keys:
    interactive: true
    cmds: ['stty -icanon -echo; echo ready; head -c 2 | od -An -c; stty icanon echo']
  wait:
    cmds: ['echo ready; exec sleep 1000']
  stubborn:
    cmds: ['trap \"echo asked\" INT; echo ready; while :; do sleep 0.1; done']
";

fn project() -> Project {
    Project::new().file("Taskfile.yml", QUESTIONS).env("TERM", "xterm")
}

/// Both names of the program, with the exit code of a question that nobody answers.
fn programs(project: &Project) -> [(PathBuf, i32); 2] {
    [(project.task(), 205), (program::ez(), 130)]
}

#[track_caller]
fn ends(session: &mut Session, code: i32) {
    let exit = session.exit();
    assert_eq!(exit, Exit::Code(code), "{}", session.written());
    assert!(session.terminal_is_as_before());
}

#[test]
fn a_prompt_waits_for_yes() {
    let project = project();
    for (program, _) in programs(&project) {
        for (keys, code) in [("y\r", 0), ("YES\r", 0), ("yx\u{7f}\r", 0), ("\r", 205), ("n\r", 205)] {
            let mut session = project.start_on_terminal(&program, ["sure"]);
            session.wait_for("Sure? [y/N]: ").type_keys(keys);
            session.wait_for(if code == 0 { "done" } else { "cancelled by user" });
            ends(&mut session, code);
        }
    }
}

#[test]
fn keys_that_are_typed_ahead_are_not_lost() {
    let project = project();
    for (program, _) in programs(&project) {
        let mut session = project.start_on_terminal(&program, ["twice"]);
        session.wait_for("One? [y/N]: ").type_keys("y\ry\r").wait_for("Two? [y/N]: ").wait_for("done");
        ends(&mut session, 0);
    }
}

#[test]
fn a_question_can_be_cancelled() {
    let project = project();
    for keys in ["\u{3}", "\u{1b}", "\u{4}", "y\u{3}"] {
        let mut session = project.start_on_terminal(&program::ez(), ["sure"]);
        session.wait_for("Sure? [y/N]: ").type_keys(keys).wait_for("cancelled by user");
        ends(&mut session, 130);
    }
    let mut session = project.start_on_terminal(&program::ez(), ["--interactive", "deploy"]);
    session.wait_for("? Enter value for NAME: ").type_keys("\u{4}").wait_for("cancelled by user");
    ends(&mut session, 130);
    for (program, code) in programs(&project) {
        for keys in ["\u{3}", "\u{1b}"] {
            let mut session = project.start_on_terminal(&program, ["--interactive", "deploy"]);
            session.wait_for("? Enter value for NAME: ").type_keys(keys).wait_for("cancelled by user");
            ends(&mut session, code);
        }
        let mut session = project.start_on_terminal(&program, ["--interactive", "deploy", "NAME=x"]);
        session.wait_for("esc to cancel").type_keys("\u{1b}").wait_for("cancelled by user");
        ends(&mut session, code);
    }
}

/// go-task's way of asking: the terminal collects a line, and its keys mean what they mean to it.
#[test]
fn task_reads_a_line_where_it_asks_to_go_on() {
    let project = project();
    for program in [project.task(), program::oracle()] {
        let ask = || {
            let mut session = project.start_on_terminal(&program, ["sure"]);
            session.wait_for("Sure? [y/N]: ");
            session
        };
        let mut ended = ask();
        ended.type_keys("\u{4}").wait_for("task: Failed to run task \"sure\": EOF");
        ends(&mut ended, 201);
        let mut ended_after_letters = ask();
        ended_after_letters.type_keys("y\u{4}\u{4}").wait_for("task: Failed to run task \"sure\": EOF");
        ends(&mut ended_after_letters, 201);
        let mut interrupted = ask();
        interrupted.type_keys("\u{3}").wait_for("task: Signal received: \"interrupt\"");
        interrupted.type_keys("y\r").wait_for("done");
        ends(&mut interrupted, 0);
        let mut insisted = ask();
        for heard in
            ["received: \"interrupt\"", "received: \"interrupt\"", "for the third time: \"interrupt\""]
        {
            insisted.type_keys("\u{3}").wait_for(heard);
        }
        ends(&mut insisted, 1);
        let mut escaped = ask();
        escaped.type_keys("\u{1b}y\r").wait_for("cancelled by user");
        ends(&mut escaped, 205);
    }
    let mut session = project.start_on_terminal(&project.task(), ["--interactive", "deploy"]);
    session.wait_for("? Enter value for NAME: ").type_keys("\u{4}ab\u{2}\u{4}\r");
    session.wait_for("? Select value for ENV:").wait_for("esc to cancel").type_keys("\u{4}\r");
    session.wait_for("a to dev");
    ends(&mut session, 0);
}

#[test]
fn missing_variables_are_asked_for() {
    let project = project();
    for (program, _) in programs(&project) {
        for (keys, expected) in
            [("\r", "dev"), ("\u{1b}[B\r", "staging"), ("\t\t\t\r", "prod"), ("\t\t\u{1b}[A\r", "staging")]
        {
            let mut session = project.start_on_terminal(&program, ["--interactive", "deploy"]);
            session.wait_for("? Enter value for NAME: ").type_keys("Zoë\r");
            session.wait_for("? Select value for ENV:").wait_for("esc to cancel").type_keys(keys);
            session.wait_for(&format!("Zoë to {expected}"));
            ends(&mut session, 0);
        }
        // Dependencies are asked about at the start.
        let mut session = project.start_on_terminal(&program, ["--interactive", "all", "ENV=prod"]);
        session.wait_for("? Enter value for NAME: ").type_keys("x\r").wait_for("x to prod").wait_for("all");
        ends(&mut session, 0);
        // Without the flag nobody is asked.
        let mut session = project.start_on_terminal(&program, ["deploy"]);
        session.wait_for("missing required variables");
        ends(&mut session, 206);
    }
}

#[test]
fn letters_move_in_go_task_and_narrow_the_list_in_ez() {
    let project = project();
    for (program, keys, expected) in [
        (project.task(), "jj\r", "prod"),
        (project.task(), "jjk\r", "staging"),
        (program::ez(), "AG\r", "staging"),
    ] {
        let mut session = project.start_on_terminal(&program, ["--interactive", "deploy", "NAME=x"]);
        session.wait_for("esc to cancel").type_keys(keys).wait_for(&format!("x to {expected}"));
        ends(&mut session, 0);
    }
}

#[test]
fn a_signal_during_a_question_leaves_the_terminal_as_it_was() {
    let project = project();
    let mut session = project.start_on_terminal(&program::ez(), ["sure"]);
    session.wait_for("Sure? [y/N]: ").type_keys("x").wait_for("x");
    session.signal(Signal::TERM).wait_for("ez: interrupted");
    ends(&mut session, 130);
}

#[test]
fn a_lone_command_reads_what_is_typed() {
    let project = project();
    for (program, _) in programs(&project) {
        let mut session = project.start_on_terminal(&program, ["read"]);
        session.type_keys("hello\r").wait_for("got hello").wait_for("terminal");
        ends(&mut session, 0);
        let mut session = project.start_on_terminal(&program, ["keys"]);
        session.wait_for("ready").type_keys("ab").wait_for("a   b");
        ends(&mut session, 0);
    }
}

#[test]
fn the_interrupt_key_ends_a_run() {
    let project = project();
    for (program, code) in [(project.task(), 201), (program::ez(), 130)] {
        let mut session = project.start_on_terminal(&program, ["wait"]);
        session.wait_for("ready").type_keys("\u{3}").wait_for("interrupt");
        ends(&mut session, code);
    }
}

#[test]
fn a_command_that_does_not_obey_is_killed() {
    let project = project();
    let mut session = project.start_on_terminal(&program::ez(), ["stubborn"]);
    session.wait_for("ready").type_keys("\u{3}").wait_for("asked").type_keys("\u{3}");
    let exit = session.exit();
    assert_ne!(exit, Exit::Code(0), "{}", session.written());
}
