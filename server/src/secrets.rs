//! Stored secrets: encrypted with a key that is not in the database.
//!
//! Each value is sealed with ChaCha20-Poly1305 under a nonce of chance. What it belongs to is bound to it, so that a value that somebody moves to another place in
//! the database cannot be opened there.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hmac;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::job::JobId;

/// The name of the file with the key, beside the database.
pub const KEY_FILE: &str = "secret.key";

/// The shortest key that somebody may choose, in bytes.
pub const MIN_KEY_BYTES: usize = 32;

/// The longest file that is read as a key, in bytes.
const MAX_KEY_BYTES: u64 = 4096;

/// What the key of this use is derived with. Another use takes another text.
const USE: &[u8] = b"ez stored secrets 1\0";
const ATTEMPTS_USE: &[u8] = b"ez tokens of attempts 1\0";

/// Secret variables of a job. Their values are never shown.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secrets(pub BTreeMap<String, String>);

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Secrets {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A sealed value and its name.
pub type Sealed = (String, Vec<u8>);

/// What is wrong with a key, or with what it should open.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file cannot be read or made.
    #[error("the secret key {0} cannot be used: {1}")]
    Io(String, #[source] io::Error),
    /// Others than its owner can read it.
    #[error("the secret key {path} can be read by others (mode {mode:o}): say `chmod 600 {path}`")]
    OpenFile {
        /// The file.
        path: String,
        /// Its mode.
        mode: u32,
    },
    /// It could be guessed.
    #[error(
        "the secret key is shorter than {MIN_KEY_BYTES} characters: make one with `openssl rand -hex 32`"
    )]
    Short,
    /// The system has no chance.
    #[error("the system gives no random numbers")]
    NoChance,
    /// The value was sealed with another key, or belongs to something else, or is broken.
    #[error("the secret `{0}` cannot be opened: the server has another secret key than when it was stored")]
    Closed(String),
}

/// The key.
pub struct SecretKey {
    key: LessSafeKey,
    attempts: hmac::Key,
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey")
    }
}

/// The mode of a file that others than its owner may read or write.
pub fn mode_for_others(path: &Path) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt;
    let mode = fs::metadata(path).ok()?.permissions().mode() & 0o777;
    (mode & 0o077 != 0).then_some(mode)
}

impl SecretKey {
    /// The key of a text.
    ///
    /// # Errors
    /// It is too short.
    pub fn of_text(text: &str) -> Result<Self, SecretError> {
        let text = text.trim();
        if text.len() < MIN_KEY_BYTES {
            return Err(SecretError::Short);
        }
        let derived = |of_use| Sha256::new().chain_update(of_use).chain_update(text).finalize();
        let key = UnboundKey::new(&CHACHA20_POLY1305, &derived(USE)).map_err(|_| SecretError::Short)?;
        let attempts = hmac::Key::new(hmac::HMAC_SHA256, &derived(ATTEMPTS_USE));
        Ok(Self { key: LessSafeKey::new(key), attempts })
    }

    /// The key of the tokens of attempts.
    pub fn attempts(&self) -> &hmac::Key {
        &self.attempts
    }

    /// The key of a file that somebody else made.
    ///
    /// # Errors
    /// It cannot be read, or others can read it too.
    pub fn of_file(path: &Path) -> Result<Self, SecretError> {
        let shown = path.display().to_string();
        let io = |error| SecretError::Io(shown.clone(), error);
        let metadata = fs::metadata(path).map_err(io)?;
        if let Some(mode) = mode_for_others(path) {
            return Err(SecretError::OpenFile { path: shown, mode });
        }
        if metadata.len() > MAX_KEY_BYTES {
            return Err(io(io::Error::other("it is too long")));
        }
        Self::of_text(&fs::read_to_string(path).map_err(io)?)
    }

    /// The key in a file, which is made where there is none, for its owner alone.
    ///
    /// # Errors
    /// It can be neither read nor made.
    pub fn read_or_make(path: &Path) -> Result<Self, SecretError> {
        if !path.exists() {
            make(path)?;
        }
        Self::of_file(path)
    }

