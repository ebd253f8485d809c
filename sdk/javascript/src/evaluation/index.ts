/**
 * The evaluation core: a document and a unit in, a value, a variant and a reason out.
 *
 * The same decisions as every other Headway SDK, held to the golden vectors. No I/O, no clock.
 */
import { checkDocument } from "./checking.js";
import { compiled, has, isObject, type Json, type Predicate } from "./conditions.js";
import { bucket, RANGE, threshold, unitText } from "./hashing.js";
import { ConfigRefused, type Problem } from "./problems.js";

export { bucket, ConfigRefused, threshold, unitText, type Problem };

export type Reason =
  | "DISABLED"
  | "OVERRIDE"
  | "PREREQUISITE_FAILED"
  | "HOLDOUT"
  | "NOT_IN_LAYER"
  | "TARGETING_MATCH"
  | "SPLIT"
  | "OUT_OF_ROLLOUT"
  | "DEFAULT"
  | "UNIT_MISSING"
  | "FLAG_NOT_FOUND"
  | "TYPE_MISMATCH"
  | "ERROR";

export type Unit = string | number | bigint | null | undefined;
export type Attributes = { readonly [name: string]: unknown };

/** One answer. `variant` is null when the value is the caller's default. */
export interface Evaluation {
  readonly flag: string;
  readonly value: unknown;
  readonly variant: string | null;
  readonly reason: Reason;
  readonly rule: string | null;
  readonly experiment: string | null;
  readonly version: number | null;
  readonly unitType: string | null;
  /** The text that was bucketed when this is an exposure, else null. */
  readonly exposedUnit: string | null;
}

/** Check a document and make it ready. Throws ConfigRefused with everything that is wrong. */
export function compileConfig(document: unknown): Config {
  const problems = checkDocument(document);
  if (problems.length > 0) throw new ConfigRefused(problems);
  return new Config(document as Json);
}

interface Rule {
  readonly source: Json;
  readonly when: Predicate | null;
  readonly slots: { readonly salt: number; readonly ranges: readonly (readonly [number, number])[] } | null;
  readonly split: Split | null;
  /** Holdouts whose units pass the rule over. */
  readonly heldBy: readonly Holdout[];
}

interface Split {
  readonly limit: number;
  readonly gateSalt: number;
  readonly armSalt: number;
  readonly ends: readonly number[];
  readonly variants: readonly string[];
}

interface Holdout {
  readonly salt: number;
  readonly limit: number;
}

interface Plan {
  readonly entry: Json;
  readonly rules: readonly Rule[];
  /** Whether chance decides somewhere in the flag: forced units of such flags are exposures. */
  readonly isExperimental: boolean;
}

const NOTHING: Attributes = {};

/** What one environment's flags answer. Never changes; made by compileConfig. */
export class Config {
  readonly version: number;
  private readonly plans = new Map<string, Plan>();
  private readonly segments = new Map<string, Predicate>();

  constructor(private readonly document: Json) {
    this.version = document.version;
  }

  get keys(): readonly string[] {
    return Object.keys(this.document.flags);
  }

  /** The flags that were asked for, and those they asked for themselves. */
  get asked(): Iterable<string> {
    return this.plans.keys();
  }

  /** The answer of a flag for a unit. Never throws. */
  evaluate(flag: string, unit?: Unit, attributes?: Attributes | null, fallback: unknown = null): Evaluation {
    try {
      if (typeof flag !== "string" || !has(this.document.flags, flag)) return bare(String(flag), fallback, "FLAG_NOT_FOUND");
      return this.decide(this.plan(flag), flag, unit, isObject(attributes) ? attributes : NOTHING, fallback);
    } catch {
      return bare(String(flag), fallback, "ERROR");
    }
  }

  private decide(plan: Plan, flag: string, unit: Unit, attributes: Attributes, fallback: unknown): Evaluation {
    const text = unitText(unit);
    const answer = (variant: string | null | undefined, reason: Reason, rule?: Json, exposedUnit: string | null = null): Evaluation => ({
      flag,
      value: variant == null ? fallback : plan.entry.variants[variant],
      variant: variant ?? null,
      reason,
      rule: rule?.id ?? null,
      experiment: rule?.experiment ?? null,
      version: plan.entry.version,
      unitType: rule?.unit_from ?? plan.entry.unit_type,
      exposedUnit,
    });
    const { entry } = plan;
    if (!entry.on) return answer(entry.off, "DISABLED");
    if (text !== null && has(entry.forced ?? NOTHING, text)) {
      return answer(entry.forced[text], "OVERRIDE", undefined, plan.isExperimental ? text : null);
    }
    for (const wanted of entry.prerequisites ?? []) {
      const { variant } = this.evaluate(wanted.flag, unit, attributes);
      if (variant === null || !wanted.variants.includes(variant)) return answer(entry.off, "PREREQUISITE_FAILED");
    }
    return this.byRules(plan, text, attributes, answer);
  }

