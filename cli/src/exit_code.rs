//! All exit codes in one table. They are go-task's where it has one.

use std::process::ExitCode;

/// What the program ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code(pub u8);

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $value:literal;)*) => {
        impl Code {
            $($(#[$doc])* pub const $name: Self = Self($value);)*

            /// Every code with its name, for the documentation and tests.
            #[cfg(test)]
            pub const ALL: &[(&str, u8)] = &[$((stringify!($name), $value)),*];
        }
    };
}

codes! {
    /// Everything went well.
    OK = 0;
    /// Any error without a code of its own; errors that `ez check` found.
    OTHER = 1;
    /// The command line was not understood; a failure of `ez check` itself.
    USAGE = 2;
    /// There is no Taskfile.
    TASKFILE_NOT_FOUND = 100;
    /// `--init` would overwrite a Taskfile.
    TASKFILE_EXISTS = 101;
    /// A Taskfile holds values of wrong types.
    TASKFILE_DECODE = 102;
    /// The version of a Taskfile is missing, too old or too new.
    TASKFILE_VERSION = 107;
    /// A Taskfile is no YAML.
    TASKFILE_INVALID = 109;
    /// Taskfiles include each other.
    TASKFILE_CYCLE = 110;
    /// A Taskfile is not what its checksum pins.
    TASKFILE_CHECKSUM = 111;
    /// There is no such task.
    TASK_NOT_FOUND = 200;
    /// Two tasks of one name.
    TASK_NAME_CONFLICT = 203;
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
    fn no_two_names_share_a_code() {
        let values: std::collections::BTreeSet<_> = Code::ALL.iter().map(|(_, value)| value).collect();
        assert_eq!(values.len(), Code::ALL.len());
    }
}
