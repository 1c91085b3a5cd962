//! What a command line means.
//!
//! [`super::parse`] says what was typed; here that becomes an [`Invocation`]: every setting with its final value, after
//! environment variables and configuration files, and the one thing that is to be done.

use ez_runner::options::AskParams;

use super::color;
use super::configuration::Configuration;
use super::experiments::Experiments;
use super::flag::{Flag, FlagSet, Id, Value, Values};
use super::go_values;
use super::parse::{self, ParseError, Typed};
use super::usage;
use crate::environment::Environment;

/// Which program the user called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Personality {
    /// Called under the name `task`: go-task, exactly.
    Task,
    /// Called as `ez`.
    Ez,
}

/// The meaning of a command line.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// What to do.
    pub action: Action,
    /// How to do it.
    pub options: Options,
    /// A remark that is printed before anything is done.
    pub warning: Option<String>,
}

/// The one thing that a command line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// `--version`
    Version,
    /// `--help`, with the finished text.
    Help(String),
    /// `--experiments`, with what they are set to.
    Experiments(Experiments),
    /// `--init [PATH]`
    Init(Option<String>),
    /// `--completion SHELL`
    Completion(String),
    /// `--clear-cache`
    ClearCache,
    /// `--list`, `--list-all`
    List(ListRequest),
    /// `--status [TASK…]`: succeed when all are up to date.
    Status(Request),
    /// `--summary [TASK…]`
    Summary(Request),
    /// Run tasks.
    Run(Request),
}

/// How tasks are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ListRequest {
    /// Tasks without a description too (`--list-all`). With both flags unset nothing is listed.
    pub all: bool,
    /// As JSON.
    pub json: bool,
    /// JSON without `up_to_date`.
    pub no_status: bool,
    /// JSON by namespace.
    pub nested: bool,
    /// Bare names (`--silent`).
    pub names_only: bool,
}

/// Tasks and variables of the command line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// The names of tasks as typed; `default` where none was.
    pub tasks: Vec<String>,
    /// `NAME=value` in order; a name that was given twice keeps its first place and its last value.
    pub variables: Vec<(String, String)>,
    /// What stands behind `--`; empty without one.
    pub arguments: Vec<String>,
}

impl Request {
    /// Sorts arguments into tasks and variables: whatever has a `=` is a variable.
    pub fn new(names: &[String], after_dashes: Option<&Vec<String>>) -> Self {
        let mut request = Self { arguments: after_dashes.cloned().unwrap_or_default(), ..Self::default() };
        for argument in names {
            match argument.split_once('=') {
                None => request.tasks.push(argument.clone()),
                Some((name, value)) => request.set_variable(name, value),
            }
        }
        if request.tasks.is_empty() {
            request.tasks.push("default".to_owned());
        }
        request
    }

    fn set_variable(&mut self, name: &str, value: &str) {
        match self.variables.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => value.clone_into(old),
            None => self.variables.push((name.to_owned(), value.to_owned())),
        }
    }
}

/// In which order tasks are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Tasks without a namespace first, then by name.
    #[default]
    RootFirst,
    /// By name.
    Name,
    /// As written.
    Written,
}

/// Who runs the commands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Engine {
    /// This program.
    #[default]
    Native,
    /// The real go-task, on a compiled Taskfile.
    Task,
}

/// Whether the live status line is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Progress {
    /// On a terminal.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Where a program runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum WorkspaceChoice {
    /// A folder task in its workspace, any other where its files are.
    #[default]
    Usual,
    /// In the workspace of this name.
    Named(String),
    /// In a new workspace.
    New,
    /// Where its files are.
    Never,
}

