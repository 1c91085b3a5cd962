//! The one table of run flags: go-task's, and behind them EZ's own.
//!
//! Parsing, help, environment variables and `.taskrc.yml` all read the same row.

use std::collections::BTreeSet;

use super::go_values;

/// What a flag sets. Two rows may set the same thing under two names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Id {
    Version,
    Help,
    Init,
    Completion,
    List,
    ListAll,
    Json,
    Sort,
    Status,
    NoStatus,
    Nested,
    Insecure,
    Watch,
    Verbose,
    Silent,
    DisableFuzzy,
    Yes,
    Interactive,
    Parallel,
    Dry,
    Summary,
    ExitCode,
    Dir,
    Taskfile,
    TempDir,
    Output,
    OutputGroupBegin,
    OutputGroupEnd,
    OutputGroupErrorOnly,
    Color,
    Concurrency,
    Interval,
    Failfast,
    Global,
    Experiments,
    Download,
    Offline,
    TrustedHosts,
    Timeout,
    ClearCache,
    Expiry,
    RemoteCacheDir,
    CaCert,
    Cert,
    CertKey,
    Force,
    ForceAll,
    Engine,
    Events,
    Trace,
    Progress,
    Log,
    WaitForLocks,
    Workspace,
    NoWorkspace,
    Remote,
    Node,
    Server,
}

/// A flag's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A switch.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A duration in nanoseconds.
    Duration(i64),
    /// Text.
    Text(String),
    /// A list of texts.
    List(Vec<String>),
}

impl Value {
    /// The type's name in the help text; empty for switches.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Bool(_) => "",
            Self::Int(_) => "int",
            Self::Duration(_) => "duration",
            Self::Text(_) => "string",
            Self::List(_) => "strings",
        }
    }

    /// What the help text says about a default; `None` where the default is the type's zero.
    pub fn as_default(&self) -> Option<String> {
        match self {
            Self::Bool(false) | Self::Int(0) | Self::Duration(0) => None,
            Self::Bool(true) => Some("true".to_owned()),
            Self::Int(number) => Some(number.to_string()),
            Self::Duration(nanoseconds) => Some(go_values::format_duration(*nanoseconds)),
            Self::Text(text) => (!text.is_empty()).then(|| go_values::quote(text)),
            Self::List(items) => (!items.is_empty()).then(|| format!("[{}]", go_values::format_list(items))),
        }
    }
}

/// A default that needs no allocation, so that the table is a constant.
#[derive(Clone, Copy, Debug)]
pub enum Default {
    /// A switch.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Seconds.
    Seconds(i64),
    /// Empty text.
    Text,
    /// An empty list.
    List,
}

impl From<Default> for Value {
    fn from(default: Default) -> Self {
        match default {
            Default::Bool(value) => Self::Bool(value),
            Default::Int(value) => Self::Int(value),
            Default::Seconds(value) => Self::Duration(value * 1_000_000_000),
            Default::Text => Self::Text(String::new()),
            Default::List => Self::List(Vec::new()),
        }
    }
}

/// A row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Flag {
    /// What it sets.
    pub id: Id,
    /// The long name, without dashes.
    pub name: &'static str,
    /// The one-letter name.
    pub short: Option<char>,
    /// Type and default in one.
    pub default: Default,
    /// One line for the help text.
    pub usage: &'static str,
    /// The environment variable that gives the default, without `TASK_`.
    pub env: Option<&'static str>,
    /// The key of `.taskrc.yml` that gives the default, dotted.
    pub taskrc: Option<&'static str>,
}

const fn flag(id: Id, name: &'static str, default: Default, usage: &'static str) -> Flag {
    Flag { id, name, short: None, default, usage, env: None, taskrc: None }
}

const fn switch(id: Id, name: &'static str, usage: &'static str) -> Flag {
    flag(id, name, Default::Bool(false), usage)
}

const fn text(id: Id, name: &'static str, usage: &'static str) -> Flag {
    flag(id, name, Default::Text, usage)
}

impl Flag {
    const fn short(mut self, short: char) -> Self {
        self.short = Some(short);
        self
    }

    const fn env(mut self, env: &'static str) -> Self {
        self.env = Some(env);
        self
    }

