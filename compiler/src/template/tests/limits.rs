//! No text makes parsing or evaluation panic, hang or run off the stack.

use proptest::prelude::*;

use super::super::functions::{MAX_COMPARED, MAX_ITEMS, MAX_TEXT};
use super::super::value::{MAX_VALUE_DEPTH, MAX_VALUE_SIZE};
use super::super::{MAX_ERRORS, MAX_EVALUATION_DEPTH, MAX_ITERATIONS, MAX_NESTING, PureHost, Template};
use super::{Variables, rendered, shown};
use crate::generated_input::generated;

#[test]
fn nesting_is_limited() {
    let nested = |count: usize| format!("{{{{{}1{}}}}}", "(".repeat(count), ")".repeat(count));
    assert_eq!(shown(&nested(MAX_NESTING)), "1");
    assert_eq!(
        shown(&nested(MAX_NESTING + 1)),
        format!("template: :1: parentheses nest deeper than {MAX_NESTING}")
    );
    let branches = |count: usize| format!("{}x{}", "{{if 1}}".repeat(count), "{{end}}".repeat(count));
    assert_eq!(shown(&branches(MAX_NESTING)), "x");
    let message = format!("template: :1: control actions nest deeper than {MAX_NESTING}");
    assert_eq!(shown(&branches(MAX_NESTING + 1)), message);
    assert_eq!(shown(&branches(100_000)), message);
    let chain = format!("{{{{if 0}}}}{}{{{{end}}}}", "{{else if 0}}".repeat(100_000));
    assert_eq!(shown(&chain), message);
}

#[test]
fn recursion_is_limited() {
    let text = "{{define \"r\"}}{{template \"r\" .}}{{end}}{{template \"r\"}}";
    let message = shown(text);
    assert!(
        message.ends_with(&format!("exceeded maximum template depth ({MAX_EVALUATION_DEPTH})")),
        "{message}"
    );
    // The worst case: each level is as deep as the text may nest.
    let deep = format!(
        "{{{{define \"r\"}}}}{}{{{{template \"r\" {}.{}}}}}{}{{{{end}}}}{{{{template \"r\"}}}}",
        "{{if 1}}".repeat(MAX_NESTING - 25),
        "(".repeat(20),
        ")".repeat(20),
        "{{end}}".repeat(MAX_NESTING - 25),
    );
    assert!(shown(&deep).contains("exceeded maximum template depth"));
    let nested_calls =
        format!("{{{{{}1{}}}}}", "(print ".repeat(MAX_NESTING - 1), ")".repeat(MAX_NESTING - 1));
    assert_eq!(shown(&nested_calls), "1");
}

#[test]
fn loops_and_sizes_are_limited() {
    let ends = |text: &str, end: &str| {
        let message = shown(text);
        assert!(message.ends_with(end), "{text}: {message}");
    };
    ends(
        "{{range 100000}}{{range 100000}}{{end}}{{end}}",
        &format!("loops go round more than {MAX_ITERATIONS} times"),
    );
    ends("{{repeat 1000000000 \"abc\"}}", &format!("text is larger than {MAX_TEXT} bytes"));
    ends("{{indent 1000000000 \"abc\"}}", &format!("text is larger than {MAX_TEXT} bytes"));
    ends("{{until 1000000000}}", &format!("list has more than {MAX_ITEMS} items"));
    ends("{{untilStep 0 9223372036854775807 1}}", &format!("list has more than {MAX_ITEMS} items"));
    ends("{{seq 0 1 9223372036854775807}}", &format!("list has more than {MAX_ITEMS} items"));
    ends("{{printf \"%9999999999d\" 1}}", "%!(NOVERB)%!(EXTRA int=1)");
    ends(
        "{{$l := list}}{{range 100000}}{{$l = list $l}}{{end}}",
        &format!("value nests deeper than {MAX_VALUE_DEPTH}"),
    );
    ends(
        "{{$d := dict}}{{range 100000}}{{$d = dict \"a\" $d}}{{end}}",
        &format!("value nests deeper than {MAX_VALUE_DEPTH}"),
    );
    ends(
        "{{$d := dict}}{{range 100000}}{{$_ := set $d \"a\" $d}}{{end}}",
        &format!("value nests deeper than {MAX_VALUE_DEPTH}"),
    );
    ends(
        "{{$s := \"ab\"}}{{range 30}}{{$s = replace \"a\" \"aaaa\" $s}}{{end}}",
        &format!("text is larger than {MAX_TEXT} bytes"),
    );
    ends("{{mustFromJson (repeat 100000 \"[\")}}", "exceeded max depth");
    ends("{{fromYaml (repeat 100000 \"[\")}}", "");
    ends("{{regexMatch (repeat 100000 \"(\") \"x\"}}", "false");
    ends("{{regexMatch \"((a{1000}){1000}){1000}\" \"x\"}}", "false");
}

