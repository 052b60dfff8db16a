import type { Ledger } from '../../shared/batch.ts';
import type { DoneBatch, EndpointState, LastAnswer, Refusal, SentBatch } from './records.ts';

/** What was tracked while the write before it was under way: stored together, as one batch. */
export interface Burst {
  /** Becomes the batch's id if the burst is sent on its own. Never changes, however often it is written. */
  readonly id: string;
  /** JSON texts joined by commas. */
  readonly events: string;
  readonly count: number;
  /** UTF-8 bytes of `events`. */
  readonly bytes: number;
  readonly createdAt: number;
  /** Events lost before they reached the queue, to be counted with it. */
  readonly lost?: Ledger;
}

/** What one collector has in the queue. */
export interface QueueStatus {
  readonly batches: number;
  readonly events: number;
  readonly bytes: number;
  /** When the oldest burst was made; null when the queue is empty. */
  readonly oldestAt: number | null;
  /** Earliest time at which a batch may be sent, now or in the past if one can; null when the queue is empty. */
  readonly dueAt: number | null;
  readonly state: EndpointState;
}

/**
 * Where a page stores what it tracks, for one endpoint.
 *
 * Several queues of one origin share the database: other tabs, and the worker.
 */
export interface EventQueue {
  readonly kind: 'indexeddb' | 'memory';
  /**
   * Stores a burst. Once it resolves, the burst survives a crash of the browser and is removed only by an
   * acknowledgement, by the server's refusal or, never having been sent, by `trim`.
   *
   * After a rejection the burst may still have been stored: write it again with `isRepeat`, which does
   * nothing if it is, or was, in the queue. What has left the queue is remembered for `YOUNG_DONE_MS` at least:
   * whoever repeats a burst for longer may store it twice.
   */
  enqueue(burst: Burst, isRepeat: boolean): Promise<void>;
}

/** What a page knows and does about its endpoint's part of the queue besides storing events. */
export interface QueueMonitor {
  status(nowMs: number): Promise<QueueStatus>;
  /** What has left the queue, oldest first: the last `MAX_DONE` entries. */
  done(): Promise<readonly DoneBatch[]>;
  /** Drops the oldest batches that were never sent until the queue is within its bounds; counts them. */
  trim(nowMs: number): Promise<readonly DoneBatch[]>;
}

export interface LeaseRequest {
  readonly endpoint: string;
  readonly nowMs: number;
  /** Waits that follow from silence are ignored if they began before this time; 0 to ignore none. */
  readonly urgentBeforeMs: number;
  /** This flusher holds the flush lock: leases made under the lock have ended with their flusher's life. */
  readonly isLocked: boolean;
}

/** A batch to send now, and what is known about its endpoint. */
export interface Lease {
  readonly batch: SentBatch;
  /** The endpoint's failures since its last acknowledgement. */
  readonly failures: number;
}

export interface Release {
  /** When this batch may be tried again. */
  readonly notBefore: number;
  /** When anything may be sent to its endpoint again. */
  readonly holdUntil: number;
  /** There was no answer at all. */
  readonly silent: boolean;
}

/**
 * The flusher's side of the queue, for all endpoints of the origin.
 *
 * - A batch is marked as sent, durably, before `lease` resolves. Its id and events never change again.
 * - Never-sent and sent batches are kept apart, so that only the former can be merged.
 * - Every write after a lease compares the lease's token in its own transaction; whoever lost the lease
 *   changes nothing. Only `acknowledge` removes whatever the token: the server has the batch.
 * - A lease ends after `LEASE_MS`, or with the life of its flusher if that held the flush lock. The batch may then be sent twice at once, under one id, which the server
 *   stores once.
 */
export interface DeliveryQueue {
  /** Endpoints that have anything queued. */
  endpoints(): Promise<readonly string[]>;
  /**
   * Claims the oldest batch that is due, or makes one of the oldest never-sent ones, up to the limits of
   * one request. One that keeps failing is claimed when there is no other.
   *
   * @returns undefined when nothing may be sent now.
   */
  lease(request: LeaseRequest): Promise<Lease | undefined>;
  /** Gives a batch back after a failed send. The endpoint's hold is kept even if the lease was lost. */
  release(batch: SentBatch, release: Release, answer: LastAnswer): Promise<void>;
  /** Removes a batch that the server has; counts the events it refused. */
  acknowledge(
    batch: SentBatch,
    refusals: readonly Refusal[],
    answer: LastAnswer,
  ): Promise<DoneBatch | undefined>;
  /** Replaces a batch by its parts, in one transaction. Nothing is sent to its endpoint before `holdUntil`. */
  split(batch: SentBatch, parts: readonly SentBatch[], holdUntil: number, answer: LastAnswer): Promise<void>;
  /** Removes a batch that the server will never take; counts its events as rejected. */
  setAside(batch: SentBatch, refusal: Refusal, answer: LastAnswer): Promise<DoneBatch | undefined>;
  status(endpoint: string, nowMs: number): Promise<QueueStatus>;
}
