//! EZ810: artifacts and inputs that would be the same file.

use std::collections::BTreeMap;

use rustc_hash::{FxHashMap, FxHashSet};
use smol_str::SmolStr;

use super::link::Linker;
use super::upstream::are_upstream;
use crate::diagnostic::Diagnostic;
use crate::ir::plan::{Adjacency, Node, PlanStep, PlanText, TaskKind};
use crate::ir::{NodeId, StepId};
use crate::project::paths::{clean, smart_join};
use crate::rule;
use crate::source::Span;
use crate::template::{PureHost, TemplateText, has_template};

/// Functions that give the same wherever and whenever they are called.
const PURE_FUNCTIONS: &[&str] =
    &["lower", "upper", "replace", "trim", "trimPrefix", "trimSuffix", "print", "printf", "index", "default"];

/// All collisions. `order` has each node after what it waits for.
pub fn find_all(
    linker: &Linker<'_>,
    steps: &[PlanStep],
    needs: &Adjacency,
    order: &[NodeId],
) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        check_inputs(linker, index, step, steps, &mut found);
    }
    check_artifacts(linker, steps, needs, order, &mut found);
    found
}

/// What a text gives for a node, if that is known before anything runs.
fn known_text(text: &PlanText, node: &Node) -> Option<SmolStr> {
    let template = match text.template() {
        TemplateText::Plain(text) => return Some(text.clone()),
        TemplateText::Template(template) => template,
    };
    let is_key = |name: &SmolStr| node.values.iter().any(|(key, _)| key == name);
    let is_known = !template.uses_all_variables()
        && template.field_references().iter().all(|read| is_key(&read.name))
        && template.function_calls().iter().all(|call| PURE_FUNCTIONS.contains(&call.name.as_str()));
    let scope: BTreeMap<_, _> = node.values.iter().cloned().collect();
    is_known.then(|| text.template().render(&scope, &PureHost).ok())?
}

/// An artifact: whose it is, and where it is written.
struct Written {
    node: NodeId,
    span: Span,
}

fn check_artifacts(
    linker: &Linker<'_>,
    steps: &[PlanStep],
    needs: &Adjacency,
    order: &[NodeId],
    found: &mut Vec<Diagnostic>,
) {
    let mut places: FxHashMap<String, Vec<Written>> = FxHashMap::default();
    for id in order {
        let node = &linker.nodes[id.0 as usize];
        let step = &steps[node.step.0 as usize];
        let is_alone = step.workspace || node.kind == TaskKind::Folder;
        if is_alone || step.artifacts.is_empty() {
            continue;
        }
        let Some(task) = linker.task_of(node).map(|task| task.task()) else { continue };
        if has_template(&task.dir) {
            continue;
        }
        for artifact in &step.artifacts {
            let Some(path) = known_text(&artifact.path, node) else { continue };
            let path = clean(smart_join(&task.dir, &path).as_str()).into_string();
            places.entry(path).or_default().push(Written { node: *id, span: artifact.path.text.span });
        }
    }
    // Of nodes in running order each has to wait for the one before.
    let mut shared: Vec<(String, Vec<Written>)> =
        places.into_iter().filter(|(_, written)| written.len() > 1).collect();
    shared.sort_by(|a, b| a.0.cmp(&b.0));
    let neighbours: Vec<(NodeId, NodeId)> = shared
        .iter()
        .flat_map(|(_, written)| written.windows(2).map(|pair| (pair[1].node, pair[0].node)))
        .collect();
    let ordered = are_upstream(needs, order, &neighbours);
    let mut told: FxHashSet<(StepId, StepId)> = FxHashSet::default();
    let mut next = ordered.iter();
    for (path, written) in &shared {
        for pair in written.windows(2) {
            let is_ordered = next.next().copied().unwrap_or(true);
            let [first, second] = pair else { continue };
            let (one, other) = (&linker.nodes[first.node.0 as usize], &linker.nodes[second.node.0 as usize]);
            if is_ordered || first.node == second.node || !told.insert((one.step, other.step)) {
                continue;
            }
            found.push(report(path, one, other, first.span, second.span));
        }
    }
}

fn report(path: &str, one: &Node, other: &Node, first: Span, second: Span) -> Diagnostic {
    let message = format!("`{}` and `{}` may write `{path}` at once", one.name, other.name);
    let diagnostic = Diagnostic::error(rule::ARTIFACT_COLLISION, message, second).with_label("the same file");
    if one.step == other.step {
        let key = one.values.first().map_or("arch", |(key, _)| key.as_str());
        return diagnostic.with_help(format!(
            "write a key of the matrix into the path, as in `{path}-{{{{.{key}}}}}`, or give the step `workspace: true`"
        ));
    }
    diagnostic
        .and_at(first, "written here, too")
        .with_help("let one step need the other, change a path, or give a step `workspace: true`")
}

fn check_inputs(
    linker: &Linker<'_>,
    index: usize,
    step: &PlanStep,
    steps: &[PlanStep],
    found: &mut Vec<Diagnostic>,
) {
    let mut targets: FxHashMap<&str, Span> = FxHashMap::default();
    let first = linker.nodes_of(index).next();
    for (position, input) in step.inputs.iter().enumerate() {
        let to = input.to.text.value.as_str();
        if to.ends_with('/') {
            continue;
        }
        let span = input.to.text.span;
        if let Some(earlier) = targets.insert(to, span) {
            found.push(
                Diagnostic::error(rule::ARTIFACT_COLLISION, format!("two inputs go to `{to}`"), span)
                    .with_label("the same file")
                    .and_at(earlier, "the first")
                    .with_help("write another path, or a directory that ends in `/`"),
            );
            continue;
        }
        let maker = steps.get(input.from.0 as usize);
        let artifact = maker.and_then(|maker| maker.artifacts.get(input.artifact as usize));
        let is_glob = artifact.is_some_and(|artifact| artifact.path.text.value.contains(['*', '?', '[']));
        let sources = first.and_then(|id| linker.nodes[id.0 as usize].sources.get(position));
        let problem = if input.is_collected {
            let count = sources.map_or(0, Vec::len);
            format!("the artifacts of {count} combinations cannot all be `{to}`")
        } else if is_glob {
            format!("`{}` may be several files, which cannot all be `{to}`", input.artifact_name)
        } else {
            continue;
        };
        found.push(
            Diagnostic::error(rule::ARTIFACT_COLLISION, problem, span)
                .with_label("not a directory")
                .with_help(format!("write `{to}/`"))
                .with_fix("end it with `/`", span, quoted_like(linker.sources.text(span), to)),
        );
    }
}

/// A path with a `/` at its end, in the quotes that it had.
fn quoted_like(written: &str, to: &str) -> String {
    match written.chars().next() {
        Some(quote @ ('\'' | '"')) => format!("{quote}{to}/{quote}"),
        _ => format!("{to}/"),
    }
}
