//! What editors see: all errors with their places, and what a template names.

use super::super::Template;

/// Each error as its line, its message and the text that it points at.
fn errors(text: &str) -> Vec<(usize, String, String)> {
    let template = Template::parse(text);
    let shown = template
        .errors()
        .iter()
        .map(|error| (error.line, error.message.clone(), text.get(error.range.clone()).unwrap().to_owned()));
    shown.collect()
}

#[test]
fn all_errors_are_found_at_their_places() {
    let check = |text: &str, expected: &[(usize, &str, &str)]| {
        let expected: Vec<_> = expected
            .iter()
            .map(|(line, message, at)| (*line, (*message).to_owned(), (*at).to_owned()))
            .collect();
        assert_eq!(errors(text), expected, "{text}");
    };
    check("{{.A}} {{upper .B}}", &[]);
    check(
        "{{shout .A}}\n{{.A | foo}} {{$x}}",
        &[
            (1, "function \"shout\" not defined", "shout"),
            (2, "function \"foo\" not defined", "foo"),
            (2, "undefined variable \"$x\"", "$x"),
        ],
    );
    check(
        "{{if shout}}a{{else}}b{{end}} {{ .A ! }} {{bar}}",
        &[
            (1, "function \"shout\" not defined", "shout"),
            (1, "unexpected \"!\" in operand", "!"),
            (1, "function \"bar\" not defined", "bar"),
        ],
    );
    check(
        "{{ \"abc }} {{foo}}",
        &[(1, "unterminated quoted string", "\"abc }} {{foo}}"), (1, "function \"foo\" not defined", "foo")],
    );
    check(
        "{{ .A {{ .B }} {{foo}}",
        &[(1, "unexpected \"{\" in operand", "{"), (1, "function \"foo\" not defined", "foo")],
    );
    check("{{if .A}}\n{{if}}x{{end}}", &[(2, "missing value for if", "}}"), (2, "unexpected EOF", "")]);
    check(
        "a{{end}}b{{else}}c{{foo}}",
        &[
            (1, "unexpected {{end}}", "{{end}}"),
            (1, "unexpected {{else}}", "else"),
            (1, "function \"foo\" not defined", "foo"),
        ],
    );
    check("{{range .A}}{{break}}{{end}}{{break}}", &[(1, "{{break}} outside {{range}}", "break")]);
    check(
        "{{(.A}} {{.B)}} {{.C}",
        &[
            (1, "unclosed left paren", "}}"),
            (1, "unexpected right paren", ")"),
            (1, "bad character U+007D '}'", ".C"),
        ],
    );
    check("{{/* open", &[(1, "unclosed comment", "/*")]);
}

#[test]
fn fields_are_named_with_their_places() {
    let names = |text: &str| -> Vec<String> {
        let template = Template::parse(text);
        let fields = template.field_references();
        fields
            .iter()
            .map(|field| {
                assert_eq!(text.get(field.range.clone()), Some(field.name.as_str()));
                let path: Vec<&str> = field.path.iter().map(|name| name.text.as_str()).collect();
                [&[field.name.as_str()], path.as_slice()].concat().join("/")
            })
            .collect()
    };
    assert_eq!(
        names("{{.A}} {{upper .B | default .C}} {{(.D).x}} {{$.E.f.g}}"),
        ["A", "B", "C", "D", "E/f/g"]
    );
    assert_eq!(
        names("{{range .A}}{{.B}}{{$.C}}{{else}}{{.D}}{{end}}{{with .E}}{{.F}}{{end}}"),
        ["A", "C", "D", "E"]
    );
    assert_eq!(
        names("{{$x := .A}}{{$x.B}}{{if .C}}{{.D}}{{end}}{{define \"t\"}}{{.E}}{{$.F}}{{end}}"),
        ["A", "C", "D"]
    );
    assert_eq!(names("{{.A | nope}} {{.B"), ["A"]);
}

#[test]
fn calls_are_named_with_their_places_and_arguments() {
    let text = "{{.A | default \"x\" | shout}} {{join \",\" (list 1 2)}} {{now.Year}}";
    let template = Template::parse(text);
    let calls: Vec<(String, usize, bool)> = template
        .function_calls()
        .iter()
        .map(|call| {
            assert_eq!(text.get(call.range.clone()), Some(call.name.as_str()));
            (call.name.to_string(), call.arguments, call.function.is_some())
        })
        .collect();
    let expected =
        [("default", 2, true), ("shout", 1, false), ("join", 2, true), ("list", 2, true), ("now", 0, true)];
    assert_eq!(calls, expected.map(|(name, count, known)| (name.to_owned(), count, known)));
}

#[test]
fn use_of_all_variables_is_noticed() {
    for (text, expected) in [
        ("{{.A}}{{$.B}}", false),
        ("{{.}}", true),
        ("{{$}}", true),
        ("{{toJson .}}", true),
        ("{{range .A}}{{.}}{{end}}", false),
        ("{{template \"t\" .}}{{define \"t\"}}{{end}}", true),
    ] {
        assert_eq!(Template::parse(text).uses_all_variables(), expected, "{text}");
    }
}
