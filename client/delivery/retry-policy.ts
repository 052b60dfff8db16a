import { MAX_WAIT_MS, PATIENCE } from '../queue/queue-limits.ts';
import type { Refusal } from '../queue/records.ts';
import type { Answer } from './answer.ts';

/** First wait after a failure, before jitter; each further failure doubles it. */
export const BASE_BACKOFF_MS = 2_000;

/** Longest wait that we choose ourselves. */
export const MAX_BACKOFF_MS = 300_000;

/** Two requests are never closer than this, however the dice fall. */
const MIN_BACKOFF_MS = 250;

/** Somebody has to mend the site before these can change. */
const BROKEN_SITE = new Set([401, 403, 404, 410]);

/** What is known about a batch when its answer comes. */
export interface Attempt {
  readonly count: number;
  /** Failed sends of this batch, this one not counted. */
  readonly attempts: number;
  /** Those of them between which another batch was acknowledged. */
  readonly lonely: number;
  /** Failures of its endpoint since the last acknowledgement, this one not counted. */
  readonly failures: number;
}

export type Action =
  | { readonly kind: 'acknowledge'; readonly refusals: readonly Refusal[] }
  /** Replace it by its halves; wait with everything to its endpoint for `holdMs`. */
  | {
      readonly kind: 'split';
      readonly holdMs: number;
      /** The server itself said that it has not stored any of the batch. */
      readonly isRefused: boolean;
    }
  | { readonly kind: 'set-aside'; readonly refusal: Refusal }
  /** Wait: this batch for `delayMs`, everything to its endpoint for `holdMs`. */
  | {
      readonly kind: 'retry';
      readonly delayMs: number;
      readonly holdMs: number;
      /** There was no answer at all. */
      readonly silent: boolean;
      /** As for a split. */
      readonly isRefused: boolean;
    };

/** What to do about an answer. Pure: `random` is at least 0 and below 1. */
export function decide(answer: Answer, attempt: Attempt, random: () => number): Action {
  switch (answer.kind) {
    case 'receipt':
      return { kind: 'acknowledge', refusals: answer.refusals };
    case 'silent': {
      const holdMs = backoffMs(attempt.failures, random);
      // A proxy's 413 may be unreadable from another origin: all that shows is silence.
      if (attempt.lonely >= PATIENCE && attempt.count > 1) return { kind: 'split', holdMs, isRefused: false };
      return retry(attempt, holdMs, true, false, random);
    }
    case 'refused':
      return decideRefused(answer, attempt, random);
  }
}

/** Exponential backoff with full jitter, capped. */
export function backoffMs(failures: number, random: () => number): number {
  const longest = Math.min(MAX_BACKOFF_MS, BASE_BACKOFF_MS * 2 ** failures);
  return Math.max(MIN_BACKOFF_MS, Math.round(random() * longest));
}

function decideRefused(
  answer: Extract<Answer, { kind: 'refused' }>,
  attempt: Attempt,
  random: () => number,
): Action {
  const { status, codes, message, retryAfterMs } = answer;
  const isOurs = codes.length > 0;
  const isBad = isOurs && (status === 400 || status === 422);
  // With a wait it is about the moment, not about the batch.
  const isAsked = retryAfterMs > 0;
  const isTooLarge = status === 413 && !isAsked;
  const isAlone = attempt.lonely >= PATIENCE && !isAsked;
  // Another context has split this batch; here the split never became durable. Its halves have the same ids.
  const isSplit = status === 409 && codes.includes('BATCH_SPLIT');
  // What failed inside the server may have failed after it was stored; of a split batch, a half may be there.
  const isRefused = isOurs && status !== 500 && !isSplit;
  const shortMs = backoffMs(attempt.failures, random);
  if (attempt.count > 1 && !isBad && (isTooLarge || isSplit || isAlone))
    return { kind: 'split', holdMs: shortMs, isRefused };
  // A proxy may say 413 to everything for a while: a lone event is given up only if others go through.
  if (isBad || (isTooLarge && (isOurs || isAlone))) {
    const code = codes[codes.length - 1] ?? 'REQUEST_TOO_LARGE';
    return { kind: 'set-aside', refusal: { sequence: 0, code, path: '', message } };
  }
  // If others go through, it is the batch and not the site.
  const isBroken = BROKEN_SITE.has(status) && attempt.lonely === 0;
  const ownMs = isBroken ? Math.round(MAX_BACKOFF_MS * (1 - random() / 2)) : shortMs;
  // Never before the time that was asked for, and not all clients in the same instant after it.
  const askedMs = isAsked ? retryAfterMs + Math.round(random() * 500) : 0;
  return retry(attempt, Math.min(Math.max(ownMs, askedMs), MAX_WAIT_MS), false, isRefused, random);
}

function retry(
  { attempts }: Attempt,
  holdMs: number,
  silent: boolean,
  isRefused: boolean,
  random: () => number,
): Action {
  const extraMs = attempts >= PATIENCE ? backoffMs(attempts, random) : 0;
  const delayMs = Math.min(holdMs + extraMs, MAX_WAIT_MS);
  return { kind: 'retry', delayMs, holdMs, silent, isRefused };
}
