//! Go's `fmt`: `print`, `println`, `printf` and the `%v` of every value.

use super::number::format_float;
use super::quote::{is_print, put, quote, write_quoted};
use super::time::Duration;
use super::value::{NamedInteger, Value};

/// Largest width and precision; beyond it Go reports `%!(BADWIDTH)`.
const MAX_WIDTH: i64 = 1_000_000;

/// Writes a value as `%v` does.
pub fn write_value(out: &mut String, value: &Value) {
    Printer { out, flags: Flags::default() }.value(value, 'v', 0);
}

/// Go's `fmt.Sprint`: spaces only between operands that are both no strings. `None` past `limit` bytes.
pub fn sprint(values: &[Value], limit: usize) -> Option<String> {
    let mut out = String::new();
    let mut previous_is_text = false;
    for (i, value) in values.iter().enumerate() {
        let is_text = matches!(value, Value::String(_));
        if i > 0 && !is_text && !previous_is_text {
            out.push(' ');
        }
        write_value(&mut out, value);
        previous_is_text = is_text;
        if out.len() > limit {
            return None;
        }
    }
    Some(out)
}

/// Go's `fmt.Sprintln`. `None` past `limit` bytes.
pub fn sprintln(values: &[Value], limit: usize) -> Option<String> {
    let mut out = String::new();
    for (i, value) in values.iter().enumerate() {
        if i > 0 {
            out.push(' ');
        }
        write_value(&mut out, value);
        if out.len() > limit {
            return None;
        }
    }
    out.push('\n');
    Some(out)
}

#[derive(Clone, Copy, Debug, Default)]
struct Flags {
    width: Option<usize>,
    precision: Option<usize>,
    minus: bool,
    plus: bool,
    sharp: bool,
    space: bool,
    zero: bool,
    /// `%+v`
    plus_v: bool,
    /// `%#v`
    sharp_v: bool,
}

/// Go's `fmt.Sprintf`. `None` where the text grows larger than `limit` bytes.
pub fn sprintf(format: &str, values: &[Value], limit: usize) -> Option<String> {
    let mut state = Directives { format, position: 0, values, next: 0, reordered: false, good_index: true };
    let mut out = String::new();
    state.run(&mut out, limit).then_some(out)
}

struct Directives<'a> {
    format: &'a str,
    position: usize,
    values: &'a [Value],
    next: usize,
    reordered: bool,
    good_index: bool,
}

