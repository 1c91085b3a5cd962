//! Which candidates fit what is typed, and in which order they are shown.

use smol_str::SmolStr;

use super::Item;

/// The most items of an answer.
pub const MAX_ITEMS: usize = 200;

/// How well a candidate fits what is typed: smaller is better. `None` where it does not.
///
/// 0: it begins so; 1: but for the case of letters; 2: one of its words does; 3: it has the letters in this order.
pub fn quality(typed: &str, candidate: &str) -> Option<u8> {
    let (typed, candidate) = (typed.as_bytes(), candidate.as_bytes());
    if candidate.starts_with(typed) {
        return Some(0);
    }
    let begins = |at: usize| {
        let head = candidate.get(at..at + typed.len());
        head.is_some_and(|head| head.eq_ignore_ascii_case(typed))
    };
    if begins(0) {
        return Some(1);
    }
    let is_boundary = |at: usize| {
        at.checked_sub(1)
            .and_then(|before| candidate.get(before))
            .is_some_and(|byte| !byte.is_ascii_alphanumeric())
    };
    if (1..candidate.len()).any(|at| is_boundary(at) && begins(at)) {
        return Some(2);
    }
    let mut left = candidate.iter();
    let has_letter = |byte: &u8| left.any(|other| other.eq_ignore_ascii_case(byte));
    typed.iter().all(has_letter).then_some(3)
}

/// Candidates that fit.
pub struct Candidates {
    typed: SmolStr,
    found: Vec<(u8, u16, Item)>,
    is_cut: bool,
}

impl Candidates {
    /// None yet, for what is typed.
    pub fn new(typed: impl Into<SmolStr>) -> Self {
        Self { typed: typed.into(), found: Vec::new(), is_cut: false }
    }

    /// How well a name fits.
    pub fn quality(&self, name: &str) -> Option<u8> {
        quality(&self.typed, name)
    }

    /// Adds an item of that name if it fits. Of two that fit as well the one of the lower group comes first, then the one
    /// that was added first.
    pub fn add(&mut self, group: u16, name: &str, item: impl FnOnce() -> Item) {
        if let Some(quality) = self.quality(name) {
            self.found.push((quality, group, item()));
        }
    }

    /// Takes over what fits another text that is typed, such as a part of the word.
    pub fn absorb(&mut self, others: Self) {
        self.is_cut |= others.is_cut;
        self.found.extend(others.found);
    }

    /// Says that there are more than were added.
    pub fn cut(&mut self) {
        self.is_cut = true;
    }

    /// The best of them in order, and whether there are more.
    pub fn finish(mut self) -> (Vec<Item>, bool) {
        self.found.sort_by_key(|(quality, group, _)| (*quality, *group));
        let mut items: Vec<Item> = Vec::with_capacity(self.found.len().min(MAX_ITEMS));
        for (_, _, item) in self.found {
            if items.len() == MAX_ITEMS {
                self.is_cut = true;
                break;
            }
            let is_known = |known: &Item| known.label == item.label && known.kind == item.kind;
            if !items.iter().any(is_known) {
                items.push(item);
            }
        }
        (items, self.is_cut)
    }
}

#[cfg(test)]
mod tests {
    use super::quality;

    #[test]
    fn the_beginning_fits_best() {
        for (typed, candidate, expected) in [
            ("", "x", Some(0)),
            ("bu", "build", Some(0)),
            ("BU", "build", Some(1)),
            ("bu", "docs:build", Some(2)),
            ("bi", "docs:build", Some(3)),
            ("dib", "build", None),
            ("ü", "übung", Some(0)),
            ("buildx", "build", None),
        ] {
            assert_eq!(quality(typed, candidate), expected, "{typed} {candidate}");
        }
    }
}
