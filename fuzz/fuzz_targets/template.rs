//! Any text is a template or has errors, and evaluates or fails.
#![no_main]

use std::collections::BTreeMap;

use ez_compiler::template::{PureHost, Template, Value, render};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let template = Template::parse(text);
    for error in template.errors() {
        assert!(text.get(error.range.clone()).is_some(), "{error:?}");
    }
    let _ = template.field_references();
    let _ = template.function_calls();
    let _ = template.uses_all_variables();
    let scope: BTreeMap<_, _> = [("A".into(), Value::from("text")), ("N".into(), Value::Int(3))].into();
    let _ = render(text, &scope, &PureHost);
});
