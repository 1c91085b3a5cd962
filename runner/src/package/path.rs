//! Paths and names in packages.

use ez_compiler::folder;

use super::{Fault, LEFT_OUT};

/// Most bytes of a path: what the header of an archive takes.
pub const MAX_PATH_BYTES: usize = 200;
/// Most bytes of one name, of a link's target and of a task's name.
pub const MAX_NAME_BYTES: usize = 100;
/// Most names in a path.
pub const MAX_DEPTH: usize = 32;

/// Whether a folder of that name can be a task.
pub fn is_task_name(name: &str) -> bool {
    name.len() <= MAX_NAME_BYTES && folder::is_name(name)
}

/// Checks a path of an entry: relative, plain, short, and nothing that stays with its machine.
///
/// # Errors
/// What is wrong with it.
pub fn check(path: &str) -> Result<(), Fault> {
    if path.starts_with('/') {
        return Err(Fault::Absolute);
    }
    if path.chars().any(char::is_control) {
        return Err(Fault::ControlCharacter);
    }
    let mut depth = 0;
    for part in path.split('/') {
        if matches!(part, "" | "." | "..") {
            return Err(Fault::NotPlain);
        }
        if part.len() > MAX_NAME_BYTES {
            return Err(Fault::TooLong);
        }
        if let Some(left_out) = LEFT_OUT.into_iter().find(|name| part.eq_ignore_ascii_case(name)) {
            return Err(Fault::LeftOut(left_out));
        }
        depth += 1;
    }
    if path.len() > MAX_PATH_BYTES {
        return Err(Fault::TooLong);
    }
    if depth > MAX_DEPTH { Err(Fault::TooDeep) } else { Ok(()) }
}

/// The directories above a path, the outermost first.
pub fn parents(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').filter_map(|(end, _)| path.get(..end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_down_and_nowhere_else() {
        let long = "x".repeat(MAX_NAME_BYTES + 1);
        let deep = ["d"; MAX_DEPTH + 1].join("/");
        let longest = [&long[1..], &long[1..], "x"].join("/");
        for (path, expected) in [
            ("Taskfile.yml", None),
            ("a/b c/ü.txt", None),
            (".gitignore", None),
            ("/etc/passwd", Some(Fault::Absolute)),
            ("", Some(Fault::NotPlain)),
            ("a//b", Some(Fault::NotPlain)),
            ("a/", Some(Fault::NotPlain)),
            ("./a", Some(Fault::NotPlain)),
            ("a/../b", Some(Fault::NotPlain)),
            ("a\nb", Some(Fault::ControlCharacter)),
            ("a\u{9b}b", Some(Fault::ControlCharacter)),
            ("x/.git/hooks/pre-commit", Some(Fault::LeftOut(".git"))),
            (".EZ/x", Some(Fault::LeftOut(".ez"))),
            (&long, Some(Fault::TooLong)),
            (&longest, Some(Fault::TooLong)),
            (&deep, Some(Fault::TooDeep)),
        ] {
            assert_eq!(check(path).err(), expected, "{path:?}");
        }
    }

    #[test]
    fn names_of_tasks_are_plain() {
        for name in ["build", "a.b", "x-1", "_x", "ü"] {
            assert!(is_task_name(name), "{name}");
        }
        for name in ["", ".", "..", ".x", "-x", "a b", "a/b", "a:b", "g++", &"x".repeat(101)] {
            assert!(!is_task_name(name), "{name}");
        }
    }

    #[test]
    fn parents_are_all_directories_above() {
        assert_eq!(parents("a/b/c").collect::<Vec<_>>(), ["a", "a/b"]);
        assert_eq!(parents("a").count(), 0);
    }
}
