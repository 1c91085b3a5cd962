//! `for`.

use smol_str::SmolStr;

use super::Decoder;
use super::reader::{Field, is_null, resolve};
use crate::ast::{Loop, LoopSource, MatrixRow, MatrixValues};
use crate::diagnostic::Diagnostic;
use crate::rule;
use crate::source::Spanned;
use crate::template::value::Value;
use crate::yaml::node::{Node, NodeKind};

const LOOP_KEYS: &[&str] = &["var", "matrix", "split", "as"];

impl Decoder<'_> {
    pub(super) fn repeat(&mut self, node: &Node) -> Option<Loop> {
        let resolved = resolve(node);
        let span = resolved.span;
        let plain = |source| Some(Loop { source, variable: None, span });
        match &resolved.kind {
            _ if is_null(resolved) => None,
            NodeKind::Sequence(_) => plain(LoopSource::List(self.items(resolved))),
            NodeKind::Scalar(_) => {
                let text = self.text(resolved)?;
                plain(match text.as_str() {
                    "sources" => LoopSource::Sources,
                    "generates" => LoopSource::Generates,
                    _ => {
                        let message = format!("`for: {}` repeats over nothing", text.value);
                        self.report(
                            Diagnostic::warning(rule::INVALID_LOOP, message, span)
                                .with_label("not `sources` or `generates`")
                                .with_help("a variable is written `for: {var: NAME}`, a list `for: [a, b]`"),
                        );
                        LoopSource::UnknownWord(text)
                    }
                })
            }
            NodeKind::Mapping(_) => self.frame(resolved, |this| this.loop_mapping(resolved)),
            NodeKind::Alias { .. } => None,
        }
    }

    fn loop_mapping(&mut self, node: &Node) -> Option<Loop> {
        let (mut matrix, mut name, mut split, mut variable) = (Vec::new(), None, None, None);
        for field in self.fields(node) {
            match field.name {
                "matrix" => matrix = self.matrix(field.value),
                "var" => name = self.filled_text(field.value),
                "split" => split = self.filled_text(field.value),
                "as" => variable = self.filled_text(field.value),
                _ => self.unknown_key(&field, "a `for`", LOOP_KEYS),
            }
        }
        // go-task looks at the keys only after the types were right.
        if self.has_type_errors() {
            return None;
        }
        let source = match (name, matrix.is_empty()) {
            (Some(name), true) => LoopSource::Variable { name, split },
            (None, false) => LoopSource::Matrix(matrix),
            (Some(_), false) => {
                let diagnostic =
                    Self::error(rule::INVALID_LOOP, "a `for` cannot have both `var` and `matrix`", node.span)
                        .with_help("use a row of the matrix with `ref: .NAME` for the variable");
                self.fail_with(node, "cannot use both var and matrix in for", diagnostic);
                return None;
            }
            (None, true) => {
                let diagnostic =
                    Self::error(rule::INVALID_LOOP, "this `for` names nothing to repeat over", node.span)
                        .with_help("write `var: NAME`, `matrix: {…}`, a list, or `sources`");
                self.fail_with(node, "invalid keys in for", diagnostic);
                return None;
            }
        };
        Some(Loop { source, variable, span: node.span })
    }

    fn matrix(&mut self, node: &Node) -> Vec<MatrixRow> {
        let resolved = resolve(node);
        match &resolved.kind {
            _ if is_null(resolved) => return Vec::new(),
            NodeKind::Mapping(_) => {}
            _ => {
                self.shape_error(resolved, "matrix", "a mapping of names to lists");
                return Vec::new();
            }
        }
        let mut rows: Vec<MatrixRow> = Vec::new();
        for field in self.named_entries(resolved) {
            let Some(values) = self.matrix_values(&field, resolved) else { continue };
            let row = MatrixRow { name: Spanned::new(SmolStr::new(field.name), field.key.span), values };
            match rows.iter_mut().find(|r| r.name.value == row.name.value) {
                Some(first) => *first = row,
                None => rows.push(row),
            }
        }
        rows
    }

    fn matrix_values(&mut self, field: &Field<'_>, matrix: &Node) -> Option<MatrixValues> {
        let value = resolve(field.value);
        match &value.kind {
            NodeKind::Sequence(_) => Some(MatrixValues::List(self.items(value))),
            NodeKind::Mapping(_) => self.frame(matrix, |this| {
                let text = this.reference(value, "a row of a matrix");
                Some(text.map_or(MatrixValues::List(Vec::new()), MatrixValues::Reference))
            }),
            _ => {
                let message = format!("the matrix row `{}` is no list", field.name);
                let diagnostic = Self::error(rule::INVALID_LOOP, message, value.span)
                    .with_help("write a list, or `{ref: .NAME}` for a variable that is one");
                self.fail_with(matrix, "matrix values must be an array or a reference", diagnostic);
                None
            }
        }
    }

    /// The items of a list, decoded as one Go `[]any`.
    fn items(&mut self, node: &Node) -> Vec<Value> {
        match self.value(node) {
            Value::List(items) => items.iter().cloned().collect(),
            _ => Vec::new(),
        }
    }
}
