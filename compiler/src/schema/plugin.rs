//! `plugins/<name>.yml`.

use super::scalar::{PLUGIN_KINDS, TRIGGERS};
use super::{Field, Object, Origin, Page, SCRIPT, Scalar, Shape, TEXT, schema_key};
use crate::ast::plugin::PLUGIN_FIELDS;

const PAGE: &str = "hooks.md";

/// A plugin.
pub static PLUGIN: Object = Object::new(
    "a plugin",
    "A script with a name, for hooks of tasks or options of params.",
    Page::Ez(PAGE),
    &[
        Field::row(
            PLUGIN_FIELDS,
            "type",
            Shape::Scalar(PLUGIN_KINDS),
            PAGE,
            "type: hook\ntrigger: on_error\nscript: ./report.sh",
        )
        .required(),
        Field::row(
            PLUGIN_FIELDS,
            "trigger",
            Shape::Scalar(TRIGGERS),
            PAGE,
            "type: hook\ntrigger: on_error\nscript: ./report.sh",
        )
        .idle_beside(&["command"]),
        Field::row(
            PLUGIN_FIELDS,
            "script",
            SCRIPT,
            PAGE,
            "type: hook\ntrigger: always\nscript: rm -rf build.tmp",
        )
        .idle_beside(&["command"]),
        Field::row(
            PLUGIN_FIELDS,
            "command",
            Shape::Scalar(Scalar::Script),
            PAGE,
            "type: param\ncommand: git branch --format='%(refname:short)'",
        )
        .idle_beside(&["script", "trigger"]),
        Field::row(PLUGIN_FIELDS, "desc", TEXT, PAGE, "type: param\ncommand: ls\ndesc: The files"),
        Field::row(
            PLUGIN_FIELDS,
            "name",
            Shape::Scalar(Scalar::OwnName),
            PAGE,
            "type: param\ncommand: ls\nname: files",
        ),
        schema_key(Page::Ez("schemas.md"), Origin::Ez),
    ],
)
.with_at_least_one_of(&["script", "command"]);
