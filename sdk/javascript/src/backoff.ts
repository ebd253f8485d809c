/** How long to wait: jittered, so that a thousand processes do not come back at the same moment. */

const FIRST_MS = 1_000;
const LONGEST_MS = 60_000;
const LONGEST_ASKED_MS = 300_000;

export class Backoff {
  private failures = 0;

  reset(): void {
    this.failures = 0;
  }

  /** Milliseconds to wait after one more failure, at least what the server asked for. */
  next(askedMs = 0): number {
    const delay = Math.min(FIRST_MS * 2 ** this.failures, LONGEST_MS);
    this.failures = Math.min(this.failures + 1, 16);
    return Math.max(spread(delay, 0.5), Math.min(askedMs, LONGEST_ASKED_MS));
  }
}

/** The delay, less a random part of up to `share` of it. */
export function spread(delayMs: number, share: number): number {
  return delayMs * (1 - share * Math.random());
}

/** What a Retry-After header asks for in milliseconds, 0 when it asks for nothing readable. */
export function askedFor(response: Response): number {
  const seconds = Number(response.headers.get("retry-after"));
  return Number.isFinite(seconds) && seconds > 0 ? seconds * 1_000 : 0;
}
