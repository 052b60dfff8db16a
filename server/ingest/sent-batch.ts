import { parseEvent, type ParsedEvent, type UsageEvent } from '../../shared/event.ts';
import type { Limits } from '../../shared/limits.ts';
import { AppError } from '../errors.ts';
import type { BatchIdentity } from '../store/event-store.ts';
import type { CheckedRequest } from './batch-request.ts';
import { joinTexts, type EventTexts } from './event-texts.ts';
import { batchFingerprint } from './fingerprint.ts';

/**
 * The batch of one request, its events checked. Those that came in their stored form are parsed only if somebody asks.
 *
 * A class, since V8 gives an object that is made with an accessor of its own a shape of its own, and whatever reads
 * such objects becomes slow: the look-ups and writes of the store.
 */
export class SentBatch implements BatchIdentity {
  readonly batch: string;
  readonly parents: readonly string[];
  readonly offset: number;
  readonly fingerprint: string;
  /** Whether all are good by themselves, known without parsing them. */
  readonly isCanonical: boolean;
  /** The lowest timestamp, where `isCanonical`. */
  readonly earliest: number;
  readonly #limits: Limits;
  readonly #receivedMs: number;
  readonly #texts: EventTexts | undefined;
  #raw: readonly unknown[] | undefined;
  #parsed: readonly ParsedEvent[] | undefined;

  constructor(request: CheckedRequest, limits: Limits, receivedMs: number) {
    const { events, canonical } = request;
    this.batch = request.batch;
    this.parents = request.parents;
    this.offset = request.offset;
    this.#limits = limits;
    this.#receivedMs = receivedMs;
    if (canonical === undefined) {
      this.#raw = events;
      this.isCanonical = false;
      this.earliest = 0;
      this.fingerprint = batchFingerprint(this.events);
    } else {
      this.#texts = canonical.texts;
      this.earliest = canonical.earliest;
      this.isCanonical = canonical.latest <= receivedMs + limits.maxFutureMs;
      this.fingerprint = canonical.fingerprint;
    }
  }

  /** As they came: parsed JSON of unknown shape. */
  get raw(): readonly unknown[] {
    this.#raw ??= parseTexts(this.#texts);
    return this.#raw;
  }

  get parsed(): readonly ParsedEvent[] {
    this.#parsed ??= this.raw.map((event) => parseEvent(event, this.#limits, this.#receivedMs));
    return this.#parsed;
  }

  /** Undefined for one whose fields lack their types. */
  get events(): readonly (UsageEvent | undefined)[] {
    return this.parsed.map(({ event }) => event);
  }

  /**
   * What is stored of them.
   *
   * An event that was good when it was stored may be refused today, but its fields still have their types.
   *
   * @throws AppError `BATCH_CONFLICT` if they have not: then this is not what was stored.
   */
  textsWithout(rejected: ReadonlySet<number>): EventTexts {
    if (this.#texts !== undefined && rejected.size === 0) return this.#texts;
    return joinTexts(this.parsed.filter((_, sequence) => !rejected.has(sequence)).map(textOf));
  }
}

function parseTexts(texts: EventTexts | undefined): readonly unknown[] {
  if (texts === undefined) return [];
  const { buffer, byteOffset, length } = texts.bytes;
  const events: unknown = JSON.parse(`[${Buffer.from(buffer, byteOffset, length).toString()}]`);
  return Array.isArray(events) ? events : [];
}

function textOf(candidate: ParsedEvent): string {
  if (candidate.ok) return candidate.text;
  if (candidate.event === undefined) throw conflict();
  return JSON.stringify(candidate.event);
}

/** The error about a batch that is known with other events. */
export function conflict(): AppError {
  return new AppError('BATCH_CONFLICT', 'this batch was stored before with other events', { path: 'batch' });
}
