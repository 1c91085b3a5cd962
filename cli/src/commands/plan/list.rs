//! `ez plan list`: the plans of a project.

use std::fmt::Write as _;

use ez_compiler::ast::ParamKind;
use ez_compiler::ir::Plan;
use ez_compiler::plan::{self, CompiledPlan, DIRECTORY};
use serde::Serialize;
use smol_str::SmolStr;

use super::{has_errors, shown};
use crate::args::invocation::Options;
use crate::args::plan::PlanList;
use crate::commands::{Context, Outcome};
use crate::disk::Disk;
use crate::exit_code::Code;
use crate::failure::Failure;
use crate::logger::Color;
use crate::project::Project;
use crate::table;

/// Spaces between the columns.
const PADDING: usize = 3;

/// A plan in JSON.
#[derive(Serialize)]
struct Row<'a> {
    name: &'a str,
    file: &'a str,
    desc: &'a str,
    /// How many steps are written.
    steps: usize,
    /// How many there are with all combinations.
    combinations: usize,
    params: Vec<&'a str>,
    /// What a value can be given for besides.
    variables: Vec<&'a str>,
    /// The params and variables whose values nobody is to see.
    secrets: Vec<&'a str>,
    /// Whether steps of it run on nodes of a server.
    remote: bool,
    /// Whether it cannot run.
    broken: bool,
}

/// Lists the plans.
pub fn run(context: &Context, options: &Options, request: &PlanList) -> Outcome {
    let mut project = Project::open_sound(context, options)?;
    let found = plan::find_all(&Disk, &project.compilation.program.dir);
    let plans = project.plans(found);
    let is_wanted = |row: &Row| {
        let filter = request.filter.as_deref().unwrap_or_default().to_lowercase();
        row.name.to_lowercase().contains(&filter) || row.desc.to_lowercase().contains(&filter)
    };
    let rows: Vec<Row> = plans.iter().map(row).filter(is_wanted).collect();
    if request.json {
        let json = serde_json::to_string_pretty(&rows)
            .map_err(|error| Failure::new(Code::OTHER, format!("ez: {error}")))?;
        context.logger.out(Color::None, &format!("{json}\n"));
        return Ok(());
    }
    if rows.is_empty() {
        let words = if plans.is_empty() {
            format!("ez: there are no plans in `{DIRECTORY}/`; `ez plan new` writes one\n")
        } else {
            "ez: no plan matches\n".to_owned()
        };
        context.logger.err(Color::Yellow, &words);
        return Ok(());
    }
    let mut text = String::new();
    for row in &rows {
        let steps = match (row.steps, row.combinations) {
            _ if row.broken => context.logger.paint(Color::Red, "broken"),
            (1, 1) => "1 step".to_owned(),
            (steps, all) if steps == all => format!("{steps} steps"),
            (steps, all) => format!("{steps} steps, {all} with combinations"),
        };
        let name = context.logger.paint(Color::Green, row.name);
        // A `String` takes all that is written to it.
        let _ = writeln!(text, "{name}\t{steps}\t{}", row.desc.lines().next().unwrap_or_default());
    }
    let aligned = table::align(&text, PADDING);
    let lines: Vec<&str> = aligned.lines().map(str::trim_end).collect();
    context.logger.out(Color::None, &format!("{}\n", lines.join("\n")));
    for plan in plans.iter().filter(|plan| is_broken(plan)) {
        let path = shown(context, &plan.file.path);
        context.logger.err(Color::Yellow, &format!("ez: `ez plan check {path}` tells what is wrong there\n"));
    }
    Ok(())
}

fn is_broken(plan: &CompiledPlan) -> bool {
    plan.plan.is_none() || has_errors(&plan.diagnostics)
}

fn row(plan: &CompiledPlan) -> Row<'_> {
    let written = plan.written.as_ref();
    Row {
        name: &plan.file.name,
        file: plan.file.path.as_str(),
        desc: written.and_then(|plan| plan.desc.as_ref()).map_or("", |desc| desc.as_str()),
        steps: written.map_or(0, |plan| plan.steps.len()),
        combinations: plan.plan.as_ref().map_or(0, |plan| plan.nodes.len()),
        params: written.iter().flat_map(|plan| &plan.params).map(|param| param.name.value.as_str()).collect(),
        variables: plan.plan.as_deref().map(variables).unwrap_or_default(),
        secrets: secrets(plan),
        remote: plan.plan.iter().flat_map(|plan| &plan.steps).any(|step| step.remote == Some(true)),
        broken: is_broken(plan),
    }
}

fn variables(plan: &Plan) -> Vec<&str> {
    let own = plan.vars.iter().map(|variable| variable.name.value.as_str());
    own.chain(plan.implicit_params.iter().map(SmolStr::as_str)).collect()
}

fn secrets(plan: &CompiledPlan) -> Vec<&str> {
    let Some(plan) = &plan.plan else { return Vec::new() };
    let params = plan.params.iter().filter(|param| param.kind.value == ParamKind::Secret);
    let vars = plan.vars.iter().filter(|variable| variable.secret);
    params
        .map(|param| param.name.value.as_str())
        .chain(vars.map(|variable| variable.name.value.as_str()))
        .collect()
}
