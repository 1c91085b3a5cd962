//! `vars` and `env`.

use super::{BOOL, Field, KeyMeaning, Map, Object, Page, SCRIPT, Scalar, Shape};

const PAGE: &str = "schema#variable";

/// A value of a variable: any literal, or a mapping that says how it comes about.
const VALUE: Shape =
    Shape::OneOf(&[Shape::Template(Scalar::Value), Shape::List(&Shape::Any), Shape::Object(&VARIABLE)]);

/// Variables of templates.
pub static VARIABLES: Map = Map { keys: KeyMeaning::VariableName, values: VALUE };
/// Variables of the environment.
pub static ENVIRONMENT: Map = Map { keys: KeyMeaning::EnvironmentName, values: VALUE };
/// Values of params and variables that give way to others.
pub static DEFAULTS: Map = Map { keys: KeyMeaning::ParamOrVariable, values: VALUE };

/// A mapping of names to variables.
pub const VARS: Shape = Shape::Map(&VARIABLES);
/// A mapping of names to variables of the environment.
pub const ENV: Shape = Shape::Map(&ENVIRONMENT);

/// How a variable's value comes about.
pub static VARIABLE: Object = Object::new(
    "a variable",
    "How the value of a variable comes about.",
    Page::GoTask(PAGE),
    &[
        Field::go_task(
            "sh",
            SCRIPT,
            "A shell script: the variable is what it prints, without the line break at the end.",
            "schema#dynamic-variables-sh",
        )
        .example("sh: git rev-parse --short HEAD")
        .idle_beside(&["ref", "map"]),
        Field::go_task(
            "ref",
            Shape::Scalar(Scalar::Expression),
            "A template expression without braces: the variable is its value, which may be a list or a map.",
            "schema#variable-references-ref",
        )
        .example("ref: splitList \",\" .TARGETS"),
        Field::go_task(
            "map",
            Shape::Any,
            "A map, as it is written; texts in it are templates. `{{.NAME.key}}` reads from it.",
            "schema#map-variables-map",
        )
        .example("map: {linux: tar.gz, windows: zip}")
        .idle_beside(&["ref"]),
        Field::go_task("value", Shape::Any, "A literal value, where `secret` has to stand beside it.", PAGE)
            .example("value: '{{.CI_TOKEN}}'")
            .since("3.52")
            .idle_beside(&["ref", "map"]),
        Field::go_task(
            "secret",
            BOOL,
            "The value is shown as `*****` where commands are shown. It does not hide what a command prints.",
            "schema#secret-variables-secret",
        )
        .example("secret: true")
        .default("false")
        .since("3.52"),
    ],
)
.with_at_least_one_of(&["sh", "ref", "map", "value"]);
