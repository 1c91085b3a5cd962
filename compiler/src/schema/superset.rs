//! The `ez-*` fields of a task.

use super::command::CALLED;
use super::scalar::{PARAM_KINDS, SHELLS};
use super::variable::DEFAULTS;
use super::{BOOL, DURATION, Field, Object, Page, PathKind, Scalar, Shape, TEXT, TEXTS};
use crate::ast::hook::{HOOK_FIELDS, HOOK_MOMENTS};
use crate::ast::param::{PARAM_FIELDS, QUERY_FIELDS};
use crate::ast::policy::{LOCK_FIELDS, LOG_FIELDS, REMOTE_FIELDS, RETRY_FIELDS};
use crate::decode::MAX_RETRIES;

const PARAM_PAGE: &str = "params.md";
const HOOK_PAGE: &str = "hooks.md";
const POLICY_PAGE: &str = "policies.md";
const INHERITANCE_PAGE: &str = "inheritance.md";
const LOG_PAGE: &str = "logs.md";
const REMOTE_PAGE: &str = "remote.md";

/// A list of params.
pub const PARAM_LIST: Shape =
    Shape::List(&Shape::OneOf(&[Shape::Scalar(Scalar::ParamName), Shape::Object(&PARAM)]));
/// A list of params of a template.
pub const TEMPLATE_PARAM_LIST: Shape =
    Shape::List(&Shape::OneOf(&[Shape::Scalar(Scalar::ParamName), Shape::Object(&TEMPLATE_PARAM)]));
/// How often, or a mapping with the pause too.
pub const ANY_RETRY: Shape = Shape::OneOf(&[ATTEMPTS, Shape::Object(&RETRY)]);

const ATTEMPTS: Shape = Shape::Scalar(Scalar::Integer { min: 0, max: MAX_RETRIES as i64 });
const HOOK_SCRIPT: Shape = Shape::Template(Scalar::ScriptOrPlugin);
const ANY_HOOK: Shape = Shape::OneOf(&[HOOK_SCRIPT, Shape::Object(&HOOK)]);
const HOOKS_OF_A_MOMENT: Shape = Shape::OneOf(&[HOOK_SCRIPT, Shape::List(&ANY_HOOK), Shape::Object(&HOOK)]);

const ANY_COMPOSE_STEP: Shape = Shape::OneOf(&[CALLED, Shape::Object(&COMPOSE_STEP)]);
const ANY_QUERY: Shape = Shape::OneOf(&[Shape::Scalar(Scalar::ScriptOrPlugin), Shape::Object(&QUERY)]);
const ANY_LOCK: Shape = Shape::OneOf(&[BOOL, Shape::Object(&LOCK)]);

pub(super) const PARAMS: Field = Field::ez(
    "ez-params",
    PARAM_LIST,
    "Values that the task asks for. The param `build-type` is the variable `EZ_BUILD_TYPE` in templates and commands.",
    PARAM_PAGE,
)
.example("ez-params:\n  - {name: arch, options: [x86_64, arm64], help: The processor}\ncmds: [./build.sh $EZ_ARCH]");

pub(super) const HOOKS: Field = Field::ez(
    "ez-hooks",
    Shape::Object(&HOOK_TABLE),
    "Scripts around the task: before it, after success, after a failure, at the very end.",
    HOOK_PAGE,
)
.example("ez-hooks:\n  pre_run: ./check.sh\n  always: rm -rf build.tmp");

pub(super) const EXTENDS: Field = Field::ez(
    "ez-extends",
    Shape::Scalar(Scalar::TaskName),
    "The task that this one is, with changes. `cmds` and `deps` are replaced whole; variables, the environment and params are merged by name.",
    INHERITANCE_PAGE,
)
.example("ez-extends: image\nvars: {CLOCK: 16}");

