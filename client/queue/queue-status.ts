import { heldUntil, readState } from './endpoint-state.ts';
import type { QueueStatus } from './event-queue.ts';
import { hasPassed, LEASE_MS, MAX_WAIT_MS } from './queue-limits.ts';
import { keysFrom, type Storage, type Transaction } from './storage.ts';

/** What one endpoint has in the queue. Reads the keys of what was never sent, the records of what was. */
export function readQueueStatus(storage: Storage, endpoint: string, nowMs: number): Promise<QueueStatus> {
  return storage.transact(['fresh', 'sent', 'endpoints'], (tx) => count(tx, endpoint, nowMs), 'readonly');
}

async function count(tx: Transaction, endpoint: string, nowMs: number): Promise<QueueStatus> {
  const fresh = await tx.keys('fresh', keysFrom(endpoint));
  const sent = await tx.all('sent', keysFrom(endpoint));
  const state = await readState(tx, endpoint);
  let events = 0;
  let bytes = 0;
  let oldestAt = Infinity;
  let dueAt = Infinity;
  for (const [, , size, length, createdAt] of fresh) {
    events += Number(size);
    bytes += Number(length);
    oldestAt = Math.min(oldestAt, Number(createdAt));
    dueAt = Math.min(dueAt, Number(createdAt));
  }
  for (const batch of sent) {
    events += batch.count;
    bytes += batch.bytes;
    oldestAt = Math.min(oldestAt, batch.createdAt);
    const leaseUntil = hasPassed(batch.leaseUntil, nowMs, LEASE_MS) ? 0 : batch.leaseUntil;
    const notBefore = hasPassed(batch.notBefore, nowMs, MAX_WAIT_MS) ? 0 : batch.notBefore;
    dueAt = Math.min(dueAt, Math.max(leaseUntil, notBefore));
  }
  dueAt = Math.max(dueAt, heldUntil(state, nowMs));
  const batches = fresh.length + sent.length;
  return {
    batches,
    events,
    bytes,
    oldestAt: batches > 0 ? oldestAt : null,
    dueAt: batches > 0 ? dueAt : null,
    state,
  };
}
