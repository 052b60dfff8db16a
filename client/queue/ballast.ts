import { newState, NOBODY, readState } from './endpoint-state.ts';
import { BALLAST_BYTES } from './queue-limits.ts';
import { ALL_KEYS, type Storage, type Transaction } from './storage.ts';

/** Key of the record that permits merging, next to `NOBODY`: no endpoint's, but a note that is made by deleting it. */
const PERMIT = '*';

const PERMIT_KEY = { from: [PERMIT], to: [PERMIT] };

/** What a new database begins with: nothing in it was ever sent. */
export const FIRST_PERMIT = newState(PERMIT);

/**
 * Which batches may have been sent although there was no room to write that down.
 *
 * A never-sent one of those keeps its id and its events: in company it would be another batch to the server.
 */
export interface Unnoted {
  /** Never-sent batches up to this place in the queue go alone. */
  readonly upTo: string;
  /** What was sent before this time may have been sent once more. Epoch milliseconds; 0 if nothing was. */
  readonly before: number;
}

/** As the record says, or all of them if it is missing. Times in epoch milliseconds. */
export async function readUnnoted(tx: Transaction): Promise<Unnoted> {
  const [found] = await tx.all('endpoints', PERMIT_KEY);
  // Without it, any of them, and at any time.
  if (!found) return { upTo: '\uffff', before: Infinity };
  return { upTo: found.aloneUpTo ?? '', before: found.permittedAt ?? 0 };
}

/** Whether merging is permitted, at least of what comes from now on. */
export async function isPermitted(tx: Transaction): Promise<boolean> {
  return (await tx.keys('endpoints', PERMIT_KEY)).length > 0;
}

/** Permits merging of all that is not in the queue yet: what is there may have been sent while it was not permitted. */
export async function permit(tx: Transaction, nowMs: number): Promise<void> {
  const places = (await tx.keys('fresh', ALL_KEYS)).map((key) => String(key[1]));
  const aloneUpTo = places.reduce((last, place) => (place > last ? place : last), '');
  tx.put('endpoints', { ...FIRST_PERMIT, aloneUpTo, permittedAt: nowMs });
}

/**
 * Makes room in a full storage, and takes back that anything may be merged. Deleting is possible there, in most browsers.
 *
 * @returns Whether there was anything to give up.
 */
export function giveUpBallast(storage: Storage): Promise<boolean> {
  return storage.transact(['endpoints'], async (tx) => {
    const shared = { from: [NOBODY], to: [PERMIT] };
    if ((await tx.keys('endpoints', shared)).length === 0) return false;
    tx.delete('endpoints', shared);
    return true;
  });
}

/** Forgets in an empty queue what had to go alone. */
export async function forgetAlone(tx: Transaction, nowMs: number): Promise<void> {
  const { before, upTo } = await readUnnoted(tx);
  const [fresh] = await tx.keys('fresh', ALL_KEYS, 1);
  if (upTo !== '' && !fresh)
    tx.put('endpoints', { ...FIRST_PERMIT, permittedAt: before === Infinity ? nowMs : before });
}

/** Takes ballast in, if there is none. */
export async function takeBallast(tx: Transaction, nowMs: number): Promise<void> {
  await forgetAlone(tx, nowMs);
  const shared = await readState(tx, NOBODY);
  if (!shared.ballast) tx.put('endpoints', { ...shared, ballast: ' '.repeat(BALLAST_BYTES) });
}
