//! JSON, with Go's rules and messages.

use std::collections::BTreeMap;
use std::sync::Arc;

use smol_str::SmolStr;

use super::super::number::{format_float, parse_float};
use super::super::quote::{put, quote};
use super::super::value::{ListType, MAX_VALUE_DEPTH, Value};
use super::Parameter::{Any, String as Text};
use super::{Body, Call, Function, Outcome, Parameter, argument, text};

const fn row(
    name: &'static str,
    signature: &'static str,
    documentation: &'static str,
    parameters: &'static [Parameter],
    body: Body,
) -> Function {
    Function::new("JSON", name, signature, documentation, parameters, body)
}

pub(super) const TABLE: &[Function] = &[
    row(
        "fromJson",
        "fromJson text string any",
        "Reads JSON; of a wrong text nil. All numbers become floats.",
        &[Text],
        from_json,
    ),
    row(
        "mustFromJson",
        "mustFromJson text string any",
        "As fromJson; a wrong text is an error.",
        &[Text],
        must_from_json,
    ),
    row("toJson", "toJson value any string", "The value as JSON; <, > and & are escaped.", &[Any], to_json),
    row(
        "mustToJson",
        "mustToJson value any string",
        "As toJson; what JSON cannot hold is an error.",
        &[Any],
        must_to_json,
    ),
    row(
        "toPrettyJson",
        "toPrettyJson value any string",
        "The value as JSON over several lines.",
        &[Any],
        to_pretty_json,
    ),
    row(
        "mustToPrettyJson",
        "mustToPrettyJson value any string",
        "As toPrettyJson; what JSON cannot hold is an error.",
        &[Any],
        must_to_pretty_json,
    ),
    row(
        "toRawJson",
        "toRawJson value any string",
        "As toJson, without escapes of <, > and &.",
        &[Any],
        must_to_raw_json,
    ),
    row("mustToRawJson", "mustToRawJson value any string", "As toRawJson.", &[Any], must_to_raw_json),
];

struct Writer {
    out: String,
    escape_html: bool,
    pretty: bool,
    depth: usize,
}

impl Writer {
    fn line(&mut self) {
        if self.pretty {
            self.out.push('\n');
            self.out.extend(std::iter::repeat_n("  ", self.depth));
        }
    }

    fn value(&mut self, value: &Value) -> Result<(), String> {
        match value {
            Value::Null | Value::TypedList(ListType::Nil | ListType::NilStrings, _) => {
                self.out.push_str("null");
            }
            Value::Bool(b) => self.out.push_str(if *b { "true" } else { "false" }),
            Value::Int(n) | Value::Int64(n) | Value::Named(_, n) => put(&mut self.out, format_args!("{n}")),
            Value::Byte(n) => put(&mut self.out, format_args!("{n}")),
            Value::Uint64(n) => put(&mut self.out, format_args!("{n}")),
            Value::Float(n) => self.float(*n)?,
            Value::String(text) => self.string(text),
            Value::List(items) | Value::TypedList(_, items) => self.list(items)?,
            Value::Map(entries) | Value::StringMap(entries) => self.map(entries)?,
            Value::Time(time) => self.string(&time.format("2006-01-02T15:04:05.999999999Z07:00")),
            Value::Uuid(bytes) => self.string(&super::uuid_text(bytes)),
            Value::AnyMap(entries) => {
                let mut named = BTreeMap::new();
                for (key, item) in entries.iter() {
                    let place = self.out.len() + "{".len() + 1;
                    named.insert(key_name(key, place)?, item.clone());
                }
                self.map(&named)?;
            }
            Value::Complex(..) => {
                return Err(format!("json: unsupported type: {}", value.type_name()));
            }
        }
        Ok(())
    }

    fn float(&mut self, n: f64) -> Result<(), String> {
        if !n.is_finite() {
            return Err(format!("json: unsupported value: {}", format_float(n, 'g', None)));
        }
        let size = n.abs();
        let text = if size != 0.0 && !(1e-6..1e21).contains(&size) {
            // e-09 becomes e-9.
            let text = format_float(n, 'e', None);
            match text.split_once("e-0") {
                Some((mantissa, exponent)) => format!("{mantissa}e-{exponent}"),
                None => text,
            }
        } else {
            format_float(n, 'f', None)
        };
        self.out.push_str(&text);
        Ok(())
    }

