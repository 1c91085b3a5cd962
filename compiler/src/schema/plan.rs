//! `plans/<name>.yml`.

use super::metadata::ARTIFACTS;
use super::superset::{ANY_RETRY, PARAM_LIST};
use super::variable::{ENV, VARS};
use super::{
    BOOL, DURATION, Field, KeyMeaning, Map, Object, Origin, Page, PathKind, Scalar, Shape, TEMPLATE_TEXT,
    TEXT, schema_key,
};
use crate::ast::plan::{CHECKPOINT_FIELDS, INPUT_FIELDS, PLAN_FIELDS, STEP_FIELDS};

const PAGE: &str = "plans.md";
/// A task; templates see the keys of the step's own matrix, as they do in the names of steps.
const TASK: Shape = Shape::Template(Scalar::TaskName);
/// A step that comes before.
const STEP_REFERENCE: Shape = Shape::Template(Scalar::StepReference);

const fn one_or_several(items: &'static [Shape; 2]) -> Shape {
    Shape::OneOf(items)
}

/// A plan.
pub static PLAN: Object = Object::new(
    "a plan",
    "Steps over tasks: in which order they run, and what they hand to each other.",
    Page::Ez(PAGE),
    &[
        Field::row(PLAN_FIELDS, "desc", TEXT, PAGE, "desc: Build, test and publish"),
        Field::row(
            PLAN_FIELDS,
            "params",
            PARAM_LIST,
            PAGE,
            "params:\n  - {name: stage, options: [dev, prod], default: dev}",
        ),
        Field::row(PLAN_FIELDS, "vars", VARS, PAGE, "vars: {version: '1.2'}"),
        Field::row(
            PLAN_FIELDS,
            "steps",
            Shape::List(&Shape::OneOf(&[TASK, Shape::Object(&STEP)])),
            PAGE,
            "steps:\n  - task: lint\n  - task: build\n    needs: [lint]",
        )
        .required(),
        Field::row(PLAN_FIELDS, "name", Shape::Scalar(Scalar::OwnName), PAGE, "name: release"),
        schema_key(Page::Ez("schemas.md"), Origin::Ez),
    ],
)
.with_notes();

/// A step, as a mapping.
static STEP: Object = Object::new(
    "a step",
    "A task that a plan runs.",
    Page::Ez(PAGE),
    &[
        Field::row(STEP_FIELDS, "task", TASK, PAGE, "task: build").required(),
        Field::row(
            STEP_FIELDS,
            "name",
            Shape::Scalar(Scalar::StepName),
            PAGE,
            "name: build-again\ntask: build",
        ),
        Field::row(
            STEP_FIELDS,
            "needs",
            one_or_several(&[STEP_REFERENCE, Shape::List(&STEP_REFERENCE)]),
            PAGE,
            "task: test\nneeds: [lint, 'build[arch=arm64]']",
        ),
        Field::row(STEP_FIELDS, "vars", VARS, PAGE, "task: build\nvars: {ARCH: '{{.arch}}'}"),
        Field::row(
            STEP_FIELDS,
            "matrix",
            Shape::Object(&MATRIX),
            PAGE,
            "task: build\nmatrix: {arch: [arm64, x86_64]}",
        ),
        Field::row(
            STEP_FIELDS,
            "artifacts",
            ARTIFACTS,
            PAGE,
            "task: build\nartifacts:\n  - {name: app, path: build/app}",
        ),
        Field::row(
            STEP_FIELDS,
            "inputs",
            Shape::List(&Shape::Object(&INPUT)),
            PAGE,
            "task: test\ninputs:\n  - {from: build, artifact: app, to: bin/}",
        ),
        Field::row(
            STEP_FIELDS,
            "outputs",
            one_or_several(&[
                Shape::Scalar(Scalar::OutputName),
                Shape::List(&Shape::Scalar(Scalar::OutputName)),
            ]),
            PAGE,
            "task: build\noutputs: [size]",
        ),
        Field::row(STEP_FIELDS, "when", TEMPLATE_TEXT, PAGE, "task: publish\nwhen: '{{eq .stage \"prod\"}}'"),
        Field::row(STEP_FIELDS, "env", ENV, PAGE, "task: build\nenv: {CGO_ENABLED: '0'}"),
        Field::row(STEP_FIELDS, "timeout", DURATION, PAGE, "task: test\ntimeout: 10m"),
        Field::row(STEP_FIELDS, "retry", ANY_RETRY, PAGE, "task: fetch\nretry: {count: 3, backoff: 2s}"),
        Field::row(STEP_FIELDS, "continue_on_error", BOOL, PAGE, "task: lint\ncontinue_on_error: true")
            .default("false"),
        Field::row(
            STEP_FIELDS,
            "checkpoint",
            Shape::OneOf(&[Shape::Scalar(Scalar::Value), Shape::Object(&CHECKPOINT)]),
            PAGE,
            "task: publish\ncheckpoint: {prompt: 'Publish it?'}",
        ),
        Field::row(STEP_FIELDS, "shuffle", BOOL, PAGE, "task: test\nshuffle: true").default("false"),
        Field::row(STEP_FIELDS, "workspace", BOOL, PAGE, "task: build\nworkspace: true"),
        Field::row(STEP_FIELDS, "remote", BOOL, PAGE, "task: build\nremote: true"),
        Field::row(
            STEP_FIELDS,
            "nodes",
            one_or_several(&[Shape::Scalar(Scalar::NodeName), Shape::List(&Shape::Scalar(Scalar::NodeName))]),
            PAGE,
            "task: build\nnodes: [arm64]",
        ),
    ],
)
.with_notes();

