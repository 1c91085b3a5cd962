//! A rename changes a name and nothing else: every name of every recorded project is given a fresh one, from every place at
//! which it stands, and what is compiled from the new texts is what was compiled before, up to the name.

#![allow(clippy::unwrap_used, reason = "a test that finds no project should stop")]

mod projects;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use camino::Utf8Path;
use ez_compiler::ast::param::variable_name;
use ez_compiler::diagnostic::{Code, Diagnostic};
use ez_compiler::rule;
use ez_compiler::symbols::{Spelling, SymbolId, SymbolKind};
use ez_compiler::template_file::field_name;
use ez_lsp::analysis::{Analysis, FilePosition, Snapshot};
use ez_lsp::ide::rename;
use ez_lsp::session::View;
use projects::{Texts, all_projects, session_with};

/// Of which kinds there are so many names in the recorded projects and the examples, at the least, that they can be renamed.
const FEWEST: &[(SymbolKind, usize)] = &[
    (SymbolKind::Task, 700),
    (SymbolKind::TaskAlias, 15),
    (SymbolKind::Namespace, 60),
    (SymbolKind::Variable, 350),
    (SymbolKind::Param, 15),
    (SymbolKind::TemplateVariable, 15),
    (SymbolKind::MatrixKey, 15),
    (SymbolKind::Step, 15),
    (SymbolKind::PlanVariable, 1),
    (SymbolKind::PlanParam, 1),
    (SymbolKind::TemplateParam, 5),
    (SymbolKind::Artifact, 4),
    (SymbolKind::Anchor, 2),
];

/// What is said of a name because something else has it: a fresh one mends it. A variable counts as used, too, while another
/// of its name is.
const ABOUT_NAMES: &[Code] = &[rule::HIDDEN_TASK, rule::DUPLICATE_ALIAS, rule::UNUSED_VARIABLE];

/// Projects in which two things mean each other only because they have one name.
const ENTANGLED: &[&str] = &[
    // A task hides the namespace of an include.
    "includes/default-shadowed",
    // Two tasks of one name are an error, after which no task is left.
    "includes/flatten-conflict",
    // A template names a variable that scripts alone see, and is told so.
    "env/one-from-another",
];

/// What letters of a fresh name are taken from, the rarest first.
const LETTERS: &str = "qzxjkvwyQZXJKVWYbfghpuBFGHPUacdeilmnorstACDEILMNORST";

#[derive(Default)]
struct Count {
    renamed: BTreeMap<SymbolKind, usize>,
    refused: BTreeMap<String, usize>,
    wrong: Vec<String>,
}

#[test]
fn a_rename_changes_nothing_but_the_name() {
    let mut projects = all_projects();
    projects.push(("two programs that share a file".to_owned(), projects::shared_file()));
    projects.push(("a folder task that shares a file".to_owned(), projects::folder_with_shared_file()));
    projects.retain(|(name, _)| !ENTANGLED.iter().any(|entangled| name.ends_with(entangled)));
    let count = Mutex::new(Count::default());
    let next = AtomicUsize::new(0);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some((name, texts)) = projects.get(next.fetch_add(1, Ordering::Relaxed)) {
                    rename_all(name, texts, &count);
                }
            });
        }
    });
    let count = count.into_inner().unwrap();
    assert!(count.wrong.is_empty(), "{} wrong:\n{}", count.wrong.len(), count.wrong.join("\n\n"));
    for (kind, fewest) in FEWEST {
        let renamed = count.renamed.get(kind).copied().unwrap_or_default();
        assert!(renamed >= *fewest, "only {renamed} names of {} were renamed", kind.description());
    }
}

