/** Headway behind the OpenFeature SDK for servers: `OpenFeature.setProviderAndWait(new HeadwayProvider(client))`. */
import { OpenFeatureEventEmitter, ServerProviderEvents, type EvaluationContext, type JsonValue, type Provider, type ResolutionDetails, type TrackingEventDetails } from "@openfeature/server-sdk";

import type { Client } from "../client.js";
import { attributesOf, dimsOf, failed, resolved, type Wanted } from "./resolving.js";

export interface HeadwayProviderOptions {
  /** How long to wait for a first configuration; 2 seconds unless said otherwise. */
  readonly readyWithinMs?: number;
}

/** Answers from a client in this process. The client is closed when the provider is. */
export class HeadwayProvider implements Provider {
  readonly metadata = { name: "headway" };
  readonly runsOn = "server";
  readonly events = new OpenFeatureEventEmitter();
  private isInitialized = false;
  private readonly forget: () => void;

  constructor(
    private readonly client: Client,
    private readonly options: HeadwayProviderOptions = {},
  ) {
    this.forget = client.onChange(() => this.changed());
  }

  /** Rejects when no configuration came in time; OpenFeature is told as soon as one does. */
  async initialize(): Promise<void> {
    const isReady = await this.client.waitUntilReady(this.options.readyWithinMs ?? 2_000);
    this.isInitialized = true;
    if (!isReady) throw new Error("headway: no configuration was received yet; flags give their defaults until it comes");
  }

  onClose(): Promise<void> {
    this.forget();
    return this.client.close();
  }

  async resolveBooleanEvaluation(flag: string, fallback: boolean, context: EvaluationContext): Promise<ResolutionDetails<boolean>> {
    return this.resolve(flag, "boolean", fallback, context);
  }

  async resolveStringEvaluation(flag: string, fallback: string, context: EvaluationContext): Promise<ResolutionDetails<string>> {
    return this.resolve(flag, "string", fallback, context);
  }

  async resolveNumberEvaluation(flag: string, fallback: number, context: EvaluationContext): Promise<ResolutionDetails<number>> {
    return this.resolve(flag, "number", fallback, context);
  }

  async resolveObjectEvaluation<T extends JsonValue>(flag: string, fallback: T, context: EvaluationContext): Promise<ResolutionDetails<T>> {
    return this.resolve(flag, "object", fallback, context);
  }

  /** The details' value is the event's; its texts, numbers and truth values are its dims. */
  track(name: string, context: EvaluationContext, details: TrackingEventDetails): void {
    const { targetingKey: unit } = context;
    if (unit !== undefined) this.client.track(name, { unit, value: details?.value ?? null, dims: dimsOf(details ?? {}) });
  }

  private resolve<T>(flag: string, wanted: Wanted, fallback: T, context: EvaluationContext): ResolutionDetails<T> {
    if (!this.client.isReady) return failed(fallback, "PROVIDER_NOT_READY", "no configuration was received yet") as ResolutionDetails<T>;
    const answer = this.client.evaluate(flag, { unit: context.targetingKey, attributes: attributesOf(context), default: fallback });
    return resolved(answer, wanted, fallback) as ResolutionDetails<T>;
  }

  /** The first configuration after a start without one makes the provider ready; others are changes. */
  private changed(): void {
    if (!this.isInitialized) return;
    this.events.emit(ServerProviderEvents.Ready);
    this.events.emit(ServerProviderEvents.ConfigurationChanged);
  }
}
