//! Methods of Go types that templates can call: `(now).Format "2006"`.

use std::sync::Arc;

use super::super::time::{Duration, Time, TimeZone};
use super::super::value::{NamedInteger, Value};
use super::Parameter::{Duration as Span, Int, String as Text, Time as Moment};
use super::{Body, Call, Outcome, Parameter, argument, int, text};

/// A method: its arguments follow the receiver.
pub(in super::super) struct Method {
    receiver: &'static str,
    pub(in super::super) name: &'static str,
    pub(in super::super) parameters: &'static [Parameter],
    pub(in super::super) body: Body,
    /// Why a template cannot call it.
    pub(in super::super) unusable: Option<&'static str>,
}

const fn time(name: &'static str, parameters: &'static [Parameter], body: Body) -> Method {
    Method { receiver: "time.Time", name, parameters, body, unusable: None }
}

const fn span(name: &'static str, parameters: &'static [Parameter], body: Body) -> Method {
    Method { receiver: "time.Duration", name, parameters, body, unusable: None }
}

const fn shown(receiver: &'static str) -> Method {
    Method { receiver, name: "String", parameters: &[], body: string, unusable: None }
}

const fn several(name: &'static str, message: &'static str) -> Method {
    Method { receiver: "time.Time", name, parameters: &[], body: string, unusable: Some(message) }
}

const METHODS: &[Method] = &[
    time("Format", &[Text], |_, a| Ok(receiver(a).format(text(a, 1)).into())),
    time("String", &[], string),
    time("Unix", &[], |_, a| Ok(Value::Int64(receiver(a).seconds))),
    time("UnixMilli", &[], |_, a| Ok(Value::Int64(since_epoch(a, 1_000)))),
    time("UnixMicro", &[], |_, a| Ok(Value::Int64(since_epoch(a, 1_000_000)))),
    time("UnixNano", &[], |_, a| Ok(Value::Int64(since_epoch(a, 1_000_000_000)))),
    time("Year", &[], |_, a| Ok(Value::Int(receiver(a).civil().year))),
    time("Month", &[], |_, a| Ok(Value::Named(NamedInteger::Month, receiver(a).civil().month))),
    time("Day", &[], |_, a| Ok(Value::Int(receiver(a).civil().day))),
    time("Hour", &[], |_, a| Ok(Value::Int(receiver(a).civil().hour))),
    time("Minute", &[], |_, a| Ok(Value::Int(receiver(a).civil().minute))),
    time("Second", &[], |_, a| Ok(Value::Int(receiver(a).civil().second))),
    time("Nanosecond", &[], |_, a| Ok(Value::Int(i64::from(receiver(a).nanos)))),
    time("YearDay", &[], |_, a| Ok(Value::Int(receiver(a).civil().year_day))),
    time("Weekday", &[], |_, a| Ok(Value::Named(NamedInteger::Weekday, receiver(a).civil().weekday))),
    time("UTC", &[], |_, a| Ok(made(receiver(a).in_zone(TimeZone::utc())))),
    time("Local", &[], |call, a| {
        Ok(made(receiver(a).in_zone(call.host.time_zone("Local").unwrap_or_else(TimeZone::utc))))
    }),
    time("Add", &[Span], |_, a| Ok(made(receiver(a).plus(Duration(int(a, 1)))))),
    time("AddDate", &[Int, Int, Int], add_date),
    time("Sub", &[Moment], |_, a| {
        Ok(Value::Named(NamedInteger::Duration, receiver(a).since(&moment(a, 1)).0))
    }),
    time("Truncate", &[Span], |_, a| Ok(made(truncate(&receiver(a), int(a, 1))))),
    time("Before", &[Moment], |_, a| Ok(Value::Bool(order(&receiver(a)) < order(&moment(a, 1))))),
    time("After", &[Moment], |_, a| Ok(Value::Bool(order(&receiver(a)) > order(&moment(a, 1))))),
    time("Equal", &[Moment], |_, a| Ok(Value::Bool(order(&receiver(a)) == order(&moment(a, 1))))),
    time("Compare", &[Moment], |_, a| Ok(Value::Int(order(&receiver(a)).cmp(&order(&moment(a, 1))) as i64))),
    time("IsZero", &[], |_, a| Ok(Value::Bool(order(&receiver(a)) == order(&Time::zero())))),
    time("IsDST", &[], |_, a| {
        let time = receiver(a);
        let winter = time.zone.lookup(time.seconds).0;
        let half_year = 15_778_800;
        let other = time.zone.lookup(time.seconds + half_year).0;
        Ok(Value::Bool(winter > other))
    }),
    several("Date", "function Date has 3 return values; should be 1 or 2"),
    several("Clock", "function Clock has 3 return values; should be 1 or 2"),
    several("Zone", "invalid function signature for Zone: second return value should be error; is int"),
    several("ISOWeek", "invalid function signature for ISOWeek: second return value should be error; is int"),
    span("String", &[], string),
    span("Seconds", &[], |_, a| Ok(Value::Float(int(a, 0) as f64 / 1e9))),
    span("Minutes", &[], |_, a| Ok(Value::Float(int(a, 0) as f64 / 6e10))),
    span("Hours", &[], |_, a| Ok(Value::Float(int(a, 0) as f64 / 3.6e12))),
    span("Milliseconds", &[], |_, a| Ok(Value::Int64(int(a, 0) / 1_000_000))),
    span("Microseconds", &[], |_, a| Ok(Value::Int64(int(a, 0) / 1_000))),
    span("Nanoseconds", &[], |_, a| Ok(Value::Int64(int(a, 0)))),
    span("Abs", &[], |_, a| Ok(Value::Named(NamedInteger::Duration, int(a, 0).saturating_abs()))),
    span("Round", &[Span], |_, a| {
        Ok(Value::Named(NamedInteger::Duration, Duration(int(a, 0)).round(int(a, 1)).0))
    }),
    span("Truncate", &[Span], |_, a| {
        let (span, unit) = (int(a, 0), int(a, 1));
        Ok(Value::Named(NamedInteger::Duration, if unit <= 0 { span } else { span - span % unit }))
    }),
    shown("time.Month"),
    shown("time.Weekday"),
    shown("uuid.UUID"),
];

