//! The subcommands of `ez`.
//!
//! `ez run` and `ez <name>` are not read here but by [`super::invocation`]: their flags are go-task's. Only their help is.

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use ez_compiler::diagnostic::Severity;

use super::flag::FlagSet;
use super::{plan, server, usage};
use crate::exit_code;

/// Names that mean something now.
pub const SUBCOMMANDS: [&str; 28] = [
    "list",
    "show",
    "run",
    "check",
    "compile",
    "clean",
    "ws",
    "new",
    "rerun",
    "matrix",
    "why",
    "graph",
    "doctor",
    "completion",
    "cache",
    "version",
    "help",
    "log",
    "plan",
    "plugin",
    "export",
    "import",
    "template",
    "browse",
    "schema",
    "lsp",
    "server",
    "client",
];

/// Whether a name is a subcommand's, so that a task of that name is hidden.
pub fn is_subcommand(name: &str) -> bool {
    SUBCOMMANDS.contains(&name)
}

const OVERVIEW: &str = "\
Without a subcommand:
  ez                                    list the tasks
  ez <name>… [VAR=value]… [-- args]     run tasks, as `ez run` does

A subcommand wins over a task of the same name; `ez run <name>` always runs the task.
What comes from Taskfiles goes to stdout, everything about it to stderr.";

/// The whole command line of `ez`.
#[derive(Debug, Parser)]
#[command(
    name = "ez",
    version,
    about = "Runs and checks Taskfiles: a drop-in for go-task that finds mistakes before anything runs",
    after_help = OVERVIEW,
    disable_help_subcommand = false,
    subcommand_required = true
)]
pub struct Ez {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What `ez` can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the tasks that can be run
    ///
    /// Internal tasks are left out. Without --all, so are tasks without a description when some task has one.
    List(List),
    /// Show what a task is: description, variables, dependencies, commands
    Show(Show),
    /// Run tasks
    ///
    /// Every flag of go-task is understood and means the same. Variables hold for all tasks of the command line.
    Run(Run),
    /// Find mistakes without running anything
    ///
    /// All problems of a project are reported in one go. Exits with 1 when there are errors, with 2 when the check
    /// itself fails.
    Check(Check),
    /// Write the project as one Taskfile that go-task understands
    Compile(Compile),
    /// Make a folder task: a directory in tasks/ with a Taskfile and a task.yml
    ///
    /// With --template, what a template makes of --<param>=<value>; see `ez template list`.
    New(New),
    /// Remove what is kept of tasks and plans in .ez: workspaces, logs, artifacts
    ///
    /// With names, everything about them; with --logs or --workspace, only that, of all where no name is given. What a
    /// running task uses stays, and links are never followed.
    Clean(Clean),
    /// List workspaces, show one, or remove those with a name of their own
    ///
    /// `ez ws <name>` prints where a workspace is and what ran there last. `ez ws clean [name]` removes one of those that
    /// --workspace made, or all of them.
    Ws(Ws),
    /// Repeat a run in its workspace
    ///
    /// Tasks, variables, params and arguments are those of the last run there, in the newest workspace without a name.
    /// VAR=value replaces one. Secrets were not kept: they are given again, taken from the environment, or asked for.
    Rerun(Rerun),
    /// Run a task in all combinations of some values, each in a workspace of its own
    ///
    /// `ez matrix build --vary arch=arm,x86 --vary MODE=debug,release` runs four variants, as many at once as there are
    /// cores. What they print is in a log each; a table tells what came of them.
    Matrix(Matrix),
    /// Tell why a task would run, or why it is up to date
    Why(Why),
    /// Draw which task needs which
    Graph(Graph),
    /// Look at the logs of tasks, or remove old ones
    ///
    /// `ez log list [task]` lists them, the newest first. `ez log show [task|file]` prints the newest one, or that file.
    /// `ez log clean [days]` removes logs that are older than so many days.
    Log(Log),
    /// Work with plans: many tasks, their order, and what they hand to each other
    ///
    /// Plans are files in `plans/` of the project.
    Plan(plan::Plan),
    /// List plugins, show one, or run it
    ///
    /// Plugins are files in `plugins/` of the project and in `~/.ez/plugins/`.
    Plugin(Plugin),
    /// Look at tasks and plans on the whole terminal, fill in their params and run them
    ///
    /// Everything is done by keys; `?` explains them.
    Browse(Browse),
    /// List templates, show one, or make a task of it
    ///
    /// Templates are files in `templates/` of the project and in `~/.ez/templates/`. `ez template use <NAME> [TASK]` makes the folder
    /// task `tasks/<TASK>`; params are given as `--<param>=<value>`.
    Template(Template),
    /// Print the JSON Schema of a kind of file, for editors that know nothing of EZ
    ///
    /// Without a kind, which ones there are.
    Schema(Schema),
    /// Pack a folder task into one file
    ///
    /// The same folder gives the same bytes on every machine. `ez import` takes the file over into another project.
    Export(Export),
    /// Take over a folder task that was packed
    ///
    /// The package may come from anybody: nothing of it is used before all of it was checked.
    Import(Import),
    /// Tell how much outputs of tasks are kept, or remove some
    Cache(Cache),
    /// Serve editors: findings, completion, navigation and more in Taskfiles and plans
    ///
    /// Editors start it by themselves and speak through standard input and output. A port can only be one of this machine.
    Lsp(Lsp),
    /// Serve the project to other machines: jobs, a queue, logs
    ///
    /// One command is a working server with a database and a worker of its own.
    Server(server::Server),
    /// Run jobs for a server
    Client(server::Client),
    /// Look at the surroundings: shell, terminal, configuration, caches
    Doctor(Doctor),
    /// Print a script that completes tasks and their variables in a shell
    Completion(Completion),
    /// Print the version
    Version(Version),
}

