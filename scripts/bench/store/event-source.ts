import { randomUUID } from 'node:crypto';
import { batchFingerprint } from '../../../server/ingest/fingerprint.ts';
import type { BatchContents, BatchIdentity } from '../../../server/store/event-store.ts';
import type { UsageEvent } from '../../../shared/event.ts';

export interface MadeBatch {
  readonly identity: BatchIdentity;
  readonly contents: BatchContents;
}

const EVENTS_A_BATCH = 10;
const DAY_MS = 86_400_000;
const START_MS = Date.UTC(2026, 0, 1);
export const CUSTOMERS = ['BARCHART', 'TGAM'] as const;
export const PRODUCTS = Array.from({ length: 9 }, (_, index) => `PRODUCT-${index}`);
const TYPES = Array.from({ length: 25 }, (_, index) => `SOMETHING-OF-KIND-${index}-HAPPENED`);
const WORDS = ['AAPL', 'my "best" portfolio', 'données', 'a|b', 'TSX:BNS', 'line\nbreak', 'x', ''];

/**
 * A repeatable stream of batches of ten events: two customers, nine products, 25 types, one to five context
 * values, some of which need escapes. Time passes evenly; of the events 5 % come up to three hours late, 1 % up to
 * three days.
 */
export class EventSource {
  readonly #eventsADay: number;
  #made = 0;
  #state = 1;

  constructor(eventsADay: number) {
    this.#eventsADay = eventsADay;
  }

  /** The first millisecond of a day of the stream, counted from 0. */
  static dayStart(day: number): number {
    return START_MS + day * DAY_MS;
  }

  next(): MadeBatch {
    const received = START_MS + (this.#made / this.#eventsADay) * DAY_MS + 3 * DAY_MS;
    const events = Array.from({ length: EVENTS_A_BATCH }, () => this.#event());
    const identity: BatchIdentity = {
      batch: randomUUID(),
      parents: [],
      offset: 0,
      fingerprint: batchFingerprint(events),
      events,
    };
    const texts = Buffer.from(events.map((event) => JSON.stringify(event)).join(','));
    const contents = { received: Math.floor(received), skew: 120, ledger: null, events: texts, rejected: [] };
    return { identity, contents };
  }

  #event(): UsageEvent {
    const chance = this.#random();
    const lateMs = chance < 0.01 ? 3 * DAY_MS * this.#random() : chance < 0.06 ? 1e7 * this.#random() : 0;
    const at = START_MS + 3 * DAY_MS + (this.#made++ / this.#eventsADay) * DAY_MS;
    return {
      customer: this.#pick(CUSTOMERS),
      product: this.#pick(PRODUCTS),
      type: this.#pick(TYPES),
      timestamp: Math.floor(at - lateMs),
      context: Array.from({ length: 1 + Math.floor(this.#random() * 5) }, () =>
        this.#random() < 0.6 ? `user-${Math.floor(this.#random() * 1e6)}` : this.#pick(WORDS),
      ),
      version: '4.12.1',
    };
  }

  #pick(from: readonly string[]): string {
    return from[Math.floor(this.#random() * from.length)] ?? '';
  }

  #random(): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0;
    return this.#state / 2 ** 32;
  }
}
