//! The root of a Taskfile.

use super::command::{SET, SHOPT};
use super::scalar::{METHODS, OUTPUT_STYLES, RUN_MODES};
use super::superset;
use super::task::ANY_TASK;
use super::variable::{ENV, VARS};
use super::{
    BOOL, DURATION, Field, KeyMeaning, Map, Object, Origin, Page, PathKind, Scalar, Shape, TEMPLATE_TEXT,
    schema_key,
};

static TASKS: Map = Map { keys: KeyMeaning::TaskName, values: ANY_TASK };
static INCLUDES: Map =
    Map { keys: KeyMeaning::Namespace, values: Shape::OneOf(&[INCLUDED, Shape::Object(&INCLUDE)]) };
const INCLUDED: Shape = Shape::Template(Scalar::Path(PathKind::Taskfile));

/// A Taskfile.
pub static TASKFILE: Object = Object::new(
"a Taskfile", "Tasks of a project, for go-task and EZ.", Page::GoTask("schema#root-schema"), &[
        Field::go_task(
            "version",
            Shape::Scalar(Scalar::Semver),
            "The version of the format: `'3'`, or the oldest go-task that has all that the file uses.",
            "schema#version",
        )
        .example("version: '3'")
        .required(),
        Field::go_task(
            "tasks",
            Shape::Map(&TASKS),
            "The tasks by their names. A task is a script, a list of commands, or a mapping with more.",
            "schema#tasks",
        )
        .example("tasks:\n  build:\n    desc: Build the program\n    cmds:\n      - go build ./..."),
        Field::go_task(
            "includes",
            Shape::Map(&INCLUDES),
            "Other Taskfiles by the namespaces under which their tasks are called: `docs:build`.",
            "schema#includes",
        )
        .example("includes:\n  docs: ./docs\n  lib: {taskfile: ../lib/Taskfile.yml, optional: true}"),
        Field::go_task(
            "vars",
            VARS,
            "Variables for the templates of all tasks. Later ones see earlier ones.",
            "schema#vars",
        )
        .example("vars:\n  NAME: ez\n  REVISION: {sh: git rev-parse HEAD}"),
        Field::go_task("env", ENV, "Variables of the environment of all commands.", "schema#env")
            .example("env: {CGO_ENABLED: '0'}"),
        Field::go_task(
            "dotenv",
            Shape::List(&Shape::Template(Scalar::Path(PathKind::Dotenv))),
            "Files with lines `NAME=value` for the environment. Of a name in several files the first wins; missing files are passed over.",
            "schema#dotenv",
        )
        .example("dotenv: ['.env.local', .env]"),
        Field::go_task(
            "output",
            Shape::OneOf(&[Shape::Scalar(OUTPUT_STYLES), Shape::Object(&OUTPUT)]),
            "How the output of commands is shown that run at the same time.",
            "schema#output",
        )
        .example("output: prefixed")
        .default("interleaved"),
        Field::go_task(
            "method",
            Shape::Scalar(METHODS),
            "How tasks find out whether they are up to date, unless they say otherwise.",
            "schema#method",
        )
        .example("method: timestamp")
        .default("checksum"),
        Field::go_task(
            "run",
            Shape::Scalar(RUN_MODES),
            "How often tasks run that are called several times, unless they say otherwise.",
            "schema#run",
        )
        .example("run: once")
        .default("always"),
        Field::go_task(
            "silent",
            BOOL,
            "Commands are not echoed before they run, unless a task says otherwise.",
            "schema#silent",
        )
        .example("silent: true")
        .default("false"),
        Field::go_task(
            "set",
            SET,
            "Options of the POSIX shell for all commands.",
            "schema#set",
        )
        .example("set: [errexit, nounset, pipefail]"),
        Field::go_task("shopt", SHOPT, "Options of bash for all commands.", "schema#shopt")
            .example("shopt: [globstar]"),
        Field::go_task(
            "interval",
            DURATION,
            "How long `--watch` waits after a change before it looks again.",
            "schema#interval",
        )
        .example("interval: 500ms")
        .default("100ms"),
        Field::go_task(
            "use_gitignore",
            BOOL,
            "Files that Git ignores are no `sources` and `generates`, unless a task says otherwise.",
            "schema#use_gitignore",
        )
        .example("use_gitignore: true")
        .default("false")
        .since("3.52"),
        superset::SHELL,
        schema_key(Page::GoTask("schema#root-schema"), Origin::Ez),
    ]).with_notes();

