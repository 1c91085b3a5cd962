//! Asking for a value on a terminal: a line of text, or one of several options.
//!
//! What a key does and what is shown are plain functions; only [`ask`] touches the terminal.

use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};

/// Longest text that can be typed, characters; go-task's.
pub const MAX_TEXT: usize = 256;
/// Most options that are shown at once.
pub const MAX_SHOWN: usize = 15;
/// How much is read from the terminal at a time, bytes.
const READ_BYTES: usize = 256;

const BOLD_CYAN: &str = "\u{1b}[1;36m";
const BOLD_GREEN: &str = "\u{1b}[1;32m";
const GRAY: &str = "\u{1b}[90m";
const REVERSE: &str = "\u{1b}[7m";
const RESET: &str = "\u{1b}[0m";
/// Clears from the cursor to the end of the screen.
const CLEAR: &str = "\u{1b}[J";

/// A key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// A character.
    Char(char),
    /// Return.
    Enter,
    /// Escape, or the interrupt key.
    Cancel,
    /// The end-of-file key.
    EndOfFile,
    /// Arrow up, or tab with shift.
    Up,
    /// Arrow down, or tab.
    Down,
    /// Arrow left.
    Left,
    /// Arrow right.
    Right,
    /// To the start.
    Home,
    /// To the end.
    End,
    /// Removes the character before.
    Backspace,
    /// Removes the character behind.
    Delete,
    /// Removes everything before.
    KillBefore,
    /// Removes everything behind.
    KillBehind,
    /// Removes the word before.
    KillWord,
}

/// Makes keys of bytes. A character may come in pieces.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    partial: Vec<u8>,
}

impl Keys {
    /// The keys that the bytes complete. An escape that ends them was pressed by itself.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<Key> {
        self.partial.extend_from_slice(bytes);
        let all = std::mem::take(&mut self.partial);
        let mut keys = Vec::new();
        let mut rest = all.as_slice();
        while let Some((&first, after)) = rest.split_first() {
            let (key, left) = match first {
                0x1b => escape_sequence(after),
                0x80.. => {
                    let Some((letter, left)) = letter(rest) else {
                        self.partial = rest.to_vec();
                        break;
                    };
                    (letter.map(Key::Char), left)
                }
                _ => (plain_key(first), after),
            };
            keys.extend(key);
            rest = left;
        }
        keys
    }
}

fn plain_key(byte: u8) -> Option<Key> {
    Some(match byte {
        0x01 => Key::Home,
        0x02 => Key::Left,
        0x03 => Key::Cancel,
        0x04 => Key::EndOfFile,
        0x05 => Key::End,
        0x06 => Key::Right,
        0x08 | 0x7f => Key::Backspace,
        0x09 | 0x0e => Key::Down,
        0x0a | 0x0d => Key::Enter,
        0x0b => Key::KillBehind,
        0x10 => Key::Up,
        0x15 => Key::KillBefore,
        0x17 => Key::KillWord,
        0x20..0x7f => Key::Char(char::from(byte)),
        _ => return None,
    })
}

/// What follows an escape, and what is left.
fn escape_sequence(after: &[u8]) -> (Option<Key>, &[u8]) {
    let Some(body) = after.strip_prefix(b"[").or_else(|| after.strip_prefix(b"O")) else {
        return (Some(Key::Cancel), after);
    };
    let Some(length) = body.iter().position(|byte| (0x40..0x7f).contains(byte)) else {
        return (None, &[]);
    };
    let (sequence, left) = body.split_at(length + 1);
    let key = match sequence {
        b"A" | b"Z" => Some(Key::Up),
        b"B" => Some(Key::Down),
        b"C" => Some(Key::Right),
        b"D" => Some(Key::Left),
        b"H" | b"1~" | b"7~" => Some(Key::Home),
        b"F" | b"4~" | b"8~" => Some(Key::End),
        b"3~" => Some(Key::Delete),
        _ => None,
    };
    (key, left)
}

/// The character at the start, or nothing for bytes that are none; `None` while it is incomplete.
fn letter(bytes: &[u8]) -> Option<(Option<char>, &[u8])> {
    let length = match bytes.first()? {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => return Some((None, bytes.get(1..)?)),
    };
    let (letter, left) = bytes.split_at_checked(length)?;
    match std::str::from_utf8(letter) {
        Ok(text) => Some((text.chars().next(), left)),
        Err(_) => Some((None, bytes.get(1..)?)),
    }
}

