//! Steps of plans, and the names in their templates.

use std::fmt::Write;

use ez_compiler::ast;
use ez_compiler::ir::plan::PlanStep;
use ez_compiler::ir::{NodeId, Plan};
use ez_compiler::plan::CompiledPlan;
use ez_compiler::symbols::Occurrence;

use super::markdown::{code, codes, count, place};
use super::variable;
use crate::analysis::Snapshot;

/// The plan that a file is.
pub fn of_file<'s>(snapshot: &'s Snapshot, path: &camino::Utf8Path) -> Option<&'s CompiledPlan> {
    snapshot.analysis.compilation.plans.iter().find(|plan| plan.file.path == path)
}

/// A step, by its name or that of one of its combinations.
pub fn step(plan: &CompiledPlan, name: &str) -> Option<String> {
    let name = name.split_once('[').map_or(name, |(name, _)| name);
    let written = plan.written.as_ref()?.steps.iter().find(|step| step.name.value == name)?;
    let compiled = plan.plan.as_deref();
    let found =
        compiled.and_then(|plan| Some((plan, plan.steps.iter().find(|step| step.name.value == name)?)));
    Some(show(written, found))
}

fn show(written: &ast::Step, compiled: Option<(&Plan, &PlanStep)>) -> String {
    let mut shown = format!("**step** {}", code(&written.name.value));
    if written.task.value != written.name.value {
        let _ = write!(shown, " runs {}", code(&written.task.value));
    }
    let mut lines: Vec<String> = Vec::new();
    if let Some((plan, step)) = compiled {
        let nodes = || step.nodes.clone().map(NodeId);
        let (first, last) = plan.levels_of(step);
        let mut facts =
            vec![if first == last { format!("level {first}") } else { format!("levels {first} to {last}") }];
        if step.has_matrix {
            facts.extend(count(step.nodes.len(), "combination", "combinations"));
        }
        if step.checkpoint.is_some() {
            facts.push("asks before it begins".to_owned());
        }
        lines.push(facts.join(" · "));
        let names = |ids: Vec<NodeId>| {
            let mut steps: Vec<u32> =
                ids.iter().filter_map(|id| plan.nodes.get(id.0 as usize)).map(|node| node.step.0).collect();
            steps.sort_unstable();
            steps.dedup();
            let names = steps.iter().filter_map(|step| plan.steps.get(*step as usize));
            codes(names.map(|step| step.name.value.as_str()))
        };
        let needs = names(nodes().flat_map(|node| plan.needs.of(node).to_vec()).collect());
        let dependents = names(nodes().flat_map(|node| plan.dependents.of(node).to_vec()).collect());
        lines.push(if needs.is_empty() {
            "Waits for nothing".to_owned()
        } else {
            format!("Waits for {needs}")
        });
        if !dependents.is_empty() {
            lines.push(format!("Before {dependents}"));
        }
        if !step.artifacts.is_empty() {
            let names = step.artifacts.iter().map(|artifact| artifact.name.value.as_str());
            lines.push(format!("Artifacts: {}", codes(names)));
        }
        if !step.inputs.is_empty() {
            let names = step.inputs.iter().map(|input| input.artifact_name.as_str());
            lines.push(format!("Given: {}", codes(names)));
        }
        if !step.outputs.is_empty() {
            lines.push(format!("Outputs: {}", codes(step.outputs.iter().map(smol_str::SmolStr::as_str))));
        }
    } else if !written.needs.is_empty() {
        lines.push(format!("Waits for {}", codes(written.needs.iter().map(|need| need.value.as_str()))));
    }
    if let Some(when) = &written.when {
        lines.push(format!("Only if {}", code(&when.value)));
    }
    if !lines.is_empty() {
        let _ = write!(shown, "\n\n{}", lines.join("  \n"));
    }
    shown
}

/// An artifact of a step.
pub fn artifact(snapshot: &Snapshot, plan: &CompiledPlan, step: &str, name: &str) -> Option<String> {
    let step_name = step.split_once('[').map_or(step, |(name, _)| name);
    let graph = plan.plan.as_ref()?;
    let step = graph.steps.iter().find(|step| step.name.value == step_name)?;
    let artifact = step.artifacts.iter().find(|artifact| artifact.name.value == name)?;
    let mut shown = format!("**artifact** {} of the step {}", code(name), code(step_name));
    let _ = write!(shown, "\n\n{}", code(&artifact.path.text.value));
    if artifact.optional {
        shown.push_str(" · optional");
    }
    let span = artifact.name.span;
    // The artifact of a folder task stands in a text of its own.
    if span.is_empty() || snapshot.analysis.compilation.sources.text(span) != name {
        return Some(shown);
    }
    let _ = write!(shown, "\n\nDefined in {}", place(snapshot, &snapshot.analysis.locate(span)));
    Some(shown)
}

/// An output of a step, by where the step names it.
pub fn output(snapshot: &Snapshot, plan: &CompiledPlan, definition: &Occurrence) -> Option<String> {
    let analysis = &snapshot.analysis;
    let is_it = |output: &ast::Text| {
        let place = analysis.locate(output.span);
        place.file == definition.file && place.range == definition.range()
    };
    let mut outputs = plan.written.iter().flat_map(|plan| &plan.steps).flat_map(|step| {
        let outputs = step.outputs.iter();
        outputs.map(move |output| (step, output))
    });
    let (step, output) = outputs.find(|(_, output)| is_it(output))?;
    Some(format!(
        "**output** {} of the step {}\n\nIts task {} writes it to `$EZ_STEP_OUTPUT`\n\nDefined in {}",
        code(&output.value),
        code(&step.name.value),
        code(&step.task.value),
        place(snapshot, &analysis.locate(output.span))
    ))
}

/// A name in a template of a plan: a key of the step's matrix, else a variable or a param of the plan.
pub fn name(
    snapshot: &Snapshot,
    plan: &CompiledPlan,
    step: Option<&ast::Step>,
    name: &str,
) -> Option<String> {
    if name == "steps" {
        return Some("**outputs of steps**\n\n`.steps.<step>.outputs.<name>`, of combinations `(index .steps \"<name>\").outputs`".to_owned());
    }
    let written = plan.written.as_ref()?;
    let key = step.and_then(|step| step.matrix.as_ref()?.keys.iter().find(|key| key.name.value == name));
    if let Some(key) = key {
        let values: Vec<_> = key.values.iter().map(|found| found.value.to_text()).collect();
        let values = codes(values.iter().map(smol_str::SmolStr::as_str));
        return Some(format!("**key of the matrix** {}\n\nOne of {values}", code(name)));
    }
    if let Some(found) = written.vars.iter().rfind(|variable| variable.name.value == name) {
        let mut shown = format!("**variable of the plan** {}\n\n{}", code(name), variable::written(found));
        let _ =
            write!(shown, "\n\nDefined in {}", place(snapshot, &snapshot.analysis.locate(found.name.span)));
        return Some(shown);
    }
    let is_param = |param: &&ast::Param| {
        param.name.value == name || ast::param::variable_name(&param.name.value) == name
    };
    if let Some(param) = written.params.iter().find(is_param) {
        return Some(variable::show_param(param));
    }
    let is_implicit =
        plan.plan.as_ref().is_some_and(|graph| graph.implicit_names.iter().any(|known| known == name));
    is_implicit.then(|| {
        let given = ez_compiler::plan::evaluation::param_variable(name);
        format!(
            "**param** {}\n\nThe plan does not declare it: it is {} where that is given.",
            code(name),
            code(&given)
        )
    })
}
