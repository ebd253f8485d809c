/** Version numbers after SemVer 2.0, compared by precedence; a leading `v` and missing parts are taken. */

export interface Version {
  readonly numbers: readonly [number, number, number];
  /** Null for a release; identifiers of a pre-release otherwise. */
  readonly release: readonly (number | string)[] | null;
}

const NUMBER = "(0|[1-9]\\d{0,14})";
const IDENTIFIERS = "[0-9A-Za-z-]+(?:\\.[0-9A-Za-z-]+)*";
const VERSION = new RegExp(`^v?${NUMBER}(?:\\.${NUMBER})?(?:\\.${NUMBER})?(?:-(${IDENTIFIERS}))?(?:\\+${IDENTIFIERS})?$`);
const MAX_TEXT = 128;

/** The version that a text names, or null. */
export function versionOf(text: unknown): Version | null {
  const match = typeof text === "string" && text.length <= MAX_TEXT && !text.endsWith("\n") ? VERSION.exec(text) : null;
  if (match === null) return null;
  const release = match[4] === undefined ? null : match[4].split(".").map(identifier);
  if (release !== null && release.includes(null)) return null;
  const numbers = [Number(match[1]), Number(match[2] ?? 0), Number(match[3] ?? 0)] as const;
  return { numbers, release: release as readonly (number | string)[] | null };
}

function identifier(text: string): number | string | null {
  if (!/^\d+$/.test(text)) return text;
  return text.length <= 15 && (text === "0" || text[0] !== "0") ? Number(text) : null;
}

/** Below 0, 0 or above 0, as the first version precedes, equals or follows the second. */
export function compareVersions(first: Version, second: Version): number {
  for (let part = 0; part < 3; part++) {
    const difference = first.numbers[part]! - second.numbers[part]!;
    if (difference !== 0) return difference;
  }
  if (first.release === null || second.release === null) {
    return Number(first.release === null) - Number(second.release === null);
  }
  return compareReleases(first.release, second.release);
}

function compareReleases(first: readonly (number | string)[], second: readonly (number | string)[]): number {
  for (let at = 0; at < Math.min(first.length, second.length); at++) {
    const difference = compareIdentifiers(first[at]!, second[at]!);
    if (difference !== 0) return difference;
  }
  return first.length - second.length;
}

function compareIdentifiers(first: number | string, second: number | string): number {
  if (typeof first === "number" && typeof second === "number") return first - second;
  if (typeof first === "number") return -1;
  if (typeof second === "number") return 1;
  return first < second ? -1 : Number(first > second);
}
