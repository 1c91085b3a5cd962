//! Anchors of YAML behind a star.

use super::rank::Candidates;
use super::request::Request;
use super::{Item, Kind};
use crate::ide::cursor::{Part, Style, line};

/// What begins an anchor.
const ANCHOR: char = '&';

/// What begins an alias.
pub const ALIAS: char = '*';

/// The key beside which only mappings can stand.
const MERGE: &str = "<<";

/// Whether an alias is being written.
pub fn is_alias(request: &Request<'_>) -> bool {
    let cursor = &request.cursor;
    matches!(cursor.part, Part::Value | Part::KeyOrValue)
        && cursor.style == Style::Plain
        && cursor.scalar == cursor.word.start
        && cursor.offset > cursor.word.start
        && line::byte(&request.source.text, cursor.scalar) == Some(ALIAS as u8)
}

/// The anchors that stand before the cursor in its document, the nearest first.
pub fn candidates(request: &Request<'_>) -> Candidates {
    let mut found = Candidates::new(request.typed().trim_start_matches(ALIAS));
    let before = request.source.text.get(..request.cursor.word.start).unwrap_or_default();
    let document = before.rfind("\n---").map_or(0, |at| at + 1);
    let lines = before.get(document..).unwrap_or_default().lines();
    let keys = request.cursor.path.iter().rev().filter_map(|step| step.key());
    let is_merge = keys.clone().next() == Some(MERGE);
    let mut anchors: Vec<(&str, &str)> = lines.flat_map(anchors_of).collect();
    anchors.retain(|(_, behind)| !is_merge || may_be_mapping(behind));
    for (order, (name, _)) in anchors.iter().rev().enumerate() {
        found.add(order.min(u16::MAX.into()) as u16, name, || {
            let word = request.word();
            Item::new(*name, Kind::Word, word.start + ALIAS.len_utf8()..word.end).origin("anchor")
        });
    }
    found
}

/// The anchors of a line, each with what stands behind it.
fn anchors_of(line: &str) -> impl Iterator<Item = (&str, &str)> {
    let is_comment = line.trim_start().starts_with('#');
    let marks = line.match_indices(ANCHOR).filter(move |_| !is_comment);
    marks.filter_map(|(at, _)| {
        let (before, name) = (line.get(..at)?, line.get(at + ANCHOR.len_utf8()..)?);
        // In a script the sign stands behind a word.
        let last = before.trim_end().rsplit([' ', '\t']).next()?;
        let begins_value =
            last.is_empty() || last.starts_with('!') || last.ends_with([':', '-', '[', '{', ',', '?']);
        let length = name.find(|c: char| c.is_whitespace() || ",[]{}".contains(c)).unwrap_or(name.len());
        let (name, behind) = name.split_at_checked(length)?;
        (begins_value && !name.is_empty()).then_some((name, behind))
    })
}

/// Whether a mapping may stand behind an anchor: in braces, or on the next lines.
fn may_be_mapping(behind: &str) -> bool {
    let behind = behind.trim();
    behind.is_empty() || behind.starts_with(['{', '#', '!'])
}
