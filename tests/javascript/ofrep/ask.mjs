/** OpenFeature with the OFREP provider of its own, one question and one answer a line: `node ask.mjs web|server URL KEY`. */
import { createInterface } from "node:readline";

import { EventSource } from "eventsource";

globalThis.EventSource = EventSource;
globalThis.document = { visibilityState: "visible", addEventListener: () => {}, removeEventListener: () => {} };
const [kind, baseUrl, key] = process.argv.slice(2);
const headers = [["authorization", `Bearer ${key}`]];
const KINDS = { boolean: "getBooleanDetails", string: "getStringDetails", number: "getNumberDetails", object: "getObjectDetails" };

async function web() {
  const { OpenFeature, ProviderEvents } = await import("@openfeature/web-sdk");
  const { OFREPWebProvider } = await import("@openfeature/ofrep-web-provider");
  let changes = 0;
  OpenFeature.addHandler(ProviderEvents.ConfigurationChanged, () => changes++);
  const provider = new OFREPWebProvider({ baseUrl, headers, cacheMode: "disabled", pollInterval: 0 });
  return {
    begin: async (context) => {
      await OpenFeature.setContext(context);
      await OpenFeature.setProviderAndWait(provider);
    },
    context: (context) => OpenFeature.setContext(context),
    details: async (flag, type, fallback) => OpenFeature.getClient()[KINDS[type]](flag, fallback),
    changes: () => changes,
    end: () => OpenFeature.close(),
  };
}

async function server() {
  const { OpenFeature } = await import("@openfeature/server-sdk");
  const { OFREPProvider } = await import("@openfeature/ofrep-provider");
  let current = {};
  return {
    begin: async (context) => {
      current = context;
      await OpenFeature.setProviderAndWait(new OFREPProvider({ baseUrl, headers }));
    },
    context: (context) => {
      current = context;
    },
    details: (flag, type, fallback) => OpenFeature.getClient()[KINDS[type]](flag, fallback, current),
    changes: () => 0,
    end: () => OpenFeature.close(),
  };
}

const clients = { web, server };
const client = await clients[kind]();
for await (const line of createInterface({ input: process.stdin })) {
  const { op, context, cases = [] } = JSON.parse(line);
  let told = null;
  if (op === "begin" || op === "context") await client[op](context);
  if (op === "changes") told = client.changes();
  if (op === "ask") told = await Promise.all(cases.map(([flag, type, fallback]) => client.details(flag, type, fallback)));
  process.stdout.write(`${JSON.stringify(told)}\n`);
}
await client.end();
process.exit(0);
