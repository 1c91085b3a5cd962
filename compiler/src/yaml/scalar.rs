//! What a scalar means: go-yaml v3's resolution of text, style and tag, and its conversions to typed fields.

use std::borrow::Cow;

use smol_str::SmolStr;

use super::error::DecodeError;
use super::node::{Node, NodeKind, Scalar, ScalarStyle};
use crate::template::value::Value;

/// What the `!!` of a tag stands for.
pub const TAG_PREFIX: &str = "tag:yaml.org,2002:";

/// A scalar's typed value.
#[derive(Clone, Debug, PartialEq)]
pub enum Resolved {
    /// Nothing, `~`, `null`.
    Null,
    /// `true`, `false`; `yes` and `on` are text, see [`as_bool`].
    Bool(bool),
    /// An integer that fits.
    Int(i64),
    /// An integer above the largest signed one.
    Uint(u64),
    /// A number with a fraction or an exponent, `.inf`, `.nan`, or an integer that is too large.
    Float(f64),
    /// Text.
    String(SmolStr),
    /// A date or a time, as written. go-task panics when a variable holds one.
    Timestamp(SmolStr),
}

/// The short form of a tag, as go-yaml's messages name it: `!!int`.
pub fn short_form(tag: &str) -> Cow<'_, str> {
    match tag.strip_prefix(TAG_PREFIX) {
        Some(name) => Cow::Owned(format!("!!{name}")),
        None => Cow::Borrowed(tag),
    }
}

/// The tag of a node, given or found by its content: `!!map`, `!!int`.
pub fn tag_of(node: &Node) -> Cow<'_, str> {
    match (&node.kind, node.tag()) {
        (NodeKind::Alias { target: Some(target), .. }, _) => tag_of(target),
        (NodeKind::Alias { target: None, .. }, _) => Cow::Borrowed("!!null"),
        (_, Some(tag)) => short_form(tag),
        (NodeKind::Mapping(_), None) => Cow::Borrowed("!!map"),
        (NodeKind::Sequence(_), None) => Cow::Borrowed("!!seq"),
        (NodeKind::Scalar(scalar), None) if is_merge_key_text(scalar) => Cow::Borrowed("!!merge"),
        (NodeKind::Scalar(scalar), None) if is_surely_text(scalar) => Cow::Borrowed("!!str"),
        (NodeKind::Scalar(scalar), None) => Cow::Borrowed(tag_of_value(&resolve_untagged(scalar))),
    }
}

fn is_merge_key_text(scalar: &Scalar) -> bool {
    scalar.style == ScalarStyle::Plain && scalar.text == "<<"
}

/// Whether a scalar is text by its quotes or its first letter, as nearly all are.
fn is_surely_text(scalar: &Scalar) -> bool {
    scalar.style != ScalarStyle::Plain
        || match scalar.text.as_bytes().first() {
            None | Some(b'0'..=b'9' | b'+' | b'-' | b'.' | b'~') => false,
            Some(b'n' | b'N' | b't' | b'T' | b'f' | b'F') => keyword(&scalar.text).is_none(),
            Some(_) => true,
        }
}

fn tag_of_value(value: &Resolved) -> &'static str {
    match value {
        Resolved::Null => "!!null",
        Resolved::Bool(_) => "!!bool",
        Resolved::Int(_) | Resolved::Uint(_) => "!!int",
        Resolved::Float(_) => "!!float",
        Resolved::String(_) => "!!str",
        Resolved::Timestamp(_) => "!!timestamp",
    }
}

/// Whether a node is null: written as such, or not written at all. Aliases are followed.
pub fn is_null(node: &Node) -> bool {
    tag_of(node) == "!!null"
}

fn resolve_untagged(scalar: &Scalar) -> Resolved {
    match scalar.style {
        ScalarStyle::Plain => resolve_plain(&scalar.text),
        _ => Resolved::String(scalar.text.clone()),
    }
}

/// The typed value of a scalar node.
///
/// # Errors
/// The node's tag asks for a type that the text is not.
pub fn resolve(node: &Node, scalar: &Scalar) -> Result<Resolved, DecodeError> {
    let Some(long) = node.tag() else { return Ok(resolve_untagged(scalar)) };
    let tag = short_form(long);
    let fatal = |message: String| Err(DecodeError::Fatal { span: node.span, message });
    let wrong = |found: &str| fatal(format!("cannot decode {found} `{}` as a {tag}", scalar.text));
    match tag.as_ref() {
        "!!binary" => match decode_base64(&scalar.text) {
            Some(text) => Ok(Resolved::String(text)),
            None => fatal("!!binary value contains invalid base64 data".to_owned()),
        },
        "!!float" => match resolve_as_number(&scalar.text) {
            Resolved::Int(value) => Ok(Resolved::Float(value as f64)),
            Resolved::Float(value) => Ok(Resolved::Float(value)),
            other => wrong(tag_of_value(&other)),
        },
        "!!int" => match resolve_as_number(&scalar.text) {
            value @ (Resolved::Int(_) | Resolved::Uint(_)) => Ok(value),
            other => wrong(tag_of_value(&other)),
        },
        "!!bool" | "!!null" | "!!timestamp" => {
            let value = resolve_plain(&scalar.text);
            let found = tag_of_value(&value);
            if found == tag { Ok(value) } else { wrong(found) }
        }
        _ => Ok(Resolved::String(scalar.text.clone())),
    }
}

