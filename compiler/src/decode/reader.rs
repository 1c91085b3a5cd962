//! Typed reading of nodes, with go-yaml's messages.

use std::sync::Arc;

use smol_str::SmolStr;

use super::{Decoder, Failure, FailureMessage};
use crate::ast::{Extension, Text};
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::rule;
use crate::source::{SourceMap, Span, Spanned};
use crate::suggest::nearest;
use crate::template::value::Value;
use crate::yaml::error::DecodeError;
use crate::yaml::expanded::{self, MAX_EXPANDED};
use crate::yaml::merge;
use crate::yaml::node::{Entry, Node, NodeKind};
use crate::yaml::scalar;
use crate::yaml::value::to_value;

/// The key at the root of any file by which editors find its JSON Schema; nothing else reads it.
pub(super) const SCHEMA: &str = "$schema";

/// What a key must be.
const A_NAME: &str = "a name";
/// What a switch must be.
const A_BOOLEAN: &str = "`true` or `false`";

/// A key with its value in a mapping.
pub(super) struct Field<'n> {
    pub name: &'n str,
    pub key: &'n Node,
    pub value: &'n Arc<Node>,
}

impl<'a> Decoder<'a> {
    pub(super) fn new(sources: &'a SourceMap) -> Self {
        Self { sources, decoded_tasks: None, diagnostics: Vec::new(), failure: None, type_errors: Vec::new() }
    }

    pub(super) fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// An error that ends decoding in go-task, with the node at which it points.
    pub(super) fn fail(&mut self, node: &Node, message: impl Into<String>) {
        self.fail_all(node, vec![FailureMessage::Words(message.into())]);
    }

    fn fail_all(&mut self, node: &Node, messages: Vec<FailureMessage>) {
        if self.failure.is_none() {
            self.failure = Some(Failure { messages, span: start_of(node) });
        }
    }

    /// Reports an error of our own and stops go-task's decoding with its own words.
    pub(super) fn fail_with(&mut self, node: &Node, go_message: impl Into<String>, diagnostic: Diagnostic) {
        self.fail(node, go_message);
        self.report(diagnostic);
    }

    /// Whether a file's aliases stand for more than can be decoded; reported.
    pub(super) fn has_too_many_aliases(&mut self, root: &Node) -> bool {
        if !expanded::may_have_aliases(self.sources.text(root.span)) || !expanded::is_too_large(root) {
            return false;
        }
        let message = format!("the aliases of this file stand for more than {MAX_EXPANDED} values");
        let diagnostic = Diagnostic::error(rule::LIMIT_EXCEEDED, message, start_of(root)).with_help(
            "call a task instead of writing its commands again, or move parts to files of their own",
        );
        // go-yaml has no limit here; this is what it says where it has one.
        self.fail_with(root, "yaml: document contains excessive aliasing", diagnostic);
        true
    }

    /// Runs `body` as go-yaml's decoder of one custom type: its type errors end with it.
    pub(super) fn frame<T>(&mut self, node: &Node, body: impl FnOnce(&mut Self) -> T) -> T {
        self.type_errors.push(Vec::new());
        let value = body(self);
        let errors = self.type_errors.pop().unwrap_or_default();
        if !errors.is_empty() {
            self.fail_all(node, errors);
        }
        value
    }

    /// Whether the custom type that is being decoded holds values of wrong types.
    pub(super) fn has_type_errors(&self) -> bool {
        self.type_errors.last().is_some_and(|errors| !errors.is_empty())
    }

    /// Takes an error of the YAML layer: go-yaml's text for the frame, and ours with what was `wanted`.
    pub(super) fn decode_error(&mut self, error: &DecodeError, node: &Node, wanted: &str) {
        if let Some(errors) = self.type_errors.last_mut() {
            errors.push(FailureMessage::Value(error.clone()));
        }
        let diagnostic = match error {
            DecodeError::CannotUnmarshal { span, .. } => self.wrong_type(node, *span, wanted),
            DecodeError::DuplicateKey { span, first, key } => {
                Diagnostic::error(rule::DUPLICATE_KEY, format!("`{key}` is written twice"), *span)
                    .with_label("again here")
                    .and_at(*first, "first here")
                    .with_help("keep one of the two")
            }
            DecodeError::Fatal { span, message } => {
                Diagnostic::error(rule::WRONG_TYPE, message.clone(), *span)
                    .with_help(format!("write {wanted} here"))
            }
        };
        self.report(diagnostic);
    }

    fn wrong_type(&self, node: &Node, span: Span, wanted: &str) -> Diagnostic {
        let message = format!("expected {wanted}, found {}", describe(node));
        let diagnostic =
            Diagnostic::error(rule::WRONG_TYPE, message, span).with_label(format!("not {wanted}"));
        let written = self.sources.text(span);
        if is_unquoted_template(written) && ![A_NAME, A_BOOLEAN].contains(&wanted) {
            let quoted = format!("'{}'", written.replace('\'', "''"));
            return diagnostic
                .with_help(
                    "YAML takes `{` for the beginning of a mapping: quote a text that begins with a template",
                )
                .with_fix("quote it", span, quoted);
        }
        diagnostic.with_help(format!("write {wanted} here"))
    }

