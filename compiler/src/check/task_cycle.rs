//! EZ206: tasks that call each other without end.

use super::calls::{self, TaskCall};
use super::context::Context;
use crate::diagnostic::Diagnostic;
use crate::ir::{CallKind, Program, TaskId};
use crate::rule;
use crate::source::Span;

/// What may stop a task that calls itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stop {
    /// Nothing: go-task gives up after 1,000 calls, or waits for itself.
    Nothing,
    /// `status`, `sources`, `preconditions` or a question: it may be up to date some time.
    Fingerprint,
}

/// How many calls of a cycle a finding shows.
const MAX_SHOWN: usize = 20;

#[derive(Clone, Copy)]
struct Step {
    to: usize,
    stop: Stop,
    span: Span,
}

/// Finds one cycle in each knot of tasks. Calls under `if` or `for` are left out: they are meant to end.
pub fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    let program = context.program;
    let steps: Vec<Vec<Step>> = program.ids().map(|id| steps_of(program, id, context.calls(id))).collect();
    if steps.iter().all(Vec::is_empty) {
        return;
    }
    let mut reported = vec![false; steps.len()];
    for allowed in [Stop::Nothing, Stop::Fingerprint] {
        for knot in knots(&steps, allowed) {
            if knot.iter().any(|&task| reported.get(task).copied().unwrap_or(true)) {
                continue;
            }
            let Some(&start) = knot.iter().min() else { continue };
            let Some(cycle) = shortest_cycle(&steps, start, &knot, allowed) else { continue };
            for &task in &knot {
                if let Some(reported) = reported.get_mut(task) {
                    *reported = true;
                }
            }
            found.push(report(program, start, &cycle, allowed));
        }
    }
}

/// A cycle that tasks run into whatever happens: nothing but calls leads to it and around it.
pub fn inevitable(program: &Program, called: &[TaskId]) -> Option<Diagnostic> {
    let mut steps: Vec<Vec<Step>> = vec![Vec::new(); program.tasks.len()];
    let mut seen = vec![false; program.tasks.len()];
    let mut open: Vec<usize> = called.iter().map(|id| id.0 as usize).collect();
    while let Some(task) = open.pop() {
        if seen.get(task).copied().unwrap_or(true) {
            continue;
        }
        seen[task] = true;
        let id = TaskId(task as u32);
        let mut found = steps_of(program, id, &calls::of(program.task(id), program));
        found.retain(|step| step.stop == Stop::Nothing);
        open.extend(found.iter().map(|step| step.to));
        steps[task] = found;
    }
    let knot = knots(&steps, Stop::Nothing).into_iter().next()?;
    let start = *knot.iter().min()?;
    let cycle = shortest_cycle(&steps, start, &knot, Stop::Nothing)?;
    Some(report(program, start, &cycle, Stop::Nothing))
}

