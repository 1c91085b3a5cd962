//! Files as the tests see them: copies of directories, listings, and text of any bytes.

use std::fmt::Write as _;
use std::fs::{self, File, FileTimes};
use std::io;
use std::path::{Path, PathBuf};

/// Copies a directory with its links, modes and times; `skip` names entries that stay behind, at any depth.
pub fn copy(from: &Path, to: &Path, skip: &[&str]) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        if skip.iter().any(|skipped| name == **skipped) {
            continue;
        }
        let (source, target) = (entry.path(), to.join(&name));
        let kind = entry.file_type()?;
        if kind.is_symlink() {
            copy_link(&source, &target)?;
        } else if kind.is_dir() {
            copy(&source, &target, skip)?;
        } else {
            fs::copy(&source, &target)?;
            copy_times(&source, &target)?;
        }
    }
    Ok(())
}

#[cfg(unix)]
fn copy_link(source: &Path, target: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(fs::read_link(source)?, target)
}

#[cfg(not(unix))]
fn copy_link(source: &Path, target: &Path) -> io::Result<()> {
    fs::copy(source, target).map(drop)
}

fn copy_times(source: &Path, target: &Path) -> io::Result<()> {
    let metadata = fs::metadata(source)?;
    let times = FileTimes::new().set_accessed(metadata.accessed()?).set_modified(metadata.modified()?);
    File::options().write(true).open(target)?.set_times(times)
}

/// Every file below a directory, relative to it, sorted, `/` between the parts; nothing where it is not a directory.
pub fn files(directory: &Path) -> Vec<String> {
    let mut found = Vec::new();
    walk(directory, &mut |path| {
        if let Ok(relative) = path.strip_prefix(directory) {
            found.push(relative.to_string_lossy().replace('\\', "/"));
        }
    });
    found.sort();
    found
}

/// Calls `visit` for every file below a directory; links to directories are not followed.
pub fn walk(directory: &Path, visit: &mut dyn FnMut(&Path)) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        let is_link = path.is_symlink();
        if path.is_dir() && !is_link {
            walk(&path, visit);
        } else if path.is_file() {
            visit(&path);
        }
    }
}

/// Bytes as text: what is not UTF-8 shows as `\xff`.
pub fn printable(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    text
}

/// A unified diff of at most `limit` lines.
pub fn short_diff(expected: &str, got: &str, limit: usize) -> Vec<String> {
    let diff = similar::TextDiff::from_lines(expected, got);
    let text = diff.unified_diff().context_radius(2).header("expected", "got").to_string();
    let mut lines: Vec<String> = text.lines().take(limit).map(str::to_owned).collect();
    let more = text.lines().count().saturating_sub(limit);
    if more > 0 {
        lines.push(format!("... {more} more lines"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_not_text_show_as_escapes() {
        assert_eq!(printable(b"a\xff\xc3\xa4\xe2\x82"), "a\\xff\u{e4}\\xe2\\x82");
    }

    #[test]
    fn a_copy_keeps_times_and_leaves_skipped_names_behind() {
        let base = tempfile::tempdir().unwrap();
        let (from, to) = (base.path().join("from"), base.path().join("to"));
        fs::create_dir_all(from.join("inner")).unwrap();
        fs::write(from.join("inner/kept"), "1").unwrap();
        fs::write(from.join("case.json"), "{}").unwrap();
        let old = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000);
        let file = File::options().write(true).open(from.join("inner/kept")).unwrap();
        file.set_times(FileTimes::new().set_modified(old)).unwrap();
        copy(&from, &to, &["case.json"]).unwrap();
        assert_eq!(files(&to), ["inner/kept"]);
        assert_eq!(fs::metadata(to.join("inner/kept")).unwrap().modified().unwrap(), old);
    }
}
