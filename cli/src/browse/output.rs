//! What a run writes, as lines with a look.

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::Value;
use unicode_width::UnicodeWidthChar;

/// Most lines that are kept of a run.
pub const MAX_LINES: usize = 10_000;
/// Most bytes of one line.
pub const MAX_LINE: usize = 16 << 10;
/// How wide a tab is.
const TAB: usize = 8;

/// How a piece of text looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Look {
    /// What a command wrote.
    #[default]
    Plain,
    /// A command.
    Command,
    /// What a command wrote to standard error.
    Error,
    /// What EZ says.
    Remark,
    /// A colour of the terminal's sixteen, by its number.
    Color(u8),
    /// The name of something.
    Title,
    /// What is said beside.
    Faint,
    /// What went well.
    Good,
    /// What did not.
    Bad,
    /// What has the keys.
    Cursor,
}

/// Where a line may be broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrap {
    /// Anywhere, as terminals do.
    Letters,
    /// Between words; what follows is indented as the line is.
    Words,
}

/// A line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line(pub Vec<(Look, String)>);

/// How a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunState {
    /// It goes on.
    Running,
    /// It was asked to end.
    Ending,
    /// It ended with a code; none where a signal ended it.
    Ended(Option<i32>),
}

/// A run.
#[derive(Clone, Debug)]
pub struct Run {
    /// What runs.
    pub name: String,
    /// What it wrote.
    pub lines: VecDeque<Line>,
    /// How it stands.
    pub state: RunState,
    /// How long it took until now.
    pub time: Duration,
    /// Whether the last line goes on.
    is_open: bool,
}

impl Run {
    /// A run that begins.
    pub fn new(name: impl Into<String>) -> Self {
        let (lines, state) = (VecDeque::new(), RunState::Running);
        Self { name: name.into(), lines, state, time: Duration::ZERO, is_open: false }
    }

    /// Whether it goes on.
    pub fn is_running(&self) -> bool {
        !matches!(self.state, RunState::Ended(_))
    }

    /// Takes a line of the program: an event, or words.
    pub fn take(&mut self, line: &str) {
        match serde_json::from_str::<Value>(line) {
            Ok(event) if event.get("kind").is_some() => self.take_event(&event),
            _ => self.whole(Look::Plain, line),
        }
    }

    /// Takes a line of what the program says beside its events.
    pub fn remark(&mut self, line: &str) {
        self.whole(Look::Remark, line);
    }

    fn take_event(&mut self, event: &Value) {
        let text = |key: &str| event.get(key).and_then(Value::as_str).unwrap_or_default();
        match text("kind") {
            "command" if event.get("runs") != Some(&Value::Bool(false)) => {
                self.whole(Look::Command, &format!("[{}] {}", text("name"), text("text")));
            }
            "output" => {
                let look = if text("stream") == "stderr" { Look::Error } else { Look::Plain };
                self.write(look, text("text"));
            }
            "message" => self.whole(Look::Remark, text("text").trim_end_matches('\n')),
            "task-up-to-date" => {
                self.whole(Look::Remark, &format!("task \"{}\" is up to date", text("name")));
            }
            "task-skipped" => self.whole(Look::Remark, &format!("task \"{}\" is skipped", text("task"))),
            "task-retried" => {
                self.whole(Look::Remark, &format!("task \"{}\" is tried again", text("task")));
            }
            "task-finished" => {
                let cause = text("cause");
                if !cause.is_empty() {
                    self.whole(Look::Remark, cause);
                }
            }
            _ => {}
        }
    }

    /// Lines of their own.
    fn whole(&mut self, look: Look, text: &str) {
        self.is_open = false;
        for line in text.split('\n') {
            self.push(painted(look, line));
        }
    }

    /// Text that may go on where the last one ended.
    fn write(&mut self, look: Look, text: &str) {
        for part in text.split_inclusive('\n') {
            let line = painted(look, part.trim_end_matches(['\n', '\r']));
            match self.lines.back_mut().filter(|_| self.is_open) {
                Some(last) if last.length() < MAX_LINE => last.0.extend(line.0),
                Some(_) => {}
                None => self.push(line),
            }
            self.is_open = !part.ends_with('\n');
        }
    }