impl Command {
    /// Where the Taskfile is.
    pub fn place(&self) -> Place {
        match self {
            Self::List(command) => command.place.clone(),
            Self::Show(command) => command.place.clone(),
            Self::Check(command) => command.place.clone(),
            Self::Compile(command) => command.place.clone(),
            Self::New(command) => command.place.clone(),
            Self::Clean(command) => command.place.clone(),
            Self::Ws(command) => command.place.clone(),
            Self::Rerun(command) => command.place.clone(),
            Self::Matrix(command) => command.place.clone(),
            Self::Why(command) => command.place.clone(),
            Self::Graph(command) => command.place.clone(),
            Self::Doctor(command) => command.place.clone(),
            Self::Cache(command) => command.place.clone(),
            Self::Log(command) => command.place.clone(),
            Self::Plan(command) => command.action.place(),
            Self::Plugin(command) => command.place.clone(),
            Self::Browse(command) => command.place.clone(),
            Self::Template(command) => command.place.clone(),
            Self::Export(command) => command.place.clone(),
            Self::Import(command) => command.place.clone(),
            Self::Run(_)
            | Self::Completion(_)
            | Self::Version(_)
            | Self::Lsp(_)
            | Self::Schema(_)
            | Self::Server(_)
            | Self::Client(_) => Place::default(),
        }
    }
}

/// Where the Taskfile is, and colours: understood by every subcommand.
#[derive(Args, Clone, Debug, Default)]
pub struct Place {
    /// Use this Taskfile, or the one in this directory; - reads standard input
    #[arg(short = 't', long, value_name = "FILE")]
    pub taskfile: Option<String>,
    /// Look for the Taskfile from this directory, and work there
    #[arg(short = 'd', long, value_name = "DIR")]
    pub dir: Option<String>,
    /// Use the Taskfile in the home directory
    #[arg(short = 'g', long)]
    pub global: bool,
    /// When to use colours
    #[arg(short = 'c', long, value_name = "WHEN", default_value = "auto", num_args = 0..=1, require_equals = true, default_missing_value = "always")]
    pub color: When,
}

impl Place {
    /// The same in go-task's flags, so that one reader decides what they mean.
    pub fn to_flags(&self) -> Vec<String> {
        let mut flags = Vec::new();
        let mut push =
            |name: &str, value: Option<&String>| flags.extend(value.map(|v| format!("--{name}={v}")));
        push("taskfile", self.taskfile.as_ref());
        push("dir", self.dir.as_ref());
        match self.color {
            When::Auto => {}
            When::Always => flags.push("--color=true".to_owned()),
            When::Never => flags.push("--color=false".to_owned()),
        }
        if self.global {
            flags.push("--global".to_owned());
        }
        flags
    }
}

/// `--color`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum When {
    /// On a terminal
    #[default]
    Auto,
    /// Always
    #[value(alias = "true", alias = "1")]
    Always,
    /// Never
    #[value(alias = "false", alias = "0")]
    Never,
}

