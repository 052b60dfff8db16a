import type { RejectedEvent } from '../../shared/batch.ts';
import { problemMessage, type EventProblem } from '../../shared/error-codes.ts';
import type { ParsedEvent } from '../../shared/event.ts';
import type { Limits } from '../../shared/limits.ts';
import type { Catalog } from '../catalog/catalog.ts';
import { AppError, type Problem } from '../errors.ts';
import type { BatchContents, EventStore, Refusal, Rejection } from '../store/event-store.ts';
import type { CheckedRequest } from './batch-request.ts';
import { boundedFields } from './bounded-fields.ts';
import type { EventTexts } from './event-texts.ts';
import { conflict, SentBatch } from './sent-batch.ts';

/** What became of a batch. */
export interface IngestResult {
  readonly batch: string;
  /** The stored events: those sent without the rejected ones, whose numbers none of these has. */
  readonly stored: EventTexts;
  readonly rejected: readonly RejectedEvent[];
}

export interface IngestDependencies {
  readonly store: EventStore;
  readonly catalog: Catalog;
  readonly limits: Limits;
  /** The time below which an event that comes at a time is refused. */
  readonly expiryAt: (nowMs: number) => number;
  readonly now: () => number;
}

const MAX_PROBLEMS = 20;
const NONE: ReadonlySet<number> = new Set();

/** Says what is wrong with an event: by itself, for the catalog, or because it comes when its day has expired. */
class Judge {
  readonly #catalog: Catalog;
  readonly #expiredBefore: number;

  constructor(catalog: Catalog, expiredBefore: number) {
    this.#catalog = catalog;
    this.#expiredBefore = expiredBefore;
  }

  /** Whether it is known without a look at each that nothing is wrong. */
  takesAll({ isCanonical, earliest }: SentBatch): boolean {
    return isCanonical && !this.#catalog.isStrict && earliest >= this.#expiredBefore;
  }

  problemsOf(candidate: ParsedEvent): readonly EventProblem[] {
    if (!candidate.ok) return candidate.problems;
    const problems = this.#catalog.problems(candidate.event);
    return candidate.event.timestamp >= this.#expiredBefore ? problems : [...problems, EXPIRED];
  }
}

const EXPIRED: EventProblem = { code: 'EVENT_TIMESTAMP_OUT_OF_RANGE', path: 'timestamp' };

/**
 * Stores a batch and says what became of each event; resolves when all of it is durable.
 *
 * A batch that is known is answered as the first time, whatever the catalog says by now.
 *
 * @param isLenient - Whether the good events are stored though others are bad.
 * @throws AppError for a batch that is refused as a whole; nothing of it is stored then.
 */
export async function ingest(
  request: CheckedRequest,
  isLenient: boolean,
  { store, catalog, limits, expiryAt, now }: IngestDependencies,
): Promise<IngestResult> {
  const received = now();
  const sent = new SentBatch(request, limits, received);
  // Nothing that would never be seen again is taken, also where more was let expire before than is now.
  const expiredBefore = Math.max(expiryAt(received), store.expiredBefore());
  const judge = new Judge(catalog, expiredBefore);
  const outcome = await store.append(sent, () => {
    const contents = compose(request, sent, judge, received);
    if (!isLenient && contents.rejected.length > 0) throw refusal(sent.parsed, judge);
    return contents;
  });
  switch (outcome.kind) {
    case 'stored': {
      const { rejected } = outcome;
      return {
        batch: sent.batch,
        stored: sent.textsWithout(sequencesOf(rejected)),
        rejected: rejected.map(described),
      };
    }
    case 'conflict':
      throw conflict();
    case 'split':
      throw new AppError('BATCH_SPLIT', 'this batch was split, and a part of it is stored', {
        path: 'batch',
      });
  }
}

function compose(
  { sentAt, ledger }: CheckedRequest,
  sent: SentBatch,
  judge: Judge,
  received: number,
): BatchContents {
  const rejected = judge.takesAll(sent) ? [] : rejectionsOf(sent, judge);
  const { bytes } = sent.textsWithout(sequencesOf(rejected));
  return { received, skew: sentAt === null ? null : received - sentAt, ledger, events: bytes, rejected };
}

function rejectionsOf({ parsed, raw }: SentBatch, judge: Judge): readonly Rejection[] {
  const rejected: Rejection[] = [];
  for (const [sequence, candidate] of parsed.entries()) {
    const [problem] = judge.problemsOf(candidate);
    if (problem !== undefined) rejected.push({ sequence, ...problem, event: boundedFields(raw[sequence]) });
  }
  return rejected;
}

/** The numbers of the refused events: of most batches none. */
export function sequencesOf(rejected: readonly { readonly sequence: number }[]): ReadonlySet<number> {
  return rejected.length === 0 ? NONE : new Set(rejected.map(({ sequence }) => sequence));
}

/** A strict refusal: every bad field, up to a bound. */
function refusal(parsed: readonly ParsedEvent[], judge: Judge): AppError {
  const problems: Problem[] = [];
  for (const [sequence, candidate] of parsed.entries()) {
    for (const { code, path } of judge.problemsOf(candidate)) {
      if (problems.length === MAX_PROBLEMS) break;
      problems.push({ code, message: problemMessage(code, path), path: eventPath(sequence, path) });
    }
  }
  return new AppError('SCHEMA_VALIDATION_FAILURE', 'an event is not right', { problems });
}

function described({ sequence, code, path }: Refusal): RejectedEvent {
  return { sequence, code, path: eventPath(sequence, path), message: problemMessage(code, path) };
}

function eventPath(sequence: number, path: string): string {
  return path === '' ? `events[${sequence}]` : `events[${sequence}].${path}`;
}
