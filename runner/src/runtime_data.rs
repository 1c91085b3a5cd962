//! Where EZ keeps what it writes while tasks run: `.ez` below the root directory.

use std::io;
use std::path::{Path, PathBuf};

/// The directory, below the root directory.
pub const DIRECTORY: &str = ".ez";
/// Longest name of a file that is made from a task's name, in bytes.
const MAX_SLUG: usize = 120;

/// The directory of a root directory.
pub fn directory(root: &Path) -> PathBuf {
    root.join(DIRECTORY)
}

/// The directory of a task's logs, unless the task names one.
pub fn logs(root: &Path, task: &str) -> PathBuf {
    directory(root).join("tasks").join(slug(task)).join("logs")
}

/// The file by which a task is locked.
pub fn lock(root: &Path, task: &str) -> PathBuf {
    directory(root).join("locks").join(slug(task))
}

/// A file name for a task. Names that are no good file names get a hash, so that no two tasks share one.
pub fn slug(task: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':');
    let mut slug: String = task.chars().map(|c| if is_plain(c) { c } else { '-' }).collect();
    if slug == task && slug.len() <= MAX_SLUG && !slug.starts_with('.') && !slug.is_empty() {
        return slug;
    }
    slug.truncate(MAX_SLUG);
    let slug = slug.trim_start_matches('.');
    format!("{slug}-{:08x}", xxhash_rust::xxh3::xxh3_64(task.as_bytes()) as u32)
}

/// Makes a directory in [`directory`], and keeps all of that out of version control.
///
/// # Errors
/// The directory cannot be made.
pub fn make_directory(root: &Path, path: &Path) -> io::Result<()> {
    std::fs::create_dir_all(path)?;
    let runtime = directory(root);
    if path.starts_with(&runtime) {
        let ignore = runtime.join(".gitignore");
        if !ignore.exists() {
            std::fs::write(ignore, "*\n")?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_are_file_names_and_differ() {
        assert_eq!(slug("docs:build-2.x"), "docs:build-2.x");
        for name in ["", ".", "..", "../x", "a/b", "a b", "ü", &"x".repeat(500)] {
            let slug = slug(name);
            assert!(!slug.contains('/') && !slug.starts_with('.') && slug.len() < 200, "{slug}");
        }
        assert_ne!(slug("a/b"), slug("a-b"));
        assert_ne!(slug("a/b"), slug("a b"));
    }
}
