/** How long a flusher may keep a batch to itself; far above the time limit of a request. */
export const LEASE_MS = 90_000;

/** No wait is longer, whatever a server asks for: one hour. */
export const MAX_WAIT_MS = 3_600_000;

/** Beyond these, the oldest batches that were never sent are dropped and counted. */
export const MAX_QUEUED_BYTES = 33_554_432;
export const MAX_QUEUED_EVENTS = 100_000;

/** How many batches that have left the queue are remembered, for tabs that missed the message. */
export const MAX_DONE = 200;

/** Room that a request's other fields need, with as many parents as there can be. */
export const ENVELOPE_BYTES = 4_096;

/**
 * Whether a time that was stored has come.
 *
 * One that lies further ahead than it can have been set counts as come: the clock was set back since.
 */
export function hasPassed(timeMs: number, nowMs: number, maxAheadMs: number): boolean {
  return timeMs <= nowMs || timeMs - nowMs > maxAheadMs;
}