impl Directives<'_> {
    fn peek(&self) -> Option<char> {
        self.format.get(self.position..)?.chars().next()
    }

    fn bump(&mut self) {
        self.position += self.peek().map_or(0, char::len_utf8);
    }

    /// `false` where the text grows too large.
    fn run(&mut self, out: &mut String, limit: usize) -> bool {
        while let Some(rest) = self.format.get(self.position..).filter(|rest| !rest.is_empty()) {
            let Some(percent) = rest.find('%') else {
                out.push_str(rest);
                break;
            };
            out.push_str(rest.get(..percent).unwrap_or(""));
            self.position += percent + 1;
            self.directive(out);
            if out.len() > limit {
                return false;
            }
        }
        if !self.reordered && self.next < self.values.len() {
            self.extra(out);
        }
        true
    }

    fn extra(&self, out: &mut String) {
        out.push_str("%!(EXTRA ");
        for (i, value) in self.values.iter().skip(self.next).enumerate() {
            if i > 0 {
                out.push_str(", ");
            }
            out.push_str(value.type_name());
            if !value.is_null() {
                out.push('=');
                write_value(out, value);
            }
        }
        out.push(')');
    }

    fn directive(&mut self, out: &mut String) {
        let mut flags = self.flags();
        self.good_index = true;
        let mut after_index = self.index();
        if self.peek() == Some('*') {
            self.bump();
            match self.star() {
                Some(width) => {
                    flags.minus |= width < 0;
                    flags.zero &= width >= 0;
                    flags.width = Some(width.unsigned_abs() as usize);
                }
                None => out.push_str("%!(BADWIDTH)"),
            }
            after_index = false;
        } else if let Some(width) = self.number() {
            self.good_index &= !after_index;
            flags.width = Some(width);
        }
        if self.peek() == Some('.') {
            self.bump();
            self.good_index &= !after_index;
            after_index = self.index();
            if self.peek() == Some('*') {
                self.bump();
                match self.star() {
                    Some(precision) if precision >= 0 => flags.precision = Some(precision as usize),
                    _ => out.push_str("%!(BADPREC)"),
                }
                after_index = false;
            } else {
                flags.precision = Some(self.number().unwrap_or(0));
            }
        }
        if !after_index {
            self.index();
        }
        self.verb(out, flags);
    }

    fn verb(&mut self, out: &mut String, mut flags: Flags) {
        let Some(verb) = self.peek() else {
            out.push_str("%!(NOVERB)");
            return;
        };
        self.bump();
        if verb == '%' {
            out.push('%');
            return;
        }
        if !self.good_index {
            out.push_str("%!");
            out.push(verb);
            out.push_str("(BADINDEX)");
            return;
        }
        let Some(value) = self.values.get(self.next) else {
            out.push_str("%!");
            out.push(verb);
            out.push_str("(MISSING)");
            return;
        };
        self.next += 1;
        if verb == 'v' {
            (flags.sharp_v, flags.sharp) = (flags.sharp, false);
            (flags.plus_v, flags.plus) = (flags.plus, false);
        }
        Printer { out, flags }.argument(value, verb);
    }

    fn flags(&mut self) -> Flags {
        let mut flags = Flags::default();
        loop {
            match self.peek() {
                Some('#') => flags.sharp = true,
                Some('0') => flags.zero = true,
                Some('+') => flags.plus = true,
                Some('-') => flags.minus = true,
                Some(' ') => flags.space = true,
                _ => return flags,
            }
            self.bump();
        }
    }

    fn number(&mut self) -> Option<usize> {
        let rest = self.format.get(self.position..)?;
        let length = rest.bytes().take_while(u8::is_ascii_digit).count();
        let digits = rest.get(..length).filter(|digits| !digits.is_empty())?;
        match digits.parse::<i64>() {
            Ok(number) if number <= MAX_WIDTH => {
                self.position += length;
                Some(number as usize)
            }
            // As in Go, nothing is read behind a number that is too large.
            _ => {
                self.position = self.format.len();
                None
            }
        }
    }

    fn star(&mut self) -> Option<i64> {
        let value = self.values.get(self.next)?;
        self.next += 1;
        match value {
            Value::Int(n) | Value::Int64(n) if n.abs() <= MAX_WIDTH => Some(*n),
            Value::Byte(n) => Some(i64::from(*n)),
            _ => None,
        }
    }

    /// Reads `[3]`; tells whether there was one.
    fn index(&mut self) -> bool {
        if self.peek() != Some('[') {
            return false;
        }
        self.reordered = true;
        let rest = self.format.get(self.position..).unwrap_or("");
        let Some(close) = rest.find(']') else {
            self.good_index = false;
            self.position += 1;
            return false;
        };
        let number = rest.get(1..close).and_then(|digits| digits.parse::<usize>().ok());
        self.position += close + 1;
        match number {
            Some(n) if n >= 1 && n <= self.values.len() => self.next = n - 1,
            _ => self.good_index = false,
        }
        true
    }
}

struct Printer<'a> {
    out: &'a mut String,
    flags: Flags,
}

