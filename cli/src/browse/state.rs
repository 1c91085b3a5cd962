//! What the browser shows and what keys do to it. Pure: what is to happen outside is told as effects.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::entry::{Entry, Kind};
use super::form::{Form, Step};
use super::output::{Line, Look, Run, RunState, painted};
use super::tree::{self, Row};

/// Rows that are not part of a page: header, footer and borders.
const FRAME_ROWS: u16 = 4;

/// Who has the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Focus {
    /// The tree.
    Tree,
    /// What is searched for.
    Search,
    /// What stands beside the tree.
    Pane,
}

/// What stands beside the tree.
#[derive(Clone, Debug)]
pub enum Pane {
    /// What is known of the entry under the cursor.
    Details,
    /// The form of an entry's params.
    Form {
        /// The entry.
        entry: usize,
        /// The form.
        form: Form,
    },
    /// What the last run wrote.
    Output,
    /// The logs of a task.
    Logs {
        /// The task.
        task: String,
        /// The logs, the newest first; none while they are looked for.
        logs: Option<Vec<LogRow>>,
        /// The one under the cursor.
        at: usize,
        /// The text of one, where that is read.
        text: Option<Vec<Line>>,
    },
}

/// A log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRow {
    /// Its file.
    pub path: PathBuf,
    /// When the run began.
    pub started: String,
    /// How it ended.
    pub state: String,
    /// Whether it ended well.
    pub is_good: bool,
}

/// What happens.
#[derive(Clone, Debug)]
pub enum Input {
    /// A key was pressed.
    Key(KeyEvent),
    /// The screen has another size: columns and rows.
    Resized(u16, u16),
    /// The run wrote a line to standard output.
    Out(String),
    /// The run wrote a line to standard error.
    Err(String),
    /// The run ended.
    Ended(Option<i32>),
    /// The run goes on for so long.
    Ticked(Duration),
    /// Logs were found.
    Logs(Vec<LogRow>),
    /// A log was read.
    LogText(String),
    /// The project was read again.
    Loaded(Vec<Entry>),
    /// Something did not work.
    Failed(String),
}

/// What is to be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// The entry's name.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// Variables for the command line.
    pub variables: Vec<(String, String)>,
    /// Variables that nobody may see there.
    pub secrets: Vec<(String, String)>,
}

/// What is to happen outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The program ends.
    Quit,
    /// A run begins.
    Start(Order),
    /// The run is asked to end.
    Interrupt,
    /// The run is ended.
    Kill,
    /// The logs of a task are looked for.
    ListLogs(String),
    /// A log is read.
    ReadLog(PathBuf),
    /// The project is read again.
    Load,
}

/// The browser.
#[derive(Clone, Debug)]
pub struct State {
    /// What is browsed.
    pub title: String,
    /// All tasks and plans.
    pub entries: Vec<Entry>,
    /// What the tree shows of them.
    pub rows: Vec<Row>,
    /// The row under the cursor.
    pub cursor: usize,
    /// What is searched for.
    pub query: String,
    /// Who has the keys.
    pub focus: Focus,
    /// What stands beside the tree.
    pub pane: Pane,
    /// How far the pane is scrolled: rows from its top, for output from its end.
    pub scroll: usize,
    /// The last run.
    pub run: Option<Run>,
    /// Whether the keys are explained.
    pub has_help: bool,
    /// What the user is told.
    pub notice: Option<String>,
    /// The size of the screen: columns and rows.
    pub size: (u16, u16),
    /// Branches that are closed.
    closed: BTreeSet<String>,
    /// Whether the user wants to leave though something runs.
    is_leaving: bool,
}

impl State {
    /// A browser of some entries.
    pub fn new(title: impl Into<String>, entries: Vec<Entry>, size: (u16, u16)) -> Self {
        let mut state = Self {
            title: title.into(),
            entries,
            rows: Vec::new(),
            cursor: 0,
            query: String::new(),
            focus: Focus::Tree,
            pane: Pane::Details,
            scroll: 0,
            run: None,
            has_help: false,
            notice: None,
            size,
            closed: BTreeSet::new(),
            is_leaving: false,
        };
        state.refresh();
        state
    }

