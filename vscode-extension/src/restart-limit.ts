/** How often a program that crashes is started again. */

/** Most crashes within {@link WINDOW} that are answered by a new start. */
export const MAX_CRASHES = 4;
/** For how long a crash counts, in milliseconds. */
export const WINDOW = 3 * 60 * 1000;

/** Counts crashes. */
export class RestartLimit {
  private crashes: number[] = [];

  /** Notes a crash at a time in milliseconds, and tells whether the program may start again. */
  allows(time: number): boolean {
    this.crashes = this.crashes.filter(crash => time - crash < WINDOW);
    this.crashes.push(time);
    return this.crashes.length <= MAX_CRASHES;
  }

  /** Forgets all crashes, since a person asked for the start. */
  forget(): void {
    this.crashes = [];
  }
}
