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
    let has_shell =
        PROGRAMS.iter().filter(|(_, _, is_shell)| *is_shell).any(|(name, ..)| find(name, path).is_some());
    for (name, purpose, is_shell) in PROGRAMS {
        let found = find(name, path);
        let state = match &found {
            Some(place) => place.to_string(),
            None => format!("not found ({purpose})"),
        };
        findings.push(Finding { what: name, state, is_good: found.is_some() || !is_shell || has_shell });
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

/// The program of a name in the directories of a `PATH`.
fn find(name: &str, path: &str) -> Option<Utf8PathBuf> {
    std::env::split_paths(path)
        .filter_map(|directory| Utf8PathBuf::from_path_buf(directory).ok())
        .map(|directory| directory.join(format!("{name}{}", std::env::consts::EXE_SUFFIX)))
        .find(|candidate| candidate.is_file())
}
