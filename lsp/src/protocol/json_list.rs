//! A long list as JSON. Each item becomes bytes as soon as there is one, so that no two are held in any other form.

use std::hash::Hasher;

use rustc_hash::{FxHashSet, FxHasher};
use serde::Serialize;

/// How many bytes an item is taken for before it is written.
const BYTES_AN_ITEM: usize = 512;

/// Items as JSON, without the brackets around them.
#[derive(Debug, Default)]
pub struct JsonList {
    shares: Vec<Share>,
}

/// Items that one thread wrote, with commas between them.
#[derive(Debug, Default)]
pub struct Share {
    bytes: Vec<u8>,
    /// Where each item ends.
    ends: Vec<usize>,
}

impl Share {
    /// Writes items of which there are at most so many.
    ///
    /// # Errors
    /// An item cannot be said in JSON.
    pub fn write<T: Serialize>(items: impl Iterator<Item = T>, at_most: usize) -> serde_json::Result<Self> {
        let mut share =
            Self { bytes: Vec::with_capacity(at_most * BYTES_AN_ITEM), ends: Vec::with_capacity(at_most) };
        for item in items {
            share.begin_item();
            serde_json::to_writer(&mut share.bytes, &item)?;
            share.ends.push(share.bytes.len());
        }
        Ok(share)
    }

    fn push_written(&mut self, item: &[u8]) {
        self.begin_item();
        self.bytes.extend_from_slice(item);
        self.ends.push(self.bytes.len());
    }

    fn begin_item(&mut self) {
        if !self.ends.is_empty() {
            self.bytes.push(b',');
        }
    }

    fn items(&self) -> impl Iterator<Item = &[u8]> {
        // Behind each end but the last stands a comma.
        let starts = std::iter::once(0).chain(self.ends.iter().map(|end| end + 1));
        starts.zip(&self.ends).filter_map(|(start, &end)| self.bytes.get(start..end))
    }
}

impl JsonList {
    /// The items of all shares, in order.
    pub fn new(shares: Vec<Share>) -> Self {
        Self { shares: shares.into_iter().filter(|share| !share.ends.is_empty()).collect() }
    }

    /// Takes in those items of another list that are not here.
    pub fn add_new(&mut self, other: &Self) {
        let known: FxHashSet<&[u8]> = self.items().collect();
        let mut new = Share::default();
        other.items().filter(|item| !known.contains(item)).for_each(|item| new.push_written(item));
        if !new.ends.is_empty() {
            self.shares.push(new);
        }
    }

    /// A number for the list: the same items, the same number.
    pub fn fingerprint(&self) -> u64 {
        let mut hasher = FxHasher::default();
        self.items().for_each(|item| hasher.write(item));
        hasher.finish()
    }

    /// How many bytes it has, with the commas.
    pub fn len(&self) -> usize {
        let bytes: usize = self.shares.iter().map(|share| share.bytes.len()).sum();
        bytes + self.shares.len().saturating_sub(1)
    }

    /// Writes it after other bytes.
    pub fn write_to(&self, output: &mut Vec<u8>) {
        for (index, share) in self.shares.iter().enumerate() {
            if index > 0 {
                output.push(b',');
            }
            output.extend_from_slice(&share.bytes);
        }
    }

    fn items(&self) -> impl Iterator<Item = &[u8]> {
        self.shares.iter().flat_map(Share::items)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(shares: &[&[&str]]) -> JsonList {
        let share = |items: &&[&str]| Share::write(items.iter(), items.len()).unwrap();
        JsonList::new(shares.iter().map(share).collect())
    }

    fn text(list: &JsonList) -> String {
        let mut bytes = Vec::new();
        list.write_to(&mut bytes);
        assert_eq!(bytes.len(), list.len());
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn shares_make_one_list() {
        assert_eq!(text(&list(&[])), "");
        assert_eq!(text(&list(&[&[], &["a", "b"], &[], &["c"], &[]])), r#""a","b","c""#);
    }

    #[test]
    fn only_what_is_not_there_is_taken_in() {
        let mut known = list(&[&["a", "b"], &["c"]]);
        known.add_new(&list(&[&["b", "x"], &["c", "x", "y"]]));
        assert_eq!(text(&known), r#""a","b","c","x","x","y""#);
        known.add_new(&list(&[&["y"]]));
        assert_eq!(text(&known), r#""a","b","c","x","x","y""#);
    }

    #[test]
    fn the_fingerprint_is_that_of_the_items_alone() {
        let of = |shares: &[&[&str]]| list(shares).fingerprint();
        assert_eq!(of(&[&["a", "b"], &["c"]]), of(&[&["a"], &["b", "c"]]));
        assert_eq!(of(&[]), JsonList::default().fingerprint());
        assert_ne!(of(&[&["a"]]), of(&[&["b"]]));
        assert_ne!(of(&[&["a"]]), of(&[]));
    }
}
