//! Artifacts between steps: kept by content when a step is done, checked by content whenever one is given to another.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use smol_str::SmolStr;

use super::journal::sync_directory;
use crate::artifact::{self, ArtifactError, Wanted};

/// How many files are made durable one by one; of more, the whole file system is.
const MAX_SINGLE_SYNCS: usize = 64;

/// A file of an artifact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredFile {
    /// Its path below the artifact's directory.
    pub path: PathBuf,
    /// The SHA-256 of its content, or of what it leads to as a link.
    pub sha256: SmolStr,
    /// Its size in bytes.
    pub size: u64,
    /// Whether it can be executed.
    pub executable: bool,
    /// Whether it is a link.
    pub link: bool,
}

/// Why an artifact cannot be given to a step.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// What is kept is not what the journal says.
    #[error("{} is not what its step left: it was changed or removed", .0.display())]
    Damaged(PathBuf),
    /// Something that EZ did not make is where it should go.
    #[error("{} is there already, and was not put there by this plan", .0.display())]
    Occupied(PathBuf),
    /// It should go outside of the step's directory.
    #[error("`{0}` is not in the directory of the step")]
    Outside(SmolStr),
    /// The disk fails.
    #[error("{}: {error}", path.display())]
    Disk {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

/// Copies what a step left to `to` and makes it durable. Gives the files by artifact.
///
/// # Errors
/// One that is not optional is missing, or something of one cannot be kept.
pub fn keep(
    from: &Path,
    to: &Path,
    wanted: &[Wanted],
) -> Result<std::collections::BTreeMap<SmolStr, Vec<StoredFile>>, ArtifactError> {
    let mut kept = std::collections::BTreeMap::new();
    if wanted.is_empty() {
        return Ok(kept);
    }
    let files = artifact::assemble(from, to, wanted)?;
    for one in wanted {
        kept.insert(one.name.clone(), Vec::new());
    }
    let name =
        |path: &Path| path.components().next().map(|first| SmolStr::new(first.as_os_str().to_string_lossy()));
    for file in &files {
        let Some(name) = name(file) else { continue };
        let path = to.join(file);
        let below = file.strip_prefix(name.as_str()).unwrap_or(file).to_owned();
        let stored = describe(&path, below).map_err(|error| ArtifactError::Disk {
            name: name.clone(),
            path: path.clone(),
            error,
        })?;
        kept.entry(name).or_default().push(stored);
    }
    make_durable(to, &files).map_err(|error| ArtifactError::Disk {
        name: wanted.first().map(|one| one.name.clone()).unwrap_or_default(),
        path: to.to_owned(),
        error,
    })?;
    Ok(kept)
}

/// Waits until files and the names that lead to them are on the disk.
fn make_durable(directory: &Path, files: &[PathBuf]) -> io::Result<()> {
    if files.len() > MAX_SINGLE_SYNCS {
        return Ok(rustix::fs::syncfs(File::open(directory)?)?);
    }
    let mut directories: Vec<PathBuf> = vec![directory.to_owned()];
    for file in files {
        let path = directory.join(file);
        if !path.is_symlink() {
            File::open(&path)?.sync_all()?;
        }
        let above = file.ancestors().skip(1).map(|above| directory.join(above));
        directories.extend(above);
    }
    directories.extend(directory.parent().map(Path::to_owned));
    directories.sort();
    directories.dedup();
    directories.iter().try_for_each(|directory| sync_directory(directory))
}

fn describe(path: &Path, below: PathBuf) -> io::Result<StoredFile> {
    let metadata = path.symlink_metadata()?;
    if metadata.is_symlink() {
        let target = fs::read_link(path)?;
        let sha256 = hex(&Sha256::digest(target.as_os_str().as_encoded_bytes()));
        return Ok(StoredFile { path: below, sha256, size: 0, executable: false, link: true });
    }
    let executable = metadata.permissions().mode() & 0o111 != 0;
    Ok(StoredFile { path: below, sha256: hash_file(path)?, size: metadata.len(), executable, link: false })
}

/// The SHA-256 of a file, in hexadecimal.
///
/// # Errors
/// It cannot be read.
pub fn hash_file(path: &Path) -> io::Result<SmolStr> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 64 << 10];
    loop {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            return Ok(hex(&hasher.finalize()));
        }
        hasher.update(buffer.get(..count).unwrap_or_default());
    }
}

/// The SHA-256 of a text, in hexadecimal.
pub fn hash_text(text: &str) -> SmolStr {
    hex(&Sha256::digest(text.as_bytes()))
}

/// Bytes in hexadecimal.
pub fn hex(bytes: &[u8]) -> SmolStr {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
        .into()
}

/// Whether what is kept of an artifact is what the journal says.
pub fn is_whole(directory: &Path, files: &[StoredFile]) -> bool {
    files.iter().all(|file| {
        describe(&directory.join(&file.path), file.path.clone()).is_ok_and(|found| found == *file)
    })
}

/// Where the files of an artifact go in the directory of a step: `to` is the place of a lone file, else the directory of
/// all; with a slash at its end it is a directory in which files keep their names.
pub fn targets(files: &[StoredFile], to: &str) -> Vec<PathBuf> {
    let is_directory = to.ends_with('/');
    let to = Path::new(to.trim_end_matches('/'));
    // A directory that was named as the artifact is its own first part.
    let top = match files {
        [first, ..] if files.iter().all(|file| file.path.components().count() > 1) => {
            let top = first.path.components().next();
            top.filter(|top| files.iter().all(|file| file.path.components().next() == Some(*top)))
        }
        _ => None,
    };
    let target = |file: &StoredFile| match (top, files) {
        (None, [_]) if !is_directory => to.to_owned(),
        (Some(top), _) if !is_directory => to.join(file.path.strip_prefix(top).unwrap_or(&file.path)),
        _ => to.join(&file.path),
    };
    files.iter().map(target).collect()
}

