//! Puts files that another machine made into a tree: all or nothing is begun, and each file is replaced by one rename.
//!
//! The files are made and verified in a directory of their own first. Only what was asked for is taken, and no way leads through a link.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::content_store::ContentStore;
use super::course::{Course, Stopped};
use super::lay_out::{LayOutError, lay_out};
use super::manifest::{Entry, Manifest};
use super::patterns::Patterns;
use super::tree_path::{BadPath, TreePath};

/// Why files are not taken.
#[derive(Debug, thiserror::Error)]
pub enum BringHomeError {
    /// Nobody asked for it.
    #[error("the other side sends `{0}`, for which nobody asked; nothing was changed")]
    NotAsked(TreePath),
    /// The way leads through a link.
    #[error("`{path}` is not written, because the link {} is on the way to it; nothing was changed", link.display())]
    ThroughLink {
        /// The file.
        path: TreePath,
        /// The link.
        link: PathBuf,
    },
    /// Something else is there.
    #[error("`{path}` is not written, because {} is {what}; nothing was changed", there.display())]
    InTheWay {
        /// The file.
        path: TreePath,
        /// What is in the way.
        there: PathBuf,
        /// What it is.
        what: &'static str,
    },
    /// A path cannot be.
    #[error(transparent)]
    Path(#[from] BadPath),
    /// It was stopped before.
    #[error("{0}; nothing was changed")]
    Stopped(#[from] Stopped),
    /// The files cannot be made.
    #[error("{0}; nothing was changed")]
    LayOut(#[from] LayOutError),
    /// The disk fails.
    #[error("{}: {error}", path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> BringHomeError {
    let path = path.to_owned();
    move |error| BringHomeError::Io { path, error }
}

/// Puts what a manifest has into a tree. `staging` is a directory on the same file system that is not there yet; `is_asked` says which paths may come. Where `course` is
/// stopped before the first file is put in its place, none is.
///
/// # Errors
/// Something is refused, then nothing was changed; or the disk fails on the way.
pub fn bring_home(
    manifest: &Manifest,
    store: &ContentStore,
    root: &Path,
    staging: &Path,
    course: &Course,
    is_asked: impl Fn(&TreePath) -> bool,
) -> Result<(), BringHomeError> {
    if let Some(path) = manifest.entries().keys().find(|path| !is_asked(path)) {
        return Err(BringHomeError::NotAsked(path.clone()));
    }
    for (path, entry) in manifest.entries() {
        check_place(root, path, matches!(entry, Entry::Directory {}))?;
    }
    let laid_out = lay_out(manifest, store, staging);
    let done = laid_out.map_err(BringHomeError::from).and_then(|_| {
        course.begin_placing()?;
        rename_all(manifest, staging, root)
    });
    // What is left of it is of no use, and is removed with the next run where it cannot be now.
    let _ = fs::remove_dir_all(staging);
    done
}

/// Whether a file may get a path.
fn check_place(root: &Path, path: &TreePath, is_directory: bool) -> Result<(), BringHomeError> {
    for ancestor in path.ancestors() {
        if !leads_on(root, path, ancestor)? {
            return Ok(());
        }
    }
    let place = path.below(root);
    match fs::symlink_metadata(&place) {
        Ok(metadata) if metadata.is_dir() && !is_directory => Err(in_the_way(path, place, "a directory")),
        Ok(metadata) if !metadata.is_dir() && is_directory => Err(in_the_way(path, place, "no directory")),
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(failed(&place)(error)),
    }
}

/// The directories here in which outputs are going to be put, as far as they are there: each the innermost on the way to one of
/// the patterns, and nothing that a pattern means itself. A task expects them where it runs too.
///
/// # Errors
/// What a pattern means could not be put in its place.
pub fn output_directories(root: &Path, outputs: &Patterns) -> Result<BTreeSet<TreePath>, BringHomeError> {
    let mut directories = BTreeSet::new();
    for base in outputs.bases().iter().filter(|base| !base.is_empty()) {
        let base = TreePath::new(base.as_str())?;
        let on_the_way = base.ancestors().chain([base.as_str()]).map(str::to_owned);
        let mut innermost = None;
        for path in on_the_way.take_while(|path| !outputs.is_match(path)) {
            if !leads_on(root, &base, &path)? {
                break;
            }
            innermost = Some(path);
        }
        if let Some(path) = innermost {
            directories.insert(TreePath::new(path)?);
        }
    }
    Ok(directories)
}

/// Whether there is a directory on the way to a path.
fn leads_on(root: &Path, path: &TreePath, ancestor: &str) -> Result<bool, BringHomeError> {
    let place = root.join(ancestor);
    match fs::symlink_metadata(&place) {
        Ok(metadata) if metadata.is_dir() => Ok(true),
        Ok(metadata) if metadata.is_symlink() => {
            Err(BringHomeError::ThroughLink { path: path.clone(), link: place })
        }
        Ok(_) => Err(in_the_way(path, place, "no directory")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(failed(&place)(error)),
    }
}

fn in_the_way(path: &TreePath, there: PathBuf, what: &'static str) -> BringHomeError {
    BringHomeError::InTheWay { path: path.clone(), there, what }
}

fn rename_all(manifest: &Manifest, staging: &Path, root: &Path) -> Result<(), BringHomeError> {
    for (path, entry) in manifest.entries() {
        let place = path.below(root);
        let directory =
            if matches!(entry, Entry::Directory {}) { Some(place.as_path()) } else { place.parent() };
        if let Some(directory) = directory {
            fs::create_dir_all(directory).map_err(failed(directory))?;
        }
        if !matches!(entry, Entry::Directory {}) {
            // Looked at once more: what was no link before may be one by now.
            check_place(root, path, false)?;
            fs::rename(path.below(staging), &place).map_err(failed(&place))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::{Path, PathBuf};

    use super::{BringHomeError, bring_home, output_directories};
    use crate::sync::content_store::ContentStore;
    use crate::sync::course::Course;
    use crate::sync::hash_cache::HashCache;
    use crate::sync::manifest::Manifest;
    use crate::sync::patterns::Patterns;
    use crate::sync::scan::scan;
    use crate::sync::tree_path::TreePath;

    struct Place {
        _directory: tempfile::TempDir,
        store: ContentStore,
        manifest: Manifest,
        root: PathBuf,
    }

    /// A project, and a manifest of `out/app`, `out/lib/ö` and the link `out/current`.
    fn place() -> Place {
        let directory = tempfile::tempdir().unwrap();
        let made = directory.path().join("made");
        fs::create_dir_all(made.join("out/lib")).unwrap();
        let store = ContentStore::open(directory.path().join("content")).unwrap();
        for (path, text) in [("out/app", "new"), ("out/lib/ö", "lib")] {
            fs::write(made.join(path), text).unwrap();
            store.put(text.as_bytes()).unwrap();
        }
        symlink("app", made.join("out/current")).unwrap();
        let manifest = scan(&made, &[".".to_owned()], &mut HashCache::default()).unwrap().manifest;
        let root = directory.path().join("project");
        fs::create_dir_all(root.join("out")).unwrap();
        fs::write(root.join("out/app"), "old").unwrap();
        Place { store, manifest, root, _directory: directory }
    }

    fn bring(place: &Place, is_asked: impl Fn(&str) -> bool) -> Result<(), BringHomeError> {
        let staging = place.root.join(".staging");
        let is_asked = |path: &TreePath| is_asked(path.as_str());
        let course = Course::default();
        let done = bring_home(&place.manifest, &place.store, &place.root, &staging, &course, is_asked);
        assert!(!staging.exists());
        done
    }

    fn text(path: &Path) -> String {
        fs::read_to_string(path).unwrap_or_default()
    }

    #[test]
    fn files_are_replaced() {
        let place = place();
        symlink("app", place.root.join("out/current")).unwrap();
        bring(&place, |_| true).unwrap();
        assert_eq!(text(&place.root.join("out/current")), "new");
        assert_eq!(text(&place.root.join("out/lib/ö")), "lib");
        assert!(place.root.join("out/current").is_symlink());
    }

    fn directories(place: &Place, outputs: &[&str]) -> Result<Vec<String>, BringHomeError> {
        let outputs: Vec<String> = outputs.iter().map(ToString::to_string).collect();
        let found = output_directories(&place.root, &Patterns::new(&outputs).unwrap())?;
        Ok(found.into_iter().map(|path| path.to_string()).collect())
    }

    #[test]
    fn directories_of_outputs_are_those_that_are_there() {
        let place = place();
        fs::create_dir_all(place.root.join("out/lib/deep")).unwrap();
        let of = |outputs: &[&str]| directories(&place, outputs).unwrap();
        assert_eq!(of(&["out/app", "out/lib/*.so", "new/deep/x"]), ["out", "out/lib"]);
        // What a pattern means comes back, and is not made empty before.
        assert_eq!(of(&["out/lib", "out/lib/deep/**"]), ["out"]);
        assert_eq!(of(&[".", "*", "app", "out/"]), [""; 0]);
        assert_eq!(of(&["!out/app"]), [""; 0]);
    }

    #[test]
    fn no_output_has_a_way_through_a_link_or_a_file() {
        let place = place();
        symlink("out", place.root.join("link")).unwrap();
        let refused = |outputs: &str| directories(&place, &[outputs]).unwrap_err().to_string();
        let root = place.root.display();
        assert_eq!(
            refused("link/x/*.o"),
            format!(
                "`link/x` is not written, because the link {root}/link is on the way to it; nothing was changed"
            )
        );
        assert_eq!(
            refused("out/app/x"),
            format!(
                "`out/app/x` is not written, because {root}/out/app is no directory; nothing was changed"
            )
        );
    }

    #[test]
    fn nothing_comes_that_nobody_asked_for() {
        let place = place();
        let refused = bring(&place, |path| path != "out/lib/ö");
        assert!(matches!(refused, Err(BringHomeError::NotAsked(_))));
        assert_eq!(text(&place.root.join("out/app")), "old");
    }

    #[test]
    fn what_was_stopped_changes_nothing() {
        let place = place();
        let (staging, course) = (place.root.join(".staging"), Course::default());
        course.stop();
        let stopped = bring_home(&place.manifest, &place.store, &place.root, &staging, &course, |_| true);
        assert!(matches!(stopped, Err(BringHomeError::Stopped(_))), "{stopped:?}");
        assert_eq!(text(&place.root.join("out/app")), "old");
        assert!(!staging.exists());
    }

    #[test]
    fn no_way_leads_through_a_link() {
        let place = place();
        let outside = place.root.with_file_name("outside");
        fs::create_dir(&outside).unwrap();
        symlink(&outside, place.root.join("out/lib")).unwrap();
        assert!(matches!(bring(&place, |_| true), Err(BringHomeError::ThroughLink { .. })));
        assert_eq!(
            (text(&place.root.join("out/app")).as_str(), fs::read_dir(outside).unwrap().count()),
            ("old", 0)
        );
    }

    #[test]
    fn a_link_in_the_place_of_a_file_is_replaced_and_not_followed() {
        let place = place();
        let outside = place.root.with_file_name("outside");
        fs::write(&outside, "secret").unwrap();
        fs::remove_file(place.root.join("out/app")).unwrap();
        symlink(&outside, place.root.join("out/app")).unwrap();
        bring(&place, |_| true).unwrap();
        assert_eq!((text(&place.root.join("out/app")), text(&outside)), ("new".into(), "secret".into()));
    }

    #[test]
    fn what_is_in_the_way_or_damaged_leaves_all_as_it_was() {
        let place = place();
        fs::write(place.root.join("out/lib"), "a file").unwrap();
        assert!(matches!(bring(&place, |_| true), Err(BringHomeError::InTheWay { .. })));
        fs::remove_file(place.root.join("out/lib")).unwrap();
        fs::create_dir_all(place.root.join("out/current")).unwrap();
        assert!(matches!(bring(&place, |_| true), Err(BringHomeError::InTheWay { .. })));
        fs::remove_dir(place.root.join("out/current")).unwrap();
        let damaged = crate::sync::digest::Digest::of(b"lib");
        fs::write(place.store.path(&damaged), "bil").unwrap();
        assert!(matches!(bring(&place, |_| true), Err(BringHomeError::LayOut(_))));
        assert_eq!(text(&place.root.join("out/app")), "old");
    }
}
