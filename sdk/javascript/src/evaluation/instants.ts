/** Points in time: RFC 3339 texts with seconds and a zone, in whole milliseconds since 1970. */

const INSTANT = /^(\d{4})-(\d{2})-(\d{2})[Tt](\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d{2}):(\d{2}))$/;
const MAX_TEXT = 40;

/** Milliseconds since 1970, rounded down; null for what names no point in time. */
export function milliseconds(value: unknown): number | null {
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.getTime();
  const match = typeof value === "string" && value.length <= MAX_TEXT ? INSTANT.exec(value) : null;
  if (match === null) return null;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as [number, number, number, number, number, number];
  const at = utc(year, month, day, hour, minute, second);
  const offset = at === null ? null : offsetMinutes(match[8], Number(match[9]), Number(match[10]));
  if (at === null || offset === null) return null;
  return at + Number((match[7] ?? "").padEnd(3, "0").slice(0, 3)) - offset * 60_000;
}

/** Date rolls days over and takes years below 100 for the last century; a calendar does neither. */
function utc(year: number, month: number, day: number, hour: number, minute: number, second: number): number | null {
  if (year < 1 || hour > 23 || minute > 59 || second > 59) return null;
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  if (date.getUTCFullYear() !== year || date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return null;
  return date.setUTCHours(hour, minute, second, 0);
}

function offsetMinutes(sign: string | undefined, hours: number, minutes: number): number | null {
  if (sign === undefined) return 0;
  if (hours > 23 || minutes > 59) return null;
  return (hours * 60 + minutes) * (sign === "+" ? 1 : -1);
}
