//! Another name for something (`textDocument/prepareRename`, `textDocument/rename`).

use std::collections::HashMap;

use tower_lsp::ls_types::{
    DocumentChanges, OneOf, OptionalVersionedTextDocumentIdentifier, PrepareRenameResponse, RenameParams,
    TextDocumentEdit, TextDocumentPositionParams, TextEdit, Uri, WorkspaceEdit,
};

use super::super::server::Refusal;
use super::super::{from_proto, to_proto};
use crate::analysis::Snapshot;
use crate::ide::rename::{self, FileEdits};
use crate::session::View;

/// What would be renamed.
pub fn prepare(
    view: &View,
    params: &TextDocumentPositionParams,
) -> Result<Option<PrepareRenameResponse>, Refusal> {
    let Some(place) = from_proto::place(view, params)? else { return Ok(None) };
    let found = rename::prepare(&place.snapshot, place.position).map_err(Refusal::Refused)?;
    let source = place.snapshot.analysis.file(place.position.file);
    Ok(found.map(|found| PrepareRenameResponse::RangeWithPlaceholder {
        range: to_proto::range(view, source, &found.range),
        placeholder: found.placeholder,
    }))
}

/// The edits.
pub fn rename(
    view: &View,
    params: &RenameParams,
    takes_versions: bool,
) -> Result<Option<WorkspaceEdit>, Refusal> {
    let Some(place) = from_proto::place(view, &params.text_document_position)? else { return Ok(None) };
    let others: Vec<Snapshot> = view.projects()?.into_iter().map(|other| view.snapshot(other)).collect();
    let edits = rename::rename_in_all(&place.snapshot, place.position, &params.new_name, &others)
        .map_err(Refusal::Refused)?;
    Ok(edits.map(|edits| workspace_edit(view, &edits, takes_versions)))
}

/// Edits of texts as they are in the view: those that are open with their versions, where the editor takes these.
pub fn workspace_edit(view: &View, files: &[FileEdits], takes_versions: bool) -> WorkspaceEdit {
    let of_files = files.iter().filter_map(|file| {
        let edits = file.edits.iter().map(|(range, new_text)| TextEdit {
            range: to_proto::range(view, &file.source, range),
            new_text: new_text.clone(),
        });
        Some((to_proto::uri(&file.source.path)?, file, edits.collect::<Vec<_>>()))
    });
    if !takes_versions {
        let changes: HashMap<Uri, Vec<TextEdit>> = of_files.map(|(uri, _, edits)| (uri, edits)).collect();
        return WorkspaceEdit { changes: Some(changes), ..WorkspaceEdit::default() };
    }
    let edits = of_files.map(|(uri, file, edits)| TextDocumentEdit {
        text_document: OptionalVersionedTextDocumentIdentifier {
            uri,
            version: view.files.documents.get(&file.source.path).map(|document| document.version),
        },
        edits: edits.into_iter().map(OneOf::Left).collect(),
    });
    WorkspaceEdit {
        document_changes: Some(DocumentChanges::Edits(edits.collect())),
        ..WorkspaceEdit::default()
    }
}
