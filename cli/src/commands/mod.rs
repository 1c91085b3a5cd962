//! What the program does: one file a subcommand.

pub mod compile;
pub mod completion;
pub mod graph;
pub mod init;
pub mod list;
pub mod run;
pub mod subcommand;
pub mod summary;
pub mod target;
pub mod version;

use crate::environment::Environment;
use crate::failure::Failure;
use crate::logger::Logger;

/// What every command works with.
pub struct Context {
    /// The surroundings of the process.
    pub environment: Environment,
    /// Where the program's own words go.
    pub logger: Logger,
    /// How the program was called.
    pub program: String,
}

/// How a command ends.
pub type Outcome = Result<(), Failure>;
