//! The program's own words on the terminal, in go-task's colours.

use std::io::{self, Write};

use ez_runner::report::plain::Palette;
use ez_runner::standard_streams::StandardStream;

use crate::environment::Environment;
use crate::exit_code::Code;

/// A colour of go-task's logger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Color {
    /// Plain text, never with a colour code.
    None,
    /// The terminal's own colour, set explicitly.
    Default,
    /// Names of called tasks, successes, echoed commands.
    Green,
    /// Aliases.
    Cyan,
    /// Warnings and questions.
    Yellow,
    /// What happens to remote Taskfiles.
    Magenta,
    /// Errors.
    Red,
}

/// Writes to stdout and stderr, coloured or not.
#[derive(Clone, Debug)]
pub struct Logger {
    palette: Option<Palette>,
    cyan: String,
}

/// Colours of prefixes, in turn: the variable (without `TASK_COLOR_`) and the code.
const PREFIX_COLORS: [(&str, &str); 12] = [
    ("YELLOW", "33"),
    ("BLUE", "34"),
    ("MAGENTA", "35"),
    ("CYAN", "36"),
    ("GREEN", "32"),
    ("RED", "31"),
    ("BRIGHT_YELLOW", "93"),
    ("BRIGHT_BLUE", "94"),
    ("BRIGHT_MAGENTA", "95"),
    ("BRIGHT_CYAN", "96"),
    ("BRIGHT_GREEN", "92"),
    ("BRIGHT_RED", "91"),
];

impl Logger {
    /// A logger that colours its output or not; colours may be changed by `TASK_COLOR_<NAME>`.
    pub fn new(is_colored: bool, environment: &Environment) -> Self {
        let code = |name: &str, code: &str| {
            let chosen = environment.task(&format!("COLOR_{name}")).and_then(attributes_of);
            chosen.unwrap_or_else(|| code.to_owned())
        };
        let palette = is_colored.then(|| Palette {
            default: code("RESET", "0").into(),
            green: code("GREEN", "32").into(),
            yellow: code("YELLOW", "33").into(),
            magenta: code("MAGENTA", "35").into(),
            red: code("RED", "31").into(),
            prefixes: PREFIX_COLORS.iter().map(|(name, number)| code(name, number).into()).collect(),
        });
        Self { palette, cyan: code("CYAN", "36") }
    }

    /// The colours, where anything is coloured.
    pub fn palette(&self) -> Option<&Palette> {
        self.palette.as_ref()
    }

    /// Text with the codes of its colour around it.
    pub fn paint(&self, color: Color, text: &str) -> String {
        let Some(palette) = &self.palette else { return text.to_owned() };
        let code = match color {
            Color::None => return text.to_owned(),
            Color::Default => palette.default.as_str(),
            Color::Green => &palette.green,
            Color::Cyan => &self.cyan,
            Color::Yellow => &palette.yellow,
            Color::Magenta => &palette.magenta,
            Color::Red => &palette.red,
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }

    /// Writes to stdout. A reader that went away ends the program, successfully.
    pub fn out(&self, color: Color, text: &str) {
        match (&self.palette, color) {
            (None, _) | (_, Color::None) => print(&mut StandardStream::out(), text),
            _ => print(&mut StandardStream::out(), &self.paint(color, text)),
        }
    }

    /// Writes to stderr.
    pub fn err(&self, color: Color, text: &str) {
        // There is nobody left to tell when stderr is gone.
        let _ = StandardStream::err().write_all(self.paint(color, text).as_bytes());
    }
}

/// Writes to stdout; a reader that went away (`ez list | head -1`) has what it wanted, so the program ends well.
pub fn print(stdout: &mut impl Write, text: &str) {
    let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    match written {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => std::process::exit(Code::OK.0.into()),
        Err(error) => {
            let _ = writeln!(io::stderr(), "ez: cannot write to standard output: {error}");
            std::process::exit(Code::OTHER.0.into());
        }
    }
}

/// Colour codes from a variable: `38;5;208` as it is, `255,128,0` as a colour by its parts.
fn attributes_of(text: &str) -> Option<String> {
    let parts: Vec<&str> = text.split(',').collect();
    let codes = if parts.len() == 3 { [vec!["38", "2"], parts].concat() } else { text.split(';').collect() };
    let is_code = |code: &&str| !code.is_empty() && code.bytes().all(|b| b.is_ascii_digit());
    codes.iter().all(is_code).then(|| codes.join(";"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_can_be_chosen_or_absent() {
        let none = Environment::for_test("/", &[]);
        let chosen = Environment::for_test("/", &[("TASK_COLOR_RED", "1;31"), ("TASK_COLOR_GREEN", "1,2,3")]);
        let broken = Environment::for_test("/", &[("TASK_COLOR_RED", "red")]);
        for (is_colored, environment, color, expected) in [
            (false, &none, Color::Red, "x"),
            (true, &none, Color::Red, "\u{1b}[31mx\u{1b}[0m"),
            (true, &none, Color::None, "x"),
            (true, &chosen, Color::Red, "\u{1b}[1;31mx\u{1b}[0m"),
            (true, &chosen, Color::Green, "\u{1b}[38;2;1;2;3mx\u{1b}[0m"),
            (true, &broken, Color::Red, "\u{1b}[31mx\u{1b}[0m"),
        ] {
            assert_eq!(Logger::new(is_colored, environment).paint(color, "x"), expected);
        }
    }
}