fn rename_all(project: &str, disk: &Texts, count: &Mutex<Count>) {
    let session = session_with(disk);
    let view = session.view();
    let before = picture(&view);
    let others: Vec<Snapshot> =
        view.projects().unwrap().into_iter().map(|other| view.snapshot(other)).collect();
    for path in disk.keys() {
        let Some(snapshot) = view.project_of(path).unwrap() else { continue };
        let mut known: BTreeMap<SymbolId, Option<Texts>> = BTreeMap::new();
        for place in places(&snapshot, path) {
            let at = format!("{project} {path}:{}", line_of(&snapshot, place));
            match renamed(&snapshot, &others, place, disk) {
                Err(refusal) => {
                    let sentence: String = refusal.split('`').step_by(2).collect::<Vec<_>>().join("…");
                    *count.lock().unwrap().refused.entry(sentence).or_default() += 1;
                }
                Ok(None) => {}
                Ok(Some(Renamed { symbol, kind, old, new, texts })) => {
                    match known.get(&symbol) {
                        Some(Some(first)) if *first == texts => continue,
                        Some(_) => {
                            let message = format!("{at}: `{old}` is renamed otherwise than elsewhere");
                            count.lock().unwrap().wrong.push(message);
                            continue;
                        }
                        None => {}
                    }
                    let after = picture(&session_with(&texts).view());
                    let after: Vec<String> = after.iter().map(|line| back(line, kind, &old, &new)).collect();
                    let difference = difference(&before, &after);
                    let mut count = count.lock().unwrap();
                    *count.renamed.entry(kind).or_default() += 1;
                    if let Some(difference) = difference {
                        count.wrong.push(format!("{at}: {kind:?} `{old}` to `{new}`:\n{difference}"));
                    }
                    known.insert(symbol, Some(texts));
                }
            }
        }
    }
}

/// The first bytes of all names in a file.
fn places(snapshot: &Snapshot, path: &Utf8Path) -> Vec<FilePosition> {
    let index = snapshot.symbols();
    let Some(file) = index.file(path) else { return Vec::new() };
    let mut offsets: Vec<usize> = index.in_file(file).iter().map(|place| place.range().start).collect();
    offsets.dedup();
    offsets.into_iter().map(|offset| FilePosition { file, offset }).collect()
}

fn line_of(snapshot: &Snapshot, place: FilePosition) -> usize {
    let source = snapshot.symbols().sources().file(place.file);
    source.lines.line_of(place.offset) + 1
}

struct Renamed {
    symbol: SymbolId,
    kind: SymbolKind,
    old: String,
    new: String,
    texts: Texts,
}

/// The texts after what stands at a place got a fresh name.
fn renamed(
    snapshot: &Snapshot,
    others: &[Snapshot],
    place: FilePosition,
    disk: &Texts,
) -> Result<Option<Renamed>, String> {
    let Some(prepared) = rename::prepare(snapshot, place)? else { return Ok(None) };
    let index = snapshot.symbols();
    let found = index.at(place.file, place.offset);
    let occurrence = found.iter().find(|found| found.spelling != Spelling::Implied).unwrap();
    assert_eq!(occurrence.range(), prepared.range);
    let symbol = index.symbol(occurrence.symbol).unwrap();
    let old = symbol.name.to_string();
    let Some(new) = fresh(&old, disk) else { return Ok(None) };
    let edits = rename::rename_in_all(snapshot, place, &new, others)?.unwrap();
    let mut texts = disk.clone();
    for file in edits {
        let text = texts.get_mut(&file.source.path).unwrap();
        for (range, new_text) in file.edits.iter().rev() {
            text.replace_range(range.clone(), new_text);
        }
    }
    Ok(Some(Renamed { symbol: occurrence.symbol, kind: symbol.kind, old, new, texts }))
}

/// A name of the same length and shape that stands nowhere yet.
fn fresh(old: &str, disk: &Texts) -> Option<String> {
    let letters: Vec<usize> =
        old.char_indices().filter(|(_, c)| c.is_ascii_alphabetic()).map(|(at, _)| at).collect();
    let is_lower = old.chars().any(|c| c.is_ascii_lowercase());
    LETTERS.chars().filter(|c| c.is_ascii_lowercase() == is_lower).find_map(|letter| {
        let mut name = old.to_owned();
        for at in letters.iter().skip(usize::from(letters.len() > 6)) {
            name.replace_range(*at..=*at, letter.encode_utf8(&mut [0; 4]));
        }
        let variable = variable_name(&name);
        let is_free =
            name != old && disk.values().all(|text| !has_word(text, &name) && !has_word(text, &variable));
        is_free.then_some(name)
    })
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The places of a word in a text.
fn words<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    text.match_indices(word)
        .map(|(at, _)| at)
        .filter(move |at| !text[..*at].ends_with(is_word) && !text[at + word.len()..].starts_with(is_word))
}

fn has_word(text: &str, word: &str) -> bool {
    words(text, word).next().is_some()
}

