//! `cmds`, `deps` and `for`.

use super::scalar::{LOOP_WORDS, SET_OPTIONS, SHOPT_OPTIONS};
use super::variable::VARS;
use super::{BOOL, DURATION, Field, KeyMeaning, Map, Object, Page, SCRIPT, Scalar, Shape, TEXT};

const PAGE: &str = "schema#command";
const TIMEOUTS: &str = "schema#command-timeouts";
const LOOPS: &str = "schema#for-loops";

/// The name of a task that is called.
pub const CALLED: Shape = Shape::Template(Scalar::TaskName);
/// A script, or a mapping with more.
pub const ANY_COMMAND: Shape = Shape::OneOf(&[SCRIPT, Shape::Object(&COMMAND)]);
/// Several commands.
pub const COMMANDS: Shape = Shape::List(&ANY_COMMAND);
/// Several dependencies.
pub const DEPENDENCIES: Shape = Shape::List(&Shape::OneOf(&[CALLED, Shape::Object(&DEPENDENCY)]));
/// Options of the shell.
pub const SET: Shape = Shape::List(&Shape::Scalar(SET_OPTIONS));
/// Options of bash.
pub const SHOPT: Shape = Shape::List(&Shape::Scalar(SHOPT_OPTIONS));
/// Systems and architectures.
pub const PLATFORMS: Shape = Shape::List(&Shape::Scalar(Scalar::Platform));
/// What is repeated over.
const LOOP: Shape =
    Shape::OneOf(&[Shape::Scalar(LOOP_WORDS), Shape::List(&Shape::Any), Shape::Object(&LOOP_OBJECT)]);

const FOR_ABOUT: &str = "Repeats this for each item: of a list, of a variable, of all combinations of a matrix, or of the files in `sources` or `generates`. The item is `{{.ITEM}}`.";
const TIMEOUT_ABOUT: &str = "How long it may take. When the time is up it is stopped and has failed with exit code 124; what it has run by then stays done.";

/// An entry of `cmds`, as a mapping.
pub static COMMAND: Object = Object::new(
"a command", "A command of a task: a script, a call of a task, or something that is done at the end.", Page::GoTask(PAGE), &[
        Field::go_task("cmd", SCRIPT, "The shell script that runs. It may have several lines.", "schema#command-object")
            .example("cmd: go build ./...")
            .idle_beside(&["task", "defer"]),
        Field::go_task(
            "task",
            CALLED,
            "A task that runs here, before the next command. A leading `:` looks for the name in the root Taskfile.",
            "schema#task-references",
        )
        .example("task: docs:build\nvars: {DRAFT: true}")
        .idle_beside(&["cmd", "defer"]),
        Field::go_task("vars", VARS, "Variables that the called task gets.", "schema#task-references")
            .example("task: build\nvars: {ARCH: arm64}")
            .idle_beside(&["cmd", "defer"]),
        Field::go_task(
            "defer",
            Shape::OneOf(&[SCRIPT, Shape::Object(&DEFERRED)]),
            "A script or a call that runs when the task ends, also after a failure. Several of them run last to first.",
            "schema#deferred-commands",
        )
        .example("defer: rm -rf build.tmp")
        .idle_beside(&["cmd", "task"]),
        Field::go_task("for", LOOP, FOR_ABOUT, LOOPS)
            .example("for: [amd64, arm64]\ncmd: ./build.sh {{.ITEM}}")
            .idle_beside(&["defer"]),
        Field::go_task(
            "if",
            SCRIPT,
            "A shell script: where it fails, the command is passed over.",
            "schema#conditional-commands",
        )
        .example("cmd: ./deploy.sh\nif: '[ \"$CI\" = true ]'")
        .since("3.47")
        .idle_beside(&["defer"]),
        Field::go_task("silent", BOOL, "The command is not echoed before it runs.", "schema#command-object")
            .example("cmd: echo done\nsilent: true")
            .default("false"),
        Field::go_task(
            "ignore_error",
            BOOL,
            "A failure of the command is no failure of the task.",
            "schema#command-object",
        )
        .example("cmd: rm build.log\nignore_error: true")
        .default("false"),
        Field::go_task("timeout", DURATION, TIMEOUT_ABOUT, TIMEOUTS)
            .example("cmd: ./integration.sh\ntimeout: 5m")
            .since("3.54"),
        Field::go_task(
            "platforms",
            PLATFORMS,
            "The systems on which the command runs; on others it is passed over.",
            "schema#platforms",
        )
        .example("cmd: chmod +x tool\nplatforms: [linux, darwin]")
        .idle_beside(&["task"]),
        Field::go_task("set", SET, "Options of the POSIX shell for this command.", "schema#set-options")
            .example("cmd: a | b\nset: [pipefail]")
            .idle_beside(&["task"]),
        Field::go_task("shopt", SHOPT, "Options of bash for this command.", "schema#shopt-options")
            .example("cmd: ls **/*.go\nshopt: [globstar]")
            .idle_beside(&["task"]),
    ]).with_notes().with_at_least_one_of(&["cmd", "task", "defer"]);