    const fn taskrc(mut self, key: &'static str) -> Self {
        self.taskrc = Some(key);
        self
    }
}

/// go-task's flags. The usage lines are part of its `--help`.
const GO_TASK: &[Flag] = &[
    text(Id::CaCert, "cacert", "Path to a custom CA certificate for HTTPS connections.")
        .env("REMOTE_CACERT")
        .taskrc("remote.cacert"),
    text(Id::Cert, "cert", "Path to a client certificate for HTTPS connections.")
        .env("REMOTE_CERT")
        .taskrc("remote.cert"),
    text(Id::CertKey, "cert-key", "Path to a client certificate key for HTTPS connections.")
        .env("REMOTE_CERT_KEY")
        .taskrc("remote.cert-key"),
    switch(Id::ClearCache, "clear-cache", "Clear the remote cache."),
    flag(
        Id::Color,
        "color",
        Default::Bool(true),
        "Colored output. Enabled by default. Set flag to false or use NO_COLOR=1 to disable.",
    )
    .short('c')
    .env("COLOR")
    .taskrc("color"),
    text(Id::Completion, "completion", "Generates shell completion script."),
    flag(Id::Concurrency, "concurrency", Default::Int(0), "Limit number of tasks to run concurrently.")
        .short('C')
        .env("CONCURRENCY")
        .taskrc("concurrency"),
    text(Id::Dir, "dir", "Sets the directory in which Task will execute and look for a Taskfile.").short('d'),
    switch(Id::DisableFuzzy, "disable-fuzzy", "Disables fuzzy matching for task names.")
        .env("DISABLE_FUZZY")
        .taskrc("disable-fuzzy"),
    switch(Id::Download, "download", "Forces task to download remote Taskfiles and ignore any cached versions."),
    switch(
        Id::Dry,
        "dry",
        "Compiles and prints tasks in the order that they would be run, without executing them.",
    )
    .short('n')
    .env("DRY"),
    switch(Id::ExitCode, "exit-code", "Pass-through the exit code of the task command.").short('x'),
    switch(
        Id::Experiments,
        "experiments",
        "Lists all the available experiments and whether or not they are enabled.",
    ),
    flag(Id::Expiry, "expiry", Default::Seconds(0), "Expiry duration for cached remote Taskfiles.")
        .env("REMOTE_CACHE_EXPIRY")
        .taskrc("remote.cache-expiry"),
    switch(Id::Failfast, "failfast", "When running tasks in parallel, stop all tasks if one fails.")
        .short('F')
        .env("FAILFAST")
        .taskrc("failfast"),
    switch(Id::Global, "global", "Runs global Taskfile, from $HOME/{T,t}askfile.{yml,yaml}.").short('g'),
    switch(Id::Help, "help", "Shows Task usage.").short('h'),
    switch(Id::Init, "init", "Creates a new Taskfile.yml in the current folder.").short('i'),
    switch(Id::Insecure, "insecure", "Forces Task to download Taskfiles over insecure connections.")
        .env("REMOTE_INSECURE")
        .taskrc("remote.insecure"),
    switch(Id::Interactive, "interactive", "Prompt for missing required variables.")
        .env("INTERACTIVE")
        .taskrc("interactive"),
    flag(Id::Interval, "interval", Default::Seconds(0), "Interval to watch for changes.").short('I'),
    switch(Id::Json, "json", "Formats task list as JSON.").short('j'),
    switch(Id::List, "list", "Lists tasks with description of current Taskfile.").short('l'),
    switch(Id::ListAll, "list-all", "Lists tasks with or without a description.").short('a'),
    switch(Id::Nested, "nested", "Nest namespaces when listing tasks as JSON"),
    switch(Id::NoStatus, "no-status", "Ignore status when listing tasks as JSON"),
    switch(Id::Offline, "offline", "Forces Task to only use local or cached Taskfiles.")
        .env("REMOTE_OFFLINE")
        .taskrc("remote.offline"),
    text(Id::Output, "output", "Sets output style: [interleaved|group|prefixed].").short('o').env("OUTPUT"),
    text(
        Id::OutputGroupBegin,
        "output-group-begin",
        "Message template to print before a task's grouped output.",
    )
    .env("OUTPUT_GROUP_BEGIN"),
    text(Id::OutputGroupEnd, "output-group-end", "Message template to print after a task's grouped output.")
        .env("OUTPUT_GROUP_END"),
    switch(Id::OutputGroupErrorOnly, "output-group-error-only", "Swallow output from successful tasks.")
        .env("OUTPUT_GROUP_ERROR_ONLY"),
    switch(Id::Parallel, "parallel", "Executes tasks provided on command line in parallel.").short('p'),
    text(Id::RemoteCacheDir, "remote-cache-dir", "Directory to cache remote Taskfiles.")
        .env("REMOTE_CACHE_DIR")
        .taskrc("remote.cache-dir"),
    switch(Id::Silent, "silent", "Disables echoing.").short('s').env("SILENT").taskrc("silent"),
    text(Id::Sort, "sort", "Changes the order of the tasks when listed. [default|alphanumeric|none]."),
    switch(Id::Status, "status", "Exits with non-zero exit code if any of the given tasks is not up-to-date."),
    switch(Id::Summary, "summary", "Show summary about a task."),
    text(Id::Taskfile, "taskfile", "Choose which Taskfile to run. Defaults to \"Taskfile.yml\".").short('t'),
    text(
        Id::TempDir,
        "temp-dir",
        "Sets the directory used to store Task temporary files, such as checksums. Relative paths are relative to the \
         root Taskfile.",
    )
    .env("TEMP_DIR")
    .taskrc("temp-dir"),
    flag(Id::Timeout, "timeout", Default::Seconds(10), "Timeout for downloading remote Taskfiles.")
        .env("REMOTE_TIMEOUT")
        .taskrc("remote.timeout"),
    flag(
        Id::TrustedHosts,
        "trusted-hosts",
        Default::List,
        "List of trusted hosts for remote Taskfiles (comma-separated).",
    )
    .env("REMOTE_TRUSTED_HOSTS")
    .taskrc("remote.trusted-hosts"),
    switch(Id::Verbose, "verbose", "Enables verbose mode.").short('v').env("VERBOSE").taskrc("verbose"),
    switch(Id::Version, "version", "Show Task version."),
    switch(Id::Watch, "watch", "Enables watch of the given task.").short('w'),
    switch(Id::Yes, "yes", "Assume \"yes\" as answer to all prompts.").short('y').env("ASSUME_YES"),
];