pub(super) const DEFAULTS_FIELD: Field = Field::ez(
    "ez-defaults",
    Shape::Map(&DEFAULTS),
    "Values of params and variables that give way to those of the call, the command line and the environment.",
    INHERITANCE_PAGE,
)
.example("ez-extends: image\nez-defaults: {board: mega}");

pub(super) const COMPOSE: Field = Field::ez(
    "ez-compose",
    Shape::List(&ANY_COMPOSE_STEP),
    "Tasks that run one after the other, in place of `cmds`.",
    INHERITANCE_PAGE,
)
.example("ez-compose:\n  - uno\n  - {task: mega, defaults: {level: debug}}")
.idle_beside(&["cmds", "cmd"]);

pub(super) const TIMEOUT: Field = Field::ez(
    "ez-timeout",
    DURATION,
    "How long the whole task may take, with its dependencies and all attempts.",
    POLICY_PAGE,
)
.example("ez-timeout: 10m");

pub(super) const RETRY_FIELD: Field = Field::ez(
    "ez-retry",
    ANY_RETRY,
    "How often the commands are started again after a failure, and with which pause.",
    POLICY_PAGE,
)
.example("ez-retry: {count: 4, backoff: 2s}");

pub(super) const LOCK_FIELD: Field =
    Field::ez("ez-lock", ANY_LOCK, "The task never runs twice at once on this machine.", POLICY_PAGE)
        .example("ez-lock: true");

pub(super) const CACHE: Field = Field::ez(
    "ez-cache",
    BOOL,
    "What the task `generates` is kept by the content of its `sources`, and brought back instead of made again.",
    "cache.md",
)
.example("ez-cache: true\nsources: [src/**]\ngenerates: [bin/app]")
.default("false");

pub(super) const LOG_FIELD: Field = Field::ez(
    "ez-log",
    Shape::Object(&LOG),
    "Where the logs of the task's runs are kept, and what their names begin with.",
    LOG_PAGE,
)
.example("ez-log: {dir: logs, prefix: nightly}");

pub(super) const REMOTE_FIELD: Field = Field::ez(
    "ez-remote",
    Shape::Object(&REMOTE),
    "Which machine runs the task under `ez run --remote` and in steps of plans with `remote: true`, which files it gets, and which come back.",
    REMOTE_PAGE,
)
.example("ez-remote: {tags: [\"arch:aarch64\"], sync_in: [src], sync_out: [dist]}");

pub(super) const TAGS: Field =
    Field::ez("ez-tags", TEXTS, "Words by which `ez list <word>` finds the task.", "commands.md")
        .example("ez-tags: [release, docker]");

pub(super) const EXAMPLES: Field = Field::ez(
    "ez-examples",
    Shape::List(&Shape::Scalar(Scalar::CommandLine)),
    "Command lines that `ez show` shows.",
    "commands.md",
)
.example("ez-examples: [ez build EZ_ARCH=arm64]");

pub(super) const SHELL: Field = Field::ez(
    "ez-shell",
    Shape::Scalar(SHELLS),
    "The shell that the scripts keep to: with `sh`, constructs of bash are reported.",
    "rules/EZ602.md",
)
.example("ez-shell: sh");

/// An entry of `ez-params`, as a mapping.
static PARAM: Object = Object::new(
    "a param",
    "A value that is asked for.",
    Page::Ez(PARAM_PAGE),
    &[
        PARAM_NAME,
        PARAM_TYPE,
        PARAM_OPTIONS,
        PARAM_QUERY,
        PARAM_DEFAULT,
        PARAM_HELP,
        PARAM_REQUIRED,
        PARAM_PATTERN,
        PARAM_MIN,
        PARAM_MAX,
        PARAM_DESC,
    ],
);

/// A param of a template, which asks nobody for its options.
static TEMPLATE_PARAM: Object = Object::new(
    "a param",
    "A value that is asked for.",
    Page::Ez(PARAM_PAGE),
    &[
        PARAM_NAME,
        PARAM_TYPE,
        PARAM_OPTIONS,
        PARAM_DEFAULT,
        PARAM_HELP,
        PARAM_REQUIRED,
        PARAM_PATTERN,
        PARAM_MIN,
        PARAM_MAX,
        PARAM_DESC,
    ],
);

