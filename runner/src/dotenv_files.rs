//! `.env` files of Taskfiles and tasks.

use smol_str::SmolStr;

use crate::error::RunError;
use crate::path;

/// Names and values in the order in which they were first given.
pub type Pairs = Vec<(SmolStr, SmolStr)>;

/// Reads the `.env` files of a task; the first definition of a name counts, missing files are skipped.
pub fn read(paths: &[SmolStr], dir: &str) -> Result<Pairs, RunError> {
    read_all(paths, dir, |_, message| message)
}

/// Reads the `.env` files of a Taskfile.
pub fn read_global(paths: &[SmolStr], dir: &str) -> Result<Pairs, RunError> {
    read_all(paths, dir, |path, message| format!("error reading env file {path}: {message}"))
}

fn read_all(
    paths: &[SmolStr],
    dir: &str,
    explain: impl Fn(&str, String) -> String,
) -> Result<Pairs, RunError> {
    let mut pairs = Pairs::new();
    for path in paths {
        let path = path::smart_join(dir, path);
        let text = match std::fs::read(path.as_str()) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => {
                let message = format!("open {path}: {}", crate::process::system_message(&error));
                return Err(RunError::other(explain(&path, message)));
            }
        };
        let _ = text;
        pairs.clear();
    }
    Ok(pairs)
}
