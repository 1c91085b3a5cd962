//! From our types to the protocol's.

use std::ops::Range as ByteRange;
use std::str::FromStr;

use camino::Utf8Path;
use ez_compiler::source::SourceFile;
use tower_lsp::ls_types::{
    CodeDescription, Diagnostic, DiagnosticRelatedInformation, DiagnosticSeverity, DiagnosticTag, Location,
    NumberOrString, Position, Range, Uri,
};

use crate::analysis::{Analysis, FileRange, TextPlace};
use crate::ide::diagnostics::{Finding, Tag};
use crate::session::View;

/// Who found something, as editors show it.
const SOURCE: &str = "ez";

/// The address of a file; `None` for a path that cannot be one.
pub fn uri(path: &Utf8Path) -> Option<Uri> {
    if ez_compiler::project::remote::is_remote(path.as_str()) {
        return Uri::from_str(path.as_str()).ok();
    }
    path.is_absolute().then(|| Uri::from_file_path(path))?
}

/// Lines and columns of some bytes.
pub fn range(view: &View, source: &SourceFile, range: &ByteRange<usize>) -> Range {
    let at = |offset| {
        let (line, character) = view.encoding.position(&source.lines, &source.text, offset);
        Position { line, character }
    };
    Range { start: at(range.start), end: at(range.end) }
}

/// A place in a project's file.
pub fn location(view: &View, analysis: &Analysis, place: &FileRange) -> Option<Location> {
    let source = analysis.file(place.file);
    Some(Location { uri: uri(&source.path)?, range: range(view, source, &place.range) })
}

/// A place in a text, which may be one that no project has read.
pub fn text_place(view: &View, place: &TextPlace) -> Option<Location> {
    Some(Location { uri: uri(&place.source.path)?, range: range(view, &place.source, &place.range) })
}

/// A finding.
pub fn diagnostic(view: &View, analysis: &Analysis, finding: &Finding) -> Diagnostic {
    let source = analysis.file(finding.place.file);
    let related = finding.related.iter().filter_map(|(place, message)| {
        let location = location(view, analysis, place)?;
        Some(DiagnosticRelatedInformation { location, message: message.clone() })
    });
    let related: Vec<DiagnosticRelatedInformation> = related.collect();
    Diagnostic {
        range: range(view, source, &finding.place.range),
        severity: Some(if finding.is_error {
            DiagnosticSeverity::ERROR
        } else {
            DiagnosticSeverity::WARNING
        }),
        code: Some(NumberOrString::String(finding.code.to_owned())),
        code_description: Uri::from_str(&finding.page).ok().map(|href| CodeDescription { href }),
        source: Some(SOURCE.to_owned()),
        message: finding.message.clone(),
        related_information: (!related.is_empty()).then_some(related),
        tags: finding.tag.map(|tag| {
            vec![match tag {
                Tag::Unused => DiagnosticTag::UNNECESSARY,
                Tag::Deprecated => DiagnosticTag::DEPRECATED,
            }]
        }),
        data: None,
    }
}
