//! The findings of a file, as an editor shows them.

use std::ops::Range;

use ez_compiler::diagnostic::{Diagnostic, Severity};
use ez_compiler::rule;
use ez_compiler::source::FileId;

use crate::analysis::{Analysis, FileRange};

/// Where the pages of rules stand.
const PAGES: &str = "https://github.com/ez-build/ez/blob/main/docs/rules";

/// A finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Where.
    pub place: FileRange,
    /// Whether it is an error; else a warning.
    pub is_error: bool,
    /// The rule's code, `EZ203`.
    pub code: &'static str,
    /// What is wrong, and below it what to write instead.
    pub message: String,
    /// Other places that matter, with remarks.
    pub related: Vec<(FileRange, String)>,
    /// How it may be shown.
    pub tag: Option<Tag>,
    /// Ways to mend it.
    pub fixes: Vec<Fix>,
}

/// How a finding may be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tag {
    /// Faded: it is of no use.
    Unused,
    /// Struck through: there is something better.
    Deprecated,
}

/// A way to mend a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// What it does.
    pub title: String,
    /// The edits: places and new texts.
    pub edits: Vec<(FileRange, String)>,
}

impl Finding {
    /// The address of the rule's page.
    pub fn page(&self) -> String {
        format!("{PAGES}/{}.md", self.code)
    }
}

/// The findings of a file, by place.
pub fn of_file(analysis: &Analysis, file: FileId) -> impl Iterator<Item = Finding> {
    analysis.diagnostics_of(file).filter_map(|diagnostic| finding(analysis, diagnostic))
}

/// The findings that some bytes of a file touch.
pub fn touched(analysis: &Analysis, file: FileId, range: &Range<usize>) -> impl Iterator<Item = Finding> {
    let is_touched = |diagnostic: &&Diagnostic| {
        let place = analysis.locate(diagnostic.span).range;
        place.start <= range.end && range.start <= place.end
    };
    analysis.diagnostics_of(file).filter(is_touched).filter_map(|diagnostic| finding(analysis, diagnostic))
}

/// What the compiler found, unless it is silenced.
pub fn finding(analysis: &Analysis, diagnostic: &Diagnostic) -> Option<Finding> {
    if diagnostic.severity == Severity::Allow {
        return None;
    }
    let message = match &diagnostic.help {
        Some(help) => format!("{}\n{help}", diagnostic.message),
        None => diagnostic.message.clone(),
    };
    let related = diagnostic.labels.iter().map(|label| {
        let remark = if label.message.is_empty() { "here" } else { &label.message };
        (analysis.locate(label.span), remark.to_owned())
    });
    let fixes = diagnostic.fixes.iter().map(|fix| Fix {
        title: fix.title.clone(),
        edits: fix.edits.iter().map(|edit| (analysis.locate(edit.span), edit.new_text.clone())).collect(),
    });
    Some(Finding {
        place: analysis.locate(diagnostic.span),
        is_error: diagnostic.severity == Severity::Error,
        code: diagnostic.code.id,
        message,
        related: related.collect(),
        tag: tag_of(diagnostic),
        fixes: fixes.collect(),
    })
}

fn tag_of(diagnostic: &Diagnostic) -> Option<Tag> {
    let is_unused = [rule::UNUSED_TASK, rule::UNUSED_VARIABLE, rule::UNREAD_ARGUMENT, rule::UNUSED_PARAM]
        .contains(&diagnostic.code);
    if is_unused {
        return Some(Tag::Unused);
    }
    (diagnostic.code == rule::DEPRECATED).then_some(Tag::Deprecated)
}
