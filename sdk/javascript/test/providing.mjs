/** A server behind OpenFeature: a hundred visitors are asked for, one event each; prints the variants. */
import { OpenFeature } from "@openfeature/server-sdk";

import { Client } from "../dist/index.js";
import { HeadwayProvider } from "../dist/openfeature-server.js";

const [url, key, flag] = process.argv.slice(2);
const client = new Client(url, key, { pollMs: 1_000 });
await OpenFeature.setProviderAndWait(new HeadwayProvider(client, { readyWithinMs: 30_000 }));
const flags = OpenFeature.getClient();
const variants = [];
for (let number = 0; number < 100; number++) {
  const visitor = { targetingKey: `visitor-${number}` };
  variants.push(await flags.getStringValue(flag, "none", visitor));
  flags.track("opened", visitor, { value: 1.5 });
}
await OpenFeature.close();
console.log(JSON.stringify({ variants, counters: client.counters }));
