/** What a run of a plan says about each box of its graph. */

import type { NodeState, RunDetail } from "./answers";
import type { BoxState, RunView } from "./page/messages";
import type { Box } from "./plan-layout";

/** Which state a box shows that stands for several combinations: the first of these that one of them has. */
const PRECEDENCE = [
  "running",
  "failed",
  "interrupted",
  "failed, tolerated",
  "blocked",
  "cancelled",
  "waiting",
  "not run",
  "succeeded",
  "skipped",
  "not selected",
];

/** Puts the states of a run to the boxes of a graph. */
export function runView(run: RunDetail, boxes: readonly Box[]): RunView {
  const states = new Map(run.nodes.map(node => [node.slug, node]));
  const known: [string, BoxState][] = [];
  for (const box of boxes) {
    const nodes = box.slugs.flatMap(slug => states.get(slug) ?? []);
    if (nodes.length > 0) known.push([box.name, boxState(nodes)]);
  }
  return { run: run.run, state: run.state, summary: summary(run), boxes: Object.fromEntries(known) };
}

function boxState(nodes: readonly NodeState[]): BoxState {
  const rank = (node: NodeState) => {
    const place = PRECEDENCE.indexOf(node.state);
    return place === -1 ? PRECEDENCE.length : place;
  };
  const [first] = [...nodes].sort((a, b) => rank(a) - rank(b));
  const durations = nodes.flatMap(node => node.duration ?? []);
  const isDone = durations.length === nodes.length;
  const since = first?.started === null || first?.started === undefined ? undefined : Date.parse(first.started);
  return {
    state: first?.state ?? "",
    duration: isDone ? Math.max(...durations) : undefined,
    since: first?.state === "running" ? since : undefined,
    cause: first?.cause ?? undefined,
  };
}

function summary(run: RunDetail): string {
  const failed = run.failed > 0 ? `, ${run.failed} ✘` : "";
  return `${run.succeeded}/${run.steps} ✔${failed}`;
}

/** Seconds for people: `0.4s`, `12s`, `3m 05s`. */
export function shownSeconds(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)}s`;
  if (seconds < 60) return `${Math.round(seconds)}s`;
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)}m ${String(whole % 60).padStart(2, "0")}s`;
}
