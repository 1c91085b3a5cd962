//! Asks for several of several options.

use super::options::Options;
use super::{Check, Key, Question, Step, Style, View};

const HINT: &str =
    "  (↑/↓ to move, space to choose, → all, ← none, type to filter, enter to accept, esc to cancel)";

/// Asks for any number of options.
pub struct MultiSelect {
    question: String,
    help: String,
    options: Options,
    /// For each option, whether it is chosen.
    chosen: Vec<bool>,
    check: Option<Check>,
    wrong: Option<String>,
}

impl MultiSelect {
    /// A question, without its colon, and the options.
    pub fn new(question: impl Into<String>, options: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let options = Options::new(options);
        let chosen = vec![false; options.all().len()];
        Self { question: question.into(), help: String::new(), options, chosen, check: None, wrong: None }
    }

    /// Begins with some options chosen.
    #[must_use]
    pub fn with_default<'a>(mut self, chosen: impl IntoIterator<Item = &'a str>) -> Self {
        for option in chosen {
            let index = self.options.all().iter().position(|one| one == option);
            if let Some(mark) = index.and_then(|index| self.chosen.get_mut(index)) {
                *mark = true;
            }
        }
        self
    }

    /// Shows a text below the question.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = help.into();
        self
    }

    /// Takes only answers that pass a check, which gets the chosen options with commas between them.
    #[must_use]
    pub fn checked_by(mut self, check: Check) -> Self {
        self.check = Some(check);
        self
    }

    fn enter(&mut self) -> Step<Vec<String>> {
        let answer = self.answer();
        self.wrong = self.check.as_ref().and_then(|check| check(&answer.join(",")).err());
        if self.wrong.is_some() { Step::Pending } else { Step::Given(answer) }
    }

    /// Marks all options that are shown.
    fn mark_shown(&mut self, is_chosen: bool) {
        for index in self.options.matching() {
            if let Some(mark) = self.chosen.get_mut(index) {
                *mark = is_chosen;
            }
        }
    }

    /// The chosen options, in their own order.
    fn answer(&self) -> Vec<String> {
        let marked = self.options.all().iter().zip(&self.chosen).filter(|(_, is_chosen)| **is_chosen);
        marked.map(|(option, _)| option.clone()).collect()
    }
}

impl Question for MultiSelect {
    type Answer = Vec<String>;

    fn press(&mut self, key: Key) -> Step<Vec<String>> {
        self.wrong = None;
        match key {
            Key::Enter => return self.enter(),
            Key::Escape if self.options.clear_filter() => {}
            Key::Escape | Key::Interrupt | Key::EndOfFile => return Step::Cancelled,
            Key::Char(' ') => {
                if let Some(mark) = self.options.current().and_then(|index| self.chosen.get_mut(index)) {
                    *mark = !*mark;
                }
            }
            Key::Right => self.mark_shown(true),
            Key::Left => self.mark_shown(false),
            Key::Up | Key::Down | Key::Home | Key::End => self.options.go(key),
            _ => self.options.narrow(key),
        }
        Step::Pending
    }

    fn show(&self, rows: usize) -> View {
        let mut view = View::default();
        view.push(Style::Question, &format!("? {}:", self.question));
        if !self.options.filter().is_empty() {
            view.push(Style::Plain, &format!(" {}", self.options.filter()));
            view.push(Style::Cursor, " ");
        }
        if !self.help.is_empty() {
            view.push_line(Style::Faint, &format!("  {}", self.help));
        }
        let rest = rows.saturating_sub(view.lines.len() + 1 + usize::from(self.wrong.is_some()));
        self.options.show(&mut view, rest, |view, index, is_current| {
            let option = self.options.all().get(index).map_or("", String::as_str);
            let is_chosen = self.chosen.get(index).copied().unwrap_or_default();
            view.push(Style::Question, if is_current { "❯ " } else { "  " });
            let style = if is_chosen { Style::Chosen } else { Style::Plain };
            view.push(style, if is_chosen { "[x] " } else { "[ ] " });
            view.push(style, option);
        });
        if let Some(wrong) = &self.wrong {
            view.push_line(Style::Wrong, &format!("  {wrong}"));
        }
        view.push_line(Style::Faint, HINT);
        view
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::press;
    use super::*;

    fn targets() -> MultiSelect {
        MultiSelect::new("Targets", ["linux", "macos", "windows"])
    }

    #[test]
    fn several_options_are_chosen() {
        let check = |bytes: &[u8], expected: &[&str]| {
            let expected = expected.iter().map(ToString::to_string).collect();
            assert_eq!(press(&mut targets(), bytes), Step::Given(expected), "{bytes:?}");
        };
        check(b"\r", &[]);
        check(b" \x1b[B\x1b[B \r", &["linux", "windows"]);
        check(b"  \r", &[]);
        check(b"\x1b[C\r", &["linux", "macos", "windows"]);
        check(b"\x1b[C\x1b[D\r", &[]);
        check(b"win \x1b\x1b[B \r", &["macos", "windows"]);
        check(b"o\x1b[C\r", &["macos", "windows"]);
        check(b"zzz \r", &[]);
        assert_eq!(press(&mut targets(), b"\x1b"), Step::Cancelled);
        assert_eq!(press(&mut targets(), b" \x03"), Step::Cancelled);
    }

    #[test]
    fn what_is_chosen_shows() {
        let mut targets = targets().with_default(["macos", "none"]).with_help("Built at once");
        press(&mut targets, b" ");
        let expected = "? Targets:\n  Built at once\n❯ [x] linux\n  [x] macos\n  [ ] windows\n";
        assert_eq!(targets.show(20).plain(), format!("{expected}{HINT}"));
        assert_eq!(targets.show(5).lines.len(), 5);
    }

    #[test]
    fn a_wrong_choice_is_asked_for_again() {
        let check: Check =
            Box::new(|chosen| if chosen.is_empty() { Err("choose one".to_owned()) } else { Ok(()) });
        let mut targets = targets().checked_by(check);
        assert_eq!(press(&mut targets, b"\r"), Step::Pending);
        assert!(targets.show(20).plain().contains("\n  choose one\n"));
        assert_eq!(press(&mut targets, b" \r"), Step::Given(vec!["linux".to_owned()]));
    }
}
