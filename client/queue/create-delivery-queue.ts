import { EMPTY_LEDGER } from '../../shared/batch.ts';
import {
  addLedgers,
  countLosses,
  countRefusals,
  type Hold,
  heldUntil,
  isHeld,
  newState,
  readState,
} from './endpoint-state.ts';
import type { DeliveryQueue } from './event-queue.ts';
import { expireBatches } from './expire-batches.ts';
import { findUnwritten, leaseBatch } from './lease-batch.ts';
import { orIfFull, withRoom } from './make-room.ts';
import { CLOCK_SLACK_MS, ROUND_MS } from './queue-limits.ts';
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
  /** By endpoint, what there was no room to write down. */
  const notes = new Map<string, Note>();

  function noteOf(endpoint: string): Note {
    const note = notes.get(endpoint) ?? { hold: newState(endpoint), failures: 0, tried: new Set() };
    notes.set(endpoint, note);
    return note;
  }

  /** Notes a wait in memory. One that a server asked for is neither shortened nor, by silence, opened to hints. */
  function holdInMemory(endpoint: string, until: number, at: number, silent: boolean): void {
    const note = noteOf(endpoint);
    const known = heldUntil(note.hold, at);
    const isOpen = known === 0 || note.hold.silent;
    note.hold = { notBefore: Math.max(known, until), heldAt: at, silent: silent && isOpen };
  }

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
    async lease(request) {
      const { endpoint, nowMs } = request;
      const note = noteOf(endpoint);
      const { tried } = note;
      if (isHeld(note.hold, request)) return undefined;
      const stores = ['fresh', 'sent', 'endpoints'] as const;
      // A lease is a write, and what can't be sent would stay for ever.
      const lease = await orIfFull(
        withRoom(storage, stores, (tx) => leaseBatch(tx, request, tried)),
        async (error) => {
          const found = await storage.transact(stores, (tx) => findUnwritten(tx, request, tried), 'readonly');
          if (!found && tried.size === 0) throw error;
          return found;
        },
      );
      if (!lease && tried.size > 0) {
        // Each of them once more, but not at once.
        tried.clear();
        holdInMemory(endpoint, nowMs + ROUND_MS, nowMs, true);
      }
      return lease && { ...lease, failures: lease.failures + note.failures };
    },
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
      // The lease runs out by itself. The wait that was asked for must be known to everybody all the same.
      const note = (): Promise<void> =>
        storage.transact(['sent', 'endpoints'], async (tx) => {
          const state = await readState(tx, batch.endpoint);
          const [current] = await tx.all('sent', sameOrder(batch));
          if (silent && current?.token !== batch.token) return;
          tx.put('endpoints', hold(state, holdUntil, silent, answer));
        });
      const remember = (): void => {
        noteOf(batch.endpoint).failures++;
        holdInMemory(batch.endpoint, holdUntil, answer.at, silent);
      };
      // Its lease is not in the queue, and silence holds for nobody else.
      if (silent && isUnwritten(batch)) remember();
      await orIfFull(settle, () => orIfFull(note(), remember));
    },

    async acknowledge(batch, refusals, answer) {
      const note = noteOf(batch.endpoint);
      let isCounted = true;
      // A wait that was set since is another answer's.
      if (note.hold.heldAt <= batch.leasedAt) {
        note.hold = newState(batch.endpoint);
        note.failures = 0;
      }
      const settle = (removed?: SentBatch): Promise<DoneBatch | undefined> =>
        change(batch, async ({ tx, state, current, save }) => {
          const found = current ?? removed ?? ((await isFresh(tx, batch)) ? batch : undefined);
          const lost = found ? countRefusals(refusals) : {};
          const cleared = clearHold(state, batch.leasedAt, answer.at);
          save(countLosses({ ...cleared, failures: 0, ackedAt: answer.at, answer }, lost));
          return found && removeNoted(tx, found, 'delivered', refusals, answer.at);
        });
      const left = await orIfFull(settle(), async () => {
        // They could not be counted. It is answered the same once more.
        isCounted = refusals.length === 0;
        if (!isCounted) return undefined;
        // Even the note of it is refused. What is left must not be sent for ever; removed, it may make room for the note.
        const removed = await removeOnly(storage, batch);
        const { endpoint, id, count, bursts } = batch;
        const done = { endpoint, at: answer.at, id, outcome: 'delivered', count, bursts, refusals } as const;
        return orIfFull(settle(removed), () => removed && done);
      });
      // What could not even be removed has had its turn.
      if (isCounted) note.tried.delete(batch.order);
      else note.tried.add(batch.order);
      return left;
    },

    async split(batch, parts, holdUntil, answer) {
      const replace = change(batch, ({ tx, state, held, save }) => {
        // No failure of the endpoint's: or each halving would double the wait for the next.
        save({ ...hold(state, holdUntil, false, answer), failures: state.failures });
        if (!held) return;
        tx.delete('sent', sameOrder(batch));
        for (const part of parts) tx.put('sent', part);
      });
      await orIfFull(replace, () => {
        holdInMemory(batch.endpoint, holdUntil, answer.at, false);
        noteOf(batch.endpoint).tried.add(batch.order);
      });
    },

    async setAside(batch, refusal, answer) {
      const removing = change(batch, async ({ tx, state, held, save }) => {
        const found = held ?? (isUnwritten(batch) && (await isFresh(tx, batch)) ? batch : undefined);
        const next = { ...state, failures: 0, answer };
        // The losses that it was to report were never taken down: the next batch reports them.
        const carried = { ...next, unsent: addLedgers(next.unsent, found?.ledger ?? EMPTY_LEDGER) };
        const refusals = Array.from({ length: found?.count ?? 0 }, () => refusal);
        save(countLosses(carried, countRefusals(refusals)));
        return found && removeNoted(tx, found, 'rejected', [refusal], answer.at);
      });
      return orIfFull(removing, () => {
        noteOf(batch.endpoint).tried.add(batch.order);
        return undefined;
      });
    },

    async status(endpoint, nowMs) {
      const status = await readQueueStatus(storage, endpoint, nowMs);
      const until = heldUntil(noteOf(endpoint).hold, nowMs);
      const dueAt = status.dueAt === null ? null : Math.max(status.dueAt, until);
      return { ...status, dueAt };
    },
  };
}

