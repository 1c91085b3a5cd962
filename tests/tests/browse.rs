//! `ez browse` on a terminal, driven by keys.

use std::num::NonZero;
use std::time::{Duration, Instant};

use ez_tests::process::Exit;
use ez_tests::session::Session;
use ez_tests::{Project, program};
use rustix::process::Signal;

const TASKFILE: &str = "\
version: '3'

tasks:
  greet:
    desc: Say hello to somebody
    ez-log: {}
    ez-params:
      - {name: who, options: [ada, bob], required: true, help: whom}
      - {name: mark, default: '!'}
    cmds:
      - echo \"hello $EZ_WHO$EZ_MARK\"
  wait:
    desc: Wait for the end
    cmds:
      - trap 'echo ended > ended.txt; exit 3' INT TERM; echo \"re\"ady; sleep 60 & wait
  docs:build: echo built
";

const UP_TO: Duration = Duration::from_mins(1);

fn start(project: &Project) -> Session {
    project.start_on_terminal(&program::ez(), ["browse"])
}

fn project() -> Project {
    Project::new().file("Taskfile.yml", TASKFILE)
}

/// What the terminal shows after all that was written.
fn screen(session: &Session, (rows, columns): (u16, u16)) -> vt100::Parser {
    let size = |size| NonZero::new(size).expect("a size");
    let mut parser = vt100::Parser::new(size(rows), size(columns), 0);
    parser.process(session.written().as_bytes());
    parser
}

/// Waits until the screen shows a text, and gives all that it shows.
#[track_caller]
fn wait_for(session: &Session, text: &str) -> String {
    wait_for_in(session, text, (24, 80))
}

#[track_caller]
fn wait_for_in(session: &Session, text: &str, size: (u16, u16)) -> String {
    let deadline = Instant::now() + UP_TO;
    loop {
        let shown = screen(session, size).screen().contents();
        if shown.contains(text) {
            return shown;
        }
        assert!(Instant::now() < deadline, "the screen does not show {text:?}; it shows\n{shown}");
        std::thread::yield_now();
    }
}

/// The program left the terminal as it was.
#[track_caller]
fn is_tidy(session: &Session) {
    let deadline = Instant::now() + UP_TO;
    loop {
        let parser = screen(session, (24, 80));
        if !parser.screen().alternate_screen() && !parser.screen().hide_cursor() {
            return assert!(session.terminal_is_as_before());
        }
        assert!(Instant::now() < deadline, "the terminal is not as it was: {:?}", session.written());
        std::thread::yield_now();
    }
}

#[test]
fn a_task_is_found_filled_in_run_and_its_log_is_read() {
    let project = project();
    let mut session = start(&project);
    let shown = wait_for(&session, "Say hello to somebody");
    assert!(
        shown.contains("▾ docs") && shown.contains("3 tasks") && shown.contains("Taskfile.yml:4"),
        "{shown}"
    );

    session.type_keys("/hel");
    let shown = wait_for(&session, "/hel");
    assert!(shown.contains("greet") && !shown.contains("docs"), "{shown}");
    session.type_keys("\r\r");
    wait_for(&session, "Run greet");
    session.type_keys("\u{12}");
    wait_for(&session, "`who` needs a value");
    session.type_keys("b\u{1b}[B?\u{12}");
    let shown = wait_for(&session, "✔ done");
    assert!(
        shown.contains("[greet] echo \"hello $EZ_WHO$EZ_MARK\"") && shown.contains("hello bob!?"),
        "{shown}"
    );

    session.type_keys("\u{1b}");
    wait_for(&session, "Say hello to somebody");
    session.type_keys("l");
    wait_for(&session, "exit 0");
    session.type_keys("\r");
    wait_for(&session, "# ez log 1");
    session.type_keys("q");
    assert_eq!(session.exit(), Exit::Code(0));
    is_tidy(&session);
}

#[test]
fn a_run_is_cancelled_and_the_screen_changes_its_size() {
    let project = project();
    let mut session = start(&project);
    wait_for(&session, "wait");
    session.type_keys("\u{1b}[B\r");
    wait_for(&session, "nothing to fill in");
    session.type_keys("\r");
    wait_for(&session, "ready");
    session.type_keys("\u{3}");
    let shown = wait_for(&session, "✘ exit");
    assert!(shown.contains("asked to end") || !shown.contains("✔"), "{shown}");
    assert_eq!(project.read("ended.txt").as_deref(), Some("ended\n"));

    session.type_keys("?");
    wait_for(&session, "╭ Keys");
    session.type_keys("x");
    session.resize(12, 50);
    wait_for_in(&session, "Esc back", (12, 50));
    session.type_keys("q");
    assert_eq!(session.exit(), Exit::Code(0));
    is_tidy(&session);
}

#[test]
fn who_leaves_ends_the_run_and_who_is_ended_leaves_a_tidy_terminal() {
    let project = project();
    let mut session = start(&project);
    wait_for(&session, "wait");
    session.type_keys("\u{1b}[B\r\r");
    wait_for(&session, "ready");
    session.type_keys("q");
    wait_for(&session, "the same key again ends it and leaves");
    session.type_keys("q");
    assert_eq!(session.exit(), Exit::Code(0));
    assert_eq!(project.read("ended.txt").as_deref(), Some("ended\n"));
    is_tidy(&session);

    let mut session = start(&project);
    wait_for(&session, "Say hello");
    session.signal(Signal::TERM);
    assert_eq!(session.exit(), Exit::Code(143));
    is_tidy(&session);
}

#[test]
fn it_needs_a_terminal_and_a_project_that_compiles() {
    let words = "ez: `ez browse` needs a terminal; `ez list` and `ez show` tell the same without one\n";
    project().run(["browse"]).exit(1).stdout("").stderr(words);
    let broken = Project::new().file("Taskfile.yml", "version: '3'\ntasks: [\n");
    let mut session = start(&broken);
    session.wait_for("EZ101");
    assert_ne!(session.exit(), Exit::Code(0));
    is_tidy(&session);
}

#[test]
fn a_plan_and_a_folder_task_run() {
    let project = project()
        .file("plans/nightly.yml", "desc: All at night\nsteps:\n  - task: docs:build\n")
        .file("tasks/board/Taskfile.yml", "version: '3'\ntasks:\n  default: echo \"on the bo\"ard\n");
    let mut session = start(&project);
    wait_for(&session, "4 tasks, 1 plan");
    session.type_keys("\u{1b}[F");
    wait_for(&session, "All at night");
    session.type_keys("\r\r");
    wait_for(&session, "✔ done");
    session.type_keys("\u{1b}/board\r");
    wait_for(&session, "a folder task");
    session.type_keys("\r\r");
    let shown = wait_for(&session, "on the board");
    assert!(shown.contains("[board]") || shown.contains("echo"), "{shown}");
    wait_for(&session, "✔ done");
    session.type_keys("q");
    assert_eq!(session.exit(), Exit::Code(0));
    is_tidy(&session);
}
