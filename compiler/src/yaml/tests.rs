//! Documents as users of this module see them.

use std::fmt::Write as _;
use std::sync::Arc;

use proptest::prelude::*;

use super::compose::{MAX_NESTING, compose};
use super::node::{Node, NodeKind};
use super::{Document, parse};
use crate::generated_input::generated;
use crate::source::{FileId, SourceId, SourceMap};
use crate::template::value::Value;

struct Read {
    sources: SourceMap,
    file: FileId,
    document: Document,
}

fn read(text: &str) -> Read {
    let mut sources = SourceMap::default();
    let file = sources.add_file("Taskfile.yml", text);
    let document = parse(text, file, &mut sources, None);
    Read { sources, file, document }
}

fn read_again(before: &mut Read, text: &str) -> Document {
    before.sources.replace_text(before.file, text);
    parse(text, before.file, &mut before.sources, Some(&before.document))
}

/// A tree with every node's place in the file.
fn print(node: &Node, sources: &SourceMap, out: &mut String) {
    let range = sources.locate(node.span).range;
    let _ = write!(out, "{}..{}", range.start, range.end);
    if let Some(tag) = node.tag() {
        let _ = write!(out, "<{tag}>");
    }
    match &node.kind {
        NodeKind::Scalar(scalar) => {
            let _ = writeln!(out, " {:?} {:?}", scalar.style, scalar.text);
        }
        NodeKind::Sequence(list) => {
            let _ = writeln!(out, " list {:?}", list.style);
            list.items.iter().for_each(|item| print(item, sources, out));
        }
        NodeKind::Mapping(mapping) => {
            let _ = writeln!(out, " map {:?}", mapping.style);
            for entry in &mapping.entries {
                print(&entry.key, sources, out);
                print(&entry.value, sources, out);
            }
        }
        NodeKind::Alias { name, target } => {
            let _ = writeln!(out, " *{name} {}", target.is_some());
        }
    }
}

fn printed(root: Option<&Node>, sources: &SourceMap) -> String {
    let mut out = String::new();
    if let Some(root) = root {
        print(root, sources, &mut out);
    }
    out
}

/// Blocks together say what the whole text says.
fn check_blocks(text: &str) -> Result<(), TestCaseError> {
    let mut sources = SourceMap::default();
    let file = sources.add_file("Taskfile.yml", text);
    let whole = compose(text, sources.add_fragment(file, 0));
    let read = read(text);
    if whole.errors.is_empty() {
        let expected = printed(whole.root.as_ref(), &sources);
        prop_assert_eq!(printed(read.document.root.as_deref(), &read.sources), expected, "{}", text);
        prop_assert!(read.document.errors.is_empty(), "{text}");
    } else {
        prop_assert!(!read.document.errors.is_empty(), "{text}");
    }
    for error in &read.document.errors {
        let range = read.sources.locate(error.span).range;
        prop_assert!(text.get(range).is_some(), "{:?} in {}", error, text);
    }
    Ok(())
}

fn lines() -> impl Strategy<Value = String> {
    let line = prop::sample::select(vec![
        "version: '3'",
        "tasks:",
        "tasks: # all",
        "steps:",
        "steps: # all",
        "- a",
        "- task: b",
        "  - c: d",
        "  -",
        "    e: f",
        "  - - g",
        "-",
        "vars: {A: 1}",
        "# c",
        "",
        "  a:",
        "  b: echo",
        "  'c d':",
        "  \"e\":",
        "    cmds:",
        "      - x",
        "      - |",
        "        l1",
        "",
        "          l2",
        "      - >-",
        "    desc: two",
        "      lines",
        "  # d",
        " # e",
        "    # f",
        "env:",
        "  A: 'q",
        "x'",
        "  B: [1,",
        "2]",
        "    - {task: a}",
        "  - y",
        "    k: &x v",
        "    l: *x",
        "---",
        "...",
        "odd",
        "  odd",
        "\tt",
        "    \tt",
        "é: ü",
        "  b: echo\r",
        "    m: |+",
        "? q",
        "<<: {a: 1}",
        "    deps: [a, b]",
        "  w: {{.X}} y",
        "      - a: b: c",
        "\t# g",
    ]);
    prop::collection::vec(line, 0..20).prop_map(|lines| lines.join("\n"))
}

