//! From our types to the protocol's.

use std::collections::BTreeMap;
use std::ops::Range as ByteRange;
use std::str::FromStr;
use std::sync::Arc;

use camino::Utf8Path;
use ez_compiler::source::{FileId, SourceFile};
use rustc_hash::FxHashMap;
use tower_lsp::ls_types::{
    CodeDescription, CreateFile, Diagnostic, DiagnosticRelatedInformation, DiagnosticSeverity, DiagnosticTag,
    DocumentChangeOperation, DocumentChanges, Location, NumberOrString, OneOf,
    OptionalVersionedTextDocumentIdentifier, Position, Range, ResourceOp, TextDocumentEdit, TextEdit, Uri,
    WorkspaceEdit,
};

use super::capabilities::EditAbilities;
use crate::analysis::{Analysis, FileRange, TextPlace};
use crate::ide::actions::Change;
use crate::ide::diagnostics::{self, Finding, LeftOut, Tag};
use crate::session::{Columns, View};

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
    range_in(&Columns::new(view.encoding, source), range)
}

/// The same of one of many places of a file.
pub fn range_in(columns: &Columns<'_>, range: &ByteRange<usize>) -> Range {
    Range { start: position_in(columns, range.start), end: position_in(columns, range.end) }
}

/// Line and column of one of many places of a file.
pub fn position_in(columns: &Columns<'_>, offset: usize) -> Position {
    let (line, character) = columns.position(offset);
    Position { line, character }
}

/// Places in texts, those of one text behind each other.
pub fn text_places(view: &View, places: &[TextPlace]) -> Vec<Location> {
    let in_one_text = places.chunk_by(|a, b| Arc::ptr_eq(&a.source, &b.source));
    let locations = in_one_text.filter_map(|places| {
        let source = &places.first()?.source;
        let (uri, columns) = (uri(&source.path)?, Columns::new(view.encoding, source));
        let location =
            move |place: &TextPlace| Location { uri: uri.clone(), range: range_in(&columns, &place.range) };
        Some(places.iter().map(location))
    });
    locations.flatten().collect()
}

/// A place in a text, which may be one that no project has read.
pub fn text_place(view: &View, place: &TextPlace) -> Option<Location> {
    Some(Location { uri: uri(&place.source.path)?, range: range(view, &place.source, &place.range) })
}

/// Findings in the protocol's words. Addresses are made once, however many findings name them.
pub struct Findings<'a> {
    view: &'a View,
    analysis: &'a Analysis,
    files: FxHashMap<FileId, Option<Uri>>,
    columns: FxHashMap<FileId, Columns<'a>>,
    pages: FxHashMap<&'static str, Option<CodeDescription>>,
}

impl<'a> Findings<'a> {
    /// Of a project.
    pub fn new(view: &'a View, analysis: &'a Analysis) -> Self {
        Self {
            view,
            analysis,
            files: FxHashMap::default(),
            columns: FxHashMap::default(),
            pages: FxHashMap::default(),
        }
    }

    /// A finding.
    pub fn diagnostic(&mut self, finding: Finding) -> Diagnostic {
        let code_description = self.page(finding.code);
        let related = finding.related.into_iter().filter_map(|(place, message)| {
            Some(DiagnosticRelatedInformation { location: self.location(&place)?, message })
        });
        let related: Vec<DiagnosticRelatedInformation> = related.collect();
        Diagnostic {
            range: self.range(&finding.place),
            severity: Some(if finding.is_error {
                DiagnosticSeverity::ERROR
            } else {
                DiagnosticSeverity::WARNING
            }),
            code: Some(NumberOrString::String(finding.code.to_owned())),
            code_description,
            source: Some(SOURCE.to_owned()),
            message: finding.message,
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

    /// What stands for warnings that are too many.
    pub fn left_out(&mut self, left_out: &LeftOut) -> Diagnostic {
        Diagnostic {
            range: self.range(&left_out.first),
            severity: Some(DiagnosticSeverity::INFORMATION),
            code: Some(NumberOrString::String(left_out.code.to_owned())),
            code_description: self.page(left_out.code),
            source: Some(SOURCE.to_owned()),
            message: left_out.message(),
            ..Diagnostic::default()
        }
    }

    /// The page of a rule.
    fn page(&mut self, code: &'static str) -> Option<CodeDescription> {
        let page = || Uri::from_str(&diagnostics::page(code)).ok().map(|href| CodeDescription { href });
        self.pages.entry(code).or_insert_with(page).clone()
    }

    /// A place in the project.
    fn location(&mut self, place: &FileRange) -> Option<Location> {
        let source = self.analysis.file(place.file);
        let uri = self.files.entry(place.file).or_insert_with(|| uri(&source.path)).clone()?;
        Some(Location { uri, range: self.range(place) })
    }

    fn range(&mut self, place: &FileRange) -> Range {
        let (encoding, source) = (self.view.encoding, self.analysis.file(place.file));
        let columns = self.columns.entry(place.file).or_insert_with(|| Columns::new(encoding, source));
        range_in(columns, &place.range)
    }
}

/// Changes of files. An editor that knows no versions is given the edits of open documents without.
pub fn workspace_edit(
    view: &View,
    analysis: &Analysis,
    change: &Change,
    editor: EditAbilities,
) -> WorkspaceEdit {
    let mut by_file: BTreeMap<FileId, Vec<TextEdit>> = BTreeMap::new();
    for (place, new_text) in &change.edits {
        let range = range(view, analysis.file(place.file), &place.range);
        by_file.entry(place.file).or_default().push(TextEdit { range, new_text: new_text.clone() });
    }
    let edits = by_file.into_iter().filter_map(|(file, edits)| {
        let path = &analysis.file(file).path;
        let version = view.files.documents.get(path).map(|document| document.version);
        Some((uri(path)?, version, edits))
    });
    if !editor.document_changes {
        let changes = edits.map(|(uri, _, edits)| (uri, edits)).collect();
        return WorkspaceEdit { changes: Some(changes), ..WorkspaceEdit::default() };
    }
    let edits = edits.map(|(uri, version, edits)| document_edit(uri, version, edits));
    let document_changes = if change.files.is_empty() {
        DocumentChanges::Edits(edits.collect())
    } else {
        let files = change.files.iter().filter_map(|(path, text)| Some((uri(path)?, text)));
        let created = files.flat_map(|(uri, text)| {
            let create = CreateFile { uri: uri.clone(), options: None, annotation_id: None };
            let start = Range::default();
            let edit = document_edit(uri, None, vec![TextEdit { range: start, new_text: text.clone() }]);
            [DocumentChangeOperation::Op(ResourceOp::Create(create)), DocumentChangeOperation::Edit(edit)]
        });
        DocumentChanges::Operations(created.chain(edits.map(DocumentChangeOperation::Edit)).collect())
    };
    WorkspaceEdit { document_changes: Some(document_changes), ..WorkspaceEdit::default() }
}

fn document_edit(uri: Uri, version: Option<i32>, edits: Vec<TextEdit>) -> TextDocumentEdit {
    let text_document = OptionalVersionedTextDocumentIdentifier { uri, version };
    TextDocumentEdit { text_document, edits: edits.into_iter().map(OneOf::Left).collect() }
}
