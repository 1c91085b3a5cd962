//! Templates against what go-task 3.54.0 made of them, and the limits.

mod limits;
mod recorded;
mod recovery;
mod values;

use std::collections::BTreeMap;

use smol_str::SmolStr;

use super::{PureHost, TemplateError, Value, render};

/// Variables of a test.
type Variables = BTreeMap<SmolStr, Value>;

fn variables(entries: &[(&str, Value)]) -> Variables {
    entries.iter().map(|(name, value)| ((*name).into(), value.clone())).collect()
}

fn rendered(text: &str, variables: &Variables) -> Result<String, TemplateError> {
    render(text, variables, &PureHost).map(String::from)
}

/// The text or the whole message.
fn shown(text: &str) -> String {
    rendered(text, &Variables::new()).unwrap_or_else(|error| error.to_string())
}
