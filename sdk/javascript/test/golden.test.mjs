/** Every answer of the golden vectors that all SDKs share. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { bucket, compileConfig } from "../dist/evaluation.js";

const read = (name) => JSON.parse(readFileSync(new URL(`../../../tests/golden/flags/${name}`, import.meta.url), "utf8"));

function document(flags) {
  return { schema: 1, environment: "test", version: 1, built_at: "2026-11-23T10:00:00Z", layers: {}, holdouts: {}, segments: {}, flags };
}

function flag(rules, variants = { on: "on", off: "off" }, more = {}) {
  return { version: 1, type: "string", unit_type: "user", on: true, variants, rules, ...more };
}

test("buckets: every vector, same", () => {
  const whole = read("assignments.json");
  for (const [salt, buckets] of whole.buckets) {
    assert.deepEqual(whole.units.slice(0, buckets.length).map((unit) => bucket(unit, salt)), buckets);
  }
});

test("assignments: every vector, same", () => {
  const whole = read("assignments.json");
  for (const { expected, ...split } of whole.splits) {
    const variants = Object.fromEntries(split.arms.map(([arm]) => [arm, arm]));
    const config = compileConfig(document({ f: flag([{ id: "r", split }], variants) }));
    assert.equal(whole.units.map((unit) => config.evaluate("f", unit).variant ?? "-").join(""), expected);
  }
});

test("operators: every vector, same", () => {
  for (const [op, value, found, matches] of read("operators.json")) {
    const rule = { id: "r", when: { attribute: "a", op, value }, variant: "on" };
    const config = compileConfig(document({ f: flag([rule], undefined, { default: "off" }) }));
    for (const attributes of found === null ? [{ a: null }, {}] : [{ a: found }]) {
      const { reason } = config.evaluate("f", "user-1", attributes);
      assert.equal(reason === "TARGETING_MATCH", matches, JSON.stringify([op, value, found]));
    }
  }
});

test("decisions: every vector, same", () => {
  for (const whole of read("decisions.json")) {
    const config = compileConfig(whole.document);
    for (const [key, unit, attributes, variant, reason] of whole.cases) {
      const answer = config.evaluate(key, unit, attributes, "own");
      assert.deepEqual([answer.variant, answer.reason], [variant, reason], JSON.stringify([key, unit, attributes]));
      assert.deepEqual(answer.value, variant === null ? "own" : whole.document.flags[key].variants[variant]);
    }
  }
});