    fn string(&mut self, text: &str) {
        self.out.push('"');
        for c in text.chars() {
            match c {
                '"' => self.out.push_str("\\\""),
                '\\' => self.out.push_str("\\\\"),
                '\u{8}' => self.out.push_str("\\b"),
                '\u{c}' => self.out.push_str("\\f"),
                '\n' => self.out.push_str("\\n"),
                '\r' => self.out.push_str("\\r"),
                '\t' => self.out.push_str("\\t"),
                '<' | '>' | '&' if !self.escape_html => self.out.push(c),
                '\0'..='\u{1f}' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                    put(&mut self.out, format_args!("\\u{:04x}", u32::from(c)));
                }
                c => self.out.push(c),
            }
        }
        self.out.push('"');
    }

    fn list(&mut self, items: &[Value]) -> Result<(), String> {
        if items.is_empty() {
            self.out.push_str("[]");
            return Ok(());
        }
        self.out.push('[');
        self.depth += 1;
        for (i, item) in items.iter().enumerate() {
            if i > 0 {
                self.out.push(',');
            }
            self.line();
            self.value(item)?;
        }
        self.depth -= 1;
        self.line();
        self.out.push(']');
        Ok(())
    }

    fn map(&mut self, entries: &BTreeMap<SmolStr, Value>) -> Result<(), String> {
        if entries.is_empty() {
            self.out.push_str("{}");
            return Ok(());
        }
        self.out.push('{');
        self.depth += 1;
        for (i, (key, value)) in entries.iter().enumerate() {
            if i > 0 {
                self.out.push(',');
            }
            self.line();
            self.string(key);
            self.out.push_str(if self.pretty { ": " } else { ":" });
            self.value(value)?;
        }
        self.depth -= 1;
        self.line();
        self.out.push('}');
        Ok(())
    }
}

/// A key that is no text, as JSON names it. The place shows in Go's message.
fn key_name(key: &Value, place: usize) -> Result<SmolStr, String> {
    match key {
        Value::String(text) => Ok(text.clone()),
        Value::Int(_) | Value::Int64(_) | Value::Byte(_) | Value::Uint64(_) => Ok(key.to_text()),
        _ => Err(format!(
            "json: unsupported value: jsontext: object member name must be a string after offset {place}"
        )),
    }
}

fn written(value: &Value, escape_html: bool, pretty: bool) -> Outcome {
    let mut writer = Writer { out: String::new(), escape_html, pretty, depth: 0 };
    writer.value(value)?;
    Ok(writer.out.into())
}

fn must_to_json(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    written(argument(arguments, 0), true, false)
}

fn to_json(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    Ok(written(argument(arguments, 0), true, false).unwrap_or_else(|_| "".into()))
}

fn must_to_pretty_json(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    written(argument(arguments, 0), true, true)
}

fn to_pretty_json(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    Ok(written(argument(arguments, 0), true, true).unwrap_or_else(|_| "".into()))
}

fn must_to_raw_json(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    written(argument(arguments, 0), false, false)
}

fn must_from_json(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    parse(text(arguments, 0))
}

fn from_json(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    Ok(parse(text(arguments, 0)).unwrap_or_default())
}

/// Reads JSON text. The error is Go's text.
pub(super) fn parse(text: &str) -> Outcome {
    let mut reader = Reader { text, position: 0, too_large: None };
    reader.skip_space();
    let value = reader.value(0)?;
    reader.skip_space();
    if reader.position < text.len() {
        return reader.unexpected("after top-level value");
    }
    match reader.too_large {
        Some(number) => Err(format!("json: cannot unmarshal number {number} into Go value of type float64")),
        None => Ok(value),
    }
}

