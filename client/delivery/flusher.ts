import type { FlushReport, FlushWish } from '../../shared/worker-api.ts';
import type { DeliveryQueue, Lease } from '../queue/event-queue.ts';
import type { DoneBatch, LastAnswer } from '../queue/records.ts';
import type { Answer } from './answer.ts';
import { type Locks, withFlushLock } from './flush-lock.ts';
import type { Platform } from './platform.ts';
import { type Action, decide } from './retry-policy.ts';
import { runInTurn } from './run-in-turn.ts';
import { joinWishes } from './join-wishes.ts';
import { sendBatch } from './send-batch.ts';
import { splitBatch } from './split-batch.ts';

export interface FlusherParts {
  readonly queue: DeliveryQueue;
  readonly platform: Platform;
  readonly locks: Locks | undefined;
  readonly lockName: string;
  /**
   * After each answer; `done` if the batch has left the queue, `holdUntil` if the endpoint is to be left alone until
   * then, else 0. Must not throw.
   */
  readonly onAnswer: (endpoint: string, done: DoneBatch | undefined, holdUntil: number) => void;
}

export interface Flusher {
  /**
   * Sends everything that is due, oldest first, until nothing of what it found is left or each endpoint has a wait to
   * keep. What is stored meanwhile is left for the next run.
   *
   * One run at a time; a call is never satisfied by a run that had already begun. Never rejects: what
   * can't be read or written in the queue is reported as not `ok`, and stays queued.
   */
  flush(wish: FlushWish): Promise<FlushReport>;
}

export function createFlusher(parts: FlusherParts): Flusher {
  const { locks, lockName, platform } = parts;
  return {
    flush: runInTurn(async (wish) => {
      let requests = 0;
      try {
        const silent = await withFlushLock(locks, lockName, platform, (isLocked) =>
          flushAll(parts, wish, isLocked, () => requests++),
        );
        return { ok: true, requests, silent };
      } catch {
        // A dead connection or a full disk: the lease runs out, and the batch is sent again.
        return { ok: false, requests, silent: false };
      }
    }, joinWishes),
  };
}

/** @returns Whether some request got no answer at all. */
async function flushAll(
  parts: FlusherParts,
  { urgent, leaving = false }: FlushWish,
  isLocked: boolean,
  onRequest: () => void,
): Promise<boolean> {
  let silent = false;
  for (const endpoint of await parts.queue.endpoints()) {
    // A hint overrides silence that was there before it, not the one that it meets itself.
    let urgentBeforeMs = urgent ? parts.platform.now() : 0;
    let isSentOnly = false;
    for (;;) {
      const nowMs = parts.platform.now();
      const lease = await parts.queue.lease({ endpoint, nowMs, urgentBeforeMs, isLocked, isSentOnly });
      if (!lease) break;
      onRequest();
      // Else a page that goes on tracking would have a request for every few events.
      isSentOnly ||= lease.isLast;
      const action = await deliver(parts, lease, leaving);
      silent ||= action.kind === 'retry' && action.silent;
      // What it was split into has to wait.
      if (lease.isAll) break;
      if (action.kind === 'retry') urgentBeforeMs = 0;
    }
  }
  return silent;
}

/**
 * Sends what is leased and notes its outcome. Its request is made before this returns.
 *
 * @throws What the queue throws if the outcome can't be written: the lease runs out, and the batch is sent again.
 */
export async function deliver(parts: FlusherParts, lease: Lease, isLeaving: boolean): Promise<Action> {
  const { platform } = parts;
  const { batch, failures } = lease;
  const answer = await sendBatch(batch, platform, isLeaving);
  const action = decide(answer, { ...batch, failures }, () => platform.random());
  let done: DoneBatch | undefined;
  try {
    done = await settle(parts, lease, action, answer);
  } finally {
    // A wait that can't be written down must still be kept by whoever can be told.
    parts.onAnswer(batch.endpoint, done, 'holdMs' in action ? platform.now() + action.holdMs : 0);
  }
  return action;
}

async function settle(
  { platform, queue }: FlusherParts,
  { batch, wasDoubtful }: Lease,
  action: Action,
  answer: Answer,
): Promise<DoneBatch | undefined> {
  const at = platform.now();
  const status = answer.kind === 'silent' ? null : answer.status;
  const note = (result: LastAnswer['result']): LastAnswer => ({ at, batch: batch.id, status, result });
  switch (action.kind) {
    case 'acknowledge':
      return queue.acknowledge(batch, action.refusals, note('delivered'));
    case 'set-aside':
      return queue.setAside(batch, action.refusal, note('rejected'));
    case 'split':
      await queue.split(
        batch,
        await splitBatch(batch, (bytes) => platform.sha1(bytes), wasDoubtful || !action.isRefused),
        at + action.holdMs,
        note('split'),
      );
      return undefined;
    case 'retry': {
      const { delayMs, holdMs, isRefused, silent } = action;
      const isUnsure = wasDoubtful || !isRefused;
      const release = { notBefore: at + delayMs, holdUntil: at + holdMs, silent, isUnsure };
      await queue.release(batch, release, note('retry'));
      return undefined;
    }
  }
}

/** When something can next be sent, to any endpoint; null when nothing is queued. Epoch milliseconds. */
export async function earliestDueAt(queue: DeliveryQueue, nowMs: number): Promise<number | null> {
  let earliest: number | null = null;
  for (const endpoint of await queue.endpoints()) {
    const { dueAt } = await queue.status(endpoint, nowMs);
    if (dueAt !== null && (earliest === null || dueAt < earliest)) earliest = dueAt;
  }
  return earliest;
}
