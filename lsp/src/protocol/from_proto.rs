//! From the protocol's types to ours.

use std::ops::Range as ByteRange;

use camino::Utf8PathBuf;
use ez_compiler::file_system::FileSystem;
use ez_compiler::project::paths;
use ez_compiler::source::{LineIndex, SourceFile};
use tower_lsp::ls_types::{Position, Range, TextDocumentContentChangeEvent, TextDocumentPositionParams, Uri};

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

/// A file as the editor has it, or else the disk; `None` where it cannot be read.
pub fn source(view: &View, uri: &Uri) -> Option<SourceFile> {
    let path = path(uri)?;
    let text = view.files.read(&path).ok()?;
    Some(SourceFile { path, lines: LineIndex::new(&text), text })
}

/// The place that a question is about; `None` in a file that belongs to no project.
pub fn place(view: &View, params: &TextDocumentPositionParams) -> Result<Option<Place>, Refusal> {
    let Some(path) = path(&params.text_document.uri) else { return Ok(None) };
    Ok(view.place(&path, params.position.line, params.position.character)?)
}

/// The bytes of lines and columns; cut to the text.
pub fn range(view: &View, source: &SourceFile, range: Range) -> ByteRange<usize> {
    let at = |position: Position| {
        view.encoding.offset(&source.lines, &source.text, position.line, position.character)
    };
    let start = at(range.start);
    start..at(range.end).max(start)
}
