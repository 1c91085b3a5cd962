//! What there is to browse: read from the project.

use std::path::{Path, PathBuf};

use ez_compiler::Purpose;
use ez_compiler::ast::{CommandAction, Glob, Text};
use ez_compiler::folder::{DEFAULT_TASK, qualified};
use ez_compiler::ir::TaskId;
use ez_compiler::plan;
use ez_compiler::source::SourceMap;
use ez_runner::task_log::{LogEntry, LogState};

use super::entry::{Entry, Kind, Section};
use super::state::LogRow;
use crate::args::invocation::{Options, Order};
use crate::commands::{Context, list, log};
use crate::disk::Disk;
use crate::failure::Failure;
use crate::paths;
use crate::project::{Project, silent_sink};

/// All tasks and plans of a project, and its title.
///
/// # Errors
/// The project cannot be worked with; why is shown.
pub fn read(context: &Context, options: &Options) -> Result<(String, Vec<Entry>), Failure> {
    let project = Project::open_sound(context, options)?;
    let root = project.root();
    let mut entries = tasks(context, options, &project, None)?;
    for folder in &project.compilation.folders {
        let opened = Project::open_folder(context, options, folder, Purpose::Run)?;
        // One that does not compile is no task; `ez check` says why.
        if opened.compilation.failure.is_none() {
            entries.extend(tasks(context, options, &opened, Some(&folder.name))?);
        }
    }
    let mut sources = SourceMap::default();
    for file in plan::find_all(&Disk, &root) {
        let location = paths::relative(&root, &file.path).to_string();
        let name = file.name.to_string();
        let read = plan::read(&Disk, file, &mut sources);
        entries.push(plan_entry(name, location, read.plan.as_deref()));
    }
    Ok((root.to_string(), entries))
}

fn tasks(
    context: &Context,
    options: &Options,
    project: &Project,
    folder: Option<&str>,
) -> Result<Vec<Entry>, Failure> {
    let engine = project.engine(context, options, silent_sink())?;
    let program = engine.program();
    let root = project.root();
    let mut entries = Vec::new();
    for id in list::listed(program, true, Order::RootFirst) {
        let listed = list::entry(&engine, &project.compilation.sources, id, false)
            .map_err(|error| Failure::of_run(&error, false))?;
        let task = program.task(id);
        let name = |name: &str| match folder {
            Some(folder) => qualified(folder, name).to_string(),
            None => name.to_owned(),
        };
        let is_default = folder.is_some() && task.name == DEFAULT_TASK;
        let desc = if is_default && listed.desc.is_empty() { "a folder task".into() } else { listed.desc };
        let place = &listed.location;
        let taskfile = paths::relative(&root, place.taskfile.as_ref());
        entries.push(Entry {
            name: name(&task.name),
            kind: if folder.is_some() { Kind::Folder } else { Kind::Inline },
            desc: desc.trim().to_owned(),
            aliases: listed.aliases.iter().map(|alias| name(alias)).collect(),
            params: task.superset.iter().flat_map(|superset| superset.params.clone()).collect(),
            sections: sections(project, id, &listed.summary),
            location: format!("{taskfile}:{}", place.line),
        });
    }
    Ok(entries)
}

fn sections(project: &Project, id: TaskId, summary: &str) -> Vec<Section> {
    let task = project.compilation.program.task(id);
    let written = &task.definition;
    let patterns = |globs: &[Glob]| globs.iter().map(|glob| glob.pattern.value.to_string()).collect();
    let commands = written.cmds.iter().filter_map(|command| {
        let text = match &command.action {
            CommandAction::Script(text) => text.value.trim_end().replace('\n', "\n  "),
            CommandAction::Call { task: called, .. } => format!("→ {}", task.callee(&called.value)),
            CommandAction::Nothing => return None,
        };
        Some(if command.deferred { format!("at the end: {text}") } else { text })
    });
    let texts = |texts: &[Text]| texts.iter().map(|text| text.value.to_string()).collect();
    let of_superset = |get: fn(&ez_compiler::ast::Superset) -> &Vec<Text>| {
        task.superset.as_deref().map_or_else(Vec::new, |superset| texts(get(superset)))
    };
    let all: [(&'static str, Vec<String>); 8] = [
        ("summary", summary.trim().lines().map(str::to_owned).collect()),
        ("deps", written.deps.iter().map(|dep| task.callee(&dep.task.value).to_string()).collect()),
        ("cmds", commands.collect()),
        ("requires", written.requires.iter().map(|one| one.name.value.to_string()).collect()),
        ("sources", patterns(&written.sources)),
        ("generates", patterns(&written.generates)),
        ("tags", of_superset(|superset| &superset.tags)),
        ("examples", of_superset(|superset| &superset.examples)),
    ];
    let lines = |texts: Vec<String>| texts.iter().flat_map(|text| text.lines().map(str::to_owned)).collect();
    all.into_iter()
        .filter(|(_, texts)| !texts.is_empty())
        .map(|(title, texts)| Section { title, lines: lines(texts) })
        .collect()
}

fn plan_entry(name: String, location: String, plan: Option<&ez_compiler::ast::Plan>) -> Entry {
    let Some(plan) = plan else {
        let desc = format!("cannot be read; `ez check {location}` says why");
        let nothing = Vec::new();
        return Entry {
            name,
            kind: Kind::Plan,
            desc,
            aliases: nothing,
            params: Vec::new(),
            sections: Vec::new(),
            location,
        };
    };
    let steps = plan.steps.iter().map(|step| {
        let needs: Vec<&str> = step.needs.iter().map(Text::as_str).collect();
        let needs = if needs.is_empty() { String::new() } else { format!("  after {}", needs.join(", ")) };
        let task = if step.task.value == step.name.value { "" } else { step.task.as_str() };
        let task = if task.is_empty() { String::new() } else { format!(" → {task}") };
        format!("{}{task}{needs}", step.name.value)
    });
    Entry {
        name,
        kind: Kind::Plan,
        desc: plan.desc.as_ref().map(|desc| desc.value.trim().to_owned()).unwrap_or_default(),
        aliases: Vec::new(),
        sections: vec![Section { title: "steps", lines: steps.collect() }],
        params: plan.params.clone(),
        location,
    }
}

/// The logs of a task, the newest first.
///
/// # Errors
/// The project cannot be read any more.
pub fn logs(context: &Context, options: &Options, task: &str) -> Result<Vec<LogRow>, Failure> {
    let project = Project::open(context, options, Purpose::Run)?;
    let of_task = |entry: &LogEntry| entry.header.task == task || entry.header.plan == task;
    let row = |entry: LogEntry| LogRow {
        started: entry.header.started.clone(),
        is_good: entry.footer.as_ref().is_some_and(|footer| footer.exit == 0),
        state: match (&entry.footer, entry.state) {
            (Some(footer), _) => format!("exit {}  {:.1}s", footer.exit, footer.seconds),
            (None, LogState::Running) => "running".to_owned(),
            (None, _) => "unfinished".to_owned(),
        },
        path: entry.path,
    };
    Ok(log::all(&project).into_iter().filter(of_task).map(row).collect())
}

/// The text of a log.
///
/// # Errors
/// The file cannot be read.
pub fn log_text(path: &Path) -> Result<String, String> {
    let read = std::fs::read(PathBuf::from(path));
    let fail = |error: std::io::Error| {
        format!("cannot read {}: {}", path.display(), crate::disk::plain_message(&error))
    };
    Ok(String::from_utf8_lossy(&read.map_err(fail)?).into_owned())
}
