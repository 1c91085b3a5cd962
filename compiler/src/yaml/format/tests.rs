//! Texts before and after, and what holds for every text.

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::*;
use crate::generated_input::generated;
use crate::yaml::compose::compose;
use crate::yaml::oracle::pieces;

fn formatted(text: &str) -> String {
    apply(text, &format(text, &Wish::default()))
}

fn check(before: &str, after: &str) {
    assert_eq!(formatted(before), after, "{before}");
    assert_eq!(formatted(after), after, "{after}");
}

/// What holds for every text; says what does not.
fn fault(text: &str, wish: &Wish) -> Option<String> {
    if !compose(text, SourceId(0)).errors.is_empty() {
        let is_left_alone = format(text, wish).is_empty();
        return (!is_left_alone).then(|| format!("a broken text was changed: {text:?}"));
    }
    let edits = unverified(text, wish)?;
    let apart = edits.windows(2).all(|pair| pair[0].range.end <= pair[1].range.start);
    if !apart {
        return Some(format!("edits overlap: {text:?} {edits:?}"));
    }
    let replaced =
        |edit: &Respacing| text[edit.range.clone()].trim().is_empty() && edit.new_text.trim().is_empty();
    if !edits.iter().all(replaced) {
        return Some(format!("not only white space was replaced: {text:?} {edits:?}"));
    }
    let after = apply(text, &edits);
    if !keeps_meaning(text, &after) {
        return Some(format!("the meaning changed:\n{text:?}\n{after:?}\n{text}\n---\n{after}"));
    }
    let is_whole = *wish == Wish { indent: wish.indent, ..Wish::default() };
    let again = unverified(&after, wish).map(|edits| apply(&after, &edits));
    if is_whole && again.as_ref() != Some(&after) {
        return Some(format!("the second time differs:\n{text:?}\n{after:?}\n{again:?}"));
    }
    None
}

fn check_all(text: &str) -> Result<(), TestCaseError> {
    for indent in [2, 4] {
        let found = fault(text, &Wish { indent, ..Wish::default() });
        prop_assert!(found.is_none(), "{}", found.unwrap_or_default());
    }
    Ok(())
}

#[test]
fn indentation_is_two_blanks() {
    check(
        "version: '3'\ntasks:\n    a:\n        cmds:\n            - echo\n            - task: b\n              vars:\n                  X: 1\n    b: echo\n",
        "version: '3'\ntasks:\n  a:\n    cmds:\n      - echo\n      - task: b\n        vars:\n          X: 1\n  b: echo\n",
    );
    check("  a: 1\n  b:\n   c: 2\n", "a: 1\nb:\n  c: 2\n");
}

#[test]
fn lists_stand_as_most_of_the_file_has_them() {
    check("a:\n- x\n- y\nb:\n- z\nc:\n  - w\n", "a:\n- x\n- y\nb:\n- z\nc:\n- w\n");
    check("a:\n- x\nb:\n    - z\nc:\n  - w\n", "a:\n  - x\nb:\n  - z\nc:\n  - w\n");
    check("a:\n- x\nb:\n    - z\n", "a:\n  - x\nb:\n  - z\n");
    check("-   a\n-   b: 1\n    c: 2\n- - d\n  -   e\n", "- a\n- b: 1\n  c: 2\n- - d\n  - e\n");
    check("a:\n  -\n      b: 1\n      c: 2\n", "a:\n  -\n    b: 1\n    c: 2\n");
}

#[test]
fn blanks_between_words_are_single() {
    check("a:   1\nb :  2\n'c'  : 3\nd:\t4\n", "a: 1\nb: 2\n'c': 3\nd: 4\n");
    check("a:  &x   !!str   1\nb:   *x\n", "a: &x !!str 1\nb: *x\n");
    check("a: 1   \nb:   \n  c: 2\t\n", "a: 1\nb:\n  c: 2\n");
    check("a: b   c\nd: 'e   f'\n", "a: b   c\nd: 'e   f'\n");
}

#[test]
fn brackets_have_no_blanks_inside() {
    check("a: { b: 1 ,c:  2 }\nd: [ x,y , z ]\n", "a: {b: 1, c: 2}\nd: [x, y, z]\n");
    check("a: [ ]\nb: {  }\nc: [ { d: 1 } ]\n", "a: []\nb: {}\nc: [{d: 1}]\n");
    check("a: {\"b\":1}\n", "a: {\"b\": 1}\n");
    check("a: [\n      x,\n   y\n ]\nb: 1\n", "a: [\n  x,\n  y\n]\nb: 1\n");
    check("- [\n  # c\n  a,\n\n\n  b]\n", "- [\n    # c\n    a,\n\n    b]\n");
    check("a: {b: !t , c: 1}\n", "a: {b: !t , c: 1}\n");
}

