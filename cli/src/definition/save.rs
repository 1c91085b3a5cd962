//! The directory of a task comes and goes at once, or not at all.

use std::fs::{self, File};
use std::io::{self, Write};

use camino::{Utf8Path, Utf8PathBuf};

/// Makes a directory with files; it has its name only when they are complete.
///
/// # Errors
/// It cannot be made, or is there already.
pub fn create_directory(path: &Utf8Path, files: &[(&str, &str)]) -> io::Result<()> {
    let parent = path.parent().unwrap_or(Utf8Path::new("/"));
    fs::create_dir_all(parent)?;
    let begun =
        parent.join(format!(".{}.begun-{}", path.file_name().unwrap_or_default(), std::process::id()));
    fs::create_dir(&begun)?;
    let made = files.iter().try_for_each(|(name, text)| {
        let mut file = File::create_new(begun.join(name))?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    let made = made.and_then(|()| {
        if path.symlink_metadata().is_ok() {
            return Err(io::Error::from(io::ErrorKind::AlreadyExists));
        }
        fs::rename(&begun, path)
    });
    if made.is_err() {
        let _ = fs::remove_dir_all(&begun);
    }
    made.and_then(|()| sync_directory(parent))
}

/// Removes a directory: its name is gone at once. Of a link only the link goes.
///
/// # Errors
/// It cannot be removed.
pub fn remove_directory(path: &Utf8Path) -> io::Result<()> {
    if path.symlink_metadata()?.is_symlink() {
        return fs::remove_file(path);
    }
    let gone: Utf8PathBuf = path.with_file_name(format!(
        ".{}.removed-{}",
        path.file_name().unwrap_or_default(),
        std::process::id()
    ));
    fs::rename(path, &gone)?;
    fs::remove_dir_all(gone)
}

fn sync_directory(directory: &Utf8Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use camino::Utf8Path;

    use super::{create_directory, remove_directory};

    #[test]
    fn directories_come_and_go_at_once() {
        let holder = tempfile::tempdir().unwrap();
        let place = Utf8Path::from_path(holder.path()).unwrap();
        let made = place.join("tasks/fw");
        create_directory(&made, &[("a", "x")]).unwrap();
        assert_eq!(fs::read_to_string(made.join("a")).unwrap(), "x");
        assert!(create_directory(&made, &[]).is_err());
        let link = place.join("tasks/link");
        symlink("fw", &link).unwrap();
        remove_directory(&link).unwrap();
        remove_directory(&made).unwrap();
        assert_eq!(fs::read_dir(place.join("tasks")).unwrap().count(), 0);
    }
}
