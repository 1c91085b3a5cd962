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
pub use plan::{DecodedPlan, DecodedStep, decode_plan};
pub use plugin::{DecodedPlugin, decode_plugin};
pub use superset::MAX_RETRIES;
pub use task::TASK_KEYS;
pub use taskfile::{TASKFILE_KEYS, parse_version};
pub use template_file::{DecodedTemplate, decode_template};

use rustc_hash::FxHashMap;

use crate::ast;
use crate::diagnostic::Diagnostic;
use crate::source::{SourceId, SourceMap, Span};
use crate::yaml::error::DecodeError;
use crate::yaml::node::{Entry, Node};

/// The error with which go-task would stop decoding.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// One message, or several type errors of one mapping.
    pub messages: Vec<FailureMessage>,
    /// The node at which go-task points: its first byte counts.
    pub span: Span,
}

/// What go-task says of an error. Lines that it names move when the text above changes.
#[derive(Clone, Debug, PartialEq)]
pub enum FailureMessage {
    /// A message without lines.
    Words(String),
    /// A value that does not fit.
    Value(DecodeError),
}

impl FailureMessage {
    /// The message.
    pub fn text(&self, sources: &SourceMap) -> String {
        match self {
            Self::Words(words) => words.clone(),
            Self::Value(error) => error.go_message(sources),
        }
    }
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

/// What an earlier run decoded, by the identity of the nodes: a block that did not change keeps its node.
#[derive(Debug)]
pub struct Memo<T = DecodedTask> {
    entries: Vec<(Arc<Node>, Arc<T>)>,
}

impl<T> Default for Memo<T> {
    fn default() -> Self {
        Self { entries: Vec::new() }
    }
}

impl<T> Clone for Memo<T> {
    fn clone(&self) -> Self {
        Self { entries: self.entries.clone() }
    }
}

/// A search for many nodes in a memo, in the order in which they were decoded but for the changes.
struct Search<'m, T> {
    entries: &'m [(Arc<Node>, Arc<T>)],
    /// Where the next one is expected.
    next: usize,
    /// The places of all by their addresses, once one was not where it was expected.
    places: Option<FxHashMap<*const Node, usize>>,
}

impl<'m, T> Search<'m, T> {
    fn new(memo: Option<&'m Memo<T>>) -> Self {
        Self { entries: memo.map_or(&[], |memo| memo.entries.as_slice()), next: 0, places: None }
    }

    /// What came from this very node. Of several, which only aliases make, any.
    fn find(&mut self, node: &Arc<Node>) -> Option<&'m Arc<T>> {
        let entries = self.entries;
        let is_expected = entries.get(self.next).is_some_and(|(known, _)| Arc::ptr_eq(known, node));
        let place = if is_expected {
            self.next
        } else {
            let places = self.places.get_or_insert_with(|| {
                entries.iter().enumerate().map(|(place, (node, _))| (Arc::as_ptr(node), place)).collect()
            });
            *places.get(&Arc::as_ptr(node))?
        };
        let (_, found) = entries.get(place)?;
        self.next = place + 1;
        Some(found)
    }
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
    type_errors: Vec<Vec<FailureMessage>>,
}
