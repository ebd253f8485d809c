/** The client against a server that fails in every way: answers stay, nothing throws, nothing is sent twice. */
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { afterEach, beforeEach, test } from "node:test";

import { Client } from "../dist/index.js";
import { document, started } from "./server.mjs";

let server;
let clients;
let warnings;

beforeEach(async () => {
  server = await started();
  clients = [];
  warnings = [];
});

afterEach(async () => {
  server.config.hang = false;
  await server.stop();
  for (const client of clients) await client.close();
});

function client(options = {}) {
  const made = new Client(server.url, "hw_server_x", { pollMs: 20, flushMs: 60_000, timeoutMs: 20_000, warn: (message) => warnings.push(message), ...options });
  clients.push(made);
  return made;
}

const served = (body, more = {}) => ({ status: 200, body, etag: `"${body.version}"`, ...more });
const asked = { unit: "user-1", default: "own" };
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function eventually(holds) {
  for (let tries = 0; tries < 6_000 && !holds(); tries++) await pause(10);
  return holds();
}

test("evaluate: configuration served, same answer as the core and one exposure", async () => {
  server.config = served(document());
  const flags = client({ exposureDims: ["country"] });
  assert.equal(await flags.waitUntilReady(60_000), true);

  const answers = [1, 2, 3].map(() => flags.variant("home", { ...asked, attributes: { country: "de" } }));
  await flags.flush();

  assert.deepEqual(new Set(answers).size, 1);
  assert.equal(server.events.length, 1);
  const [exposure] = server.events;
  assert.deepEqual([exposure.kind, exposure.flag, exposure.experiment, exposure.variant, exposure.version], ["exposure", "home", "home", answers[0], 3]);
  assert.deepEqual([exposure.unit, exposure.unit_type, exposure.forced, exposure.dims], ["user-1", "user", false, { country: "de" }]);
});

for (const [name, config] of Object.entries({
  "answering 500": { status: 500, body: "oh" },
  "answering 401": { status: 401, body: "{}" },
  "answering garbage": { status: 200, body: "<html>" },
  "answering an empty body": { status: 200, body: "" },
  "answering an empty object": { status: 200, body: {} },
  "answering a newer schema": { status: 200, body: { ...document(9), schema: 2 } },
  "answering an older version": { status: 200, body: document(0, { on: false }) },
  "answering with a flag twice": { status: 200, body: JSON.stringify(document(9, { on: false })).replace('"home":', '"home":{},"home":') },
  "answering truncated JSON": { status: 200, body: JSON.stringify(document(9)).slice(0, -20) },
  "answering more than it should": { status: 200, body: `{"schema":"${"x".repeat(64_000_001)}"}` },
  "redirecting to itself": { status: 302, body: "", headers: { location: "/elsewhere" } },
  "dripping": { status: 200, body: "", drip: true },
  "hanging": { status: 200, body: "", hang: true },
})) {
  test(`evaluate: server ${name}, warm answers stay`, async () => {
    server.config = served(document(5));
    const flags = client();
    await flags.waitUntilReady(60_000);
    const before = flags.evaluate("home", asked);

    server.config = { etag: '"other"', ...config };
    await pause(150);

    assert.deepEqual(flags.evaluate("home", asked), before);
  });

  test(`evaluate: server ${name} from the start, default`, async () => {
    server.config = name.includes("older") ? { status: 404, body: "" } : config;
    const flags = client();

    assert.equal(await flags.waitUntilReady(200), false);
    assert.equal(flags.variant("home", asked), "own");
  });
}

test("poll: redirect to another host, not followed", async () => {
  const other = await started();
  other.config = served(document());
  server.config = { status: 302, body: "", headers: { location: `${other.url}/sdk/v1/config` } };
  server.answers = [{ status: 307, headers: { location: `${other.url}/sdk/v1/events` } }];
  const flags = client();
  flags.track("seen", { unit: "u" });

  assert.equal(await flags.waitUntilReady(200), false);
  assert.equal(await flags.flush(), false);

  assert.deepEqual([other.asked, other.streams], [[], []]);
  await other.stop();
  assert.equal(await flags.flush(), true);
});

