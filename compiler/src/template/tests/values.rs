//! What go-task makes of values: rendering in depth, references, layers of variables.

use std::cell::Cell;

use super::super::{
    Layered, ListType, PureHost, Reference, Scope, TemplateText, Value, functions, has_template,
    render_value, resolve_reference,
};
use super::{rendered, variables};

#[test]
fn texts_without_templates_stay_as_they_are() {
    let none = variables(&[]);
    for text in ["", "plain", "{.A}", "<no value>", "}}"] {
        assert!(!has_template(text));
        assert_eq!(rendered(text, &none).as_deref(), Ok(text));
    }
    assert_eq!(rendered("<no value>{{.A}}|", &none).as_deref(), Ok("|"));
}

#[test]
fn values_render_in_depth() {
    let scope = variables(&[("A", Value::from("x"))]);
    let template = Value::from("{{.A}}!");
    let list = Value::list(vec![template.clone(), Value::Null, Value::Int(1)]);
    let map = Value::map([("k{{.A}}".into(), list), ("gone".into(), Value::Null)].into());
    let expected_list = Value::list(vec![Value::from("x!"), Value::Null, Value::Int(1)]);
    let expected = Value::map([("k{{.A}}".into(), expected_list)].into());
    assert_eq!(render_value(&map, &scope, &PureHost), Ok(expected));
    let strings = Value::strings(["{{.A}}", "b"]);
    assert_eq!(render_value(&strings, &scope, &PureHost), Ok(Value::strings(["x", "b"])));
}

#[test]
fn references_keep_types() {
    let scope = variables(&[("N", Value::Int(3)), ("L", Value::list(vec![Value::Int(1)]))]);
    for (expression, expected) in [
        (".N", Value::Int(3)),
        (".L", Value::list(vec![Value::Int(1)])),
        (".NOPE", Value::Null),
        ("add .N 1", Value::Int64(4)),
        ("splitList \",\" \"a,b\"", Value::strings(["a", "b"])),
    ] {
        assert_eq!(resolve_reference(expression, &scope, &PureHost), Ok(expected), "{expression}");
    }
    assert_eq!(resolve_reference(".", &scope, &PureHost).unwrap().as_map(), Some(&scope));
}

#[test]
fn errors_of_references_point_into_the_expression() {
    let expression = "shout .A";
    let reference = Reference::parse(expression);
    let ranges: Vec<_> = reference.errors().map(|error| error.range).collect();
    assert_eq!(ranges.iter().map(|range| &expression[range.clone()]).collect::<Vec<_>>(), ["shout"]);
    let scope = variables(&[("A", Value::from("x"))]);
    let error = resolve_reference(".A.b", &scope, &PureHost).unwrap_err();
    assert_eq!(&".A.b"[error.range.clone()], ".A.b");
    assert_eq!(
        error.to_string(),
        "template: resolver:1:4: executing \"resolver\" at <.A.b>: can't evaluate field b in type interface {}"
    );
}

/// Counts how often all variables are asked for.
struct Counted<'a>(&'a dyn Scope, Cell<usize>);

impl Scope for Counted<'_> {
    fn get(&self, name: &str) -> Option<Value> {
        self.0.get(name)
    }

    fn all(&self) -> Value {
        self.1.set(self.1.get() + 1);
        self.0.all()
    }
}

#[test]
fn all_variables_are_asked_for_only_when_needed() {
    let scope = variables(&[("A", Value::from("x"))]);
    for (text, expected) in
        [("{{.A}}{{$.A}}{{if .B}}{{end}}", 0), ("{{range $k, $v := .}}{{$k}}{{end}}{{.}}", 1)]
    {
        let counted = Counted(&scope, Cell::new(0));
        TemplateText::parse(text).render(&counted, &PureHost).unwrap();
        assert_eq!(counted.1.get(), expected, "{text}");
    }
}

#[test]
fn layers_hide_what_is_below() {
    let below = variables(&[("A", Value::from("a")), ("B", Value::from("b"))]);
    let over = [("A".into(), Value::from("item"))];
    let layered = Layered { over: &over, below: &below };
    let text = TemplateText::parse("{{.A}}{{.B}}{{range .}}{{.}},{{end}}");
    assert_eq!(text.render(&layered, &PureHost).unwrap(), "itembitem,b,");
}

#[test]
fn maps_are_shared_until_the_end_of_a_rendering() {
    let map = Value::map([("a".into(), Value::Int(1))].into());
    let scope = variables(&[("M", map.clone())]);
    let text = "{{$m := .M}}{{$_ := set $m \"b\" 2}}{{.M}} {{index . \"M\"}}";
    assert_eq!(rendered(text, &scope).as_deref(), Ok("map[a:1 b:2] map[a:1 b:2]"));
    assert_eq!(scope.get("M"), Some(&map));
}

#[test]
fn the_table_of_functions_is_sound() {
    let mut names = std::collections::BTreeSet::new();
    for function in functions::all() {
        assert!(names.insert(function.name), "{} stands twice", function.name);
        let signature = function.signature;
        assert!(signature.starts_with(function.name), "{signature}");
        assert!(function.documentation.ends_with('.'), "{}", function.name);
        assert_eq!(functions::find(function.name).map(|found| found.name), Some(function.name));
    }
    // Go's built-ins, those of slim-sprig 3 and go-task's own.
    assert_eq!(names.len(), 212);
}

#[test]
fn types_have_go_names() {
    for (value, name, kind) in [
        (Value::Null, "<nil>", "invalid"),
        (Value::Int(1), "int", "int"),
        (Value::Uint64(1), "uint64", "uint64"),
        (Value::list(vec![]), "[]interface {}", "slice"),
        (Value::TypedList(ListType::Lists, std::sync::Arc::default()), "[][]interface {}", "slice"),
        (Value::StringMap(std::sync::Arc::default()), "map[string]string", "map"),
    ] {
        assert_eq!((value.type_name(), value.kind_name()), (name, kind));
    }
}
