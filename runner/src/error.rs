//! What stops a run, with go-task's messages and exit codes.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use ez_compiler::ast::Text;
use smol_str::SmolStr;

use crate::go_text::{duration, quote};

/// Exit code of anything without a code of its own.
pub const EXIT_UNKNOWN: u8 = 1;
/// Exit code of a loop over something that is no list.
pub const EXIT_TASKFILE_INVALID: u8 = 109;
/// Exit code of an unknown task.
pub const EXIT_TASK_NOT_FOUND: u8 = 200;
/// Exit code of a failed command, precondition or called task.
pub const EXIT_TASK_RUN: u8 = 201;
/// Exit code of an internal task on the command line.
pub const EXIT_TASK_INTERNAL: u8 = 202;
/// Exit code of an alias of several tasks.
pub const EXIT_NAME_CONFLICT: u8 = 203;
/// Exit code of a task that was called too often.
pub const EXIT_TOO_MANY_CALLS: u8 = 204;
/// Exit code of a prompt that was refused, or that nobody could answer.
pub const EXIT_CANCELLED: u8 = 205;
/// Exit code of a missing required variable.
pub const EXIT_MISSING_VARIABLES: u8 = 206;
/// Exit code of a required variable with a value that is not allowed.
pub const EXIT_NOT_ALLOWED: u8 = 207;
/// Exit code of a timeout.
pub const EXIT_TIMEOUT: u8 = 208;
/// What a command that ran out of time reports in place of its status, as `timeout(1)` does.
pub const STATUS_TIMEOUT: u8 = 124;

/// What go-task says of something that was ended before its own end.
pub const CANCELLED: &str = "context canceled";

/// How many tasks a brief message names at each end of the way.
const BRIEF_TASKS: usize = 3;

/// A template that could not be rendered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateFault {
    /// The scalar that holds the template; unknown for values of the command line and inside literals.
    pub text: Option<Text>,
    /// The bytes of the text that are to blame.
    pub range: Range<usize>,
    /// The message in go-task's words.
    pub message: String,
}

/// A required variable that is not set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingVariable {
    /// Its name.
    pub name: SmolStr,
    /// The values that it may have; any without one.
    pub allowed: Vec<SmolStr>,
}

/// A required variable whose value is not allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotAllowed {
    /// Its name.
    pub name: SmolStr,
    /// Its value.
    pub value: SmolStr,
    /// The values that it may have.
    pub allowed: Vec<SmolStr>,
}

/// A param without a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingParam {
    /// Its name.
    pub name: SmolStr,
    /// The variable that it is.
    pub variable: SmolStr,
    /// The values to choose from, where they are known.
    pub options: Vec<SmolStr>,
    /// What it is for.
    pub help: Option<SmolStr>,
}

/// What went wrong, without the tasks around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A command ended with a status that is not zero.
    ExitStatus(u8),
    /// A command, call or dependency took longer than it may.
    Timeout {
        /// The task that set the limit.
        task: SmolStr,
        /// The limit.
        limit: Duration,
    },
    /// A whole task took longer than it may.
    TaskTimeout {
        /// The task.
        task: SmolStr,
        /// The limit.
        limit: Duration,
    },
    /// There is no such task.
    NotFound {
        /// The name.
        name: SmolStr,
        /// A name that may be meant.
        suggestion: Option<SmolStr>,
    },
    /// The task is internal.
    Internal(SmolStr),
    /// An alias stands for several tasks.
    NameConflict {
        /// The alias.
        name: SmolStr,
        /// The tasks.
        tasks: Vec<SmolStr>,
    },
    /// The task was called too often.
    TooManyCalls {
        /// The task.
        task: SmolStr,
        /// How often it may be called.
        limit: u32,
    },
    /// The user said no.
    CancelledByUser(SmolStr),
    /// The user did not answer.
    QuestionCancelled(SmolStr),
    /// There is nobody to ask.
    NoTerminal(SmolStr),
    /// Required variables are not set.
    MissingVariables {
        /// The task.
        task: SmolStr,
        /// The variables.
        variables: Vec<MissingVariable>,
    },
    /// Required variables have values that are not allowed.
    NotAllowed {
        /// The task.
        task: SmolStr,
        /// The variables.
        variables: Vec<NotAllowed>,
    },
    /// Required params have no value.
    MissingParams {
        /// The task.
        task: SmolStr,
        /// The params.
        params: Vec<MissingParam>,
    },
    /// Params have values that they do not take.
    InvalidParams {
        /// The task.
        task: SmolStr,
        /// What is wrong with each.
        problems: Vec<String>,
    },
    /// A precondition failed.
    Precondition,
    /// A template is wrong.
    Template(TemplateFault),
    /// A loop cannot be expanded.
    Loop {
        /// The Taskfile.
        taskfile: SmolStr,
        /// What is wrong.
        message: String,
    },
    /// The run was cancelled.
    Cancelled,
    /// The time of something around it was over.
    DeadlineExceeded,
    /// Anything else, in words.
    Other(String),
}

