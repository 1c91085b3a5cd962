//! Files of the project that are changed over the API: a change says which version it is of, and a file is never there in part.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use ez_runner::plan::store::hash_text;

/// The longest file that is read or written, in bytes.
pub const MAX_BYTES: u64 = 1 << 20;

/// How many digits of its SHA-256 name a version.
const TAG_LENGTH: usize = 32;

/// Names a version of a text.
pub fn tag(text: &str) -> String {
    let hash = hash_text(text);
    hash.get(..TAG_LENGTH).unwrap_or(&hash).to_owned()
}

/// A file as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Its text.
    pub text: String,
    /// Names this version of it.
    pub tag: String,
}

impl Source {
    /// Of a text.
    pub fn new(text: String) -> Self {
        Self { tag: tag(&text), text }
    }

    /// That of a path; `None` where there is none.
    ///
    /// # Errors
    /// It cannot be read, is longer than [`MAX_BYTES`], or is no text.
    pub fn read(path: &Path) -> io::Result<Option<Self>> {
        let length = match fs::metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            metadata => metadata?.len(),
        };
        if length > MAX_BYTES {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        fs::read_to_string(path).map(|text| Some(Self::new(text)))
    }
}

/// What came of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Saved {
    /// The file has the text, also after a power failure.
    Done,
    /// The file has another text than the one that was read: somebody else changed it.
    Changed,
}

/// Whether a file that is there or is to be made is below a directory, wherever links lead. One that leads to nothing is not.
///
/// # Errors
/// The directories on the way cannot be read.
pub fn is_inside(root: &Path, path: &Path) -> io::Result<bool> {
    let known = path.ancestors().find(|known| known.symlink_metadata().is_ok());
    match known.unwrap_or(path).canonicalize() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        known => Ok(known?.starts_with(root.canonicalize()?)),
    }
}

/// Puts a text in the place of a file that had a text before, or makes one where there was `None`. Whoever reads it, and whatever is killed, it is the old text or
/// the new one. Links stay links, and the file keeps its mode.
///
/// # Errors
/// It cannot be written; then the old one is still there.
pub fn replace(path: &Path, before: Option<&str>, text: &str) -> io::Result<Saved> {
    let target = match path.canonicalize() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => path.to_owned(),
        target => target?,
    };
    let path = target.as_path();
    let directory = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    fs::create_dir_all(directory)?;
    // A name that begins with a point is no file of a project.
    let fresh = directory.join(format!(".{}.ez-new", name.to_string_lossy()));
    let saved = write_whole(&fresh, text).and_then(|()| put_in_place(&fresh, path, before));
    if !matches!(saved, Ok(Saved::Done)) {
        // What is left of it is no file of a project.
        let _ = fs::remove_file(&fresh);
        return saved;
    }
    File::open(directory)?.sync_all()?;
    saved
}

fn put_in_place(fresh: &Path, path: &Path, before: Option<&str>) -> io::Result<Saved> {
    let now = match fs::read(path) {
        Ok(bytes) => Some(bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    if now.as_deref() != before.map(str::as_bytes) {
        return Ok(Saved::Changed);
    }
    if now.is_some() {
        fs::set_permissions(fresh, fs::metadata(path)?.permissions())?;
    }
    fs::rename(fresh, path)?;
    Ok(Saved::Done)
}

fn write_whole(path: &Path, text: &str) -> io::Result<()> {
    // What a killed server left there, be it a link, is not written through.
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().create_new(true).write(true).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::{MAX_BYTES, Saved, Source, is_inside, replace};

    #[test]
    fn a_version_is_known_by_its_text() {
        let (one, other) = (Source::new("a".into()), Source::new("b".into()));
        assert_ne!(one.tag, other.tag);
        assert_eq!(one, Source::new("a".into()));
    }

    #[test]
    fn a_file_is_replaced_whole() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("plans/p.yml");
        assert_eq!(Source::read(&path).unwrap(), None);
        assert_eq!(replace(&path, None, "one").unwrap(), Saved::Done);
        // What a killed server left does not matter, and a link there is not followed.
        let elsewhere = place.path().join("elsewhere");
        fs::write(&elsewhere, "mine").unwrap();
        symlink(&elsewhere, place.path().join("plans/.p.yml.ez-new")).unwrap();
        assert_eq!(replace(&path, Some("one"), "two").unwrap(), Saved::Done);
        assert_eq!(Source::read(&path).unwrap().unwrap().text, "two");
        assert_eq!(fs::read_to_string(elsewhere).unwrap(), "mine");
        assert_eq!(fs::read_dir(place.path().join("plans")).unwrap().count(), 1);
        fs::write(&path, vec![b'x'; MAX_BYTES as usize + 1]).unwrap();
        assert!(Source::read(&path).is_err());
    }

    #[test]
    fn links_and_modes_stay() {
        let place = tempfile::tempdir().unwrap();
        let (file, link) = (place.path().join("file"), place.path().join("link"));
        fs::write(&file, "old").unwrap();
        fs::set_permissions(&file, PermissionsExt::from_mode(0o640)).unwrap();
        symlink("file", &link).unwrap();
        assert_eq!(replace(&link, Some("old"), "new").unwrap(), Saved::Done);
        assert_eq!(fs::read_to_string(&file).unwrap(), "new");
        assert!(link.symlink_metadata().unwrap().is_symlink());
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 2);
    }

    #[test]
    fn what_somebody_else_wrote_stays() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("file");
        assert_eq!(replace(&file, None, "a").unwrap(), Saved::Done);
        assert_eq!(replace(&file, None, "b").unwrap(), Saved::Changed);
        assert_eq!(replace(&file, Some("x"), "b").unwrap(), Saved::Changed);
        assert_eq!(fs::read_to_string(&file).unwrap(), "a");
        fs::remove_file(&file).unwrap();
        assert_eq!(replace(&file, Some("a"), "b").unwrap(), Saved::Changed);
        assert!(!file.exists());
    }

    #[test]
    fn a_file_is_inside_where_its_links_lead() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().join("project");
        fs::create_dir_all(root.join("plans")).unwrap();
        fs::write(place.path().join("secret"), "").unwrap();
        fs::write(root.join("real.yml"), "").unwrap();
        symlink("../real.yml", root.join("plans/in.yml")).unwrap();
        symlink("../../secret", root.join("plans/out.yml")).unwrap();
        symlink("nothing", root.join("plans/gone.yml")).unwrap();
        symlink("..", root.join("up")).unwrap();
        for (path, expected) in [
            ("real.yml", true),
            ("plans/in.yml", true),
            ("new/deep/new.yml", true),
            ("plans/out.yml", false),
            ("plans/gone.yml", false),
            ("up/new.yml", false),
        ] {
            assert_eq!(is_inside(&root, &root.join(path)).unwrap(), expected, "{path}");
        }
    }
}
