//! All exit codes in one table. They are go-task's where it has one.

use std::fmt::Write as _;
use std::process::ExitCode;

use ez_runner::error as runner;

/// What the program ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code(pub u8);

impl Code {
    /// Everything went well.
    pub const OK: Self = Self(0);
    /// Any error without a code of its own; errors that `ez check` found.
    pub const OTHER: Self = Self(1);
    /// The command line was not understood; a failure of `ez check` itself.
    pub const USAGE: Self = Self(2);
    /// There is no Taskfile.
    pub const TASKFILE_NOT_FOUND: Self = Self(100);
    /// `--init` would overwrite a Taskfile.
    pub const TASKFILE_EXISTS: Self = Self(101);
    /// A Taskfile holds values of wrong types.
    pub const TASKFILE_DECODE: Self = Self(102);
    /// The version of a Taskfile is missing, too old or too new.
    pub const TASKFILE_VERSION: Self = Self(107);
    /// A Taskfile is no YAML.
    pub const TASKFILE_INVALID: Self = Self(runner::EXIT_TASKFILE_INVALID);
    /// Taskfiles include each other.
    pub const TASKFILE_CYCLE: Self = Self(110);
    /// A Taskfile is not what its checksum pins.
    pub const TASKFILE_CHECKSUM: Self = Self(111);
    /// The user interrupted the run (128 and the number of the signal).
    pub const INTERRUPTED: Self = Self(130);
    /// Two tasks of one name.
    pub const TASK_NAME_CONFLICT: Self = Self(runner::EXIT_NAME_CONFLICT);
}

/// Every exit code and what it means, for `ez --help` and the book. Codes of remote Taskfiles come from the runner.
pub const TABLE: &[(u8, &str)] = &[
    (Code::OK.0, "success"),
    (Code::OTHER.0, "any other error; errors that `ez check` found"),
    (Code::USAGE.0, "the command line was not understood; `ez check` itself failed"),
    (Code::TASKFILE_NOT_FOUND.0, "no Taskfile, or an included one is missing"),
    (Code::TASKFILE_EXISTS.0, "--init would overwrite a Taskfile"),
    (Code::TASKFILE_DECODE.0, "a Taskfile with values of wrong types"),
    (103, "a remote Taskfile could not be fetched"),
    (104, "a remote Taskfile is not trusted"),
    (105, "a remote Taskfile over an insecure connection"),
    (106, "a remote Taskfile that was never fetched, while offline"),
    (Code::TASKFILE_VERSION.0, "the version of a Taskfile is missing, too old or too new"),
    (108, "fetching a remote Taskfile took too long"),
    (Code::TASKFILE_INVALID.0, "a Taskfile that is not YAML, or a loop over something that is no list"),
    (Code::TASKFILE_CYCLE.0, "Taskfiles that include each other"),
    (Code::TASKFILE_CHECKSUM.0, "a Taskfile that is not what its checksum pins"),
    (Code::INTERRUPTED.0, "the run was interrupted, or a prompt cancelled"),
    (runner::EXIT_TASK_NOT_FOUND, "no such task"),
    (runner::EXIT_TASK_RUN, "a command or precondition failed"),
    (runner::EXIT_TASK_INTERNAL, "an internal task on the command line"),
    (Code::TASK_NAME_CONFLICT.0, "a name of several tasks"),
    (runner::EXIT_TOO_MANY_CALLS, "a task that was called too often"),
    (runner::EXIT_CANCELLED, "a prompt was refused, or there was nobody to ask"),
    (runner::EXIT_MISSING_VARIABLES, "a required variable is missing"),
    (runner::EXIT_NOT_ALLOWED, "a required variable has a value that is not allowed"),
    (runner::EXIT_TIMEOUT, "a command took longer than its timeout"),
];

/// The table as text.
pub fn listing() -> String {
    TABLE.iter().fold(String::new(), |mut out, (code, meaning)| {
        let _ = writeln!(out, "  {code:<3}  {meaning}");
        out
    })
}

impl From<Code> for ExitCode {
    fn from(code: Code) -> Self {
        Self::from(code.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_listed_once_and_in_order() {
        assert!(TABLE.is_sorted_by(|(a, _), (b, _)| a < b));
        assert!(listing().contains("\n  201  a command"));
    }
}
