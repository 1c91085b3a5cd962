//! Directories for files that are on their way, each of one process alone. What a killed process left is removed with the next run.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::temporary;

/// How often a directory is made that a sweep took for one that was left.
const TRIES: usize = 10;

/// A directory that is locked as long as this lives, and removed then.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
    _lock: File,
}

impl Scratch {
    /// A new one below a directory.
    ///
    /// # Errors
    /// The disk fails.
    pub fn make(within: &Path) -> io::Result<Self> {
        fs::create_dir_all(within)?;
        for _ in 0..TRIES {
            let path = within.join(temporary::name());
            fs::create_dir(&path)?;
            // Who sweeps may come between: then the directory is gone, or another process has its lock.
            let Ok(lock) = File::open(&path) else { continue };
            if lock.try_lock().is_ok() && is_still_at(&lock, &path) {
                return Ok(Self { path, _lock: lock });
            }
        }
        Err(io::Error::other(format!("no directory can be kept in {}", within.display())))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Removes those that no process has any more.
    pub fn sweep(within: &Path) {
        let Ok(entries) = fs::read_dir(within) else { return };
        for path in entries.flatten().map(|entry| entry.path()) {
            // A lock goes with its process, also in another container, where numbers of processes say nothing.
            if let Ok(lock) = File::open(&path)
                && lock.try_lock().is_ok()
            {
                // What cannot be removed now is tried again with the next run.
                let _ = fs::remove_dir_all(&path);
            }
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What stays is removed with the next run.
        let _ = fs::remove_dir_all(&self.path);
    }
}

fn is_still_at(file: &File, path: &Path) -> bool {
    let number = |metadata: io::Result<fs::Metadata>| metadata.ok().map(|known| (known.dev(), known.ino()));
    let there = number(fs::symlink_metadata(path));
    there.is_some() && there == number(file.metadata())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::Scratch;

    #[test]
    fn what_was_left_is_removed_and_what_is_in_use_is_not() {
        let place = tempfile::tempdir().unwrap();
        let left = place.path().join("4711-0-ab");
        fs::create_dir_all(left.join("content")).unwrap();
        let used = Scratch::make(place.path()).unwrap();
        fs::write(used.path().join("file"), "").unwrap();
        Scratch::sweep(place.path());
        assert_eq!((left.exists(), used.path().join("file").exists()), (false, true));
        drop(used);
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
        Scratch::sweep(&left);
    }
}