static INPUT: Object = Object::new(
    "an input",
    "An artifact of an earlier step.",
    Page::Ez(PAGE),
    &[
        Field::row(INPUT_FIELDS, "from", STEP_REFERENCE, PAGE, "from: build\nartifact: app\nto: bin/")
            .required(),
        Field::row(
            INPUT_FIELDS,
            "artifact",
            Shape::Scalar(Scalar::ArtifactReference),
            PAGE,
            "from: build\nartifact: app\nto: bin/",
        )
        .required(),
        Field::row(
            INPUT_FIELDS,
            "to",
            Shape::Template(Scalar::Path(PathKind::Any)),
            PAGE,
            "from: build\nartifact: app\nto: bin/",
        )
        .required(),
        Field::row(
            INPUT_FIELDS,
            "optional",
            BOOL,
            PAGE,
            "from: build\nartifact: app\nto: bin/\noptional: true",
        )
        .default("false"),
    ],
)
.with_notes();

static CHECKPOINT: Object = Object::new(
    "a checkpoint",
    "A question before a step begins.",
    Page::Ez(PAGE),
    &[Field::row(CHECKPOINT_FIELDS, "prompt", TEMPLATE_TEXT, PAGE, "prompt: Publish it?")],
)
.with_notes();

const COMBINATIONS: Shape = Shape::List(&Shape::Map(&COMBINATION));
static COMBINATION: Map = Map { keys: KeyMeaning::MatrixKey, values: Shape::Scalar(Scalar::Value) };
static MATRIX_VALUES: Map =
    Map { keys: KeyMeaning::MatrixKey, values: Shape::List(&Shape::Scalar(Scalar::Value)) };

static MATRIX: Object = Object::new(
    "a matrix",
    "Keys with their values: a step runs once for each combination.",
    Page::Ez(PAGE),
    &[
        Field::ez("include", COMBINATIONS, "Further combinations, or further values for some of them.", PAGE)
            .example("arch: [arm64]\ninclude: [{arch: riscv64}]"),
        Field::ez(
            "exclude",
            COMBINATIONS,
            "Combinations that are left out: those that have all of these values.",
            PAGE,
        )
        .example("os: [linux, windows]\narch: [arm64, x86_64]\nexclude: [{os: windows, arch: arm64}]"),
    ],
)
.with_notes()
.with_other_keys(&MATRIX_VALUES);
