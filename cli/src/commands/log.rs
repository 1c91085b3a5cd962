//! `ez log`: the logs of tasks.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use ez_compiler::template::has_template;
use ez_runner::runtime_data;
use ez_runner::task_log::{self, LogEntry, LogState};
use serde::Serialize;

use super::{Context, Outcome};
use crate::args::ez::{Log, LogAction};
use crate::args::invocation::Options;
use crate::disk::plain_message;
use crate::exit_code::Code;
use crate::failure::Failure;
use crate::logger::Color;
use crate::project::Project;
use crate::table;
use ez_compiler::Purpose;

/// How old logs are that are removed unless the user says otherwise, in days.
pub const DEFAULT_AGE: u32 = 30;

/// A log in JSON.
#[derive(Serialize)]
struct Row<'a> {
    file: String,
    task: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    plan: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    step: &'a str,
    run: &'a str,
    started: &'a str,
    host: &'a str,
    user: &'a str,
    command: &'a str,
    state: LogState,
    exit: Option<u8>,
    duration: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
}

/// Lists logs, prints one, or removes old ones.
pub fn run(context: &Context, options: &Options, request: &Log) -> Outcome {
    let project = Project::open(context, options, Purpose::Run)?;
    let logs = Logs::of(&project);
    match request.action {
        LogAction::List => logs.list(context, request),
        LogAction::Show => logs.show(context, request),
        LogAction::Clean => logs.clean(context, request),
    }
}

/// All logs of a project, the newest first.
pub fn all(project: &Project) -> Vec<LogEntry> {
    Logs::of(project).entries
}

struct Logs {
    root: PathBuf,
    /// The newest first.
    entries: Vec<LogEntry>,
}

impl Logs {
    /// The logs of all tasks: where they are kept unless a task says otherwise, and where tasks say it.
    fn of(project: &Project) -> Self {
        let program = &project.compilation.program;
        let root = PathBuf::from(program.dir.as_str());
        let tasks = runtime_data::directory(&root).join("tasks");
        let of_tasks = std::fs::read_dir(tasks).into_iter().flatten().flatten();
        let mut directories: Vec<PathBuf> = of_tasks.map(|task| task.path().join("logs")).collect();
        let written =
            program.tasks.iter().filter_map(|task| task.superset.as_ref()?.log.as_ref()?.dir.as_ref());
        let written = written.filter(|dir| !has_template(dir.as_str()));
        directories.extend(written.map(|dir| root.join(dir.as_str())));
        let plans =
            std::fs::read_dir(runtime_data::directory(&root).join("plans")).into_iter().flatten().flatten();
        let runs = plans
            .flat_map(|plan| std::fs::read_dir(plan.path().join("logs")).into_iter().flatten().flatten());
        directories.extend(runs.map(|run| run.path()));
        directories.sort();
        directories.dedup();
        let mut entries: Vec<LogEntry> =
            directories.iter().flat_map(|directory| task_log::list(directory)).collect();
        entries.sort_by(|a, b| b.header.started.cmp(&a.header.started));
        Self { root, entries }
    }

    fn shown_path(&self, path: &Path) -> String {
        path.strip_prefix(&self.root).unwrap_or(path).display().to_string()
    }

