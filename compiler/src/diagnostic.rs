//! What the compiler says about a user's file.

use std::borrow::Cow;

use serde::Serialize;

use crate::source::Span;

/// A rule's identity: a stable code and a name, as in `EZ203 unknown-task`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Code {
    /// The stable code, `EZ203`.
    pub id: &'static str,
    /// The name in kebab case, `unknown-task`.
    pub name: &'static str,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Silenced.
    Allow,
    /// Does something surprising.
    Warning,
    /// go-task would fail.
    Error,
}

/// A further place with a remark.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// The remark, a lower-case fragment; may be empty.
    pub message: Cow<'static, str>,
}

/// A replacement of one piece of text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Edit {
    /// What is replaced; empty to insert.
    pub span: Span,
    /// The new text.
    pub new_text: String,
}

/// A way to mend what a diagnostic reports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fix {
    /// What the fix does, as an imperative: "rename to `build`".
    pub title: String,
    /// The edits, none of which overlap.
    pub edits: Vec<Edit>,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// The rule.
    pub code: Code,
    /// The level, after the user's settings.
    pub severity: Severity,
    /// What is wrong, one line.
    pub message: String,
    /// Where.
    pub span: Span,
    /// The remark at [`Self::span`]; may be empty.
    pub label: Cow<'static, str>,
    /// Other places that matter.
    pub labels: Vec<Label>,
    /// What to write instead.
    pub help: Option<String>,
    /// Ways to mend it.
    pub fixes: Vec<Fix>,
}

impl Diagnostic {
    /// An error of a rule at a place.
    pub fn error(code: Code, message: impl Into<String>, span: Span) -> Self {
        Self::new(code, Severity::Error, message, span)
    }

    /// A warning of a rule at a place.
    pub fn warning(code: Code, message: impl Into<String>, span: Span) -> Self {
        Self::new(code, Severity::Warning, message, span)
    }

    fn new(code: Code, severity: Severity, message: impl Into<String>, span: Span) -> Self {
        let message = message.into();
        Self {
            code,
            severity,
            message,
            span,
            label: Cow::Borrowed(""),
            labels: Vec::new(),
            help: None,
            fixes: Vec::new(),
        }
    }

    /// The finding in a map of sources that took its own in; see [`crate::source::SourceMap::absorb`].
    #[must_use]
    pub fn moved_up(mut self, fragments: u32) -> Self {
        self.span = self.span.moved_up(fragments);
        let edits = self.fixes.iter_mut().flat_map(|fix| &mut fix.edits).map(|edit| &mut edit.span);
        for span in self.labels.iter_mut().map(|label| &mut label.span).chain(edits) {
            *span = span.moved_up(fragments);
        }
        self
    }

    /// Sets the remark at the main place.
    #[must_use]
    pub fn with_label(mut self, label: impl Into<Cow<'static, str>>) -> Self {
        self.label = label.into();
        self
    }

    /// Adds another place.
    #[must_use]
    pub fn and_at(mut self, span: Span, message: impl Into<Cow<'static, str>>) -> Self {
        self.labels.push(Label { span, message: message.into() });
        self
    }

    /// Sets the help.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds a fix that replaces the text of one span.
    #[must_use]
    pub fn with_fix(mut self, title: impl Into<String>, span: Span, new_text: impl Into<String>) -> Self {
        self.fixes.push(Fix { title: title.into(), edits: vec![Edit { span, new_text: new_text.into() }] });
        self
    }
}
