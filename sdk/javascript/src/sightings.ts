/**
 * Telling the server which flags are asked for, so that it can say which nobody asks for any more.
 *
 * An answer that is no exposure leaves no other trace.
 */
import type { Wire } from "./sending.js";

const MAX_FLAGS = 20_000;

export class Sightings {
  private told = new Set<string>();

  /** `asked` gives the flags that were asked for; they may be given again and again. */
  constructor(
    private readonly wire: Wire,
    private readonly asked: () => Iterable<string>,
  ) {}

  /** Begin anew: everything that is asked for is told once more. */
  forget(): void {
    this.told.clear();
  }

  /** Tell what was not told yet. Never rejects; what cannot be told is told another time. */
  async tell(keepalive = false): Promise<void> {
    const flags = [...new Set(this.asked())].filter((flag) => !this.told.has(flag)).slice(0, MAX_FLAGS);
    if (flags.length === 0) return;
    const { url, key, timeoutMs } = this.wire;
    try {
      const response = await this.wire.fetch(`${url}/sdk/v1/seen`, {
        method: "POST",
        body: JSON.stringify({ flags }),
        keepalive,
        redirect: "error",
        headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
        signal: AbortSignal.timeout(timeoutMs),
      });
      if (response.status === 202) flags.forEach((flag) => this.told.add(flag));
    } catch {
      return;
    }
  }
}
