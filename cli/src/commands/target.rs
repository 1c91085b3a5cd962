//! The project that a subcommand of `ez` works on.

use super::Context;
use crate::args::configuration::Configuration;
use crate::args::ez::Place;
use crate::args::invocation::{self, Misuse, Options, Personality};
use crate::exit_code::Code;
use crate::failure::Failure;
use crate::load_failure;
use crate::project::Project;

/// The settings that a place means.
pub fn options(context: &Context, place: &Place) -> Result<Options, Failure> {
    let configuration = Configuration::default();
    match invocation::interpret(Personality::Ez, &place.to_flags(), &context.environment, &configuration) {
        Ok(invocation) => Ok(invocation.options),
        Err(Misuse::NotUnderstood { error, .. }) => Err(Failure::new(Code::USAGE, format!("ez: {error}"))),
        Err(Misuse::Contradiction(message)) => Err(Failure::new(Code::OTHER, message.replace("task: ", "ez: "))),
    }
}

/// The project at a place, which must be one that runs.
pub fn open(context: &Context, place: &Place) -> Result<Project, Failure> {
    let options = options(context, place)?;
    let opened = Project::open(context, &options, false)?;
    match &opened.compilation.failure {
        None => Ok(opened),
        Some(failure) => {
            let failure = load_failure::describe(failure, &context.logger, &context.environment);
            Err(Failure { message: failure.message.replace("task: ", "ez: "), ..failure })
        }
    }
}
