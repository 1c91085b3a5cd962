//! Steps of plans, and what they make.

use ez_compiler::ast::plan::Step;
use ez_compiler::ir::plan::Plan;
use smol_str::SmolStr;

use super::rank::Candidates;
use super::request::Request;
use super::{Item, Kind, insertion};
use crate::ide::cursor::{Part, Style};

/// Steps that already wait for the one that is being written, which must not wait for them.
const WAITING: u16 = 5;
/// Combinations of steps come after the steps.
const COMBINATION: u16 = 1;

/// Steps, and combinations of them, for `needs` and `from`.
pub fn add_references(request: &Request<'_>, found: &mut Candidates) {
    let Some(written) = request.plan().and_then(|plan| plan.written.as_ref()) else { return };
    let own = request.step().map(|(number, _)| number);
    let graph = request.plan().and_then(|plan| plan.plan.as_deref());
    let is_from = request.cursor.path.last().and_then(crate::ide::cursor::Step::key) == Some("from");
    let named = if is_from { Vec::new() } else { needed(request) };
    for (number, step) in written.steps.iter().enumerate().filter(|(number, _)| Some(*number) != own) {
        let name = &step.name.value;
        if named.contains(name) {
            continue;
        }
        let mut group = if own.is_some_and(|own| waits_for(graph, number, own)) { WAITING } else { 0 };
        if is_from && artifacts_of(request, name).is_empty() {
            group += 1;
        }
        let detail = (step.task.value != *name).then(|| step.task.value.to_string());
        found.add(group, name, || request.scalar(name, Kind::Step).detail(detail));
        if step.matrix.is_some() && request.typed().contains('[') {
            for combination in combinations(graph, number) {
                found.add(group + COMBINATION, &combination, || request.scalar(&combination, Kind::Step));
            }
        } else if step.matrix.is_some() {
            for combination in combinations(graph, number) {
                found.add(group + COMBINATION, &combination, || {
                    request.scalar(&combination, Kind::Step).origin("combination")
                });
            }
        }
    }
}

/// The steps that the list names in which the cursor is.
fn needed(request: &Request<'_>) -> Vec<SmolStr> {
    let typed = request.source.text.get(request.cursor.word.clone()).unwrap_or("");
    let needs = request.step().map(|(_, step)| step.needs.as_slice()).unwrap_or_default();
    needs.iter().map(|need| need.value.clone()).filter(|need| need != typed).collect()
}

/// Whether a step waits for another, as far as a graph tells.
fn waits_for(graph: Option<&Plan>, step: usize, other: usize) -> bool {
    let Some(graph) = graph else { return false };
    let Some(first) = graph.steps.get(other).and_then(|step| step.nodes.clone().next()) else { return false };
    let mut seen = vec![false; graph.nodes.len()];
    let mut waiting = vec![ez_compiler::ir::plan::NodeId(first)];
    while let Some(node) = waiting.pop() {
        let is_new = seen.get_mut(node.0 as usize).is_some_and(|seen| !std::mem::replace(seen, true));
        if is_new {
            waiting.extend(graph.dependents.of(node));
        }
    }
    graph
        .steps
        .get(step)
        .is_some_and(|step| step.nodes.clone().any(|node| seen.get(node as usize) == Some(&true)))
}

fn combinations(graph: Option<&Plan>, step: usize) -> Vec<SmolStr> {
    let nodes = graph.and_then(|graph| Some((graph, graph.steps.get(step)?.nodes.clone())));
    let names = nodes.into_iter().flat_map(|(graph, nodes)| {
        nodes.filter_map(|node| graph.nodes.get(node as usize)).map(|node| node.name.clone())
    });
    names.take(super::rank::MAX_ITEMS).collect()
}

