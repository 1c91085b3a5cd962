//! The tables of fields in the book are those of the code.

#![allow(clippy::unwrap_used, reason = "a test that finds no page should stop")]

use std::path::Path;

use ez_compiler::ast::artifact::ARTIFACT_FIELDS;
use ez_compiler::ast::hook::{HOOK_FIELDS, HOOK_MOMENTS};
use ez_compiler::ast::metadata::METADATA_FIELDS;
use ez_compiler::ast::param::{FieldRow, PARAM_FIELDS, QUERY_FIELDS, markdown};
use ez_compiler::ast::plan::{CHECKPOINT_FIELDS, INPUT_FIELDS, PLAN_FIELDS, STEP_FIELDS};
use ez_compiler::ast::plugin::PLUGIN_FIELDS;
use ez_compiler::ast::policy::{LOCK_FIELDS, LOG_FIELDS, REMOTE_FIELDS, RETRY_FIELDS};
use ez_compiler::ast::template_file::{TEMPLATE_FIELDS, TEMPLATE_FILE_FIELDS};

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

#[test]
fn tables_of_templates_are_current() {
    check("templates.md", TEMPLATE_FIELDS);
    check("templates.md", TEMPLATE_FILE_FIELDS);
}

#[test]
fn tables_of_hooks_and_policies_are_current() {
    check("hooks.md", HOOK_MOMENTS);
    check("hooks.md", HOOK_FIELDS);
    check("hooks.md", PLUGIN_FIELDS);
    check("policies.md", RETRY_FIELDS);
    check("policies.md", LOCK_FIELDS);
    check("logs.md", LOG_FIELDS);
    check("remote.md", REMOTE_FIELDS);
}

#[test]
fn tables_of_folder_tasks_are_current() {
    check("folder-tasks.md", METADATA_FIELDS);
    check("folder-tasks.md", ARTIFACT_FIELDS);
}

#[test]
fn tables_of_plans_are_current() {
    for fields in [PLAN_FIELDS, STEP_FIELDS, INPUT_FIELDS, CHECKPOINT_FIELDS] {
        check("plans.md", fields);
    }
}
