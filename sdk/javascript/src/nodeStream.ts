/** A stream by Node's own client, because a socket of `fetch` would keep the process alive. */
import { get as getPlain, type IncomingMessage } from "node:http";
import { get as getSecure } from "node:https";

import type { Open, Opened } from "./following.js";

export const openUnheld: Open = (url, headers, signal) =>
  new Promise((resolve, reject) => {
    const get = url.startsWith("https:") ? getSecure : getPlain;
    const request = get(url, { headers, signal, agent: false }, (response) => resolve(openedOf(response)));
    request.on("socket", (socket) => socket.unref());
    request.on("error", reject);
  });

function openedOf(response: IncomingMessage): Opened {
  response.setEncoding("utf8");
  const chunks = response[Symbol.asyncIterator]() as AsyncIterator<string>;
  return {
    status: response.statusCode ?? 0,
    media: response.headers["content-type"] ?? "",
    read: async () => {
      const { done, value } = await chunks.next();
      return done ? null : value;
    },
  };
}
