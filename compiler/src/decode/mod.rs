//! From YAML nodes to syntax trees: a value and its diagnostics, never only an error.
//!
//! Beside the diagnostics of EZ, which are all that there are, a [`Failure`] keeps the one error with which go-task
//! would stop: go-yaml collects the type errors of one mapping, and the first error of another kind ends everything
//! (`decode.go` of go-yaml, `errors/error_taskfile_decode.go` of go-task).

mod command;
mod dependency;
mod duration;
mod include;
mod loops;
mod metadata;
mod plan;
mod plugin;
mod reader;
mod requires;
mod superset;
mod task;
mod taskfile;
mod template_file;
mod variable;

use std::sync::Arc;

pub use duration::parse_duration;
pub use metadata::{DecodedMetadata, decode_metadata};
pub use plan::{DecodedPlan, decode_plan};
pub use plugin::{DecodedPlugin, decode_plugin};
pub use superset::MAX_RETRIES;
pub use task::TASK_KEYS;
pub use taskfile::{TASKFILE_KEYS, parse_version};
pub use template_file::{DecodedTemplate, decode_template};

use crate::ast;
use crate::diagnostic::Diagnostic;
use crate::source::{SourceId, SourceMap, Span};
use crate::yaml::node::{Entry, Node};

/// The error with which go-task would stop decoding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// One message, or several type errors of one mapping.
    pub messages: Vec<String>,
    /// The node at which go-task points: its first byte counts.
    pub span: Span,
}

/// A decoded Taskfile.
#[derive(Debug)]
pub struct Decoded {
    /// The syntax tree; `None` where the file is no mapping.
    pub taskfile: Option<ast::Taskfile>,
    /// All findings.
    pub diagnostics: Vec<Diagnostic>,
    /// Where go-task would stop.
    pub failure: Option<Failure>,
    /// Tasks by the node they were decoded from, for reuse.
    pub memo: Memo,
}

/// What an earlier run decoded, by the identity of the nodes: a task's block that did not change keeps its node.
#[derive(Clone, Debug, Default)]
pub struct Memo {
    tasks: Vec<(Arc<Node>, Arc<DecodedTask>)>,
}

/// A task with the findings in it.
#[derive(Debug)]
pub struct DecodedTask {
    task: Arc<ast::Task>,
    diagnostics: Vec<Diagnostic>,
    failure: Option<Failure>,
}

impl DecodedTask {
    /// Lets go of what a list does not show, where a list can do without.
    #[must_use]
    pub fn for_list(mut self) -> Self {
        if let Some(task) = Arc::get_mut(&mut self.task) {
            task.keep_for_list();
        }
        self
    }
}

impl Memo {
    /// The task at `position`, or anywhere else, that came from this very node under this very key.
    fn find(&self, position: usize, node: &Arc<Node>, key: Span) -> Option<Arc<DecodedTask>> {
        let same = |entry: &&(Arc<Node>, Arc<DecodedTask>)| {
            Arc::ptr_eq(&entry.0, node) && entry.1.task.name.span == key
        };
        let near = [position, position + 1, position.wrapping_sub(1)];
        let found = near.iter().filter_map(|&i| self.tasks.get(i)).find(same);
        found.map(|(_, task)| Arc::clone(task))
    }
}

/// Decodes the root node of a file. `source` is the fragment that stands for the whole file.
pub fn decode(root: &Node, source: SourceId, sources: &SourceMap, previous: Option<&Memo>) -> Decoded {
    let mut decoder = Decoder::new(sources);
    let mut memo = Memo::default();
    if decoder.has_too_many_aliases(root) {
        return Decoded { taskfile: None, diagnostics: decoder.diagnostics, failure: decoder.failure, memo };
    }
    let taskfile = decoder.taskfile(root, source, previous, &mut memo);
    Decoded { taskfile, diagnostics: decoder.diagnostics, failure: decoder.failure, memo }
}

/// Decodes one task of a file, for [`decode_with_tasks`].
pub fn decode_task(entry: &Entry, sources: &SourceMap) -> DecodedTask {
    Decoder::new(sources).decode_alone(&reader::field(entry))
}

/// Decodes the root node of a file whose `tasks` were decoded one by one.
pub fn decode_with_tasks(
    root: &Node,
    source: SourceId,
    sources: &SourceMap,
    tasks: Vec<DecodedTask>,
) -> Decoded {
    let mut decoder = Decoder { decoded_tasks: Some(tasks), ..Decoder::new(sources) };
    let taskfile = decoder.taskfile(root, source, None, &mut Memo::default());
    Decoded { taskfile, diagnostics: decoder.diagnostics, failure: decoder.failure, memo: Memo::default() }
}

/// State of decoding one file.
struct Decoder<'a> {
    sources: &'a SourceMap,
    /// What `tasks` hold, where that was decoded before.
    decoded_tasks: Option<Vec<DecodedTask>>,
    diagnostics: Vec<Diagnostic>,
    failure: Option<Failure>,
    /// Type errors of the mappings that are being decoded, innermost last.
    type_errors: Vec<Vec<String>>,
}
