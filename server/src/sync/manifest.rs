//! What a tree has: its files by their digests, its links, its empty directories.
//!
//! A manifest is a content itself, and its digest names the whole tree. Two trees are the same exactly where their manifests are, byte by byte. Every manifest is
//! taken to be hostile: one that could lead out of the directory in which it is laid out is refused before anything is written.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde::{Deserialize, Serialize};

use super::digest::Digest;
use super::tree_path::{BadPath, TreePath};

/// The version of the form.
pub const VERSION: u32 = 1;

/// The most entries of a manifest.
pub const MAX_ENTRIES: usize = 1_000_000;

/// The longest text of a manifest in bytes.
pub const MAX_MANIFEST_BYTES: u64 = 256 << 20;

/// The longest target of a link in bytes.
const MAX_TARGET_BYTES: usize = 4096;

/// How many links one after the other are followed, as the system does.
const MAX_LINKS: usize = 40;

/// What stands at a path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entry {
    /// A file.
    File(FileEntry),
    /// A symbolic link, and where it leads from the directory in which it is.
    Link(String),
    /// A directory in which there is nothing; others are known by what is in them.
    Directory {},
}

/// A file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// The digest of its content.
    pub digest: Digest,
    /// How many bytes it has.
    pub size: u64,
    /// Whether it can be executed.
    #[serde(default, rename = "executable", skip_serializing_if = "is_false")]
    pub is_executable: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
fn is_false(value: &bool) -> bool {
    !value
}

/// What a tree has, by path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    entries: BTreeMap<TreePath, Entry>,
}

#[derive(Serialize)]
struct Written<'a> {
    version: u32,
    entries: &'a BTreeMap<TreePath, Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Read {
    version: u32,
    entries: BTreeMap<TreePath, Entry>,
}

/// Why there is no manifest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// It is another text.
    #[error("the list of files cannot be read: {0}")]
    Text(String),
    /// A newer program wrote it.
    #[error(
        "the list of files has version {0}, and this program knows {VERSION}: use the same version of ez on both sides"
    )]
    Version(u32),
    /// It is larger than anything that is taken.
    #[error("a tree has at most {MAX_ENTRIES} files")]
    TooLarge,
    /// A path cannot be.
    #[error(transparent)]
    Path(#[from] BadPath),
    /// Something that is no directory has something in it.
    #[error("`{inner}` would be in `{outer}`, which is no directory")]
    NoDirectory {
        /// What is no directory.
        outer: String,
        /// What would be in it.
        inner: TreePath,
    },
    /// A link leads out.
    #[error(
        "the link `{path}` leads out of the tree, to `{target}`: only links to what is in the tree are sent"
    )]
    LinkOut {
        /// The link.
        path: TreePath,
        /// Where it leads.
        target: String,
    },
}

impl Manifest {
    /// Of entries.
    ///
    /// # Errors
    /// They are of no tree, or a link leads out.
    pub fn new(entries: BTreeMap<TreePath, Entry>) -> Result<Self, ManifestError> {
        let manifest = Self { entries };
        manifest.check()?;
        Ok(manifest)
    }

    /// From its text.
    ///
    /// # Errors
    /// It is none, or not what a tree can have.
    pub fn decode(bytes: &[u8]) -> Result<Self, ManifestError> {
        if bytes.len() as u64 > MAX_MANIFEST_BYTES {
            return Err(ManifestError::TooLarge);
        }
        let read: Read =
            serde_json::from_slice(bytes).map_err(|error| ManifestError::Text(error.to_string()))?;
        if read.version != VERSION {
            return Err(ManifestError::Version(read.version));
        }
        Self::new(read.entries)
    }

    /// Its text: the same for the same tree.
    pub fn encode(&self) -> Vec<u8> {
        // Maps with texts as keys, texts and numbers are always JSON.
        serde_json::to_vec(&Written { version: VERSION, entries: &self.entries }).unwrap_or_default()
    }

    /// What it has.
    pub fn entries(&self) -> &BTreeMap<TreePath, Entry> {
        &self.entries
    }

    /// Its files.
    pub fn files(&self) -> impl Iterator<Item = (&TreePath, &FileEntry)> {
        self.entries.iter().filter_map(|(path, entry)| match entry {
            Entry::File(file) => Some((path, file)),
            Entry::Link(_) | Entry::Directory {} => None,
        })
    }

    /// The contents that it needs, each once, with their sizes.
    pub fn contents(&self) -> HashMap<Digest, u64> {
        self.files().map(|(_, file)| (file.digest, file.size)).collect()
    }

    /// How many bytes its files have.
    pub fn total_bytes(&self) -> u64 {
        self.files().fold(0, |sum, (_, file)| sum.saturating_add(file.size))
    }

