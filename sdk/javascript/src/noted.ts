/** Which exposures were noted already: once per unit, flag, variant, configuration version and day, bounded. */
import type { Evaluation } from "./evaluation/index.js";

export class Noted {
  private known = new Set<string>();
  private day = "";

  constructor(private readonly limit: number) {}

  /** Whether this exposure is news; it is known from then on. */
  isNew(answer: Evaluation, at: Date): boolean {
    const day = at.toISOString().slice(0, 10);
    if (day !== this.day || this.known.size >= this.limit) this.known.clear();
    this.day = day;
    const key = JSON.stringify([answer.flag, answer.version, answer.variant, answer.rule, answer.exposedUnit]);
    return !this.known.has(key) && this.known.add(key) !== undefined;
  }
}