const PARAM_NAME: Field =
    Field::row(PARAM_FIELDS, "name", Shape::Scalar(Scalar::ParamName), PARAM_PAGE, "name: build-type")
        .required();
const PARAM_TYPE: Field =
    Field::row(PARAM_FIELDS, "type", Shape::Scalar(PARAM_KINDS), PARAM_PAGE, "name: jobs\ntype: number");
const PARAM_OPTIONS: Field =
    Field::row(PARAM_FIELDS, "options", TEXTS, PARAM_PAGE, "name: arch\noptions: [x86_64, arm64]");
const PARAM_QUERY: Field = Field::row(
    PARAM_FIELDS,
    "query",
    ANY_QUERY,
    PARAM_PAGE,
    "name: branch\nquery: git branch --format='%(refname:short)'",
);
const PARAM_DEFAULT: Field = Field::row(
    PARAM_FIELDS,
    "default",
    Shape::OneOf(&[Shape::Scalar(Scalar::Value), TEXTS]),
    PARAM_PAGE,
    "name: arch\noptions: [x86_64, arm64]\ndefault: x86_64",
);
const PARAM_HELP: Field =
    Field::row(PARAM_FIELDS, "help", TEXT, PARAM_PAGE, "name: arch\nhelp: The processor");
const PARAM_REQUIRED: Field =
    Field::row(PARAM_FIELDS, "required", BOOL, PARAM_PAGE, "name: version\nrequired: true").default("false");
const PARAM_PATTERN: Field = Field::row(
    PARAM_FIELDS,
    "pattern",
    Shape::Scalar(Scalar::Regex),
    PARAM_PAGE,
    "name: version\npattern: '[0-9]+[.][0-9]+'",
);
const PARAM_MIN: Field = Field::row(
    PARAM_FIELDS,
    "min",
    Shape::Scalar(Scalar::Number),
    PARAM_PAGE,
    "name: jobs\ntype: number\nmin: 1",
);
const PARAM_MAX: Field = Field::row(
    PARAM_FIELDS,
    "max",
    Shape::Scalar(Scalar::Number),
    PARAM_PAGE,
    "name: jobs\ntype: number\nmax: 64",
);
const PARAM_DESC: Field =
    Field::row(PARAM_FIELDS, "desc", TEXT, PARAM_PAGE, "name: arch\ndesc: The processor")
        .idle_beside(&["help"]);

static QUERY: Object = Object::new(
    "a query",
    "Where the options of a param come from.",
    Page::Ez(PARAM_PAGE),
    &[
        Field::row(
            QUERY_FIELDS,
            "command",
            Shape::Scalar(Scalar::Script),
            PARAM_PAGE,
            "command: ls profiles",
        )
        .idle_beside(&["url", "plugin"]),
        Field::row(
            QUERY_FIELDS,
            "url",
            Shape::Scalar(Scalar::Url),
            PARAM_PAGE,
            "url: https://example.com/releases.json\npath: '.[].name'",
        )
        .idle_beside(&["command", "plugin"]),
        Field::row(
            QUERY_FIELDS,
            "path",
            Shape::Scalar(Scalar::JsonPath),
            PARAM_PAGE,
            "url: https://example.com/releases.json\npath: '.[].name'",
        )
        .idle_beside(&["command", "plugin"]),
        Field::row(QUERY_FIELDS, "plugin", Shape::Scalar(Scalar::PluginName), PARAM_PAGE, "plugin: branches")
            .idle_beside(&["command", "url"]),
    ],
)
.with_at_least_one_of(&["command", "url", "plugin"])
.with_at_most_one_of(&["command", "url", "plugin"]);

