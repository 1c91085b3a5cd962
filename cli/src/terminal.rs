//! The terminal itself: keys as they are pressed, lines that replace themselves.

use std::io::{self, IsTerminal, Write};
use std::os::fd::BorrowedFd;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ez_runner::prompt::{Key, Keys, Question, Step, Style, View};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{InputModes, LocalModes, OptionalActions, SpecialCodeIndex, Termios};
use rustix::termios::{tcgetattr, tcgetwinsize, tcsetattr};
use unicode_width::UnicodeWidthChar;

use crate::logger::Logger;

/// How long after an escape the rest of another key may come.
const ESCAPE_DELAY: Duration = Duration::from_millis(50);
/// Rows and columns where the terminal does not tell them.
const USUAL_SIZE: (usize, usize) = (24, 80);

const BOLD_CYAN: &str = "1;36";
const BOLD_GREEN: &str = "1;32";
const GRAY: &str = "90";
const REVERSE: &str = "7";
/// Clears from the cursor to the end of the screen.
const CLEAR: &str = "\u{1b}[J";
const HIDE_CURSOR: &str = "\u{1b}[?25l";
const SHOW_CURSOR: &str = "\u{1b}[?25h";

/// The mode that the terminal had before keys were read.
static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

/// Whether somebody can be asked: standard input and output are a terminal.
pub fn is_present() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal()
}