impl Cause {
    /// The exit code, where the cause has one of its own.
    fn own_code(&self) -> Option<u8> {
        Some(match self {
            Self::Timeout { .. } | Self::TaskTimeout { .. } => EXIT_TIMEOUT,
            Self::NotFound { .. } => EXIT_TASK_NOT_FOUND,
            Self::Internal(_) => EXIT_TASK_INTERNAL,
            Self::NameConflict { .. } => EXIT_NAME_CONFLICT,
            Self::TooManyCalls { .. } => EXIT_TOO_MANY_CALLS,
            Self::CancelledByUser(_) | Self::QuestionCancelled(_) | Self::NoTerminal(_) => EXIT_CANCELLED,
            Self::MissingVariables { .. } | Self::MissingParams { .. } => EXIT_MISSING_VARIABLES,
            Self::NotAllowed { .. } | Self::InvalidParams { .. } => EXIT_NOT_ALLOWED,
            Self::Loop { .. } => EXIT_TASKFILE_INVALID,
            Self::ExitStatus(_)
            | Self::Precondition
            | Self::Template(_)
            | Self::Cancelled
            | Self::DeadlineExceeded
            | Self::Other(_) => return None,
        })
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ExitStatus(status) => write!(f, "exit status {status}"),
            Self::Timeout { task, limit } => {
                write!(f, "task: [{task}] command timeout exceeded ({})", duration(*limit))
            }
            Self::TaskTimeout { task, limit } => {
                write!(f, "task: [{task}] task timeout exceeded ({})", duration(*limit))
            }
            Self::NotFound { name, suggestion: None } => {
                write!(f, "task: Task {} does not exist", quote(name))
            }
            Self::NotFound { name, suggestion: Some(other) } => {
                write!(f, "task: Task {} does not exist. Did you mean {}?", quote(name), quote(other))
            }
            Self::Internal(name) => write!(f, "task: Task \"{name}\" is internal"),
            Self::NameConflict { name, tasks } => {
                write!(f, "task: Found multiple tasks ({}) that match {}", tasks.join(", "), quote(name))
            }
            Self::TooManyCalls { task, limit } => write!(
                f,
                "task: Maximum task call exceeded ({limit}) for task {}: probably an cyclic dep or infinite loop",
                quote(task)
            ),
            Self::CancelledByUser(task) | Self::QuestionCancelled(task) => {
                write!(f, "task: Task {} cancelled by user", quote(task))
            }
            Self::NoTerminal(task) => write!(
                f,
                "task: Task {} cancelled because it has a prompt and the environment is not a terminal. \
                 Use --yes (-y) to run anyway.",
                quote(task)
            ),
            Self::MissingVariables { task, variables } => {
                write!(f, "task: Task {} cancelled because it is missing required variables: ", quote(task))?;
                for (i, variable) in variables.iter().enumerate() {
                    f.write_str(if i == 0 { "" } else { ", " })?;
                    f.write_str(&variable.name)?;
                    if !variable.allowed.is_empty() {
                        write!(f, " (allowed values: [{}])", variable.allowed.join(" "))?;
                    }
                }
                Ok(())
            }
            Self::NotAllowed { task, variables } => {
                writeln!(
                    f,
                    "task: Task {} cancelled because it is missing required variables:",
                    quote(task)
                )?;
                for NotAllowed { name, value, allowed } in variables {
                    let allowed = allowed.join(" ");
                    writeln!(
                        f,
                        "  - {name} has an invalid value : '{value}' (allowed values : [{allowed}])"
                    )?;
                }
                Ok(())
            }
            Self::MissingParams { task, params } => {
                let values = if params.len() == 1 { "a value" } else { "values" };
                write!(f, "the task {} needs {values}:", quote(task))?;
                for MissingParam { name, variable, options, help } in params {
                    let help = help.as_ref().map(|help| format!(" ({help})")).unwrap_or_default();
                    let shown = options.first().map_or("…", SmolStr::as_str);
                    write!(f, "\n  {name}{help}: write {variable}={shown}")?;
                    if !options.is_empty() {
                        write!(f, ", one of {}", crate::params::listed(options))?;
                    }
                }
                Ok(())
            }
            Self::InvalidParams { task, problems } => {
                write!(f, "the task {} does not take what it was given:", quote(task))?;
                problems.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
            }
            Self::Precondition => f.write_str("task: precondition not met"),
            Self::Template(fault) => f.write_str(&fault.message),
            Self::Loop { taskfile, message } => write!(f, "task: Failed to parse {taskfile}:\n{message}"),
            Self::Cancelled => f.write_str(CANCELLED),
            Self::DeadlineExceeded => f.write_str("context deadline exceeded"),
            Self::Other(message) => f.write_str(message),
        }
    }
}

