//! What needs the compiled project: running, listing, explaining.

use super::{Context, Outcome};
use crate::args::ez::Command;
use crate::args::invocation::{Action, Invocation};
use crate::discovery;
use crate::exit_code::Code;
use crate::failure::Failure;

/// Does what a command line of run flags asks for.
pub fn execute(context: &Context, invocation: &Invocation) -> Outcome {
    let options = &invocation.options;
    let _root = discovery::find_root(&options.taskfile, &options.dir, &context.environment)?;
    match &invocation.action {
        Action::List(_) | Action::Run(_) | Action::Status(_) | Action::Summary(_) => {}
        _ => {}
    }
    Err(Failure::new(Code::OTHER, "ez: not attached"))
}

/// Does what a subcommand of `ez` asks for.
pub fn subcommand(_context: &Context, _command: Command) -> Outcome {
    Err(Failure::silent(Code::OTHER))
}
