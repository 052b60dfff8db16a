import { stat } from 'node:fs/promises';
import type { Damage, Refusal, SnapshotSegment } from '../../event-store.ts';
import type { BatchRecord, StoredRecord } from '../batch-record.ts';
import { hasVersion, WRONG_VERSION } from '../checked-line.ts';
import { DamageList } from './damage-list.ts';
import { LineScanner, type ScannedBatch } from './line-scanner.ts';
import { readLogChunks } from './log-chunks.ts';
import { withTime, type NoteTimes } from '../note-times.ts';
import { RowStage } from './row-stage.ts';
import { RunningTotals } from '../running-totals.ts';
import type { SealLimits } from './seal-limits.ts';
import type { SealedBatchLine } from './sealed-row.ts';
import type { BatchTotals } from './sealed-writer.ts';

/** All of a log segment. */
export interface ReadLog {
  readonly stage: RowStage;
  /** In the order of the lines. */
  readonly records: readonly (readonly [id: string, record: BatchRecord])[];
  /** Lines about batches of which more is kept than their events, in the order of their positions. */
  readonly notes: readonly Buffer[];
  readonly noteTimes: NoteTimes | null;
  readonly totals: BatchTotals;
  /** The first 1,000. */
  readonly damage: readonly Damage[];
}

const NEWLINE = 0x0a;
/** Refusals have few codes and paths; more of them are only not kept once. */
const MAX_KEPT_TEXTS = 1_024;

/**
 * Reads a log segment and takes its lines apart.
 *
 * @throws Error if the file can't be read.
 */
export async function readLog(
  { path, length, dropped }: SnapshotSegment,
  limits: SealLimits,
): Promise<ReadLog> {
  const scanner = new LineScanner();
  const batches = new BatchCollector(limits);
  const isDropped = new Set(dropped);
  const damage = new DamageList();
  let held = 0;
  for await (const chunk of readLogChunks(path, length)) {
    const { bytes, offset } = chunk;
    for (let start = 0; start < chunk.length;) {
      const newline = bytes.indexOf(NEWLINE, start);
      const isEnded = newline >= 0 && newline < chunk.length;
      const end = isEnded ? newline : chunk.length;
      if (!isDropped.has(offset + start)) {
        const batch = isEnded ? scanner.scan(chunk, start, end) : undefined;
        if (batch === undefined) damage.add({ path, offset: offset + start, reason: 'the line is damaged' });
        else {
          batches.add(batch);
          if (!hasVersion(bytes, start)) damage.add({ path, offset: offset + start, reason: WRONG_VERSION });
        }
      }
      start = end + 1;
    }
    held = offset + chunk.length;
  }
  if (held < length) damage.add({ path, offset: held, reason: 'the file ends too early' });
  // It was missing when another one was begun. What is back may be all that is left of it.
  if (length === 0 && (await stat(path)).size > 0)
    damage.add({ path, offset: 0, reason: 'none of the file counts, and it is not empty' });
  return { ...batches.end(), damage: damage.found };
}

class BatchCollector {
  readonly #stage: RowStage;
  readonly #records: (readonly [string, BatchRecord])[] = [];
  readonly #notes: { readonly position: number; readonly line: Buffer }[] = [];
  readonly #totals = new RunningTotals();
  #noteTimes: NoteTimes | null = null;
  readonly #codes = new Map<Refusal['code'], Refusal['code']>();
  readonly #paths = new Map<string, string>();
  #firstPosition = Infinity;
  #lastPosition = 0;

  constructor(limits: SealLimits) {
    this.#stage = new RowStage(limits);
  }

  add(batch: ScannedBatch): void {
    const { position, parents = [], received, ledger, rejected } = batch;
    this.#stage.add(batch);
    this.#records.push([batch.batch, storedRecord(batch, this.#refusalsOf(batch))]);
    for (const parent of parents) this.#records.push([parent, 'split']);
    if (parents.length > 0 || ledger !== undefined || rejected.length > 0) {
      this.#notes.push({ position, line: Buffer.from(`${JSON.stringify(noteOf(batch))}\n`) });
      this.#noteTimes = withTime(this.#noteTimes, received);
    }
    this.#totals.add(ledger, rejected.length);
    this.#firstPosition = Math.min(this.#firstPosition, position);
    this.#lastPosition = Math.max(this.#lastPosition, position);
  }

  #refusalsOf({ rejected }: ScannedBatch): readonly Refusal[] {
    return rejected.map(({ sequence, code, path }) => ({
      sequence,
      code: keptOnce(this.#codes, code),
      path: keptOnce(this.#paths, path),
    }));
  }

  end(): Pick<ReadLog, 'stage' | 'records' | 'notes' | 'noteTimes' | 'totals'> {
    const lines = this.#stage.batchIds.length;
    const lastPosition = this.#lastPosition;
    const firstPosition = lines === 0 ? 0 : this.#firstPosition;
    return {
      stage: this.#stage,
      records: this.#records,
      notes: this.#notes.toSorted((a, b) => a.position - b.position).map(({ line }) => line),
      noteTimes: this.#noteTimes,
      totals: { ...this.#totals.value, lines, firstPosition, lastPosition },
    };
  }
}

/** The same text, but of equal ones the one that came first: each refused event has its own. */
function keptOnce<Text extends string>(kept: Map<Text, Text>, text: Text): Text {
  const known = kept.get(text);
  if (known === undefined && kept.size < MAX_KEPT_TEXTS) kept.set(text, text);
  return known ?? text;
}

function storedRecord(
  { fingerprint, events, parents, offset }: ScannedBatch,
  refusals: readonly Refusal[],
): StoredRecord {
  const count = events.count + refusals.length;
  if (parents === undefined && refusals.length === 0) return { fingerprint, count };
  return {
    fingerprint,
    count,
    ...(parents === undefined ? {} : { parents }),
    ...(offset === undefined ? {} : { offset }),
    ...(refusals.length === 0 ? {} : { rejected: refusals }),
  };
}

function noteOf(batch: ScannedBatch): SealedBatchLine {
  const { position, batch: id, parents, offset, received, skew, fingerprint, ledger, rejected } = batch;
  return {
    position,
    batch: id,
    ...(parents === undefined ? {} : { parents }),
    ...(offset === undefined ? {} : { offset }),
    received,
    ...(skew === undefined ? {} : { skew }),
    fingerprint,
    ...(ledger === undefined ? {} : { ledger }),
    ...(rejected.length === 0 ? {} : { rejected }),
  };
}
