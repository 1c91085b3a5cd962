//! Fetched Taskfiles on disk: the text, its checksum and when it was fetched.

use std::io;

use camino::{Utf8Path, Utf8PathBuf};

use crate::civil_time;

/// One fetched Taskfile.
pub(super) struct Cache {
    base: Utf8PathBuf,
}

impl Cache {
    /// The place of `key` below `dir`. What could leave that place is replaced in the key.
    pub fn new(dir: &Utf8Path, key: &str) -> Self {
        let safe: String =
            key.chars().map(|c| if c == '/' || c == '\\' || c.is_control() { '-' } else { c }).collect();
        Self { base: dir.join(safe) }
    }

    /// Where the text is.
    pub fn path(&self) -> Utf8PathBuf {
        self.file("yaml")
    }

    fn file(&self, suffix: &str) -> Utf8PathBuf {
        Utf8PathBuf::from(format!("{}.{suffix}", self.base))
    }

    /// The text, if there is one that can be read.
    pub fn read(&self) -> Option<String> {
        std::fs::read_to_string(self.path()).ok()
    }

    /// The checksum of what was last agreed to.
    pub fn checksum(&self) -> Option<String> {
        std::fs::read_to_string(self.file("checksum")).ok().filter(|text| !text.is_empty())
    }

    /// When the text was fetched, in seconds since the epoch.
    pub fn timestamp(&self) -> Option<i64> {
        civil_time::parse(&std::fs::read_to_string(self.file("timestamp")).ok()?)
    }

    /// Keeps a text.
    pub fn store(&self, text: &str, checksum: &str, now: i64) -> io::Result<()> {
        if let Some(dir) = self.base.parent() {
            std::fs::create_dir_all(dir)?;
        }
        std::fs::write(self.file("checksum"), checksum)?;
        std::fs::write(self.file("timestamp"), civil_time::format(now))?;
        std::fs::write(self.path(), text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_cannot_leave_the_cache() {
        let cache = Cache::new(Utf8Path::new("/c"), "git.x.../../etc/passwd");
        assert_eq!(cache.path(), "/c/git.x...-..-etc-passwd.yaml");
    }
}
