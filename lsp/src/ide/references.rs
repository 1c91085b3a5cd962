//! Where a name is used.

use std::sync::Arc;

use ez_compiler::symbols::Role;

use super::definition::text_place;
use crate::analysis::{FilePosition, Snapshot, TextPlace};

/// All places of what stands at a place, also under its further names; with its definitions if they are asked for.
pub fn references(snapshot: &Snapshot, position: FilePosition, with_definitions: bool) -> Vec<TextPlace> {
    let index = snapshot.symbols();
    let mut found = Vec::new();
    let mut known = Vec::new();
    for occurrence in index.at(position.file, position.offset) {
        if known.contains(&occurrence.symbol) {
            continue;
        }
        known.push(occurrence.symbol);
        let all = index.occurrences_with_aliases(occurrence.symbol).into_iter();
        let wanted = all.filter(|other| with_definitions || other.role != Role::Definition);
        found.extend(wanted.map(|other| (other.file, text_place(index, other))));
    }
    found.sort_by_key(|(file, place)| (*file, place.range.start, place.range.end));
    found.dedup_by_key(|(file, place)| (*file, place.range.clone()));
    found.into_iter().map(|(_, place)| place).collect()
}

/// The same in all projects that have read the file, each place once.
pub fn references_in_all(
    snapshot: &Snapshot,
    position: FilePosition,
    with_definitions: bool,
    others: &[Snapshot],
) -> Vec<TextPlace> {
    let mut found = references(snapshot, position, with_definitions);
    let path = &snapshot.symbols().sources().file(position.file).path;
    for other in others.iter().filter(|other| !Arc::ptr_eq(&other.analysis, &snapshot.analysis)) {
        let Some(file) = other.analysis.file_of(path) else { continue };
        for place in references(other, FilePosition { file, ..position }, with_definitions) {
            let is_same =
                |known: &TextPlace| known.source.path == place.source.path && known.range == place.range;
            if !found.iter().any(is_same) {
                found.push(place);
            }
        }
    }
    found
}
