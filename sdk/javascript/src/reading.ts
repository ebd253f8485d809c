/** Reading what a server sent without trusting it: at most so much, and no key twice. */

export const MAX_DOCUMENT = 64_000_000;

/** The text of an answer; throws as soon as it is larger than `limit` bytes. */
export async function textOf(response: Response, limit = MAX_DOCUMENT): Promise<string> {
  const reader = response.body?.getReader();
  if (reader === undefined) return response.text();
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let [text, size] = ["", 0];
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    size += part.value.length;
    if (size > limit) {
      await reader.cancel();
      throw new Error(`the answer is larger than ${limit} bytes`);
    }
    text += decoder.decode(part.value, { stream: true });
  }
  return text + decoder.decode();
}

/** The JSON in a text; throws for an object in which a key stands twice, which JSON.parse takes without a word. */
export function parsed(text: string): unknown {
  const content: unknown = JSON.parse(text);
  const colons = text.replace(/"(?:[^"\\]|\\.)*"/g, "").split(":").length - 1;
  if (colons !== keysIn(content)) throw new Error("a key stands twice in one object");
  return content;
}

/** Every key brings one colon. */
function keysIn(content: unknown): number {
  if (typeof content !== "object" || content === null) return 0;
  const values = Object.values(content);
  return values.reduce<number>((sum, value) => sum + keysIn(value), Array.isArray(content) ? 0 : values.length);
}
