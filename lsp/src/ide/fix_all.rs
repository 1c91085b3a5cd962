//! All fixes of a file's findings at once, as `ez check --fix` applies them.

use std::collections::BTreeMap;
use std::ops::Range;

use camino::Utf8PathBuf;
use ez_compiler::Compilation;
use ez_compiler::file_system::{MemoryFileSystem, OverlayFileSystem};
use ez_compiler::fix;
use ez_compiler::source::FileId;

use super::actions::Change;
use super::diagnostics::is_told;
use crate::analysis::{Analysis, FileRange, Snapshot};

/// Whether a finding of a file has a fix.
pub fn is_useful(analysis: &Analysis, file: FileId) -> bool {
    analysis.diagnostics_of(file).any(|diagnostic| is_told(diagnostic) && !diagnostic.fixes.is_empty())
}

/// What the fixes of a file's findings change, round after round until there are none left.
pub fn of_file(snapshot: &Snapshot, file: FileId) -> Change {
    let analysis = &snapshot.analysis;
    let path = &analysis.file(file).path;
    let mut texts: BTreeMap<Utf8PathBuf, String> = BTreeMap::new();
    let mut compiled: Option<Compilation> = None;
    for _ in 0..fix::MAX_ROUNDS {
        let compilation = compiled.as_ref().unwrap_or(&analysis.compilation);
        let of_file = compilation.diagnostics.iter().filter(|diagnostic| {
            let place = compilation.sources.locate(diagnostic.span);
            compilation.sources.file(place.file).path == *path && is_told(diagnostic)
        });
        let mended = fix::apply(&compilation.sources, of_file);
        if mended.count == 0 {
            break;
        }
        texts.extend(mended.texts);
        let mut overlay = MemoryFileSystem::new();
        for (path, text) in &texts {
            overlay = overlay.with(path.clone(), text.as_str());
        }
        let files = OverlayFileSystem { overlay, below: &*snapshot.files };
        compiled = Some(analysis.key.compile(&files, &*snapshot.host, Some(compilation)));
    }
    let edits = texts.iter().filter_map(|(path, text)| {
        let file = analysis.file_of(path)?;
        let (range, new_text) = difference(analysis.text(file), text)?;
        Some((FileRange { file, range }, new_text.to_owned()))
    });
    Change { files: Vec::new(), edits: edits.collect() }
}

/// The bytes in which a text differs from another, and what stands there in the other. `None` for equal texts.
pub fn difference<'n>(old: &str, new: &'n str) -> Option<(Range<usize>, &'n str)> {
    if old == new {
        return None;
    }
    let same = |a: &(char, char)| a.0 == a.1;
    let start: usize = old.chars().zip(new.chars()).take_while(same).map(|(c, _)| c.len_utf8()).sum();
    let (old_rest, new_rest) = (old.get(start..)?, new.get(start..)?);
    let backwards = old_rest.chars().rev().zip(new_rest.chars().rev());
    let end: usize = backwards.take_while(same).map(|(c, _)| c.len_utf8()).sum();
    Some((start..old.len() - end, new_rest.get(..new_rest.len() - end)?))
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{Fixture, assert_snapshot, compiled_after, shown_change};
    use super::*;

    fn fixed(marked: &str) -> String {
        let fixture = Fixture::new(marked);
        let place = fixture.place();
        assert!(is_useful(&place.snapshot.analysis, place.position.file));
        let change = of_file(&place.snapshot, place.position.file);
        let after = compiled_after(&place.snapshot, &change);
        let left = after.diagnostics.iter().filter(|diagnostic| {
            let file = after.sources.locate(diagnostic.span).file;
            let path = &place.snapshot.analysis.file(place.position.file).path;
            after.sources.file(file).path == *path && !diagnostic.fixes.is_empty()
        });
        assert_eq!(left.count(), 0);
        shown_change(&place.snapshot, &change)
    }

    #[test]
    fn all_findings_of_a_file_are_mended_round_after_round() {
        assert_snapshot!(fixed(
            "$0version: '3'\ntasks:\n  build:\n    cmdz:\n      - tsk: lint\n      - task: lnt\n  lint: echo\n  all:\n    deps: [buid, lnt]\n"
        ));
    }

    #[test]
    fn other_files_keep_their_mistakes() {
        assert_snapshot!(fixed(
            "$0version: '3'\nincludes: {docs: docs}\ntasks:\n  a:\n    cmdz: [x]\n#- docs/Taskfile.yml\nversion: '3'\ntasks:\n  b:\n    cmdz: [x]\n"
        ));
    }

    #[test]
    fn differences_are_as_small_as_one_range_can_be() {
        let check = |old: &str, new: &str, expected: Option<(Range<usize>, &str)>| {
            assert_eq!(difference(old, new), expected, "{old:?} {new:?}");
        };
        check("abc", "abc", None);
        check("abc", "axc", Some((1..2, "x")));
        check("aa", "aaa", Some((2..2, "a")));
        check("aaa", "aa", Some((2..3, "")));
        check("é1é", "é2é", Some((2..3, "2")));
        check("é", "è", Some((0..2, "è")));
    }
}
