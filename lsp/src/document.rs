//! A text that is open in the editor.

use std::ops::Range;
use std::sync::Arc;

use ez_compiler::source::LineIndex;

/// An open text, perhaps not saved.
#[derive(Clone, Debug)]
pub struct Document {
    /// The text.
    pub text: Arc<str>,
    /// Where its lines begin.
    pub lines: Arc<LineIndex>,
    /// The editor's number for this text.
    pub version: i32,
}

impl Document {
    /// A text as the editor gave it.
    pub fn new(text: impl Into<Arc<str>>, version: i32) -> Self {
        let text = text.into();
        let lines = Arc::new(LineIndex::new(&text));
        Self { text, lines, version }
    }

    /// The text with some bytes replaced. A range that does not fit is cut to what is there.
    #[must_use]
    pub fn with_edit(&self, range: Range<usize>, new_text: &str) -> Self {
        let start = floor_boundary(&self.text, range.start);
        let end = floor_boundary(&self.text, range.end).max(start);
        let mut text = String::with_capacity(self.text.len() - (end - start) + new_text.len());
        text.push_str(self.text.get(..start).unwrap_or(""));
        text.push_str(new_text);
        text.push_str(self.text.get(end..).unwrap_or(""));
        Self::new(text, self.version)
    }
}

/// The nearest character boundary at or before a byte.
fn floor_boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_replace_bytes_and_are_cut_to_the_text() {
        let document = Document::new("a: ü\n", 1);
        let check = |range: Range<usize>, new: &str, expected: &str| {
            assert_eq!(&*document.with_edit(range, new).text, expected);
        };
        check(0..1, "b", "b: ü\n");
        check(5..5, "x", "a: üx\n");
        check(4..5, "x", "a: x\n");
        check(3..99, "", "a: ");
        check(99..99, "!", "a: ü\n!");
    }
}
