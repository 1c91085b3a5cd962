//! Small projects with one mistake each: exactly one finding, at exactly the marked place, and the fix mends it.
//!
//! The cases stand in `one_mistake/*.txt`:
//!
//! ```text
//! #### EZ203 a plain call
//! version: '3'
//! tasks:
//!   default: {cmds: [{task: «biuld»}]}
//! ---- fixed
//! version: '3'
//! …
//! ```
//!
//! `@@ path` begins another file; a path may be one that cannot be read (see `projects`). `---- no fix` says that there is none; `---- lines` is followed by lines that the
//! mended file has. A mended project has no finding left.

#![allow(clippy::unwrap_used, reason = "a test that finds no marker should stop")]

mod projects;

use std::fmt::Write as _;

use ez_compiler::Compilation;
use ez_compiler::diagnostic::Diagnostic;
use ez_compiler::rule::RULES;
use projects::{ProjectFiles, ROOT, compile_files, split};

struct Case {
    title: String,
    files: ProjectFiles,
    expected_fix: Option<Vec<String>>,
}

fn parse_cases(text: &str) -> Vec<Case> {
    text.split("\n#### ")
        .map(|block| block.trim_start_matches("#### "))
        .filter(|b| !b.trim().is_empty())
        .map(parse_case)
        .collect()
}

fn parse_case(block: &str) -> Case {
    let (title, body) = block.split_once('\n').unwrap();
    let (body, fix) = match body.split_once("\n---- ") {
        Some((body, fix)) => (body, Some(fix)),
        None => (body, None),
    };
    let files = split(body, "@@ ");
    let expected_fix = fix.and_then(|fix| {
        let (kind, lines) = fix.split_once('\n').unwrap_or((fix, ""));
        (kind.trim() != "no fix")
            .then(|| lines.lines().map(str::to_owned).filter(|l| !l.trim().is_empty()).collect())
    });
    Case { title: title.to_owned(), files, expected_fix }
}

/// Takes the markers out; the marked file and range.
fn take_markers(files: &mut [(String, String)]) -> Option<(String, std::ops::Range<usize>)> {
    let mut marked = None;
    for (path, text) in files {
        if let (Some(start), Some(end)) = (text.find('«'), text.find('»')) {
            marked = Some((path.clone(), start..end - '«'.len_utf8()));
            *text = text.replace(['«', '»'], "");
        }
    }
    marked
}

fn place(compilation: &Compilation, diagnostic: &Diagnostic) -> (String, std::ops::Range<usize>) {
    let location = compilation.sources.locate(diagnostic.span);
    let path = &compilation.sources.file(location.file).path;
    let path = path.strip_prefix(ROOT).unwrap_or(path);
    (path.to_string(), location.range)
}

fn apply_fix(compilation: &Compilation, diagnostic: &Diagnostic, files: &mut [(String, String)]) {
    let Some(fix) = diagnostic.fixes.first() else { return };
    let mut edits: Vec<_> =
        fix.edits.iter().map(|e| (compilation.sources.locate(e.span), &e.new_text)).collect();
    edits.sort_by_key(|(location, _)| std::cmp::Reverse(location.range.start));
    for (location, new_text) in edits {
        let path = compilation.sources.file(location.file).path.strip_prefix(ROOT).unwrap().to_string();
        let (_, text) = files.iter_mut().find(|(p, _)| *p == path).unwrap();
        text.replace_range(location.range, new_text);
    }
}

fn shown(compilation: &Compilation) -> String {
    let mut out = String::new();
    for d in &compilation.diagnostics {
        let text = compilation.sources.text(d.span);
        let at = compilation.sources.position(d.span);
        let _ = writeln!(
            out,
            "    {} {}:{} `{text}`: {} (help: {:?})",
            d.code.id, at.line, at.column, d.message, d.help
        );
    }
    out
}

fn check(case: &Case) -> Result<(), String> {
    let code = case.title.split(' ').next().unwrap();
    let mut files = case.files.clone();
    let marked = take_markers(&mut files);
    let compilation = compile_files(&files, None);
    let fail = |what: &str| Err(format!("{}: {what}\n{}", case.title, shown(&compilation)));
    let [diagnostic] = compilation.diagnostics.as_slice() else { return fail("not exactly one finding") };
    if diagnostic.code.id != code {
        return fail("another rule");
    }
    if let Some(marked) = marked
        && place(&compilation, diagnostic) != marked
    {
        return fail(&format!("another place than {marked:?}"));
    }
    if diagnostic.help.as_ref().is_none_or(String::is_empty) {
        return fail("no help");
    }
    let Some(expected) = &case.expected_fix else {
        return if diagnostic.fixes.is_empty() { Ok(()) } else { fail("a fix that the case does not know") };
    };
    let mut mended = files;
    apply_fix(&compilation, diagnostic, &mut mended);
    for line in expected {
        if !mended.iter().any(|(_, text)| text.lines().any(|l| l.trim() == line.trim())) {
            return fail(&format!("the mended text lacks `{line}`:\n{}", mended[0].1));
        }
    }
    let after = compile_files(&mended, None);
    if after.diagnostics.is_empty() {
        Ok(())
    } else {
        fail(&format!("mended, there is still:\n{}", shown(&after)))
    }
}

