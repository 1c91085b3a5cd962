//! Artifacts: what a run leaves that is worth keeping, copied out of the directory in which it was made.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use smol_str::SmolStr;

use crate::glob::{Glob, expand_globs};
use crate::runtime_data::{self, DirectoryLock};

/// Most files of all artifacts of a run.
pub const MAX_FILES: usize = 100_000;
/// How deep a directory is copied.
pub const MAX_DEPTH: usize = 128;

/// An artifact, its path as it is for this run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Its name.
    pub name: SmolStr,
    /// A path or glob, relative to the directory of the run.
    pub path: SmolStr,
    /// Whether it may be missing.
    pub optional: bool,
}

/// Why artifacts cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// Nothing is there.
    #[error("the artifact `{name}` is missing: nothing is at {path}")]
    Missing {
        /// Its name.
        name: SmolStr,
        /// Where it should be.
        path: SmolStr,
    },
    /// Its path leads out of the directory of the run.
    #[error("the artifact `{name}` is not in the workspace: {path}")]
    Outside {
        /// Its name.
        name: SmolStr,
        /// The path.
        path: SmolStr,
    },
    /// A link in a directory leads out of it.
    #[error("the artifact `{name}` has a link that leads out of it: {}", path.display())]
    Link {
        /// Its name.
        name: SmolStr,
        /// The link.
        path: PathBuf,
    },
    /// Its glob names two files of one name, which cannot stand in one directory.
    #[error("two files of the artifact `{name}` are called {}", file.display())]
    SameName {
        /// Its name.
        name: SmolStr,
        /// Their name.
        file: PathBuf,
    },
    /// There are more than [`MAX_FILES`], or they are deeper than [`MAX_DEPTH`].
    #[error(
        "the artifact `{name}` is too large: more than {MAX_FILES} files, or {MAX_DEPTH} directories deep"
    )]
    TooLarge {
        /// Its name.
        name: SmolStr,
    },
    /// A file cannot be read, or its copy not be written.
    #[error("cannot keep the artifact `{name}`: {}: {error}", path.display())]
    Disk {
        /// Its name.
        name: SmolStr,
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

/// The files, directories and links that a path or glob of an artifact names in a directory, sorted; nothing where it
/// names nothing.
///
/// # Errors
/// The path leads out of the directory.
pub fn find(directory: &Path, wanted: &Wanted) -> Result<Vec<PathBuf>, ArtifactError> {
    let path = Path::new(wanted.path.as_str());
    let is_inside = path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if !is_inside || wanted.path.is_empty() {
        return Err(ArtifactError::Outside { name: wanted.name.clone(), path: wanted.path.clone() });
    }
    if directory.join(path).symlink_metadata().is_ok() {
        return Ok(vec![path.components().collect()]);
    }
    let globs = [Glob { pattern: &wanted.path, negate: false }];
    let found = expand_globs(&directory.to_string_lossy(), &globs, &|_| None, false);
    let below = found.iter().filter_map(|file| Path::new(file).strip_prefix(directory).ok());
    Ok(below.map(Path::to_owned).collect())
}

/// Copies artifacts from the directory of a run to `to`, each into a directory of its name; what was there is replaced in one
/// step, or, where something is wrong, not at all. Gives the files, relative to `to`.
///
/// # Errors
/// One that is not optional is missing, or something of one cannot be kept.
pub fn collect(
    root: &Path,
    from: &Path,
    to: &Path,
    wanted: &[Wanted],
) -> Result<Vec<PathBuf>, ArtifactError> {
    let disk = |path: &Path| {
        let (name, path) = (wanted.first().map(|one| one.name.clone()).unwrap_or_default(), path.to_owned());
        move |error| ArtifactError::Disk { name, path, error }
    };
    let Some(parent) = to.parent() else { return Ok(Vec::new()) };
    runtime_data::make_directory(root, parent).map_err(disk(parent))?;
    let _lock = DirectoryLock::take(root, to).map_err(disk(to))?;
    remove_leftovers(parent);
    assemble(from, to, wanted)
}

/// The same where nobody else writes to the directory around `to`, which is there.
///
/// # Errors
/// As [`collect`].
pub fn assemble(from: &Path, to: &Path, wanted: &[Wanted]) -> Result<Vec<PathBuf>, ArtifactError> {
    let disk = |path: &Path| {
        let (name, path) = (wanted.first().map(|one| one.name.clone()).unwrap_or_default(), path.to_owned());
        move |error| ArtifactError::Disk { name, path, error }
    };
    let Some(parent) = to.parent() else { return Ok(Vec::new()) };
    let staging = tempfile::Builder::new().prefix(STAGING).tempdir_in(parent).map_err(disk(parent))?;
    let mut copy = Copying { staging: staging.path(), files: Vec::new() };
    for one in wanted {
        copy.artifact(from, one)?;
    }
    let files = copy.files;
    replace(staging.path(), to).map_err(disk(to))?;
    Ok(files)
}

/// What the names of directories begin with in which copies are made.
const STAGING: &str = ".artifacts-";

/// Removes what killed runs left; the lock of the directory is held.
fn remove_leftovers(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(STAGING) {
            // Whoever comes next tries again.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Puts a directory in the place of another, whose content is then where the first was.
fn replace(staging: &Path, to: &Path) -> io::Result<()> {
    if to.symlink_metadata().is_err() {
        return fs::rename(staging, to);
    }
    if renameat_with(CWD, staging, CWD, to, RenameFlags::EXCHANGE).is_ok() {
        return Ok(());
    }
    // A file system that cannot exchange them.
    let old = staging.with_extension("old");
    fs::rename(to, &old)?;
    fs::rename(staging, to)?;
    fs::remove_dir_all(old)
}

struct Copying<'a> {
    staging: &'a Path,
    files: Vec<PathBuf>,
}

impl Copying<'_> {
    fn artifact(&mut self, from: &Path, wanted: &Wanted) -> Result<(), ArtifactError> {
        let found = find(from, wanted)?;
        if found.is_empty() {
            let (name, path) = (wanted.name.clone(), wanted.path.clone());
            return if wanted.optional { Ok(()) } else { Err(ArtifactError::Missing { name, path }) };
        }
        for path in found {
            let shown = path.file_name().map(PathBuf::from).unwrap_or_default();
            let to = Path::new(wanted.name.as_str()).join(&shown);
            if self.staging.join(&to).symlink_metadata().is_ok() {
                return Err(ArtifactError::SameName { name: wanted.name.clone(), file: shown });
            }
            // The named path itself may be a link; what it leads to is the artifact.
            self.copy(&from.join(&path), &to, wanted, None, 0)?;
        }
        Ok(())
    }

    /// Copies a file or a directory. Inside of a directory `top`, links stay links.
    fn copy(
        &mut self,
        source: &Path,
        to: &Path,
        wanted: &Wanted,
        top: Option<&Path>,
        depth: usize,
    ) -> Result<(), ArtifactError> {
        let name = &wanted.name;
        let fail = |error| ArtifactError::Disk { name: name.clone(), path: source.to_owned(), error };
        if self.files.len() >= MAX_FILES || depth > MAX_DEPTH {
            return Err(ArtifactError::TooLarge { name: name.clone() });
        }
        let target = self.staging.join(to);
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent).map_err(fail)?;
        }
        let kind = match top {
            None => fs::metadata(source).map_err(fail)?,
            Some(_) => source.symlink_metadata().map_err(fail)?,
        };
        if kind.is_symlink() {
            self.files.push(to.to_owned());
            return copy_link(source, &target, top, name);
        }
        if !kind.is_dir() {
            self.files.push(to.to_owned());
            return fs::copy(source, &target).map(drop).map_err(fail);
        }
        fs::create_dir_all(&target).map_err(fail)?;
        let mut entries: Vec<PathBuf> = Vec::new();
        for entry in fs::read_dir(source).map_err(fail)? {
            entries.push(entry.map_err(fail)?.file_name().into());
        }
        entries.sort();
        let top = top.unwrap_or(source);
        for entry in entries {
            self.copy(&source.join(&entry), &to.join(&entry), wanted, Some(top), depth + 1)?;
        }
        Ok(())
    }
}

