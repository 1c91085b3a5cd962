//! Go's layouts: dates written by the example of `Mon Jan 2 15:04:05 MST 2006`.

use std::sync::Arc;

use super::super::quote::{put, quote};
use super::{
    MONTHS, Time, TimeZone, WEEKDAYS, days_from_civil, month_name, seconds_from_civil, weekday_name,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Element {
    LongMonth,
    Month,
    NumMonth,
    ZeroMonth,
    LongWeekday,
    Weekday,
    Day,
    UnderDay,
    ZeroDay,
    UnderYearDay,
    ZeroYearDay,
    Hour,
    Hour12,
    ZeroHour12,
    Minute,
    ZeroMinute,
    Second,
    ZeroSecond,
    LongYear,
    Year,
    UpperPm,
    LowerPm,
    ZoneName,
    Iso {
        colons: bool,
        length: usize,
        zulu: bool,
    },
    /// `.000` and `.999`: separator, number of digits, zeros kept.
    Fraction {
        separator: char,
        digits: usize,
        zeros: bool,
    },
}

/// The elements with a fixed spelling; of two with a common start the longer one stands first.
const ELEMENTS: [(&str, Element); 32] = [
    ("January", Element::LongMonth),
    ("Jan", Element::Month),
    ("Monday", Element::LongWeekday),
    ("Mon", Element::Weekday),
    ("MST", Element::ZoneName),
    ("002", Element::ZeroYearDay),
    ("01", Element::ZeroMonth),
    ("02", Element::ZeroDay),
    ("03", Element::ZeroHour12),
    ("04", Element::ZeroMinute),
    ("05", Element::ZeroSecond),
    ("06", Element::Year),
    ("15", Element::Hour),
    ("1", Element::NumMonth),
    ("2006", Element::LongYear),
    ("__2", Element::UnderYearDay),
    ("_2", Element::UnderDay),
    ("2", Element::Day),
    ("3", Element::Hour12),
    ("4", Element::Minute),
    ("5", Element::Second),
    ("PM", Element::UpperPm),
    ("pm", Element::LowerPm),
    ("-07:00:00", Element::Iso { colons: true, length: 3, zulu: false }),
    ("-07:00", Element::Iso { colons: true, length: 2, zulu: false }),
    ("-070000", Element::Iso { colons: false, length: 3, zulu: false }),
    ("-0700", Element::Iso { colons: false, length: 2, zulu: false }),
    ("-07", Element::Iso { colons: false, length: 1, zulu: false }),
    ("Z07:00:00", Element::Iso { colons: true, length: 3, zulu: true }),
    ("Z07:00", Element::Iso { colons: true, length: 2, zulu: true }),
    ("Z0700", Element::Iso { colons: false, length: 2, zulu: true }),
    ("Z07", Element::Iso { colons: false, length: 1, zulu: true }),
];

/// The text before the next element, the element with its spelling, and what follows.
fn next_element(layout: &str) -> (&str, Option<(&str, Element)>, &str) {
    for (at, c) in layout.char_indices() {
        let rest = layout.get(at..).unwrap_or("");
        let found = match c {
            'J' | 'M' | '0' | '1' | '2' | '_' | '3' | '4' | '5' | 'P' | 'p' | '-' | 'Z' => spelled(rest),
            '.' | ',' => fraction(rest),
            _ => None,
        };
        if let Some((length, element)) = found {
            let text = rest.get(..length).unwrap_or("");
            // `_2006` is an underscore and a year.
            if element == Element::UnderDay && rest.starts_with("_2006") {
                let split = at + 1;
                let year = layout.get(split..split + 4).unwrap_or("");
                return (
                    layout.get(..split).unwrap_or(""),
                    Some((year, Element::LongYear)),
                    layout.get(split + 4..).unwrap_or(""),
                );
            }
            return (layout.get(..at).unwrap_or(""), Some((text, element)), rest.get(length..).unwrap_or(""));
        }
    }
    (layout, None, "")
}

fn spelled(rest: &str) -> Option<(usize, Element)> {
    if rest.starts_with("Z070000") {
        return Some(("Z070000".len(), Element::Iso { colons: false, length: 3, zulu: true }));
    }
    let (spelling, element) = ELEMENTS.iter().find(|(spelling, _)| rest.starts_with(spelling))?;
    if *element == Element::Month && rest.get(3..).is_some_and(starts_with_lower) {
        return None;
    }
    if *element == Element::Weekday && rest.get(3..).is_some_and(starts_with_lower) {
        return None;
    }
    Some((spelling.len(), *element))
}

fn starts_with_lower(text: &str) -> bool {
    text.bytes().next().is_some_and(|b| b.is_ascii_lowercase())
}

fn fraction(rest: &str) -> Option<(usize, Element)> {
    let separator = rest.chars().next()?;
    let digit = rest.chars().nth(1).filter(|c| matches!(c, '0' | '9'))?;
    let tail = rest.get(1..)?;
    let digits = tail.chars().take_while(|c| *c == digit).count();
    if tail.get(digits..).is_some_and(|t| t.starts_with(|c: char| c.is_ascii_digit())) {
        return None;
    }
    Some((1 + digits, Element::Fraction { separator, digits, zeros: digit == '0' }))
}

/// Writes a time by a layout.
pub fn write_layout(layout: &str, time: &Time) -> String {
    let mut out = String::new();
    let mut rest = layout;
    loop {
        let (before, element, after) = next_element(rest);
        out.push_str(before);
        let Some((_, element)) = element else { return out };
        write_element(&mut out, element, time);
        rest = after;
    }
}

fn write_element(out: &mut String, element: Element, time: &Time) {
    let civil = time.civil();
    let hour12 = if civil.hour % 12 == 0 { 12 } else { civil.hour % 12 };
    let sign = if civil.year < 0 { "-" } else { "" };
    let short = |name: Option<&'static str>| name.and_then(|name| name.get(..3)).unwrap_or("");
    match element {
        Element::LongMonth => put(out, format_args!("{}", month_name(civil.month).unwrap_or(""))),
        Element::Month => put(out, format_args!("{}", short(month_name(civil.month)))),
        Element::NumMonth => put(out, format_args!("{}", civil.month)),
        Element::ZeroMonth => put(out, format_args!("{:02}", civil.month)),
        Element::LongWeekday => put(out, format_args!("{}", weekday_name(civil.weekday).unwrap_or(""))),
        Element::Weekday => put(out, format_args!("{}", short(weekday_name(civil.weekday)))),
        Element::Day => put(out, format_args!("{}", civil.day)),
        Element::UnderDay => put(out, format_args!("{:2}", civil.day)),
        Element::ZeroDay => put(out, format_args!("{:02}", civil.day)),
        Element::UnderYearDay => put(out, format_args!("{:3}", civil.year_day)),
        Element::ZeroYearDay => put(out, format_args!("{:03}", civil.year_day)),
        Element::Hour => put(out, format_args!("{:02}", civil.hour)),
        Element::Hour12 => put(out, format_args!("{hour12}")),
        Element::ZeroHour12 => put(out, format_args!("{hour12:02}")),
        Element::Minute => put(out, format_args!("{}", civil.minute)),
        Element::ZeroMinute => put(out, format_args!("{:02}", civil.minute)),
        Element::Second => put(out, format_args!("{}", civil.second)),
        Element::ZeroSecond => put(out, format_args!("{:02}", civil.second)),
        Element::LongYear => put(out, format_args!("{sign}{:04}", civil.year.unsigned_abs())),
        Element::Year => put(out, format_args!("{:02}", civil.year.rem_euclid(100))),
        Element::UpperPm => put(out, format_args!("{}", if civil.hour >= 12 { "PM" } else { "AM" })),
        Element::LowerPm => put(out, format_args!("{}", if civil.hour >= 12 { "pm" } else { "am" })),
        Element::ZoneName => write_zone_name(out, time),
        Element::Iso { colons, length, zulu } => write_offset(out, time.offset().0, colons, length, zulu),
        Element::Fraction { separator, digits, zeros } => {
            write_fraction(out, time.nanos, separator, digits, zeros);
        }
    }
}

fn write_zone_name(out: &mut String, time: &Time) {
    let (offset, name) = time.offset();
    if name.is_empty() {
        write_offset(out, offset, false, 2, false);
    } else {
        out.push_str(name);
    }
}

fn write_offset(out: &mut String, offset: i64, colons: bool, length: usize, zulu: bool) {
    if zulu && offset == 0 {
        out.push('Z');
        return;
    }
    out.push(if offset < 0 { '-' } else { '+' });
    let seconds = offset.unsigned_abs();
    for (i, part) in [seconds / 3_600, seconds / 60 % 60, seconds % 60].iter().take(length).enumerate() {
        if i > 0 && colons {
            out.push(':');
        }
        put(out, format_args!("{part:02}"));
    }
}

fn write_fraction(out: &mut String, nanos: u32, separator: char, digits: usize, zeros: bool) {
    let all = format!("{nanos:09}{}", "0".repeat(digits.saturating_sub(9)));
    let cut = all.get(..digits).unwrap_or(&all);
    let shown = if zeros { cut } else { cut.trim_end_matches('0') };
    if zeros || !shown.is_empty() {
        out.push(separator);
        out.push_str(shown);
    }
}

#[derive(Default)]
struct Parsed {
    year: i64,
    month: Option<i64>,
    day: Option<i64>,
    year_day: Option<i64>,
    hour: i64,
    minute: i64,
    second: i64,
    nanos: u32,
    pm: bool,
    am: bool,
    utc: bool,
    offset: Option<i64>,
    zone_name: Option<String>,
}

/// What can be wrong with one element.
enum Trouble {
    Bad,
    OutOfRange(&'static str),
}

/// Reads a text by a layout; a time without zone is one of `local`. The error is Go's text.
pub fn parse_layout(layout: &str, value: &str, local: &Arc<TimeZone>) -> Result<Time, String> {
    let failure = |spelling: &str, rest: &str| {
        let [layout, value, spelling, rest] = [layout, value, spelling, rest].map(quote);
        format!("parsing time {value} as {layout}: cannot parse {rest} as {spelling}")
    };
    let mut parsed = Parsed::default();
    let (mut pattern, mut rest) = (layout, value);
    loop {
        let (before, element, after) = next_element(pattern);
        rest = skip_literal(rest, before).ok_or_else(|| failure(before, rest))?;
        let Some((spelling, element)) = element else {
            if !rest.is_empty() {
                return Err(format!("parsing time {}: extra text: {}", quote(value), quote(rest)));
            }
            break;
        };
        let hold = rest;
        rest = match parsed.read(element, rest, after) {
            Ok(rest) => rest,
            Err(Trouble::Bad) => return Err(failure(spelling, hold)),
            Err(Trouble::OutOfRange(what)) => {
                return Err(format!("parsing time {}: {what} out of range", quote(value)));
            }
        };
        pattern = after;
    }
    parsed.finish(local).map_err(|what| format!("parsing time {}: {what} out of range", quote(value)))
}

/// Skips the text between elements; runs of spaces in the layout match runs of spaces.
fn skip_literal<'a>(value: &'a str, literal: &str) -> Option<&'a str> {
    let (mut value, mut literal) = (value, literal);
    while let Some(c) = literal.chars().next() {
        if c == ' ' {
            if !value.is_empty() && !value.starts_with(' ') {
                return None;
            }
            literal = literal.trim_start_matches(' ');
            value = value.trim_start_matches(' ');
            continue;
        }
        value = value.strip_prefix(c)?;
        literal = literal.strip_prefix(c)?;
    }
    Some(value)
}

