//! Paths and addresses (`textDocument/documentLink`).

use std::str::FromStr;

use tower_lsp::ls_types::{DocumentLink, DocumentLinkParams, Uri};

use super::super::server::Refusal;
use super::super::{from_proto, to_proto};
use crate::ide::document_links::{self, LinkTarget};
use crate::session::{Columns, View};

/// The links of a file.
pub fn links(view: &View, params: &DocumentLinkParams) -> Result<Option<Vec<DocumentLink>>, Refusal> {
    let Some(path) = from_proto::path(&params.text_document.uri) else { return Ok(None) };
    let Some(snapshot) = view.project_of(&path)? else { return Ok(None) };
    let Some(file) = snapshot.analysis.file_of(&path) else { return Ok(None) };
    let columns = Columns::new(view.encoding, snapshot.analysis.file(file));
    let links = document_links::of_file(&snapshot, file).into_iter().filter_map(|link| {
        let target = match &link.target {
            LinkTarget::File(path) => to_proto::uri(path)?,
            LinkTarget::Address(address) => Uri::from_str(address).ok()?,
        };
        let range = to_proto::range_in(&columns, &link.range);
        Some(DocumentLink { range, target: Some(target), tooltip: None, data: None })
    });
    Ok(Some(links.collect()))
}
