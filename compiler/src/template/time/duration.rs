//! Spans of time.

use std::fmt;

/// Nanoseconds, as Go's `time.Duration`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Duration(pub i64);

const NANOSECONDS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

impl Duration {
    /// A number of seconds; out of range it wraps, as Go's multiplication does.
    pub fn from_seconds(seconds: i64) -> Self {
        Self(seconds.wrapping_mul(1_000_000_000))
    }

    /// Reads `1h30m`, `-1.5s`. The error is Go's text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let invalid = || format!("time: invalid duration {}", super::super::quote::quote(text));
        let (negative, mut rest) = match text.as_bytes().first() {
            Some(b'-') => (true, text.get(1..).unwrap_or("")),
            Some(b'+') => (false, text.get(1..).unwrap_or("")),
            _ => (false, text),
        };
        if rest == "0" {
            return Ok(Self(0));
        }
        if rest.is_empty() {
            return Err(invalid());
        }
        let mut total: u64 = 0;
        while !rest.is_empty() {
            let number_length = rest.bytes().take_while(|b| b.is_ascii_digit() || *b == b'.').count();
            let (number, after) = rest.split_at(number_length);
            let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
            if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
                return Err(invalid());
            }
            let unit_length = after.bytes().take_while(|b| *b != b'.' && !b.is_ascii_digit()).count();
            let (unit, next) = after.split_at(unit_length);
            if unit.is_empty() {
                return Err(format!("time: missing unit in duration {}", super::super::quote::quote(text)));
            }
            let Some((_, scale)) = NANOSECONDS.iter().find(|(name, _)| *name == unit) else {
                return Err(format!(
                    "time: unknown unit {} in duration {}",
                    super::super::quote::quote(unit),
                    super::super::quote::quote(text)
                ));
            };
            let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| invalid())? };
            let part = fraction_of(fraction, *scale);
            total = whole
                .checked_mul(*scale)
                .and_then(|n| n.checked_add(part))
                .and_then(|n| n.checked_add(total))
                .filter(|n| *n <= 1 << 63)
                .ok_or_else(invalid)?;
            rest = next;
        }
        if negative {
            return 0_i64.checked_sub_unsigned(total).map(Self).ok_or_else(invalid);
        }
        i64::try_from(total).map(Self).map_err(|_| invalid())
    }

    /// Rounds to a multiple, halves away from zero.
    #[must_use]
    pub fn round(self, unit: i64) -> Self {
        if unit <= 0 {
            return self;
        }
        let rest = self.0 % unit;
        let down = self.0 - rest;
        if rest.unsigned_abs() < unit.unsigned_abs() - rest.unsigned_abs() {
            return Self(down);
        }
        Self(down.saturating_add(if self.0 < 0 { -unit } else { unit }))
    }
}

/// The decimal fraction of a unit, cut to whole nanoseconds.
fn fraction_of(digits: &str, scale: u64) -> u64 {
    let mut value = 0.0_f64;
    let mut weight = 0.1_f64;
    for digit in digits.chars().take(18).filter_map(|c| c.to_digit(10)) {
        value += f64::from(digit) * weight;
        weight /= 10.0;
    }
    // Half a nanosecond per thousand guards against the binary fraction that is a hair below.
    (value * scale as f64 + 1e-3) as u64
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.unsigned_abs();
        if nanos == 0 {
            return f.write_str("0s");
        }
        let sign = if self.0 < 0 { "-" } else { "" };
        if nanos < 1_000_000_000 {
            let (scale, unit) = match nanos {
                0..1_000 => (1, "ns"),
                1_000..1_000_000 => (1_000, "µs"),
                _ => (1_000_000, "ms"),
            };
            return write!(f, "{sign}{}{unit}", with_fraction(nanos, scale));
        }
        let minutes = nanos / 60_000_000_000;
        let seconds = with_fraction(nanos % 60_000_000_000, 1_000_000_000);
        match minutes {
            0 => write!(f, "{sign}{seconds}s"),
            1..60 => write!(f, "{sign}{minutes}m{seconds}s"),
            _ => write!(f, "{sign}{}h{}m{seconds}s", minutes / 60, minutes % 60),
        }
    }
}

fn with_fraction(value: u64, scale: u64) -> String {
    let (whole, rest) = (value / scale, value % scale);
    if rest == 0 {
        return whole.to_string();
    }
    let width = scale.ilog10() as usize;
    format!("{whole}.{}", format!("{rest:0width$}").trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_as_go_does() {
        for (text, shown) in [
            ("1h30m", "1h30m0s"),
            ("-1.5s", "-1.5s"),
            ("100ms", "100ms"),
            ("1us", "1µs"),
            ("0", "0s"),
            ("90m", "1h30m0s"),
            (".5m", "30s"),
            ("1.000000001s", "1.000000001s"),
        ] {
            assert_eq!(Duration::parse(text).map(|d| d.to_string()).as_deref(), Ok(shown));
        }
        for (text, message) in [
            ("", r#"time: invalid duration """#),
            ("5", r#"time: missing unit in duration "5""#),
            ("3d", r#"time: unknown unit "d" in duration "3d""#),
            ("x", r#"time: invalid duration "x""#),
        ] {
            assert_eq!(Duration::parse(text), Err(message.to_owned()));
        }
    }
}
