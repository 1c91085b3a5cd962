//! Where a name is made (`textDocument/definition`, `textDocument/declaration`).

use tower_lsp::ls_types::{GotoDefinitionParams, GotoDefinitionResponse, LocationLink};

use super::super::server::Refusal;
use super::super::{from_proto, to_proto};
use crate::analysis::{FilePosition, Snapshot};
use crate::ide::definition::Definition;
use crate::session::{Place, View};

/// What `find` finds for what stands at a place: its definitions, or its declarations.
pub fn at(
    view: &View,
    params: &GotoDefinitionParams,
    takes_links: bool,
    find: fn(&Snapshot, FilePosition) -> Vec<Definition>,
) -> Result<Option<GotoDefinitionResponse>, Refusal> {
    let Some(place) = from_proto::place(view, &params.text_document_position_params)? else {
        return Ok(None);
    };
    let found = find(&place.snapshot, place.position);
    Ok(response(view, &place, &found, takes_links))
}

fn response(
    view: &View,
    place: &Place,
    found: &[Definition],
    takes_links: bool,
) -> Option<GotoDefinitionResponse> {
    if found.is_empty() {
        return None;
    }
    if !takes_links {
        let locations = found.iter().filter_map(|one| to_proto::text_place(view, &one.place));
        return Some(GotoDefinitionResponse::Array(locations.collect()));
    }
    let origin = place.snapshot.analysis.file(place.position.file);
    let links = found.iter().filter_map(|one| {
        let location = to_proto::text_place(view, &one.place)?;
        Some(LocationLink {
            origin_selection_range: Some(to_proto::range(view, origin, &one.origin)),
            target_uri: location.uri,
            target_range: location.range,
            target_selection_range: location.range,
        })
    });
    Some(GotoDefinitionResponse::Link(links.collect()))
}
