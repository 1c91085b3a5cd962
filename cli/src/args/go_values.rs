//! How Go reads flag values and writes them back: booleans, integers, durations, comma-separated lists, quoted text.
//! The words of the errors are those that go-task's users see.

use std::fmt::Write as _;

/// One of Go's words for true and false.
pub fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Some(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Some(false),
        _ => None,
    }
}

/// Why a number was not understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberError {
    /// No number.
    Syntax,
    /// More than 64 bits.
    Range,
}

/// An integer in Go's notation: a sign, a base prefix (`0x`, `0o`, `0b`, `0`), underscores between digits.
pub fn parse_int(text: &str) -> Result<i64, NumberError> {
    let (negative, digits) = match text.as_bytes().first() {
        Some(b'-') => (true, text.get(1..).unwrap_or("")),
        Some(b'+') => (false, text.get(1..).unwrap_or("")),
        _ => (false, text),
    };
    let (radix, body, prefixed) = split_base(digits);
    let body = remove_underscores(body, prefixed).ok_or(NumberError::Syntax)?;
    if body.is_empty() || !body.chars().all(|c| c.is_digit(radix)) {
        return Err(NumberError::Syntax);
    }
    let magnitude = i128::from_str_radix(&body, radix).map_err(|_| NumberError::Range)?;
    let value = if negative { -magnitude } else { magnitude };
    i64::try_from(value).map_err(|_| NumberError::Range)
}

/// Radix, digits, and whether an underscore may come first.
fn split_base(digits: &str) -> (u32, &str, bool) {
    let bytes = digits.as_bytes();
    if bytes.first() == Some(&b'0') && bytes.len() > 1 {
        return match bytes[1] {
            b'x' | b'X' => (16, &digits[2..], true),
            b'o' | b'O' => (8, &digits[2..], true),
            b'b' | b'B' => (2, &digits[2..], true),
            _ => (8, digits.get(1..).unwrap_or(""), true),
        };
    }
    (10, digits, false)
}

fn remove_underscores(body: &str, may_lead: bool) -> Option<String> {
    let misplaced = (!may_lead && body.starts_with('_')) || body.ends_with('_') || body.contains("__");
    (!misplaced).then(|| body.replace('_', ""))
}

