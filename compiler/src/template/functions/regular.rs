//! Regular expressions, in Go's syntax.
//!
//! The engine is Rust's, which has the same roots and the same way of choosing a match. A pattern is read here first: it
//! is checked with Go's messages, and what the two spell differently is spelt anew.

use regex::Regex;

use super::super::quote::{put, quote};
use super::super::value::{ListType, Value};
use super::Parameter::{Int, String as Text};
use super::{Body, Call, Function, Outcome, Parameter, int, sized, text};

const fn row(
    name: &'static str,
    signature: &'static str,
    documentation: &'static str,
    parameters: &'static [Parameter],
    body: Body,
) -> Function {
    Function::new("regular expressions", name, signature, documentation, parameters, body)
}

pub(super) const TABLE: &[Function] = &[
    row(
        "regexMatch",
        "regexMatch pattern string text string bool",
        "Whether the pattern matches anywhere; a wrong pattern never does.",
        &[Text, Text],
        regex_match,
    ),
    row(
        "mustRegexMatch",
        "mustRegexMatch pattern string text string bool",
        "As regexMatch; a wrong pattern is an error.",
        &[Text, Text],
        must_regex_match,
    ),
    row(
        "regexFind",
        "regexFind pattern string text string string",
        "The first match, or nothing.",
        &[Text, Text],
        |_, a| panicking(a, find),
    ),
    row(
        "mustRegexFind",
        "mustRegexFind pattern string text string string",
        "As regexFind.",
        &[Text, Text],
        |_, a| checked(a, find),
    ),
    row(
        "regexFindAll",
        "regexFindAll pattern string text string count int []string",
        "The first so many matches, all with -1.",
        &[Text, Text, Int],
        |_, a| panicking(a, find_all),
    ),
    row(
        "mustRegexFindAll",
        "mustRegexFindAll pattern string text string count int []string",
        "As regexFindAll.",
        &[Text, Text, Int],
        |_, a| checked(a, find_all),
    ),
    row(
        "regexReplaceAll",
        "regexReplaceAll pattern string text string replacement string string",
        "Replaces all matches; $1 and ${name} stand for groups.",
        &[Text, Text, Text],
        |_, a| panicking(a, replace_all),
    ),
    row(
        "mustRegexReplaceAll",
        "mustRegexReplaceAll pattern string text string replacement string string",
        "As regexReplaceAll.",
        &[Text, Text, Text],
        |_, a| checked(a, replace_all),
    ),
    row(
        "regexReplaceAllLiteral",
        "regexReplaceAllLiteral pattern string text string replacement string string",
        "Replaces all matches by the text as it is.",
        &[Text, Text, Text],
        |_, a| panicking(a, replace_all_literal),
    ),
    row(
        "mustRegexReplaceAllLiteral",
        "mustRegexReplaceAllLiteral pattern string text string replacement string string",
        "As regexReplaceAllLiteral.",
        &[Text, Text, Text],
        |_, a| checked(a, replace_all_literal),
    ),
    row(
        "regexSplit",
        "regexSplit pattern string text string count int []string",
        "The parts between matches, at most so many, all with -1.",
        &[Text, Text, Int],
        |_, a| panicking(a, split),
    ),
    row(
        "mustRegexSplit",
        "mustRegexSplit pattern string text string count int []string",
        "As regexSplit.",
        &[Text, Text, Int],
        |_, a| checked(a, split),
    ),
    row(
        "regexQuoteMeta",
        "regexQuoteMeta text string string",
        "The text with all special characters escaped.",
        &[Text],
        quote_meta,
    ),
];

fn regex_match(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    Ok(Value::Bool(compile(text(arguments, 0)).is_ok_and(|regex| regex.is_match(text(arguments, 1)))))
}

fn must_regex_match(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    Ok(Value::Bool(compile(text(arguments, 0))?.is_match(text(arguments, 1))))
}

type Operation = fn(&Regex, &[Value]) -> Outcome;

fn checked(arguments: &[Value], operation: Operation) -> Outcome {
    operation(&compile(text(arguments, 0))?, arguments)
}

/// As `regexp.MustCompile`, whose panic names the pattern.
fn panicking(arguments: &[Value], operation: Operation) -> Outcome {
    let pattern = text(arguments, 0);
    let shown = |pattern: &str| {
        let raw =
            !pattern.contains(['`', '\u{feff}', '\u{7f}']) && !pattern.chars().any(|c| c < ' ' && c != '\t');
        if raw { format!("`{pattern}`") } else { quote(pattern) }
    };
    let regex = compile(pattern).map_err(|error| format!("regexp: Compile({}): {error}", shown(pattern)))?;
    operation(&regex, arguments)
}