    /// The entry under the cursor.
    pub fn selected(&self) -> Option<&Entry> {
        self.entries.get(self.rows.get(self.cursor)?.entry?)
    }

    /// Whether something runs.
    pub fn is_running(&self) -> bool {
        self.run.as_ref().is_some_and(Run::is_running)
    }

    /// Takes what happened.
    pub fn take(&mut self, input: Input) -> Vec<Effect> {
        match input {
            Input::Key(key) => return self.press(key),
            Input::Resized(columns, rows) => self.size = (columns, rows),
            Input::Out(line) => self.with_run(|run| run.take(&line)),
            Input::Err(line) => self.with_run(|run| run.remark(&line)),
            Input::Ended(code) => self.with_run(|run| run.state = RunState::Ended(code)),
            Input::Ticked(time) => self.with_run(|run| run.time = time),
            Input::Logs(found) => {
                if let Pane::Logs { logs, .. } = &mut self.pane {
                    *logs = Some(found);
                }
            }
            Input::LogText(read) => {
                if let Pane::Logs { text, .. } = &mut self.pane {
                    *text = Some(read.lines().map(|line| painted(Look::Plain, line)).collect());
                    self.scroll = 0;
                }
            }
            Input::Loaded(entries) => {
                self.entries = entries;
                self.pane = Pane::Details;
                self.focus = Focus::Tree;
                self.refresh();
                self.notice = Some("read again".to_owned());
            }
            Input::Failed(message) => self.notice = Some(message),
        }
        Vec::new()
    }

    fn with_run(&mut self, change: impl FnOnce(&mut Run)) {
        if let Some(run) = &mut self.run {
            change(run);
        }
    }

    fn refresh(&mut self) {
        let selected = self.rows.get(self.cursor).map(|row| row.path.clone());
        self.rows = tree::rows(&self.entries, &self.query, &self.closed);
        let same = self.rows.iter().position(|row| Some(&row.path) == selected.as_ref());
        let wanted = self.query.trim().to_lowercase();
        let is_found = |row: &Row| {
            row.entry.and_then(|entry| self.entries.get(entry)).is_some_and(|entry| entry.matches(&wanted))
        };
        let same = same.filter(|at| wanted.is_empty() || self.rows.get(*at).is_some_and(is_found));
        // A search goes to what it finds, not to the branch that it is in.
        self.cursor = same.or_else(|| self.rows.iter().position(is_found)).unwrap_or(0);
        self.scroll = 0;
    }

    fn press(&mut self, key: KeyEvent) -> Vec<Effect> {
        self.notice = None;
        let is_leaving = std::mem::take(&mut self.is_leaving);
        if key.modifiers.contains(KeyModifiers::CONTROL) && key.code == KeyCode::Char('c') {
            return self.interrupt();
        }
        if self.has_help {
            self.has_help = false;
            return Vec::new();
        }
        if self.focus == Focus::Search {
            self.press_in_search(key);
            return Vec::new();
        }
        if let (Focus::Pane, Pane::Form { entry, form }) = (self.focus, &mut self.pane) {
            if key.code == KeyCode::Esc {
                self.show_tree();
                return Vec::new();
            }
            let entry = *entry;
            return if form.press(key) == Step::Runs { self.start(entry) } else { Vec::new() };
        }
        match key.code {
            KeyCode::Char('q') => return self.leave(is_leaving),
            KeyCode::Char('?') => self.has_help = true,
            KeyCode::Char('/') => self.focus = Focus::Search,
            KeyCode::Char('l') => return self.list_logs(),
            KeyCode::Char('o') if self.run.is_some() => self.show_pane(Pane::Output),
            KeyCode::Char('o') => self.notice = Some("nothing ran yet".to_owned()),
            KeyCode::Char('r') | KeyCode::F(5) => return vec![Effect::Load],
            KeyCode::Tab if self.focus == Focus::Tree => self.focus = Focus::Pane,
            KeyCode::Tab | KeyCode::BackTab => self.focus = Focus::Tree,
            _ if self.focus == Focus::Tree => return self.press_in_tree(key.code, is_leaving),
            _ => return self.press_in_pane(key.code),
        }
        Vec::new()
    }

