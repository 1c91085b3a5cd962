//! Go's quoted strings: writing (`strconv.Quote`) and reading (`strconv.Unquote`).

/// Appends formatted text.
pub(super) fn put(out: &mut String, arguments: std::fmt::Arguments<'_>) {
    use std::fmt::Write as _;
    // Writing to a String does not fail.
    let _ = out.write_fmt(arguments);
}

/// Whether Go counts a character as printable: letters, marks, numbers, punctuation, symbols and the ASCII space.
pub fn is_print(c: char) -> bool {
    if c.is_ascii() {
        return (' '..='\u{7e}').contains(&c);
    }
    // The standard library escapes what it does not hold to be printable; not being first keeps marks as they are.
    let mut buffer = [b'a'; 5];
    let length = c.encode_utf8(&mut buffer[1..]).len();
    std::str::from_utf8(&buffer[..=length]).is_ok_and(|text| text.escape_debug().nth(1) == Some(c))
}

/// A text in double quotes with Go's escapes.
pub fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    write_quoted(&mut out, text, '"', false);
    out
}

/// Writes a text in quotes with Go's escapes; with `ascii_only` everything beyond ASCII is escaped too.
pub fn write_quoted(out: &mut String, text: &str, quote: char, ascii_only: bool) {
    out.push(quote);
    for c in text.chars() {
        write_escaped(out, c, quote, ascii_only);
    }
    out.push(quote);
}

fn write_escaped(out: &mut String, c: char, quote: char, ascii_only: bool) {
    if c == quote || c == '\\' {
        out.push('\\');
        out.push(c);
        return;
    }
    if is_print(c) && (c.is_ascii() || !ascii_only) {
        out.push(c);
        return;
    }
    match c {
        '\u{07}' => out.push_str("\\a"),
        '\u{08}' => out.push_str("\\b"),
        '\u{0c}' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\u{0b}' => out.push_str("\\v"),
        c if c < ' ' || c == '\u{7f}' => put(out, format_args!("\\x{:02x}", c as u32)),
        c if (c as u32) < 0x1_0000 => put(out, format_args!("\\u{:04x}", c as u32)),
        c => put(out, format_args!("\\U{:08x}", c as u32)),
    }
}

/// Reads a quoted string literal (`"…"` or `` `…` ``). `None` where Go says `invalid syntax`.
pub fn unquote(literal: &str) -> Option<String> {
    let quote = literal.chars().next()?;
    let inner = literal.get(1..literal.len().checked_sub(1)?)?;
    if literal.len() < 2 || !literal.ends_with(quote) {
        return None;
    }
    match quote {
        '`' => Some(inner.chars().filter(|&c| c != '\r').collect()),
        '"' => unquote_inner(inner),
        _ => None,
    }
}

fn unquote_inner(inner: &str) -> Option<String> {
    if !inner.contains(['\\', '\n', '"']) {
        return Some(inner.to_owned());
    }
    let mut bytes = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(c) = rest.chars().next() {
        if c == '\n' || c == '"' {
            return None;
        }
        let (unit, tail) = unquote_char(rest, '"')?;
        unit.append_to(&mut bytes);
        rest = tail;
    }
    // Escaped bytes that are no UTF-8 become replacement characters: text is UTF-8 here.
    Some(String::from_utf8(bytes).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned()))
}

/// What one escape stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// `\x41` and `\101`: a byte.
    Byte(u8),
    /// Anything else: a character.
    Char(char),
}

impl Unit {
    fn append_to(self, bytes: &mut Vec<u8>) {
        match self {
            Self::Byte(byte) => bytes.push(byte),
            Self::Char(c) => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }

    /// The number that a character constant has.
    pub fn code(self) -> u32 {
        match self {
            Self::Byte(byte) => u32::from(byte),
            Self::Char(c) => u32::from(c),
        }
    }
}

/// Reads the first character or escape of `text`, inside quotes of the given kind, and returns what follows it.
pub fn unquote_char(text: &str, quote: char) -> Option<(Unit, &str)> {
    let mut chars = text.chars();
    let first = chars.next()?;
    if first == quote {
        return None;
    }
    if first != '\\' {
        return Some((Unit::Char(first), chars.as_str()));
    }
    let unit = match chars.next()? {
        'a' => '\u{07}',
        'b' => '\u{08}',
        'f' => '\u{0c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\u{0b}',
        '\\' => '\\',
        c @ ('"' | '\'') if c == quote => c,
        'x' => return digits(chars.as_str(), 2, 16).map(|(n, rest)| (Unit::Byte(n as u8), rest)),
        'u' => return digits(chars.as_str(), 4, 16).and_then(as_char),
        'U' => return digits(chars.as_str(), 8, 16).and_then(as_char),
        '0'..='7' => {
            let (n, rest) = digits(text.get(1..)?, 3, 8)?;
            return u8::try_from(n).ok().map(|byte| (Unit::Byte(byte), rest));
        }
        _ => return None,
    };
    Some((Unit::Char(unit), chars.as_str()))
}

fn as_char((code, rest): (u32, &str)) -> Option<(Unit, &str)> {
    char::from_u32(code).map(|c| (Unit::Char(c), rest))
}

fn digits(text: &str, count: usize, radix: u32) -> Option<(u32, &str)> {
    let head = text.get(..count)?;
    head.chars().all(|c| c.is_digit(radix)).then_some(())?;
    Some((u32::from_str_radix(head, radix).ok()?, text.get(count..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_as_go_does() {
        for (text, expected) in [
            ("a\"b", r#""a\"b""#),
            ("tab\there", r#""tab\there""#),
            ("ü😀", "\"ü😀\""),
            ("\u{7f}\u{0}", r#""\x7f\x00""#),
            ("\u{200b}\u{feff}", r#""\u200b\ufeff""#),
            ("e\u{301}", "\"e\u{301}\""),
            ("\u{a0}", r#""\u00a0""#),
        ] {
            assert_eq!(quote(text), expected);
        }
    }

    #[test]
    fn unquotes_as_go_does() {
        for (literal, expected) in [
            (r#""a\nb""#, Some("a\nb")),
            (r#""\x41\101\u0042\U0001F600""#, Some("AAB😀")),
            (r#""\'""#, None),
            (r#""\q""#, None),
            (r#""\400""#, None),
            ("`a\\n`", Some("a\\n")),
            (r#""\xff""#, Some("\u{fffd}")),
            ("\"", None),
            (r#""\x4""#, None),
        ] {
            assert_eq!(unquote(literal).as_deref(), expected, "{literal}");
        }
    }
}
