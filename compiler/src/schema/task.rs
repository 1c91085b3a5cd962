//! An entry of `tasks`.

use super::command::{ANY_COMMAND, COMMANDS, DEPENDENCIES, PLATFORMS, SET, SHOPT};
use super::scalar::{METHODS, RUN_MODES};
use super::superset;
use super::variable::{ENV, VARS};
use super::{BOOL, Field, Object, Page, PathKind, SCRIPT, Scalar, Shape, TEMPLATE_TEXT, TEXTS};

const GLOB: Shape = Shape::Template(Scalar::Path(PathKind::Glob));
const GLOBS: Shape = Shape::List(&Shape::OneOf(&[GLOB, Shape::Object(&EXCLUDED)]));

/// What a name under `tasks` stands for.
pub const ANY_TASK: Shape = Shape::OneOf(&[SCRIPT, COMMANDS, Shape::Object(&TASK)]);

/// A task, as a mapping.
pub static TASK: Object = Object::new(
"a task", "What runs when the task is called, and under which conditions.", Page::GoTask("schema#task"), &[
        Field::go_task(
            "desc",
            TEMPLATE_TEXT,
            "One line about the task. Lists show it, and leave out tasks without one.",
            "schema#desc",
        )
        .example("desc: Build the program"),
        Field::go_task(
            "cmds",
            COMMANDS,
            "What the task runs, one after the other: scripts, or mappings with more. The first that fails ends the task.",
            "schema#cmds",
        )
        .example("cmds:\n  - go build ./...\n  - task: test")
        .idle_beside(&["ez-compose"]),
        Field::go_task(
            "deps",
            DEPENDENCIES,
            "Tasks that run before this one, all at the same time. Order matters to none of them: use `cmds` where it does.",
            "schema#deps",
        )
        .example("deps: [generate, {task: build, vars: {ARCH: arm64}}]"),
        Field::go_task("vars", VARS, "Variables of this task, for its templates. Later ones see earlier ones.", "schema#vars-2")
            .example("vars:\n  NAME: ez\n  REVISION: {sh: git rev-parse HEAD}"),
        Field::go_task("env", ENV, "Variables of the environment of the task's commands.", "schema#task-properties")
            .example("env: {CGO_ENABLED: '0'}"),
        Field::go_task(
            "sources",
            GLOBS,
            "The files that the task reads, as patterns. While they do not change the task is up to date and does not run.",
            "schema#sources",
        )
        .example("sources:\n  - src/**/*.go\n  - exclude: src/**/*_test.go"),
        Field::go_task(
            "generates",
            GLOBS,
            "The files that the task makes, as patterns. The task runs where they are missing, and with `method: timestamp` where they are older than a source.",
            "schema#generates",
        )
        .example("generates: [bin/app]"),
        Field::go_task(
            "method",
            Shape::Template(METHODS),
            "How the task finds out whether it is up to date.",
            "schema#method-1",
        )
        .example("method: timestamp")
        .default("checksum"),
        Field::go_task(
            "status",
            Shape::List(&SCRIPT),
            "Scripts that say whether the task is up to date: it is where all of them succeed.",
            "schema#status",
        )
        .example("status: ['test -d node_modules']"),
        Field::go_task(
            "preconditions",
            Shape::List(&Shape::OneOf(&[SCRIPT, Shape::Object(&PRECONDITION)])),
            "Scripts that must succeed, or the task fails before it begins.",
            "schema#preconditions",
        )
        .example("preconditions:\n  - sh: command -v docker\n    msg: docker is not installed"),
        Field::go_task(
            "requires",
            Shape::Object(&REQUIRES),
            "Variables that have to be set, or the task fails before it begins.",
            "schema#requires",
        )
        .example("requires: {vars: [VERSION, {name: STAGE, enum: [dev, prod]}]}"),
        Field::go_task(
            "dir",
            Shape::Template(Scalar::Path(PathKind::Directory)),
            "Where the commands run, relative to the Taskfile; it is made where it is missing.",
            "schema#dir-1",
        )
        .example("dir: web"),
        Field::go_task(
            "dotenv",
            Shape::List(&Shape::Template(Scalar::Path(PathKind::Dotenv))),
            "Files with lines `NAME=value` for the environment. Of a name in several files the first wins.",
            "schema#task-properties",
        )
        .example("dotenv: ['.env.{{.STAGE}}', .env]"),
        Field::go_task(
            "summary",
            TEMPLATE_TEXT,
            "A longer text about the task, which `--summary` shows.",
            "schema#summary",
        )
        .example("summary: |\n  Build the program for all platforms.\n  Needs Go."),
        Field::go_task(
            "aliases",
            Shape::List(&Shape::Scalar(Scalar::Alias)),
            "Further names by which the task can be called.",
            "schema#aliases-1",
        )
        .example("aliases: [b]"),
        Field::go_task(
            "label",
            TEMPLATE_TEXT,
            "What messages call the task instead of its name.",
            "schema#task-properties",
        )
        .example("label: 'build-{{.ARCH}}'"),
        Field::go_task(
            "prompt",
            Shape::OneOf(&[TEMPLATE_TEXT, Shape::List(&TEMPLATE_TEXT)]),
            "One or several questions that are asked first. Any other answer than yes ends the run.",
            "schema#prompt",
        )
        .example("prompt: Delete the database?"),
        Field::go_task(
            "if",
            SCRIPT,
            "A shell script: where it fails, the task is passed over, which is no failure.",
            "schema#if",
        )
        .example("if: '[ \"{{.STAGE}}\" = prod ]'")
        .since("3.47"),
        Field::go_task(
            "platforms",
            PLATFORMS,
            "The systems on which the task runs; on others it is passed over.",
            "schema#platforms",
        )
        .example("platforms: [linux, darwin/arm64]"),
        Field::go_task(
            "run",
            Shape::Template(RUN_MODES),
            "How often the task runs where it is called several times.",
            "schema#run",
        )
        .example("run: once")
        .default("always"),
        Field::go_task(
            "silent",
            BOOL,
            "Commands are not echoed before they run. What they print is shown.",
            "schema#task-properties",
        )
        .example("silent: true")
        .default("false"),
        Field::go_task(
            "internal",
            BOOL,
            "The task is left out of lists and cannot be called from the command line, only by other tasks.",
            "schema#task-properties",
        )
        .example("internal: true")
        .default("false"),
        Field::go_task(
            "interactive",
            BOOL,
            "The commands have the terminal to themselves: for editors, pagers, shells.",
            "schema#task-properties",
        )
        .example("interactive: true")
        .default("false"),
        Field::go_task(
            "ignore_error",
            BOOL,
            "A command that fails does not end the task.",
            "schema#task-properties",
        )
        .example("ignore_error: true")
        .default("false"),
        Field::go_task(
            "failfast",
            BOOL,
            "The first dependency that fails ends the others.",
            "schema#task-properties",
        )
        .example("failfast: true")
        .default("false")
        .since("3.46"),
        Field::go_task(
            "watch",
            BOOL,
            "The task runs again whenever its sources change, as with `--watch`.",
            "schema#watch",
        )
        .example("watch: true")
        .default("false"),
        Field::go_task(
            "prefix",
            TEMPLATE_TEXT,
            "What stands before the task's lines where `output` is `prefixed`.",
            "schema#task-properties",
        )
        .example("prefix: 'build:{{.ARCH}}'"),
        Field::go_task(
            "cmd",
            ANY_COMMAND,
            "The only command of the task, short for `cmds` with one entry.",
            "schema#cmd",
        )
        .example("cmd: go test ./...")
        .idle_beside(&["cmds", "ez-compose"]),
        Field::go_task("set", SET, "Options of the POSIX shell for the task's commands.", "schema#set-options")
            .example("set: [errexit, pipefail]"),
        Field::go_task("shopt", SHOPT, "Options of bash for the task's commands.", "schema#shopt-options")
            .example("shopt: [globstar]"),
        Field::go_task(
            "use_gitignore",
            BOOL,
            "Files that Git ignores are no `sources` and `generates`.",
            "schema#use_gitignore-1",
        )
        .example("use_gitignore: true")
        .default("false")
        .since("3.52"),
        superset::PARAMS,
        superset::HOOKS,
        superset::EXTENDS,
        superset::DEFAULTS_FIELD,
        superset::COMPOSE,
        superset::TIMEOUT,
        superset::RETRY_FIELD,
        superset::LOCK_FIELD,
        superset::CACHE,
        superset::LOG_FIELD,
        superset::REMOTE_FIELD,
        superset::TAGS,
        superset::EXAMPLES,
        superset::SHELL,
    ]).with_notes().with_at_most_one_of(&["cmds", "cmd"]);

