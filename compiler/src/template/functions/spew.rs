//! Dumps of values with their types.

use super::super::quote::{put, quote};
use super::super::value::{ListType, NamedInteger, Value};
use super::Parameter::Any;
use super::{Call, Function, Outcome};

pub(super) const TABLE: &[Function] = &[Function::new(
    "types",
    "spew",
    "spew values any… string",
    "The values with all that is in them and their types, for debugging.",
    &[],
    spew,
)
.and_more(Any)];

fn spew(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    let mut out = String::new();
    for value in arguments {
        dump(&mut out, value, 0, true);
        out.push('\n');
    }
    Ok(out.into())
}

fn indent(out: &mut String, depth: usize) {
    out.extend(std::iter::repeat_n(' ', depth));
}

fn dump(out: &mut String, value: &Value, depth: usize, with_type: bool) {
    if value.is_null() {
        out.push_str("(interface {}) <nil>");
        return;
    }
    if with_type {
        put(out, format_args!("({}) ", value.type_name()));
    }
    if let Some(items) = value.as_list() {
        return dump_list(out, value, items, depth);
    }
    match value {
        Value::String(text) => put(out, format_args!("(len={}) {}", text.len(), quote(text))),
        Value::Map(entries) | Value::StringMap(entries) => {
            let pairs = entries.iter().map(|(key, item)| (Value::String(key.clone()), item));
            dump_map(out, entries.len(), pairs, depth);
        }
        Value::AnyMap(entries) => {
            dump_map(out, entries.len(), entries.iter().map(|(key, item)| (key.clone(), item)), depth);
        }
        Value::Uuid(bytes) => put(out, format_args!("(len=16 cap=16) {}", super::uuid_text(bytes))),
        Value::Named(NamedInteger::Duration, _) => put(out, format_args!("{value}")),
        other => out.push_str(&other.to_text()),
    }
}

fn dump_list(out: &mut String, value: &Value, items: &[Value], depth: usize) {
    let is_nil = matches!(value, Value::TypedList(ListType::Nil | ListType::NilStrings, _));
    if is_nil {
        out.push_str("<nil>");
        return;
    }
    if items.is_empty() {
        out.push_str("{\n");
        indent(out, depth);
        out.push('}');
        return;
    }
    put(out, format_args!("(len={0} cap={0}) {{\n", items.len()));
    for (i, item) in items.iter().enumerate() {
        indent(out, depth + 1);
        dump(out, item, depth + 1, true);
        out.push_str(if i + 1 < items.len() { ",\n" } else { "\n" });
    }
    indent(out, depth);
    out.push('}');
}

fn dump_map<'v>(
    out: &mut String,
    length: usize,
    pairs: impl Iterator<Item = (Value, &'v Value)>,
    depth: usize,
) {
    if length > 0 {
        put(out, format_args!("(len={length}) "));
    }
    out.push_str("{\n");
    for (i, (key, item)) in pairs.enumerate() {
        indent(out, depth + 1);
        dump(out, &key, depth + 1, true);
        out.push_str(": ");
        dump(out, item, depth + 1, true);
        out.push_str(if i + 1 < length { ",\n" } else { "\n" });
    }
    indent(out, depth);
    out.push('}');
}