/// The method of a value's type.
pub(in super::super) fn find(value: &Value, name: &str) -> Option<&'static Method> {
    if !matches!(value, Value::Time(_) | Value::Named(..) | Value::Uuid(_)) {
        return None;
    }
    METHODS.iter().find(|method| method.receiver == value.type_name() && method.name == name)
}

fn string(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    Ok(Value::String(argument(arguments, 0).to_text()))
}

fn moment(arguments: &[Value], i: usize) -> Time {
    match argument(arguments, i) {
        Value::Time(time) => (**time).clone(),
        _ => Time::zero(),
    }
}

fn receiver(arguments: &[Value]) -> Time {
    moment(arguments, 0)
}

fn made(time: Time) -> Value {
    Value::Time(Arc::new(time))
}

fn order(time: &Time) -> (i64, u32) {
    (time.seconds, time.nanos)
}

/// Units of which `per_second` make a second, since the epoch.
fn since_epoch(arguments: &[Value], per_second: i64) -> i64 {
    let time = receiver(arguments);
    let part = i64::from(time.nanos) / (1_000_000_000 / per_second);
    time.seconds.wrapping_mul(per_second).wrapping_add(part)
}

fn add_date(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    let time = receiver(arguments);
    let civil = time.civil();
    let seconds = super::super::time::seconds_from_civil(
        civil.year.saturating_add(int(arguments, 1)),
        civil.month.saturating_add(int(arguments, 2)),
        civil.day.saturating_add(int(arguments, 3)),
        civil.hour,
        civil.minute,
        civil.second,
    );
    Ok(made(Time::from_civil(seconds, time.nanos, Arc::clone(&time.zone))))
}

/// Cuts to a multiple of a span since the start of year 1.
fn truncate(time: &Time, span: i64) -> Time {
    if span <= 0 {
        return time.clone();
    }
    let nanos = (i128::from(time.seconds) - i128::from(super::super::time::GO_ZERO_SECONDS)) * 1_000_000_000
        + i128::from(time.nanos);
    let rest = nanos.rem_euclid(i128::from(span));
    time.plus(Duration(-(rest as i64)))
}
