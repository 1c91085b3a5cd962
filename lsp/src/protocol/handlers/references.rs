//! Where a name is used (`textDocument/references`, `textDocument/documentHighlight`).

use tower_lsp::ls_types::{
    DocumentHighlight, DocumentHighlightKind, DocumentHighlightParams, Location, ReferenceParams,
};

use super::super::server::Refusal;
use super::super::{from_proto, to_proto};
use crate::analysis::Snapshot;
use crate::ide::{highlight, references};
use crate::session::{Columns, View};

/// All places of what stands at a place.
pub fn references(view: &View, params: &ReferenceParams) -> Result<Option<Vec<Location>>, Refusal> {
    let Some(place) = from_proto::place(view, &params.text_document_position)? else { return Ok(None) };
    let with_definitions = params.context.include_declaration;
    let others: Vec<Snapshot> = view.projects()?.into_iter().map(|other| view.snapshot(other)).collect();
    let found = references::references_in_all(&place.snapshot, place.position, with_definitions, &others);
    Ok(Some(to_proto::text_places(view, &found)))
}

/// The same in one file.
pub fn highlights(
    view: &View,
    params: &DocumentHighlightParams,
) -> Result<Option<Vec<DocumentHighlight>>, Refusal> {
    let Some(place) = from_proto::place(view, &params.text_document_position_params)? else {
        return Ok(None);
    };
    let columns = Columns::new(view.encoding, place.snapshot.analysis.file(place.position.file));
    let found = highlight::highlights(&place.snapshot, place.position).into_iter().map(|highlight| {
        let kind =
            if highlight.is_write { DocumentHighlightKind::WRITE } else { DocumentHighlightKind::READ };
        DocumentHighlight { range: to_proto::range_in(&columns, &highlight.range), kind: Some(kind) }
    });
    Ok(Some(found.collect()))
}
