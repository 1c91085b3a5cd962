//! The name that somebody probably meant.

/// The longest word that may be a slip of the finger, in letters.
const MAX_WORD: usize = 100;

/// The nearest of `names` to `typed`, if it is near enough to be a slip of the finger: at most a third of the letters
/// differ (Damerau's distance: swapped neighbours count once).
pub fn nearest<'n>(typed: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let length = typed.chars().count();
    let limit = (length / 3).max(1);
    if length > MAX_WORD {
        return None;
    }
    names
        .into_iter()
        .filter(|name| *name != typed && name.chars().count().abs_diff(length) <= limit)
        .map(|name| (distance(typed, name), name))
        .filter(|(d, _)| *d <= limit)
        .min_by_key(|(d, name)| (*d, !has_same_letters(typed, name)))
        .map(|(_, name)| name)
}

/// Whether one word is the other in another order: of two near names that is the likelier one.
fn has_same_letters(a: &str, b: &str) -> bool {
    let sorted = |word: &str| {
        let mut letters: Vec<char> = word.chars().collect();
        letters.sort_unstable();
        letters
    };
    sorted(a) == sorted(b)
}

/// Edits between two words, a swap of neighbours counted as one (optimal string alignment).
pub fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut row: Vec<usize> = (0..=b.len()).collect();
    let (mut above, mut second_above) = (row.clone(), row.clone());
    for (i, x) in a.iter().enumerate() {
        std::mem::swap(&mut second_above, &mut above);
        std::mem::swap(&mut above, &mut row);
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let mut best = (above[j] + usize::from(x != y)).min(above[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *x == b[j - 1] && a[i - 1] == *y {
                best = best.min(second_above[j - 1] + 1);
            }
            row[j + 1] = best;
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::{distance, nearest};

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
