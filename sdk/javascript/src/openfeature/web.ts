/**
 * Headway behind the OpenFeature SDK for pages: `OpenFeature.setProvider(new HeadwayWebProvider(url, key), context)`.
 *
 * Rules never reach the page: the server evaluates all flags for the context, again whenever the context or a
 * flag changes. Exposures, tracked events and web vitals go out through the client of the browser build.
 */
import { OpenFeatureEventEmitter, ProviderEvents, type EvaluationContext, type JsonValue, type Provider, type ResolutionDetails, type TrackingEventDetails } from "@openfeature/web-sdk";

import { BrowserClient, type BrowserOptions } from "../browser.js";
import { bare } from "../evaluation/index.js";
import { openFetched } from "../fetchedStream.js";
import { Follower, isNews } from "../following.js";
import { Remote, type Answers, type Context } from "./remote.js";
import { attributesOf, dimsOf, resolved, type Wanted } from "./resolving.js";

export interface HeadwayWebProviderOptions extends Omit<BrowserOptions, "unit"> {
  /** How often to ask whether flags changed, 30 seconds unless said otherwise; 0 for never. */
  readonly pollMs?: number;
  /** Hear of changes as they are made; true unless said otherwise. */
  readonly stream?: boolean;
  readonly timeoutMs?: number;
}

export class HeadwayWebProvider implements Provider {
  readonly metadata = { name: "headway" };
  readonly runsOn = "client";
  readonly events = new OpenFeatureEventEmitter();
  /** The client that delivers; `collectVitals(provider.client, …)` reports web vitals through it. */
  readonly client: BrowserClient;
  private readonly remote: Remote;
  private readonly follower: Follower;
  private heard = "";
  private context: Context = {};
  private answers: Answers | null;
  private timer: ReturnType<typeof setInterval> | undefined;
  private isStale = false;

  /** The key has the scope client. With `answers` from the page's server the first evaluation needs no request. */
  constructor(
    url: string,
    key: string,
    private readonly options: HeadwayWebProviderOptions = {},
  ) {
    const base = url.replace(/\/+$/, "");
    this.answers = options.answers ?? null;
    this.client = new BrowserClient(base, key, { ...options, unit: "" });
    this.remote = new Remote(base, key, options.timeoutMs ?? 10_000);
    this.follower = new Follower(base, key, openFetched, () => this.heard, (told) => {
      if (!isNews(told, this.heard)) return;
      this.heard = told.etag;
      void this.refresh();
    });
  }

  /** Rejects when the server gives no answers and the page brought none. */
  async initialize(context: EvaluationContext = {}): Promise<void> {
    this.become(context, this.answers);
    this.startPolling();
    if (this.options.stream ?? true) void this.follower.start();
    if (this.answers === null) await this.fetch();
  }

  /** Answers belong to their context: until those for the new one are there, flags give their defaults. */
  async onContextChange(_: EvaluationContext, context: EvaluationContext): Promise<void> {
    this.remote.forget();
    this.become(context, null);
    await this.fetch();
  }

  onClose(): Promise<void> {
    clearInterval(this.timer);
    this.follower.stop();
    return this.client.close();
  }

  /** Ask now whether flags changed. Never rejects; without an answer what is known stays. */
  async refresh(): Promise<void> {
    const wasEmpty = this.answers === null;
    try {
      const hasChanged = await this.fetch();
      if (wasEmpty || this.isStale) this.events.emit(ProviderEvents.Ready);
      if (hasChanged) this.events.emit(ProviderEvents.ConfigurationChanged);
      this.isStale = false;
    } catch (error) {
      if (!wasEmpty && !this.isStale) this.events.emit(ProviderEvents.Stale, { message: String(error) });
      this.isStale = !wasEmpty;
    }
  }

  resolveBooleanEvaluation(flag: string, fallback: boolean): ResolutionDetails<boolean> {
    return this.resolve(flag, "boolean", fallback);
  }

  resolveStringEvaluation(flag: string, fallback: string): ResolutionDetails<string> {
    return this.resolve(flag, "string", fallback);
  }

  resolveNumberEvaluation(flag: string, fallback: number): ResolutionDetails<number> {
    return this.resolve(flag, "number", fallback);
  }

  resolveObjectEvaluation<T extends JsonValue>(flag: string, fallback: T): ResolutionDetails<T> {
    return this.resolve(flag, "object", fallback);
  }

  /** The details' value is the event's; its texts, numbers and truth values are its dims. */
  track(name: string, _: EvaluationContext, details: TrackingEventDetails): void {
    if (this.context.targetingKey) this.client.track(name, details?.value ?? null, dimsOf(details ?? {}));
  }

  private resolve<T>(flag: string, wanted: Wanted, fallback: T): ResolutionDetails<T> {
    const missing = bare(flag, fallback, this.answers === null ? "ERROR" : "FLAG_NOT_FOUND");
    return resolved(this.client.evaluate(flag) ?? missing, wanted, fallback) as ResolutionDetails<T>;
  }

  private startPolling(): void {
    const pollMs = this.options.pollMs ?? 30_000;
    if (pollMs > 0) this.timer ??= setInterval(() => void (document.visibilityState !== "hidden" && this.refresh()), pollMs);
  }

  /** Whether there are new answers. An answer that comes after the context changed again is not used. */
  private async fetch(): Promise<boolean> {
    const { context } = this;
    const found = await this.remote.answers(context, this.heard);
    if (found === null || context !== this.context) return false;
    this.become(context, found);
    return true;
  }

  private become(context: EvaluationContext | Context, answers: Answers | null): void {
    this.context = attributesOf(context) as Context;
    this.answers = answers;
    this.client.use({ unit: this.context.targetingKey ?? "", unitType: this.options.unitType, answers: answers ?? {} });
  }
}
