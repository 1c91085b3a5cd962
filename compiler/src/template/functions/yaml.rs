//! YAML: read as the rest of the compiler reads it, written as go-yaml v3 writes it.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use smol_str::SmolStr;

use super::super::number::format_float;
use super::super::quote::put;
use super::super::value::{NamedInteger, Value};
use super::Parameter::{Any, String as Text};
use super::{Body, Call, Function, Outcome, Parameter, argument, text};
use crate::source::SourceMap;
use crate::yaml::scalar::{Resolved, resolve_plain};
use crate::yaml::value::to_value;

const fn row(
    name: &'static str,
    signature: &'static str,
    documentation: &'static str,
    parameters: &'static [Parameter],
    body: Body,
) -> Function {
    Function::new("YAML", name, signature, documentation, parameters, body)
}

pub(super) const TABLE: &[Function] = &[
    row("fromYaml", "fromYaml text string any", "Reads YAML; of a wrong text nil.", &[Text], from_yaml),
    row(
        "mustFromYaml",
        "mustFromYaml text string any",
        "As fromYaml; a wrong text is an error.",
        &[Text],
        must_from_yaml,
    ),
    row("toYaml", "toYaml value any string", "The value as YAML.", &[Any], to_yaml),
    row("mustToYaml", "mustToYaml value any string", "As toYaml.", &[Any], to_yaml),
];

fn from_yaml(call: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    must_from_yaml(call, arguments).or(Ok(Value::Null))
}

fn must_from_yaml(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    let text = text(arguments, 0);
    let mut sources = SourceMap::default();
    let file = sources.add_file("", text);
    let document = crate::yaml::parse(text, file, &mut sources, None);
    if let Some(error) = document.errors.first() {
        return Err(error.go_message.clone().unwrap_or_else(|| format!("yaml: {}", error.message)));
    }
    let Some(root) = &document.root else { return Ok(Value::Null) };
    to_value(root).map_err(|errors| {
        let fatal = errors.iter().map(|error| error.go_message(&sources)).find(|m| m.starts_with("yaml: "));
        fatal.unwrap_or_else(|| {
            let lines: Vec<String> =
                errors.iter().map(|error| format!("\n  {}", error.go_message(&sources))).collect();
            format!("yaml: unmarshal errors:{}", lines.concat())
        })
    })
}

fn to_yaml(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    let mut writer = Writer { out: String::new() };
    writer.node(argument(arguments, 0), Place::Root);
    if !writer.out.ends_with('\n') {
        writer.out.push('\n');
    }
    Ok(writer.out.into())
}

/// go-yaml's indentation.
const INDENT: usize = 4;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Root,
    /// After `key:`, inside of a map with this indentation.
    MapValue(usize),
    /// After `:`, in a line of its own, inside of a map with this indentation.
    ExplicitValue(usize),
    /// After `- `, inside of a list whose dashes have this indentation.
    ListItem(usize),
}

impl Place {
    /// The indentation of what is inside.
    fn inner(self) -> usize {
        match self {
            Self::Root => 0,
            Self::MapValue(indent) | Self::ExplicitValue(indent) => next_indent(indent),
            // Behind a dash everything lines up with the first key.
            Self::ListItem(indent) => indent + 2,
        }
    }
}

/// The next multiple of go-yaml's indentation.
fn next_indent(indent: usize) -> usize {
    (indent + INDENT) / INDENT * INDENT
}

/// Longer keys stand in a line of their own, behind a question mark.
const MAX_SIMPLE_KEY: usize = 128;

struct Writer {
    out: String,
}

impl Writer {
    fn indent(&mut self, indent: usize) {
        self.out.extend(std::iter::repeat_n(' ', indent));
    }

    fn separator(&mut self, place: Place) {
        if matches!(place, Place::MapValue(_) | Place::ExplicitValue(_)) {
            self.out.push(' ');
        }
    }

