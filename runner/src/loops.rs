//! Items of `for` (go-task, `itemsFromFor` in `variables.go`).

use std::collections::BTreeMap;

use ez_compiler::ast::{Loop, LoopSource, MatrixRow, MatrixValues};
use ez_compiler::template::Value;
use smol_str::SmolStr;

use crate::error::{Cause, RunError};
use crate::go_text::quote;
use crate::render::Renderer;
use crate::scope::Layer;

/// How many items a matrix may have. Go has no limit; here a product of large rows ends in an error, not in all memory.
pub const MAX_MATRIX_ITEMS: usize = 1_000_000;

/// Names of one round of a loop: the item, and the key where a map is looped over.
pub type Round = Vec<(SmolStr, Value)>;

/// Files that `for: sources` and `for: generates` loop over, relative to the task's directory.
pub trait LoopFiles {
    /// Files of `sources`.
    fn sources(&self) -> Vec<SmolStr>;
    /// Files of `generates`.
    fn generates(&self) -> Vec<SmolStr>;
}

/// The rounds of a loop.
///
/// # Errors
/// The value is nothing to loop over.
pub fn rounds(
    repeat: &Loop,
    taskfile: &str,
    files: &dyn LoopFiles,
    renderer: &mut Renderer<'_>,
    layer: &Layer,
) -> Result<Vec<Round>, RunError> {
    let name = match &repeat.variable {
        Some(text) if !text.as_str().is_empty() => text.value.clone(),
        _ => SmolStr::new_static("ITEM"),
    };
    let invalid = |message: String| RunError::new(Cause::Loop { taskfile: taskfile.into(), message });
    let items: Vec<Value> = match &repeat.source {
        LoopSource::List(items) => items.clone(),
        LoopSource::Matrix(rows) => product(rows, renderer, layer).map_err(invalid)?,
        LoopSource::Sources => files.sources().into_iter().map(Value::from).collect(),
        LoopSource::Generates => files.generates().into_iter().map(Value::from).collect(),
        LoopSource::UnknownWord(_) => Vec::new(),
        LoopSource::Variable { name: variable, split } => {
            let Some(slot) =
                layer.get(variable.as_str()).filter(|slot| slot.command.is_none() && slot.live.is_none())
            else {
                return Ok(Vec::new());
            };
            match &slot.value {
                Value::Null => Vec::new(),
                Value::String(text) => split_text(text, split.as_ref().map_or("", |split| split.as_str())),
                Value::List(items) | Value::TypedList(_, items) => items.to_vec(),
                Value::Map(entries) => {
                    let round = |(key, value): (&SmolStr, &Value)| {
                        vec![(name.clone(), value.clone()), ("KEY".into(), Value::String(key.clone()))]
                    };
                    return Ok(entries.iter().map(round).collect());
                }
                _ => {
                    return Err(invalid(
                        "loop var must be a delimiter-separated string, list or a map".to_owned(),
                    ));
                }
            }
        }
    };
    Ok(items.into_iter().map(|item| vec![(name.clone(), item)]).collect())
}

/// Words of a text, or its parts between separators.
fn split_text(text: &str, separator: &str) -> Vec<Value> {
    if separator.is_empty() {
        return text.split_whitespace().map(Value::from).collect();
    }
    text.split(separator).map(Value::from).collect()
}

/// All combinations of the rows, the last row changing fastest.
fn product(rows: &[MatrixRow], renderer: &mut Renderer<'_>, layer: &Layer) -> Result<Vec<Value>, String> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let mut combinations: Vec<BTreeMap<SmolStr, Value>> = vec![BTreeMap::new()];
    for row in rows {
        let values = match &row.values {
            MatrixValues::List(values) => values.clone(),
            MatrixValues::Reference(text) => {
                let value = renderer.reference(text, layer);
                if let Some(fault) = renderer.fault() {
                    return Err(fault.message.clone());
                }
                let list = value.as_list().map(<[Value]>::to_vec);
                list.ok_or_else(|| {
                    format!("matrix reference {} must resolve to a list", quote(text.as_str()))
                })?
            }
        };
        if combinations.len().saturating_mul(values.len()) > MAX_MATRIX_ITEMS {
            return Err(format!("a matrix may have at most {MAX_MATRIX_ITEMS} combinations"));
        }
        let extend = |combination: &BTreeMap<SmolStr, Value>| {
            let with = |value: &Value| {
                let mut larger = combination.clone();
                larger.insert(row.name.value.clone(), value.clone());
                larger
            };
            values.iter().map(with).collect::<Vec<_>>()
        };
        combinations = combinations.iter().flat_map(extend).collect();
    }
    Ok(combinations.into_iter().map(Value::map).collect())
}
