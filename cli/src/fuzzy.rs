//! The name that was probably meant, as go-task guesses it.
//!
//! go-task trains the spell checker `sajari/fuzzy` (depth 2, threshold 1) with all names and aliases: every name is
//! known under itself and under all texts that are it without up to two bytes. Where that checker leaves a choice to
//! chance, the first name wins here.

use std::collections::{BTreeSet, HashMap};

/// How many bytes may be left out of a name or of what was typed.
const DEPTH: usize = 2;

/// The greatest distance that is looked at.
const MAX_DISTANCE: usize = DEPTH + 1;

/// Longer words are not looked at: their variants would be too many (go-task has no such limit).
const MAX_LENGTH: usize = 256;

/// What a name gets for beginning with the same letter.
const SAME_LETTER_BONUS: usize = 100;

struct Candidate<'n> {
    name: &'n str,
    /// How often the name was given.
    count: usize,
    distance: usize,
}

/// The name among `names` (in order, repeated ones count more) that `typed` probably means.
pub fn guess<'n>(typed: &str, names: &[&'n str]) -> Option<&'n str> {
    let first = typed.bytes().next();
    let typed = typed.to_lowercase();
    if typed.len() > MAX_LENGTH {
        return None;
    }
    let counts = count(names);
    if let Some((name, _)) = counts.iter().find(|(name, count)| **name == typed && *count > 1) {
        return Some(name);
    }
    let typed = typed.as_bytes();
    let near: Vec<Candidate> =
        counts.into_iter().filter_map(|(name, count)| candidate(typed, name, count)).collect();

    let is_shortened = |c: &&Candidate| keys(c.name.as_bytes()).contains(typed);
    let shortened: Vec<&Candidate> = near.iter().filter(is_shortened).collect();
    if !shortened.is_empty() {
        return best(first, &shortened);
    }
    let variants = variants(typed);
    let is_lengthened = |c: &&Candidate| c.name.len() > 2 && variants.contains(c.name.as_bytes());
    let lengthened: Vec<&Candidate> = near.iter().filter(is_lengthened).collect();
    if !lengthened.is_empty() {
        return best(first, &lengthened);
    }
    let is_changed = |c: &&Candidate| !keys(c.name.as_bytes()).is_disjoint(&variants);
    best(first, &near.iter().filter(is_changed).collect::<Vec<_>>())
}

/// A name that is near enough to be looked at.
fn candidate<'n>(typed: &[u8], name: &'n str, count: usize) -> Option<Candidate<'n>> {
    if name.len().abs_diff(typed.len()) > MAX_DISTANCE {
        return None;
    }
    let distance = distance(typed, name.as_bytes());
    (distance <= MAX_DISTANCE).then_some(Candidate { name, count, distance })
}

/// Names in order with how often each was given.
fn count<'n>(names: &[&'n str]) -> Vec<(&'n str, usize)> {
    let mut places: HashMap<&str, usize> = HashMap::new();
    let mut counts: Vec<(&'n str, usize)> = Vec::new();
    for name in names {
        let place = *places.entry(name).or_insert(counts.len());
        match counts.get_mut(place) {
            Some((_, count)) => *count += 1,
            None => counts.push((name, 1)),
        }
    }
    counts
}

/// What a name can be found by.
fn keys(name: &[u8]) -> BTreeSet<Vec<u8>> {
    variants(name).into_iter().filter(|key| key.len() > 1).collect()
}

/// A word and everything that remains of it without up to [`DEPTH`] bytes; `-ies` and `-ys` stand for each other.
fn variants(word: &[u8]) -> BTreeSet<Vec<u8>> {
    let mut all = BTreeSet::new();
    let mut round = vec![word.to_vec()];
    for _ in 0..DEPTH {
        let next: Vec<Vec<u8>> = round.iter().flat_map(|word| shorter_by_one(word)).collect();
        all.extend(next.iter().cloned());
        round = next;
    }
    all
}

fn shorter_by_one(word: &[u8]) -> Vec<Vec<u8>> {
    let without = |at: usize| [&word[..at], &word[at + 1..]].concat();
    let mut all: Vec<Vec<u8>> = (0..word.len()).map(without).collect();
    all.push(word.to_vec());
    if let Some(stem) = word.strip_suffix(b"ies") {
        all.push([stem, b"ys"].concat());
    }
    if let Some(stem) = word.strip_suffix(b"ys") {
        all.push([stem, b"ies"].concat());
    }
    all
}

/// The nearest candidate; among equally near ones the most frequent, a common first letter counting as very frequent.
fn best<'n>(first: Option<u8>, candidates: &[&Candidate<'n>]) -> Option<&'n str> {
    (0..=MAX_DISTANCE).find_map(|distance| {
        let mut best: Option<(usize, &'n str)> = None;
        for candidate in candidates.iter().filter(|candidate| candidate.distance == distance) {
            let is_alike = candidate.name.bytes().next() == first;
            let score = candidate.count + if is_alike { SAME_LETTER_BONUS } else { 0 };
            if best.is_none_or(|(highest, _)| score > highest) {
                best = Some((score, candidate.name));
            }
        }
        best.map(|(_, name)| name)
    })
}

/// Levenshtein's distance in bytes.
fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let changed = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::guess;

    /// Names, what was typed, and all answers that go-task gave in several runs (none: no suggestion).
    #[derive(serde::Deserialize)]
    struct Recorded(Vec<String>, String, Vec<String>);

    #[test]
    fn guesses_are_those_of_go_task() {
        let recorded: Vec<Recorded> = serde_json::from_str(include_str!("recorded_guesses.json")).unwrap();
        assert!(recorded.len() > 150);
        for Recorded(names, typed, answers) in recorded {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let got = guess(&typed, &names).unwrap_or("").to_owned();
            assert!(answers.contains(&got), "{typed:?} of {names:?}: {got:?}, go-task says {answers:?}");
        }
    }

    #[test]
    fn long_words_cost_nothing() {
        let long = "x".repeat(100_000);
        assert_eq!(guess(&long, &[long.as_str(), "a"]), None);
    }
}
