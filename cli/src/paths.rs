//! Paths as text: normal forms without asking the disk, and the few questions that only the disk can answer.

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};

/// A path without `.`, without `..` where it can be resolved, and without doubled separators.
pub fn clean(path: &Utf8Path) -> Utf8PathBuf {
    let mut out = Utf8PathBuf::new();
    for component in path.components() {
        match component {
            Utf8Component::CurDir => {}
            Utf8Component::ParentDir => match out.components().next_back() {
                Some(Utf8Component::Normal(_)) => {
                    out.pop();
                }
                Some(Utf8Component::RootDir | Utf8Component::Prefix(_)) => {}
                _ => out.push(".."),
            },
            other => out.push(other.as_str()),
        }
    }
    if out.as_str().is_empty() { Utf8PathBuf::from(".") } else { out }
}

/// A path made absolute against a directory, and normal.
pub fn absolute(directory: &Utf8Path, path: &Utf8Path) -> Utf8PathBuf {
    clean(&directory.join(path))
}

/// The way from an absolute directory to an absolute path; both must be normal.
pub fn relative(from: &Utf8Path, to: &Utf8Path) -> Utf8PathBuf {
    let common = from.components().zip(to.components()).take_while(|(a, b)| a == b).count();
    let mut out = Utf8PathBuf::new();
    for _ in from.components().skip(common) {
        out.push("..");
    }
    for component in to.components().skip(common) {
        out.push(component.as_str());
    }
    if out.as_str().is_empty() { Utf8PathBuf::from(".") } else { out }
}

/// The directory part of a path; `.` for a bare name or an empty path.
pub fn directory(path: &str) -> Utf8PathBuf {
    let end = path.rfind('/').map_or(0, |slash| slash + 1);
    clean(Utf8Path::new(path.get(..end).unwrap_or("")))
}

/// Whether two paths name the same file on the disk.
#[cfg(unix)]
pub fn is_same_file(a: &Utf8Path, b: &Utf8Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (std::fs::metadata(a), std::fs::metadata(b)) {
        (Ok(a), Ok(b)) => a.dev() == b.dev() && a.ino() == b.ino(),
        _ => false,
    }
}

/// Whether two paths name the same file on the disk.
#[cfg(not(unix))]
pub fn is_same_file(a: &Utf8Path, b: &Utf8Path) -> bool {
    matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

/// The user id of a file's owner, 0 where the system has none.
pub fn owner(path: &Utf8Path) -> std::io::Result<u32> {
    let metadata = std::fs::metadata(path)?;
    #[cfg(unix)]
    {
        Ok(std::os::unix::fs::MetadataExt::uid(&metadata))
    }
    #[cfg(not(unix))]
    {
        let _ = metadata;
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_normal() {
        for (input, expected) in [
            ("", "."),
            (".", "."),
            ("a/./b", "a/b"),
            ("a/../..", ".."),
            ("/..", "/"),
            ("/a//b/../c/", "/a/c"),
        ] {
            assert_eq!(clean(Utf8Path::new(input)), expected, "{input}");
        }
    }

    #[test]
    fn relative_paths_go_up_and_down() {
        for (from, to, expected) in
            [("/a/b", "/a/c", "../c"), ("/a", "/a", "."), ("/", "/x/y", "x/y"), ("/a/b", "/", "../..")]
        {
            assert_eq!(relative(Utf8Path::new(from), Utf8Path::new(to)), expected, "{from} {to}");
        }
    }

    #[test]
    fn the_directory_of_a_name_is_here() {
        for (input, expected) in [("", "."), ("a", "."), ("a/b", "a"), ("/a", "/"), ("a/b/", "a/b")] {
            assert_eq!(directory(input), expected, "{input}");
        }
    }
}
