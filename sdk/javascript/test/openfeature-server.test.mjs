/** The provider for servers under the real OpenFeature SDK. */
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { afterEach, beforeEach, test } from "node:test";

import { OpenFeature, ProviderEvents } from "@openfeature/server-sdk";

import { Client } from "../dist/index.js";
import { HeadwayProvider } from "../dist/openfeature-server.js";
import { document, started } from "./server.mjs";

const USER = { targetingKey: "user-1", country: "de" };
let server;

beforeEach(async () => {
  server = await started();
  server.config = { status: 200, body: document(1), etag: '"1"' };
  const flags = server.config.body.flags;
  const fixed = (type, value, more = {}) => ({ version: 2, type, unit_type: "user", on: true, variants: { only: value }, rules: [{ id: "all", variant: "only" }], ...more });
  Object.assign(flags, { yes: fixed("bool", true), five: fixed("number", 5), text: fixed("string", "t"), map: fixed("json", { a: [1] }) });
  flags.silent = fixed("string", "t", { rules: [] });
  flags.old = fixed("string", "t", { rules: [{ id: "r", variant: "only", when: { attribute: "since", op: "before", value: "2026-01-01T00:00:00Z" } }] });
});

afterEach(async () => {
  await OpenFeature.clearProviders();
  await server.stop();
});

async function provided(options = {}) {
  const flags = new Client(server.url, "hw_server_x", { pollMs: 20, flushMs: 60_000, warn: () => {} });
  await OpenFeature.setProviderAndWait(new HeadwayProvider(flags, { readyWithinMs: 60_000, ...options }));
  return [OpenFeature.getClient(), flags];
}

test("resolve: every type, value, variant, reason and metadata", async () => {
  const [client] = await provided();

  assert.equal(await client.getBooleanValue("yes", false, USER), true);
  assert.equal(await client.getNumberValue("five", 0, USER), 5);
  assert.equal(await client.getStringValue("text", "d", USER), "t");
  assert.deepEqual(await client.getObjectValue("map", {}, USER), { a: [1] });
  const { variant, reason, flagMetadata } = await client.getStringDetails("home", "d", USER);
  assert.ok(["control", "treatment"].includes(variant));
  assert.equal(reason, "SPLIT");
  assert.deepEqual(flagMetadata, { "headway.reason": "SPLIT", "headway.rule": "r", "headway.experiment": "home", version: 3 });
});

test("resolve: no variant, the caller's default and no error", async () => {
  const [client] = await provided();

  const details = await client.getStringDetails("silent", "own", USER);

  assert.deepEqual([details.value, details.reason, details.errorCode], ["own", "DEFAULT", undefined]);
});

for (const [name, ask, code] of [
  ["unknown flag", (client) => client.getStringDetails("nope", "own", USER), "FLAG_NOT_FOUND"],
  ["other type", (client) => client.getStringDetails("yes", "own", USER), "TYPE_MISMATCH"],
  ["no targeting key", (client) => client.getStringDetails("home", "own"), "TARGETING_KEY_MISSING"],
]) {
  test(`resolve: ${name}, default and error code`, async () => {
    const [client] = await provided();

    const details = await ask(client);

    assert.deepEqual([details.value, details.reason, details.errorCode], ["own", "ERROR", code]);
  });
}

test("resolve: date in the context, compared as a time", async () => {
  const [client] = await provided();

  assert.equal(await client.getStringValue("old", "own", { ...USER, since: new Date("2025-05-05") }), "t");
  assert.equal(await client.getStringValue("old", "own", { ...USER, since: new Date("2026-05-05") }), "own");
  assert.equal(await client.getStringValue("old", "own", { ...USER, since: new Date(NaN) }), "own");
});

test("exposures and tracking: delivered when the provider closes", async () => {
  const [client] = await provided();

  await client.getStringValue("home", "d", USER);
  await client.getStringValue("home", "d", USER);
  client.track("purchase", USER, { value: 49.9, system: "ios", gift: true, nested: {} });
  await OpenFeature.close();

  const [exposure, event] = server.events;
  assert.equal(server.events.length, 2);
  assert.deepEqual([exposure.kind, exposure.flag, exposure.unit], ["exposure", "home", "user-1"]);
  assert.deepEqual([event.name, event.unit, event.value, event.dims], ["purchase", "user-1", 49.9, { system: "ios", gift: "true" }]);
});

test("events: configuration changed, told and used", async () => {
  const [client] = await provided();
  const told = new Promise((resolve) => client.addHandler(ProviderEvents.ConfigurationChanged, resolve));

  server.config = { status: 200, body: document(2, { on: false }), etag: '"2"' };
  await told;

  assert.equal((await client.getStringDetails("home", "d", USER)).reason, "DISABLED");
});

test("start: server dead, error and defaults; back again, ready by itself", async () => {
  const good = server.config;
  server.config = { status: 500, body: "" };
  await assert.rejects(provided({ readyWithinMs: 50 }), /no configuration/);
  const client = OpenFeature.getClient();
  assert.equal(client.providerStatus, "ERROR");
  const details = await client.getStringDetails("home", "own", USER);
  assert.deepEqual([details.value, details.errorCode], ["own", "PROVIDER_NOT_READY"]);

  server.config = good;
  await new Promise((resolve) => client.addHandler(ProviderEvents.Ready, resolve));

  assert.equal(client.providerStatus, "READY");
  assert.equal((await client.getStringDetails("home", "own", USER)).reason, "SPLIT");
});

test("bundle: CommonJS, the same provider", () => {
  const { HeadwayProvider: required } = createRequire(import.meta.url)("../dist/openfeature-server.cjs");

  assert.equal(required.name, "HeadwayProvider");
});
