//! A file's text to a document.

use std::sync::Arc;

use super::compose::{ComposeError, MAX_NESTING, compose};
use super::error::YamlError;
use super::node::Node;
use super::scan::Problem;
use crate::source::{FileId, SourceId, SourceMap, Span};

/// The largest file that is read, in bytes.
pub const MAX_FILE_SIZE: usize = 64 << 20;

/// A file as YAML.
#[derive(Clone, Debug)]
pub struct Document {
    /// The fragment that covers the whole file.
    pub source: SourceId,
    /// The first document's root; `None` of a file without one.
    pub root: Option<Arc<Node>>,
    /// What is wrong, in the order of the text. The tree has what could be read all the same.
    pub errors: Vec<YamlError>,
}

/// Parses a file's text, which `sources` must hold as `file`'s.
pub fn parse(text: &str, file: FileId, sources: &mut SourceMap, previous: Option<&Document>) -> Document {
    let source = match previous {
        Some(previous) => previous.source,
        None => sources.add_fragment(file, 0),
    };
    if text.len() > MAX_FILE_SIZE {
        return Document { source, root: None, errors: vec![too_large(text.len(), source)] };
    }
    let composed = compose(text, source);
    let errors = composed.errors.iter().map(|error| describe(error, text, source)).collect();
    Document { source, root: composed.root.map(Arc::new), errors }
}

fn too_large(length: usize, source: SourceId) -> YamlError {
    YamlError {
        message: format!("this file has {length} bytes, more than the {MAX_FILE_SIZE} that are read"),
        span: Span::new(source, 0, 0),
        go_message: None,
        help: Some("split it with `includes`".to_owned()),
        fix: None,
    }
}

fn describe(error: &ComposeError, text: &str, source: SourceId) -> YamlError {
    match error {
        ComposeError::Syntax(problem) => describe_problem(problem, text, source),
        ComposeError::UnknownAnchor { name, span } => YamlError {
            message: format!("unknown anchor `{name}`"),
            span: *span,
            go_message: Some(format!("yaml: unknown anchor '{name}' referenced")),
            help: Some(format!("mark the value it stands for with `&{name}`, further up")),
            fix: None,
        },
        ComposeError::RecursiveAnchor { name, span } => YamlError {
            message: format!("`*{name}` stands inside of what `&{name}` marks"),
            span: *span,
            go_message: Some(format!("yaml: anchor '{name}' value contains itself")),
            help: None,
            fix: None,
        },
        ComposeError::TooDeep { mark } => YamlError {
            message: format!("lists and mappings are nested deeper than the limit of {MAX_NESTING}"),
            span: Span::new(source, mark.offset, mark.offset),
            go_message: None,
            help: None,
            fix: None,
        },
    }
}

fn describe_problem(problem: &Problem, text: &str, source: SourceId) -> YamlError {
    let start = problem.mark.offset.min(text.len());
    let length = text[start..].chars().next().map_or(0, char::len_utf8);
    YamlError {
        message: problem.text.to_owned(),
        span: Span::new(source, start, start + length),
        go_message: Some(problem.go_message()),
        help: None,
        fix: None,
    }
}
