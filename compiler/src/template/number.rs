//! Go's numbers: literals as `strconv` reads them, floats as it writes them.

use super::quote::put;

/// Reads an integer as Go's `ParseInt(text, 0, 64)` and `ParseUint` do: sign, base prefixes, `_` between digits.
/// Returns the sign and the magnitude.
pub fn parse_integer(text: &str) -> Option<(bool, u64)> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, text.get(1..)?),
        b'+' => (false, text.get(1..)?),
        _ => (false, text),
    };
    let lower = digits.get(..2).map(str::to_ascii_lowercase);
    let (radix, body) = match lower.as_deref() {
        Some("0x") => (16, digits.get(2..)?),
        Some("0o") => (8, digits.get(2..)?),
        Some("0b") => (2, digits.get(2..)?),
        _ if digits.len() > 1 && digits.starts_with('0') => (8, digits.get(1..)?),
        _ => (10, digits),
    };
    let prefixed = body.len() != digits.len();
    let plain = without_underscores(body, prefixed)?;
    if plain.is_empty() || !plain.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    u64::from_str_radix(&plain, radix).ok().map(|magnitude| (negative, magnitude))
}

/// Removes `_` where each stands between digits (or after a base prefix).
fn without_underscores(body: &str, prefixed: bool) -> Option<String> {
    if body.contains("__") || body.ends_with('_') || (body.starts_with('_') && !prefixed) {
        return None;
    }
    Some(body.replace('_', ""))
}

/// The signed integer of a literal, if it is one.
pub fn parse_i64(text: &str) -> Option<i64> {
    let (negative, magnitude) = parse_integer(text)?;
    signed(negative, magnitude)
}

fn signed(negative: bool, magnitude: u64) -> Option<i64> {
    if negative { 0_i64.checked_sub_unsigned(magnitude) } else { i64::try_from(magnitude).ok() }
}

/// The decimal integer of a text, as Go's `ParseInt(text, 10, 64)`: `None` on a syntax error and out of range.
pub fn parse_decimal(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// Reads a float as Go's `ParseFloat` does: decimal and hexadecimal, infinities, `_` only in based literals.
pub fn parse_float(text: &str) -> Option<f64> {
    let (sign, body) = match text.as_bytes().first()? {
        b'-' => (-1.0, text.get(1..)?),
        b'+' => (1.0, text.get(1..)?),
        _ => (1.0, text),
    };
    let lower = body.to_ascii_lowercase();
    if matches!(lower.as_str(), "inf" | "infinity") {
        return Some(sign * f64::INFINITY);
    }
    if lower == "nan" {
        return Some(f64::NAN);
    }
    if let Some(hex) = lower.strip_prefix("0x") {
        return parse_hex_float(hex).map(|value| sign * value);
    }
    let lower = without_separators(&lower)?;
    if !lower.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'+' | b'-'))
        || !lower.bytes().any(|b| b.is_ascii_digit())
    {
        return None;
    }
    let value: f64 = lower.parse().ok()?;
    value.is_finite().then_some(sign * value)
}

/// Removes `_` where each stands between two digits.
fn without_separators(text: &str) -> Option<String> {
    let is_digit =
        |at: Option<usize>| at.and_then(|at| text.as_bytes().get(at)).is_some_and(u8::is_ascii_hexdigit);
    let well_placed =
        text.match_indices('_').all(|(at, _)| is_digit(at.checked_sub(1)) && is_digit(Some(at + 1)));
    well_placed.then(|| text.replace('_', ""))
}

fn parse_hex_float(text: &str) -> Option<f64> {
    let plain = without_underscores(text, true)?;
    let (mantissa, exponent) = plain.split_once('p')?;
    let exponent: i32 = exponent.parse().ok()?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut value = 0.0_f64;
    for c in whole.chars().chain(fraction.chars()) {
        value = value * 16.0 + f64::from(c.to_digit(16)?);
    }
    let scale = exponent.checked_sub(i32::try_from(fraction.len()).ok()?.checked_mul(4)?)?;
    let value = value * 2.0_f64.powi(scale);
    value.is_finite().then_some(value)
}

/// The shortest decimal digits that give the float back, and the position of the decimal point among them.
fn shortest_digits(value: f64) -> (String, i32) {
    let text = format!("{:e}", value.abs());
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let digits: String = mantissa.chars().filter(|c| *c != '.').collect();
    (digits, exponent.parse::<i32>().unwrap_or(0) + 1)
}

/// Digits rounded to `count` significant ones, and the position of the decimal point.
fn rounded_digits(value: f64, count: usize) -> (String, i32) {
    let text = format!("{:.*e}", count.max(1) - 1, value.abs());
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let digits: String = mantissa.chars().filter(|c| *c != '.').collect();
    (digits, exponent.parse::<i32>().unwrap_or(0) + 1)
}