proptest! {
    #![proptest_config(generated(2000))]

    #[test]
    fn blocks_say_what_the_whole_text_says(text in lines()) {
        check_blocks(&text)?;
    }

    #[test]
    fn lines_say_what_tokens_say(text in plain_lines()) {
        check_lines(&text)?;
    }

    #[test]
    fn any_text_is_read(text in any::<String>()) {
        check_blocks(&text)?;
    }

    #[test]
    fn an_edit_gives_what_a_fresh_start_gives(before in lines(), after in lines()) {
        check_edit(&before, &after)?;
    }
}

/// Lines of the shape that is read without tokens, and a few that nearly are.
fn plain_lines() -> impl Strategy<Value = String> {
    let indent = prop::sample::select(vec!["", "  ", "    ", "      ", "        ", " "]);
    let content = prop::sample::select(vec![
        "a:",
        "b.c: d",
        "e:f: g/h",
        "i: 'j k'",
        "i: 'it''s'",
        "l: \"m: #n\"",
        "l: \"m\\n\"",
        "o: [p, 'q r', -s]",
        "o: []",
        "o: [p,]",
        "t: [u]  ",
        "v:   w x  ",
        "- a",
        "- b: c",
        "-   d: e",
        "- - f",
        "- 'g'",
        "- h: i: j",
        "-",
        "- [k, l]",
        "# m",
        "n: o # p",
        "n: o#p",
        "q: r:s",
        "q: r:",
        "u: -v",
        "u: - v",
        "x: ü",
        "ü: x",
        "y: .5",
        "- --z",
        "- -",
        "a: 'b' c",
        "a: 'b",
        "a: |",
        "*a: b",
        "a: *b",
        "a: &b c",
        "a:  ",
        "",
        "   ",
        "a\tb: c",
        "a: b\tc",
        "a: {b: c}",
        "a: {{.B}}",
        "a: $B",
        "a: (b)",
        "a: b\r",
        "---",
        "- a?b, {c}",
        "1: 2",
        "_: _",
        "a: [b c , d]",
        "a: [b: c]",
        "a: [b#c]",
        "a: [b #c]",
        "a: +",
    ]);
    prop::collection::vec((indent, content), 0..8)
        .prop_map(|lines| lines.iter().flat_map(|(indent, content)| [*indent, *content, "\n"]).collect())
}

fn check_lines(text: &str) -> Result<(), TestCaseError> {
    let source = SourceId(0);
    let Some(root) = super::lines::read(text, source) else { return Ok(()) };
    let composed = compose(text, source);
    prop_assert_eq!(Some(root), composed.root, "{}", text);
    prop_assert!(composed.errors.is_empty() && !composed.has_references && !composed.has_more_documents);
    Ok(())
}

#[test]
fn the_usual_task_is_read_without_tokens() {
    let task = "  build:\n    desc: Build it\n    deps: [a, 'b c']\n\n    # why\n    cmds:\n      - echo \"x:y\"\n    \
                \x20 - task: other\n        vars:\n          A: -1\n    sources:\n    - src/**/*.go\n    silent:\n";
    assert!(super::lines::read(task, SourceId(0)).is_some());
    check_lines(task).unwrap();
}

fn check_edit(before: &str, after: &str) -> Result<(), TestCaseError> {
    let mut old = read(before);
    let document = read_again(&mut old, after);
    let fresh = read(after);
    prop_assert_eq!(
        printed(document.root.as_deref(), &old.sources),
        printed(fresh.document.root.as_deref(), &fresh.sources)
    );
    let messages = |document: &Document| {
        document.errors.iter().map(|e| (e.message.clone(), e.go_message.clone())).collect::<Vec<_>>()
    };
    prop_assert_eq!(messages(&document), messages(&fresh.document));
    Ok(())
}

#[test]
fn edits_that_once_broke_something() {
    for (before, after) in [
        // No block has an entry.
        ("", "a: 'b: '3'\ntasks: { t: c x"),
        // A line that only YAML sees.
        ("a: 1\n", "a: 1\ntasks:\n b\u{2028}c: d\ne: f"),
        ("a: 1\n", "a: 1\ntasks:\n b\rc: d\ne: f"),
    ] {
        check_edit(before, after).unwrap();
    }
}

