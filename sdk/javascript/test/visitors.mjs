/** A product in a nutshell: asks for a flag for a hundred visitors, tracks one event each, prints the variants. */
import { Client } from "../dist/index.js";

const [url, key, flag] = process.argv.slice(2);
const flags = new Client(url, key, { pollMs: 1_000 });
if (!(await flags.waitUntilReady(30_000))) throw new Error("no configuration");
const visitors = Array.from({ length: 100 }, (_, number) => `visitor-${number}`);
const variants = visitors.map((unit) => {
  flags.track("opened", { unit, value: 1.5, session: `${unit}-session` });
  return flags.variant(flag, { unit, default: "none" });
});
await flags.close();
console.log(JSON.stringify({ variants, counters: flags.counters }));