    /// Together with what stands at other paths.
    ///
    /// # Errors
    /// They do not fit together.
    pub fn with(&self, more: &Self) -> Result<Self, ManifestError> {
        let mut entries = self.entries.clone();
        entries.extend(more.entries.iter().map(|(path, entry)| (path.clone(), entry.clone())));
        Self::new(entries)
    }

    /// Together with directories; those in which something stands are there already.
    ///
    /// # Errors
    /// Something stands where a directory is to be.
    pub fn with_directories(&self, directories: &BTreeSet<TreePath>) -> Result<Self, ManifestError> {
        let inner = self.entries.keys().chain(directories);
        let known: HashSet<&str> = inner.flat_map(TreePath::ancestors).collect();
        let missing = directories.iter().filter(|directory| !known.contains(directory.as_str()));
        let missing = missing.map(|directory| (directory.clone(), Entry::Directory {}));
        self.with(&Self { entries: missing.collect() })
    }

    /// What stands in one directory, by its path from there.
    ///
    /// # Errors
    /// A link leads out of that directory.
    pub fn below(&self, directory: &TreePath) -> Result<Self, ManifestError> {
        let mut entries = BTreeMap::new();
        for (path, entry) in &self.entries {
            let rest = path.as_str().strip_prefix(directory.as_str()).and_then(|rest| rest.strip_prefix('/'));
            if let Some(rest) = rest {
                entries.insert(TreePath::new(rest)?, entry.clone());
            }
        }
        Self::new(entries)
    }

    /// The same tree in a directory of another one.
    ///
    /// # Errors
    /// A path becomes too long.
    pub fn within(&self, directory: &TreePath) -> Result<Self, ManifestError> {
        let moved = |(path, entry): (&TreePath, &Entry)| {
            Ok((TreePath::new(format!("{directory}/{path}"))?, entry.clone()))
        };
        Self::new(self.entries.iter().map(moved).collect::<Result<_, BadPath>>()?)
    }

    /// What is not the same in another tree.
    ///
    /// # Errors
    /// Never: what is left of a tree is one, as long as its links need nothing that is gone.
    pub fn without(&self, other: &Self) -> Result<Self, ManifestError> {
        let differs = |(path, entry): &(&TreePath, &Entry)| other.entries.get(path) != Some(entry);
        let kept = self.entries.iter().filter(differs);
        Self::new(kept.map(|(path, entry)| (path.clone(), entry.clone())).collect())
    }

    fn check(&self) -> Result<(), ManifestError> {
        if self.entries.len() > MAX_ENTRIES {
            return Err(ManifestError::TooLarge);
        }
        // A file system may take names for the same that differ in their case alone. What leads through a link there must be refused here too.
        let folded = |path: &str| path.to_lowercase();
        let blocking: HashSet<String> = self
            .entries
            .iter()
            .filter(|(_, entry)| matches!(entry, Entry::Link(_)))
            .map(|(path, _)| folded(path.as_str()))
            .collect();
        let mut known = HashSet::new();
        for path in self.entries.keys() {
            for ancestor in path.ancestors() {
                if !known.insert(ancestor) {
                    continue;
                }
                let is_entry = TreePath::new(ancestor).is_ok_and(|outer| self.entries.contains_key(&outer));
                if is_entry || (!blocking.is_empty() && blocking.contains(&folded(ancestor))) {
                    return Err(ManifestError::NoDirectory {
                        outer: ancestor.to_owned(),
                        inner: path.clone(),
                    });
                }
            }
        }
        for (path, entry) in &self.entries {
            if let Entry::Link(target) = entry
                && !self.is_inside(path, target)
            {
                return Err(ManifestError::LinkOut { path: path.clone(), target: target.clone() });
            }
        }
        Ok(())
    }

    /// Whether a link stays within the tree, whatever other links it leads through.
    fn is_inside(&self, path: &TreePath, target: &str) -> bool {
        if target.is_empty() || target.len() > MAX_TARGET_BYTES || target.contains('\0') {
            return false;
        }
        let mut here: Vec<String> = path.names().map(str::to_owned).collect();
        here.pop();
        let mut ahead = Vec::new();
        let mut links = 0;
        if !queue(&mut ahead, target) {
            return false;
        }
        while let Some(name) = ahead.pop() {
            match name.as_str() {
                "" | "." => continue,
                ".." => {
                    if here.pop().is_none() {
                        return false;
                    }
                    continue;
                }
                _ => here.push(name),
            }
            let at = TreePath::new(here.join("/"));
            if let Ok(at) = at
                && let Some(Entry::Link(next)) = self.entries.get(&at)
            {
                links += 1;
                here.pop();
                if links > MAX_LINKS || !queue(&mut ahead, next) {
                    // A circle leads nowhere, and so not out.
                    return links > MAX_LINKS;
                }
            }
        }
        true
    }
}

