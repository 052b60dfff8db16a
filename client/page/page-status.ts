import { EMPTY_LEDGER } from '../../shared/batch.ts';
import type { QueueStatus } from '../queue/event-queue.ts';
import type { Status, WorkerState } from './api.ts';

/** What `status()` tells: the queue, and the events that this page has not stored yet. */
export function describeStatus(
  queued: QueueStatus | undefined,
  heldCount: number,
  storage: Status['storage'],
  worker: WorkerState,
  nowMs: number,
): Status {
  const oldestAt = queued?.oldestAt ?? null;
  return {
    events: heldCount + (queued?.events ?? 0),
    batches: queued?.batches ?? 0,
    bytes: queued?.bytes ?? 0,
    oldestAgeMs: oldestAt === null ? null : Math.max(0, nowMs - oldestAt),
    lastAnswer: queued?.state.answer ?? null,
    nextAttemptAt: queued?.dueAt ?? null,
    storage,
    worker,
    ledger: queued?.state.total ?? EMPTY_LEDGER,
  };
}
