//! `ez schema`: the JSON Schemas of the file formats.

use std::fmt::Write as _;

use ez_compiler::emit::json_schema::{KINDS, Kind};
use serde::Serialize;

use super::{Context, Outcome};
use crate::args::ez::Schema;
use crate::exit_code::Code;
use crate::failure::Failure;
use crate::logger::Color;
use crate::table;

/// Blanks between columns.
const PADDING: usize = 2;

/// A schema in JSON.
#[derive(Serialize)]
struct Row {
    name: &'static str,
    /// Which files it is for.
    files: &'static str,
    url: String,
}

/// Prints a schema, or which ones there are.
pub fn run(context: &Context, request: &Schema) -> Outcome {
    let text = match &request.kind {
        Some(name) => schema(name)?,
        None if request.json => {
            let rows: Vec<Row> = KINDS.iter().map(row).collect();
            let text = serde_json::to_string_pretty(&rows);
            text.map_err(|error| Failure::new(Code::OTHER, format!("ez: {error}")))? + "\n"
        }
        None => listing(),
    };
    context.logger.out(Color::None, &text);
    Ok(())
}

fn row(kind: &Kind) -> Row {
    Row { name: kind.name, files: kind.files, url: kind.url() }
}

fn schema(name: &str) -> Result<String, Failure> {
    let known = || KINDS.iter().map(|kind| kind.name).collect::<Vec<_>>().join(", ");
    let missing =
        || Failure::new(Code::USAGE, format!("ez: there is no schema `{name}`; the schemas are {}", known()));
    Kind::named(name).map(Kind::json_schema).ok_or_else(missing)
}

fn listing() -> String {
    let rows = KINDS.iter().fold(String::new(), |mut rows, kind| {
        let _ = writeln!(rows, "{}\t{}\t{}", kind.name, kind.files, kind.url());
        rows
    });
    table::align(&rows, PADDING)
}