/// Puts the names of a target before those that are still ahead. Whether it is relative.
fn queue(ahead: &mut Vec<String>, target: &str) -> bool {
    ahead.extend(target.split('/').rev().map(str::to_owned));
    !target.starts_with('/')
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::{Digest, Entry, FileEntry, Manifest, ManifestError, TreePath};

    fn file(text: &str) -> Entry {
        let (digest, size) = (Digest::of(text.as_bytes()), text.len() as u64);
        Entry::File(FileEntry { digest, size, is_executable: false })
    }

    fn manifest(entries: &[(&str, Entry)]) -> Result<Manifest, ManifestError> {
        let entries = entries.iter().map(|(path, entry)| Ok((TreePath::new(*path)?, entry.clone())));
        Manifest::new(entries.collect::<Result<BTreeMap<_, _>, ManifestError>>()?)
    }

    fn link(target: &str) -> Entry {
        Entry::Link(target.to_owned())
    }

    #[test]
    fn links_within_the_tree_are_fine() {
        for (path, target) in [("l", "a"), ("d/l", "../a"), ("d/l", "./x/.."), ("l", "l"), ("d/e/l", "../..")]
        {
            assert!(manifest(&[("a", file("")), (path, link(target))]).is_ok(), "{path} {target}");
        }
    }

    #[test]
    fn links_that_lead_out_are_refused() {
        for (path, target) in
            [("l", ".."), ("l", "/etc/passwd"), ("d/l", "../../x"), ("d/l", "a/../../.."), ("l", "")]
        {
            let refused = manifest(&[(path, link(target))]);
            assert!(matches!(refused, Err(ManifestError::LinkOut { .. })), "{path} {target}");
        }
        // By its names alone it stays within; by the link that it leads through it does not.
        let deep = manifest(&[("a/b/x", link("../../c")), ("a/b/l", link("x/../../etc")), ("c/f", file(""))]);
        assert!(matches!(deep, Err(ManifestError::LinkOut { .. })), "{deep:?}");
    }

    #[test]
    fn nothing_is_in_a_link_or_a_file() {
        for (outer, inner) in [
            (("a", link("b")), "a/c"),
            (("a", file("")), "a/c"),
            (("A", link("b")), "a/c"),
            (("a", Entry::Directory {}), "a/c"),
        ] {
            let refused = manifest(&[outer.clone(), (inner, file(""))]);
            assert!(matches!(refused, Err(ManifestError::NoDirectory { .. })), "{outer:?}");
        }
    }

    #[test]
    fn hostile_texts_are_refused() {
        for path in ["/etc/x", "../x", "a/../../x", "", "a//b", "."] {
            let text = format!(r#"{{"version":1,"entries":{{"{path}":{{"directory":{{}}}}}}}}"#);
            assert!(Manifest::decode(text.as_bytes()).is_err(), "{path}");
        }
        for text in
            ["", "{}", r#"{"version":2,"entries":{}}"#, r#"{"version":1,"entries":{"a":{"device":1}}}"#]
        {
            assert!(Manifest::decode(text.as_bytes()).is_err(), "{text}");
        }
        assert_eq!(Manifest::decode(br#"{"version":1,"entries":{}}"#), Ok(Manifest::default()));
    }

    /// Names with everything that is difficult.
    pub fn name() -> impl Strategy<Value = String> {
        prop_oneof!["[a-c]{1,2}", "[äπ日\u{1F600}]{1,2}", "[ \n\"'$*?\\\\.-][a-b]"]
    }

    /// Trees that can be.
    pub fn tree() -> impl Strategy<Value = Vec<(String, u8, Vec<u8>)>> {
        let path = prop::collection::vec(name(), 1..4).prop_map(|names| names.join("/"));
        prop::collection::vec((path, 0..4_u8, prop::collection::vec(any::<u8>(), 0..50)), 0..12)
    }

    /// The manifest of what was drawn: what cannot stand beside the rest is left out.
    pub fn manifest_of(drawn: &[(String, u8, Vec<u8>)]) -> Manifest {
        let mut manifest = Manifest::default();
        for (path, kind, content) in drawn {
            let Ok(path) = TreePath::new(path.clone()) else { continue };
            let entry = match kind {
                0 => Entry::Directory {},
                1 => Entry::Link("a".repeat(content.len() + 1)),
                kind => Entry::File(FileEntry {
                    digest: Digest::of(content),
                    size: content.len() as u64,
                    is_executable: *kind == 2,
                }),
            };
            let mut entries = manifest.entries.clone();
            entries.insert(path, entry);
            if let Ok(larger) = Manifest::new(entries) {
                manifest = larger;
            }
        }
        manifest
    }

    proptest! {
        #[test]
        fn texts_come_back(drawn in tree()) {
            let manifest = manifest_of(&drawn);
            prop_assert_eq!(Manifest::decode(&manifest.encode()), Ok(manifest));
        }

        #[test]
        fn no_bytes_do_harm(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Manifest::decode(&bytes);
        }
    }
}
