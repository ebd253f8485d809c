/** Documents that JSON.parse would take without a word. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { build } from "esbuild";

const { outputFiles } = await build({ entryPoints: ["src/reading.ts"], bundle: true, format: "esm", write: false });
const { parsed, textOf } = await import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString("base64")}`);

for (const text of ['{"a":1,"a":2}', '{"a":{"b":1,"b":1}}', '[{"a":":","a":1}]', '{"\\u0061":1,"a":2}', '{"__proto__":1,"__proto__":2}']) {
  test(`parsed: ${text}, refused`, () => assert.throws(() => parsed(text), /stands twice/));
}

for (const text of ['{"a":":","b":"\\":\\\\"}', "[]", "1", '{"__proto__":{"a":1}}', '{"a":[{"b":{"c":[]}}]}']) {
  test(`parsed: ${text}, taken`, () => assert.deepEqual(parsed(text), JSON.parse(text)));
}

test("textOf: more than the limit, refused before the rest is read", async () => {
  await assert.rejects(textOf(new Response("x".repeat(11)), 10), /larger than 10 bytes/);
  assert.equal(await textOf(new Response("é".repeat(5)), 10), "é".repeat(5));
});
