import type { Damage, SnapshotSegment } from '../event-store.ts';
import type { BatchRecord, FilePair } from './batch-record.ts';
import { encodeNotable } from './encode-notable.ts';
import { ROW_NUMBERS, TYPE, type LogColumns } from './log-columns.ts';
import { readLog } from './read-log.ts';
import { RowEncoder } from './row-encoder.ts';
import { orderRows } from './row-order.ts';
import { dayText } from './sealed-day.ts';
import { compareClusters, type ClusterName } from './sealed-index.ts';
import type { SealedSummary } from './sealed-summary.ts';
import { SealedWriter } from './sealed-writer.ts';

export interface SealTask {
  /** A log segment up to the length that counts, less the lines at `dropped`. */
  readonly source: SnapshotSegment;
  /** Files to be made. */
  readonly sealed: FilePair;
}

export interface SealedSegment {
  readonly summary: SealedSummary;
  /** What is to be remembered of each batch, and of those it was split from; in the log's order. */
  readonly records: readonly (readonly [id: string, record: BatchRecord])[];
  /** Lines that could not be read and are in neither. */
  readonly damage: readonly Damage[];
}

/**
 * Writes the events of a log segment anew: by customer, product and day, and there by time.
 *
 * Both files are durable when it resolves; their names are the caller's matter. Needs the memory of
 * the whole segment and about 40 bytes an event besides.
 *
 * @throws Error if a file can't be read or written, if one of those to be made exists, or if a line
 *   is of a newer version. What was written by then is left to the caller.
 */
export async function sealSegment({ source, sealed }: SealTask): Promise<SealedSegment> {
  const { columns, records, notable, totals, damage } = await readLog(source);
  const writer = await SealedWriter.create(sealed);
  try {
    await writeClusters(writer, columns);
    for (const lines of encodeNotable(columns.source, notable)) await writer.appendBatches(lines);
    return { summary: await writer.finish(totals), records, damage };
  } catch (error) {
    await writer.abandon();
    throw error;
  }
}

async function writeClusters(writer: SealedWriter, columns: LogColumns): Promise<void> {
  const clusters = clusterNames(columns).toSorted((a, b) => compareClusters(a.name, b.name));
  const encoder = new RowEncoder(columns);
  for (const { cluster, rows } of orderRows(columns, clusters)) {
    for (let at = 0; at < rows.length;) {
      const { lines, next } = encoder.encode(rows, at);
      await writer.appendRows(cluster.name, lines);
      at = next;
    }
    const from = columns.timestamps[rows[0] ?? 0] ?? 0;
    const to = columns.timestamps[rows.at(-1) ?? 0] ?? 0;
    await writer.endCluster({ rows: rows.length, from, to, types: countTypes(columns, rows) });
  }
}

interface NumberedCluster {
  readonly number: number;
  readonly name: ClusterName;
}

function clusterNames({ clusterDays, clusterProducts, productTable }: LogColumns): NumberedCluster[] {
  return clusterDays.map((day, number) => {
    const product = productTable.text(clusterProducts[number] ?? 0);
    return { number, name: { ...parseProduct(product), day: dayText(day) } };
  });
}

/** @param text - Code, key and code, as an event has them: a whole object but for its ends. */
function parseProduct(text: Buffer): Pick<ClusterName, 'customer' | 'product'> {
  // The bytes come from an event that was found to be of this form.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return JSON.parse(`{"customer":"${text.toString()}"}`) as Pick<ClusterName, 'customer' | 'product'>;
}

function countTypes({ numbers, typeTable }: LogColumns, rows: Uint32Array): [string, number][] {
  const counts = new Uint32Array(typeTable.count);
  for (let at = 0; at < rows.length; at++) {
    const type = numbers[(rows[at] ?? 0) * ROW_NUMBERS + TYPE] ?? 0;
    counts[type] = (counts[type] ?? 0) + 1;
  }
  const named: [string, number][] = [];
  for (const [type, count] of counts.entries())
    if (count > 0) named.push([String(JSON.parse(typeTable.text(type).toString())), count]);
  return named;
}
