/**
 * What waits to be delivered: bounded, oldest dropped first, and every loss counted.
 *
 * A batch keeps its id and its events until the server has answered for good, so that a retry changes nothing.
 */
import type { WireEvent } from "./events.js";

export const MAX_EVENTS = 1_000;
const MAX_BYTES = 900_000;

export interface Batch {
  readonly id: string;
  readonly events: readonly WireEvent[];
  readonly dropped: number;
}

export interface Counters {
  queued: number;
  dropped: number;
  delivered: number;
  refused: number;
}

export class Outbox {
  readonly counters: Counters = { queued: 0, dropped: 0, delivered: 0, refused: 0 };
  private waiting: WireEvent[] = [];
  private pending: Batch[] = [];
  private unreported = 0;

  constructor(private readonly limit: number) {}

  get size(): number {
    return this.waiting.length + this.pending.reduce((sum, batch) => sum + batch.events.length, 0);
  }

  add(event: WireEvent): void {
    this.waiting.push(event);
    this.counters.queued++;
    const excess = this.waiting.length - this.limit;
    if (excess > 0) {
      this.waiting.splice(0, excess);
      this.lose(excess);
    }
  }

  /** The batch to send next: the same one until it is settled. */
  next(): Batch | null {
    if (this.pending.length === 0 && this.waiting.length > 0) {
      this.pending.push({ id: crypto.randomUUID(), events: this.take(), dropped: this.unreported });
      this.unreported = 0;
    }
    return this.pending[0] ?? null;
  }

  /** The server has taken the batch; some of its events may have been refused. */
  delivered(batch: Batch, refused: number): void {
    this.settle(batch);
    this.counters.delivered += batch.events.length - refused;
    this.counters.refused += refused;
  }

  /** The server will never take the batch. */
  lost(batch: Batch): void {
    this.settle(batch);
    this.unreported += batch.dropped;
    this.lose(batch.events.length);
  }

  /** The server found the batch too large; two smaller ones take its place. */
  split(batch: Batch): void {
    if (batch.events.length < 2) return this.lost(batch);
    const half = Math.ceil(batch.events.length / 2);
    const parts = [batch.events.slice(0, half), batch.events.slice(half)];
    const halves = parts.map((events, at) => ({ id: crypto.randomUUID(), events, dropped: at === 0 ? batch.dropped : 0 }));
    this.pending.splice(this.pending.indexOf(batch), 1, ...halves);
  }

  private settle(batch: Batch): void {
    this.pending = this.pending.filter((each) => each !== batch);
  }

  private lose(events: number): void {
    this.counters.dropped += events;
    this.unreported += events;
  }

  private take(): WireEvent[] {
    let [count, bytes] = [0, 0];
    while (count < Math.min(this.waiting.length, MAX_EVENTS)) {
      bytes += JSON.stringify(this.waiting[count]).length * 2;
      if (bytes > MAX_BYTES && count > 0) break;
      count++;
    }
    return this.waiting.splice(0, count);
  }
}