/// One or two digits; two where `fixed`.
fn small_number(text: &str, fixed: bool) -> Result<(i64, &str), Trouble> {
    let digits = text.bytes().take(2).take_while(u8::is_ascii_digit).count();
    if digits == 0 || (fixed && digits < 2) {
        return Err(Trouble::Bad);
    }
    let (number, rest) = text.split_at(digits);
    Ok((number.parse().map_err(|_| Trouble::Bad)?, rest))
}

fn exact_digits(text: &str, count: usize) -> Result<(i64, &str), Trouble> {
    let number = text.get(..count).filter(|n| n.bytes().all(|b| b.is_ascii_digit())).ok_or(Trouble::Bad)?;
    Ok((number.parse().map_err(|_| Trouble::Bad)?, text.get(count..).unwrap_or("")))
}

/// The index of the name that the text starts with, without regard to case.
fn named<'a>(names: &[&str], length: Option<usize>, text: &'a str) -> Result<(i64, &'a str), Trouble> {
    for (i, name) in names.iter().enumerate() {
        let name = length.and_then(|length| name.get(..length)).unwrap_or(name);
        if text.get(..name.len()).is_some_and(|head| head.eq_ignore_ascii_case(name)) {
            return Ok((i as i64, text.get(name.len()..).unwrap_or("")));
        }
    }
    Err(Trouble::Bad)
}

