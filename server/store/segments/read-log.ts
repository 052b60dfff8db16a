import { open } from 'node:fs/promises';
import type { Damage, SnapshotSegment } from '../event-store.ts';
import type { BatchRecord, StoredRecord } from './batch-record.ts';
import { LogColumns } from './log-columns.ts';
import { LogSplitter, type SplitBatch } from './log-splitter.ts';
import { RunningTotals } from './running-totals.ts';
import type { BatchTotals } from './sealed-writer.ts';

/** All of a log segment. */
export interface ReadLog {
  readonly columns: LogColumns;
  /** In the order of the lines. */
  readonly records: readonly (readonly [id: string, record: BatchRecord])[];
  /** Lines of which more is kept than their events, in the order of their positions. */
  readonly notable: readonly NotableLine[];
  readonly totals: BatchTotals;
  readonly damage: readonly Damage[];
}

/** Where a line is that has a ledger, rejections or parents. */
export interface NotableLine {
  readonly position: number;
  readonly start: number;
  readonly end: number;
  /** Where its list of events is; undefined if the line is not of the usual form. */
  readonly events: readonly [start: number, end: number] | undefined;
}

const NEWLINE = 0x0a;
const READ_BYTES = 8 * 1_048_576;

/**
 * Reads a log segment into memory and takes its lines apart.
 *
 * @throws Error if the file can't be read, or has a line of a newer version.
 */
export async function readLog({ path, length, dropped }: SnapshotSegment): Promise<ReadLog> {
  const columns = new LogColumns(length);
  const { source } = columns;
  const held = await fill(path, source, length);
  // What is missing must not look like a line.
  source.fill('"', held);
  const splitter = new LogSplitter(columns);
  const isDropped = new Set(dropped);
  const batches = new BatchCollector();
  const damage: Damage[] = [];
  for (let start = 0; start < held;) {
    const newline = source.indexOf(NEWLINE, start);
    const isEnded = newline >= 0 && newline < held;
    const end = isEnded ? newline : held;
    if (!isDropped.has(start)) {
      const batch = isEnded ? splitter.split(start, end) : undefined;
      if (batch === undefined) damage.push({ path, offset: start, reason: 'the line is damaged' });
      else batches.add(batch, start, end);
    }
    start = end + 1;
  }
  if (held < length) damage.push({ path, offset: held, reason: 'the file ends too early' });
  return { columns, ...batches.end(), damage };
}

/** Reads the beginning of a file; returns how much of it there is. */
async function fill(path: string, bytes: Buffer, length: number): Promise<number> {
  const file = await open(path, 'r');
  try {
    let held = 0;
    while (held < length) {
      const { bytesRead } = await file.read(bytes, held, Math.min(READ_BYTES, length - held), held);
      if (bytesRead === 0) break;
      held += bytesRead;
    }
    return held;
  } finally {
    await file.close();
  }
}

class BatchCollector {
  readonly #records: (readonly [string, BatchRecord])[] = [];
  readonly #notable: NotableLine[] = [];
  readonly #totals = new RunningTotals();
  #lines = 0;
  #firstPosition = Infinity;
  #lastPosition = 0;

  add(batch: SplitBatch, start: number, end: number): void {
    const { position, parents = [], ledger, rejected, events } = batch;
    this.#records.push([batch.batch, storedRecord(batch)]);
    for (const parent of parents) this.#records.push([parent, 'split']);
    if (parents.length > 0 || ledger !== undefined || rejected.length > 0)
      this.#notable.push({ position, start, end, events });
    this.#totals.add(ledger, rejected.length);
    this.#lines++;
    this.#firstPosition = Math.min(this.#firstPosition, position);
    this.#lastPosition = Math.max(this.#lastPosition, position);
  }

  end(): Pick<ReadLog, 'records' | 'notable' | 'totals'> {
    const lines = this.#lines;
    const lastPosition = this.#lastPosition;
    const firstPosition = lines === 0 ? 0 : this.#firstPosition;
    return {
      records: this.#records,
      notable: this.#notable.toSorted((a, b) => a.position - b.position),
      totals: { ...this.#totals.value, lines, firstPosition, lastPosition },
    };
  }
}

function storedRecord({ fingerprint, count, parents, offset, rejected }: SplitBatch): StoredRecord {
  if (parents === undefined && rejected.length === 0) return { fingerprint, count };
  return {
    fingerprint,
    count,
    ...(parents === undefined ? {} : { parents }),
    ...(offset === undefined ? {} : { offset }),
    ...(rejected.length === 0
      ? {}
      : { rejected: rejected.map(({ sequence, code, path }) => ({ sequence, code, path })) }),
  };
}