    /// Seals a value of a job.
    ///
    /// # Errors
    /// The system has no chance.
    pub fn seal(&self, job: JobId, name: &str, value: &str) -> Result<Vec<u8>, SecretError> {
        let mut nonce = [0; NONCE_LEN];
        getrandom::fill(&mut nonce).map_err(|_| SecretError::NoChance)?;
        let mut text = value.as_bytes().to_vec();
        self.key
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), owner(job, name), &mut text)
            .map_err(|_| SecretError::NoChance)?;
        Ok([&nonce[..], &text].concat())
    }

    /// Opens what was sealed for the same job and name.
    ///
    /// # Errors
    /// It was not, or not with this key.
    pub fn open(&self, job: JobId, name: &str, sealed: &[u8]) -> Result<String, SecretError> {
        let closed = || SecretError::Closed(name.to_owned());
        let (nonce, text) = sealed.split_first_chunk::<NONCE_LEN>().ok_or_else(closed)?;
        let mut text = text.to_vec();
        let opened = self
            .key
            .open_in_place(Nonce::assume_unique_for_key(*nonce), owner(job, name), &mut text)
            .map_err(|_| closed())?;
        String::from_utf8(opened.to_vec()).map_err(|_| closed())
    }

    /// Seals all secrets of a job.
    ///
    /// # Errors
    /// As [`Self::seal`].
    pub fn seal_all(&self, job: JobId, secrets: &Secrets) -> Result<Vec<Sealed>, SecretError> {
        let seal = |(name, value): (&String, &String)| Ok((name.clone(), self.seal(job, name, value)?));
        secrets.0.iter().map(seal).collect()
    }

    /// Opens all secrets of a job.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_all(&self, job: JobId, sealed: Vec<Sealed>) -> Result<Secrets, SecretError> {
        let open = |(name, sealed): Sealed| {
            let value = self.open(job, &name, &sealed)?;
            Ok((name, value))
        };
        Ok(Secrets(sealed.into_iter().map(open).collect::<Result<_, SecretError>>()?))
    }
}

/// What a value belongs to.
fn owner(job: JobId, name: &str) -> Aad<Vec<u8>> {
    Aad::from(format!("job/{job}/{name}").into_bytes())
}

/// Makes a key. It has its name only when it is whole.
fn make(path: &Path) -> Result<(), SecretError> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut chance = [0; 32];
    getrandom::fill(&mut chance).map_err(|_| SecretError::NoChance)?;
    let text = chance.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
    let begun: PathBuf = path.with_extension("begun");
    let written = (|| {
        // One that was begun before may have another mode.
        let _ = fs::remove_file(&begun);
        let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&begun)?;
        writeln!(file, "{text}")?;
        file.sync_all()?;
        fs::rename(&begun, path)?;
        path.parent().map_or(Ok(()), |directory| File::open(directory)?.sync_all())
    })();
    written.map_err(|error| SecretError::Io(path.display().to_string(), error))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::{SecretError, SecretKey, Secrets};

    fn key(text: &str) -> SecretKey {
        SecretKey::of_text(&text.repeat(32)).unwrap()
    }

    #[test]
    fn values_come_back_where_they_belong_and_nowhere_else() {
        let sealed = key("a").seal(7, "TOKEN", "value").unwrap();
        assert_eq!(key("a").open(7, "TOKEN", &sealed).unwrap(), "value");
        assert!(!sealed.windows(5).any(|bytes| bytes == b"value"));
        assert_ne!(key("a").seal(7, "TOKEN", "value").unwrap(), sealed);
        for (key, job, name) in [(key("b"), 7, "TOKEN"), (key("a"), 8, "TOKEN"), (key("a"), 7, "OTHER")] {
            assert!(matches!(key.open(job, name, &sealed), Err(SecretError::Closed(_))));
        }
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(key("a").open(7, "TOKEN", &changed).is_err());
            assert!(key("a").open(7, "TOKEN", &sealed[..at]).is_err());
        }
    }

    #[test]
    fn secrets_are_not_shown() {
        let secrets = Secrets([("TOKEN".to_owned(), "value".to_owned())].into());
        assert_eq!(format!("{secrets:?}"), "{\"TOKEN\"}");
    }

    #[test]
    fn a_key_is_made_once_for_its_owner_alone() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("secret.key");
        let sealed = SecretKey::read_or_make(&path).unwrap().seal(1, "A", "x").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(SecretKey::read_or_make(&path).unwrap().open(1, "A", &sealed).unwrap(), "x");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let told = SecretKey::read_or_make(&path).unwrap_err().to_string();
        assert!(told.contains("can be read by others (mode 640): say `chmod 600 "), "{told}");
        assert!(matches!(SecretKey::of_text("short"), Err(SecretError::Short)));
    }
}
