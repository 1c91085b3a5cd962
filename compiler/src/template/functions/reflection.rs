//! What a value is.

use super::super::value::Value;
use super::Parameter::{Any, String as Text};
use super::{Body, Call, Function, Outcome, Parameter, argument, text};

const fn row(
    name: &'static str,
    signature: &'static str,
    documentation: &'static str,
    parameters: &'static [Parameter],
    body: Body,
) -> Function {
    Function::new("types", name, signature, documentation, parameters, body)
}

pub(super) const TABLE: &[Function] = &[
    row("typeOf", "typeOf value any string", "Go's name of the type.", &[Any], type_of),
    row(
        "typeIs",
        "typeIs type string value any bool",
        "Whether the value has the type.",
        &[Text, Any],
        type_is,
    ),
    row(
        "typeIsLike",
        "typeIsLike type string value any bool",
        "Whether the value has the type or points to one.",
        &[Text, Any],
        type_is_like,
    ),
    row(
        "kindOf",
        "kindOf value any string",
        "Go's name of the kind: int, slice, map and so on.",
        &[Any],
        kind_of,
    ),
    row(
        "kindIs",
        "kindIs kind string value any bool",
        "Whether the value is of the kind.",
        &[Text, Any],
        kind_is,
    ),
    row(
        "deepEqual",
        "deepEqual left any right any bool",
        "Whether two values are equal in all that they hold.",
        &[Any, Any],
        deep_equal,
    ),
];

fn type_of(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    Ok(argument(arguments, 0).type_name().into())
}

fn type_is(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    Ok(Value::Bool(text(arguments, 0) == argument(arguments, 1).type_name()))
}

fn type_is_like(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    let (wanted, found) = (text(arguments, 0), argument(arguments, 1).type_name());
    Ok(Value::Bool(wanted == found || found.strip_prefix('*') == Some(wanted)))
}

fn kind_of(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    Ok(argument(arguments, 0).kind_name().into())
}

fn kind_is(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    Ok(Value::Bool(text(arguments, 0) == argument(arguments, 1).kind_name()))
}

fn deep_equal(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    Ok(Value::Bool(argument(arguments, 0) == argument(arguments, 1)))
}
