//! The tables of fields in the book are those of the code.

#![allow(clippy::unwrap_used, reason = "a test that finds no page should stop")]

use std::path::Path;

use ez_compiler::ast::param::{FieldRow, PARAM_FIELDS, QUERY_FIELDS, markdown};

fn check(page: &str, fields: &[FieldRow]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(page);
    let text = std::fs::read_to_string(path).unwrap();
    let table = markdown(fields);
    assert!(text.contains(&table), "docs/{page} lacks this table:\n{table}");
}

#[test]
fn tables_of_params_are_current() {
    check("params.md", PARAM_FIELDS);
    check("params.md", QUERY_FIELDS);
}
