//! A list of options, some of which match what was typed.

use super::{Key, Style, View};

/// Most options that are shown at once.
pub const MAX_SHOWN: usize = 15;

/// Options with a cursor on one of those that match.
#[derive(Clone, Debug, Default)]
pub(super) struct Options {
    all: Vec<String>,
    /// Among those that match.
    cursor: usize,
    filter: String,
}

impl Options {
    pub fn new(all: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { all: all.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    /// All options, in their order.
    pub fn all(&self) -> &[String] {
        &self.all
    }

    /// Puts the cursor on an option, if there is such.
    pub fn start_at(&mut self, option: &str) {
        self.cursor = self.all.iter().position(|one| one == option).unwrap_or(0);
    }

    /// The options that match, by their place among all, without regard to case.
    pub fn matching(&self) -> Vec<usize> {
        let wanted = self.filter.to_lowercase();
        let matches = |option: &String| option.to_lowercase().contains(&wanted);
        self.all.iter().enumerate().filter(|(_, option)| matches(option)).map(|(index, _)| index).collect()
    }

    /// The option under the cursor.
    pub fn current(&self) -> Option<usize> {
        self.matching().get(self.cursor).copied()
    }

    /// What was typed to narrow the list.
    pub fn filter(&self) -> &str {
        &self.filter
    }

    /// Shows all options again. Tells whether some were hidden.
    pub fn clear_filter(&mut self) -> bool {
        if self.filter.is_empty() {
            return false;
        }
        self.filter.clear();
        self.cursor = 0;
        true
    }

    /// Takes a key that moves the cursor.
    pub fn go(&mut self, key: Key) {
        let last = self.matching().len().saturating_sub(1);
        self.cursor = match key {
            Key::Up => self.cursor.saturating_sub(1),
            Key::Down => (self.cursor + 1).min(last),
            Key::Home => 0,
            Key::End => last,
            _ => self.cursor,
        };
    }

    /// Takes a key that changes the filter.
    pub fn narrow(&mut self, key: Key) {
        let before = self.filter.len();
        match key {
            Key::Char(letter) if before < super::MAX_TEXT => self.filter.push(letter),
            Key::Backspace => drop(self.filter.pop()),
            Key::KillBefore | Key::KillWord => self.filter.clear(),
            _ => {}
        }
        if self.filter.len() != before {
            self.cursor = 0;
        }
    }

    /// Shows as many options around the cursor as `rows` allow, each drawn by `draw` (index, under the cursor).
    pub fn show(&self, view: &mut View, rows: usize, draw: impl Fn(&mut View, usize, bool)) {
        let shown = rows.clamp(1, MAX_SHOWN);
        let first = (self.cursor + 1).saturating_sub(shown);
        let matching = self.matching();
        for (index, option) in matching.iter().enumerate().skip(first).take(shown) {
            view.push_line(Style::Plain, "");
            draw(view, *option, index == self.cursor);
        }
        if matching.is_empty() && !self.filter.is_empty() {
            view.push_line(Style::Faint, "  (nothing matches)");
        }
    }
}
