//! The name that somebody probably meant.

/// The longest word that may be a slip of the finger, in letters.
const MAX_WORD: usize = 100;

/// The nearest of `names` to `typed`, if it is near enough to be a slip of the finger: at most a third of the letters
/// differ (Damerau's distance: swapped neighbours count once). Of several that are as near the first one.
pub fn nearest<'n>(typed: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let length = typed.chars().count();
    if length > MAX_WORD {
        return None;
    }
    let mut measure = Measure::new(typed);
    let mut limit = (length / 3).max(1);
    let mut nearest = None;
    let mut is_reordered = false;
    for name in names.into_iter().filter(|name| *name != typed) {
        let distance = measure.distance_up_to(name, limit);
        if distance > limit {
            continue;
        }
        let has_same_letters = has_same_letters(typed, name);
        if distance < limit || nearest.is_none() || (has_same_letters && !is_reordered) {
            (nearest, is_reordered, limit) = (Some(name), has_same_letters, distance);
        }
    }
    nearest
}

/// Whether one word is the other in another order: of two near names that is the likelier one.
fn has_same_letters(a: &str, b: &str) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let sorted = |word: &str| {
        let mut letters: Vec<char> = word.chars().collect();
        letters.sort_unstable();
        letters
    };
    sorted(a) == sorted(b)
}

/// Edits between two words, a swap of neighbours counted as one (optimal string alignment).
pub fn distance(a: &str, b: &str) -> usize {
    Measure::new(a).distance_up_to(b, usize::MAX)
}

/// Measures how far words are from one.
struct Measure {
    word: Vec<char>,
    other: Vec<char>,
    /// Distances between beginnings of the two: the row that is made, and the two above it.
    rows: [Vec<usize>; 3],
}

impl Measure {
    fn new(word: &str) -> Self {
        Self { word: word.chars().collect(), other: Vec::new(), rows: Default::default() }
    }

    /// The distance to a word, exact up to a limit; beyond it some number above the limit.
    fn distance_up_to(&mut self, other: &str, limit: usize) -> usize {
        // A letter has one to four bytes.
        if other.len() < self.word.len().saturating_sub(limit)
            || other.len() / 4 > self.word.len().saturating_add(limit)
        {
            return limit + 1;
        }
        self.other.clear();
        self.other.extend(other.chars());
        if self.word.len().abs_diff(self.other.len()) > limit {
            return limit + 1;
        }
        let (a, b) = without_common_ends(&self.word, &self.other);
        let [row, above, second_above] = &mut self.rows;
        for row in [&mut *above, &mut *second_above] {
            row.clear();
            row.resize(b.len() + 1, 0);
        }
        row.clear();
        row.extend(0..=b.len());
        let mut least_above = 0;
        for (i, x) in a.iter().enumerate() {
            std::mem::swap(second_above, above);
            std::mem::swap(above, row);
            row[0] = i + 1;
            let mut least = row[0];
            for (j, y) in b.iter().enumerate() {
                let mut best = (above[j] + usize::from(x != y)).min(above[j + 1] + 1).min(row[j] + 1);
                if i > 0 && j > 0 && *x == b[j - 1] && a[i - 1] == *y {
                    best = best.min(second_above[j - 1] + 1);
                }
                row[j + 1] = best;
                least = least.min(best);
            }
            // Every way to the end goes through this row or, by a swap, from the one above past it.
            if least > limit && least_above > limit {
                return limit + 1;
            }
            least_above = least;
        }
        row[b.len()]
    }
}

/// Two words without what both begin with and what both end with, which takes nothing from their distance.
fn without_common_ends<'w>(a: &'w [char], b: &'w [char]) -> (&'w [char], &'w [char]) {
    let same = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    let (a, b) = (&a[same..], &b[same..]);
    let same = a.iter().rev().zip(b.iter().rev()).take_while(|(x, y)| x == y).count();
    (&a[..a.len() - same], &b[..b.len() - same])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{distance, has_same_letters, nearest};

    /// The distance as its definition says it.
    fn defined_distance(a: &[char], b: &[char]) -> usize {
        let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
        for i in 0..=a.len() {
            for j in 0..=b.len() {
                rows[i][j] = if i == 0 || j == 0 {
                    i + j
                } else {
                    let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
                    let mut least = replaced.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
                    if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                        least = least.min(rows[i - 2][j - 2] + 1);
                    }
                    least
                };
            }
        }
        rows[a.len()][b.len()]
    }

    fn defined_nearest<'n>(typed: &str, names: &'n [String]) -> Option<&'n str> {
        let letters = |word: &str| word.chars().collect::<Vec<char>>();
        let limit = (letters(typed).len() / 3).max(1);
        let distances = names.iter().map(|name| (defined_distance(&letters(typed), &letters(name)), name));
        let near = distances.filter(|(distance, name)| *distance <= limit && *name != typed);
        let nearest = near.min_by_key(|(distance, name)| (*distance, !has_same_letters(typed, name)));
        nearest.map(|(_, name)| name.as_str())
    }

    proptest! {
        #[test]
        fn what_is_left_out_changes_nothing(
            typed in "[abcü]{0,9}",
            names in prop::collection::vec("[abcü]{0,9}", 0..12),
        ) {
            let letters = |word: &str| word.chars().collect::<Vec<char>>();
            for name in &names {
                prop_assert_eq!(distance(&typed, name), defined_distance(&letters(&typed), &letters(name)));
            }
            prop_assert_eq!(
                nearest(&typed, names.iter().map(String::as_str)),
                defined_nearest(&typed, &names)
            );
        }
    }

    #[test]
    fn a_swap_counts_once() {
        for (a, b, expected) in [
            ("", "", 0),
            ("", "ab", 2),
            ("ab", "", 2),
            ("ab", "ba", 1),
            ("abcd", "badc", 2),
            ("kitten", "sitting", 3),
            ("ca", "abc", 3),
            ("büild", "biüld", 1),
        ] {
            assert_eq!(distance(a, b), expected, "{a} {b}");
        }
    }

    #[test]
    fn a_slip_is_found_and_another_word_is_not() {
        let names = ["build", "test", "sources"];
        assert_eq!(nearest("biuld", names), Some("build"));
        assert_eq!(nearest("source", names), Some("sources"));
        assert_eq!(nearest("deploy", names), None);
        assert_eq!(nearest("decs", ["deps", "desc"]), Some("desc"));
        assert_eq!(nearest("käse", ["kase"]), Some("kase"));
        let long = "a".repeat(1_000_000);
        assert_eq!(nearest(&long, [&*format!("{long}b"), "a"]), None);
        assert_eq!(nearest("a", [&*long, "b"]), Some("b"));
    }
}
