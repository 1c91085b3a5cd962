//! A plan as a picture's source, and as plain data.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use crate::ir::plan::{PlanStep, TaskKind};
use crate::ir::{NodeId, Plan};
use crate::source::SourceMap;

/// A form of the graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlanFormat {
    /// Mermaid.
    Mermaid,
    /// Graphviz.
    Dot,
    /// `{"version": 1, "name": …, "steps": […], "nodes": […]}`
    Json,
    /// A picture.
    Svg,
}

/// Draws a plan: a box a combination, an arrow from what is done before to what waits for it. `sources` tells where its
/// steps stand.
pub fn plan_graph(plan: &Plan, sources: &SourceMap, format: PlanFormat) -> String {
    match format {
        PlanFormat::Mermaid => mermaid(plan),
        PlanFormat::Dot => dot(plan),
        PlanFormat::Json => as_json(plan, sources),
        PlanFormat::Svg => svg(plan),
    }
}

fn edges(plan: &Plan) -> impl Iterator<Item = (NodeId, NodeId)> + '_ {
    plan.ids().flat_map(|id| plan.needs.of(id).iter().map(move |need| (*need, id)))
}

fn mermaid(plan: &Plan) -> String {
    let mut out = String::from("graph LR\n");
    for id in plan.ids() {
        let name = plan.node(id).name.replace('"', "#quot;");
        // A `String` takes all that is written to it, here and below.
        let _ = writeln!(out, "  n{}[\"{name}\"]", id.0);
    }
    for (from, to) in edges(plan) {
        let _ = writeln!(out, "  n{} --> n{}", from.0, to.0);
    }
    out
}

fn dot(plan: &Plan) -> String {
    let quoted =
        |id: NodeId| format!("\"{}\"", plan.node(id).name.replace('\\', "\\\\").replace('"', "\\\""));
    let mut out = String::from("digraph plan {\n  rankdir=LR;\n  node [shape=box, style=rounded];\n");
    for id in plan.ids() {
        let style = if plan.step_of(id).when.is_some() { " [style=\"rounded,dashed\"]" } else { "" };
        let _ = writeln!(out, "  {}{style};", quoted(id));
    }
    for (from, to) in edges(plan) {
        let _ = writeln!(out, "  {} -> {};", quoted(from), quoted(to));
    }
    out.push_str("}\n");
    out
}

fn as_json(plan: &Plan, sources: &SourceMap) -> String {
    let steps: Vec<Value> = plan.steps.iter().map(|step| step_json(step, sources)).collect();
    let nodes: Vec<Value> = plan
        .ids()
        .map(|id| {
            let node = plan.node(id);
            let values: Map<String, Value> = node
                .values
                .iter()
                .map(|(key, value)| (key.to_string(), serde_json::to_value(value).unwrap_or_default()))
                .collect();
            let needs: Vec<&str> =
                plan.needs.of(id).iter().map(|need| plan.node(*need).name.as_str()).collect();
            json!({
                "name": node.name,
                "step": plan.step_of(id).name.value,
                "slug": node.slug,
                "task": node.task,
                "kind": node.kind,
                "level": plan.levels.get(id.0 as usize),
                "values": values,
                "needs": needs,
            })
        })
        .collect();
    let params: Vec<Value> = plan
        .params
        .iter()
        .map(|param| {
            json!({
                "name": param.name.value,
                "type": param.kind.value.name(),
                "required": param.required,
                "default": param.default.as_ref().map(|default| default.value.as_str()),
            })
        })
        .collect();
    let document = json!({
        "version": 1,
        "name": plan.name,
        "file": plan.file,
        "desc": plan.desc,
        "params": params,
        "implicit_params": plan.implicit_params,
        "steps": steps,
        "nodes": nodes,
    });
    format!("{document:#}\n")
}

fn step_json(step: &PlanStep, sources: &SourceMap) -> Value {
    let position = sources.position(step.span);
    let artifacts: Vec<Value> = step
        .artifacts
        .iter()
        .map(|artifact| {
            json!({
                "name": artifact.name.value,
                "path": artifact.path.text.value,
                "optional": artifact.optional,
            })
        })
        .collect();
    let inputs: Vec<Value> = step
        .inputs
        .iter()
        .map(|input| {
            json!({
                "artifact": input.artifact_name,
                "to": input.to.text.value,
                "optional": input.optional,
            })
        })
        .collect();
    json!({
        "name": step.name.value,
        "location": {"line": position.line, "column": position.column},
        "combinations": step.nodes.len(),
        "when": step.when.as_ref().map(|when| when.text.value.as_str()),
        "artifacts": artifacts,
        "inputs": inputs,
        "outputs": step.outputs,
        "checkpoint": step.checkpoint.is_some(),
        "continue_on_error": step.continue_on_error,
        "workspace": step.workspace,
    })
}

