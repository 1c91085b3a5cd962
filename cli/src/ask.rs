//! Asks the user at the terminal what a run wants to know.

use std::io::{self, IsTerminal, Write};

use ez_runner::engine::{Ask, AskError, Confirmation};
use ez_runner::prompt::{Confirm, Letters, Question, Select, Step, Text};
use smol_str::SmolStr;

use crate::args::invocation::Personality;
use crate::logger::Logger;
use crate::terminal;

/// The user at the terminal.
pub struct User {
    logger: Logger,
    letters: Letters,
}

impl User {
    /// Asks in the manner of a program, in the colours of a logger.
    pub fn new(personality: Personality, logger: Logger) -> Self {
        let letters = match personality {
            Personality::Task => Letters::Move,
            Personality::Ez => Letters::Filter,
        };
        Self { logger, letters }
    }

    /// Asks where the answer vanishes: beside the results of the program.
    fn ask_aside<Q: Question<Answer = String>>(&self, question: Q) -> Result<SmolStr, AskError> {
        let mut stderr = io::stderr();
        let mut stdout = io::stdout();
        let output: &mut dyn Write = if stderr.is_terminal() { &mut stderr } else { &mut stdout };
        match terminal::ask(question, output, &self.logger) {
            Ok(Step::Given(answer)) => Ok(answer.into()),
            Ok(Step::Pending | Step::Cancelled) => Err(AskError::Cancelled),
            Err(error) => Err(AskError::Failed(error.to_string())),
        }
    }
}

impl Ask for User {
    fn confirm(&self, question: &str) -> Confirmation {
        if !terminal::is_present() {
            return Confirmation::NoTerminal;
        }
        match terminal::ask(Confirm::new(question), &mut io::stdout(), &self.logger) {
            Ok(Step::Given(true)) => Confirmation::Yes,
            Ok(Step::Given(false)) => Confirmation::No,
            Ok(Step::Pending | Step::Cancelled) => Confirmation::Cancelled,
            Err(error) => Confirmation::Failed(error.to_string()),
        }
    }

    fn value(&self, name: &str, options: &[SmolStr]) -> Result<SmolStr, AskError> {
        if options.is_empty() {
            return self.ask_aside(Text::new(format!("Enter value for {name}")));
        }
        let options = options.iter().map(SmolStr::as_str);
        self.ask_aside(Select::new(format!("Select value for {name}"), options, self.letters))
    }
}