    fn node(&mut self, value: &Value, place: Place) {
        match value {
            Value::List(items) | Value::TypedList(_, items) if !items.is_empty() => self.list(items, place),
            Value::Map(entries) | Value::StringMap(entries) if !entries.is_empty() => {
                self.map(sorted(entries), place);
            }
            Value::AnyMap(entries) if !entries.is_empty() => {
                self.map(sorted_by_type(entries), place);
            }
            scalar => {
                self.separator(place);
                self.scalar(scalar, place);
                self.out.push('\n');
            }
        }
    }

    fn list(&mut self, items: &[Value], place: Place) {
        let indent = place.inner();
        let begins_line = self.begin(place);
        for (i, item) in items.iter().enumerate() {
            if i > 0 || begins_line {
                self.indent(indent);
            }
            self.out.push_str("- ");
            self.node(item, Place::ListItem(indent));
        }
    }

    fn map(&mut self, entries: Vec<(Value, &Value)>, place: Place) {
        let indent = place.inner();
        let begins_line = self.begin(place);
        for (i, (key, value)) in entries.into_iter().enumerate() {
            if i > 0 || begins_line {
                self.indent(indent);
            }
            match key.as_str() {
                Some(text) if text.contains('\n') || text.len() > MAX_SIMPLE_KEY => {
                    self.explicit_entry(&key, value, indent);
                }
                _ => {
                    self.key(&key);
                    self.out.push(':');
                    self.node(value, Place::MapValue(indent));
                }
            }
        }
    }

    /// `? key`, and in the next line `: value`.
    fn explicit_entry(&mut self, key: &Value, value: &Value, indent: usize) {
        self.out.push_str("? ");
        self.scalar(key, Place::MapValue(indent));
        self.out.push('\n');
        self.indent(indent);
        self.out.push(':');
        self.node(value, Place::ExplicitValue(indent));
    }

    /// What stands between the place and the first item of a collection. Tells whether that begins a line.
    fn begin(&mut self, place: Place) -> bool {
        match place {
            Place::Root => true,
            Place::MapValue(_) => {
                self.out.push('\n');
                true
            }
            Place::ExplicitValue(indent) => {
                self.indent(next_indent(indent) - indent - 1);
                false
            }
            Place::ListItem(_) => false,
        }
    }

    fn key(&mut self, key: &Value) {
        match key {
            Value::String(text) => {
                let written = scalar_text(text, true);
                self.out.push_str(&written);
            }
            other => self.scalar(other, Place::Root),
        }
    }

    fn scalar(&mut self, value: &Value, place: Place) {
        match value {
            Value::Null => self.out.push_str("null"),
            Value::String(text) if text.contains('\n') && literal_fits(text) => self.literal(text, place),
            Value::String(text) => {
                let written = scalar_text(text, false);
                self.out.push_str(&written);
            }
            Value::Float(n) => {
                let written = float_text(*n);
                self.out.push_str(&written);
            }
            Value::List(_) | Value::TypedList(..) => self.out.push_str("[]"),
            Value::Map(_) | Value::StringMap(_) | Value::AnyMap(_) => self.out.push_str("{}"),
            Value::Time(time) => {
                let written = time.format("2006-01-02T15:04:05.999999999Z07:00");
                self.out.push_str(&written);
            }
            Value::Named(NamedInteger::Month | NamedInteger::Weekday, n) => self.out.push_str(&n.to_string()),
            other => self.out.push_str(&other.to_text()),
        }
    }

    /// A text over several lines, as a block.
    fn literal(&mut self, text: &str, place: Place) {
        let indent = match place {
            Place::Root => INDENT,
            Place::MapValue(indent) | Place::ExplicitValue(indent) => next_indent(indent),
            Place::ListItem(indent) => indent + 2,
        };
        self.out.push('|');
        if text.starts_with([' ', '\n']) {
            self.out.push_str(&INDENT.to_string());
        }
        let trimmed = text.strip_suffix('\n');
        match trimmed {
            None => self.out.push('-'),
            Some(rest) if rest.is_empty() || rest.ends_with('\n') => self.out.push('+'),
            Some(_) => {}
        }
        for line in trimmed.unwrap_or(text).split('\n') {
            self.out.push('\n');
            if !line.is_empty() {
                self.indent(indent);
                self.out.push_str(line);
            }
        }
    }
}