/// An integer of decimal digits with an optional sign.
pub fn parse_decimal(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// A duration in nanoseconds; the error is Go's sentence.
pub fn parse_duration(text: &str) -> Result<i64, String> {
    let invalid = || format!("time: invalid duration {}", quote(text));
    let (negative, mut rest) = match text.as_bytes().first() {
        Some(b'-') => (true, text.get(1..).unwrap_or("")),
        Some(b'+') => (false, text.get(1..).unwrap_or("")),
        _ => (false, text),
    };
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut total: i128 = 0;
    while !rest.is_empty() {
        let number_end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let number = rest.get(..number_end).unwrap_or("");
        if !number.bytes().any(|b| b.is_ascii_digit()) || number.matches('.').count() > 1 {
            return Err(invalid());
        }
        rest = rest.get(number_end..).unwrap_or("");
        let unit_end = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
        let unit = rest.get(..unit_end).unwrap_or("");
        rest = rest.get(unit_end..).unwrap_or("");
        if unit.is_empty() {
            return Err(format!("time: missing unit in duration {}", quote(text)));
        }
        let Some(scale) = nanoseconds_of(unit) else {
            return Err(format!("time: unknown unit {} in duration {}", quote(unit), quote(text)));
        };
        total += scaled(number, scale).ok_or_else(invalid)?;
        if total > i128::from(i64::MAX) + i128::from(negative) {
            return Err(invalid());
        }
    }
    i64::try_from(if negative { -total } else { total }).map_err(|_| invalid())
}

fn nanoseconds_of(unit: &str) -> Option<i128> {
    Some(match unit {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    })
}

/// A decimal number times a scale, the fraction cut to whole nanoseconds.
fn scaled(number: &str, scale: i128) -> Option<i128> {
    /// Digits of a fraction that can still matter for hours in nanoseconds.
    const FRACTION_DIGITS: usize = 18;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let whole: i128 = if whole.is_empty() { 0 } else { whole.parse::<i64>().ok()?.into() };
    let fraction = fraction.get(..fraction.len().min(FRACTION_DIGITS)).unwrap_or("");
    let part: i128 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
    let power = 10_i128.checked_pow(fraction.len() as u32)?;
    whole.checked_mul(scale)?.checked_add(part.checked_mul(scale)? / power)
}

/// A duration in nanoseconds as Go prints it: `1h30m0s`, `1.5s`, `0s`.
pub fn format_duration(nanoseconds: i64) -> String {
    let magnitude = nanoseconds.unsigned_abs();
    let sign = if nanoseconds < 0 { "-" } else { "" };
    if magnitude < 1_000_000_000 {
        let (scale, unit) = match magnitude {
            0 => return "0s".to_owned(),
            1..1_000 => (1, "ns"),
            1_000..1_000_000 => (1_000, "µs"),
            _ => (1_000_000, "ms"),
        };
        return format!("{sign}{}{unit}", decimal(magnitude, scale));
    }
    let (minutes, rest) = (magnitude / 60_000_000_000, magnitude % 60_000_000_000);
    let seconds = decimal(rest, 1_000_000_000);
    match (minutes / 60, minutes % 60) {
        (0, 0) => format!("{sign}{seconds}s"),
        (0, minutes) => format!("{sign}{minutes}m{seconds}s"),
        (hours, minutes) => format!("{sign}{hours}h{minutes}m{seconds}s"),
    }
}

fn decimal(value: u64, scale: u64) -> String {
    let (whole, fraction) = (value / scale, value % scale);
    if fraction == 0 {
        return whole.to_string();
    }
    let width = scale.ilog10() as usize;
    let digits = format!("{fraction:0width$}");
    format!("{whole}.{}", digits.trim_end_matches('0'))
}

/// The fields of one line of comma-separated values; the error is Go's sentence.
pub fn parse_list(text: &str) -> Result<Vec<String>, String> {
    let line = text.split('\n').find(|line| !line.trim_end_matches('\r').is_empty());
    let Some(line) = line else {
        return if text.is_empty() { Ok(Vec::new()) } else { Err("EOF".to_owned()) };
    };
    let error = |column: usize, what: &str| format!("parse error on line 1, column {column}: {what}");
    let mut fields = Vec::new();
    let mut at = 0;
    loop {
        let rest = line.get(at..).unwrap_or("");
        if rest.starts_with('"') {
            let (field, end) = quoted_field(line, at + 1)
                .map_err(|column| error(column, "extraneous or missing \" in quoted-field"))?;
            fields.push(field);
            at = end;
        } else {
            let end = rest.find(',').unwrap_or(rest.len());
            let field = rest.get(..end).unwrap_or("");
            if let Some(quote) = field.find('"') {
                return Err(error(at + quote + 1, "bare \" in non-quoted-field"));
            }
            fields.push(field.to_owned());
            at += end;
        }
        if at >= line.len() {
            return Ok(fields);
        }
        at += 1;
    }
}

/// Reads a quoted field from behind its first quote; the error is the column (from 1) of the trouble.
fn quoted_field(line: &str, start: usize) -> Result<(String, usize), usize> {
    let mut field = String::new();
    let mut at = start;
    loop {
        let rest = line.get(at..).unwrap_or("");
        let Some(quote) = rest.find('"') else { return Err(line.len() + 1) };
        field.push_str(rest.get(..quote).unwrap_or(""));
        let after = at + quote + 1;
        match line.as_bytes().get(after) {
            Some(b'"') => {
                field.push('"');
                at = after + 1;
            }
            Some(b',') | None => return Ok((field, after)),
            Some(_) => return Err(after),
        }
    }
}

/// Fields written as one line of comma-separated values.
pub fn format_list(fields: &[String]) -> String {
    let needs_quotes = |field: &str| {
        field.contains([',', '"', '\n', '\r']) || field.starts_with([' ', '\t']) || field == "\\."
    };
    fields
        .iter()
        .map(|f| if needs_quotes(f) { format!("\"{}\"", f.replace('"', "\"\"")) } else { f.clone() })
        .collect::<Vec<_>>()
        .join(",")
}

/// Text in double quotes with Go's escapes (`%q`).
pub fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        push_escaped(&mut out, c, '"');
    }
    out.push('"');
    out
}

/// A character in single quotes with Go's escapes (`%q`).
pub fn quote_char(c: char) -> String {
    let mut out = String::from('\'');
    push_escaped(&mut out, c, '\'');
    out.push('\'');
    out
}

