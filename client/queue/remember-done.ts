import { MAX_DONE, MAX_YOUNG_DONE, YOUNG_DONE_MS } from './queue-limits.ts';
import type { DoneBatch } from './records.ts';
import { keysFrom, type Transaction } from './storage.ts';

/**
 * Notes what became of a batch, in the transaction that removes it, and forgets what is old.
 *
 * @returns The entry as it was stored.
 */
export async function rememberDone(tx: Transaction, done: DoneBatch): Promise<DoneBatch> {
  const keys = await tx.keys('done', keysFrom(done.endpoint));
  const newest = keys[keys.length - 1];
  // Sorted by arrival: by the clock alone, an entry made after it was set back would be the first to go.
  const at = Math.max(done.at, Number(newest?.[1] ?? 0) + 1);
  const entry = { ...done, at };
  tx.put('done', entry);
  for (const [index, key] of keys.entries()) {
    const place = keys.length - index;
    const isOld = place >= MAX_YOUNG_DONE || Number(key[1]) < at - YOUNG_DONE_MS;
    if (place >= MAX_DONE && isOld) tx.delete('done', { from: key, to: key });
  }
  return entry;
}