/// Under a tag for a number, a date is not tried.
fn resolve_as_number(text: &str) -> Resolved {
    keyword(text).or_else(|| number(text)).unwrap_or_else(|| Resolved::String(text.into()))
}

/// What go-yaml makes of text without quotes.
pub fn resolve_plain(text: &str) -> Resolved {
    if let Some(value) = keyword(text) {
        return value;
    }
    match text.as_bytes().first() {
        Some(b'0'..=b'9' | b'+' | b'-' | b'.') => {}
        _ => return Resolved::String(text.into()),
    }
    if is_timestamp(text) {
        return Resolved::Timestamp(text.into());
    }
    number(text).unwrap_or_else(|| Resolved::String(text.into()))
}

fn keyword(text: &str) -> Option<Resolved> {
    Some(match text {
        "" | "~" | "null" | "Null" | "NULL" => Resolved::Null,
        "true" | "True" | "TRUE" => Resolved::Bool(true),
        "false" | "False" | "FALSE" => Resolved::Bool(false),
        ".nan" | ".NaN" | ".NAN" => Resolved::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Resolved::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => Resolved::Float(f64::NEG_INFINITY),
        _ => return None,
    })
}

fn number(text: &str) -> Option<Resolved> {
    if text.starts_with('.') {
        return decimal_float(text);
    }
    if !text.starts_with(|c: char| c.is_ascii_digit() || c == '+' || c == '-') {
        return None;
    }
    let plain: Cow<'_, str> =
        if text.contains('_') { Cow::Owned(text.replace('_', "")) } else { Cow::Borrowed(text) };
    integer(&plain).or_else(|| decimal_float(&plain))
}

fn decimal_float(text: &str) -> Option<Resolved> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => (&unsigned[..at], Some(&unsigned[at + 1..])),
        None => (unsigned, None),
    };
    let digits_only = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    let exponent_is_fine = exponent.is_none_or(|part| {
        let digits = part.strip_prefix(['+', '-']).unwrap_or(part);
        !digits.is_empty() && digits_only(digits)
    });
    let mantissa_is_fine = match mantissa.split_once('.') {
        Some((whole, fraction)) => {
            digits_only(whole) && digits_only(fraction) && !(whole.is_empty() && fraction.is_empty())
        }
        None => !mantissa.is_empty() && digits_only(mantissa),
    };
    if !exponent_is_fine || !mantissa_is_fine {
        return None;
    }
    // Out of range is no number in Go, where Rust says infinity.
    text.parse::<f64>().ok().filter(|value| value.is_finite()).map(Resolved::Float)
}

/// Go's `ParseInt(text, 0, 64)`, then `ParseUint`: prefixes `0x`, `0o`, `0b`, and a leading 0 for octal.
fn integer(text: &str) -> Option<Resolved> {
    let (negative, unsigned) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let signed = unsigned.len() < text.len();
    let lower = unsigned.get(..2).map(str::to_ascii_lowercase);
    let (radix, digits) = match lower.as_deref() {
        Some("0x") => (16, &unsigned[2..]),
        Some("0o") => (8, &unsigned[2..]),
        Some("0b") => (2, &unsigned[2..]),
        Some(_) if unsigned.starts_with('0') => (8, &unsigned[1..]),
        _ => (10, unsigned),
    };
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return None;
    }
    let magnitude = u64::from_str_radix(digits, radix).ok()?;
    if negative {
        let value = 0i64.checked_sub_unsigned(magnitude)?;
        return Some(Resolved::Int(value));
    }
    match i64::try_from(magnitude) {
        Ok(value) => Some(Resolved::Int(value)),
        Err(_) if signed => None,
        Err(_) => Some(Resolved::Uint(magnitude)),
    }
}

/// Whether go-yaml reads text as a date or a time: `2001-1-2`, with a time after `T`, `t` or a space.
pub fn is_timestamp(text: &str) -> bool {
    parse_timestamp(text).is_some()
}

