import { EMPTY_LEDGER } from '../../shared/batch.ts';
import { countLosses, heldUntil, readState } from './endpoint-state.ts';
import type { DeliveryQueue } from './event-queue.ts';
import { leaseBatch } from './lease-batch.ts';
import { CLOCK_SLACK_MS } from './queue-limits.ts';
import { readQueueStatus } from './queue-status.ts';
import type { DoneBatch, EndpointState, LastAnswer, Refusal, SentBatch } from './records.ts';
import { rememberDone } from './remember-done.ts';
import { keysFrom, type Storage, type Transaction } from './storage.ts';

/** The flusher's side of the queue over any storage; see `DeliveryQueue` for what it promises. */
export function createDeliveryQueue(storage: Storage): DeliveryQueue {
  /** Runs a change with what is stored now; `held` is the batch if its lease was not lost. */
  function change<Result>(
    batch: SentBatch,
    work: (now: Stored) => Result | Promise<Result>,
  ): Promise<Result> {
    return storage.transact(['sent', 'endpoints', 'done'], async (tx) => {
      const state = await readState(tx, batch.endpoint);
      const [current] = await tx.all('sent', sameOrder(batch));
      const held = current?.token === batch.token ? current : undefined;
      return work({ tx, state, current, held, save: (next) => tx.put('endpoints', next) });
    });
  }

  return {
    endpoints: () => storage.transact(['fresh', 'sent'], listEndpoints, 'readonly'),
    lease: (request) => storage.transact(['fresh', 'sent', 'endpoints'], (tx) => leaseBatch(tx, request)),

    release: (batch, { notBefore, holdUntil, silent }, answer) =>
      change(batch, ({ tx, state, held, save }) => {
        // An answer holds for everybody; silence may be this context's own, waking after a long freeze.
        if (held || !silent) save(hold(state, holdUntil, silent, answer));
        if (!held) return;
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
        });
      }),

    acknowledge: (batch, refusals, answer) =>
      change(batch, ({ tx, state, current, save }) => {
        const rejected = current ? refusals.length : 0;
        const cleared = clearHold(state, batch.leasedAt, answer.at);
        save(countLosses({ ...cleared, failures: 0, ackedAt: answer.at, answer }, { rejected }));
        return current && remove(tx, current, 'delivered', refusals, answer.at);
      }),

    split: (batch, parts, holdUntil, answer) =>
      change(batch, ({ tx, state, held, save }) => {
        save(hold(state, holdUntil, false, answer));
        if (!held) return;
        tx.delete('sent', sameOrder(batch));
        for (const part of parts) tx.put('sent', part);
      }),

    setAside: (batch, refusal, answer) =>
      change(batch, ({ tx, state, held, save }) => {
        const next = { ...state, failures: 0, answer };
        // The losses that it was to report were never taken down: the next batch reports them.
        const carried = { ...next, unsent: countLosses(next, held?.ledger ?? EMPTY_LEDGER).unsent };
        save(countLosses(carried, { rejected: held ? held.count : 0 }));
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
