//! Numbers.

use super::super::number::{parse_decimal, parse_float};
use super::super::value::Value;
use super::Parameter::{Any, Float, Int, String as Text};
use super::{Body, Call, Function, Outcome, Parameter, argument, counted, int, text};

const fn row(
    name: &'static str,
    signature: &'static str,
    documentation: &'static str,
    parameters: &'static [Parameter],
    body: Body,
) -> Function {
    Function::new("numbers", name, signature, documentation, parameters, body)
}

pub(super) const TABLE: &[Function] = &[
    row("add", "add values any… int64", "The sum.", &[], add).and_more(Any),
    row("add1", "add1 value any int64", "One more.", &[Any], add1),
    row("sub", "sub left any right any int64", "The difference.", &[Any, Any], sub),
    row("mul", "mul value any values any… int64", "The product.", &[Any], mul).and_more(Any),
    row("div", "div left any right any int64", "The quotient, cut to an integer.", &[Any, Any], div),
    row("mod", "mod left any right any int64", "The remainder of a division.", &[Any, Any], modulo),
    row("max", "max value any values any… int64", "The greatest.", &[Any], max).and_more(Any),
    row("biggest", "biggest value any values any… int64", "Old name of max.", &[Any], max).and_more(Any),
    row("min", "min value any values any… int64", "The least.", &[Any], min).and_more(Any),
    row("maxf", "maxf value any values any… float64", "The greatest, of floats.", &[Any], maxf).and_more(Any),
    row("minf", "minf value any values any… float64", "The least, of floats.", &[Any], minf).and_more(Any),
    row("floor", "floor value any float64", "The next whole number below.", &[Any], floor),
    row("ceil", "ceil value any float64", "The next whole number above.", &[Any], ceil),
    row(
        "round",
        "round value any places int half float64 float64",
        "Rounds to so many decimal places; a third argument says from which fraction on up.",
        &[Any, Int],
        round,
    )
    .and_more(Float),
    row(
        "atoi",
        "atoi text string int",
        "The integer that a text shows, 0 where it shows none.",
        &[Text],
        atoi,
    ),
    row(
        "int",
        "int value any int",
        "The value as an integer; it can be given to functions that take counts.",
        &[Any],
        to_int,
    ),
    row("int64", "int64 value any int64", "The value as a 64-bit integer.", &[Any], to_int64),
    row("float64", "float64 value any float64", "The value as a float.", &[Any], to_float64),
    row("toDecimal", "toDecimal value any int64", "The number that a Unix octal shows.", &[Any], to_decimal),
    row("until", "until count int []int", "The integers from 0 up to the count.", &[Int], until),
    row(
        "untilStep",
        "untilStep start int stop int step int []int",
        "The integers from start up to stop.",
        &[Int, Int, Int],
        until_step,
    ),
    row(
        "seq",
        "seq numbers int… string",
        "The integers from … to …, as the program seq prints them, joined by spaces.",
        &[],
        seq,
    )
    .and_more(Int),
];

/// Any value as an integer, as sprig converts: text must be decimal, floats are cut, everything else is 0.
pub(super) fn to_i64(value: &Value) -> i64 {
    match value {
        Value::String(text) => parse_decimal(text).unwrap_or(0),
        Value::Int(n) | Value::Int64(n) | Value::Named(_, n) => *n,
        Value::Byte(n) => i64::from(*n),
        Value::Uint64(n) => i64::try_from(*n).unwrap_or(i64::MAX),
        Value::Float(n) if (-9.223_372_036_854_776e18..9.223_372_036_854_776e18).contains(n) => *n as i64,
        // What the processors that go-task runs on give for floats out of range.
        Value::Float(_) => i64::MIN,
        Value::Bool(b) => i64::from(*b),
        _ => 0,
    }
}

/// Any value as a float, as sprig converts.
pub(super) fn to_f64(value: &Value) -> f64 {
    match value {
        Value::String(text) => parse_float(text).unwrap_or(0.0),
        Value::Int(n) | Value::Int64(n) | Value::Named(_, n) => *n as f64,
        Value::Byte(n) => f64::from(*n),
        Value::Uint64(n) => *n as f64,
        Value::Float(n) => *n,
        Value::Bool(b) => f64::from(u8::from(*b)),
        _ => 0.0,
    }
}

fn integers(arguments: &[Value]) -> impl Iterator<Item = i64> {
    arguments.iter().map(to_i64)
}

fn add(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    Ok(Value::Int64(integers(arguments).fold(0, i64::wrapping_add)))
}

