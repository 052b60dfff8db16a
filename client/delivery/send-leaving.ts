import { newBatchId } from '../queue/batch-id.ts';
import { type SentBatch, UNTRIED } from '../queue/records.ts';
import { deliver, type FlusherParts } from './flusher.ts';

/** Soon enough for the next visit: two requests under one id do no harm. */
const LEASE_MS = 10_000;

/** More can't be sent by a page that goes. */
const MAX_BYTES = 50_000;

/** What was never written: its page goes before it could be. */
export type LeavingBurst = Pick<SentBatch, 'id' | 'endpoint' | 'count' | 'bytes' | 'createdAt' | 'events'>;

/**
 * Sends a burst that is not stored yet, at once, under its own id.
 *
 * It is stored as sent from the beginning, so that nothing can be merged with it: which of the two happens first, and
 * whether only one does, can't be known of a page that goes.
 *
 * @returns What stores it, to be called again until it succeeds; undefined if the burst is too large to be sent so.
 */
export function sendLeaving(parts: FlusherParts, burst: LeavingBurst): (() => Promise<void>) | undefined {
  if (burst.bytes > MAX_BYTES) return undefined;
  const nowMs = parts.platform.now();
  const batch: SentBatch = {
    ...burst,
    order: burst.id,
    bursts: [{ burst: burst.id, start: 0, count: burst.count }],
    ledger: null,
    parents: [],
    offset: 0,
    ...UNTRIED,
    token: newBatchId(nowMs),
    leasedAt: nowMs,
    leaseUntil: nowMs + LEASE_MS,
  };
  // Begun first: its outcome is written after it.
  const stored = parts.queue.adopt(batch, false);
  stored.catch(() => undefined);
  deliver(parts, { batch, failures: 0, wasDoubtful: false, isLast: false, isAll: false }, true).catch(
    () => undefined,
  );
  let isFirst = true;
  return () => {
    if (!isFirst) return parts.queue.adopt(batch, true);
    isFirst = false;
    return stored;
  };
}