/// The artifacts of a step: its own and those of its task.
fn artifacts_of(request: &Request<'_>, step: &str) -> Vec<(SmolStr, SmolStr)> {
    let Some(plan) = request.plan() else { return Vec::new() };
    let linked =
        plan.plan.as_ref().and_then(|graph| graph.steps.iter().find(|known| known.name.value == step));
    if let Some(linked) = linked {
        let artifact = |artifact: &ez_compiler::ir::plan::PlanArtifact| {
            (artifact.name.value.clone(), artifact.path.text.value.clone())
        };
        return linked.artifacts.iter().map(artifact).collect();
    }
    let written = plan.written.iter().flat_map(|plan| &plan.steps).find(|known| known.name.value == step);
    let own = written.into_iter().flat_map(|step| &step.artifacts);
    let task = written.and_then(|step| super::tasks::find(request, &step.task.value));
    let of_task =
        task.and_then(|task| task.superset.as_ref()).into_iter().flat_map(|superset| &superset.artifacts);
    own.chain(of_task).map(|artifact| (artifact.name.value.clone(), artifact.path.value.clone())).collect()
}

/// The artifacts of the step that `from` beside the cursor names; of all steps where nothing is named yet.
pub fn add_artifacts(request: &Request<'_>, found: &mut Candidates) {
    let Some(depth) = request.cursor.path.len().checked_sub(1) else { return };
    let from = request.cursor.scalar_of(request.source, depth, "from").filter(|from| !from.is_empty());
    let written = request.plan().and_then(|plan| plan.written.as_ref());
    let step_name = |text: &str| SmolStr::new(text.split('[').next().unwrap_or(text));
    let steps: Vec<SmolStr> = match from {
        Some(from) => vec![step_name(&from)],
        None => written.iter().flat_map(|plan| &plan.steps).map(|step| step.name.value.clone()).collect(),
    };
    for step in steps {
        for (name, path) in artifacts_of(request, &step) {
            found.add(0, &name, || {
                request.scalar(&name, Kind::Product).detail(Some(path.to_string())).origin(step.as_str())
            });
        }
    }
}

/// The keys of the matrix in which the cursor is in `include` or `exclude`.
pub fn add_matrix_keys(request: &Request<'_>, present: &[SmolStr], found: &mut Candidates) {
    let Some(matrix) = request.step().and_then(|(_, step)| step.matrix.as_ref()) else { return };
    let is_combination =
        request.cursor.path.iter().any(|step| matches!(step.key(), Some("include" | "exclude")));
    for key in matrix.keys.iter().filter(|key| is_combination && !present.contains(&key.name.value)) {
        let name = &key.name.value;
        found.add(0, name, || {
            let colon = if request.cursor.part == Part::KeyWithColon { "" } else { ": " };
            let written = insertion::scalar(name, Style::Plain, request.cursor.flow.is_some());
            Item::new(name.as_str(), Kind::Field, request.word()).inserting(format!("{written}{colon}"))
        });
    }
}

/// The outputs of a step, or of combinations of it.
pub fn outputs_of(request: &Request<'_>, step: &str) -> Vec<SmolStr> {
    let name = step.split('[').next().unwrap_or(step);
    let written = request.plan().and_then(|plan| plan.written.as_ref());
    let step = written.into_iter().flat_map(|plan| &plan.steps).find(|known| known.name.value == name);
    step.iter().flat_map(|step| &step.outputs).map(|output| output.value.clone()).collect()
}

/// The other steps of the plan that have outputs, with the names of their combinations.
pub fn with_outputs(request: &Request<'_>) -> Vec<(SmolStr, bool)> {
    let Some(written) = request.plan().and_then(|plan| plan.written.as_ref()) else { return Vec::new() };
    let own = request.step().map(|(number, _)| number);
    let graph = request.plan().and_then(|plan| plan.plan.as_deref());
    let mut names = Vec::new();
    let has_outputs =
        |(number, step): &(usize, &std::sync::Arc<Step>)| Some(*number) != own && !step.outputs.is_empty();
    for (number, step) in written.steps.iter().enumerate().filter(has_outputs) {
        if step.matrix.is_some() {
            names.extend(combinations(graph, number).into_iter().map(|name| (name, true)));
        } else {
            names.push((step.name.value.clone(), false));
        }
    }
    names
}
