/** Whether a configuration document may be used, whole or not at all: the rules of the flag format. */
import { checkCondition, has, isObject, segmentsIn, UNKNOWN_FIELD, type Json } from "./conditions.js";
import { checkFlag, isCount, isPpm, isSalt, PPM, SALT } from "./flagChecking.js";
import { FINE, problem, under, type Problems } from "./problems.js";

const SCHEMA = 1;
const MAX_FLAGS = 50_000;
const MAX_CHAIN = 10;
const MAX_PROBLEMS = 100;
const SECTIONS = ["layers", "holdouts", "segments", "flags"] as const;
const KEY = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

/** All problems of a document, at most a hundred. */
export function checkDocument(document: unknown): Problems {
  const found = checkFrame(document);
  if (found.length > 0) return found;
  const whole = document as Json;
  const shared = [
    ...checkSegments(whole.segments),
    ...checkEach("layers", whole.layers, checkLayer),
    ...checkEach("holdouts", whole.holdouts, (holdout) => checkHoldout(holdout, whole.layers)),
  ];
  const problems = shared.length > 0 ? shared : checkEach("flags", whole.flags, (flag) => checkFlag(flag, whole));
  return problems.length > 0 ? problems.slice(0, MAX_PROBLEMS) : checkTogether(whole.flags);
}

function checkFrame(document: unknown): Problems {
  if (!isObject(document)) return problem("", document, "a configuration document is an object");
  if (!isCount(document.schema)) return problem("schema", document.schema, "this is no configuration document: it has no schema number");
  if (document.schema !== SCHEMA) return problem("schema", document.schema, "this SDK does not know that format", "Update the SDK.");
  if (!isCount(document.version)) return problem("version", document.version, "a version is a whole number from 0");
  const missing = SECTIONS.find((name) => !has(document, name) || !isObject(document[name]));
  if (missing !== undefined) return problem(missing, document[missing], "this has to be an object", "Send {} when there are none.");
  const size = Object.keys(document.flags).length;
  return size > MAX_FLAGS ? problem("flags", size, `${MAX_FLAGS} flags are possible`) : FINE;
}

function checkEach(section: string, entries: Json, check: (entry: unknown) => Problems): Problems {
  return Object.entries(entries).flatMap(([key, entry]) => [
    ...(KEY.test(key) ? FINE : problem(section, key, "a key has letters, digits, dots, hyphens and underscores, at most 128")),
    ...under(`${section}.${key}`, check(entry)),
  ]);
}

function checkFields(entry: unknown, required: readonly string[], more: readonly string[] = []): Problems {
  if (!isObject(entry)) return problem("", entry, "this has to be an object");
  const missing = required.find((name) => !has(entry, name));
  if (missing !== undefined) return problem(missing, null, `${missing} is missing`);
  const odd = Object.keys(entry).find((name) => !required.includes(name) && !more.includes(name));
  return odd === undefined ? FINE : problem(odd, entry[odd], UNKNOWN_FIELD);
}

function checkLayer(layer: unknown): Problems {
  const found = checkFields(layer, ["unit_type", "salt"]);
  return found.length > 0 ? found : checkDraw(layer as Json);
}

function checkDraw(entry: Json): Problems {
  if (typeof entry.unit_type !== "string" || entry.unit_type === "") return problem("unit_type", entry.unit_type, "a unit type is a name");
  return isSalt(entry.salt) ? FINE : problem("salt", entry.salt, SALT);
}

function checkHoldout(holdout: unknown, layers: Json): Problems {
  const found = checkFields(holdout, ["unit_type", "salt", "share_ppm"], ["layers"]);
  if (found.length > 0) return found;
  const entry = holdout as Json;
  const draw = checkDraw(entry);
  if (draw.length > 0) return draw;
  if (!isPpm(entry.share_ppm)) return problem("share_ppm", entry.share_ppm, PPM);
  if (entry.layers === null || entry.layers === undefined) return FINE;
  if (!Array.isArray(entry.layers) || entry.layers.length === 0) return problem("layers", entry.layers, "this has to be a list of layers");
  const odd = entry.layers.find((name: unknown) => typeof name !== "string" || !has(layers, name));
  return odd === undefined ? FINE : problem("layers", odd, "there is no such layer");
}

function checkSegments(segments: Json): Problems {
  const found = checkEach("segments", segments, (segment) => checkSegment(segment, segments));
  if (found.length > 0) return found;
  const inner = (key: string): readonly string[] => segmentsIn(segments[key].when);
  return Object.keys(segments).flatMap((key) => checkCircle(key, inner, "segments"));
}

function checkSegment(segment: unknown, segments: Json): Problems {
  const found = checkFields(segment, ["version", "when"]);
  if (found.length > 0) return found;
  const entry = segment as Json;
  if (!isCount(entry.version)) return problem("version", entry.version, "a version is a whole number from 0");
  return under("when", checkCondition(entry.when, segments));
}

/** What only shows between flags: circles of prerequisites and slots that two experiments own. */
function checkTogether(flags: Json): Problems {
  const wanted = (key: string): readonly string[] => (flags[key].prerequisites ?? []).map((one: Json) => one.flag);
  const chained = Object.keys(flags).filter((key) => wanted(key).length > 0);
  const circles = chained.flatMap((key) => checkCircle(key, wanted, "flags"));
  return circles.length > 0 ? circles.slice(0, MAX_PROBLEMS) : checkSlots(flags);
}

/** A problem when `key` leads back to itself or through a chain that is too long. */
function checkCircle(key: string, inner: (key: string) => readonly string[], section: string): Problems {
  const met = new Set([key]);
  let level = [key];
  for (let steps = 1; level.length > 0; steps++) {
    const reached = new Set(level.flatMap(inner));
    if (reached.has(key)) return problem(`${section}.${key}`, key, "it leads back to itself", "Take one link out of the circle.");
    if (steps > MAX_CHAIN) return problem(`${section}.${key}`, key, `the chain behind it is longer than ${MAX_CHAIN}`);
    level = [...reached].filter((name) => !met.has(name));
    level.forEach((name) => met.add(name));
  }
  return FINE;
}

interface Owned {
  readonly low: number;
  readonly high: number;
  readonly owner: string;
  readonly place: string;
}

function checkSlots(flags: Json): Problems {
  const byLayer = new Map<string, Owned[]>();
  for (const [key, flag] of Object.entries(flags)) {
    for (const [number, rule] of (flag.rules as Json[]).entries()) {
      if (!has(rule, "layer")) continue;
      const place = `flags.${key}.rules[${number}].layer.slots`;
      const owner = rule.experiment ?? `${key}/${rule.id}`;
      const owned = byLayer.get(rule.layer.key) ?? [];
      owned.push(...rule.layer.slots.map(([low, high]: [number, number]) => ({ low, high, owner, place })));
      byLayer.set(rule.layer.key, owned);
    }
  }
  return [...byLayer.values()].map(checkOverlap).find((found) => found.length > 0) ?? FINE;
}

/** Sorted by beginning, a range overlaps an earlier one only if it overlaps the furthest-reaching one. */
function checkOverlap(ranges: Owned[]): Problems {
  const furthest = new Map<string, Owned>();
  for (const own of ranges.sort((first, second) => first.low - second.low)) {
    for (const [owner, other] of furthest) {
      if (owner !== own.owner && own.low < other.high) {
        return problem(own.place, [own.low, own.high], `${own.owner} and ${owner} own the same slots`, "Move one.");
      }
    }
    if (own.high > (furthest.get(own.owner)?.high ?? 0)) furthest.set(own.owner, own);
  }
  return FINE;
}

