//! White space as it should be: the same words, the same comments, the same values.
//!
//! Nothing but white space is ever replaced, so no word and no comment can be lost; and what the text means is compared before
//! anything is given out. A text with a mistake in its YAML is left alone.
//!
//! `layout` reads the tokens and says in which collection each stands; `spacing` says which white space should stand
//! between them.

mod layout;
mod meaning;
mod spacing;
#[cfg(test)]
mod tests;

use std::ops::Range;

use layout::Layout;
use spacing::Spacer;

use crate::parallel;
use crate::source::SourceId;
use crate::yaml::compose::compose_at;

/// How deep a block is indented, if nobody says otherwise.
pub const DEFAULT_INDENT: usize = 2;

/// How deep a block may be indented: less cannot be seen, more pushes tasks off the screen.
pub const INDENTS: std::ops::RangeInclusive<usize> = 2..=4;

/// What is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// How deep a block is indented, of [`INDENTS`].
    pub indent: usize,
    /// The lines that may change, from 0.
    pub lines: Range<usize>,
}

impl Default for Wish {
    fn default() -> Self {
        Self { indent: DEFAULT_INDENT, lines: 0..usize::MAX }
    }
}

/// White space that becomes another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Respacing {
    /// The bytes that are replaced.
    pub range: Range<usize>,
    /// What stands there then.
    pub new_text: String,
}

/// What is to be replaced so that a text is laid out as usual, in the text's order. Nothing in a text that is no YAML.
pub fn format(text: &str, wish: &Wish) -> Vec<Respacing> {
    let Some(edits) = unverified(text, wish) else { return Vec::new() };
    if edits.is_empty() || !keeps_meaning(text, &apply(text, &edits)) {
        return Vec::new();
    }
    edits
}

/// A text with its white space replaced.
pub fn apply(text: &str, edits: &[Respacing]) -> String {
    let mut result = String::with_capacity(text.len());
    let mut at = 0;
    for edit in edits {
        result.push_str(text.get(at..edit.range.start).unwrap_or(""));
        result.push_str(&edit.new_text);
        at = edit.range.end;
    }
    result.push_str(text.get(at..).unwrap_or(""));
    result
}

/// The same without comparing what the text means.
fn unverified(text: &str, wish: &Wish) -> Option<Vec<Respacing>> {
    let layout = Layout::read(text)?;
    Some(Spacer::new(text, &layout, wish).edits())
}

/// Whether two texts are without mistakes and say the same.
fn keeps_meaning(before: &str, after: &str) -> bool {
    let bytes = before.len() + after.len();
    let composed = parallel::map(&[before, after], bytes, |text| compose_at(text, SourceId(0), 0));
    let [before, after] = composed.as_slice() else { return false };
    before.errors.is_empty() && after.errors.is_empty() && meaning::is_same(before, after)
}