fn check_all(text: &str) {
    let failures: Vec<String> = parse_cases(text).iter().filter_map(|case| check(case).err()).collect();
    assert!(failures.is_empty(), "{} failures\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn yaml_and_fields() {
    check_all(include_str!("one_mistake/fields.txt"));
}

#[test]
fn names_and_graph() {
    check_all(include_str!("one_mistake/names.txt"));
}

#[test]
fn values_and_variables() {
    check_all(include_str!("one_mistake/variables.txt"));
}

#[test]
fn templates_and_shell() {
    check_all(include_str!("one_mistake/texts.txt"));
}

#[test]
fn fields_of_ez() {
    check_all(include_str!("one_mistake/superset.txt"));
}

#[test]
fn plans() {
    check_all(include_str!("one_mistake/plans.txt"));
}

#[test]
fn scalars_of_several_lines() {
    check_all(include_str!("one_mistake/block_scalars.txt"));
}

/// Rules about what stands inside of a text: a template, a script, a name, a path.
const RULES_INSIDE_TEXTS: [&str; 16] = [
    "EZ203", "EZ204", "EZ207", "EZ301", "EZ305", "EZ401", "EZ405", "EZ501", "EZ502", "EZ503", "EZ504",
    "EZ601", "EZ602", "EZ603", "EZ703", "EZ709",
];

/// The indicator of the literal or folded scalar that the marked text is in.
fn block_scalar_of_marker(text: &str) -> Option<char> {
    let before: Vec<&str> = text.split('«').next()?.lines().collect();
    let (marked, above) = before.split_last()?;
    let indentation = |line: &str| line.len() - line.trim_start().len();
    let is_shallower = |line: &&&str| !line.trim().is_empty() && indentation(line) < indentation(marked);
    let header = above.iter().rev().find(is_shallower)?.trim_end_matches(['-', '+']);
    let indicator = header.chars().next_back()?;
    matches!(indicator, '|' | '>').then_some(indicator)
}

#[test]
fn rules_inside_texts_have_cases_in_literal_and_folded_scalars() {
    let all = [
        include_str!("one_mistake/names.txt"),
        include_str!("one_mistake/variables.txt"),
        include_str!("one_mistake/texts.txt"),
        include_str!("one_mistake/superset.txt"),
        include_str!("one_mistake/block_scalars.txt"),
    ];
    let cases: Vec<Case> = all.iter().flat_map(|text| parse_cases(text)).collect();
    let has_case = |rule: &str, indicator: char| {
        let of_rule = cases.iter().filter(|case| case.title.starts_with(rule));
        of_rule.flat_map(|case| &case.files).any(|(_, text)| block_scalar_of_marker(text) == Some(indicator))
    };
    let lacking: Vec<(&str, char)> = RULES_INSIDE_TEXTS
        .into_iter()
        .flat_map(|rule| [(rule, '|'), (rule, '>')])
        .filter(|(rule, indicator)| !has_case(rule, *indicator))
        .collect();
    assert!(lacking.is_empty(), "no case in such a scalar: {lacking:?}");
}

#[test]
fn every_rule_has_two_cases() {
    let all = [
        include_str!("one_mistake/fields.txt"),
        include_str!("one_mistake/names.txt"),
        include_str!("one_mistake/variables.txt"),
        include_str!("one_mistake/texts.txt"),
        include_str!("one_mistake/superset.txt"),
        include_str!("one_mistake/plans.txt"),
    ];
    let titles: Vec<String> = all.iter().flat_map(|text| parse_cases(text)).map(|case| case.title).collect();
    let lacking: Vec<&str> = RULES
        .iter()
        .map(|rule| rule.code.id)
        .filter(|id| titles.iter().filter(|title| title.starts_with(id)).count() < 2)
        .collect();
    assert!(lacking.is_empty(), "rules with fewer than two cases: {lacking:?}");
}

/// What an unchanged task gave before is taken over: an edit elsewhere must not change what is found.
#[test]
fn after_an_edit_the_findings_are_those_of_a_fresh_look() {
    let found = |compilation: &Compilation| -> Vec<_> {
        let each = compilation.diagnostics.iter();
        each.map(|d| (d.code.id, place(compilation, d), d.message.clone())).collect()
    };
    for case in parse_cases(include_str!("one_mistake/texts.txt")) {
        let mut files = case.files.clone();
        take_markers(&mut files);
        let mut before = files.clone();
        before[0].1 = before[0].1.replacen("tasks:", "# a note\n\ntasks:\n  added: echo added\n", 1);
        let previous = compile_files(&before, None);
        let after = compile_files(&files, Some(&previous));
        assert_eq!(found(&after), found(&compile_files(&files, None)), "{}", case.title);
    }
}

#[test]
fn clean_projects_have_no_finding() {
    let cases = parse_cases(include_str!("one_mistake/clean.txt"));
    assert!(cases.len() >= 15, "{} clean projects", cases.len());
    for case in &cases {
        let compilation = compile_files(&case.files, None);
        assert!(compilation.diagnostics.is_empty(), "{}\n{}", case.title, shown(&compilation));
    }
}