const TASKFILE: &str = "version: '3'\n\nvars:\n  A: 1\n\ntasks:\n  # first\n  one:\n    cmds:\n      - echo 1\n\n  two:\n    \
                        cmds: [echo 2]\n  three: echo 3\nenv:\n  B: 2\n";

fn entry<'d>(document: &'d Document, path: &[&str]) -> &'d Arc<Node> {
    let mut node = document.root.as_ref().unwrap();
    for name in path {
        let NodeKind::Mapping(mapping) = &node.kind else { panic!("{name} of no mapping") };
        let found = mapping
            .entries
            .iter()
            .find(|entry| super::merge::key_text(&entry.key).is_some_and(|key| key == name));
        node = &found.unwrap_or_else(|| panic!("no {name}")).value;
    }
    node
}

#[test]
fn an_edit_reads_one_block_again() {
    let mut old = read(TASKFILE);
    let edited = TASKFILE.replace("A: 1", "A: 1\n  LONGER: value").replace("echo 2", "echo two");
    let document = read_again(&mut old, &edited);
    for name in ["one", "three"] {
        assert!(
            Arc::ptr_eq(entry(&document, &["tasks", name]), entry(&old.document, &["tasks", name])),
            "{name}"
        );
    }
    assert!(Arc::ptr_eq(entry(&document, &["env"]), entry(&old.document, &["env"])));
    assert!(!Arc::ptr_eq(entry(&document, &["tasks", "two"]), entry(&old.document, &["tasks", "two"])));
    assert_eq!(old.sources.text(entry(&document, &["tasks", "three"]).span), "echo 3");
    assert_eq!(old.sources.text(entry(&document, &["env", "B"]).span), "2");
    assert_eq!(old.sources.position(entry(&document, &["env", "B"]).span).line, 17);
    assert!(document.root.as_ref().unwrap().span.source == document.source);
}

#[test]
fn an_edit_of_a_plan_reads_one_step_again() {
    let text = "vars: {A: 1}\nsteps:\n  - task: a\n    needs: [x]\n  # two\n  - b\n  -\n    task: c\n";
    let mut old = read(text);
    let edited = text.replace("A: 1", "A: 1, B: 2").replace("- b\n", "- task: b\n    vars: {C: 3}\n");
    let document = read_again(&mut old, &edited);
    let items = |document: &Document| match &entry(document, &["steps"]).kind {
        NodeKind::Sequence(list) => list.items.clone(),
        _ => panic!("no list"),
    };
    let (before, after) = (items(&old.document), items(&document));
    let is_same: Vec<bool> = before.iter().zip(&after).map(|(a, b)| Arc::ptr_eq(a, b)).collect();
    assert_eq!(is_same, [true, false, true]);
    assert_eq!(old.sources.text(after[2].span), "task: c");
    assert_eq!(
        old.sources.text(entry(&document, &["steps"]).span),
        &edited[edited.find("task: a").unwrap()..edited.len() - 1]
    );
}

#[test]
fn a_mistake_while_typing_has_go_yamls_message_without_reading_the_rest() {
    let mut old = read(TASKFILE);
    let broken = TASKFILE.replace("cmds: [echo 2]", "cmds: [echo 2] x");
    let document = read_again(&mut old, &broken);
    assert_eq!(document.errors[0].go_message, read(&broken).document.errors[0].go_message);
    assert_eq!(document.errors[0].go_message.as_deref(), Some("yaml: line 12: did not find expected key"));
    assert!(Arc::ptr_eq(entry(&document, &["tasks", "one"]), entry(&old.document, &["tasks", "one"])));
}

#[test]
fn equal_blocks_have_places_of_their_own() {
    let text = "tasks:\n  a: x\n  a: x\n";
    let mut old = read("tasks:\n  b: y\n  a: x\n  c: z\n");
    let document = read_again(&mut old, text);
    let NodeKind::Mapping(tasks) = &entry(&document, &["tasks"]).kind else { panic!() };
    let starts: Vec<_> = tasks.entries.iter().map(|e| old.sources.locate(e.key.span).range.start).collect();
    assert_eq!(starts, [9, 16]);
}

/// A text with one mistake: what is said, at which text, with which fix, and what go-task 3.54 says.
struct Mistake {
    text: &'static str,
    message: &'static str,
    place: &'static str,
    fixed: Option<&'static str>,
    go_message: &'static str,
}

