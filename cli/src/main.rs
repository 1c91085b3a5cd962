//! `ez`, and under the name `task` a drop-in for go-task.

#![forbid(unsafe_code)]

mod args;
mod ask;
mod browse;
mod byte_count;
mod changed_files;
mod commands;
mod definition;
mod discovery;
mod disk;
mod environment;
mod exit_code;
mod failure;
mod files;
mod folder;
mod fuzzy;
mod go_json;
mod guard;
mod load_failure;
mod logger;
mod packaged;
mod paths;
mod project;
mod remote_task;
mod render;
mod saved_run;
mod table;
mod terminal;
mod workspace;

use std::process::ExitCode;

use args::configuration::Configuration;
use args::experiments;
use args::ez;
use args::flag::FlagSet;
use args::invocation::{self, Action, Invocation, Misuse, Personality};
use args::parse;
use args::taskrc;
use commands::{Context, Outcome};
use environment::Environment;
use exit_code::Code;
use ez_runner::options::AskParams;
use ez_server::agent::running_job::TaskRun;
use ez_server::agent::{reaper, watcher};
use failure::Failure;
use logger::{Color, Logger};

fn main() -> ExitCode {
    let mut typed = Vec::new();
    for argument in std::env::args_os() {
        match argument.into_string() {
            Ok(argument) => typed.push(argument),
            Err(argument) => {
                eprintln!("ez: an argument is not UTF-8: {}", argument.display());
                return Code::USAGE.into();
            }
        }
    }
    let (program, arguments) =
        typed.split_first().map_or(("ez", &[] as &[String]), |(p, rest)| (p.as_str(), rest));
    let environment = match Environment::of_process(program, arguments) {
        Ok(environment) => environment,
        Err(error) => {
            eprintln!("ez: {error}");
            return Code::OTHER.into();
        }
    };
    let code = match personality(program) {
        Personality::Task => as_task(arguments, environment),
        Personality::Ez => as_ez(arguments, environment),
    };
    // A run that a signal ended may have left a question open.
    terminal::restore();
    code.into()
}

/// Memory of a run or list that the C library keeps rather than gives back, bytes.
const KEPT_BYTES: usize = 16 << 20;

/// The personality that a program's name asks for.
fn personality(program: &str) -> Personality {
    let name = program.rsplit(['/', std::path::MAIN_SEPARATOR]).next().unwrap_or(program);
    let name = name.strip_suffix(".exe").unwrap_or(name);
    if name == "task" { Personality::Task } else { Personality::Ez }
}

fn as_task(arguments: &[String], environment: Environment) -> Code {
    interpret_and_run(Personality::Task, arguments, environment, AskParams::Never)
}

fn as_ez(arguments: &[String], environment: Environment) -> Code {
    let arguments = parse::translate_color_words(arguments);
    let leading = parse::leading_flags(&FlagSet::ez(false), &arguments);
    let (flags, rest) = arguments.split_at(leading);
    match rest.first().map(String::as_str) {
        Some("run") => {
            let arguments: Vec<String> = flags.iter().chain(rest.iter().skip(1)).cloned().collect();
            interpret_and_run(Personality::Ez, &arguments, environment, AskParams::All)
        }
        Some(guard::ARGUMENT) => {
            let mark = rest.get(1).map_or("", String::as_str);
            ez_runner::process::guard::watch(std::io::stdin().lock(), mark);
            Code::OK
        }
        Some("__complete") => complete(rest.get(1..).unwrap_or(&[]), environment),
        Some(definition::ARGUMENT) => answer_definition(environment),
        Some(reaper::ARGUMENT) => reap(rest.get(1..).unwrap_or(&[])),
        Some(watcher::ARGUMENT) => watch_attempts(),
        Some(name) if ez::SUBCOMMANDS.contains(&name) => {
            let arguments: Vec<String> = std::iter::once(name)
                .chain(flags.iter().chain(rest.iter().skip(1)).map(String::as_str))
                .map(str::to_owned)
                .collect();
            subcommand(&arguments, environment)
        }
        None if asks_for(flags, &["--help", "-h"]) => subcommand(&["--help".to_owned()], environment),
        None if asks_for(flags, &["--version", "-V"]) => subcommand(&["version".to_owned()], environment),
        None if flags.is_empty() => subcommand(&["list".to_owned()], environment),
        _ => interpret_and_run(Personality::Ez, &arguments, environment, AskParams::Required),
    }
}

/// Answers a question of a server about the project here.
fn answer_definition(mut environment: Environment) -> Code {
    let configuration = configuration(&[], &mut environment);
    let options = match invocation::interpret(Personality::Ez, &[], &environment, &configuration) {
        Ok(invocation) => invocation.options,
        Err(misuse) => return complain(Personality::Ez, misuse, &environment),
    };
    let logger = Logger::new(false, &environment);
    let context = Context { environment, logger };
    finish(&context, definition::run(&context, &options))
}

/// Watches over attempts of jobs, for the agent that started this process.
fn watch_attempts() -> Code {
    match watcher::watch(run_task) {
        Ok(()) => Code::OK,
        Err(error) => {
            eprintln!("ez: {error}");
            Code::OTHER
        }
    }
}

