//! Which texts of a JSON document are meant: a small part of jq's language.
//!
//! `.name` is a field, `.["a name"]` one with any name, `.[0]` an item (`.[-1]` the last), `.[]` every item or every value;
//! they follow each other, `.items[].name`. `.` is the document. `| keys` at the end gives the names of fields, sorted.

use serde_json::Value;
use smol_str::{SmolStr, ToSmolStr};
use thiserror::Error;

/// The longest path, in steps.
pub const MAX_STEPS: usize = 64;
/// What stands at the end of a path that means names of fields.
const KEYS: &str = "keys";

/// Why a path gives no texts.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum JsonPathError {
    /// The path means nothing.
    #[error("`{path}` is no path at `{rest}`; write `.items[].name`")]
    Syntax {
        /// The path.
        path: String,
        /// From where on it is not understood.
        rest: String,
    },
    /// There are too many steps.
    #[error("the path has more than {MAX_STEPS} steps")]
    TooLong,
    /// A step does not fit the document.
    #[error("`{step}` of the path finds {found}")]
    Unfit {
        /// The step as it is written.
        step: String,
        /// What is there.
        found: &'static str,
    },
    /// What the path leads to is no text.
    #[error("the path leads to {0}, not to a text")]
    NoText(&'static str),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Field(String),
    Item(i64),
    Each,
    Keys,
}

/// The texts that a path finds, in their order; a list at its end counts as its items, and `null` as nothing.
///
/// # Errors
/// The path is none, or does not fit the document.
pub fn texts(document: &Value, path: &str) -> Result<Vec<SmolStr>, JsonPathError> {
    let steps = parse(path)?;
    let mut found = vec![document.clone()];
    for step in &steps {
        let mut next = Vec::new();
        for value in found {
            follow(value, step, &mut next)?;
        }
        found = next;
    }
    let mut texts = Vec::new();
    for value in found {
        match value {
            Value::Array(items) => {
                for item in &items {
                    texts.extend(text(item)?);
                }
            }
            value => texts.extend(text(&value)?),
        }
    }
    Ok(texts)
}

fn text(value: &Value) -> Result<Option<SmolStr>, JsonPathError> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text.into())),
        Value::Bool(_) | Value::Number(_) => Ok(Some(value.to_smolstr())),
        Value::Array(_) | Value::Object(_) => Err(JsonPathError::NoText(kind(value))),
    }
}

fn follow(value: Value, step: &Step, next: &mut Vec<Value>) -> Result<(), JsonPathError> {
    match (step, value) {
        (_, Value::Null) => {}
        (Step::Field(name), Value::Object(mut fields)) => next.extend(fields.remove(name)),
        (Step::Item(index), Value::Array(mut items)) => {
            let length = i64::try_from(items.len()).unwrap_or(i64::MAX);
            let index = if *index < 0 { length.saturating_add(*index) } else { *index };
            if let Some(index) = usize::try_from(index).ok().filter(|index| *index < items.len()) {
                next.push(items.swap_remove(index));
            }
        }
        (Step::Each, Value::Array(items)) => next.extend(items),
        (Step::Each, Value::Object(fields)) => next.extend(fields.into_iter().map(|(_, value)| value)),
        (Step::Keys, Value::Object(fields)) => {
            let mut names: Vec<String> = fields.into_iter().map(|(name, _)| name).collect();
            names.sort_unstable();
            next.extend(names.into_iter().map(Value::String));
        }
        (step, value) => return Err(JsonPathError::Unfit { step: shown(step), found: kind(&value) }),
    }
    Ok(())
}