    /// A node that is not what a field of Go type `wanted_go` takes.
    pub(super) fn type_error(&mut self, node: &Node, wanted_go: &str, wanted: &str) {
        self.decode_error(&DecodeError::cannot_unmarshal(node, wanted_go), resolve(node), wanted);
    }

    /// A literal of any type, as its own decoding.
    pub(super) fn value(&mut self, node: &Node) -> Value {
        self.frame(node, |this| match to_value(node) {
            Ok(value) => value,
            Err(errors) => {
                for error in &errors {
                    this.decode_error(error, node, "a value");
                }
                Value::Null
            }
        })
    }

    /// A node of a shape that a custom type does not take: go-task's `cannot unmarshal … into …`.
    pub(super) fn shape_error(&mut self, node: &Node, go_name: &str, wanted: &str) {
        let diagnostic = self.wrong_type(node, whole(node), wanted);
        self.fail_with(node, format!("cannot unmarshal {} into {go_name}", scalar::tag_of(node)), diagnostic);
    }

    /// The fields of a struct-like mapping, merge keys resolved, duplicates reported.
    pub(super) fn fields<'n>(&mut self, node: &'n Node) -> Vec<Field<'n>> {
        let NodeKind::Mapping(mapping) = &resolve(node).kind else { return Vec::new() };
        for error in merge::duplicate_keys(mapping) {
            self.decode_error(&error, node, "a key once");
        }
        let merged = merge::mapping_entries(mapping);
        for error in &merged.errors {
            self.decode_error(error, node, "a mapping");
        }
        let mut fields = Vec::with_capacity(merged.entries.len());
        for entry in merged.entries {
            match scalar_text(entry.key) {
                Some(name) => fields.push(Field { name, key: entry.key, value: entry.value }),
                None => self.nameless_field(entry.key, node),
            }
        }
        fields
    }

    /// A key of a struct-like mapping that is a list or a mapping: go-yaml cannot make a field's name of it.
    fn nameless_field(&mut self, key: &Node, mapping: &Node) {
        if let Some(errors) = self.type_errors.last_mut() {
            errors.push(FailureMessage::Value(DecodeError::cannot_unmarshal(key, "string")));
        }
        let is_template = is_unquoted_template(self.sources.text(mapping.span));
        let (found, wanted) = if is_template { (mapping, "text") } else { (key, A_NAME) };
        let diagnostic = self.wrong_type(found, found.span, wanted);
        self.report(diagnostic);
    }

    /// The entries of a mapping of names, as [`entries`]. A name that is a list or a mapping is told of: go-task takes
    /// it for an empty name.
    pub(super) fn named_entries<'n>(&mut self, node: &'n Node) -> Vec<Field<'n>> {
        let fields = entries(node);
        for field in fields.iter().filter(|field| scalar_text(field.key).is_none()) {
            let mut diagnostic = self.wrong_type(field.key, field.key.span, A_NAME);
            diagnostic.severity = Severity::Warning;
            self.report(diagnostic);
        }
        fields
    }

    /// A key that means nothing here; `x-` keys are silent.
    pub(super) fn unknown_key(&mut self, field: &Field<'_>, place: &str, known: &[&str]) {
        if field.name.starts_with("x-") {
            return;
        }
        let message = format!("{place} has no key `{}`", field.name);
        let mut diagnostic = Diagnostic::warning(rule::UNKNOWN_KEY, message, field.key.span)
            .with_label("ignored by the runner");
        diagnostic = match nearest(field.name, known.iter().copied()) {
            Some(name) => diagnostic.with_help(format!("did you mean `{name}`?")).with_fix(
                format!("rename to `{name}`"),
                field.key.span,
                name,
            ),
            None => diagnostic.with_help("remove it, or begin its name with `x-` to keep notes of your own"),
        };
        self.report(diagnostic);
    }

    /// A text field: every scalar is text.
    pub(super) fn text(&mut self, node: &Node) -> Option<Text> {
        let resolved = resolve(node);
        match &resolved.kind {
            NodeKind::Scalar(_) if is_null(resolved) => None,
            NodeKind::Scalar(s) => Some(Text { value: s.text.clone(), span: resolved.span, style: s.style }),
            _ => {
                self.type_error(resolved, "string", "text");
                None
            }
        }
    }

    /// `ref`, the only key of a mapping.
    pub(super) fn reference(&mut self, node: &Node, place: &str) -> Option<Text> {
        let mut reference = None;
        for field in self.fields(node) {
            match field.name {
                "ref" => reference = self.filled_text(field.value),
                _ => self.unknown_key(&field, place, &["ref"]),
            }
        }
        reference
    }

    /// A text field in which empty text is the same as none.
    pub(super) fn filled_text(&mut self, node: &Node) -> Option<Text> {
        self.text(node).filter(|text| !text.value.is_empty())
    }

    /// A boolean field.
    pub(super) fn boolean(&mut self, node: &Node) -> Option<bool> {
        let resolved = resolve(node);
        if is_null(resolved) {
            return None;
        }
        match scalar::as_bool(resolved) {
            Ok(value) => value,
            Err(error) => {
                self.decode_error(&error, resolved, A_BOOLEAN);
                None
            }
        }
    }

    /// A list whose items are read by `item`; `what` names the list in errors.
    pub(super) fn list<T>(
        &mut self,
        node: &Node,
        go_type: &str,
        what: &str,
        mut item: impl FnMut(&mut Self, &Node) -> Option<T>,
    ) -> Vec<T> {
        let resolved = resolve(node);
        match &resolved.kind {
            NodeKind::Sequence(sequence) => {
                // `collect` would give every short list room for four.
                let mut out = Vec::with_capacity(sequence.items.len());
                out.extend(sequence.items.iter().filter_map(|n| item(self, n)));
                out
            }
            _ if is_null(resolved) => Vec::new(),
            _ => {
                self.type_error(resolved, go_type, what);
                Vec::new()
            }
        }
    }

    /// A list of texts; null items vanish, as in go-yaml.
    pub(super) fn texts(&mut self, node: &Node) -> Vec<Text> {
        self.list(node, "[]string", "a list of texts", |this, n| {
            let resolved = resolve(n);
            match &resolved.kind {
                _ if is_null(resolved) => None,
                NodeKind::Scalar(s) => {
                    Some(Text { value: s.text.clone(), span: resolved.span, style: s.style })
                }
                _ => this.text(n),
            }
        })
    }

    pub(super) fn error(code: Code, message: impl Into<String>, span: Span) -> Diagnostic {
        Diagnostic::error(code, message, span)
    }
}

