//! From the protocol's types to ours.

use camino::Utf8PathBuf;
use ez_compiler::project::paths;
use tower_lsp::ls_types::{Position, TextDocumentContentChangeEvent, TextDocumentPositionParams, Uri};

use super::server::Refusal;
use crate::session::{Change, Place, View};

/// The file that an address names; `None` for what is no file of this machine, as a text without a name.
pub fn path(uri: &Uri) -> Option<Utf8PathBuf> {
    if uri.scheme().as_str() != "file" {
        return None;
    }
    let path = Utf8PathBuf::from_path_buf(uri.to_file_path()?.into_owned()).ok()?;
    Some(paths::clean(path.as_str()))
}

/// A piece of a text that was replaced.
pub fn change(event: TextDocumentContentChangeEvent) -> Change {
    let pair = |position: Position| (position.line, position.character);
    Change { range: event.range.map(|range| (pair(range.start), pair(range.end))), text: event.text }
}

/// The place that a question is about; `None` in a file that belongs to no project.
pub fn place(view: &View, params: &TextDocumentPositionParams) -> Result<Option<Place>, Refusal> {
    let Some(path) = path(&params.text_document.uri) else { return Ok(None) };
    Ok(view.place(&path, params.position.line, params.position.character)?)
}
