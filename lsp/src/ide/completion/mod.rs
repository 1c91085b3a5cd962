//! What can be written at a place.
//!
//! [`crate::ide::cursor`] tells what stands there, the tables of formats what it means; each file here knows candidates of
//! one kind. Nothing is made of candidates that do not fit what is typed, because there are thousands of them.

mod anchors;
mod calls;
mod documentation;
mod expression;
mod functions;
mod insertion;
mod keys;
mod options;
mod paths;
mod plugins;
mod rank;
mod request;
mod script;
mod steps;
mod tasks;
#[cfg(test)]
mod tests;
mod variables;

use std::ops::Range;

use ez_compiler::ast::hook::PLUGIN_PREFIX;
use ez_compiler::schema::{Scalar, Shape};

use crate::analysis::{FilePosition, Snapshot};
use crate::ide::cursor::{Part, template};

pub use documentation::{Subject, documentation};
pub use functions::{Prototype, prototype};
use rank::Candidates;
use request::Request;

/// What the editor can do, and why it asks.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// It knows places in inserted texts where the cursor goes next.
    pub has_snippets: bool,
    /// The character that was just typed, if it asks because of it.
    pub trigger: Option<char>,
}

/// What a candidate is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A key of a mapping.
    Key,
    /// A task.
    Task,
    /// A step of a plan, or combinations of it.
    Step,
    /// An artifact or an output of a step.
    Product,
    /// A variable of templates or scripts.
    Variable,
    /// A variable of the environment that no file of the project sets.
    Environment,
    /// A field of a value.
    Field,
    /// A function of templates.
    Function,
    /// A word of templates.
    Keyword,
    /// One of a few words.
    Word,
    /// A file.
    File,
    /// A directory.
    Directory,
    /// A plugin.
    Plugin,
    /// A namespace.
    Namespace,
}

/// A candidate.
#[derive(Clone, Debug)]
pub struct Item {
    /// How it is shown.
    pub label: String,
    /// What it is.
    pub kind: Kind,
    /// A few words beside it: a description, a value.
    pub detail: Option<String>,
    /// Where it comes from, in a word or two.
    pub origin: Option<String>,
    /// What is told of it, in Markdown, where that costs nothing.
    pub documentation: Option<String>,
    /// What [`documentation()`] is to be asked for, where it costs something.
    pub subject: Option<Subject>,
    /// The bytes that it replaces.
    pub range: Range<usize>,
    /// What it replaces them with.
    pub insert: String,
    /// Whether that is a snippet.
    pub is_snippet: bool,
    /// What the editor compares with the text that is replaced, if not the label.
    pub filter: Option<String>,
    /// Whether there is something better.
    pub is_deprecated: bool,
}

impl Item {
    /// A candidate that is inserted as it is shown.
    pub fn new(label: impl Into<String>, kind: Kind, range: Range<usize>) -> Self {
        let label = label.into();
        Self {
            insert: label.clone(),
            label,
            kind,
            detail: None,
            origin: None,
            documentation: None,
            subject: None,
            range,
            is_snippet: false,
            filter: None,
            is_deprecated: false,
        }
    }

    fn inserting(mut self, text: impl Into<String>) -> Self {
        self.insert = text.into();
        self
    }

    fn detail(mut self, detail: impl Into<Option<String>>) -> Self {
        self.detail = detail.into();
        self
    }

    fn origin(mut self, origin: impl Into<String>) -> Self {
        self.origin = Some(origin.into());
        self
    }

    fn about(mut self, documentation: impl Into<String>) -> Self {
        self.documentation = Some(documentation.into());
        self
    }

    fn subject(mut self, subject: Subject) -> Self {
        self.subject = Some(subject);
        self
    }
}

/// The candidates at a place.
#[derive(Debug, Default)]
pub struct Completions {
    /// The best first.
    pub items: Vec<Item>,
    /// Whether there are more, which further letters bring up.
    pub is_incomplete: bool,
}

/// The candidates at a place.
pub fn complete(snapshot: &Snapshot, position: FilePosition, options: Options) -> Completions {
    let Some(request) = Request::new(snapshot, position, options) else { return Completions::default() };
    if request.is_noise() {
        return Completions::default();
    }
    let request = request.with_name_for_key();
    let candidates = candidates(&request);
    let (items, is_incomplete) = candidates.finish();
    Completions { items, is_incomplete }
}

fn candidates(request: &Request<'_>) -> Candidates {
    if anchors::is_alias(request) {
        return anchors::candidates(request);
    }
    if let Some(cursor) = template_at(request) {
        return expression::candidates(request, &cursor);
    }
    let mut found = Candidates::new(request.typed());
    if request.cursor.part != Part::Value {
        keys::add(request, &mut found);
    }
    let may_be_value = match request.cursor.part {
        Part::Value => true,
        // Beside a key stands no value.
        Part::KeyOrValue => !keys::are_beside(request),
        _ => false,
    };
    if may_be_value {
        calls::add_values(request, &mut found);
        for shape in request.shapes() {
            match shape {
                Shape::Scalar(scalar) | Shape::Template(scalar) => add_scalars(request, scalar, &mut found),
                Shape::List(items) if request.is_block_start() => {
                    keys::add_items(request, *items, &mut found);
                }
                _ => {}
            }
        }
    }
    found
}

/// The expression that the cursor is in.
fn template_at(request: &Request<'_>) -> Option<template::TemplateCursor> {
    let cursor = &request.cursor;
    if matches!(cursor.part, Part::Key | Part::KeyWithColon) {
        return None;
    }
    let text = &request.source.text;
    let find = |braces| template::at(text, cursor.scalar, cursor.offset, cursor.style, braces);
    let braces = template::Braces::of(request.format, &request.shapes())?;
    let is_half_written = braces.open.is_empty() && cursor.part != Part::Value;
    find(if is_half_written { template::BRACES } else { braces })
}

/// Candidates for a scalar of a meaning.
fn add_scalars(request: &Request<'_>, scalar: Scalar, found: &mut Candidates) {
    match scalar {
        Scalar::Bool => options::add_words(request, &options::BOOLEANS, found),
        Scalar::Enum(values) => options::add_words(request, values, found),
        Scalar::Platform => options::add_platforms(request, found),
        Scalar::Semver => options::add_versions(request, found),
        Scalar::TaskName => tasks::add_names(request, found),
        Scalar::ExcludedTask => tasks::add_excluded(request, found),
        Scalar::VariableName => variables::add_names(request, found),
        Scalar::Path(kind) => paths::add(request, kind, found),
        Scalar::StepReference => steps::add_references(request, found),
        Scalar::ArtifactReference => steps::add_artifacts(request, found),
        Scalar::PluginName => plugins::add_names(request, "", found),
        Scalar::Script | Scalar::CommandLine => script::add(request, found),
        Scalar::ScriptOrPlugin => {
            script::add(request, found);
            plugins::add_names(request, PLUGIN_PREFIX, found);
        }
        _ => {}
    }
}