    fn push(&mut self, line: Line) {
        if self.lines.len() == MAX_LINES {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }
}

impl Line {
    /// A line of one look.
    pub fn of(look: Look, text: impl Into<String>) -> Self {
        Self(vec![(look, text.into())])
    }

    /// With more behind it.
    #[must_use]
    pub fn and(mut self, look: Look, text: impl Into<String>) -> Self {
        self.0.push((look, text.into()));
        self
    }

    fn length(&self) -> usize {
        self.0.iter().map(|(_, text)| text.len()).sum()
    }

    /// The line as rows of at most `width` columns; at least one.
    pub fn wrapped(&self, width: usize, wrap: Wrap) -> Vec<Self> {
        let letters = || self.0.iter().flat_map(|(look, text)| text.chars().map(|letter| (*look, letter)));
        let indent = match wrap {
            Wrap::Letters => 0,
            Wrap::Words => letters().take_while(|(_, letter)| *letter == ' ').count().min(width / 2),
        };
        let mut rows = Vec::new();
        let mut row: Vec<(Look, char)> = Vec::new();
        let mut column = 0;
        for (look, letter) in letters() {
            let wide = letter.width().unwrap_or(0);
            if column + wide > width.max(1) && !row.is_empty() {
                let is_gap = wrap == Wrap::Words && letter == ' ';
                let rest = match wrap {
                    Wrap::Words if !is_gap => after_last_space(&mut row, indent),
                    Wrap::Words | Wrap::Letters => Vec::new(),
                };
                rows.push(Self::of_letters(&row));
                row = std::iter::repeat_n((Look::Plain, ' '), indent).chain(rest).collect();
                column = row.iter().map(|(_, letter)| letter.width().unwrap_or(0)).sum();
                if is_gap {
                    continue;
                }
            }
            row.push((look, letter));
            column += wide;
        }
        rows.push(Self::of_letters(&row));
        rows
    }

    fn of_letters(letters: &[(Look, char)]) -> Self {
        let of_one_look = letters.chunk_by(|(one, _), (other, _)| one == other);
        let piece = |letters: &[(Look, char)]| {
            let look = letters.first().map(|(look, _)| *look).unwrap_or_default();
            (look, letters.iter().map(|(_, letter)| *letter).collect())
        };
        Self(of_one_look.map(piece).collect())
    }
}

/// Takes the word that a row ends with out of it, unless it is all there is.
fn after_last_space(row: &mut Vec<(Look, char)>, indent: usize) -> Vec<(Look, char)> {
    match row.iter().rposition(|(_, letter)| *letter == ' ') {
        Some(space) if space > indent => {
            let rest = row.split_off(space + 1);
            row.pop();
            rest
        }
        _ => Vec::new(),
    }
}

/// A line in which colours of the terminal are looks, and nothing can move the cursor.
pub fn painted(look: Look, text: &str) -> Line {
    let mut line = Line::default();
    let (mut current, mut piece, mut column) = (look, String::new(), 0);
    let mut letters = text.chars().take(MAX_LINE).peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\u{1b}' => {
                let Some(codes) = escape(&mut letters) else { continue };
                if !piece.is_empty() {
                    line.0.push((current, std::mem::take(&mut piece)));
                }
                current = codes.iter().fold(current, |current, code| after_code(current, *code, look));
            }
            // What comes after it replaces what was before.
            '\r' => {
                line.0.clear();
                piece.clear();
                column = 0;
            }
            '\t' => {
                let wide = TAB - column % TAB;
                piece.extend(std::iter::repeat_n(' ', wide));
                column += wide;
            }
            letter if letter.is_control() => {}
            letter => {
                piece.push(letter);
                column += letter.width().unwrap_or(0);
            }
        }
    }
    if !piece.is_empty() {
        line.0.push((current, piece));
    }
    line
}

