/** What the extension and the page with the graph say to each other. */

import type { Layout } from "../plan-layout";

/** How a box is, in a run. */
export interface BoxState {
  /** The state as `ez plan runs` says it. */
  readonly state: string;
  /** Seconds that it took; none while it runs. */
  readonly duration: number | undefined;
  /** When it began, in milliseconds since 1970, while it runs. */
  readonly since: number | undefined;
  readonly cause: string | undefined;
}

/** A run, as the page shows it. */
export interface RunView {
  readonly run: string;
  readonly state: string;
  readonly summary: string;
  /** By the name of the box. */
  readonly boxes: Readonly<Record<string, BoxState>>;
}

/** To the page. */
export type ToPage =
  | { readonly kind: "plan"; readonly name: string; readonly desc: string; readonly layout: Layout }
  | { readonly kind: "problem"; readonly name: string; readonly text: string }
  | { readonly kind: "run"; readonly run: RunView | undefined }
  | { readonly kind: "cursor"; readonly step: string | undefined };

/** From the page. */
export type FromPage =
  | { readonly kind: "ready" }
  | { readonly kind: "goTo"; readonly step: string }
  | { readonly kind: "showLog"; readonly node: string }
  | { readonly kind: "run" | "dryRun" | "resume" };

/** The words of the page, in the language of the editor. */
export interface Words {
  readonly run: string;
  readonly dryRun: string;
  readonly resume: string;
  readonly fit: string;
  readonly goTo: string;
  readonly log: string;
  readonly noRun: string;
  readonly checkpoint: string;
  /** What the states of steps and runs are called. */
  readonly states: Readonly<Record<string, string>>;
}
