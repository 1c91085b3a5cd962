//! Findings of the compiler for people and for programs.

use std::fmt::Write as _;

pub mod github;
pub mod json;
pub mod sarif;
pub mod text;

use camino::Utf8Path;
use ez_compiler::diagnostic::{Diagnostic, Severity};
use ez_compiler::source::{Location, Position, SourceMap, Span};
use serde::Serialize;

use crate::paths;

/// Where the pages of the rules are.
const RULE_PAGES: &str = "https://github.com/ez-build/ez/blob/main/docs/rules";

/// Findings with what is needed to show them.
pub struct Findings<'a> {
    /// All texts.
    pub sources: &'a SourceMap,
    /// The findings, by file and place.
    pub diagnostics: &'a [Diagnostic],
    /// Files below it are shown relative to it.
    pub working_directory: &'a Utf8Path,
}

/// How many findings there are of each level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Errors.
    pub errors: usize,
    /// Warnings.
    pub warnings: usize,
}

/// A place as two positions, both with the byte from the start of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Range {
    /// The first character.
    pub start: Point,
    /// One past the last character.
    pub end: Point,
}

/// A position: line and column from 1, the column in code points.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Point {
    /// The line.
    pub line: u32,
    /// The column.
    pub column: u32,
    /// The byte, from the start of the file.
    pub byte: usize,
}

impl Findings<'_> {
    /// How many there are.
    pub fn counts(&self) -> Counts {
        let of = |severity| self.diagnostics.iter().filter(|d| d.severity == severity).count();
        Counts { errors: of(Severity::Error), warnings: of(Severity::Warning) }
    }

    fn location(&self, span: Span) -> Location {
        self.sources.locate(span)
    }

    /// The file of a place, relative to the working directory where it lies below.
    fn file(&self, span: Span) -> String {
        let path = &self.sources.file(self.location(span).file).path;
        match path.strip_prefix(self.working_directory) {
            Ok(relative) => relative.to_string(),
            Err(_) => path.to_string(),
        }
    }

    fn range(&self, span: Span) -> Range {
        let location = self.location(span);
        let file = self.sources.file(location.file);
        let point = |byte: usize| {
            let Position { line, column } = file.lines.position(&file.text, byte);
            Point { line, column, byte }
        };
        Range { start: point(location.range.start), end: point(location.range.end) }
    }
}

/// The page about a finding's rule.
fn url(diagnostic: &Diagnostic) -> String {
    format!("{RULE_PAGES}/{}.md", diagnostic.code.id)
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Allow => "allow",
    }
}

/// A path as the reference of a URI: relative paths stay relative.
fn uri(file: &str) -> String {
    let mut out = String::new();
    if Utf8Path::new(file).is_absolute() {
        out.push_str("file://");
    }
    for byte in paths::clean(Utf8Path::new(file)).as_str().bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use ez_compiler::diagnostic::Code;

    /// A file with one error that has a fix, and one warning with a second place in another file.
    pub fn sample() -> (SourceMap, Vec<Diagnostic>) {
        let mut sources = SourceMap::default();
        let first = sources.add_file("/w/Taskfile.yml", "version: '3'\ntasks:\n  ü: {deps: [biuld]}\n");
        let second = sources.add_file("/w/lib/my tasks.yml", "tasks:\n  build: x\n");
        let (first, second) = (sources.add_fragment(first, 0), sources.add_fragment(second, 0));
        let unknown = Code { id: "EZ203", name: "unknown-task" };
        let unused = Code { id: "EZ209", name: "unused-internal-task" };
        let wrong = Span::new(first, 34, 39);
        let diagnostics = vec![
            Diagnostic::error(unknown, "no task is called `biuld`", wrong)
                .with_label("not a task")
                .with_help("did you mean `build`?")
                .with_fix("rename to `build`", wrong, "build"),
            Diagnostic::warning(unused, "nothing calls `build`", Span::new(second, 9, 14))
                .and_at(Span::new(first, 22, 24), "this could"),
        ];
        (sources, diagnostics)
    }

    /// Renders [`sample`] and compares it with a snapshot in the test's file.
    pub fn rendered(render: impl Fn(&Findings) -> String) -> String {
        let (sources, diagnostics) = sample();
        let findings =
            Findings { sources: &sources, diagnostics: &diagnostics, working_directory: "/w".into() };
        render(&findings)
    }

    #[test]
    fn uris_are_escaped() {
        assert_eq!(uri("lib/my tasks.yml"), "lib/my%20tasks.yml");
        assert_eq!(uri("/w/ü"), "file:///w/%C3%BC");
    }
}
