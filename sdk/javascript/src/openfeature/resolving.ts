/** What both OpenFeature providers share: types of values, reasons and error codes, metadata. No OpenFeature code. */
import type { Evaluation, Reason } from "../evaluation/index.js";

export type Wanted = "boolean" | "string" | "number" | "object";

/** An answer as OpenFeature writes it; error codes are the texts of its enumeration. */
export interface Resolution<T> {
  value: T;
  variant?: string;
  reason: string;
  errorCode?: string;
  errorMessage?: string;
  flagMetadata: Record<string, string | number | boolean>;
}

const REASONS: { readonly [reason in Reason]?: string } = {
  DISABLED: "DISABLED",
  OVERRIDE: "TARGETING_MATCH",
  TARGETING_MATCH: "TARGETING_MATCH",
  SPLIT: "SPLIT",
  PREREQUISITE_FAILED: "DEFAULT",
  HOLDOUT: "DEFAULT",
  NOT_IN_LAYER: "DEFAULT",
  OUT_OF_ROLLOUT: "DEFAULT",
  DEFAULT: "DEFAULT",
};
const ERRORS: { readonly [reason in Reason]?: string } = {
  FLAG_NOT_FOUND: "FLAG_NOT_FOUND",
  UNIT_MISSING: "TARGETING_KEY_MISSING",
  TYPE_MISMATCH: "TYPE_MISMATCH",
};

/** The answer if it has the wanted type, else the default with an error. */
export function resolved<T>(answer: Evaluation, wanted: Wanted, fallback: T): Resolution<T> {
  const flagMetadata = metadataOf(answer);
  const reason = REASONS[answer.reason];
  if (reason === undefined) return failed(fallback, ERRORS[answer.reason] ?? "GENERAL", `headway: ${answer.reason}`, flagMetadata);
  if (answer.variant === null) return { value: fallback, reason, flagMetadata };
  if (!isOf(wanted, answer.value)) return failed(fallback, "TYPE_MISMATCH", `the value is a ${typeof answer.value}`, flagMetadata);
  return { value: answer.value as T, variant: answer.variant, reason, flagMetadata };
}

export function failed<T>(value: T, errorCode: string, errorMessage: string, flagMetadata: Resolution<T>["flagMetadata"] = {}): Resolution<T> {
  return { value, reason: "ERROR", errorCode, errorMessage, flagMetadata };
}

/** Texts, numbers and truth values of a tracking event as dims; anything else has no place in an event. */
export function dimsOf(details: { readonly [name: string]: unknown }): Record<string, string> {
  const plain = Object.entries(details).filter(([name, value]) => name !== "value" && ["string", "number", "boolean"].includes(typeof value));
  return Object.fromEntries(plain.map(([name, value]) => [name, String(value).slice(0, 256)]));
}

/** The context as attributes: dates become the texts that the operators `before` and `after` compare. */
export function attributesOf(context: { readonly [name: string]: unknown }): { readonly [name: string]: unknown } {
  const values = Object.values(context);
  if (!values.some((value) => value instanceof Date)) return context;
  return Object.fromEntries(Object.entries(context).map(([name, value]) => [name, textOf(value)]));
}

function textOf(value: unknown): unknown {
  return value instanceof Date && !Number.isNaN(value.getTime()) ? value.toISOString() : value;
}

function isOf(wanted: Wanted, value: unknown): boolean {
  return wanted === "object" ? typeof value === "object" && value !== null : typeof value === wanted;
}

function metadataOf(answer: Evaluation): Resolution<unknown>["flagMetadata"] {
  const told = { "headway.reason": answer.reason, "headway.rule": answer.rule, "headway.experiment": answer.experiment, version: answer.version };
  return Object.fromEntries(Object.entries(told).filter((entry): entry is [string, string | number] => entry[1] !== null));
}