fn parse_timestamp(text: &str) -> Option<()> {
    let bytes = text.as_bytes();
    if bytes.len() < 5 || !bytes[..4].iter().all(u8::is_ascii_digit) || bytes[4] != b'-' {
        return None;
    }
    let year: u32 = text[..4].parse().ok()?;
    let (month, rest) = short_number(&text[5..])?;
    let (day, rest) = short_number(rest.strip_prefix('-')?)?;
    if !(1..=12).contains(&month) || day < 1 || day > days_in(month, year) {
        return None;
    }
    if rest.is_empty() {
        return Some(());
    }
    let with_zone = rest.starts_with(['T', 't']);
    // Before a space-separated time Go skips any number of spaces.
    let time = if with_zone { &rest[1..] } else { rest.strip_prefix(' ')?.trim_start_matches(' ') };
    let (hour, rest) = short_number(time)?;
    let (minute, rest) = short_number(rest.strip_prefix(':')?)?;
    let (second, rest) = short_number(rest.strip_prefix(':')?)?;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let rest = skip_fraction(rest);
    match (with_zone, rest) {
        (true, "Z") | (false, "") => Some(()),
        (true, zone) => is_zone(zone).then_some(()),
        (false, _) => None,
    }
}

/// One or two digits.
fn short_number(text: &str) -> Option<(u32, &str)> {
    let digits = text.bytes().take(2).take_while(u8::is_ascii_digit).count();
    Some((text.get(..digits)?.parse().ok()?, text.get(digits..)?))
}

fn skip_fraction(text: &str) -> &str {
    let Some(fraction) = text.strip_prefix(['.', ',']) else { return text };
    let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
    if digits == 0 { text } else { fraction.get(digits..).unwrap_or("") }
}

fn is_zone(zone: &str) -> bool {
    let bytes = zone.as_bytes();
    let number = |range: std::ops::Range<usize>| zone.get(range).and_then(|t| t.parse::<u32>().ok());
    bytes.len() == 6
        && matches!(bytes[0], b'+' | b'-')
        && bytes[3] == b':'
        && bytes[1].is_ascii_digit()
        && bytes[4].is_ascii_digit()
        && number(1..3).is_some_and(|hours| hours <= 24)
        && number(4..6).is_some_and(|minutes| minutes <= 60)
}

fn days_in(month: u32, year: u32) -> u32 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Standard base64 with padding, line breaks allowed; bytes that are no UTF-8 are replaced.
fn decode_base64(text: &str) -> Option<SmolStr> {
    let mut digits: Vec<u8> = text.bytes().filter(|b| !matches!(b, b'\n' | b'\r')).collect();
    if !digits.len().is_multiple_of(4) {
        return None;
    }
    let padding = digits.iter().rev().take(2).take_while(|b| **b == b'=').count();
    digits.truncate(digits.len() - padding);
    let (mut bytes, mut bits, mut held) = (Vec::new(), 0u32, 0);
    for digit in digits {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = (bits << 6) | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
        }
    }
    Some(String::from_utf8_lossy(&bytes).into())
}

/// The node itself, or what the alias stands for. `None` for an alias of nothing.
pub fn target(node: &Node) -> Option<&Node> {
    let mut node = node;
    // An alias of an alias cannot be written, so this ends at once.
    while let NodeKind::Alias { target, .. } = &node.kind {
        node = target.as_deref()?;
    }
    Some(node)
}

fn scalar_of<'n>(node: &'n Node, into: &str) -> Result<Option<(&'n Node, &'n Scalar)>, DecodeError> {
    match target(node) {
        Some(node) => match &node.kind {
            NodeKind::Scalar(scalar) => Ok(Some((node, scalar))),
            _ => Err(DecodeError::cannot_unmarshal(node, into)),
        },
        None => Ok(None),
    }
}

/// Decodes into a Go `string`: any scalar as written, so `0755` stays `0755`. `None` for null, which leaves a field as
/// it was and drops an item of a list. Aliases are followed.
///
/// # Errors
/// A list or mapping, or a tag that the text contradicts.
pub fn as_string(node: &Node) -> Result<Option<SmolStr>, DecodeError> {
    let Some((node, scalar)) = scalar_of(node, "string")? else { return Ok(None) };
    Ok(match resolve(node, scalar)? {
        Resolved::Null => None,
        Resolved::String(text) => Some(text),
        _ => Some(scalar.text.clone()),
    })
}

