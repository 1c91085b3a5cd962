//! Moments and spans of time.

use std::sync::Arc;

use super::super::number::parse_decimal;
use super::super::time::{Duration, Time, TimeZone, parse_layout};
use super::super::value::Value;
use super::Parameter::{Any, String as Text, Time as Moment};
use super::{Body, Call, Function, Outcome, Parameter, argument, text};

const fn row(
    name: &'static str,
    signature: &'static str,
    documentation: &'static str,
    parameters: &'static [Parameter],
    body: Body,
) -> Function {
    Function::new("dates", name, signature, documentation, parameters, body).impure()
}

pub(super) const TABLE: &[Function] = &[
    row("now", "now time.Time", "The moment of evaluation.", &[], now),
    row(
        "date",
        "date layout string date any string",
        "A date by a layout such as 2006-01-02, in local time.",
        &[Text, Any],
        date,
    ),
    row(
        "dateInZone",
        "dateInZone layout string date any zone string string",
        "As date, in a zone such as UTC.",
        &[Text, Any, Text],
        date_in_zone,
    ),
    row(
        "date_in_zone",
        "date_in_zone layout string date any zone string string",
        "Old name of dateInZone.",
        &[Text, Any, Text],
        date_in_zone,
    ),
    row("htmlDate", "htmlDate date any string", "A date as 2006-01-02.", &[Any], html_date),
    row(
        "htmlDateInZone",
        "htmlDateInZone date any zone string string",
        "A date as 2006-01-02 in a zone.",
        &[Any, Text],
        html_date_in_zone,
    ),
    row(
        "dateModify",
        "dateModify duration string date time.Time time.Time",
        "A date plus a duration such as -1.5h; a wrong duration changes nothing.",
        &[Text, Moment],
        date_modify,
    ),
    row(
        "date_modify",
        "date_modify duration string date time.Time time.Time",
        "Old name of dateModify.",
        &[Text, Moment],
        date_modify,
    ),
    row(
        "mustDateModify",
        "mustDateModify duration string date time.Time time.Time",
        "As dateModify; a wrong duration is an error.",
        &[Text, Moment],
        must_date_modify,
    ),
    row(
        "must_date_modify",
        "must_date_modify duration string date time.Time time.Time",
        "Old name of mustDateModify.",
        &[Text, Moment],
        must_date_modify,
    ),
    row(
        "toDate",
        "toDate layout string text string time.Time",
        "Reads a date by a layout; of a wrong text the first moment of year 1.",
        &[Text, Text],
        to_date,
    ),
    row(
        "mustToDate",
        "mustToDate layout string text string time.Time",
        "As toDate; a wrong text is an error.",
        &[Text, Text],
        must_to_date,
    ),
    row("unixEpoch", "unixEpoch date time.Time string", "The seconds since 1970.", &[Moment], unix_epoch),
    row("ago", "ago date any string", "How long ago a date was, in whole seconds.", &[Any], ago),
    row(
        "duration",
        "duration seconds any string",
        "Seconds, a text or the result of arithmetic, as 1h2m3s.",
        &[Any],
        duration,
    ),
    row(
        "durationRound",
        "durationRound duration any string",
        "A duration in its largest unit only, as 2h or 3mo.",
        &[Any],
        duration_round,
    ),
];

fn local(call: &Call<'_>) -> Arc<TimeZone> {
    call.host.time_zone("Local").unwrap_or_else(TimeZone::utc)
}

fn current(call: &Call<'_>) -> Time {
    let (seconds, nanos) = call.host.now();
    Time::new(seconds, nanos, local(call))
}

/// The moment that a value stands for: a time, or seconds since the epoch; anything else is now.
fn moment(call: &Call<'_>, value: &Value) -> Time {
    match value {
        Value::Time(time) => (**time).clone(),
        Value::Int(seconds) | Value::Int64(seconds) => Time::new(*seconds, 0, local(call)),
        _ => current(call),
    }
}

fn time(value: &Value) -> Time {
    match value {
        Value::Time(time) => (**time).clone(),
        _ => Time::zero(),
    }
}

fn made(time: Time) -> Value {
    Value::Time(Arc::new(time))
}

fn formatted(call: &Call<'_>, layout: &str, date: &Value, zone: &str) -> Value {
    let zone = call.host.time_zone(zone).unwrap_or_else(TimeZone::utc);
    moment(call, date).in_zone(zone).format(layout).into()
}

const HTML_LAYOUT: &str = "2006-01-02";

fn now(call: &mut Call<'_>, _: &[Value]) -> Outcome {
    Ok(made(current(call)))
}

fn date(call: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    Ok(formatted(call, text(arguments, 0), argument(arguments, 1), "Local"))
}

fn date_in_zone(call: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    Ok(formatted(call, text(arguments, 0), argument(arguments, 1), text(arguments, 2)))
}

fn html_date(call: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    Ok(formatted(call, HTML_LAYOUT, argument(arguments, 0), "Local"))
}

fn html_date_in_zone(call: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    Ok(formatted(call, HTML_LAYOUT, argument(arguments, 0), text(arguments, 1)))
}

fn must_date_modify(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    let duration = Duration::parse(text(arguments, 0))?;
    Ok(made(time(argument(arguments, 1)).plus(duration)))
}

fn date_modify(call: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    must_date_modify(call, arguments).or_else(|_| Ok(argument(arguments, 1).clone()))
}

fn must_to_date(call: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    parse_layout(text(arguments, 0), text(arguments, 1), &local(call)).map(made)
}

fn to_date(call: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    must_to_date(call, arguments).or_else(|_| Ok(made(Time::zero())))
}

fn unix_epoch(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    Ok(time(argument(arguments, 0)).seconds.to_string().into())
}

fn ago(call: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    let since = current(call).since(&moment(call, argument(arguments, 0)));
    Ok(since.round(1_000_000_000).to_string().into())
}

fn duration(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    let seconds = match argument(arguments, 0) {
        Value::String(text) => parse_decimal(text).unwrap_or(0),
        Value::Int64(seconds) => *seconds,
        _ => 0,
    };
    Ok(Duration::from_seconds(seconds).to_string().into())
}

fn duration_round(call: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    const SECOND: u64 = 1_000_000_000;
    let span = match argument(arguments, 0) {
        Value::String(text) => Duration::parse(text).unwrap_or(Duration(0)),
        Value::Int64(nanos) => Duration(*nanos),
        Value::Time(time) => current(call).since(time),
        _ => Duration(0),
    };
    let nanos = span.0.unsigned_abs();
    let units = [(365 * 86_400, "y"), (30 * 86_400, "mo"), (86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")];
    let fitting = units.iter().find(|(seconds, _)| nanos > seconds * SECOND);
    Ok(fitting
        .map_or_else(|| "0s".to_owned(), |(seconds, unit)| format!("{}{unit}", nanos / (seconds * SECOND)))
        .into())
}
