import type { Ledger } from '../../shared/batch.ts';

/**
 * What the database holds. Fields are only ever added and the database version is never raised, so that
 * an old and a new bundle can share one queue.
 */

/** Consecutive events of one burst, as they lie in a batch. */
export interface BurstRange {
  /** Id of the burst; the id that the batch had when its page wrote it. */
  readonly burst: string;
  /** Index within the burst of the first of them. */
  readonly start: number;
  readonly count: number;
}

/** A batch that was never sent: it may still be merged with its neighbours. */
export interface FreshBatch {
  /** Absolute URL that it is sent to. */
  readonly endpoint: string;
  /** Place in the queue, oldest first: a time-ordered id, and for halves of a split their parent's plus 0 or 1. */
  readonly order: string;
  readonly count: number;
  /** UTF-8 bytes of `events`. */
  readonly bytes: number;
  /** Epoch milliseconds of its oldest event's burst. */
  readonly createdAt: number;
  readonly id: string;
  /** The events as JSON texts, joined by commas, without brackets. */
  readonly events: string;
}

/** A batch that may have left this device: its id and events are fixed for ever. */
export interface SentBatch extends FreshBatch {
  readonly bursts: readonly BurstRange[];
  /** Losses reported with this batch; fixed with it, so that the server adds them up once. */
  readonly ledger: Ledger | null;
  /** Batches that this one was split from, the first one first. */
  readonly parents: readonly string[];
  /** Index of its first event in the first of `parents`. */
  readonly offset: number;
  /** Whoever holds this token may write this record; empty when nobody does. */
  readonly token: string;
  readonly leasedAt: number;
  readonly leaseUntil: number;
  /** Leased by a flusher that held the flush lock: whoever gets that lock knows that it is gone. */
  readonly isLocked: boolean;
  /** How often a send of it has failed. */
  readonly attempts: number;
  /** How often it failed although another batch had been acknowledged since its failure before. */
  readonly lonely: number;
  readonly failedAt: number;
  /** Whether its last failure was without any answer. */
  readonly silent: boolean;
  readonly notBefore: number;
  /**
   * `leasedAt` of the last lease, if it and every one before it ended with the server's word that nothing was stored.
   * Of that time, so that a send by a bundle that doesn't know this field makes it untrue.
   */
  readonly refusedLease?: number;
}

/** Whether the server may have the batch. */
export function isDoubtful({ leasedAt, refusedLease }: SentBatch): boolean {
  return refusedLease !== leasedAt;
}

/** `refusedLease` of a batch that the server may have. */
export const IN_DOUBT = -1;

/** A batch that nobody holds and that was never tried. */
export const UNTRIED = {
  token: '',
  leasedAt: 0,
  leaseUntil: 0,
  isLocked: false,
  attempts: 0,
  lonely: 0,
  failedAt: 0,
  silent: false,
  notBefore: 0,
  refusedLease: 0,
} as const;

export interface LastAnswer {
  readonly at: number;
  readonly batch: string;
  /** HTTP status; null when there was no answer. */
  readonly status: number | null;
  readonly result: 'delivered' | 'retry' | 'split' | 'rejected';
}

/** Who has opted out: the user by the site's own means, or the browser's Global Privacy Control. */
export type OptOut = 'user' | 'gpc';

/** Why events were lost: an item of the ledger, and after a colon what was the matter. */
export type LossReason = keyof Ledger | `${keyof Ledger}:${string}`;

/** Counts of lost events by `LossReason`. */
export type Losses = Readonly<Record<string, number>>;

/** What is known about one collector, in any tab or worker of this origin. */
export interface EndpointState {
  readonly endpoint: string;
  /** Nothing is sent before this time. */
  readonly notBefore: number;
  /** When `notBefore` was set. */
  readonly heldAt: number;
  /** Whether `notBefore` follows from a failure without any answer, which a hint may override. */
  readonly silent: boolean;
  /** Failures since the last acknowledgement. */
  readonly failures: number;
  readonly ackedAt: number;
  readonly answer: LastAnswer | null;
  /** Everything lost so far. */
  readonly total: Ledger;
  /** The part of `total` that no batch carries yet. */
  readonly unsent: Ledger;
  /** `total` by reason, at most `MAX_LOSS_REASONS` and `other`. Missing from what an older bundle wrote. */
  readonly losses?: Losses;
  /** Nothing may be kept or sent: whoever leases erases. */
  readonly optedOut?: OptOut | undefined;
  /** When a decision last emptied the queue: whether a burst from before was ever in it can't be told any more. */
  readonly erasedAt?: number;
  /** The last bursts whose losses were counted: one without events leaves no other trace. */
  readonly lossBursts?: readonly string[];
  /** Since when everything up to this place in the queue has been found too old; see `MAX_AGE_MS`. */
  readonly overAge?: { readonly since: number; readonly upTo: string } | undefined;
  /** Only on the state of no endpoint, which holds it: room to give up when the storage is full. */
  readonly ballast?: string;
  /** Only on the record that permits merging: never-sent batches up to this place go alone; see `Unnoted`. */
  readonly aloneUpTo?: string;
  /** Only there: when merging was permitted anew. */
  readonly permittedAt?: number;
}

/** An event that the server refused. */
export interface Refusal {
  readonly sequence: number;
  readonly code: string;
  readonly path: string;
  readonly message: string;
}

/** What became of a batch that has left the queue; a bounded number of these is kept. */
export interface DoneBatch {
  readonly endpoint: string;
  /** When it left; later than every entry before it, even if the clock was set back since. */
  readonly at: number;
  readonly id: string;
  /** `rejected`: refused as a whole. `dropped`: removed by the queue's own bounds, maybe several at once. */
  readonly outcome: 'delivered' | 'rejected' | 'dropped';
  /** Of what was dropped: why, unless it was for want of room. An older bundle takes each for `dropped`. */
  readonly cause?: 'expired' | 'unconfirmed';
  readonly count: number;
  readonly bursts: readonly BurstRange[];
  /** Of a delivered batch: its events that were refused. Of a rejected one: the reason, under sequence 0. */
  readonly refusals: readonly Refusal[];
}

interface Stored<Value> {
  readonly value: Value;
  readonly key: StoredKey;
}

type StoredKey = (string | number | StoredKey)[];

/** The four stores. */
export interface Records {
  readonly fresh: Stored<FreshBatch>;
  readonly sent: Stored<SentBatch>;
  readonly endpoints: Stored<EndpointState>;
  readonly done: Stored<DoneBatch>;
}

export type StoreName = keyof Records;

/**
 * The fields that make each store's key. What `status()` counts is part of the key, so that counting and
 * packing read keys and never events.
 */
export const KEY_PATHS = {
  fresh: ['endpoint', 'order', 'count', 'bytes', 'createdAt'],
  sent: ['endpoint', 'order', 'count', 'bytes', 'createdAt'],
  endpoints: ['endpoint'],
  done: ['endpoint', 'at', 'id'],
} as const;