/// `--force` without the gentle-force experiment: everything that runs is forced.
const FORCE_EVERYTHING: &[Flag] =
    &[switch(Id::ForceAll, "force", "Forces execution even when the task is up-to-date.").short('f')];

/// `--force` and `--force-all` with the gentle-force experiment.
const GENTLE_FORCE: &[Flag] = &[
    switch(Id::Force, "force", "Forces execution of the directly called task.").short('f'),
    switch(Id::ForceAll, "force-all", "Forces execution of the called task and all its dependant tasks."),
];

/// What `ez` adds behind a task's name. No row changes what a flag of go-task means.
pub const EZ_ADDITIONS: &[Flag] = &[
    switch(Id::Dry, "dry-run", "Same as --dry: show what would run, and run nothing."),
    flag(Id::Concurrency, "jobs", Default::Int(0), "Same as --concurrency: at most this many tasks at once."),
    text(Id::Engine, "engine", "Who runs the commands: native (the default) or task (the real go-task)."),
    text(Id::Events, "events", "Write the events of the run to standard output: jsonl."),
    text(Id::Trace, "trace", "Write a trace of the run to this file, for Perfetto or chrome://tracing."),
    text(Id::Progress, "progress", "Show a live status line: auto (the default), always or never."),
    switch(Id::Log, "log", "Write a log of each task that is named; `ez log list` shows them."),
    switch(Id::WaitForLocks, "wait", "Wait for a task that is locked (ez-lock) instead of failing."),
    text(Id::Workspace, "workspace", "Run in the workspace of this name; auto makes a new one."),
    switch(
        Id::Remote,
        "remote",
        "Run on a node of a server, as ez-remote says; files go there and come back.",
    ),
    text(Id::Node, "node", "With --remote: the node, by its name or number."),
    text(Id::Server, "server", "With --remote: the server; else EZ_SERVER_URL."),
    switch(Id::NoWorkspace, "no-workspace", "Run a folder task in its folder instead of its workspace."),
];

