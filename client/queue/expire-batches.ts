import { dropBatches, listPlaces, orderOf } from './drop-batches.ts';
import { AGE_GRACE_MS, MAX_AGE_MS } from './queue-limits.ts';
import type { EndpointState } from './records.ts';
import { type Key, keysFrom, type Transaction } from './storage.ts';

/**
 * Judges what is too old, after a try has failed: notes it, and removes what was noted long enough ago.
 *
 * Everything up to a place in the queue is noted at once. A clock that is set right in the meantime takes the
 * note back, because then nothing is too old any more.
 *
 * @returns The state, for the caller to save.
 */
export async function expireBatches(
  tx: Transaction,
  state: EndpointState,
  nowMs: number,
): Promise<EndpointState> {
  const { endpoint, overAge } = state;
  const isOld = (key: Key): boolean => nowMs - Number(key[4]) > MAX_AGE_MS;
  // The common case must not cost more for a long queue.
  const [fresh] = await tx.keys('fresh', keysFrom(endpoint), 1);
  const [sent] = await tx.keys('sent', keysFrom(endpoint), 1);
  const isWorthALook = (fresh && isOld(fresh)) || (sent && isOld(sent));
  const old = isWorthALook ? (await listPlaces(tx, endpoint)).filter(({ key }) => isOld(key)) : [];
  const newest = old[old.length - 1];
  if (!newest) return overAge ? { ...state, overAge: undefined } : state;
  const noted = { ...state, overAge: { since: nowMs, upTo: orderOf(newest) } };
  // Noted in the future: the clock was set back since.
  if (!overAge || overAge.since > nowMs) return noted;
  if (nowMs - overAge.since < AGE_GRACE_MS) return state;
  const expired = old.filter((place) => orderOf(place) <= overAge.upTo);
  return (await dropBatches(tx, noted, expired, nowMs, 'expired', () => false)).state;
}
