//! Questions to a user: what a key does to them and what they look like. Nothing here knows a terminal: keys come in,
//! lines of styled text go out, and whoever has a terminal reads the keys and paints the lines.

mod confirm;
mod editor;
mod key;
mod multi_select;
mod options;
mod select;
mod text;

pub use confirm::Confirm;
pub use editor::MAX_TEXT;
pub use key::{Key, Keys, MAX_SEQUENCE};
pub use multi_select::MultiSelect;
pub use options::MAX_SHOWN;
pub use select::{Letters, Select};
pub use text::{Check, Text};

/// What a key led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step<T> {
    /// Nothing yet.
    Pending,
    /// The answer.
    Given(T),
    /// The user does not answer.
    Cancelled,
}

/// A question.
pub trait Question {
    /// The type of the answer.
    type Answer;

    /// Takes a key.
    fn press(&mut self, key: Key) -> Step<Self::Answer>;

    /// What is shown while there is no answer, in at most `rows` lines where that can be.
    fn show(&self, rows: usize) -> View;

    /// What stays when the question is over; mostly nothing.
    fn remains(&self) -> View {
        View::default()
    }
}

/// What a part of a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// As any text.
    Plain,
    /// The question itself.
    Question,
    /// A question that stays in the output, in go-task's colour of warnings.
    Notice,
    /// What the answer would be.
    Chosen,
    /// A remark.
    Faint,
    /// What is wrong with the answer.
    Wrong,
    /// The place where typed text goes.
    Cursor,
}

/// Lines of styled text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// The lines, each a sequence of parts without line ends.
    pub lines: Vec<Vec<(Style, String)>>,
}

impl View {
    /// Adds text to the last line; its line ends begin further ones.
    pub fn push(&mut self, style: Style, text: &str) {
        for (index, part) in text.split('\n').enumerate() {
            if index > 0 || self.lines.is_empty() {
                self.lines.push(Vec::new());
            }
            if let Some(line) = self.lines.last_mut().filter(|_| !part.is_empty()) {
                line.push((style, part.to_owned()));
            }
        }
    }

    /// Adds a line.
    pub fn push_line(&mut self, style: Style, text: &str) {
        self.lines.push(Vec::new());
        self.push(style, text);
    }

    /// The text without styles.
    pub fn plain(&self) -> String {
        let lines = self.lines.iter().map(|line| line.iter().map(|(_, text)| text.as_str()).collect());
        lines.collect::<Vec<String>>().join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a question says after some bytes.
    pub(super) fn press<Q: Question>(question: &mut Q, bytes: &[u8]) -> Step<Q::Answer> {
        let mut keys = Keys::default();
        let mut pressed: Vec<Key> = bytes.iter().filter_map(|byte| keys.feed(*byte)).collect();
        pressed.extend(keys.flush());
        let mut answers = pressed.into_iter().map(|key| question.press(key));
        answers.find(|answer| !matches!(answer, Step::Pending)).unwrap_or(Step::Pending)
    }

    #[test]
    fn text_with_line_ends_becomes_lines() {
        let mut view = View::default();
        view.push(Style::Plain, "a\n\nb");
        view.push(Style::Faint, "c");
        view.push_line(Style::Plain, "d");
        assert_eq!(view.plain(), "a\n\nbc\nd");
        assert_eq!(View::default().plain(), "");
    }
}
