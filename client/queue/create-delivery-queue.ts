import { EMPTY_LEDGER } from '../../shared/batch.ts';
import { addLedgers, countLosses, countRefusals, heldUntil, readState } from './endpoint-state.ts';
import type { DeliveryQueue } from './event-queue.ts';
import { expireBatches } from './expire-batches.ts';
import { isFull, leaseWithRoom, withRoom } from './make-room.ts';
import { CLOCK_SLACK_MS } from './queue-limits.ts';
import { readQueueStatus } from './queue-status.ts';
import {
  type DoneBatch,
  type EndpointState,
  IN_DOUBT,
  type LastAnswer,
  type Refusal,
  type SentBatch,
} from './records.ts';
import { rememberDone } from './remember-done.ts';
import { keysFrom, type Storage, type Transaction } from './storage.ts';

/** The flusher's side of the queue over any storage; see `DeliveryQueue` for what it promises. */
export function createDeliveryQueue(storage: Storage): DeliveryQueue {
  /** Runs a change with what is stored now; `held` is the batch if its lease was not lost. */
  function change<Result>(
    batch: SentBatch,
    work: (now: Stored) => Result | Promise<Result>,
  ): Promise<Result> {
    return withRoom(storage, ['fresh', 'sent', 'endpoints', 'done'], async (tx) => {
      const state = await readState(tx, batch.endpoint);
      const [current] = await tx.all('sent', sameOrder(batch));
      const held = current?.token === batch.token ? current : undefined;
      return work({ tx, state, current, held, save: (next) => tx.put('endpoints', next) });
    });
  }

  return {
    endpoints: () => storage.transact(['fresh', 'sent'], listEndpoints, 'readonly'),
    lease: (request) => leaseWithRoom(storage, request),
    // The first time without a look at anything, so that it is committed in the task that began it.
    adopt: (batch, isRepeat) =>
      isRepeat
        ? storage.transact(['sent', 'done'], (tx) => adoptOnce(tx, batch))
        : storage.transact(['sent'], (tx) => tx.put('sent', batch)),

    async release(batch, { notBefore, holdUntil, silent, isUnsure = true }, answer) {
      const settle = change(batch, async ({ tx, state, held, save }) => {
        // An answer holds for everybody; silence may be this context's own, waking after a long freeze.
        const next = held || !silent ? hold(state, holdUntil, silent, answer) : state;
        if (!held) return save(next);
        const { ackedAt } = state;
        const isAckPast = ackedAt <= answer.at + CLOCK_SLACK_MS;
        const isAlone = held.failedAt > 0 && ackedAt > held.failedAt && isAckPast;
        tx.put('sent', {
          ...held,
          token: '',
          leaseUntil: 0,
          attempts: held.attempts + 1,
          lonely: held.lonely + (isAlone ? 1 : 0),
          failedAt: answer.at,
          silent,
          notBefore,
          refusedLease: isUnsure ? IN_DOUBT : held.leasedAt,
        });
        save(await expireBatches(tx, next, answer.at));
      });
      try {
        await settle;
      } catch (error) {
        if (!isFull(error)) throw error;
        // The lease runs out by itself. The wait that was asked for must be known to everybody all the same.
        await storage.transact(['sent', 'endpoints'], async (tx) => {
          const state = await readState(tx, batch.endpoint);
          const [current] = await tx.all('sent', sameOrder(batch));
          if (silent && current?.token !== batch.token) return;
          tx.put('endpoints', hold(state, holdUntil, silent, answer));
        });
      }
    },

    async acknowledge(batch, refusals, answer) {
      const settle = (removed?: SentBatch): Promise<DoneBatch | undefined> =>
        change(batch, ({ tx, state, current = removed, save }) => {
          const lost = current ? countRefusals(refusals) : {};
          const cleared = clearHold(state, batch.leasedAt, answer.at);
          save(countLosses({ ...cleared, failures: 0, ackedAt: answer.at, answer }, lost));
          return current && remove(tx, current, 'delivered', refusals, answer.at);
        });
      try {
        return await settle();
      } catch (error) {
        if (!isFull(error)) throw error;
        // Even the note of it is refused. What is left must not be sent for ever; removed, it makes room for the note.
        return settle(await removeOnly(storage, batch));
      }
    },

    split: (batch, parts, holdUntil, answer) =>
      change(batch, ({ tx, state, held, save }) => {
        // No failure of the endpoint's: or each halving would double the wait for the next.
        save({ ...hold(state, holdUntil, false, answer), failures: state.failures });
        if (!held) return;
        tx.delete('sent', sameOrder(batch));
        for (const part of parts) tx.put('sent', part);
      }),

    setAside: (batch, refusal, answer) =>
      change(batch, ({ tx, state, held, save }) => {
        const next = { ...state, failures: 0, answer };
        // The losses that it was to report were never taken down: the next batch reports them.
        const carried = { ...next, unsent: addLedgers(next.unsent, held?.ledger ?? EMPTY_LEDGER) };
        const refusals = Array.from({ length: held?.count ?? 0 }, () => refusal);
        save(countLosses(carried, countRefusals(refusals)));
        return held && remove(tx, held, 'rejected', [refusal], answer.at);
      }),

    status: (endpoint, nowMs) => readQueueStatus(storage, endpoint, nowMs),
  };
}

interface Stored {
  readonly tx: Transaction;
  readonly state: EndpointState;
  /** The batch as it is now; undefined if it was removed or split since. */
  readonly current: SentBatch | undefined;
  readonly held: SentBatch | undefined;
  readonly save: (state: EndpointState) => void;
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

async function adoptOnce(tx: Transaction, batch: SentBatch): Promise<void> {
  const range = keysFrom(batch.endpoint);
  const known = [...(await tx.all('sent', range)), ...(await tx.all('done', range))];
  if (!known.some(({ bursts }) => bursts.some(({ burst }) => burst === batch.id))) tx.put('sent', batch);
}

async function removeOnly(storage: Storage, batch: SentBatch): Promise<SentBatch | undefined> {
  return storage.transact(['sent'], async (tx) => {
    const [key] = await tx.keys('sent', sameOrder(batch));
    tx.delete('sent', sameOrder(batch));
    return key && batch;
  });
}

function sameOrder(batch: SentBatch) {
  return keysFrom(batch.endpoint, batch.order);
}

/** The state after a failure: nothing is sent before `holdUntil`. */
function hold(state: EndpointState, holdUntil: number, silent: boolean, answer: LastAnswer): EndpointState {
  const held = heldUntil(state, answer.at);
  // A wait that a server asked for is neither shortened nor, by silence, opened to hints.
  const keeps = held > 0 && !state.silent && (silent || held > holdUntil);
  const wait = keeps ? {} : { notBefore: holdUntil, heldAt: answer.at, silent };
  return { ...state, ...wait, failures: state.failures + 1, answer };
}

/** The state after an acknowledgement. A hold set since this send began is another request's answer and stays. */
function clearHold(state: EndpointState, leasedAt: number, nowMs: number): EndpointState {
  const keeps = state.heldAt >= leasedAt && heldUntil(state, nowMs) > 0;
  return keeps ? state : { ...state, notBefore: 0 };
}

function remove(
  tx: Transaction,
  batch: SentBatch,
  outcome: DoneBatch['outcome'],
  refusals: readonly Refusal[],
  at: number,
): Promise<DoneBatch> {
  const { endpoint, id, count, bursts } = batch;
  tx.delete('sent', sameOrder(batch));
  return rememberDone(tx, { endpoint, at, id, outcome, count, bursts, refusals });
}
