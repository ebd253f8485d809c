/**
 * Patterns that cannot hang a host: a subset of regular expressions as a finite automaton (Thompson's
 * construction), so that each character of a text is looked at once. The grammar is in the flag format.
 */
import { isLonger } from "./hashing.js";

const MAX_PATTERN = 256;
const MAX_REPEATS = 100;
const MAX_STATES = 1_000;
const MAX_DEPTH = 20;
const MAX_INPUT = 512;
const ESCAPES: Record<string, string> = { n: "\n", r: "\r", t: "\t", f: "\f", v: "\v" };
const SETS: Record<string, readonly Range[]> = {
  d: [["0", "9"]],
  w: [["0", "9"], ["A", "Z"], ["_", "_"], ["a", "z"]],
  s: [["\t", "\r"], [" ", " "]],
};
const SPECIAL = new Set("*+?{}[]()|^$.\\");

type Range = readonly [string, string];
type Part = readonly [number, number];
type Jump = readonly ["" | "^" | "$", number];

/** The pattern is not one of the subset; the message says where and why. */
export class PatternRefused extends Error {}

interface CharacterClass {
  readonly ranges: readonly Range[];
  readonly isNegated: boolean;
}

/** Whether any part of a text matches; longer texts than 512 code points never do. */
export function matcher(source: string): (text: unknown) => boolean {
  const automaton = new Reader(source).automaton();
  return (text) => typeof text === "string" && !isLonger(text, MAX_INPUT) && automaton.isFoundIn(text);
}

class Automaton {
  readonly edges: [CharacterClass, number][][] = [];
  readonly jumps: Jump[][] = [];
  start = 0;
  accept = 0;

  add(): number {
    if (this.edges.length >= MAX_STATES) throw new PatternRefused(`the pattern needs more than ${MAX_STATES} states`);
    this.jumps.push([]);
    return this.edges.push([]) - 1;
  }

  isFoundIn(text: string): boolean {
    const characters = [...text];
    let states = new Set<number>();
    for (let at = 0; at <= characters.length; at++) {
      states.add(this.start);
      states = this.closure(states, at === 0, at === characters.length);
      if (states.has(this.accept)) return true;
      if (at < characters.length) states = this.step(states, characters[at]!);
    }
    return false;
  }

  private step(states: Set<number>, character: string): Set<number> {
    const reached = new Set<number>();
    for (const state of states) {
      for (const [wanted, target] of this.edges[state]!) if (isIn(character, wanted)) reached.add(target);
    }
    return reached;
  }

  private closure(states: Set<number>, isStart: boolean, isEnd: boolean): Set<number> {
    const waiting = [...states];
    for (let state = waiting.pop(); state !== undefined; state = waiting.pop()) {
      for (const [kind, target] of this.jumps[state]!) {
        const isOpen = kind === "" || (kind === "^" && isStart) || (kind === "$" && isEnd);
        if (isOpen && !states.has(target)) {
          states.add(target);
          waiting.push(target);
        }
      }
    }
    return states;
  }
}

function isIn(character: string, wanted: CharacterClass): boolean {
  const code = character.codePointAt(0)!;
  return wanted.ranges.some(([low, high]) => low.codePointAt(0)! <= code && code <= high.codePointAt(0)!) !== wanted.isNegated;
}

/** Recursive descent over the pattern's code points. */
class Reader {
  private readonly source: string[];
  private readonly built = new Automaton();
  private at = 0;
  private depth = 0;

  constructor(source: string) {
    this.source = [...source];
    if (this.source.length > MAX_PATTERN) throw new PatternRefused(`the pattern has more than ${MAX_PATTERN} characters`);
  }

  automaton(): Automaton {
    [this.built.start, this.built.accept] = this.alternatives();
    if (this.at < this.source.length) throw this.refused("a ) without its (");
    return this.built;
  }

  private refused(reason: string): PatternRefused {
    return new PatternRefused(`${reason} at position ${this.at}`);
  }

  private peek(): string {
    return this.source[this.at] ?? "";
  }

  private take(): string {
    const character = this.source[this.at];
    if (character === undefined) throw this.refused("the pattern ends too early");
    this.at++;
    return character;
  }

  private jump(from: number, to: number, kind: Jump[0] = ""): void {
    this.built.jumps[from]!.push([kind, to]);
  }

  private alternatives(): Part {
    const branches = [this.sequence()];
    while (this.peek() === "|") {
      this.at++;
      branches.push(this.sequence());
    }
    return branches.length === 1 ? branches[0]! : this.either(branches);
  }

  private either(branches: readonly Part[]): Part {
    const [start, end] = [this.built.add(), this.built.add()];
    for (const [first, last] of branches) {
      this.jump(start, first);
      this.jump(last, end);
    }
    return [start, end];
  }

  private sequence(): Part {
    const first = this.built.add();
    let last = first;
    while (!["", "|", ")"].includes(this.peek())) {
      const [start, end] = this.repeated();
      this.jump(last, start);
      last = end;
    }
    return [first, last];
  }

