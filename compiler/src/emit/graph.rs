//! Who calls whom, as a picture's source.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::json;

use crate::ir::{CallKind, Program, TaskId};

/// A form of the graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GraphFormat {
    /// Graphviz.
    Dot,
    /// Mermaid.
    Mermaid,
    /// `{"version": 1, "tasks": […], "calls": […]}`
    Json,
}

/// The tasks that `roots` reach and their calls; all tasks where `roots` is empty.
pub fn graph(program: &Program, roots: &[TaskId], format: GraphFormat) -> String {
    let tasks = reachable(program, roots);
    let mut calls: Vec<(TaskId, TaskId, CallKind)> = tasks
        .iter()
        .flat_map(|&id| program.callees(id).map(move |(call, callee)| (id, callee, call.kind)))
        .collect();
    calls.sort_unstable();
    calls.dedup();
    match format {
        GraphFormat::Dot => dot(program, &tasks, &calls),
        GraphFormat::Mermaid => mermaid(program, &tasks, &calls),
        GraphFormat::Json => as_json(program, &tasks, &calls),
    }
}

fn reachable(program: &Program, roots: &[TaskId]) -> BTreeSet<TaskId> {
    if roots.is_empty() {
        return program.ids().collect();
    }
    let mut seen = BTreeSet::new();
    let mut left = roots.to_vec();
    while let Some(id) = left.pop() {
        if seen.insert(id) {
            left.extend(program.callees(id).map(|(_, callee)| callee));
        }
    }
    seen
}

fn kind_name(kind: CallKind) -> &'static str {
    match kind {
        CallKind::Dependency => "dep",
        CallKind::Command => "call",
        CallKind::Deferred => "defer",
    }
}

fn dot(program: &Program, tasks: &BTreeSet<TaskId>, calls: &[(TaskId, TaskId, CallKind)]) -> String {
    let quoted =
        |id: TaskId| format!("\"{}\"", program.task(id).name.replace('\\', "\\\\").replace('"', "\\\""));
    let mut out = String::from("digraph tasks {\n  rankdir=LR;\n  node [shape=box, style=rounded];\n");
    for &id in tasks {
        let style = if program.task(id).internal { " [style=\"rounded,dashed\"]" } else { "" };
        let _ = writeln!(out, "  {}{style};", quoted(id));
    }
    for &(from, to, kind) in calls {
        let style = match kind {
            CallKind::Dependency => "",
            CallKind::Command => " [style=dashed]",
            CallKind::Deferred => " [style=dotted]",
        };
        let _ = writeln!(out, "  {} -> {}{style};", quoted(from), quoted(to));
    }
    out.push_str("}\n");
    out
}

fn mermaid(program: &Program, tasks: &BTreeSet<TaskId>, calls: &[(TaskId, TaskId, CallKind)]) -> String {
    let mut out = String::from("graph LR\n");
    for &id in tasks {
        let name = program.task(id).name.replace('"', "#quot;");
        let _ = writeln!(out, "  t{}[\"{name}\"]", id.0);
    }
    for &(from, to, kind) in calls {
        let arrow = match kind {
            CallKind::Dependency => "-->",
            CallKind::Command => "-.->",
            CallKind::Deferred => "-. defer .->",
        };
        let _ = writeln!(out, "  t{} {arrow} t{}", from.0, to.0);
    }
    out
}

fn as_json(program: &Program, tasks: &BTreeSet<TaskId>, calls: &[(TaskId, TaskId, CallKind)]) -> String {
    let name = |id: TaskId| program.task(id).name.as_str();
    let tasks: Vec<_> =
        tasks.iter().map(|&id| json!({"name": name(id), "internal": program.task(id).internal})).collect();
    let calls: Vec<_> = calls
        .iter()
        .map(|&(from, to, kind)| json!({"from": name(from), "to": name(to), "kind": kind_name(kind)}))
        .collect();
    format!("{:#}\n", json!({"version": 1, "tasks": tasks, "calls": calls}))
}
