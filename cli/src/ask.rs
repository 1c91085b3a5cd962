//! Asks the user at the terminal what a run wants to know.

use std::io::{self, IsTerminal, Write};

use ez_compiler::ast::ParamKind;
use ez_compiler::ast::param::MULTI_SEPARATOR;
use ez_runner::engine::{Ask, AskError, Confirmation};
use ez_runner::params::ParamQuestion;
use ez_runner::prompt::{Confirm, Key, Letters, MultiSelect, Question, Select, Step, Text, View};
use smol_str::SmolStr;

use crate::args::invocation::Personality;
use crate::logger::{Color, Logger};
use crate::{disk, terminal};

/// The user at the terminal.
pub struct User {
    logger: Logger,
    personality: Personality,
}

impl User {
    /// Asks in the manner of a program, in the colours of a logger.
    pub fn new(personality: Personality, logger: Logger) -> Self {
        Self { logger, personality }
    }

    /// Asks as go-task does, which leaves the terminal as it is and reads a line: the interrupt key is a signal like any
    /// other, and the end of input is an error (go-task, `Prompt` in `internal/logger/logger.go`).
    fn confirm_by_line(&self, question: &str) -> Confirmation {
        self.logger.out(Color::Yellow, &format!("{question} [y/N]: "));
        match terminal::read_line() {
            Ok(Some(line)) if Confirm::agrees(&line) => Confirmation::Yes,
            Ok(Some(_)) => Confirmation::No,
            Ok(None) => Confirmation::Failed("EOF".to_owned()),
            Err(error) => Confirmation::Failed(disk::plain_message(&error)),
        }
    }

    /// Asks for a variable.
    fn ask_value<Q: Question>(&self, question: Q) -> Result<Q::Answer, AskError> {
        match self.personality {
            Personality::Task => self.ask_aside(WithoutEnd(question)),
            Personality::Ez => self.ask_aside(question),
        }
    }

    /// Asks for a value that nobody is to see.
    ///
    /// # Errors
    /// The user gave up, or the answer cannot be read.
    pub fn secret(&self, name: &str) -> Result<String, AskError> {
        self.ask_aside(Text::new(name).secret())
    }

    /// Asks where the answer vanishes: beside the results of the program.
    fn ask_aside<Q: Question>(&self, question: Q) -> Result<Q::Answer, AskError> {
        let mut stderr = io::stderr();
        let mut stdout = io::stdout();
        let output: &mut dyn Write = if stderr.is_terminal() { &mut stderr } else { &mut stdout };
        match terminal::ask(question, output, &self.logger) {
            Ok(Step::Given(answer)) => Ok(answer),
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
        if self.personality == Personality::Task {
            return self.confirm_by_line(question);
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
            return self.ask_value(Text::new(format!("Enter value for {name}"))).map(SmolStr::from);
        }
        let options = options.iter().map(SmolStr::as_str);
        let letters = match self.personality {
            Personality::Task => Letters::Move,
            Personality::Ez => Letters::Filter,
        };
        let question = Select::new(format!("Select value for {name}"), options, letters);
        self.ask_value(question).map(SmolStr::from)
    }

    fn param(&self, question: &ParamQuestion) -> Result<SmolStr, AskError> {
        let name = question.param.name.value.as_str();
        let (help, default) = (help(question), question.default.as_str());
        match question.param.kind.value {
            ParamKind::Select | ParamKind::Bool => self.ask_choice(question, help),
            ParamKind::Multi => {
                let options = question.options.iter().map(SmolStr::as_str);
                let checked = question.clone();
                let asked = MultiSelect::new(name, options)
                    .with_default(default.split(MULTI_SEPARATOR).map(str::trim))
                    .with_help(help)
                    .checked_by(check(checked));
                let chosen = self.ask_aside(asked)?;
                Ok(chosen.join(&MULTI_SEPARATOR.to_string()).into())
            }
            ParamKind::Input | ParamKind::Number | ParamKind::Path | ParamKind::Secret => {
                let mut asked =
                    Text::new(name).with_default(default).with_help(help).checked_by(check(question.clone()));
                if question.param.kind.value == ParamKind::Secret {
                    asked = asked.secret();
                }
                self.ask_aside(asked).map(SmolStr::from)
            }
        }
    }
}

/// A question that Ctrl-D does not end: to go-task it is the key that deletes the letter under the cursor.
struct WithoutEnd<Q>(Q);

impl<Q: Question> Question for WithoutEnd<Q> {
    type Answer = Q::Answer;

    fn press(&mut self, key: Key) -> Step<Q::Answer> {
        self.0.press(if key == Key::EndOfFile { Key::Delete } else { key })
    }

    fn show(&self, rows: usize) -> View {
        self.0.show(rows)
    }

    fn remains(&self) -> View {
        self.0.remains()
    }
}

/// What stands for no value among options.
const NO_VALUE: &str = "(no value)";

impl User {
    /// Asks for one of the options that the param takes; where it need not have one, none is an option too.
    fn ask_choice(&self, question: &ParamQuestion, help: String) -> Result<SmolStr, AskError> {
        let ParamQuestion { param, options, default } = question;
        let truths = [SmolStr::new_static("true"), SmolStr::new_static("false")];
        let all = if param.kind.value == ParamKind::Bool { truths.as_slice() } else { options };
        let taken = all.iter().filter(|option| question.problem(option).is_none()).map(SmolStr::as_str);
        let none = (!param.required && default.is_empty()).then_some(NO_VALUE);
        let mut asked =
            Select::new(param.name.value.as_str(), taken.chain(none), Letters::Filter).with_help(help);
        if !default.is_empty() {
            asked = asked.with_default(default.as_str());
        }
        let answer = self.ask_aside(asked)?;
        Ok(if none == Some(answer.as_str()) { SmolStr::default() } else { answer.into() })
    }
}

fn check(question: ParamQuestion) -> ez_runner::prompt::Check {
    Box::new(move |answer| question.problem(answer).map_or(Ok(()), Err))
}

/// The help of a param, and its bounds.
fn help(question: &ParamQuestion) -> String {
    let param = &question.param;
    let unit = match param.kind.value {
        ParamKind::Number => "",
        ParamKind::Multi => " options",
        _ => " characters",
    };
    let bounds = match (&param.min, &param.max) {
        (Some(min), Some(max)) => format!("{} to {}{unit}", min.value, max.value),
        (Some(min), None) => format!("at least {}{unit}", min.value),
        (None, Some(max)) => format!("at most {}{unit}", max.value),
        (None, None) => String::new(),
    };
    let help = param.help.as_ref().map(|help| help.value.trim().replace('\n', " ")).unwrap_or_default();
    match (help.is_empty(), bounds.is_empty()) {
        (false, false) => format!("{help} ({bounds})"),
        (true, false) => bounds,
        (_, true) => help,
    }
}
