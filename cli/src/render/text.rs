//! Findings for people: the lines of the file with marks under the words. The only file that names miette.

use std::fmt::{self, Write as _};
use std::sync::Arc;

use ez_compiler::diagnostic::{Diagnostic, Severity};
use ez_compiler::source::{FileId, Span};
use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode};

use super::{Findings, url};

/// A mark over more lines than these is one over its first line.
const MAX_MARKED_LINES: usize = 20;
/// Of a line of more bytes only the place is told.
const MAX_LINE: usize = 2_000;
/// Characters of a message.
const MAX_MESSAGE: usize = 1_000;
/// Columns of the output where there is no terminal to ask.
const DEFAULT_WIDTH: usize = 100;

/// A finding, or its remarks in one other file, as miette wants it.
struct Report {
    code: Option<String>,
    url: Option<String>,
    severity: miette::Severity,
    message: String,
    help: Option<String>,
    source: NamedSource<Arc<str>>,
    labels: Vec<LabeledSpan>,
    related: Vec<Report>,
}

/// All findings, one after the other.
pub fn reports(findings: &Findings, is_colored: bool) -> String {
    let theme = if is_colored { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_width(width())
        .with_links(is_colored)
        .with_cause_chain();
    let mut out = String::new();
    for diagnostic in findings.diagnostics {
        let report = Report::new(findings, diagnostic);
        // Writing to a text cannot fail.
        let _ = handler.render_report(&mut out, &report);
        let _ = writeln!(out);
    }
    out
}

/// One line that counts the findings; empty without any.
pub fn summary(findings: &Findings) -> String {
    let counts = findings.counts();
    let count = |number: usize, word: &str| match number {
        0 => None,
        1 => Some(format!("1 {word}")),
        _ => Some(format!("{number} {word}s")),
    };
    [count(counts.errors, "error"), count(counts.warnings, "warning")]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(", ")
}

fn width() -> usize {
    #[cfg(unix)]
    if let Ok(size) = rustix::termios::tcgetwinsize(std::io::stderr())
        && size.ws_col > 0
    {
        return usize::from(size.ws_col);
    }
    DEFAULT_WIDTH
}

impl Report {
    fn new(findings: &Findings, diagnostic: &Diagnostic) -> Self {
        let home = findings.location(diagnostic.span).file;
        let remark = (!diagnostic.label.is_empty()).then(|| diagnostic.label.to_string());
        let mut labels = vec![label(findings, diagnostic.span, remark, true)];
        let mut elsewhere: Vec<FileId> = Vec::new();
        for other in &diagnostic.labels {
            let file = findings.location(other.span).file;
            if file == home {
                labels.push(label(findings, other.span, Some(other.message.to_string()), false));
            } else if !elsewhere.contains(&file) {
                elsewhere.push(file);
            }
        }
        let mut message = brief(&diagnostic.message);
        if !is_showable(findings, home, &labels) {
            labels.clear();
            message.push_str(&place_in_words(findings, diagnostic.span));
        }
        Self {
            code: Some(format!("{} {}", diagnostic.code.id, diagnostic.code.name)),
            url: Some(url(diagnostic)),
            severity: match diagnostic.severity {
                Severity::Error => miette::Severity::Error,
                Severity::Warning => miette::Severity::Warning,
                Severity::Allow => miette::Severity::Advice,
            },
            message,
            help: help(diagnostic),
            source: source(findings, home),
            labels,
            related: elsewhere.into_iter().map(|file| Self::elsewhere(findings, diagnostic, file)).collect(),
        }
    }

    /// The remarks of a finding in another file.
    fn elsewhere(findings: &Findings, diagnostic: &Diagnostic, file: FileId) -> Self {
        let here = diagnostic.labels.iter().filter(|label| findings.location(label.span).file == file);
        let labels: Vec<LabeledSpan> =
            here.map(|other| label(findings, other.span, Some(other.message.to_string()), false)).collect();
        Self {
            code: None,
            url: None,
            severity: miette::Severity::Advice,
            message: "see also".to_owned(),
            help: None,
            source: source(findings, file),
            labels,
            related: Vec::new(),
        }
    }
}

/// The help, and what `--fix` would do.
fn help(diagnostic: &Diagnostic) -> Option<String> {
    let fix = diagnostic.fixes.first().map(|fix| format!("`ez check --fix` can {}", fix.title));
    match (&diagnostic.help, fix) {
        (Some(help), Some(fix)) => Some(format!("{help}\n{fix}")),
        (Some(help), None) => Some(help.clone()),
        (None, fix) => fix,
    }
}

fn label(findings: &Findings, span: Span, text: Option<String>, is_main: bool) -> LabeledSpan {
    let range = cut(findings, span);
    let place = (range.start, range.len());
    if is_main {
        LabeledSpan::new_primary_with_span(text, place)
    } else {
        LabeledSpan::new_with_span(text, place)
    }
}

/// The bytes of a place; of a long block the first line.
fn cut(findings: &Findings, span: Span) -> std::ops::Range<usize> {
    let location = findings.location(span);
    let file = findings.sources.file(location.file);
    let (first, last) = (file.lines.line_of(location.range.start), file.lines.line_of(location.range.end));
    if last - first <= MAX_MARKED_LINES {
        return location.range;
    }
    let end = file.lines.line_range(&file.text, first).end;
    location.range.start..end.max(location.range.start)
}

/// Whether the lines of the marks, and those next to them, can be shown.
fn is_showable(findings: &Findings, file: FileId, labels: &[LabeledSpan]) -> bool {
    let file = findings.sources.file(file);
    let is_short = |line: usize| file.lines.line_range(&file.text, line).len() <= MAX_LINE;
    let is_shown = |label: &LabeledSpan| {
        let first = file.lines.line_of(label.offset()).saturating_sub(1);
        let last = (file.lines.line_of(label.offset() + label.len()) + 1).min(file.lines.len() - 1);
        (first..=last).all(is_short)
    };
    !file.text.is_empty() && labels.iter().all(is_shown)
}

/// A message, cut where it quotes too much.
fn brief(message: &str) -> String {
    match message.char_indices().nth(MAX_MESSAGE) {
        Some((end, _)) => format!("{}…", message.get(..end).unwrap_or_default()),
        None => message.to_owned(),
    }
}

/// Where a place is that cannot be shown; nothing for a file without text.
fn place_in_words(findings: &Findings, span: Span) -> String {
    if findings.sources.file(findings.location(span).file).text.is_empty() {
        return String::new();
    }
    let start = findings.range(span).start;
    format!(" (at {}:{}:{}, in lines too long to be shown)", findings.file(span), start.line, start.column)
}

fn source(findings: &Findings, file: FileId) -> NamedSource<Arc<str>> {
    let source = findings.sources.file(file);
    let name = source.path.strip_prefix(findings.working_directory).unwrap_or(&source.path);
    NamedSource::new(name.as_str(), Arc::clone(&source.text))
}

impl fmt::Debug for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Report {}

impl miette::Diagnostic for Report {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.code.as_ref().map(|code| Box::new(code) as Box<dyn fmt::Display>)
    }

    fn url<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.url.as_ref().map(|url| Box::new(url) as Box<dyn fmt::Display>)
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(self.severity)
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.labels.iter().cloned()))
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn miette::Diagnostic> + 'a>> {
        if self.related.is_empty() {
            return None;
        }
        Some(Box::new(self.related.iter().map(|report| report as &dyn miette::Diagnostic)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::rendered;
    use super::{reports, summary};

    #[test]
    fn findings_show_their_lines() {
        let text = rendered(|findings| reports(findings, false));
        for expected in [
            "EZ203 unknown-task",
            "no task is called `biuld`",
            "Taskfile.yml:3:",
            "not a task",
            "did you mean `build`?",
            "`ez check --fix` can rename to `build`",
            "lib/my tasks.yml:2:",
            "this could",
        ] {
            assert!(text.contains(expected), "{expected}: {text}");
        }
        assert!(!text.contains('\u{1b}'));
        assert_eq!(rendered(summary), "1 error, 1 warning");
    }
}
