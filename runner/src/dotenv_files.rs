//! `.env` files of Taskfiles and tasks.

use ez_compiler::dotenv;
use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;
use smol_str::SmolStr;

use crate::error::RunError;
use crate::path;

/// Names and values in the order in which they were first given.
pub type Pairs = IndexMap<SmolStr, SmolStr, FxBuildHasher>;

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
    let mut pairs = Pairs::default();
    for path in paths {
        let path = path::smart_join(dir, path);
        let text = match std::fs::read(path.as_str()) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => {
                let action = if error.kind() == std::io::ErrorKind::IsADirectory { "read" } else { "open" };
                let message = format!("{action} {path}: {}", crate::process::system_message(&error));
                return Err(RunError::other(explain(&path, message)));
            }
        };
        let (entries, errors) = dotenv::parse(&String::from_utf8_lossy(&text));
        if let Some(message) = errors.into_iter().find_map(|error| error.go_message) {
            return Err(RunError::other(explain(&path, message)));
        }
        let of_file: Pairs =
            entries.into_iter().map(|entry| (entry.name.into(), entry.value.into())).collect();
        for (name, value) in of_file {
            pairs.entry(name).or_insert(value);
        }
    }
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_file_and_the_last_line_count() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a"), "A=1\nA=2\n").unwrap();
        std::fs::write(dir.path().join("b"), "A=3\nB=4\n").unwrap();
        std::fs::write(dir.path().join("bad"), "no variable\n").unwrap();
        let read = |names: &[&str]| {
            let paths: Vec<SmolStr> = names.iter().map(SmolStr::new).collect();
            read_global(&paths, dir.path().to_str().unwrap())
        };
        let pairs = read(&["a", "none", "b"]).unwrap();
        let shown: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(shown, ["A=2", "B=4"]);
        let error = read(&["bad"]).unwrap_err().to_string();
        assert!(error.starts_with("error reading env file /"), "{error}");
    }
}