/// The rows that hold for one invocation.
#[derive(Clone, Debug)]
pub struct FlagSet {
    rows: Vec<&'static Flag>,
}

impl FlagSet {
    /// go-task's flags, with the two forms of `--force`.
    pub fn go_task(gentle_force: bool) -> Self {
        let force = if gentle_force { GENTLE_FORCE } else { FORCE_EVERYTHING };
        Self { rows: GO_TASK.iter().chain(force).collect() }
    }

    /// go-task's flags and EZ's.
    pub fn ez(gentle_force: bool) -> Self {
        let mut set = Self::go_task(gentle_force);
        set.rows.extend(EZ_ADDITIONS);
        set
    }

    /// The flags by which configuration files are found; go-task reads them before all others.
    pub fn places() -> Self {
        Self { rows: GO_TASK.iter().filter(|flag| matches!(flag.id, Id::Dir | Id::Taskfile)).collect() }
    }

    /// The flag of a long name.
    pub fn long(&self, name: &str) -> Option<&'static Flag> {
        self.rows.iter().find(|flag| flag.name == name).copied()
    }

    /// The flag of a letter.
    pub fn short(&self, letter: char) -> Option<&'static Flag> {
        self.rows.iter().find(|flag| flag.short == Some(letter)).copied()
    }

    /// All rows by name.
    pub fn sorted(&self) -> Vec<&'static Flag> {
        let mut rows = self.rows.clone();
        rows.sort_by_key(|flag| flag.name);
        rows
    }

    /// All rows.
    pub fn rows(&self) -> impl Iterator<Item = &'static Flag> {
        self.rows.iter().copied()
    }
}

/// A value for every flag, and which of them the command line set.
#[derive(Clone, Debug, Default)]
pub struct Values {
    values: std::collections::BTreeMap<Id, Value>,
    typed: BTreeSet<Id>,
}

impl Values {
    /// The defaults of the table.
    pub fn defaults(set: &FlagSet) -> Self {
        let mut values = Self::default();
        for flag in set.rows() {
            values.values.entry(flag.id).or_insert_with(|| flag.default.into());
        }
        values
    }

    /// Changes a default.
    pub fn set_default(&mut self, id: Id, value: Value) {
        self.values.insert(id, value);
    }

    /// Takes a value from the command line. A list given twice grows; the first one replaces the default.
    pub fn set_typed(&mut self, id: Id, value: Value) {
        let again = !self.typed.insert(id);
        match (value, self.values.get_mut(&id)) {
            (Value::List(more), Some(Value::List(items))) if again => items.extend(more),
            (value, _) => drop(self.values.insert(id, value)),
        }
    }

    /// Whether the command line set a flag.
    pub fn is_typed(&self, id: Id) -> bool {
        self.typed.contains(&id)
    }

    /// The value of a flag.
    pub fn get(&self, id: Id) -> Option<&Value> {
        self.values.get(&id)
    }

    /// A switch; false where the set has no such flag.
    pub fn is_on(&self, id: Id) -> bool {
        matches!(self.values.get(&id), Some(Value::Bool(true)))
    }

    /// A text; empty where the set has no such flag.
    pub fn text(&self, id: Id) -> String {
        match self.values.get(&id) {
            Some(Value::Text(text)) => text.clone(),
            _ => String::new(),
        }
    }

    /// A number or a duration in nanoseconds; 0 where the set has no such flag.
    pub fn number(&self, id: Id) -> i64 {
        match self.values.get(&id) {
            Some(Value::Int(number) | Value::Duration(number)) => *number,
            _ => 0,
        }
    }

    /// A list; empty where the set has no such flag.
    pub fn list(&self, id: Id) -> Vec<String> {
        match self.values.get(&id) {
            Some(Value::List(items)) => items.clone(),
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_letters_are_unique() {
        for set in [FlagSet::ez(false), FlagSet::ez(true)] {
            let names: BTreeSet<_> = set.rows().map(|flag| flag.name).collect();
            assert_eq!(names.len(), set.rows().count());
            let letters: Vec<_> = set.rows().filter_map(|flag| flag.short).collect();
            assert_eq!(letters.iter().collect::<BTreeSet<_>>().len(), letters.len());
        }
    }
}
