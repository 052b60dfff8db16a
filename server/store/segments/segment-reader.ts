import type { UsageEvent } from '../../../shared/event.ts';
import type { ReportFilter } from '../../../shared/report.ts';
import type {
  Damage,
  ReadOptions,
  RowSink,
  SnapshotReader,
  SnapshotSealed,
  SnapshotSegment,
  StoredEvent,
  StoreSnapshot,
} from '../event-store.ts';
import { systemCode } from '../../errors.ts';
import { erasureOf } from '../erasure.ts';
import { numberedEvents, parseBatchFields, type BatchLine } from './batch-line.ts';
import { checkedFields } from './checked-line.ts';
import { readSealed } from './sealed/sealed-reader.ts';
import { readLines, type SegmentLine } from './segment-lines.ts';

/** Reads a snapshot's files, sealed segments first, a chunk at a time; needs no lock. */
export class SegmentReader implements SnapshotReader {
  readonly #snapshot: StoreSnapshot;

  constructor(snapshot: StoreSnapshot) {
    this.#snapshot = snapshot;
  }

  async readRows(filter: ReportFilter, sink: RowSink, { onDamage }: ReadOptions): Promise<void> {
    for await (const events of this.read(filter, onDamage)) {
      for (const { timestamp, type, context, batch, sequence, position, version } of events) {
        const row = [timestamp, type, context, batch, sequence, position, 0, null];
        const line = Buffer.from(`${JSON.stringify(version === undefined ? row : [...row, version])}\n`);
        sink.add(line, 0, line.length);
      }
      await sink.drained();
    }
  }

  async *read(
    filter: ReportFilter,
    onDamage: (damage: Damage) => void,
  ): AsyncGenerator<readonly StoredEvent[], void, undefined> {
    const { position, erasures, expiredBefore } = this.#snapshot;
    const start = Math.max(filter.start ?? 0, expiredBefore);
    for await (const events of this.#readFiles({ ...filter, start }, position, onDamage)) {
      yield erasures.length === 0
        ? events
        : events.filter((event) => erasureOf(erasures, event, event.position) === undefined);
    }
  }

  async *#readFiles(
    filter: ReportFilter,
    position: number,
    onDamage: (damage: Damage) => void,
  ): AsyncGenerator<readonly StoredEvent[], void, undefined> {
    for (const sealed of this.#snapshot.sealed) {
      if (mayMatch(sealed, filter)) yield* readSealed(sealed.files, filter, position, onDamage);
    }
    yield* this.#readSegments(filter, onDamage);
  }

  async *#readSegments(
    filter: ReportFilter,
    onDamage: (damage: Damage) => void,
  ): AsyncGenerator<readonly StoredEvent[], void, undefined> {
    const isMatch = matcher(filter);
    // The engine writes these two fields first and in this order, so a line without them has no match.
    const { customer, product } = filter;
    const needle = Buffer.from(JSON.stringify({ customer, product }).slice(0, -1));
    for (const segment of this.#snapshot.segments) {
      for await (const lines of linesOf(segment, onDamage)) {
        for (const { bytes, offset, isEnded } of lines) {
          if (segment.dropped.includes(offset)) continue;
          const fields = isEnded ? checkedFields(bytes) : undefined;
          if (fields === undefined) {
            onDamage({ path: segment.path, offset, reason: 'the line is damaged' });
          } else if (fields.includes(needle)) {
            const line = parseBatchFields(fields);
            if (line.position <= this.#snapshot.position) yield matches(line, isMatch);
          }
        }
      }
    }
  }
}

/** False if no event of the sealed segment lies in the filter's range of time. */
function mayMatch({ times }: SnapshotSealed, { start = -Infinity, end = Infinity }: ReportFilter): boolean {
  return times.some(([from, to]) => to >= start && from <= end);
}

/** The lines of a segment; one whose file is gone has none. */
async function* linesOf(
  { path, length }: SnapshotSegment,
  onDamage: (damage: Damage) => void,
): AsyncGenerator<readonly SegmentLine[], void, undefined> {
  try {
    yield* readLines(path, length);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
    onDamage({ path, offset: 0, reason: 'the file is missing' });
  }
}

function matches(line: BatchLine, isMatch: (event: UsageEvent) => boolean): readonly StoredEvent[] {
  const { batch, position } = line;
  return numberedEvents(line)
    .filter(({ event }) => isMatch(event))
    .map(({ event, sequence }) => ({ ...event, batch, sequence, position }));
}

function matcher({ customer, product, types, start, end }: ReportFilter): (event: UsageEvent) => boolean {
  const wanted = types === undefined || types.length === 0 ? undefined : new Set(types);
  const from = start ?? -Infinity;
  const to = end ?? Infinity;
  return (event) =>
    event.customer === customer &&
    event.product === product &&
    event.timestamp >= from &&
    event.timestamp <= to &&
    (wanted === undefined || wanted.has(event.type));
}
