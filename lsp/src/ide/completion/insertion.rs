//! How a name or value is written where the cursor is.

use crate::ide::cursor::Style;

/// Words that YAML reads as something else than text.
const RESERVED: &[&str] = &["true", "false", "yes", "no", "on", "off", "null", "~", "y", "n"];

/// A text as the scalar at the cursor, quoted where it has to be.
pub fn scalar(value: &str, style: Style, is_flow: bool) -> String {
    match style {
        Style::SingleQuoted => value.replace('\'', "''"),
        Style::DoubleQuoted => value.replace('\\', "\\\\").replace('"', "\\\""),
        Style::Plain if needs_quotes(value, is_flow) => format!("'{}'", value.replace('\'', "''")),
        _ => value.to_owned(),
    }
}

/// A text as a key.
pub fn key(name: &str, is_flow: bool) -> String {
    scalar(name, Style::Plain, is_flow)
}

/// A text as a part of a snippet that means itself.
pub fn snippet_text(text: &str) -> String {
    text.replace('\\', "\\\\").replace('$', "\\$").replace('}', "\\}")
}

fn needs_quotes(value: &str, is_flow: bool) -> bool {
    let Some(first) = value.chars().next() else { return true };
    let is_indicator = "!&*{}[],#|>@`\"'%?:-".contains(first);
    let may_begin = matches!(first, '-' | '?' | ':')
        && !value[first.len_utf8()..].starts_with([' ', '\t'])
        && value.len() > 1;
    let lower = value.to_ascii_lowercase();
    (is_indicator && !may_begin)
        || value.contains(": ")
        || value.contains(" #")
        || value.ends_with([':', ' '])
        || value.starts_with(' ')
        || value.contains(['\n', '\r', '\t'])
        || (is_flow && value.contains([',', '[', ']', '{', '}']))
        || RESERVED.contains(&lower.as_str())
        || value.parse::<f64>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_quoted_where_they_would_mean_something_else() {
        for (value, flow, expected) in [
            ("build", false, "build"),
            ("docs:build", false, "docs:build"),
            ("@plugin:x", false, "'@plugin:x'"),
            ("a: b", false, "'a: b'"),
            ("1.0", false, "'1.0'"),
            ("yes", false, "'yes'"),
            ("it's", false, "it's"),
            ("'x", false, "'''x'"),
            ("build[arm64]", true, "'build[arm64]'"),
            ("build[arm64]", false, "build[arm64]"),
            ("", false, "''"),
            ("*", false, "'*'"),
            (":root", false, ":root"),
        ] {
            assert_eq!(scalar(value, Style::Plain, flow), expected);
        }
        assert_eq!(scalar("a'b", Style::SingleQuoted, false), "a''b");
        assert_eq!(scalar("a\"b", Style::DoubleQuoted, false), "a\\\"b");
        assert_eq!(snippet_text("a$b}"), "a\\$b\\}");
    }
}
