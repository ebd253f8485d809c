/** Whether one flag's entry may be used. */
import { checkCondition, has, isObject, UNIT, UNKNOWN_FIELD, type Json } from "./conditions.js";
import { isLonger, RANGE, WHOLE_PPM } from "./hashing.js";
import { FINE, problem, under, type Problems } from "./problems.js";

const MAX_VERSION = 2 ** 31 - 1;
const MAX_VARIANTS = 64;
const MAX_RULES = 100;
const MAX_FORCED = 10_000;
const MAX_PREREQUISITES = 10;
const MAX_NAME = 128;
const MAX_TEXT = 100_000;
const MAX_DEPTH = 32;

export const SALT = "a salt is a whole number from 0 to 4294967295";
export const PPM = "a share is a whole number from 0 to 1000000 parts per million";

const REQUIRED = ["on", "rules", "type", "unit_type", "variants", "version"];
const FLAG = [...REQUIRED, "off", "default", "forced", "prerequisites", "meta"];
const RULE = ["id", "when", "variant", "split", "experiment", "layer", "unit_from", "holdouts"];
const SPLIT = ["coverage_ppm", "gate_salt", "arm_salt", "arms"];

const isWhole = (value: unknown, below: number): value is number => Number.isInteger(value) && 0 <= (value as number) && (value as number) < below;
export const isCount = (value: unknown): boolean => isWhole(value, MAX_VERSION + 1);
export const isSalt = (value: unknown): boolean => isWhole(value, RANGE);
export const isPpm = (value: unknown): value is number => isWhole(value, WHOLE_PPM + 1);
const isName = (value: unknown): value is string => typeof value === "string" && value !== "" && !isLonger(value, MAX_NAME);
const isIn = (name: unknown, variants: Json): boolean => typeof name === "string" && has(variants, name);
const known = (variants: Json): string => `Possible: ${Object.keys(variants).join(", ")}.`;

function isNumber(value: unknown): boolean {
  return typeof value === "number" && Number.isFinite(value) && (!Number.isInteger(value) || Math.abs(value) <= 2 ** 53 || !isWritten(value));
}

/** JSON does not tell 1e300 from a long integer; only numbers that print without an exponent are integers. */
function isWritten(value: number): boolean {
  return !String(value).includes("e");
}

function isText(value: unknown): boolean {
  return typeof value === "string" && !isLonger(value, MAX_TEXT);
}

function isJson(value: unknown, depth = 0): boolean {
  if (depth > MAX_DEPTH) return false;
  if (Array.isArray(value)) return value.every((each) => isJson(each, depth + 1));
  if (isObject(value)) return Object.values(value).every((each) => isJson(each, depth + 1));
  return value === null || typeof value === "boolean" || isText(value) || isNumber(value);
}

const VALUES: Readonly<Record<string, (value: unknown) => boolean>> = {
  bool: (value) => typeof value === "boolean",
  string: isText,
  number: isNumber,
  json: isJson,
};

/** The problems of a flag's entry; the document's other parts are only looked for by name. */
export function checkFlag(entry: unknown, document: Json): Problems {
  if (!isObject(entry)) return problem("", entry, "a flag is an object");
  const missing = REQUIRED.find((name) => !has(entry, name));
  if (missing !== undefined) return problem(missing, null, `${missing} is missing`);
  const odd = Object.keys(entry).find((name) => !FLAG.includes(name));
  if (odd !== undefined) return problem(odd, entry[odd], UNKNOWN_FIELD);
  const found = checkHead(entry);
  return found.length > 0 ? found : checkBody(entry, document);
}

function checkHead(entry: Json): Problems {
  if (!isCount(entry.version)) return problem("version", entry.version, "a version is a whole number from 0");
  if (!isName(entry.unit_type)) return problem("unit_type", entry.unit_type, "a unit type is a name");
  if (typeof entry.on !== "boolean") return problem("on", entry.on, "this has to be true or false");
  if (typeof entry.type !== "string" || !has(VALUES, entry.type)) return problem("type", entry.type, "there is no such type");
  return checkVariants(entry, VALUES[entry.type]!);
}

