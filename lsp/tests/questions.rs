//! Everything that an editor can ask is asked at random places of texts that are typed at random: nothing panics, and every
//! answer is about bytes that are there.
//!
//! `EZ_SIMULATED_EDITS` sets how many edits are made in each project.

#![allow(clippy::unwrap_used, reason = "a test that finds no project should stop")]

mod projects;

use std::ops::Range;
use std::panic::catch_unwind;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use camino::Utf8Path;
use ez_lsp::analysis::{FilePosition, FileRange, Snapshot};
use ez_lsp::ide::selection::Selector;
use ez_lsp::ide::{
    actions, call_hierarchy, code_lens, completion, definition, diagnostics, document_links,
    document_symbols, fix_all, folding, format, highlight, hover, inlay_hints, references, rename,
    semantic_tokens, signature_help, workspace_symbols,
};
use ez_lsp::session::Change;
use projects::typing::{Random, edit, edits, floor, is_nameable};
use projects::{Texts, all_projects, session_with};

/// Edits of a project where nothing else is asked for.
const USUAL_EDITS: usize = 4;

/// Places of a text at which everything is asked after an edit.
const PLACES: usize = 3;

#[test]
fn every_question_has_an_answer_about_the_text() {
    let projects = all_projects();
    let next = AtomicUsize::new(0);
    let wrong = Mutex::new(Vec::new());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some((name, texts)) = projects.get(number) else { break };
                    let seed = 0xD1B5_4A32_D192_ED03 ^ (number as u64 + 1);
                    // One that is wrong does not hide the others.
                    if catch_unwind(|| type_and_ask(name, texts, seed)).is_err() {
                        wrong.lock().unwrap().push(name.as_str());
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "see above: {wrong:#?}");
}

fn type_and_ask(project: &str, disk: &Texts, seed: u64) {
    let session = session_with(disk);
    let open: Vec<_> =
        disk.keys().filter(|path| matches!(path.extension(), Some("yml" | "yaml"))).cloned().collect();
    if open.is_empty() {
        return;
    }
    let mut now = disk.clone();
    for path in &open {
        session.open(path.clone(), disk[path].clone(), 0);
    }
    let mut random = Random(seed);
    for version in 1..=edits(USUAL_EDITS) {
        let path = &open[random.below(open.len())];
        let text = now.get_mut(path).unwrap();
        let Some(change) = edit(&mut random, text) else { continue };
        session.edit(path, version as i32, vec![change]);
        let view = session.view();
        let Some(snapshot) = view.project_of(path).unwrap() else { continue };
        let shown = format!("{project} {path}\n{text}");
        ask_of_file(&snapshot, path, text, &mut random, &shown);
        for _ in 0..PLACES {
            let offset = floor(text, random.below(text.len() + 1));
            if !is_nameable(text, offset) {
                continue;
            }
            ask_at(&snapshot, path, text, offset, &shown);
        }
        let whole = Change { range: None, text: disk[path].clone() };
        if random.below(3) == 0 {
            text.clone_from(&disk[path]);
            session.edit(path, version as i32, vec![whole]);
        }
    }
}

/// Checks that bytes are there.
#[track_caller]
fn check(text: &str, range: &Range<usize>, what: &str, shown: &str) {
    assert!(text.get(range.clone()).is_some(), "{what}: no bytes {range:?} in {shown}");
}

#[track_caller]
fn check_place(snapshot: &Snapshot, place: &FileRange, what: &str, shown: &str) {
    check(snapshot.analysis.text(place.file), &place.range, what, shown);
}

fn ask_of_file(snapshot: &Snapshot, path: &Utf8Path, text: &str, random: &mut Random, shown: &str) {
    let Some(file) = snapshot.analysis.file_of(path) else { return };
    let source = snapshot.analysis.file(file);
    assert_eq!(&*source.text, text, "the server has another text");
    let (one, other) = (random.below(text.len() + 1), random.below(text.len() + 1));
    let (one, other) = (floor(text, one), floor(text, other));
    let part = one.min(other)..one.max(other);
    for finding in diagnostics::of_file(&snapshot.analysis, file).told {
        check_place(snapshot, &finding.place, "a finding", shown);
        finding.related.iter().for_each(|(place, _)| check_place(snapshot, place, "a related place", shown));
    }
    for action in actions::at(snapshot, file, &part) {
        for (place, _) in &action.change.edits {
            check_place(snapshot, place, &action.title, shown);
        }
    }
    for (place, _) in fix_all::of_file(snapshot, file).edits {
        check_place(snapshot, &place, "all fixes", shown);
    }
    ask_for_tokens(snapshot, file, text, &part, shown);
    for fold in folding::of_file(source) {
        assert!(fold.first < fold.last && fold.last < source.lines.len(), "{fold:?} in {shown}");
    }
    for hint in inlay_hints::of_range(snapshot, file, &part) {
        check(text, &(hint.offset..hint.offset), "a hint", shown);
    }
    for lens in code_lens::of_file(snapshot, file) {
        check_place(snapshot, &lens.place, "a lens", shown);
        let _ = code_lens::used(snapshot, FilePosition { file, offset: lens.place.range.start });
    }
    for link in document_links::of_file(snapshot, file) {
        check(text, &link.range, "a link", shown);
    }
    check_outline(&document_symbols::outline(snapshot, file), text, &(0..text.len()), shown);
    let _ = workspace_symbols::symbols([&*snapshot.analysis], text.get(part.clone()).unwrap_or_default());
    let lines = source.lines.line_of(part.start)..source.lines.line_of(part.end) + 1;
    for edit in format::lines(text, 2, lines) {
        check(text, &edit.range, "a layout", shown);
    }
}