#[test]
fn values_are_limited() {
    let ends = |text: &str, end: &str| {
        let message = shown(text);
        assert!(message.ends_with(end), "{text}: {message}");
    };
    let large = format!("value has more than {MAX_VALUE_SIZE} items");
    ends("{{$x := list 1}}{{range 30}}{{$x = list $x $x}}{{end}}{{$x}}", &large);
    ends("{{$x := dict}}{{range 30}}{{$x = dict \"a\" $x \"b\" $x}}{{end}}{{toJson $x}}", &large);
    ends("{{$x := list (repeat 60000000 \"a\")}}{{range 30}}{{$x = concat $x $x}}{{end}}", &large);
    for double in ["print $x $x", "cat $x $x"] {
        let text = format!("{{{{$x := \"a\"}}}}{{{{range 100}}}}{{{{$x = {double}}}}}{{{{end}}}}");
        ends(&text, &format!("text is larger than {MAX_TEXT} bytes"));
    }
    let omitted = " 1".repeat(60);
    ends(
        &format!("{{{{without (until 2000000) {omitted}}}}}"),
        &format!("compares more than {MAX_COMPARED} items"),
    );
}

#[test]
fn steps_are_limited() {
    let host = PureHost;
    let ends = |text: &str| {
        let error = Template::parse(text).evaluate_in(100_000, &Variables::new(), &host).unwrap_err();
        assert_eq!(error.message, "evaluation takes more than 100000 steps", "{text}");
    };
    ends("{{range 4000}}{{$x := until 1000}}{{end}}");
    ends("{{$x := until 1000}}{{range $x}}{{range $x}}{{$_ := has -1 $x}}{{end}}{{end}}");
    ends("{{$x := repeat 100000 \"a\"}}{{range 10000}}{{$_ := contains \"b\" $x}}{{end}}");
    ends("{{range 1000}}{{$_ := uniq (until 1000)}}{{end}}");
    ends(
        "{{define \"a\"}}{{if lt (len .) 40}}{{template \"a\" print . 1}}{{template \"a\" print . 1}}{{end}}{{end}}\
         {{template \"a\" \"\"}}",
    );
    assert_eq!(rendered("{{range 9000}}{{end}}", &Variables::new()).as_deref(), Ok(""));
}

#[test]
fn errors_are_limited() {
    assert_eq!(Template::parse(&"{{foo}}".repeat(10_000)).errors().len(), MAX_ERRORS);
}

#[test]
fn broken_texts_of_any_length_end() {
    for piece in [
        "{{",
        "{{\"",
        "{{(",
        "{{if",
        "{{/*",
        "}}",
        "{{define \"a\"}}",
        "{{block \"a\" .}}",
        "{{else if .A}}",
        "{{`",
        "{{-",
        "{{.A|",
    ] {
        let text = piece.repeat(20_000);
        assert!(Template::parse(&text).errors().len() <= MAX_ERRORS, "{piece}");
    }
}

proptest! {
    #![proptest_config(generated(300))]

    #[test]
    fn any_text_parses_or_fails(pieces in prop::collection::vec(prop_oneof![
        "\\PC{0,3}",
        prop::sample::select(vec![
            "{{", "}}", "{{- ", " -}}", "if ", "else", "end", "range ", "with ", "define ", "block ", "template ",
            "\"a\"", "`", "'", "$x", " := ", " = ", ".A", ".", " ", "|", "(", ")", "nil", "1", "1.5e", "0x", "true",
            "printf \"%v\"", "list ", "dict ", "set ", "index ", "break", "continue", "/*", "*/", "\n", "é",
        ]).prop_map(str::to_owned),
    ], 0..40)) {
        let text = pieces.concat();
        let template = Template::parse(&text);
        for error in template.errors() {
            prop_assert!(text.get(error.range.clone()).is_some(), "{:?}", error);
        }
        template.field_references();
        template.function_calls();
        let _ = rendered(&text, &Variables::new());
    }

    #[test]
    fn any_arguments_are_taken(
        function in prop::sample::select(super::super::functions::all().map(|f| f.name).collect::<Vec<_>>()),
        arguments in prop::collection::vec(prop::sample::select(vec![
            "1", "-1", "0", "9223372036854775807", "1.5", "1e300", "\"\"", "\"a\"", "\"é😀\"", "\"[\"", "\"{{\"", "nil", ".A",
            "true", "(list 1 nil)", "(dict \"a\" 1)", "(list)", "\"-5\"", "\"2006-01-02\"", "(int64 3)", "(until 3)", "\"%d %s\"",
            "(toDate \"2006\" \"2020\")", "\"http://a:b@c/d?e#f\"", "\"a: [b]\"", "(split \",\" \"a,b\")", "\"\\x00\\xff\"",
        ]), 0..5),
    ) {
        let _ = rendered(&format!("{{{{{function} {}}}}}", arguments.join(" ")), &Variables::new());
    }
}
