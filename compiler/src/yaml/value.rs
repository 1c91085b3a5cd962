//! Nodes as untyped values, for variables.

use std::cmp::Ordering;
use std::sync::Arc;

use super::error::{DecodeError, go_quoted};
use super::merge::{duplicate_keys, mapping_entries};
use super::node::{Mapping, Node, NodeKind};
use super::scalar::{Resolved, resolve, tag_of, target};
use crate::template::value::Value;

/// Up to this many decoded nodes, nearly all may come from aliases.
pub(super) const LOW_DECODE_COUNT: f64 = 400_000.0;

/// From this many decoded nodes on, only a tenth may come from aliases.
const HIGH_DECODE_COUNT: f64 = 4_000_000.0;

/// The shares of nodes from aliases at the two counts.
const ALIAS_SHARES: (f64, f64) = (0.99, 0.10);

/// Below these counts aliases are never too many.
const FREE_ALIASED: usize = 100;
const FREE_DECODED: usize = 1000;

/// What go-yaml decodes a node to where any type is welcome. A date stays the text that it was written as.
///
/// # Errors
/// Duplicate keys, wrong merges, tags that the text contradicts, collections as keys, and alias bombs.
pub fn to_value(node: &Node) -> Result<Value, Vec<DecodeError>> {
    let mut decoder = Decoder { decoded: 0, aliased: 0, alias_depth: 0, errors: Vec::new(), stopped: false };
    let value = decoder.value(node);
    if decoder.errors.is_empty() { Ok(value) } else { Err(decoder.errors) }
}

struct Decoder {
    decoded: usize,
    aliased: usize,
    alias_depth: usize,
    errors: Vec<DecodeError>,
    stopped: bool,
}

impl Decoder {
    fn stop(&mut self, node: &Node, message: String) -> Value {
        if !self.stopped {
            self.errors.push(DecodeError::Fatal { span: node.span, message });
        }
        self.stopped = true;
        Value::Null
    }

    fn count(&mut self) -> bool {
        self.decoded += 1;
        self.aliased += usize::from(self.alias_depth > 0);
        if self.aliased <= FREE_ALIASED || self.decoded <= FREE_DECODED {
            return true;
        }
        let decoded = self.decoded as f64;
        let progress =
            ((decoded - LOW_DECODE_COUNT) / (HIGH_DECODE_COUNT - LOW_DECODE_COUNT)).clamp(0.0, 1.0);
        let allowed = ALIAS_SHARES.0 - (ALIAS_SHARES.0 - ALIAS_SHARES.1) * progress;
        self.aliased as f64 / decoded <= allowed
    }

    fn value(&mut self, node: &Node) -> Value {
        if self.stopped {
            return Value::Null;
        }
        if !self.count() {
            return self.stop(node, "document contains excessive aliasing".to_owned());
        }
        match &node.kind {
            NodeKind::Scalar(scalar) => match resolve(node, scalar) {
                Ok(resolved) => to_scalar_value(resolved),
                Err(error) => {
                    self.errors.push(error);
                    self.stopped = true;
                    Value::Null
                }
            },
            NodeKind::Sequence(list) => {
                Value::List(Arc::new(list.items.iter().map(|item| self.value(item)).collect()))
            }
            NodeKind::Mapping(mapping) => self.mapping(mapping),
            NodeKind::Alias { target: Some(target), .. } => {
                self.alias_depth += 1;
                let value = self.value(target);
                self.alias_depth -= 1;
                value
            }
            NodeKind::Alias { name, target: None } => {
                self.stop(node, format!("anchor '{name}' value contains itself"))
            }
        }
    }

    fn mapping(&mut self, mapping: &Mapping) -> Value {
        let duplicates = duplicate_keys(mapping);
        if !duplicates.is_empty() {
            self.errors.extend(duplicates);
            return Value::Null;
        }
        let merged = mapping_entries(mapping);
        self.errors.extend(merged.errors);
        let mut entries = Vec::new();
        for entry in merged.entries {
            self.alias_depth += usize::from(entry.merged);
            if let Some(key) = self.key(entry.key) {
                entries.push((key, self.value(entry.value)));
            }
            self.alias_depth -= usize::from(entry.merged);
        }
        let own_keys_are_text =
            mapping.entries.iter().all(|entry| matches!(tag_of(&entry.key).as_ref(), "!!str" | "!!merge"));
        if own_keys_are_text {
            Value::map(entries.into_iter().map(|(key, value)| (key.to_text(), value)).collect())
        } else {
            entries.sort_by(|(a, _), (b, _)| compare_keys(a, b));
            Value::AnyMap(Arc::new(entries))
        }
    }

    fn key(&mut self, key: &Node) -> Option<Value> {
        let value = self.value(key);
        if matches!(target(key)?.kind, NodeKind::Sequence(_) | NodeKind::Mapping(_)) {
            self.stop(key, format!("invalid map key: {}", go_syntax(&value)));
            return None;
        }
        Some(value)
    }
}

/// The order in which Go prints keys of several types.
fn compare_keys(a: &Value, b: &Value) -> Ordering {
    let rank = |value: &Value| match value {
        Value::Null => 0,
        Value::String(_) => 1,
        Value::Int(_) => 2,
        Value::Uint64(_) => 3,
        Value::Float(_) => 4,
        _ => 5,
    };
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => a.cmp(b),
        (Value::Uint64(a), Value::Uint64(b)) => a.cmp(b),
        (Value::Float(a), Value::Float(b)) => a.total_cmp(b),
        (Value::String(a), Value::String(b)) => a.cmp(b),
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        _ => rank(a).cmp(&rank(b)),
    }
}

/// A value as Go's `%#v` prints it, for the message about keys that are collections.
fn go_syntax(value: &Value) -> String {
    let entry = |(key, value): (String, &Value)| format!("{key}:{}", go_syntax_of_any(value));
    match value {
        Value::List(items) => {
            let items: Vec<_> = items.iter().map(go_syntax_of_any).collect();
            format!("[]interface {{}}{{{}}}", items.join(", "))
        }
        Value::Map(map) => {
            let entries: Vec<_> = map.iter().map(|(key, value)| entry((go_quoted(key), value))).collect();
            format!("map[string]interface {{}}{{{}}}", entries.join(", "))
        }
        Value::AnyMap(entries) => {
            let entries = entries.iter().map(|(key, value)| entry((go_syntax_of_any(key), value)));
            format!("map[interface {{}}]interface {{}}{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
        Value::String(text) => go_quoted(text),
        other => other.to_text().to_string(),
    }
}

fn go_syntax_of_any(value: &Value) -> String {
    match value {
        Value::Null => "interface {}(nil)".to_owned(),
        value => go_syntax(value),
    }
}

fn to_scalar_value(resolved: Resolved) -> Value {
    match resolved {
        Resolved::Null => Value::Null,
        Resolved::Bool(value) => Value::Bool(value),
        Resolved::Int(value) => Value::Int(value),
        Resolved::Uint(value) => Value::Uint64(value),
        Resolved::Float(value) => Value::Float(value),
        Resolved::String(text) | Resolved::Timestamp(text) => Value::String(text),
    }
}
