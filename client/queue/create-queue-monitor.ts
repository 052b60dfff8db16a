import { countLosses, readState } from './endpoint-state.ts';
import type { QueueMonitor } from './event-queue.ts';
import { MAX_QUEUED_BYTES, MAX_QUEUED_EVENTS } from './queue-limits.ts';
import { readQueueStatus } from './queue-status.ts';
import type { DoneBatch } from './records.ts';
import { keysFrom, type Storage, type Transaction } from './storage.ts';

/** The page's view of the queue over any storage; see `QueueMonitor`. */
export function createQueueMonitor(storage: Storage, endpoint: string): QueueMonitor {
  return {
    status: (nowMs) =>
      storage.transact(
        ['fresh', 'sent', 'endpoints'],
        (tx) => readQueueStatus(tx, endpoint, nowMs),
        'readonly',
      ),
    done: () => storage.transact(['done'], (tx) => tx.all('done', keysFrom(endpoint)), 'readonly'),
    trim: (nowMs) => storage.transact(['fresh', 'done', 'endpoints'], (tx) => trim(tx, endpoint, nowMs)),
  };
}

async function trim(tx: Transaction, endpoint: string, nowMs: number): Promise<readonly DoneBatch[]> {
  const keys = await tx.keys('fresh', keysFrom(endpoint));
  let events = 0;
  let bytes = 0;
  for (const [, , count, size] of keys) {
    events += Number(count);
    bytes += Number(size);
  }
  const dropped: DoneBatch[] = [];
  let lost = 0;
  for (const key of keys) {
    if (events <= MAX_QUEUED_EVENTS && bytes <= MAX_QUEUED_BYTES) break;
    const id = String(key[1]);
    const count = Number(key[2]);
    events -= count;
    bytes -= Number(key[3]);
    lost += count;
    tx.delete('fresh', { from: key, to: key });
    const bursts = [{ burst: id, start: 0, count }];
    dropped.push({ endpoint, at: nowMs, id, outcome: 'dropped', count, bursts, refusals: [] });
  }
  if (lost > 0) tx.put('endpoints', countLosses(await readState(tx, endpoint), { dropped: lost }));
  for (const batch of dropped) tx.put('done', batch);
  return dropped;
}
