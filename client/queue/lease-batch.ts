import { EMPTY_LEDGER, type Ledger, LEDGER_KEYS } from '../../shared/batch.ts';
import { DEFAULT_LIMITS } from '../../shared/limits.ts';
import { forgetAlone, isPermitted, permit, readUnnoted } from './ballast.ts';
import { newBatchId } from './batch-id.ts';
import { isHeld, readState } from './endpoint-state.ts';
import type { Lease, LeaseRequest } from './event-queue.ts';
import { eraseQueued } from './opt-out.ts';
import { ENVELOPE_BYTES, hasPassed, LEASE_MS, MAX_SPAN_MS, MAX_WAIT_MS, PATIENCE } from './queue-limits.ts';
import {
  type EndpointState,
  type FreshBatch,
  IN_DOUBT,
  isDoubtful,
  type SentBatch,
  UNTRIED,
} from './records.ts';
import { type Key, type KeyRange, keysFrom, type Transaction } from './storage.ts';

/**
 * Claims the oldest due batch in the transaction's own time; see `DeliveryQueue.lease`.
 *
 * @param tried - Places of batches that had their turn, of which there was no room to note what came of it.
 */
export async function leaseBatch(
  tx: Transaction,
  request: LeaseRequest,
  tried: ReadonlySet<string>,
): Promise<Lease | undefined> {
  const { endpoint, isLocked, isSentOnly, nowMs } = request;
  const state = await readState(tx, endpoint);
  if (state.optedOut) {
    // Written by a tab that had not heard of it.
    eraseQueued(tx, endpoint);
    return undefined;
  }
  if (isHeld(state, request)) return undefined;
  const claim = { token: newBatchId(nowMs), leasedAt: nowMs, leaseUntil: nowMs + LEASE_MS, isLocked };
  const unnoted = await readUnnoted(tx);
  const [next, last] = await findDue(tx, request, tried);
  // There may be room again. Before anything is taken out: it is still one of those that go alone.
  if (!(await isPermitted(tx))) await permit(tx, nowMs);
  const merged = next || isSentOnly ? undefined : await mergeFresh(tx, state, unnoted.upTo);
  const waiting = merged?.batch ?? next ?? last;
  if (!waiting) return undefined;
  // In doubt until its answer says otherwise: this flusher may not live to hear it.
  const batch = { ...waiting, ...claim };
  const isLast = merged?.isLast === true;
  tx.put('sent', batch);
  if (isLast) await forgetAlone(tx, nowMs);
  return {
    batch,
    failures: state.failures,
    wasDoubtful: isDoubtful(waiting) || (!merged && waiting.leasedAt < unnoted.before),
    isLast,
    isAll: isLast && !last,
  };
}

/**
 * Finds a batch that can be sent although that can't be written down: one that was sent before, or a never-sent one as
 * it is, while none may be merged. Where it is sent to again, it is under the same id and with the same events.
 *
 * @param tried - Those that had their turn; the one that is found is added.
 */
export async function findUnwritten(
  tx: Transaction,
  request: LeaseRequest,
  tried: Set<string>,
): Promise<Lease | undefined> {
  const { endpoint, isSentOnly, nowMs } = request;
  const state = await readState(tx, endpoint);
  if (state.optedOut || isHeld(state, request) || (await isPermitted(tx))) return undefined;
  for (const store of isSentOnly ? (['sent'] as const) : (['sent', 'fresh'] as const)) {
    // All that were never sent are due.
    const limit = store === 'fresh' ? tried.size + 1 : undefined;
    for (const key of await tx.keys(store, keysFrom(endpoint), limit)) {
      const order = String(key[1]);
      if (tried.has(order)) continue;
      const [found] = await tx.all(store, { from: key, to: key });
      if (!found) continue;
      const waiting = 'token' in found ? found : makeBatch([found], null);
      if (!isDue(waiting, request)) continue;
      tried.add(order);
      const batch = { ...waiting, token: newBatchId(nowMs), leasedAt: nowMs, leaseUntil: 0 };
      return { batch, failures: state.failures, wasDoubtful: true, isLast: false, isAll: false };
    }
  }
  return undefined;
}

/**
 * The oldest batch that is due, and the one to send when there is no other.
 *
 * A batch that keeps failing has its turn after all others, or it would hold them up for ever: the answer may
 * be about its own events. Among its like, the one whose failure is longest ago comes first.
 */
