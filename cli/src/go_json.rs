//! JSON as Go's `encoding/json` indents it, with characters escaped that mean something to HTML and JavaScript.

use std::fmt::Write as _;

use serde_json::Value;

/// What one level is indented by.
const INDENT: &str = "  ";

/// What many levels are indented by.
const INDENTS: &str = "                                ";

/// Bytes that a text may have to be looked at for: those that are escaped, and the first of the two separators that are.
const SPECIAL: [bool; 256] = {
    let mut special = [false; 256];
    let mut byte = 0;
    while byte < 0x20 {
        special[byte] = true;
        byte += 1;
    }
    let others = [b'"', b'\\', b'<', b'>', b'&', 0xE2];
    let mut at = 0;
    while at < others.len() {
        special[others[at] as usize] = true;
        at += 1;
    }
    special
};

/// Writes JSON from its beginning to its end.
#[derive(Debug, Default)]
pub struct GoJson {
    out: String,
    /// For each open list or object whether it has a member.
    open: Vec<bool>,
}

impl GoJson {
    /// Opens a list or an object.
    pub fn begin(&mut self, bracket: char) {
        self.out.push(bracket);
        self.open.push(false);
    }

    /// Closes what was opened last.
    pub fn end(&mut self, bracket: char) {
        if self.open.pop() == Some(true) {
            self.new_line();
        }
        self.out.push(bracket);
    }

    /// Begins the next item of a list.
    pub fn item(&mut self) {
        if let Some(has_member) = self.open.last_mut()
            && std::mem::replace(has_member, true)
        {
            self.out.push(',');
        }
        self.new_line();
    }

    /// Begins the next member of an object.
    pub fn key(&mut self, name: &str) {
        self.item();
        self.text(name);
        self.out.push_str(": ");
    }

    /// The same with a name in which nothing is escaped.
    pub fn plain_key(&mut self, name: &'static str) {
        self.item();
        self.out.push('"');
        self.out.push_str(name);
        self.out.push_str("\": ");
    }

    fn new_line(&mut self) {
        self.out.push('\n');
        match INDENTS.get(..self.open.len() * INDENT.len()) {
            Some(indents) => self.out.push_str(indents),
            None => self.out.extend(self.open.iter().map(|_| INDENT)),
        }
    }

    /// A text.
    pub fn text(&mut self, text: &str) {
        self.out.push('"');
        if text.bytes().any(|byte| SPECIAL[usize::from(byte)]) {
            text.chars().for_each(|c| self.escaped(c));
        } else {
            self.out.push_str(text);
        }
        self.out.push('"');
    }

    fn escaped(&mut self, c: char) {
        match c {
            '"' => self.out.push_str("\\\""),
            '\\' => self.out.push_str("\\\\"),
            '\n' => self.out.push_str("\\n"),
            '\r' => self.out.push_str("\\r"),
            '\t' => self.out.push_str("\\t"),
            '\u{8}' => self.out.push_str("\\b"),
            '\u{c}' => self.out.push_str("\\f"),
            '\0'..='\u{1f}' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                // Writing to a text cannot fail.
                let _ = write!(self.out, "\\u{:04x}", u32::from(c));
            }
            _ => self.out.push(c),
        }
    }

    /// A list of texts.
    pub fn texts<'t>(&mut self, texts: impl IntoIterator<Item = &'t str>) {
        self.begin('[');
        for text in texts {
            self.item();
            self.text(text);
        }
        self.end(']');
    }

    /// Any value.
    pub fn value(&mut self, value: &Value) {
        match value {
            Value::String(text) => self.text(text),
            Value::Array(items) => {
                self.begin('[');
                for item in items {
                    self.item();
                    self.value(item);
                }
                self.end(']');
            }
            Value::Object(members) => {
                self.begin('{');
                for (name, member) in members {
                    self.key(name);
                    self.value(member);
                }
                self.end('}');
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {
                let _ = write!(self.out, "{value}");
            }
        }
    }

    /// A whole number.
    pub fn number(&mut self, number: u32) {
        let _ = write!(self.out, "{number}");
    }

    /// `true`, `false`, `null`
    pub fn word(&mut self, word: &'static str) {
        self.out.push_str(word);
    }

    /// The text, with a line break at its end.
    pub fn finish(mut self) -> String {
        self.out.push('\n');
        self.out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_look_as_go_writes_them() {
        let value = serde_json::json!({
            "a": [], "b": {}, "c": [1, -2.5, true, null], "<é>": {"d": "\"\\\n\r\t\u{8}\u{c}\u{1}&\u{2028}\u{2027}\u{7f}"},
        });
        let mut json = GoJson::default();
        json.value(&value);
        let expected = r#"{
  "a": [],
  "b": {},
  "c": [
    1,
    -2.5,
    true,
    null
  ],
  "\u003cé\u003e": {
    "d": "\"\\\n\r\t\b\f\u0001\u0026\u2028‧"#;
        assert_eq!(json.finish(), format!("{expected}\u{7f}\"\n  }}\n}}\n"));
    }
}