/// go-yaml's order of keys: numbers in texts count as numbers, letters come after everything else.
/// Keys of several types as go-yaml orders them: what is no text first.
fn sorted_by_type(entries: &[(Value, Value)]) -> Vec<(Value, &Value)> {
    let mut all: Vec<(Value, &Value)> = entries.iter().map(|(key, value)| (key.clone(), value)).collect();
    all.sort_by(|(a, _), (b, _)| match (a.as_str(), b.as_str()) {
        (Some(a), Some(b)) => compare_keys(a, b),
        (a, b) => a.is_some().cmp(&b.is_some()),
    });
    all
}

fn sorted(entries: &BTreeMap<SmolStr, Value>) -> Vec<(Value, &Value)> {
    let mut all: Vec<(&SmolStr, &Value)> = entries.iter().collect();
    all.sort_by(|(a, _), (b, _)| compare_keys(a, b));
    all.into_iter().map(|(key, value)| (Value::String(key.clone()), value)).collect()
}

fn compare_keys(left: &str, right: &str) -> Ordering {
    let (left, right): (Vec<char>, Vec<char>) = (left.chars().collect(), right.chars().collect());
    let Some(at) = left.iter().zip(&right).position(|(a, b)| a != b) else {
        return left.len().cmp(&right.len());
    };
    let (Some(a), Some(b)) = (left.get(at), right.get(at)) else { return Ordering::Equal };
    let in_number = at.checked_sub(1).and_then(|before| left.get(before)).is_some_and(|c| c.is_numeric());
    match (a.is_alphabetic(), b.is_alphabetic()) {
        (true, true) => a.cmp(b),
        // After a digit the number that ends is the lesser one.
        (true, false) => {
            if in_number {
                Ordering::Less
            } else {
                Ordering::Greater
            }
        }
        (false, true) => {
            if in_number {
                Ordering::Greater
            } else {
                Ordering::Less
            }
        }
        (false, false) => {
            // Zeros behind a non-zero digit count.
            let digits_before = left.iter().take(at).rev().take_while(|c| c.is_numeric());
            let lead = i64::from((*a == '0' || *b == '0') && digits_before.clone().any(|c| *c != '0'));
            let (a_value, a_length) = number_at(&left, at, lead);
            let (b_value, b_length) = number_at(&right, at, lead);
            a_value.cmp(&b_value).then(a_length.cmp(&b_length)).then(a.cmp(b))
        }
    }
}

/// The number whose digits begin at a place, behind a leading digit, and how many digits it has.
fn number_at(text: &[char], at: usize, lead: i64) -> (i64, usize) {
    let digits = text.iter().skip(at).take_while(|c| c.is_numeric());
    digits.fold((lead, 0), |(value, length), c| {
        let digit = i64::from(c.to_digit(10).unwrap_or(0));
        (value.saturating_mul(10).saturating_add(digit), length + 1)
    })
}

fn float_text(n: f64) -> String {
    if n.is_nan() {
        return ".nan".to_owned();
    }
    if n.is_infinite() {
        return if n > 0.0 { ".inf" } else { "-.inf" }.to_owned();
    }
    format_float(n, 'g', None)
}

/// YAML 1.1 would take these for truth values.
fn is_old_bool(text: &str) -> bool {
    matches!(
        text,
        "y" | "Y"
            | "yes"
            | "Yes"
            | "YES"
            | "on"
            | "On"
            | "ON"
            | "n"
            | "N"
            | "no"
            | "No"
            | "NO"
            | "off"
            | "Off"
            | "OFF"
    )
}

/// YAML 1.1 would take these for numbers to the base of 60: `12:30`.
fn is_base_60(text: &str) -> bool {
    let body = text.strip_prefix(['+', '-']).unwrap_or(text);
    let mut parts = body.split(':');
    let first = parts.next().unwrap_or("");
    let starts = first.starts_with(|c: char| c.is_ascii_digit())
        && first.bytes().all(|b| b.is_ascii_digit() || b == b'_');
    let rest: Vec<&str> = parts.collect();
    let Some((last, middle)) = rest.split_last() else { return false };
    let sixtieth = |part: &str| matches!(part.as_bytes(), [b'0'..=b'9'] | [b'0'..=b'5', b'0'..=b'9']);
    let (last_whole, fraction) = last.split_once('.').unwrap_or((last, ""));
    starts
        && middle.iter().all(|part| sixtieth(part))
        && sixtieth(last_whole)
        && fraction.bytes().all(|b| b.is_ascii_digit() || b == b'_')
}