fn push_escaped(out: &mut String, c: char, delimiter: char) {
    match c {
        '\\' => out.push_str("\\\\"),
        '\u{7}' => out.push_str("\\a"),
        '\u{8}' => out.push_str("\\b"),
        '\u{c}' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\u{b}' => out.push_str("\\v"),
        _ if c == delimiter => out.extend(['\\', c]),
        '\0'..' ' | '\u{7f}' => {
            let _ = write!(out, "\\x{:02x}", c as u32);
        }
        '\u{80}'..='\u{a0}' | '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202f}' | '\u{feff}' => {
            let _ = write!(out, "\\u{:04x}", c as u32);
        }
        _ => out.push(c),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_have_bases_and_underscores() {
        for (text, expected) in [
            ("5", Ok(5)),
            ("-3", Ok(-3)),
            ("+5", Ok(5)),
            ("0x10", Ok(16)),
            ("010", Ok(8)),
            ("0_1", Ok(1)),
            ("1_0", Ok(10)),
            ("0b11", Ok(3)),
            ("08", Err(NumberError::Syntax)),
            ("0b2", Err(NumberError::Syntax)),
            ("_1", Err(NumberError::Syntax)),
            ("1__0", Err(NumberError::Syntax)),
            ("", Err(NumberError::Syntax)),
            ("-", Err(NumberError::Syntax)),
            ("0x", Err(NumberError::Syntax)),
            ("--1", Err(NumberError::Syntax)),
            ("-9223372036854775808", Ok(i64::MIN)),
            ("9223372036854775808", Err(NumberError::Range)),
            ("99999999999999999999999999999999999999999999", Err(NumberError::Range)),
        ] {
            assert_eq!(parse_int(text), expected, "{text}");
        }
    }

    #[test]
    fn durations_round_trip() {
        for (text, nanoseconds, printed) in [
            ("0", 0, "0s"),
            ("1h30m", 5_400_000_000_000, "1h30m0s"),
            ("-1.5s", -1_500_000_000, "-1.5s"),
            (".5m", 30_000_000_000, "30s"),
            ("1.s", 1_000_000_000, "1s"),
            ("90s", 90_000_000_000, "1m30s"),
            ("1500us", 1_500_000, "1.5ms"),
            ("3ns", 3, "3ns"),
            ("1ms2µs", 1_002_000, "1.002ms"),
        ] {
            assert_eq!(parse_duration(text), Ok(nanoseconds), "{text}");
            assert_eq!(format_duration(nanoseconds), printed, "{text}");
        }
    }

    #[test]
    fn bad_durations_say_what_go_says() {
        for (text, expected) in [
            ("", "time: invalid duration \"\""),
            ("5", "time: missing unit in duration \"5\""),
            ("1x", "time: unknown unit \"x\" in duration \"1x\""),
            ("1h1", "time: missing unit in duration \"1h1\""),
            ("abc", "time: invalid duration \"abc\""),
            (".", "time: invalid duration \".\""),
            ("1.2.3s", "time: invalid duration \"1.2.3s\""),
            ("99999999999h", "time: invalid duration \"99999999999h\""),
        ] {
            assert_eq!(parse_duration(text), Err(expected.to_owned()), "{text}");
        }
    }

    #[test]
    fn lists_are_comma_separated_values() {
        let ok = |fields: &[&str]| Ok(fields.iter().map(ToString::to_string).collect::<Vec<_>>());
        for (text, expected) in [
            ("", ok(&[])),
            ("a", ok(&["a"])),
            ("a,b c", ok(&["a", "b c"])),
            (",", ok(&["", ""])),
            ("\"a\"\"b,c\",d", ok(&["a\"b,c", "d"])),
            (
                "\"a",
                Err("parse error on line 1, column 3: extraneous or missing \" in quoted-field".to_owned()),
            ),
            ("a\"b", Err("parse error on line 1, column 2: bare \" in non-quoted-field".to_owned())),
            (
                "\"a\"b",
                Err("parse error on line 1, column 3: extraneous or missing \" in quoted-field".to_owned()),
            ),
        ] {
            assert_eq!(parse_list(text), expected, "{text}");
        }
        assert_eq!(format_list(&["a".into(), "b,c".into()]), "a,\"b,c\"");
    }

    #[test]
    fn quoting_escapes_what_does_not_print() {
        assert_eq!(quote("a\"b\\\n\u{1b}ü"), r#""a\"b\\\n\x1bü""#);
        assert_eq!(quote_char('\''), r"'\''");
        assert_eq!(quote_char('"'), "'\"'");
    }
}
