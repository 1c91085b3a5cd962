//! Expansion of words without running anything, as go-task does it for `dir`, `sources`, `generates` and `splitArgs`.
//!
//! Variables are those of the environment; an empty one counts as unset, as in go-task.

use std::fmt;

use super::arithmetic_value::Numbers;
use super::ast::{Arithmetic, Parameter, ParameterOperation, TextRange, Word, WordPart};
use super::braces::{BracePart, expand_braces};
use super::error::SyntaxError;
use super::pattern::{
    Extent, Finder, MAX_MATCH_STEPS, Pattern, PatternRules, TooManySteps, escape_glob, has_glob,
};
use super::quote::quote;
use super::word::{parse_document, parse_words};

/// How many bytes the expansion of one text may have.
pub const MAX_EXPANDED: usize = 64 << 20;

/// What gives the values of variables. `HOME name`, with a blank, asks for the home directory of another user.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Why a text was not expanded. Its `Display` is go-task's message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExpandError {
    /// The text is no shell text.
    Syntax(SyntaxError),
    /// An expansion failed, or would need a shell.
    Failed(String),
}

impl fmt::Display for ExpandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(error) => error.fmt(f),
            Self::Failed(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for ExpandError {}

impl From<SyntaxError> for ExpandError {
    fn from(error: SyntaxError) -> Self {
        Self::Syntax(error)
    }
}

impl From<TooManySteps> for ExpandError {
    fn from(TooManySteps: TooManySteps) -> Self {
        Self::Failed(format!("a pattern needs more than {MAX_MATCH_STEPS} comparisons to be found"))
    }
}

type Expanded<T> = Result<T, ExpandError>;

/// A field that may still match files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Field {
    /// A text as it is.
    Text(String),
    /// A glob pattern in which a backslash takes away a character's meaning.
    Glob {
        /// The pattern.
        pattern: String,
        /// The text that stands for it where the pattern is wrong.
        text: String,
    },
}

/// Expands a text as go-task does for `dir` and the like: `~`, variables and arithmetic; quotes stay as they are.
///
/// # Errors
/// A syntax error, or an expansion that fails or would run a command.
pub fn expand_literal(text: &str, environment: Environment<'_>) -> Expanded<String> {
    // The common case needs no parser.
    if !text.contains(['~', '$', '`', '\\', '\0', '\r']) {
        return Ok(text.to_owned());
    }
    let expander = Expander { source: text, environment };
    match parse_document(text)? {
        Some(word) => expander.text(&word.parts, Quotes::None),
        None => Ok(String::new()),
    }
}

/// Expands a text as arguments of a command, without matching files: what go-task's `splitArgs` does.
///
/// # Errors
/// A syntax error, or an expansion that fails or would run a command.
pub fn split_words(text: &str, environment: Environment<'_>) -> Expanded<Vec<String>> {
    let fields = Expander { source: text, environment }.words(text)?;
    Ok(fields.iter().map(|field| field.iter().map(|part| part.text.as_str()).collect()).collect())
}

/// Expands a text as arguments of a command up to the point where patterns are matched against files.
///
/// # Errors
/// A syntax error, or an expansion that fails or would run a command.
pub fn expand_fields(text: &str, environment: Environment<'_>) -> Expanded<Vec<Field>> {
    let fields = Expander { source: text, environment }.words(text)?;
    Ok(fields.into_iter().map(|field| to_field(&field)).collect())
}

