/** What is said to `ez` so that it runs something. */

import { splitWords } from "./shell-words";

/** A run of a task, of a plan, or a check. */
export interface Invocation {
  /** A task, by its full name. */
  readonly task?: string;
  /** A plan, by its name. */
  readonly plan?: string;
  /** Whether everything is checked instead. */
  readonly check?: boolean;
  /** Variables, by name. */
  readonly vars?: Readonly<Record<string, string>>;
  /** Flags of `ez run`, `ez plan run` or `ez check`. */
  readonly flags?: readonly string[];
  /** What the task gets as `CLI_ARGS`. */
  readonly args?: readonly string[];
}

/** It says neither a task nor a plan nor a check, or several of them. */
export class UnclearInvocation extends Error {}

/** The arguments of `ez` for an invocation. */
export function commandLine(invocation: Invocation): string[] {
  const { task, plan, check } = invocation;
  const named = [task, plan, check === true ? "check" : undefined].filter(part => part !== undefined && part !== "");
  if (named.length !== 1) {
    throw new UnclearInvocation("exactly one of `task`, `plan` and `check` has to be given");
  }
  const flags = [...(invocation.flags ?? [])];
  const vars = Object.entries(invocation.vars ?? {}).map(([name, value]) => `${name}=${value}`);
  if (check === true) return ["check", "--format", "github", ...flags];
  if (plan !== undefined) return ["plan", "run", plan, ...vars, ...flags];
  const args = invocation.args === undefined || invocation.args.length === 0 ? [] : ["--", ...invocation.args];
  return ["run", task ?? "", ...vars, ...flags, ...args];
}

/** What a person typed after the name of a task: variables, flags, and after `--` arguments. */
export function typedArguments(text: string): Pick<Invocation, "vars" | "flags" | "args"> {
  const words = splitWords(text);
  const end = words.indexOf("--");
  const before = end === -1 ? words : words.slice(0, end);
  const vars: Record<string, string> = {};
  const flags: string[] = [];
  for (const word of before) {
    const [, name, value] = /^([A-Za-z_][\w-]*)=([\s\S]*)$/.exec(word) ?? [];
    if (name === undefined || value === undefined) flags.push(word);
    else vars[name] = value;
  }
  return { vars, flags, args: end === -1 ? [] : words.slice(end + 1) };
}