fn check_mistake(mistake: &Mistake) {
    let Read { sources, document, .. } = read(mistake.text);
    let error = &document.errors[0];
    assert_eq!(error.message, mistake.message, "{}", mistake.text);
    assert_eq!(sources.text(error.span), mistake.place, "{}", mistake.text);
    assert_eq!(error.go_message.as_deref(), Some(mistake.go_message), "{}", mistake.text);
    let fixed = error.fix.as_ref().map(|fix| {
        let mut text = mistake.text.to_owned();
        for edit in &fix.edits {
            text.replace_range(sources.locate(edit.span).range, &edit.new_text);
        }
        assert_eq!(read(&text).document.errors, [], "the fix of {} gives {text}", mistake.text);
        text
    });
    assert_eq!(fixed.as_deref(), mistake.fixed, "{}", mistake.text);
}

#[test]
fn classic_mistakes_are_explained_and_mended() {
    let table = [
        Mistake {
            text: "tasks:\n  a:\n    cmds:\n      - {{.X}} bar\n",
            message: "a value that begins with `{{` needs quotes, or YAML takes it for a mapping",
            place: "{{",
            fixed: Some("tasks:\n  a:\n    cmds:\n      - '{{.X}} bar'\n"),
            go_message: "yaml: line 3: did not find expected '-' indicator",
        },
        Mistake {
            text: "tasks:\n  a:\n    desc: {{.X}} it's\n",
            message: "a value that begins with `{{` needs quotes, or YAML takes it for a mapping",
            place: "{{",
            fixed: Some("tasks:\n  a:\n    desc: \"{{.X}} it's\"\n"),
            go_message: "yaml: line 2: did not find expected key",
        },
        Mistake {
            text: "tasks:\n  a:\n    desc: one: two\n",
            message: "`: ` inside of unquoted text: YAML takes what is before it for a key",
            place: ":",
            fixed: Some("tasks:\n  a:\n    desc: 'one: two'\n"),
            go_message: "yaml: line 3: mapping values are not allowed in this context",
        },
        Mistake {
            text: "tasks:\n  a:\n    desc: x\n     cmds: [y]\n",
            message: "this line is indented deeper than the entry above it, which has a value already",
            place: "cmds",
            fixed: Some("tasks:\n  a:\n    desc: x\n    cmds: [y]\n"),
            go_message: "yaml: line 4: mapping values are not allowed in this context",
        },
        Mistake {
            text: "tasks:\n  a:\n    de\n\n    deps: [b]\n    cmds: [y]\n  b: z\n",
            message: "`de` is neither a `key: value` nor a list item",
            place: "de",
            fixed: None,
            go_message: "yaml: line 5: mapping values are not allowed in this context",
        },
        Mistake {
            text: "tasks:\n  a:\n    cmds: [y]\n   desc: x\n  b: z\n",
            message: "the indentation of this line fits no line above it",
            place: "desc: x",
            fixed: Some("tasks:\n  a:\n    cmds: [y]\n    desc: x\n  b: z\n"),
            go_message: "yaml: line 1: did not find expected key",
        },
        Mistake {
            text: "tasks:\n  a:\n    cmds:\n      - echo \"x\n  b:\n    desc: 'never\n",
            message: "this quote is never closed",
            place: "'",
            fixed: None,
            go_message: "yaml: line 6: found unexpected end of stream",
        },
        Mistake {
            text: "tasks:\n  a:\n    cmd: \"x\" y\n",
            message: "text after the closing `\"`",
            place: "y",
            fixed: Some("tasks:\n  a:\n    cmd: '\"x\" y'\n"),
            go_message: "yaml: line 2: did not find expected key",
        },
        Mistake {
            text: "tasks:\n  a:\n\tcmds: [x]\n",
            message: "a tab in the indentation, where YAML wants spaces",
            place: "\t",
            fixed: Some("tasks:\n  a:\n    cmds: [x]\n"),
            go_message: "yaml: line 3: found character that cannot start any token",
        },
        Mistake {
            text: "tasks:\n  a:\n    cmds:\n    \t- x\n",
            message: "a tab in the indentation, where YAML wants spaces",
            place: "\t",
            fixed: Some("tasks:\n  a:\n    cmds:\n      - x\n"),
            go_message: "yaml: line 4: found character that cannot start any token",
        },
        Mistake {
            text: "tasks:\n  a:\n    cmds:\n      - x\n      -y\n",
            message: "a list item needs a space after its `-`",
            place: "-",
            fixed: Some("tasks:\n  a:\n    cmds:\n      - x\n      - y\n"),
            go_message: "yaml: line 5: could not find expected ':'",
        },
        Mistake {
            text: "tasks:\n  a:\n    desc:x\n    cmds: [y]\n",
            message: "a key needs a space after its `:`",
            place: ":",
            fixed: Some("tasks:\n  a:\n    desc: x\n    cmds: [y]\n"),
            go_message: "yaml: line 4: mapping values are not allowed in this context",
        },
        Mistake {
            text: "tasks:\n  a:\n    cmds: [x, y\n  b: z\n",
            message: "this `[` is not closed: expected `,` or `]`",
            place: "[",
            fixed: None,
            go_message: "yaml: line 2: did not find expected ',' or ']'",
        },
        Mistake {
            text: "tasks:\n  a:\n    desc: \"\\d\"\n",
            message: "`\\d` means nothing in double quotes",
            place: "\\d",
            fixed: Some("tasks:\n  a:\n    desc: \"\\\\d\"\n"),
            go_message: "yaml: line 3: found unknown escape character",
        },
        Mistake {
            text: "tasks:\n  a:\n    sources: [x]\n    cmd: @x\n",
            message: "`@` cannot begin a value without quotes",
            place: "@",
            fixed: Some("tasks:\n  a:\n    sources: [x]\n    cmd: '@x'\n"),
            go_message: "yaml: line 4: found character that cannot start any token",
        },
        Mistake {
            text: "tasks:\n  a:\n    sources:\n      - *.go\n",
            message: "`*` begins an alias; text that begins with it needs quotes",
            place: "*",
            fixed: Some("tasks:\n  a:\n    sources:\n      - '*.go'\n"),
            go_message: "yaml: line 4: did not find expected alphabetic or numeric character",
        },
        Mistake {
            text: "tasks:\n  a:\n    cmds: - x\n",
            message: "a list cannot begin on the line of its key",
            place: "-",
            fixed: None,
            go_message: "yaml: line 3: block sequence entries are not allowed in this context",
        },
        Mistake {
            text: "a: 1\nb: \u{7}x\n",
            message: "the control character U+0007 is not allowed",
            place: "\u{7}",
            fixed: None,
            go_message: "yaml: control characters are not allowed",
        },
        Mistake {
            text: "a: *b\n",
            message: "unknown anchor `b`",
            place: "*b",
            fixed: None,
            go_message: "yaml: unknown anchor 'b' referenced",
        },
        Mistake {
            text: "a: &a\n  b: *a\n",
            message: "`*a` stands inside of what `&a` marks",
            place: "*a",
            fixed: None,
            go_message: "yaml: anchor 'a' value contains itself",
        },
    ];
    table.iter().for_each(check_mistake);
}

