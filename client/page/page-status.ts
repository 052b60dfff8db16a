import type { QueueStatus } from '../queue/event-queue.ts';
import type { Status } from './api.ts';

/**
 * What `status()` tells: the queue, and the events that this page has not stored yet.
 *
 * @param held - What is known without the queue.
 */
export function describeStatus(held: Status, queued: QueueStatus, nowMs: number): Status {
  const { batches, bytes, dueAt, events, oldestAt, state } = queued;
  return {
    ...held,
    events: held.events + events,
    batches,
    bytes,
    oldestAgeMs: oldestAt === null ? null : Math.max(0, nowMs - oldestAt),
    lastAnswer: state.answer,
    nextAttemptAt: dueAt,
    ledger: state.total,
    losses: state.losses ?? {},
  };
}
