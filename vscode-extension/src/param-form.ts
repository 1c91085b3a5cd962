/** What a person is asked before a task runs, and whether an answer will do. No answer is decided on here: `ez` checks them all again. */

import type { Param, PlanParam, TaskEntry } from "./answers";

/** A question about one value. */
export interface Question {
  /** What is asked for. */
  readonly name: string;
  /** The variable that takes the answer. */
  readonly variable: string;
  readonly kind: "text" | "secret" | "choice" | "choices";
  readonly options: readonly string[];
  readonly default: string | undefined;
  readonly required: boolean;
  readonly help: string | undefined;
  readonly pattern: string | undefined;
  readonly isNumber: boolean;
  readonly min: number | undefined;
  readonly max: number | undefined;
}

/** Why an answer will not do. */
export type Objection =
  | { readonly kind: "missing" }
  | { readonly kind: "notANumber" }
  | { readonly kind: "tooSmall"; readonly min: number }
  | { readonly kind: "tooLarge"; readonly max: number }
  | { readonly kind: "tooShort"; readonly min: number }
  | { readonly kind: "tooLong"; readonly max: number }
  | { readonly kind: "pattern"; readonly pattern: string };

/** Between the answers to a question with several. */
export const ANSWER_SEPARATOR = ",";

/** Whether a param's options are known only to `ez`, which asks for it on the terminal. */
function isAskedLater(param: Param): boolean {
  return param.query !== undefined && param.query !== null && param.options.length === 0;
}

/** The questions of a task: its params, then the variables that it requires and no param is. */
export function taskQuestions(task: TaskEntry): Question[] {
  const questions = task.params.filter(param => !isAskedLater(param)).map(paramQuestion);
  const asked = new Set(task.params.map(param => param.variable));
  for (const name of task.requires ?? []) {
    if (!asked.has(name)) questions.push({ ...plainQuestion(name, name), required: true });
  }
  return questions;
}

/** The questions of a plan. */
export function planQuestions(params: readonly PlanParam[]): Question[] {
  return params.map(param => ({
    ...plainQuestion(param.name, param.name),
    kind: kindOf(param.type, param.options ?? []),
    options: optionsOf(param.type, param.options ?? []),
    default: param.default ?? undefined,
    required: param.required,
    isNumber: param.type === "number",
  }));
}

/** Whether a name has wildcards, and how many. */
export function wildcards(name: string): number {
  return name.split("*").length - 1;
}

/** A name with its wildcards replaced in order. */
export function withoutWildcards(name: string, words: readonly string[]): string {
  let at = 0;
  return name.replaceAll("*", star => {
    const word = words[at] ?? star;
    at += 1;
    return word;
  });
}

function plainQuestion(name: string, variable: string): Question {
  return {
    name,
    variable,
    kind: "text",
    options: [],
    default: undefined,
    required: false,
    help: undefined,
    pattern: undefined,
    isNumber: false,
    min: undefined,
    max: undefined,
  };
}

function paramQuestion(param: Param): Question {
  return {
    ...plainQuestion(param.name, param.variable),
    kind: kindOf(param.type, param.options),
    options: optionsOf(param.type, param.options),
    default: param.default,
    required: param.required,
    help: param.help,
    pattern: param.pattern,
    isNumber: param.type === "number",
    min: param.min,
    max: param.max,
  };
}

function kindOf(type: string, options: readonly string[]): Question["kind"] {
  if (type === "secret") return "secret";
  if (type === "multi" && options.length > 0) return "choices";
  return options.length > 0 || type === "bool" ? "choice" : "text";
}

function optionsOf(type: string, options: readonly string[]): readonly string[] {
  return type === "bool" && options.length === 0 ? ["true", "false"] : options;
}

/** Whether a text will do as an answer; empty stands for "not given". */
export function objection(question: Question, answer: string): Objection | undefined {
  if (answer === "") {
    return question.required && question.default === undefined ? { kind: "missing" } : undefined;
  }
  if (question.isNumber) {
    const number = Number(answer);
    if (answer.trim() === "" || !Number.isFinite(number)) return { kind: "notANumber" };
    if (question.min !== undefined && number < question.min) return { kind: "tooSmall", min: question.min };
    if (question.max !== undefined && number > question.max) return { kind: "tooLarge", max: question.max };
    return undefined;
  }
  if (question.kind === "text" || question.kind === "secret") {
    const length = [...answer].length;
    if (question.min !== undefined && length < question.min) return { kind: "tooShort", min: question.min };
    if (question.max !== undefined && length > question.max) return { kind: "tooLong", max: question.max };
  }
  if (question.pattern !== undefined && !fits(question.pattern, answer)) {
    return { kind: "pattern", pattern: question.pattern };
  }
  return undefined;
}

/** A pattern that this engine does not understand is left to `ez`. */
function fits(pattern: string, answer: string): boolean {
  try {
    return new RegExp(`^(?:${pattern})$`, "u").test(answer);
  } catch {
    return true;
  }
}
