//! All places of a name in one file.

use std::ops::Range;

use ez_compiler::symbols::{Role, Spelling};

use crate::analysis::{FilePosition, Snapshot};

/// A place of the name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Highlight {
    /// The bytes.
    pub range: Range<usize>,
    /// Whether the thing is made there or given a value; else it is used.
    pub is_write: bool,
}

/// The places of what stands at a place, in its own file.
pub fn highlights(snapshot: &Snapshot, position: FilePosition) -> Vec<Highlight> {
    let index = snapshot.symbols();
    let mut found: Vec<Highlight> = Vec::new();
    for occurrence in index.at(position.file, position.offset) {
        let all = index.occurrences_with_aliases(occurrence.symbol).into_iter();
        let here = all.filter(|other| other.file == position.file);
        let written =
            here.filter(|other| other.spelling != Spelling::Implied || other.role != Role::Definition);
        found.extend(written.map(|other| Highlight {
            range: other.range(),
            is_write: matches!(other.role, Role::Definition | Role::Write),
        }));
    }
    found.sort_by_key(|highlight| (highlight.range.start, highlight.range.end));
    found.dedup_by_key(|highlight| highlight.range.clone());
    found
}
