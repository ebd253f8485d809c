/**
 * The operators of conditions: which values they take, and what they decide about an attribute.
 *
 * Tests are total: an attribute that is absent, null or of another type does not match, and nothing throws.
 */
import { isLonger } from "./hashing.js";
import { milliseconds } from "./instants.js";
import { addressOf, holds, networkOf } from "./networks.js";
import { matcher, PatternRefused } from "./patterns.js";
import { FINE, problem, type Problems } from "./problems.js";
import { compareVersions, versionOf } from "./versions.js";

export type Test = (found: unknown) => boolean;

interface Operator {
  readonly check: (value: unknown) => Problems;
  readonly build: (value: any) => Test;
}

const MAX_LIST = 10_000;
const MAX_LIST_TEXT = 1_000_000;
const MAX_TEXT = 1_000;
const MAX_NUMBER = 2 ** 53;

const isNumber = (value: unknown): value is number => typeof value === "number" && !Number.isNaN(value);
const isScalar = (value: unknown): boolean => typeof value === "string" || typeof value === "boolean" || isNumber(value);
const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [value]);

// What a condition may hold

function scalar(value: unknown): Problems {
  if (typeof value === "string") return shortText(value);
  if (typeof value === "boolean") return FINE;
  return typeof value === "number" ? number(value) : problem("value", value, "this has to be a text, a number, true or false");
}

function shortText(value: string): Problems {
  return isLonger(value, MAX_TEXT) ? problem("value", value, `the text is too long; ${MAX_TEXT} characters are possible`) : FINE;
}

function number(value: unknown): Problems {
  if (!isNumber(value)) return problem("value", value, "this has to be a number", "Send it without quotes.");
  return Math.abs(value) <= MAX_NUMBER ? FINE : problem("value", value, "numbers go from -2^53 to 2^53");
}

function list(value: unknown): Problems {
  if (!Array.isArray(value) || value.length < 1 || value.length > MAX_LIST) {
    return problem("value", value, `this has to be a list of 1 to ${MAX_LIST} values`);
  }
  if (value.every((each) => typeof each === "string")) return listSize(value);
  return value.map(scalar).find((found) => found.length > 0) ?? FINE;
}

function listSize(texts: readonly string[]): Problems {
  const isLarge = isLonger(texts.join(""), MAX_LIST_TEXT);
  return isLarge ? problem("value", texts.length, `${MAX_LIST_TEXT} characters in all are possible`) : FINE;
}

function texts(value: unknown): Problems {
  const values = listOf(value);
  if (values.length < 1 || values.length > MAX_LIST) return problem("value", value, `this has to be 1 to ${MAX_LIST} texts`);
  const odd = values.find((each) => typeof each !== "string" || each === "");
  if (odd !== undefined) return problem("value", odd, "this has to be a text that is not empty");
  return (values as string[]).map(shortText).find((found) => found.length > 0) ?? FINE;
}

function pattern(value: unknown): Problems {
  if (typeof value !== "string" || value === "") return problem("value", value, "this has to be a pattern that is not empty");
  try {
    matcher(value);
    return FINE;
  } catch (error) {
    if (error instanceof PatternRefused) return problem("value", value, error.message);
    throw error;
  }
}

function version(value: unknown): Problems {
  return versionOf(value) === null ? problem("value", value, "this is no semantic version", "For example 2.10.0.") : FINE;
}

function instant(value: unknown): Problems {
  const isTime = typeof value === "string" && milliseconds(value) !== null;
  return isTime ? FINE : problem("value", value, "this is no time with a zone", "For example 2026-11-23T10:00:00Z.");
}

function networks(value: unknown): Problems {
  const found = texts(value);
  if (found.length > 0) return found;
  const odd = listOf(value).find((each) => networkOf(each) === null);
  return odd === undefined ? FINE : problem("value", odd, "this is no network", "For example 10.0.0.0/8 or 2001:db8::/32.");
}

function truth(value: unknown): Problems {
  return typeof value === "boolean" ? FINE : problem("value", value, "this has to be true or false");
}

// What it decides

const equals = (value: unknown): Test => (found) => found === value;

function isIn(values: readonly unknown[]): Test {
  const known = new Set(values);
  return (found) => isScalar(found) && known.has(found);
}

function opposite(build: (value: any) => Test): (value: any) => Test {
  return (value) => {
    const test = build(value);
    return (found) => isScalar(found) && !test(found);
  };
}

function anyText(compare: (found: string, part: string) => boolean): (value: unknown) => Test {
  return (value) => {
    const parts = listOf(value) as string[];
    return (found) => typeof found === "string" && parts.some((part) => compare(found, part));
  };
}

function numeric(compare: (found: number, limit: number) => boolean): (value: number) => Test {
  return (value) => (found) => isNumber(found) && compare(found, value);
}

function semver(isWanted: (order: number) => boolean): (value: string) => Test {
  return (value) => {
    const limit = versionOf(value)!;
    return (found) => {
      const own = versionOf(found);
      return own !== null && isWanted(compareVersions(own, limit));
    };
  };
}

function temporal(compare: (found: number, limit: number) => boolean): (value: string) => Test {
  return (value) => {
    const limit = milliseconds(value)!;
    return (found) => {
      const at = milliseconds(found);
      return at !== null && compare(at, limit);
    };
  };
}

function inNetwork(value: unknown): Test {
  const wanted = listOf(value).map((each) => networkOf(each)!);
  return (found) => {
    const address = addressOf(found);
    return address !== null && wanted.some((network) => holds(network, address));
  };
}

const exists = (value: boolean): Test => (found) => (found !== undefined && found !== null) === value;

export const OPERATORS: ReadonlyMap<string, Operator> = new Map<string, Operator>([
  ["equals", { check: scalar, build: equals }],
  ["not_equals", { check: scalar, build: opposite(equals) }],
  ["in", { check: list, build: isIn }],
  ["not_in", { check: list, build: opposite(isIn) }],
  ["starts_with", { check: texts, build: anyText((found, part) => found.startsWith(part)) }],
  ["ends_with", { check: texts, build: anyText((found, part) => found.endsWith(part)) }],
  ["contains", { check: texts, build: anyText((found, part) => found.includes(part)) }],
  ["matches", { check: pattern, build: matcher }],
  ["gt", { check: number, build: numeric((found, limit) => found > limit) }],
  ["gte", { check: number, build: numeric((found, limit) => found >= limit) }],
  ["lt", { check: number, build: numeric((found, limit) => found < limit) }],
  ["lte", { check: number, build: numeric((found, limit) => found <= limit) }],
  ["semver_eq", { check: version, build: semver((order) => order === 0) }],
  ["semver_gt", { check: version, build: semver((order) => order > 0) }],
  ["semver_gte", { check: version, build: semver((order) => order >= 0) }],
  ["semver_lt", { check: version, build: semver((order) => order < 0) }],
  ["semver_lte", { check: version, build: semver((order) => order <= 0) }],
  ["before", { check: instant, build: temporal((found, limit) => found < limit) }],
  ["after", { check: instant, build: temporal((found, limit) => found > limit) }],
  ["in_network", { check: networks, build: inNetwork }],
  ["exists", { check: truth, build: exists }],
]);
