import { readState } from './endpoint-state.ts';
import type { OptOut } from './records.ts';
import { keysFrom, type Storage, type Transaction } from './storage.ts';

/**
 * Sets or takes back the flag of an endpoint, in the transaction that empties its queue.
 *
 * Also taking it back empties the queue: a tab that had not heard of the flag may have written meanwhile.
 *
 * @param decide - From the flag as it is, what it is to be.
 * @returns What it is now.
 */
export function changeOptOut(
  storage: Storage,
  endpoint: string,
  nowMs: number,
  decide: (now: OptOut | undefined) => OptOut | undefined,
): Promise<OptOut | undefined> {
  return storage.transact(['fresh', 'sent', 'done', 'endpoints'], async (tx) => {
    const state = await readState(tx, endpoint);
    const optedOut = decide(state.optedOut);
    const erases = (optedOut ?? state.optedOut) !== undefined;
    if (erases) {
      eraseQueued(tx, endpoint);
      tx.delete('done', keysFrom(endpoint));
    }
    tx.put('endpoints', { ...state, optedOut, ...(erases && { erasedAt: nowMs }) });
    return optedOut;
  });
}

/** Erases what waits to be sent. */
export function eraseQueued(tx: Transaction, endpoint: string): void {
  tx.delete('fresh', keysFrom(endpoint));
  tx.delete('sent', keysFrom(endpoint));
}