/// What a key led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Nothing yet.
    Pending,
    /// The value.
    Given(String),
    /// The user does not answer.
    Cancelled,
}

/// A question.
pub trait Question {
    /// Takes a key.
    fn press(&mut self, key: Key) -> Answer;
    /// The lines to show, with escape sequences if `color`; no newline at the end.
    fn show(&self, color: bool) -> String;
}

/// Asks for a line of text.
#[derive(Clone, Debug)]
pub struct Text {
    name: String,
    before: Vec<char>,
    /// In reverse order.
    behind: Vec<char>,
}

impl Text {
    /// Asks for the value of a variable.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), before: Vec::new(), behind: Vec::new() }
    }

    fn move_cursor(&mut self, left: bool) -> bool {
        let (from, to) =
            if left { (&mut self.before, &mut self.behind) } else { (&mut self.behind, &mut self.before) };
        from.pop().map(|letter| to.push(letter)).is_some()
    }

    fn value(&self) -> String {
        self.before.iter().chain(self.behind.iter().rev()).collect()
    }

    fn kill_word(&mut self) {
        while self.before.pop_if(|letter| letter.is_whitespace()).is_some() {}
        while self.before.pop_if(|letter| !letter.is_whitespace()).is_some() {}
    }
}

impl Question for Text {
    fn press(&mut self, key: Key) -> Answer {
        match key {
            Key::Enter => return Answer::Given(self.value()),
            Key::Cancel => return Answer::Cancelled,
            Key::EndOfFile if self.before.is_empty() && self.behind.is_empty() => return Answer::Cancelled,
            Key::Char(letter) if self.before.len() + self.behind.len() < MAX_TEXT => self.before.push(letter),
            Key::Left => {
                self.move_cursor(true);
            }
            Key::Right => {
                self.move_cursor(false);
            }
            Key::Home => while self.move_cursor(true) {},
            Key::End => while self.move_cursor(false) {},
            Key::Backspace => {
                self.before.pop();
            }
            Key::Delete | Key::EndOfFile => {
                self.behind.pop();
            }
            Key::KillBefore => self.before.clear(),
            Key::KillBehind => self.behind.clear(),
            Key::KillWord => self.kill_word(),
            Key::Char(_) | Key::Up | Key::Down => {}
        }
        Answer::Pending
    }

    fn show(&self, color: bool) -> String {
        let question = paint(color, BOLD_CYAN, &format!("? Enter value for {}: ", self.name));
        let before: String = self.before.iter().collect();
        let under = self.behind.last().copied().unwrap_or(' ');
        let cursor = if color { format!("{REVERSE}{under}{RESET}") } else { String::from(under) };
        let behind: String = self.behind.iter().rev().skip(1).collect();
        format!("{question}{before}{cursor}{behind}")
    }
}

/// Asks for one of several options; `/` and some letters leave only the options that have them.
#[derive(Clone, Debug)]
pub struct Select {
    name: String,
    options: Vec<String>,
    /// Among those that match.
    cursor: usize,
    filter: Option<String>,
}

impl Select {
    /// Asks for the value of a variable.
    pub fn new(name: impl Into<String>, options: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let options = options.into_iter().map(Into::into).collect();
        Self { name: name.into(), options, cursor: 0, filter: None }
    }

    fn matching(&self) -> Vec<&str> {
        let filter = self.filter.as_deref().unwrap_or_default().to_lowercase();
        let options = self.options.iter().map(String::as_str);
        options.filter(|option| option.to_lowercase().contains(&filter)).collect()
    }

    fn step(&mut self, down: bool) {
        let last = self.matching().len().saturating_sub(1);
        self.cursor = if down { (self.cursor + 1).min(last) } else { self.cursor.saturating_sub(1) };
    }

    fn narrow(&mut self, change: impl FnOnce(&mut String)) {
        if let Some(filter) = &mut self.filter {
            change(filter);
            self.cursor = 0;
        }
    }
}