impl Printer<'_> {
    fn argument(&mut self, value: &Value, verb: char) {
        match (value, verb) {
            (Value::Null, 'T' | 'v') => self.pad("<nil>"),
            (_, 'T') => self.text(value.type_name(), 's'),
            (_, 'p') => self.bad_verb(value, verb),
            _ => self.value(value, verb, 0),
        }
    }

    fn bad_verb(&mut self, value: &Value, verb: char) {
        self.out.push_str("%!");
        self.out.push(verb);
        self.out.push('(');
        self.out.push_str(value.type_name());
        if !value.is_null() {
            self.out.push('=');
            // Width and precision hold for what is shown in a complaint too.
            self.value(value, 'v', 0);
        }
        self.out.push(')');
    }

    fn value(&mut self, value: &Value, verb: char, depth: usize) {
        match value {
            Value::Null => {
                if depth > 0 && self.flags.sharp_v {
                    self.out.push_str("interface {}(nil)");
                } else if depth > 0 {
                    self.out.push_str("<nil>");
                } else if verb == 'v' {
                    self.pad("<nil>");
                } else {
                    self.out.push_str("%!");
                    self.out.push(verb);
                    self.out.push_str("(<nil>)");
                }
            }
            Value::Bool(b) if matches!(verb, 'v' | 't') => self.pad(if *b { "true" } else { "false" }),
            Value::Int(n) | Value::Int64(n) => self.integer(value, *n < 0, n.unsigned_abs(), verb),
            Value::Byte(n) => self.integer(value, false, u64::from(*n), verb),
            Value::Uint64(n) => self.integer(value, false, *n, verb),
            Value::Float(n) => self.float(value, *n, verb),
            Value::Complex(re, im) => self.complex(value, *re, *im, verb),
            Value::String(text) => self.string(value, text, verb),
            Value::List(items) | Value::TypedList(_, items) => self.list(value, items, verb, depth),
            Value::Map(entries) | Value::StringMap(entries) => {
                let entries = entries.iter().map(|(key, item)| (Value::String(key.clone()), item));
                self.map(value, entries, verb, depth);
            }
            Value::AnyMap(entries) => {
                self.map(value, entries.iter().map(|(key, item)| (key.clone(), item)), verb, depth);
            }
            Value::Time(time) => self.text(&time.to_go_string(), verb),
            Value::Named(kind, n) => match verb {
                'v' | 's' | 'q' | 'x' | 'X' => self.text(&named_text(*kind, *n), verb),
                _ => self.integer(value, *n < 0, n.unsigned_abs(), verb),
            },
            Value::Uuid(bytes) => self.text(&super::functions::uuid_text(bytes), verb),
            Value::Bool(_) => self.bad_verb(value, verb),
        }
    }

    fn text(&mut self, text: &str, verb: char) {
        self.string(&Value::from(text), text, verb);
    }

    fn string(&mut self, value: &Value, text: &str, verb: char) {
        match verb {
            'v' if self.flags.sharp_v => self.quoted(text),
            'v' | 's' => {
                let cut = self.cut(text).to_owned();
                self.pad(&cut);
            }
            'q' => self.quoted(text),
            'x' | 'X' => self.hexadecimal(text.as_bytes(), verb),
            _ => self.bad_verb(value, verb),
        }
    }

    fn cut<'t>(&self, text: &'t str) -> &'t str {
        let Some(count) = self.flags.precision else { return text };
        text.char_indices().nth(count).and_then(|(end, _)| text.get(..end)).unwrap_or(text)
    }

    fn quoted(&mut self, text: &str) {
        let cut = self.cut(text);
        let plain = !cut.contains(['`', '\u{feff}', '\u{7f}']) && !cut.chars().any(|c| c < ' ' && c != '\t');
        let quoted = if self.flags.sharp && plain {
            format!("`{cut}`")
        } else {
            let mut quoted = String::new();
            write_quoted(&mut quoted, cut, '"', self.flags.plus);
            quoted
        };
        self.pad(&quoted);
    }

    fn hexadecimal(&mut self, bytes: &[u8], verb: char) {
        let count = self.flags.precision.unwrap_or(bytes.len()).min(bytes.len());
        let mut text = String::new();
        let prefix = if verb == 'x' { "0x" } else { "0X" };
        for (i, byte) in bytes.iter().take(count).enumerate() {
            if self.flags.space && i > 0 {
                text.push(' ');
            }
            if self.flags.sharp && (i == 0 || self.flags.space) {
                text.push_str(prefix);
            }
            if verb == 'x' {
                put(&mut text, format_args!("{byte:02x}"));
            } else {
                put(&mut text, format_args!("{byte:02X}"));
            }
        }
        self.pad(&text);
    }

    fn integer(&mut self, value: &Value, negative: bool, magnitude: u64, verb: char) {
        let digits = match verb {
            'v' | 'd' => magnitude.to_string(),
            'b' => format!("{magnitude:b}"),
            'o' | 'O' => format!("{magnitude:o}"),
            'x' => format!("{magnitude:x}"),
            'X' => format!("{magnitude:X}"),
            'c' => return self.pad(&character(negative, magnitude).to_string()),
            'q' => {
                let mut text = String::new();
                write_quoted(
                    &mut text,
                    character(negative, magnitude).encode_utf8(&mut [0; 4]),
                    '\'',
                    self.flags.plus,
                );
                return self.pad(&text);
            }
            'U' => return self.unicode(negative, magnitude),
            _ => return self.bad_verb(value, verb),
        };
        let text = self.signed_digits(negative, digits, verb);
        // Zero padding has been done by then.
        let zero = std::mem::take(&mut self.flags.zero);
        self.pad(&text);
        self.flags.zero = zero;
    }

    fn signed_digits(&self, negative: bool, mut digits: String, verb: char) -> String {
        if self.flags.precision == Some(0) && digits == "0" {
            return String::new();
        }
        let sign = match (negative, self.flags.plus, self.flags.space) {
            (true, _, _) => "-",
            (false, true, _) => "+",
            (false, false, true) => " ",
            _ => "",
        };
        let mut width = self.flags.precision.unwrap_or(0);
        if self.flags.precision.is_none() && self.flags.zero && !self.flags.minus {
            width = self.flags.width.unwrap_or(0).saturating_sub(sign.len());
        }
        if digits.len() < width {
            digits.insert_str(0, &"0".repeat(width - digits.len()));
        }
        let prefix = match verb {
            'b' if self.flags.sharp => "0b",
            'o' if self.flags.sharp && !digits.starts_with('0') => "0",
            'x' if self.flags.sharp => "0x",
            'X' if self.flags.sharp => "0X",
            'O' => "0o",
            _ => "",
        };
        format!("{sign}{prefix}{digits}")
    }

    fn unicode(&mut self, negative: bool, magnitude: u64) {
        let code = if negative { magnitude.wrapping_neg() } else { magnitude };
        let digits = self.flags.precision.unwrap_or(0).max(4);
        let mut text = format!("U+{code:0digits$X}");
        if self.flags.sharp
            && let Some(c) = u32::try_from(code).ok().and_then(char::from_u32).filter(|c| is_print(*c))
        {
            put(&mut text, format_args!(" '{c}'"));
        }
        let zero = std::mem::take(&mut self.flags.zero);
        self.pad(&text);
        self.flags.zero = zero;
    }

    fn float(&mut self, value: &Value, number: f64, verb: char) {
        let precision = match verb {
            'v' | 'g' | 'G' | 'b' | 'x' | 'X' => self.flags.precision,
            'e' | 'E' | 'f' | 'F' => Some(self.flags.precision.unwrap_or(6)),
            _ => return self.bad_verb(value, verb),
        };
        let kind = match verb {
            'v' => 'g',
            'F' => 'f',
            other => other,
        };
        let mut text = format_float(number, kind, precision);
        if self.flags.sharp && verb != 'b' && number.is_finite() {
            text = with_point(&text, kind, precision);
        }
        let (sign, digits) = match text.strip_prefix('-') {
            Some(digits) => ("-", digits.to_owned()),
            None => ("+", text.trim_start_matches('+').to_owned()),
        };
        let shown_sign = match sign {
            "-" => "-",
            _ if self.flags.plus => "+",
            _ if self.flags.space => " ",
            _ if number.is_infinite() => "+",
            _ => "",
        };
        self.padded_number(shown_sign, &digits, number.is_finite());
    }

    /// Zeros go between sign and digits.
    fn padded_number(&mut self, sign: &str, digits: &str, finite: bool) {
        let length = sign.len() + digits.len();
        let width = self.flags.width.unwrap_or(0);
        if self.flags.zero && !self.flags.minus && finite && width > length {
            self.out.push_str(sign);
            self.out.extend(std::iter::repeat_n('0', width - length));
            self.out.push_str(digits);
            return;
        }
        let zero = std::mem::take(&mut self.flags.zero);
        self.pad(&format!("{sign}{digits}"));
        self.flags.zero = zero;
    }

    fn complex(&mut self, value: &Value, re: f64, im: f64, verb: char) {
        if !matches!(verb, 'v' | 'e' | 'E' | 'f' | 'F' | 'g' | 'G') {
            return self.bad_verb(value, verb);
        }
        let plus = self.flags.plus;
        self.out.push('(');
        self.float(value, re, verb);
        self.flags.plus = true;
        self.float(value, im, verb);
        self.flags.plus = plus;
        self.out.push_str("i)");
    }

    fn list(&mut self, value: &Value, items: &[Value], verb: char, depth: usize) {
        if self.flags.sharp_v {
            self.out.push_str(value.type_name());
            self.out.push('{');
        } else {
            self.out.push('[');
        }
        for (i, item) in items.iter().enumerate() {
            if i > 0 {
                self.out.push_str(if self.flags.sharp_v { ", " } else { " " });
            }
            self.value(item, verb, depth + 1);
        }
        self.out.push(if self.flags.sharp_v { '}' } else { ']' });
    }

    fn map<'v>(
        &mut self,
        value: &Value,
        entries: impl Iterator<Item = (Value, &'v Value)>,
        verb: char,
        depth: usize,
    ) {
        if self.flags.sharp_v {
            self.out.push_str(value.type_name());
            self.out.push('{');
        } else {
            self.out.push_str("map[");
        }
        for (i, (key, item)) in entries.enumerate() {
            if i > 0 {
                self.out.push_str(if self.flags.sharp_v { ", " } else { " " });
            }
            self.value(&key, verb, depth + 1);
            self.out.push(':');
            self.value(item, verb, depth + 1);
        }
        self.out.push(if self.flags.sharp_v { '}' } else { ']' });
    }

    fn pad(&mut self, text: &str) {
        let length = text.chars().count();
        let missing = self.flags.width.unwrap_or(0).saturating_sub(length);
        if self.flags.minus {
            self.out.push_str(text);
            self.out.extend(std::iter::repeat_n(' ', missing));
        } else {
            let fill = if self.flags.zero { '0' } else { ' ' };
            self.out.extend(std::iter::repeat_n(fill, missing));
            self.out.push_str(text);
        }
    }
}