#[test]
fn an_unknown_anchor_before_another_mistake_is_told_first_after_an_edit_too() {
    let with = |entry: &str| {
        format!("version: '3'\ntasks:\n  half:\n    x:\n      - {entry}ch: [a, b]}}\nshow: 1\n")
    };
    let first_message =
        |document: &Document| document.errors.first().and_then(|error| error.go_message.clone());
    let mut before = read(&with(""));
    let after = read_again(&mut before, &with("*"));
    assert_eq!(first_message(&after).as_deref(), Some("yaml: unknown anchor 'ch' referenced"));
    assert_eq!(first_message(&after), first_message(&read(&with("*")).document));
}

#[test]
fn one_mistake_leaves_the_rest_of_the_file() {
    let text = "version: '3'\ntasks:\n  a:\n    cmds:\n      - {{.X}} y\n    desc: kept\n  b:\n    desc: fine\n  c:\n    desc: x: y\n    \
                cmds: [echo]\n  d: 'open\n";
    let Read { document, sources, .. } = read(text);
    let lines: Vec<_> = document.errors.iter().map(|error| sources.position(error.span).line).collect();
    assert_eq!(lines, [5, 10, 12]);
    let with_go: Vec<_> = document.errors.iter().map(|error| error.go_message.is_some()).collect();
    assert_eq!(with_go, [true, false, false]);
    assert_eq!(sources.text(entry(&document, &["tasks", "a", "desc"]).span), "kept");
    assert_eq!(sources.text(entry(&document, &["tasks", "b", "desc"]).span), "fine");
    assert_eq!(sources.text(entry(&document, &["tasks", "c", "cmds"]).span), "[echo]");
}

