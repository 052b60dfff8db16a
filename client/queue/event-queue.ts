import type { DoneBatch, EndpointState, LastAnswer, Losses, Refusal, SentBatch } from './records.ts';
import type { Storage } from './storage.ts';

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
  readonly lost?: Losses;
  /** When it was first tried to write it; needed for a repeat. */
  readonly triedAt?: number;
  /** When it is tried now; needed for a repeat. */
  readonly repeatedAt?: number;
  /** An attempt before this one failed in such a way that it may have been stored all the same. */
  readonly isUnsure?: boolean;
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
   * acknowledgement, by the server's refusal, by an opt-out, or by the queue's own bounds, which count it.
   *
   * Does not look whether the user has opted out: the common write is one put in one store, committed in the
   * task that began it. What is written in spite of it is erased by the next lease, and is never sent.
   *
   * After a rejection the burst may still have been stored: write it again with `isRepeat`, which does
   * nothing if it is, or was, in the queue.
   *
   * @returns False if nobody can tell any more whether it was stored and has left the queue since: its events are
   *   then counted as unconfirmed, and not written.
   */
  enqueue(burst: Burst, isRepeat: boolean): Promise<boolean>;
  /** While it is under way, a crash may still take what is stored; see `Storage`. */
  readonly renewal?: Storage['renewal'];
}

/** What a page knows and does about its endpoint's part of the queue besides storing events. */
export interface QueueMonitor {
  status(nowMs: number): Promise<QueueStatus>;
  /** What has left the queue later than the given entry's time, oldest first, as far as it is remembered. */
  done(afterMs?: number): Promise<readonly DoneBatch[]>;
  /** Drops the oldest batches that are not being sent until the queue is within its bounds; counts them. */
  trim(nowMs: number): Promise<readonly DoneBatch[]>;
  /** Sees to it that there is room to give up when the storage is full. */
  reserve(nowMs: number): Promise<void>;
}

export interface LeaseRequest {
  readonly endpoint: string;
  readonly nowMs: number;
  /** Waits that follow from silence are ignored if they began before this time; 0 to ignore none. */
  readonly urgentBeforeMs: number;
  /** Only what was sent before: the run that asks has had everything else that was there when it looked. */
  readonly isSentOnly?: boolean;
  /** This flusher holds the flush lock: leases made under the lock have ended with their flusher's life. */
  readonly isLocked: boolean;
}

/** A batch to send now, and what is known about its endpoint. */
export interface Lease {
  readonly batch: SentBatch;
  /** The endpoint's failures since its last acknowledgement. */
  readonly failures: number;
  /** Whether the server may have had the batch before this lease. */
  readonly wasDoubtful: boolean;
  /** It took all that was never sent: what comes later can wait for company. */
  readonly isLast: boolean;
  /** And nothing that was sent before is due: there is no need to ask again. */
  readonly isAll: boolean;
}

export interface Release {
  /** When this batch may be tried again. */
  readonly notBefore: number;
  /** When anything may be sent to its endpoint again. */
  readonly holdUntil: number;
  /** There was no answer at all. */
  readonly silent: boolean;
  /** Whether the server may have the batch. Default: it may. */
  readonly isUnsure?: boolean;
}

/**
 * The flusher's side of the queue, for all endpoints of the origin.
 *
 * - A batch is marked as sent, durably, before `lease` resolves. Its id and events never change again.
 * - Never-sent and sent batches are kept apart, so that only the former can be merged.
 * - Every write after a lease compares the lease's token in its own transaction; whoever lost the lease
 *   changes nothing. Only `acknowledge` removes whatever the token: the server has the batch.
 * - A lease ends after `LEASE_MS`, or with the life of its flusher if that held the flush lock. The batch may then
 *   be sent twice at once, under one id, which the server stores once.
 * - In a full storage a batch is leased without a note, once the ballast was given up: a never-sent one alone and under
 *   its own id, which it keeps, because nothing that was queued in that time is ever merged. Where the browser refuses even
 *   to delete, `lease` rejects, and what is queued waits for more room.
 */
export interface DeliveryQueue {
  /** Endpoints that have anything queued. */
  endpoints(): Promise<readonly string[]>;
  /**
   * Claims the oldest batch that is due, or makes one of the oldest never-sent one and what fits into
   * one request with it. One that keeps failing is claimed when there is no other.
   *
   * Where the user has opted out, erases what is queued instead.
   *
   * @returns undefined when nothing may be sent now.
   */
  lease(request: LeaseRequest): Promise<Lease | undefined>;
  /**
   * Stores a burst as sent and leased: its request is made in the same moment, under its id, and may overtake this.
   *
   * @param isRepeat - It was tried before: does nothing if it has left the queue since.
   */
  adopt(batch: SentBatch, isRepeat: boolean): Promise<void>;
  /**
   * Gives a batch back after a failed send. The endpoint's hold is kept even if the lease was lost. What has been
   * too old for long enough is removed and counted.
   */
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
