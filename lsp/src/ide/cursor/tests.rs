//! Cursors in texts, half of them unfinished.

use ez_compiler::source::SourceMap;

use super::template::{BARE, BRACES};
use super::*;

const CURSOR: &str = "$0";

fn source(marked: &str) -> (std::sync::Arc<SourceFile>, usize) {
    let at = marked.find(CURSOR).expect("a cursor");
    let mut sources = SourceMap::default();
    let file = sources.add_file("Taskfile.yml", marked.replacen(CURSOR, "", 1));
    (std::sync::Arc::clone(sources.file(file)), at)
}

/// Way, part, word with its cursor, style.
fn shown(marked: &str) -> String {
    let (source, at) = source(marked);
    let Some(cursor) = Cursor::at(&source, at) else { return "nothing".to_owned() };
    let path: Vec<&str> = cursor.path.iter().map(|step| step.key().unwrap_or("-")).collect();
    let typed = cursor.typed(&source.text);
    let rest = source.text.get(cursor.offset..cursor.word.end).unwrap_or("?");
    let blank = if cursor.needs_blank { " blank" } else { "" };
    format!("{} {:?} {:?} {typed}|{rest}{blank}", path.join("/"), cursor.part, cursor.style)
}

#[test]
fn block_style_is_read_off_the_indentation() {
    let check = |marked: &str, expected: &str| assert_eq!(shown(marked), expected, "{marked}");
    check("$0", " KeyOrValue Plain |");
    check("ver$0", " KeyOrValue Plain ver|");
    check("version$0: 3", " KeyWithColon Plain version|");
    check("version:$0", "version Value Plain | blank");
    check("version: $0", "version Value Plain |");
    check("version: $0 # why", "version Value Plain |");
    check("version: 3 # wh$0y", "nothing");
    check("# $0", "nothing");
    check("tasks:\n  a:\n    $0", "tasks/a KeyOrValue Plain |");
    check("tasks:\n  a:\n    de$0\n    cmds: []", "tasks/a KeyOrValue Plain de|");
    check("tasks:\n  a:\n    desc: x\n    de$0ps: []", "tasks/a KeyWithColon Plain de|ps");
    check("tasks:\n  a:\n    deps:\n      - b$0x", "tasks/a/deps/- KeyOrValue Plain b|x");
    check("tasks:\n  a:\n    deps:\n    - $0", "tasks/a/deps/- KeyOrValue Plain |");
    check("tasks:\n  a:\n    cmds:\n      - task: x\n        $0", "tasks/a/cmds/- KeyOrValue Plain |");
    check(
        "tasks:\n  a:\n    cmds:\n      - task: x\n        vars:\n          A: $0",
        "tasks/a/cmds/-/vars/A Value Plain |",
    );
    check("tasks:\n  a:\n    cmds:\n      - - x$0", "tasks/a/cmds/-/- KeyOrValue Plain x|");
    check("tasks:\r\n  a:\r\n    desc: ü$0\r\n", "tasks/a/desc Value Plain ü|");
    check("a: &x\n  $0", "a KeyOrValue Plain |");
    check("a: b\n  $0", "a Value Plain |");
    check("a: b$0 c # d", "a Value Plain b| c");
    check("a:\n  -$0", "nothing");
    check("- $0", "- KeyOrValue Plain |");
    check("a:\n $0 b: 1", "nothing");
}

#[test]
fn scalars_hold_what_looks_like_keys() {
    let check = |marked: &str, expected: &str| assert_eq!(shown(marked), expected, "{marked}");
    check("a:\n  - |\n    if x; then\n      ech$0o\n", "a/- Value Literal ech|o");
    check("a: >-\n  x: y\n\n  - z$0", "a Value Folded - z|");
    check("a: 'b$0c'", "a Value SingleQuoted b|c");
    check("a: \"b$0", "a Value DoubleQuoted b|");
    check("a: \"b\n  c: $0d\"\nx: 1", "a Value DoubleQuoted c: |d");
    check("a: 'b'$0", "nothing");
    check("'a$0b': x", " KeyWithColon SingleQuoted a|b");
    check("a: {{.X$0}}", "a Value Plain {{.X|}}");
    check("a: |$0", "nothing");
}

