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

/// Puts a text in the place of a file that had a text before, or makes one where there was `None`. Whoever reads it, and whatever is killed, it is the old text or
/// the new one. The file keeps its mode; a link is no file, and is replaced.
///
/// # Errors
/// It cannot be written; then the old one is still there.
pub fn replace(path: &Path, before: Option<&str>, text: &str) -> io::Result<Saved> {
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
    use super::{MAX_BYTES, Saved, Source, replace};

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
        std::fs::write(&elsewhere, "mine").unwrap();
        std::os::unix::fs::symlink(&elsewhere, place.path().join("plans/.p.yml.ez-new")).unwrap();
        assert_eq!(replace(&path, Some("one"), "two").unwrap(), Saved::Done);
        assert_eq!(Source::read(&path).unwrap().unwrap().text, "two");
        assert_eq!(std::fs::read_to_string(elsewhere).unwrap(), "mine");
        assert_eq!(std::fs::read_dir(place.path().join("plans")).unwrap().count(), 1);
        std::fs::write(&path, vec![b'x'; MAX_BYTES as usize + 1]).unwrap();
        assert!(Source::read(&path).is_err());
    }
}
