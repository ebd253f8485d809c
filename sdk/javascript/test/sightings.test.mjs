/** Which flags are asked for: told when the client closes or the page is hidden, each once. */
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";

import { Client } from "../dist/index.js";
import { document, started } from "./server.mjs";
import { BrowserClient } from "./visiting.mjs";

let server;

beforeEach(async () => {
  server = await started();
  server.config = { status: 200, body: document(), etag: '"1"' };
});

afterEach(() => server.stop());

async function ready() {
  const flags = new Client(server.url, "hw_server_x", { stream: false, flushMs: 60_000, warn: () => {} });
  await flags.waitUntilReady(60_000);
  return flags;
}

test("close: flags that were asked for, told; those that nobody asked for are not", async () => {
  const flags = await ready();
  flags.variant("home", { unit: "u", default: "own" });
  flags.variant("home", { unit: "v", default: "own" });
  flags.variant("no-such-flag", { unit: "v", default: "own" });

  await flags.close();

  assert.deepEqual(server.seen, [["home"]]);
});

test("close: nothing asked for, nothing told", async () => {
  await (await ready()).close();

  assert.deepEqual(server.seen, []);
});

test("close: server refuses or is gone, no rejection", async () => {
  server.seenStatus = 500;
  const refused = await ready();
  refused.variant("home", { unit: "u", default: "own" });
  await refused.close();
  const alone = await ready();
  alone.variant("home", { unit: "u", default: "own" });
  await server.stop();

  await alone.close();

  assert.equal(server.seen.length, 1);
});

test("page: answers that are no exposures, told once they are asked for", async () => {
  const answer = { flag: "banner", value: true, variant: "on", reason: "DEFAULT", rule: null, experiment: null, version: 2, unitType: "user", exposedUnit: null };
  const answers = { banner: answer, tried: { ...answer, flag: "tried", reason: "SPLIT", exposedUnit: "u" }, idle: { ...answer, flag: "idle" } };
  const client = new BrowserClient(server.url, "hw_client_x", { unit: "u", answers, flushMs: 60_000, warn: () => {} });

  client.value("banner", false);
  client.value("tried", false);
  await client.close();
  await client.close();

  assert.deepEqual(server.seen, [["banner"]]);
});
