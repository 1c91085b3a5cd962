//! Comparisons.

use std::cmp::Ordering;

use super::super::format::sprintf;
use super::super::value::{ListType, Value};
use super::Parameter::Reflect;
use super::{Body, Call, Function, MAX_TEXT, Outcome, Parameter, argument};

const fn row(
    name: &'static str,
    signature: &'static str,
    documentation: &'static str,
    parameters: &'static [Parameter],
    body: Body,
) -> Function {
    Function::new("comparison", name, signature, documentation, parameters, body)
}

pub(super) const TABLE: &[Function] = &[
    row("eq", "eq left any right any… bool", "Whether the first equals any of the others.", &[Reflect], eq)
        .and_more(Reflect),
    row("ne", "ne left any right any bool", "Whether the two differ.", &[Reflect, Reflect], ne),
    row("lt", "lt left any right any bool", "Whether the first is less.", &[Reflect, Reflect], lt),
    row("le", "le left any right any bool", "Whether the first is less or equal.", &[Reflect, Reflect], le),
    row("gt", "gt left any right any bool", "Whether the first is greater.", &[Reflect, Reflect], gt),
    row(
        "ge",
        "ge left any right any bool",
        "Whether the first is greater or equal.",
        &[Reflect, Reflect],
        ge,
    ),
];

/// The kinds that Go compares. There is no conversion between them, but for integers with and without sign.
enum Basic<'a> {
    Bool(bool),
    Int(i128),
    Float(f64),
    Complex(f64, f64),
    Text(&'a str),
    Other,
}

fn basic(value: &Value) -> Basic<'_> {
    match value {
        Value::Bool(b) => Basic::Bool(*b),
        Value::Int(n) | Value::Int64(n) | Value::Named(_, n) => Basic::Int(i128::from(*n)),
        Value::Byte(n) => Basic::Int(i128::from(*n)),
        Value::Uint64(n) => Basic::Int(i128::from(*n)),
        Value::Float(n) => Basic::Float(*n),
        Value::Complex(re, im) => Basic::Complex(*re, *im),
        Value::String(text) => Basic::Text(text),
        _ => Basic::Other,
    }
}

const INCOMPATIBLE: &str = "incompatible types for comparison";
const INVALID: &str = "invalid type for comparison";

fn is_nil(value: &Value) -> bool {
    matches!(value, Value::Null | Value::TypedList(ListType::Nil | ListType::NilStrings, _))
}

#[expect(clippy::float_cmp, reason = "the comparison of Go is exact")]
fn equal(left: &Value, right: &Value) -> Result<bool, String> {
    match (basic(left), basic(right)) {
        (Basic::Bool(a), Basic::Bool(b)) => Ok(a == b),
        (Basic::Int(a), Basic::Int(b)) => Ok(a == b),
        (Basic::Float(a), Basic::Float(b)) => Ok(a == b),
        (Basic::Complex(a, b), Basic::Complex(c, d)) => Ok(a == c && b == d),
        (Basic::Text(a), Basic::Text(b)) => Ok(a == b),
        (Basic::Other, Basic::Other) => equal_others(left, right),
        _ if left.is_null() || right.is_null() => Ok(false),
        _ => Err(INCOMPATIBLE.to_owned()),
    }
}

fn equal_others(left: &Value, right: &Value) -> Result<bool, String> {
    let shown = |value: &Value| sprintf("%s", std::slice::from_ref(value), MAX_TEXT).unwrap_or_default();
    if !left.is_null() && !right.is_null() && left.kind_name() != right.kind_name() {
        return Err(format!(
            "non-comparable types {}: {}, {}: {right}",
            shown(left),
            left.type_name(),
            right.type_name()
        ));
    }
    if is_nil(left) || is_nil(right) {
        return Ok(is_nil(left) == is_nil(right));
    }
    if matches!(right, Value::Time(_) | Value::Uuid(_)) {
        return Ok(left == right);
    }
    Err(format!("non-comparable type {}: {}", shown(right), right.type_name()))
}

fn less(left: &Value, right: &Value) -> Result<bool, String> {
    let (left, right) = (basic(left), basic(right));
    if matches!(left, Basic::Other) || matches!(right, Basic::Other) {
        return Err(INVALID.to_owned());
    }
    match (left, right) {
        (Basic::Int(a), Basic::Int(b)) => Ok(a < b),
        (Basic::Float(a), Basic::Float(b)) => Ok(a.partial_cmp(&b) == Some(Ordering::Less)),
        (Basic::Text(a), Basic::Text(b)) => Ok(a < b),
        (Basic::Bool(_), Basic::Bool(_)) | (Basic::Complex(..), Basic::Complex(..)) => {
            Err(INVALID.to_owned())
        }
        _ => Err(INCOMPATIBLE.to_owned()),
    }
}

fn less_or_equal(left: &Value, right: &Value) -> Result<bool, String> {
    Ok(less(left, right)? || equal(left, right)?)
}

fn eq(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    let Some((first, others)) = arguments.split_first().filter(|(_, others)| !others.is_empty()) else {
        return Err("missing argument for comparison".to_owned());
    };
    for other in others {
        if equal(first, other)? {
            return Ok(Value::Bool(true));
        }
    }
    Ok(Value::Bool(false))
}

fn ne(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    equal(argument(arguments, 0), argument(arguments, 1)).map(|equal| Value::Bool(!equal))
}

fn lt(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    less(argument(arguments, 0), argument(arguments, 1)).map(Value::Bool)
}

fn le(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    less_or_equal(argument(arguments, 0), argument(arguments, 1)).map(Value::Bool)
}

fn gt(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    less_or_equal(argument(arguments, 0), argument(arguments, 1)).map(|less| Value::Bool(!less))
}

fn ge(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    less(argument(arguments, 0), argument(arguments, 1)).map(|less| Value::Bool(!less))
}