/// Copies a link that stays inside of the directory `top`.
fn copy_link(source: &Path, to: &Path, top: Option<&Path>, name: &SmolStr) -> Result<(), ArtifactError> {
    let fail = |error| ArtifactError::Disk { name: name.clone(), path: source.to_owned(), error };
    let target = fs::read_link(source).map_err(fail)?;
    let stays = match (top, source.parent()) {
        (Some(top), Some(parent)) => {
            let depth = parent.strip_prefix(top).map_or(0, |below| below.components().count());
            stays_inside(depth, &target)
        }
        _ => false,
    };
    if !stays {
        return Err(ArtifactError::Link { name: name.clone(), path: source.to_owned() });
    }
    std::os::unix::fs::symlink(target, to).map_err(fail)
}

/// Whether a link, so many directories deep, never leaves the top.
pub fn stays_inside(depth: usize, target: &Path) -> bool {
    let mut depth = depth;
    for part in target.components() {
        match part {
            Component::Normal(_) => depth += 1,
            Component::CurDir => {}
            Component::ParentDir if depth > 0 => depth -= 1,
            _ => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Place(tempfile::TempDir);

    impl Place {
        fn new(files: &[&str]) -> Self {
            let place = Self(tempfile::tempdir().unwrap());
            for file in files {
                let path = place.work().join(file);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, file).unwrap();
            }
            place
        }

        fn root(&self) -> PathBuf {
            fs::canonicalize(self.0.path()).unwrap()
        }

        fn work(&self) -> PathBuf {
            self.root().join("workspace")
        }

        fn collect(&self, path: &str, optional: bool) -> Result<Vec<String>, ArtifactError> {
            let wanted = [Wanted { name: "a".into(), path: path.into(), optional }];
            let to = runtime_data::artifacts(&self.root(), "x");
            let files = collect(&self.root(), &self.work(), &to, &wanted)?;
            for file in &files {
                assert!(to.join(file).symlink_metadata().is_ok(), "{}", file.display());
            }
            let left: Vec<_> = fs::read_dir(to.parent().unwrap()).unwrap().flatten().collect();
            assert_eq!(left.len(), 1, "{left:?}");
            Ok(files.iter().map(|file| file.display().to_string()).collect())
        }
    }

    #[test]
    fn files_directories_and_globs_are_kept() {
        let place = Place::new(&["out/fw.bin", "out/a/x.o", "out/b/x.o", "top"]);
        for (path, expected) in [
            ("top", &["a/top"][..]),
            ("./out/fw.bin", &["a/fw.bin"]),
            ("out", &["a/out/a/x.o", "a/out/b/x.o", "a/out/fw.bin"]),
            ("out/", &["a/out/a/x.o", "a/out/b/x.o", "a/out/fw.bin"]),
            ("out/*.bin", &["a/fw.bin"]),
            ("out/**/*.bin", &["a/fw.bin"]),
        ] {
            assert_eq!(place.collect(path, false).unwrap(), expected, "{path}");
        }
    }

    #[test]
    fn what_is_missing_or_elsewhere_is_refused_and_nothing_changes() {
        let place = Place::new(&["top", "dir/x", "dir/a/x", "dir/b/x"]);
        place.collect("top", false).unwrap();
        let problem = |path: &str| place.collect(path, false).unwrap_err().to_string();
        assert_eq!(problem("none"), "the artifact `a` is missing: nothing is at none");
        assert_eq!(problem("*.none"), "the artifact `a` is missing: nothing is at *.none");
        assert_eq!(problem("*/*/x"), "two files of the artifact `a` are called x");
        assert_eq!(problem("../workspace/top"), "the artifact `a` is not in the workspace: ../workspace/top");
        assert_eq!(problem("/etc/passwd"), "the artifact `a` is not in the workspace: /etc/passwd");
        std::os::unix::fs::symlink("../../..", place.work().join("dir/link")).unwrap();
        assert!(problem("dir").contains("a link that leads out"));
        assert!(runtime_data::artifacts(&place.root(), "x").join("a/top").exists());
        assert!(place.collect("none", true).unwrap().is_empty());
    }

    #[test]
    fn links_inside_stay_links() {
        let place = Place::new(&["dir/sub/x"]);
        std::os::unix::fs::symlink("../sub/x", place.work().join("dir/sub/link")).unwrap();
        std::os::unix::fs::symlink("dir", place.work().join("named")).unwrap();
        assert_eq!(place.collect("named", false).unwrap(), ["a/named/sub/link", "a/named/sub/x"]);
        let kept = runtime_data::artifacts(&place.root(), "x").join("a/named/sub/link");
        assert_eq!(fs::read_link(kept).unwrap(), Path::new("../sub/x"));
    }
}
