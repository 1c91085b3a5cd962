//! `ez doctor`: the surroundings, and what is wrong with them.

use camino::{Utf8Path, Utf8PathBuf};
use serde::Serialize;

use super::version::{EZ_VERSION, GO_TASK_VERSION};
use super::{Context, Outcome};
use crate::args::ez::Doctor;
use crate::args::invocation::Options;
use crate::args::taskrc;
use crate::discovery;
use crate::exit_code::Code;
use crate::failure::Failure;
use crate::logger::Color;
use crate::project::Project;
use ez_compiler::Purpose;

/// Programs that EZ uses where they exist, and what for.
const PROGRAMS: [(&str, &str, bool); 4] = [
    ("bash", "runs commands that are more than one simple command", true),
    ("sh", "runs them where there is no bash", true),
    ("task", "the real go-task, for --engine task", false),
    ("git", "remote Taskfiles and use_gitignore", false),
];

/// One line of the report.
#[derive(Serialize)]
struct Finding {
    what: &'static str,
    state: String,
    is_good: bool,
}

/// Prints what was found; a missing shell is a failure.
pub fn run(context: &Context, options: &Options, request: &Doctor) -> Outcome {
    let findings = findings(context, options);
    if request.json {
        let json = serde_json::to_string_pretty(&findings)
            .map_err(|error| Failure::new(Code::OTHER, format!("ez: {error}")))?;
        context.logger.out(Color::None, &format!("{json}\n"));
    } else {
        for finding in &findings {
            let (mark, color) = if finding.is_good { ("ok", Color::Green) } else { ("!!", Color::Red) };
            let mark = context.logger.paint(color, mark);
            context.logger.out(Color::None, &format!("{mark}  {}: {}\n", finding.what, finding.state));
        }
    }
    if findings.iter().all(|finding| finding.is_good) { Ok(()) } else { Err(Failure::silent(Code::OTHER)) }
}

fn findings(context: &Context, options: &Options) -> Vec<Finding> {
    let good = |what, state: String| Finding { what, state, is_good: true };
    let mut findings = vec![good("version", format!("ez {EZ_VERSION}, as go-task {GO_TASK_VERSION}"))];
    let path = context.environment.get("PATH").unwrap_or("");
    let candidates = |name| candidates(name, path).into_iter();
    let runs = |name| candidates(name).any(|(_, is_executable)| is_executable);
    let has_shell = PROGRAMS.iter().any(|(name, _, is_shell)| *is_shell && runs(*name));
    for (name, purpose, is_shell) in PROGRAMS {
        // As a shell does, the first one that can be executed is taken.
        let program = candidates(name).find(|(_, is_executable)| *is_executable);
        let useless = candidates(name).next().filter(|_| program.is_none());
        let state = match (&program, &useless) {
            (Some((place, _)), _) => place.to_string(),
            (None, Some((place, _))) => format!("{place} is not executable ({purpose})"),
            (None, None) => format!("not found ({purpose})"),
        };
        let is_good = program.is_some() || useless.is_none() && (!is_shell || has_shell);
        findings.push(Finding { what: name, state, is_good });
    }
    let terminal = if context.environment.stdout_is_terminal { "yes" } else { "no" };
    let colors = if context.logger.palette().is_some() { "on" } else { "off" };
    findings.push(good("terminal", format!("{terminal}, colours {colors}")));
    let configuration = taskrc::files(Utf8Path::new("."), &context.environment);
    let shown: Vec<&str> = configuration.iter().map(|path| path.as_str()).collect();
    findings.push(good("configuration", if shown.is_empty() { "none".to_owned() } else { shown.join(", ") }));
    findings.push(project(context, options));
    findings
}

fn project(context: &Context, options: &Options) -> Finding {
    let what = "project";
    if discovery::find_root(&options.taskfile, &options.dir, &context.environment).is_err() {
        return Finding { what, state: "no Taskfile here".to_owned(), is_good: true };
    }
    match Project::open(context, options, Purpose::Run) {
        Ok(project) => {
            let program = &project.compilation.program;
            let is_good = project.compilation.failure.is_none();
            let problem = if is_good { "" } else { ", which cannot be used: see ez check" };
            Finding {
                what,
                state: format!("{}, {} tasks{problem}", program.taskfile, program.tasks.len()),
                is_good,
            }
        }
        Err(failure) => Finding { what, state: failure.message, is_good: false },
    }
}

/// The files of a name in the directories of a `PATH`, and whether they can be executed.
fn candidates(name: &str, path: &str) -> Vec<(Utf8PathBuf, bool)> {
    std::env::split_paths(path)
        .filter_map(|directory| Utf8PathBuf::from_path_buf(directory).ok())
        .map(|directory| directory.join(format!("{name}{}", std::env::consts::EXE_SUFFIX)))
        .filter(|candidate| candidate.is_file())
        .map(|candidate| (candidate.clone(), is_executable(&candidate)))
        .collect()
}

#[cfg(unix)]
fn is_executable(file: &Utf8Path) -> bool {
    rustix::fs::access(file.as_str(), rustix::fs::Access::EXEC_OK).is_ok()
}

/// The name says it.
#[cfg(not(unix))]
fn is_executable(_file: &Utf8Path) -> bool {
    true
}
