//! How a run of the program ends when it does not end well.

use ez_runner::error::RunError;

use crate::discovery::DiscoveryError;
use crate::environment::Environment;
use crate::exit_code::Code;
use crate::logger::{Color, Logger};

/// An error that ends the program: what is printed and the exit code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The message for stderr, without its last newline; empty where everything has been said.
    pub message: String,
    /// What the program ends with.
    pub code: Code,
    /// Title and message for annotations, where they differ from the message.
    pub annotation: Option<(String, String)>,
}

impl Failure {
    /// A failure with a message.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { message: message.into(), code, annotation: None }
    }

    /// An end without a word: the output says it already.
    pub fn silent(code: Code) -> Self {
        Self::new(code, "")
    }

    /// Prints the failure as go-task does: red on stderr, and for GitHub an annotation on stdout.
    pub fn report(&self, logger: &Logger, environment: &Environment) {
        if self.message.is_empty() {
            return;
        }
        if environment.is_true("GITHUB_ACTIONS") {
            let (title, message) = match &self.annotation {
                Some((title, message)) => (title.as_str(), message.as_str()),
                None => ("Task failed", self.message.as_str()),
            };
            logger.out(Color::None, &format!("::error title={title}::{message}\n"));
        }
        logger.err(Color::Red, &format!("{}\n", self.message));
    }
}

impl Failure {
    /// The failure of a run; with `pass_status` (`--exit-code`) it ends with the status of the failing command.
    pub fn of_run(error: &RunError, pass_status: bool) -> Self {
        let mut failure = Self::new(Code(error.exit_code(pass_status)), error.to_string());
        if error.tasks().last().is_some() {
            failure.annotation = Some(error.annotation());
        }
        failure
    }
}

impl From<DiscoveryError> for Failure {
    fn from(error: DiscoveryError) -> Self {
        let code = match error {
            DiscoveryError::NotFound { .. } => Code::TASKFILE_NOT_FOUND,
            DiscoveryError::Disk { .. } => Code::OTHER,
        };
        Self::new(code, error.to_string())
    }
}