impl Question for Select {
    fn press(&mut self, key: Key) -> Answer {
        match key {
            Key::Enter => {
                if let Some(option) = self.matching().get(self.cursor) {
                    return Answer::Given((*option).to_owned());
                }
            }
            // The first escape only ends the filter.
            Key::Cancel if self.filter.is_some() => {
                self.filter = None;
                self.cursor = 0;
            }
            Key::Cancel | Key::EndOfFile => return Answer::Cancelled,
            Key::Up => self.step(false),
            Key::Down => self.step(true),
            Key::Home => self.cursor = 0,
            Key::End => self.cursor = self.matching().len().saturating_sub(1),
            Key::Char('/') if self.filter.is_none() => self.filter = Some(String::new()),
            Key::Char('k') if self.filter.is_none() => self.step(false),
            Key::Char('j') if self.filter.is_none() => self.step(true),
            Key::Char(letter) => self.narrow(|filter| filter.push(letter)),
            Key::Backspace => self.narrow(|filter| {
                filter.pop();
            }),
            Key::KillBefore | Key::KillWord => self.narrow(String::clear),
            Key::Left | Key::Right | Key::Delete | Key::KillBehind => {}
        }
        Answer::Pending
    }

    fn show(&self, color: bool) -> String {
        let mut text = paint(color, BOLD_CYAN, &format!("? Select value for {}:", self.name));
        if let Some(filter) = &self.filter {
            text.push_str(" /");
            text.push_str(filter);
        }
        let matching = self.matching();
        let first = (self.cursor + 1).saturating_sub(MAX_SHOWN);
        for (index, option) in matching.iter().enumerate().skip(first).take(MAX_SHOWN) {
            text.push('\n');
            if index == self.cursor {
                text.push_str(&paint(color, BOLD_CYAN, "❯ "));
                text.push_str(&paint(color, BOLD_GREEN, option));
            } else {
                text.push_str("  ");
                text.push_str(option);
            }
        }
        text.push('\n');
        text.push_str(&paint(color, GRAY, "  (↑/↓ to move, / to filter, enter to select, esc to cancel)"));
        text
    }
}

fn paint(color: bool, style: &str, text: &str) -> String {
    if color { format!("{style}{text}{RESET}") } else { text.to_owned() }
}

/// Asks on a terminal until there is an answer. The question vanishes with it.
///
/// # Errors
/// The terminal fails; its end is a cancelled question.
pub fn ask(
    question: &mut dyn Question,
    terminal: BorrowedFd<'_>,
    output: &mut dyn Write,
    color: bool,
) -> io::Result<Answer> {
    let _raw = RawMode::enter(terminal)?;
    let mut keys = Keys::default();
    let mut buffer = [0; READ_BYTES];
    let mut shown = String::new();
    loop {
        let next = question.show(color);
        replace(output, &shown, &next)?;
        shown = next;
        let count = match rustix::io::read(terminal, &mut buffer) {
            Ok(count) => count,
            Err(rustix::io::Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
        };
        let typed = buffer.get(..count).unwrap_or_default();
        let mut answer = if count == 0 { Answer::Cancelled } else { Answer::Pending };
        for key in keys.feed(typed) {
            if answer == Answer::Pending {
                answer = question.press(key);
            }
        }
        if answer != Answer::Pending {
            replace(output, &shown, "")?;
            return Ok(answer);
        }
    }
}

/// Shows a text where another one stands, the cursor at its end.
fn replace(output: &mut dyn Write, old: &str, new: &str) -> io::Result<()> {
    let lines = old.matches('\n').count();
    let up = if lines > 0 { format!("\u{1b}[{lines}A") } else { String::new() };
    // A raw terminal does not go to the start of the line by itself.
    write!(output, "\r{up}{CLEAR}{}", new.replace('\n', "\r\n"))?;
    output.flush()
}

/// While it lives, the terminal gives every key at once and shows none.
struct RawMode<'a> {
    terminal: BorrowedFd<'a>,
    before: Termios,
}

