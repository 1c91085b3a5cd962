//! The process beside this one that ends what it leaves when it is killed.

use ez_runner::process::guard;

use crate::commands::Context;
use crate::disk::plain_message;
use crate::logger::Color;

/// The argument with which this program is the guard of another; see [`guard`].
pub const ARGUMENT: &str = "__guard";

/// Starts the guard of this process. Without one the work goes on, and what could outlive it is told.
pub fn start(context: &Context, what: &str) {
    let guarded = std::env::current_exe().and_then(|program| guard::start(&program, ARGUMENT));
    if let Err(error) = guarded {
        let words = format!("ez: {what} will outlive this run if it is killed: {}\n", plain_message(&error));
        context.logger.err(Color::Yellow, &words);
    }
}