#[test]
fn templates_are_left_as_they_are() {
    check("a: {{ .X }}\nb: [{{ .Y }}]\n", "a: {{ .X }}\nb: [{{ .Y }}]\n");
    check("a: \"{{  .X  }}\"\nb: x {{  .Y}}\n", "a: \"{{  .X  }}\"\nb: x {{  .Y}}\n");
}

#[test]
fn angles_of_template_files_are_left_as_they_are() {
    check(
        "params: [ {name: a} ]\ntask: |\n    desc: <%-  .a  -%>\n    <% if .a %>\n      x\n    <% end %>\n",
        "params: [{name: a}]\ntask: |\n  desc: <%-  .a  -%>\n  <% if .a %>\n    x\n  <% end %>\n",
    );
    check(
        "files:\n    a: {content: 'x <%  .a%>'}\n    b: <%.a  %>\n",
        "files:\n  a: {content: 'x <%  .a%>'}\n  b: <%.a  %>\n",
    );
}

#[test]
fn comments_move_with_what_they_belong_to() {
    check(
        "# top\ntasks:\n    # of a\n    a:\n        # of cmds\n        cmds:\n            # of x\n            - x   # beside\n            # after x\n        # after cmds\n# out\n    b: y\n",
        "# top\ntasks:\n  # of a\n  a:\n    # of cmds\n    cmds:\n      # of x\n      - x   # beside\n      # after x\n    # after cmds\n# out\n  b: y\n",
    );
    check("a:\n    b:\n    #   - x\n    #     y\n      - z\n", "a:\n  b:\n  #   - x\n  #     y\n    - z\n");
    check("a:\n     # one\n       # two\n    b: 1\n", "a:\n  # one\n    # two\n  b: 1\n");
}

#[test]
fn block_scalars_keep_their_lines() {
    check(
        "a:\n    b: |\n            x\n              y\n\n            z  \n    c: >-\n        v\n",
        "a:\n  b: |\n    x\n      y\n\n    z  \n  c: >-\n    v\n",
    );
    check("a:\n    b: |2  \n        x\n      y\n", "a:\n  b: |2\n      x\n    y\n");
    check("a:\n    - |\n      x\n        \n      \ty\n", "a:\n  - |\n    x\n      \n    \ty\n");
    check("a: |+\n    x\n\n\nb: 1\n", "a: |+\n  x\n\n\nb: 1\n");
    check("a: |\n    x\n\n\nb: 1\n", "a: |\n  x\n\nb: 1\n");
    check("a: |\n    x\n   # c\nb: 1\n", "a: |\n  x\n# c\nb: 1\n");
    check("a: |\n\nb: |\n  \n  c\n", "a: |\n\nb: |\n\n  c\n");
}

#[test]
fn texts_end_with_one_line_break() {
    check("a: 1", "a: 1\n");
    check("a: 1\n\n\n", "a: 1\n");
    check("a: 1  ", "a: 1\n");
    check("a: 1\n# c  ", "a: 1\n# c\n");
    check("a: 1\r\nb: 2", "a: 1\r\nb: 2\r\n");
    check("a: |-\n  x", "a: |-\n  x\n");
    check("a: |\n  x", "a: |\n  x");
    check("a: |+\n  x\n\n", "a: |+\n  x\n\n");
    check("\n\na: 1\n\n\n\nb: 2\n", "a: 1\n\nb: 2\n");
}

#[test]
fn line_ends_stay() {
    check("a:\r\n    b:  1  \r\n    c: |\r\n        x\r\n\r\n\r\n", "a:\r\n  b: 1\r\n  c: |\r\n    x\r\n");
}

#[test]
fn long_texts_move_with_their_lines() {
    check("a:\n    b: x\n        y\n    c: 'x\n\n      y'\n", "a:\n  b: x\n      y\n  c: 'x\n\n    y'\n");
    check("a:\n      x\n        y\n", "a:\n  x\n    y\n");
}

#[test]
fn written_keys_are_laid_out_too() {
    check("?   a\n:   b\n?    - c\n     - d\n:\n     e: 1\n", "? a\n: b\n? - c\n  - d\n:\n  e: 1\n");
}

