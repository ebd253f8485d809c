/** Delivering batches: the same events again until the server has answered for good. */
import { askedFor, Backoff } from "./backoff.js";
import type { Batch, Outbox } from "./outbox.js";

export interface Wire {
  readonly url: string;
  readonly key: string;
  readonly sdk: string;
  readonly fetch: typeof fetch;
  readonly timeoutMs: number;
  readonly warn: (message: string) => void;
  /** Whether a configuration is as the server signed it; without it nothing is checked. */
  readonly isSigned?: (body: string, signature: string) => boolean;
  /** Turns the body into what is sent, and says how in headers; the browser build sends it as it is. */
  readonly encode?: (body: string) => { body: BodyInit; headers: Record<string, string> };
}

const LATER = new Set([408, 425, 429]);

export class Sender {
  private readonly backoff = new Backoff();
  private under: Promise<void> | null = null;
  private notBefore = 0;
  private isRefused = false;

  constructor(
    private readonly wire: Wire,
    private readonly outbox: Outbox,
  ) {}

  /** Send all there is; resolves when nothing waits, or when the server asked for time. Never rejects. */
  flush(options: { readonly keepalive?: boolean; readonly force?: boolean } = {}): Promise<void> {
    if (!options.force && Date.now() < this.notBefore) return Promise.resolve();
    this.under ??= this.sendAll(options.keepalive ?? false).finally(() => {
      this.under = null;
    });
    return this.under;
  }

  private async sendAll(keepalive: boolean): Promise<void> {
    for (let batch = this.outbox.next(); batch !== null && !this.isRefused; batch = this.outbox.next()) {
      const waitMs = await this.send(batch, keepalive).catch(() => this.backoff.next());
      if (waitMs === null) continue;
      this.notBefore = Date.now() + waitMs;
      return;
    }
  }

  /** One try: null when the batch is done with, else the milliseconds to wait. */
  private async send(batch: Batch, keepalive: boolean): Promise<number | null> {
    const response = await this.post(batch, keepalive);
    if (response.status === 202) return this.accepted(batch, await response.json());
    if (response.status === 413) return this.done(() => this.outbox.split(batch));
    if (response.status === 401 || response.status === 403) return this.refusedKey(response.status);
    if (LATER.has(response.status) || response.status >= 500) return this.backoff.next(askedFor(response));
    this.wire.warn(`the server refused a batch of ${batch.events.length} events with ${response.status}`);
    return this.done(() => this.outbox.lost(batch));
  }

  private accepted(batch: Batch, answer: unknown): null {
    const refused = (answer as { refused?: { field: string; reason: string }[] }).refused ?? [];
    const [first] = refused;
    if (first !== undefined) this.wire.warn(`${refused.length} events were refused, the first for ${first.field}: ${first.reason}`);
    return this.done(() => this.outbox.delivered(batch, refused.length));
  }

  private done(settle: () => void): null {
    settle();
    this.backoff.reset();
    return null;
  }

  private refusedKey(status: number): number {
    this.wire.warn(`the key may not send events (${status}); nothing more is sent`);
    this.isRefused = true;
    return 0;
  }

  private post(batch: Batch, keepalive: boolean): Promise<Response> {
    const { url, key, sdk, timeoutMs } = this.wire;
    const content = { batch_id: batch.id, sent_at: new Date().toISOString(), sdk, dropped: batch.dropped, events: batch.events };
    const plain = JSON.stringify(content);
    const { body, headers } = this.wire.encode?.(plain) ?? { body: plain, headers: {} };
    return this.wire.fetch(`${url}/sdk/v1/events`, {
      method: "POST",
      body,
      keepalive,
      redirect: "error",
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json", ...headers },
      signal: AbortSignal.timeout(timeoutMs),
    });
  }
}
