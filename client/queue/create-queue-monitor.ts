import { takeBallast } from './ballast.ts';
import { dropBatches, listPlaces } from './drop-batches.ts';
import { readState } from './endpoint-state.ts';
import type { QueueMonitor } from './event-queue.ts';
import { MAX_QUEUED_BYTES, MAX_QUEUED_EVENTS } from './queue-limits.ts';
import { readQueueStatus } from './queue-status.ts';
import type { DoneBatch } from './records.ts';
import { keysFrom, type Storage, type Transaction } from './storage.ts';

/** The page's view of the queue over any storage; see `QueueMonitor`. */
export function createQueueMonitor(storage: Storage, endpoint: string): QueueMonitor {
  return {
    status: (nowMs) => readQueueStatus(storage, endpoint, nowMs),
    done: (afterMs = 0) =>
      storage.transact(
        ['done'],
        (tx) => tx.all('done', { ...keysFrom(endpoint), from: [endpoint, afterMs + 1] }),
        'readonly',
      ),
    trim: (nowMs) =>
      storage.transact(['fresh', 'sent', 'done', 'endpoints'], (tx) => trim(tx, endpoint, nowMs)),
    reserve: (nowMs) => storage.transact(['endpoints', 'fresh'], (tx) => takeBallast(tx, nowMs)),
  };
}

async function trim(tx: Transaction, endpoint: string, nowMs: number): Promise<readonly DoneBatch[]> {
  const places = await listPlaces(tx, endpoint);
  const total = (field: number): number => places.reduce((sum, { key }) => sum + Number(key[field]), 0);
  const [events, bytes] = [total(2), total(3)];
  const isEnough = (lessEvents: number, lessBytes: number): boolean =>
    events - lessEvents <= MAX_QUEUED_EVENTS && bytes - lessBytes <= MAX_QUEUED_BYTES;
  if (isEnough(0, 0)) return [];
  const { state, done } = await dropBatches(
    tx,
    await readState(tx, endpoint),
    places,
    nowMs,
    bytes > MAX_QUEUED_BYTES ? 'dropped:bytes' : 'dropped:events',
    isEnough,
  );
  tx.put('endpoints', state);
  return done;
}
