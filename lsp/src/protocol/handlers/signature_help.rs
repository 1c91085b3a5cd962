//! The function whose arguments are being written (`textDocument/signatureHelp`).

use std::ops::Range;

use tower_lsp::ls_types::{
    ClientCapabilities, Documentation, MarkupContent, MarkupKind, ParameterInformation, ParameterLabel,
    SignatureHelp, SignatureHelpParams, SignatureInformation,
};

use super::super::from_proto;
use super::super::server::Refusal;
use crate::ide::signature_help;
use crate::session::View;

/// Characters behind which the argument is another one.
pub const TRIGGERS: &[&str] = &[" ", "("];

/// Whether an editor takes the places of parameters instead of their texts.
pub fn takes_offsets(client: Option<&ClientCapabilities>) -> bool {
    let document = client.and_then(|client| client.text_document.as_ref());
    let information = document
        .and_then(|document| document.signature_help.as_ref())
        .and_then(|help| help.signature_information.as_ref());
    let parameter = information.and_then(|information| information.parameter_information.as_ref());
    parameter.is_some_and(|parameter| parameter.label_offset_support == Some(true))
}

/// The function at a place.
pub fn at(
    view: &View,
    params: &SignatureHelpParams,
    takes_offsets: bool,
) -> Result<Option<SignatureHelp>, Refusal> {
    let Some(place) = from_proto::place(view, &params.text_document_position_params)? else {
        return Ok(None);
    };
    let Some(found) = signature_help::at(&place.snapshot, place.position) else { return Ok(None) };
    let parameter = |range: &Range<usize>| {
        let text = found.label.get(range.clone()).unwrap_or("");
        let units = |at: usize| found.label.get(..at).map_or(0, |text| text.encode_utf16().count() as u32);
        let label = if takes_offsets {
            ParameterLabel::LabelOffsets([units(range.start), units(range.end)])
        } else {
            ParameterLabel::Simple(text.to_owned())
        };
        ParameterInformation { label, documentation: None }
    };
    let parameters = found.parameters.iter().map(parameter).collect();
    // Behind the last parameter none is active.
    let active_parameter = Some(found.active.unwrap_or(found.parameters.len()) as u32);
    let information = SignatureInformation {
        parameters: Some(parameters),
        active_parameter,
        documentation: Some(Documentation::MarkupContent(MarkupContent {
            kind: MarkupKind::Markdown,
            value: found.documentation,
        })),
        label: found.label,
    };
    Ok(Some(SignatureHelp { signatures: vec![information], active_signature: Some(0), active_parameter }))
}
