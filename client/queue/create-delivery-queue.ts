import { EMPTY_LEDGER } from '../../shared/batch.ts';
import { countLosses, readState } from './endpoint-state.ts';
import type { DeliveryQueue } from './event-queue.ts';
import { leaseBatch } from './lease-batch.ts';
import { MAX_DONE } from './queue-limits.ts';
import { readQueueStatus } from './queue-status.ts';
import type { DoneBatch, EndpointState, Refusal, SentBatch } from './records.ts';
import { keysFrom, type Storage, type Transaction } from './storage.ts';

/** The flusher's side of the queue over any storage; see `DeliveryQueue` for what it promises. */
export function createDeliveryQueue(storage: Storage): DeliveryQueue {
  return {
    endpoints: () => storage.transact(['fresh', 'sent'], listEndpoints, 'readonly'),
    lease: (request) => storage.transact(['fresh', 'sent', 'endpoints'], (tx) => leaseBatch(tx, request)),

    release: (batch, { notBefore, holdUntil, silent }, answer) =>
      storage.transact(['sent', 'endpoints'], async (tx) => {
        const state = await readState(tx, batch.endpoint);
        const current = await find(tx, batch);
        const isHeld = current?.token === batch.token;
        // An answer holds for everybody; silence may be this context's own, waking after a long freeze.
        if (isHeld || !silent) {
          const failures = state.failures + 1;
          // A wait that a server asked for is not shortened by what another request met.
          const keeps = state.heldAt > batch.leasedAt && state.notBefore > holdUntil;
          const hold = keeps ? {} : { notBefore: holdUntil, heldAt: answer.at, silent };
          tx.put('endpoints', { ...state, ...hold, failures, answer });
        }
        if (!current || !isHeld) return;
        const isAlone = silent && current.failedAt > 0 && state.ackedAt > current.failedAt;
        tx.put('sent', {
          ...current,
          token: '',
          leaseUntil: 0,
          attempts: current.attempts + 1,
          lonely: current.lonely + (isAlone ? 1 : 0),
          failedAt: answer.at,
          silent,
          notBefore,
        });
      }),

    acknowledge: (batch, refusals, answer) =>
      storage.transact(['sent', 'endpoints', 'done'], async (tx) => {
        let state = clearHold(await readState(tx, batch.endpoint), batch.leasedAt);
        state = { ...state, failures: 0, ackedAt: answer.at, answer };
        const current = await find(tx, batch);
        if (current && refusals.length > 0) state = countLosses(state, { rejected: refusals.length });
        tx.put('endpoints', state);
        return current && remove(tx, current, 'delivered', refusals, answer.at);
      }),

    split: (batch, parts, answer) =>
      storage.transact(['sent', 'endpoints'], async (tx) => {
        const state = await readState(tx, batch.endpoint);
        const current = await find(tx, batch);
        tx.put('endpoints', { ...state, answer });
        if (current?.token !== batch.token) return;
        tx.delete('sent', sameOrder(batch));
        for (const part of parts) tx.put('sent', part);
      }),

    setAside: (batch, refusal, answer) =>
      storage.transact(['sent', 'endpoints', 'done'], async (tx) => {
        const state = { ...(await readState(tx, batch.endpoint)), failures: 0, answer };
        const current = await find(tx, batch);
        const isHeld = current?.token === batch.token;
        if (!current || !isHeld) {
          tx.put('endpoints', state);
          return undefined;
        }
        // The losses that it was to report were never taken down: the next batch reports them.
        const carried = { ...state, unsent: countLosses(state, current.ledger ?? EMPTY_LEDGER).unsent };
        tx.put('endpoints', countLosses(carried, { rejected: current.count }));
        return remove(tx, current, 'rejected', [refusal], answer.at);
      }),

    status: (endpoint, nowMs) =>
      storage.transact(
        ['fresh', 'sent', 'endpoints'],
        (tx) => readQueueStatus(tx, endpoint, nowMs),
        'readonly',
      ),
  };
}

async function listEndpoints(tx: Transaction): Promise<readonly string[]> {
  const found = new Set<string>();
  for (const store of ['sent', 'fresh'] as const) {
    // From endpoint to endpoint, whatever lies between.
    for (let from: readonly (string | never[])[] = ['']; ;) {
      const [key] = await tx.keys(store, { from, to: [[]] }, 1);
      if (!key) break;
      const endpoint = String(key[0]);
      found.add(endpoint);
      from = [endpoint, []];
    }
  }
  return [...found];
}

function sameOrder(batch: SentBatch) {
  return keysFrom(batch.endpoint, batch.order);
}

/** The batch as it is now; undefined if it was removed or split since. */
async function find(tx: Transaction, batch: SentBatch): Promise<SentBatch | undefined> {
  const [current] = await tx.all('sent', sameOrder(batch));
  return current;
}

/** A hold that was set after this send began is another request's answer and stays. */
function clearHold(state: EndpointState, leasedAt: number): EndpointState {
  return state.heldAt > leasedAt ? state : { ...state, notBefore: 0 };
}

async function remove(
  tx: Transaction,
  batch: SentBatch,
  outcome: DoneBatch['outcome'],
  refusals: readonly Refusal[],
  at: number,
): Promise<DoneBatch> {
  const { endpoint, id, count, bursts } = batch;
  const done: DoneBatch = { endpoint, at, id, outcome, count, bursts, refusals };
  tx.delete('sent', sameOrder(batch));
  tx.put('done', done);
  const keys = await tx.keys('done', keysFrom(endpoint));
  const [first] = keys;
  const last = keys[keys.length - MAX_DONE - 1];
  if (first && last) tx.delete('done', { from: first, to: last });
  return done;
}