/// `ez list`
#[derive(Args, Debug, Default)]
pub struct List {
    /// Only tasks whose name, alias or description contains this
    pub filter: Option<String>,
    /// Tasks without a description too
    #[arg(short, long, visible_alias = "list-all")]
    pub all: bool,
    /// As JSON
    #[arg(short, long)]
    pub json: bool,
    /// JSON without `up_to_date`
    #[arg(long, requires = "json")]
    pub no_status: bool,
    /// JSON by namespace
    #[arg(long, requires = "json")]
    pub nested: bool,
    /// Bare names, one a line
    #[arg(short, long)]
    pub silent: bool,
    /// Order of the tasks
    #[arg(long, value_name = "ORDER", default_value = "default")]
    pub sort: Sort,
    #[allow(missing_docs)]
    #[command(flatten)]
    pub place: Place,
}

/// `--sort`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Sort {
    /// Tasks without a namespace first, then by name
    #[default]
    Default,
    /// By name
    Alphanumeric,
    /// As written
    None,
}

/// `ez show`
#[derive(Args, Debug)]
pub struct Show {
    /// The task
    pub name: String,
    /// As JSON
    #[arg(short, long)]
    pub json: bool,
    #[allow(missing_docs)]
    #[command(flatten)]
    pub place: Place,
}

/// `ez run`, for its help only
#[derive(Args, Debug)]
pub struct Run {
    /// Tasks, variables (NAME=value) and flags; what stands behind -- is `CLI_ARGS`
    #[arg(value_name = "NAME", trailing_var_arg = true, allow_hyphen_values = true)]
    pub arguments: Vec<String>,
}

/// `ez check`
#[derive(Args, Debug)]
pub struct Check {
    /// Tasks, Taskfiles, directories or plans in `plans/`; without any, the whole project
    #[arg(value_name = "NAME|PATH")]
    pub targets: Vec<String>,
    /// How the findings are written
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    pub format: Format,
    /// Mend what can be mended
    #[arg(long)]
    pub fix: bool,
    #[allow(missing_docs)]
    #[command(flatten)]
    pub levels: RuleLevels,
    #[allow(missing_docs)]
    #[command(flatten)]
    pub place: Place,
}

/// The levels that rules are given, as they were typed: rules by code or name, a later one wins.
#[derive(Debug, Default)]
pub struct RuleLevels(pub Vec<(String, Severity)>);

/// The flags that give a rule a level.
const LEVEL_FLAGS: [(&str, char, Severity, &str); 3] = [
    ("deny", 'D', Severity::Error, "Report this rule as an error (code or name)"),
    ("warn", 'W', Severity::Warning, "Report this rule as a warning"),
    (
        "allow",
        'A',
        Severity::Allow,
        "Do not report this rule; of several levels for a rule the last one holds",
    ),
];

