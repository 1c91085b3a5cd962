//! `ez list`: the tasks of a project, with a filter.

use std::fmt::Write as _;

use super::list::{self, Entry};
use super::params;
use super::{Context, Outcome};
use crate::args::ez::{List, Sort};
use crate::args::invocation::{ListRequest, Options, Order};
use crate::exit_code::Code;
use crate::failure::Failure;
use crate::logger::Color;
use crate::project::{Project, silent_sink};
use crate::table;

/// What EZ calls a task that stands in a Taskfile.
pub const INLINE: &str = "inline";

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
    let mut entries = Vec::new();
    for id in ids {
        let entry = list::entry(&engine, &project.compilation.sources, *id, with_status)
            .map_err(|error| Failure::of_run(&error, false))?;
        let entry = Entry { additions: Some(params::additions(INLINE, program.task(*id))), ..entry };
        if is_wanted(&entry, request.filter.as_deref()) {
            entries.push(entry);
        }
    }
    if request.json {
        let form = ListRequest { nested: request.nested, ..ListRequest::default() };
        let json = list::json(entries, program.taskfile.as_str(), form)
            .map_err(|error| Failure::new(Code::OTHER, format!("ez: {error}")))?;
        context.logger.out(Color::None, &json);
        return Ok(());
    }
    context.logger.out(Color::None, &text(context, &entries, request.silent));
    let hidden = all.len() - ids.len();
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
        let words: Vec<&str> =
            [about.as_str(), &aliases].into_iter().filter(|word| !word.is_empty()).collect();
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