/// A text on one line: plain where that reads back, else in quotes.
fn scalar_text(text: &str, is_key: bool) -> String {
    let reads_as_text = matches!(resolve_plain(text), Resolved::String(_));
    if !reads_as_text || is_base_60(text) || is_old_bool(text) || text.contains('\n') {
        return double_quoted(text);
    }
    let analysis = Analysis::of(text);
    if analysis.plain_allowed && !(is_key && text.is_empty()) {
        return text.to_owned();
    }
    if analysis.single_quotes_allowed {
        return format!("'{}'", text.replace('\'', "''"));
    }
    double_quoted(text)
}

struct Analysis {
    plain_allowed: bool,
    single_quotes_allowed: bool,
    has_special: bool,
    space_before_break: bool,
    trailing_space: bool,
}

fn is_yaml_printable(c: char) -> bool {
    matches!(
        c,
        '\n' | ' '..='~'
            | '\u{a0}'..='\u{d7ff}'
            | '\u{e000}'..='\u{fefe}'
            | '\u{ff00}'..='\u{fffd}'
    )
}

impl Analysis {
    /// What go-yaml's emitter finds out about a text.
    fn of(text: &str) -> Self {
        let chars: Vec<char> = text.chars().collect();
        let is_blank_at = |i: usize| chars.get(i).is_none_or(|c| matches!(c, ' ' | '\t' | '\n' | '\r'));
        let mut indicators = text.starts_with("---") || text.starts_with("...");
        let (mut special, mut tab, mut space_before_break, mut break_before_space) =
            (false, false, false, false);
        let mut previous = None;
        for (i, &c) in chars.iter().enumerate() {
            let after_blank = i == 0 || is_blank_at(i - 1);
            indicators |= match c {
                '#' if i == 0 => true,
                ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`' => {
                    i == 0
                }
                '?' | '-' if i == 0 => is_blank_at(1),
                ':' => is_blank_at(i + 1),
                '#' => after_blank,
                _ => false,
            };
            tab |= c == '\t';
            special |= c != '\t' && !is_yaml_printable(c);
            space_before_break |= c == '\n' && previous == Some(' ');
            break_before_space |= c == ' ' && previous == Some('\n');
            previous = Some(c);
        }
        let edge = |c: Option<&char>| matches!(c, Some(' ' | '\n'));
        let trailing_space = chars.last() == Some(&' ');
        let plain_allowed = !(indicators
            || edge(chars.first())
            || edge(chars.last())
            || break_before_space
            || space_before_break
            || tab
            || special
            || text.contains(['\n', '\u{2028}', '\u{2029}']));
        let single_quotes_allowed = !(break_before_space || space_before_break || tab || special);
        Self {
            plain_allowed,
            single_quotes_allowed,
            has_special: special,
            space_before_break,
            trailing_space,
        }
    }
}

/// Whether a text over several lines can be a block.
fn literal_fits(text: &str) -> bool {
    let analysis = Analysis::of(text);
    !(analysis.has_special || analysis.space_before_break || analysis.trailing_space)
}

fn double_quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\0' => out.push_str("\\0"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{b}' => out.push_str("\\v"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            '\u{1b}' => out.push_str("\\e"),
            '\u{85}' => out.push_str("\\N"),
            '\u{2028}' => out.push_str("\\L"),
            '\u{2029}' => out.push_str("\\P"),
            c if is_yaml_printable(c) => out.push(c),
            c if u32::from(c) <= 0xff => put(&mut out, format_args!("\\x{:02X}", u32::from(c))),
            c if u32::from(c) <= 0xffff => put(&mut out, format_args!("\\u{:04X}", u32::from(c))),
            c => put(&mut out, format_args!("\\U{:08X}", u32::from(c))),
        }
    }
    out.push('"');
    out
}
