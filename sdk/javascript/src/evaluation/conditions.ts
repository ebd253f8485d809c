/** Conditions on a unit's attributes: checking them, and compiling them into predicates. */
import { isLonger } from "./hashing.js";
import { OPERATORS } from "./operators.js";
import { FINE, problem, under, type Problems } from "./problems.js";

export type Json = { readonly [name: string]: any };
export type Predicate = (attributes: Json, unit: string | null) => boolean;

export const UNIT = "$unit";
const MAX_DEPTH = 10;
const MAX_ATTRIBUTE = 256;
export const UNKNOWN_FIELD = "there is no such field; it may belong to a newer format";

export function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function has(object: Json, name: string): boolean {
  return Object.prototype.hasOwnProperty.call(object, name);
}

/** What is wrong with a condition; segments are only looked for by name. */
export function checkCondition(condition: unknown, segments: Json, depth = 0): Problems {
  if (!isObject(condition)) return problem("", condition, "a condition is an object", 'For example {"segment": "beta"}.');
  if (has(condition, "attribute")) return checkLeaf(condition);
  const names = Object.keys(condition);
  if (names.length !== 1) return problem("", condition, "a condition has one of attribute, all, any, not, segment");
  if (depth >= MAX_DEPTH) return problem("", condition, `conditions are nested deeper than ${MAX_DEPTH}`, "Use a segment.");
  return checkComposed(names[0]!, condition[names[0]!], segments, depth);
}

function checkComposed(kind: string, inner: unknown, segments: Json, depth: number): Problems {
  switch (kind) {
    case "all":
    case "any":
      if (!Array.isArray(inner) || inner.length === 0) return problem(kind, inner, "this has to be a list of at least one condition");
      return inner.flatMap((each, number) => under(`${kind}[${number}]`, checkCondition(each, segments, depth + 1)));
    case "not":
      return under("not", checkCondition(inner, segments, depth + 1));
    case "segment":
      return typeof inner === "string" && has(segments, inner) ? FINE : problem("segment", inner, "there is no such segment");
    default:
      return problem("", kind, "there is no such condition", "Possible: attribute, all, any, not, segment.");
  }
}

function checkLeaf(condition: Json): Problems {
  const { attribute, op } = condition;
  if (typeof attribute !== "string" || attribute === "" || isLonger(attribute, MAX_ATTRIBUTE)) {
    return problem("attribute", attribute, `an attribute has a name of 1 to ${MAX_ATTRIBUTE} characters`);
  }
  const operator = typeof op === "string" ? OPERATORS.get(op) : undefined;
  if (operator === undefined) return problem("op", op, "there is no such operator", `Known: ${[...OPERATORS.keys()].join(", ")}.`);
  const odd = Object.keys(condition).find((name) => !["attribute", "op", "value"].includes(name));
  if (odd !== undefined) return problem(odd, condition[odd], UNKNOWN_FIELD);
  if (has(condition, "value")) return operator.check(condition.value);
  return op === "exists" ? FINE : problem("value", null, `${op} needs a value`);
}

/** The segments that a checked condition names itself. */
export function segmentsIn(condition: Json): readonly string[] {
  if (has(condition, "attribute")) return [];
  if (has(condition, "segment")) return [condition.segment];
  if (has(condition, "not")) return segmentsIn(condition.not);
  return (condition.all ?? condition.any).flatMap(segmentsIn);
}

/** The predicate of a checked condition. */
export function compiled(condition: Json, segment: (key: string) => Predicate): Predicate {
  if (has(condition, "attribute")) return onAttribute(condition);
  if (has(condition, "segment")) return segment(condition.segment);
  if (has(condition, "not")) {
    const inner = compiled(condition.not, segment);
    return (attributes, unit) => !inner(attributes, unit);
  }
  const parts: Predicate[] = (condition.all ?? condition.any).map((each: Json) => compiled(each, segment));
  if (has(condition, "all")) return (attributes, unit) => parts.every((part) => part(attributes, unit));
  return (attributes, unit) => parts.some((part) => part(attributes, unit));
}

function onAttribute(condition: Json): Predicate {
  const name: string = condition.attribute;
  const test = OPERATORS.get(condition.op)!.build(has(condition, "value") ? condition.value : true);
  if (name === UNIT) return (_, unit) => test(unit);
  return (attributes) => test(has(attributes, name) ? attributes[name] : undefined);
}