/// Tokens stand one behind the other, each on one line, and those of a part are among those of the whole.
fn ask_for_tokens(
    snapshot: &Snapshot,
    file: ez_compiler::source::FileId,
    text: &str,
    part: &Range<usize>,
    shown: &str,
) {
    let tokens = semantic_tokens::of_range(snapshot, file, &(0..text.len()));
    let mut end = 0;
    for token in &tokens {
        check(text, &token.range, "a token", shown);
        assert!(end <= token.range.start && !token.range.is_empty(), "{token:?} in {shown}");
        assert!(!text[token.range.clone()].contains('\n'), "{token:?} has several lines in {shown}");
        end = token.range.end;
    }
    for token in semantic_tokens::of_range(snapshot, file, part) {
        assert!(
            tokens.iter().any(|known| known.range == token.range),
            "{token:?} of a part alone in {shown}"
        );
    }
}

fn check_outline(entries: &[document_symbols::OutlineEntry], text: &str, outer: &Range<usize>, shown: &str) {
    for entry in entries {
        check(text, &entry.range, "an entry", shown);
        check(text, &entry.selection, "the name of an entry", shown);
        let holds =
            |outer: &Range<usize>, inner: &Range<usize>| outer.start <= inner.start && inner.end <= outer.end;
        assert!(holds(&entry.range, &entry.selection), "the name of {} is outside in {shown}", entry.name);
        assert!(holds(outer, &entry.range), "{} is outside of what holds it in {shown}", entry.name);
        check_outline(&entry.children, text, &entry.range, shown);
    }
}

fn ask_at(snapshot: &Snapshot, path: &Utf8Path, text: &str, offset: usize, shown: &str) {
    let Some(file) = snapshot.analysis.file_of(path) else { return };
    let at = FilePosition { file, offset };
    for (has_snippets, trigger) in [(true, None), (false, Some(' ')), (true, Some('.'))] {
        let options = completion::Options { has_snippets, trigger };
        for item in completion::complete(snapshot, at, options).items {
            let is_around = item.range.start <= offset && offset <= item.range.end;
            check(text, &item.range, &item.label, shown);
            assert!(is_around, "{} replaces {:?}, not at {offset} in {shown}", item.label, item.range);
            let is_on_line = !text[item.range.clone()].contains('\n');
            assert!(is_on_line, "{} replaces several lines at {offset} in {shown}", item.label);
            if let Some(subject) = item.subject.as_ref().filter(|_| trigger.is_none()) {
                let _ = completion::documentation(snapshot, subject);
            }
        }
    }
    if let Some(hover) = hover::at(snapshot, at) {
        check_place(snapshot, &hover.place, "a hover", shown);
        let Range { start, end } = hover.place.range;
        assert!(start <= offset && offset <= end, "a hover of {start}..{end} at {offset} in {shown}");
        assert!(!hover.markdown.trim().is_empty(), "an empty hover at {offset} in {shown}");
    }
    let _ = signature_help::at(snapshot, at);
    for found in
        definition::definitions(snapshot, at).into_iter().chain(definition::declarations(snapshot, at))
    {
        check(&found.place.source.text, &found.place.range, "a definition", shown);
        check(text, &found.origin, "what has a definition", shown);
    }
    for place in references::references(snapshot, at, true) {
        check(&place.source.text, &place.range, "a reference", shown);
    }
    for place in highlight::highlights(snapshot, at) {
        check(text, &place.range, "a highlight", shown);
    }
    ask_for_rename(snapshot, at, text, shown);
    for item in call_hierarchy::prepare(snapshot, at) {
        let _ = call_hierarchy::incoming(snapshot, at, item.is_step);
        let _ = call_hierarchy::outgoing(snapshot, at, item.is_step);
    }
    let source = snapshot.analysis.file(file);
    let selections = Selector::new(source).at(offset);
    for pair in selections.windows(2) {
        check(text, &pair[1], "a selection", shown);
        let is_nested = pair[0].start <= pair[1].start && pair[1].end <= pair[0].end
            || pair[1].start <= pair[0].start && pair[0].end <= pair[1].end;
        assert!(is_nested, "selections {pair:?} at {offset} in {shown}");
    }
    if let Some(edit) = format::new_line(source, source.lines.line_of(offset), 2) {
        check(text, &edit.range, "a new line", shown);
    }
}

/// What can be renamed is where it was asked for, and its edits do not overlap.
fn ask_for_rename(snapshot: &Snapshot, at: FilePosition, text: &str, shown: &str) {
    let Ok(Some(prepared)) = rename::prepare(snapshot, at) else { return };
    check(text, &prepared.range, "a name", shown);
    let Ok(Some(files)) = rename::rename(snapshot, at, "fresh_name") else { return };
    for file in files {
        let mut end = 0;
        for (range, _) in &file.edits {
            check(&file.source.text, range, "an edit", shown);
            assert!(end <= range.start, "edits overlap at {range:?} in {shown}");
            end = range.end;
        }
    }
}
