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
