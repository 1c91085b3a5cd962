/** Tasks as a tree, with namespaces as branches. */

import type { PlanGraph, PlanNode, TaskEntry } from "./answers";

/** Between the parts of a task's name. */
const SEPARATOR = ":";

/** A namespace, a task, or both: `docs` may be a task beside `docs:build`. */
export interface TaskBranch {
  /** The last part of the name. */
  readonly label: string;
  /** The whole name. */
  readonly name: string;
  readonly entry?: TaskEntry;
  readonly children: readonly TaskBranch[];
}

interface Growing {
  label: string;
  name: string;
  entry?: TaskEntry;
  children: Map<string, Growing>;
}

/** The tree of a project's tasks: in each branch first tasks, then namespaces, both as they are listed. */
export function taskTree(entries: readonly TaskEntry[]): TaskBranch[] {
  const root: Growing = { label: "", name: "", children: new Map() };
  for (const entry of entries) {
    let branch = root;
    for (const part of nameParts(entry.task)) {
      const name = branch === root ? part : `${branch.name}${SEPARATOR}${part}`;
      const child = branch.children.get(part) ?? { label: part, name, children: new Map() };
      branch.children.set(part, child);
      branch = child;
    }
    branch.entry = entry;
  }
  return grown(root);
}

/** The parts of a name; separators at its ends, which are part of a name, make no empty branches. */
function nameParts(name: string): string[] {
  const parts = name.split(SEPARATOR);
  return parts.includes("") ? [name] : parts;
}

function grown(branch: Growing): TaskBranch[] {
  const children = [...branch.children.values()].map(
    (child): TaskBranch => ({
      label: child.label,
      name: child.name,
      children: grown(child),
      ...(child.entry === undefined ? {} : { entry: child.entry }),
    }),
  );
  const isLeaf = (child: TaskBranch) => child.children.length === 0;
  return [...children.filter(isLeaf), ...children.filter(child => !isLeaf(child))];
}

/** A step of a plan, as a line of the tree. */
export interface StepLine {
  readonly step: string;
  readonly task: string;
  readonly combinations: number;
  readonly needs: readonly string[];
  readonly line: number;
  readonly column: number;
}

/** Steps that may run at once. */
export interface PlanLevel {
  /** Counts from 1. */
  readonly number: number;
  readonly steps: readonly StepLine[];
}

/** The steps of a plan by level. The level of a step is that of its first combination. */
export function planLevels(plan: PlanGraph): PlanLevel[] {
  const levels = new Map<number, StepLine[]>();
  for (const step of plan.steps) {
    const nodes = plan.nodes.filter(node => node.step === step.name);
    const first = nodes[0];
    if (first === undefined) continue;
    const level = Math.min(...nodes.map(node => node.level));
    const line: StepLine = {
      step: step.name,
      task: first.task,
      combinations: nodes.length,
      needs: neededSteps(plan, nodes),
      line: step.location.line,
      column: step.location.column,
    };
    levels.set(level, [...(levels.get(level) ?? []), line]);
  }
  return [...levels].sort(([a], [b]) => a - b).map(([level, steps]) => ({ number: level + 1, steps }));
}

function neededSteps(plan: PlanGraph, nodes: readonly PlanNode[]): string[] {
  const steps = new Map(plan.nodes.map(node => [node.name, node.step]));
  return [...new Set(nodes.flatMap(node => node.needs.map(need => steps.get(need) ?? need)))];
}