fn to_field(parts: &[FieldPart]) -> Field {
    let text: String = parts.iter().map(|part| part.text.as_str()).collect();
    if !parts.iter().any(|part| !part.quoted && part.text.contains(['*', '?', '['])) {
        return Field::Text(text);
    }
    let pattern: String = parts
        .iter()
        .map(|part| if part.quoted { escape_glob(&part.text) } else { part.text.replace('\\', "\\\\") })
        .collect();
    if has_glob(&pattern) { Field::Glob { pattern, text } } else { Field::Text(text) }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quotes {
    None,
    Double,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct FieldPart {
    text: String,
    quoted: bool,
}

type Parts = Vec<FieldPart>;

/// Collects the fields that one word becomes.
#[derive(Default)]
struct Fields {
    done: Vec<Parts>,
    bytes: usize,
    current: Parts,
    allow_empty: bool,
}

impl Fields {
    fn push(&mut self, text: impl Into<String>, quoted: bool) {
        let text = text.into();
        self.bytes += text.len();
        self.current.push(FieldPart { text, quoted });
    }

    fn flush(&mut self) {
        if !self.current.is_empty() {
            self.done.push(std::mem::take(&mut self.current));
        }
    }

    fn split(&mut self, value: &str, separators: &str) {
        let mut first = true;
        for piece in value.split(|c| separators.contains(c)) {
            if !first {
                self.flush();
            }
            first = false;
            if !piece.is_empty() {
                self.push(piece, false);
            }
        }
    }

    fn finish(mut self) -> Vec<Parts> {
        self.flush();
        if self.allow_empty && self.done.is_empty() {
            self.done.push(Vec::new());
        }
        self.done
    }
}

/// Expands the words of one text.
#[derive(Clone, Copy)]
pub(super) struct Expander<'a> {
    source: &'a str,
    environment: Environment<'a>,
}

fn failed<T>(message: impl Into<String>) -> Expanded<T> {
    Err(ExpandError::Failed(message.into()))
}

/// Stops before an expansion takes all memory.
fn bounded(bytes: usize) -> Expanded<()> {
    if bytes > MAX_EXPANDED {
        return failed(format!("the expansion has more than {MAX_EXPANDED} bytes"));
    }
    Ok(())
}

impl Expander<'_> {
    pub(super) fn variable(&self, name: &str) -> Option<String> {
        (self.environment)(name).filter(|value| !value.is_empty())
    }

    fn words(&self, text: &str) -> Expanded<Vec<Parts>> {
        let mut done = Vec::new();
        let mut bytes = 0;
        for word in parse_words(text)? {
            for parts in expand_braces(&word.parts).map_err(ExpandError::Failed)? {
                let mut fields = Fields { bytes, ..Fields::default() };
                self.fields(&parts, &mut fields)?;
                bytes = fields.bytes;
                done.append(&mut fields.finish());
            }
        }
        Ok(done)
    }

    fn fields(&self, parts: &[BracePart<'_>], fields: &mut Fields) -> Expanded<()> {
        let separators = self.variable("IFS").unwrap_or_else(|| " \t\n".to_owned());
        for (index, part) in parts.iter().enumerate() {
            match part {
                BracePart::Text(text) => self.literal(text, index == 0, parts.len() > 1, fields),
                BracePart::Other(WordPart::SingleQuoted { dollar, text, .. }) => {
                    fields.allow_empty = true;
                    fields.push(single_quoted(*dollar, text), true);
                }
                BracePart::Other(WordPart::DoubleQuoted { parts, .. }) => {
                    if matches!(parts.as_slice(), [part] if self.is_empty_array(part)) {
                        continue;
                    }
                    fields.allow_empty = true;
                    fields.push(self.text(parts, Quotes::Double)?, true);
                }
                BracePart::Other(WordPart::Arithmetic { expression, .. }) => {
                    fields.push(self.number(expression)?.to_string(), false);
                }
                BracePart::Other(WordPart::ExtendedGlob { .. }) => {
                    return failed("extended globbing operator used without the \"extglob\" option set");
                }
                BracePart::Other(part) => fields.split(&self.value(part)?, &separators),
                BracePart::Brace(_) => {}
            }
            bounded(fields.bytes)?;
        }
        Ok(())
    }

    /// `"${x[@]}"` of an unset variable, which is no field at all.
    fn is_empty_array(&self, part: &WordPart) -> bool {
        let WordPart::Parameter(parameter) = part else { return false };
        let Some(Arithmetic::Word(index)) = &parameter.index else { return false };
        !parameter.length
            && !parameter.indirect
            && index.literal() == Some("@")
            && self.variable(&parameter.name.text).is_none()
    }

    fn literal(&self, text: &str, first: bool, more: bool, fields: &mut Fields) {
        let mut rest = text;
        if first {
            let (home, behind) = self.home(text, more);
            fields.push(home.unwrap_or_default(), true);
            rest = behind;
        }
        let mut plain = String::new();
        let mut characters = rest.chars();
        while let Some(c) = characters.next() {
            if c != '\\' {
                plain.push(c);
                continue;
            }
            fields.push(std::mem::take(&mut plain), false);
            fields.push(characters.next().unwrap_or('\\'), true);
        }
        fields.push(plain, false);
    }

    /// Splits a leading `~` or `~name` off, if it has a known home directory.
    fn home<'t>(&self, text: &'t str, more: bool) -> (Option<String>, &'t str) {
        let Some(rest) = text.strip_prefix('~') else { return (None, text) };
        let slash = rest.find('/');
        if slash.is_none() && more {
            return (None, text);
        }
        let (name, behind) = rest.split_at(slash.unwrap_or(rest.len()));
        let home =
            if name.is_empty() { self.variable("HOME") } else { self.variable(&format!("HOME {name}")) };
        match home {
            Some(home) => (Some(home), behind),
            None => (None, text),
        }
    }

    /// The value of parts that become a single text.
    fn text(&self, parts: &[WordPart], quotes: Quotes) -> Expanded<String> {
        let mut value = String::new();
        for (index, part) in parts.iter().enumerate() {
            match part {
                WordPart::Literal(literal) => {
                    let mut text = literal.text.as_str();
                    if index == 0 && quotes == Quotes::None {
                        let (home, rest) = self.home(text, parts.len() > 1);
                        value.push_str(&home.unwrap_or_default());
                        text = rest;
                    }
                    match quotes {
                        Quotes::None => value.push_str(text),
                        Quotes::Double => value.push_str(&double_quoted(text)),
                    }
                }
                WordPart::SingleQuoted { dollar, text, .. } => value.push_str(&single_quoted(*dollar, text)),
                WordPart::DoubleQuoted { parts, .. } => value.push_str(&self.text(parts, Quotes::Double)?),
                WordPart::ExtendedGlob { operator, pattern, .. } => {
                    value.push(*operator);
                    value.push('(');
                    value.push_str(pattern);
                    value.push(')');
                }
                _ => value.push_str(&self.value(part)?),
            }
            bounded(value.len())?;
        }
        Ok(value)
    }

    fn word(&self, word: Option<&Word>) -> Expanded<String> {
        word.map_or(Ok(String::new()), |word| self.text(&word.parts, Quotes::None))
    }

    fn value(&self, part: &WordPart) -> Expanded<String> {
        match part {
            WordPart::Parameter(parameter) => self.parameter(parameter),
            WordPart::Arithmetic { expression, .. } => Ok(self.number(expression)?.to_string()),
            WordPart::CommandSubstitution { range, .. } => {
                failed(format!("unexpected command substitution at {}", self.place(*range)))
            }
            WordPart::ProcessSubstitution { range, .. } => {
                failed(format!("unexpected process substitution at {}", self.place(*range)))
            }
            _ => self.text(std::slice::from_ref(part), Quotes::None),
        }
    }

    fn place(&self, range: TextRange) -> String {
        let before = self.source.get(..range.start as usize).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before.len() - before.rfind('\n').map_or(0, |newline| newline + 1) + 1;
        format!("{line}:{column}")
    }

    fn number(&self, expression: &Arithmetic) -> Expanded<i64> {
        Numbers::new(*self).value(expression)
    }

    /// The value of a word in arithmetic.
    pub(super) fn operand(&self, word: &Word) -> Expanded<String> {
        self.word(Some(word))
    }

    fn parameter(&self, parameter: &Parameter) -> Expanded<String> {
        let name = parameter.name.text.as_str();
        let mut value = self.variable(name);
        if let Some(index) = &parameter.index
            && self.number(index)? != 0
        {
            value = None;
        }
        let text = value.clone().unwrap_or_default();
        if parameter.length {
            return Ok(text.chars().count().to_string());
        }
        if parameter.indirect {
            return match (&parameter.operation, value) {
                (Some(ParameterOperation::Names(_)), _) => Ok(String::new()),
                (_, None) => failed("invalid indirect expansion"),
                (_, Some(name)) => Ok(self.variable(&name).unwrap_or_default()),
            };
        }
        match &parameter.operation {
            None | Some(ParameterOperation::Names(_)) => Ok(text),
            Some(ParameterOperation::Slice(offset, length)) => {
                let offset = offset.as_ref().map(|offset| self.number(offset)).transpose()?;
                let length = length.as_ref().map(|length| self.number(length)).transpose()?;
                Ok(slice(&text, offset, length))
            }
            Some(ParameterOperation::Replace { all, pattern, replacement }) => {
                self.replace(&text, *all, pattern.as_ref(), replacement.as_ref())
            }
            Some(ParameterOperation::Word(operator, word)) => {
                self.operate(name, text, operator, word.as_ref())
            }
        }
    }

    /// An operator with a word behind it. An empty variable counts as unset, so `-` does the same as `:-`.
    fn operate(&self, name: &str, text: String, operator: &str, word: Option<&Word>) -> Expanded<String> {
        let argument = self.word(word)?;
        let set = !text.is_empty();
        match operator {
            "+" | ":+" => Ok(if set { argument } else { text }),
            "-" | ":-" => Ok(if set { text } else { argument }),
            "?" | ":?" | "=" | ":=" if set => Ok(text),
            "?" | ":?" => failed(format!("{name}: {argument}")),
            "=" | ":=" => failed("environment is read-only"),
            "#" | "##" | "%" | "%%" => remove(&text, operator, &argument),
            "^" | "^^" | "," | ",," => Ok(change_case(&text, operator, &argument)),
            _ => match argument.as_str() {
                "Q" => quote(&text).map_err(|error| ExpandError::Failed(error.to_string())),
                "U" => Ok(text.to_uppercase()),
                "L" => Ok(text.to_lowercase()),
                "u" => Ok(change_case(&text, "^", "")),
                _ => failed(format!("unsupported expansion operator @{argument}")),
            },
        }
    }

    fn replace(
        &self,
        text: &str,
        all: bool,
        pattern: Option<&Word>,
        replacement: Option<&Word>,
    ) -> Expanded<String> {
        let mut source = String::new();
        for part in pattern.map_or(&[][..], |word| &word.parts) {
            let value = self.text(std::slice::from_ref(part), Quotes::None)?;
            let quoted = matches!(part, WordPart::SingleQuoted { .. } | WordPart::DoubleQuoted { .. });
            source.push_str(&if quoted { escape_glob(&value) } else { value });
        }
        let replacement = self.word(replacement)?;
        let Ok(pattern) = Pattern::compile(&source, PatternRules::ShellText) else {
            return Ok(text.to_owned());
        };
        if source.is_empty() {
            return Ok(text.to_owned());
        }
        let mut finder = Finder::of_prefixes(&pattern);
        let mut replaced = String::new();
        let mut rest = text;
        while !rest.is_empty() {
            let longest = finder.find(rest.chars(), Extent::Longest)?;
            if let Some(end) = longest.filter(|&end| end > 0) {
                replaced.push_str(&replacement);
                bounded(replaced.len())?;
                rest = &rest[end..];
                if !all {
                    break;
                }
            } else if pattern.starts_anywhere() {
                break;
            } else {
                let next = rest.chars().next().map_or(rest.len(), char::len_utf8);
                replaced.push_str(&rest[..next]);
                rest = &rest[next..];
            }
        }
        replaced.push_str(rest);
        Ok(replaced)
    }
}