interface Note {
  hold: Hold;
  /** Failures that the endpoint's state says nothing of. */
  failures: number;
  /** Places of batches that had their turn. */
  readonly tried: Set<string>;
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

/** Whether it was leased without a note. */
function isUnwritten({ leasedAt, leaseUntil }: SentBatch): boolean {
  return leaseUntil < leasedAt;
}

/** Whether a batch that was leased without a note still lies there. */
async function isFresh(tx: Transaction, batch: SentBatch): Promise<boolean> {
  return (await tx.keys('fresh', sameOrder(batch))).length > 0;
}

async function removeOnly(storage: Storage, batch: SentBatch): Promise<SentBatch | undefined> {
  return storage.transact(['sent', 'fresh'], async (tx) => {
    const sent = await tx.keys('sent', sameOrder(batch));
    const isFound = sent.length > 0 || (await isFresh(tx, batch));
    tx.delete('sent', sameOrder(batch));
    tx.delete('fresh', sameOrder(batch));
    return isFound ? batch : undefined;
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

function removeNoted(
  tx: Transaction,
  batch: SentBatch,
  outcome: DoneBatch['outcome'],
  refusals: readonly Refusal[],
  at: number,
): Promise<DoneBatch> {
  const { endpoint, id, count, bursts } = batch;
  tx.delete('sent', sameOrder(batch));
  // Where it still lies if it was leased without a note.
  tx.delete('fresh', sameOrder(batch));
  return rememberDone(tx, { endpoint, at, id, outcome, count, bursts, refusals });
}
