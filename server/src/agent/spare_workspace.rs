//! Workspaces of jobs that have ended, for the next job with similar files: making ten thousand files takes seconds, looking at as many that are there does not.
//!
//! ```text
//! workspaces/<inputs>-<name>/workspace/   a tree with nothing in it but what was laid out, and is as it was
//!                            laid-out     what the system told of its files when they were laid out
//! ```
//!
//! A job takes one by renaming it into its own directory, so that no two have the same.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::private_directory;
use crate::sync::digest::Digest;
use crate::sync::hash_cache::HashCache;
use crate::sync::kept_tree::{KeptTree, keep};
use crate::sync::manifest::Manifest;
use crate::sync::temporary;

/// The tree, in a directory of a spare workspace and in that of an attempt.
pub const WORKSPACE: &str = "workspace";

/// What the system told of the files of the tree, beside it.
pub const LAID_OUT: &str = "laid-out";

/// Trees with fewer files are made as quickly.
pub const MIN_FILES: usize = 64;

/// Larger trees are not kept beside their contents.
pub const MAX_BYTES: u64 = 1 << 30;

/// How many workspaces are kept.
pub const MAX_SPARE: usize = 4;

/// Where workspaces are kept.
pub struct SpareWorkspaces<'a> {
    directory: &'a Path,
}

impl<'a> SpareWorkspaces<'a> {
    /// Those of a directory, which need not be there.
    pub fn new(directory: &'a Path) -> Self {
        Self { directory }
    }

    /// Whether a tree is worth it.
    pub fn is_worth_it(manifest: &Manifest) -> bool {
        manifest.files().count() >= MIN_FILES && manifest.total_bytes() <= MAX_BYTES
    }

    /// Takes a workspace for a tree into the directory of an attempt, where there is one at least half of whose files it has. What of it can stay.
    ///
    /// # Errors
    /// What was taken cannot be used.
    pub fn take(&self, inputs: &Digest, wanted: &Manifest, attempt: &Path) -> io::Result<Option<KeptTree>> {
        if !Self::is_worth_it(wanted) {
            return Ok(None);
        }
        for spare in self.best_first(inputs) {
            let laid_out = HashCache::load(&spare.join(LAID_OUT));
            let known = laid_out.digests();
            let same = wanted.files().filter(|(_, file)| known.contains(&file.digest)).count();
            let to = attempt.join(WORKSPACE);
            if same * 2 < wanted.files().count() || fs::rename(spare.join(WORKSPACE), &to).is_err() {
                continue;
            }
            // What stays of it is removed with the next one.
            let _ = fs::remove_dir_all(&spare);
            return keep(&to, wanted, &laid_out, directory_mode(attempt)?).map(Some);
        }
        Ok(None)
    }

    /// Keeps the workspace of an attempt, without what was made or changed in it.
    ///
    /// # Errors
    /// It cannot be kept; it is where it was.
    pub fn put(&self, inputs: &Digest, tree: &Manifest, attempt: &Path) -> io::Result<()> {
        let laid_out = HashCache::load(&attempt.join(LAID_OUT));
        keep(&attempt.join(WORKSPACE), tree, &laid_out, directory_mode(attempt)?)?;
        let name = temporary::name();
        let begun = self.directory.join(format!(".{name}"));
        private_directory::make(&begun)?;
        fs::rename(attempt.join(LAID_OUT), begun.join(LAID_OUT))?;
        fs::rename(attempt.join(WORKSPACE), begun.join(WORKSPACE))?;
        fs::rename(&begun, self.directory.join(format!("{inputs}-{name}")))?;
        for old in self.best_first(inputs).into_iter().skip(MAX_SPARE) {
            // Somebody may have taken it.
            let _ = fs::remove_dir_all(old);
        }
        Ok(())
    }

    /// Those of the same tree first, then those that were kept last.
    fn best_first(&self, inputs: &Digest) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.directory).into_iter().flatten().flatten();
        let inputs = inputs.to_string();
        let known = entries.filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let kept = entry.metadata().ok()?.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            Some((name.starts_with(&inputs), kept, entry.path()))
        });
        let mut known: Vec<_> = known.collect();
        known.sort_unstable();
        known.into_iter().rev().map(|(_, _, path)| path).collect()
    }
}

/// The mode of directories that this process makes.
fn directory_mode(attempt: &Path) -> io::Result<u32> {
    let probe = attempt.join(temporary::name());
    fs::create_dir(&probe)?;
    let mode = fs::metadata(&probe)?.permissions().mode() & 0o7777;
    fs::remove_dir(&probe)?;
    Ok(mode)
}
