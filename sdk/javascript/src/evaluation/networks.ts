/** Addresses and networks as bytes: four for IPv4, sixteen for IPv6. */

export interface Network {
  readonly address: readonly number[];
  readonly prefix: number;
}

const MAX_ADDRESS = 45;

/** The bytes of an address, or null; an IPv4 address mapped into IPv6 counts as the IPv4 address. */
export function addressOf(text: unknown): readonly number[] | null {
  if (typeof text !== "string" || text.length > MAX_ADDRESS) return null;
  const bytes = bytesOf(text);
  const isMapped = bytes?.length === 16 && bytes.every((byte, at) => at >= 12 || byte === (at < 10 ? 0 : 255));
  return isMapped ? bytes!.slice(12) : bytes;
}

/** The network of a CIDR text or a single address; null when bits behind the prefix are set. */
export function networkOf(text: unknown): Network | null {
  if (typeof text !== "string") return null;
  const [host, length, ...rest] = text.split("/");
  const address = bytesOf(host!);
  if (address === null || rest.length > 0) return null;
  const bits = address.length * 8;
  const prefix = length === undefined ? bits : prefixOf(length, bits);
  return prefix === null || address.some((byte, at) => (byte & ~mask(prefix, at)) !== 0) ? null : { address, prefix };
}

/** Whether the network holds the address. */
export function holds(network: Network, address: readonly number[]): boolean {
  if (network.address.length !== address.length) return false;
  return network.address.every((byte, at) => byte === (address[at]! & mask(network.prefix, at)));
}

function prefixOf(text: string, bits: number): number | null {
  return /^\d{1,3}$/.test(text) && Number(text) <= bits ? Number(text) : null;
}

function mask(prefix: number, at: number): number {
  const kept = Math.max(0, Math.min(8, prefix - 8 * at));
  return (0xff << (8 - kept)) & 0xff;
}

function bytesOf(text: string): readonly number[] | null {
  return text.includes(":") ? ipv6(text) : ipv4(text);
}

function ipv4(text: string): readonly number[] | null {
  const parts = text.split(".");
  const isPlain = parts.length === 4 && parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256);
  return isPlain ? parts.map(Number) : null;
}

function ipv6(text: string): readonly number[] | null {
  const halves = text.split("::");
  if (halves.length > 2) return null;
  const [head, rest] = halves.map((half, at) => groups(half, at === halves.length - 1));
  if (head == null || rest === null) return null;
  const missing = 16 - head.length - (rest?.length ?? 0);
  if (rest === undefined) return missing === 0 ? head : null;
  return missing >= 2 ? [...head, ...Array<number>(missing).fill(0), ...rest] : null;
}

/** The bytes of colon-separated groups; the last one may be an IPv4 address. */
function groups(text: string, isLast: boolean): number[] | null {
  if (text === "") return [];
  const bytes: number[] = [];
  const parts = text.split(":");
  for (const [at, part] of parts.entries()) {
    const tail = isLast && at === parts.length - 1 && part.includes(".") ? ipv4(part) : null;
    if (tail !== null) bytes.push(...tail);
    else if (/^[0-9A-Fa-f]{1,4}$/.test(part)) bytes.push(parseInt(part, 16) >> 8, parseInt(part, 16) & 0xff);
    else return null;
  }
  return bytes;
}