fn slice(text: &str, offset: Option<i64>, length: Option<i64>) -> String {
    let place = |n: i64, count: usize| {
        let n = if n < 0 { n.saturating_add(count as i64) } else { n };
        usize::try_from(n).map_or(count, |n| n.min(count))
    };
    let mut characters: Vec<char> = text.chars().collect();
    if let Some(offset) = offset {
        let start = place(offset, characters.len());
        characters.drain(..start);
    }
    if let Some(length) = length {
        let end = place(length, characters.len());
        characters.truncate(end);
    }
    characters.into_iter().collect()
}

fn remove(text: &str, operator: &str, pattern: &str) -> Expanded<String> {
    let Ok(pattern) = Pattern::compile(pattern, PatternRules::ShellText) else { return Ok(text.to_owned()) };
    let extent = if operator.len() == 1 { Extent::Shortest } else { Extent::Longest };
    let kept = if operator.starts_with('#') {
        let length = Finder::of_prefixes(&pattern).find(text.chars(), extent)?;
        &text[length.unwrap_or(0)..]
    } else {
        let length = Finder::of_suffixes(&pattern).find(text.chars().rev(), extent)?;
        &text[..text.len() - length.unwrap_or(0)]
    };
    Ok(kept.to_owned())
}

fn change_case(text: &str, operator: &str, pattern: &str) -> String {
    let pattern = if pattern.is_empty() { "?" } else { pattern };
    let Ok(pattern) = Pattern::compile(pattern, PatternRules::ShellText) else { return text.to_owned() };
    let all = operator.len() == 2;
    let upper = operator.starts_with('^');
    text.chars()
        .enumerate()
        .map(|(index, c)| {
            if (index > 0 && !all) || !pattern.matches(c.encode_utf8(&mut [0; 4])) {
                return c;
            }
            if upper { c.to_uppercase().next().unwrap_or(c) } else { c.to_lowercase().next().unwrap_or(c) }
        })
        .collect()
}