function checkVariants(entry: Json, fits: (value: unknown) => boolean): Problems {
  const { variants } = entry;
  const count = isObject(variants) ? Object.keys(variants).length : 0;
  if (count < 1 || count > MAX_VARIANTS) return problem("variants", variants, `a flag has 1 to ${MAX_VARIANTS} variants`);
  for (const [name, value] of Object.entries(variants as Json)) {
    if (!isName(name)) return problem("variants", name, `a variant has a name of 1 to ${MAX_NAME} characters`);
    if (!fits(value)) return problem(`variants.${name}`, value, `this is no value of type ${entry.type}`);
  }
  const wrong = ["off", "default"].find((name) => entry[name] !== undefined && entry[name] !== null && !isIn(entry[name], variants));
  return wrong === undefined ? FINE : problem(wrong, entry[wrong], "there is no such variant", known(variants));
}

function checkBody(entry: Json, document: Json): Problems {
  const { rules } = entry;
  if (!Array.isArray(rules) || rules.length > MAX_RULES) return problem("rules", rules, `this has to be a list of at most ${MAX_RULES} rules`);
  const found = [
    ...under("forced", checkForced(entry.forced ?? {}, entry.variants)),
    ...under("prerequisites", checkPrerequisites(entry.prerequisites ?? [], document.flags)),
    ...rules.flatMap((rule, number) => under(`rules[${number}]`, checkRule(rule, entry, document))),
  ];
  if (found.length > 0) return found;
  const ids = new Set(rules.map((rule) => rule.id));
  return ids.size === rules.length ? FINE : problem("rules", rules.length, "two rules have the same id", "Every rule has its own.");
}

function checkForced(forced: unknown, variants: Json): Problems {
  if (!isObject(forced) || Object.keys(forced).length > MAX_FORCED) return problem("", forced, `this has to be an object of at most ${MAX_FORCED} units`);
  const odd = Object.keys(forced).find((unit) => !isIn(forced[unit], variants));
  return odd === undefined ? FINE : problem(odd, forced[odd], "there is no such variant", known(variants));
}

function checkPrerequisites(wanted: unknown, flags: Json): Problems {
  if (!Array.isArray(wanted) || wanted.length > MAX_PREREQUISITES) return problem("", wanted, `this has to be a list of at most ${MAX_PREREQUISITES}`);
  return wanted.flatMap((one, number) => under(`[${number}]`, checkPrerequisite(one, flags)));
}

function checkPrerequisite(one: unknown, flags: Json): Problems {
  if (!isObject(one) || Object.keys(one).sort().join() !== "flag,variants") return problem("", one, "a prerequisite has flag and variants");
  const other = typeof one.flag === "string" && has(flags, one.flag) ? flags[one.flag] : undefined;
  if (!isObject(other)) return problem("flag", one.flag, "there is no such flag");
  if (!Array.isArray(one.variants) || one.variants.length === 0) return problem("variants", one.variants, "this has to be a list of at least one variant");
  const odd = one.variants.find((name: unknown) => !isObject(other.variants) || !isIn(name, other.variants));
  return odd === undefined ? FINE : problem("variants", odd, `${one.flag} has no such variant`);
}

function checkRule(rule: unknown, entry: Json, document: Json): Problems {
  if (!isObject(rule)) return problem("", rule, "a rule is an object");
  const odd = Object.keys(rule).find((name) => !RULE.includes(name));
  if (odd !== undefined) return problem(odd, rule[odd], UNKNOWN_FIELD);
  if (!isName(rule.id)) return problem("id", rule.id, `a rule has an id of 1 to ${MAX_NAME} characters`);
  const when = has(rule, "when") ? under("when", checkCondition(rule.when, document.segments)) : FINE;
  if (when.length > 0) return when;
  const outcome = checkOutcome(rule, entry.variants);
  return outcome.length > 0 ? outcome : checkOrigin(rule, entry, document);
}

function checkOutcome(rule: Json, variants: Json): Problems {
  if (has(rule, "split") === has(rule, "variant")) {
    return problem(has(rule, "split") ? "variant" : "", rule, "a rule has either a variant or a split");
  }
  if (has(rule, "split")) return under("split", checkSplit(rule.split, variants));
  return isIn(rule.variant, variants) ? FINE : problem("variant", rule.variant, "there is no such variant", known(variants));
}

