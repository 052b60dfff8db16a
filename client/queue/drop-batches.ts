import { readUnnoted } from './ballast.ts';
import { addLedgers, countLosses } from './endpoint-state.ts';
import { isLeased } from './lease-batch.ts';
import {
  type BurstRange,
  type DoneBatch,
  type EndpointState,
  isDoubtful,
  type SentBatch,
} from './records.ts';
import { rememberDone } from './remember-done.ts';
import { type Key, keysFrom, type Transaction } from './storage.ts';

/** Where a batch lies in the queue. */
export interface Place {
  readonly store: 'fresh' | 'sent';
  readonly key: Key;
}

/** Everything that one endpoint has in the queue, oldest first. Reads keys only. */
export async function listPlaces(tx: Transaction, endpoint: string): Promise<readonly Place[]> {
  const places: Place[] = [];
  for (const store of ['fresh', 'sent'] as const) {
    for (const key of await tx.keys(store, keysFrom(endpoint))) places.push({ store, key });
  }
  places.sort((left, right) => (orderOf(left) < orderOf(right) ? -1 : 1));
  return places;
}

/** A batch's place in its queue, as its key has it. */
export function orderOf({ key }: Place): string {
  return String(key[1]);
}

/**
 * Removes batches that nobody has acknowledged, in this order, until it is enough; what is being sent stays.
 *
 * What the server may have is counted as unconfirmed, whatever the reason.
 *
 * @returns The state with the losses counted, for the caller to save, and what is remembered of them.
 */
export async function dropBatches(
  tx: Transaction,
  state: EndpointState,
  places: readonly Place[],
  nowMs: number,
  reason: 'expired' | `dropped:${'bytes' | 'events'}`,
  isEnough: (events: number, bytes: number) => boolean,
): Promise<{ readonly state: EndpointState; readonly done: readonly DoneBatch[] }> {
  const bursts: Record<'dropped' | 'expired' | 'unconfirmed', BurstRange[]> = {
    dropped: [],
    expired: [],
    unconfirmed: [],
  };
  const cause = reason === 'expired' ? reason : 'dropped';
  const unnoted = await readUnnoted(tx);
  let { unsent } = state;
  let events = 0;
  let bytes = 0;
  for (const { key, store } of places) {
    if (isEnough(events, bytes)) break;
    const range = { from: key, to: key };
    const [sent]: readonly (SentBatch | undefined)[] = store === 'sent' ? await tx.all('sent', range) : [];
    if (sent && isLeased(sent, nowMs)) continue;
    tx.delete(store, range);
    events += Number(key[2]);
    bytes += Number(key[3]);
    const isUnsure = sent
      ? isDoubtful(sent) || sent.leasedAt < unnoted.before
      : String(key[1]) <= unnoted.upTo;
    // Losses that a batch was to report are reported by the next, unless the server may have taken them down.
    if (sent?.ledger && !isUnsure) unsent = addLedgers(unsent, sent.ledger);
    bursts[isUnsure ? 'unconfirmed' : cause].push(
      ...(sent?.bursts ?? [{ burst: String(key[1]), start: 0, count: Number(key[2]) }]),
    );
  }
  const done: DoneBatch[] = [];
  let counted: EndpointState = { ...state, unsent };
  for (const why of ['dropped', 'expired', 'unconfirmed'] as const) {
    const ranges = bursts[why];
    const [first] = ranges;
    if (!first) continue;
    const count = ranges.reduce((sum, range) => sum + range.count, 0);
    counted = countLosses(counted, { [why === cause ? reason : why]: count });
    // One entry for all, so that they don't push out what was delivered.
    const entry: DoneBatch = {
      endpoint: state.endpoint,
      at: nowMs,
      id: `${first.burst}/${first.start}`,
      outcome: 'dropped',
      count,
      bursts: ranges,
      refusals: [],
    };
    done.push(await rememberDone(tx, why === 'dropped' ? entry : { ...entry, cause: why }));
  }
  return { state: counted, done };
}