test("poll: unchanged configuration, asked with its ETag", async () => {
  server.config = served(document());
  const flags = client();
  await flags.waitUntilReady(60_000);

  assert.ok(await eventually(() => server.asked.some(({ headers }) => headers["if-none-match"] === '"1"')));
});

test("poll: new version, new answers", async () => {
  server.config = served(document(1));
  const flags = client();
  await flags.waitUntilReady(60_000);

  server.config = served(document(2, { on: false, off: "control" }));

  assert.ok(await eventually(() => flags.evaluate("home", asked).reason === "DISABLED"));
});

test("flush: 503 and then well, same batch id and every event once", async () => {
  const flags = client();
  server.answers = [{ status: 503 }];
  flags.track("purchase", { unit: 7, value: 12.5 });

  assert.equal(await flags.flush(), false);
  assert.equal(await flags.flush(), true);

  assert.equal(server.batches.length, 2);
  assert.equal(server.batches[0].batch_id, server.batches[1].batch_id);
  assert.deepEqual(server.events.map(({ name, value, unit }) => [name, value, unit]), [["purchase", 12.5, "7"]]);
});

test("flush: 413, halves arrive", async () => {
  const flags = client();
  server.answers = [{ status: 413 }];
  for (let number = 0; number < 5; number++) flags.track("seen", { unit: `u${number}` });

  await flags.flush();

  assert.deepEqual(server.batches.map(({ events }) => events.length), [5, 3, 2]);
  assert.deepEqual(server.events.map(({ unit }) => unit), ["u0", "u1", "u2", "u3", "u4"]);
});

test("flush: refused events, counted and said once", async () => {
  const flags = client();
  server.answers = [{ status: 202, body: { accepted: 1, refused: [{ index: 0, field: "name", value: "x", reason: "odd", fix: "" }] } }];
  flags.track("one", { unit: "u" });
  flags.track("two", { unit: "u" });

  await flags.flush();

  assert.deepEqual([flags.counters.delivered, flags.counters.refused], [1, 1]);
  assert.equal(warnings.filter((message) => message.includes("odd")).length, 1);
});

test("flush: key refused, nothing more is sent", async () => {
  const flags = client();
  server.answers = [{ status: 401 }];
  flags.track("one", { unit: "u" });

  await flags.flush();
  await flags.flush();

  assert.equal(server.batches.length, 1);
});

test("track: more than the queue holds, oldest dropped and reported", async () => {
  const flags = client({ maxQueue: 3 });
  for (let number = 0; number < 5; number++) flags.track("seen", { unit: `u${number}` });

  await flags.flush();

  assert.equal(flags.counters.dropped, 2);
  assert.deepEqual(server.batches[0].events.map(({ unit }) => unit), ["u2", "u3", "u4"]);
  assert.equal(server.batches[0].dropped, 2);
});

test("track: more than a batch holds, several batches", async () => {
  const flags = client();
  for (let number = 0; number < 2_500; number++) flags.track("seen", { unit: "u", value: number });

  await flags.flush();

  assert.deepEqual(server.batches.map(({ events }) => events.length), [1_000, 1_000, 500]);
});

test("close: what waits is delivered, later calls change nothing", async () => {
  const flags = client();
  flags.track("last", { unit: "u" });

  await flags.close();
  flags.track("late", { unit: "u" });

  assert.deepEqual(server.events.map(({ name }) => name), ["last"]);
});

test("any call: whatever is passed, never throws", () => {
  const flags = client({ bootstrap: document() });
  for (const odd of [undefined, null, 1, NaN, "", "x", {}, [], () => 1, Symbol("s"), 10n, new Date(NaN)]) {
    flags.evaluate(odd, { unit: odd, attributes: odd, default: odd });
    flags.evaluate("home", odd);
    flags.track(odd, { unit: odd, value: odd, dims: {} });
    flags.track("x", odd);
  }
  assert.equal(flags.variant("nothing", asked), "own");
});

test("require: CommonJS build, same client", () => {
  const { Client: Required } = createRequire(import.meta.url)("../dist/index.cjs");

  assert.equal(typeof Required.prototype.evaluate, "function");
});
