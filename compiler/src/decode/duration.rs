//! Go's durations: `1h30m`, `1.5s`, `300ms`.

use std::time::Duration;

use super::Decoder;
use super::reader::{resolve, scalar_text};
use crate::rule;
use crate::source::Spanned;
use crate::yaml::node::Node;

/// Reads a duration as Go's `time.ParseDuration` does; the error is Go's text.
/// Negative durations are read as their sign and their amount.
pub fn parse_duration(text: &str) -> Result<(bool, Duration), String> {
    let invalid = || format!("time: invalid duration {text:?}");
    let (negative, body) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    if body == "0" {
        return Ok((negative, Duration::ZERO));
    }
    if body.is_empty() {
        return Err(invalid());
    }
    let mut nanoseconds = 0f64;
    let mut rest = body;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let number: f64 = rest[..digits].parse().map_err(|_| invalid())?;
        rest = &rest[digits..];
        let letters = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
        if letters == 0 {
            return Err(format!("time: missing unit in duration {text:?}"));
        }
        let unit = match &rest[..letters] {
            "ns" => 1.0,
            "us" | "µs" | "μs" => 1e3,
            "ms" => 1e6,
            "s" => 1e9,
            "m" => 60e9,
            "h" => 3600e9,
            unknown => return Err(format!("time: unknown unit {unknown:?} in duration {text:?}")),
        };
        nanoseconds += number * unit;
        rest = &rest[letters..];
    }
    if nanoseconds > i64::MAX as f64 {
        return Err(invalid());
    }
    Ok((negative, Duration::from_nanos(nanoseconds as u64)))
}

impl Decoder<'_> {
    /// `timeout`: a positive duration; `holder` is the mapping at which go-task points.
    pub(super) fn timeout(&mut self, node: &Node, holder: &Node) -> Option<Spanned<Duration>> {
        let text = self.filled_text(node)?;
        let (go, ours) = match parse_duration(&text.value) {
            Ok((false, duration)) if !duration.is_zero() => return Some(Spanned::new(duration, text.span)),
            Ok(_) => ("timeout must be greater than zero", "a timeout must be greater than zero"),
            Err(_) => ("invalid timeout format", "this is not a duration"),
        };
        let diagnostic = Self::error(rule::INVALID_DURATION, ours, text.span)
            .with_label("not a duration that can pass")
            .with_help("write a number with a unit, as in `90s`, `5m` or `1h30m`");
        self.fail_with(holder, go, diagnostic);
        None
    }

    /// `interval`: go-yaml takes a duration's text, or a number of nanoseconds.
    pub(super) fn interval(&mut self, node: &Node) -> Option<Spanned<Duration>> {
        let resolved = resolve(node);
        let text = scalar_text(resolved)?;
        if let Ok((_, duration)) = parse_duration(text) {
            return Some(Spanned::new(duration, resolved.span));
        }
        if let Ok(nanoseconds) = text.parse::<u64>() {
            return Some(Spanned::new(Duration::from_nanos(nanoseconds), resolved.span));
        }
        self.type_error(resolved, "time.Duration", "a duration such as `500ms`");
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_gos() {
        let ok = |text: &str| parse_duration(text).map(|(_, d)| d);
        assert_eq!(ok("1h30m"), Ok(Duration::from_mins(90)));
        assert_eq!(ok("1.5s"), Ok(Duration::from_millis(1500)));
        assert_eq!(ok("300ms"), Ok(Duration::from_millis(300)));
        assert_eq!(ok("0"), Ok(Duration::ZERO));
        assert_eq!(ok("5"), Err("time: missing unit in duration \"5\"".to_owned()));
        assert_eq!(ok("5x"), Err("time: unknown unit \"x\" in duration \"5x\"".to_owned()));
        assert!(ok("").is_err());
        assert!(ok(".").is_err());
    }
}
