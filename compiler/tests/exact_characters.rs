//! A mistake in a script or template is told of at the same characters however YAML holds the text: plain, in quotes, with
//! escapes before it, literal, folded, in brackets, behind a tab, behind letters of several bytes, with either line end.

#[allow(dead_code, reason = "other tests use the rest")]
mod projects;

use projects::{TASKFILE, compile_files};

/// A rule, and a script with one mistake whose characters are marked.
const MISTAKES: &[(&str, &str)] = &[
    ("EZ502", "echo {{«uper» .X}} b"),
    ("EZ501", "echo {{.X «]»}} b"),
    ("EZ501", "echo {{.X}} «{{end}}» b"),
    ("EZ110", "echo {{«ExeExt»}} b"),
    ("EZ503", "echo {{«replace» \"a\" .X}} b"),
    ("EZ401", "echo {{.X}} {{.«VERSOIN»}} b"),
    ("EZ601", "if true; then echo a; «done»"),
    ("EZ601", "echo a && «&&» echo b"),
    ("EZ601", "echo {{.X}}; echo \"a\" «)» b"),
    ("EZ601", "echo 'it' {{.X | quote}} | «|» cat"),
    ("EZ603", "echo {{.X}}; rm -rf «\"$EMPTY\"/*»"),
];

/// A way of writing a script as a command.
struct Style {
    name: &'static str,
    write: fn(&str) -> String,
    /// What the written text means.
    read: fn(&str) -> String,
}

fn same(text: &str) -> String {
    text.to_owned()
}

fn double(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

const STYLES: &[Style] = &[
    Style { name: "plain", write: |script| format!("      - {script}\n"), read: same },
    Style { name: "plain with a comment", write: |script| format!("      - {script} # why\n"), read: same },
    Style {
        name: "plain over lines",
        write: |script| format!("      - echo ü;\n        {script}\n"),
        read: same,
    },
    Style {
        name: "single quotes",
        write: |script| format!("      - 'echo ''ü''; {}'\n", script.replace('\'', "''")),
        read: |written| written.replace("''", "'"),
    },
    Style {
        name: "double quotes",
        write: |script| format!("      - \"{}\"\n", double(script)),
        read: |written| written.replace("\\\"", "\"").replace("\\\\", "\\"),
    },
    Style {
        name: "double quotes behind escapes",
        write: |script| format!("      - \"echo \\u00fc \\x41 \\\"😀\\\";\\t{}\"\n", double(script)),
        read: |written| written.replace("\\\"", "\"").replace("\\\\", "\\"),
    },
    Style {
        name: "double quotes over lines",
        write: |script| format!("      - \"echo a;\n        \\  {}\"\n", double(script)),
        read: |written| written.replace("\\\"", "\"").replace("\\\\", "\\"),
    },
    Style {
        name: "brackets",
        write: |script| format!("      - {{cmd: 'echo ü; {}'}}\n", script.replace('\'', "''")),
        read: |written| written.replace("''", "'"),
    },
    Style {
        name: "literal",
        write: |script| format!("      - |\n        echo 任务\n\n        {script}\n        # end\n"),
        read: same,
    },
    Style {
        name: "literal with an indentation",
        write: |script| format!("      - cmd: |2-\n            echo a\n            {script}\n"),
        read: same,
    },
    Style {
        name: "folded",
        write: |script| format!("      - >-\n        echo 😀;\n        {script}\n"),
        read: same,
    },
    Style {
        name: "folded behind a blank line",
        write: |script| format!("      - >\n        echo a\n\n        {script}\n"),
        read: same,
    },
];

/// What is found in a script that is written in a style: rules and the characters.
fn found(style: &Style, script: &str, line_end: &str) -> Vec<(String, String)> {
    let text = format!(
        "version: '3'\nvars: {{X: ü, VERSION: 1}}\ntasks:\n  ü:\n    cmds:\n{}      - echo after {{{{.X}}}} {{{{.VERSION}}}}\n",
        (style.write)(script)
    );
    let text = text.replace('\n', line_end);
    let compilation = compile_files(&[(TASKFILE.to_owned(), text)], None);
    let shown = compilation.diagnostics.iter().map(|diagnostic| {
        let written = compilation.sources.text(diagnostic.span);
        (diagnostic.code.id.to_owned(), (style.read)(written))
    });
    shown.collect()
}

#[test]
fn mistakes_are_told_of_at_their_characters_in_every_style() {
    let mut wrong = Vec::new();
    for (rule, marked) in MISTAKES {
        let characters = marked.split(['«', '»']).nth(1).unwrap_or_default();
        let script = marked.replace(['«', '»'], "");
        for style in STYLES {
            for line_end in ["\n", "\r\n"] {
                let found = found(style, &script, line_end);
                if found != [((*rule).to_owned(), characters.to_owned())] {
                    wrong.push(format!("{marked} as {} with {line_end:?}: {found:?}", style.name));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}
