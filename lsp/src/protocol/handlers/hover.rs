//! What is told of a word (`textDocument/hover`).

use tower_lsp::ls_types::{Hover, HoverContents, HoverParams, MarkupContent, MarkupKind};

use super::super::server::Refusal;
use super::super::{from_proto, to_proto};
use crate::ide::hover;
use crate::session::View;

/// What is told at a place.
pub fn answer(view: &View, params: &HoverParams) -> Result<Option<Hover>, Refusal> {
    let Some(place) = from_proto::place(view, &params.text_document_position_params)? else {
        return Ok(None);
    };
    let Some(found) = hover::at(&place.snapshot, place.position) else { return Ok(None) };
    let source = place.snapshot.analysis.file(found.place.file);
    let contents = MarkupContent { kind: MarkupKind::Markdown, value: found.markdown };
    Ok(Some(Hover {
        contents: HoverContents::Markup(contents),
        range: Some(to_proto::range(view, source, &found.place.range)),
    }))
}
