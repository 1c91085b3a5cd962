//! `ez plan runs` and `ez plan logs`: what runs of a plan left.

use std::fmt::Write as _;

use ez_compiler::Purpose;
use ez_runner::plan::schedule::End;
use ez_runner::plan::state::{RunDirectory, RunSummary, runs};
use serde::Serialize;

use super::Target;
use super::live::time;
use crate::args::invocation::Options;
use crate::args::plan::{PlanLogs, PlanRuns};
use crate::commands::{Context, Outcome};
use crate::disk::plain_message;
use crate::exit_code::Code;
use crate::failure::Failure;
use crate::logger::Color;
use crate::project::Project;
use crate::table;

#[derive(Serialize)]
struct Row<'a> {
    run: &'a str,
    started: &'a str,
    ended: Option<&'a str>,
    state: &'static str,
    exit: Option<u8>,
    steps: usize,
    succeeded: usize,
    failed: usize,
    duration: f64,
}

/// A combination of a step in a run.
#[derive(Serialize)]
struct Node<'a> {
    slug: &'a str,
    state: &'static str,
    attempts: u32,
    /// When the attempt began that has not ended; RFC 3339.
    started: Option<&'a str>,
    /// Seconds since the run began.
    began: Option<f64>,
    /// Seconds.
    duration: Option<f64>,
    exit: Option<u8>,
    cause: Option<&'a str>,
}

/// A run and what is known of its steps.
#[derive(Serialize)]
struct Detail<'a> {
    version: u32,
    #[serde(flatten)]
    run: Row<'a>,
    nodes: Vec<Node<'a>>,
}

/// The name of the newest run.
const LAST: &str = "last";

/// Lists the runs of a plan, the newest first, or the steps of one run.
pub fn list(context: &Context, options: &Options, request: &PlanRuns) -> Outcome {
    let (project, name) = place(context, options, &request.plan)?;
    let root = project.compilation.program.dir.as_std_path();
    let found = runs(root, &name);
    if let Some(wanted) = &request.run {
        return show(context, chosen(&found, Some(wanted), &name)?, request.json);
    }
    let rows: Vec<Row> = found.iter().map(row).collect();
    if request.json {
        return print_json(context, &serde_json::json!({ "runs": rows }));
    }
    if rows.is_empty() {
        context.logger.err(Color::Yellow, &format!("ez: there are no runs of {name}\n"));
        return Ok(());
    }
    let mut text = String::from("run\tstarted\tstate\tsteps\ttook\n");
    for row in &rows {
        let steps = format!("{}/{}", row.succeeded, row.steps);
        let took = time(std::time::Duration::from_secs_f64(row.duration.max(0.0)));
        let _ = writeln!(text, "{}\t{}\t{}\t{steps}\t{took}", row.run, row.started, row.state);
    }
    context.logger.out(Color::None, &table::align(&text, 2));
    Ok(())
}

fn print_json(context: &Context, value: &impl Serialize) -> Outcome {
    let json = serde_json::to_string_pretty(value)
        .map_err(|error| Failure::new(Code::OTHER, format!("ez: {error}")))?;
    context.logger.out(Color::None, &format!("{json}\n"));
    Ok(())
}

fn show(context: &Context, run: &RunSummary, json: bool) -> Outcome {
    let nodes = nodes(run);
    if json {
        return print_json(context, &Detail { version: 1, run: row(run), nodes });
    }
    let mut text = String::from("step\tstate\tbegan\ttook\tattempts\n");
    let shown = |seconds: Option<f64>| {
        seconds.map(|seconds| time(std::time::Duration::from_secs_f64(seconds.max(0.0)))).unwrap_or_default()
    };
    for node in &nodes {
        let began = node.began.map_or_else(String::new, |_| format!("+{}", shown(node.began)));
        let took = shown(node.duration);
        let _ = writeln!(text, "{}\t{}\t{began}\t{took}\t{}", node.slug, node.state, node.attempts);
    }
    context.logger.out(Color::None, &table::align(&text, 2));
    Ok(())
}

