//! Asks whether to go on, in go-task's way: the answer is a line of text.

use super::editor::Editor;
use super::{Key, Question, Step, Style, View};

/// Lines that agree, in any case.
const AGREEING: [&str; 2] = ["y", "yes"];

/// Asks whether to go on. Question and answer stay in the output.
#[derive(Clone, Debug)]
pub struct Confirm {
    question: String,
    editor: Editor,
}

impl Confirm {
    /// A question, which may have several lines.
    pub fn new(question: impl Into<String>) -> Self {
        Self { question: question.into(), editor: Editor::default() }
    }

    /// Whether a line says yes.
    pub fn agrees(line: &str) -> bool {
        AGREEING.contains(&line.trim().to_lowercase().as_str())
    }
}

impl Question for Confirm {
    type Answer = bool;

    fn press(&mut self, key: Key) -> Step<bool> {
        match key {
            Key::Enter => {
                return Step::Given(Self::agrees(&self.editor.text()));
            }
            Key::Escape | Key::Interrupt => return Step::Cancelled,
            Key::EndOfFile if self.editor.is_empty() => return Step::Cancelled,
            _ => self.editor.press(key),
        }
        Step::Pending
    }

    fn show(&self, _rows: usize) -> View {
        let mut view = View::default();
        view.push(Style::Notice, &format!("{} [y/N]: ", self.question));
        self.editor.show(&mut view, None);
        view
    }

    fn remains(&self) -> View {
        let mut view = View::default();
        view.push(Style::Notice, &format!("{} [y/N]: ", self.question));
        view.push(Style::Plain, &self.editor.text());
        view
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::press;
    use super::*;

    #[test]
    fn only_yes_agrees() {
        let check = |bytes: &[u8], expected: Step<bool>| {
            assert_eq!(press(&mut Confirm::new("Sure?"), bytes), expected, "{bytes:?}");
        };
        for yes in [b"y\r".as_slice(), b"Y\n", b"yes\r", b" YES \r", b"n\x7fy\r"] {
            check(yes, Step::Given(true));
        }
        for no in [b"\r".as_slice(), b"n\r", b"yep\r", b"yes please\r"] {
            check(no, Step::Given(false));
        }
        for cancelled in [b"\x03".as_slice(), b"y\x1b", b"\x04"] {
            check(cancelled, Step::Cancelled);
        }
        check(b"y", Step::Pending);
    }

    #[test]
    fn question_and_answer_stay() {
        let mut question = Confirm::new("There are two lines.\nGo on?");
        press(&mut question, b"yes");
        assert_eq!(question.show(9).plain(), "There are two lines.\nGo on? [y/N]: yes ");
        assert_eq!(question.remains().plain(), "There are two lines.\nGo on? [y/N]: yes");
    }
}
