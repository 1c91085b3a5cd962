//! The fixes of the findings at a place.

use std::ops::Range;

use ez_compiler::source::FileId;

use super::actions::{Action, ActionKind, Change};
use super::diagnostics;
use crate::analysis::Analysis;

/// The fixes of every finding that some bytes touch.
pub fn at(analysis: &Analysis, file: FileId, range: &Range<usize>) -> Vec<Action> {
    let mut actions = Vec::new();
    for finding in diagnostics::touched(analysis, file, range) {
        let is_only = finding.fixes.len() == 1;
        for fix in &finding.fixes {
            actions.push(Action {
                title: fix.title.clone(),
                kind: ActionKind::QuickFix,
                change: Change { files: Vec::new(), edits: fix.edits.clone() },
                mends: Some(finding.clone()),
                is_preferred: is_only,
            });
        }
    }
    actions
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{Fixture, assert_snapshot, shown_change};
    use super::*;

    /// The fixes at the cursor: titles, and the first one's result.
    fn fixes(marked: &str) -> String {
        let fixture = Fixture::new(marked);
        let place = fixture.place();
        let actions = at(&place.snapshot.analysis, place.position.file, &fixture.selection());
        let mut shown = String::new();
        for action in &actions {
            let mark = if action.is_preferred { "*" } else { "-" };
            let code = action.mends.as_ref().map_or("", |finding| finding.code);
            shown.extend([mark, " ", code, " ", &action.title, "\n"]);
        }
        let first = actions.first().map(|action| shown_change(&place.snapshot, &action.change));
        shown + &first.unwrap_or_default()
    }

    #[test]
    fn a_misspelt_task_is_renamed() {
        assert_snapshot!(fixes("version: '3'\ntasks:\n  build: echo\n  all:\n    deps: [bui$0d]\n"));
    }

    #[test]
    fn only_what_is_touched_is_mended() {
        assert_snapshot!(fixes("version: '3'\ntasks:\n  bu$0ild: echo\n  all:\n    deps: [buid]\n"), @"");
    }

    #[test]
    fn an_unknown_key_is_renamed() {
        assert_snapshot!(fixes("version: '3'\ntasks:\n  build:\n    cmd$0z: [echo]\n"));
    }

    #[test]
    fn a_selection_holds_several_findings() {
        assert_snapshot!(fixes("version: '3'\ntasks:\n  build:\n    $0cmdz: [echo]\n    depz: []\n$0"));
    }

    #[test]
    fn other_files_are_mended_too() {
        assert_snapshot!(fixes(
            "version: '3'\nincludes: {docs: docs}\n#- docs/Taskfile.yml\nversion: '3'\ntasks:\n  a: echo\n  b:\n    deps: [$0aa]\n"
        ));
    }
}