  private byRules(
    plan: Plan,
    text: string | null,
    attributes: Attributes,
    answer: (variant: string | null | undefined, reason: Reason, rule?: Json, exposedUnit?: string | null) => Evaluation,
  ): Evaluation {
    let passedOver: Reason = "DEFAULT";
    const isIn = (holdout: Holdout): boolean => text !== null && bucket(text, holdout.salt) < holdout.limit;
    for (const rule of plan.rules) {
      const source = rule.source.unit_from;
      const unit = source == null ? text : unitText(has(attributes, source) ? attributes[source] : null);
      if (unit === null && needsUnit(rule)) {
        passedOver = "UNIT_MISSING";
        continue;
      }
      if (rule.heldBy.some(isIn)) {
        if (passedOver !== "UNIT_MISSING") passedOver = "HOLDOUT";
        continue;
      }
      if (rule.slots !== null && !isInSlots(rule.slots, unit!)) {
        if (passedOver === "DEFAULT") passedOver = "NOT_IN_LAYER";
        continue;
      }
      if (rule.when !== null && !rule.when(attributes, text)) continue;
      if (rule.split === null) return answer(rule.source.variant, "TARGETING_MATCH", rule.source, rule.source.experiment == null ? null : unit);
      if (!isCovered(rule.split, unit)) return { ...answer(plan.entry.default, "OUT_OF_ROLLOUT"), rule: rule.source.id };
      return answer(armOf(rule.split, unit), "SPLIT", rule.source, unit);
    }
    return answer(plan.entry.default, passedOver);
  }

  private plan(flag: string): Plan {
    const known = this.plans.get(flag);
    if (known !== undefined) return known;
    const entry: Json = this.document.flags[flag];
    const plan: Plan = {
      entry,
      rules: entry.rules.map((rule: Json) => this.rule(rule, entry.unit_type)),
      isExperimental: entry.rules.some((rule: Json) => has(rule, "split") || Boolean(rule.experiment)),
    };
    this.plans.set(flag, plan);
    return plan;
  }

  private rule(rule: Json, unitType: string): Rule {
    return {
      source: rule,
      when: has(rule, "when") ? compiled(rule.when, (key) => this.segment(key)) : null,
      slots: has(rule, "layer") ? { salt: this.document.layers[rule.layer.key].salt, ranges: rule.layer.slots.map(([low, high]: [number, number]) => [threshold(low), threshold(high)]) } : null,
      split: has(rule, "split") ? splitOf(rule.split) : null,
      heldBy: this.heldBy(rule, unitType),
    };
  }

  /** Those that the rule names, as far as they are in force and draw the flag's units. */
  private heldBy(rule: Json, unitType: string): Holdout[] {
    const { holdouts } = this.document;
    return (rule.holdouts ?? [])
      .filter((key: string) => has(holdouts, key) && holdouts[key].unit_type === unitType)
      .map((key: string) => ({ salt: holdouts[key].salt, limit: threshold(holdouts[key].share_ppm) }));
  }

  private segment(key: string): Predicate {
    const known = this.segments.get(key);
    if (known !== undefined) return known;
    const predicate = compiled(this.document.segments[key].when, (other) => this.segment(other));
    this.segments.set(key, predicate);
    return predicate;
  }
}

function splitOf(split: Json): Split {
  let total = 0;
  return {
    limit: threshold(split.coverage_ppm),
    gateSalt: split.gate_salt,
    armSalt: split.arm_salt,
    ends: split.arms.map(([, share]: [string, number]) => threshold((total += share))),
    variants: split.arms.map(([variant]: [string, number]) => variant),
  };
}

/** Nobody or everybody in, and a single arm: that needs no unit. */
function needsUnit({ split, slots }: Rule): boolean {
  return slots !== null || (split !== null && split.limit > 0 && (split.limit < RANGE || split.variants.length > 1));
}

function isInSlots(slots: NonNullable<Rule["slots"]>, unit: string): boolean {
  const own = bucket(unit, slots.salt);
  return slots.ranges.some(([low, high]) => low <= own && own < high);
}

function isCovered(split: Split, unit: string | null): boolean {
  return split.limit === RANGE || (split.limit > 0 && bucket(unit!, split.gateSalt) < split.limit);
}

function armOf(split: Split, unit: string | null): string {
  const own = split.variants.length > 1 ? bucket(unit!, split.armSalt) : 0;
  return split.variants[split.ends.findIndex((end) => own < end)]!;
}

/** The answer when there is none: the caller's default. */
export function bare(flag: string, value: unknown, reason: Reason): Evaluation {
  return { flag, value, variant: null, reason, rule: null, experiment: null, version: null, unitType: null, exposedUnit: null };
}