/// Every setting of an invocation, with its final value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Which program the user called.
    pub personality: Personality,
    /// `--dir` as typed; with `--global` the home directory; empty where not given.
    pub dir: String,
    /// `--taskfile` as typed; `-` is standard input; empty where not given.
    pub taskfile: String,
    /// The home directory's Taskfile (`--global`).
    pub global: bool,
    /// Where fingerprints are kept, as typed; empty for the default.
    pub temp_dir: String,
    /// `--force` under the gentle-force experiment: only tasks of the command line.
    pub force: bool,
    /// Every task that runs is forced.
    pub force_all: bool,
    /// Run nothing, show commands. Also set by `--status`.
    pub dry: bool,
    /// `--silent`
    pub silent: bool,
    /// `--verbose`
    pub verbose: bool,
    /// `--yes`
    pub assume_yes: bool,
    /// `--interactive`
    pub interactive: bool,
    /// `--parallel`
    pub parallel: bool,
    /// `--failfast`
    pub failfast: bool,
    /// At most this many tasks at once; `None` for no limit.
    pub concurrency: Option<usize>,
    /// Pass on the exit code of a failing command.
    pub exit_code: bool,
    /// `--watch`
    pub watch: bool,
    /// Watch interval in nanoseconds, 0 for the default.
    pub interval: i64,
    /// `--output` with its group settings.
    pub output: OutputOptions,
    /// No "Did you mean".
    pub disable_fuzzy: bool,
    /// Order of listings.
    pub order: Order,
    /// Whether output is coloured.
    pub color: bool,
    /// Remote Taskfiles.
    pub remote: RemoteOptions,
    /// `--force` forces only tasks of the command line (an experiment).
    pub gentle_force: bool,
    /// `env` of a Taskfile wins over the caller's environment (an experiment).
    pub env_precedence: bool,
    /// Who runs the commands (`ez` only).
    pub engine: Engine,
    /// Write events as JSON lines (`ez` only).
    pub events: bool,
    /// File for a trace (`ez` only).
    pub trace: Option<String>,
    /// The live status line (`ez` only).
    pub progress: Progress,
    /// Whether each named task writes a log (`ez` only).
    pub log: bool,
    /// Whether to wait for locked tasks (`ez` only).
    pub wait_for_locks: bool,
    /// Which params are asked for on a terminal (`ez` only).
    pub ask_params: AskParams,
    /// Where programs run (`ez` only).
    pub workspace: WorkspaceChoice,
    /// The node that runs the task; `None` for this machine (`ez` only).
    pub on_node: Option<NodeChoice>,
    /// The server of nodes, as typed (`ez` only).
    pub server: Option<String>,
}

/// Which node of a server runs a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeChoice {
    /// As its `ez-remote` says.
    AsWritten,
    /// This one, by its name or number.
    Named(String),
}

/// `--output` and its group settings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OutputOptions {
    /// `interleaved`, `group`, `prefixed`, or what the user typed instead; empty where not given.
    pub style: String,
    /// A template before the output of a command.
    pub group_begin: String,
    /// A template after it.
    pub group_end: String,
    /// Nothing of commands that succeed.
    pub group_error_only: bool,
}

/// Settings of remote Taskfiles.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RemoteOptions {
    /// Plain http is allowed.
    pub insecure: bool,
    /// Ask the network even when there is a copy.
    pub download: bool,
    /// Never ask the network.
    pub offline: bool,
    /// Hosts that are trusted without asking.
    pub trusted_hosts: Vec<String>,
    /// Nanoseconds until a download is given up.
    pub timeout: i64,
    /// Nanoseconds for which a copy is good.
    pub expiry: i64,
    /// Directory of the copies; empty for the default.
    pub cache_dir: String,
    /// A certificate authority's file; empty for the system's.
    pub ca_cert: String,
    /// A client certificate's file; empty for none.
    pub cert: String,
    /// Its key's file.
    pub cert_key: String,
}

/// A command line that means nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Misuse {
    /// It was not understood: the usage text, then the error, exit 2.
    NotUnderstood {
        /// The usage text.
        usage: String,
        /// What is wrong.
        error: ParseError,
    },
    /// Flags that contradict each other, exit 1.
    Contradiction(String),
}

/// Where go-task looks for configuration files, read from the command line before anything else.
///
/// As there, reading stops at the first flag that is neither `--dir` nor `--taskfile`.
pub fn configuration_directory(arguments: &[String]) -> camino::Utf8PathBuf {
    let mut typed = Typed::default();
    let stopped = parse::parse(&FlagSet::places(), arguments, &mut typed);
    drop(stopped);
    match typed.values.text(Id::Dir) {
        dir if dir.is_empty() => crate::paths::directory(&typed.values.text(Id::Taskfile)),
        dir => dir.into(),
    }
}