async function findDue(
  tx: Transaction,
  request: LeaseRequest,
  tried: ReadonlySet<string>,
): Promise<readonly [SentBatch | undefined, SentBatch | undefined]> {
  let last: SentBatch | undefined;
  // One at a time: a record holds up to a request's worth of events.
  for (const key of await tx.keys('sent', keysFrom(request.endpoint))) {
    if (tried.has(String(key[1]))) continue;
    const [batch] = await tx.all('sent', { from: key, to: key });
    if (!batch || !isDue(batch, request)) continue;
    if (batch.attempts < PATIENCE) return [batch, undefined];
    if (!last || batch.failedAt < last.failedAt) last = batch;
  }
  return [undefined, last];
}

function isDue(batch: SentBatch, { isLocked, nowMs, urgentBeforeMs }: LeaseRequest): boolean {
  if (isLeased(batch, nowMs) && !(isLocked && batch.isLocked)) return false;
  const isOverridden = batch.silent && batch.failedAt < urgentBeforeMs;
  return isOverridden || hasPassed(batch.notBefore, nowMs, MAX_WAIT_MS);
}

/** Whether a flusher that may still be alive has the batch to itself. */
export function isLeased({ leaseUntil }: SentBatch, nowMs: number): boolean {
  return !hasPassed(leaseUntil, nowMs, LEASE_MS);
}

/** Takes never-sent batches, up to a place only the oldest one, out of their store and makes one of them. */
async function mergeFresh(
  tx: Transaction,
  state: EndpointState,
  aloneUpTo: string,
): Promise<{ readonly batch: SentBatch; readonly isLast: boolean } | undefined> {
  const { endpoint } = state;
  const maxParts = DEFAULT_LIMITS.maxEvents;
  const keys = await tx.keys('fresh', keysFrom(endpoint), maxParts);
  const isAlone = String(keys[0]?.[1]) <= aloneUpTo;
  const ranges = packRanges(isAlone ? keys.slice(0, 1) : keys);
  const parts = (await Promise.all(ranges.map((range) => tx.all('fresh', range)))).flat();
  if (parts.length === 0) return undefined;
  for (const range of ranges) tx.delete('fresh', range);
  // What may have been sent before was sent without.
  const hasLosses = !isAlone && LEDGER_KEYS.some((key) => state.unsent[key] > 0);
  if (hasLosses) tx.put('endpoints', { ...state, unsent: EMPTY_LEDGER });
  const made = makeBatch(parts, hasLosses ? state.unsent : null);
  const batch = isAlone ? { ...made, refusedLease: IN_DOUBT } : made;
  return { batch, isLast: keys.length < maxParts && parts.length === keys.length };
}

/** One batch of those, of which there is at least one, under the id and in the place of the first. */
function makeBatch(parts: readonly FreshBatch[], ledger: Ledger | null): SentBatch {
  const [first] = parts;
  if (!first) throw new RangeError('no parts');
  return {
    ...first,
    count: sum(parts, (part) => part.count),
    bytes: sum(parts, (part) => part.bytes) + parts.length - 1,
    events: parts.map((part) => part.events).join(','),
    bursts: parts.map((part) => ({ burst: part.id, start: 0, count: part.count })),
    ledger,
    parents: [],
    offset: 0,
    ...UNTRIED,
  };
}

/** Where the batches lie that go into one request: the first one, and each later one that there is still room for. */
function packRanges(keys: readonly Key[]): readonly KeyRange[] {
  const ranges: { from: Key; to: Key }[] = [];
  let range: { from: Key; to: Key } | undefined;
  let events = 0;
  let bytes = 0;
  for (const key of keys) {
    const moreEvents = events + Number(key[2]);
    // With the comma between two.
    const moreBytes = bytes + Number(key[3]) + 1;
    const fits =
      moreEvents <= DEFAULT_LIMITS.maxEvents &&
      moreBytes <= DEFAULT_LIMITS.maxBodyBytes - ENVELOPE_BYTES &&
      // A batch is given up as one: by its age, no event long before its own time.
      Number(key[4]) - Number(keys[0]?.[4]) < MAX_SPAN_MS;
    if (!fits && ranges.length > 0) {
      range = undefined;
      continue;
    }
    events = moreEvents;
    bytes = moreBytes;
    if (range) range.to = key;
    else ranges.push((range = { from: key, to: key }));
  }
  return ranges;
}

function sum<Item>(items: readonly Item[], pick: (item: Item) => number): number {
  return items.reduce((total, item) => total + pick(item), 0);
}
