/** Which step of a plan stands at a line, while the text is being edited. Lines count from 0 here, as editors count them. */

/** A change of a text: lines from `start` to `end` became some others. */
export interface LineChange {
  readonly start: number;
  readonly end: number;
  /** How many line breaks the new text has. */
  readonly added: number;
}

/** Where the steps of a plan begin, kept up to date with edits until the plan is read again. */
export class StepLines {
  private lines: { readonly step: string; line: number }[];

  constructor(steps: readonly { readonly name: string; readonly location: { readonly line: number } }[]) {
    this.lines = steps.map(step => ({ step: step.name, line: step.location.line - 1 }));
    this.lines.sort((a, b) => a.line - b.line);
  }

  /** Moves the steps below a change. */
  apply(change: LineChange): void {
    const shift = change.added - (change.end - change.start);
    for (const known of this.lines) {
      if (known.line > change.end || (known.line === change.end && change.start < change.end)) known.line += shift;
      else if (known.line > change.start) known.line = change.start;
    }
  }

  /** The step that a line belongs to: the last one that began. */
  stepAt(line: number): string | undefined {
    return this.lines.filter(known => known.line <= line).at(-1)?.step;
  }

  /** Where a step begins. */
  lineOf(step: string): number | undefined {
    return this.lines.find(known => known.step === step)?.line;
  }
}
