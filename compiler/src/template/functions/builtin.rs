//! The functions that Go's `text/template` brings itself.

use super::super::format::{sprint, sprintf, sprintln};
use super::super::quote::{is_print, put};
use super::super::value::Value;
use super::Parameter::{Any, Reflect, String as Text};
use super::{Body, Call, Function, Implementation, MAX_TEXT, Outcome, Parameter, argument, text, url};

const fn row(
    name: &'static str,
    signature: &'static str,
    documentation: &'static str,
    parameters: &'static [Parameter],
    body: Body,
) -> Function {
    Function::new("built-in", name, signature, documentation, parameters, body)
}

const fn short_circuit(
    name: &'static str,
    signature: &'static str,
    documentation: &'static str,
    implementation: Implementation,
) -> Function {
    Function {
        name,
        group: "built-in",
        signature,
        documentation,
        parameters: &[Reflect],
        variadic: Some(Reflect),
        pure: true,
        instead: None,
        implementation,
    }
}

pub(super) const TABLE: &[Function] = &[
    short_circuit(
        "and",
        "and value any… any",
        "The first empty argument, or else the last one; arguments behind it are not evaluated.",
        Implementation::And,
    ),
    short_circuit(
        "or",
        "or value any… any",
        "The first argument that is not empty, or else the last one; arguments behind it are not evaluated.",
        Implementation::Or,
    ),
    row("not", "not value any bool", "Whether the argument is empty.", &[Reflect], not),
    row("call", "call function any arguments any… any", "Calls a function value.", &[Reflect], call)
        .and_more(Reflect),
    row(
        "index",
        "index collection any keys any… any",
        "The item of a list or map: `index .M \"a\" 0` is what Go writes as `M[\"a\"][0]`.",
        &[Reflect],
        index,
    )
    .and_more(Reflect),
    row("len", "len value any int", "The number of items, entries or bytes.", &[Reflect], len),
    row(
        "print",
        "print values any… string",
        "The values as text, with spaces between those that are no text.",
        &[],
        print,
    )
    .and_more(Any),
    row(
        "printf",
        "printf format string values any… string",
        "Formats values, as Go's Sprintf.",
        &[Text],
        printf,
    )
    .and_more(Any),
    row(
        "println",
        "println values any… string",
        "The values as text, with spaces between and a newline.",
        &[],
        println,
    )
    .and_more(Any),
    row("html", "html values any… string", "The values as text, escaped for HTML.", &[], html).and_more(Any),
    row("js", "js values any… string", "The values as text, escaped for JavaScript.", &[], js).and_more(Any),
    row(
        "urlquery",
        "urlquery values any… string",
        "The values as text, escaped for a URL query.",
        &[],
        urlquery,
    )
    .and_more(Any),
];

fn not(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    Ok(Value::Bool(!argument(arguments, 0).is_true()))
}

fn call(call: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    match argument(arguments, 0) {
        Value::Null => Err("call of nil".to_owned()),
        value => {
            let name = if call.first_argument.is_empty() {
                value.as_str().map_or_else(|| format!("<{} Value>", value.type_name()), str::to_owned)
            } else {
                call.first_argument.to_string()
            };
            Err(format!("non-function {name} of type {}", value.type_name()))
        }
    }
}

fn len(call: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    let value = argument(arguments, 0);
    if let Some(length) = value.length() {
        return Ok(Value::Int(length as i64));
    }
    Err(match value {
        Value::Null if call.invalid & 1 == 1 => {
            "reflect: call of reflect.Value.Type on zero Value".to_owned()
        }
        Value::Null => "len of nil pointer".to_owned(),
        other => format!("len of type {}", other.type_name()),
    })
}

fn index(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    let mut item = argument(arguments, 0).clone();
    if item.is_null() {
        return Err("index of untyped nil".to_owned());
    }
    for key in arguments.iter().skip(1) {
        item = index_one(&item, key)?;
    }
    Ok(item)
}

