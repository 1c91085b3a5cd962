//! The browser driven by keys, and what it looks like.

use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ez_compiler::ast::Param;
use ez_compiler::file_system::MemoryFileSystem;
use ez_compiler::template::PureHost;
use ez_compiler::{Dialect, Purpose, compile};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::entry::{Entry, Kind, Section};
use super::output::RunState;
use super::state::{Effect, Focus, Input, LogRow, Order, Pane, State};
use super::view::{self, Theme};

const PARAMS: &str = "\
version: '3'
tasks:
  release:
    ez-params:
      - {name: target, options: [linux, mac], required: true, help: for which system}
      - {name: jobs, type: number, default: '4', min: 1, max: 64}
      - {name: features, type: multi, options: [net, gui, doc], default: net}
      - {name: dry, type: bool, default: 'false'}
      - {name: token, type: secret}
    cmds: [echo]
";

fn params() -> Vec<Param> {
    let files = MemoryFileSystem::new().with("/p/Taskfile.yml", PARAMS);
    let options = ez_compiler::Options {
        root_dir: "/p".into(),
        host: &PureHost,
        purpose: Purpose::Run,
        dialect: Dialect::Ez,
        folder: None,
    };
    let compilation = compile(&files, "/p/Taskfile.yml".as_ref(), &options, None);
    let task = compilation.program.tasks.first().unwrap();
    task.superset.as_ref().unwrap().params.clone()
}

fn entry(name: &str, kind: Kind, desc: &str) -> Entry {
    Entry {
        name: name.into(),
        kind,
        desc: desc.into(),
        aliases: Vec::new(),
        params: Vec::new(),
        sections: vec![Section { title: "cmds", lines: vec![format!("make {name}")] }],
        location: "Taskfile.yml:4".into(),
    }
}

fn browser() -> State {
    let release = Entry {
        params: params(),
        aliases: vec!["r".into(), "rel".into()],
        ..entry("release", Kind::Inline, "Pack and publish\nall there is")
    };
    let entries = vec![
        entry("build", Kind::Inline, "Build the program"),
        release,
        entry("docs:build", Kind::Inline, "Build the book"),
        entry("docs:serve", Kind::Inline, ""),
        entry("firmware", Kind::Folder, "Firmware of the board"),
        entry("firmware:flash", Kind::Folder, "Flash it"),
        entry("nightly", Kind::Plan, "All of it at night"),
    ];
    State::new("/home/ada/garden", entries, (80, 24))
}

/// Presses keys: letters, and `<Enter>`, `<Esc>`, `<Down>`, `<C-c>` …
fn press(state: &mut State, keys: &str) -> Vec<Effect> {
    let mut effects = Vec::new();
    let mut rest = keys;
    while let Some(first) = rest.chars().next() {
        let (code, modifiers, length) = match rest.strip_prefix('<').and_then(|rest| rest.split_once('>')) {
            Some((name, _)) => {
                let code = match name {
                    "Enter" => KeyCode::Enter,
                    "Esc" => KeyCode::Esc,
                    "Up" => KeyCode::Up,
                    "Down" => KeyCode::Down,
                    "Left" => KeyCode::Left,
                    "Right" => KeyCode::Right,
                    "Tab" => KeyCode::Tab,
                    "Home" => KeyCode::Home,
                    "End" => KeyCode::End,
                    "PgUp" => KeyCode::PageUp,
                    "Back" => KeyCode::Backspace,
                    name => KeyCode::Char(name.strip_prefix("C-").unwrap().chars().next().unwrap()),
                };
                let is_control = name.starts_with("C-");
                (code, if is_control { KeyModifiers::CONTROL } else { KeyModifiers::NONE }, name.len() + 2)
            }
            None => (KeyCode::Char(first), KeyModifiers::NONE, first.len_utf8()),
        };
        effects.extend(state.take(Input::Key(KeyEvent::new(code, modifiers))));
        rest = &rest[length..];
    }
    effects
}

fn picture(state: &mut State) -> String {
    let theme = Theme { is_colored: false };
    let mut terminal = Terminal::new(TestBackend::new(state.size.0, state.size.1)).unwrap();
    terminal.draw(|frame| view::draw(frame, state, theme)).unwrap();
    terminal.backend().to_string()
}

