import type { RejectedEvent } from '../../shared/batch.ts';
import { problemMessage, type EventProblem } from '../../shared/error-codes.ts';
import type { ParsedEvent } from '../../shared/event.ts';
import type { Limits } from '../../shared/limits.ts';
import type { Catalog } from '../catalog/catalog.ts';
import { AppError, type Problem } from '../errors.ts';
import type { BatchContents, EventStore, Rejection } from '../store/event-store.ts';
import type { CheckedRequest } from './batch-request.ts';
import { boundedFields } from './bounded-fields.ts';
import type { EventTexts } from './event-texts.ts';
import { conflict, SentEvents } from './sent-events.ts';

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
  readonly now: () => number;
}

const MAX_PROBLEMS = 20;

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
  { store, catalog, limits, now }: IngestDependencies,
): Promise<IngestResult> {
  const received = now();
  const { batch, parents, offset } = request;
  const sent = new SentEvents(request, limits, received);
  const identity = {
    batch,
    parents,
    offset,
    fingerprint: sent.fingerprint,
    get events() {
      return sent.values;
    },
  };
  const outcome = await store.append(identity, () => {
    const contents = compose(request, sent, catalog, received);
    if (!isLenient && contents.rejected.length > 0) throw refusal(sent.parsed, catalog);
    return contents;
  });
  switch (outcome.kind) {
    case 'stored': {
      const { rejected } = outcome;
      return { batch, stored: sent.textsWithout(numbersOf(rejected)), rejected: rejected.map(described) };
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
  sent: SentEvents,
  catalog: Catalog,
  received: number,
): BatchContents {
  const rejected = sent.isCanonical && !catalog.isStrict ? [] : rejectionsOf(sent, catalog);
  const { bytes } = sent.textsWithout(numbersOf(rejected));
  return { received, skew: sentAt === null ? null : received - sentAt, ledger, events: bytes, rejected };
}

function rejectionsOf({ parsed, raw }: SentEvents, catalog: Catalog): readonly Rejection[] {
  const rejected: Rejection[] = [];
  for (const [sequence, candidate] of parsed.entries()) {
    const [problem] = problemsOf(candidate, catalog);
    if (problem !== undefined) rejected.push({ sequence, ...problem, event: boundedFields(raw[sequence]) });
  }
  return rejected;
}

function numbersOf(rejected: readonly Rejection[]): ReadonlySet<number> {
  return new Set(rejected.map(({ sequence }) => sequence));
}

function problemsOf(candidate: ParsedEvent, catalog: Catalog): readonly EventProblem[] {
  return candidate.ok ? catalog.problems(candidate.event) : candidate.problems;
}

/** A strict refusal: every bad field, up to a bound. */
function refusal(parsed: readonly ParsedEvent[], catalog: Catalog): AppError {
  const problems: Problem[] = [];
  for (const [sequence, candidate] of parsed.entries()) {
    for (const { code, path } of problemsOf(candidate, catalog)) {
      if (problems.length === MAX_PROBLEMS) break;
      problems.push({ code, message: problemMessage(code, path), path: eventPath(sequence, path) });
    }
  }
  return new AppError('SCHEMA_VALIDATION_FAILURE', 'an event is not right', { problems });
}

function described({ sequence, code, path }: Rejection): RejectedEvent {
  return { sequence, code, path: eventPath(sequence, path), message: problemMessage(code, path) };
}

function eventPath(sequence: number, path: string): string {
  return path === '' ? `events[${sequence}]` : `events[${sequence}].${path}`;
}