fn add1(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    Ok(Value::Int64(to_i64(argument(arguments, 0)).wrapping_add(1)))
}

fn sub(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    Ok(Value::Int64(to_i64(argument(arguments, 0)).wrapping_sub(to_i64(argument(arguments, 1)))))
}

fn mul(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    Ok(Value::Int64(integers(arguments).fold(1, i64::wrapping_mul)))
}

const DIVISION_BY_ZERO: &str = "runtime error: integer divide by zero";

fn div(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    let (left, right) = (to_i64(argument(arguments, 0)), to_i64(argument(arguments, 1)));
    if right == 0 { Err(DIVISION_BY_ZERO.to_owned()) } else { Ok(Value::Int64(left.wrapping_div(right))) }
}

fn modulo(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    let (left, right) = (to_i64(argument(arguments, 0)), to_i64(argument(arguments, 1)));
    if right == 0 { Err(DIVISION_BY_ZERO.to_owned()) } else { Ok(Value::Int64(left.wrapping_rem(right))) }
}

fn max(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    Ok(Value::Int64(integers(arguments).max().unwrap_or(0)))
}

fn min(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    Ok(Value::Int64(integers(arguments).min().unwrap_or(0)))
}

/// Go's `math.Max` and `math.Min`: not a number wins.
fn extreme(arguments: &[Value], choose: fn(f64, f64) -> f64) -> Outcome {
    let all: Vec<f64> = arguments.iter().map(to_f64).collect();
    if all.iter().any(|n| n.is_nan()) {
        return Ok(Value::Float(f64::NAN));
    }
    Ok(Value::Float(all.into_iter().reduce(choose).unwrap_or(0.0)))
}

fn maxf(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    extreme(arguments, f64::max)
}

fn minf(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    extreme(arguments, f64::min)
}

fn floor(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    Ok(Value::Float(to_f64(argument(arguments, 0)).floor()))
}

fn ceil(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    Ok(Value::Float(to_f64(argument(arguments, 0)).ceil()))
}

fn round(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    let value = to_f64(argument(arguments, 0));
    let power = 10.0_f64.powf(int(arguments, 1) as f64);
    let half = arguments.get(2).map_or(0.5, to_f64);
    let scaled = power * value;
    let rounded = if scaled.fract() >= half { scaled.ceil() } else { scaled.floor() };
    Ok(Value::Float(rounded / power))
}

fn atoi(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    Ok(Value::Int(parse_decimal(text(arguments, 0)).unwrap_or(0)))
}

fn to_int(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    Ok(Value::Int(to_i64(argument(arguments, 0))))
}

fn to_int64(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    Ok(Value::Int64(to_i64(argument(arguments, 0))))
}

fn to_float64(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    Ok(Value::Float(to_f64(argument(arguments, 0))))
}

fn to_decimal(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    let shown = argument(arguments, 0).to_text();
    Ok(Value::Int64(i64::from_str_radix(&shown, 8).unwrap_or(0)))
}

fn steps(start: i64, stop: i64, step: i64) -> Result<Vec<i64>, String> {
    let mut out = Vec::new();
    let upwards = stop >= start;
    if step == 0 || (step > 0) != upwards {
        return Ok(out);
    }
    let mut n = start;
    while if upwards { n < stop } else { n > stop } {
        counted(out.len())?;
        out.push(n);
        let Some(next) = n.checked_add(step) else { break };
        n = next;
    }
    Ok(out)
}

fn until(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    let count = int(arguments, 0);
    steps(0, count, if count < 0 { -1 } else { 1 }).map(Value::ints)
}

fn until_step(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    steps(int(arguments, 0), int(arguments, 1), int(arguments, 2)).map(Value::ints)
}

fn seq(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    let n = |i| int(arguments, i);
    let numbers = match arguments.len() {
        1 => {
            let step = if n(0) < 1 { -1 } else { 1 };
            steps(1, n(0).saturating_add(step), step)?
        }
        2 => {
            let step = if n(1) < n(0) { -1 } else { 1 };
            steps(n(0), n(1).saturating_add(step), step)?
        }
        3 if n(2) < n(0) && n(1) > 0 => Vec::new(),
        3 => steps(n(0), n(2).saturating_add(if n(2) < n(0) { -1 } else { 1 }), n(1))?,
        _ => Vec::new(),
    };
    let shown: Vec<String> = numbers.iter().map(i64::to_string).collect();
    Ok(shown.join(" ").into())
}
