//! Fixes of findings, applied to texts.

use std::collections::BTreeMap;
use std::ops::Range;

use camino::Utf8PathBuf;

use crate::diagnostic::Diagnostic;
use crate::source::SourceMap;

/// How often fixes are applied and the project is checked again: one fix may make room for the next.
pub const MAX_ROUNDS: usize = 10;

/// What became of files.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Mended {
    /// New texts of files.
    pub texts: BTreeMap<Utf8PathBuf, String>,
    /// How many fixes they hold.
    pub count: usize,
}

/// The texts with the first fix of every finding applied. A fix that touches what another one changed waits.
pub fn apply<'d>(sources: &SourceMap, diagnostics: impl IntoIterator<Item = &'d Diagnostic>) -> Mended {
    let mut changes: BTreeMap<u32, Vec<(Range<usize>, &str)>> = BTreeMap::new();
    let mut count = 0;
    for fix in diagnostics.into_iter().filter_map(|diagnostic| diagnostic.fixes.first()) {
        let edits: Vec<_> =
            fix.edits.iter().map(|edit| (sources.locate(edit.span), edit.new_text.as_str())).collect();
        let is_free = edits.iter().all(|(place, _)| {
            let known = changes.get(&place.file.0).map_or(&[] as &[_], Vec::as_slice);
            known.iter().all(|(range, _)| is_apart(range, &place.range))
        });
        if !is_free || edits.is_empty() {
            continue;
        }
        count += 1;
        for (place, text) in edits {
            changes.entry(place.file.0).or_default().push((place.range, text));
        }
    }
    let mut mended = Mended { count, ..Mended::default() };
    for (id, file) in sources.files() {
        let Some(mut edits) = changes.remove(&id.0) else { continue };
        edits.sort_by_key(|(range, _)| (range.start, range.end));
        let mut text = file.text.to_string();
        for (range, new_text) in edits.into_iter().rev() {
            if text.is_char_boundary(range.start) && text.is_char_boundary(range.end) {
                text.replace_range(range, new_text);
            }
        }
        mended.texts.insert(file.path.clone(), text);
    }
    mended
}

/// Whether two ranges share nothing; an insertion also not a border.
fn is_apart(a: &Range<usize>, b: &Range<usize>) -> bool {
    if a.is_empty() || b.is_empty() {
        return a.end < b.start || b.end < a.start;
    }
    a.end <= b.start || b.end <= a.start
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Code;
    use crate::source::Span;

    /// Applies replacements `(start, end, text)` to "one two three".
    fn check(edits: &[(usize, usize, &str)], expected: &str, count: usize) {
        let mut sources = SourceMap::default();
        let file = sources.add_file("/t", "one two three");
        let fragment = sources.add_fragment(file, 0);
        let code = Code { id: "EZ1", name: "x" };
        let finding = |(start, end, text): &(usize, usize, &str)| {
            let span = Span::new(fragment, *start, *end);
            Diagnostic::error(code, "x", span).with_fix("x", span, *text)
        };
        let diagnostics: Vec<_> = edits.iter().map(finding).collect();
        let mended = apply(&sources, &diagnostics);
        assert_eq!(
            mended.texts.values().next().map_or("one two three", String::as_str),
            expected,
            "{edits:?}"
        );
        assert_eq!(mended.count, count, "{edits:?}");
    }

    #[test]
    fn fixes_are_applied_once_and_never_on_top_of_each_other() {
        check(&[], "one two three", 0);
        check(&[(4, 7, "2"), (0, 3, "1")], "1 2 three", 2);
        check(&[(0, 3, "1"), (2, 7, "x")], "1 two three", 1);
        check(&[(0, 3, "1"), (0, 3, "uno")], "1 two three", 1);
        check(&[(13, 13, "!")], "one two three!", 1);
        check(&[(0, 3, "1"), (3, 4, "-")], "1-two three", 2);
    }
}