fn steps_of(program: &Program, id: TaskId, calls: &[TaskCall<'_>]) -> Vec<Step> {
    let definition = &program.task(id).definition;
    if definition.condition.is_some() || !definition.platforms.is_empty() {
        return Vec::new();
    }
    let is_fingerprinted = !definition.status.is_empty()
        || !definition.sources.is_empty()
        || !definition.preconditions.is_empty()
        || !definition.prompt.is_empty();
    let mut steps = Vec::new();
    for call in calls.iter().filter(|call| !call.conditional) {
        // Dependencies run before go-task asks whether the task is up to date.
        let stop = match call.kind {
            CallKind::Deferred => continue,
            CallKind::Command if is_fingerprinted => Stop::Fingerprint,
            _ => Stop::Nothing,
        };
        // What a wildcard matches may become shorter with every call.
        let is_open = |id: &TaskId| !program.task(*id).is_wildcard();
        let callees = call.callees().filter(is_open);
        steps.extend(callees.map(|to| Step { to: to.0 as usize, stop, span: call.text.span }));
    }
    steps
}

/// Strongly connected sets of tasks with a cycle in them (Tarjan's algorithm, without recursion).
fn knots(steps: &[Vec<Step>], allowed: Stop) -> Vec<Vec<usize>> {
    const UNSEEN: usize = usize::MAX;
    let mut order = vec![UNSEEN; steps.len()];
    let mut low = vec![0; steps.len()];
    let mut on_stack = vec![false; steps.len()];
    let (mut stack, mut knots, mut next) = (Vec::new(), Vec::new(), 0);
    for root in 0..steps.len() {
        if order[root] != UNSEEN {
            continue;
        }
        let mut work: Vec<(usize, usize)> = vec![(root, 0)];
        while let Some((task, at)) = work.pop() {
            if at == 0 {
                order[task] = next;
                low[task] = next;
                next += 1;
                stack.push(task);
                on_stack[task] = true;
            }
            let mut at = at;
            let mut descended = false;
            while let Some(step) = steps[task].get(at) {
                at += 1;
                if step.stop > allowed {
                    continue;
                }
                if order[step.to] == UNSEEN {
                    work.push((task, at));
                    work.push((step.to, 0));
                    descended = true;
                    break;
                }
                if on_stack[step.to] {
                    low[task] = low[task].min(order[step.to]);
                }
            }
            if descended {
                continue;
            }
            if let Some(&(parent, _)) = work.last() {
                low[parent] = low[parent].min(low[task]);
            }
            if low[task] == order[task] {
                let mut knot = Vec::new();
                while let Some(member) = stack.pop() {
                    on_stack[member] = false;
                    knot.push(member);
                    if member == task {
                        break;
                    }
                }
                let calls_itself = || steps[task].iter().any(|step| step.to == task && step.stop <= allowed);
                if knot.len() > 1 || calls_itself() {
                    knots.push(knot);
                }
            }
        }
    }
    knots.sort_by_key(|knot| knot.iter().min().copied());
    knots
}

/// The shortest way from a task back to itself: the steps of it.
fn shortest_cycle(
    steps: &[Vec<Step>],
    start: usize,
    knot: &[usize],
    allowed: Stop,
) -> Option<Vec<(usize, Step)>> {
    let mut came_by: rustc_hash::FxHashMap<usize, (usize, Step)> = rustc_hash::FxHashMap::default();
    let inside: rustc_hash::FxHashSet<usize> = knot.iter().copied().collect();
    let mut queue = std::collections::VecDeque::from([start]);
    while let Some(task) = queue.pop_front() {
        for step in steps.get(task)?.iter().filter(|step| step.stop <= allowed && inside.contains(&step.to)) {
            if step.to == start {
                let mut cycle = vec![(task, *step)];
                let mut at = task;
                while at != start {
                    let (before, step) = *came_by.get(&at)?;
                    cycle.push((before, step));
                    at = before;
                }
                cycle.reverse();
                return Some(cycle);
            }
            if let std::collections::hash_map::Entry::Vacant(entry) = came_by.entry(step.to) {
                entry.insert((task, *step));
                queue.push_back(step.to);
            }
        }
    }
    None
}

fn report(program: &Program, start: usize, cycle: &[(usize, Step)], stop: Stop) -> Diagnostic {
    let name = |task: usize| program.task(TaskId(task as u32)).name.as_str();
    let shown = cycle.iter().take(MAX_SHOWN);
    let mut path: Vec<&str> = shown.clone().map(|(from, _)| name(*from)).collect();
    let more = cycle.len() - path.len();
    let left_out = format!("… {more} more …");
    if more > 0 {
        path.push(&left_out);
    }
    path.push(name(start));
    let path = path.join(" → ");
    let span = cycle.first().map_or(program.task(TaskId(start as u32)).name_span(), |(_, step)| step.span);
    let mut diagnostic = if stop == Stop::Nothing {
        Diagnostic::error(rule::TASK_CYCLE, format!("these tasks call each other without end: {path}"), span)
            .with_help("take one of the calls out, or put an `if` on it")
    } else {
        Diagnostic::warning(rule::TASK_CYCLE, format!("these tasks call each other: {path}"), span).with_help(
            "only `status`, `sources` or `preconditions` can end this; put an `if` on one of the calls",
        )
    };
    for (at, (from, step)) in shown.enumerate() {
        let message = format!("`{}` calls `{}`", name(*from), name(step.to));
        diagnostic =
            if at == 0 { diagnostic.with_label(message) } else { diagnostic.and_at(step.span, message) };
    }
    diagnostic
}
