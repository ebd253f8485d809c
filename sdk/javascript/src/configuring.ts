/** Keeping a good configuration: polled with its ETag, replaced only by a newer one that passes every check. */
import { askedFor, Backoff, spread } from "./backoff.js";
import { compileConfig, ConfigRefused, type Config } from "./evaluation/index.js";
import { isNews, type Told } from "./following.js";
import { parsed, textOf } from "./reading.js";
import type { Wire } from "./sending.js";

export class Configuration {
  current: Config | null = null;
  /** Of the document in use; empty when it did not come from the server. */
  etag = "";
  private document: { readonly flags?: object } = {};
  private wanted = "";
  private readonly backoff = new Backoff();
  private said = "";
  private readonly listeners = new Set<() => void>();

  constructor(
    private readonly wire: Wire,
    private readonly pollMs: number,
  ) {}

  /** Use a document if it is good and newer. Never throws. */
  offer(document: unknown, etag = ""): boolean {
    try {
      const config = compileConfig(document);
      if (this.current !== null && config.version < this.current.version) return false;
      this.current = config;
      this.document = document as object;
      this.etag = etag;
    } catch (error) {
      this.sayOnce(error instanceof ConfigRefused ? `the configuration is refused: ${error.message}` : String(error));
      return false;
    }
    this.listeners.forEach((tell) => this.told(tell));
    return true;
  }

  private told(listener: () => void): void {
    try {
      listener();
    } catch (error) {
      this.wire.warn(`a listener failed: ${String(error)}`);
    }
  }

  /** Call a function after every change; returns what ends that. */
  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  /** Ask the server once; the milliseconds until the next question. Never rejects. */
  async poll(): Promise<number> {
    try {
      const response = await this.ask();
      if (response.status === 304) return this.good();
      if (response.status !== 200) return this.bad(`the configuration is answered with ${response.status}`, askedFor(response));
      const body = await textOf(response);
      if (this.wire.isSigned?.(body, response.headers.get("x-headway-signature") ?? "") === false) {
        return this.bad("the configuration is refused: its signature does not hold");
      }
      this.offer(parsed(body), (response.headers.get("etag") ?? "").replace(/^W\//, ""));
      return this.good();
    } catch (error) {
      return this.bad(`the configuration cannot be fetched: ${String(error)}`);
    }
  }

  /**
   * Use the flags that changed, or have everything fetched; changes carry no signature. Throws for what no server
   * of ours says.
   */
  take(told: Told): void {
    if (!isNews(told, this.etag)) return;
    const isUsable = this.etag !== "" && told.before === this.etag && this.wire.isSigned === undefined;
    if (isUsable && this.offer(changed(this.document, told), told.etag)) return;
    this.wanted = told.etag;
    void this.poll();
  }

  private ask(): Promise<Response> {
    const headers: Record<string, string> = { authorization: `Bearer ${this.wire.key}`, accept: "application/json" };
    if (this.etag !== "") headers["if-none-match"] = this.etag;
    const query = this.wanted === "" ? "" : `?etag=${encodeURIComponent(this.wanted)}`;
    this.wanted = "";
    return this.wire.fetch(`${this.wire.url}/sdk/v1/config${query}`, { headers, redirect: "error", signal: AbortSignal.timeout(this.wire.timeoutMs) });
  }

  private good(): number {
    this.backoff.reset();
    this.said = "";
    return spread(this.pollMs, 0.1);
  }

  private bad(message: string, askedMs = 0): number {
    this.sayOnce(message);
    return Math.max(this.backoff.next(askedMs), Math.min(this.pollMs, 1_000));
  }

  private sayOnce(message: string): void {
    if (message !== this.said) this.wire.warn(message);
    this.said = message;
  }
}

/** The document with some flags replaced, or removed where there is nothing in their place. */
function changed(document: { readonly flags?: object }, told: Told): object {
  const flags = Object.entries({ ...document.flags, ...told.flags }).filter(([, entry]) => entry !== null);
  return { ...document, version: told.version, flags: Object.fromEntries(flags) };
}
