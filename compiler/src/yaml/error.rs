//! What can be wrong with YAML, with go-yaml's words for it.

use crate::diagnostic::{Code, Diagnostic, Fix};
use crate::source::{SourceMap, Span};

use super::node::{Node, NodeKind};
use super::scalar::tag_of;

/// How much of a value go-yaml shows in a message: up to this many bytes in full, else [`SHOWN_WHEN_CUT`].
const SHOWN_IN_FULL: usize = 10;

/// Bytes that go-yaml shows of a longer value.
const SHOWN_WHEN_CUT: usize = 7;

/// A text that is no YAML, or not the YAML that go-yaml takes.
#[derive(Clone, Debug, PartialEq)]
pub struct YamlError {
    /// The rule that it breaks: EZ101, or EZ109 for a limit of this reader.
    pub code: Code,
    /// What is wrong, in one line.
    pub message: String,
    /// Where.
    pub span: Span,
    /// go-yaml's message with its `yaml: ` in front; `None` if go-yaml would have stopped before it, or accepts it.
    pub go_message: Option<String>,
    /// What to write instead.
    pub help: Option<String>,
    /// A way to mend it.
    pub fix: Option<Fix>,
}

impl YamlError {
    /// The same as an error that go-yaml does not get to.
    pub(super) fn after_another(mut self) -> Self {
        self.go_message = None;
        self
    }

    /// As a diagnostic.
    pub fn to_diagnostic(&self) -> Diagnostic {
        let mut diagnostic = Diagnostic::error(self.code, self.message.clone(), self.span);
        diagnostic.help.clone_from(&self.help);
        diagnostic.fixes.extend(self.fix.clone());
        diagnostic
    }
}

/// A value that does not fit where it stands.
#[derive(Clone, Debug, PartialEq)]
pub enum DecodeError {
    /// The wrong type; go-yaml goes on and reports all of these together.
    CannotUnmarshal {
        /// The value.
        span: Span,
        /// Where go-yaml says it begins.
        start: Span,
        /// The value's tag, `!!seq`.
        tag: String,
        /// The beginning of a scalar's text.
        value: Option<String>,
        /// The Go type, `[]string`.
        into: String,
    },
    /// A key that the same mapping has already.
    DuplicateKey {
        /// The later key.
        span: Span,
        /// The earlier key.
        first: Span,
        /// The key's text.
        key: String,
    },
    /// An error that ends go-yaml's decoding.
    Fatal {
        /// Where.
        span: Span,
        /// go-yaml's message without its `yaml: `.
        message: String,
    },
}

impl DecodeError {
    /// The error of a node that cannot become the Go type `into`. Aliases are followed.
    pub fn cannot_unmarshal(node: &Node, into: &str) -> Self {
        let node = super::scalar::target(node).unwrap_or(node);
        let value = match &node.kind {
            NodeKind::Scalar(scalar) if scalar.text.len() > SHOWN_IN_FULL => {
                let shown = &scalar.text.as_bytes()[..SHOWN_WHEN_CUT];
                Some(format!("{}...", String::from_utf8_lossy(shown)))
            }
            NodeKind::Scalar(scalar) => Some(scalar.text.to_string()),
            _ => None,
        };
        let start = Span { start: node.start, end: node.start, ..node.span };
        let tag = tag_of(node).into_owned();
        Self::CannotUnmarshal { span: node.span, start, tag, value, into: into.to_owned() }
    }

    /// Where it is.
    pub fn span(&self) -> Span {
        match self {
            Self::CannotUnmarshal { span, .. }
            | Self::DuplicateKey { span, .. }
            | Self::Fatal { span, .. } => *span,
        }
    }

    /// go-yaml's text: `line 3: cannot unmarshal !!seq into string`.
    pub fn go_message(&self, sources: &SourceMap) -> String {
        match self {
            Self::CannotUnmarshal { start, .. } => {
                format!("line {}: {}", sources.position(*start).line, self.message())
            }
            Self::DuplicateKey { span, first, key } => format!(
                "line {}: mapping key {} already defined at line {}",
                sources.position(*span).line,
                go_quoted(key),
                sources.position(*first).line
            ),
            Self::Fatal { message, .. } => format!("yaml: {message}"),
        }
    }

    /// The same without lines, for a message that points at its place.
    pub fn message(&self) -> String {
        match self {
            Self::CannotUnmarshal { tag, value, into, .. } => match value {
                Some(value) => format!("cannot unmarshal {tag} `{value}` into {into}"),
                None => format!("cannot unmarshal {tag} into {into}"),
            },
            Self::DuplicateKey { key, .. } => format!("mapping key {} already defined", go_quoted(key)),
            Self::Fatal { message, .. } => message.clone(),
        }
    }
}

/// go-yaml's message for a file that is no UTF-8; `None` of one that is.
pub fn utf8_problem(bytes: &[u8]) -> Option<&'static str> {
    let at = std::str::from_utf8(bytes).err()?.valid_up_to();
    let rest = bytes.get(at..)?;
    let width = match rest.first()? {
        0x00..=0x7F => 1,
        0xC0..=0xDF => 2,
        0xE0..=0xEF => 3,
        0xF0..=0xF7 => 4,
        _ => return Some("yaml: invalid leading UTF-8 octet"),
    };
    let Some(sequence) = rest.get(..width) else { return Some("yaml: incomplete UTF-8 octet sequence") };
    if sequence.iter().skip(1).any(|octet| octet & 0xC0 != 0x80) {
        return Some("yaml: invalid trailing UTF-8 octet");
    }
    let is_overlong = match sequence {
        [first, _] => *first < 0xC2,
        [0xE0, second, _] => *second < 0xA0,
        [0xF0, second, ..] => *second < 0x90,
        _ => false,
    };
    Some(if is_overlong {
        "yaml: invalid length of a UTF-8 sequence"
    } else {
        "yaml: invalid Unicode character"
    })
}

/// Text as Go's `%#v` and `%q` print it.
pub fn go_quoted(text: &str) -> String {
    use std::fmt::Write as _;
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            '\x07' => quoted.push_str("\\a"),
            '\x08' => quoted.push_str("\\b"),
            '\x0B' => quoted.push_str("\\v"),
            '\x0C' => quoted.push_str("\\f"),
            c if c.is_ascii_control() => {
                let _ = write!(quoted, "\\x{:02x}", c as u32);
            }
            c if c.is_ascii() || is_printable(c) => quoted.push(c),
            c if (c as u32) < 0x1_0000 => {
                let _ = write!(quoted, "\\u{:04x}", c as u32);
            }
            c => {
                let _ = write!(quoted, "\\U{:08x}", c as u32);
            }
        }
    }
    quoted.push('"');
    quoted
}

/// Whether Go prints a character beyond ASCII as itself. Marks count, so a letter is put before it.
fn is_printable(c: char) -> bool {
    let mut buffer = [b'a'; 5];
    let length = c.encode_utf8(&mut buffer[1..]).len();
    std::str::from_utf8(&buffer[..=length]).is_ok_and(|text| text.escape_debug().nth(1) == Some(c))
}
