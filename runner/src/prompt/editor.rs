//! One line of text under a cursor.

use super::{Key, Style, View};

/// Longest text that can be typed, characters; go-task's.
pub const MAX_TEXT: usize = 256;

/// A line that is edited.
#[derive(Clone, Debug, Default)]
pub(super) struct Editor {
    before: Vec<char>,
    /// In reverse order.
    behind: Vec<char>,
}

impl Editor {
    /// Takes a key that edits; others do nothing.
    pub fn press(&mut self, key: Key) {
        match key {
            Key::Char(letter) if self.before.len() + self.behind.len() < MAX_TEXT => self.before.push(letter),
            Key::Left => drop(self.step_left()),
            Key::Right => drop(self.step_right()),
            Key::Home => while self.step_left().is_some() {},
            Key::End => while self.step_right().is_some() {},
            Key::Backspace => drop(self.before.pop()),
            Key::Delete | Key::EndOfFile => drop(self.behind.pop()),
            Key::KillBefore => self.before.clear(),
            Key::KillBehind => self.behind.clear(),
            Key::KillWord => self.kill_word(),
            Key::Char(_) | Key::Enter | Key::Escape | Key::Interrupt | Key::Up | Key::Down => {}
        }
    }

    fn step_left(&mut self) -> Option<()> {
        self.before.pop().map(|letter| self.behind.push(letter))
    }

    fn step_right(&mut self) -> Option<()> {
        self.behind.pop().map(|letter| self.before.push(letter))
    }

    fn kill_word(&mut self) {
        while self.before.pop_if(|letter| letter.is_whitespace()).is_some() {}
        while self.before.pop_if(|letter| !letter.is_whitespace()).is_some() {}
    }

    /// The text.
    pub fn text(&self) -> String {
        self.before.iter().chain(self.behind.iter().rev()).collect()
    }

    /// Nothing is typed.
    pub fn is_empty(&self) -> bool {
        self.before.is_empty() && self.behind.is_empty()
    }

    /// Shows the text, each character as `mask` where there is one, and the cursor.
    pub fn show(&self, view: &mut View, mask: Option<char>) {
        let shown = |letter: &char| mask.unwrap_or(*letter);
        view.push(Style::Plain, &self.before.iter().map(shown).collect::<String>());
        view.push(Style::Cursor, &self.behind.last().map_or(' ', shown).to_string());
        view.push(Style::Plain, &self.behind.iter().rev().skip(1).map(shown).collect::<String>());
    }
}
