import type { RejectedEvent } from '../../shared/batch.ts';
import { problemMessage, type EventProblem } from '../../shared/error-codes.ts';
import { parseEvent, type ParsedEvent } from '../../shared/event.ts';
import type { Limits } from '../../shared/limits.ts';
import type { Catalog } from '../catalog/catalog.ts';
import { AppError, type Problem } from '../errors.ts';
import type { BatchContents, EventStore, Refusal, Rejection } from '../store/event-store.ts';
import type { CheckedRequest } from './batch-request.ts';
import { boundedFields } from './bounded-fields.ts';
import { batchFingerprint } from './fingerprint.ts';

/** What became of a batch. */
export interface IngestResult {
  readonly batch: string;
  /** The stored events in the order sent, as JSON texts, each with the number it was sent under. */
  readonly stored: readonly { readonly sequence: number; readonly text: string }[];
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
  const parsed = request.events.map((event) => parseEvent(event, limits, received));
  const events = parsed.map(({ event }) => event);
  const identity = { batch, parents, offset, fingerprint: batchFingerprint(events), events };
  const outcome = await store.append(identity, () => {
    const contents = compose(request, parsed, catalog, received);
    if (!isLenient && contents.rejected.length > 0) throw refusal(parsed, catalog);
    return contents;
  });
  switch (outcome.kind) {
    case 'stored':
      return {
        batch,
        stored: storedTexts(parsed, outcome.rejected),
        rejected: outcome.rejected.map(described),
      };
    case 'conflict':
      throw conflict();
    case 'split':
      throw new AppError('BATCH_SPLIT', 'this batch was split, and a part of it is stored', {
        path: 'batch',
      });
  }
}

function compose(
  request: CheckedRequest,
  parsed: readonly ParsedEvent[],
  catalog: Catalog,
  received: number,
): BatchContents {
  const events: string[] = [];
  const rejected: Rejection[] = [];
  for (const [sequence, candidate] of parsed.entries()) {
    const [problem] = problemsOf(candidate, catalog);
    if (problem === undefined) events.push(eventText(candidate));
    else rejected.push({ sequence, ...problem, event: boundedFields(request.events[sequence]) });
  }
  const { sentAt, ledger } = request;
  return { received, skew: sentAt === null ? null : received - sentAt, ledger, events, rejected };
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

function storedTexts(parsed: readonly ParsedEvent[], rejected: readonly Refusal[]): IngestResult['stored'] {
  const isRejected = new Set(rejected.map(({ sequence }) => sequence));
  return parsed
    .map((candidate, sequence) => ({ sequence, candidate }))
    .filter(({ sequence }) => !isRejected.has(sequence))
    .map(({ sequence, candidate }) => ({ sequence, text: eventText(candidate) }));
}

/**
 * An event that was good when it was stored may be refused today, but its fields still have their types.
 *
 * @throws AppError `BATCH_CONFLICT` if they have not: then this is not what was stored.
 */
function eventText(candidate: ParsedEvent): string {
  if (candidate.ok) return candidate.text;
  if (candidate.event === undefined) throw conflict();
  return JSON.stringify(candidate.event);
}

function conflict(): AppError {
  return new AppError('BATCH_CONFLICT', 'this batch was stored before with other events', { path: 'batch' });
}

function described({ sequence, code, path }: Refusal): RejectedEvent {
  return { sequence, code, path: eventPath(sequence, path), message: problemMessage(code, path) };
}

function eventPath(sequence: number, path: string): string {
  return path === '' ? `events[${sequence}]` : `events[${sequence}].${path}`;
}
