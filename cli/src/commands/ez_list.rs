//! `ez list`: the tasks of a project, with a filter.

use ez_compiler::Purpose;
use std::fmt::Write as _;

use ez_compiler::folder::{DEFAULT_TASK, qualified};
use smol_str::{SmolStr, format_smolstr};

use super::list::{self, Additions, Entry, JsonList, Place};
use super::params;
use super::{Context, Outcome};
use crate::args::ez::{List, Sort};
use crate::args::invocation::{Options, Order};
use crate::exit_code::Code;
use crate::failure::Failure;
use crate::logger::Color;
use crate::project::{Project, silent_sink};
use crate::table;

/// What EZ calls a task that stands in a Taskfile.
pub const INLINE: &str = "inline";

/// What EZ calls a task that is a folder, or in one.
pub const FOLDER: &str = "folder";

/// Spaces between the columns.
const PADDING: usize = 3;

/// Lists tasks. Without `--all`, tasks without a description are counted instead, unless no task has one.
pub fn run(context: &Context, options: &Options, request: &List) -> Outcome {
    let project = Project::open_sound(context, options)?;
    let engine = project.engine(context, options, silent_sink())?;
    let program = engine.program();
    let order = match request.sort {
        Sort::Default => Order::RootFirst,
        Sort::Alphanumeric => Order::Name,
        Sort::None => Order::Written,
    };
    let all = list::listed(program, true, order);
    let described = list::listed(program, false, order);
    let shows_all = request.all || request.filter.is_some() || described.is_empty();
    let ids = if shows_all { &all } else { &described };
    let with_status = request.json && !request.no_status;
    let folders = of_folders(context, options, &project, order)?;
    let shows_all_of_folders = request.all || request.filter.is_some();
    let mut entries = Vec::new();
    for id in ids {
        let entry = list::entry(&engine, &project.compilation.sources, *id, with_status)
            .map_err(|error| Failure::of_run(&error, false))?;
        let entry = Entry { additions: Some(params::additions(INLINE, program.task(*id))), ..entry };
        if is_wanted(&entry, request.filter.as_deref()) {
            entries.push(entry);
        }
    }
    let hidden_in_folders =
        folders.iter().filter(|entry| !shows_all_of_folders && entry.desc.is_empty()).count();
    let shown = folders.into_iter().filter(|entry| shows_all_of_folders || !entry.desc.is_empty());
    entries.extend(shown.filter(|entry| is_wanted(entry, request.filter.as_deref())));
    if request.json {
        let mut json = JsonList::new(program.taskfile.as_str(), request.nested);
        for entry in entries {
            json.push(entry).map_err(|error| list::not_json(&error))?;
        }
        let json = json.finish().map_err(|error| list::not_json(&error))?;
        context.logger.out(Color::None, &json);
        return Ok(());
    }
    context.logger.out(Color::None, &text(context, &entries, request.silent));
    let hidden = all.len() - ids.len() + hidden_in_folders;
    if hidden > 0 && !request.silent {
        context
            .logger
            .err(Color::None, &format!("ez: {hidden} more without a description (ez list --all)\n"));
    }
    if entries.is_empty() {
        let what = request.filter.as_ref().map(|filter| format!(" matches \"{filter}\"")).unwrap_or_default();
        let message =
            if what.is_empty() { "ez: there are no tasks".to_owned() } else { format!("ez: no task{what}") };
        return Err(Failure::new(Code::OTHER, message));
    }
    Ok(())
}

/// The tasks of the folder tasks, by the names by which they are called from here. The task that a folder's name stands for
/// always has a description, so that it is always listed.
fn of_folders(
    context: &Context,
    options: &Options,
    project: &Project,
    order: Order,
) -> Result<Vec<Entry>, Failure> {
    let mut entries = Vec::new();
    for folder in &project.compilation.folders {
        let opened = Project::open_folder(context, options, folder, Purpose::Run)?;
        if opened.compilation.failure.is_some() {
            let taskfile = folder.taskfile.as_path().into();
            entries.push(Entry {
                name: folder.name.clone(),
                task: folder.name.clone(),
                desc: format_smolstr!("does not compile: `ez check {}` says why", folder.name),
                summary: SmolStr::default(),
                aliases: Vec::new(),
                up_to_date: None,
                location: Place { line: 1, column: 1, taskfile },
                additions: Some(Additions { kind: FOLDER, ..Additions::default() }),
            });
            continue;
        }
        let engine = opened.engine(context, options, silent_sink())?;
        let program = engine.program();
        let mut ids = list::listed(program, true, order);
        // What the folder's name stands for comes before its other tasks.
        ids.sort_by_key(|id| program.task(*id).name != DEFAULT_TASK);
        for id in ids {
            let entry = list::entry(&engine, &opened.compilation.sources, id, false)
                .map_err(|error| Failure::of_run(&error, false))?;
            let task = program.task(id);
            let is_default = task.name == DEFAULT_TASK;
            let desc = if is_default && entry.desc.is_empty() { "a folder task".into() } else { entry.desc };
            entries.push(Entry {
                task: qualified(&folder.name, &task.name),
                desc,
                aliases: entry.aliases.iter().map(|alias| qualified(&folder.name, alias)).collect(),
                additions: Some(params::additions(FOLDER, task)),
                ..entry
            });
        }
    }
    Ok(entries)
}

fn is_wanted(entry: &Entry, filter: Option<&str>) -> bool {
    let Some(filter) = filter.map(str::to_lowercase) else { return true };
    let additions = entry.additions.iter().flat_map(|more| more.tags.iter().chain(&more.examples));
    let texts = [&entry.name, &entry.task, &entry.desc].into_iter().chain(&entry.aliases).chain(additions);
    texts.into_iter().any(|text| text.to_lowercase().contains(&filter))
}

fn text(context: &Context, entries: &[Entry], names_only: bool) -> String {
    let logger = &context.logger;
    let mut rows = String::new();
    for entry in entries {
        if names_only {
            let _ = writeln!(rows, "{}", entry.task);
            continue;
        }
        rows.push_str(&logger.paint(Color::Green, &entry.task));
        let about = entry.desc.trim().replace('\n', " ");
        let aliases = match entry.aliases.as_slice() {
            [] => String::new(),
            aliases => logger.paint(Color::Cyan, &format!("({})", aliases.join(", "))),
        };
        let is_folder = entry.additions.as_ref().is_some_and(|more| more.kind == FOLDER);
        let mark = if is_folder { logger.paint(Color::Magenta, "[folder]") } else { String::new() };
        let words: Vec<&str> =
            [mark.as_str(), about.as_str(), &aliases].into_iter().filter(|word| !word.is_empty()).collect();
        if !words.is_empty() {
            let _ = write!(rows, "\t{}", words.join("  "));
        }
        rows.push('\n');
    }
    align_all(&rows)
}

/// Aligns the first column over all rows, with and without a second one.
fn align_all(rows: &str) -> String {
    let padded: String =
        rows.lines().flat_map(|row| [row, if row.contains('\t') { "\n" } else { "\t\n" }]).collect();
    let aligned = table::align(&padded, PADDING);
    aligned.lines().flat_map(|line| [line.trim_end(), "\n"]).collect()
}
