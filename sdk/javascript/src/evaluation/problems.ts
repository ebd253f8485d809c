/** What is wrong with a document: where, which value, why, and what to do. */

export interface Problem {
  readonly field: string;
  readonly value: string;
  readonly reason: string;
  readonly fix: string;
}

export type Problems = readonly Problem[];

export const FINE: Problems = [];
const SHOWN = 120;

export function problem(field: string, value: unknown, reason: string, fix = ""): Problems {
  return [{ field, value: shown(value), reason, fix }];
}

/** The same problems, one level further out. */
export function under(place: string, problems: Problems): Problems {
  return problems.map((each) => ({ ...each, field: joined(place, each.field) }));
}

function joined(place: string, field: string): string {
  if (field === "" || place === "") return place + field;
  return field.startsWith("[") ? place + field : `${place}.${field}`;
}

function shown(value: unknown): string {
  const text = value === undefined ? "nothing" : (JSON.stringify(value) ?? String(value));
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
}

/** The document is not used; `problems` say why. The configuration before it stays in force. */
export class ConfigRefused extends Error {
  readonly problems: Problems;

  constructor(problems: Problems) {
    super(problems.map((each) => `${each.field} = ${each.value}: ${each.reason}. ${each.fix}`.trim()).join("; "));
    this.name = "ConfigRefused";
    this.problems = problems;
  }
}