fn shown(step: &Step) -> String {
    match step {
        Step::Field(name) => format!(".{name}"),
        Step::Item(index) => format!(".[{index}]"),
        Step::Each => ".[]".to_owned(),
        Step::Keys => format!("| {KEYS}"),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn parse(path: &str) -> Result<Vec<Step>, JsonPathError> {
    let (front, keys) = match path.rsplit_once('|') {
        Some((front, last)) if last.trim() == KEYS => (front, true),
        _ => (path, false),
    };
    let wrong = |rest: &str| JsonPathError::Syntax { path: path.to_owned(), rest: rest.to_owned() };
    let mut rest = front.trim();
    let is_nothing = path.trim().is_empty();
    if !is_nothing && !rest.starts_with('.') {
        return Err(wrong(if rest.is_empty() { path } else { rest }));
    }
    if rest == "." {
        rest = "";
    }
    let mut steps = Vec::new();
    while !rest.is_empty() {
        let (step, after) = first_step(rest).ok_or_else(|| wrong(rest))?;
        steps.push(step);
        if steps.len() > MAX_STEPS {
            return Err(JsonPathError::TooLong);
        }
        rest = after;
    }
    if keys {
        steps.push(Step::Keys);
    }
    Ok(steps)
}

/// The first step of a path, and what follows it.
fn first_step(path: &str) -> Option<(Step, &str)> {
    let after_dot = path.strip_prefix('.');
    let inner = after_dot.unwrap_or(path);
    if let Some(bracket) = inner.strip_prefix('[') {
        if let Some(quoted) = bracket.strip_prefix('"') {
            let (name, after) = quoted.split_once("\"]")?;
            return Some((Step::Field(name.to_owned()), after));
        }
        let (index, after) = bracket.split_once(']')?;
        let step = if index.is_empty() { Step::Each } else { Step::Item(index.trim().parse().ok()?) };
        return Some((step, after));
    }
    after_dot?;
    let end = inner.find(['.', '[']).unwrap_or(inner.len());
    let (name, after) = inner.split_at(end);
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'));
    is_name.then(|| (Step::Field(name.to_owned()), after))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn paths_find_texts() {
        let document = json!({
            "items": [{"name": "a", "n": 1}, {"name": "b", "n": null}, {"n": true}],
            "a b": {"x-y": "deep"},
            "tags": ["v1", "v2"],
        });
        let check = |path: &str, expected: &[&str]| {
            let got = texts(&document, path).map(|texts| texts.join(" "));
            assert_eq!(got, Ok(expected.join(" ")), "{path}");
        };
        check(".items[].name", &["a", "b"]);
        check(".items[].n", &["1", "true"]);
        check(".items.[0].name", &["a"]);
        check(".items[-1].n", &["true"]);
        check(".items[7].n", &[]);
        check(".tags", &["v1", "v2"]);
        check(".tags[]", &["v1", "v2"]);
        check(".tags[1]", &["v2"]);
        check(".[\"a b\"].x-y", &["deep"]);
        check(".missing.name", &[]);
        check(". | keys", &["a b", "items", "tags"]);
        check(".items[0] | keys", &["n", "name"]);
        assert_eq!(texts(&json!(["x", "y"]), "").unwrap(), ["x", "y"]);
        assert_eq!(texts(&json!(["x", "y"]), ".").unwrap(), ["x", "y"]);
        assert_eq!(texts(&json!({"a": 1, "b": 2}), ".[]").unwrap(), ["1", "2"]);
    }

    #[test]
    fn what_is_no_path_is_told() {
        let document = json!({"items": [{"a": 1}], "text": "t"});
        let check = |path: &str, expected: &str| {
            assert_eq!(texts(&document, path).unwrap_err().to_string(), expected, "{path}");
        };
        check("items", "`items` is no path at `items`; write `.items[].name`");
        check(".items[", "`.items[` is no path at `[`; write `.items[].name`");
        check(".items[x]", "`.items[x]` is no path at `[x]`; write `.items[].name`");
        check(".a..b", "`.a..b` is no path at `..b`; write `.items[].name`");
        check(".items | length", "`.items | length` is no path at `.items | length`; write `.items[].name`");
        check(".items.name", "`.name` of the path finds a list");
        check(".text[]", "`.[]` of the path finds a text");
        check(".items", "the path leads to an object, not to a text");
        check(".", "the path leads to an object, not to a text");
        check(&".a".repeat(MAX_STEPS + 1), "the path has more than 64 steps");
    }
}
