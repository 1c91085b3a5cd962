//! Makes a tree of a manifest: in a new directory, from the contents of a store.
//!
//! Every file is made anew and none is followed or overwritten; links are made last, so that nothing is ever written through one.

use std::collections::HashSet;
use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::content_store::{ContentStore, copy_out};
use super::digest::Digest;
use super::hash_cache::Stamp;
use super::kept_tree::KeptTree;
use super::manifest::{Entry, FileEntry, Manifest};
use super::tree_path::TreePath;

/// How many threads copy at most.
const MAX_THREADS: usize = 4;

/// So many files are worth one more thread.
const FILES_OF_A_THREAD: usize = 64;

/// How much is copied at once.
const COPY_BYTES: usize = 256 * 1024;

/// What the system tells of files, with their contents.
pub type Stamps = Vec<(Stamp, Digest)>;

/// Why a tree cannot be made.
#[derive(Debug, thiserror::Error)]
#[error("{} cannot be made: {error}", path.display())]
pub struct LayOutError {
    /// What.
    pub path: PathBuf,
    /// Why.
    #[source]
    pub error: io::Error,
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> LayOutError {
    let path = path.to_owned();
    move |error| LayOutError { path, error }
}

/// Makes the tree in a directory that is not there yet.
///
/// # Errors
/// A content is missing or damaged, or the disk fails. What was made until then stays.
pub fn lay_out(manifest: &Manifest, store: &ContentStore, to: &Path) -> Result<Stamps, LayOutError> {
    fs::create_dir(to).map_err(failed(to))?;
    lay_out_rest(manifest, store, to, &KeptTree::default())
}

/// Makes what is missing of the tree in a directory in which nothing is but what was kept of an earlier one.
///
/// # Errors
/// A content is missing or damaged, or the disk fails. What was made until then stays.
pub fn lay_out_rest(
    manifest: &Manifest,
    store: &ContentStore,
    to: &Path,
    kept: &KeptTree,
) -> Result<Stamps, LayOutError> {
    make_directories(manifest, to)?;
    let files = manifest.files().filter(|(path, _)| !kept.files.contains(*path));
    let files: Vec<(&TreePath, &FileEntry)> = files.collect();
    let next = AtomicUsize::new(0);
    let work = || {
        let mut stamps = Vec::new();
        // One for all files: that of each file alone would be asked of the system and given back.
        let mut buffer = vec![0; COPY_BYTES];
        while let Some((path, file)) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
            let path = path.below(to);
            let stamp = write_file(store, file, &path, &mut buffer).map_err(failed(&path))?;
            stamps.push((stamp, file.digest));
        }
        Ok(stamps)
    };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let threads = cores.min(MAX_THREADS).min(files.len() / FILES_OF_A_THREAD + 1);
    let mut stamps = kept.stamps.clone();
    thread::scope(|scope| {
        let workers: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let mut made = vec![work()];
        made.extend(workers.into_iter().map(|worker| match worker.join() {
            Ok(made) => made,
            Err(panic) => std::panic::resume_unwind(panic),
        }));
        made.into_iter().try_for_each(|made| made.map(|made| stamps.extend(made)))
    })?;
    for (path, entry) in manifest.entries() {
        if let Entry::Link(target) = entry {
            let path = path.below(to);
            symlink(target, &path).map_err(failed(&path))?;
        }
    }
    Ok(stamps)
}

fn make_directories(manifest: &Manifest, to: &Path) -> Result<(), LayOutError> {
    let mut made = HashSet::new();
    for (path, entry) in manifest.entries() {
        let own = matches!(entry, Entry::Directory {}).then_some(path.as_str());
        for directory in path.ancestors().chain(own) {
            if made.insert(directory) {
                let directory = to.join(directory);
                match fs::create_dir(&directory) {
                    Err(error)
                        if error.kind() == io::ErrorKind::AlreadyExists && is_directory(&directory) => {}
                    made => made.map_err(failed(&directory))?,
                }
            }
        }
    }
    Ok(())
}

/// Whether there is a directory, and no link to one.
fn is_directory(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir())
}

fn write_file(store: &ContentStore, entry: &FileEntry, path: &Path, buffer: &mut [u8]) -> io::Result<Stamp> {
    let mode = if entry.is_executable { 0o777 } else { 0o666 };
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    let length = copy_out(store, &entry.digest, &mut file, buffer)?;
    if length == entry.size {
        return Ok(Stamp::of(&file.metadata()?));
    }
    Err(io::Error::new(io::ErrorKind::InvalidData, format!("it has {length} bytes, not {}", entry.size)))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use proptest::prelude::*;

    use super::lay_out;
    use crate::sync::content_store::ContentStore;
    use crate::sync::hash_cache::HashCache;
    use crate::sync::manifest::Manifest;
    use crate::sync::manifest::tests::{manifest_of, tree};
    use crate::sync::scan::scan;

    fn scanned(root: &std::path::Path) -> Manifest {
        scan(root, &[".".to_owned()], &mut HashCache::default()).unwrap().manifest
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn a_tree_that_was_laid_out_is_the_same(drawn in tree()) {
            let place = tempfile::tempdir().unwrap();
            let store = ContentStore::open(place.path().join("content")).unwrap();
            for (_, _, content) in &drawn {
                store.put(content).unwrap();
            }
            let manifest = manifest_of(&drawn);
            let to = place.path().join("tree");
            lay_out(&manifest, &store, &to).unwrap();
            prop_assert_eq!(scanned(&to), manifest);
        }
    }

    #[test]
    fn nothing_is_written_into_what_is_there() {
        let place = tempfile::tempdir().unwrap();
        let store = ContentStore::open(place.path().join("content")).unwrap();
        let to = place.path().join("tree");
        symlink(place.path(), &to).unwrap();
        assert!(lay_out(&Manifest::default(), &store, &to).is_err());
    }

    #[test]
    fn a_missing_or_damaged_content_is_an_error() {
        let place = tempfile::tempdir().unwrap();
        let store = ContentStore::open(place.path().join("content")).unwrap();
        let source = place.path().join("source");
        fs::create_dir(&source).unwrap();
        fs::write(source.join("a"), "hello").unwrap();
        let manifest = scanned(&source);
        let error = lay_out(&manifest, &store, &place.path().join("1")).unwrap_err().to_string();
        assert!(error.contains("/1/a cannot be made"), "{error}");
        let digest = store.put(b"hello").unwrap();
        fs::write(store.path(&digest), "jello").unwrap();
        let error = lay_out(&manifest, &store, &place.path().join("2")).unwrap_err().to_string();
        assert!(error.ends_with(&format!("the content {digest} is damaged")), "{error}");
    }
}
