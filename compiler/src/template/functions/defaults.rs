//! Choices between values, and giving up.

use super::super::value::Value;
use super::Parameter::{Any, Bool, String as Text};
use super::{Body, Call, Function, Outcome, Parameter, argument, text};

const fn row(
    name: &'static str,
    signature: &'static str,
    documentation: &'static str,
    parameters: &'static [Parameter],
    body: Body,
) -> Function {
    Function::new("defaults", name, signature, documentation, parameters, body)
}

pub(super) const TABLE: &[Function] = &[
    row(
        "default",
        "default fallback any value any any",
        "The value, or the fallback where it is empty: no text, 0, false, no items, nil.",
        &[Any],
        default,
    )
    .and_more(Any),
    row(
        "empty",
        "empty value any bool",
        "Whether a value is empty: no text, 0, false, no items, nil.",
        &[Any],
        empty,
    ),
    row("coalesce", "coalesce values any… any", "The first value that is not empty.", &[], coalesce)
        .and_more(Any),
    row("all", "all values any… bool", "Whether no value is empty.", &[], all).and_more(Any),
    row("any", "any values any… bool", "Whether at least one value is not empty.", &[], any).and_more(Any),
    row(
        "ternary",
        "ternary yes any no any condition bool any",
        "The first value where the condition is true, else the second.",
        &[Any, Any, Bool],
        ternary,
    ),
    row("fail", "fail message string string", "Ends the evaluation with a message.", &[Text], fail),
];

fn default(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    let given = arguments.get(1).filter(|given| given.is_true());
    Ok(given.unwrap_or(argument(arguments, 0)).clone())
}

fn empty(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    Ok(Value::Bool(!argument(arguments, 0).is_true()))
}

fn coalesce(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    Ok(arguments.iter().find(|value| value.is_true()).cloned().unwrap_or_default())
}

fn all(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    Ok(Value::Bool(arguments.iter().all(Value::is_true)))
}

fn any(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    Ok(Value::Bool(arguments.iter().any(Value::is_true)))
}

fn ternary(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    Ok(argument(arguments, usize::from(!argument(arguments, 2).is_true())).clone())
}

fn fail(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    Err(text(arguments, 0).to_owned())
}
