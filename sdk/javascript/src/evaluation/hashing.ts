/** Where a unit falls: murmur3 over its canonical text, integer thresholds, no floats and no modulo. */

export const RANGE = 2 ** 32;
export const WHOLE_PPM = 1_000_000;
const MAX_UNIT = 512;
const encoder = new TextEncoder();

/** murmur3_x86_32 of the text's UTF-8 bytes with the salt as seed, 0 to 2^32 - 1. */
export function bucket(text: string, salt: number): number {
  const bytes = encoder.encode(text);
  const blocks = bytes.length >>> 2;
  let hash = salt | 0;
  for (let block = 0; block < blocks; block++) {
    const at = block << 2;
    const word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    hash ^= scrambled(word);
    hash = (hash << 13) | (hash >>> 19);
    hash = (Math.imul(hash, 5) + 0xe6546b64) | 0;
  }
  return finished(hash ^ tail(bytes, blocks << 2), bytes.length);
}

function tail(bytes: Uint8Array, start: number): number {
  let word = 0;
  for (let at = bytes.length - 1; at >= start; at--) word = (word << 8) | bytes[at]!;
  return start < bytes.length ? scrambled(word) : 0;
}

function scrambled(word: number): number {
  word = Math.imul(word, 0xcc9e2d51);
  return Math.imul((word << 15) | (word >>> 17), 0x1b873593);
}

function finished(hash: number, length: number): number {
  hash ^= length;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** The first bucket beyond a share. 10^6 · 2^32 is below 2^53, so the division is the only rounding. */
export function threshold(ppm: number): number {
  return Math.floor((ppm * RANGE) / WHOLE_PPM);
}

/** The canonical text of a unit, or null where there is none. */
export function unitText(unit: unknown): string | null {
  if (typeof unit === "number") return Number.isSafeInteger(unit) ? String(unit === 0 ? 0 : unit) : null;
  if (typeof unit === "bigint") return checked(String(unit));
  return typeof unit === "string" ? checked(unit) : null;
}

function checked(text: string): string | null {
  return text !== "" && !isLonger(text, MAX_UNIT) && isWellFormed(text) ? text : null;
}

/** Whether a text has more code points than the limit. */
export function isLonger(text: string, limit: number): boolean {
  if (text.length <= limit) return false;
  if (text.length > 2 * limit) return true;
  let count = 0;
  for (const _ of text) count++;
  return count > limit;
}

const LONE_SURROGATE = /[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/;

function isWellFormed(text: string): boolean {
  return !LONE_SURROGATE.test(text);
}
