//! Candidates (`textDocument/completion`, `completionItem/resolve`).

use serde::{Deserialize, Serialize};
use tower_lsp::ls_types::{
    ClientCapabilities, CompletionClientCapabilities, CompletionItem, CompletionItemKind,
    CompletionItemLabelDetails, CompletionItemTag, CompletionList, CompletionParams, CompletionResponse,
    CompletionTextEdit, Documentation, InsertReplaceEdit, InsertTextFormat, InsertTextMode, MarkupContent,
    MarkupKind, TextEdit,
};

use super::super::server::Refusal;
use super::super::{from_proto, to_proto};
use crate::ide::completion::{self, Item, Kind, Options, Subject};
use crate::session::{Place, View};

/// Characters behind which there may be something to write, beside those of words.
pub const TRIGGERS: &[&str] = &[".", "{", "|", ":", "-", " ", "[", ",", "/", "$", "@", "\"", "'", "*"];

/// What an editor makes of candidates.
#[derive(Clone, Copy, Debug, Default)]
pub struct Support {
    has_snippets: bool,
    has_insert_and_replace: bool,
    has_label_details: bool,
    has_tags: bool,
    has_adjusted_indentation: bool,
}

impl Support {
    /// Of an editor.
    pub fn new(client: Option<&ClientCapabilities>) -> Self {
        let document = client.and_then(|client| client.text_document.as_ref());
        let item = document.and_then(|document| document.completion.as_ref()).and_then(item_of);
        let Some(item) = item else { return Self::default() };
        let modes = item.insert_text_mode_support.as_ref().map(|support| support.value_set.as_slice());
        let tags = item.tag_support.as_ref().map(|support| support.value_set.as_slice());
        Self {
            has_snippets: item.snippet_support == Some(true),
            has_insert_and_replace: item.insert_replace_support == Some(true),
            has_label_details: item.label_details_support == Some(true),
            has_tags: tags.is_some_and(|tags| tags.contains(&CompletionItemTag::DEPRECATED)),
            has_adjusted_indentation: modes
                .is_some_and(|modes| modes.contains(&InsertTextMode::ADJUST_INDENTATION)),
        }
    }
}

fn item_of(client: &CompletionClientCapabilities) -> Option<&tower_lsp::ls_types::CompletionItemCapability> {
    client.completion_item.as_ref()
}

/// What a candidate is asked about later.
#[derive(Serialize, Deserialize)]
struct Data {
    path: camino::Utf8PathBuf,
    subject: Subject,
}

/// The candidates at a place.
pub fn at(
    view: &View,
    params: &CompletionParams,
    support: Support,
) -> Result<Option<CompletionResponse>, Refusal> {
    let Some(place) = from_proto::place(view, &params.text_document_position)? else { return Ok(None) };
    let trigger = params.context.as_ref().and_then(|context| context.trigger_character.as_ref());
    let options = Options {
        has_snippets: support.has_snippets,
        trigger: trigger.and_then(|trigger| trigger.chars().next()),
    };
    let found = completion::complete(&place.snapshot, place.position, options);
    let items = found.items.into_iter().enumerate();
    let items = items.map(|(order, item)| to_item(view, &place, support, order, item)).collect();
    Ok(Some(CompletionResponse::List(CompletionList { is_incomplete: found.is_incomplete, items })))
}

/// The candidate with what is told of it.
pub fn resolve(view: &View, mut item: CompletionItem) -> Result<CompletionItem, Refusal> {
    let data = item.data.as_ref().and_then(|data| Data::deserialize(data).ok());
    if let Some(data) = data
        && let Some(snapshot) = view.project_of(&data.path)?
        && let Some(text) = completion::documentation(&snapshot, &data.subject)
    {
        item.documentation = Some(markdown(text));
    }
    Ok(item)
}

fn to_item(view: &View, place: &Place, support: Support, order: usize, item: Item) -> CompletionItem {
    let source = place.snapshot.analysis.file(place.position.file);
    let replace = to_proto::range(view, source, &item.range);
    let up_to_cursor = item.range.start..place.position.offset.clamp(item.range.start, item.range.end);
    let text_edit = if support.has_insert_and_replace {
        let insert = to_proto::range(view, source, &up_to_cursor);
        CompletionTextEdit::InsertAndReplace(InsertReplaceEdit { new_text: item.insert, insert, replace })
    } else {
        CompletionTextEdit::Edit(TextEdit { range: replace, new_text: item.insert })
    };
    let data = item
        .subject
        .and_then(|subject| serde_json::to_value(Data { path: source.path.clone(), subject }).ok());
    let label_details = CompletionItemLabelDetails { detail: None, description: item.origin };
    CompletionItem {
        label: item.label,
        label_details: Some(label_details).filter(|_| support.has_label_details),
        kind: Some(kind(item.kind)),
        detail: item.detail,
        documentation: item.documentation.map(markdown),
        tags: (support.has_tags && item.is_deprecated).then(|| vec![CompletionItemTag::DEPRECATED]),
        sort_text: Some(format!("{order:04}")),
        filter_text: item.filter,
        insert_text_format: item.is_snippet.then_some(InsertTextFormat::SNIPPET),
        insert_text_mode: support.has_adjusted_indentation.then_some(InsertTextMode::ADJUST_INDENTATION),
        text_edit: Some(text_edit),
        data,
        ..CompletionItem::default()
    }
}

fn markdown(value: String) -> Documentation {
    Documentation::MarkupContent(MarkupContent { kind: MarkupKind::Markdown, value })
}

fn kind(kind: Kind) -> CompletionItemKind {
    match kind {
        Kind::Key => CompletionItemKind::PROPERTY,
        Kind::Task => CompletionItemKind::METHOD,
        Kind::Step => CompletionItemKind::EVENT,
        Kind::Product | Kind::Word => CompletionItemKind::ENUM_MEMBER,
        Kind::Variable => CompletionItemKind::VARIABLE,
        Kind::Environment => CompletionItemKind::CONSTANT,
        Kind::Field => CompletionItemKind::FIELD,
        Kind::Function => CompletionItemKind::FUNCTION,
        Kind::Keyword => CompletionItemKind::KEYWORD,
        Kind::File => CompletionItemKind::FILE,
        Kind::Directory => CompletionItemKind::FOLDER,
        Kind::Plugin | Kind::Namespace => CompletionItemKind::MODULE,
    }
}
