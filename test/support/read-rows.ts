import type { EventFull } from '../../shared/event.ts';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { randomUUID } from 'node:crypto';
import type { ReportFilter } from '../../shared/report.ts';
import type { Damage, RowSink, StoreSnapshot } from '../../server/store/event-store.ts';
import { openSnapshot } from '../../server/store/open-snapshot.ts';
import type { FilePair } from '../../server/store/segments/batch-record.ts';
import { READ_LIMITS, type ReadLimits } from '../../server/store/segments/rows/read-limits.ts';
import { SegmentReader } from '../../server/store/segments/segment-reader.ts';

/** An event read back, with what was stored beside it. */
export interface StoredEvent extends EventFull {
  readonly position: number;
}

export interface ReadEvents {
  /** In the order in which they were handed over. */
  readonly events: readonly StoredEvent[];
  readonly damage: readonly Damage[];
}

/** Collects lines. */
export class LineSink implements RowSink {
  readonly lines: string[] = [];
  /** Bytes of each call. */
  readonly added: number[] = [];

  add(bytes: Buffer, start: number, end: number): void {
    this.added.push(end - start);
    const text = bytes.toString('utf8', start, end);
    if (!text.endsWith('\n')) throw new Error('the last line is not whole');
    this.lines.push(...text.slice(0, -1).split('\n'));
  }

  drained(): undefined {
    return undefined;
  }
}

/** Reads a snapshot as a report does. */
export async function readEvents(snapshot: StoreSnapshot, filter: ReportFilter): Promise<ReadEvents> {
  return collect(openSnapshot(snapshot), filter);
}

/** The same with bounds of its own. */
export async function readWithin(
  limits: Partial<ReadLimits>,
  snapshot: StoreSnapshot,
  filter: ReportFilter,
): Promise<ReadEvents> {
  return collect(new SegmentReader(snapshot, { ...READ_LIMITS, ...limits }), filter);
}

/** Reads one sealed segment. */
export async function readPair(
  pair: FilePair,
  filter: ReportFilter,
  position = Infinity,
): Promise<ReadEvents> {
  return readEvents(
    snapshotOf({ position, sealed: [{ files: pair, times: [[-Infinity, Infinity]] }] }),
    filter,
  );
}

/** A snapshot of some files. */
export function snapshotOf(parts: Partial<StoreSnapshot>): StoreSnapshot {
  return {
    engine: 'file',
    position: Infinity,
    sealed: [],
    segments: [],
    expiredBefore: 0,
    erasures: [],
    ...parts,
  };
}

async function collect(reader: Pick<SegmentReader, 'readRows'>, filter: ReportFilter): Promise<ReadEvents> {
  const damage: Damage[] = [];
  const sink = new LineSink();
  const scratchPath = path.join(tmpdir(), `waybill-scratch-${randomUUID()}`);
  await reader.readRows(filter, sink, { onDamage: (found) => damage.push(found), scratchPath });
  return { events: sink.lines.map((line) => eventOf(line, filter)), damage };
}

/** The event in a row. */
export function eventOf(line: string, { customer, product }: ReportFilter): StoredEvent {
  const row: unknown = JSON.parse(line);
  if (!Array.isArray(row) || row.length < 8 || row.length > 9) throw new Error(`no row: ${line}`);
  const [timestamp, type, context, batch, sequence, position, , , version] = row;
  const event = { customer, product, type, timestamp, context, batch, sequence, position };
  return row.length === 8 ? event : { ...event, version };
}
