//! Outlines and names (`textDocument/documentSymbol`, `workspace/symbol`).

use tower_lsp::ls_types::{
    DocumentSymbol, DocumentSymbolParams, DocumentSymbolResponse, SymbolInformation, SymbolKind,
    WorkspaceSymbolParams, WorkspaceSymbolResponse,
};

use super::super::server::Refusal;
use super::super::{from_proto, to_proto};
use crate::ide::document_symbols::{self, OutlineEntry, OutlineKind};
use crate::ide::workspace_symbols;
use crate::session::{Columns, View};

/// The outline of a file.
pub fn of_document(
    view: &View,
    params: &DocumentSymbolParams,
) -> Result<Option<DocumentSymbolResponse>, Refusal> {
    let Some(path) = from_proto::path(&params.text_document.uri) else { return Ok(None) };
    let Some(snapshot) = view.project_of(&path)? else { return Ok(None) };
    let Some(file) = snapshot.analysis.file_of(&path) else { return Ok(None) };
    let columns = Columns::new(view.encoding, snapshot.analysis.file(file));
    let entries = document_symbols::outline(&snapshot, file);
    Ok(Some(DocumentSymbolResponse::Nested(
        entries.into_iter().map(|entry| document_symbol(&columns, entry)).collect(),
    )))
}

fn document_symbol(columns: &Columns<'_>, entry: OutlineEntry) -> DocumentSymbol {
    let range = to_proto::range_in(columns, &entry.range);
    let selection_range = to_proto::range_in(columns, &entry.selection);
    let children: Vec<DocumentSymbol> =
        entry.children.into_iter().map(|child| document_symbol(columns, child)).collect();
    #[expect(deprecated, reason = "the field has to be given")]
    DocumentSymbol {
        name: entry.name,
        detail: entry.detail,
        kind: kind(entry.kind),
        tags: None,
        deprecated: None,
        range,
        selection_range,
        children: (!children.is_empty()).then_some(children),
    }
}

fn kind(kind: OutlineKind) -> SymbolKind {
    match kind {
        OutlineKind::Section => SymbolKind::MODULE,
        OutlineKind::Namespace => SymbolKind::NAMESPACE,
        OutlineKind::Variable => SymbolKind::VARIABLE,
        OutlineKind::Environment | OutlineKind::MatrixKey => SymbolKind::CONSTANT,
        OutlineKind::Task => SymbolKind::FUNCTION,
        OutlineKind::Param => SymbolKind::PROPERTY,
        OutlineKind::Step => SymbolKind::EVENT,
        OutlineKind::Artifact | OutlineKind::File => SymbolKind::FILE,
        OutlineKind::Key => SymbolKind::KEY,
        OutlineKind::Output => SymbolKind::FIELD,
    }
}

/// Names of all projects.
pub fn of_workspace(
    view: &View,
    params: &WorkspaceSymbolParams,
) -> Result<Option<WorkspaceSymbolResponse>, Refusal> {
    let analyses = view.projects()?;
    let found = workspace_symbols::symbols(analyses.iter().map(|analysis| &**analysis), &params.query);
    let symbols = found.into_iter().filter_map(|symbol| {
        let location = to_proto::text_place(view, &symbol.place)?;
        #[expect(deprecated, reason = "the field has to be given")]
        Some(SymbolInformation {
            name: symbol.name,
            kind: kind(symbol.kind),
            tags: None,
            deprecated: None,
            location,
            container_name: Some(symbol.container),
        })
    });
    Ok(Some(WorkspaceSymbolResponse::Flat(symbols.collect())))
}
