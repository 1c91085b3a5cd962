//! `ez plan show`: a plan as a drawing.

use ez_compiler::emit::plan_graph::{PlanFormat, plan_graph};

use super::{drawing, open, shown};
use crate::args::invocation::Options;
use crate::args::plan::{DrawingFormat, PlanShow};
use crate::commands::{Context, Outcome};
use crate::logger::Color;

/// Draws a plan.
pub fn run(context: &Context, options: &Options, request: &PlanShow) -> Outcome {
    let opened = open(context, options, &request.plan)?;
    let plan = &opened.plan;
    let format = match request.format {
        _ if request.json => PlanFormat::Json,
        DrawingFormat::Json => PlanFormat::Json,
        DrawingFormat::Mermaid => PlanFormat::Mermaid,
        DrawingFormat::Dot => PlanFormat::Dot,
        DrawingFormat::Svg => PlanFormat::Svg,
        DrawingFormat::Text => {
            let file = shown(context, &plan.file);
            context.logger.out(Color::None, &drawing::text(plan, file, &context.logger));
            return Ok(());
        }
    };
    context.logger.out(Color::None, &plan_graph(plan, &opened.project.compilation.sources, format));
    Ok(())
}
