//! The name that somebody probably meant.

/// The nearest of `names` to `typed`, if it is near enough to be a slip of the finger: at most a third of the letters
/// differ (Damerau's distance: swapped neighbours count once).
pub fn nearest<'n>(typed: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let limit = (typed.chars().count() / 3).max(1);
    names
        .into_iter()
        .filter(|name| *name != typed)
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
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let mut best = (rows[i][j] + usize::from(x != y)).min(rows[i][j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *x == b[j - 1] && a[i - 1] == *y {
                best = best.min(rows[i - 1][j - 1] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_is_found_and_another_word_is_not() {
        let names = ["build", "test", "sources"];
        assert_eq!(nearest("biuld", names), Some("build"));
        assert_eq!(nearest("source", names), Some("sources"));
        assert_eq!(nearest("deploy", names), None);
        assert_eq!(nearest("decs", ["deps", "desc"]), Some("desc"));
    }
}
