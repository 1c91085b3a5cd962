//! Words of shell scripts.

use std::ops::Range;

use smol_str::SmolStr;

use super::rank::Candidates;
use super::request::Request;
use super::{Item, Kind, tasks, variables};
use crate::ide::cursor::shell::{self, ShellSpot};

/// Programs whose arguments are tasks.
const RUNNERS: &[&str] = &["task", "ez", "go-task"];
/// Subcommands of `ez` behind which tasks stand.
const SUBCOMMANDS: &[&str] = &["run", "show", "why", "clean", "compile", "graph"];
/// Flags behind which the tasks are those of another Taskfile.
const ELSEWHERE: &[&str] = &["-t", "--taskfile", "-d", "--dir", "-g", "--global"];

/// The candidates for the word of a script at the cursor.
pub fn add(request: &Request<'_>, found: &mut Candidates) {
    let cursor = &request.cursor;
    match shell::at(&request.source.text, cursor.scalar, cursor.offset) {
        Some(ShellSpot::Variable { word, needs_brace, assigned }) => {
            add_variables(request, &word, needs_brace, &assigned, found);
        }
        Some(ShellSpot::Argument { word, before }) => add_tasks(request, &word, &before, found),
        None => {}
    }
}

fn add_variables(
    request: &Request<'_>,
    word: &Range<usize>,
    needs_brace: bool,
    assigned: &[SmolStr],
    found: &mut Candidates,
) {
    let typed = request.source.text.get(word.start..request.cursor.offset).unwrap_or("");
    let mut inner = Candidates::new(typed);
    // The word that is being typed is no assignment yet.
    for known in variables::of_script(request, assigned) {
        inner.add(known.group(), &known.name, || {
            let brace = if needs_brace { "}" } else { "" };
            let item = known.item(known.name.to_string(), word.clone());
            item.inserting(format!("{}{brace}", known.name))
        });
    }
    found.absorb(inner);
}

fn add_tasks(request: &Request<'_>, word: &Range<usize>, before: &[SmolStr], found: &mut Candidates) {
    let Some((program, arguments)) = before.split_first() else { return };
    if !RUNNERS.contains(&program.as_str())
        || arguments.iter().any(|one| ELSEWHERE.contains(&one.as_str()) || one == "--")
    {
        return;
    }
    let first = arguments.iter().find(|one| !one.starts_with('-'));
    if program == "ez" && first.is_some_and(|first| !SUBCOMMANDS.contains(&first.as_str())) {
        return;
    }
    let behind = request.source.text.get(request.cursor.offset..request.cursor.word.end).unwrap_or("");
    let ends = |c: char| c.is_whitespace() || matches!(c, '\'' | '"' | ';' | '&' | '|' | ')');
    let range = word.start..request.cursor.offset + behind.find(ends).unwrap_or(behind.len());
    let typed = request.source.text.get(word.clone()).unwrap_or("");
    let mut inner = Candidates::new(typed);
    tasks::add_command_line(request, &mut inner, &|name| Item::new(name, Kind::Task, range.clone()));
    found.absorb(inner);
}
