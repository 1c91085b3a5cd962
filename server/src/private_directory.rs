//! Directories for their owner alone: what is in them may be copies of files that others must not read.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;

/// What only the owner may do.
const MODE: u32 = 0o700;

/// Makes a directory, with those above it that are missing. One that is there already stays as it is.
///
/// # Errors
/// It cannot be made.
pub fn make(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(MODE).create(path)
}

/// The same for one in which nobody else has anything to do: it is closed where others could look into it.
///
/// # Errors
/// It cannot be made or closed.
pub fn make_closed(path: &Path) -> io::Result<()> {
    make(path)?;
    if fs::metadata(path)?.permissions().mode() & 0o777 == MODE {
        return Ok(());
    }
    fs::set_permissions(path, Permissions::from_mode(MODE))
}

/// The same for one that its owner named: it is closed where nothing is in it but `names`, so that a directory with other things stays open for whom it is.
///
/// # Errors
/// It cannot be made, looked at or closed.
pub fn make_own(path: &Path, names: &[&str]) -> io::Result<()> {
    make(path)?;
    for entry in fs::read_dir(path)? {
        let name = entry?.file_name();
        if !names.iter().any(|known| name == *known) {
            return Ok(());
        }
    }
    make_closed(path)
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::{make, make_closed, make_own};

    #[test]
    fn only_the_owner_sees_what_is_in_it() {
        let place = tempfile::tempdir().unwrap();
        let mode = |path| fs::metadata(place.path().join(path)).unwrap().permissions().mode() & 0o777;
        make(&place.path().join("a/b")).unwrap();
        assert_eq!((mode("a"), mode("a/b")), (0o700, 0o700));
        fs::set_permissions(place.path().join("a/b"), Permissions::from_mode(0o755)).unwrap();
        make(&place.path().join("a/b")).unwrap();
        assert_eq!(mode("a/b"), 0o755);
        make_closed(&place.path().join("a/b")).unwrap();
        assert_eq!(mode("a/b"), 0o700);
    }

    #[test]
    fn a_directory_with_other_things_stays_as_it_is() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("data");
        let mode = || fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        make_own(&path, &["own"]).unwrap();
        assert_eq!(mode(), 0o700);
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        fs::write(path.join("own"), "").unwrap();
        fs::write(path.join("other"), "").unwrap();
        make_own(&path, &["own"]).unwrap();
        assert_eq!(mode(), 0o755);
        fs::remove_file(path.join("other")).unwrap();
        make_own(&path, &["own"]).unwrap();
        assert_eq!(mode(), 0o700);
    }
}