/// Finds the meaning of a run's arguments (without the program's name).
///
/// # Errors
///
/// A command line that is not understood or that contradicts itself.
pub fn interpret(
    personality: Personality,
    arguments: &[String],
    environment: &Environment,
    configuration: &Configuration,
) -> Result<Invocation, Misuse> {
    let experiments = Experiments::read(environment, &configuration.experiments);
    let set = match personality {
        Personality::Task => FlagSet::go_task(experiments.gentle_force()),
        Personality::Ez => FlagSet::ez(experiments.gentle_force()),
    };
    let defaults = defaults(&set, environment, configuration);
    let mut typed = Typed { values: defaults.clone(), ..Typed::default() };
    if let Err(error) = parse::parse(&set, arguments, &mut typed) {
        return Err(Misuse::NotUnderstood { usage: usage::go_task(&set, &defaults), error });
    }
    let values = &typed.values;
    if let Some(problem) = contradiction(values) {
        return Err(Misuse::Contradiction(problem));
    }
    let is_color_configured = configuration.defaults.contains_key(&Id::Color);
    let is_colored = color::is_colored(values, is_color_configured, environment);
    Ok(Invocation {
        action: action(&typed, || usage::go_task(&set, &defaults), &experiments),
        options: options(personality, values, environment, &experiments, is_colored)
            .map_err(Misuse::Contradiction)?,
        warning: experiments.warning(),
    })
}

/// Defaults of the table, under those of configuration files, under those of the environment.
fn defaults(set: &FlagSet, environment: &Environment, configuration: &Configuration) -> Values {
    let mut values = Values::defaults(set);
    if let Some(directory) = environment.task("REMOTE_DIR") {
        values.set_default(Id::RemoteCacheDir, Value::Text(directory.to_owned()));
    }
    for flag in set.rows() {
        let from_environment =
            flag.env.and_then(|name| environment.task(name)).and_then(|text| from_environment(flag, text));
        let from_files = || configuration.defaults.get(&flag.id).cloned();
        if let Some(value) = from_environment.or_else(from_files) {
            values.set_default(flag.id, value);
        }
    }
    values
}

/// A variable's text as a value of a type; `None` where it is none, which go-task passes over.
fn from_environment(flag: &Flag, text: &str) -> Option<Value> {
    match Value::from(flag.default) {
        Value::Bool(_) => go_values::parse_bool(text).map(Value::Bool),
        Value::Int(_) => go_values::parse_decimal(text).map(Value::Int),
        Value::Duration(_) => go_values::parse_duration(text).ok().map(Value::Duration),
        Value::Text(_) => Some(Value::Text(text.to_owned())),
        Value::List(_) => {
            let items: Vec<String> =
                text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect();
            (!items.is_empty()).then_some(Value::List(items))
        }
    }
}

/// The first contradiction between flags, in go-task's order and words.
fn contradiction(values: &Values) -> Option<String> {
    let on = |id| values.is_on(id);
    let given = |id| !values.text(id).is_empty();
    let is_group = values.text(Id::Output) == "group";
    let rules = [
        (on(Id::Download) && on(Id::Offline), "You can't set both --download and --offline flags"),
        (on(Id::Download) && on(Id::ClearCache), "You can't set both --download and --clear-cache flags"),
        (on(Id::Global) && given(Id::Dir), "You can't set both --global and --dir"),
        (
            !is_group && given(Id::OutputGroupBegin),
            "You can't set --output-group-begin without --output=group",
        ),
        (!is_group && given(Id::OutputGroupEnd), "You can't set --output-group-end without --output=group"),
        (
            !is_group && on(Id::OutputGroupErrorOnly),
            "You can't set --output-group-error-only without --output=group",
        ),
        (on(Id::List) && on(Id::ListAll), "cannot use --list and --list-all at the same time"),
        (on(Id::Json) && !on(Id::List) && !on(Id::ListAll), "--json only applies to --list or --list-all"),
        (on(Id::NoStatus) && !on(Id::Json), "--no-status only applies to --json with --list or --list-all"),
        (on(Id::Nested) && !on(Id::Json), "--nested only applies to --json with --list or --list-all"),
        (given(Id::Cert) != given(Id::CertKey), "--cert and --cert-key must be provided together"),
    ];
    rules.iter().find(|(is_broken, _)| *is_broken).map(|(_, text)| format!("task: {text}"))
}

