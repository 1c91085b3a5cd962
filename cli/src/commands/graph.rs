//! `ez graph`: which task needs which.

use ez_compiler::emit::graph::{self, graph};

use super::{Context, Outcome};
use crate::args::ez::{Graph, GraphFormat};
use crate::args::invocation::Options;
use crate::logger::Color;
use crate::project::Project;

/// Prints the graph of all tasks, or of the named ones and what they need.
pub fn run(context: &Context, options: &Options, request: &Graph) -> Outcome {
    let project = Project::open_sound(context, options)?;
    let roots =
        request.names.iter().map(|name| project.find(name, options)).collect::<Result<Vec<_>, _>>()?;
    let format = match request.format {
        GraphFormat::Dot => graph::GraphFormat::Dot,
        GraphFormat::Mermaid => graph::GraphFormat::Mermaid,
        GraphFormat::Json => graph::GraphFormat::Json,
    };
    context.logger.out(Color::None, &graph(&project.compilation.program, &roots, format));
    Ok(())
}