fn find(regex: &Regex, arguments: &[Value]) -> Outcome {
    Ok(regex.find(text(arguments, 1)).map_or("", |found| found.as_str()).into())
}

fn find_all(regex: &Regex, arguments: &[Value]) -> Outcome {
    let limit = usize::try_from(int(arguments, 2)).unwrap_or(usize::MAX);
    let found: Vec<Value> =
        regex.find_iter(text(arguments, 1)).take(limit).map(|found| found.as_str().into()).collect();
    let kind = if found.is_empty() { ListType::NilStrings } else { ListType::Strings };
    Ok(Value::TypedList(kind, std::sync::Arc::new(found)))
}

fn replace_all(regex: &Regex, arguments: &[Value]) -> Outcome {
    let (whole, replacement) = (text(arguments, 1), text(arguments, 2));
    let mut out = String::new();
    let mut end = 0;
    for captures in regex.captures_iter(whole) {
        let Some(found) = captures.get(0) else { continue };
        out.push_str(whole.get(end..found.start()).unwrap_or(""));
        captures.expand(replacement, &mut out);
        sized(out.len())?;
        end = found.end();
    }
    out.push_str(whole.get(end..).unwrap_or(""));
    Ok(out.into())
}

fn replace_all_literal(regex: &Regex, arguments: &[Value]) -> Outcome {
    let (whole, replacement) = (text(arguments, 1), text(arguments, 2));
    let mut out = String::new();
    let mut end = 0;
    for found in regex.find_iter(whole) {
        out.push_str(whole.get(end..found.start()).unwrap_or(""));
        out.push_str(replacement);
        sized(out.len())?;
        end = found.end();
    }
    out.push_str(whole.get(end..).unwrap_or(""));
    Ok(out.into())
}

fn split(regex: &Regex, arguments: &[Value]) -> Outcome {
    let (pattern, whole, count) = (text(arguments, 0), text(arguments, 1), int(arguments, 2));
    if count == 0 {
        return Ok(Value::TypedList(ListType::NilStrings, std::sync::Arc::default()));
    }
    if !pattern.is_empty() && whole.is_empty() {
        return Ok(Value::strings([""]));
    }
    let limit = usize::try_from(count).unwrap_or(usize::MAX);
    let mut parts = Vec::new();
    let (mut begin, mut end) = (0, 0);
    for found in regex.find_iter(whole).take(limit) {
        if parts.len() + 1 == limit {
            break;
        }
        end = found.start();
        if found.end() != 0 {
            parts.push(whole.get(begin..end).unwrap_or(""));
        }
        begin = found.end();
    }
    if end != whole.len() {
        parts.push(whole.get(begin..).unwrap_or(""));
    }
    Ok(Value::strings(parts))
}

fn quote_meta(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    let mut out = String::new();
    for c in text(arguments, 0).chars() {
        if "\\.+*?()|[]{}^$".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    Ok(out.into())
}

/// Compiles a pattern of Go's. The error is Go's text.
fn compile(pattern: &str) -> Result<Regex, String> {
    let error = |fault: Fault| match fault.part {
        Some(part) => format!("error parsing regexp: {}: `{part}`", fault.message),
        None => format!("error parsing regexp: {}", fault.message),
    };
    let translated = Translator::new(pattern).translate().map_err(error)?;
    Regex::new(&translated).map_err(|_| format!("error parsing regexp: expression too large: `{pattern}`"))
}

/// How deep groups may nest; Go allows 1,000.
const MAX_GROUPS: usize = 250;

/// The greatest count of a repetition.
const MAX_REPEAT: u32 = 1_000;

/// The classes that are written `[:name:]`.
const POSIX_CLASSES: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space",
    "upper", "word", "xdigit",
];

struct Fault {
    message: &'static str,
    part: Option<String>,
}

type Translated<T> = Result<T, Fault>;

fn fault<T>(message: &'static str, part: &str) -> Translated<T> {
    Err(Fault { message, part: Some(part.to_owned()) })
}

struct Translator<'a> {
    pattern: &'a str,
    position: usize,
    out: String,
    groups: Vec<usize>,
    /// Whether a repetition may follow, and where the last one began.
    can_repeat: bool,
    last_repeat: Option<usize>,
    names: Vec<&'a str>,
}

