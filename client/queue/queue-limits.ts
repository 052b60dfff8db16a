/** How long a flusher may keep a batch to itself; far above the time limit of a request. */
export const LEASE_MS = 90_000;

/** No wait is longer, whatever a server asks for: one hour. */
export const MAX_WAIT_MS = 3_600_000;

/** If all that is queued goes beyond these, the oldest is dropped and counted; what is being sent stays. */
export const MAX_QUEUED_BYTES = 33_554_432;
export const MAX_QUEUED_EVENTS = 100_000;

/**
 * What is older than this may be given up: 30 days. Only after another try has failed, and only if it is still too
 * old when `AGE_GRACE_MS` have gone by since it was first found so: one wrong clock must not empty a queue.
 */
export const MAX_AGE_MS = 2_592_000_000;
export const AGE_GRACE_MS = 86_400_000;

/** Events that were tracked so long after each other never share a batch: a day. */
export const MAX_SPAN_MS = 86_400_000;

/** Kept free for the small writes that get a full storage emptied again. */
export const BALLAST_BYTES = 65_536;

/** In a full storage, where no failure can be noted: from when everything was tried until it is tried again. */
export const ROUND_MS = 30_000;

/** How many batches that have left the queue are remembered at least, for tabs that missed the message. */
export const MAX_DONE = 200;

/**
 * For so long they are remembered in any number up to `MAX_YOUNG_DONE`: a page that lost its connection in the
 * middle of a write repeats the burst until it can tell that it is stored, and must find it here.
 */
export const YOUNG_DONE_MS = 3_600_000;
export const MAX_YOUNG_DONE = 1_000;

/** Bursts whose losses were counted that are remembered: one for each tab that writes at the same time. */
export const MAX_LOSS_BURSTS = 20;

/** Reasons of losses that are counted apart; a reason can hold a code from a server. */
export const MAX_LOSS_REASONS = 50;

/** After so many failures a batch lets others go first, and is suspected if they succeed. */
export const PATIENCE = 3;

/** How far the clocks of two contexts of one device may be apart. */
export const CLOCK_SLACK_MS = 60_000;

/** Room that a request's other fields need, with as many parents as there can be. */
export const ENVELOPE_BYTES = 4_096;

/**
 * Whether a time that was stored has come.
 *
 * One that lies further ahead than it can have been set counts as come: the clock was set back since.
 */
export function hasPassed(timeMs: number, nowMs: number, maxAheadMs: number): boolean {
  return timeMs <= nowMs || timeMs - nowMs > maxAheadMs + CLOCK_SLACK_MS;
}
