/**
 * Holding a page back on purpose, for a study of what delay costs: hidden until the arm's delay has passed.
 *
 * Call it from a script in the head, so that nothing was painted yet. The clock starts when the page could have
 * painted (the first animation frame), so the delay is added to what the page takes anyway. Every delay is
 * granted by the server beforehand: a page view uses a grant that an earlier one of the tab asked for, so the
 * first view is never held and nobody waits for an answer. Whatever goes wrong, the page is shown. A value of 0
 * is the placebo, which goes through the same code; one below 0 belongs to the group that nothing is done to.
 */
import type { BrowserClient } from "./browser.js";

export interface HoldOptions {
  /** Where the platform's edge listens, and a client key: the same as those of the client. */
  readonly url: string;
  readonly key: string;
  /** A longer delay is not served at all, because half a dose is another dose; 1000 unless said otherwise. */
  readonly maxMs?: number;
}

export interface Held {
  readonly ms: number;
  readonly askedMs: number;
  readonly why: string;
}

const GRANT_MS = 600_000;

/** Hold the page for the delay of the visitor's arm, and track what was added, 0 included. Never rejects. */
export async function hold(client: BrowserClient, flag: string, options: HoldOptions): Promise<Held> {
  const answer = client.evaluate(flag);
  const askedMs = typeof answer?.value === "number" ? Math.max(answer.value, 0) : 0;
  if (!answer?.experiment || !answer.exposedUnit) return { ms: 0, askedMs, why: askedMs ? "outside of the study" : "" };
  if (Number(answer.value) < 0) {
    client.track("injected-delay", 0, { flag, asked_ms: "-1", why: "untouched" });
    return { ms: 0, askedMs, why: "untouched" };
  }
  const why = askedMs ? refusal(askedMs, flag, options.maxMs ?? 1_000) : "";
  const ms = why ? 0 : await held(askedMs);
  if (askedMs) void ask(flag, options);
  client.track("injected-delay", ms, { flag, asked_ms: String(askedMs), why });
  return { ms, askedMs, why };
}

function refusal(askedMs: number, flag: string, maxMs: number): string {
  if (askedMs > maxMs) return "longer than one delay may be";
  if (document.visibilityState === "hidden") return "nobody is looking";
  return taken(flag) ? "" : "the server has granted no more";
}

/** Hide the page, wait from its first frame, show it; the milliseconds that it was held. */
async function held(ms: number): Promise<number> {
  const { style } = document.documentElement;
  style.setProperty("visibility", "hidden", "important");
  try {
    const began = await new Promise<number>((go) => {
      requestAnimationFrame(() => go(performance.now()));
      addEventListener("visibilitychange", () => go(performance.now()), { once: true });
    });
    if (!ms) return 0;
    await new Promise((go) => setTimeout(go, ms));
    return performance.now() - began;
  } finally {
    style.removeProperty("visibility");
  }
}

/** Use up the grant of this tab, if there is a young one. */
function taken(flag: string): boolean {
  try {
    const at = Number(sessionStorage.getItem(slot(flag)));
    sessionStorage.removeItem(slot(flag));
    return at > 0 && Math.abs(Date.now() - at) < GRANT_MS;
  } catch {
    return false;
  }
}

/** Ask for the delay of the tab's next view. No answer, or nothing granted: it will not be held. */
async function ask(flag: string, { url, key }: HoldOptions): Promise<void> {
  try {
    const answer = await fetch(`${url.replace(/\/+$/, "")}/sdk/v1/ablations`, {
      method: "POST",
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      body: JSON.stringify({ study: flag, ask: 1 }),
    });
    const { granted } = (await answer.json()) as { granted?: unknown };
    if (granted === 1) sessionStorage.setItem(slot(flag), String(Date.now()));
  } catch {
    // The page goes on without.
  }
}

const slot = (flag: string): string => `headway-hold:${flag}`;
