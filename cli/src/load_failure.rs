//! The words with which go-task refuses a project.

use std::fmt::Write as _;

use camino::Utf8Path;
use ez_compiler::project;

use crate::environment::Environment;
use crate::exit_code::Code;
use crate::failure::Failure;
use crate::logger::{Color, Logger};
use crate::paths;

/// Lines of a Taskfile that are shown above and below the one to blame.
const SNIPPET_PADDING: usize = 2;

/// A refused project as the end of the program.
pub fn describe(failure: &project::Failure, logger: &Logger, environment: &Environment) -> Failure {
    use project::Failure as Refused;
    let (code, message) = match failure {
        Refused::NotFound { path, root } => {
            let hint = if *root { " Run `task --init` to create a new Taskfile." } else { "" };
            (Code::TASKFILE_NOT_FOUND, format!("task: No Taskfile found at \"{path}\"{hint}"))
        }
        Refused::Unreadable { message } | Refused::Template { message } => (Code::OTHER, message.clone()),
        Refused::Invalid { path, message } => {
            let path = shown_path(path, environment);
            (Code::TASKFILE_INVALID, format!("task: Failed to parse {path}:\n{message}"))
        }
        Refused::Decode { path, messages, line, column, text } => {
            let place = Place { line: *line as usize, column: *column as usize };
            (Code::TASKFILE_DECODE, decode_message(path, messages, place, text, logger))
        }
        Refused::VersionMissing { path } => {
            (Code::TASKFILE_VERSION, format!("task: Missing schema version in Taskfile \"{path}\""))
        }
        Refused::VersionUnsupported { path, version, message } => (
            Code::TASKFILE_VERSION,
            format!("task: Invalid schema version in Taskfile \"{path}\":\nSchema version ({version}) {message}"),
        ),
        Refused::VersionMismatch { first, second } => (
            Code::OTHER,
            format!("task: Taskfiles versions should match. First is \"{first}\" but second is \"{second}\""),
        ),
        Refused::DotenvInInclude => (
            Code::OTHER,
            "task: Included Taskfiles can't have dotenv declarations. Please, move the dotenv declaration to the main \
             Taskfile"
                .to_owned(),
        ),
        Refused::IncludeCycle { source, destination } => {
            (Code::TASKFILE_CYCLE, format!("task: include cycle detected between {source} <--> {destination}"))
        }
        Refused::NameConflict { task, include } => {
            (Code::TASK_NAME_CONFLICT, format!("task: Found multiple tasks ({task}) included by \"{include}\"\""))
        }
        Refused::ChecksumMismatch { path, expected, actual } => (
            Code::TASKFILE_CHECKSUM,
            format!(
                "task: The checksum of the Taskfile at \"{path}\" does not match!\ngot: \"{actual}\"\nwant: \"{expected}\""
            ),
        ),
        Refused::Remote { message, exit } => {
            (u8::try_from(*exit).map_or(Code::OTHER, Code), message.clone())
        }
    };
    Failure::new(code, message)
}

/// A path relative to the working directory, where both are absolute.
fn shown_path(path: &Utf8Path, environment: &Environment) -> String {
    if path.is_absolute() {
        paths::relative(&environment.working_directory, path).to_string()
    } else {
        path.to_string()
    }
}

/// Line and column, from 1.
#[derive(Clone, Copy)]
struct Place {
    line: usize,
    column: usize,
}

fn decode_message(path: &Utf8Path, messages: &[String], place: Place, text: &str, logger: &Logger) -> String {
    let red = |text: &str| logger.paint(Color::Red, text);
    let mut out = String::new();
    match messages {
        [message] => {
            let _ = writeln!(out, "{}", red(&format!("err:  {message}")));
        }
        messages => {
            let _ = writeln!(out, "{}", red("errs:"));
            for message in messages {
                let _ = writeln!(out, "{}", red(&format!("- {message}")));
            }
        }
    }
    let _ = writeln!(out, "{}", red(&format!("file: {path}:{}:{}", place.line, place.column)));
    out.push_str(&snippet(text, place, &red));
    out
}

/// The lines around a place, with marks at it. A last line without a line end is not shown, as in go-task.
fn snippet(text: &str, place: Place, red: &dyn Fn(&str) -> String) -> String {
    let lines: Vec<&str> = text.split('\n').collect();
    let start = place.line.saturating_sub(SNIPPET_PADDING).max(1);
    let end = (place.line + SNIPPET_PADDING).min(lines.len() - 1);
    let width = if end == 0 { 0 } else { end.to_string().len() };
    let mut shown = Vec::new();
    for (number, line) in lines.iter().enumerate().take(end).skip(start - 1) {
        let number = number + 1;
        if number != place.line {
            shown.push(format!("  {number:>width$} | {line}"));
            continue;
        }
        shown.push(format!("{} {number:>width$} | {line}", red(">")));
        if place.column > 0 && place.column <= line.len() {
            let indent = " ".repeat(place.column - 1);
            shown.push(format!("  {:width$} | {indent}{}", "", red("^")));
        }
    }
    shown.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, line: usize, column: usize, expected: &str) {
        let got = snippet(text, Place { line, column }, &str::to_owned);
        assert_eq!(got, expected, "{text:?} {line}:{column}");
    }

    #[test]
    fn snippets_mark_the_place() {
        let text = "one\ntwo\nthree\nfour\nfive\nsix\n";
        check(text, 1, 1, "> 1 | one\n    | ^\n  2 | two\n  3 | three");
        check(text, 4, 3, "  2 | two\n  3 | three\n> 4 | four\n    |   ^\n  5 | five\n  6 | six");
        check(text, 6, 9, "  4 | four\n  5 | five\n> 6 | six");
        check("one", 1, 1, "");
        check("one\ntwo", 2, 1, "  1 | one");
        let long = "x\n".repeat(12);
        check(&long, 9, 1, "   7 | x\n   8 | x\n>  9 | x\n     | ^\n  10 | x\n  11 | x");
    }
}
