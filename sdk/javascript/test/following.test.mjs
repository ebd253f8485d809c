/** Changes as they are made: told, fetched, garbled, missed, and never in the way of an evaluation. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { afterEach, beforeEach, test } from "node:test";

import { Client } from "../dist/index.js";
import { document, started } from "./server.mjs";
import { BrowserClient } from "./visiting.mjs";

let server;
let clients;

beforeEach(async () => {
  server = await started();
  server.stream = "good";
  server.config = { status: 200, body: document(5), etag: '"5"' };
  clients = [];
});

afterEach(async () => {
  for (const client of clients) await client.close();
  await server.stop();
});

const asked = { unit: "user-1", default: "own" };
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const off = () => document(6, { on: false, off: "control" }).flags.home;
const step = (flags, more = {}) => ({ type: "refetchEvaluation", etag: '"6"', version: 6, before: '"5"', flags, ...more });
const polls = () => server.asked.filter(({ url }) => url.startsWith("/sdk/v1/config"));

async function eventually(holds) {
  for (let tries = 0; tries < 6_000 && !holds(); tries++) await pause(10);
  return holds();
}

async function following(options = {}) {
  const client = new Client(server.url, "hw_server_x", { pollMs: 60_000, flushMs: 60_000, timeoutMs: 20_000, warn: () => {}, ...options });
  clients.push(client);
  assert.equal(await client.waitUntilReady(60_000), true);
  await eventually(() => server.streams.length > 0 || options.stream === false);
  return client;
}

const reason = (client) => client.evaluate("home", asked).reason;

test("change told: used as it is, nothing fetched", async () => {
  const client = await following();
  await pause(50);
  const before = polls().length;

  server.tell(step({ home: off() }));

  assert.ok(await eventually(() => reason(client) === "DISABLED"));
  assert.equal(polls().length, before);
});

test("change told, flag gone: not found", async () => {
  const client = await following();
  await pause(50);

  server.tell(step({ home: null }));

  assert.ok(await eventually(() => reason(client) === "FLAG_NOT_FOUND"));
});

for (const [name, more] of Object.entries({ "another document's": { before: '"3"' }, "invalid": { flags: { home: { on: "perhaps" } } }, "a notice only": { flags: undefined, before: undefined } })) {
  test(`change told, ${name}: everything fetched by its ETag`, async () => {
    const client = await following();
    await pause(50);
    server.config = { status: 200, body: document(9, { on: false, off: "control" }), etag: '"9"' };

    server.tell(step({ home: document().flags.home }, more));

    assert.ok(await eventually(() => reason(client) === "DISABLED"));
    assert.ok(polls().some(({ url }) => url === "/sdk/v1/config?etag=%226%22"));
  });
}

for (const [name, stream] of Object.entries({
  "404": { status: 404 },
  "401": { status: 401 },
  "500": { status: 500 },
  "a page": { status: 200, type: "text/html", body: "<html>" },
  "nothing, hanging": { hang: true },
  "no event": { status: 200, body: "data: {]\n\n" },
  "half an event": { status: 200, body: 'data: {"type"' },
  "an endless line": { status: 200, body: "x".repeat(1_100_000) },
})) {
  test(`stream answers ${name}: flags stay and are polled for`, async () => {
    server.stream = stream;
    const began = Date.now();
    const client = await following({ pollMs: 30 });
    const before = client.evaluate("home", asked);
    await pause(60);
    assert.deepEqual(client.evaluate("home", asked), before);

    server.config = { status: 200, body: document(6, { on: false, off: "control" }), etag: '"6"' };

    assert.ok(await eventually(() => reason(client) === "DISABLED"));
    assert.ok(server.streams.length <= 3 + (Date.now() - began) / 500);
  });
}

test("stream: key and what is known are sent; false: none is opened", async () => {
  await following();
  assert.equal(server.streams[0].headers.authorization, "Bearer hw_server_x");
  server.streams.length = 0;

  await following({ stream: false });
  await pause(50);

  assert.equal(server.streams.length, 0);
});

test("signing key: what is signed with it is used, everything else refused", async () => {
  const body = JSON.stringify(document(5));
  const signed = (key) => ({ status: 200, body, etag: '"5"', headers: { "x-headway-signature": `v1=${createHmac("sha256", key).update(body).digest("hex")}` } });
  server.config = signed("hws_other");
  const client = new Client(server.url, "k", { pollMs: 30, signingKey: "hws_x", stream: false, warn: () => {} });
  clients.push(client);
  assert.equal(await client.waitUntilReady(200), false);

  server.config = signed("hws_x");

  assert.ok(await eventually(() => reason(client) === "SPLIT"));
});

test("close: the stream ends", async () => {
  const client = await following();
  const ended = new Promise((resolve) => server.streams[0].response.on("close", resolve));

  await client.close();

  await ended;
});

test("process with an open stream that nobody closes: ends by itself", async () => {
  const program = `import { Client } from "./dist/index.js";
    const client = new Client(${JSON.stringify(server.url)}, "k", { pollMs: 60_000 });
    await client.waitUntilReady(60_000);
    for await (const _ of process.stdin);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], { cwd: new URL("..", import.meta.url) });
  const killer = setTimeout(() => child.kill(), 120_000);
  const ended = once(child, "exit");
  await eventually(() => server.streams.length === 1);
  child.stdin.end();

  const [code] = await ended;

  clearTimeout(killer);
  assert.equal(code, 0);
  assert.equal(server.streams.length, 1);
});

test("page: answers asked for, and again when a change is told", async () => {
  const home = (variant) => ({ key: "home", value: variant, variant, reason: "SPLIT", metadata: { reason: "SPLIT", experiment: "home", version: 3, unitType: "user" } });
  const contexts = [];
  server.ofrep = (context) => (contexts.push(context), [home("treatment")]);
  let changes = 0;
  const client = new BrowserClient(server.url, "hw_client_x", { unit: "user-7", flushMs: 60_000, live: { attributes: { country: "de" }, pollMs: 60_000, onChange: () => changes++ }, warn: () => {} });
  clients.push(client);
  assert.ok(await eventually(() => client.variant("home", "own") === "treatment" && server.streams.length === 1));

  server.ofrep = (context) => (contexts.push(context), [home("control")]);
  await pause(30);
  server.tell({ type: "refetchEvaluation", etag: '"6"', version: 6 });

  assert.ok(await eventually(() => client.variant("home", "own") === "control"));
  assert.equal(changes, 2);
  assert.deepEqual(contexts[0], { country: "de", targetingKey: "user-7" });
  server.ofrep = () => assert.fail();
  server.tell({ type: "refetchEvaluation", etag: '"7"', version: 7 });
  await pause(50);
  assert.equal(client.variant("home", "own"), "control");
});
