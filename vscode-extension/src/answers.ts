/** What `ez … --json` answers, version 1; fields may be added to it. */

/** Where something is defined; lines and columns count from 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
  readonly taskfile: string;
}

/** A value that a task asks for. */
export interface Param {
  readonly name: string;
  /** The variable that carries it, `EZ_<NAME>`. */
  readonly variable: string;
  readonly type: string;
  readonly options: readonly string[];
  /** Where the options come from, where they are not known without running something. */
  readonly query?: unknown;
  readonly default?: string;
  readonly required: boolean;
  readonly help?: string;
  readonly pattern?: string;
  readonly min?: number;
  readonly max?: number;
}

/** An entry of `ez list --json`. */
export interface TaskEntry {
  /** How it is shown. */
  readonly name: string;
  /** Its full name. */
  readonly task: string;
  readonly desc: string;
  readonly summary: string;
  readonly aliases: readonly string[];
  readonly location: Place;
  readonly kind: "inline" | "folder";
  readonly params: readonly Param[];
  readonly tags: readonly string[];
  /** Variables that a caller has to give; only in `ez show --json`. */
  readonly requires?: readonly string[];
}

/** An entry of `ez plan list --json`. */
export interface PlanEntry {
  readonly name: string;
  readonly file: string;
  readonly desc: string;
  readonly steps: number;
  readonly combinations: number;
  readonly params: readonly string[];
  readonly broken: boolean;
}

/** A step of `ez plan show --json`. */
export interface PlanStep {
  readonly name: string;
  readonly location: { readonly line: number; readonly column: number };
  readonly combinations: number;
  readonly when: string | null;
  readonly checkpoint: boolean;
  readonly continue_on_error: boolean;
}

/** A combination of a step, or a step without a matrix. */
export interface PlanNode {
  readonly name: string;
  readonly step: string;
  readonly slug: string;
  readonly task: string;
  readonly kind: "inline" | "folder";
  /** 0 where it waits for nothing. */
  readonly level: number;
  readonly needs: readonly string[];
}

/** What a plan asks for. */
export interface PlanParam {
  readonly name: string;
  readonly type: string;
  readonly required: boolean;
  readonly default: string | null;
  readonly options?: readonly string[];
}

/** `ez plan show --json` */
export interface PlanGraph {
  readonly name: string;
  readonly file: string;
  readonly desc: string | null;
  readonly params: readonly PlanParam[];
  readonly steps: readonly PlanStep[];
  readonly nodes: readonly PlanNode[];
}

/** A run in `ez plan runs --json`. */
export interface PlanRun {
  readonly run: string;
  readonly started: string;
  readonly state: string;
  readonly exit: number | null;
  readonly steps: number;
  readonly succeeded: number;
  readonly failed: number;
  /** Seconds. */
  readonly duration: number;
}

/** How a combination of a step is in a run. */
export interface NodeState {
  readonly slug: string;
  readonly state: string;
  readonly attempts: number;
  /** When the attempt began that has not ended; RFC 3339. */
  readonly started: string | null;
  /** Seconds. */
  readonly duration: number | null;
  readonly exit: number | null;
  readonly cause: string | null;
}

/** `ez plan runs --run RUN --json` */
export interface RunDetail extends PlanRun {
  readonly nodes: readonly NodeState[];
}

/** The program answered something else than was asked for. */
export class UnexpectedAnswer extends Error {}

type Fields = Record<string, unknown>;

function fields(value: unknown): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new UnexpectedAnswer("an object is missing in the answer of ez");
  }
  return value as Fields;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new UnexpectedAnswer("the answer of ez is not JSON");
  }
}

function list<Item>(value: unknown, key: string, keys: readonly string[]): Item[] {
  if (!Array.isArray(value)) throw new UnexpectedAnswer(`the answer of ez has no list \`${key}\``);
  for (const item of value) {
    const present = fields(item);
    const missing = keys.find(name => !(name in present));
    if (missing !== undefined) {
      throw new UnexpectedAnswer(`an entry of \`${key}\` in the answer of ez has no \`${missing}\``);
    }
  }
  return value as Item[];
}

/** Reads `ez list --json`. */
export function readTasks(text: string): TaskEntry[] {
  const keys = ["name", "task", "desc", "location", "kind", "params", "tags"];
  return list(fields(parsed(text)).tasks, "tasks", keys);
}

/** Reads `ez show --json`. */
export function readTask(text: string): TaskEntry {
  const entry = fields(parsed(text));
  list([entry], "task", ["name", "task", "params", "requires"]);
  return entry as unknown as TaskEntry;
}

/** Reads `ez plan list --json`. */
export function readPlans(text: string): PlanEntry[] {
  return list(parsed(text), "plans", ["name", "file", "desc", "steps", "broken"]);
}

/** Reads `ez plan show --json`. */
export function readPlan(text: string): PlanGraph {
  const plan = fields(parsed(text));
  list(plan.steps, "steps", ["name", "location", "combinations"]);
  list(plan.nodes, "nodes", ["name", "step", "slug", "task", "level", "needs"]);
  list(plan.params, "params", ["name", "type", "required"]);
  return plan as unknown as PlanGraph;
}

/** Reads `ez plan runs --json`. */
export function readRuns(text: string): PlanRun[] {
  return list(fields(parsed(text)).runs, "runs", ["run", "state", "steps"]);
}

/** Reads `ez plan runs --run RUN --json`. */
export function readRun(text: string): RunDetail {
  const run = fields(parsed(text));
  list(run.nodes, "nodes", ["slug", "state"]);
  list([run], "run", ["run", "state"]);
  return run as unknown as RunDetail;
}
