//! What is found from a name: cases in `cases/navigation.txt`, answers in snapshots.

use std::fmt::Write as _;
use std::sync::Arc;

use super::document_symbols::OutlineEntry;
use super::fixture::{Fixture, shown};
use super::{
    call_hierarchy, definition, document_links, document_symbols, highlight, references, rename,
    workspace_symbols,
};
use crate::analysis::{FileRange, TextPlace};
use crate::session::Place;

const CASES: &str = include_str!("cases/navigation.txt");

/// A question about a marked text.
struct Case {
    feature: &'static str,
    argument: &'static str,
    title: &'static str,
    text: &'static str,
}

fn cases() -> Vec<Case> {
    let parts = CASES.split("=== ").skip(1);
    parts
        .map(|part| {
            let (head, text) = part.split_once('\n').unwrap();
            let (question, title) = head.split_once(": ").unwrap();
            let (feature, argument) = question.split_once(' ').unwrap_or((question, ""));
            Case { feature, argument, title, text }
        })
        .collect()
}

fn text_place(place: &TextPlace) -> String {
    let position = place.source.lines.position(&place.source.text, place.range.start);
    let path = place.source.path.as_str().trim_start_matches("/project/");
    let text = place.source.text.get(place.range.clone()).unwrap_or("?");
    format!("{path}:{}:{} {text:?}", position.line, position.column)
}

fn outline(entries: &[OutlineEntry], place: &Place, depth: usize, out: &mut String) {
    for entry in entries {
        let text = place.snapshot.analysis.text(place.position.file);
        assert!(entry.range.start <= entry.selection.start && entry.selection.end <= entry.range.end);
        let detail = entry.detail.as_deref().map(|detail| format!(" – {detail}")).unwrap_or_default();
        let (start, end) =
            (text[..entry.range.start].matches('\n').count(), text[..entry.range.end].matches('\n').count());
        let selected = &text[entry.selection.clone()];
        let (kind, name) = (entry.kind, &entry.name);
        writeln!(
            out,
            "{}{kind:?} {name} ({selected:?}, lines {}–{}){detail}",
            "  ".repeat(depth),
            start + 1,
            end + 1
        )
        .unwrap();
        outline(&entry.children, place, depth + 1, out);
    }
}

fn answer(case: &Case) -> String {
    let place = Fixture::new(case.text).place();
    let (snapshot, position) = (&place.snapshot, place.position);
    let here = |range: std::ops::Range<usize>| shown(snapshot, &FileRange { file: position.file, range });
    let lines: Vec<String> = match case.feature {
        "definition" => {
            let found = definition::definitions(snapshot, position);
            found
                .iter()
                .map(|one| format!("{} <- {}", text_place(&one.place), here(one.origin.clone())))
                .collect()
        }
        "declaration" => {
            definition::declarations(snapshot, position).iter().map(|one| text_place(&one.place)).collect()
        }
        "references" => references::references(snapshot, position, true).iter().map(text_place).collect(),
        "uses" => references::references(snapshot, position, false).iter().map(text_place).collect(),
        "highlight" => {
            let kind = |is_write| if is_write { "write" } else { "read" };
            let found = highlight::highlights(snapshot, position);
            found.into_iter().map(|one| format!("{} {}", kind(one.is_write), here(one.range))).collect()
        }
        "prepare" => match rename::prepare(snapshot, position) {
            Ok(found) => {
                found.into_iter().map(|one| format!("{} as {:?}", here(one.range), one.placeholder)).collect()
            }
            Err(refusal) => vec![format!("refused: {refusal}")],
        },
        "rename" => match rename::rename(snapshot, position, case.argument) {
            Ok(files) => files.into_iter().flatten().map(|file| renamed(&file)).collect(),
            Err(refusal) => vec![format!("refused: {refusal}")],
        },
        "outline" => {
            let mut out = String::new();
            outline(&document_symbols::outline(snapshot, position.file), &place, 0, &mut out);
            vec![out.trim_end().to_owned()]
        }
        "symbols" => {
            let found = workspace_symbols::symbols([&*snapshot.analysis], case.argument);
            let shown = found.iter().map(|one| {
                format!("{:?} {} in {} at {}", one.kind, one.name, one.container, text_place(&one.place))
            });
            shown.collect()
        }
        "callable" => {
            let items = call_hierarchy::prepare(snapshot, position);
            let shown = items.iter().map(|item| {
                let kind = if item.is_step { "step" } else { "task" };
                let place = TextPlace { source: Arc::clone(&item.source), range: item.selection.clone() };
                format!("{kind} {} at {}", item.name, text_place(&place))
            });
            shown.collect()
        }
        "incoming" | "outgoing" => {
            let items = call_hierarchy::prepare(snapshot, position);
            let is_step = items.first().is_some_and(|item| item.is_step);
            let at = crate::analysis::FilePosition { offset: items[0].selection.start, ..position };
            let edges = if case.feature == "incoming" {
                call_hierarchy::incoming(snapshot, at, is_step)
            } else {
                call_hierarchy::outgoing(snapshot, at, is_step)
            };
            let kind = |is_step| if is_step { "step" } else { "task" };
            let shown = edges.iter().map(|edge| {
                format!("{} {}, {} calls", kind(edge.item.is_step), edge.item.name, edge.calls.len())
            });
            shown.collect()
        }
        "links" => {
            let links = document_links::of_file(snapshot, position.file);
            links.into_iter().map(|link| format!("{} -> {:?}", here(link.range), link.target)).collect()
        }
        other => panic!("no such question: {other}"),
    };
    if lines.is_empty() { "nothing".to_owned() } else { lines.join("\n") }
}

/// The lines that a rename changes, as they are after it.
fn renamed(file: &rename::FileEdits) -> String {
    let mut text = file.source.text.to_string();
    for (range, new_text) in file.edits.iter().rev() {
        text.replace_range(range.clone(), new_text);
    }
    let path = file.source.path.as_str().trim_start_matches("/project/");
    let before: Vec<&str> = file.source.text.lines().collect();
    let changed = text.lines().enumerate().filter(|(index, line)| before[*index] != *line);
    let lines: Vec<String> = changed.map(|(index, line)| format!("{path}:{} {line}", index + 1)).collect();
    lines.join("\n")
}

#[test]
fn names_lead_where_they_should() {
    let mut features: Vec<&str> = cases().iter().map(|case| case.feature).collect();
    features.dedup();
    for feature in features {
        let mut shown = String::new();
        for case in cases().iter().filter(|case| case.feature == feature) {
            writeln!(
                shown,
                "=== {} {}: {}\n{}--- answer\n{}\n",
                feature,
                case.argument,
                case.title,
                case.text,
                answer(case)
            )
            .unwrap();
        }
        insta::with_settings!({snapshot_path => "../../../snapshots/lsp/navigation", prepend_module_to_snapshot => false}, {
            insta::assert_snapshot!(feature, shown);
        });
    }
}
