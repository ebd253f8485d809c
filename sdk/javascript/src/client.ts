/**
 * The client for servers: flags decided in this process, exposures and events delivered behind its back.
 *
 * No call throws or waits for the network, except those that return a promise; those never reject.
 */
import { createHmac } from "node:crypto";
import { gzipSync } from "node:zlib";

import { spread } from "./backoff.js";
import { Configuration } from "./configuring.js";
import { bare, unitText, type Attributes, type Evaluation, type Unit } from "./evaluation/index.js";
import { eventOf, exposureOf, type Dims, type Tracked } from "./events.js";
import { Follower } from "./following.js";
import { openUnheld } from "./nodeStream.js";
import { Noted } from "./noted.js";
import { Outbox, type Counters } from "./outbox.js";
import { Sender, type Wire } from "./sending.js";
import { Sightings } from "./sightings.js";
import { VERSION } from "./version.js";

const FIRST_SIGHTINGS_MS = 60_000;
const SIGHTINGS_MS = 3_600_000;

export interface Options {
  readonly pollMs?: number;
  readonly flushMs?: number;
  readonly timeoutMs?: number;
  /** Hear of changes as they are made; true unless said otherwise. Polls go on either way. */
  readonly stream?: boolean;
  /** Refuse a configuration that was changed on its way; the page Flags > Keys shows this key. */
  readonly signingKey?: string;
  readonly maxQueue?: number;
  readonly maxUnits?: number;
  /** Attributes that exposures carry as dims. */
  readonly exposureDims?: readonly string[];
  readonly unitType?: string;
  readonly clock?: () => Date;
  /** A configuration document to begin with. */
  readonly bootstrap?: unknown;
  readonly fetch?: typeof fetch;
  readonly warn?: (message: string) => void;
}

export interface Asked<T> {
  readonly unit?: Unit;
  readonly attributes?: Attributes;
  readonly default: T;
}

export class Client {
  private readonly configuration: Configuration;
  private readonly outbox: Outbox;
  private readonly sender: Sender;
  private readonly sightings: Sightings;
  private readonly noted: Noted;
  private readonly follower: Follower;
  private readonly clock: () => Date;
  private readonly timers = new Set<ReturnType<typeof setTimeout>>();
  private readonly first: Promise<void>;
  private isClosed = false;

  constructor(
    url: string,
    key: string,
    private readonly options: Options = {},
  ) {
    const wire = wireOf(url, key, options);
    this.clock = options.clock ?? (() => new Date());
    this.outbox = new Outbox(options.maxQueue ?? 10_000);
    this.noted = new Noted(options.maxUnits ?? 65_536);
    this.sender = new Sender(wire, this.outbox);
    this.configuration = new Configuration(wire, options.pollMs ?? 30_000);
    if (options.bootstrap !== undefined) this.configuration.offer(options.bootstrap);
    this.first = this.pollForEver();
    const { configuration } = this;
    this.follower = new Follower(wire.url, key, openUnheld, () => configuration.etag, (told) => configuration.take(told));
    if (options.stream ?? true) void this.follower.start();
    this.flushForEver();
    this.sightings = new Sightings(wire, () => configuration.current?.asked ?? []);
    this.tellSightings(spread(FIRST_SIGHTINGS_MS, 0.5));
  }

  get counters(): Readonly<Counters> {
    return { ...this.outbox.counters };
  }

  /** Whether there is a configuration; waits at most so long for the first one. */
  async waitUntilReady(timeoutMs: number): Promise<boolean> {
    await Promise.race([this.first, this.pause(timeoutMs)]);
    return this.configuration.current !== null;
  }

  /** Whether there is a configuration now. */
  get isReady(): boolean {
    return this.configuration.current !== null;
  }

  /** Call a function whenever the configuration was replaced; returns what ends that. What it throws is logged. */
  onChange(listener: () => void): () => void {
    return this.configuration.onChange(listener);
  }