#[test]
fn what_is_no_yaml_stays() {
    for text in [
        "a: [1\n",
        "a:\n\tb: 1\n",
        "a: 1\n b: 2\n",
        "a: *x\n",
        "just  text\n",
        "",
        "#  c\n\n\n",
        "\u{feff}a:  1\n",
    ] {
        check(text, text);
    }
    check("a:  1\n---\nb:  2\n", "a: 1\n---\nb:  2\n");
    check("a:  1\n\n\n...\n\n\nx\n", "a: 1\n\n...\n\n\nx\n");
}

#[test]
fn only_the_lines_that_may_change_do() {
    let text =
        "tasks:\n    a:\n        cmds:\n            - x\n            -   y\n    b:\n        desc:  z\n";
    let lines = |lines: Range<usize>| apply(text, &format(text, &Wish { lines, ..Wish::default() }));
    assert_eq!(
        lines(3..5),
        "tasks:\n    a:\n        cmds:\n          - x\n          - y\n    b:\n        desc:  z\n"
    );
    assert_eq!(
        lines(4..5),
        "tasks:\n    a:\n        cmds:\n            - x\n            - y\n    b:\n        desc:  z\n"
    );
    assert_eq!(
        lines(6..7),
        "tasks:\n    a:\n        cmds:\n            - x\n            -   y\n    b:\n      desc: z\n"
    );
    assert_eq!(lines(0..0), text);
}

fn yaml_files(directory: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            yaml_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "yml" || extension == "yaml") {
            found.push(path);
        }
    }
}

#[test]
fn every_file_of_the_project_keeps_its_meaning() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut files = Vec::new();
    for directory in ["examples", "tests", "compiler/tests", "docs"] {
        yaml_files(&root.join(directory), &mut files);
    }
    assert!(files.len() > 300, "{}", files.len());
    for path in files {
        let Ok(text) = fs::read_to_string(&path) else { continue };
        for indent in [2, 4] {
            let found = fault(&text, &Wish { indent, ..Wish::default() });
            assert!(found.is_none(), "{}: {}", path.display(), found.unwrap_or_default());
        }
    }
}