#[test]
fn flow_style_is_read_from_its_bracket() {
    let check = |marked: &str, expected: &str| assert_eq!(shown(marked), expected, "{marked}");
    check("deps: [$0]", "deps/- Value Plain |");
    check("deps: [a, b$0", "deps/- Value Plain b|");
    check("deps: [a, $0, c]", "deps/- Value Plain |");
    check("deps: [\n  a,\n  b$0\n]", "deps/- Value Plain b|");
    check("deps: [{task: b, va$0}]", "deps/- Key Plain va|");
    check("deps: [{task: $0}]", "deps/-/task Value Plain |");
    check("deps: [{task:$0}]", "deps/-/task Value Plain | blank");
    check("deps: [{ta$0sk: b}]", "deps/- KeyWithColon Plain ta|sk");
    check("a: {b: {c: 'd$0'}, e: f}", "a/b/c Value SingleQuoted d|");
    check("a: {b: \"{{.X$0}}\"}", "a/b Value DoubleQuoted {{.X|}}");
    check("a: {b: {{.X$0}}}", "a/b Value Plain {{.X|}}");
    check("a: [b]$0", "nothing");
    check("a: {b: c, # $0\n}", "nothing");
    check("needs: [build[ar$0]]", "needs/- Value Plain build[ar|]");
    check("a: {\"b\": $0}", "a/b Value Plain |");
}

#[test]
fn entries_are_those_of_the_same_mapping() {
    let check = |marked: &str, depth: usize, expected: &str| {
        let (source, at) = source(marked);
        let cursor = Cursor::at(&source, at).expect("a place");
        let entries = cursor.entries(&source, depth);
        let shown: Vec<String> = entries
            .iter()
            .map(|entry| format!("{}={}", entry.name, entry.scalar(&source.text).unwrap_or_default()))
            .collect();
        assert_eq!(shown.join(" "), expected, "{marked}");
    };
    let task = "tasks:\n  a:\n    desc: x\n    $0\n    cmds:\n    - y: z\n    run: 'once'\n  b: {}\n";
    check(task, 2, "desc=x cmds= run=once");
    check(task, 0, "tasks=");
    check(
        "a:\n  - task: x # y\n    vars:\n      A: $0\n    silent: true\n  - task: z\n",
        2,
        "task=x vars= silent=true",
    );
    check("a:\n  - task: x\n    $0\n  - task: z\n", 2, "task=x");
    check("a:\n  - {task: x, vars: {A: $0}, silent: true}\n", 2, "task=x vars= silent=true");
    check("a: [{from: \"b\", $0}]", 2, "from=b");
    check("a:\n  - $0\n    vars: {}\n", 2, "vars=");
    check("a:\n  - ta$0sk: 1\n    vars: {}\n  - x: 1\n", 2, "vars=");
}

fn template(marked: &str) -> String {
    let at = marked.find(CURSOR).expect("a cursor");
    let text = marked.replacen(CURSOR, "", 1);
    let (start, style) = match text.as_bytes().first() {
        Some(b'"') => (1, Style::DoubleQuoted),
        Some(b'\'') => (1, Style::SingleQuoted),
        _ => (0, Style::Plain),
    };
    let braces = if text.contains("{{") { BRACES } else { BARE };
    let Some(cursor) = template::at(&text, start, at, style, braces) else { return "nothing".to_owned() };
    let call = cursor.call.map(|call| {
        let piped = if call.is_piped { "|" } else { "" };
        format!(" {piped}{}#{}", call.function, call.argument)
    });
    let piped = cursor.piped.map(|piped| format!(" <{piped}>"));
    let first = if cursor.is_first { " first" } else { "" };
    let dot = if cursor.dot_is_data { "" } else { " dot" };
    let word = text.get(cursor.word).unwrap_or("?");
    let variables = cursor.variables.join("");
    format!(
        "{:?} {} {word:?}{}{}{first}{dot}{variables}",
        cursor.subject,
        cursor.typed,
        call.unwrap_or_default(),
        piped.unwrap_or_default()
    )
}

