//! What is shown between the text (`textDocument/inlayHint`).

use tower_lsp::ls_types::{InlayHint, InlayHintLabel, InlayHintParams, InlayHintTooltip};

use super::super::server::Refusal;
use super::super::{from_proto, to_proto};
use crate::ide::inlay_hints;
use crate::session::{Columns, View};

/// The hints of a part of a file.
pub fn answer(view: &View, params: &InlayHintParams) -> Result<Option<Vec<InlayHint>>, Refusal> {
    let Some(path) = from_proto::path(&params.text_document.uri) else { return Ok(None) };
    let Some(snapshot) = view.project_of(&path)? else { return Ok(None) };
    let Some(file) = snapshot.analysis.file_of(&path) else { return Ok(None) };
    let source = snapshot.analysis.file(file);
    let range = from_proto::range(view, source, params.range);
    let columns = Columns::new(view.encoding, source);
    let hint = |hint: inlay_hints::InlayHint| InlayHint {
        position: to_proto::position_in(&columns, hint.offset),
        label: InlayHintLabel::String(hint.label),
        kind: None,
        text_edits: None,
        tooltip: hint.tooltip.map(InlayHintTooltip::String),
        padding_left: Some(true),
        padding_right: Some(true),
        data: None,
    };
    Ok(Some(inlay_hints::of_range(&snapshot, file, &range).into_iter().map(hint).collect()))
}
