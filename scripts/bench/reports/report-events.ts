import { randomUUID } from 'node:crypto';
import catalog from '../../../server/catalog/usage.catalog.json' with { type: 'json' };
import { batchFingerprint } from '../../../server/ingest/fingerprint.ts';
import type { UsageEvent } from '../../../shared/event.ts';
import type { MadeBatch } from '../store/event-source.ts';

/** What a page sends its events for. */
export interface Sender {
  readonly customer: string;
  readonly product: string;
}

export const EVENTS_A_BATCH = 10;
/** The most values that a context has. */
export const MAX_VALUES = 5;
const DAY_MS = 86_400_000;
const START_MS = Date.UTC(2026, 0, 1);
/** So many that a million are nine days, and ten million are ninety. */
const EVENTS_A_DAY = 111_111;
const TYPES_A_PRODUCT = 25;

const [firstCustomer = '', secondCustomer = ''] = catalog.customers;
/** The product with the most columns: 62, and contexts of up to nine values. */
const WIDE_PRODUCT = 'CMDTYVIEW';
/** Has one of 18 parts of the events. */
export const SMALL_SENDER: Sender = { customer: firstCustomer, product: WIDE_PRODUCT };
/** Has half of the events. */
export const LARGE_SENDER: Sender = { customer: secondCustomer, product: WIDE_PRODUCT };

const OTHER_SENDERS = catalog.customers
  .flatMap((customer) => Object.keys(catalog.products).map((product) => ({ customer, product })))
  .filter(({ product }) => product !== WIDE_PRODUCT);

const PLAIN = ['AAPL', 'TSX:BNS', 'watchlist-overview', 'x', ''];
const NEEDS_CARE = [
  'a|b',
  'my "best" portfolio',
  'line\nbreak',
  'two\r\nlines',
  'C:\\temp',
  'données',
  '日本',
  '-1.25',
];

interface TypeOfEvent {
  readonly code: string;
  /** The most values that its context has: none is without a column. */
  readonly values: number;
}

const TYPES: ReadonlyMap<string, readonly TypeOfEvent[]> = new Map(
  Object.entries(catalog.products).map(([product, { types }]) => [
    product,
    Object.entries(types)
      .slice(0, TYPES_A_PRODUCT)
      .map(([code, keys]) => ({ code, values: Math.min(keys.length, MAX_VALUES) })),
  ]),
);

/**
 * A repeatable stream of batches (but for their ids) of ten events, each of one customer and product, with the
 * bundled catalog's codes: two customers, nine products, up to 25 types each, one to five context values, 12 % of
 * which need quotes, escapes or a guard. Time passes evenly; of the events 5 % come up to three hours late, 1 % up to
 * three days.
 */
export class ReportEvents {
  #made = 0;
  #state = 1;

  /** The first millisecond of a day, counted from 0; events begin on the third. */
  static dayStart(day: number): number {
    return START_MS + day * DAY_MS;
  }

  next(): MadeBatch {
    const sender = this.#sender();
    const received = Math.floor(this.#now());
    const events = Array.from({ length: EVENTS_A_BATCH }, () => this.#event(sender));
    const identity = {
      batch: randomUUID(),
      parents: [],
      offset: 0,
      fingerprint: batchFingerprint(events),
      events,
    };
    const texts = Buffer.from(events.map((event) => JSON.stringify(event)).join(','));
    return { identity, contents: { received, skew: 120, ledger: null, events: texts, rejected: [] } };
  }

  #sender(): Sender {
    const chance = this.#random();
    if (chance < 1 / 2) return LARGE_SENDER;
    if (chance < 1 / 2 + 1 / 18) return SMALL_SENDER;
    return this.#pick(OTHER_SENDERS) ?? SMALL_SENDER;
  }

  #event({ customer, product }: Sender): UsageEvent {
    const chance = this.#random();
    const lateMs =
      chance < 0.01 ? 3 * DAY_MS * this.#random() : chance < 0.06 ? 10_800_000 * this.#random() : 0;
    const type = this.#pick(TYPES.get(product) ?? []);
    const length = Math.min(type?.values ?? 1, 1 + Math.floor(this.#random() * MAX_VALUES));
    const timestamp = Math.floor(this.#now() - lateMs);
    this.#made++;
    return {
      customer,
      product,
      type: type?.code ?? '',
      timestamp,
      context: Array.from({ length }, () => this.#value()),
      version: '4.12.1',
    };
  }

  #value(): string {
    const chance = this.#random();
    if (chance < 0.12) return this.#pick(NEEDS_CARE) ?? '';
    return chance < 0.7 ? `user-${Math.floor(this.#random() * 1e6)}` : (this.#pick(PLAIN) ?? '');
  }

  #now(): number {
    return START_MS + 3 * DAY_MS + (this.#made / EVENTS_A_DAY) * DAY_MS;
  }

  #pick<T>(from: readonly T[]): T | undefined {
    return from[Math.floor(this.#random() * from.length)];
  }

  #random(): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0;
    return this.#state / 2 ** 32;
  }
}
