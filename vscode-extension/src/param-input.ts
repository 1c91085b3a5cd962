/** Asks for params one after the other, with a way back. */

import * as vscode from "vscode";
import { ANSWER_SEPARATOR, type Objection, objection, type Question } from "./param-form";

/** The answers, those that nobody may read apart from the others. */
export interface Answers {
  readonly vars: Record<string, string>;
  readonly secrets: Record<string, string>;
}

type Step =
  | { readonly kind: "answer"; readonly text: string }
  | { readonly kind: "back" }
  | { readonly kind: "cancel" };

/** Asks all questions. `undefined` where it was cancelled. */
export async function askAll(title: string, questions: readonly Question[]): Promise<Answers | undefined> {
  const answers: string[] = [];
  let at = 0;
  while (at < questions.length) {
    const question = questions[at];
    if (question === undefined) break;
    const step = await ask(title, question, at, questions.length, answers[at]);
    if (step.kind === "cancel") return undefined;
    if (step.kind === "back") {
      at -= 1;
    } else {
      answers[at] = step.text;
      at += 1;
    }
  }
  const vars: Record<string, string> = {};
  const secrets: Record<string, string> = {};
  questions.forEach((question, index) => {
    const answer = answers[index] ?? "";
    if (answer === "" || answer === question.default) return;
    (question.kind === "secret" ? secrets : vars)[question.variable] = answer;
  });
  return { vars, secrets };
}

/** Why an answer will not do, in words. */
export function explain(reason: Objection): string {
  switch (reason.kind) {
    case "missing":
      return vscode.l10n.t("a value is needed");
    case "notANumber":
      return vscode.l10n.t("this is not a number");
    case "tooSmall":
      return vscode.l10n.t("the smallest value is {0}", reason.min);
    case "tooLarge":
      return vscode.l10n.t("the largest value is {0}", reason.max);
    case "tooShort":
      return vscode.l10n.t("at least {0} characters are needed", reason.min);
    case "tooLong":
      return vscode.l10n.t("at most {0} characters are allowed", reason.max);
    case "pattern":
      return vscode.l10n.t("it has to match {0}", reason.pattern);
  }
}

function ask(title: string, question: Question, at: number, of: number, given: string | undefined): Promise<Step> {
  const place = { title, step: at + 1, totalSteps: of, buttons: at > 0 ? [vscode.QuickInputButtons.Back] : [] };
  const prompt = question.help === undefined ? question.name : `${question.name}: ${question.help}`;
  const known = given ?? question.default ?? "";
  const isChoice = question.kind === "choice" || question.kind === "choices";
  return isChoice ? choose(question, place, prompt, known) : type(question, place, prompt, known);
}

interface Placing {
  readonly title: string;
  readonly step: number;
  readonly totalSteps: number;
  readonly buttons: readonly vscode.QuickInputButton[];
}

function choose(question: Question, place: Placing, prompt: string, known: string): Promise<Step> {
  const picker = vscode.window.createQuickPick();
  Object.assign(picker, place, { placeholder: prompt, ignoreFocusOut: true });
  picker.canSelectMany = question.kind === "choices";
  const chosen = known.split(ANSWER_SEPARATOR);
  picker.items = question.options.map(label => ({
    label,
    ...(label === question.default ? { description: vscode.l10n.t("default") } : {}),
  }));
  const marked = picker.items.filter(item => chosen.includes(item.label));
  if (picker.canSelectMany) picker.selectedItems = marked;
  else picker.activeItems = marked;
  return shown(picker, () => {
    const text = picker.selectedItems.map(item => item.label).join(ANSWER_SEPARATOR);
    return objection(question, text) === undefined ? text : undefined;
  });
}

function type(question: Question, place: Placing, prompt: string, known: string): Promise<Step> {
  const box = vscode.window.createInputBox();
  Object.assign(box, place, { prompt, value: known, ignoreFocusOut: true });
  box.password = question.kind === "secret";
  if (question.isNumber && question.min !== undefined && question.max !== undefined) {
    box.placeholder = `${question.min} – ${question.max}`;
  }
  const look = () => {
    const reason = objection(question, box.value);
    box.validationMessage = reason === undefined ? undefined : explain(reason);
    return reason === undefined;
  };
  box.onDidChangeValue(look);
  return shown(box, () => (look() ? box.value : undefined));
}

/** Shows an input until it is accepted with an answer, left, or the way back is chosen. */
function shown(input: vscode.QuickPick<vscode.QuickPickItem> | vscode.InputBox, answer: () => string | undefined) {
  return new Promise<Step>(resolve => {
    const end = (step: Step) => {
      resolve(step);
      input.dispose();
    };
    input.onDidAccept(() => {
      const text = answer();
      if (text !== undefined) end({ kind: "answer", text });
    });
    input.onDidTriggerButton(() => end({ kind: "back" }));
    input.onDidHide(() => end({ kind: "cancel" }));
    input.show();
  });
}
