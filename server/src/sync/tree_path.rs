//! A path within a tree. It never leads out of it, wherever it comes from.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer, Serialize};

/// The longest path, and the longest name in it, in bytes.
pub const MAX_PATH_BYTES: usize = 4096;
const MAX_NAME_BYTES: usize = 255;

/// A path of names with `/` between them, from the root of a tree: never empty, never absolute, without `.` and `..`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct TreePath(String);

/// Why a text is no path within a tree.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{shown}` is no path within a tree: {why}", shown = path.escape_debug())]
pub struct BadPath {
    /// The text, or its beginning.
    pub path: String,
    /// What is wrong.
    pub why: &'static str,
}

impl TreePath {
    /// The path of a text.
    ///
    /// # Errors
    /// It could lead out of the tree, or no file can have it.
    pub fn new(text: impl Into<String>) -> Result<Self, BadPath> {
        let text = text.into();
        match fault(&text) {
            None => Ok(Self(text)),
            Some(why) => Err(BadPath { path: text.chars().take(200).collect(), why }),
        }
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its names.
    pub fn names(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('/')
    }

    /// The directories that lead to it, the outermost first.
    pub fn ancestors(&self) -> impl Iterator<Item = &str> {
        self.0.match_indices('/').map(|(at, _)| self.0.get(..at).unwrap_or_default())
    }

    /// Where it is below a directory.
    pub fn below(&self, root: &Path) -> PathBuf {
        root.join(&self.0)
    }
}

fn fault(text: &str) -> Option<&'static str> {
    if text.is_empty() {
        return Some("it is empty");
    }
    if text.len() > MAX_PATH_BYTES {
        return Some("it is too long");
    }
    if text.contains('\0') {
        return Some("it has a zero byte");
    }
    text.split('/').find_map(|name| match name {
        "" => Some("it is absolute, or has an empty name"),
        "." | ".." => Some("it has `.` or `..`"),
        name if name.len() > MAX_NAME_BYTES => Some("a name in it is too long"),
        _ => None,
    })
}

impl fmt::Display for TreePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for TreePath {
    type Error = BadPath;

    fn try_from(text: String) -> Result<Self, BadPath> {
        Self::new(text)
    }
}

impl<'de> Deserialize<'de> for TreePath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::TreePath;

    #[test]
    fn nothing_leads_out() {
        for bad in ["", "/", "/etc", "..", "a/..", "a/../b", "./a", "a/.", "a//b", "a/", "a\0b"] {
            assert!(TreePath::new(bad).is_err(), "{bad}");
        }
        assert!(TreePath::new("x".repeat(256)).is_err());
        assert!(TreePath::new("x/".repeat(2100) + "x").is_err());
        for good in ["a", "a/b", "...", "a b", "ö/π", "a\\b", "a\nb", "C:"] {
            assert!(TreePath::new(good).is_ok(), "{good}");
        }
    }

    #[test]
    fn the_ways_to_a_path() {
        let path = TreePath::new("a/b/c").unwrap();
        assert_eq!(path.ancestors().collect::<Vec<_>>(), ["a", "a/b"]);
        assert_eq!(path.names().collect::<Vec<_>>(), ["a", "b", "c"]);
    }
}