/// Sizes of the picture, in pixels.
const BOX_HEIGHT: usize = 32;
const ROW: usize = 48;
const GAP: usize = 64;
const MARGIN: usize = 16;
const TITLE: usize = 40;
/// What a letter takes, about, in the font of the boxes.
const LETTER: usize = 8;
/// The longest text of a box, in letters.
const MAX_LETTERS: usize = 40;

fn svg(plan: &Plan) -> String {
    let label = |id: NodeId| shortened(&plan.node(id).name);
    let depth = plan.levels.iter().max().map_or(0, |level| *level as usize + 1);
    let mut columns: Vec<Vec<NodeId>> = vec![Vec::new(); depth];
    for id in plan.ids() {
        let level = plan.levels.get(id.0 as usize).map_or(0, |level| *level as usize);
        if let Some(column) = columns.get_mut(level) {
            column.push(id);
        }
    }
    let width_of = |column: &[NodeId]| {
        column.iter().map(|id| label(*id).chars().count()).max().unwrap_or(0) * LETTER + 2 * MARGIN
    };
    let mut places = vec![(0, 0, 0); plan.nodes.len()];
    let (mut x, mut height) = (MARGIN, 0);
    for column in &columns {
        let width = width_of(column);
        for (row, id) in column.iter().enumerate() {
            let y = TITLE + MARGIN + row * ROW;
            height = height.max(y + BOX_HEIGHT + MARGIN);
            if let Some(place) = places.get_mut(id.0 as usize) {
                *place = (x, y, width);
            }
        }
        x += width + GAP;
    }
    let width = x - if depth == 0 { 0 } else { GAP } + MARGIN;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"ui-monospace, monospace\" font-size=\"13\">\n<style>\n\
         text{{fill:#1f2328}} rect{{fill:#f6f8fa;stroke:#57606a}} path{{fill:none;stroke:#8c959f}}\n\
         .folder{{fill:#ddf4ff}} .maybe{{stroke-dasharray:4 3}}\n\
         @media (prefers-color-scheme:dark){{text{{fill:#e6edf3}} rect{{fill:#161b22}} .folder{{fill:#0c2d6b}}}}\n</style>\n\
         <text x=\"{MARGIN}\" y=\"{}\" font-weight=\"bold\">{}</text>\n",
        MARGIN + 12,
        escaped(&plan.name)
    );
    for (from, to) in edges(plan) {
        let (Some(&(x1, y1, w1)), Some(&(x2, y2, _))) =
            (places.get(from.0 as usize), places.get(to.0 as usize))
        else {
            continue;
        };
        let (x1, y1, y2) = (x1 + w1, y1 + BOX_HEIGHT / 2, y2 + BOX_HEIGHT / 2);
        let bend = GAP / 2;
        let _ = writeln!(
            out,
            "<path d=\"M{x1} {y1} C{} {y1} {} {y2} {x2} {y2}\"/>",
            x1 + bend,
            x2.saturating_sub(bend)
        );
    }
    for id in plan.ids() {
        let Some(&(x, y, width)) = places.get(id.0 as usize) else { continue };
        let node = plan.node(id);
        let mut classes = Vec::new();
        if node.kind == TaskKind::Folder {
            classes.push("folder");
        }
        if plan.step_of(id).when.is_some() {
            classes.push("maybe");
        }
        let class =
            if classes.is_empty() { String::new() } else { format!(" class=\"{}\"", classes.join(" ")) };
        let _ = writeln!(
            out,
            "<g><title>{}: {}</title><rect{class} x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{BOX_HEIGHT}\" rx=\"6\"/>\
             <text x=\"{}\" y=\"{}\">{}</text></g>",
            escaped(&node.name),
            escaped(&node.task),
            x + MARGIN,
            y + BOX_HEIGHT / 2 + 5,
            escaped(&label(id)),
        );
    }
    out.push_str("</svg>\n");
    out
}

fn shortened(name: &str) -> String {
    if name.chars().count() <= MAX_LETTERS {
        return name.to_owned();
    }
    name.chars().take(MAX_LETTERS - 1).chain(['…']).collect()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
