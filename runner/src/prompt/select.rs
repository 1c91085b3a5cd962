//! Asks for one of several options.

use super::options::Options;
use super::{Key, Question, Step, Style, View};

/// What letters do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Letters {
    /// They leave only the options that contain what is typed.
    Filter,
    /// `j` and `k` move, as in go-task; others do nothing.
    Move,
}

/// Asks for one of several options.
#[derive(Clone, Debug)]
pub struct Select {
    question: String,
    help: String,
    default: Option<String>,
    letters: Letters,
    options: Options,
}

impl Select {
    /// A question, without its colon, and the possible answers.
    pub fn new(
        question: impl Into<String>,
        options: impl IntoIterator<Item = impl Into<String>>,
        letters: Letters,
    ) -> Self {
        let options = Options::new(options);
        Self { question: question.into(), help: String::new(), default: None, letters, options }
    }

    /// Begins at an option, and names it as the default.
    #[must_use]
    pub fn with_default(mut self, option: impl Into<String>) -> Self {
        let option = option.into();
        self.options.start_at(&option);
        self.default = Some(option);
        self
    }

    /// Shows a text below the question.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = help.into();
        self
    }

    fn hint(&self) -> &'static str {
        match self.letters {
            Letters::Filter => "  (↑/↓ to move, type to filter, enter to select, esc to cancel)",
            Letters::Move => "  (↑/↓ to move, enter to select, esc to cancel)",
        }
    }
}

impl Question for Select {
    type Answer = String;

    fn press(&mut self, key: Key) -> Step<String> {
        match (key, self.letters) {
            (Key::Enter, _) => {
                let chosen = self.options.current().and_then(|index| self.options.all().get(index));
                return chosen.map_or(Step::Pending, |option| Step::Given(option.clone()));
            }
            // The first escape only ends the filter.
            (Key::Escape, _) if self.options.clear_filter() => {}
            (Key::Escape | Key::Interrupt | Key::EndOfFile, _) => return Step::Cancelled,
            (Key::Char('k'), Letters::Move) => self.options.go(Key::Up),
            (Key::Char('j'), Letters::Move) => self.options.go(Key::Down),
            (Key::Up | Key::Down | Key::Home | Key::End, _) => self.options.go(key),
            (_, Letters::Filter) => self.options.narrow(key),
            (_, Letters::Move) => {}
        }
        Step::Pending
    }

    fn show(&self, rows: usize) -> View {
        let mut view = View::default();
        view.push(Style::Question, &format!("? {}:", self.question));
        if !self.options.filter().is_empty() {
            view.push(Style::Plain, " ");
            view.push(Style::Plain, self.options.filter());
            view.push(Style::Cursor, " ");
        }
        if !self.help.is_empty() {
            view.push_line(Style::Faint, &format!("  {}", self.help));
        }
        // One row remains for the hint.
        let rest = rows.saturating_sub(view.lines.len() + 1);
        self.options.show(&mut view, rest, |view, index, is_current| {
            let option = self.options.all().get(index).map_or("", String::as_str);
            if is_current {
                view.push(Style::Question, "❯ ");
                view.push(Style::Chosen, option);
            } else {
                view.push(Style::Plain, &format!("  {option}"));
            }
            if self.default.as_deref() == Some(option) {
                view.push(Style::Faint, " (default)");
            }
        });
        view.push_line(Style::Faint, self.hint());
        view
    }
}

#[cfg(test)]
mod tests {
    use super::super::MAX_SHOWN;
    use super::super::tests::press;
    use super::*;

    fn environments(letters: Letters) -> Select {
        Select::new("Select value for ENV", ["dev", "staging", "prod"], letters)
    }

    #[test]
    fn an_option_is_chosen() {
        let check = |letters: Letters, bytes: &[u8], expected: Option<&str>| {
            let expected = expected.map_or(Step::Pending, |option| Step::Given(option.to_owned()));
            assert_eq!(press(&mut environments(letters), bytes), expected, "{bytes:?}");
        };
        for letters in [Letters::Filter, Letters::Move] {
            check(letters, b"\r", Some("dev"));
            check(letters, b"\x1b[B\r", Some("staging"));
            check(letters, b"\t\t\x1b[Z\r", Some("staging"));
            check(letters, b"\x1b[B\x1b[B\x1b[B\x1b[B\r", Some("prod"));
            check(letters, b"\x05\r", Some("prod"));
            check(letters, b"\x1b[A\r", Some("dev"));
        }
        check(Letters::Move, b"jj\r", Some("prod"));
        check(Letters::Move, b"jjjjk\r", Some("staging"));
        check(Letters::Move, b"prod\r", Some("dev"));
        check(Letters::Filter, b"o\r", Some("prod"));
        check(Letters::Filter, b"STAG\r", Some("staging"));
        check(Letters::Filter, b"zzz\r", None);
        check(Letters::Filter, b"zzz\x15\x1b[B\r", Some("staging"));
        check(Letters::Filter, b"s\x7f\x1b[B\r", Some("staging"));
    }

    #[test]
    fn a_question_can_be_cancelled() {
        for bytes in [b"\x03".as_slice(), b"\x1b", b"\x04", b"de\x03", b"de\x1b\x1b"] {
            assert_eq!(press(&mut environments(Letters::Filter), bytes), Step::Cancelled, "{bytes:?}");
        }
        assert_eq!(press(&mut environments(Letters::Filter), b"de\x1b"), Step::Pending);
    }

    #[test]
    fn a_default_is_where_one_begins() {
        let mut select = environments(Letters::Filter).with_default("prod").with_help("Where to deploy");
        let hint = "  (↑/↓ to move, type to filter, enter to select, esc to cancel)";
        let expected =
            format!("? Select value for ENV:\n  Where to deploy\n  dev\n  staging\n❯ prod (default)\n{hint}");
        assert_eq!(select.show(20).plain(), expected);
        assert_eq!(press(&mut select, b"\r"), Step::Given("prod".to_owned()));
        assert_eq!(press(&mut select, b"xx"), Step::Pending);
        assert_eq!(
            select.show(20).plain(),
            format!("? Select value for ENV: xx \n  Where to deploy\n  (nothing matches)\n{hint}")
        );
    }

    #[test]
    fn a_long_list_moves_with_the_cursor() {
        let mut many = Select::new("N", (0..100).map(|number| number.to_string()), Letters::Move);
        assert_eq!(many.show(100).lines.len(), MAX_SHOWN + 2);
        assert_eq!(many.show(5).lines.len(), 5);
        press(&mut many, b"\x05");
        let hint = "  (↑/↓ to move, enter to select, esc to cancel)";
        assert_eq!(many.show(5).plain(), format!("? N:\n  97\n  98\n❯ 99\n{hint}"));
        // A terminal without room still shows what would be chosen.
        assert_eq!(many.show(0).plain(), format!("? N:\n❯ 99\n{hint}"));
        let none = Select::new("N", Vec::<String>::new(), Letters::Move);
        assert_eq!(none.show(9).plain(), format!("? N:\n{hint}"));
    }
}
