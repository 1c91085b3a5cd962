//! What words are (`textDocument/semanticTokens/*`).

use std::sync::{Mutex, PoisonError};

use camino::{Utf8Path, Utf8PathBuf};
use ez_compiler::source::SourceFile;
use rustc_hash::FxHashMap;
use tower_lsp::ls_types::{
    SemanticToken, SemanticTokenModifier, SemanticTokenType, SemanticTokens, SemanticTokensDelta,
    SemanticTokensDeltaParams, SemanticTokensEdit, SemanticTokensFullDeltaResult, SemanticTokensLegend,
    SemanticTokensParams, SemanticTokensRangeParams, SemanticTokensRangeResult, SemanticTokensResult, Uri,
};

use super::super::from_proto;
use super::super::server::Refusal;
use crate::ide::semantic_tokens::{self, Modifiers, Token, TokenKind};
use crate::session::{Columns, Encoding, View};

/// The names of kinds and modifiers, in the order in which answers number them.
pub fn legend() -> SemanticTokensLegend {
    SemanticTokensLegend {
        token_types: TokenKind::ALL.iter().map(|kind| SemanticTokenType::new(kind.name())).collect(),
        token_modifiers: Modifiers::NAMES.iter().map(|name| SemanticTokenModifier::new(name)).collect(),
    }
}

/// What was last told of each open file, so that only what differs is told next.
#[derive(Default)]
pub struct Told(Mutex<ToldState>);

#[derive(Default)]
struct ToldState {
    last_id: u64,
    by_path: FxHashMap<Utf8PathBuf, (String, Vec<SemanticToken>)>,
}

impl Told {
    /// Keeps an answer; gives its name, and the answer that went before it if the editor still has that one.
    fn replace(
        &self,
        view: &View,
        path: &Utf8Path,
        tokens: &[SemanticToken],
        previous: Option<&str>,
    ) -> (String, Option<Vec<SemanticToken>>) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.last_id += 1;
        let id = state.last_id.to_string();
        state.by_path.retain(|path, _| view.files.documents.contains_key(path));
        let before = state.by_path.insert(path.to_owned(), (id.clone(), tokens.to_vec()));
        let before = before.filter(|(known, _)| previous == Some(known.as_str()));
        (id, before.map(|(_, tokens)| tokens))
    }
}

/// All tokens of a file.
pub fn full(
    view: &View,
    told: &Told,
    params: &SemanticTokensParams,
) -> Result<Option<SemanticTokensResult>, Refusal> {
    let Some((path, data)) = of_document(view, &params.text_document.uri, None)? else { return Ok(None) };
    let (id, _) = told.replace(view, &path, &data, None);
    Ok(Some(SemanticTokensResult::Tokens(SemanticTokens { result_id: Some(id), data })))
}

/// What differs from the answer before; all tokens where the editor names another one.
pub fn delta(
    view: &View,
    told: &Told,
    params: &SemanticTokensDeltaParams,
) -> Result<Option<SemanticTokensFullDeltaResult>, Refusal> {
    let Some((path, data)) = of_document(view, &params.text_document.uri, None)? else { return Ok(None) };
    let (id, before) = told.replace(view, &path, &data, Some(&params.previous_result_id));
    Ok(Some(match before {
        Some(before) => {
            let delta = SemanticTokensDelta { result_id: Some(id), edits: difference(&before, &data) };
            SemanticTokensFullDeltaResult::TokensDelta(delta)
        }
        None => SemanticTokensFullDeltaResult::Tokens(SemanticTokens { result_id: Some(id), data }),
    }))
}

/// The tokens of a part of a file.
pub fn range(
    view: &View,
    params: &SemanticTokensRangeParams,
) -> Result<Option<SemanticTokensRangeResult>, Refusal> {
    let tokens = of_document(view, &params.text_document.uri, Some(params.range))?;
    Ok(tokens.map(|(_, data)| SemanticTokensRangeResult::Tokens(SemanticTokens { result_id: None, data })))
}

fn of_document(
    view: &View,
    uri: &Uri,
    range: Option<tower_lsp::ls_types::Range>,
) -> Result<Option<(Utf8PathBuf, Vec<SemanticToken>)>, Refusal> {
    let Some(path) = from_proto::path(uri) else { return Ok(None) };
    let Some(snapshot) = view.project_of(&path)? else { return Ok(None) };
    let Some(file) = snapshot.analysis.file_of(&path) else { return Ok(None) };
    let source = snapshot.analysis.file(file);
    let wanted = match range {
        Some(range) => from_proto::range(view, source, range),
        None => 0..source.text.len(),
    };
    let tokens = semantic_tokens::of_range(&snapshot, file, &wanted);
    Ok(Some((path, encoded(view.encoding, source, &tokens))))
}

/// Tokens as the protocol numbers them, each relative to the one before.
fn encoded(encoding: Encoding, source: &SourceFile, tokens: &[Token]) -> Vec<SemanticToken> {
    let (mut last_line, mut last_column) = (0, 0);
    let columns = Columns::new(encoding, source);
    let encode = |token: &Token| {
        let (line, column) = columns.position(token.range.start);
        let delta_line = line - last_line;
        let delta_start = if delta_line == 0 { column - last_column } else { column };
        (last_line, last_column) = (line, column);
        SemanticToken {
            delta_line,
            delta_start,
            length: encoding.length(source.text.get(token.range.clone()).unwrap_or_default()),
            token_type: TokenKind::ALL.iter().position(|kind| *kind == token.kind).unwrap_or_default() as u32,
            token_modifiers_bitset: token.modifiers.0,
        }
    };
    tokens.iter().map(encode).collect()
}

/// How many numbers a token is.
const NUMBERS_OF_TOKEN: u32 = 5;

/// One edit that makes the second list of the first.
fn difference(before: &[SemanticToken], after: &[SemanticToken]) -> Vec<SemanticTokensEdit> {
    let same = before.iter().zip(after).take_while(|(a, b)| a == b).count();
    if same == before.len() && same == after.len() {
        return Vec::new();
    }
    let (old, new) = (before.get(same..).unwrap_or_default(), after.get(same..).unwrap_or_default());
    let behind = old.iter().rev().zip(new.iter().rev()).take_while(|(a, b)| a == b).count();
    vec![SemanticTokensEdit {
        start: same as u32 * NUMBERS_OF_TOKEN,
        delete_count: (old.len() - behind) as u32 * NUMBERS_OF_TOKEN,
        data: Some(new.get(..new.len() - behind).unwrap_or_default().to_vec()),
    }]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(length: u32) -> SemanticToken {
        SemanticToken { length, ..SemanticToken::default() }
    }

    #[test]
    fn an_edit_leads_from_one_answer_to_the_next() {
        let lists: [&[u32]; 6] = [&[], &[1], &[1, 2, 3], &[1, 3], &[1, 1, 1], &[2, 2, 1, 1]];
        for before in lists {
            for after in lists {
                let [before, after] =
                    [before, after].map(|list| list.iter().map(|n| token(*n)).collect::<Vec<_>>());
                let mut edited = before.clone();
                for edit in difference(&before, &after) {
                    let start = (edit.start / NUMBERS_OF_TOKEN) as usize;
                    let end = start + (edit.delete_count / NUMBERS_OF_TOKEN) as usize;
                    edited.splice(start..end, edit.data.unwrap_or_default());
                }
                assert_eq!(edited, after);
            }
        }
    }
}