#[test]
fn nesting_has_a_limit() {
    let deep = |depth: usize| format!("a: {}{}", "[".repeat(depth), "]".repeat(depth));
    assert_eq!(read(&deep(MAX_NESTING - 1)).document.errors, []);
    let errors = read(&deep(MAX_NESTING)).document.errors;
    assert!(errors[0].message.contains("limit of 200"), "{errors:?}");
    read(&deep(100_000));
    read(&"- ".repeat(100_000));
    read(&"? ".repeat(100_000));
    let mut stairs = String::new();
    for column in 0..2000 {
        let _ = writeln!(stairs, "{}a:", " ".repeat(column));
    }
    assert!(!read(&stairs).document.errors.is_empty());
}

#[test]
fn aliases_count_for_the_levels_that_they_stand_for() {
    let chain = |length: usize| {
        let level = |n: usize| format!("- &a{n} [*a{}]\n", n - 1);
        format!("- &a0 [x]\n{}", (1..length).map(level).collect::<Vec<_>>().concat())
    };
    // The root is a level, and so is the text in the innermost list.
    assert_eq!(read(&chain(MAX_NESTING - 2)).document.errors, []);
    for length in [MAX_NESTING - 1, 100_000] {
        let Read { document, .. } = read(&chain(length));
        assert_eq!(document.errors.len(), 1);
        assert_eq!(document.errors[0].message, "lists and mappings are nested deeper than the limit of 200");
    }
}

#[test]
fn a_file_has_a_largest_size() {
    let document = read(&"#".repeat(super::MAX_FILE_SIZE + 1)).document;
    assert!(document.errors[0].message.contains("more than the limit of 67108864"));
}

#[test]
fn an_alias_bomb_is_an_error_of_its_value() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..10 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
        let _ = writeln!(text, "a{level}: &a{level} [{aliases}]");
    }
    let Read { document, .. } = read(&text);
    assert_eq!(document.errors, []);
    let errors = super::value::to_value(entry(&document, &["a9"])).unwrap_err();
    assert_eq!(errors.len(), 1);
    assert_eq!(errors[0].go_message(&SourceMap::default()), "yaml: document contains excessive aliasing");
}

