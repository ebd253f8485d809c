/** Following the server's stream of changes, on top of polling: whatever happens here, polls go on. */
import { Backoff, spread } from "./backoff.js";

/** A change: the ETag of what is current now and, for keys that see rules, the flags that changed since `before`. */
export interface Told {
  readonly type: string;
  readonly etag: string;
  readonly version: number;
  readonly before?: string;
  readonly flags?: { readonly [flag: string]: unknown };
}

/** An answer that goes on; `read` gives null at its end. */
export interface Opened {
  readonly status: number;
  readonly media: string;
  read(): Promise<string | null>;
}

export type Open = (url: string, headers: Record<string, string>, signal: AbortSignal) => Promise<Opened>;

const PATH = "/sdk/v1/stream";
const QUIET_MS = 45_000;
const ENDED_MS = 3_000;
const SELDOM_MS = 300_000;
const LASTED_MS = 60_000;
const MAX_EVENT = 1_000_000;
/** The key may not listen, or the server has no streams. */
const NOT_FOR_US = new Set([401, 403, 404, 405, 410, 501]);

export class Follower {
  private readonly backoff = new Backoff();
  private connection = new AbortController();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private isStopped = false;

  /** `knows` gives the ETag of what is in use; `tell` gets every change and may throw for one it cannot read. */
  constructor(
    private readonly url: string,
    private readonly key: string,
    private readonly open: Open,
    private readonly knows: () => string,
    private readonly tell: (told: Told) => void,
    private readonly quietMs = QUIET_MS,
  ) {}

  /** Follow until stopped. Never throws or rejects. */
  async start(): Promise<void> {
    const began = Date.now();
    const waitMs = await this.follow().catch(() => {
      if (Date.now() - began > LASTED_MS) this.backoff.reset();
      return this.backoff.next();
    });
    this.connection.abort();
    if (!this.isStopped) this.timer = after(waitMs, () => void this.start());
  }

  stop(): void {
    this.isStopped = true;
    clearTimeout(this.timer);
    this.connection.abort();
  }

  /** One connection, to its end; the milliseconds until the next. Rejects when it broke. */
  private async follow(): Promise<number> {
    const connection = (this.connection = new AbortController());
    let quiet = after(this.quietMs, () => connection.abort());
    try {
      const opened = await this.open(`${this.url}${PATH}`, this.headers(), connection.signal);
      if (NOT_FOR_US.has(opened.status)) return spread(SELDOM_MS, 0.5);
      if (opened.status !== 200 || !opened.media.startsWith("text/event-stream")) throw new Error(`${opened.status} ${opened.media}`);
      const events = new Events();
      for (let text = await opened.read(); text !== null && !this.isStopped; text = await opened.read()) {
        clearTimeout(quiet);
        quiet = after(this.quietMs, () => connection.abort());
        events.feed(text).forEach((data) => this.tell(JSON.parse(data) as Told));
      }
    } finally {
      clearTimeout(quiet);
    }
    this.backoff.reset();
    return spread(ENDED_MS, 0.8);
  }

  private headers(): Record<string, string> {
    const known = this.knows().replace(/"/g, "");
    const headers = { authorization: `Bearer ${this.key}`, accept: "text/event-stream" };
    return /^[\x20-\x7e]+$/.test(known) ? { ...headers, "last-event-id": known } : headers;
  }
}

/** Whether a change is one that SDKs are told of, and news to whoever holds `etag`. */
export function isNews(told: Told, etag: string): boolean {
  return told.type === "refetchEvaluation" && told.etag !== etag;
}

/** Server-sent events out of text as it comes. Throws for one that is too large. */
class Events {
  private rest = "";
  private data: string[] = [];

  /** The data of each event that is complete now; everything else that events have is left out. */
  feed(text: string): string[] {
    const lines = (this.rest + text).split("\n");
    this.rest = lines.pop()!;
    const found: string[] = [];
    for (const raw of lines) {
      const line = raw.replace(/\r$/, "");
      if (line.startsWith("data:")) this.data.push(line.slice(5));
      if (line !== "" || this.data.length === 0) continue;
      found.push(this.data.join("\n"));
      this.data = [];
    }
    if (this.rest.length + this.data.join("").length > MAX_EVENT) throw new Error("an event is too large");
    return found;
  }
}

/** A timer that keeps no process alive. */
function after(delayMs: number, work: () => void): ReturnType<typeof setTimeout> {
  const timer = setTimeout(work, delayMs);
  (timer as { unref?: () => void }).unref?.();
  return timer;
}
