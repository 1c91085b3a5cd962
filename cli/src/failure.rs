//! How a run of the program ends when it does not end well.

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
    /// The task that failed and why, where a running task is to blame: a title for annotations.
    pub task: Option<(String, String)>,
}

impl Failure {
    /// A failure with a message.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { message: message.into(), code, task: None }
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
            let annotation = match &self.task {
                Some((task, cause)) => format!("::error title=Task '{task}' failed::{cause}\n"),
                None => format!("::error title=Task failed::{}\n", self.message),
            };
            logger.out(Color::None, &annotation);
        }
        logger.err(Color::Red, &format!("{}\n", self.message));
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