/// What is to be done; where several things were asked for, go-task's order decides.
fn action(typed: &Typed, help: impl Fn() -> String, experiments: &Experiments) -> Action {
    let values = &typed.values;
    if values.is_on(Id::Version) {
        return Action::Version;
    }
    if values.is_on(Id::Help) {
        return Action::Help(help());
    }
    if values.is_on(Id::Experiments) {
        return Action::Experiments(experiments.clone());
    }
    if values.is_on(Id::Init) {
        return Action::Init(typed.names.first().cloned());
    }
    let shell = values.text(Id::Completion);
    if !shell.is_empty() {
        return Action::Completion(shell);
    }
    if values.is_on(Id::ClearCache) {
        return Action::ClearCache;
    }
    if values.is_on(Id::List) || values.is_on(Id::ListAll) {
        return Action::List(ListRequest {
            all: values.is_on(Id::ListAll),
            json: values.is_on(Id::Json),
            no_status: values.is_on(Id::NoStatus),
            nested: values.is_on(Id::Nested),
            names_only: values.is_on(Id::Silent),
        });
    }
    let request = Request::new(&typed.names, typed.after_dashes.as_ref());
    match (values.is_on(Id::Status), values.is_on(Id::Summary)) {
        (true, _) => Action::Status(request),
        (false, true) => Action::Summary(request),
        (false, false) => Action::Run(request),
    }
}

fn options(
    personality: Personality,
    values: &Values,
    environment: &Environment,
    experiments: &Experiments,
    is_colored: bool,
) -> Result<Options, String> {
    let on = |id| values.is_on(id);
    let home = || environment.home().map(ToString::to_string);
    let dir = if on(Id::Global) { home() } else { None };
    Ok(Options {
        personality,
        dir: dir.unwrap_or_else(|| values.text(Id::Dir)),
        taskfile: values.text(Id::Taskfile),
        global: on(Id::Global),
        temp_dir: values.text(Id::TempDir),
        force: on(Id::Force),
        force_all: on(Id::ForceAll),
        dry: on(Id::Dry) || on(Id::Status),
        silent: on(Id::Silent),
        verbose: on(Id::Verbose),
        assume_yes: on(Id::Yes),
        interactive: on(Id::Interactive),
        parallel: on(Id::Parallel),
        failfast: on(Id::Failfast),
        concurrency: usize::try_from(values.number(Id::Concurrency)).ok().filter(|limit| *limit > 0),
        exit_code: on(Id::ExitCode),
        watch: on(Id::Watch),
        interval: values.number(Id::Interval),
        output: OutputOptions {
            style: values.text(Id::Output),
            group_begin: values.text(Id::OutputGroupBegin),
            group_end: values.text(Id::OutputGroupEnd),
            group_error_only: on(Id::OutputGroupErrorOnly),
        },
        disable_fuzzy: on(Id::DisableFuzzy),
        order: match values.text(Id::Sort).as_str() {
            "none" => Order::Written,
            "alphanumeric" => Order::Name,
            _ => Order::RootFirst,
        },
        color: is_colored,
        remote: remote_options(values),
        gentle_force: experiments.gentle_force(),
        env_precedence: experiments.env_precedence(),
        engine: engine(&values.text(Id::Engine))?,
        events: events(&values.text(Id::Events))?,
        trace: Some(values.text(Id::Trace)).filter(|file| !file.is_empty()),
        progress: progress(&values.text(Id::Progress))?,
        log: on(Id::Log),
        wait_for_locks: on(Id::WaitForLocks),
        ask_params: AskParams::Never,
        workspace: workspace(&values.text(Id::Workspace), on(Id::NoWorkspace))?,
        on_node: on_node(values)?,
        server: Some(values.text(Id::Server)).filter(|server| !server.is_empty()),
    })
}

