//! Text that the user wrote as a YAML scalar.

use serde::Serialize;
use smol_str::SmolStr;

use crate::source::Span;
use crate::yaml::node::ScalarStyle;

/// A scalar's text with what is needed to find a place in it again: most of these hold templates or shell scripts.
#[derive(Clone, Debug, Serialize)]
pub struct Text {
    /// The text, escapes and folding done.
    pub value: SmolStr,
    /// The scalar, quotes included.
    pub span: Span,
    /// How it was written.
    pub style: ScalarStyle,
}

/// Two texts are equal when they say the same, wherever they stand.
impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl Eq for Text {}

impl Text {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.value
    }

    /// The same place with another text.
    #[must_use]
    pub fn with_value(&self, value: impl Into<SmolStr>) -> Self {
        Self { value: value.into(), span: self.span, style: self.style }
    }
}
