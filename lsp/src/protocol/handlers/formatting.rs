//! White space (`textDocument/formatting`, `rangeFormatting`, `onTypeFormatting`). Asked of the text alone: a file needs no
//! project for it.

use std::ops::Range;

use ez_compiler::source::SourceFile;
use ez_compiler::yaml::format::Respacing;
use tower_lsp::ls_types::{
    DocumentFormattingParams, DocumentOnTypeFormattingParams, DocumentRangeFormattingParams,
    FormattingOptions, TextEdit, Uri,
};

use super::super::{from_proto, to_proto};
use crate::ide::format;
use crate::session::View;

/// What, when it was typed, is answered with an indentation.
pub const NEW_LINE: &str = "\n";

/// The whole text.
pub fn of_document(view: &View, params: &DocumentFormattingParams) -> Option<Vec<TextEdit>> {
    lines(view, &params.text_document.uri, &params.options, 0..usize::MAX)
}

/// Some lines.
pub fn of_range(view: &View, params: &DocumentRangeFormattingParams) -> Option<Vec<TextEdit>> {
    let (start, end) = (params.range.start, params.range.end);
    // A selection that ends where a line begins has nothing of that line.
    let is_past = end.character == 0 && end.line > start.line;
    let last = end.line as usize + usize::from(!is_past);
    lines(view, &params.text_document.uri, &params.options, start.line as usize..last)
}

/// The line that was begun.
pub fn on_type(view: &View, params: &DocumentOnTypeFormattingParams) -> Option<Vec<TextEdit>> {
    let place = &params.text_document_position;
    let source = from_proto::source(view, &place.text_document.uri)?;
    if params.ch != NEW_LINE {
        return None;
    }
    let indent = format::indent_of(params.options.tab_size);
    let edit = format::new_line(&source, place.position.line as usize, indent)?;
    Some(vec![told(view, &source, edit)])
}

fn lines(view: &View, uri: &Uri, options: &FormattingOptions, lines: Range<usize>) -> Option<Vec<TextEdit>> {
    let source = from_proto::source(view, uri)?;
    let edits = format::lines(&source.text, format::indent_of(options.tab_size), lines);
    Some(edits.into_iter().map(|edit| told(view, &source, edit)).collect())
}

fn told(view: &View, source: &SourceFile, edit: Respacing) -> TextEdit {
    TextEdit { range: to_proto::range(view, source, &edit.range), new_text: edit.new_text }
}