  evaluate(flag: string, asked: Partial<Asked<unknown>> = {}): Evaluation {
    const { unit, attributes, default: fallback = null } = asked ?? {};
    const config = this.configuration.current;
    if (config === null) return bare(String(flag), fallback, "ERROR");
    const answer = config.evaluate(flag, unit, attributes, fallback);
    if (answer.exposedUnit !== null) this.note(answer, attributes);
    return answer;
  }

  variant(flag: string, asked: Asked<string>): string {
    return this.evaluate(flag, asked).variant ?? asked.default;
  }

  bool(flag: string, asked: Asked<boolean>): boolean {
    return this.typed(flag, asked, (value) => typeof value === "boolean");
  }

  string(flag: string, asked: Asked<string>): string {
    return this.typed(flag, asked, (value) => typeof value === "string");
  }

  number(flag: string, asked: Asked<number>): number {
    return this.typed(flag, asked, (value) => typeof value === "number");
  }

  json<T>(flag: string, asked: Asked<T>): T {
    return this.typed(flag, asked, () => true);
  }

  /** Note that a unit did something, with a number or without one. */
  track(name: string, tracked: Tracked): void {
    const unit = unitText(tracked?.unit);
    if (this.isClosed || unit === null || typeof name !== "string" || name === "") return;
    const event = eventOf(name, unit, tracked.unitType ?? this.options.unitType ?? "user", this.clock(), tracked);
    if (event !== null) this.outbox.add(event);
  }

  /** Deliver what waits; whether everything was delivered. */
  async flush(): Promise<boolean> {
    await this.sender.flush({ force: true });
    return this.outbox.size === 0;
  }

  /** Deliver what waits and stop. */
  async close(): Promise<void> {
    this.isClosed = true;
    this.follower.stop();
    this.timers.forEach(clearTimeout);
    this.timers.clear();
    await Promise.all([this.flush(), this.sightings.tell()]);
  }

  private typed<T>(flag: string, asked: Asked<T>, fits: (value: unknown) => boolean): T {
    const { value } = this.evaluate(flag, asked);
    return fits(value) ? (value as T) : asked.default;
  }

  private note(answer: Evaluation, attributes: Attributes | undefined): void {
    const at = this.clock();
    if (!this.isClosed && this.noted.isNew(answer, at)) this.outbox.add(exposureOf(answer, at, this.dims(attributes)));
  }

  private dims(attributes: Attributes | undefined): Dims {
    const found = (this.options.exposureDims ?? []).map((name) => [name, attributes?.[name]] as const);
    return Object.fromEntries(found.filter(([, level]) => level != null).map(([name, level]) => [name, String(level).slice(0, 256)]));
  }

  private async pollForEver(): Promise<void> {
    const waitMs = await this.configuration.poll();
    this.later(waitMs, () => void this.pollForEver());
  }

  private flushForEver(): void {
    this.later(this.options.flushMs ?? 5_000, () => {
      void this.sender.flush();
      this.flushForEver();
    });
  }

  /** Once an hour, all that was asked for since the configuration in use arrived. */
  private tellSightings(inMs: number): void {
    this.later(inMs, () => {
      this.sightings.forget();
      void this.sightings.tell();
      this.tellSightings(spread(SIGHTINGS_MS, 0.2));
    });
  }

  private later(delayMs: number, work: () => void): void {
    if (this.isClosed) return;
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      work();
    }, delayMs);
    timer.unref?.();
    this.timers.add(timer);
  }

  private pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.later(delayMs, resolve));
  }
}

function wireOf(url: string, key: string, options: Options): Wire {
  return {
    url: url.replace(/\/+$/, ""),
    key,
    sdk: `headway-javascript/${VERSION}`,
    fetch: options.fetch ?? fetch,
    timeoutMs: options.timeoutMs ?? 10_000,
    isSigned: options.signingKey === undefined ? undefined : (body, signature) => signature === signatureOf(body, options.signingKey!),
    warn: options.warn ?? ((message) => console.warn(`headway: ${message}`)),
    encode: (body) => ({ body: new Uint8Array(gzipSync(body, { level: 1 })), headers: { "content-encoding": "gzip" } }),
  };
}

function signatureOf(body: string, key: string): string {
  return `v1=${createHmac("sha256", key).update(body).digest("hex")}`;
}