fn snapshot(name: &str, state: &mut State) {
    let picture = picture(state);
    insta::with_settings!({snapshot_path => "../../../snapshots/cli/browse", prepend_module_to_snapshot => false}, {
        insta::assert_snapshot!(name, picture);
    });
}

fn selected(state: &State) -> &str {
    state.selected().map_or("", |entry| entry.name.as_str())
}

#[test]
fn it_begins_with_the_tree() {
    snapshot("start", &mut browser());
}

#[test]
fn details_are_those_of_the_row_under_the_cursor() {
    let mut state = browser();
    press(&mut state, "<Down>");
    snapshot("details", &mut state);
    press(&mut state, "<Down>");
    assert_eq!(selected(&state), "");
    snapshot("namespace", &mut state);
}

#[test]
fn branches_open_and_close() {
    let mut state = browser();
    let labels = |state: &State| state.rows.iter().map(|row| row.label.clone()).collect::<Vec<_>>().join(" ");
    assert_eq!(labels(&state), "build release docs build serve firmware flash plans nightly");
    press(&mut state, "<Down><Down><Left>");
    assert_eq!(labels(&state), "build release docs firmware flash plans nightly");
    press(&mut state, "<Enter><Down><Down>");
    assert_eq!(selected(&state), "docs:serve");
    press(&mut state, "<Left>");
    assert_eq!(state.rows[state.cursor].label, "docs");
    press(&mut state, "<End>");
    assert_eq!(selected(&state), "nightly");
    press(&mut state, "g<Up>");
    assert_eq!(selected(&state), "build");
}

#[test]
fn a_search_narrows_the_tree_as_it_is_typed() {
    let mut state = browser();
    press(&mut state, "/bui");
    assert_eq!(state.focus, Focus::Search);
    assert_eq!(selected(&state), "build");
    press(&mut state, "<Down><Down>");
    assert_eq!(selected(&state), "docs:build");
    snapshot("search", &mut state);
    press(&mut state, "<Back><Back><Back>book<Enter>");
    assert_eq!((selected(&state), state.focus), ("docs:build", Focus::Tree));
    press(&mut state, "/ nothing");
    snapshot("nothing-found", &mut state);
    press(&mut state, "<Esc>");
    assert_eq!(state.rows.len(), 9);
}

#[test]
fn a_form_asks_for_params_and_checks_them() {
    let mut state = browser();
    press(&mut state, "<Down><Enter>");
    assert!(matches!(state.pane, Pane::Form { .. }));
    // What is required is missing.
    assert_eq!(press(&mut state, "<C-r>"), []);
    snapshot("form-missing", &mut state);
    press(&mut state, "m<Down><C-u>99<Down><Right> <Right> <Down><Right><Down>s3cr3t<Left><Left>");
    snapshot("form-filled", &mut state);
    assert_eq!(press(&mut state, "<C-r>"), []);
    let started = press(&mut state, "<C-u>9<C-r>");
    let variables =
        [("EZ_TARGET", "mac"), ("EZ_JOBS", "9"), ("EZ_FEATURES", "net,gui,doc"), ("EZ_DRY", "true")];
    let order = Order {
        name: "release".into(),
        kind: Kind::Inline,
        variables: variables.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
        secrets: vec![("EZ_TOKEN".into(), "s3cr3t".into())],
    };
    assert_eq!(started, [Effect::Start(order)]);
}

#[test]
fn a_run_is_followed_to_its_end() {
    let mut state = browser();
    let started = press(&mut state, "<Enter><Enter>");
    assert!(matches!(started.as_slice(), [Effect::Start(order)] if order.name == "build"));
    for line in [
        r#"{"kind":"command","name":"build","text":"cc -o app main.c","runs":true}"#,
        r#"{"kind":"output","stream":"stdout","text":"compiling\nlinking\n"}"#,
        r#"{"kind":"output","stream":"stderr","text":"main.c:3: warning: unused\n"}"#,
    ] {
        state.take(Input::Out(line.into()));
    }
    state.take(Input::Ticked(Duration::from_millis(1500)));
    snapshot("running", &mut state);
    // A run that goes on is not left by a slip of the finger, and nothing else begins.
    assert_eq!(press(&mut state, "q"), []);
    assert_eq!(press(&mut state, "<Esc><Enter><Enter>"), []);
    assert_eq!(state.notice.as_deref(), Some("a run goes on; Ctrl-C ends it"));
    assert_eq!(press(&mut state, "<C-c><C-c>"), [Effect::Interrupt, Effect::Kill]);
    state.take(Input::Ended(Some(130)));
    press(&mut state, "<Esc>o");
    snapshot("ended", &mut state);
    assert_eq!(press(&mut state, "q"), [Effect::Quit]);
}

