//! `ez version`, `task --version`.

use serde::Serialize;

use super::{Context, Outcome};
use crate::exit_code::Code;
use crate::failure::Failure;
use crate::logger::Color;

/// The version of go-task that this program stands in for: what Taskfiles may demand, and what `task --version` says.
pub const GO_TASK_VERSION: &str = "3.54.0";

/// EZ's own version.
pub const EZ_VERSION: &str = env!("CARGO_PKG_VERSION");

#[derive(Serialize)]
struct Versions {
    version: &'static str,
    go_task: &'static str,
}

/// `ez version`
pub fn run(context: &Context, as_json: bool) -> Outcome {
    let text = text(as_json).map_err(|error| Failure::new(Code::OTHER, format!("ez: {error}")))?;
    context.logger.out(Color::None, &text);
    Ok(())
}

/// The text of `ez version`, with its last newline.
fn text(as_json: bool) -> Result<String, serde_json::Error> {
    if as_json {
        let versions = Versions { version: EZ_VERSION, go_task: GO_TASK_VERSION };
        return Ok(format!("{}\n", serde_json::to_string_pretty(&versions)?));
    }
    Ok(format!("ez {EZ_VERSION} (go-task {GO_TASK_VERSION})\n"))
}
