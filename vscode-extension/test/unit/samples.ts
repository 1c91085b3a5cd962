/** Small answers of `ez` for tests. */

import type { Param, PlanGraph, TaskEntry } from "../../src/answers";

/** A task. */
export function task(name: string, changes: Partial<TaskEntry> = {}): TaskEntry {
  return {
    name,
    task: name,
    desc: "",
    summary: "",
    aliases: [],
    location: { line: 1, column: 1, taskfile: "/p/Taskfile.yml" },
    kind: "inline",
    params: [],
    tags: [],
    ...changes,
  };
}

/** A param. */
export function param(name: string, type: string, changes: Partial<Param> = {}): Param {
  return { name, variable: `EZ_${name.toUpperCase()}`, type, options: [], required: false, ...changes };
}

/** A plan of steps `name: [needs]`; `name×3` has three combinations. */
export function plan(steps: Record<string, string[]>): PlanGraph {
  const counts = new Map(Object.keys(steps).map(key => [key.split("×")[0] ?? key, Number(key.split("×")[1] ?? 1)]));
  const names = (step: string) => {
    const count = counts.get(step) ?? 1;
    return count === 1 ? [step] : Array.from({ length: count }, (_, index) => `${step}[${index}]`);
  };
  const levels = new Map<string, number>();
  const nodes = Object.entries(steps).flatMap(([key, needs]) => {
    const step = key.split("×")[0] ?? key;
    const level = Math.max(-1, ...needs.map(need => levels.get(need) ?? 0)) + 1;
    levels.set(step, level);
    const needed = needs.flatMap(names);
    return names(step).map(name => ({
      name,
      step,
      slug: name.replaceAll(/[[\]]/g, "-"),
      task: step,
      kind: "inline" as const,
      level,
      needs: needed,
    }));
  });
  return {
    name: "p",
    file: "/p/plans/p.yml",
    desc: null,
    params: [],
    steps: [...counts].map(([name, combinations], index) => ({
      name,
      combinations,
      location: { line: 2 + 3 * index, column: 5 },
      when: null,
      checkpoint: false,
      continue_on_error: false,
    })),
    nodes,
  };
}
