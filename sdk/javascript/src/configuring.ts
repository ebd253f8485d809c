/** Keeping a good configuration: polled with its ETag, replaced only by a newer one that passes every check. */
import { askedFor, Backoff, spread } from "./backoff.js";
import { compileConfig, ConfigRefused, type Config } from "./evaluation/index.js";
import type { Wire } from "./sending.js";

export class Configuration {
  current: Config | null = null;
  private etag: string | null = null;
  private readonly backoff = new Backoff();
  private said = "";
  private readonly listeners = new Set<() => void>();

  constructor(
    private readonly wire: Wire,
    private readonly pollMs: number,
  ) {}

  /** Use a document if it is good and newer. Never throws. */
  offer(document: unknown): boolean {
    try {
      const config = compileConfig(document);
      if (this.current !== null && config.version < this.current.version) return false;
      this.current = config;
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
      if (this.offer(await response.json())) this.etag = response.headers.get("etag");
      return this.good();
    } catch (error) {
      return this.bad(`the configuration cannot be fetched: ${String(error)}`);
    }
  }

  private ask(): Promise<Response> {
    const headers: Record<string, string> = { authorization: `Bearer ${this.wire.key}`, accept: "application/json" };
    if (this.etag !== null) headers["if-none-match"] = this.etag;
    return this.wire.fetch(`${this.wire.url}/sdk/v1/config`, { headers, signal: AbortSignal.timeout(this.wire.timeoutMs) });
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
