/** The wire format of exposures and events; the events API reference describes it. */
import type { Evaluation } from "./evaluation/index.js";

export type Dims = { readonly [name: string]: string };

export interface WireEvent {
  readonly id: string;
  readonly kind: "exposure" | "event";
  readonly ts: string;
  readonly unit: string;
  readonly unit_type: string;
  readonly [field: string]: unknown;
}

export interface Tracked {
  readonly unit: string | number | bigint;
  readonly value?: number | null;
  readonly session?: string | null;
  readonly dims?: Dims;
  readonly unitType?: string;
}

/** What a unit did; null when it names no unit or its value is no number. */
export function eventOf(name: string, unit: string, unitType: string, at: Date, tracked: Tracked): WireEvent | null {
  const { value = null, session = null, dims = {} } = tracked;
  if (value !== null && !Number.isFinite(value)) return null;
  return { id: crypto.randomUUID(), kind: "event", ts: at.toISOString(), unit, unit_type: unitType, name, value, session, dims };
}

/** That a unit was shown a variant. */
export function exposureOf(answer: Evaluation, at: Date, dims: Dims): WireEvent {
  return {
    id: crypto.randomUUID(),
    kind: "exposure",
    ts: at.toISOString(),
    unit: answer.exposedUnit!,
    unit_type: answer.unitType!,
    flag: answer.flag,
    variant: answer.variant,
    version: answer.version,
    experiment: answer.experiment,
    forced: answer.reason === "OVERRIDE",
    dims,
  };
}
