//! Findings that the editor asks for (`textDocument/diagnostic`, `workspace/diagnostic`).

use std::collections::hash_map::Entry;
use std::hash::Hasher;
use std::io;
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use ez_compiler::source::FileId;
use rustc_hash::{FxHashMap, FxHasher};
use tower_lsp::ls_types::{
    Diagnostic, DocumentDiagnosticParams, DocumentDiagnosticReport, DocumentDiagnosticReportResult,
    FullDocumentDiagnosticReport, RelatedFullDocumentDiagnosticReport,
    RelatedUnchangedDocumentDiagnosticReport, UnchangedDocumentDiagnosticReport, WorkspaceDiagnosticParams,
    WorkspaceDiagnosticReport, WorkspaceDiagnosticReportResult, WorkspaceDocumentDiagnosticReport,
    WorkspaceFullDocumentDiagnosticReport, WorkspaceUnchangedDocumentDiagnosticReport,
};

use super::super::server::Refusal;
use super::super::{from_proto, to_proto};
use crate::analysis::Analysis;
use crate::ide::diagnostics::{self, Findings};
use crate::session::View;

/// The findings of one file.
pub fn of_document(
    view: &View,
    params: &DocumentDiagnosticParams,
) -> Result<DocumentDiagnosticReportResult, Refusal> {
    let items = match from_proto::path(&params.text_document.uri) {
        Some(path) => of_path(view, &path)?,
        None => Vec::new(),
    };
    let id = result_id(&items)?;
    let report = if params.previous_result_id.as_ref() == Some(&id) {
        DocumentDiagnosticReport::Unchanged(RelatedUnchangedDocumentDiagnosticReport {
            related_documents: None,
            unchanged_document_diagnostic_report: UnchangedDocumentDiagnosticReport { result_id: id },
        })
    } else {
        DocumentDiagnosticReport::Full(RelatedFullDocumentDiagnosticReport {
            related_documents: None,
            full_document_diagnostic_report: FullDocumentDiagnosticReport { result_id: Some(id), items },
        })
    };
    Ok(DocumentDiagnosticReportResult::Report(report))
}

/// The findings of all files.
pub fn of_workspace(
    view: &View,
    params: &WorkspaceDiagnosticParams,
) -> Result<WorkspaceDiagnosticReportResult, Refusal> {
    let known: FxHashMap<Utf8PathBuf, &str> = params
        .previous_result_ids
        .iter()
        .filter_map(|previous| Some((from_proto::path(&previous.uri)?, previous.value.as_str())))
        .collect();
    let mut found = of_all(view)?;
    // What was told of a file that is no longer there is taken back.
    for path in known.keys() {
        found.entry(path.clone()).or_default();
    }
    let mut items = Vec::new();
    let mut paths: Vec<(Utf8PathBuf, Vec<Diagnostic>)> = found.into_iter().collect();
    paths.sort_by(|a, b| a.0.cmp(&b.0));
    for (path, diagnostics) in paths {
        let Some(uri) = to_proto::uri(&path) else { continue };
        let version = view.files.documents.get(&path).map(|document| i64::from(document.version));
        let id = result_id(&diagnostics)?;
        items.push(if known.get(&path) == Some(&id.as_str()) {
            let report = UnchangedDocumentDiagnosticReport { result_id: id };
            WorkspaceDocumentDiagnosticReport::Unchanged(WorkspaceUnchangedDocumentDiagnosticReport {
                uri,
                version,
                unchanged_document_diagnostic_report: report,
            })
        } else {
            let report = FullDocumentDiagnosticReport { result_id: Some(id), items: diagnostics };
            WorkspaceDocumentDiagnosticReport::Full(WorkspaceFullDocumentDiagnosticReport {
                uri,
                version,
                full_document_diagnostic_report: report,
            })
        });
    }
    Ok(WorkspaceDiagnosticReportResult::Report(WorkspaceDiagnosticReport { items }))
}

/// The findings of the file at a path.
pub fn of_path(view: &View, path: &Utf8Path) -> Result<Vec<Diagnostic>, Refusal> {
    let Some(snapshot) = view.project_of(path)? else { return Ok(Vec::new()) };
    let Some(file) = snapshot.analysis.file_of(path) else { return Ok(Vec::new()) };
    Ok(of_file(view, &snapshot.analysis, file))
}

/// The findings of a file, by place; behind them how many there are besides.
fn of_file(view: &View, analysis: &Analysis, file: FileId) -> Vec<Diagnostic> {
    let mut to_proto = to_proto::Findings::new(view, analysis);
    let Findings { told, left_out } = diagnostics::of_file(analysis, file);
    let mut diagnostics = Vec::with_capacity(told.len() + left_out.len());
    diagnostics.extend(told.into_iter().map(|finding| to_proto.diagnostic(finding)));
    diagnostics.extend(left_out.iter().map(|left_out| to_proto.left_out(left_out)));
    diagnostics
}

/// The findings of all files of all projects, also of files without any.
pub fn of_all(view: &View) -> Result<FxHashMap<Utf8PathBuf, Vec<Diagnostic>>, Refusal> {
    let mut found: FxHashMap<Utf8PathBuf, Vec<Diagnostic>> = FxHashMap::default();
    for analysis in view.projects()? {
        add_project(view, &analysis, &mut found);
    }
    Ok(found)
}

fn add_project(view: &View, analysis: &Arc<Analysis>, found: &mut FxHashMap<Utf8PathBuf, Vec<Diagnostic>>) {
    // A Taskfile that belongs to another project is asked for what only it reads, as its plans.
    let is_part = analysis.key.folder.is_none() && found.contains_key(&analysis.key.entry);
    for (id, file) in analysis.files() {
        if is_part && found.contains_key(&file.path) {
            continue;
        }
        let told = of_file(view, analysis, id);
        match found.entry(file.path.clone()) {
            Entry::Vacant(entry) => {
                entry.insert(told);
            }
            // A file of two projects is told of once.
            Entry::Occupied(mut entry) => {
                let known = entry.get();
                let others: Vec<Diagnostic> =
                    told.into_iter().filter(|diagnostic| !known.contains(diagnostic)).collect();
                entry.get_mut().extend(others);
            }
        }
    }
}

/// A name for a list of findings: the same list, the same name.
fn result_id(items: &[Diagnostic]) -> Result<String, Refusal> {
    fingerprint(items).map(|number| format!("{number:016x}"))
}

/// A number for a list of findings: the same list, the same number.
pub fn fingerprint(items: &[Diagnostic]) -> Result<u64, Refusal> {
    let mut written = Hashed(FxHasher::default());
    serde_json::to_writer(&mut written, items).map_err(|error| Refusal::Refused(error.to_string()))?;
    Ok(written.0.finish())
}

/// Hashes what is written.
struct Hashed(FxHasher);

impl io::Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
