// The bundles: ESM and CJS for Node, ESM and one script file for browsers.
import { build } from "esbuild";

const node = { bundle: true, platform: "node", target: "node18", external: ["web-vitals"] };
const browser = { bundle: true, platform: "browser", target: "es2022", minify: true, external: ["web-vitals"] };

const entries = { index: "src/index.ts", evaluation: "src/evaluation/index.ts" };
await build({ ...node, entryPoints: entries, outdir: "dist", format: "esm" });
await build({ ...node, entryPoints: entries, outdir: "dist", format: "cjs", outExtension: { ".js": ".cjs" } });
await build({ ...browser, entryPoints: { browser: "src/browser.ts", vitals: "src/vitals.ts" }, outdir: "dist", format: "esm" });
await build({ ...browser, entryPoints: ["src/browser.ts"], outfile: "dist/headway.min.js", format: "iife", globalName: "headway" });
