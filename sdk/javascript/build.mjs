// The bundles: ESM and CJS for Node, ESM and one script file for browsers, ESM and CJS for OpenFeature.
import { build } from "esbuild";

const external = ["web-vitals", "@openfeature/*"];
const node = { bundle: true, platform: "node", target: "node18", external };
const browser = { bundle: true, platform: "browser", target: "es2022", minify: true, external };

const entries = { index: "src/index.ts", evaluation: "src/evaluation/index.ts", "openfeature-server": "src/openfeature/server.ts" };
await build({ ...node, entryPoints: entries, outdir: "dist", format: "esm" });
await build({ ...node, entryPoints: entries, outdir: "dist", format: "cjs", outExtension: { ".js": ".cjs" } });
const pages = { browser: "src/browser.ts", vitals: "src/vitals.ts", hold: "src/hold.ts", "openfeature-web": "src/openfeature/web.ts" };
await build({ ...browser, entryPoints: pages, outdir: "dist", format: "esm" });
await build({ ...browser, entryPoints: { "openfeature-web": pages["openfeature-web"] }, outdir: "dist", format: "cjs", outExtension: { ".js": ".cjs" } });
await build({ ...browser, entryPoints: ["src/browser.ts"], outfile: "dist/headway.min.js", format: "iife", globalName: "headway" });