#[test]
fn templates_are_read_up_to_the_cursor() {
    let check = |marked: &str, expected: &str| assert_eq!(template(marked), expected, "{marked}");
    let dot = "Field { base: Dot, path: [] }";
    check("a$0 {{.X}}", "nothing");
    check("{{$0", "Operand  \"\" first");
    check("{{- $0}}", "Operand  \"\" first");
    check("{{.X}} {{.$0}}", &format!("{dot}  \"\" first"));
    check("{{.NA$0ME}}", &format!("{dot} NA \"NAME\" first"));
    check("{{upper .N$0}}", &format!("{dot} N \"N\" upper#0"));
    check("{{.N | $0}}", "Operand  \"\" <.N>");
    check("{{.N | default \"a\" | up$0}}", "Operand up \"up\" <default \"a\">");
    check("{{.N | default $0}}", "Operand  \"\" |default#0");
    check("{{printf \"%s\" (index .A $0)}}", "Operand  \"\" index#1");
    check("{{printf \"%s\" (index .A 1) $0}}", "Operand  \"\" printf#2");
    check("{{index .steps \"bu$0\"}}", "Text bu \"bu\" index#1");
    check("\"{{index .steps \\\"bu$0\\\"}}\"", "Text bu \"bu\" index#1");
    check("'{{eq .A ''x'' $0}}'", "Operand  \"\" eq#2");
    check("{{if .A}}{{$0", "Operand  \"\" first");
    check("{{range .L}}{{.$0", &format!("{dot}  \"\" first dot"));
    check("{{range .L}}{{end}}{{.$0", &format!("{dot}  \"\" first"));
    check("{{range $i, $x := .L}}{{$0", "Operand  \"\" first dot$i$x");
    check("{{$x := 1}}{{$$0}}", "Variable $ \"$\" first$x");
    check("{{$x.a.b$0}}", "Field { base: Variable(\"$x\"), path: [\"a\"] } b \"b\" first");
    check("{{.ITEM.OS$0}}", "Field { base: Dot, path: [\"ITEM\"] } OS \"OS\" first");
    check("{{(index .A 1).x$0}}", "Field { base: Expression(\"(index .A 1)\"), path: [] } x \"x\"");
    check("{{/* $0 */}}", "nothing");
    check("{{if $0}}", "Operand  \"\"");
    check("{{else if .$0}}", &format!("{dot}  \"\""));
    check("{{12$0}}", "nothing");
    check("{{.ü$0}}", &format!("{dot} ü \"ü\" first"));
    check("splitList \",\" .N$0", &format!("{dot} N \"N\" splitList#1"));
}

#[test]
fn shell_words_are_read_up_to_the_cursor() {
    let check = |marked: &str, expected: &str| {
        let at = marked.find(CURSOR).expect("a cursor");
        let text = marked.replacen(CURSOR, "", 1);
        let shown = match shell::at(&text, 0, at) {
            None => "nothing".to_owned(),
            Some(shell::ShellSpot::Variable { word, needs_brace, assigned }) => {
                format!("${:?} {needs_brace} {}", text.get(word).unwrap_or("?"), assigned.join(","))
            }
            Some(shell::ShellSpot::Argument { word, before }) => {
                format!("{:?} after {}", text.get(word).unwrap_or("?"), before.join(" "))
            }
        };
        assert_eq!(shown, expected, "{marked}");
    };
    check("echo $HO$0ME", "$\"HOME\" false ");
    check("A=1 echo \"${$0", "$\"\" true A");
    check("echo ${A$0}", "$\"A\" false ");
    check("echo '$A$0'", "nothing");
    check("echo \\$A$0", "\"\\\\$A\" after echo");
    check("cd x && task bu$0", "\"bu\" after task");
    check("ez run --dry $0", "\"\" after ez run --dry");
    check("if true; then task $0", "\"\" after task");
    check("X=1 task $0", "\"\" after task");
    check("# task $0", "nothing");
    check("task {{.A}} b$0", "\"b\" after task _");
}
