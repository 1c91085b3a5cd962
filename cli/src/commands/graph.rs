//! `ez graph`

use ez_compiler::emit::graph::{self, GraphFormat};
use ez_compiler::ir::Resolution;

use super::{Context, Outcome};
use crate::args::ez::{Graph, GraphFormat as TypedFormat};
use crate::commands::target;
use crate::exit_code::Code;
use crate::failure::Failure;
use crate::fuzzy;
use crate::logger::Color;

/// Prints who calls whom.
pub fn run(context: &Context, command: &Graph) -> Outcome {
    let opened = target::open(context, &command.place)?;
    let program = &opened.compilation.program;
    let mut roots = Vec::new();
    for name in &command.names {
        match program.resolve(name) {
            Resolution::Task(id, _) => roots.push(id),
            Resolution::Ambiguous(ids) => roots.extend(ids),
            Resolution::Unknown => {
                let names: Vec<&str> = program.tasks.iter().map(|task| task.name.as_str()).collect();
                let near = fuzzy::guess(name, &names).map(|near| format!(" Did you mean \"{near}\"?"));
                let message = format!("ez: Task \"{name}\" does not exist.{}", near.unwrap_or_default());
                return Err(Failure::new(Code(200), message));
            }
        }
    }
    let format = match command.format {
        TypedFormat::Dot => GraphFormat::Dot,
        TypedFormat::Mermaid => GraphFormat::Mermaid,
        TypedFormat::Json => GraphFormat::Json,
    };
    context.logger.out(Color::None, &graph::graph(program, &roots, format));
    Ok(())
}
