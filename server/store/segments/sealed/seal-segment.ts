import type { Damage, SnapshotSegment } from '../../event-store.ts';
import type { BatchRecord, FilePair } from '../batch-record.ts';
import type { NoteTimes } from '../note-times.ts';
import { readLog } from './read-log.ts';
import { RowEncoder } from './row-encoder.ts';
import type { RowStage, StagedCluster } from './row-stage.ts';
import { SEAL_LIMITS, type SealLimits } from './seal-limits.ts';
import { dayText } from './sealed-day.ts';
import { compareClusters, MIXED, type ClusterName, type OwnCluster } from './sealed-index.ts';
import type { SealedSummary } from './sealed-summary.ts';
import { SealedWriter } from './sealed-writer.ts';
import { sortRows } from './sorted-rows.ts';

export interface SealTask {
  /** A log segment up to the length that counts, less the lines at `dropped`. */
  readonly source: SnapshotSegment;
  /** Files to be made. */
  readonly sealed: FilePair;
  /** `SEAL_LIMITS` if it is absent. */
  readonly limits?: SealLimits;
}

export interface SealedSegment {
  readonly summary: SealedSummary;
  /** When the batches came that it has lines about; null if there are none. */
  readonly notes: NoteTimes | null;
  /** What is to be remembered of each batch, and of those it was split from; in the log's order. */
  readonly records: readonly (readonly [id: string, record: BatchRecord])[];
  /** Lines that could not be read and are in neither, the first 1,000. */
  readonly damage: readonly Damage[];
}

/**
 * Writes the events of a log segment anew: by customer, product and day, and there by time.
 *
 * Those of more customers, products and days than an index should name come last, together. Both files
 * are durable when it resolves; their names are the caller's matter. Needs about the memory of the
 * whole segment.
 *
 * @throws Error if a file can't be read or written, or if one of those to be made exists. What was
 *   written by then is left to the caller.
 */
export async function sealSegment({
  source,
  sealed,
  limits = SEAL_LIMITS,
}: SealTask): Promise<SealedSegment> {
  const { stage, records, notes, noteTimes, totals, damage } = await readLog(source, limits);
  const writer = await SealedWriter.create(sealed);
  try {
    await writeClusters(writer, stage);
    for (const line of notes) await writer.appendBatches(line);
    return { summary: await writer.finish(totals), notes: noteTimes, records, damage };
  } catch (error) {
    await writer.abandon();
    throw error;
  }
}

async function writeClusters(writer: SealedWriter, stage: RowStage): Promise<void> {
  const { batchIds, types } = stage;
  const typeNames = Array.from({ length: types.count }, (_, type) => parseText(types.text(type)));
  const typeCounts = new Uint32Array(types.count);
  const encoder = new RowEncoder(stage);
  for (const { name, cluster } of namedClusters(stage)) {
    const rows = sortRows(cluster, batchIds, typeCounts);
    for (const lines of encoder.encode(rows)) await writer.appendRows(name, lines);
    const named = rows.types?.map(([type, count]) => [typeNames[type] ?? '', count] as const) ?? null;
    await writer.endCluster({ rows: cluster.rows, from: rows.from, to: rows.to, types: named });
  }
}

interface NamedCluster {
  readonly name: ClusterName;
  readonly cluster: StagedCluster;
}

/** In the order in which they are written. */
function namedClusters({ clusters, mixed, products }: RowStage): readonly NamedCluster[] {
  const own = clusters.map((cluster): NamedCluster => {
    const { customer, product } = parseProduct(products.text(cluster.product));
    return { name: { customer, product, day: dayText(cluster.day) }, cluster };
  });
  const all = mixed.rows === 0 ? own : [...own, { name: MIXED, cluster: mixed }];
  return all.toSorted((a, b) => compareClusters(a.name, b.name));
}

/** @param text - Code, key and code, as an event has them: a whole object but for its ends. */
function parseProduct(text: Buffer): Pick<OwnCluster, 'customer' | 'product'> {
  // The bytes come from an event that was found to be of this form.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return JSON.parse(`{"customer":"${text.toString()}"}`) as Pick<OwnCluster, 'customer' | 'product'>;
}

function parseText(text: Buffer): string {
  return String(JSON.parse(text.toString()));
}
