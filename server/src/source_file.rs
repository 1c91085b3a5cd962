//! Files of the project that are changed over the API: a change says which version it is of, and a file is never there in part.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use ez_runner::plan::store::hash_text;

/// The longest file that is read or written, in bytes.
pub const MAX_BYTES: u64 = 1 << 20;

/// How many digits of its SHA-256 name a version.
const ETAG_LENGTH: usize = 32;

/// A file as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Its text.
    pub text: String,
    /// Names this version of it, in quotes as the header `ETag` has it.
    pub etag: String,
}

impl Source {
    /// Of a text.
    pub fn new(text: String) -> Self {
        let hash = hash_text(&text);
        let short = hash.get(..ETAG_LENGTH).unwrap_or(&hash);
        Self { etag: format!("\"{short}\""), text }
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

    /// Whether a change may be made that is meant for what the header `If-Match` says; without the header every change may.
    pub fn is_meant(&self, if_match: Option<&str>) -> bool {
        let Some(wanted) = if_match else { return true };
        wanted.split(',').map(str::trim).any(|tag| tag == "*" || tag == self.etag)
    }
}

/// Puts a text in the place of a file, or makes one. Whoever reads it, and whatever is killed, it is the old text or the new one.
///
/// # Errors
/// It cannot be written; then the old one is still there.
pub fn replace(path: &Path, text: &str) -> io::Result<()> {
    let directory = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    fs::create_dir_all(directory)?;
    // A name that begins with a point is no file of a project.
    let fresh = directory.join(format!(".{}.ez-new", name.to_string_lossy()));
    let written = write_whole(&fresh, text)
        .and_then(|()| match fs::metadata(path) {
            Ok(metadata) => fs::set_permissions(&fresh, metadata.permissions()),
            Err(_) => Ok(()),
        })
        .and_then(|()| fs::rename(&fresh, path));
    if written.is_err() {
        // What is left of it is no file of a project.
        let _ = fs::remove_file(&fresh);
    }
    written?;
    File::open(directory)?.sync_all()
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
    use super::{MAX_BYTES, Source, replace};

    #[test]
    fn a_version_is_known_by_its_text() {
        let (one, other) = (Source::new("a".into()), Source::new("b".into()));
        assert_ne!(one.etag, other.etag);
        assert_eq!(one, Source::new("a".into()));
        assert!(one.is_meant(None) && one.is_meant(Some("*")) && one.is_meant(Some(&one.etag)));
        assert!(one.is_meant(Some(&format!("{}, {}", other.etag, one.etag))));
        for wrong in [other.etag.as_str(), "", "W/", "\"\""] {
            assert!(!one.is_meant(Some(wrong)), "{wrong}");
        }
    }

    #[test]
    fn a_file_is_replaced_whole() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("plans/p.yml");
        assert_eq!(Source::read(&path).unwrap(), None);
        replace(&path, "one").unwrap();
        // What a killed server left does not matter, and a link there is not followed.
        let elsewhere = place.path().join("elsewhere");
        std::fs::write(&elsewhere, "mine").unwrap();
        std::os::unix::fs::symlink(&elsewhere, place.path().join("plans/.p.yml.ez-new")).unwrap();
        replace(&path, "two").unwrap();
        assert_eq!(Source::read(&path).unwrap().unwrap().text, "two");
        assert_eq!(std::fs::read_to_string(elsewhere).unwrap(), "mine");
        assert_eq!(std::fs::read_dir(place.path().join("plans")).unwrap().count(), 1);
        std::fs::write(&path, vec![b'x'; MAX_BYTES as usize + 1]).unwrap();
        assert!(Source::read(&path).is_err());
    }
}
