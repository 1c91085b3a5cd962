//! Any text is a template or has errors, and evaluates or fails.
#![no_main]

use std::collections::BTreeMap;

use ez_compiler::template::{PureHost, Value, render};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let scope: BTreeMap<_, _> = [("A".into(), Value::from("text")), ("N".into(), Value::Int(3))].into();
    let _ = render(text, &scope, &PureHost);
});