fn index_one(item: &Value, key: &Value) -> Outcome {
    match item {
        Value::Null => Err("index of nil pointer".to_owned()),
        Value::String(text) => {
            let at = position(key, text.len())?;
            let byte = text.as_bytes().get(at).ok_or("reflect: string index out of range")?;
            Ok(Value::Byte(*byte))
        }
        Value::List(items) | Value::TypedList(_, items) => {
            let at = position(key, items.len())?;
            Ok(items.get(at).ok_or("reflect: slice index out of range")?.clone())
        }
        Value::Uuid(bytes) => {
            let at = position(key, bytes.len())?;
            Ok(Value::Byte(*bytes.get(at).ok_or("reflect: array index out of range")?))
        }
        Value::Map(entries) => Ok(entries.get(text_key(key)?).cloned().unwrap_or_default()),
        Value::StringMap(entries) => Ok(entries.get(text_key(key)?).cloned().unwrap_or(Value::from(""))),
        Value::AnyMap(entries) => Ok(entries
            .iter()
            .find(|(known, _)| known == key)
            .map(|(_, value)| value.clone())
            .unwrap_or_default()),
        other => Err(format!("can't index item of type {}", other.type_name())),
    }
}

fn text_key(key: &Value) -> Result<&str, String> {
    match key {
        Value::String(text) => Ok(text),
        Value::Null => Err("value is nil; should be of type string".to_owned()),
        other => Err(format!("value has type {}; should be string", other.type_name())),
    }
}

fn position(key: &Value, length: usize) -> Result<usize, String> {
    let at = match key {
        Value::Int(n) | Value::Int64(n) | Value::Named(_, n) => *n,
        Value::Byte(n) => i64::from(*n),
        Value::Uint64(n) => *n as i64,
        Value::Null => return Err("cannot index slice/array with nil".to_owned()),
        other => return Err(format!("cannot index slice/array with type {}", other.type_name())),
    };
    usize::try_from(at).ok().filter(|at| *at <= length).ok_or_else(|| format!("index out of range: {at}"))
}

fn print(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    limited(sprint(arguments, MAX_TEXT)).map(Value::from)
}

fn println(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    limited(sprintln(arguments, MAX_TEXT)).map(Value::from)
}

fn printf(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    limited(sprintf(text(arguments, 0), arguments.get(1..).unwrap_or(&[]), MAX_TEXT)).map(Value::from)
}

fn limited(printed: Option<String>) -> Result<String, String> {
    printed.ok_or_else(|| format!("text is larger than {MAX_TEXT} bytes"))
}

/// The arguments as a template would print them.
fn printed(arguments: &[Value]) -> Result<String, String> {
    let shown: Vec<Value> = arguments
        .iter()
        .map(|value| if value.is_null() { Value::from("<no value>") } else { value.clone() })
        .collect();
    limited(sprint(&shown, MAX_TEXT))
}

fn html(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    let mut out = String::new();
    for c in printed(arguments)?.chars() {
        match c {
            '\0' => out.push('\u{fffd}'),
            '"' => out.push_str("&#34;"),
            '\'' => out.push_str("&#39;"),
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            c => out.push(c),
        }
    }
    Ok(out.into())
}

fn js(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    let mut out = String::new();
    for c in printed(arguments)?.chars() {
        match c {
            '\\' | '\'' | '"' => {
                out.push('\\');
                out.push(c);
            }
            '<' | '>' | '&' | '=' | '\0'..='\u{1f}' => put(&mut out, format_args!("\\u{:04X}", u32::from(c))),
            c if c.is_ascii() || is_print(c) => out.push(c),
            c => put(&mut out, format_args!("\\u{:04X}", u32::from(c))),
        }
    }
    Ok(out.into())
}

fn urlquery(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    Ok(url::query_escape(&printed(arguments)?).into())
}