/// Starts what watches over attempts, and clears away after it.
fn reap(arguments: &[String]) -> Code {
    let reaped = arguments.split_first().map_or(Ok(()), |(program, rest)| reaper::reap(program, rest));
    match reaped {
        Ok(()) => Code::OK,
        Err(error) => {
            eprintln!("ez: {error}");
            Code::OTHER
        }
    }
}

/// Runs a task of a job as a process of its own would.
fn run_task(run: &TaskRun) -> u8 {
    let code = match Environment::of_task_run(run) {
        Ok(environment) => as_ez(&run.args, environment),
        Err(error) => {
            eprintln!("ez: {error}");
            Code::OTHER
        }
    };
    code.0
}

fn asks_for(flags: &[String], words: &[&str]) -> bool {
    flags.iter().any(|flag| words.contains(&flag.as_str()))
}

/// Reads go-task's command line (with EZ's additions under `ez`) and does what it says, asking for params as `ask` says.
fn interpret_and_run(
    personality: Personality,
    arguments: &[String],
    mut environment: Environment,
    ask: AskParams,
) -> Code {
    keep_freed_memory();
    let configuration = configuration(arguments, &mut environment);
    let mut invocation = match invocation::interpret(personality, arguments, &environment, &configuration) {
        Ok(invocation) => invocation,
        Err(misuse) => return complain(personality, misuse, &environment),
    };
    invocation.options.ask_params = ask;
    let logger = Logger::new(invocation.options.color, &environment);
    if let Some(warning) = &invocation.warning {
        logger.err(Color::Yellow, &format!("{warning}\n"));
    }
    let context = Context { environment, logger };
    finish(&context, act(&context, &invocation))
}

/// Lets what is freed while a project is read be used again for what it becomes: given back to the system, the same pages
/// come anew, each with a fault. The C library keeps blocks up to the size of the biggest mapping that was ever freed
/// (`M_MMAP_THRESHOLD` in mallopt(3)); this one is never touched.
fn keep_freed_memory() {
    let mut mapping = Vec::<u8>::new();
    // Without it, things go more slowly.
    drop(mapping.try_reserve_exact(KEPT_BYTES));
    drop(std::hint::black_box(mapping));
}

/// What configuration files and `.env` say about flags and experiments.
fn configuration(arguments: &[String], environment: &mut Environment) -> Configuration {
    let directory = invocation::configuration_directory(arguments);
    experiments::read_dotenv(&directory, environment);
    taskrc::load(&directory, environment)
}

fn complain(personality: Personality, misuse: Misuse, environment: &Environment) -> Code {
    match (misuse, personality) {
        (Misuse::NotUnderstood { usage, error }, Personality::Task) => {
            eprintln!("{usage}{error}");
            Code::USAGE
        }
        (Misuse::NotUnderstood { error, .. }, Personality::Ez) => {
            eprintln!("ez: {error}\nSee `ez run --help`.");
            Code::USAGE
        }
        (Misuse::Contradiction(message), _) => {
            let logger = Logger::new(args::color::automatic(environment), environment);
            Failure::new(Code::OTHER, message).report(&logger, environment);
            Code::OTHER
        }
    }
}

fn finish(context: &Context, outcome: Outcome) -> Code {
    match outcome {
        Ok(()) => Code::OK,
        Err(failure) => {
            failure.report(&context.logger, &context.environment);
            failure.code
        }
    }
}

fn act(context: &Context, invocation: &Invocation) -> Outcome {
    match &invocation.action {
        Action::Version => {
            context.logger.out(Color::None, &format!("{}\n", commands::version::GO_TASK_VERSION));
            Ok(())
        }
        Action::Help(text) => {
            match invocation.options.personality {
                Personality::Task => context.logger.err(Color::None, text),
                Personality::Ez => context.logger.out(Color::None, &ez::run_help()),
            }
            Ok(())
        }
        Action::Experiments(experiments) => {
            context.logger.out(Color::None, &commands::experiments::text(&context.logger, experiments));
            Ok(())
        }
        Action::Init(place) => commands::init::run(context, &invocation.options, place.as_deref()),
        Action::Completion(shell) => commands::completion::for_task(context, shell),
        Action::ClearCache | Action::List(_) | Action::Status(_) | Action::Summary(_) | Action::Run(_) => {
            commands::run::execute(context, invocation)
        }
    }
}

/// Reads the command line of a subcommand, its name first, and does what it says.
fn subcommand(arguments: &[String], mut environment: Environment) -> Code {
    let command = match ez::parse(arguments) {
        Ok(command) => command,
        Err(error) => {
            let code = u8::try_from(error.exit_code()).map_or(Code::USAGE, Code);
            // Help is printed to stdout; a reader that went away has what it wanted.
            let _ = error.print();
            return code;
        }
    };
    let flags = command.place().to_flags();
    let configuration = configuration(&flags, &mut environment);
    let options = match invocation::interpret(Personality::Ez, &flags, &environment, &configuration) {
        Ok(invocation) => invocation.options,
        Err(misuse) => return complain(Personality::Ez, misuse, &environment),
    };
    let logger = Logger::new(options.color, &environment);
    let context = Context { environment, logger };
    finish(&context, commands::dispatch(&context, &options, &command))
}

/// Completes a command line for a shell; never fails.
fn complete(arguments: &[String], environment: Environment) -> Code {
    let logger = Logger::new(false, &environment);
    commands::complete::run(&Context { environment, logger }, arguments);
    Code::OK
}
