import type { DoneBatch } from '../queue/records.ts';
import type { DeliveredOutcome } from './api.ts';
import { awaitDelivery, settleBurst } from './burst-outcomes.ts';
import type { Emitter } from './emitter.ts';
import { ERASED, type PendingBurst } from './pending-burst.ts';

/** Bursts whose outcome a page waits for, at most; beyond, the oldest is forgotten. */
const MAX_PENDING = 10_000;

/** Batches already told about, at most: more than the queue remembers. */
const MAX_SEEN = 1_000;

export interface Receipts {
  /** From now on, the outcome of this burst's events is of interest. */
  readonly expect: (burst: PendingBurst) => void;
  /** What became of an event of such a burst; `unknown` if the burst was never expected, or forgotten. */
  readonly delivered: (burst: PendingBurst, index: number) => Promise<DeliveredOutcome>;
  /**
   * A batch has left the queue. Told more than once, by message and by the queue, it counts once.
   *
   * @param isNews - Whether the page's listeners are told although nothing in it is this page's own.
   */
  settle(done: DoneBatch, isNews: boolean): void;
  /** All that is waited for was erased. */
  erased(): void;
  hasPending(): boolean;
}

/** Matches what leaves the queue with the bursts of this page, and tells the page's listeners. */
export function createReceipts(emitter: Emitter): Receipts {
  const pending = new Map<string, PendingBurst>();
  const seen = new Set<string>();
  return {
    expect(burst) {
      pending.set(burst.id, burst);
      if (pending.size <= MAX_PENDING) return;
      const [oldest] = pending;
      if (!oldest) return;
      pending.delete(oldest[0]);
      for (const waiter of oldest[1].waiters) waiter.resolve({ status: 'unknown' });
    },
    delivered: (burst, index) => awaitDelivery(burst, index, pending.has(burst.id)),
    settle(done, isNews) {
      if (seen.has(done.id)) return;
      seen.add(done.id);
      const [first] = seen;
      if (first !== undefined && seen.size > MAX_SEEN) seen.delete(first);
      let sequence = 0;
      let isTold = isNews;
      for (const { burst, start, count } of done.bursts) {
        const found = pending.get(burst);
        if (found) {
          isTold = true;
          settleBurst(found, { start, count, sequence, done });
          const known = found.outcomes.reduce((sum, outcome) => sum + outcome.count, 0);
          if (known >= found.count) pending.delete(burst);
        }
        sequence += count;
      }
      if (isTold) tell(emitter, done);
    },
    erased() {
      for (const burst of pending.values()) settleBurst(burst, ERASED);
      pending.clear();
    },
    hasPending: () => pending.size > 0,
  };
}

function tell(emitter: Emitter, { id, outcome, count, refusals }: DoneBatch): void {
  if (outcome === 'dropped') emitter.emit('dropped', { count });
  else if (outcome === 'rejected') emitter.emit('rejected', { batch: id, count, refusals });
  else {
    emitter.emit('delivered', { batch: id, count: count - refusals.length });
    if (refusals.length > 0) emitter.emit('rejected', { batch: id, count: refusals.length, refusals });
  }
}