/// Formats a float with Go's verbs `e`, `E`, `f`, `g`, `G`; no precision means the shortest that reads back.
pub fn format_float(value: f64, verb: char, precision: Option<usize>) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value < 0.0 { "-Inf" } else { "+Inf" }.to_owned();
    }
    let sign = if value.is_sign_negative() { "-" } else { "" };
    let body = match verb {
        'e' | 'E' => {
            let (digits, point) = match precision {
                Some(p) => rounded_digits(value, p + 1),
                None => shortest_digits(value),
            };
            exponent_form(&digits, point, precision, verb)
        }
        'g' | 'G' => general_form(value, verb, precision),
        'x' | 'X' => hexadecimal_form(value.abs(), verb, precision),
        'b' => binary_form(value.abs()),
        _ => match precision {
            Some(p) => format!("{:.*}", p, value.abs()),
            None => format!("{}", value.abs()),
        },
    };
    format!("{sign}{body}")
}

/// Fraction bits of a `float64`, and what is added to its exponent.
const FRACTION_BITS: u32 = 52;
const EXPONENT_BIAS: i64 = 1_023;

/// Exponent and mantissa, the mantissa with its leading one.
fn binary_parts(value: f64) -> (i64, u64) {
    let bits = value.to_bits();
    let fraction = bits & ((1 << FRACTION_BITS) - 1);
    match ((bits >> FRACTION_BITS) & 0x7ff) as i64 {
        0 => (1 - EXPONENT_BIAS, fraction),
        exponent => (exponent - EXPONENT_BIAS, fraction | 1 << FRACTION_BITS),
    }
}

/// `0x1.8p+01`; without a precision all digits that the float has.
fn hexadecimal_form(value: f64, verb: char, precision: Option<usize>) -> String {
    let (mut exponent, mut mantissa) = binary_parts(value);
    if mantissa == 0 {
        exponent = 0;
    }
    while mantissa != 0 && mantissa >> FRACTION_BITS == 0 {
        mantissa <<= 1;
        exponent -= 1;
    }
    if let Some(shift) = precision.and_then(|p| FRACTION_BITS.checked_sub(4 * p as u32)).filter(|s| *s > 0) {
        // Halves go to the even digit.
        let rest = mantissa & ((1 << shift) - 1);
        let cut = mantissa >> shift;
        let up = rest | (cut & 1) > 1 << (shift - 1);
        mantissa = (cut + u64::from(up)) << shift;
        if mantissa >> (FRACTION_BITS + 1) != 0 {
            mantissa >>= 1;
            exponent += 1;
        }
    }
    let all = format!("{:013x}", mantissa & ((1 << FRACTION_BITS) - 1));
    let digits = match precision {
        Some(p) => format!("{all:0<p$}").get(..p).unwrap_or(&all).to_owned(),
        None => all.trim_end_matches('0').to_owned(),
    };
    let point = if digits.is_empty() { "" } else { "." };
    let sign = if exponent < 0 { '-' } else { '+' };
    let text = format!("0x{}{point}{digits}p{sign}{:02}", mantissa >> FRACTION_BITS, exponent.abs());
    if verb == 'X' { text.to_ascii_uppercase() } else { text }
}

/// `4503599627370496p-52`
fn binary_form(value: f64) -> String {
    let (exponent, mantissa) = binary_parts(value);
    format!("{mantissa}p{:+}", exponent - i64::from(FRACTION_BITS))
}

fn exponent_form(digits: &str, point: i32, precision: Option<usize>, verb: char) -> String {
    let exponent = if digits.bytes().all(|b| b == b'0') { 0 } else { point - 1 };
    let (first, rest) = digits.split_at(digits.len().min(1));
    let mut out = first.to_owned();
    let width = precision.unwrap_or(rest.len());
    if width > 0 {
        out.push('.');
        out.push_str(rest);
        out.extend(std::iter::repeat_n('0', width.saturating_sub(rest.len())));
    }
    let marker = if verb.is_ascii_uppercase() { 'E' } else { 'e' };
    let sign = if exponent < 0 { '-' } else { '+' };
    put(&mut out, format_args!("{marker}{sign}{:02}", exponent.abs()));
    out
}

fn general_form(value: f64, verb: char, precision: Option<usize>) -> String {
    let shortest = precision.is_none();
    let (digits, point) = match precision {
        Some(p) => rounded_digits(value, p.max(1)),
        None => shortest_digits(value),
    };
    let trimmed = match digits.trim_end_matches('0') {
        "" => "0",
        some => some,
    };
    let point = if trimmed == "0" { 1 } else { point };
    let mut limit = precision.map_or(6, |p| p.max(1) as i32);
    if !shortest && limit > trimmed.len() as i32 && trimmed.len() as i32 >= point {
        limit = trimmed.len() as i32;
    }
    let exponent = point - 1;
    if exponent < -4 || exponent >= limit {
        let marker = if verb == 'G' { 'E' } else { 'e' };
        return exponent_form(trimmed, point, None, marker);
    }
    fixed_form(trimmed, point)
}

fn fixed_form(digits: &str, point: i32) -> String {
    if point <= 0 {
        return format!("0.{}{digits}", "0".repeat(point.unsigned_abs() as usize));
    }
    let point = point as usize;
    if digits.len() <= point {
        return format!("{digits}{}", "0".repeat(point - digits.len()));
    }
    let (whole, fraction) = digits.split_at(point);
    format!("{whole}.{fraction}")
}