/// `output`, as a mapping.
static OUTPUT: Object = Object::new(
    "`output`",
    "An output style with its settings.",
    Page::GoTask("schema#output"),
    &[Field::go_task(
        "group",
        Shape::Object(&GROUP),
        "What a command printed is shown in one piece when it is done, with these settings.",
        "schema#output",
    )
    .example("group: {begin: '::group::{{.TASK}}', end: '::endgroup::'}")
    .required()],
)
.with_notes();

static GROUP: Object = Object::new(
    "`group`",
    "Settings of the output style `group`.",
    Page::GoTask("schema#output"),
    &[
        Field::go_task("begin", TEMPLATE_TEXT, "A line before what a command printed.", "schema#output")
            .example("begin: '::group::{{.TASK}}'"),
        Field::go_task("end", TEMPLATE_TEXT, "A line after what a command printed.", "schema#output")
            .example("end: '::endgroup::'"),
        Field::go_task(
            "error_only",
            BOOL,
            "Only commands that failed show what they printed.",
            "schema#output",
        )
        .example("error_only: true")
        .default("false"),
    ],
)
.with_notes();

/// An entry of `includes`, as a mapping.
static INCLUDE: Object = Object::new(
"an include", "Another Taskfile under a namespace.", Page::GoTask("schema#include"), &[
        Field::go_task(
            "taskfile",
            INCLUDED,
            "The file, or the directory that it is in, relative to this file; or an address.",
            "schema#taskfile",
        )
        .example("taskfile: ./docs"),
        Field::go_task(
            "dir",
            Shape::Template(Scalar::Path(PathKind::Directory)),
            "Where the included tasks run, relative to this file; in this file's directory without it.",
            "schema#dir",
        )
        .example("taskfile: ./docs\ndir: ./docs"),
        Field::go_task("optional", BOOL, "The file may be missing.", "schema#optional")
            .example("taskfile: ./local.yml\noptional: true")
            .default("false"),
        Field::go_task(
            "flatten",
            BOOL,
            "The tasks get no namespace. Two tasks of one name are then an error.",
            "schema#flatten",
        )
        .example("taskfile: ./common.yml\nflatten: true")
        .default("false"),
        Field::go_task(
            "internal",
            BOOL,
            "The tasks are left out of lists and cannot be called from the command line.",
            "schema#internal",
        )
        .example("taskfile: ./steps.yml\ninternal: true")
        .default("false"),
        Field::go_task(
            "aliases",
            Shape::List(&Shape::Scalar(Scalar::Alias)),
            "Further names of the namespace.",
            "schema#aliases",
        )
        .example("taskfile: ./generated\naliases: [gen]"),
        Field::go_task(
            "excludes",
            Shape::List(&Shape::Scalar(Scalar::ExcludedTask)),
            "Tasks of the file that are left out; `debug:*` is all of a namespace.",
            "schema#excludes",
        )
        .example("taskfile: ./common.yml\nexcludes: [default, 'debug:*']"),
        Field::go_task(
            "vars",
            VARS,
            "Variables that the included file sees. A variable of its own wins, unless it is written with `default`: `{{.IMAGE | default \"app\"}}`.",
            "schema#vars-1",
        )
        .example("taskfile: ./docker.yml\nvars: {IMAGE: backend}"),
        Field::go_task(
            "checksum",
            Shape::Scalar(Scalar::Checksum),
            "The SHA-256 of the file in hexadecimal: another content is an error.",
            "schema#checksum",
        )
        .example("taskfile: https://example.com/Taskfile.yml\nchecksum: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ]).with_notes().with_at_least_one_of(&["taskfile", "dir"]);
