/** A server that answers as the tests want: what it was sent is kept. */
import { createServer } from "node:http";
import { gunzipSync } from "node:zlib";

export async function started() {
  const server = { config: { status: 404, body: "" }, events: [], batches: [], asked: [], url: "", answers: [], streams: [], stream: null, seen: [] };
  const http = createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    if (request.url.startsWith("/sdk/v1/stream")) return streamed(server, request, response);
    server.asked.push({ url: request.url, headers: request.headers });
    if (server.config.hang) return;
    if (request.url.split("?")[0] === "/sdk/v1/config") return configured(server, request, response);
    const raw = Buffer.concat(chunks);
    if (request.url.split("?")[0] === "/ofrep/v1/evaluate/flags") return evaluated(server, request, response, JSON.parse(raw).context);
    if (request.url === "/sdk/v1/seen") return seen(server, response, JSON.parse(raw).flags);
    const batch = JSON.parse(request.headers["content-encoding"] === "gzip" ? gunzipSync(raw) : raw);
    const { status, body = {}, headers = {} } = server.answers.shift() ?? { status: 202, body: { accepted: batch.events.length, refused: [] } };
    server.batches.push({ ...batch, status });
    if (status === 202) server.events.push(...batch.events);
    response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
  });
  await new Promise((resolve) => http.listen(0, "127.0.0.1", resolve));
  server.url = `http://127.0.0.1:${http.address().port}`;
  server.tell = (told) => server.streams.forEach(({ response }) => response.write(typeof told === "string" ? told : `data: ${JSON.stringify(told)}\n\n`));
  server.stop = () => {
    http.closeAllConnections();
    return new Promise((resolve) => http.close(resolve));
  };
  return server;
}

/** `server.stream` says how: null is a server without streams, "good" one that tells what `tell` is given. */
function streamed(server, request, response) {
  server.streams.push({ headers: request.headers, response });
  const { status, type = "text/event-stream", body = ": hello\n\n", hang } = { status: 404, ...(server.stream === "good" ? { status: 200 } : server.stream) };
  if (hang) return;
  response.writeHead(status, { "content-type": type });
  response.write(body);
  if (status !== 200 || type !== "text/event-stream") response.end();
}

/** What the process asked for; `server.seenStatus` says how that is answered. */
function seen(server, response, flags) {
  server.seen.push(flags);
  response.writeHead(server.seenStatus ?? 202, { "content-type": "application/json" }).end("{}");
}

/** `server.ofrep` gives the flags of a context, or throws: then the answer is 500. */
function evaluated(server, request, response, context) {
  try {
    const body = JSON.stringify({ flags: server.ofrep(context) });
    const etag = JSON.stringify(`${body.length}-${context.targetingKey}`);
    if (request.headers["if-none-match"] === etag) return response.writeHead(304, { etag }).end();
    response.writeHead(200, { etag, "content-type": "application/json" }).end(body);
  } catch {
    response.writeHead(500).end();
  }
}

/** A byte now and then, for longer than anybody waits. */
function dripped(response) {
  response.writeHead(200, { "content-length": "1000000" });
  const timer = setInterval(() => response.write(" "), 20);
  response.on("close", () => clearInterval(timer));
}

function configured({ config }, request, response) {
  const headers = { ...config.headers, ...(config.etag ? { etag: `W/${config.etag}` } : {}) };
  if (config.etag && request.headers["if-none-match"] === config.etag) return response.writeHead(304, headers).end();
  if (config.drip) return dripped(response);
  response.writeHead(config.status, { ...headers, ...config.headers }).end(typeof config.body === "string" ? config.body : JSON.stringify(config.body));
}

export function document(version = 1, more = {}) {
  const split = { coverage_ppm: 1_000_000, gate_salt: 1, arm_salt: 2, arms: [["control", 500_000], ["treatment", 500_000]] };
  const home = { version: 3, type: "string", unit_type: "user", on: true, variants: { control: "c", treatment: "t" }, rules: [{ id: "r", split, experiment: "home" }], ...more };
  return { schema: 1, environment: "test", version, built_at: "2026-11-23T10:00:00Z", layers: {}, holdouts: {}, segments: {}, flags: { home } };
}
