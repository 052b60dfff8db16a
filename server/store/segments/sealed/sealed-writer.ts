import type { StoreTotals } from '../../event-store.ts';
import { BlockList } from './block-list.ts';
import { PieceWriter } from './piece-writer.ts';
import type { FilePair } from '../batch-record.ts';
import {
  BATCHES_LINE,
  encodeLine,
  FIRST_LINE,
  nameOf,
  type ClusterLine,
  type ClusterName,
  type SealedBatches,
  type SealedIndexHeader,
} from './sealed-index.ts';
import { batchPosition, rowTimestamp } from './sealed-row.ts';
import type { SealedSummary } from './sealed-summary.ts';
import { TimeRanges } from './time-ranges.ts';

/** What is known of a cluster when its last row is written. */
export interface ClusterTotals {
  readonly rows: number;
  readonly from: number;
  readonly to: number;
  /** Rows of each type, in any order; null if nobody counted them, since there are too many. */
  readonly types: readonly (readonly [type: string, rows: number])[] | null;
}

/** What is known of the batches when the last of them is written. */
export interface BatchTotals extends StoreTotals {
  /** Lines that were sealed, those without any row too. */
  readonly lines: number;
  readonly firstPosition: number;
  readonly lastPosition: number;
}

/** An index names no more types: anybody may send any, where there is no catalog. */
export const MAX_TYPES = 256;
/** Clocks that are wrong are mostly wrong by the same few times; the manifest is to stay small. */
const MAX_STRAY_RANGES = 16;
const NEWLINE = 0x0a;
/** What a cluster may have of numbers of rows, however few rows it has itself. */
const MAX_COUNTS_OF_FEW = 32;

/** Writes the two files of a sealed segment: clusters in their order, then the lines about batches. */
export class SealedWriter {
  readonly #data: PieceWriter;
  readonly #index: PieceWriter;
  readonly #rows = new BlockList(rowTimestamp);
  readonly #batches = new BlockList(batchPosition);
  /** The number of each type that the index names, in their order. */
  readonly #types = new Map<string, number>();
  #cluster: ClusterName | undefined;
  #offset = 0;
  #batchesOffset: number | undefined;
  #clusters = 0;
  #hasMixed = false;
  #rowCount = 0;
  #range: readonly [number, number] | undefined;
  readonly #strayRanges = new TimeRanges(MAX_STRAY_RANGES);

  private constructor(data: PieceWriter, index: PieceWriter) {
    this.#data = data;
    this.#index = index;
  }

  /** Makes both files; whoever gets an error from any method has to `abandon` them. */
  static async create(pair: FilePair): Promise<SealedWriter> {
    const data = await PieceWriter.create(pair.data);
    try {
      const writer = new SealedWriter(data, await PieceWriter.create(pair.index));
      await data.append(FIRST_LINE);
      return writer;
    } catch (error) {
      await data.abandon();
      throw error;
    }
  }

  /** @param rows - The next whole rows of a cluster that comes after the one before; at least one. */
  async appendRows(name: ClusterName, rows: Buffer): Promise<void> {
    if (this.#cluster === undefined) {
      this.#cluster = nameOf(name);
      await this.#data.append(encodeLine(this.#cluster));
      this.#offset = this.#data.length;
    }
    if (name.day === null) this.#noteStray(rows);
    this.#rows.add(rows);
    await this.#data.append(rows);
  }

  /** Ends the cluster to which rows were appended last. */
  async endCluster({ rows, from, to, types }: ClusterTotals): Promise<void> {
    const cluster = this.#cluster;
    if (cluster === undefined) throw new Error('a cluster without rows is not written');
    const offset = this.#offset;
    const bytes = this.#data.length - offset;
    const blocks = this.#rows.end();
    const line: ClusterLine = {
      ...cluster,
      offset,
      bytes,
      rows,
      from,
      to,
      types: this.#count(types, rows),
      blocks,
    };
    await this.#index.append(encodeLine(line));
    this.#cluster = undefined;
    this.#clusters++;
    this.#hasMixed = cluster.customer === null;
    this.#rowCount += rows;
    if (cluster.day !== null) this.#range = widened(this.#range, from, to);
  }

  /** @param lines - The next whole lines about batches, in the order of their positions; at least one. */
  async appendBatches(lines: Buffer): Promise<void> {
    if (this.#batchesOffset === undefined) {
      await this.#data.append(BATCHES_LINE);
      this.#batchesOffset = this.#data.length;
    }
    this.#batches.add(lines);
    await this.#data.append(lines);
  }

  /** Resolves when both files are durable; their names are the caller's matter. */
  async finish(totals: BatchTotals): Promise<SealedSummary> {
    const { lines, firstPosition, lastPosition, ledger, rejected } = totals;
    const rows = this.#rowCount;
    const bytes = this.#data.length;
    const clusters = this.#clusters;
    const kind = 'sealed-index';
    const batches = this.#batchesField();
    const header: SealedIndexHeader = {
      kind,
      rows,
      bytes,
      firstPosition,
      lastPosition,
      lines,
      clusters,
      ...(this.#hasMixed && { mixed: true }),
      types: [...this.#types.keys()],
      batches,
    };
    await this.#index.prepend(encodeLine(header));
    await this.#data.finish();
    await this.#index.finish();
    const [from = null, to = null] = this.#range ?? [];
    const strayRanges = this.#strayRanges.ranges;
    return {
      rows,
      dataBytes: bytes,
      indexBytes: this.#index.length,
      firstPosition,
      lastPosition,
      from,
      to,
      strayFrom: strayRanges[0]?.[0] ?? null,
      strayTo: strayRanges.at(-1)?.[1] ?? null,
      strayRanges,
      batches: lines,
      ledger,
      rejected,
    };
  }

  /** Lets go of both files after an error. */
  async abandon(): Promise<void> {
    await this.#data.abandon();
    await this.#index.abandon();
  }

  #noteStray(rows: Buffer): void {
    for (let at = 0; at < rows.length; at = rows.indexOf(NEWLINE, at) + 1)
      this.#strayRanges.add(rowTimestamp(rows, at));
  }

  /** Null also where the counts would take more room than it takes to read the rows. */
  #count(types: ClusterTotals['types'], clusterRows: number): ClusterLine['types'] {
    const maxCounts = Math.min(MAX_TYPES, Math.max(MAX_COUNTS_OF_FEW, clusterRows));
    if (types === null || types.length > maxCounts) return null;
    const known = types.map(([type]) => this.#types.get(type) ?? -1);
    const news = types.filter((_, at) => known[at] === -1).map(([type]) => type);
    const length = news.length === 0 ? Math.max(...known) + 1 : this.#types.size + news.length;
    if (length > maxCounts) return null;
    for (const type of news.toSorted()) this.#types.set(type, this.#types.size);
    const counts = Array.from({ length }, () => 0);
    for (const [type, rows] of types) counts[this.#types.get(type) ?? 0] = rows;
    return counts;
  }

  #batchesField(): SealedBatches | null {
    const offset = this.#batchesOffset;
    if (offset === undefined) return null;
    return { offset, bytes: this.#data.length - offset, blocks: this.#batches.end() };
  }
}

function widened(
  range: readonly [number, number] | undefined,
  from: number,
  to: number,
): readonly [number, number] {
  return range === undefined ? [from, to] : [Math.min(range[0], from), Math.max(range[1], to)];
}
