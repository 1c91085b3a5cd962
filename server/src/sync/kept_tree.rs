//! A tree that was laid out for an earlier job, as far as it is still as it was laid out: such files are not made again.
//!
//! A file is known by its number, size and times, which every change to it changes, also one of its mode. Everything else is removed: what a job made, changed, moved
//! or linked to.

use std::collections::HashSet;
use std::fs::{self, DirEntry, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::digest::Digest;
use super::hash_cache::{HashCache, Stamp};
use super::manifest::{Entry, FileEntry, Manifest};
use super::tree_path::TreePath;

/// Who may execute a file.
const EXECUTABLE: u32 = 0o111;

/// What is left of a tree.
#[derive(Debug, Default)]
pub struct KeptTree {
    /// The paths of its files.
    pub files: HashSet<TreePath>,
    /// What the system tells of them, with their contents.
    pub stamps: Vec<(Stamp, Digest)>,
}

struct Walk<'a> {
    wanted: &'a Manifest,
    /// All directories of the manifest.
    directories: HashSet<&'a str>,
    laid_out: &'a HashCache,
    directory_mode: u32,
    kept: KeptTree,
}

/// Removes from a directory all that a manifest does not have at the same place, or that is not as it was laid out. Directories get the mode `directory_mode`.
///
/// # Errors
/// Something cannot be read or removed.
pub fn keep(
    root: &Path,
    wanted: &Manifest,
    laid_out: &HashCache,
    directory_mode: u32,
) -> io::Result<KeptTree> {
    let directories = wanted.entries().iter().flat_map(|(path, entry)| {
        let own = matches!(entry, Entry::Directory {}).then_some(path.as_str());
        path.ancestors().chain(own)
    });
    let directories = directories.collect();
    let mut walk = Walk { wanted, directories, laid_out, directory_mode, kept: KeptTree::default() };
    walk.directory(root, "")?;
    Ok(walk.kept)
}

