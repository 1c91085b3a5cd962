//! Quoting a text so that the shell reads it back as it was.

use std::fmt::Write;
use std::sync::LazyLock;

use regex::Regex;

/// A text that no quoting can carry: the only one is a text with a null byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuoteError {
    /// Offset of the null byte.
    pub offset: usize,
}

impl std::fmt::Display for QuoteError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "cannot quote character at byte {}: shell strings cannot contain null bytes", self.offset)
    }
}

impl std::error::Error for QuoteError {}

/// What Go calls printable: letters, marks, numbers, punctuation and symbols.
#[allow(clippy::expect_used, reason = "a fixed pattern")]
static PRINTABLE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^[\p{L}\p{M}\p{N}\p{P}\p{S}]").expect("the pattern is valid"));

fn is_printable(c: char) -> bool {
    if c.is_ascii() {
        return (' '..='~').contains(&c);
    }
    c != char::REPLACEMENT_CHARACTER && PRINTABLE.is_match(c.encode_utf8(&mut [0; 4]))
}

/// Whether a word means something to the shell where a command begins.
pub fn is_keyword(word: &str) -> bool {
    matches!(
        word,
        "!" | "[["
            | "]]"
            | "case"
            | "coproc"
            | "do"
            | "done"
            | "else"
            | "esac"
            | "fi"
            | "for"
            | "function"
            | "if"
            | "in"
            | "select"
            | "then"
            | "time"
            | "until"
            | "while"
            | "{"
            | "}"
    )
}

fn is_active(c: char) -> bool {
    matches!(
        c,
        ';' | '"'
            | '\''
            | '('
            | ')'
            | '$'
            | '|'
            | '&'
            | '>'
            | '<'
            | '`'
            | ' '
            | '\t'
            | '\r'
            | '\n'
            | '\\'
            | '#'
            | '{'
            | '~'
            | '*'
            | '?'
            | '['
            | '='
    )
}

/// Quotes a text as one word of bash, exactly as go-task does for `shellQuote` and `CLI_ARGS`: nothing where none is
/// needed, else single quotes, double quotes where a single quote is inside, `$'…'` where a character is not printable.
///
/// # Errors
/// Where the text has a null byte.
pub fn quote(text: &str) -> Result<String, QuoteError> {
    if let Some(offset) = text.find('\0') {
        return Err(QuoteError { offset });
    }
    if text.is_empty() {
        return Ok("''".to_owned());
    }
    if !text.chars().all(is_printable) {
        return Ok(quote_escaped(text));
    }
    if !text.chars().any(is_active) && !is_keyword(text) {
        return Ok(text.to_owned());
    }
    if !text.contains('\'') {
        return Ok(format!("'{text}'"));
    }
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\' | '`' | '$') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('"');
    Ok(quoted)
}

fn quote_escaped(text: &str) -> String {
    let mut quoted = String::from("$'");
    for c in text.chars() {
        match c {
            '\'' | '\\' => quoted.extend(['\\', c]),
            c if is_printable(c) => quoted.push(c),
            '\u{7}' => quoted.push_str("\\a"),
            '\u{8}' => quoted.push_str("\\b"),
            '\u{c}' => quoted.push_str("\\f"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\u{b}' => quoted.push_str("\\v"),
            c if c.is_ascii() => {
                let _ = write!(quoted, "\\x{:02x}", u32::from(c));
            }
            c if u32::from(c) < 0x1_0000 => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(c));
            }
            c => {
                let _ = write!(quoted, "\\U{:08x}", u32::from(c));
            }
        }
    }
    quoted.push('\'');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_quoted_as_go_task_quotes_them() {
        for (text, expected) in [
            ("", "''"),
            ("a", "a"),
            ("a-b_c./d:e,f@g%h+i", "a-b_c./d:e,f@g%h+i"),
            ("}", "'}'"),
            ("a}", "a}"),
            ("if", "'if'"),
            ("elif", "elif"),
            ("!", "'!'"),
            ("a!", "a!"),
            ("a b", "'a b'"),
            ("a=b", "'a=b'"),
            ("#x", "'#x'"),
            ("^", "^"),
            ("]", "]"),
            ("it's", "\"it's\""),
            ("it's $5 \\ `x` \"y\"", "\"it's \\$5 \\\\ \\`x\\` \\\"y\\\"\""),
            ("a\nb", "$'a\\nb'"),
            ("a\tb'c\\d", "$'a\\tb\\'c\\\\d'"),
            ("\u{1}\u{7f}", "$'\\x01\\x7f'"),
            ("ü 語", "'ü 語'"),
            ("ü", "ü"),
            ("a\u{a0}b", "$'a\\u00a0b'"),
            ("\u{200b}", "$'\\u200b'"),
            ("\u{fffd}", "$'\\ufffd'"),
            ("\u{e0001}", "$'\\U000e0001'"),
            ("😀", "😀"),
        ] {
            assert_eq!(quote(text).as_deref(), Ok(expected), "{text:?}");
        }
        assert_eq!(
            quote("ab\0").map_err(|error| error.to_string()),
            Err("cannot quote character at byte 2: shell strings cannot contain null bytes".to_owned())
        );
    }
}
