import { newBatchId } from '../queue/batch-id.ts';
import type { DoneBatch } from '../queue/records.ts';
import type { DeliveredOutcome, StoredOutcome } from './api.ts';
import { defer } from './defer.ts';

/** A burst of this page, from its first event until the outcome of its last one is known. */
export interface PendingBurst {
  /** Empty until it is first written or dropped; for ever, if it was discarded before. */
  id: string;
  readonly createdAt: number;
  /** JSON texts; emptied once they are stored or dropped. */
  texts: string[];
  count: number;
  bytes: number;
  readonly stored: Promise<StoredOutcome>;
  readonly resolveStored: (outcome: StoredOutcome) => void;
  readonly outcomes: Outcome[];
  readonly waiters: Waiter[];
}

/** What became of `count` consecutive events of a burst. */
export interface Outcome {
  readonly start: number;
  readonly count: number;
  /** Place in the batch of the first of them. */
  readonly sequence: number;
  /** Null: erased, because the user has opted out. */
  readonly done: DoneBatch | null;
}

/** The outcome of a whole burst that was erased. */
export const ERASED: Outcome = { start: 0, count: Infinity, sequence: 0, done: null };

interface Waiter {
  readonly index: number;
  resolve(outcome: DeliveredOutcome): void;
}

/** Without an id as yet: `track()` is not to wait for it. */
export function createBurst(nowMs: number): PendingBurst {
  const stored = defer<StoredOutcome>();
  return {
    id: '',
    createdAt: nowMs,
    texts: [],
    count: 0,
    bytes: 0,
    stored: stored[0],
    resolveStored: stored[1],
    outcomes: [],
    waiters: [],
  };
}

/** Gives a burst the id that it has for ever. Ids sort in the order of these calls. */
export function nameBurst(burst: PendingBurst): PendingBurst {
  burst.id = newBatchId(burst.createdAt);
  return burst;
}