/// Reads the rest of an escape sequence; the codes of one that sets colours.
fn escape(letters: &mut std::iter::Peekable<impl Iterator<Item = char>>) -> Option<Vec<u8>> {
    match letters.next()? {
        '[' => {
            let mut codes = String::new();
            for letter in letters.by_ref() {
                if ('\u{40}'..='\u{7e}').contains(&letter) {
                    let codes = codes.split(';').map(|code| code.parse().unwrap_or(0)).collect();
                    return (letter == 'm').then_some(codes);
                }
                codes.push(letter);
            }
            None
        }
        ']' => {
            while let Some(letter) = letters.next() {
                if letter == '\u{7}' || letter == '\u{1b}' && letters.next().is_some() {
                    break;
                }
            }
            None
        }
        _ => None,
    }
}

fn after_code(current: Look, code: u8, usual: Look) -> Look {
    match code {
        30..=37 => Look::Color(code - 30),
        90..=97 => Look::Color(code - 90 + 8),
        0 | 39 => usual,
        _ => current,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(run: &Run) -> Vec<String> {
        let line =
            |line: &Line| line.0.iter().map(|(look, text)| format!("{look:?}:{text}")).collect::<Vec<_>>();
        run.lines.iter().map(|one| line(one).join("|")).collect()
    }

    #[test]
    fn events_become_lines() {
        let mut run = Run::new("a");
        for line in [
            r#"{"kind":"run-started","tasks":["a"]}"#,
            r#"{"kind":"command","name":"a","text":"make all","runs":true}"#,
            r#"{"kind":"command","name":"a","text":"not now","runs":false}"#,
            r#"{"kind":"output","stream":"stdout","text":"one\ntw"}"#,
            r#"{"kind":"output","stream":"stdout","text":"o\n"}"#,
            r#"{"kind":"output","stream":"stderr","text":"oh\n\n"}"#,
            r#"{"kind":"task-finished","exit":1,"cause":"exit status 1"}"#,
            "no event",
        ] {
            run.take(line);
        }
        assert_eq!(
            shown(&run),
            [
                "Command:[a] make all",
                "Plain:one",
                "Plain:tw|Plain:o",
                "Error:oh",
                "",
                "Remark:exit status 1",
                "Plain:no event"
            ]
        );
    }

    #[test]
    fn colours_are_kept_and_nothing_else_of_the_terminal() {
        let check = |text: &str, expected: &str| {
            let mut run = Run::new("a");
            run.write(Look::Plain, text);
            assert_eq!(shown(&run), [expected], "{text:?}");
        };
        check("a\u{1b}[31mb\u{1b}[0mc", "Plain:a|Color(1):b|Plain:c");
        check("\u{1b}[1;92mb", "Color(10):b");
        check("a\u{1b}[2J\u{1b}[5;5Hb", "Plain:ab");
        check("\u{1b}]0;title\u{7}x", "Plain:x");
        check("10%\r99%", "Plain:99%");
        check("a\tb", "Plain:a       b");
        check("a\u{8}\u{9b}b", "Plain:ab");
        check("a\u{1b}[", "Plain:a");
    }

    #[test]
    fn lines_are_wrapped_and_counted() {
        let line = painted(Look::Plain, "ab\u{1b}[31mcde");
        let rows = line.wrapped(2, Wrap::Letters);
        assert_eq!(rows.len(), 3);
        assert_eq!(rows[1].0, [(Look::Color(1), "cd".to_owned())]);
        assert_eq!(painted(Look::Plain, "中文").wrapped(3, Wrap::Letters).len(), 2);
        assert_eq!(Line::default().wrapped(0, Wrap::Words).len(), 1);
        let words = |text: &str, width: usize| {
            let rows = Line::of(Look::Plain, text).wrapped(width, Wrap::Words);
            rows.iter()
                .map(|row| row.0.iter().map(|(_, text)| text.as_str()).collect())
                .collect::<Vec<String>>()
        };
        assert_eq!(words("  one two three", 9), ["  one two", "  three"]);
        assert_eq!(words("  one two three", 8), ["  one", "  two", "  three"]);
        assert_eq!(words("abcdefgh ij", 4), ["abcd", "efgh", "ij"]);
        let mut run = Run::new("a");
        for number in 0..MAX_LINES + 5 {
            run.write(Look::Plain, &format!("{number}\n"));
        }
        assert_eq!((run.lines.len(), run.lines[0].0[0].1.as_str()), (MAX_LINES, "5"));
    }
}
