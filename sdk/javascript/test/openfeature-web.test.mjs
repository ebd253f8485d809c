/** The provider for pages under the real OpenFeature SDK, with the few globals of a page that it touches. */
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { afterEach, beforeEach, test } from "node:test";

import { started } from "./server.mjs";

globalThis.document = { visibilityState: "visible" };
globalThis.addEventListener ??= () => {};
globalThis.removeEventListener ??= () => {};
const { OpenFeature, ProviderEvents } = await import("@openfeature/web-sdk");
const { HeadwayWebProvider } = await import("../dist/openfeature-web.js");

const USER = { targetingKey: "user-1" };
const metadata = { reason: "SPLIT", rule: "r", experiment: "home", version: 3, unitType: "user" };
const home = (value, more = {}) => ({ key: "home", value, variant: value, reason: "SPLIT", metadata, ...more });
let server;
let provider;

beforeEach(async () => {
  server = await started();
  server.ofrep = ({ targetingKey }) => [home(targetingKey === "user-1" ? "treatment" : "control"), { key: "broken", errorCode: "TARGETING_KEY_MISSING", errorDetails: "no" }];
});

afterEach(async () => {
  await OpenFeature.clearProviders();
  await server.stop();
});

async function provided(options = {}, context = USER) {
  await OpenFeature.setContext(context);
  provider = new HeadwayWebProvider(server.url, "hw_client_x", { pollMs: 0, flushMs: 60_000, timeoutMs: 20_000, warn: () => {}, ...options });
  await OpenFeature.setProviderAndWait(provider);
  return OpenFeature.getClient();
}

test("resolve: value, variant, reason and metadata of the server; the exposure once", async () => {
  const client = await provided();

  const details = [1, 2].map(() => client.getStringDetails("home", "d"))[0];
  await OpenFeature.close();

  assert.deepEqual([details.value, details.variant, details.reason], ["treatment", "treatment", "SPLIT"]);
  assert.deepEqual(details.flagMetadata, { "headway.reason": "SPLIT", "headway.rule": "r", "headway.experiment": "home", version: 3 });
  assert.deepEqual(server.events.map(({ kind, flag, unit, unit_type, version }) => [kind, flag, unit, unit_type, version]), [["exposure", "home", "user-1", "user", 3]]);
});

test("resolve: unknown, other type, error of the server: default and code", async () => {
  const client = await provided();

  assert.deepEqual([client.getStringDetails("nope", "own").value, client.getStringDetails("nope", "own").errorCode], ["own", "FLAG_NOT_FOUND"]);
  assert.equal(client.getBooleanDetails("home", true).errorCode, "TYPE_MISMATCH");
  assert.equal(client.getStringDetails("broken", "own").errorCode, "TARGETING_KEY_MISSING");
});

test("exposure: unit in an attribute, that one is exposed", async () => {
  server.ofrep = () => [home("treatment", { metadata: { ...metadata, unitType: "device", unitFrom: "device" } })];
  const client = await provided({}, { ...USER, device: "d-7" });

  client.getStringValue("home", "d");
  await OpenFeature.close();

  assert.deepEqual(server.events.map(({ unit, unit_type }) => [unit, unit_type]), [["d-7", "device"]]);
});

test("context changed: other answers, and the next exposure is the new unit's", async () => {
  const client = await provided();
  client.getStringValue("home", "d");

  await OpenFeature.setContext({ targetingKey: "user-2" });

  assert.equal(client.getStringValue("home", "d"), "control");
  client.track("purchase", { value: 3, system: "ios" });
  await OpenFeature.close();
  assert.deepEqual(server.events.map(({ kind, unit }) => [kind, unit]), [["exposure", "user-1"], ["exposure", "user-2"], ["event", "user-2"]]);
});

test("context changed while the server fails: never the answers of somebody else; back again, its own", async () => {
  const client = await provided();
  const good = server.ofrep;
  server.ofrep = () => assert.fail();

  await OpenFeature.setContext({ targetingKey: "user-2" });
  assert.equal(client.getStringValue("home", "own"), "own");
  server.ofrep = good;
  await OpenFeature.setContext(USER);

  assert.equal(client.getStringValue("home", "own"), "treatment");
});

test("refresh: nothing new 304, a change told, a failure stale and the answers stay", async () => {
  const client = await provided();
  const told = [];
  for (const type of [ProviderEvents.ConfigurationChanged, ProviderEvents.Stale, ProviderEvents.Ready]) client.addHandler(type, () => told.push(type));
  await provider.refresh();
  assert.equal(server.asked.at(-1).headers["if-none-match"] !== undefined, true);
  told.length = 0;

  server.ofrep = () => assert.fail();
  await provider.refresh();
  await provider.refresh();
  assert.equal(client.getStringValue("home", "own"), "treatment");
  server.ofrep = () => [home("new-treatment")];
  await provider.refresh();

  assert.deepEqual(told, [ProviderEvents.Stale, ProviderEvents.Ready, ProviderEvents.ConfigurationChanged]);
  assert.equal(client.getStringValue("home", "own"), "new-treatment");
});

test("start: answers of the page, no request before the first evaluation", async () => {
  const answer = { flag: "home", value: "t", variant: "treatment", reason: "SPLIT", rule: "r", experiment: "home", version: 3, unitType: "user", exposedUnit: "user-1" };

  const client = await provided({ answers: { home: answer } });

  assert.equal(client.getStringValue("home", "d"), "t");
  assert.equal(server.asked.length, 0);
});

test("start: server dead, error and defaults; back again, ready by polling", async () => {
  const good = server.ofrep;
  server.ofrep = () => assert.fail();
  await assert.rejects(provided({ pollMs: 20 }), /500/);
  const client = OpenFeature.getClient();
  assert.equal(client.getStringValue("home", "own"), "own");

  server.ofrep = good;
  await new Promise((resolve) => client.addHandler(ProviderEvents.Ready, resolve));

  assert.equal(client.getStringValue("home", "own"), "treatment");
});

test("bundle: CommonJS, the same provider", () => {
  const required = createRequire(import.meta.url)("../dist/openfeature-web.cjs");

  assert.equal(typeof required.HeadwayWebProvider, "function");
});