/// Why a run ended early: a cause and the tasks on the way to it.
///
/// Tasks stand in a list, not in nested values, so that a failure at the end of ten thousand calls is dropped and
/// printed without recursion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunError {
    /// The tasks that failed because of it, the innermost first.
    tasks: Vec<SmolStr>,
    cause: Arc<Cause>,
}

impl RunError {
    /// An error that no task has passed on yet.
    pub fn new(cause: Cause) -> Self {
        Self { tasks: Vec::new(), cause: Arc::new(cause) }
    }

    /// An error in words.
    pub fn other(message: impl Into<String>) -> Self {
        Self::new(Cause::Other(message.into()))
    }

    /// The same error, passed on by a task.
    #[must_use]
    pub fn in_task(mut self, task: impl Into<SmolStr>) -> Self {
        self.tasks.push(task.into());
        self
    }

    /// The message, with no more than a few of the tasks on the way: a cycle passes on its failure a thousand times.
    pub fn brief(&self) -> String {
        let Some(left_out) = self.tasks.len().checked_sub(2 * BRIEF_TASKS).filter(|count| *count > 0) else {
            return self.to_string();
        };
        let passed_on = |tasks: &[SmolStr]| {
            tasks.iter().rev().fold(String::new(), |words, task| words + &failed_to_run(task))
        };
        let (inner, rest) = self.tasks.split_at(BRIEF_TASKS);
        let outer = rest.get(left_out..).unwrap_or_default();
        format!("{}… ({left_out} more) … {}{}", passed_on(outer), passed_on(inner), self.cause)
    }

    /// What went wrong.
    pub fn cause(&self) -> &Cause {
        &self.cause
    }

    /// The tasks that failed because of it, the innermost first; empty where no task had begun.
    pub fn tasks(&self) -> &[SmolStr] {
        &self.tasks
    }

    /// The template to blame, if it was one.
    pub fn template_fault(&self) -> Option<&TemplateFault> {
        match &*self.cause {
            Cause::Template(fault) => Some(fault),
            _ => None,
        }
    }

    /// Whether a command failed on its own terms, by its status or a timeout: what `ignore_error` covers.
    pub fn is_command_failure(&self) -> bool {
        matches!(*self.cause, Cause::ExitStatus(_) | Cause::Timeout { .. } | Cause::TaskTimeout { .. })
    }