/// `exclude` in `sources` and `generates`.
static EXCLUDED: Object = Object::new(
    "a pattern",
    "A pattern that takes away what earlier ones matched.",
    Page::GoTask("schema#sources"),
    &[Field::go_task(
        "exclude",
        GLOB,
        "Files that earlier patterns matched and that do not count.",
        "schema#sources",
    )
    .example("exclude: '**/*.md'")
    .required()],
)
.with_notes();

/// An entry of `preconditions`, as a mapping.
static PRECONDITION: Object = Object::new(
    "a precondition",
    "A script that must succeed before a task begins.",
    Page::GoTask("schema#preconditions"),
    &[
        Field::go_task("sh", SCRIPT, "The script that must succeed.", "schema#preconditions")
            .example("sh: test -f config.yml")
            .required(),
        Field::go_task("msg", TEMPLATE_TEXT, "What is said where it fails.", "schema#preconditions")
            .example("sh: test -f config.yml\nmsg: config.yml is missing, run `init` first"),
    ],
)
.with_notes();

/// `requires`
static REQUIRES: Object = Object::new(
    "`requires`",
    "What a task needs to be given.",
    Page::GoTask("schema#requires"),
    &[Field::go_task(
        "vars",
        Shape::List(&Shape::OneOf(&[Shape::Scalar(Scalar::VariableName), Shape::Object(&REQUIRED_VARIABLE)])),
        "The variables that have to be set; as mappings also the values that they may have.",
        "schema#requires",
    )
    .example("vars: [VERSION, {name: STAGE, enum: [dev, prod]}]")],
)
.with_notes();

static REQUIRED_VARIABLE: Object = Object::new(
    "a required variable",
    "A variable that has to be set, and the values that it may have.",
    Page::GoTask("schema#requires"),
    &[
        Field::go_task("name", Shape::Scalar(Scalar::VariableName), "Its name.", "schema#requires")
            .example("name: STAGE")
            .required(),
        Field::go_task(
            "enum",
            Shape::OneOf(&[TEXTS, Shape::Object(&ENUM_REFERENCE)]),
            "The values that it may have.",
            "schema#requires",
        )
        .example("name: STAGE\nenum: [dev, prod]"),
    ],
)
.with_notes();

static ENUM_REFERENCE: Object = Object::new(
    "an `enum`",
    "Values that are those of a template expression.",
    Page::GoTask("schema#requires"),
    &[Field::go_task(
        "ref",
        Shape::Scalar(Scalar::Expression),
        "A template expression without braces whose value is a list.",
        "schema#requires",
    )
    .example("ref: .STAGES")
    .required()
    .since("3.50")],
)
.with_notes();
