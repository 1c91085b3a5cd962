//! Words of the shell.

use super::super::value::Value;
use super::Parameter::String as Text;
use super::{Body, Call, Function, Outcome, Parameter, text};
use crate::shell::{quote, split_words};

const fn row(
    name: &'static str,
    signature: &'static str,
    documentation: &'static str,
    parameters: &'static [Parameter],
    body: Body,
) -> Function {
    Function::new("shell", name, signature, documentation, parameters, body)
}

pub(super) const TABLE: &[Function] = &[
    row(
        "shellQuote",
        "shellQuote text string string",
        "The text as one word of a shell command.",
        &[Text],
        shell_quote,
    ),
    row("q", "q text string string", "Short name of shellQuote.", &[Text], shell_quote),
    row(
        "splitArgs",
        "splitArgs text string []string",
        "The words of a shell command, quotes and variables resolved.",
        &[Text],
        split_args,
    )
    .impure(),
];

fn shell_quote(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    quote(text(arguments, 0)).map(Value::from).map_err(|error| error.to_string())
}

fn split_args(call: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    let environment = |name: &str| call.host.environment(name);
    split_words(text(arguments, 0), &environment).map(Value::strings).map_err(|error| error.to_string())
}
