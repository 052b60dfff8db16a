import type { Damage } from '../../event-store.ts';
import type { FilePair } from '../batch-record.ts';
import { DamageList } from './damage-list.ts';
import { readableLines } from './readable-lines.ts';
import { isRowOf } from './row-codes.ts';
import { parseDay, utcDay } from './sealed-day.ts';
import { SealedFile, type ReadBlock } from './sealed-file.ts';
import {
  compareClusters,
  FIRST_LINE,
  isClusterName,
  isKind,
  parseIndexLine,
  UNKNOWN_CHECKSUM,
  type SealedBatches,
  type SealedBlock,
  type SealedCluster,
} from './sealed-index.ts';
import { compareRows, readRow, readSealedBatch, type SealedRow } from './sealed-row.ts';

/**
 * Whether a sealed segment is what it was written as: every checksum of both files, the order of
 * clusters, rows and batches, and that the index counts right.
 *
 * @returns What is wrong, the first 1,000; nothing if all is well.
 * @throws Error if a file can't be read.
 */
export async function verifySealed(pair: FilePair): Promise<readonly Damage[]> {
  const damage = new DamageList();
  const file = await SealedFile.open(pair, (found) => damage.add(found));
  if (file === undefined) return damage.found;
  try {
    await new SealedCheck(pair, file, damage).run();
  } finally {
    await file.close();
  }
  return damage.found;
}

class SealedCheck {
  readonly #pair: FilePair;
  readonly #file: SealedFile;
  readonly #damage: DamageList;
  /** Where the section ends that was checked last. */
  #end = 0;
  #rows = 0;
  #hasMixed = false;
  #lowest = Infinity;
  #highest = -Infinity;

  constructor(pair: FilePair, file: SealedFile, damage: DamageList) {
    this.#pair = pair;
    this.#file = file;
    this.#damage = damage;
  }

  async run(): Promise<void> {
    await this.#checkStart(FIRST_LINE.length, (line) => isKind(line, 'sealed'));
    let before: SealedCluster | undefined;
    for await (const cluster of this.#file.clusters()) {
      await this.#checkStart(
        cluster.offset,
        (line) => isClusterName(line) && compareClusters(line, cluster) === 0,
      );
      const isOrdered = before === undefined || compareClusters(before, cluster) < 0;
      this.#expect(isOrdered, cluster.offset, 'the cluster is not in order');
      await this.#checkRows(cluster);
      this.#hasMixed = cluster.customer === null;
      before = cluster;
    }
    const { batches } = this.#file;
    if (batches !== null) await this.#checkBatches(batches);
    if (!this.#file.isScanned) await this.#checkHeader();
  }

  /**
   * Checks that the only line before a section is its own first one.
   *
   * Where there is no index, these lines were read already to find the sections.
   */
  async #checkStart(offset: number, isOwn: (line: unknown) => boolean): Promise<void> {
    const start = this.#end;
    this.#end = offset;
    if (this.#file.isScanned) return;
    const lines: unknown[] = [];
    for await (const block of this.#file.blocks(start, [[offset - start, UNKNOWN_CHECKSUM, 0]]))
      lines.push(...readableLines(block, parseIndexLine, this.#report));
    this.#expect(lines.length === 1 && isOwn(lines[0]), start, 'another line should be here');
  }

  async #checkRows(cluster: SealedCluster): Promise<void> {
    const { offset, bytes, blocks, day, types } = cluster;
    const counts = new Map<string, number>();
    let rows = 0;
    let first: SealedRow | undefined;
    let last: SealedRow | undefined;
    for await (const block of this.#file.blocks(offset, blocks)) {
      const read = readableLines(block, readRow, this.#report);
      for (const row of read) {
        const [timestamp, type, , , , position] = row;
        const isOrdered = last === undefined || compareRows(last, row) < 0;
        this.#expect(isOrdered, block.offset, 'a row of this block is not in order');
        const isOfDay = day === null || utcDay(timestamp) === parseDay(day);
        this.#expect(isOfDay, block.offset, 'a row of this block is of another day');
        const isOwn = isRowOf(row, cluster);
        this.#expect(isOwn, block.offset, 'a row of this block is not of this kind of cluster');
        if (types !== null) counts.set(type, (counts.get(type) ?? 0) + 1);
        this.#lowest = Math.min(this.#lowest, position);
        this.#highest = Math.max(this.#highest, position);
        first ??= row;
        last = row;
        rows++;
      }
      this.#checkFirst(block, blocks, read[0]?.[0]);
    }
    const isRight =
      rows === cluster.rows &&
      first?.[0] === cluster.from &&
      last?.[0] === cluster.to &&
      (types === null || areEqual(counts, types)) &&
      bytesOf(blocks) === bytes;
    this.#expect(isRight, offset, 'the index counts the rows of this cluster wrong');
    this.#rows += rows;
    this.#end = offset + bytes;
  }

  async #checkBatches({ offset, bytes, blocks }: SealedBatches): Promise<void> {
    await this.#checkStart(offset, (line) => isKind(line, 'batches'));
    let last = -Infinity;
    for await (const block of this.#file.blocks(offset, blocks)) {
      const read = readableLines(block, readSealedBatch, this.#report);
      for (const { position } of read) {
        this.#expect(position > last, block.offset, 'a batch of this block is not in order');
        this.#lowest = Math.min(this.#lowest, position);
        this.#highest = Math.max(this.#highest, position);
        last = position;
      }
      this.#checkFirst(block, blocks, read[0]?.position);
    }
    this.#expect(bytesOf(blocks) === bytes, offset, 'the index counts the lines about batches wrong');
    this.#end = offset + bytes;
  }

  /** Readers pass over blocks by what the index says they begin with. */
  #checkFirst(
    { number, offset }: ReadBlock,
    blocks: readonly SealedBlock[],
    first: number | undefined,
  ): void {
    const isKnown = blocks[number]?.[1] !== UNKNOWN_CHECKSUM;
    this.#expect(!isKnown || first === blocks[number]?.[2], offset, 'the block begins with another line');
  }

  async #checkHeader(): Promise<void> {
    const { header } = this.#file;
    if (header === undefined) return;
    const isRight =
      header.rows === this.#rows &&
      header.bytes === this.#end &&
      (header.mixed ?? false) === this.#hasMixed &&
      header.firstPosition <= this.#lowest &&
      header.lastPosition >= this.#highest;
    const { index, data } = this.#pair;
    if (!isRight) this.#damage.add({ path: index, offset: 0, reason: 'the index counts wrong' });
    const size = await this.#file.size();
    if (size > this.#end) this.#damage.add({ path: data, offset: this.#end, reason: 'the file goes on' });
  }

  #expect(isRight: boolean, offset: number, reason: string): void {
    if (!isRight) this.#report(offset, reason);
  }

  readonly #report = (offset: number, reason: string): void =>
    this.#damage.add({ path: this.#pair.data, offset, reason });
}

function bytesOf(blocks: readonly SealedBlock[]): number {
  return blocks.reduce((sum, [bytes]) => sum + bytes, 0);
}

function areEqual(counts: ReadonlyMap<string, number>, types: Readonly<Record<string, number>>): boolean {
  const entries = Object.entries(types);
  return entries.length === counts.size && entries.every(([type, count]) => counts.get(type) === count);
}
