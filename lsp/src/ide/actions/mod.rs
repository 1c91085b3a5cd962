//! What the user can have done at a place.

mod description;
mod extract_task;
mod folder_task;
mod inline_task;
mod lines;
mod missing_definition;
mod short_form;
#[cfg(test)]
mod tests;
mod unused_variable;
mod written_task;

use std::ops::Range;

use camino::Utf8PathBuf;
use ez_compiler::source::FileId;

use super::diagnostics::Finding;
use super::quick_fixes;
use crate::analysis::{FileRange, Snapshot};
use written_task::WrittenTask;

/// Something that can be done for the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    /// What it does.
    pub title: String,
    /// What sort of help it is.
    pub kind: ActionKind,
    /// What it changes.
    pub change: Change,
    /// The finding that it mends.
    pub mends: Option<Finding>,
    /// Whether it is what the user most probably wants.
    pub is_preferred: bool,
}

/// What sort of help an action is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActionKind {
    /// It mends a finding.
    QuickFix,
    /// It makes a part a thing of its own.
    Extract,
    /// It puts a thing where it is used.
    Inline,
    /// It says the same otherwise.
    Rewrite,
}

impl Action {
    /// One that mends nothing.
    fn new(title: impl Into<String>, kind: ActionKind, edits: Vec<(FileRange, String)>) -> Self {
        let change = Change { files: Vec::new(), edits };
        Self { title: title.into(), kind, change, mends: None, is_preferred: false }
    }
}

/// What becomes of files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// New files and their texts. They come before the edits.
    pub files: Vec<(Utf8PathBuf, String)>,
    /// Places of the project's files and their new texts, none of which overlap.
    pub edits: Vec<(FileRange, String)>,
}

/// What can be done at some bytes of a file.
pub fn at(snapshot: &Snapshot, file: FileId, range: &Range<usize>) -> Vec<Action> {
    let mut actions = quick_fixes::at(&snapshot.analysis, file, range);
    actions.extend(missing_definition::at(snapshot, file, range));
    actions.extend(unused_variable::at(snapshot, file, range));
    let Some(task) = WrittenTask::at(snapshot, file, range.start) else { return actions };
    actions.extend(extract_task::at(&task, range));
    actions.extend(inline_task::at(&task, range));
    actions.extend(inline_task::into_caller(&task, range));
    actions.extend(folder_task::at(&task, range));
    actions.extend(short_form::at(&task, range));
    actions.extend(description::at(&task, range));
    actions
}