struct Reader<'a> {
    text: &'a str,
    position: usize,
    too_large: Option<&'a str>,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.position).copied()
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.position += 1;
        }
    }

    /// The complaint about the byte that comes next.
    fn unexpected<T>(&self, context: &str) -> Result<T, String> {
        let Some(c) = self.text.get(self.position..).and_then(|rest| rest.chars().next()) else {
            return Err("unexpected end of JSON input".to_owned());
        };
        let shown = match c {
            '\'' => r"'\''".to_owned(),
            '"' => "'\"'".to_owned(),
            c => format!("'{}'", quote(&c.to_string()).trim_matches('"')),
        };
        Err(format!("invalid character {shown} {context}"))
    }

    fn value(&mut self, depth: usize) -> Outcome {
        if depth > MAX_VALUE_DEPTH {
            return Err("exceeded max depth".to_owned());
        }
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => Ok(Value::from(self.string()?)),
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            Some(b'n') => self.word("null", Value::Null),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => self.unexpected("looking for beginning of value"),
        }
    }

    fn word(&mut self, word: &str, value: Value) -> Outcome {
        for expected in word.bytes() {
            if self.peek() != Some(expected) {
                return self.unexpected(&format!("in literal {word} (expecting '{}')", char::from(expected)));
            }
            self.position += 1;
        }
        Ok(value)
    }

    fn digits(&mut self, context: &str) -> Result<(), String> {
        if !self.peek().is_some_and(|b| b.is_ascii_digit()) {
            return self.unexpected(context);
        }
        while self.peek().is_some_and(|b| b.is_ascii_digit()) {
            self.position += 1;
        }
        Ok(())
    }

    fn number(&mut self) -> Outcome {
        let start = self.position;
        if self.peek() == Some(b'-') {
            self.position += 1;
        }
        if self.peek() == Some(b'0') {
            self.position += 1;
        } else {
            self.digits("in numeric literal")?;
        }
        if self.peek() == Some(b'.') {
            self.position += 1;
            self.digits("in numeric literal")?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.position += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.position += 1;
            }
            self.digits("in numeric literal")?;
        }
        let text = self.text.get(start..self.position).unwrap_or("");
        let number = parse_float(text);
        if number.is_none() {
            self.too_large.get_or_insert(text);
        }
        Ok(number.map_or(Value::Null, Value::Float))
    }

    fn string(&mut self) -> Result<String, String> {
        let mut out = String::new();
        self.position += 1;
        loop {
            let rest = self.text.get(self.position..).unwrap_or("");
            let plain = rest.find(|c: char| c == '"' || c == '\\' || c < ' ').unwrap_or(rest.len());
            out.push_str(rest.get(..plain).unwrap_or(""));
            self.position += plain;
            match self.peek() {
                Some(b'"') => {
                    self.position += 1;
                    return Ok(out);
                }
                Some(b'\\') => {
                    self.position += 1;
                    let c = self.escape()?;
                    out.push(c);
                }
                _ => return self.unexpected("in string"),
            }
        }
    }

    fn escape(&mut self) -> Result<char, String> {
        let c = match self.peek() {
            Some(b @ (b'"' | b'\\' | b'/')) => char::from(b),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.position += 1;
                return self.unicode();
            }
            _ => return self.bad_escape(1),
        };
        self.position += 1;
        Ok(c)
    }

    /// The complaint about an escape of so many bytes behind the backslash, which has been read.
    fn bad_escape<T>(&self, length: usize) -> Result<T, String> {
        let rest = self.text.as_bytes().get(self.position - 1..).unwrap_or(&[]);
        // What is cut off may still have become an escape.
        let cut_off = rest.len() <= length && rest.iter().skip(2).all(u8::is_ascii_hexdigit);
        if cut_off {
            return Err("unexpected end of JSON input".to_owned());
        }
        let shown = String::from_utf8_lossy(rest.get(..=length).unwrap_or(rest));
        Err(format!("invalid escape sequence `{shown}` in string"))
    }

    fn hexadecimal(&mut self) -> Result<u32, String> {
        let start = self.position - 1;
        let mut code = 0;
        for _ in 0..4 {
            let Some(digit) = self.peek().and_then(|b| char::from(b).to_digit(16)) else {
                self.position = start;
                return self.bad_escape(5);
            };
            code = code * 16 + digit;
            self.position += 1;
        }
        Ok(code)
    }

    /// A `\u` escape, with its second half where it is the first of a pair; halves alone become U+FFFD.
    fn unicode(&mut self) -> Result<char, String> {
        let first = self.hexadecimal()?;
        if (0xd800..0xdc00).contains(&first)
            && self.text.get(self.position..).is_some_and(|r| r.starts_with("\\u"))
        {
            let mark = self.position;
            self.position += 2;
            let second = self.hexadecimal()?;
            if (0xdc00..0xe000).contains(&second) {
                let code = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            self.position = mark;
        }
        Ok(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn array(&mut self, depth: usize) -> Outcome {
        self.position += 1;
        self.skip_space();
        let mut items = Vec::new();
        if self.peek() == Some(b']') {
            self.position += 1;
            return Ok(Value::list(items));
        }
        loop {
            self.skip_space();
            items.push(self.value(depth + 1)?);
            self.skip_space();
            match self.peek() {
                Some(b',') => self.position += 1,
                Some(b']') => {
                    self.position += 1;
                    return Ok(Value::list(items));
                }
                _ => return self.unexpected("after array element"),
            }
        }
    }

    fn object(&mut self, depth: usize) -> Outcome {
        self.position += 1;
        self.skip_space();
        let mut entries = BTreeMap::new();
        if self.peek() == Some(b'}') {
            self.position += 1;
            return Ok(Value::map(entries));
        }
        loop {
            self.skip_space();
            if self.peek() != Some(b'"') {
                return self.unexpected("looking for beginning of object key string");
            }
            let key = self.string()?;
            self.skip_space();
            if self.peek() != Some(b':') {
                return self.unexpected("after object key");
            }
            self.position += 1;
            self.skip_space();
            let value = self.value(depth + 1)?;
            entries.insert(SmolStr::from(key), value);
            self.skip_space();
            match self.peek() {
                Some(b',') => self.position += 1,
                Some(b'}') => {
                    self.position += 1;
                    return Ok(Value::Map(Arc::new(entries)));
                }
                _ => return self.unexpected("after object key:value pair"),
            }
        }
    }
}