/// A text of nested blocks, laid out at random.
#[derive(Clone, Debug)]
enum Block {
    Text(&'static str),
    Lines(&'static str, Vec<&'static str>),
    List(Vec<(Block, &'static str)>),
    Map(Vec<(&'static str, Block, &'static str)>),
}

const TEXTS: &[&str] = &[
    "x",
    "'q  r'",
    "\"d \\\" e\"",
    "[ a,b ]",
    "{ a: 1 }",
    "{{.X}}",
    "",
    "~",
    "&m  v",
    "!!str  1",
    "[\n   a,\n # c\n  b ]",
    "a b\n            c",
    "'x\n\n            y'",
    "*m",
    "x   # beside",
    "{a: [1,\n 2]}",
];
const CONTENT: &[&str] = &["x", "  y", "", "# no comment", "\tz", "- a", "k: v  "];
const HEADERS: &[&str] = &["|", ">", "|-", ">+", "|+", "| # c"];
const KEYS: &[&str] = &["a", "b ", "'c'", "dd", "&k e"];
const FILLERS: &[&str] = &[
    "",
    "",
    "",
    "\n",
    "\n\n\n",
    "# c\n",
    "    # deep\n",
    "  # two\n\n# zero\n",
    "\n        # e\n      # f\n",
];

fn block() -> impl Strategy<Value = Block> {
    let leaf = prop_oneof![
        prop::sample::select(TEXTS).prop_map(Block::Text),
        (prop::sample::select(HEADERS), prop::collection::vec(prop::sample::select(CONTENT), 0..4))
            .prop_map(|(header, lines)| Block::Lines(header, lines)),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let filler = || prop::sample::select(FILLERS);
        prop_oneof![
            prop::collection::vec((inner.clone(), filler()), 1..4).prop_map(Block::List),
            prop::collection::vec((prop::sample::select(KEYS), inner, filler()), 1..4).prop_map(Block::Map),
        ]
    })
}

/// Writes a block whose lines begin at a column; `steps` are the widths that are taken in turn.
fn write(block: &Block, column: usize, steps: &mut dyn Iterator<Item = usize>, out: &mut String) {
    let indent = " ".repeat(column);
    match block {
        Block::Text(text) => {
            out.push_str(text);
            out.push('\n');
        }
        Block::Lines(header, lines) => {
            let step = steps.next().unwrap_or(2).max(1);
            out.push_str(header);
            out.push('\n');
            for (index, line) in lines.iter().enumerate() {
                let line = if index == 0 { line.trim_start() } else { line };
                if !line.is_empty() {
                    out.push_str(&" ".repeat(column + step));
                }
                out.push_str(line);
                out.push('\n');
            }
        }
        Block::List(items) => {
            for (item, filler) in items {
                out.push_str(filler);
                out.push_str(&indent);
                let width = steps.next().unwrap_or(2).max(1);
                out.push('-');
                if matches!(item, Block::List(_) | Block::Map(_)) {
                    // A compact block stands behind the dash; its first line has no indentation of its own.
                    let mut inner = String::new();
                    write(item, column + 1 + width, steps, &mut inner);
                    let compact = inner.strip_prefix(&" ".repeat(column + 1 + width)).map(str::to_owned);
                    match compact {
                        Some(compact) => out.push_str(&(" ".repeat(width) + &compact)),
                        None => out.push_str(&("\n".to_owned() + &inner)),
                    }
                } else {
                    out.push_str(&" ".repeat(width));
                    write(item, column, steps, out);
                }
            }
        }
        Block::Map(entries) => {
            for (index, (key, value, filler)) in entries.iter().enumerate() {
                out.push_str(filler);
                out.extend([&indent, *key]);
                if index > 0 {
                    // Keys differ, so that none is there twice.
                    out.truncate(out.trim_end().len());
                    out.push_str(if key.contains('\'') { "" } else { ["", "1", "2", "3"][index.min(3)] });
                }
                out.push(':');
                let width = steps.next().unwrap_or(2);
                match value {
                    Block::List(_) => {
                        out.push('\n');
                        write(value, column + width, steps, out);
                    }
                    Block::Map(_) => {
                        out.push('\n');
                        write(value, column + width.max(1), steps, out);
                    }
                    _ => {
                        out.push_str(&" ".repeat(width.max(1)));
                        write(value, column, steps, out);
                    }
                }
            }
        }
    }
}

fn laid_out() -> impl Strategy<Value = String> {
    let steps = prop::collection::vec(0_usize..6, 1..8);
    (block(), steps, 0_usize..3, any::<bool>()).prop_map(|(block, steps, column, is_crlf)| {
        let mut out = String::new();
        let block = if matches!(block, Block::Map(_) | Block::List(_)) {
            block
        } else {
            Block::Map(vec![("r", block, "")])
        };
        write(&block, column, &mut steps.iter().copied().cycle(), &mut out);
        if is_crlf { out.replace('\n', "\r\n") } else { out }
    })
}

#[test]
fn generated_texts_are_mostly_sound() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::new(generated(1));
    let texts = (0..400).map(|_| laid_out().new_tree(&mut runner).unwrap().current());
    let sound = texts.filter(|text| compose(text, SourceId(0)).errors.is_empty()).count();
    assert!(sound > 150, "{sound}");
}

proptest! {
    #![proptest_config(generated(4000))]

    #[test]
    fn laid_out_texts_keep_their_meaning(text in laid_out()) {
        check_all(&text)?;
    }

    #[test]
    fn any_pieces_keep_their_meaning(text in pieces()) {
        check_all(&text)?;
    }

    #[test]
    fn ranges_keep_the_meaning(text in laid_out(), start in 0_usize..20, length in 0_usize..20) {
        let found = fault(&text, &Wish { lines: start..start + length, ..Wish::default() });
        prop_assert!(found.is_none(), "{}", found.unwrap_or_default());
    }
}

/// The budget of an editor that formats when it saves.
#[test]
fn a_large_file_is_laid_out() {
    let task = "    task-N:\n        desc:  does N\n        deps: [ task-M ]\n        cmds:\n            - echo N\n            - |\n                echo {{.X}}\n        # after\n";
    let tasks: String = (0..5_000).map(|n| task.replace('N', &n.to_string())).collect();
    let text = format!("version: '3'\ntasks:\n{tasks}");
    let started = std::time::Instant::now();
    let after = formatted(&text);
    if !cfg!(debug_assertions) {
        let elapsed = started.elapsed();
        println!("{} bytes in {elapsed:?}", text.len());
    }
    assert!(after.contains("  task-4999:\n    desc: does 4999\n    deps: [task-M]\n"));
    let again = formatted(&after);
    assert_eq!(again, after);
}
