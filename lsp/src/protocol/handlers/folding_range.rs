//! Lines that fold (`textDocument/foldingRange`).

use tower_lsp::ls_types::{FoldingRange, FoldingRangeKind, FoldingRangeParams};

use super::super::from_proto;
use crate::ide::folding::{self, FoldKind};
use crate::session::View;

/// The folds of a file.
pub fn answer(view: &View, params: &FoldingRangeParams) -> Option<Vec<FoldingRange>> {
    let source = from_proto::source(view, &params.text_document.uri)?;
    let folds = folding::of_file(&source).into_iter().map(|fold| FoldingRange {
        start_line: fold.first as u32,
        start_character: None,
        end_line: fold.last as u32,
        end_character: None,
        kind: match fold.kind {
            FoldKind::Block => None,
            FoldKind::Comment => Some(FoldingRangeKind::Comment),
            FoldKind::Includes => Some(FoldingRangeKind::Imports),
            FoldKind::Region => Some(FoldingRangeKind::Region),
        },
        collapsed_text: None,
    });
    Some(folds.collect())
}