/// A line as the terminal gives it, without its end; `None` where the input ends before the line does. Reads no more than
/// the line, so that what was typed ahead is left for whoever reads next.
///
/// # Errors
/// The terminal fails.
pub fn read_line() -> io::Result<Option<String>> {
    let stdin = io::stdin();
    let (mut line, mut byte) = (Vec::new(), [0]);
    loop {
        match rustix::io::read(&stdin, &mut byte) {
            Ok(0) => return Ok(None),
            Ok(_) if byte[0] == b'\n' => return Ok(Some(String::from_utf8_lossy(&line).into_owned())),
            Ok(_) => line.push(byte[0]),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Gives the terminal back its own mode, if a question is still open.
pub fn restore() {
    if set_back() {
        // Nobody is there to tell when standard error is gone.
        let _ = write!(io::stderr(), "{SHOW_CURSOR}\n\r");
    }
}

fn set_back() -> bool {
    let before = BEFORE.lock().unwrap_or_else(PoisonError::into_inner).take();
    // A terminal that is gone has no mode.
    before.is_some_and(|mode| tcsetattr(io::stdin(), OptionalActions::Drain, &mode).is_ok())
}

/// Asks on the terminal until there is an answer, and shows the question on `output`.
///
/// # Errors
/// The terminal fails. Its end is a cancelled question.
pub fn ask<Q: Question>(
    mut question: Q,
    output: &mut dyn Write,
    logger: &Logger,
) -> io::Result<Step<Q::Answer>> {
    let raw = RawMode::enter()?;
    let stdin = io::stdin();
    let input = rustix::fd::AsFd::as_fd(&stdin);
    let mut keys = Keys::default();
    let mut screen = Screen { output, logger, rows: 0 };
    loop {
        let size = size();
        screen.draw(&question.show(size.0), size)?;
        let step = match read_key(input, &mut keys)? {
            Some(key) => question.press(key),
            None => Step::Cancelled,
        };
        if !matches!(step, Step::Pending) {
            screen.finish(&question.remains(), size)?;
            drop(raw);
            return Ok(step);
        }
    }
}

/// Waits for a key; `None` at the terminal's end. Reads no more than the key, so that what was typed ahead is left for
/// whoever reads next.
fn read_key(input: BorrowedFd<'_>, keys: &mut Keys) -> io::Result<Option<Key>> {
    let mut byte = [0];
    loop {
        if keys.is_undecided() && !has_more(input)? {
            if let Some(key) = keys.flush() {
                return Ok(Some(key));
            }
            continue;
        }
        let key = match rustix::io::read(input, &mut byte) {
            Ok(0) => return Ok(None),
            Ok(_) => keys.feed(byte[0]),
            Err(rustix::io::Errno::INTR) => None,
            Err(error) => return Err(error.into()),
        };
        if key.is_some() {
            return Ok(key);
        }
    }
}

fn has_more(input: BorrowedFd<'_>) -> io::Result<bool> {
    let delay = Timespec { tv_sec: 0, tv_nsec: ESCAPE_DELAY.subsec_nanos().into() };
    match poll(&mut [PollFd::new(&input, PollFlags::IN)], Some(&delay)) {
        Ok(count) => Ok(count > 0),
        Err(rustix::io::Errno::INTR) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

fn size() -> (usize, usize) {
    match tcgetwinsize(io::stdin()) {
        Ok(size) if size.ws_row > 0 && size.ws_col > 0 => (size.ws_row.into(), size.ws_col.into()),
        _ => USUAL_SIZE,
    }
}

/// While it lives, the terminal gives every key at once and shows none. What other programs write looks as ever.
struct RawMode;

impl RawMode {
    fn enter() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut raw = before.clone();
        raw.local_modes -= LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG | LocalModes::IEXTEN;
        raw.input_modes -= InputModes::IXON;
        raw.special_codes[SpecialCodeIndex::VMIN] = 1;
        raw.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(io::stdin(), OptionalActions::Drain, &raw)?;
        *BEFORE.lock().unwrap_or_else(PoisonError::into_inner) = Some(before);
        Ok(Self)
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        set_back();
    }
}

struct Screen<'a> {
    output: &'a mut dyn Write,
    logger: &'a Logger,
    /// Rows that the last view took.
    rows: usize,
}

impl Screen<'_> {
    fn draw(&mut self, view: &View, size: (usize, usize)) -> io::Result<()> {
        let text = self.replacement(view, size);
        write!(self.output, "{HIDE_CURSOR}{text}")?;
        self.output.flush()
    }

    fn finish(&mut self, remains: &View, size: (usize, usize)) -> io::Result<()> {
        let text = self.replacement(remains, size);
        let end = if remains.lines.is_empty() { "" } else { "\n" };
        write!(self.output, "{text}{end}{SHOW_CURSOR}")?;
        self.output.flush()
    }

    /// What replaces the last view, the cursor at its end.
    fn replacement(&mut self, view: &View, (height, width): (usize, usize)) -> String {
        let rows = wrapped(view, width);
        let shown = rows.get(rows.len().saturating_sub(height)..).unwrap_or_default();
        let up = match self.rows.saturating_sub(1) {
            0 => String::new(),
            rows => format!("\u{1b}[{rows}A"),
        };
        self.rows = shown.len();
        let lines: Vec<String> = shown
            .iter()
            .map(|row| row.iter().map(|(style, text)| self.paint(*style, text)).collect())
            .collect();
        format!("\r{up}{CLEAR}{}", lines.join("\r\n"))
    }

    fn paint(&self, style: Style, text: &str) -> String {
        let code = match (style, self.logger.palette()) {
            (Style::Cursor, _) => REVERSE,
            (Style::Plain, _) | (_, None) => return text.to_owned(),
            (Style::Question, _) => BOLD_CYAN,
            (Style::Chosen, _) => BOLD_GREEN,
            (Style::Faint, _) => GRAY,
            (Style::Notice, Some(palette)) => &palette.yellow,
            (Style::Wrong, Some(palette)) => &palette.red,
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

type Row = Vec<(Style, String)>;

/// The view's lines, broken where the screen ends.
fn wrapped(view: &View, width: usize) -> Vec<Row> {
    let mut rows = Vec::new();
    for line in &view.lines {
        let mut row = Row::new();
        let mut column = 0;
        for (style, text) in line {
            let mut part = String::new();
            for letter in text.chars() {
                // A control character would move the cursor to nobody knows where.
                let letter = if letter.is_control() { ' ' } else { letter };
                let wide = letter.width().unwrap_or(0);
                if column + wide > width {
                    row.push((*style, std::mem::take(&mut part)));
                    rows.push(std::mem::take(&mut row));
                    column = 0;
                }
                part.push(letter);
                column += wide;
            }
            row.push((*style, part));
        }
        rows.push(row);
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::Environment;

    fn view(lines: &[&str]) -> View {
        let mut view = View::default();
        for line in lines {
            view.push_line(Style::Plain, line);
        }
        view
    }

    #[test]
    fn a_view_replaces_the_last_one() {
        let mut out = Vec::new();
        let logger = Logger::new(false, &Environment::for_test("/", &[]));
        let mut screen = Screen { output: &mut out, logger: &logger, rows: 0 };
        screen.draw(&view(&["a", "b"]), (9, 9)).unwrap();
        screen.draw(&view(&["c"]), (9, 9)).unwrap();
        screen.finish(&view(&["d"]), (9, 9)).unwrap();
        let expected = "\u{1b}[?25l\r\u{1b}[Ja\r\nb\u{1b}[?25l\r\u{1b}[1A\u{1b}[Jc\r\u{1b}[Jd\n\u{1b}[?25h";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn lines_break_where_the_screen_ends() {
        let check = |text: &str, width: usize, expected: &[&str]| {
            let rows = wrapped(&view(&[text]), width);
            let rows: Vec<String> =
                rows.iter().map(|row| row.iter().map(|(_, text)| text.as_str()).collect()).collect();
            assert_eq!(rows, expected, "{text}");
        };
        check("abcdef", 3, &["abc", "def"]);
        check("abcdefg", 3, &["abc", "def", "g"]);
        check("a中文", 3, &["a中", "文"]);
        check("a\tb\u{1b}[2J", 80, &["a b [2J"]);
        check("", 3, &[""]);
    }

    #[test]
    fn only_the_end_of_a_tall_view_is_shown() {
        let mut out = Vec::new();
        let logger = Logger::new(false, &Environment::for_test("/", &[]));
        let mut screen = Screen { output: &mut out, logger: &logger, rows: 0 };
        let text = screen.replacement(&view(&["a", "b", "c"]), (2, 80));
        assert_eq!(text, "\r\u{1b}[Jb\r\nc");
        assert_eq!(screen.rows, 2);
    }
}
