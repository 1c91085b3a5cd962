//! Writing YAML that go-yaml reads back as it was meant.
//!
//! A writer of our own: the bytes may never change between versions of a crate, no line is ever folded, and whatever
//! some YAML reader could take for something else than text is quoted.

use std::fmt::Write as _;

use super::scalar::{Resolved, resolve_plain};

/// Columns that one level is indented by.
const INDENT: usize = 2;

/// Longest key in bytes that is written as `key:`; YAML looks no further than 1,024 characters for the `:`.
const MAX_INLINE_KEY: usize = 900;

/// What is to be written.
#[derive(Clone, Debug, PartialEq)]
pub enum Tree {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number as Go prints it; written without quotes.
    Number(String),
    /// Text, quoted where it has to be.
    Text(String),
    /// A list.
    List(Vec<Tree>),
    /// A mapping, in this order.
    Map(Vec<(String, Tree)>),
}

/// Writes a document, with a line end at its end.
pub fn write(tree: &Tree) -> String {
    let mut out = String::new();
    write_node(tree, 0, Place::Top, &mut out);
    out
}

/// What stands before a node on its line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Nothing.
    Top,
    /// `key:`
    AfterKey,
    /// `- `, so that a collection may begin on the same line.
    AfterDash,
}

fn write_node(tree: &Tree, column: usize, place: Place, out: &mut String) {
    match tree {
        Tree::List(items) if !items.is_empty() => {
            for (index, item) in items.iter().enumerate() {
                start_line(index == 0, column, place, out);
                out.push('-');
                write_node(item, column + INDENT, Place::AfterDash, out);
            }
        }
        Tree::Map(entries) if !entries.is_empty() => {
            for (index, (key, value)) in entries.iter().enumerate() {
                start_line(index == 0, column, place, out);
                write_key(key, column, out);
                write_node(value, column + INDENT, Place::AfterKey, out);
            }
        }
        leaf => {
            if place != Place::Top {
                out.push(' ');
            }
            write_leaf(leaf, column, out);
            out.push('\n');
        }
    }
}

fn start_line(is_first: bool, column: usize, place: Place, out: &mut String) {
    match place {
        Place::AfterDash if is_first => out.push(' '),
        Place::AfterKey if is_first => {
            out.push('\n');
            indent(column, out);
        }
        _ => indent(column, out),
    }
}

fn indent(column: usize, out: &mut String) {
    out.extend(std::iter::repeat_n(' ', column));
}

fn write_key(key: &str, column: usize, out: &mut String) {
    let mut written = String::new();
    write_line(key, &mut written);
    if written.len() > MAX_INLINE_KEY {
        let _ = writeln!(out, "? {written}");
        indent(column, out);
        return out.push(':');
    }
    out.push_str(&written);
    out.push(':');
}

fn write_leaf(leaf: &Tree, column: usize, out: &mut String) {
    match leaf {
        Tree::Null => out.push_str("null"),
        Tree::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Tree::Number(number) => out.push_str(match number.as_str() {
            "NaN" => ".nan",
            "+Inf" => ".inf",
            "-Inf" => "-.inf",
            number => number,
        }),
        Tree::Text(text) if is_block(text) => write_block(text, column, out),
        Tree::Text(text) => write_line(text, out),
        Tree::List(_) => out.push_str("[]"),
        Tree::Map(_) => out.push_str("{}"),
    }
}

/// Whether text is written as lines of its own under a `|`.
fn is_block(text: &str) -> bool {
    text.contains('\n')
        && !text.trim_matches('\n').is_empty()
        && text.chars().all(|c| c == '\n' || c == '\t' || is_printable(c))
}

fn write_block(text: &str, column: usize, out: &mut String) {
    out.push('|');
    // Without an indicator the first line's blanks would count as indentation.
    if text.starts_with([' ', '\t', '\n']) {
        let _ = write!(out, "{INDENT}");
    }
    let body = text.trim_end_matches('\n');
    match text.len() - body.len() {
        0 => out.push('-'),
        1 => {}
        _ => out.push('+'),
    }
    let column = column.max(INDENT);
    for line in body.split('\n') {
        out.push('\n');
        if !line.is_empty() {
            indent(column, out);
            out.push_str(line);
        }
    }
    // The caller ends the last line; what `+` keeps are the empty lines after it.
    out.extend(std::iter::repeat_n('\n', (text.len() - body.len()).saturating_sub(1)));
}