#[test]
fn merges_apply_in_go_yamls_order() {
    let text = "a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc:\n  <<: [*a, *b, {w: 3}]\n  x: 0\nd:\n  <<: *a\n";
    let Read { document, .. } = read(text);
    let merged = |name: &str| {
        let NodeKind::Mapping(mapping) = &entry(&document, &[name]).kind else { panic!() };
        let merged = super::merge::mapping_entries(mapping);
        assert_eq!(merged.errors, []);
        let pairs = merged.entries.iter().map(|entry| {
            let value = super::scalar::as_string(entry.value).unwrap().unwrap();
            format!("{}={value}", super::merge::key_text(entry.key).unwrap())
        });
        pairs.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(merged("c"), "x=0 y=1 z=2 w=3");
    assert_eq!(merged("d"), "x=1 y=1");
}

#[test]
fn a_whole_file_fragment_serves_files_that_do_not_fall_apart() {
    for text in ["a: &x 1\nb: *x\n", "---\na: 1\n", "{a: 1}\n", "\u{feff}a: 1\n"] {
        let Read { document, .. } = read(text);
        assert_eq!(document.errors, [], "{text}");
        assert_eq!(entry(&document, &["a"]).span.source, SourceId(0), "{text}");
    }
    assert_eq!(read("").document.root, None);
    assert_eq!(read("# nothing\n").document.root, None);
    let Read { document, .. } = read("a: 1\n---\na: 2\n");
    assert_eq!(super::scalar::as_string(entry(&document, &["a"])).unwrap().unwrap(), "1");
}

#[test]
fn a_byte_order_mark_takes_no_column() {
    let Read { document, .. } = read("\u{feff}a: 1\nb:\n  c: 2\nd: 3\n");
    assert_eq!(document.errors, []);
    for path in [&["a"][..], &["b", "c"], &["d"]] {
        assert!(super::scalar::as_string(entry(&document, path)).is_ok(), "{path:?}");
    }
}

#[test]
fn values_are_gos() {
    let value = |text: &str| {
        let Read { document, .. } = read(&format!("v: {text}\n"));
        super::value::to_value(entry(&document, &["v"]))
            .map_err(|errors| errors[0].go_message(&SourceMap::default()))
    };
    let keys = |text: &str| match value(text).unwrap() {
        Value::AnyMap(entries) => {
            entries.iter().map(|(key, _)| key.to_text().to_string()).collect::<Vec<_>>().join(" ")
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(keys("{b: 1, 1: 2, true: 3, 2.5: x, 10: y, a: z, 9: q}"), "a b 1 9 10 2.5 true");
    assert!(matches!(value("{b: 1}").unwrap(), Value::Map(_)));
    assert_eq!(value("18446744073709551615").unwrap(), Value::Uint64(u64::MAX));
    assert_eq!(
        value("{x: {{.X}}}").unwrap_err(),
        "yaml: invalid map key: map[string]interface {}{\".X\":interface {}(nil)}"
    );
    assert_eq!(value("!!int x").unwrap_err(), "yaml: cannot decode !!str `x` as a !!int");
    assert_eq!(
        value("{<<: 1}").unwrap_err(),
        "yaml: map merge requires map or sequence of maps as the value"
    );
    assert_eq!(value("!!binary aGk=").unwrap(), Value::String("hi".into()));
    assert_eq!(value("!own 1").unwrap(), Value::String("1".into()));
}

#[test]
fn type_errors_have_go_yamls_words() {
    let Read { document, sources, .. } =
        read("a: [x]\nb: {x: 1}\nc: text that is long\nd: 1\ne: yes\nf: 'on'\ng: ~\n");
    let message = |name: &str| match super::scalar::as_bool(entry(&document, &[name])) {
        Ok(value) => format!("{value:?}"),
        Err(error) => error.go_message(&sources),
    };
    assert_eq!(message("a"), "line 1: cannot unmarshal !!seq into bool");
    assert_eq!(message("b"), "line 2: cannot unmarshal !!map into bool");
    assert_eq!(message("c"), "line 3: cannot unmarshal !!str `text th...` into bool");
    assert_eq!(message("d"), "line 4: cannot unmarshal !!int `1` into bool");
    assert_eq!(message("e"), "Some(true)");
    assert_eq!(message("f"), "Some(true)");
    assert_eq!(message("g"), "None");
}

#[test]
fn duplicate_keys_are_all_reported() {
    let Read { document, sources, .. } = read("v:\n  a: 1\n  b: 2\n  a: 3\n  'a': 4\n");
    let NodeKind::Mapping(mapping) = &entry(&document, &["v"]).kind else { panic!() };
    let messages: Vec<_> =
        super::merge::duplicate_keys(mapping).iter().map(|error| error.go_message(&sources)).collect();
    assert_eq!(
        messages,
        [
            "line 4: mapping key \"a\" already defined at line 2",
            "line 5: mapping key \"a\" already defined at line 2",
            "line 5: mapping key \"a\" already defined at line 4",
        ]
    );
}

#[test]
fn go_yamls_words_for_bytes_that_are_no_utf8() {
    let check = |bytes: &[u8], expected: Option<&str>| {
        assert_eq!(super::error::utf8_problem(bytes), expected, "{bytes:?}");
    };
    check(b"a: \xc3\xa9", None);
    check(b"a: \xff", Some("yaml: invalid leading UTF-8 octet"));
    check(b"a: \x80", Some("yaml: invalid leading UTF-8 octet"));
    check(b"a: \xc3", Some("yaml: incomplete UTF-8 octet sequence"));
    check(b"a: \xc3(", Some("yaml: invalid trailing UTF-8 octet"));
    check(b"a: \xc0\x80", Some("yaml: invalid length of a UTF-8 sequence"));
    check(b"a: \xed\xa0\x80", Some("yaml: invalid Unicode character"));
}

#[test]
fn texts_that_once_broke_something() {
    for text in ["a: 1\n\u{feff}\t\nb: 2\n", "[][: : '", "tasks:\n{  t: {a: b}\n", "k: |\n  a\n\u{2028}  b\n"]
    {
        check_blocks(text).unwrap();
    }
}