  /** An atom with its quantifier. Repetition copies the atom by reading it again. */
  private repeated(): Part {
    const begin = this.at;
    const part = this.atom();
    const [least, most] = this.quantifier();
    if (least === 1 && most === 1) return part;
    const resume = this.at;
    const result = this.copies(begin, part, least, most);
    this.at = resume;
    return result;
  }

  private quantifier(): readonly [number, number] {
    const sign = this.peek();
    if (!["*", "+", "?", "{"].includes(sign)) return [1, 1];
    const before = this.source[this.at - 1]!;
    if ("^$".includes(before) && this.source[this.at - 2] !== "\\") throw this.refused("nothing to repeat");
    this.at++;
    const bounds = this.bounds(sign);
    if (this.peek() === "?") this.at++;
    if (["*", "+", "?", "{"].includes(this.peek())) throw this.refused("a repetition of a repetition; use a group");
    return bounds;
  }

  private bounds(sign: string): readonly [number, number] {
    if (sign === "*") return [0, Infinity];
    if (sign === "+") return [1, Infinity];
    return sign === "?" ? [0, 1] : this.counts();
  }

  private counts(): readonly [number, number] {
    const rest = this.source.slice(this.at).join("");
    const match = /^(\d{1,4})(,(\d{1,4})?)?\}/.exec(rest);
    if (match === null) throw this.refused("braces are for counts such as {2} or {2,5}");
    this.at += match[0].length;
    const least = Number(match[1]);
    const most = match[2] === undefined ? least : match[3] === undefined ? Infinity : Number(match[3]);
    const highest = most === Infinity ? least : most;
    if (highest > MAX_REPEATS || most < least) throw this.refused(`counts go from 0 to ${MAX_REPEATS}, the smaller one first`);
    return [least, most];
  }

  private copies(begin: number, part: Part, least: number, most: number): Part {
    const parts = [part];
    const wanted = Math.max(most === Infinity ? least : most, 1);
    while (parts.length < wanted) parts.push(this.again(begin));
    const [first, last] = [this.built.add(), this.built.add()];
    let at = first;
    for (const [number, [start, end]] of parts.entries()) {
      if (number >= least) this.jump(at, last);
      this.jump(at, start);
      at = end;
    }
    if (most === Infinity) this.jump(at, parts.at(-1)![0]);
    if (most !== 0) this.jump(at, last);
    return [first, last];
  }

  private again(begin: number): Part {
    this.at = begin;
    return this.atom();
  }

  private atom(): Part {
    const character = this.take();
    if (character === "(") return this.group();
    const [start, end] = [this.built.add(), this.built.add()];
    if (character === "^" || character === "$") this.jump(start, end, character);
    else this.built.edges[start]!.push([this.classOf(character), end]);
    return [start, end];
  }

  private group(): Part {
    if (++this.depth > MAX_DEPTH) throw this.refused(`groups are nested deeper than ${MAX_DEPTH}`);
    if (this.peek() === "?") {
      if (this.source[this.at + 1] !== ":") throw this.refused("(?… is not possible, except (?:…)");
      this.at += 2;
    }
    const part = this.alternatives();
    if (this.peek() !== ")") throw this.refused("a ( without its )");
    this.at++;
    this.depth--;
    return part;
  }

  private classOf(character: string): CharacterClass {
    if (character === ".") return { ranges: [], isNegated: true };
    if (character === "[") return this.bracket();
    if (character === "\\") return this.escape();
    if (SPECIAL.has(character)) throw this.refused(`write \\${character} for a ${character}`);
    return { ranges: [[character, character]], isNegated: false };
  }

  private escape(): CharacterClass {
    const character = this.take();
    const set = SETS[character.toLowerCase()];
    if (set !== undefined) return { ranges: set, isNegated: character !== character.toLowerCase() };
    const literal = this.literal(character);
    return { ranges: [[literal, literal]], isNegated: false };
  }

  private literal(character: string): string {
    const escaped = ESCAPES[character];
    if (escaped !== undefined) return escaped;
    if (!/^[\x00-\x7f]$/.test(character) || /^[0-9A-Za-z]$/.test(character)) throw this.refused(`\\${character} is not possible`);
    return character;
  }

  private bracket(): CharacterClass {
    const isNegated = this.peek() === "^";
    if (isNegated) this.at++;
    const ranges: Range[] = [];
    while (this.peek() !== "]") ranges.push(...this.bracketItem());
    this.at++;
    if (ranges.length === 0) throw this.refused("[] holds no character");
    return { ranges, isNegated };
  }

  private bracketItem(): readonly Range[] {
    const low = this.bracketCharacter();
    if (typeof low !== "string") return low;
    const following = this.source[this.at + 1];
    if (this.peek() !== "-" || following === undefined || following === "]") return [[low, low]];
    this.at++;
    const high = this.bracketCharacter();
    if (typeof high !== "string" || high.codePointAt(0)! < low.codePointAt(0)!) throw this.refused("the range's ends are in the wrong order");
    return [[low, high]];
  }

  private bracketCharacter(): string | readonly Range[] {
    const character = this.take();
    if (character === "[") throw this.refused("write \\[ for a [ inside brackets");
    if (character !== "\\") return character;
    const escaped = this.take();
    return SETS[escaped] ?? this.literal(escaped);
  }
}
