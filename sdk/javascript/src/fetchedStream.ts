/** A stream by `fetch`, as pages have it: an event source of the browser's own could send no key. */
import type { Open } from "./following.js";

export const openFetched: Open = async (url, headers, signal) => {
  const response = await fetch(url, { headers, signal, cache: "no-store" });
  const reader = response.body!.getReader();
  const decoder = new TextDecoder();
  return {
    status: response.status,
    media: response.headers.get("content-type") ?? "",
    read: async () => {
      const { done, value } = await reader.read();
      return done ? null : decoder.decode(value, { stream: true });
    },
  };
};