/// Decodes into a Go `bool`: `true` and `false`, and as text, even quoted, also `yes`, `on`, `y`, `no`, `off`, `n`.
/// `None` for null. Aliases are followed.
///
/// # Errors
/// Anything else.
pub fn as_bool(node: &Node) -> Result<Option<bool>, DecodeError> {
    let Some((node, scalar)) = scalar_of(node, "bool")? else { return Ok(None) };
    match resolve(node, scalar)? {
        Resolved::Null => Ok(None),
        Resolved::Bool(value) => Ok(Some(value)),
        Resolved::String(text) => match text.as_str() {
            "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Ok(Some(true)),
            "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Ok(Some(false)),
            _ => Err(DecodeError::cannot_unmarshal(node, "bool")),
        },
        _ => Err(DecodeError::cannot_unmarshal(node, "bool")),
    }
}

/// Decodes into a Go `int`: integers, and floats cut to their whole part. `None` for null. Aliases are followed.
///
/// # Errors
/// Anything else, or a number that does not fit.
pub fn as_int(node: &Node) -> Result<Option<i64>, DecodeError> {
    let Some((node, scalar)) = scalar_of(node, "int")? else { return Ok(None) };
    match resolve(node, scalar)? {
        Resolved::Null => Ok(None),
        Resolved::Int(value) => Ok(Some(value)),
        Resolved::Float(value) if value <= i64::MAX as f64 => Ok(Some(value as i64)),
        _ => Err(DecodeError::cannot_unmarshal(node, "int")),
    }
}

/// What is surprising about an unquoted scalar that stands where text may be meant: a date, which go-task cannot even
/// hold, or a number that is not printed as it was written. `None` where nothing is.
pub fn trap(node: &Node) -> Option<String> {
    let NodeKind::Scalar(Scalar { text, style: ScalarStyle::Plain }) = &node.kind else { return None };
    if node.tag().is_some() {
        return None;
    }
    let value = match resolve_plain(text) {
        Resolved::Timestamp(_) => {
            return Some(format!("`{text}` is a date to YAML, which go-task crashes on"));
        }
        Resolved::Int(value) => Value::Int(value),
        Resolved::Uint(value) => Value::Uint64(value),
        Resolved::Float(value) if value.is_finite() => Value::Float(value),
        _ => return None,
    };
    let printed = value.to_text();
    (printed != *text).then(|| format!("`{text}` is a number to YAML and becomes `{printed}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_resolves_as_go_yaml_does() {
        let text = |t: &str| Resolved::String(t.into());
        let time = |t: &str| Resolved::Timestamp(t.into());
        let table = [
            ("", Resolved::Null),
            ("~", Resolved::Null),
            ("NULL", Resolved::Null),
            ("nUll", text("nUll")),
            ("True", Resolved::Bool(true)),
            ("yes", text("yes")),
            ("on", text("on")),
            ("0", Resolved::Int(0)),
            ("010", Resolved::Int(8)),
            ("-010", Resolved::Int(-8)),
            ("0777", Resolved::Int(511)),
            ("08", Resolved::Float(8.0)),
            ("0o17", Resolved::Int(15)),
            ("-0o17", Resolved::Int(-15)),
            ("0x1F", Resolved::Int(31)),
            ("0b101", Resolved::Int(5)),
            ("1_000", Resolved::Int(1000)),
            ("1_000.5", Resolved::Float(1000.5)),
            ("+5", Resolved::Int(5)),
            ("1e3", Resolved::Float(1000.0)),
            ("1e999", text("1e999")),
            ("1.10", Resolved::Float(1.1)),
            ("5.", Resolved::Float(5.0)),
            (".5", Resolved::Float(0.5)),
            (".5_0", text(".5_0")),
            (".", text(".")),
            ("-", text("-")),
            ("-.inf", Resolved::Float(f64::NEG_INFINITY)),
            ("9223372036854775807", Resolved::Int(i64::MAX)),
            ("-9223372036854775808", Resolved::Int(i64::MIN)),
            ("18446744073709551615", Resolved::Uint(u64::MAX)),
            ("18446744073709551616", Resolved::Float(18_446_744_073_709_551_616.0)),
            ("12:30:45", text("12:30:45")),
            ("1.2.3", text("1.2.3")),
            ("2024-05-06", time("2024-05-06")),
            ("2024-5-6", time("2024-5-6")),
            ("2024-02-30", text("2024-02-30")),
            ("2024-05-06 10:11:12", time("2024-05-06 10:11:12")),
            ("2024-05-06T10:11:12Z", time("2024-05-06T10:11:12Z")),
            ("2024-05-06T10:11:12.5+02:00", time("2024-05-06T10:11:12.5+02:00")),
            ("2024-05-06T10:11:12", text("2024-05-06T10:11:12")),
            ("2024-05", text("2024-05")),
            ("<<", text("<<")),
        ];
        for (written, expected) in table {
            assert_eq!(resolve_plain(written), expected, "{written}");
        }
        assert!(matches!(resolve_plain(".nan"), Resolved::Float(value) if value.is_nan()));
    }
}
