//! Who calls whom (`textDocument/prepareCallHierarchy`, `callHierarchy/incomingCalls`, `callHierarchy/outgoingCalls`).

use tower_lsp::ls_types::{
    CallHierarchyIncomingCall, CallHierarchyIncomingCallsParams, CallHierarchyItem,
    CallHierarchyOutgoingCall, CallHierarchyOutgoingCallsParams, CallHierarchyPrepareParams, Range,
    SymbolKind,
};

use super::super::server::Refusal;
use super::super::{from_proto, to_proto};
use crate::ide::call_hierarchy::{self, CallEdge, CallItem};
use crate::session::{Place, View};

/// The tasks and steps at a place.
pub fn prepare(
    view: &View,
    params: &CallHierarchyPrepareParams,
) -> Result<Option<Vec<CallHierarchyItem>>, Refusal> {
    let Some(place) = from_proto::place(view, &params.text_document_position_params)? else {
        return Ok(None);
    };
    let items = call_hierarchy::prepare(&place.snapshot, place.position);
    let items: Vec<CallHierarchyItem> = items.iter().filter_map(|one| item(view, one)).collect();
    Ok((!items.is_empty()).then_some(items))
}

/// Who calls a task or step.
pub fn incoming(
    view: &View,
    params: &CallHierarchyIncomingCallsParams,
) -> Result<Option<Vec<CallHierarchyIncomingCall>>, Refusal> {
    let Some(place) = place_of(view, &params.item)? else { return Ok(None) };
    let edges = call_hierarchy::incoming(&place.snapshot, place.position, is_step(&params.item));
    let calls = edges.iter().filter_map(|edge| {
        let from_ranges = ranges(view, edge, &edge.item);
        Some(CallHierarchyIncomingCall { from: item(view, &edge.item)?, from_ranges })
    });
    Ok(Some(calls.collect()))
}

/// What a task or step calls.
pub fn outgoing(
    view: &View,
    params: &CallHierarchyOutgoingCallsParams,
) -> Result<Option<Vec<CallHierarchyOutgoingCall>>, Refusal> {
    let Some(place) = place_of(view, &params.item)? else { return Ok(None) };
    let edges = call_hierarchy::outgoing(&place.snapshot, place.position, is_step(&params.item));
    let source = place.snapshot.analysis.file(place.position.file);
    let calls = edges.iter().filter_map(|edge| {
        let from_ranges = edge.calls.iter().map(|call| to_proto::range(view, source, call)).collect();
        Some(CallHierarchyOutgoingCall { to: item(view, &edge.item)?, from_ranges })
    });
    Ok(Some(calls.collect()))
}

fn ranges(view: &View, edge: &CallEdge, caller: &CallItem) -> Vec<Range> {
    edge.calls.iter().map(|call| to_proto::range(view, &caller.source, call)).collect()
}

fn is_step(item: &CallHierarchyItem) -> bool {
    item.kind == SymbolKind::EVENT
}

fn item(view: &View, item: &CallItem) -> Option<CallHierarchyItem> {
    let selection = to_proto::range(view, &item.source, &item.selection);
    Some(CallHierarchyItem {
        name: item.name.clone(),
        kind: if item.is_step { SymbolKind::EVENT } else { SymbolKind::FUNCTION },
        tags: None,
        detail: item.source.path.file_name().map(ToOwned::to_owned),
        uri: to_proto::uri(&item.source.path)?,
        range: selection,
        selection_range: selection,
        data: None,
    })
}

fn place_of(view: &View, item: &CallHierarchyItem) -> Result<Option<Place>, Refusal> {
    let Some(path) = from_proto::path(&item.uri) else { return Ok(None) };
    let start = item.selection_range.start;
    Ok(view.place(&path, start.line, start.character)?)
}
