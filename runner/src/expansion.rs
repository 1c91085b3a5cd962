//! Shell words outside of commands: directories, and arguments that are passed on.

use ez_compiler::shell;
use smol_str::SmolStr;

use crate::process::Environment;

/// Before the name of a user whose home directory is asked for.
const HOME_OF: &str = "HOME ";
/// Where the system keeps its users.
const USERS: &str = "/etc/passwd";

/// Expands `~` and variables in a path (go-task, `ExpandLiteral` in `internal/execext`).
///
/// # Errors
/// The text is no shell text, or its expansion would run a command.
pub fn expand_literal(text: &str, environment: &Environment) -> Result<SmolStr, String> {
    let lookup = |name: &str| variable(name, environment);
    shell::expand_literal(text, &lookup).map(SmolStr::from).map_err(|error| error.to_string())
}

/// A variable for an expansion; `HOME name` is the home directory of another user.
pub fn variable(name: &str, environment: &Environment) -> Option<String> {
    match name.strip_prefix(HOME_OF) {
        Some(user) => home_of(&std::fs::read_to_string(USERS).ok()?, user),
        None => environment.get(name).and_then(|value| value.to_str()).map(str::to_owned),
    }
}

/// The sixth field of a user's line.
fn home_of(users: &str, user: &str) -> Option<String> {
    let line = users.lines().find(|line| line.split(':').next() == Some(user))?;
    line.split(':').nth(5).map(str::to_owned)
}

/// An argument as a shell reads it back.
///
/// # Errors
/// It holds a byte that no shell text can hold.
pub fn quote_argument(argument: &str) -> Result<String, String> {
    shell::quote(argument).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_knows_homes_and_variables() {
        let environment: Environment = [("HOME", "/home/me"), ("D", "x")].into_iter().collect();
        for (text, expected) in [("~/a", "/home/me/a"), ("$D/b", "x/b"), ("plain dir", "plain dir")] {
            assert_eq!(expand_literal(text, &environment).unwrap(), expected, "{text}");
        }
        let users = "root:x:0:0:root:/root:/bin/sh\nme:x:1:1::/home/me:/bin/sh\n";
        assert_eq!(home_of(users, "me").as_deref(), Some("/home/me"));
        assert_eq!(home_of(users, "you"), None);
    }
}
