//! Reading on after an error.

use std::ops::Range;

use super::compose::{ComposeError, Composed, compose_at};
use super::explain::{NO_MAPPING_VALUE, lone_word_above};
use crate::source::SourceId;

/// How many broken places of one text are passed over.
const MAX_RETRIES: usize = 8;

/// Parses a text, and where it is wrong, tries again without the line that is wrong and what belongs to it.
///
/// The errors are those of the first try: what a later one finds may only follow from what was left out. The tree is
/// that of the try that came furthest.
pub(super) fn compose_around_errors(text: &str, source: SourceId, depth: usize) -> Composed {
    let mut best = compose_at(text, source, depth);
    let mut reached = reach(&best);
    let mut bytes = text.as_bytes().to_vec();
    let mut blamed = best.errors.last().and_then(|error| blamed_lines(error, text, &bytes));
    for _ in 0..MAX_RETRIES {
        let Some(range) = blamed else { break };
        for byte in &mut bytes[range] {
            if !matches!(byte, b'\n' | b'\r') {
                *byte = b' ';
            }
        }
        let Ok(patched) = std::str::from_utf8(&bytes) else { break };
        let next = compose_at(patched, source, depth);
        blamed = next.errors.last().and_then(|error| blamed_lines(error, patched, &bytes));
        if reach(&next) > reached {
            reached = reach(&next);
            best = Composed { errors: best.errors, ..next };
        }
    }
    best
}

/// The line to leave out, with the deeper lines after it; `None` where there is nothing to leave out.
fn blamed_lines(error: &ComposeError, text: &str, bytes: &[u8]) -> Option<Range<usize>> {
    let ComposeError::Syntax(problem) = error else { return None };
    let opened = problem.context.map(|mark| mark.offset);
    let offset = if problem.text == "could not find expected ':'" || problem.text.contains("end of stream") {
        opened.unwrap_or(problem.mark.offset)
    } else {
        problem.mark.offset
    };
    let word = (problem.text == NO_MAPPING_VALUE).then(|| lone_word_above(text, offset)).flatten();
    let candidates = [word.map(|word| word.start), Some(offset), opened];
    let lines = candidates.into_iter().flatten().map(|offset| subtree(text, offset));
    lines.into_iter().find(|range| bytes[range.clone()].iter().any(|byte| !byte.is_ascii_whitespace()))
}

/// The line of an offset and the following lines that are indented deeper.
fn subtree(text: &str, offset: usize) -> Range<usize> {
    let offset = offset.min(text.len());
    let start = text.as_bytes()[..offset].iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
    let column = |line: &str| line.len() - line.trim_start_matches([' ', '\t']).len();
    let mut lines = text[start..].split_inclusive('\n');
    let Some(first) = lines.next() else { return start..start };
    let own_column = column(first);
    let deeper = lines.take_while(|line| line.trim().is_empty() || column(line) > own_column);
    start..start + first.len() + deeper.map(str::len).sum::<usize>()
}

/// How far a try came: to the end, or to its error.
fn reach(composed: &Composed) -> (bool, u32) {
    let is_whole = !composed.errors.iter().any(ComposeError::ends_the_parse);
    (is_whole, composed.root.as_ref().map_or(0, |root| root.span.end))
}