    fn row<'a>(&self, entry: &'a LogEntry, text: Option<String>) -> Row<'a> {
        let header = &entry.header;
        Row {
            file: self.shown_path(&entry.path),
            task: &header.task,
            plan: &header.plan,
            step: &header.step,
            run: &header.run,
            started: &header.started,
            host: &header.host,
            user: &header.user,
            command: &header.command,
            state: entry.state,
            exit: entry.footer.as_ref().map(|footer| footer.exit),
            duration: entry.footer.as_ref().map(|footer| footer.seconds),
            text,
        }
    }

    fn list(&self, context: &Context, request: &Log) -> Outcome {
        let task = request.subject.as_deref();
        let entries = self.entries.iter().filter(|entry| task.is_none_or(|task| entry.header.task == task));
        if request.json {
            let rows: Vec<Row> = entries.map(|entry| self.row(entry, None)).collect();
            return print_json(context, &rows);
        }
        let mut text = String::new();
        for entry in entries {
            let state = match (&entry.footer, entry.state) {
                (Some(footer), _) => format!("exit {}\t{:.1}s", footer.exit, footer.seconds),
                (None, LogState::Running) => "running\t".to_owned(),
                (None, _) => "unfinished\t".to_owned(),
            };
            let (started, task) = (&entry.header.started, &entry.header.task);
            let _ = writeln!(text, "{started}\t{task}\t{state}\t{}", self.shown_path(&entry.path));
        }
        if text.is_empty() {
            context.logger.err(Color::Yellow, "ez: there are no logs; `ez run --log <task>` writes one\n");
        } else {
            context.logger.out(Color::None, &table::align(&text, 2));
        }
        Ok(())
    }

    /// The log of a file, or the newest of a task, or the newest of all.
    fn find(&self, context: &Context, subject: Option<&str>) -> Result<LogEntry, Failure> {
        let of_task =
            self.entries.iter().find(|entry| subject.is_none_or(|subject| entry.header.task == subject));
        if let Some(entry) = of_task {
            return Ok(entry.clone());
        }
        let subject = subject.unwrap_or_default();
        let by_name = |entry: &&LogEntry| entry.path.file_name().is_some_and(|name| name == subject);
        if let Some(entry) = self.entries.iter().find(by_name) {
            return Ok(entry.clone());
        }
        let places = [self.root.join(subject), context.environment.absolute(subject).into_std_path_buf()];
        let read =
            places.iter().filter(|path| path.is_file()).find_map(|path| task_log::read_entry(path).ok()?);
        read.ok_or_else(|| {
            let what = if subject.is_empty() {
                "there are no logs".to_owned()
            } else {
                format!("there is no log of \"{subject}\"")
            };
            Failure::new(Code::OTHER, format!("ez: {what}; `ez log list` shows them all"))
        })
    }

    fn show(&self, context: &Context, request: &Log) -> Outcome {
        let entry = self.find(context, request.subject.as_deref())?;
        let bytes = std::fs::read(&entry.path).map_err(|error| {
            let path = entry.path.display();
            Failure::new(Code::OTHER, format!("ez: cannot read {path}: {}", plain_message(&error)))
        })?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if request.json {
            return print_json(context, &self.row(&entry, Some(text)));
        }
        context.logger.out(Color::None, &text);
        if entry.state == LogState::Unfinished {
            context.logger.err(Color::Yellow, "ez: this run was ended before it could finish its log\n");
        }
        Ok(())
    }

    /// Removes old logs; those of runs that go on stay.
    fn clean(&self, context: &Context, request: &Log) -> Outcome {
        let days = match request.subject.as_deref() {
            None => DEFAULT_AGE,
            Some(days) => days
                .parse()
                .map_err(|_| Failure::new(Code::USAGE, format!("ez: \"{days}\" is no number of days")))?,
        };
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let old = self
            .entries
            .iter()
            .filter(|entry| entry.state != LogState::Running && task_log::is_older(&entry.header, days, now));
        let mut removed = Vec::new();
        for entry in old {
            std::fs::remove_file(&entry.path).map_err(|error| {
                let path = entry.path.display();
                Failure::new(Code::OTHER, format!("ez: cannot remove {path}: {}", plain_message(&error)))
            })?;
            removed.push(self.shown_path(&entry.path));
        }
        if request.json {
            return print_json(context, &serde_json::json!({ "removed": removed }));
        }
        let logs = if removed.len() == 1 { "log" } else { "logs" };
        context.logger.err(Color::None, &format!("ez: removed {} {logs}\n", removed.len()));
        Ok(())
    }
}

fn print_json(context: &Context, value: &impl Serialize) -> Outcome {
    let json = serde_json::to_string_pretty(value)
        .map_err(|error| Failure::new(Code::OTHER, format!("ez: {error}")))?;
    context.logger.out(Color::None, &format!("{json}\n"));
    Ok(())
}
