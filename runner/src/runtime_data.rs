//! Where EZ keeps what it writes while tasks run: `.ez` below the root directory.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

/// The directory, below the root directory.
pub const DIRECTORY: &str = ".ez";
/// The directory of workspaces that have a name of their own, below [`DIRECTORY`].
pub const NAMED_WORKSPACES: &str = "workspace";
/// The directory of what is kept of tasks, by task, below [`DIRECTORY`].
pub const TASKS: &str = "tasks";
/// The directory of what is kept of plans, by plan, below [`DIRECTORY`].
pub const PLANS: &str = "plans";
/// Everything below [`DIRECTORY`] that runs write and that can be made again. What else is there is the user's own.
pub const REMOVABLE: [&str; 5] = [TASKS, PLANS, NAMED_WORKSPACES, "cache", REMOTE];
/// The directory of what other machines made, until it is in its place, below [`DIRECTORY`].
pub const REMOTE: &str = "remote";
/// The directory of locks, below [`DIRECTORY`].
const LOCKS: &str = "locks";
/// The file of a workspace that runs in it hold.
const IN_USE: &str = ".ez/in-use";
/// Where what is being removed waits for its end, below [`DIRECTORY`].
const TRASH: &str = "trash";
/// How often a name for something in [`TRASH`] is tried.
const MAX_TRASH_NAMES: u32 = 10_000;
/// Longest name of a file that is made from a task's name, in bytes.
const MAX_SLUG: usize = 120;

/// The directory of a root directory.
pub fn directory(root: &Path) -> PathBuf {
    root.join(DIRECTORY)
}

/// The directory of a task's logs, unless the task names one.
pub fn logs(root: &Path, task: &str) -> PathBuf {
    directory(root).join(TASKS).join(slug(task)).join("logs")
}

/// The directory of everything about a task.
pub fn task(root: &Path, task: &str) -> PathBuf {
    directory(root).join(TASKS).join(slug(task))
}

/// The directory of everything about a plan.
pub fn plan(root: &Path, plan: &str) -> PathBuf {
    directory(root).join(PLANS).join(slug(plan))
}

/// The workspace of a folder task.
pub fn workspace(root: &Path, folder: &str) -> PathBuf {
    task(root, folder).join("workspace")
}

/// A workspace with a name of its own.
pub fn named_workspace(root: &Path, name: &str) -> PathBuf {
    directory(root).join(NAMED_WORKSPACES).join(slug(name))
}

/// Whether a directory is a workspace with a name of its own.
pub fn is_named_workspace(root: &Path, path: &Path) -> bool {
    path.parent() == Some(&directory(root).join(NAMED_WORKSPACES))
}

/// The directory of what a successful run left in a workspace with a name of its own.
pub fn workspace_artifacts(workspace: &Path) -> PathBuf {
    directory(workspace).join("artifacts")
}

/// The directory of what a successful run of a folder task left.
pub fn artifacts(root: &Path, folder: &str) -> PathBuf {
    task(root, folder).join("artifacts")
}

/// The file by which a task is locked.
pub fn lock(root: &Path, task: &str) -> PathBuf {
    directory(root).join(LOCKS).join(slug(task))
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
    fs::create_dir_all(path)?;
    let runtime = directory(root);
    if path.starts_with(&runtime) {
        let ignore = runtime.join(".gitignore");
        if !ignore.exists() {
            fs::write(ignore, "*\n")?;
        }
    }
    Ok(())
}

/// A lock of a directory, among processes, until it is dropped. A process that is killed lets go of it.
#[derive(Debug)]
pub struct DirectoryLock {
    _file: File,
}

impl DirectoryLock {
    /// Waits for the lock of a directory.
    ///
    /// # Errors
    /// The lock's file cannot be made.
    pub fn take(root: &Path, of: &Path) -> io::Result<Self> {
        let name = of.strip_prefix(directory(root)).unwrap_or(of).to_string_lossy().replace('/', "~");
        let path = directory(root).join(LOCKS).join(slug(&name));
        loop {
            if let Some(parent) = path.parent() {
                make_directory(root, parent)?;
            }
            let file = match OpenOptions::new().write(true).create(true).truncate(false).open(&path) {
                // The directory was removed meanwhile.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                file => file?,
            };
            flock(&file, FlockOperation::LockExclusive)?;
            if is_at(&file, &path) {
                return Ok(Self { _file: file });
            }
        }
    }
}

/// Whether an open file is the one that a path names: a lock's file may have been removed while it was waited for.
pub(crate) fn is_at(file: &File, path: &Path) -> bool {
    let same = |a: &fs::Metadata, b: &fs::Metadata| a.dev() == b.dev() && a.ino() == b.ino();
    matches!((file.metadata(), path.metadata()), (Ok(a), Ok(b)) if same(&a, &b))
}

/// Removes the files of locks that nobody holds.
///
/// # Errors
/// The directory of locks is a link, or a file cannot be removed.
pub fn remove_free_locks(root: &Path) -> io::Result<()> {
    let locks = directory(root).join(LOCKS);
    refuse_link(&directory(root))?;
    refuse_link(&locks)?;
    for entry in fs::read_dir(&locks).into_iter().flatten() {
        let path = entry?.path();
        let Ok(file) = File::open(&path) else { continue };
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok() {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}

/// Tells others that a run is in a workspace, until it is dropped or its process ends.
#[derive(Debug)]
pub struct InUse {
    _file: File,
}

impl InUse {
    /// Says so.
    ///
    /// # Errors
    /// The file by which it is said cannot be made.
    pub fn begin(workspace: &Path) -> io::Result<Self> {
        let path = workspace.join(IN_USE);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(path)?;
        flock(&file, FlockOperation::LockShared)?;
        Ok(Self { _file: file })
    }
}

/// Whether a run is in a workspace.
pub fn is_in_use(workspace: &Path) -> bool {
    let Ok(file) = File::open(workspace.join(IN_USE)) else { return false };
    flock(&file, FlockOperation::NonBlockingLockExclusive).is_err()
}

/// Writes a file so that whoever reads it sees the old text or the new one, never a part.
///
/// # Errors
/// The file, or the one beside it that becomes it, cannot be written.
pub fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if fs::read(path).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    let directory = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".ez-").tempfile_in(directory)?;
    file.write_all(bytes)?;
    file.as_file().set_permissions(fs::Permissions::from_mode(0o644))?;
    file.persist(path).map(drop).map_err(|error| error.error)
}