    /// The status of the failing command, if there was one.
    pub fn command_status(&self) -> Option<u8> {
        match *self.cause {
            Cause::ExitStatus(status) => Some(status),
            Cause::Timeout { .. } | Cause::TaskTimeout { .. } => Some(STATUS_TIMEOUT),
            _ => None,
        }
    }

    /// The exit code of the program; with `pass_status` (`--exit-code`) that of the failing command.
    pub fn exit_code(&self, pass_status: bool) -> u8 {
        if self.tasks.is_empty() {
            return self.cause.own_code().unwrap_or(EXIT_UNKNOWN);
        }
        match self.command_status() {
            Some(status) if pass_status => status,
            _ => self.cause.own_code().unwrap_or(EXIT_TASK_RUN),
        }
    }

    /// Title and message for an annotation of a CI service: the outermost task and what it says.
    pub fn annotation(&self) -> (String, String) {
        match self.tasks.split_last() {
            Some((task, inner)) => {
                let rest = Self { tasks: inner.to_vec(), cause: Arc::clone(&self.cause) };
                (format!("Task '{task}' failed"), rest.to_string())
            }
            None => ("Task failed".to_owned(), self.to_string()),
        }
    }
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for task in self.tasks.iter().rev() {
            f.write_str(&failed_to_run(task))?;
        }
        self.cause.fmt(f)
    }
}

fn failed_to_run(task: &str) -> String {
    format!("task: Failed to run task {}: ", quote(task))
}

impl std::error::Error for RunError {}

impl From<TemplateFault> for RunError {
    fn from(fault: TemplateFault) -> Self {
        Self::new(Cause::Template(fault))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(error: &RunError, message: &str, code: u8, with_status: u8) {
        assert_eq!(error.to_string(), message);
        assert_eq!((error.exit_code(false), error.exit_code(true)), (code, with_status), "{message}");
    }

    #[test]
    fn errors_speak_and_count_as_go_task_does() {
        let status = RunError::new(Cause::ExitStatus(7));
        check(
            &status.clone().in_task("b").in_task("a"),
            "task: Failed to run task \"a\": task: Failed to run task \"b\": exit status 7",
            201,
            7,
        );
        let missing = RunError::new(Cause::NotFound { name: "x".into(), suggestion: Some("y".into()) });
        check(&missing, "task: Task \"x\" does not exist. Did you mean \"y\"?", 200, 200);
        check(
            &missing.in_task("a"),
            "task: Failed to run task \"a\": task: Task \"x\" does not exist. Did you mean \"y\"?",
            200,
            200,
        );
        let timeout = RunError::new(Cause::Timeout { task: "a".into(), limit: Duration::from_millis(1500) });
        check(
            &timeout.in_task("a"),
            "task: Failed to run task \"a\": task: [a] command timeout exceeded (1.5s)",
            208,
            124,
        );
        check(&RunError::other("odd"), "odd", 1, 1);
        assert_eq!(
            status.in_task("b").in_task("a").annotation(),
            ("Task 'a' failed".to_owned(), "task: Failed to run task \"b\": exit status 7".to_owned())
        );
    }

    #[test]
    fn a_brief_message_leaves_out_the_middle() {
        let passed_on = |count: usize| {
            (0..count).fold(RunError::other("odd"), |error, i| error.in_task(format!("t{i}").as_str()))
        };
        assert_eq!(passed_on(6).brief(), passed_on(6).to_string());
        let failed = |i: usize| format!("task: Failed to run task \"t{i}\": ");
        let [outer, inner] = [[999, 998, 997], [2, 1, 0]].map(|tasks| tasks.map(failed).concat());
        assert_eq!(passed_on(1000).brief(), format!("{outer}… (994 more) … {inner}odd"));
    }

    #[test]
    fn required_variables_are_listed() {
        let variables = vec![
            MissingVariable { name: "A".into(), allowed: vec!["x".into(), "y".into()] },
            MissingVariable { name: "B".into(), allowed: Vec::new() },
        ];
        check(
            &RunError::new(Cause::MissingVariables { task: "t".into(), variables }),
            "task: Task \"t\" cancelled because it is missing required variables: A (allowed values: [x y]), B",
            206,
            206,
        );
    }
}
