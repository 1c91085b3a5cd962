//! How a selection grows (`textDocument/selectionRange`).

use tower_lsp::ls_types::{Range, SelectionRange, SelectionRangeParams};

use super::super::{from_proto, to_proto};
use crate::ide::selection::Selector;
use crate::session::View;

/// A chain for each place.
pub fn answer(view: &View, params: &SelectionRangeParams) -> Option<Vec<SelectionRange>> {
    let source = from_proto::source(view, &params.text_document.uri)?;
    let selector = Selector::new(&source);
    let chains = params.positions.iter().map(|position| {
        let at = Range { start: *position, end: *position };
        let offset = from_proto::range(view, &source, at).start;
        let outwards = selector.at(offset).into_iter().rev();
        let chain = outwards.fold(None, |parent, range| {
            Some(Box::new(SelectionRange { range: to_proto::range(view, &source, &range), parent }))
        });
        // The protocol wants an answer for each place.
        chain.map_or(SelectionRange { range: at, parent: None }, |chain| *chain)
    });
    Some(chains.collect())
}
