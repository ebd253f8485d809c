/** Answers for one context from the server by OFREP: all flags in one request, again only when something changed. */
import type { Evaluation, Reason } from "../evaluation/index.js";

export type Context = { readonly targetingKey?: string; readonly [name: string]: unknown };
export type Answers = { readonly [flag: string]: Evaluation };

interface Entry {
  readonly key: string;
  readonly value?: unknown;
  readonly variant?: string;
  readonly errorCode?: string;
  readonly metadata?: { readonly [name: string]: string | number | boolean };
}

/** Of OFREP's error codes those that have a reason of their own. */
const FAILED: { readonly [code: string]: Reason } = { FLAG_NOT_FOUND: "FLAG_NOT_FOUND", TARGETING_KEY_MISSING: "UNIT_MISSING" };

export class Remote {
  private etag = "";
  private asked = "";

  constructor(
    private readonly url: string,
    private readonly key: string,
    private readonly timeoutMs: number,
  ) {}

  /** Ask for everything next time: what was given last is no longer held. */
  forget(): void {
    this.etag = "";
  }

  /**
   * The answers, or null when they are those that were given last. Rejects when the server has none. `heard` is
   * the ETag of a change that was told of: no process of the server then answers from before it.
   */
  async answers(context: Context, heard = ""): Promise<Answers | null> {
    const body = JSON.stringify({ context });
    const headers: Record<string, string> = { authorization: `Bearer ${this.key}`, "content-type": "application/json" };
    if (this.etag !== "" && body === this.asked) headers["if-none-match"] = this.etag;
    const query = heard === "" ? "" : `?flagConfigEtag=${encodeURIComponent(heard)}`;
    const response = await fetch(`${this.url}/ofrep/v1/evaluate/flags${query}`, { method: "POST", body, headers, redirect: "error", signal: AbortSignal.timeout(this.timeoutMs) });
    if (response.status === 304) return null;
    if (response.status !== 200) throw new Error(`the flags are answered with ${response.status}`);
    const { flags } = (await response.json()) as { flags: Entry[] };
    const found = Object.fromEntries(flags.map((entry) => [entry.key, answerOf(entry, context)]));
    [this.etag, this.asked] = [response.headers.get("etag") ?? "", body];
    return found;
  }
}

function answerOf(entry: Entry, context: Context): Evaluation {
  const { reason, rule, experiment, version, unitType, unitFrom } = entry.metadata ?? {};
  const why = entry.errorCode === undefined ? ((reason ?? "DEFAULT") as Reason) : (FAILED[entry.errorCode] ?? "ERROR");
  const isExposure = why === "SPLIT" || (why === "TARGETING_MATCH" && experiment !== undefined);
  const unit = unitFrom === undefined ? context.targetingKey : context[String(unitFrom)];
  return {
    flag: entry.key,
    value: entry.value ?? null,
    variant: "value" in entry ? (entry.variant ?? null) : null,
    reason: why,
    rule: rule === undefined ? null : String(rule),
    experiment: experiment === undefined ? null : String(experiment),
    version: version === undefined ? null : Number(version),
    unitType: unitType === undefined ? null : String(unitType),
    exposedUnit: isExposure && unit != null ? String(unit) : null,
  };
}