impl<'a> Translator<'a> {
    fn new(pattern: &'a str) -> Self {
        Self {
            pattern,
            position: 0,
            out: String::new(),
            groups: Vec::new(),
            can_repeat: false,
            last_repeat: None,
            names: Vec::new(),
        }
    }

    fn rest(&self) -> &'a str {
        self.pattern.get(self.position..).unwrap_or("")
    }

    fn from(&self, start: usize) -> &'a str {
        self.pattern.get(start..self.position).unwrap_or("")
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn bump(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.position += c.len_utf8();
        Some(c)
    }

    fn translate(mut self) -> Translated<String> {
        while let Some(c) = self.peek() {
            let start = self.position;
            let repeats = matches!(c, '*' | '+' | '?' | '{');
            match c {
                '(' => self.group()?,
                ')' => {
                    self.position += 1;
                    if self.groups.pop().is_none() {
                        return fault("unexpected )", self.pattern);
                    }
                    self.out.push(')');
                    self.can_repeat = true;
                }
                '[' => {
                    self.class()?;
                    self.can_repeat = true;
                }
                '\\' => self.escape()?,
                '*' | '+' | '?' => {
                    self.position += 1;
                    self.repeat(start)?;
                }
                '{' => self.counted(start)?,
                '|' => {
                    self.position += 1;
                    self.out.push('|');
                    self.can_repeat = false;
                }
                c => {
                    self.position += c.len_utf8();
                    self.literal(c);
                    self.can_repeat = true;
                }
            }
            if !(repeats && self.last_repeat.is_some_and(|at| at >= start)) && self.last_repeat != Some(start)
            {
                self.last_repeat = None;
            }
        }
        if !self.groups.is_empty() {
            return fault("missing closing )", self.pattern);
        }
        Ok(self.out)
    }

    /// A character that stands for itself, or `.`, `^`, `$`.
    fn literal(&mut self, c: char) {
        if matches!(c, ']' | '}') {
            self.out.push('\\');
        }
        self.out.push(c);
    }

    /// `*`, `+`, `?` and `{…}`, which have been read from `start` on.
    fn repeat(&mut self, start: usize) -> Translated<()> {
        if !self.can_repeat {
            return fault("missing argument to repetition operator", self.from(start));
        }
        let lazy = self.peek() == Some('?');
        self.position += usize::from(lazy);
        if let Some(last) = self.last_repeat {
            return fault("invalid nested repetition operator", self.from(last));
        }
        let text = self.from(start).to_owned();
        self.out.push_str(&text);
        self.last_repeat = Some(start);
        Ok(())
    }

    fn counted(&mut self, start: usize) -> Translated<()> {
        let Some((length, min, max)) = counts(self.rest()) else {
            self.position += 1;
            self.out.push_str("\\{");
            self.can_repeat = true;
            return Ok(());
        };
        self.position += length;
        if min > MAX_REPEAT || max.is_some_and(|max| max > MAX_REPEAT || min > max) {
            return fault("invalid repeat count", self.from(start));
        }
        self.repeat(start)
    }

    fn group(&mut self) -> Translated<()> {
        let start = self.position;
        self.position += 1;
        self.can_repeat = false;
        if self.groups.len() >= MAX_GROUPS {
            return fault("expression nests too deeply", self.pattern);
        }
        if !self.rest().starts_with('?') {
            self.groups.push(start);
            self.out.push('(');
            return Ok(());
        }
        let rest = self.rest();
        if rest.starts_with("?P<") || rest.starts_with("?<") {
            return self.named_group(start);
        }
        self.flags(start)
    }

    fn named_group(&mut self, start: usize) -> Translated<()> {
        let open = if self.rest().starts_with("?P<") { 3 } else { 2 };
        let Some(close) = self.rest().find('>') else {
            return fault("invalid named capture", self.pattern.get(start..).unwrap_or(""));
        };
        let name = self.rest().get(open..close).unwrap_or("");
        self.position += close + 1;
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return fault("invalid named capture", self.from(start));
        }
        let is_known = self.names.contains(&name);
        self.names.push(name);
        self.groups.push(start);
        // Names that begin with a digit or come twice are Go's alone: the group keeps its number.
        if is_known || name.starts_with(|c: char| c.is_ascii_digit()) {
            self.out.push('(');
        } else {
            put(&mut self.out, format_args!("(?P<{name}>"));
        }
        Ok(())
    }

    /// `(?i)`, `(?i:…)`.
    fn flags(&mut self, start: usize) -> Translated<()> {
        self.position += 1;
        let (mut negated, mut any) = (false, false);
        loop {
            match self.bump() {
                Some('i' | 'm' | 's' | 'U') => any = true,
                Some('-') if !negated => {
                    negated = true;
                    any = false;
                }
                Some(end @ (':' | ')')) if !negated || any => {
                    if end == ':' {
                        self.groups.push(start);
                    }
                    let text = self.from(start);
                    // `(?)` says nothing, which the engine does not take.
                    if text != "(?)" {
                        self.out.push_str(text);
                    }
                    return Ok(());
                }
                _ => return fault("invalid or unsupported Perl syntax", self.from(start)),
            }
        }
    }

    fn escape(&mut self) -> Translated<()> {
        let start = self.position;
        self.position += 1;
        self.can_repeat = true;
        let Some(c) = self.peek() else {
            return fault("trailing backslash at end of expression", "");
        };
        match c {
            'Q' => {
                self.position += 1;
                let rest = self.rest();
                let end = rest.find("\\E").unwrap_or(rest.len());
                self.out.push_str(&regex::escape(rest.get(..end).unwrap_or("")));
                self.position += (end + 2).min(rest.len());
            }
            'A' | 'z' => {
                self.position += 1;
                self.out.push_str(if c == 'A' { "\\A" } else { "\\z" });
            }
            'b' | 'B' => {
                self.position += 1;
                self.out.push_str(if c == 'b' { "(?-u:\\b)" } else { "(?-u:\\B)" });
            }
            'C' => return fault("invalid escape sequence", "\\C"),
            'd' | 'D' | 's' | 'S' | 'w' | 'W' => {
                self.position += 1;
                self.out.push_str(perl_class(c));
            }
            'p' | 'P' => self.unicode_class(start)?,
            _ => {
                let c = self.escaped_character(start)?;
                self.out.push_str(&regex::escape(c.encode_utf8(&mut [0; 4])));
            }
        }
        Ok(())
    }

    fn unicode_class(&mut self, start: usize) -> Translated<()> {
        self.position += 1;
        match self.bump() {
            Some('{') => match self.rest().find('}') {
                Some(close) => self.position += close + 1,
                None => {
                    return fault("invalid character class range", self.pattern.get(start..).unwrap_or(""));
                }
            },
            Some(_) => {}
            None => return fault("invalid character class range", self.from(start)),
        }
        let text = self.from(start).to_owned();
        // A `^` in the name negates.
        let spelt = match text.split_once("{^") {
            Some((class, name)) => {
                let other = if class == "\\p" { "\\P" } else { "\\p" };
                format!("{other}{{{name}")
            }
            None => text.clone(),
        };
        if Regex::new(&spelt).is_err() {
            return fault("invalid character class range", &text);
        }
        self.out.push_str(&spelt);
        Ok(())
    }

    /// The character that an escape stands for; the backslash has been read.
    fn escaped_character(&mut self, start: usize) -> Translated<char> {
        let c = self.bump().unwrap_or('\\');
        match c {
            '1'..='7' if !self.peek().is_some_and(|c| ('0'..='7').contains(&c)) => {}
            '0'..='7' => {
                let mut code = c.to_digit(8).unwrap_or(0);
                for _ in 0..2 {
                    let Some(digit) = self.peek().and_then(|c| c.to_digit(8)) else { break };
                    code = code * 8 + digit;
                    self.position += 1;
                }
                return Ok(char::from_u32(code).unwrap_or('\0'));
            }
            'x' => {
                if let Some(c) = self.hexadecimal() {
                    return Ok(c);
                }
            }
            'a' => return Ok('\u{7}'),
            'f' => return Ok('\u{c}'),
            'n' => return Ok('\n'),
            'r' => return Ok('\r'),
            't' => return Ok('\t'),
            'v' => return Ok('\u{b}'),
            c if c.is_ascii() && !c.is_ascii_alphanumeric() => return Ok(c),
            _ => {}
        }
        fault("invalid escape sequence", self.from(start))
    }

    /// `\x7F` and `\x{10FFFF}`, of which `\x` has been read.
    fn hexadecimal(&mut self) -> Option<char> {
        let rest = self.rest();
        let (digits, length) = match rest.strip_prefix('{') {
            Some(body) => {
                let close = body.find('}')?;
                (body.get(..close)?, close + 2)
            }
            None => (rest.get(..2).unwrap_or(""), 2),
        };
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            // Go shows all up to the character that is no digit.
            let good = rest.bytes().skip_while(|b| *b == b'{').take_while(u8::is_ascii_hexdigit).count();
            let shown = usize::from(rest.starts_with('{')) + good;
            self.position += rest.char_indices().nth(shown).map_or(rest.len(), |(at, c)| at + c.len_utf8());
            return None;
        }
        self.position += length;
        char::from_u32(u32::from_str_radix(digits, 16).ok()?)
    }

    fn class(&mut self) -> Translated<()> {
        let start = self.position;
        let missing = |pattern: &str| fault("missing closing ]", pattern);
        self.position += 1;
        self.out.push('[');
        if self.peek() == Some('^') {
            self.position += 1;
            self.out.push('^');
        }
        let mut first = true;
        loop {
            let tail = self.pattern.get(start..).unwrap_or("");
            match self.peek() {
                None => return missing(tail),
                Some(']') if !first => break,
                Some(_) => self.class_item(tail)?,
            }
            first = false;
        }
        self.position += 1;
        self.out.push(']');
        Ok(())
    }

    fn class_item(&mut self, tail: &str) -> Translated<()> {
        let start = self.position;
        if self.rest().starts_with("[:")
            && let Some(close) = self.rest().find(":]")
        {
            let name = self.rest().get(..close + 2).unwrap_or("");
            self.position += close + 2;
            let plain = name.trim_start_matches("[:").trim_start_matches('^').trim_end_matches(":]");
            if !POSIX_CLASSES.contains(&plain) {
                return fault("invalid character class range", name);
            }
            self.out.push_str(name);
            return Ok(());
        }
        if self.rest().starts_with("\\p") || self.rest().starts_with("\\P") {
            self.position += 1;
            return self.unicode_class(start);
        }
        if let Some(c) = self.rest().strip_prefix('\\').and_then(|rest| rest.chars().next())
            && matches!(c, 'd' | 'D' | 's' | 'S' | 'w' | 'W')
        {
            self.position += 2;
            self.out.push_str(perl_class(c));
            return Ok(());
        }
        let low = self.class_character(tail)?;
        let mut high = low;
        if self.peek() == Some('-') && self.rest().len() > 1 && !self.rest().starts_with("-]") {
            self.position += 1;
            high = self.class_character(tail)?;
            if high < low {
                return fault("invalid character class range", self.from(start));
            }
        }
        put(&mut self.out, format_args!("\\x{{{:X}}}", u32::from(low)));
        if high != low {
            put(&mut self.out, format_args!("-\\x{{{:X}}}", u32::from(high)));
        }
        Ok(())
    }

    fn class_character(&mut self, tail: &str) -> Translated<char> {
        let start = self.position;
        match self.bump() {
            None => fault("missing closing ]", tail),
            Some('\\') => {
                if self.peek().is_none() {
                    return fault("trailing backslash at end of expression", "");
                }
                self.escaped_character(start)
            }
            Some(c) => Ok(c),
        }
    }
}

/// Perl's classes, which in Go know ASCII only. Inside of a class they nest.
fn perl_class(c: char) -> &'static str {
    match c {
        'd' => "[0-9]",
        'D' => "[^0-9]",
        's' => "[\\t\\n\\x0C\\r ]",
        'S' => "[^\\t\\n\\x0C\\r ]",
        'w' => "[0-9A-Za-z_]",
        _ => "[^0-9A-Za-z_]",
    }
}

/// `{2}`, `{2,}`, `{2,5}`: length in bytes, least and greatest count.
fn counts(text: &str) -> Option<(usize, u32, Option<u32>)> {
    let close = text.find('}')?;
    let body = text.get(1..close)?;
    let number = |digits: &str| {
        let valid = !digits.is_empty()
            && digits.bytes().all(|b| b.is_ascii_digit())
            && (digits.len() == 1 || !digits.starts_with('0'));
        valid.then(|| digits.parse().unwrap_or(u32::MAX))
    };
    let (min, max) = match body.split_once(',') {
        None => {
            let exact = number(body)?;
            (exact, Some(exact))
        }
        Some((min, "")) => (number(min)?, None),
        Some((min, max)) => (number(min)?, Some(number(max)?)),
    };
    Some((close + 1, min, max))
}