impl Walk<'_> {
    fn directory(&mut self, place: &Path, path: &str) -> io::Result<()> {
        if fs::symlink_metadata(place)?.permissions().mode() & 0o7777 != self.directory_mode {
            fs::set_permissions(place, Permissions::from_mode(self.directory_mode))?;
        }
        for entry in fs::read_dir(place)? {
            self.entry(&entry?, path)?;
        }
        Ok(())
    }

    fn entry(&mut self, entry: &DirEntry, parent: &str) -> io::Result<()> {
        let (name, place) = (entry.file_name(), entry.path());
        let path = name
            .to_str()
            .map(|name| if parent.is_empty() { name.to_owned() } else { format!("{parent}/{name}") });
        let is_directory = entry.file_type()?.is_dir();
        match path {
            Some(path) if is_directory && self.directories.contains(path.as_str()) => {
                self.directory(&place, &path)
            }
            Some(path) if !is_directory && self.is_kept(entry, &path)? => Ok(()),
            _ if is_directory => fs::remove_dir_all(place),
            _ => fs::remove_file(place),
        }
    }

    /// Whether a file is as it is wanted. Links are made anew, which costs nothing.
    fn is_kept(&mut self, entry: &DirEntry, path: &str) -> io::Result<bool> {
        let metadata = entry.metadata()?;
        let Ok(path) = TreePath::new(path) else { return Ok(false) };
        let Some(Entry::File(FileEntry { digest, is_executable, .. })) = self.wanted.entries().get(&path)
        else {
            return Ok(false);
        };
        let stamp = Stamp::of(&metadata);
        let is_same = metadata.is_file()
            && self.laid_out.get(&stamp) == Some(*digest)
            && (metadata.permissions().mode() & EXECUTABLE != 0) == *is_executable;
        if is_same {
            self.kept.files.insert(path);
            self.kept.stamps.push((stamp, *digest));
        }
        Ok(is_same)
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::path::{Path, PathBuf};

    use super::keep;
    use crate::sync::content_store::ContentStore;
    use crate::sync::hash_cache::HashCache;
    use crate::sync::lay_out::{lay_out, lay_out_rest};
    use crate::sync::manifest::Manifest;
    use crate::sync::scan::scan;

    const FILES: [&str; 8] = ["a", "b", "sub/c", "sub/d", "sub/deep/e", "tool", "link", "swap"];

    struct Place {
        directory: tempfile::TempDir,
        store: ContentStore,
        manifest: Manifest,
        laid_out: HashCache,
    }

    fn scanned(root: &Path) -> Manifest {
        scan(root, &[".".to_owned()], &mut HashCache::default()).unwrap().manifest
    }

    /// A tree that was laid out.
    fn place() -> Place {
        let directory = tempfile::tempdir().unwrap();
        let source = directory.path().join("source");
        fs::create_dir_all(source.join("sub/deep")).unwrap();
        fs::create_dir(source.join("empty")).unwrap();
        for file in FILES {
            fs::write(source.join(file), file).unwrap();
        }
        fs::set_permissions(source.join("tool"), Permissions::from_mode(0o755)).unwrap();
        fs::remove_file(source.join("link")).unwrap();
        symlink("a", source.join("link")).unwrap();
        let manifest = scanned(&source);
        let store = ContentStore::open(directory.path().join("content")).unwrap();
        store.import_tree(&manifest, &source).unwrap();
        let stamps = lay_out(&manifest, &store, &directory.path().join("tree")).unwrap();
        let mut laid_out = HashCache::default();
        for (stamp, digest) in stamps {
            laid_out.insert(stamp, digest, i64::MAX);
        }
        let place = Place { directory, store, manifest, laid_out };
        place.wait_for_tick();
        place
    }

    impl Place {
        fn tree(&self) -> PathBuf {
            self.directory.path().join("tree")
        }

        /// Waits until what changes now has another time than what was laid out.
        fn wait_for_tick(&self) {
            let probe = self.directory.path().join("probe");
            let time = |path: &Path| fs::metadata(path).unwrap().modified().unwrap();
            let laid_out = FILES.map(|file| time(&self.tree().join(file))).into_iter().max().unwrap();
            fs::write(&probe, "").unwrap();
            while time(&probe) <= laid_out {
                fs::write(&probe, "").unwrap();
            }
        }

        /// Takes the tree for a manifest. How many of its files were as they should be.
        fn take_over(&self, manifest: &Manifest) -> usize {
            let mode = fs::metadata(self.tree().join("sub")).unwrap().permissions().mode() & 0o7777;
            let kept = keep(&self.tree(), manifest, &self.laid_out, mode).unwrap();
            lay_out_rest(manifest, &self.store, &self.tree(), &kept).unwrap();
            assert_eq!(scanned(&self.tree()), *manifest);
            kept.files.len()
        }
    }

    #[test]
    fn what_is_as_it_was_laid_out_stays() {
        let place = place();
        assert_eq!(place.take_over(&place.manifest), 7);
    }

    #[test]
    fn whatever_a_job_does_to_its_tree_is_undone() {
        let place = place();
        let at = |path: &str| place.tree().join(path);
        fs::write(at("a"), "A").unwrap();
        fs::set_permissions(at("b"), Permissions::from_mode(0o400)).unwrap();
        fs::hard_link(at("sub/c"), place.directory.path().join("kept-by-a-job")).unwrap();
        fs::rename(at("sub/d"), at("d")).unwrap();
        fs::remove_dir_all(at("sub/deep")).unwrap();
        symlink("/", at("sub/deep")).unwrap();
        fs::create_dir_all(at(".task/checksum")).unwrap();
        fs::write(at(".task/checksum/t"), "1").unwrap();
        fs::write(at("empty/made"), "made").unwrap();
        fs::set_permissions(at("empty"), Permissions::from_mode(0o500)).unwrap();
        fs::remove_file(at("swap")).unwrap();
        fs::create_dir(at("swap")).unwrap();
        fs::write(at("swap/in"), "").unwrap();
        // Only `tool` is as it was.
        assert_eq!(place.take_over(&place.manifest), 1);
        assert!(!at(".task").exists());
        assert_eq!(
            fs::metadata(at("empty")).unwrap().permissions(),
            fs::metadata(at("sub")).unwrap().permissions()
        );
        assert_eq!(
            fs::metadata(at("b")).unwrap().permissions(),
            fs::metadata(at("a")).unwrap().permissions()
        );
    }

    #[test]
    fn another_tree_gets_its_own_files() {
        let place = place();
        let source = place.directory.path().join("source");
        fs::write(source.join("a"), "other").unwrap();
        fs::remove_dir_all(source.join("sub")).unwrap();
        fs::write(source.join("sub"), "a file").unwrap();
        fs::set_permissions(source.join("b"), Permissions::from_mode(0o755)).unwrap();
        fs::create_dir(source.join("new")).unwrap();
        fs::rename(source.join("swap"), source.join("new/swap")).unwrap();
        let manifest = scanned(&source);
        place.store.import_tree(&manifest, &source).unwrap();
        let mode = fs::metadata(place.tree()).unwrap().permissions().mode() & 0o7777;
        let kept = keep(&place.tree(), &manifest, &place.laid_out, mode).unwrap();
        assert_eq!(kept.files.iter().map(ToString::to_string).collect::<Vec<_>>(), ["tool"]);
        lay_out_rest(&manifest, &place.store, &place.tree(), &kept).unwrap();
        assert_eq!(scanned(&place.tree()), manifest);
    }
}
