//! `templates/<name>.yml`.

use super::superset::TEMPLATE_PARAM_LIST;
use super::{BOOL, Field, KeyMeaning, MADE_TEXT, Map, Object, Origin, Page, Scalar, Shape, TEXT, schema_key};
use crate::ast::template_file::{TEMPLATE_FIELDS, TEMPLATE_FILE_FIELDS};

const PAGE: &str = "templates.md";
static FILES: Map =
    Map { keys: KeyMeaning::FilePath, values: Shape::OneOf(&[MADE_TEXT, Shape::Object(&TEMPLATE_FILE)]) };

/// A template.
pub static TEMPLATE: Object = Object::new(
"a template", "What task definitions are made from. Its texts are templates between `<%` and `%>`.", Page::Ez(PAGE), &[
        Field::row(TEMPLATE_FIELDS, "version", TEXT, PAGE, "version: '1'").required(),
        Field::row(TEMPLATE_FIELDS, "desc", TEXT, PAGE, "desc: A service in Go"),
        Field::row(
            TEMPLATE_FIELDS,
            "params",
            TEMPLATE_PARAM_LIST,
            PAGE,
            "params:\n  - {name: port, type: number, default: 8080}",
        ),
        Field::row(
            TEMPLATE_FIELDS,
            "task",
            MADE_TEXT,
            PAGE,
            "task: |\n  desc: Run <% .task %>\n  cmds: [go run .]",
        ),
        Field::row(
            TEMPLATE_FIELDS,
            "taskfile",
            MADE_TEXT,
            PAGE,
            "taskfile: |\n  version: '3'\n  tasks:\n    default: go run .",
        ),
        Field::row(
            TEMPLATE_FIELDS,
            "files",
            Shape::Map(&FILES),
            PAGE,
            "files:\n  Taskfile.yml: |\n    version: '3'\n    tasks: {default: ./run.sh}\n  run.sh: {content: echo hello, executable: true}",
        ),
        Field::row(TEMPLATE_FIELDS, "name", Shape::Scalar(Scalar::OwnName), PAGE, "name: service"),
        schema_key(Page::Ez("schemas.md"), Origin::Ez),
    ]).with_notes().with_at_least_one_of(&["task", "taskfile", "files"]).with_at_most_one_of(&["task", "taskfile", "files"]);

static TEMPLATE_FILE: Object = Object::new(
    "a file of a template",
    "A file that a template makes.",
    Page::Ez(PAGE),
    &[
        Field::row(TEMPLATE_FILE_FIELDS, "content", MADE_TEXT, PAGE, "content: echo hello"),
        Field::row(TEMPLATE_FILE_FIELDS, "executable", BOOL, PAGE, "content: echo hello\nexecutable: true")
            .default("false"),
    ],
);