function checkSplit(split: unknown, variants: Json): Problems {
  const isWhole = isObject(split) && Object.keys(split).length === SPLIT.length && SPLIT.every((name) => has(split, name));
  if (!isWhole) return problem("", split, `a split has exactly ${SPLIT.join(", ")}`);
  if (!isPpm(split.coverage_ppm)) return problem("coverage_ppm", split.coverage_ppm, PPM);
  if (!isSalt(split.gate_salt)) return problem("gate_salt", split.gate_salt, SALT);
  if (!isSalt(split.arm_salt)) return problem("arm_salt", split.arm_salt, SALT);
  if (split.gate_salt === split.arm_salt) return problem("arm_salt", split.arm_salt, "the gate has the same salt", "Draw two salts.");
  return checkArms(split.arms, variants);
}

function checkArms(arms: unknown, variants: Json): Problems {
  if (!Array.isArray(arms) || arms.length < 1 || arms.length > MAX_VARIANTS) return problem("arms", arms, `a split has 1 to ${MAX_VARIANTS} arms`);
  for (const [number, arm] of arms.entries()) {
    if (!Array.isArray(arm) || arm.length !== 2 || !isPpm(arm[1])) return problem(`arms[${number}]`, arm, `an arm is [variant, share]; ${PPM}`);
    if (!isIn(arm[0], variants)) return problem(`arms[${number}]`, arm[0], "there is no such variant", known(variants));
  }
  const total = arms.reduce((sum: number, arm: [string, number]) => sum + arm[1], 0);
  if (total !== WHOLE_PPM) return problem("arms", arms, `the shares add up to ${total / 10_000} %`, "They must add up to 100 %.");
  return new Set(arms.map((arm) => arm[0])).size === arms.length ? FINE : problem("arms", arms, "a variant is in two arms", "Give it one share.");
}

/** Where the rule's units come from: experiment, attribute in place of the unit, holdouts, layer. */
function checkOrigin(rule: Json, entry: Json, document: Json): Problems {
  if (rule.experiment != null && !isName(rule.experiment)) return problem("experiment", rule.experiment, `a key has 1 to ${MAX_NAME} characters`);
  const source = rule.unit_from;
  if (source != null && (!isName(source) || source === UNIT)) return problem("unit_from", source, "this has to be the name of an attribute");
  const held = rule.holdouts;
  if (held != null && !(Array.isArray(held) && held.every(isName))) return problem("holdouts", held, "this has to be a list of holdouts");
  return has(rule, "layer") ? under("layer", checkPlace(rule.layer, source ?? entry.unit_type, document.layers)) : FINE;
}

function checkPlace(place: unknown, unitType: string, layers: Json): Problems {
  if (!isObject(place) || Object.keys(place).sort().join() !== "key,slots") return problem("", place, "a place in a layer has key and slots");
  if (typeof place.key !== "string" || !has(layers, place.key)) return problem("key", place.key, "there is no such layer");
  const layer = layers[place.key];
  if (layer.unit_type !== unitType) return problem("key", place.key, `the layer draws ${layer.unit_type} units, this rule ${unitType} units`);
  return checkRanges(place.slots);
}

function checkRanges(slots: unknown): Problems {
  if (!Array.isArray(slots) || slots.length === 0) return problem("slots", slots, "this has to be a list of ranges");
  let end = 0;
  for (const [number, pair] of slots.entries()) {
    if (!Array.isArray(pair) || pair.length !== 2 || !isPpm(pair[0]) || !isPpm(pair[1])) return problem(`slots[${number}]`, pair, `a range is [low, high); ${PPM}`);
    if (pair[0] >= pair[1]) return problem(`slots[${number}]`, pair, "the range is empty", "low is smaller than high.");
    if (pair[0] < end) return problem(`slots[${number}]`, pair, "it overlaps or precedes the range before", "Sort them.");
    end = pair[1];
  }
  return FINE;
}
