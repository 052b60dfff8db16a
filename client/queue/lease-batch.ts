import { EMPTY_LEDGER, LEDGER_KEYS } from '../../shared/batch.ts';
import { DEFAULT_LIMITS } from '../../shared/limits.ts';
import { newBatchId } from './batch-id.ts';
import { heldUntil, readState } from './endpoint-state.ts';
import type { Lease, LeaseRequest } from './event-queue.ts';
import { eraseQueued } from './opt-out.ts';
import { ENVELOPE_BYTES, hasPassed, LEASE_MS, MAX_WAIT_MS, PATIENCE } from './queue-limits.ts';
import { type EndpointState, isDoubtful, type SentBatch, UNTRIED } from './records.ts';
import { type Key, keysFrom, type Transaction } from './storage.ts';

/**
 * Claims the oldest due batch in the transaction's own time; see `DeliveryQueue.lease`.
 *
 * @param isNarrow - There is little room: takes one never-sent batch as it is, also before what is due again.
 */
export async function leaseBatch(
  tx: Transaction,
  request: LeaseRequest,
  isNarrow = false,
): Promise<Lease | undefined> {
  const { endpoint, isLocked, isSentOnly, nowMs, urgentBeforeMs } = request;
  const state = await readState(tx, endpoint);
  if (state.optedOut) {
    // Written by a tab that had not heard of it.
    eraseQueued(tx, endpoint);
    return undefined;
  }
  const isOverridden = state.silent && state.heldAt < urgentBeforeMs;
  if (!isOverridden && heldUntil(state, nowMs) > 0) return undefined;
  const claim = { token: newBatchId(nowMs), leasedAt: nowMs, leaseUntil: nowMs + LEASE_MS, isLocked };
  const maxParts = isNarrow ? 1 : DEFAULT_LIMITS.maxEvents;
  const [next, last] = await findDue(tx, request);
  const merged = (next && !isNarrow) || isSentOnly ? undefined : await mergeFresh(tx, state, maxParts);
  const waiting = merged?.batch ?? next ?? last;
  if (!waiting) return undefined;
  // In doubt until its answer says otherwise: this flusher may not live to hear it.
  const batch = { ...waiting, ...claim };
  const isLast = merged?.isLast === true;
  tx.put('sent', batch);
  return {
    batch,
    failures: state.failures,
    wasDoubtful: isDoubtful(waiting),
    isLast,
    isAll: isLast && !last,
  };
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
): Promise<readonly [SentBatch | undefined, SentBatch | undefined]> {
  let last: SentBatch | undefined;
  // One at a time: a record holds up to a request's worth of events.
  for (const key of await tx.keys('sent', keysFrom(request.endpoint))) {
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

/** Takes the oldest never-sent batches out of their store and makes one of them. */
async function mergeFresh(
  tx: Transaction,
  state: EndpointState,
  maxParts: number,
): Promise<{ readonly batch: SentBatch; readonly isLast: boolean } | undefined> {
  const { endpoint } = state;
  const keys = await tx.keys('fresh', keysFrom(endpoint), maxParts);
  const range = packRange(keys);
  if (!range) return undefined;
  const parts = await tx.all('fresh', range);
  const [first] = parts;
  if (!first) return undefined;
  tx.delete('fresh', range);
  const hasLosses = LEDGER_KEYS.some((key) => state.unsent[key] > 0);
  if (hasLosses) tx.put('endpoints', { ...state, unsent: EMPTY_LEDGER });
  const batch: SentBatch = {
    endpoint,
    order: first.order,
    id: first.id,
    createdAt: first.createdAt,
    count: sum(parts, (part) => part.count),
    bytes: sum(parts, (part) => part.bytes) + parts.length - 1,
    events: parts.map((part) => part.events).join(','),
    bursts: parts.map((part) => ({ burst: part.id, start: 0, count: part.count })),
    ledger: hasLosses ? state.unsent : null,
    parents: [],
    offset: 0,
    ...UNTRIED,
  };
  return { batch, isLast: keys.length < maxParts && parts.length === keys.length };
}

/** The longest run of batches from the first one on that fits into one request; at least one. */
function packRange(keys: readonly Key[]): { from: Key; to: Key } | undefined {
  const [from] = keys;
  if (!from) return undefined;
  let to = from;
  let events = 0;
  let bytes = 0;
  for (const key of keys) {
    events += Number(key[2]);
    // With the comma between two.
    bytes += Number(key[3]) + 1;
    const fits = events <= DEFAULT_LIMITS.maxEvents && bytes <= DEFAULT_LIMITS.maxBodyBytes - ENVELOPE_BYTES;
    if (!fits && key !== from) break;
    to = key;
  }
  return { from, to };
}

function sum<Item>(items: readonly Item[], pick: (item: Item) => number): number {
  return items.reduce((total, item) => total + pick(item), 0);
}