/// `ez-hooks`
static HOOK_TABLE: Object = Object::new(
    "`ez-hooks`",
    "Scripts around a task.",
    Page::Ez(HOOK_PAGE),
    &[
        Field::row(HOOK_MOMENTS, "pre_run", HOOKS_OF_A_MOMENT, HOOK_PAGE, "pre_run: ./check.sh"),
        Field::row(
            HOOK_MOMENTS,
            "post_run",
            HOOKS_OF_A_MOMENT,
            HOOK_PAGE,
            "post_run: echo \"$EZ_TASK_NAME is done\"",
        ),
        Field::row(HOOK_MOMENTS, "on_error", HOOKS_OF_A_MOMENT, HOOK_PAGE, "on_error: '@plugin:report'"),
        Field::row(
            HOOK_MOMENTS,
            "always",
            HOOKS_OF_A_MOMENT,
            HOOK_PAGE,
            "always:\n  - {name: tidy, script: rm -rf build.tmp}",
        ),
    ],
);

static HOOK: Object = Object::new(
    "a hook",
    "A script around a task.",
    Page::Ez(HOOK_PAGE),
    &[
        Field::row(HOOK_FIELDS, "name", TEXT, HOOK_PAGE, "name: tidy\nscript: rm -rf build.tmp"),
        Field::row(
            HOOK_FIELDS,
            "script",
            HOOK_SCRIPT,
            HOOK_PAGE,
            "script: ./report.sh \"$EZ_TASK_EXIT_CODE\"",
        )
        .required(),
    ],
);

static COMPOSE_STEP: Object = Object::new(
"a step of `ez-compose`", "A task of a composition.", Page::Ez(INHERITANCE_PAGE), &[
        Field::ez("task", CALLED, "The task that runs.", INHERITANCE_PAGE).example("task: mega").required(),
        Field::ez(
            "defaults",
            Shape::Map(&DEFAULTS),
            "Values of params and variables for this step; they give way to those of the call, the command line and the environment.",
            INHERITANCE_PAGE,
        )
        .example("task: mega\ndefaults: {level: debug}"),
    ]);

static RETRY: Object = Object::new(
    "`ez-retry`",
    "Further attempts after a failure.",
    Page::Ez(POLICY_PAGE),
    &[
        Field::row(RETRY_FIELDS, "count", ATTEMPTS, POLICY_PAGE, "count: 4").required(),
        Field::row(RETRY_FIELDS, "backoff", DURATION, POLICY_PAGE, "count: 4\nbackoff: 2s"),
    ],
);

static LOCK: Object = Object::new(
    "`ez-lock`",
    "Whether a task may run twice at once.",
    Page::Ez(POLICY_PAGE),
    &[Field::row(LOCK_FIELDS, "exclusive", BOOL, POLICY_PAGE, "exclusive: true").default("false")],
);

static REMOTE: Object = Object::new(
    "`ez-remote`",
    "Where a task runs that another machine runs.",
    Page::Ez(REMOTE_PAGE),
    &[
        Field::row(REMOTE_FIELDS, "nodes", TEXTS, REMOTE_PAGE, "nodes: [arm-1]"),
        Field::row(REMOTE_FIELDS, "tags", TEXTS, REMOTE_PAGE, "tags: [\"os:linux\"]"),
        Field::row(REMOTE_FIELDS, "sync_in", TEXTS, REMOTE_PAGE, "sync_in: [src, Makefile]"),
        Field::row(REMOTE_FIELDS, "sync_out", TEXTS, REMOTE_PAGE, "sync_out: [dist]"),
    ],
);

static LOG: Object = Object::new(
    "`ez-log`",
    "Where logs are.",
    Page::Ez(LOG_PAGE),
    &[
        Field::row(
            LOG_FIELDS,
            "dir",
            Shape::Scalar(Scalar::Path(PathKind::Directory)),
            LOG_PAGE,
            "dir: logs",
        ),
        Field::row(LOG_FIELDS, "prefix", TEXT, LOG_PAGE, "prefix: nightly"),
    ],
);