/// The `#` flag of floats: always a decimal point, and with `g` the zeros behind it.
fn with_point(text: &str, verb: char, precision: Option<usize>) -> String {
    let hexadecimal = matches!(verb, 'x' | 'X');
    let exponent_marks: &[char] = if hexadecimal { &['p', 'P'] } else { &['e', 'E'] };
    let (number, exponent) = text.split_at(text.find(exponent_marks).unwrap_or(text.len()));
    let unsigned = number.trim_start_matches(['-', '+']);
    let mut wanted = if matches!(verb, 'g' | 'G' | 'x') { precision.unwrap_or(6) } else { 0 };
    let significant = unsigned.chars().filter(|c| *c != '.').skip_while(|c| *c == '0').count();
    wanted = wanted.saturating_sub(significant);
    let mut out = number.to_owned();
    if !number.contains('.') {
        wanted = wanted.saturating_sub(usize::from(unsigned == "0"));
        out.push('.');
    }
    out.extend(std::iter::repeat_n('0', wanted));
    out.push_str(exponent);
    out
}

fn character(negative: bool, code: u64) -> char {
    let code = if negative { None } else { u32::try_from(code).ok() };
    code.and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER)
}

fn named_text(kind: NamedInteger, n: i64) -> String {
    match kind {
        NamedInteger::Duration => Duration(n).to_string(),
        NamedInteger::Month => {
            super::time::month_name(n).map_or_else(|| format!("%!Month({n})"), str::to_owned)
        }
        NamedInteger::Weekday => {
            super::time::weekday_name(n).map_or_else(|| format!("%!Weekday({n})"), str::to_owned)
        }
    }
}

/// The start of a token as Go's parser shows it: `%.10q`.
pub(super) fn quote_start(text: &str) -> String {
    let end = text.char_indices().nth(10).map_or(text.len(), |(end, _)| end);
    quote(text.get(..end).unwrap_or(text))
}
