import { countLosses, readState } from './endpoint-state.ts';
import type { QueueMonitor } from './event-queue.ts';
import { MAX_DONE, MAX_QUEUED_BYTES, MAX_QUEUED_EVENTS } from './queue-limits.ts';
import { readQueueStatus } from './queue-status.ts';
import type { BurstRange, DoneBatch } from './records.ts';
import { rememberDone } from './remember-done.ts';
import { keysFrom, type Storage, type Transaction } from './storage.ts';

/** The page's view of the queue over any storage; see `QueueMonitor`. */
export function createQueueMonitor(storage: Storage, endpoint: string): QueueMonitor {
  return {
    status: (nowMs) => readQueueStatus(storage, endpoint, nowMs),
    done: () => storage.transact(['done'], (tx) => readDone(tx, endpoint), 'readonly'),
    trim: (nowMs) =>
      storage.transact(['fresh', 'sent', 'done', 'endpoints'], (tx) => trim(tx, endpoint, nowMs)),
  };
}

async function readDone(tx: Transaction, endpoint: string): Promise<readonly DoneBatch[]> {
  const range = keysFrom(endpoint);
  const [from = range.from] = (await tx.keys('done', range)).slice(-MAX_DONE);
  return tx.all('done', { ...range, from });
}

async function trim(tx: Transaction, endpoint: string, nowMs: number): Promise<readonly DoneBatch[]> {
  const keys = await tx.keys('fresh', keysFrom(endpoint));
  let events = 0;
  let bytes = 0;
  // What was sent counts and stays: the server may have it.
  for (const [, , count, size] of [...keys, ...(await tx.keys('sent', keysFrom(endpoint)))]) {
    events += Number(count);
    bytes += Number(size);
  }
  const bursts: BurstRange[] = [];
  let lost = 0;
  for (const key of keys) {
    if (events <= MAX_QUEUED_EVENTS && bytes <= MAX_QUEUED_BYTES) break;
    const count = Number(key[2]);
    events -= count;
    bytes -= Number(key[3]);
    lost += count;
    tx.delete('fresh', { from: key, to: key });
    bursts.push({ burst: String(key[1]), start: 0, count });
  }
  const [first] = bursts;
  if (!first) return [];
  tx.put('endpoints', countLosses(await readState(tx, endpoint), { dropped: lost }));
  const done = { endpoint, at: nowMs, id: first.burst, count: lost, bursts, refusals: [] };
  // One entry for all, so that they don't push out what was delivered.
  return [await rememberDone(tx, { ...done, outcome: 'dropped' })];
}