/// Puts a file of an artifact where a step wants it, `target` in `directory`, after looking whether it is still what its step
/// left. A file that is there already is replaced only where `is_ours` says so; an equal one stays. The copy is made in
/// `staging` and gets its place in one step: whoever is killed meanwhile leaves no part of it there.
///
/// # Errors
/// See [`PlaceError`].
pub fn place(
    kept: &Path,
    file: &StoredFile,
    directory: &Path,
    target: &Path,
    staging: &Path,
    is_ours: &dyn Fn(&Path) -> bool,
) -> Result<PathBuf, PlaceError> {
    let source = kept.join(&file.path);
    if !is_whole(kept, std::slice::from_ref(file)) {
        return Err(PlaceError::Damaged(source));
    }
    if !target.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
        return Err(PlaceError::Outside(target.to_string_lossy().into()));
    }
    let path = directory.join(target);
    let fail = |error| PlaceError::Disk { path: path.clone(), error };
    if path.symlink_metadata().is_ok() {
        let is_equal = describe(&path, file.path.clone()).is_ok_and(|found| found.sha256 == file.sha256);
        if is_equal {
            return Ok(path);
        }
        if !is_ours(&path) {
            return Err(PlaceError::Occupied(path));
        }
    }
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(fail)?;
    }
    fs::create_dir_all(staging).map_err(fail)?;
    let staged = tempfile::Builder::new().tempdir_in(staging).map_err(fail)?;
    let copied = staged.path().join("file");
    copy(&source, &copied, file).map_err(fail)?;
    match fs::rename(&copied, &path) {
        // The step's directory is on another disk.
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
            let beside = path.with_extension("ez-new");
            copy(&source, &beside, file).and_then(|()| fs::rename(&beside, &path)).map_err(fail)?;
        }
        renamed => renamed.map_err(fail)?,
    }
    Ok(path)
}

/// Copies a file, sharing its blocks where the file system can. Never a hard link: a step may change what it was given.
fn copy(source: &Path, path: &Path, file: &StoredFile) -> io::Result<()> {
    if file.link {
        return std::os::unix::fs::symlink(fs::read_link(source)?, path);
    }
    let from = File::open(source)?;
    let mode = from.metadata()?.permissions();
    let to = OpenOptions::new().write(true).create(true).truncate(true).open(path)?;
    if rustix::fs::ioctl_ficlone(&to, &from).is_err() {
        drop(to);
        fs::copy(source, path)?;
    }
    fs::set_permissions(path, mode)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(path: &str) -> StoredFile {
        StoredFile { path: path.into(), sha256: "".into(), size: 0, executable: false, link: false }
    }

    fn placed(files: &[&str], to: &str) -> Vec<String> {
        let files: Vec<StoredFile> = files.iter().map(|path| stored(path)).collect();
        targets(&files, to).into_iter().map(|path| path.display().to_string()).collect()
    }

    #[test]
    fn files_go_where_the_plan_says() {
        assert_eq!(placed(&["fw.bin"], "in/x.bin"), ["in/x.bin"]);
        assert_eq!(placed(&["fw.bin"], "in/"), ["in/fw.bin"]);
        assert_eq!(placed(&["a.o", "b.o"], "in"), ["in/a.o", "in/b.o"]);
        assert_eq!(placed(&["dist/a", "dist/b/c"], "in"), ["in/a", "in/b/c"]);
        assert_eq!(placed(&["dist/a", "dist/b/c"], "in/"), ["in/dist/a", "in/dist/b/c"]);
    }

    #[test]
    fn what_is_kept_is_checked_and_nothing_else_is_overwritten() {
        let place_ = tempfile::tempdir().unwrap();
        let (work, kept, next) =
            (place_.path().join("work"), place_.path().join("kept"), place_.path().join("next"));
        fs::create_dir_all(&work).unwrap();
        fs::create_dir_all(&next).unwrap();
        fs::write(work.join("fw"), "one").unwrap();
        fs::set_permissions(work.join("fw"), fs::Permissions::from_mode(0o755)).unwrap();
        let wanted = [Wanted { name: "a".into(), path: "fw".into(), optional: false }];
        let files = keep(&work, &kept, &wanted).unwrap().remove("a").unwrap();
        assert!(files.len() == 1 && files[0].executable && files[0].size == 3, "{files:?}");
        let put = |is_ours: bool| {
            let staging = place_.path().join("staging");
            place(&kept.join("a"), &files[0], &next, Path::new("in/fw"), &staging, &|_| is_ours).map(drop)
        };
        put(false).unwrap();
        put(false).unwrap();
        assert_eq!(fs::metadata(next.join("in/fw")).unwrap().permissions().mode() & 0o777, 0o755);
        fs::write(next.join("in/fw"), "mine").unwrap();
        assert!(matches!(put(false), Err(PlaceError::Occupied(_))));
        put(true).unwrap();
        assert_eq!(fs::read_to_string(next.join("in/fw")).unwrap(), "one");
        fs::write(kept.join("a/fw"), "two").unwrap();
        assert!(matches!(put(true), Err(PlaceError::Damaged(_))));
        let out = place(&kept.join("a"), &files[0], &next, Path::new("../fw"), place_.path(), &|_| true);
        assert!(matches!(out, Err(PlaceError::Damaged(_) | PlaceError::Outside(_))));
    }
}
