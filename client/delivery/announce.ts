import { QUEUE_NAME } from '../../shared/worker-api.ts';
import type { DoneBatch, OptOut } from '../queue/records.ts';

/** What a flusher tells every tab of the origin after each answer, and a tab in which the user decided. */
export interface Announcement {
  readonly endpoint: string;
  /** Null if the answer left the batch in the queue. */
  readonly done: DoneBatch | null;
  /** Nothing may be sent to the endpoint before this time. */
  readonly holdUntil?: number;
  /** If it is there, the user has opted out or, undefined, in again. */
  readonly optedOut?: OptOut | undefined;
  /** It was decided by a tab that has no database: for itself and its like. */
  readonly inMemory?: boolean;
}

/** The channel to all tabs; undefined where the browser has none, and tabs look into the queue instead. */
export function openChannel(): BroadcastChannel | undefined {
  return typeof BroadcastChannel === 'undefined' ? undefined : new BroadcastChannel(QUEUE_NAME);
}

/** Tells every other context. Never throws: whoever misses it finds the outcome in the queue. */
export function announce(channel: BroadcastChannel | undefined, announcement: Announcement): void {
  try {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a channel has none
    channel?.postMessage(announcement);
  } catch {
    // A closed channel.
  }
}