/// `defer`, as a mapping.
pub static DEFERRED: Object = Object::new(
    "a `defer`",
    "A task that is called when the task ends, also after a failure.",
    Page::GoTask("schema#deferred-commands"),
    &[
        Field::go_task("task", CALLED, "The task that is called at the end.", "schema#deferred-commands")
            .example("task: clean-up"),
        Field::go_task("vars", VARS, "Variables that it gets.", "schema#deferred-commands")
            .example("task: stop\nvars: {PORT: 8080}"),
        Field::go_task("silent", BOOL, "It does not echo its commands.", "schema#deferred-commands")
            .example("task: clean-up\nsilent: true")
            .default("false"),
        Field::go_task("defer", SCRIPT, "A script that runs at the end.", "schema#deferred-commands")
            .example("defer: rm -f lock")
            .deprecated("write the script directly after the outer `defer:`"),
    ],
)
.with_notes();

/// An entry of `deps`, as a mapping.
pub static DEPENDENCY: Object = Object::new(
    "a dependency",
    "A task that runs before, at the same time as the other dependencies.",
    Page::GoTask("schema#deps"),
    &[
        Field::go_task("task", CALLED, "The task that runs before.", "schema#deps")
            .example("task: build")
            .required(),
        Field::go_task("vars", VARS, "Variables that it gets.", "schema#deps")
            .example("task: build\nvars: {ARCH: arm64}"),
        Field::go_task("for", LOOP, FOR_ABOUT, "schema#loop-in-dependencies")
            .example("for: [amd64, arm64]\ntask: build\nvars: {ARCH: '{{.ITEM}}'}"),
        Field::go_task("silent", BOOL, "It does not echo its commands.", "schema#deps")
            .example("task: generate\nsilent: true")
            .default("false"),
        Field::go_task("timeout", DURATION, TIMEOUT_ABOUT, TIMEOUTS)
            .example("task: fetch\ntimeout: 30s")
            .since("3.54"),
    ],
)
.with_notes();

/// `for`, as a mapping.
static LOOP_OBJECT: Object = Object::new(
"a `for`", "What is repeated over: the items of a variable, or all combinations of a matrix.", Page::GoTask(LOOPS), &[
        Field::go_task(
            "var",
            Shape::Scalar(Scalar::VariableName),
            "The variable whose items are repeated over: those of a list, the keys' values of a map, the words of a text.",
            "schema#loop-over-variable",
        )
        .example("var: FILES"),
        Field::go_task(
            "matrix",
            Shape::Map(&MATRIX),
            "Rows of values: every combination is an item, of which `{{.ITEM.OS}}` is one value.",
            "schema#loop-over-matrix",
        )
        .example("matrix: {OS: [linux, darwin], ARCH: [amd64, arm64]}"),
        Field::go_task(
            "split",
            TEXT,
            "What stands between the items of a text; blanks and line breaks without it.",
            "schema#loop-over-variable",
        )
        .example("var: PATHS\nsplit: ','")
        .idle_beside(&["matrix"]),
        Field::go_task(
            "as",
            Shape::Scalar(Scalar::NewVariableName),
            "The name of the item.",
            "schema#loop-over-variable",
        )
        .example("var: FILES\nas: FILE")
        .default("ITEM"),
    ]).with_notes().with_at_least_one_of(&["var", "matrix"]).with_at_most_one_of(&["var", "matrix"]);

static MATRIX: Map = Map {
    keys: KeyMeaning::MatrixKey,
    values: Shape::OneOf(&[Shape::List(&Shape::Any), Shape::Object(&MATRIX_REFERENCE)]),
};

/// A row of a matrix that is a variable.
static MATRIX_REFERENCE: Object = Object::new(
    "a row of a matrix",
    "A row of a matrix that is the value of a template expression.",
    Page::GoTask("schema#loop-over-matrix"),
    &[Field::go_task(
        "ref",
        Shape::Scalar(Scalar::Expression),
        "A template expression without braces whose value is a list.",
        "schema#loop-over-matrix",
    )
    .example("ref: .PLATFORMS")
    .required()],
)
.with_notes();
