//! Asks on the terminal.

use std::io::{self, BufRead, IsTerminal, Write};

use ez_runner::engine::{Ask, AskError, Confirmation};
use smol_str::SmolStr;

use crate::logger::{Color, Logger};

/// Words that agree to a question.
const AGREEING: [&str; 2] = ["y", "yes"];

/// How often a value may be chosen wrongly before the question is given up.
const MAX_ATTEMPTS: usize = 3;

/// The user at the terminal.
pub struct Terminal {
    logger: Logger,
}

impl Terminal {
    /// Asks through a logger.
    pub fn new(logger: Logger) -> Self {
        Self { logger }
    }
}

/// Whether somebody can be asked: standard input and output are a terminal.
pub fn is_terminal() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal()
}

impl Ask for Terminal {
    fn confirm(&self, question: &str) -> Confirmation {
        if !is_terminal() {
            return Confirmation::NoTerminal;
        }
        self.logger.out(Color::Yellow, &format!("{question} [y/N]: "));
        match read_line() {
            Ok(Some(answer)) if AGREEING.contains(&answer.trim().to_lowercase().as_str()) => {
                Confirmation::Yes
            }
            Ok(Some(_)) => Confirmation::No,
            Ok(None) => Confirmation::Failed("EOF".to_owned()),
            Err(error) => Confirmation::Failed(error.to_string()),
        }
    }

    fn value(&self, name: &str, options: &[SmolStr]) -> Result<SmolStr, AskError> {
        if options.is_empty() {
            return ask(&format!("{name}: "));
        }
        let _ = writeln!(io::stderr(), "{name}:");
        for (number, option) in options.iter().enumerate() {
            let _ = writeln!(io::stderr(), "  {}) {option}", number + 1);
        }
        for _ in 0..MAX_ATTEMPTS {
            let answer = ask(&format!("number or value [1-{}]: ", options.len()))?;
            if let Some(option) = chosen(&answer, options) {
                return Ok(option);
            }
        }
        Err(AskError::Cancelled)
    }
}

fn ask(question: &str) -> Result<SmolStr, AskError> {
    let _ = write!(io::stderr(), "{question}").and_then(|()| io::stderr().flush());
    match read_line() {
        Ok(Some(answer)) => Ok(answer.trim_end_matches(['\n', '\r']).into()),
        Ok(None) => Err(AskError::Cancelled),
        Err(error) => Err(AskError::Failed(error.to_string())),
    }
}

/// A line of standard input; `None` at its end.
fn read_line() -> io::Result<Option<String>> {
    let mut line = String::new();
    let length = io::stdin().lock().read_line(&mut line)?;
    Ok((length > 0).then_some(line))
}

/// The option that an answer names, by its number (from 1) or by its text.
fn chosen(answer: &str, options: &[SmolStr]) -> Option<SmolStr> {
    let by_text = options.iter().find(|option| option.as_str() == answer);
    let by_number = || answer.parse::<usize>().ok().and_then(|number| options.get(number.checked_sub(1)?));
    by_text.or_else(by_number).cloned()
}

#[cfg(test)]
mod tests {
    use super::chosen;

    #[test]
    fn options_are_chosen_by_number_or_text() {
        let options = ["dev".into(), "2".into(), "prod".into()];
        for (answer, expected) in [
            ("1", Some("dev")),
            ("2", Some("2")),
            ("3", Some("prod")),
            ("prod", Some("prod")),
            ("0", None),
            ("x", None),
        ] {
            assert_eq!(chosen(answer, &options).as_deref(), expected, "{answer}");
        }
    }
}
