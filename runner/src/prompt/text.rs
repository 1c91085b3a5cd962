//! Asks for a line of text, shown or hidden.

use std::fmt;

use super::editor::Editor;
use super::{Key, Question, Step, Style, View};

/// Says what is wrong with an answer.
pub type Check = Box<dyn Fn(&str) -> Result<(), String>>;

/// What stands for each character of a secret.
const MASK: char = '•';

/// Asks for a line of text.
#[derive(Default)]
pub struct Text {
    question: String,
    help: String,
    default: String,
    is_secret: bool,
    check: Option<Check>,
    wrong: Option<String>,
    editor: Editor,
}

impl fmt::Debug for Text {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the text, which may be secret.
        formatter.debug_struct("Text").field("question", &self.question).finish_non_exhaustive()
    }
}

impl Text {
    /// A question, without its colon.
    pub fn new(question: impl Into<String>) -> Self {
        Self { question: question.into(), ..Self::default() }
    }

    /// Gives this answer when nothing is typed.
    #[must_use]
    pub fn with_default(mut self, default: impl Into<String>) -> Self {
        self.default = default.into();
        self
    }

    /// Shows a text below the question.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = help.into();
        self
    }

    /// Hides what is typed, and the default.
    #[must_use]
    pub fn secret(mut self) -> Self {
        self.is_secret = true;
        self
    }

    /// Takes only answers that pass a check.
    #[must_use]
    pub fn checked_by(mut self, check: Check) -> Self {
        self.check = Some(check);
        self
    }

    fn enter(&mut self) -> Step<String> {
        let answer = if self.editor.is_empty() { self.default.clone() } else { self.editor.text() };
        self.wrong = self.check.as_ref().and_then(|check| check(&answer).err());
        if self.wrong.is_some() { Step::Pending } else { Step::Given(answer) }
    }
}

impl Question for Text {
    type Answer = String;

    fn press(&mut self, key: Key) -> Step<String> {
        match key {
            Key::Enter => return self.enter(),
            Key::Escape | Key::Interrupt => return Step::Cancelled,
            Key::EndOfFile if self.editor.is_empty() => return Step::Cancelled,
            _ => {
                self.wrong = None;
                self.editor.press(key);
            }
        }
        Step::Pending
    }

    fn show(&self, _rows: usize) -> View {
        let mut view = View::default();
        view.push(Style::Question, &format!("? {}: ", self.question));
        self.editor.show(&mut view, self.is_secret.then_some(MASK));
        if self.editor.is_empty() && !self.default.is_empty() {
            let default = if self.is_secret { "default" } else { &self.default };
            view.push(Style::Faint, &format!("({default})"));
        }
        if !self.help.is_empty() {
            view.push_line(Style::Faint, &format!("  {}", self.help));
        }
        if let Some(wrong) = &self.wrong {
            view.push_line(Style::Wrong, &format!("  {wrong}"));
        }
        view
    }
}

#[cfg(test)]
mod tests {
    use super::super::MAX_TEXT;
    use super::super::tests::press;
    use super::*;

    fn given(text: &str) -> Step<String> {
        Step::Given(text.to_owned())
    }

    #[test]
    fn text_is_typed_and_edited() {
        let check = |bytes: &[u8], expected: Step<String>| {
            assert_eq!(press(&mut Text::new("X"), bytes), expected, "{bytes:?}");
        };
        check(b"abc\r", given("abc"));
        check(b"\r", given(""));
        check(b"abc\x7fd\r", given("abd"));
        check(b"ac\x1b[Db\r", given("abc"));
        check(b"bc\x01a\x05d\r", given("abcd"));
        check(b"abc\x1b[H\x1b[3~\r", given("bc"));
        check(b"one two \x17x\r", given("one x"));
        check(b"abc\x15d\r", given("d"));
        check(b"abc\x02\x02\x0b\r", given("a"));
        check(b"a\x04\r", given("a"));
        check(b"\x04", Step::Cancelled);
        check(b"a\x03", Step::Cancelled);
        check(b"a\x1b", Step::Cancelled);
        check(b"\x1b[C\x1b[A\x7f\r", given(""));
    }

    #[test]
    fn text_has_a_limit() {
        let mut bytes = vec![b'x'; MAX_TEXT + 10];
        bytes.push(b'\r');
        assert_eq!(press(&mut Text::new("X"), &bytes), given(&"x".repeat(MAX_TEXT)));
    }

    #[test]
    fn text_shows_where_one_types() {
        let mut text = Text::new("Enter value for NAME");
        press(&mut text, b"ab\x02");
        assert_eq!(
            text.show(9).lines,
            [[
                (Style::Question, "? Enter value for NAME: ".to_owned()),
                (Style::Plain, "a".to_owned()),
                (Style::Cursor, "b".to_owned()),
            ]]
        );
    }

    #[test]
    fn a_default_answers_for_those_who_type_nothing() {
        let mut text = Text::new("Port").with_default("8080").with_help("Where it listens");
        assert_eq!(text.show(9).plain(), "? Port:  (8080)\n  Where it listens");
        assert_eq!(press(&mut text, b"\r"), given("8080"));
        assert_eq!(press(&mut text, b"9\r"), given("9"));
    }

    #[test]
    fn a_secret_is_never_shown() {
        let mut text = Text::new("Password").with_default("hunter2").secret();
        assert_eq!(text.show(9).plain(), "? Password:  (default)");
        assert_eq!(press(&mut text, "pä\x02".as_bytes()), Step::Pending);
        assert_eq!(text.show(9).plain(), "? Password: ••");
        assert!(!format!("{text:?}").contains('p'));
        assert_eq!(press(&mut text, b"\r"), given("pä"));
    }

    #[test]
    fn a_wrong_answer_is_asked_for_again() {
        let check: Check = Box::new(|text| match text.parse::<u8>() {
            Ok(_) => Ok(()),
            Err(error) => Err(error.to_string()),
        });
        let mut text = Text::new("Number").checked_by(check);
        assert_eq!(press(&mut text, b"x\r"), Step::Pending);
        assert_eq!(text.show(9).plain(), "? Number: x \n  invalid digit found in string");
        assert_eq!(press(&mut text, b"\x7f7"), Step::Pending);
        assert_eq!(text.show(9).plain(), "? Number: 7 ");
        assert_eq!(press(&mut text, b"\r"), given("7"));
    }
}
