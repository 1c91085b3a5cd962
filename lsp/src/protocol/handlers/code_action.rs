//! What can be done at a place (`textDocument/codeAction`, `codeAction/resolve`).

use serde_json::{Value, json};
use tower_lsp::ls_types::{
    CodeAction, CodeActionKind, CodeActionOrCommand, CodeActionParams, CodeActionResponse, Uri,
};

use super::super::capabilities::EditAbilities;
use super::super::server::Refusal;
use super::super::{from_proto, to_proto};
use crate::ide::actions::{self, Action, ActionKind};
use crate::ide::fix_all;
use crate::session::View;

/// Every fix of a file at once. A name of our own, so that an editor can ask for it alone.
pub const FIX_ALL: CodeActionKind = CodeActionKind::new("source.fixAll.ez");

/// Every kind of action that is offered.
pub const KINDS: &[CodeActionKind] = &[
    CodeActionKind::QUICKFIX,
    CodeActionKind::REFACTOR_EXTRACT,
    CodeActionKind::REFACTOR_INLINE,
    CodeActionKind::REFACTOR_REWRITE,
    FIX_ALL,
];

/// The name in an action's data of the file that it is about.
const URI: &str = "uri";

/// What can be done.
pub fn answer(
    view: &View,
    params: &CodeActionParams,
    editor: EditAbilities,
) -> Result<Option<CodeActionResponse>, Refusal> {
    let uri = &params.text_document.uri;
    let Some(path) = from_proto::path(uri) else { return Ok(None) };
    let Some(snapshot) = view.project_of(&path)? else { return Ok(None) };
    let Some(file) = snapshot.analysis.file_of(&path) else { return Ok(None) };
    let source = snapshot.analysis.file(file);
    let range = from_proto::range(view, source, params.range);
    let wanted = |kind: &CodeActionKind| is_wanted(params.context.only.as_deref(), kind);
    let found = actions::at(&snapshot, file, &range).into_iter();
    let mut answer: CodeActionResponse = found
        .filter(|action| wanted(&kind_of(action.kind)))
        .filter(|action| action.change.files.is_empty() || editor.creates_files)
        .filter_map(|action| told(view, &snapshot.analysis, action, editor))
        .collect();
    if wanted(&FIX_ALL) && fix_all::is_useful(&snapshot.analysis, file) {
        let mut action = CodeAction {
            title: "Apply all fixes in this file".to_owned(),
            kind: Some(FIX_ALL),
            data: Some(json!({ URI: uri })),
            ..CodeAction::default()
        };
        if !editor.resolves_actions {
            let change = fix_all::of_file(&snapshot, file);
            action.edit = Some(to_proto::workspace_edit(view, &snapshot.analysis, &change, editor));
        }
        answer.push(CodeActionOrCommand::CodeAction(action));
    }
    Ok(Some(answer))
}

/// Completes an action that was given without its edit.
pub fn resolve(view: &View, action: CodeAction, editor: EditAbilities) -> Result<CodeAction, Refusal> {
    if action.edit.is_some() || action.kind.as_ref() != Some(&FIX_ALL) {
        return Ok(action);
    }
    let uri = action.data.as_ref().and_then(|data| data.get(URI)).and_then(Value::as_str);
    let path = uri.and_then(|uri| uri.parse::<Uri>().ok()).as_ref().and_then(from_proto::path);
    let Some(path) = path else { return Ok(action) };
    let Some(snapshot) = view.project_of(&path)? else { return Ok(action) };
    let Some(file) = snapshot.analysis.file_of(&path) else { return Ok(action) };
    let change = fix_all::of_file(&snapshot, file);
    let edit = to_proto::workspace_edit(view, &snapshot.analysis, &change, editor);
    Ok(CodeAction { edit: Some(edit), ..action })
}

fn told(
    view: &View,
    analysis: &crate::analysis::Analysis,
    action: Action,
    editor: EditAbilities,
) -> Option<CodeActionOrCommand> {
    let edit = to_proto::workspace_edit(view, analysis, &action.change, editor);
    let mended =
        action.mends.map(|finding| vec![to_proto::Findings::new(view, analysis).diagnostic(finding)]);
    let is_empty = action.change.edits.is_empty() && action.change.files.is_empty();
    (!is_empty).then(|| {
        CodeActionOrCommand::CodeAction(CodeAction {
            title: capitalised(&action.title),
            kind: Some(kind_of(action.kind)),
            diagnostics: mended,
            edit: Some(edit),
            is_preferred: action.is_preferred.then_some(true),
            ..CodeAction::default()
        })
    })
}

fn kind_of(kind: ActionKind) -> CodeActionKind {
    match kind {
        ActionKind::QuickFix => CodeActionKind::QUICKFIX,
        ActionKind::Extract => CodeActionKind::REFACTOR_EXTRACT,
        ActionKind::Inline => CodeActionKind::REFACTOR_INLINE,
        ActionKind::Rewrite => CodeActionKind::REFACTOR_REWRITE,
    }
}

/// Whether an editor that asks only for some kinds asks for this one: `source` stands for `source.fixAll.ez` too.
fn is_wanted(only: Option<&[CodeActionKind]>, kind: &CodeActionKind) -> bool {
    only.is_none_or(|only| {
        only.iter().any(|wanted| {
            let rest = kind.as_str().strip_prefix(wanted.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.') || wanted.as_str().is_empty())
        })
    })
}

/// Editors show titles as the lines of a menu.
fn capitalised(title: &str) -> String {
    let mut chars = title.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_stand_for_the_kinds_below_them() {
        let check = |only: &'static str, expected: bool| {
            assert_eq!(is_wanted(Some(&[CodeActionKind::new(only)]), &FIX_ALL), expected, "{only}");
        };
        check("source", true);
        check("source.fixAll", true);
        check("source.fixAll.ez", true);
        check("", true);
        check("source.fix", false);
        check("quickfix", false);
        assert!(is_wanted(None, &FIX_ALL));
        assert!(!is_wanted(Some(&[]), &FIX_ALL));
    }

    /// Editors do not ask for a kind that is not announced.
    #[test]
    fn every_kind_is_announced() {
        for kind in [ActionKind::QuickFix, ActionKind::Extract, ActionKind::Inline, ActionKind::Rewrite] {
            assert!(KINDS.contains(&kind_of(kind)), "{kind:?}");
        }
    }
}
