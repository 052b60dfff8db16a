import { dropBatches, listPlaces } from './drop-batches.ts';
import { NOBODY, readState } from './endpoint-state.ts';
import type { Lease, LeaseRequest } from './event-queue.ts';
import { leaseBatch } from './lease-batch.ts';
import type { StoreName } from './records.ts';
import { isRecord } from '../../shared/text.ts';
import type { Storage, Transaction } from './storage.ts';

/** Oldest batches dropped for one lease at most; browsers count space in coarse steps. */
const MAX_DROPS = 20;

/** Does the work; if the storage is full, once more after the ballast was given up. */
export async function withRoom<Result>(
  storage: Storage,
  stores: readonly StoreName[],
  work: (tx: Transaction) => Result | Promise<Result>,
): Promise<Result> {
  try {
    return await storage.transact(stores, work);
  } catch (error) {
    if (!isFull(error)) throw error;
    // Deleting is possible in a full storage, in most browsers.
    await storage.transact(['endpoints'], (tx) => tx.delete('endpoints', { from: [NOBODY], to: [NOBODY] }));
    return storage.transact(stores, work);
  }
}

/**
 * Leases a batch although the storage may be full: a lease is a write, and what can't be leased can't be sent and
 * would stay for ever.
 */
export async function leaseWithRoom(storage: Storage, request: LeaseRequest): Promise<Lease | undefined> {
  const stores = ['fresh', 'sent', 'endpoints', 'done'] as const;
  for (let drops = 0; ; drops++) {
    try {
      // Merging writes what is there once more, and a large batch that was sent may not fit again: not in so narrow
      // a room.
      return drops === 0
        ? await withRoom(storage, stores, (tx) => leaseBatch(tx, request))
        : await storage.transact(stores, (tx) => leaseBatch(tx, request, true));
    } catch (error) {
      const isHopeless = !isFull(error) || drops >= MAX_DROPS;
      if (isHopeless) throw error;
      // First without merging; only then does the oldest go.
      if (drops > 0 && !(await dropOldest(storage, request))) throw error;
    }
  }
}

/** @returns Whether there was one that was never sent. */
function dropOldest(storage: Storage, { endpoint, nowMs }: LeaseRequest): Promise<boolean> {
  return storage.transact(['fresh', 'sent', 'endpoints', 'done'], async (tx) => {
    const places = await listPlaces(tx, endpoint);
    const oldest = places.find((place) => place.store === 'fresh');
    if (!oldest) return false;
    const state = await readState(tx, endpoint);
    const dropped = await dropBatches(tx, state, [oldest], nowMs, 'dropped:storage', () => false);
    tx.put('endpoints', dropped.state);
    return true;
  });
}

/** Whether it failed for want of space. */
export function isFull(error: unknown): boolean {
  return isRecord(error) && error['name'] === 'QuotaExceededError';
}
