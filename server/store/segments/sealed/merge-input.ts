import type { DamageList } from './damage-list.ts';
import type { FilePair } from '../batch-record.ts';
import { LineIndex } from './line-index.ts';
import type { KeyedLines } from './merge-lines.ts';
import { readableLines, readableRows, type OnDamagedLine } from './readable-lines.ts';
import { SealedFile } from './sealed-file.ts';
import type { ClusterName, SealedCluster, SealedIndexHeader } from './sealed-index.ts';
import {
  batchPosition,
  readRow,
  readSealedBatch,
  rowTimestamp,
  type SealedBatchLine,
  type SealedRow,
} from './sealed-row.ts';

/** Says which rows a merge keeps. */
export interface RowFilter {
  /** What is known without a look at the rows; `some` has `keepsRow` asked for each. */
  ofCluster(cluster: SealedCluster): 'all' | 'none' | 'some';
  keepsRow(row: SealedRow, cluster: ClusterName): boolean;
  /** What is kept of a line about a batch, the very same if all of it is; undefined if nothing is. */
  ofBatch(line: SealedBatchLine): SealedBatchLine | undefined;
}

/** One of the sealed segments that are merged. */
export class MergeInput {
  readonly #pair: FilePair;
  readonly #file: SealedFile;
  readonly #damage: DamageList;
  readonly #clusters: AsyncGenerator<SealedCluster, void, undefined>;
  readonly #rows = new LineIndex(rowTimestamp);
  readonly #batches = new LineIndex(batchPosition);
  #cluster: SealedCluster | undefined;
  #positions: readonly number[] = [];

  private constructor(pair: FilePair, file: SealedFile, damage: DamageList) {
    this.#pair = pair;
    this.#file = file;
    this.#damage = damage;
    this.#clusters = file.clusters();
  }

  /** @returns undefined, and reports it, if the data file is missing. */
  static async open(pair: FilePair, damage: DamageList): Promise<MergeInput | undefined> {
    const file = await SealedFile.open(pair, (found) => damage.add(found), { mustRead: true });
    return file === undefined ? undefined : new MergeInput(pair, file, damage);
  }

  /** The index's first line; undefined if it can't be read. */
  get header(): SealedIndexHeader | undefined {
    return this.#file.header;
  }

  /** The cluster that comes next; undefined behind the last. */
  get cluster(): SealedCluster | undefined {
    return this.#cluster;
  }

  async nextCluster(): Promise<void> {
    const { value } = await this.#clusters.next();
    this.#cluster = value ?? undefined;
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  /** Lowest and highest position: of all batches, or without an index of those that have been read. */
  get positions(): readonly number[] {
    if (this.header === undefined) return this.#positions;
    const { lines, firstPosition, lastPosition } = this.header;
    return lines === 0 ? [] : [firstPosition, lastPosition];
  }

  /** The rows of the next cluster that are kept, in order, those of a block at a time. */
  async *rows(keep: RowFilter | undefined): AsyncGenerator<KeyedLines, void, undefined> {
    const cluster = this.#cluster;
    if (cluster === undefined) return;
    const verdict = keep?.ofCluster(cluster) ?? 'all';
    if (verdict === 'none') return;
    for await (const block of this.#file.blocks(cluster.offset, cluster.blocks)) {
      const readable = block.isWhole
        ? block.bytes
        : encodeLines(readableRows(block, cluster, this.#onDamagedLine));
      const kept = keep === undefined || verdict === 'all' ? readable : keptRows(readable, cluster, keep);
      if (kept.length === 0) continue;
      this.#rows.set(kept);
      if (this.header === undefined) this.#notePositions();
      yield this.#rows;
    }
  }

  /**
   * The lines about batches; to be asked for when there is no cluster any more.
   *
   * @param onLine - Gets what each of them says.
   */
  async *batches(
    onLine: (line: SealedBatchLine) => void,
    keep: RowFilter | undefined,
  ): AsyncGenerator<KeyedLines, void, undefined> {
    const { batches } = this.#file;
    if (batches === null) return;
    for await (const block of this.#file.blocks(batches.offset, batches.blocks)) {
      const readable = readableLines(block, readSealedBatch, this.#onDamagedLine);
      const lines = keep === undefined ? readable : readable.flatMap((line) => keep.ofBatch(line) ?? []);
      if (lines.length === 0) continue;
      for (const line of lines) {
        this.#notePosition(line.position);
        onLine(line);
      }
      const isAsItWas = lines.length === readable.length && lines.every((line, at) => line === readable[at]);
      this.#batches.set(block.isWhole && isAsItWas ? block.bytes : encodeLines(lines));
      yield this.#batches;
    }
  }

  #notePositions(): void {
    const { bytes, count, starts } = this.#rows;
    for (let line = 0; line < count; line++) {
      const row = readRow(bytes.subarray(starts[line], (starts[line + 1] ?? 0) - 1));
      if (row !== undefined) this.#notePosition(row[5]);
    }
  }

  #notePosition(position: number): void {
    const [first = position, last = position] = this.#positions;
    this.#positions = [Math.min(first, position), Math.max(last, position)];
  }

  readonly #onDamagedLine: OnDamagedLine = (offset, reason) =>
    this.#damage.add({ path: this.#pair.data, offset, reason });
}

function encodeLines(values: readonly unknown[]): Buffer {
  return Buffer.from(values.map((value) => `${JSON.stringify(value)}\n`).join(''));
}

function keptRows(lines: Buffer, cluster: ClusterName, keep: RowFilter): Buffer {
  const index = new LineIndex(rowTimestamp);
  index.set(lines);
  const kept: Buffer[] = [];
  for (let at = 0; at < index.count; at++) {
    const line = lines.subarray(index.starts[at], index.starts[at + 1]);
    const row = readRow(line.subarray(0, -1));
    if (row !== undefined && keep.keepsRow(row, cluster)) kept.push(line);
  }
  return Buffer.concat(kept);
}