#[test]
fn output_is_scrolled_from_its_end() {
    let mut state = browser();
    press(&mut state, "<Enter><Enter>");
    for number in 0..100 {
        state.take(Input::Out(format!("line {number}")));
    }
    assert!(picture(&mut state).contains("line 99"));
    press(&mut state, "<PgUp>");
    let scrolled = picture(&mut state);
    assert!(!scrolled.contains("line 99") && scrolled.contains("line 75"), "{scrolled}");
    press(&mut state, "<Home>");
    assert!(picture(&mut state).contains("line 0 "));
    press(&mut state, "<End>");
    assert!(picture(&mut state).contains("line 99"));
    state.take(Input::Ended(Some(0)));
    assert_eq!(state.run.as_ref().map(|run| run.state), Some(RunState::Ended(Some(0))));
}

#[test]
fn logs_are_listed_and_read() {
    let mut state = browser();
    assert_eq!(press(&mut state, "l"), [Effect::ListLogs("build".into())]);
    let row = |started: &str, state: &str| LogRow {
        path: format!("/logs/{started}.log").into(),
        started: started.into(),
        state: state.into(),
        is_good: state.starts_with("exit 0"),
    };
    state.take(Input::Logs(vec![
        row("2026-11-21T09:00:00.000Z", "exit 0  1.0s"),
        row("2026-11-20T09:00:00.000Z", "exit 1  0.2s"),
    ]));
    press(&mut state, "<Down>");
    snapshot("logs", &mut state);
    assert_eq!(press(&mut state, "<Enter>"), [Effect::ReadLog("/logs/2026-11-20T09:00:00.000Z.log".into())]);
    state.take(Input::LogText("# ez log 1\n[build] make\nno rule\n".into()));
    assert!(picture(&mut state).contains("[build] make"));
    press(&mut state, "<Esc>");
    assert!(picture(&mut state).contains("exit 1"));
    press(&mut state, "<Esc>");
    assert_eq!(state.focus, Focus::Tree);
}

#[test]
fn keys_are_explained() {
    let mut state = browser();
    press(&mut state, "?");
    snapshot("help", &mut state);
    assert_eq!(press(&mut state, "q"), []);
    assert!(!state.has_help);
}

#[test]
fn every_size_can_be_drawn() {
    for (columns, rows) in [(1, 1), (3, 2), (20, 5), (50, 12), (63, 24), (64, 24), (300, 90)] {
        let mut state = browser();
        state.take(Input::Resized(columns, rows));
        for keys in ["", "<Down><Enter>", "<Esc>?", "q/x", "<Esc>l", "<Esc><Home><Enter><Enter>"] {
            press(&mut state, keys);
            picture(&mut state);
        }
    }
    let mut state = browser();
    state.take(Input::Resized(50, 12));
    snapshot("narrow", &mut state);
}

#[test]
fn without_colours_there_are_none() {
    for (is_colored, expected) in [(true, true), (false, false)] {
        let mut state = browser();
        press(&mut state, "<Down><Enter><C-r>");
        let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
        terminal.draw(|frame| view::draw(frame, &mut state, Theme { is_colored })).unwrap();
        let cells = &terminal.backend().buffer().content;
        let has_colour = cells
            .iter()
            .any(|cell| cell.fg != ratatui::style::Color::Reset || cell.bg != ratatui::style::Color::Reset);
        assert_eq!(has_colour, expected);
    }
}

#[test]
fn leaving_takes_one_key() {
    for keys in ["q", "<Esc>", "<C-c>"] {
        assert_eq!(press(&mut browser(), keys), [Effect::Quit], "{keys}");
    }
    assert_eq!(press(&mut browser(), "r"), [Effect::Load]);
    let mut state = browser();
    press(&mut state, "<Down>");
    state.take(Input::Loaded(vec![entry("other", Kind::Inline, "")]));
    assert_eq!(selected(&state), "other");
}