    fn interrupt(&mut self) -> Vec<Effect> {
        let Some(run) = self.run.as_mut().filter(|run| run.is_running()) else {
            return vec![Effect::Quit];
        };
        let effect = if run.state == RunState::Ending { Effect::Kill } else { Effect::Interrupt };
        run.state = RunState::Ending;
        self.notice = Some("asked to end; Ctrl-C again ends it at once".to_owned());
        vec![effect]
    }

    /// A run that goes on is not left by a slip of the finger.
    fn leave(&mut self, is_leaving: bool) -> Vec<Effect> {
        if !self.is_running() || is_leaving {
            return vec![Effect::Quit];
        }
        self.is_leaving = true;
        self.notice = Some("a run goes on; the same key again ends it and leaves".to_owned());
        Vec::new()
    }

    fn press_in_search(&mut self, key: KeyEvent) {
        let is_control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Esc => {
                self.query.clear();
                self.focus = Focus::Tree;
            }
            KeyCode::Enter | KeyCode::Tab => self.focus = Focus::Tree,
            KeyCode::Up => return self.go_to(self.cursor.saturating_sub(1)),
            KeyCode::Down => return self.go_to(self.cursor + 1),
            KeyCode::Backspace => drop(self.query.pop()),
            KeyCode::Char('u') if is_control => self.query.clear(),
            KeyCode::Char(letter) if !is_control => self.query.push(letter),
            _ => return,
        }
        self.pane = Pane::Details;
        self.refresh();
    }

    fn press_in_tree(&mut self, code: KeyCode, is_leaving: bool) -> Vec<Effect> {
        let page = self.page();
        match code {
            KeyCode::Up | KeyCode::Char('k') => self.go_to(self.cursor.saturating_sub(1)),
            KeyCode::Down | KeyCode::Char('j') => self.go_to(self.cursor + 1),
            KeyCode::PageUp => self.go_to(self.cursor.saturating_sub(page)),
            KeyCode::PageDown => self.go_to(self.cursor + page),
            KeyCode::Home | KeyCode::Char('g') => self.go_to(0),
            KeyCode::End | KeyCode::Char('G') => self.go_to(usize::MAX),
            KeyCode::Right => self.open(true),
            KeyCode::Left => self.close(),
            KeyCode::Enter => match self.rows.get(self.cursor) {
                Some(Row { entry: Some(entry), .. }) => {
                    let entry = *entry;
                    let params =
                        self.entries.get(entry).map(|entry| entry.params.clone()).unwrap_or_default();
                    self.show_pane(Pane::Form { entry, form: Form::new(&params) });
                }
                Some(Row { open: Some(is_open), .. }) => {
                    let is_open = *is_open;
                    self.open(!is_open);
                }
                _ => {}
            },
            KeyCode::Char(' ') => {
                let is_open = self.rows.get(self.cursor).and_then(|row| row.open);
                self.open(!is_open.unwrap_or(true));
            }
            KeyCode::Esc if !self.query.is_empty() => {
                self.query.clear();
                self.refresh();
            }
            KeyCode::Esc => return self.leave(is_leaving),
            _ => {}
        }
        Vec::new()
    }

    fn go_to(&mut self, row: usize) {
        self.cursor = row.min(self.rows.len().saturating_sub(1));
        self.pane = Pane::Details;
        self.scroll = 0;
    }

    /// Opens or closes the branch under the cursor.
    fn open(&mut self, is_open: bool) {
        let Some(row) = self.rows.get(self.cursor).filter(|row| row.open.is_some()) else { return };
        if is_open {
            self.closed.remove(&row.path);
        } else {
            self.closed.insert(row.path.clone());
        }
        self.refresh();
    }

    /// Closes the branch under the cursor, or goes to the one that the row is in.
    fn close(&mut self) {
        let Some(row) = self.rows.get(self.cursor) else { return };
        if row.open == Some(true) && self.query.is_empty() {
            return self.open(false);
        }
        let depth = row.depth;
        let above = self.rows.get(..self.cursor).unwrap_or_default();
        if let Some(parent) = above.iter().rposition(|row| row.depth < depth) {
            self.go_to(parent);
        }
    }

    fn show_tree(&mut self) {
        self.pane = Pane::Details;
        self.focus = Focus::Tree;
        self.scroll = 0;
    }

    fn show_pane(&mut self, pane: Pane) {
        self.pane = pane;
        self.focus = Focus::Pane;
        self.scroll = 0;
    }

    fn press_in_pane(&mut self, code: KeyCode) -> Vec<Effect> {
        let page = self.page();
        if let Pane::Logs { logs, at, text, .. } = &mut self.pane {
            match (code, &text) {
                (KeyCode::Esc | KeyCode::Left, Some(_)) => {
                    *text = None;
                    self.scroll = 0;
                    return Vec::new();
                }
                (KeyCode::Up | KeyCode::Char('k'), None) => *at = at.saturating_sub(1),
                (KeyCode::Down | KeyCode::Char('j'), None) => {
                    let last = logs.as_ref().map_or(0, |logs| logs.len().saturating_sub(1));
                    *at = (*at + 1).min(last);
                }
                (KeyCode::Enter | KeyCode::Right, None) => {
                    let log = logs.as_ref().and_then(|logs| logs.get(*at));
                    return log.map(|log| Effect::ReadLog(log.path.clone())).into_iter().collect();
                }
                _ => {}
            }
        }
        // Output is looked at from its end.
        let (back, forth) = match self.pane {
            Pane::Output => (1, -1),
            _ => (-1, 1),
        };
        let page = isize::try_from(page).unwrap_or(1);
        match code {
            KeyCode::Up | KeyCode::Char('k') => self.scroll_by(back),
            KeyCode::Down | KeyCode::Char('j') => self.scroll_by(forth),
            KeyCode::PageUp => self.scroll_by(back * page),
            KeyCode::PageDown | KeyCode::Char(' ') => self.scroll_by(forth * page),
            KeyCode::Home | KeyCode::Char('g') => self.scroll_by(back.saturating_mul(isize::MAX)),
            KeyCode::End | KeyCode::Char('G') => self.scroll_by(forth.saturating_mul(isize::MAX)),
            KeyCode::Esc => self.show_tree(),
            KeyCode::Left => self.focus = Focus::Tree,
            _ => {}
        }
        Vec::new()
    }

    fn scroll_by(&mut self, rows: isize) {
        self.scroll = self.scroll.saturating_add_signed(rows);
    }

    /// Rows of a page.
    fn page(&self) -> usize {
        usize::from(self.size.1.saturating_sub(FRAME_ROWS)).max(1)
    }

    fn list_logs(&mut self) -> Vec<Effect> {
        let Some(task) = self.selected().map(|entry| entry.name.clone()) else { return Vec::new() };
        self.show_pane(Pane::Logs { task: task.clone(), logs: None, at: 0, text: None });
        vec![Effect::ListLogs(task)]
    }

    fn start(&mut self, entry: usize) -> Vec<Effect> {
        if self.is_running() {
            self.notice = Some("a run goes on; Ctrl-C ends it".to_owned());
            return Vec::new();
        }
        let (Some(entry), Pane::Form { form, .. }) = (self.entries.get(entry), &self.pane) else {
            return Vec::new();
        };
        let (secrets, variables): (Vec<_>, Vec<_>) =
            form.values().into_iter().partition(|(_, _, is_secret)| *is_secret);
        let plain = |values: Vec<(smol_str::SmolStr, String, bool)>| {
            values.into_iter().map(|(name, value, _)| (name.to_string(), value)).collect()
        };
        let order = Order {
            name: entry.name.clone(),
            kind: entry.kind,
            variables: plain(variables),
            secrets: plain(secrets),
        };
        self.run = Some(Run::new(&order.name));
        self.show_pane(Pane::Output);
        vec![Effect::Start(order)]
    }
}