/// Writes text on one line: plain, in single quotes or in double quotes, the first that keeps it.
fn write_line(text: &str, out: &mut String) {
    if is_plain(text) {
        out.push_str(text);
    } else if text.chars().all(is_printable) {
        out.push('\'');
        out.push_str(&text.replace('\'', "''"));
        out.push('\'');
    } else {
        write_double_quoted(text, out);
    }
}

/// Whether text without quotes is this text to go-yaml and to other readers, YAML 1.1 ones included.
fn is_plain(text: &str) -> bool {
    let Some(first) = text.chars().next() else { return false };
    !"-?:,[]{}#&*!|>'\"%@`=<~".contains(first)
        && !text.starts_with("...")
        && !text.starts_with(' ')
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !text.contains(" #")
        && text.chars().all(is_printable)
        && !is_keyword(text)
        && !looks_like_number(text)
        && matches!(resolve_plain(text), Resolved::String(_))
}

fn is_keyword(text: &str) -> bool {
    const KEYWORDS: [&str; 9] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];
    text.len() <= 5 && KEYWORDS.contains(&text.to_ascii_lowercase().as_str())
}

/// Numbers, dates and times of any YAML version, and what comes close.
fn looks_like_number(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '.'))
        && text.bytes().all(|b| b.is_ascii_hexdigit() || b"_:.,+-xXoOtTzZ ".contains(&b))
}