/// The nodes of a run by their slugs; those that it has no word about wait.
fn nodes(run: &RunSummary) -> Vec<Node<'_>> {
    let waiting = if run.is_running { "waiting" } else { "not run" };
    let interrupted = if run.is_running { "running" } else { "interrupted" };
    run.begin
        .steps
        .keys()
        .map(|slug| {
            let finished = run.nodes.iter().find(|node| node.node == *slug);
            if let Some(attempt) = run.open.get(slug) {
                return Node {
                    state: interrupted,
                    attempts: attempt.number,
                    started: Some(&attempt.time),
                    ..unknown(slug)
                };
            }
            finished.map_or(Node { state: waiting, ..unknown(slug) }, |node| Node {
                state: node.end.word(),
                attempts: node.attempts,
                began: Some(node.began),
                duration: Some(node.seconds),
                exit: node.exit,
                cause: node.cause.as_deref(),
                ..unknown(slug)
            })
        })
        .collect()
}

/// A node that nothing is known of.
fn unknown(slug: &str) -> Node<'_> {
    Node { slug, state: "", attempts: 0, started: None, began: None, duration: None, exit: None, cause: None }
}

/// A run by its name; the newest one is [`LAST`], and meant where nothing is.
fn chosen<'r>(found: &'r [RunSummary], wanted: Option<&str>, plan: &str) -> Result<&'r RunSummary, Failure> {
    let run = match wanted {
        None | Some(LAST) => found.first(),
        Some(wanted) => found.iter().find(|run| run.begin.run == *wanted),
    };
    run.ok_or_else(|| {
        let message = format!("ez: there is no such run of {plan}; `ez plan runs {plan}` shows them all");
        Failure::new(Code::OTHER, message)
    })
}

fn row(run: &RunSummary) -> Row<'_> {
    let count = |end: End| run.nodes.iter().filter(|node| node.end == end).count();
    let state = match (run.is_running, run.exit) {
        (true, _) => "running",
        (false, Some(0)) => "succeeded",
        (false, Some(130)) => "stopped",
        (false, Some(_)) => "failed",
        (false, None) => "interrupted",
    };
    Row {
        run: &run.begin.run,
        started: &run.begin.time,
        ended: run.ended.as_deref(),
        state,
        exit: run.exit,
        steps: run.begin.steps.len(),
        succeeded: count(End::Succeeded),
        failed: count(End::Failed),
        duration: run.nodes.iter().map(|node| node.began + node.seconds).fold(0.0, f64::max),
    }
}

fn place(context: &Context, options: &Options, typed: &str) -> Result<(Project, String), Failure> {
    let target = Target::new(context, typed);
    let project = Project::open(context, &target.place(options), Purpose::Run)?;
    let file = target.find(&project)?;
    Ok((project, file.name.to_string()))
}

/// Prints the log of a step, or says which there are.
pub fn logs(context: &Context, options: &Options, request: &PlanLogs) -> Outcome {
    let (project, name) = place(context, options, &request.plan)?;
    let root = project.compilation.program.dir.as_std_path();
    let found = runs(root, &name);
    let run = chosen(&found, request.run.as_deref(), &name)?;
    let directory = RunDirectory::of(root, &name, &run.begin.run);
    let mut files: Vec<std::path::PathBuf> = std::fs::read_dir(&directory.logs)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "log"))
        .collect();
    files.sort();
    let is_of = |path: &std::path::PathBuf, step: &str| {
        let header = ez_runner::task_log::read_entry(path).ok().flatten().map(|entry| entry.header);
        header.is_some_and(|header| header.step == step || header.step.starts_with(&format!("{step}[")))
    };
    if let Some(step) = &request.step {
        files.retain(|path| is_of(path, step));
    }
    if files.is_empty() {
        return Err(Failure::new(Code::OTHER, format!("ez: there is no such log in run {}", run.begin.run)));
    }
    for file in files {
        let bytes = std::fs::read(&file).map_err(|error| {
            Failure::new(
                Code::OTHER,
                format!("ez: cannot read {}: {}", file.display(), plain_message(&error)),
            )
        })?;
        context.logger.out(Color::None, &String::from_utf8_lossy(&bytes));
    }
    Ok(())
}