impl<'a> RawMode<'a> {
    fn enter(terminal: BorrowedFd<'a>) -> io::Result<Self> {
        let before = tcgetattr(terminal)?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(terminal.as_fd(), OptionalActions::Drain, &raw)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for RawMode<'_> {
    fn drop(&mut self) {
        // A terminal that is gone has no mode.
        let _ = tcsetattr(self.terminal, OptionalActions::Drain, &self.before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a question says after some bytes, and what it then shows.
    fn press(question: &mut dyn Question, bytes: &[u8]) -> (Answer, String) {
        let mut answer = Answer::Pending;
        for key in Keys::default().feed(bytes) {
            if answer == Answer::Pending {
                answer = question.press(key);
            }
        }
        (answer, question.show(false))
    }

    fn given(text: &str) -> Answer {
        Answer::Given(text.to_owned())
    }

    #[test]
    fn keys_are_told_from_bytes() {
        let feed = |bytes: &[u8]| Keys::default().feed(bytes);
        assert_eq!(feed(b"a\r"), [Key::Char('a'), Key::Enter]);
        assert_eq!(feed(b"\x1b[A\x1bOB\x1b[3~"), [Key::Up, Key::Down, Key::Delete]);
        assert_eq!(feed(b"\x1b"), [Key::Cancel]);
        assert_eq!(feed(b"\x1b[1;5C!"), [Key::Char('!')]);
        assert_eq!(feed(b"\x1b["), []);
        assert_eq!(feed("é€🙂".as_bytes()), [Key::Char('é'), Key::Char('€'), Key::Char('🙂')]);
        assert_eq!(feed(&[0xff, b'a', 0xc3, b'b']), [Key::Char('a'), Key::Char('b')]);
        let mut keys = Keys::default();
        assert_eq!(keys.feed(&[0xc3]), []);
        assert_eq!(keys.feed(&[0xa9]), [Key::Char('é')]);
    }

    #[test]
    fn text_is_typed_and_edited() {
        let check =
            |bytes: &[u8], expected: Answer| assert_eq!(press(&mut Text::new("X"), bytes).0, expected);
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
        check(b"\x04", Answer::Cancelled);
        check(b"a\x03", Answer::Cancelled);
        check(b"a\x1b", Answer::Cancelled);
        check(b"\x1b[C\x1b[A\x7f\r", given(""));
    }

    #[test]
    fn text_has_a_limit() {
        let mut bytes = vec![b'x'; MAX_TEXT + 10];
        bytes.push(b'\r');
        assert_eq!(press(&mut Text::new("X"), &bytes).0, given(&"x".repeat(MAX_TEXT)));
    }

    #[test]
    fn text_shows_where_one_types() {
        assert_eq!(press(&mut Text::new("NAME"), b"ab\x02").1, "? Enter value for NAME: ab");
        let mut text = Text::new("N");
        press(&mut text, b"ab\x02");
        assert_eq!(text.show(true), "\u{1b}[1;36m? Enter value for N: \u{1b}[0ma\u{1b}[7mb\u{1b}[0m");
    }

    #[test]
    fn options_are_chosen() {
        let check = |bytes: &[u8], expected: Answer| {
            let mut select = Select::new("ENV", ["dev", "staging", "prod"]);
            assert_eq!(press(&mut select, bytes).0, expected, "{bytes:?}");
        };
        check(b"\r", given("dev"));
        check(b"\x1b[B\r", given("staging"));
        check(b"jj\r", given("prod"));
        check(b"jjjjk\r", given("staging"));
        check(b"\t\t\x1b[Z\r", given("staging"));
        check(b"\x05\r", given("prod"));
        check(b"kk\r", given("dev"));
        check(b"/o\r", given("prod"));
        check(b"/DEV\r", given("dev"));
        check(b"/zzz\r", Answer::Pending);
        check(b"/zzz\x1b", Answer::Pending);
        check(b"/s\x7f\x1b[B\r", given("staging"));
        check(b"\x03", Answer::Cancelled);
        check(b"\x1b", Answer::Cancelled);
    }

    #[test]
    fn options_are_shown() {
        let mut select = Select::new("ENV", ["dev", "prod"]);
        let hint = "  (↑/↓ to move, / to filter, enter to select, esc to cancel)";
        assert_eq!(press(&mut select, b"j").1, format!("? Select value for ENV:\n  dev\n❯ prod\n{hint}"));
        assert_eq!(press(&mut select, b"/e").1, format!("? Select value for ENV: /e\n❯ dev\n{hint}"));
        let many = Select::new("N", (0..100).map(|number| number.to_string()));
        assert_eq!(many.show(false).lines().count(), MAX_SHOWN + 2);
        let none = Select::new("N", Vec::<String>::new());
        assert_eq!(none.show(false), format!("? Select value for N:\n{hint}"));
    }

    #[test]
    fn a_question_replaces_itself() {
        let mut out = Vec::new();
        replace(&mut out, "", "a\nb").unwrap();
        replace(&mut out, "a\nb", "c").unwrap();
        let expected = "\r\u{1b}[Ja\r\nb\r\u{1b}[1A\u{1b}[Jc";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn without_a_terminal_nothing_is_asked() {
        let file = std::fs::File::open("/dev/null").unwrap();
        let mut out = Vec::new();
        assert!(ask(&mut Text::new("X"), file.as_fd(), &mut out, false).is_err());
        assert!(out.is_empty());
    }
}
