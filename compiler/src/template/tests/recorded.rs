//! `recorded.jsonl`: templates and references with what go-task printed for them in a dry run, with the variables of
//! `variables.yml`. Rows that depend on the machine are left out.

use super::super::{PureHost, resolve_reference};
use super::{Variables, rendered};
use crate::source::SourceMap;
use crate::yaml;

fn recorded_variables() -> Variables {
    let text = include_str!("variables.yml");
    let mut sources = SourceMap::default();
    let file = sources.add_file("variables.yml", text);
    let document = yaml::parse(text, file, &mut sources, None);
    let value = yaml::value::to_value(document.root.as_ref().unwrap()).unwrap();
    value.as_map().unwrap().clone()
}

#[test]
fn templates_give_what_go_task_gives() {
    let variables = recorded_variables();
    let mut differences = Vec::new();
    let mut count = 0;
    for line in include_str!("recorded.jsonl").lines() {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        let field = |name: &str| row.get(name).and_then(serde_json::Value::as_str);
        let given = match (field("template"), field("reference")) {
            (Some(template), _) => rendered(template, &variables),
            (None, reference) => resolve_reference(reference.unwrap(), &variables, &PureHost)
                // The recording shows references through a template, in which nothing is printed for nil.
                .map(|value| if value.is_null() { String::new() } else { value.to_string() }),
        };
        let (expected, given) = match (field("text"), given) {
            (Some(text), Ok(given)) => (text.to_owned(), given),
            (Some(text), Err(error)) => (text.to_owned(), format!("error: {error}")),
            (None, Ok(given)) => (format!("error: {}", field("error").unwrap()), given),
            (None, Err(error)) => (field("error").unwrap().to_owned(), error.to_string()),
        };
        if expected != given {
            differences.push(format!("{line}\n  expected {expected:?}\n  given    {given:?}"));
        }
        count += 1;
    }
    assert!(count > 1000, "only {count} rows were read");
    assert!(differences.is_empty(), "{} of {count} differ\n{}", differences.len(), differences.join("\n"));
}
