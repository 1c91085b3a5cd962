//! Which file does what a subcommand asks for.

use super::{Context, Outcome, compile, graph};
use crate::args::ez::Command;
use crate::exit_code::Code;
use crate::failure::Failure;

/// Does what a subcommand of `ez` asks for.
pub fn run(context: &Context, command: Command) -> Outcome {
    match command {
        Command::Compile(command) => compile::run(context, &command),
        Command::Graph(command) => graph::run(context, &command),
        _ => Err(Failure::new(Code::USAGE, "ez: this subcommand is not available yet")),
    }
}
