//! Pieces of Markdown.

use std::fmt::Write;

use camino::Utf8Path;
use ez_compiler::ast::{Param, ParamKind};
use ez_compiler::template::Value;

use crate::analysis::{FileRange, Snapshot};
use crate::ide::variables::looks_secret;

/// The longest value that is shown, in characters.
const MAX_VALUE: usize = 80;

/// How many names are listed before the rest is counted.
const MAX_NAMES: usize = 12;

/// A text as code on one line, cut where it is long.
pub fn code(text: &str) -> String {
    let text = text.trim_end_matches('\n').replace('\n', "⏎").replace('\r', "");
    let mut shown: String = text.chars().take(MAX_VALUE).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    if shown.is_empty() {
        return "an empty text".to_owned();
    }
    let longest = shown.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest + 1);
    let pad = if longest > 0 { " " } else { "" };
    format!("{fence}{pad}{shown}{pad}{fence}")
}

/// The same, for a cell of a table.
pub fn cell(text: &str) -> String {
    code(text).replace('|', "\\|")
}

/// Texts as code, with commas.
pub fn codes<'t>(texts: impl IntoIterator<Item = &'t str>) -> String {
    let all: Vec<&str> = texts.into_iter().collect();
    let mut shown: Vec<String> = all.iter().take(MAX_NAMES).map(|text| code(text)).collect();
    if all.len() > MAX_NAMES {
        shown.push(format!("and {} more", all.len() - MAX_NAMES));
    }
    shown.join(", ")
}

/// A value as it is printed; lists and maps as JSON would show them.
pub fn value(value: &Value) -> String {
    if value.as_list().is_some() || value.as_map().is_some() || matches!(value, Value::AnyMap(_)) {
        let scope: std::collections::BTreeMap<smol_str::SmolStr, Value> =
            [("V".into(), value.clone())].into();
        let json = ez_compiler::template::render("{{toJson .V}}", &scope, &ez_compiler::template::PureHost);
        if let Ok(json) = json {
            return code(&json);
        }
    }
    code(&value.to_text())
}

/// A path, from the project's directory if it is in it.
pub fn path<'p>(snapshot: &Snapshot, path: &'p Utf8Path) -> &'p Utf8Path {
    let project = snapshot.analysis.compilation.loaded.root_dir.as_path();
    path.strip_prefix(project).unwrap_or(path)
}

/// Where a range is: `Taskfile.yml:12`.
pub fn place(snapshot: &Snapshot, place: &FileRange) -> String {
    let source = snapshot.analysis.file(place.file);
    format!("{}:{}", path(snapshot, &source.path), source.lines.line_of(place.range.start) + 1)
}

/// How many of something there are; nothing of none.
pub fn count(count: usize, one: &str, many: &str) -> Option<String> {
    match count {
        0 => None,
        1 => Some(format!("1 {one}")),
        count => Some(format!("{count} {many}")),
    }
}

/// Params as a table.
pub fn params(params: &[Param]) -> String {
    let mut table = "| param | type | default | |\n|---|---|---|---|\n".to_owned();
    for param in params {
        let is_secret = param.kind.value == ParamKind::Secret || looks_secret(&param.name.value);
        let default = match &param.default {
            Some(_) if is_secret => "***".to_owned(),
            Some(default) => cell(&default.value),
            None if param.required => "*required*".to_owned(),
            None => String::new(),
        };
        let options = param.options.iter().map(|option| option.value.as_str());
        let kind = if param.options.is_empty() {
            param.kind.value.name().to_owned()
        } else {
            format!("{} of {}", param.kind.value.name(), codes(options).replace('|', "\\|"))
        };
        let help =
            param.help.as_ref().map_or("", |help| help.value.as_str()).replace('|', "\\|").replace('\n', " ");
        let _ = writeln!(table, "| {} | {kind} | {default} | {help} |", cell(&param.name.value));
    }
    table.truncate(table.trim_end().len());
    table
}
