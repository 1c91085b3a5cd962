//! Merge keys: `<<: *defaults`.

use std::sync::Arc;

use rustc_hash::FxHashSet;
use smol_str::SmolStr;

use super::error::DecodeError;
use super::node::{Entry, Mapping, Node, NodeKind, ScalarStyle};
use super::scalar::{TAG_PREFIX, tag_of, target};

/// How many mappings one mapping may merge, counting those that the merged ones merge.
pub const MAX_MERGED_MAPPINGS: usize = 10_000;

/// How many pairs of equal keys are reported for one mapping.
pub const MAX_DUPLICATE_REPORTS: usize = 100;

/// Up to so many keys are compared each with each, which is faster than a table.
const FEW_KEYS: usize = 12;

/// A mapping with its merge keys applied.
#[derive(Debug, Default)]
pub struct Merged<'n> {
    /// The entries: the mapping's own in written order, then what the merges add. A key that occurs twice in one
    /// mapping is listed twice, as written.
    pub entries: Vec<MergedEntry<'n>>,
    /// A merge of something that is no mapping, or too many merges.
    pub errors: Vec<DecodeError>,
}

/// An entry of a mapping, its own or a merged one.
#[derive(Clone, Copy, Debug)]
pub struct MergedEntry<'n> {
    /// The key.
    pub key: &'n Node,
    /// The value.
    pub value: &'n Arc<Node>,
    /// Whether a merge brought it.
    pub merged: bool,
}

/// The text by which a key is looked up: a scalar's text.
pub fn key_text(key: &Node) -> Option<&SmolStr> {
    match &target(key)?.kind {
        NodeKind::Scalar(scalar) => Some(&scalar.text),
        _ => None,
    }
}

/// Whether a key is the merge key: `<<` without quotes.
pub fn is_merge_key(key: &Node) -> bool {
    let NodeKind::Scalar(scalar) = &key.kind else { return false };
    scalar.text == "<<"
        && match key.tag() {
            None => scalar.style == ScalarStyle::Plain,
            Some(tag) => tag.strip_prefix(TAG_PREFIX) == Some("merge"),
        }
}

/// The entries of a mapping, merges applied: an explicit key wins over a merged one, in a list of merges the earlier
/// wins, and of several `<<` only the last counts. go-task does this for every mapping except `vars`, `env`, `tasks`,
/// `includes` and the other ordered ones, where `<<` is a name like any other.
pub fn mapping_entries(mapping: &Mapping) -> Merged<'_> {
    let mut merger =
        Merger { seen: FxHashSet::default(), merged: Merged::default(), budget: MAX_MERGED_MAPPINGS };
    merger.add_own(mapping);
    merger.merged
}

struct Merger<'n> {
    seen: FxHashSet<(SmolStr, SmolStr)>,
    merged: Merged<'n>,
    budget: usize,
}

impl<'n> Merger<'n> {
    fn add_own(&mut self, mapping: &'n Mapping) {
        let merge = mapping.entries.iter().rfind(|entry| is_merge_key(&entry.key));
        self.merged.entries.reserve(mapping.entries.len());
        for entry in &mapping.entries {
            if !is_merge_key(&entry.key) {
                if merge.is_some() {
                    self.seen.extend(identity(&entry.key));
                }
                self.merged.entries.push(MergedEntry { key: &entry.key, value: &entry.value, merged: false });
            }
        }
        if let Some(entry) = merge {
            self.merge_value(entry);
        }
    }

    fn merge_value(&mut self, entry: &'n Entry) {
        let wrong = |node: &Node| DecodeError::Fatal {
            span: node.span,
            message: "map merge requires map or sequence of maps as the value".to_owned(),
        };
        let value: &'n Node = &entry.value;
        if let NodeKind::Sequence(list) = &value.kind {
            for item in &list.items {
                match target(item).map(|node| &node.kind) {
                    Some(NodeKind::Mapping(mapping)) => self.add_merged(mapping, item),
                    Some(_) => return self.merged.errors.push(wrong(item)),
                    None => {}
                }
            }
            return;
        }
        match target(value).map(|node| &node.kind) {
            Some(NodeKind::Mapping(mapping)) => self.add_merged(mapping, value),
            Some(_) => self.merged.errors.push(wrong(value)),
            None => {}
        }
    }

    fn add_merged(&mut self, mapping: &'n Mapping, place: &Node) {
        if self.budget == 0 {
            return;
        }
        self.budget -= 1;
        if self.budget == 0 {
            let message = "document contains excessive aliasing".to_owned();
            self.merged.errors.push(DecodeError::Fatal { span: place.span, message });
            return;
        }
        let mut merge = None;
        for entry in &mapping.entries {
            if is_merge_key(&entry.key) {
                merge = Some(entry);
            } else if identity(&entry.key).is_none_or(|identity| self.seen.insert(identity)) {
                self.merged.entries.push(MergedEntry { key: &entry.key, value: &entry.value, merged: true });
            }
        }
        if let Some(entry) = merge {
            self.merge_value(entry);
        }
    }
}

/// What makes two keys the same key: the type and the text.
fn identity(key: &Node) -> Option<(SmolStr, SmolStr)> {
    Some((SmolStr::new(tag_of(key)), key_text(key)?.clone()))
}

/// The pairs of equal keys of one mapping, each an error in go-yaml (not in go-task's ordered mappings, where the last
/// wins silently). At most [`MAX_DUPLICATE_REPORTS`].
pub fn duplicate_keys(mapping: &Mapping) -> Vec<DecodeError> {
    if all_differ(mapping) {
        return Vec::new();
    }
    let mut errors = Vec::new();
    for (index, first) in mapping.entries.iter().enumerate() {
        let identity = written_identity(&first.key);
        for later in &mapping.entries[index + 1..] {
            if written_identity(&later.key) == identity {
                errors.push(DecodeError::DuplicateKey {
                    span: later.key.span,
                    first: first.key.span,
                    key: identity.1.to_string(),
                });
                if errors.len() >= MAX_DUPLICATE_REPORTS {
                    return errors;
                }
            }
        }
    }
    errors
}

fn all_differ(mapping: &Mapping) -> bool {
    let mut identities = mapping.entries.iter().map(|entry| written_identity(&entry.key));
    if mapping.entries.len() > FEW_KEYS {
        let mut seen = FxHashSet::default();
        return identities.all(|identity| seen.insert(identity));
    }
    let mut seen = [(0, ""); FEW_KEYS];
    identities.enumerate().all(|(count, identity)| {
        let differs = !seen[..count].contains(&identity);
        seen[count] = identity;
        differs
    })
}

/// go-yaml compares kinds and texts, so `1` and `"1"` are duplicates, and so are any two lists.
fn written_identity(key: &Node) -> (u8, &str) {
    match &key.kind {
        NodeKind::Scalar(scalar) => (0, &scalar.text),
        NodeKind::Sequence(_) => (1, ""),
        NodeKind::Mapping(_) => (2, ""),
        NodeKind::Alias { name, .. } => (3, name),
    }
}
