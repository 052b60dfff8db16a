import type { ErrorCode } from './error-codes.ts';
import type { UsageEvent } from './event.ts';
import { isRecord } from './text.ts';

/** Counts of events that a client could not deliver. Each event is counted under one of them. */
export interface Ledger {
  /** Removed unsent: storage was full, or the queue was over its bound of bytes or events. */
  readonly dropped: number;
  /** Removed because they waited longer than the queue keeps events. */
  readonly expired: number;
  /** Refused for their contents, by `track()` or by the server. */
  readonly rejected: number;
  /** Removed after they had been sent without an answer, so that they may or may not be stored. */
  readonly unconfirmed: number;
}

export const EMPTY_LEDGER: Ledger = Object.freeze({ dropped: 0, expired: 0, rejected: 0, unconfirmed: 0 });

export const LEDGER_KEYS = ['dropped', 'expired', 'rejected', 'unconfirmed'] as const;

/** Body of `POST /events`. The fields other than `events` are optional. */
export interface BatchRequest {
  /** UUID that makes retries safe: the same id is stored once, at any later time. */
  readonly batch?: string;
  readonly events: readonly UsageEvent[];
  /** The sender's clock at the moment of sending, in milliseconds; lets the server measure its error. */
  readonly sentAt?: number;
  /** The `Prefer` header's text, for senders that can't set headers or want no preflight. */
  readonly prefer?: string;
  /** Ids of the batches that this one was split from, the first one first. */
  readonly parents?: readonly string[];
  /** Index of this batch's first event in the first of `parents`. */
  readonly offset?: number;
  readonly ledger?: Ledger;
}

/** What our own clients ask for (RFC 7240): a receipt, and the good events stored though others are bad. */
export const RECEIPT_PREFERENCE = 'return=minimal, handling=lenient';

/** An event that was not stored. `path` is like `events[3].timestamp`. */
export interface RejectedEvent {
  readonly sequence: number;
  readonly code: ErrorCode;
  readonly path: string;
  readonly message: string;
}

/** Answer under `Prefer: return=minimal`: names the batch, so that no proxy's 200 can pass for it. */
export interface Receipt {
  readonly batch: string;
  /** How many events of the batch are stored; with `rejected`, all that were sent. */
  readonly stored: number;
  readonly rejected: readonly RejectedEvent[];
}

/** A node of an error answer: the root says what was attempted, its children what is wrong and where. */
export interface ErrorNode {
  readonly value: {
    readonly code: ErrorCode;
    readonly message: string;
    readonly path?: string;
    /** On the root of an answer about a named batch: tells our refusal from a proxy's. */
    readonly batch?: string;
  };
  readonly children: readonly ErrorNode[];
}

/**
 * The ledger in a value of unknown origin: non-negative integers under the four known keys, absent ones 0.
 *
 * @returns undefined if it is no such object.
 */
export function parseLedger(value: unknown): Ledger | undefined {
  if (!isRecord(value)) return undefined;
  const counts = { ...EMPTY_LEDGER };
  for (const key of LEDGER_KEYS) {
    const count = value[key] ?? 0;
    if (typeof count !== 'number' || !Number.isSafeInteger(count) || count < 0) return undefined;
    counts[key] = count + 0;
  }
  return counts;
}