/// Removes something below [`DIRECTORY`]: it is moved aside in one step, so that whoever is killed while removing it
/// leaves nothing half, and the next call ends the work. A link is removed, never what it leads to. Tells whether there
/// was something.
///
/// # Errors
/// The path leads out by a link, or something cannot be removed.
pub fn remove(root: &Path, path: &Path) -> io::Result<bool> {
    let runtime = directory(root);
    let below = path.strip_prefix(&runtime).map_err(|_| io::Error::other("it is not in .ez"))?;
    let mut above = runtime.clone();
    for part in below.parent().into_iter().flat_map(Path::components) {
        refuse_link(&above)?;
        above.push(part);
    }
    refuse_link(&above)?;
    match path.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
        Ok(found) if !found.is_dir() => {
            fs::remove_file(path)?;
            return Ok(true);
        }
        Ok(_) => {}
    }
    let trash = runtime.join(TRASH);
    refuse_link(&trash)?;
    make_directory(root, &trash)?;
    for number in 0..MAX_TRASH_NAMES {
        let aside = trash.join(format!("{}-{number}", std::process::id()));
        if aside.symlink_metadata().is_ok() {
            continue;
        }
        fs::rename(path, &aside)?;
        remove_tree(&aside)?;
        return Ok(true);
    }
    Err(io::Error::other("too much waits to be removed"))
}

/// Ends removals that were interrupted.
///
/// # Errors
/// Something cannot be removed.
pub fn empty_trash(root: &Path) -> io::Result<()> {
    let trash = directory(root).join(TRASH);
    refuse_link(&directory(root))?;
    match trash.symlink_metadata() {
        Ok(found) if found.is_dir() => remove_tree(&trash),
        Ok(_) => fs::remove_file(trash),
        Err(_) => Ok(()),
    }
}

fn refuse_link(path: &Path) -> io::Result<()> {
    if path.symlink_metadata().is_ok_and(|found| found.is_symlink()) {
        return Err(io::Error::other(format!("{} is a link, which is not followed", path.display())));
    }
    Ok(())
}

/// Removes a directory with all in it, also directories that nobody may write. Links are removed, not followed.
fn remove_tree(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            open_directories(path)?;
            fs::remove_dir_all(path)
        }
        // Another process ends the same work.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

fn open_directories(path: &Path) -> io::Result<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(0o700))?;
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            open_directories(&entry.path())?;
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

    #[test]
    fn removing_follows_no_link() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path();
        let outside = root.join("outside");
        fs::create_dir_all(&outside).unwrap();
        fs::write(outside.join("kept"), "").unwrap();
        let workspace = workspace(root, "x");
        fs::create_dir_all(workspace.join("closed/inner")).unwrap();
        std::os::unix::fs::symlink(&outside, workspace.join("link")).unwrap();
        fs::set_permissions(workspace.join("closed"), fs::Permissions::from_mode(0o500)).unwrap();
        assert!(remove(root, &workspace).unwrap() && !workspace.exists());
        assert!(!remove(root, &workspace).unwrap());
        std::os::unix::fs::symlink(&outside, &workspace).unwrap();
        assert!(remove(root, &workspace).unwrap() && workspace.symlink_metadata().is_err());
        assert!(remove(root, &outside).is_err() && remove(root, root).is_err());
        fs::remove_dir_all(directory(root).join("tasks")).unwrap();
        std::os::unix::fs::symlink(&outside, directory(root).join("tasks")).unwrap();
        assert!(remove(root, &directory(root).join("tasks/kept")).is_err());
        assert!(outside.join("kept").exists());
    }

    #[test]
    fn only_locks_that_nobody_holds_are_removed() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path();
        let held = DirectoryLock::take(root, &task(root, "held")).unwrap();
        drop(DirectoryLock::take(root, &task(root, "free")).unwrap());
        let count = || fs::read_dir(directory(root).join(LOCKS)).unwrap().count();
        remove_free_locks(root).unwrap();
        assert_eq!(count(), 1);
        drop(held);
        remove_free_locks(root).unwrap();
        assert_eq!(count(), 0);
    }

    #[test]
    fn a_workspace_is_in_use_as_long_as_somebody_says_so() {
        let place = tempfile::tempdir().unwrap();
        assert!(!is_in_use(place.path()));
        let first = InUse::begin(place.path()).unwrap();
        let second = InUse::begin(place.path()).unwrap();
        drop(first);
        assert!(is_in_use(place.path()));
        drop(second);
        assert!(!is_in_use(place.path()));
    }

    #[test]
    fn what_was_left_is_removed_later() {
        let place = tempfile::tempdir().unwrap();
        let trash = directory(place.path()).join(TRASH);
        fs::create_dir_all(trash.join("1-0/x")).unwrap();
        empty_trash(place.path()).unwrap();
        assert!(!trash.exists());
        empty_trash(place.path()).unwrap();
    }
}
