//! What a scalar means.

/// What a scalar means, as far as an editor can help with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scalar {
    /// Any text.
    Text,
    /// A text of a template file, evaluated between `<%` and `%>` when something is made of it.
    MadeText,
    /// Any scalar: what YAML reads it as is what it is.
    Value,
    /// `true` or `false`.
    Bool,
    /// A whole number within bounds.
    Integer {
        /// The smallest.
        min: i64,
        /// The largest.
        max: i64,
    },
    /// A number.
    Number,
    /// A length of time as Go writes it: `90s`, `1h30m`.
    Duration,
    /// One of these words.
    Enum(&'static [EnumValue]),
    /// A shell script.
    Script,
    /// Words of a shell, where only options of `ez` or a task's command line stand: `ez build EZ_ARCH=arm64`.
    CommandLine,
    /// A script of a hook or query that may instead be `@plugin:<name>`.
    ScriptOrPlugin,
    /// A template expression without braces: `.NAME`, `splitList "," .NAME`.
    Expression,
    /// The full name of a task, as it is called.
    TaskName,
    /// The name of a task in an included file, or `<namespace>:*`.
    ExcludedTask,
    /// A further name of a task or a namespace.
    Alias,
    /// The name of a variable.
    VariableName,
    /// A new name of a variable: that of a loop.
    NewVariableName,
    /// The name of a param: `build-type`.
    ParamName,
    /// A path.
    Path(PathKind),
    /// A system, an architecture, or both: `linux`, `arm64`, `linux/arm64`.
    Platform,
    /// The name of a step, or of combinations of it: `build`, `build[arch=arm64]`.
    StepReference,
    /// A new name of a step.
    StepName,
    /// The name of an artifact of the step that is named beside it.
    ArtifactReference,
    /// A new name of an artifact.
    ArtifactName,
    /// The name of a value that a step writes to `$EZ_STEP_OUTPUT`.
    OutputName,
    /// The name or a label of a machine that runs jobs.
    NodeName,
    /// The name of a plugin of type `param`.
    PluginName,
    /// What its file is called: the folder of a `task.yml`, the stem of a plan, plugin or template.
    OwnName,
    /// An address of the web.
    Url,
    /// A SHA-256 in hexadecimal.
    Checksum,
    /// A version of up to three numbers.
    Semver,
    /// A regular expression.
    Regex,
    /// Which texts of a JSON document are meant: `.items[].name`.
    JsonPath,
    /// The address of a host, with or without a port.
    Host,
}

/// What a path leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathKind {
    /// A file.
    File,
    /// A directory.
    Directory,
    /// A file or a directory.
    Any,
    /// Several files: `src/**/*.go`.
    Glob,
    /// A Taskfile, or a directory that holds one; also an address.
    Taskfile,
    /// A file with lines `NAME=value`.
    Dotenv,
}

/// One of a few words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EnumValue {
    /// The word.
    pub value: &'static str,
    /// What it means, as a sentence.
    pub about: &'static str,
}

/// What a key is that the user chooses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyMeaning {
    /// The name of a task that is defined here.
    TaskName,
    /// The namespace of an included file.
    Namespace,
    /// A variable of templates.
    VariableName,
    /// A variable of the environment of commands.
    EnvironmentName,
    /// A param, or the variable that it is.
    ParamOrVariable,
    /// A key of a matrix.
    MatrixKey,
    /// A path of a file, relative to a folder.
    FilePath,
    /// An experiment of go-task.
    ExperimentName,
}

const fn word(value: &'static str, about: &'static str) -> EnumValue {
    EnumValue { value, about }
}

/// `method`
pub const METHODS: Scalar = Scalar::Enum(&[
    word("checksum", "Up to date while the contents of all `sources` are those of the last run."),
    word("timestamp", "Up to date while no source is newer than what the task `generates`."),
    word("none", "Never up to date: the task always runs."),
]);

/// `run`
pub const RUN_MODES: Scalar = Scalar::Enum(&[
    word("always", "Every call runs the task."),
    word("once", "Only the first call in a run of go-task runs the task, whatever its variables."),
    word("when_changed", "Calls with the same variables run the task once."),
]);

/// `output`
pub const OUTPUT_STYLES: Scalar = Scalar::Enum(&[
    word("interleaved", "Lines are shown as they are printed."),
    word("group", "What a command printed is shown in one piece when it is done."),
    word("prefixed", "Each line begins with the name, or the `prefix`, of its task."),
]);

/// `set`
pub const SET_OPTIONS: Scalar = Scalar::Enum(&[
    word("errexit", "A command that fails ends the script."),
    word("nounset", "A variable that is not set is an error."),
    word("pipefail", "A pipe fails with the last of its commands that failed."),
    word("xtrace", "Each command is printed before it runs."),
    word("allexport", "Variables that are set become part of the environment."),
    word("noglob", "`*` and `?` stand for themselves."),
    word("noexec", "Commands are read and not run."),
    word("e", "The same as `errexit`."),
    word("u", "The same as `nounset`."),
    word("x", "The same as `xtrace`."),
    word("a", "The same as `allexport`."),
    word("f", "The same as `noglob`."),
    word("n", "The same as `noexec`."),
]);

/// `shopt`
pub const SHOPT_OPTIONS: Scalar = Scalar::Enum(&[
    word("globstar", "`**` matches directories at any depth."),
    word("nullglob", "A pattern that matches nothing is left out."),
    word("dotglob", "Patterns match names that begin with a dot."),
    word("extglob", "Patterns such as `!(a|b)` are read."),
    word("nocaseglob", "Patterns match upper and lower case alike."),
    word("expand_aliases", "Aliases are expanded."),
]);

/// What a `for` repeats over besides lists and variables.
pub const LOOP_WORDS: Scalar = Scalar::Enum(&[
    word("sources", "Once for each file that `sources` of the task match."),
    word("generates", "Once for each file that `generates` of the task match."),
]);

/// The type of a param.
pub const PARAM_KINDS: Scalar = Scalar::Enum(&[
    word("select", "One of its options."),
    word("input", "Any text."),
    word("number", "A number, also with a fraction."),
    word("bool", "`true` or `false`."),
    word("multi", "Several of its options, with commas between them."),
    word("secret", "A text that is never shown."),
    word("path", "The path of a file or directory."),
]);

/// The type of a plugin.
pub const PLUGIN_KINDS: Scalar = Scalar::Enum(&[
    word("hook", "A script that `ez-hooks` name."),
    word("param", "A command that prints the options of a param."),
]);

/// The list of hooks in which a plugin may stand.
pub const TRIGGERS: Scalar = Scalar::Enum(&[
    word("pre_run", "Before the task's dependencies and commands."),
    word("post_run", "After the task succeeded."),
    word("on_error", "After the task failed."),
    word("always", "After all others, however the task ended."),
]);

/// The shell that a task promises to keep to.
pub const SHELLS: Scalar = Scalar::Enum(&[
    word("sh", "Only what POSIX has: constructs of bash are reported."),
    word("bash", "Also what bash adds, which holds without the field, too."),
]);