fn remote_options(values: &Values) -> RemoteOptions {
    RemoteOptions {
        insecure: values.is_on(Id::Insecure),
        download: values.is_on(Id::Download),
        offline: values.is_on(Id::Offline),
        trusted_hosts: values.list(Id::TrustedHosts),
        timeout: values.number(Id::Timeout),
        expiry: values.number(Id::Expiry),
        cache_dir: values.text(Id::RemoteCacheDir),
        ca_cert: values.text(Id::CaCert),
        cert: values.text(Id::Cert),
        cert_key: values.text(Id::CertKey),
    }
}

/// `--remote` and `--node`, and what does not go with them.
fn on_node(values: &Values) -> Result<Option<NodeChoice>, String> {
    const LOCAL_ONLY: [(Id, &str); 21] = [
        (Id::Watch, "--watch"),
        (Id::Dry, "--dry"),
        (Id::Status, "--status"),
        (Id::Summary, "--summary"),
        (Id::Engine, "--engine"),
        (Id::Events, "--events"),
        (Id::Trace, "--trace"),
        (Id::Workspace, "--workspace"),
        (Id::Log, "--log"),
        (Id::Parallel, "--parallel"),
        (Id::Failfast, "--failfast"),
        (Id::Concurrency, "--concurrency"),
        (Id::Force, "--force"),
        (Id::ForceAll, "--force"),
        (Id::Yes, "--yes"),
        (Id::Interactive, "--interactive"),
        (Id::Output, "--output"),
        (Id::OutputGroupBegin, "--output-group-begin"),
        (Id::OutputGroupEnd, "--output-group-end"),
        (Id::OutputGroupErrorOnly, "--output-group-error-only"),
        (Id::WaitForLocks, "--wait-for-locks"),
    ];
    let node = values.text(Id::Node);
    if !values.is_on(Id::Remote) {
        return if node.is_empty() { Ok(None) } else { Err("ez: --node goes with --remote".to_owned()) };
    }
    if let Some((_, flag)) = LOCAL_ONLY.iter().find(|(id, _)| values.is_typed(*id)) {
        return Err(format!("ez: --remote and {flag} exclude each other"));
    }
    Ok(Some(if node.is_empty() { NodeChoice::AsWritten } else { NodeChoice::Named(node) }))
}

fn workspace(name: &str, never: bool) -> Result<WorkspaceChoice, String> {
    match (name, never) {
        ("", true) => Ok(WorkspaceChoice::Never),
        ("", false) => Ok(WorkspaceChoice::Usual),
        (_, true) => Err("ez: --workspace and --no-workspace exclude each other".to_owned()),
        ("auto", false) => Ok(WorkspaceChoice::New),
        (name, false) if ez_compiler::folder::is_name(name) => Ok(WorkspaceChoice::Named(name.to_owned())),
        (name, false) => Err(format!(
            "ez: \"{name}\" is no name of a workspace: use letters, digits, `-`, `_` and `.`, and begin with no sign"
        )),
    }
}

fn engine(text: &str) -> Result<Engine, String> {
    match text {
        "" | "native" => Ok(Engine::Native),
        "task" => Ok(Engine::Task),
        other => Err(format!("ez: --engine is native or task, not \"{other}\"")),
    }
}

fn events(text: &str) -> Result<bool, String> {
    match text {
        "" => Ok(false),
        "jsonl" => Ok(true),
        other => Err(format!("ez: --events knows the format jsonl, not \"{other}\"")),
    }
}

fn progress(text: &str) -> Result<Progress, String> {
    match text {
        "" | "auto" => Ok(Progress::Auto),
        "always" => Ok(Progress::Always),
        "never" => Ok(Progress::Never),
        other => Err(format!("ez: --progress is auto, always or never, not \"{other}\"")),
    }
}
