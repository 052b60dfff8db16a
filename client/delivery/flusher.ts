import type { FlushReport, FlushWish } from '../../shared/worker-api.ts';
import type { DeliveryQueue, Lease } from '../queue/event-queue.ts';
import type { DoneBatch, LastAnswer } from '../queue/records.ts';
import type { Answer } from './answer.ts';
import { type Locks, withFlushLock } from './flush-lock.ts';
import type { Platform } from './platform.ts';
import { type Action, decide } from './retry-policy.ts';
import { runInTurn } from './run-in-turn.ts';
import { sendBatch } from './send-batch.ts';
import { splitBatch } from './split-batch.ts';

export interface FlusherParts {
  readonly queue: DeliveryQueue;
  readonly platform: Platform;
  readonly locks: Locks | undefined;
  readonly lockName: string;
  /** After each answer; `done` if the batch has left the queue. Must not throw. */
  readonly onAnswer: (endpoint: string, done: DoneBatch | undefined) => void;
}

export interface Flusher {
  /**
   * Sends everything that is due, oldest first, until nothing is left or each endpoint has a wait to keep.
   *
   * One run at a time; a call is never satisfied by a run that had already begun. Never rejects: what
   * can't be read or written in the queue is reported as not `ok`, and stays queued.
   */
  flush(wish: FlushWish): Promise<FlushReport>;
}

export function createFlusher(parts: FlusherParts): Flusher {
  const { locks, lockName, platform, queue } = parts;
  return {
    flush: runInTurn(
      async (wish) => {
        try {
          const requests = await withFlushLock(locks, lockName, platform, (isLocked) =>
            flushAll(parts, wish, isLocked),
          );
          return { ok: true, requests, dueAt: await earliestDueAt(queue, platform.now()) };
        } catch {
          // A dead connection or a full disk: the lease runs out, and the batch is sent again.
          return { ok: false, requests: 0, dueAt: null };
        }
      },
      (left, right) => ({ urgent: left.urgent || right.urgent }),
    ),
  };
}

async function flushAll(parts: FlusherParts, wish: FlushWish, isLocked: boolean): Promise<number> {
  let requests = 0;
  for (const endpoint of await parts.queue.endpoints()) {
    // A hint overrides silence that was there before it, not the one that it meets itself.
    let urgentBeforeMs = wish.urgent ? parts.platform.now() : 0;
    for (;;) {
      const nowMs = parts.platform.now();
      const lease = await parts.queue.lease({ endpoint, nowMs, urgentBeforeMs, isLocked });
      if (!lease) break;
      requests++;
      const action = await deliver(parts, lease);
      if (action.kind === 'retry') urgentBeforeMs = 0;
    }
  }
  return requests;
}

async function deliver(parts: FlusherParts, lease: Lease): Promise<Action> {
  const { platform } = parts;
  const { batch, failures } = lease;
  const answer = await sendBatch(batch, platform);
  const action = decide(answer, { ...batch, failures }, () => platform.random());
  const done = await settle(parts, lease, action, answer);
  parts.onAnswer(batch.endpoint, done);
  return action;
}

async function settle(
  { platform, queue }: FlusherParts,
  { batch }: Lease,
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
        await splitBatch(batch, (bytes) => platform.sha1(bytes)),
        at + action.holdMs,
        note('split'),
      );
      return undefined;
    case 'retry': {
      const { delayMs, holdMs, silent } = action;
      await queue.release(batch, { notBefore: at + delayMs, holdUntil: at + holdMs, silent }, note('retry'));
      return undefined;
    }
  }
}

async function earliestDueAt(queue: DeliveryQueue, nowMs: number): Promise<number | null> {
  let earliest: number | null = null;
  for (const endpoint of await queue.endpoints()) {
    const { dueAt } = await queue.status(endpoint, nowMs);
    if (dueAt !== null && (earliest === null || dueAt < earliest)) earliest = dueAt;
  }
  return earliest;
}