/// A line of a picture with the old name in place of the new one.
fn back(line: &str, kind: SymbolKind, old: &str, new: &str) -> String {
    let replaced = |line: &str, from: &str, to: &str| {
        let mut out = line.to_owned();
        for at in words(line, from) {
            out.replace_range(at..at + from.len(), to);
        }
        out
    };
    let line = slugs_back(&replaced(line, new, old), old, new);
    if matches!(kind, SymbolKind::Param | SymbolKind::PlanParam) {
        replaced(&line, &variable_name(new), &variable_name(old))
    } else if kind == SymbolKind::TemplateParam {
        replaced(&line, &field_name(new), &field_name(old))
    } else {
        line
    }
}

/// The same in the slugs of a plan's nodes, in which names are not words of their own.
fn slugs_back(line: &str, old: &str, new: &str) -> String {
    let mut parts = line.split("slug: \"");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (slug, rest) = part.split_once('"').unwrap();
        write!(out, "slug: \"{}\"{rest}", slug.replace(new, old)).unwrap();
    }
    out
}

/// Everything that is known of all projects.
fn picture(view: &View) -> Vec<String> {
    let mut lines = Vec::new();
    for analysis in view.projects().unwrap() {
        let snapshot = view.snapshot(std::sync::Arc::clone(&analysis));
        lines.push(format!("project {}", analysis.key.entry));
        add_program(&analysis, &mut lines);
        lines.extend(analysis.compilation.diagnostics.iter().filter_map(finding));
        add_symbols(&snapshot, &mut lines);
    }
    lines
}

/// A finding without what it advises, which depends on the names that are near.
fn finding(diagnostic: &Diagnostic) -> Option<String> {
    if ABOUT_NAMES.contains(&diagnostic.code) {
        return None;
    }
    // Says more where another variable has the name.
    let message = if diagnostic.code == rule::UNDEFINED_VARIABLE { "" } else { &diagnostic.message };
    let Diagnostic { code, severity, span, labels, .. } = diagnostic;
    Some(format!("{code:?} {severity:?} {message} {span:?} {labels:?}"))
}

fn add_program(analysis: &Analysis, lines: &mut Vec<String>) {
    let program = &analysis.compilation.program;
    lines.extend(program.tasks.iter().map(|task| format!("{task:?}")));
    for id in program.ids() {
        for (call, callee) in program.callees(id) {
            lines.push(format!("{} {call:?} {}", program.task(id).name, program.task(callee).name));
        }
    }
    lines.push(format!("{:?} {:?}", program.vars, program.env));
    lines.extend(analysis.compilation.plans.iter().map(|plan| format!("{:?} {:?}", plan.written, plan.plan)));
    lines.push(format!("{:?}", analysis.compilation.metadata));
}

fn add_symbols(snapshot: &Snapshot, lines: &mut Vec<String>) {
    let index = snapshot.symbols();
    let mut shown: Vec<String> = Vec::new();
    for (id, symbol) in index.symbols() {
        let mut line = format!("{:?} {} {:?}", symbol.kind, symbol.name, symbol.obstacle);
        for place in index.occurrences(id) {
            let path = &index.sources().file(place.file).path;
            write!(line, " {path}:{:?} {:?} {:?}", place.range, place.role, place.spelling).unwrap();
        }
        shown.push(line);
    }
    lines.append(&mut shown);
}

/// The first line that is on one side alone, shortened to where it differs.
fn difference(before: &[String], after: &[String]) -> Option<String> {
    let (mut before, mut after) = (before.to_vec(), after.to_vec());
    before.sort();
    after.sort();
    let at = (0..before.len().max(after.len())).find(|at| before.get(*at) != after.get(*at))?;
    let (old, new) =
        (before.get(at).cloned().unwrap_or_default(), after.get(at).cloned().unwrap_or_default());
    let common = old.char_indices().zip(new.chars()).find(|((_, a), b)| a != b).map_or(0, |((at, _), _)| at);
    let cut = |text: &str| {
        let start =
            text.char_indices().map(|(at, _)| at).take_while(|at| *at <= common.saturating_sub(300)).last();
        text[start.unwrap_or(0)..].chars().take(500).collect::<String>()
    };
    Some(format!("- {}\n+ {}", cut(&old), cut(&new)))
}