fn in_range(value: i64, range: std::ops::Range<i64>, what: &'static str) -> Result<i64, Trouble> {
    if range.contains(&value) { Ok(value) } else { Err(Trouble::OutOfRange(what)) }
}

impl Parsed {
    fn read<'a>(&mut self, element: Element, text: &'a str, following: &str) -> Result<&'a str, Trouble> {
        let rest = match element {
            Element::LongYear => {
                let (year, rest) = exact_digits(text, 4)?;
                self.year = year;
                rest
            }
            Element::Year => {
                let (year, rest) = exact_digits(text, 2)?;
                self.year = if year >= 69 { year + 1900 } else { year + 2000 };
                rest
            }
            Element::LongMonth | Element::Month => {
                let (month, rest) = named(&MONTHS, (element == Element::Month).then_some(3), text)?;
                self.month = Some(month + 1);
                rest
            }
            Element::NumMonth | Element::ZeroMonth => {
                let (month, rest) = small_number(text, element == Element::ZeroMonth)?;
                self.month = Some(in_range(month, 1..13, "month")?);
                rest
            }
            Element::LongWeekday | Element::Weekday => {
                named(&WEEKDAYS, (element == Element::Weekday).then_some(3), text)?.1
            }
            Element::Day | Element::UnderDay | Element::ZeroDay => {
                let text =
                    if element == Element::UnderDay { text.strip_prefix(' ').unwrap_or(text) } else { text };
                let (day, rest) = small_number(text, element == Element::ZeroDay)?;
                self.day = Some(day);
                rest
            }
            Element::UnderYearDay | Element::ZeroYearDay => {
                let padding =
                    if element == Element::UnderYearDay { text.len() - text.trim_start().len() } else { 0 };
                let (day, rest) = exact_digits(text.get(padding..).unwrap_or(""), 3 - padding.min(2))?;
                self.year_day = Some(day);
                rest
            }
            Element::Hour => {
                let (hour, rest) = small_number(text, false)?;
                self.hour = in_range(hour, 0..24, "hour")?;
                rest
            }
            Element::Hour12 | Element::ZeroHour12 => {
                let (hour, rest) = small_number(text, element == Element::ZeroHour12)?;
                self.hour = in_range(hour, 0..13, "hour")?;
                rest
            }
            Element::Minute | Element::ZeroMinute => {
                let (minute, rest) = small_number(text, element == Element::ZeroMinute)?;
                self.minute = in_range(minute, 0..60, "minute")?;
                rest
            }
            Element::Second | Element::ZeroSecond => {
                let (second, rest) = small_number(text, element == Element::ZeroSecond)?;
                self.second = in_range(second, 0..60, "second")?;
                self.undeclared_fraction(rest, following)?
            }
            Element::UpperPm | Element::LowerPm => self.read_half(text, element == Element::UpperPm)?,
            Element::ZoneName => self.read_zone_name(text)?,
            Element::Iso { colons, length, zulu } => self.read_offset(text, colons, length, zulu)?,
            Element::Fraction { digits, zeros: true, .. } => self.read_fraction(text, Some(digits))?,
            Element::Fraction { zeros: false, .. } => {
                let has_digits = text.starts_with(['.', ','])
                    && text.get(1..).is_some_and(|t| t.starts_with(|c: char| c.is_ascii_digit()));
                if has_digits { self.read_fraction(text, None)? } else { text }
            }
        };
        Ok(rest)
    }

    /// Seconds may carry a fraction that the layout does not name.
    fn undeclared_fraction<'a>(&mut self, text: &'a str, following: &str) -> Result<&'a str, Trouble> {
        let has_fraction = text.starts_with(['.', ','])
            && text.get(1..).is_some_and(|t| t.starts_with(|c: char| c.is_ascii_digit()));
        let declared = matches!(next_element(following), ("", Some((_, Element::Fraction { .. })), _));
        if has_fraction && !declared { self.read_fraction(text, None) } else { Ok(text) }
    }

    fn read_fraction<'a>(&mut self, text: &'a str, digits: Option<usize>) -> Result<&'a str, Trouble> {
        let tail = text.strip_prefix(['.', ',']).ok_or(Trouble::Bad)?;
        let present = tail.bytes().take_while(u8::is_ascii_digit).count();
        let count = digits.unwrap_or(present);
        let number = tail.get(..count).filter(|_| count <= present && count > 0).ok_or(Trouble::Bad)?;
        let padded = format!("{number:0<9}");
        self.nanos = padded.get(..9).and_then(|n| n.parse().ok()).ok_or(Trouble::Bad)?;
        Ok(tail.get(count..).unwrap_or(""))
    }

    fn read_half<'a>(&mut self, text: &'a str, upper: bool) -> Result<&'a str, Trouble> {
        let (pm, am) = if upper { ("PM", "AM") } else { ("pm", "am") };
        if let Some(rest) = text.strip_prefix(pm) {
            self.pm = true;
            return Ok(rest);
        }
        self.am = true;
        text.strip_prefix(am).ok_or(Trouble::Bad)
    }

    fn read_zone_name<'a>(&mut self, text: &'a str) -> Result<&'a str, Trouble> {
        if let Some(rest) = text.strip_prefix("UTC") {
            self.utc = true;
            return Ok(rest);
        }
        let signed = text.starts_with(['+', '-']);
        let length = if signed {
            1 + text.bytes().skip(1).take_while(u8::is_ascii_digit).count()
        } else {
            text.bytes().take(6).take_while(u8::is_ascii_uppercase).count()
        };
        let fits = if signed {
            length == 3
        } else {
            match length {
                3 => true,
                4 => text.get(3..4) == Some("T") || text.starts_with("WITA"),
                5 => text.get(4..5) == Some("T"),
                _ => false,
            }
        };
        let name = text.get(..length).filter(|_| fits).ok_or(Trouble::Bad)?;
        self.zone_name = Some(name.to_owned());
        Ok(text.get(length..).unwrap_or(""))
    }

    fn read_offset<'a>(
        &mut self,
        text: &'a str,
        colons: bool,
        length: usize,
        zulu: bool,
    ) -> Result<&'a str, Trouble> {
        if zulu && let Some(rest) = text.strip_prefix('Z') {
            self.utc = true;
            return Ok(rest);
        }
        let sign = match text.chars().next() {
            Some('+') => 1,
            Some('-') => -1,
            _ => return Err(Trouble::Bad),
        };
        let mut rest = text.get(1..).unwrap_or("");
        let mut total = 0;
        for (i, (scale, limit, what)) in [
            (3_600, 25, "time zone offset hour"),
            (60, 60, "time zone offset minute"),
            (1, 60, "time zone offset second"),
        ]
        .into_iter()
        .take(length)
        .enumerate()
        {
            if colons && i > 0 {
                rest = rest.strip_prefix(':').ok_or(Trouble::Bad)?;
            }
            let (number, after) = exact_digits(rest, 2)?;
            total += in_range(number, 0..limit, what)? * scale;
            rest = after;
        }
        self.offset = Some(sign * total);
        Ok(rest)
    }

    fn finish(self, local: &Arc<TimeZone>) -> Result<Time, &'static str> {
        let hour = match (self.pm, self.am) {
            (true, _) if self.hour < 12 => self.hour + 12,
            (_, true) if self.hour == 12 => 0,
            _ => self.hour,
        };
        let (month, day) = self.month_and_day()?;
        let seconds = seconds_from_civil(self.year, month, day, hour, self.minute, self.second);
        if self.utc {
            return Ok(Time::new(seconds, self.nanos, TimeZone::utc()));
        }
        if let Some(offset) = self.offset {
            let moment = seconds - offset;
            let (local_offset, name) = local.lookup(moment);
            if local_offset == offset && self.zone_name.as_deref().is_none_or(|wanted| wanted == name) {
                return Ok(Time::new(moment, self.nanos, Arc::clone(local)));
            }
            let name = self.zone_name.unwrap_or_default();
            return Ok(Time::new(moment, self.nanos, Arc::new(TimeZone::fixed(&name, &name, offset))));
        }
        if let Some(name) = self.zone_name {
            if let Some(offset) = local.offset_of(&name, seconds) {
                return Ok(Time::new(seconds - offset, self.nanos, Arc::clone(local)));
            }
            // A foreign abbreviation is kept, but says nothing of the offset (`GMT+3` does).
            let offset = name.strip_prefix("GMT").and_then(|n| n.parse::<i64>().ok()).unwrap_or(0) * 3_600;
            return Ok(Time::new(
                seconds - offset,
                self.nanos,
                Arc::new(TimeZone::fixed(&name, &name, offset)),
            ));
        }
        Ok(Time::from_civil(seconds, self.nanos, Arc::clone(local)))
    }

    fn month_and_day(&self) -> Result<(i64, i64), &'static str> {
        if let Some(year_day) = self.year_day {
            let length = days_from_civil(self.year + 1, 1, 1) - days_from_civil(self.year, 1, 1);
            if !(1..=length).contains(&year_day) {
                return Err("day-of-year");
            }
            if self.month.is_none() {
                return Ok((1, year_day));
            }
        }
        let month = self.month.unwrap_or(1);
        let day = self.day.unwrap_or(1);
        let length = days_from_civil(self.year, month + 1, 1) - days_from_civil(self.year, month, 1);
        if !(1..=length).contains(&day) {
            return Err(if self.day.is_some() { "day" } else { "day-of-year" });
        }
        Ok((month, day))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_layouts() {
        let time = Time::new(1_136_214_245, 120_000_000, TimeZone::utc());
        for (layout, expected) in [
            ("Mon Jan _2 15:04:05 2006", "Mon Jan  2 15:04:05 2006"),
            ("Monday, 02-Jan-06 15:04:05 MST", "Monday, 02-Jan-06 15:04:05 UTC"),
            ("2006-01-02T15:04:05.000Z07:00", "2006-01-02T15:04:05.120Z"),
            ("3:04PM pm 1/2 002 .99 ,9", "3:04PM pm 1/2 002 .12 ,1"),
            ("-0700 -07:00 Z070000", "+0000 +00:00 Z"),
            ("January Month Janet", "January Month Janet"),
        ] {
            assert_eq!(time.format(layout), expected, "{layout}");
        }
    }

    #[test]
    fn reads_layouts() {
        let utc = TimeZone::utc();
        for (layout, text, expected) in [
            ("2006-01-02", "2024-05-06", Ok("2024-05-06 00:00:00 +0000 UTC")),
            (
                "2006-01-02T15:04:05Z07:00",
                "2024-05-06T07:08:09.5+02:00",
                Ok("2024-05-06 07:08:09.5 +0200 +0200"),
            ),
            ("Jan 2, 2006 3PM", "Feb 29, 2024 3PM", Ok("2024-02-29 15:00:00 +0000 UTC")),
            ("2006-01-02", "x", Err(r#"parsing time "x" as "2006-01-02": cannot parse "x" as "2006""#)),
            ("2006-01-02", "2024-13-01", Err(r#"parsing time "2024-13-01": month out of range"#)),
            ("2006-01-02", "2023-02-29", Err(r#"parsing time "2023-02-29": day out of range"#)),
            (
                "2006-01-02",
                "2023-02-2x",
                Err(r#"parsing time "2023-02-2x" as "2006-01-02": cannot parse "2x" as "02""#),
            ),
            ("2006", "2023 x", Err(r#"parsing time "2023 x": extra text: " x""#)),
        ] {
            let read = parse_layout(layout, text, &utc).map(|time| time.to_go_string());
            assert_eq!(read.as_deref().map_err(String::as_str), expected, "{text}");
        }
    }
}