impl Args for RuleLevels {
    fn augment_args(command: clap::Command) -> clap::Command {
        LEVEL_FLAGS.into_iter().fold(command, |command, (name, short, _, help)| {
            let flag = clap::Arg::new(name).long(name).short(short).value_name("CODE").help(help);
            command.arg(flag.action(clap::ArgAction::Append))
        })
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for RuleLevels {
    fn from_arg_matches(matches: &clap::ArgMatches) -> Result<Self, clap::Error> {
        let mut typed: Vec<(usize, (String, Severity))> = Vec::new();
        for (name, _, severity, _) in LEVEL_FLAGS {
            let rules = matches.get_many::<String>(name).into_iter().flatten();
            let places = matches.indices_of(name).into_iter().flatten();
            typed.extend(places.zip(rules.map(|rule| (rule.clone(), severity))));
        }
        typed.sort_by_key(|(place, _)| *place);
        Ok(Self(typed.into_iter().map(|(_, level)| level).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &clap::ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// How findings are written
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    #[default]
    Text,
    /// One JSON document
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// Annotations for GitHub Actions
    Github,
}

/// `ez compile`
#[derive(Args, Debug)]
pub struct Compile {
    /// A folder task; without it, the project
    pub name: Option<String>,
    /// Write to this file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<String>,
    #[allow(missing_docs)]
    #[command(flatten)]
    pub place: Place,
}

/// `ez new`
#[derive(Args, Debug)]
pub struct New {
    /// The name of the task
    pub name: String,
    /// What the task does, for lists
    #[arg(long, value_name = "TEXT")]
    pub desc: Option<String>,
    /// Make it of this template
    #[arg(long, value_name = "TEMPLATE", conflicts_with = "desc")]
    pub template: Option<String>,
    /// Give a param of the template a value; `--<param>=<value>` is the same where no flag has that name
    #[arg(long = "set", value_name = "PARAM=VALUE", value_parser = assignment, requires = "template")]
    pub values: Vec<(String, String)>,
    /// As JSON
    #[arg(short, long)]
    pub json: bool,
    #[allow(missing_docs)]
    #[command(flatten)]
    pub place: Place,
}

/// `ez clean`
#[derive(Args, Debug)]
pub struct Clean {
    /// Tasks and plans
    #[arg(value_name = "NAME", required_unless_present_any = ["all", "logs", "workspace"])]
    pub names: Vec<String>,
    /// Everything that is kept of all tasks and plans, and what the cache holds
    #[arg(long, conflicts_with_all = ["names", "logs", "workspace"])]
    pub all: bool,
    /// Only logs
    #[arg(long)]
    pub logs: bool,
    /// Only workspaces
    #[arg(long)]
    pub workspace: bool,
    /// As JSON
    #[arg(short, long)]
    pub json: bool,
    #[allow(missing_docs)]
    #[command(flatten)]
    pub place: Place,
}

/// `ez ws`
#[derive(Args, Debug)]
pub struct Ws {
    /// A workspace; or clean, and perhaps a workspace
    #[arg(value_name = "NAME|clean", num_args = 0..=2)]
    pub arguments: Vec<String>,
    /// As JSON
    #[arg(short, long)]
    pub json: bool,
    #[allow(missing_docs)]
    #[command(flatten)]
    pub place: Place,
}

/// `ez rerun`
#[derive(Args, Debug)]
pub struct Rerun {
    /// The workspace, and variables (NAME=value)
    #[arg(value_name = "WORKSPACE|VAR=value")]
    pub arguments: Vec<String>,
    /// Run also what is up to date
    #[arg(short, long)]
    pub force: bool,
    /// `CLI_ARGS`, in place of those of the last run
    #[arg(last = true, value_name = "ARGS")]
    pub after_dashes: Option<Vec<String>>,
    #[allow(missing_docs)]
    #[command(flatten)]
    pub place: Place,
}

/// `ez matrix`
#[derive(Args, Debug)]
pub struct Matrix {
    /// The task
    #[arg(value_name = "TASK")]
    pub task: String,
    /// Variables of all variants
    #[arg(value_name = "VAR=value")]
    pub variables: Vec<String>,
    /// A param or variable and its values
    #[arg(long, value_name = "KEY=a,b", required = true)]
    pub vary: Vec<String>,
    /// At most so many variants at once; the number of cores without it
    #[arg(long, value_name = "N")]
    pub jobs: Option<u32>,
    /// As JSON
    #[arg(short, long)]
    pub json: bool,
    #[allow(missing_docs)]
    #[command(flatten)]
    pub place: Place,
}

/// `ez why`
#[derive(Args, Debug)]
pub struct Why {
    /// The task, and variables (NAME=value)
    #[arg(required = true, value_name = "NAME")]
    pub arguments: Vec<String>,
    /// As JSON
    #[arg(short, long)]
    pub json: bool,
    #[allow(missing_docs)]
    #[command(flatten)]
    pub place: Place,
}

/// `ez graph`
#[derive(Args, Debug)]
pub struct Graph {
    /// Only these tasks and what they need
    pub names: Vec<String>,
    /// The language of the drawing
    #[arg(short, long, value_name = "FORMAT", default_value = "dot")]
    pub format: GraphFormat,
    #[allow(missing_docs)]
    #[command(flatten)]
    pub place: Place,
}

/// The language of a drawing
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum GraphFormat {
    /// Graphviz
    #[default]
    Dot,
    /// Mermaid
    Mermaid,
    /// Nodes and edges as JSON
    Json,
}

/// `ez lsp`
#[derive(Args, Debug)]
pub struct Lsp {
    /// Speak through standard input and output, as without any flag
    #[arg(long)]
    pub stdio: bool,
    /// Wait for editors on a port of this machine (0: any that is free)
    #[arg(long, value_name = "PORT", conflicts_with = "stdio")]
    pub tcp: Option<String>,
    /// The same, by WebSocket
    #[arg(long, value_name = "PORT", conflicts_with_all = ["stdio", "tcp"])]
    pub websocket: Option<String>,
}

/// `ez doctor`
#[derive(Args, Debug)]
pub struct Doctor {
    /// As JSON
    #[arg(short, long)]
    pub json: bool,
    #[allow(missing_docs)]
    #[command(flatten)]
    pub place: Place,
}

/// `ez cache`
#[derive(Args, Debug)]
pub struct Cache {
    /// What to do
    #[arg(default_value = "stats")]
    pub action: CacheAction,
    /// Remove results that were not used for so many days (gc)
    #[arg(long, value_name = "DAYS")]
    pub max_age: Option<u32>,
    /// Remove the results that were not used for longest until the rest takes no more, in MiB (gc)
    #[arg(long, value_name = "MIB")]
    pub max_size: Option<u64>,
    /// As JSON
    #[arg(short, long)]
    pub json: bool,
    #[allow(missing_docs)]
    #[command(flatten)]
    pub place: Place,
}

/// What `ez cache` does
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CacheAction {
    /// Tell how much is kept
    Stats,
    /// Remove what the limits do not keep, and what nothing names
    Gc,
}

/// `ez log`
#[derive(Args, Debug)]
pub struct Log {
    /// What to do
    #[arg(default_value = "list")]
    pub action: LogAction,
    /// A task, a file, or a number of days
    #[arg(value_name = "TASK|FILE|DAYS")]
    pub subject: Option<String>,
    /// As JSON
    #[arg(short, long)]
    pub json: bool,
    #[allow(missing_docs)]
    #[command(flatten)]
    pub place: Place,
}

/// What `ez log` does
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogAction {
    /// List logs
    List,
    /// Print a log
    Show,
    /// Remove old logs
    Clean,
}

/// `ez plugin`
#[derive(Args, Debug)]
pub struct Plugin {
    /// What to do
    #[arg(default_value = "list")]
    pub action: PluginAction,
    /// The plugin, and for `run` variables of its environment (NAME=value)
    #[arg(value_name = "NAME")]
    pub arguments: Vec<String>,
    /// As JSON
    #[arg(short, long)]
    pub json: bool,
    #[allow(missing_docs)]
    #[command(flatten)]
    pub place: Place,
}

/// What `ez plugin` does
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PluginAction {
    /// List plugins
    List,
    /// Show a plugin
    Show,
    /// Run a plugin
    Run,
}

/// `ez browse`
#[derive(Args, Debug)]
pub struct Browse {
    #[allow(missing_docs)]
    #[command(flatten)]
    pub place: Place,
}

/// `ez template`
#[derive(Args, Debug)]
pub struct Template {
    /// What to do
    #[arg(default_value = "list")]
    pub action: TemplateAction,
    /// The template
    pub name: Option<String>,
    /// The name of the task that is made; the template's own without
    pub task: Option<String>,
    /// Give a param a value; `--<param>=<value>` is the same where no flag has that name
    #[arg(long = "set", value_name = "PARAM=VALUE", value_parser = assignment)]
    pub values: Vec<(String, String)>,
    /// Write to this file, for a template of several files to this directory; - is standard output
    #[arg(short, long, value_name = "PATH")]
    pub output: Option<String>,
    /// As JSON
    #[arg(short, long)]
    pub json: bool,
    #[allow(missing_docs)]
    #[command(flatten)]
    pub place: Place,
}

/// What `ez template` does
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TemplateAction {
    /// List templates
    List,
    /// Show a template
    Show,
    /// Make a task of a template
    Use,
}

/// `name=value`
pub fn assignment(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write PARAM=VALUE".to_owned()),
    }
}

/// Makes `--set=<param>=<value>` of every `--<param>=<value>` that is no flag of the subcommand.
pub fn with_params(subcommand: &str, arguments: &[String]) -> Vec<String> {
    let grammar = command();
    let flags: Vec<String> = grammar
        .find_subcommand(subcommand)
        .into_iter()
        .flat_map(clap::Command::get_arguments)
        .filter_map(|argument| argument.get_long().map(str::to_owned))
        .collect();
    let mut is_over = false;
    let param = |argument: &String| {
        let (name, value) = argument.strip_prefix("--")?.split_once('=')?;
        (!name.is_empty() && !flags.iter().any(|flag| flag == name)).then(|| format!("--set={name}={value}"))
    };
    let translated = arguments.iter().map(|argument| {
        is_over |= argument == "--";
        param(argument).filter(|_| !is_over).unwrap_or_else(|| argument.clone())
    });
    translated.collect()
}

/// `ez export`
#[derive(Args, Debug)]
pub struct Export {
    /// The folder task
    pub name: String,
    /// The package's file; - is standard output [default: <NAME>.tar.gz]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<String>,
    /// Tell what was packed as JSON
    #[arg(short, long)]
    pub json: bool,
    #[allow(missing_docs)]
    #[command(flatten)]
    pub place: Place,
}

/// `ez import`
#[derive(Args, Debug)]
pub struct Import {
    /// The package
    #[arg(value_name = "PATH")]
    pub package: String,
    /// Give the task this name
    #[arg(short, long)]
    pub name: Option<String>,
    /// Replace a folder task of that name
    #[arg(short, long)]
    pub force: bool,
    /// Tell what was imported as JSON
    #[arg(short, long)]
    pub json: bool,
    #[allow(missing_docs)]
    #[command(flatten)]
    pub place: Place,
}

/// `ez schema`
#[derive(Args, Debug)]
pub struct Schema {
    /// Which kind of file: taskfile, task, plan, plugin, template
    pub kind: Option<String>,
    /// The list as JSON; a schema is JSON in any case
    #[arg(short, long)]
    pub json: bool,
}

/// `ez completion`
#[derive(Args, Debug)]
pub struct Completion {
    /// The shell
    pub shell: Shell,
}

/// A shell that can complete
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// Bash
    Bash,
    /// Zsh
    Zsh,
    /// Fish
    Fish,
    /// Nushell
    #[value(alias = "nu")]
    Nushell,
    /// PowerShell
    Powershell,
}

/// `ez version`
#[derive(Args, Debug)]
pub struct Version {
    /// As JSON
    #[arg(short, long)]
    pub json: bool,
}

/// Reads the arguments of a subcommand: its name first.
///
/// # Errors
///
/// Wrong arguments, or a request for help, both of which print themselves.
pub fn parse(arguments: &[String]) -> Result<Command, clap::Error> {
    let translated = match arguments.first().map(String::as_str) {
        Some(name @ ("template" | "new")) => with_params(name, arguments),
        Some("plan") => plan::with_run(arguments),
        _ => arguments.to_vec(),
    };
    let program = std::iter::once("ez").chain(translated.iter().map(String::as_str));
    let matches = command().try_get_matches_from(program)?;
    <Ez as FromArgMatches>::from_arg_matches(&matches).map(|ez| ez.command)
}

/// The grammar, with the run flags in the help of `run`.
pub fn command() -> clap::Command {
    let set = FlagSet::ez(false);
    let defaults = super::flag::Values::defaults(&set);
    let flags = format!("Flags:\n{}", usage::flags(&set.sorted(), &defaults));
    let exit_codes = format!("{OVERVIEW}\n\nExit codes:\n{}", exit_code::listing());
    Ez::command().after_long_help(exit_codes).mut_subcommand("run", |run| {
        run.override_usage("ez run [FLAGS] <NAME>… [VAR=value]… [-- ARGS]").after_help(flags)
    })
}

/// The help of `ez run`.
pub fn run_help() -> String {
    command().find_subcommand_mut("run").map(|run| run.render_long_help().to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grammar_is_sound_and_complete() {
        command().debug_assert();
        let names: std::collections::BTreeSet<String> =
            command().get_subcommands().map(|c| c.get_name().to_owned()).chain(["help".to_owned()]).collect();
        assert_eq!(names, SUBCOMMANDS.iter().map(ToString::to_string).collect());
    }

    #[test]
    fn the_rule_about_hidden_tasks_knows_all_subcommands() {
        let known: std::collections::BTreeSet<&str> =
            ez_compiler::check::SUBCOMMANDS.iter().copied().collect();
        assert_eq!(known, SUBCOMMANDS.into_iter().collect());
    }

    #[test]
    fn params_of_templates_are_like_flags() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let typed = words("template use x y --port=80 --output=o --json --set dir=d --a=b=c -- --k=v");
        let expected =
            words("template use x y --set=port=80 --output=o --json --set dir=d --set=a=b=c -- --k=v");
        assert_eq!(with_params("template", &typed), expected);
        assert_eq!(assignment("a=b=c"), Ok(("a".to_owned(), "b=c".to_owned())));
        assert!(assignment("=b").is_err() && assignment("ab").is_err());
    }

    #[test]
    fn help_of_run_names_every_flag() {
        let help = run_help();
        for flag in FlagSet::ez(false).rows() {
            assert!(help.contains(&format!("--{}", flag.name)), "{}", flag.name);
        }
    }
}