/// Whether a character may stand in quotes and block text as itself.
fn is_printable(c: char) -> bool {
    !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

fn write_double_quoted(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if is_printable(c) => out.push(c),
            c if (c as u32) < 0x100 => {
                let _ = write!(out, "\\x{:02x}", c as u32);
            }
            c => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::generated_input::generated;
    use crate::source::SourceMap;
    use crate::yaml::node::{Node, NodeKind};
    use crate::yaml::parse;
    use crate::yaml::scalar::resolve;

    fn read_back(node: &Node) -> Tree {
        match &node.kind {
            NodeKind::Scalar(scalar) => match resolve(node, scalar).unwrap() {
                Resolved::Null => Tree::Null,
                Resolved::Bool(value) => Tree::Bool(value),
                Resolved::String(text) => Tree::Text(text.to_string()),
                _ => Tree::Number(scalar.text.to_string()),
            },
            NodeKind::Sequence(list) => Tree::List(list.items.iter().map(|item| read_back(item)).collect()),
            NodeKind::Mapping(mapping) => Tree::Map(
                mapping
                    .entries
                    .iter()
                    .map(|entry| {
                        let NodeKind::Scalar(key) = &entry.key.kind else {
                            panic!("a key that is no scalar")
                        };
                        assert!(matches!(resolve(&entry.key, key), Ok(Resolved::String(_))), "{key:?}");
                        (key.text.to_string(), read_back(&entry.value))
                    })
                    .collect(),
            ),
            NodeKind::Alias { .. } => panic!("an alias"),
        }
    }

    fn check_round_trip(tree: &Tree) {
        let written = write(tree);
        let mut sources = SourceMap::default();
        let file = sources.add_file("Taskfile.yml", written.as_str());
        let document = parse(&written, file, &mut sources, None);
        assert_eq!(document.errors, [], "{written}");
        assert_eq!(&read_back(document.root.as_deref().unwrap()), tree, "{written}");
    }

    const AWKWARD: [&str; 64] = [
        "",
        " ",
        "  a",
        "a ",
        "a",
        "~",
        "null",
        "NULL",
        "true",
        "False",
        "yes",
        "No",
        "on",
        "OFF",
        "y",
        "1",
        "010",
        "0x1F",
        "0o17",
        "1_000",
        "1e3",
        "1.10",
        ".5",
        "5.",
        ".inf",
        "-.inf",
        ".nan",
        "+1",
        "-1",
        "2024-05-06",
        "2024-05-06 10:11:12",
        "12:30:45",
        "{{.X}} bar",
        "a {{.X}}",
        "- a",
        "-v",
        "? a",
        "a: b",
        "a:",
        ":a",
        "a #b",
        "#a",
        "a#b",
        "&a",
        "*a",
        "!a",
        "|",
        "> a",
        "'",
        "\"",
        "it's",
        "%a",
        "@a",
        "`a`",
        "[a]",
        "{a}",
        "a, b",
        "<<",
        "=",
        "---",
        "...",
        "\t",
        "a\tb",
        "é 日本 😀",
    ];

    const AWKWARD_LINES: [&str; 22] = [
        "a\n",
        "a\nb",
        "a\nb\n",
        "a\n\n",
        "\n",
        "\n\n",
        "\na",
        "\n\na\n",
        " a\nb",
        "  a\n b\n",
        "\ta\nb",
        "a\n b\n\n\n",
        "a\n\tb\n",
        "a \nb \n",
        "\n  a\nb\n",
        "a\r\nb",
        "a\u{85}b",
        "a\u{2028}b\nc",
        "a\u{0}b",
        "\u{feff}a",
        "a\n  \nb\n",
        "  \na",
    ];

    #[test]
    fn awkward_text_is_read_back_everywhere() {
        let texts = AWKWARD.iter().chain(&AWKWARD_LINES).map(|text| Tree::Text((*text).to_owned()));
        let texts: Vec<Tree> = texts.collect();
        let keys: Vec<(String, Tree)> =
            AWKWARD.iter().chain(&AWKWARD_LINES).map(|key| ((*key).to_owned(), Tree::Null)).collect();
        for text in &texts {
            check_round_trip(text);
            check_round_trip(&Tree::Map(vec![
                ("a".to_owned(), text.clone()),
                ("b".to_owned(), text.clone()),
            ]));
            check_round_trip(&Tree::List(vec![Tree::List(vec![text.clone(), text.clone()]), text.clone()]));
        }
        check_round_trip(&Tree::List(texts.clone()));
        check_round_trip(&Tree::Map(vec![(
            "deep".to_owned(),
            Tree::List(vec![Tree::Map(keys), Tree::List(texts)]),
        )]));
        check_round_trip(&Tree::Map(vec![("k".repeat(2000), Tree::Text("v".to_owned()))]));
        let long =
            Tree::Map(vec![("k".repeat(2000), Tree::List(vec![Tree::Null])), ("l".to_owned(), Tree::Null)]);
        check_round_trip(&Tree::Map(vec![("deep".to_owned(), Tree::List(vec![long.clone(), long]))]));
    }

    #[test]
    fn the_layout_is_fixed() {
        let text = |text: &str| Tree::Text(text.to_owned());
        let entry = |key: &str, value| (key.to_owned(), value);
        let task = Tree::Map(vec![
            entry(
                "cmds",
                Tree::List(vec![text("echo a\necho b\n"), Tree::Map(vec![entry("task", text("x: y"))])]),
            ),
            entry("sources", Tree::List(vec![])),
            entry("matrix", Tree::List(vec![Tree::List(vec![Tree::Number("1".to_owned()), text("1")])])),
        ]);
        let tree =
            Tree::Map(vec![entry("version", text("3")), entry("tasks", Tree::Map(vec![entry("a:b", task)]))]);
        let expected = "version: '3'\ntasks:\n  a:b:\n    cmds:\n      - |\n        echo a\n        echo b\n      - task: 'x: y'\n    \
                        sources: []\n    matrix:\n      - - 1\n        - '1'\n";
        assert_eq!(write(&tree), expected);
    }

    fn trees() -> impl Strategy<Value = Tree> {
        let text = prop_oneof![
            any::<String>(),
            "[ a:#\\-'\"\n\t{}]{0,12}",
            prop::sample::select(&AWKWARD[..]).prop_map(str::to_owned)
        ];
        let leaf = prop_oneof![
            Just(Tree::Null),
            any::<bool>().prop_map(Tree::Bool),
            text.clone().prop_map(Tree::Text)
        ];
        leaf.prop_recursive(4, 24, 4, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Tree::List),
                prop::collection::vec((text.clone(), inner), 0..4).prop_map(Tree::Map),
            ]
        })
    }

    proptest! {
        #![proptest_config(generated(256))]

        #[test]
        fn any_tree_is_read_back(tree in trees()) {
            check_round_trip(&tree);
        }
    }
}
