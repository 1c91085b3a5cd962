//! `--engine task`: hands a run to the real go-task, as one compiled Taskfile.

use std::io::Write;
use std::process::Stdio;

use camino::{Utf8Path, Utf8PathBuf};
use ez_compiler::emit::taskfile::taskfile;
use ez_runner::signal::Signals;

use super::{Context, Outcome};
use crate::args::go_values;
use crate::args::invocation::{Options, Request};
use crate::disk;
use crate::exit_code::Code;
use crate::failure::Failure;
use crate::logger::Color;
use crate::paths;
use crate::project::Project;
use crate::terminal;

/// Names the go-task that is used.
const PROGRAM_VARIABLE: &str = "EZ_TASK_BIN";

/// Where a project may keep its own go-task.
const PROGRAM_IN_PROJECT: &str = "dep/task";

/// What a shell adds to the number of a signal that ended a program.
const SIGNAL_BASE: i32 = 128;

/// Compiles the project, runs go-task on it in the project's directory, and ends as it ends.
pub async fn run(
    context: &Context,
    options: &Options,
    project: &Project,
    request: &Request,
    extra: &[&str],
) -> Outcome {
    let compilation = &project.compilation;
    let directory = &compilation.program.dir;
    let program = find(context, directory)?;
    let emitted = taskfile(&compilation.program, &compilation.loaded, &compilation.sources);
    for note in &emitted.notes {
        context.logger.err(Color::Yellow, &format!("ez: {note}\n"));
    }
    let broken = |error: &std::io::Error| {
        Failure::new(Code::OTHER, format!("ez: {program}: {}", disk::plain_message(error)))
    };
    let mut file =
        tempfile::Builder::new().prefix("ez-").suffix(".yml").tempfile().map_err(|error| broken(&error))?;
    file.write_all(emitted.text.as_bytes()).and_then(|()| file.flush()).map_err(|error| broken(&error))?;
    let mut command = tokio::process::Command::new(program.as_std_path());
    command.arg("--taskfile").arg(file.path()).arg("--dir").arg(directory.as_str());
    command.args(flags(options)).args(extra).args(&request.tasks);
    command.args(request.variables.iter().map(|(name, value)| format!("{name}={value}")));
    if !request.arguments.is_empty() {
        command.arg("--").args(&request.arguments);
    }
    command.env_clear().envs(context.environment.for_processes().iter());
    command.stdin(Stdio::inherit()).kill_on_drop(true);
    let mut signals = Signals::listen().map_err(|error| broken(&error))?;
    let mut child = command.spawn().map_err(|error| broken(&error))?;
    let stop = &context.environment.stop;
    let mut is_stopped = false;
    let status = loop {
        tokio::select! {
            ended = child.wait() => break ended.map_err(|error| broken(&error))?,
            signal = signals.next() => forward(&child, signal),
            () = stop.stopped(), if !is_stopped => {
                is_stopped = true;
                forward(&child, rustix::process::Signal::TERM);
            }
        }
    };
    match exit_code(status) {
        Code::OK => Ok(()),
        code => Err(Failure::silent(code)),
    }
}

/// Passes a signal on, except what the terminal has sent to the child already.
fn forward(child: &tokio::process::Child, signal: rustix::process::Signal) {
    let is_delivered = signal == rustix::process::Signal::INT && terminal::is_present();
    let id = child.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw);
    if let (false, Some(id)) = (is_delivered, id) {
        // The child may have ended in between.
        let _ = rustix::process::kill_process(id, signal);
    }
}

fn exit_code(status: std::process::ExitStatus) -> Code {
    use std::os::unix::process::ExitStatusExt;
    let number = status.code().or_else(|| status.signal().map(|signal| SIGNAL_BASE + signal));
    number.and_then(|number| u8::try_from(number).ok()).map_or(Code::OTHER, Code)
}

/// The go-task of `EZ_TASK_BIN`, of the project, or of `PATH`; never this program under another name.
fn find(context: &Context, directory: &Utf8Path) -> Result<Utf8PathBuf, Failure> {
    if let Some(named) = context.environment.get(PROGRAM_VARIABLE) {
        return Ok(context.environment.absolute(named));
    }
    let own = std::env::current_exe().ok().and_then(|path| Utf8PathBuf::from_path_buf(path).ok());
    let is_other = |candidate: &Utf8PathBuf| {
        candidate.is_file() && own.as_ref().is_none_or(|own| !paths::is_same_file(own, candidate))
    };
    let path = context.environment.get("PATH").unwrap_or("");
    let on_path = std::env::split_paths(path)
        .filter_map(|directory| Utf8PathBuf::from_path_buf(directory).ok())
        .map(|directory| directory.join("task"));
    let candidates = std::iter::once(directory.join(PROGRAM_IN_PROJECT)).chain(on_path);
    candidates.into_iter().find(is_other).ok_or_else(|| {
        let hint = format!("set {PROGRAM_VARIABLE}, put it at {PROGRAM_IN_PROJECT}, or install it");
        Failure::new(Code::OTHER, format!("ez: --engine task needs go-task, and there is none: {hint}"))
    })
}

/// The settings of the run in go-task's flags.
fn flags(options: &Options) -> Vec<String> {
    let mut flags = Vec::new();
    let force = if options.gentle_force { "--force-all" } else { "--force" };
    let switches = [
        (options.force, "--force"),
        (options.force_all, force),
        (options.dry, "--dry"),
        (options.silent, "--silent"),
        (options.verbose, "--verbose"),
        (options.assume_yes, "--yes"),
        (options.interactive, "--interactive"),
        (options.parallel, "--parallel"),
        (options.failfast, "--failfast"),
        (options.exit_code, "--exit-code"),
        (options.watch, "--watch"),
        (options.disable_fuzzy, "--disable-fuzzy"),
        (options.output.group_error_only, "--output-group-error-only"),
    ];
    flags.extend(switches.iter().filter(|(is_on, _)| *is_on).map(|(_, flag)| (*flag).to_owned()));
    let mut value = |flag: &str, value: &str| {
        if !value.is_empty() {
            flags.push(format!("--{flag}={value}"));
        }
    };
    value("color", if options.color { "true" } else { "false" });
    value("output", &options.output.style);
    value("output-group-begin", &options.output.group_begin);
    value("output-group-end", &options.output.group_end);
    value("temp-dir", &options.temp_dir);
    value("concurrency", &options.concurrency.map(|limit| limit.to_string()).unwrap_or_default());
    if options.interval > 0 {
        value("interval", &go_values::format_duration(options.interval));
    }
    flags
}