fn double_quoted(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        match (c, characters.peek()) {
            ('\\', Some(&next @ ('"' | '\\' | '$' | '`'))) => {
                plain.push(next);
                characters.next();
            }
            _ => plain.push(c),
        }
    }
    plain
}

/// The text of `'…'`, or of `$'…'` with its escapes; a null character ends the latter.
fn single_quoted(dollar: bool, text: &str) -> String {
    if !dollar {
        return text.to_owned();
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        rest = escape(&rest[at + 1..], &mut bytes);
    }
    bytes.extend_from_slice(rest.as_bytes());
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

/// Reads an escape behind its backslash, and returns what follows it.
fn escape<'t>(text: &'t str, bytes: &mut Vec<u8>) -> &'t str {
    let Some(c) = text.chars().next() else {
        bytes.push(b'\\');
        return text;
    };
    let rest = &text[c.len_utf8()..];
    let digits = |text: &'t str, most: usize, radix: u32| {
        let length = text.chars().take(most).take_while(|c| c.is_digit(radix)).count();
        text.split_at(length)
    };
    match c {
        'a' => bytes.push(7),
        'b' => bytes.push(8),
        'e' | 'E' => bytes.push(0x1b),
        'f' => bytes.push(0xc),
        'n' => bytes.push(b'\n'),
        'r' => bytes.push(b'\r'),
        't' => bytes.push(b'\t'),
        'v' => bytes.push(0xb),
        '\\' | '\'' | '"' | '?' => bytes.push(c as u8),
        '0'..='7' => {
            let (octal, rest) = digits(text, 3, 8);
            bytes.push(u16::from_str_radix(octal, 8).unwrap_or_default().min(255) as u8);
            return rest;
        }
        'x' | 'u' | 'U' => {
            let most = match c {
                'x' => 2,
                'u' => 4,
                _ => 8,
            };
            let (hexadecimal, rest) = digits(rest, most, 16);
            if let Ok(number) = u32::from_str_radix(hexadecimal, 16) {
                if c == 'x' {
                    bytes.push(number as u8);
                } else {
                    let c = char::from_u32(number).unwrap_or(char::REPLACEMENT_CHARACTER);
                    bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                }
                return rest;
            }
            bytes.extend_from_slice(&[b'\\', c as u8]);
        }
        c => {
            bytes.push(b'\\');
            bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(name: &str) -> Option<String> {
        let value = match name {
            "HOME" => "/home/u",
            "HOME root" => "/root",
            "foo" => "bar baz",
            "x" => "a.b/c.d",
            "N" => "3",
            "star" => "*x",
            "b" => "hello",
            "empty" => "",
            _ => return None,
        };
        Some(value.to_owned())
    }

    #[test]
    fn expansions_have_limits() {
        let large = |name: &str| (name == "a").then(|| "a".repeat(100_000));
        let too_large = "the expansion has more than 67108864 bytes";
        let too_slow = "a pattern needs more than 33554432 comparisons to be found";
        for (text, expected) in [
            (format!("\"{}\"", "$a".repeat(1000)), too_large),
            ("\"$a$a$a$a\" ".repeat(200), too_large),
            ("{1..9999}\"$a\"".to_owned(), too_large),
            ("${a//a/$a}".to_owned(), too_large),
            ("${a//a*x}".to_owned(), too_slow),
            (
                format!("{{1..9999}}{}", "$b".repeat(10_000)),
                "brace expansion would copy more than 4194304 pieces",
            ),
            (
                format!("{{1..9999}}{}", "{1..1}".repeat(400)),
                "brace expansion would copy more than 4194304 pieces",
            ),
        ] {
            let failure = expand_fields(&text, &large).unwrap_err().to_string();
            assert_eq!(failure, expected, "{}", &text[..text.len().min(20)]);
        }
        assert!(split_words("${a//x}${a//*x}${a##*x}${a%%x*}", &large).is_ok());
    }

    #[test]
    fn words_are_split_as_go_task_splits_them() {
        for (text, expected) in [
            ("a  b\tc\nd", &["a", "b", "c", "d"][..]),
            ("'a b' \"c d\" e\\ f", &["a b", "c d", "e f"]),
            ("~/x ~ a~ ~nobody ~root/y \"~\"", &["/home/u/x", "/home/u", "a~", "~nobody", "/root/y", "~"]),
            ("$foo \"$foo\" a$foo'b'", &["bar", "baz", "bar baz", "abar", "bazb"]),
            ("$nope \"\" $empty ''", &["", ""]),
            ("{a,b}c {1..3} {,x} {a,{b,c}}", &["ac", "bc", "1", "2", "3", "", "x", "a", "b", "c"]),
            (
                "{a..e..2} {03..1} {a {b} {1..a} \\{a,b}",
                &["a", "c", "e", "03", "02", "01", "{a", "{b}", "{1..a}", "{a,b}"],
            ),
            ("${nope:-d} ${x#*.} ${x##*/} ${x%.*} ${x%%.*}", &["d", "b/c.d", "c.d", "a.b/c", "a"]),
            (
                "${x//[bc]/_} ${x/b/Z} ${b^^} ${b^} ${#x} ${b:1:2} ${b: -2}",
                &["a._/_.d", "a.Z/c.d", "HELLO", "Hello", "7", "el", "lo"],
            ),
            ("$((1+2*N)) $((2**3)) $((16#ff|010)) $((!N ? 1 : 2))", &["7", "8", "255", "2"]),
            ("$'a\\tb\\x41\\u00e9' \\*x $star", &["a\tbAé", "*x", "*x"]),
            ("a # comment", &["a"]),
            ("", &[]),
        ] {
            assert_eq!(
                split_words(text, &environment),
                Ok(expected.iter().map(|&word| word.to_owned()).collect()),
                "{text}"
            );
        }
    }

    #[test]
    fn a_literal_keeps_its_quotes() {
        for (text, expected) in [
            ("dir/sub", "dir/sub"),
            ("~/x", "/home/u/x"),
            ("a/~", "a/~"),
            ("$b/${nope:-y}", "hello/y"),
            ("'a' \"$foo\"", "'a' \"bar baz\""),
            ("*.go {a,b}", "*.go {a,b}"),
            ("a\\b", "a\\b"),
            ("", ""),
        ] {
            assert_eq!(expand_literal(text, &environment).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn fields_tell_patterns_from_texts() {
        for (text, expected) in [
            ("*.go", "glob *.go"),
            ("'*'.go", "text *.go"),
            ("\\*.go", "text *.go"),
            ("'*'*", "glob \\**"),
            ("a[", "text a["),
            ("[ab]", "glob [ab]"),
            ("$star", "glob *x"),
            ("\"$star\"", "text *x"),
        ] {
            let fields = expand_fields(text, &environment).unwrap();
            let shown = match fields.as_slice() {
                [Field::Text(text)] => format!("text {text}"),
                [Field::Glob { pattern, .. }] => format!("glob {pattern}"),
                other => format!("{other:?}"),
            };
            assert_eq!(shown, expected, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_expanded_is_an_error() {
        for (text, expected) in [
            ("a 'b", "1:3: reached EOF without closing quote `'`"),
            ("a; b", "1:2: `;` is not a valid word"),
            ("x\n $(y)", "unexpected command substitution at 2:2"),
            ("${nope:?message}", "nope: message"),
            ("${nope:=v}", "environment is read-only"),
            ("$((1/0))", "division by zero"),
            ("@(a)", "extended globbing operator used without the \"extglob\" option set"),
            ("{1..99999}", "brace expansion would exceed 16384 elements"),
        ] {
            let error = split_words(text, &environment).map_err(|error| error.to_string());
            assert_eq!(error, Err(expected.to_owned()), "{text}");
        }
        assert!(split_words(&"{a}".repeat(100_000), &environment).is_ok());
        assert!(split_words(&"{".repeat(100_000), &environment).is_ok());
        assert!(split_words(&"{1..1}".repeat(100_000), &environment).is_err());
        assert!(split_words(&"{a,".repeat(100_000), &environment).is_ok());
    }
}
