import { identityFields, type UsageEvent } from '../../../shared/event.ts';
import { AppError } from '../../errors.ts';
import type { AppendOutcome, BatchIdentity, Refusal } from '../event-store.ts';
import type { BatchIndex } from './ids/batch-index.ts';
import { numberedEvents, parseBatchLine, type BatchLine } from './batch-line.ts';
import type { BatchRecord, StoredRecord } from './batch-record.ts';
import type { LineLocation } from './ids/batch-table.ts';
import type { DataDir } from './data-dir.ts';
import { readLines } from './segment-lines.ts';

/** A batch that is stored; its line is there while its log segment is not sealed. */
interface Stored {
  readonly record: StoredRecord;
  readonly line: BatchLine | undefined;
}

/** Answers for batches that were stored before, or are halves of such. */
export class KnownBatches {
  readonly #dir: DataDir;
  readonly #index: BatchIndex;

  constructor(dir: DataDir, index: BatchIndex) {
    this.#dir = dir;
    this.#index = index;
  }

  /**
   * The outcome for a batch that memory knows not to be new, or undefined.
   *
   * Synchronous up to that decision, so that nobody can come between it and what the caller does next.
   */
  recent(identity: BatchIdentity): Promise<AppendOutcome> | undefined {
    const own = this.#index.get(identity.batch);
    if (own === 'split') return Promise.resolve({ kind: 'split' });
    if (own !== undefined) return this.#recentStored(identity.batch, own).then((it) => replay(it, identity));
    for (const [index, parent] of identity.parents.entries()) {
      const whole = this.#index.get(parent);
      if (whole === undefined || whole === 'split') continue;
      const ancestors = identity.parents.slice(0, index);
      return this.#recentStored(parent, whole).then((it) => replayPart(it, identity, ancestors));
    }
    return undefined;
  }

  /** Whether only the id files can tell if a batch is new that memory does not know. */
  mayBeOlder({ batch, parents }: BatchIdentity): boolean {
    return this.#index.mayBeOlder(batch) || parents.some((parent) => this.#index.mayBeOlder(parent));
  }

  /**
   * The outcome for a batch that the id files know not to be new, or undefined.
   *
   * @throws AppError `STORE_UNAVAILABLE` if they can't be read.
   */
  async older(identity: BatchIdentity): Promise<AppendOutcome | undefined> {
    const own = await this.#findOlder(identity.batch);
    if (own === 'split') return { kind: 'split' };
    if (own !== undefined) return replay({ record: own, line: undefined }, identity);
    for (const [index, parent] of identity.parents.entries()) {
      const whole = await this.#findOlder(parent);
      if (whole === undefined || whole === 'split') continue;
      return replayPart({ record: whole, line: undefined }, identity, identity.parents.slice(0, index));
    }
    return undefined;
  }

  async #findOlder(id: string): Promise<BatchRecord | undefined> {
    try {
      return await this.#index.findOlder(id);
    } catch (error) {
      throw unreadable('whether the batch is stored can not be read', error);
    }
  }

  /** Its log segment may be sealed, and gone, while this reads from it. */
  async #recentStored(id: string, location: LineLocation): Promise<Stored> {
    let cause: unknown;
    try {
      const line = await this.#readLine(location);
      if (line !== undefined) return { record: recordOf(line), line };
    } catch (error) {
      cause = error;
    }
    const older = await this.#findOlder(id);
    if (older !== undefined && older !== 'split') return { record: older, line: undefined };
    throw unreadable('the batch is stored but can not be read', cause);
  }

  async #readLine({ segment, offset }: LineLocation): Promise<BatchLine | undefined> {
    const path = this.#dir.segment(segment);
    for await (const [line] of readLines(path, Infinity, { start: offset, chunkBytes: 65_536 })) {
      return line?.isEnded === true ? parseBatchLine(line.bytes) : undefined;
    }
    return undefined;
  }
}

/** What is kept for ever of a batch. */
function recordOf(line: BatchLine): StoredRecord {
  const { fingerprint, parents, offset, events, rejected = [] } = line;
  return {
    fingerprint,
    count: events.length + rejected.length,
    ...(parents !== undefined && { parents, offset: offset ?? 0 }),
    rejected: rejected.map(({ sequence, code, path }) => ({ sequence, code, path })),
  };
}

function replay({ record }: Stored, { fingerprint }: BatchIdentity): AppendOutcome {
  if (record.fingerprint !== fingerprint) return { kind: 'conflict' };
  return { kind: 'stored', isNew: false, rejected: record.rejected ?? [] };
}

/**
 * The outcome that a half had as part of the batch it was split from, numbered from the half's own 0.
 *
 * Its events are compared with those of the whole while the whole's line is there. Once that is sealed only
 * the range can be: of a half with other events, which no sender of ours makes, nothing is stored.
 *
 * @param ancestors - The batches that the stored one was itself split from, as the half names them.
 */
function replayPart(
  { record, line }: Stored,
  { offset, events }: BatchIdentity,
  ancestors: readonly string[],
): AppendOutcome {
  const first = offset - (record.offset ?? 0);
  const inPart = ({ sequence }: { readonly sequence: number }): boolean =>
    sequence >= first && sequence < first + events.length;
  const rejected: Refusal[] = (record.rejected ?? [])
    .filter(inPart)
    .map((refusal) => ({ ...refusal, sequence: refusal.sequence - first }));
  const isPart =
    first >= 0 &&
    first + events.length <= record.count &&
    ancestors.join() === (record.parents ?? []).join() &&
    (line === undefined ||
      numberedEvents(line)
        .filter(inPart)
        .every(({ event, sequence }) => isSame(event, events[sequence - first])));
  return isPart ? { kind: 'stored', isNew: false, rejected } : { kind: 'conflict' };
}

function isSame(stored: UsageEvent, sent: UsageEvent | undefined): boolean {
  return (
    sent !== undefined && JSON.stringify(identityFields(stored)) === JSON.stringify(identityFields(sent))
  );
}

function unreadable(message: string, cause: unknown): AppError {
  return new AppError('STORE_UNAVAILABLE', message, { cause, retryAfterSeconds: 60 });
}
