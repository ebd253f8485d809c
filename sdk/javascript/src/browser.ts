/**
 * The client for pages: answers come with the page, exposures and events go out behind its back.
 *
 * Rules never reach a browser: the server that renders the page evaluates the flags and hands the answers over
 * as `answers`, or the page asks for them with `live` and hears of changes as they are made. What waits is
 * delivered every few seconds and when the page is hidden or left.
 */
import { eventOf, exposureOf, type Dims } from "./events.js";
import type { Evaluation } from "./evaluation/index.js";
import { openFetched } from "./fetchedStream.js";
import { Follower, isNews } from "./following.js";
import { Noted } from "./noted.js";
import { Remote } from "./openfeature/remote.js";
import { Outbox, type Counters } from "./outbox.js";
import { Sender } from "./sending.js";
import { Sightings } from "./sightings.js";
import { VERSION } from "./version.js";

/** Whose page this is, of which kind that unit is, and the answers of the server for it, by flag. */
export interface Person {
  readonly unit: string;
  readonly unitType?: string;
  readonly answers?: { readonly [flag: string]: Evaluation };
}

/** Attributes that rules may look at, and what to do when answers changed. */
export interface Live {
  readonly attributes?: { readonly [name: string]: unknown };
  readonly onChange?: () => void;
  /** How often to ask whether something changed, besides hearing of it; 30 seconds unless said otherwise. */
  readonly pollMs?: number;
}

export interface BrowserOptions extends Person {
  /** Ask the server for the answers, and again whenever flags change. */
  readonly live?: Live;
  readonly session?: string;
  /** Dims that every exposure and event carries. */
  readonly dims?: Dims;
  readonly flushMs?: number;
  readonly maxQueue?: number;
  readonly warn?: (message: string) => void;
}

export class BrowserClient {
  readonly session: string;
  private readonly outbox: Outbox;
  private readonly sender: Sender;
  private readonly noted = new Noted(1_000);
  private readonly asked = new Set<string>();
  private readonly sightings: Sightings;
  private readonly timer: ReturnType<typeof setInterval>;
  private person: Person;
  private readonly remote: Remote;
  private follower: Follower | undefined;
  private heard = "";
  private poll: ReturnType<typeof setInterval> | undefined;
  private readonly whenHidden = (): void => {
    if (document.visibilityState !== "hidden") return;
    void this.flush(true);
    void this.sightings.tell(true);
  };

  constructor(
    url: string,
    key: string,
    private readonly options: BrowserOptions,
  ) {
    this.person = options;
    this.session = options.session ?? crypto.randomUUID();
    this.outbox = new Outbox(options.maxQueue ?? 1_000);
    const warn = options.warn ?? ((message: string) => console.warn(`headway: ${message}`));
    const wire = { url: url.replace(/\/+$/, ""), key, sdk: `headway-browser/${VERSION}`, fetch: fetch.bind(globalThis), timeoutMs: 10_000, warn };
    this.sender = new Sender(wire, this.outbox);
    this.sightings = new Sightings(wire, () => this.asked);
    this.timer = setInterval(() => void this.sender.flush(), options.flushMs ?? 5_000);
    addEventListener("visibilitychange", this.whenHidden, { capture: true });
    addEventListener("pagehide", this.whenHidden, { capture: true });
    this.remote = new Remote(wire.url, key, wire.timeoutMs);
    if (options.live !== undefined) this.live(wire.url, key, options.live);
  }

  /** Ask for the answers now; whether there are any. Never rejects: without an answer what is known stays. */
  async refresh(): Promise<boolean> {
    const { live = {} } = this.options;
    const { person } = this;
    try {
      const answers = await this.remote.answers({ ...live.attributes, targetingKey: person.unit }, this.heard);
      if (answers === null || person !== this.person) return true;
      this.person = { ...person, answers };
      live.onChange?.();
      return true;
    } catch {
      return false;
    }
  }

  private live(url: string, key: string, { pollMs = 30_000 }: Live): void {
    void this.refresh();
    this.poll = setInterval(() => void this.refresh(), pollMs);
    this.follower = new Follower(url, key, openFetched, () => this.heard, (told) => {
      if (!isNews(told, this.heard)) return;
      this.heard = told.etag;
      void this.refresh();
    });
    void this.follower.start();
  }

  get counters(): Readonly<Counters> {
    return { ...this.outbox.counters };
  }

  /** Go on as somebody else or with newer answers, for instance after a login. */
  use(person: Person): void {
    this.person = person;
  }

  /** The whole answer of the server; noted as shown. */
  evaluate(flag: string): Evaluation | undefined {
    const { answers = {} } = this.person;
    const answer = Object.prototype.hasOwnProperty.call(answers, flag) ? answers[flag] : undefined;
    const at = new Date();
    if (answer?.exposedUnit === null) this.asked.add(flag);
    if (answer?.exposedUnit && this.noted.isNew(answer, at)) this.outbox.add(exposureOf(answer, at, this.options.dims ?? {}));
    return answer;
  }

  /** The variant that the server chose; noted as shown. */
  variant(flag: string, fallback: string): string {
    return this.evaluate(flag)?.variant ?? fallback;
  }

  /** The value that the server chose; noted as shown. */
  value<T>(flag: string, fallback: T): T {
    const answer = this.evaluate(flag);
    return answer?.variant == null ? fallback : (answer.value as T);
  }

  track(name: string, value: number | null = null, dims: Dims = {}): void {
    const { unit, unitType = "user" } = this.person;
    const { dims: always } = this.options;
    const event = eventOf(name, unit, unitType, new Date(), { unit, value, session: this.session, dims: { ...always, ...dims } });
    if (event !== null) this.outbox.add(event);
  }

  /** Deliver what waits; `isLeaving` lets the request outlive the page. */
  flush(isLeaving = false): Promise<void> {
    return this.sender.flush({ keepalive: isLeaving, force: true });
  }

  close(): Promise<void> {
    clearInterval(this.timer);
    clearInterval(this.poll);
    this.follower?.stop();
    removeEventListener("visibilitychange", this.whenHidden, { capture: true });
    removeEventListener("pagehide", this.whenHidden, { capture: true });
    return Promise.all([this.flush(true), this.sightings.tell(true)]).then(() => undefined);
  }
}
