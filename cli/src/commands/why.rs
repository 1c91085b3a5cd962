//! `ez why`: what makes a task run, or that nothing does.

use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};

use ez_runner::call::Call;
use ez_runner::concrete::ConcreteTask;
use ez_runner::event::{Event, EventKind, EventSink};
use ez_runner::freshness::{Freshness, Method};
use serde::Serialize;

use super::{Context, Outcome};
use crate::args::ez::Why;
use crate::args::invocation::{Options, Request};
use crate::exit_code::Code;
use crate::failure::Failure;
use crate::logger::Color;
use crate::project::{self, Project};

/// Version of the JSON form.
const VERSION: u32 = 1;

/// Part of go-task's remark about a `status` command that failed.
const STATUS_FAILED: &str = "exited non-zero";

#[derive(Serialize)]
struct Answer {
    version: u32,
    task: String,
    up_to_date: bool,
    reasons: Vec<Reason>,
}

/// One thing that makes a task run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Reason {
    /// What kind of thing: `changed`, `added`, `removed`, `never-ran`, `missing`, `newer`, `status`, `always`.
    kind: &'static str,
    /// The file, pattern or sentence.
    what: String,
}

impl Reason {
    fn new(kind: &'static str, what: impl Into<String>) -> Self {
        Self { kind, what: what.into() }
    }

    /// The same with a file below a directory named from there.
    fn relative_to(self, directory: &str) -> Self {
        let below = self.what.strip_prefix(directory).and_then(|rest| rest.strip_prefix('/'));
        Self { what: below.map_or_else(|| self.what.clone(), str::to_owned), kind: self.kind }
    }
}

/// Keeps the remarks of a run.
#[derive(Clone, Default)]
struct Remarks(Arc<Mutex<Vec<String>>>);

impl EventSink for Remarks {
    fn emit(&self, event: &Event) {
        if let EventKind::Message { text, .. } = &event.kind {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(text.trim_end().to_owned());
        }
    }
}

/// Explains one task. Nothing runs but its dynamic variables and `status`, nothing is recorded.
pub fn run(context: &Context, options: &Options, request: &Why) -> Outcome {
    let runtime = super::run::runtime()?;
    runtime.block_on(explain(context, options, request))
}

async fn explain(context: &Context, options: &Options, request: &Why) -> Outcome {
    let project = Project::open_sound(context, options)?;
    let options = Options { dry: true, verbose: true, ..options.clone() };
    let remarks = Remarks::default();
    let engine = project.engine(context, &options, Rc::new(remarks.clone()))?;
    let failure = |error: &_| Failure::of_run(error, false);
    engine.load_dotenv().await.map_err(|error| failure(&error))?;
    let typed = Request::new(&request.arguments, None);
    engine.apply_command_line(&project::command_line(&options, &typed)).map_err(|error| failure(&error))?;
    let calls: Vec<Call> = typed.tasks.iter().map(Call::new).collect();
    engine.check_calls(&calls).map_err(|error| failure(&error))?;
    let runner_options = project::runner_options(context, &options, &project);
    let freshness = Freshness::new(engine.program(), &runner_options, &project.environment);
    for call in &calls {
        remarks.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
        let task = engine.describe(call).map_err(|error| failure(&error))?;
        let up_to_date = engine.status(std::slice::from_ref(call)).await.is_ok();
        let failed_status = remarks.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let reasons = if up_to_date { Vec::new() } else { reasons(&freshness, &task, &failed_status) };
        let here = context.environment.working_directory.as_str();
        let reasons = reasons.into_iter().map(|reason| reason.relative_to(here)).collect();
        let answer = Answer { version: VERSION, task: task.shown_name().to_string(), up_to_date, reasons };
        print(context, &answer, request.json)?;
    }
    Ok(())
}

fn print(context: &Context, answer: &Answer, as_json: bool) -> Outcome {
    if as_json {
        let json = serde_json::to_string_pretty(answer)
            .map_err(|error| Failure::new(Code::OTHER, format!("ez: {error}")))?;
        context.logger.out(Color::None, &format!("{json}\n"));
        return Ok(());
    }
    let state = if answer.up_to_date { "is up to date" } else { "would run:" };
    context.logger.out(Color::None, &format!("{} {state}\n", answer.task));
    for reason in &answer.reasons {
        context.logger.out(Color::None, &format!("  {:<9} {}\n", reason.kind, reason.what));
    }
    Ok(())
}

fn reasons(freshness: &Freshness, task: &ConcreteTask, remarks: &[String]) -> Vec<Reason> {
    if task.sources.is_empty() && task.status.is_empty() {
        return vec![Reason::new("always", "it has neither sources nor status")];
    }
    let failed = remarks.iter().filter(|remark| remark.contains(STATUS_FAILED));
    let mut reasons: Vec<Reason> = failed
        .map(|remark| {
            Reason::new("status", remark.trim_start_matches("task: ").trim_start_matches("status command "))
        })
        .collect();
    if !task.sources.is_empty() {
        reasons.extend(reasons_of_files(freshness, task));
    }
    if reasons.is_empty() {
        reasons.push(Reason::new("changed", "its sources are not those of the last run"));
    }
    reasons
}

fn reasons_of_files(freshness: &Freshness, task: &ConcreteTask) -> Vec<Reason> {
    let method = freshness.method(&task.method).unwrap_or(Method::None);
    if method == Method::None {
        return vec![Reason::new("always", "its method is none")];
    }
    let mut reasons = Vec::new();
    for glob in task.generates.iter().filter(|glob| !glob.exclude) {
        if freshness.files(&task.dir, std::slice::from_ref(glob), false).is_empty() {
            reasons.push(Reason::new("missing", format!("{} (nothing generated matches)", glob.pattern)));
        }
    }
    let store = freshness.store();
    let name = task.shown_name();
    let sources = freshness.files(&task.dir, &task.sources, task.use_gitignore);
    match method {
        Method::Checksum if !store.checksum_file(name).exists() => reasons.push(never_ran()),
        Method::Checksum => {
            if let Ok(Some(changes)) = store.changes(name, &sources) {
                let groups =
                    [("changed", &changes.changed), ("added", &changes.added), ("removed", &changes.removed)];
                for (kind, files) in groups {
                    reasons.extend(files.iter().map(|file| Reason::new(kind, file.as_str())));
                }
            }
        }
        Method::Timestamp | Method::None => {
            reasons.extend(newer_sources(freshness, task, &sources, &store.timestamp_file(&task.name)));
        }
    }
    reasons
}

fn never_ran() -> Reason {
    Reason::new("never-ran", "there is no record of a successful run")
}

/// Sources that were changed after the last run and after what it generated.
fn newer_sources(
    freshness: &Freshness,
    task: &ConcreteTask,
    sources: &[String],
    record: &std::path::Path,
) -> Vec<Reason> {
    let changed =
        |path: &std::path::Path| std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
    let generated = freshness.files(&task.dir, &task.generates, task.use_gitignore);
    let Some(newest) =
        generated.iter().filter_map(|file| changed(file.as_ref())).chain(changed(record)).max()
    else {
        return vec![never_ran()];
    };
    let is_newer = |file: &&String| changed(file.as_ref()).is_some_and(|time| time > newest);
    sources.iter().filter(is_newer).map(|file| Reason::new("newer", file.as_str())).collect()
}
