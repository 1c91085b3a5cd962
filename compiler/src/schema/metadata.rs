//! `task.yml`.

use super::superset::PARAM_LIST;
use super::{BOOL, Field, Object, Origin, Page, PathKind, Scalar, Shape, TEXT, TEXTS, schema_key};
use crate::ast::artifact::ARTIFACT_FIELDS;
use crate::ast::metadata::METADATA_FIELDS;

const PAGE: &str = "folder-tasks.md";
const ARTIFACT_PATH: Shape = Shape::Template(Scalar::Path(PathKind::Glob));

/// Files that a folder task or a step makes for others.
pub const ARTIFACTS: Shape = Shape::List(&Shape::OneOf(&[ARTIFACT_PATH, Shape::Object(&ARTIFACT)]));

/// The metadata of a folder task.
pub static METADATA: Object = Object::new(
    "a task.yml",
    "What a folder task says of itself.",
    Page::Ez(PAGE),
    &[
        Field::row(METADATA_FIELDS, "desc", TEXT, PAGE, "desc: Build the firmware"),
        Field::row(
            METADATA_FIELDS,
            "params",
            PARAM_LIST,
            PAGE,
            "params:\n  - {name: board, options: [uno, mega], default: uno}",
        ),
        Field::row(METADATA_FIELDS, "artifacts", ARTIFACTS, PAGE, "artifacts: [build/firmware.hex]"),
        Field::row(METADATA_FIELDS, "usage", TEXT, PAGE, "usage: |\n  Needs the compiler of the board."),
        Field::row(
            METADATA_FIELDS,
            "examples",
            Shape::List(&Shape::Scalar(Scalar::CommandLine)),
            PAGE,
            "examples: [ez firmware EZ_BOARD=mega]",
        ),
        Field::row(METADATA_FIELDS, "tags", TEXTS, PAGE, "tags: [hardware]"),
        Field::row(METADATA_FIELDS, "version", TEXT, PAGE, "version: 1.2.0"),
        Field::row(METADATA_FIELDS, "author", TEXT, PAGE, "author: Ada <ada@example.com>"),
        Field::row(METADATA_FIELDS, "name", Shape::Scalar(Scalar::OwnName), PAGE, "name: firmware"),
        schema_key(Page::Ez("schemas.md"), Origin::Ez),
    ],
)
.with_notes();

/// An artifact, as a mapping.
static ARTIFACT: Object = Object::new(
    "an artifact",
    "A file or directory that is kept for others.",
    Page::Ez(PAGE),
    &[
        Field::row(
            ARTIFACT_FIELDS,
            "name",
            Shape::Scalar(Scalar::ArtifactName),
            PAGE,
            "name: app\npath: build/app",
        ),
        Field::row(ARTIFACT_FIELDS, "path", ARTIFACT_PATH, PAGE, "path: build/app").required(),
        Field::row(ARTIFACT_FIELDS, "optional", BOOL, PAGE, "path: coverage.html\noptional: true")
            .default("false"),
    ],
);
