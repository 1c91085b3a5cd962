//! A change is tried before it is made: the project must not get errors by it that it did not have.

use std::collections::HashMap;
use std::ops::Range;

use camino::Utf8Path;
use ez_compiler::Purpose;
use ez_compiler::diagnostic::Severity;
use serde_json::Value;

use super::refusal::Refusal;
use crate::args::ez::RuleLevels;
use crate::args::invocation::Options;
use crate::changed_files::Changes;
use crate::commands::Context;
use crate::commands::check::{Levels, Report};
use crate::project::Project;
use crate::render::{Findings, json};

/// The text that is edited, whose own errors count even if they were there before.
pub struct Edited<'a> {
    /// The file.
    pub path: &'a Utf8Path,
    /// The bytes of the new text in it.
    pub range: Range<usize>,
    /// The line of the file on which it begins, from 1.
    pub line: usize,
}

/// Compiles the project as it would be. It has no more errors than before, and none in the text that is edited.
///
/// # Errors
/// It would be broken.
pub fn compile(
    context: &Context,
    options: &Options,
    before: &Project,
    changes: &Changes,
    edited: Option<&Edited<'_>>,
) -> Result<Project, Refusal> {
    let after = Project::open_changed(context, options, Purpose::Check, changes)?;
    let mut known: HashMap<String, usize> = HashMap::new();
    for error in errors(context, before)? {
        *known.entry(identity(&error)).or_default() += 1;
    }
    let mut broken = Vec::new();
    for mut error in errors(context, &after)? {
        let edited = edited.filter(|edited| is_within(context, &error, edited));
        let is_in_edited = edited.is_some();
        if let (Some(edited), Some(line)) = (edited, error["range"]["start"]["line"].as_u64()) {
            error["text_line"] = (line + 1).saturating_sub(edited.line as u64).into();
        }
        let left = known.get_mut(&identity(&error)).filter(|left| **left > 0);
        match left {
            Some(left) if !is_in_edited => *left -= 1,
            _ => broken.push(error),
        }
    }
    if broken.is_empty() { Ok(after) } else { Err(Refusal::Broken(broken)) }
}

/// What is the same error, wherever an edit above moved it.
fn identity(error: &Value) -> String {
    format!("{}\n{}\n{}", error["code"], error["file"], error["message"])
}

fn is_within(context: &Context, error: &Value, edited: &Edited<'_>) -> bool {
    let file = error["file"].as_str().map(|file| context.environment.absolute(file));
    let byte = error["range"]["start"]["byte"].as_u64().and_then(|byte| usize::try_from(byte).ok());
    file.is_some_and(|file| file == edited.path) && byte.is_some_and(|byte| edited.range.contains(&byte))
}

fn errors(context: &Context, project: &Project) -> Result<Vec<Value>, Refusal> {
    let levels = Levels::new(&RuleLevels::default())?;
    let compilation = &project.compilation;
    let mut report = Report::default();
    report.add(&compilation.sources, levels.apply(&compilation.diagnostics));
    for folder in &compilation.folder_programs {
        report.add(&folder.compilation.sources, levels.apply(&folder.compilation.diagnostics));
    }
    report.keep(|diagnostic| diagnostic.severity == Severity::Error);
    let findings = Findings {
        sources: report.sources(),
        diagnostics: report.diagnostics(),
        working_directory: &context.environment.working_directory,
    };
    let mut document: Value = serde_json::from_str(&json::document(&findings)?)?;
    match document["diagnostics"].take() {
        Value::Array(errors) => Ok(errors),
        _ => Ok(Vec::new()),
    }
}
