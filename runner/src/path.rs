//! Paths as go-task handles them: as text, joined and cleaned without a look at the disk.

use smol_str::SmolStr;

/// Variables whose value is known to be absolute (go-task, `internal/filepathext`): a text that names one is never
/// joined to a directory, even before it is rendered.
const ABSOLUTE_VARIABLES: [&str; 3] = [".ROOT_DIR", ".TASKFILE_DIR", ".USER_WORKING_DIR"];

/// The shortest equal path, as Go's `filepath.Clean` gives it.
pub fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if rooted => {}
            other => parts.push(other),
        }
    }
    let joined = parts.join("/");
    match (rooted, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".to_owned(),
        (false, false) => joined,
    }
}

/// Whether a path needs no directory before it.
pub fn is_absolute(path: &str) -> bool {
    path.starts_with('/')
        || ABSOLUTE_VARIABLES.iter().any(|name| path.contains(name))
        || (cfg!(windows) && std::path::Path::new(path).is_absolute())
}

/// `path` under `directory`, or `path` itself where it is absolute.
pub fn smart_join(directory: &str, path: &str) -> SmolStr {
    if is_absolute(path) {
        return path.into();
    }
    match (directory.is_empty(), path.is_empty()) {
        (true, true) => SmolStr::default(),
        (true, false) => clean(path).into(),
        (false, true) => clean(directory).into(),
        (false, false) => clean(&format!("{directory}/{path}")).into(),
    }
}

/// The directory of a file.
pub fn parent(path: &str) -> SmolStr {
    let end = path.rfind('/').map_or(0, |slash| slash + 1);
    clean(path.get(..end).unwrap_or_default()).into()
}

/// The last part of a path; `.` of an empty one.
pub fn base_name(path: &str) -> &str {
    let trimmed = path.trim_end_matches('/');
    match (trimmed.is_empty(), path.is_empty()) {
        (_, true) => ".",
        (true, false) => "/",
        (false, false) => trimmed.rsplit('/').next().unwrap_or(trimmed),
    }
}

/// The way from one absolute directory to a path.
pub fn relative(from: &str, to: &str) -> String {
    let (from, to) = (clean(from), clean(to));
    let from: Vec<&str> = from.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    let to: Vec<&str> = to.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let up = std::iter::repeat_n("..", from.len() - common);
    let parts: Vec<&str> = up.chain(to.into_iter().skip(common)).collect();
    if parts.is_empty() { ".".to_owned() } else { parts.join("/") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_short() {
        for (path, expected) in [
            ("", "."),
            ("a//b/./c/..", "a/b"),
            ("/../a", "/a"),
            ("../../a", "../../a"),
            ("a/../..", ".."),
            ("/", "/"),
        ] {
            assert_eq!(clean(path), expected, "{path}");
        }
    }

    #[test]
    fn joining_leaves_absolute_paths_alone() {
        for (directory, path, expected) in [
            ("/a", "b", "/a/b"),
            ("/a", "/b", "/b"),
            ("/a", "", "/a"),
            ("/a", "{{.ROOT_DIR}}/b", "{{.ROOT_DIR}}/b"),
            ("", "", ""),
        ] {
            assert_eq!(smart_join(directory, path), expected, "{directory} {path}");
        }
    }

    #[test]
    fn the_way_between_paths() {
        for (from, to, expected) in [("/a/b", "/a/b/c", "c"), ("/a/b", "/a/c", "../c"), ("/a", "/a", ".")] {
            assert_eq!(relative(from, to), expected, "{from} {to}");
        }
        assert_eq!((base_name("/a/b/"), base_name("/"), base_name("")), ("b", "/", "."));
        assert_eq!((parent("/a/b").as_str(), parent("b").as_str()), ("/a", "."));
    }
}