/// The entries of a mapping that go-task walks by itself: merge keys are ordinary keys there, an alias as a key is
/// its own name, and a list or mapping is an empty one.
pub(super) fn entries(node: &Node) -> Vec<Field<'_>> {
    let NodeKind::Mapping(mapping) = &resolve(node).kind else { return Vec::new() };
    mapping.entries.iter().map(field).collect()
}

/// An entry under the name that is written.
pub(super) fn field(entry: &Entry) -> Field<'_> {
    Field { name: written_name(&entry.key), key: &entry.key, value: &entry.value }
}

fn written_name(key: &Node) -> &str {
    match &key.kind {
        NodeKind::Scalar(scalar) => &scalar.text,
        NodeKind::Alias { name, .. } => name,
        NodeKind::Sequence(_) | NodeKind::Mapping(_) => "",
    }
}

/// A key that go-task does not know, kept whole.
pub(super) fn extension(field: &Field<'_>) -> Extension {
    Extension {
        key: Spanned::new(SmolStr::new(field.name), field.key.span),
        value: Arc::clone(field.value),
        span: field.key.span.to(field.value.span),
    }
}

/// What an alias stands for; the node itself otherwise.
pub(super) fn resolve(node: &Node) -> &Node {
    scalar::target(node).unwrap_or(node)
}

/// Whether a node is null by YAML's rules.
pub(super) fn is_null(node: &Node) -> bool {
    scalar::is_null(node)
}

/// The text of a scalar.
pub(super) fn scalar_text(node: &Node) -> Option<&str> {
    match &resolve(node).kind {
        NodeKind::Scalar(s) => Some(&s.text),
        _ => None,
    }
}

/// Whether a node is a scalar that YAML reads as text.
pub(super) fn is_text(node: &Node) -> bool {
    matches!(node.kind, NodeKind::Scalar(_)) && scalar::tag_of(node) == "!!str"
}

fn describe(node: &Node) -> &'static str {
    match &resolve(node).kind {
        NodeKind::Sequence(_) => "a list",
        NodeKind::Mapping(_) => "a mapping",
        NodeKind::Alias { .. } => "an unknown alias",
        NodeKind::Scalar(_) => match scalar::tag_of(node).as_ref() {
            "!!int" | "!!float" => "a number",
            "!!bool" => "a boolean",
            "!!null" => "nothing",
            "!!timestamp" => "a date",
            _ => "text",
        },
    }
}

/// Whether a mapping was meant as text: `{{.NAME}}` without quotes, on one line.
fn is_unquoted_template(written: &str) -> bool {
    written.starts_with("{{") && written.ends_with("}}") && !written.contains('\n')
}

/// What a node covers, the dash of its first item included.
fn whole(node: &Node) -> Span {
    Span { start: node.start.min(node.span.start), ..node.span }
}

/// Where go-yaml says that a node begins.
fn start_of(node: &Node) -> Span {
    Span { start: node.start, end: node.start, ..node.span }
}
