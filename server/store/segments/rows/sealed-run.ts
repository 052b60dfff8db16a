import { crc32 } from 'node:zlib';
import { isUnreadable } from '../../../disk-errors.ts';
import type { FilePair } from '../batch-record.ts';
import { GUARD_BYTES } from '../sealed/log-chunks.ts';
import type { ReadBlock } from '../sealed/sealed-file.ts';
import type { ClusterName } from '../sealed/sealed-index.ts';
import { viewOf } from '../../../words.ts';
import { BlockRows } from './block-rows.ts';
import type { BlockInfo, BlockTable } from './block-table.ts';
import type { BufferPool } from './buffer-pool.ts';
import type { DamageReports } from './damage-reports.ts';
import type { OpenFiles } from './open-files.ts';
import type { RowFilter } from './row-filter.ts';
import type { RowSource, RowWindow } from './row-source.ts';

/** Blocks of a sealed segment whose rows are in order from the first to the last. */
export interface PlannedRun {
  readonly files: FilePair;
  readonly cluster: ClusterName;
  /** Lowest and highest position of the segment, as far as its index says. */
  readonly firstPosition: number;
  readonly lastPosition: number;
  /** Numbers of its blocks in the plan's table: from the first one to before `blocksEnd`. */
  readonly firstBlock: number;
  blocksEnd: number;
  readonly from: number;
  to: number;
  /** Of its blocks. */
  bytes: number;
}

/** What runs have in common. */
export interface RunContext {
  readonly filter: RowFilter;
  readonly blocks: BlockTable;
  readonly files: OpenFiles;
  readonly damage: DamageReports;
  /** Bytes that are read at once, if blocks are not larger. */
  readonly readBytes: number;
  /** Of buffers with room for those, and for the guard behind. */
  readonly buffers: BufferPool;
  /** Told of bytes that have been read. */
  readonly onRead: (bytes: number) => void;
}

/** Bytes between blocks that are read with them rather than passed over: the first line of a cluster. */
const MAX_GAP_BYTES = 4_096;

/** Blocks that are read together, side by side in the file. */
interface Unit {
  readonly firstBlock: number;
  readonly blocksEnd: number;
  readonly offset: number;
  readonly buffer: Buffer;
  /** Bytes there are of it, undefined if there is no file; or the error that the disk gave. */
  readonly held: number | undefined | { readonly error: unknown };
}

/** The rows of a run that are wanted. */
export class SealedRun implements RowSource {
  readonly from: number;
  readonly #run: PlannedRun;
  readonly #context: RunContext;
  readonly #rows: BlockRows;
  #nextBlock: number;
  /** Holds the rows in hand. */
  #used: Buffer | undefined;
  /** Where in the file the bytes in hand begin. */
  #offset = 0;

  constructor(run: PlannedRun, context: RunContext) {
    const { filter } = context;
    this.from = run.from;
    this.#run = run;
    this.#context = context;
    this.#nextBlock = run.firstBlock;
    const doubtsBatches = filter.doubtsBatches(run.firstPosition, run.lastPosition);
    this.#rows = new BlockRows(filter, run.cluster, doubtsBatches, (at) =>
      this.#report(this.#offset + at, 'the line is damaged'),
    );
  }

  async next(): Promise<RowWindow | undefined> {
    for (;;) {
      if (this.#used !== undefined) this.#context.buffers.give(this.#used);
      this.#used = undefined;
      const unit = await this.#readUnit();
      if (unit === undefined) return undefined;
      this.#used = unit.buffer;
      const window = await this.#windowOf(unit);
      this.#context.onRead(this.#bytesOf(unit));
      if (window !== undefined) return window;
    }
  }

  /** Reads the next blocks; undefined if there are none. */
  async #readUnit(): Promise<Unit | undefined> {
    const { blocks, buffers, readBytes } = this.#context;
    const firstBlock = this.#nextBlock;
    if (firstBlock >= this.#run.blocksEnd) return undefined;
    const { offset, bytes } = blocks.at(firstBlock);
    let end = offset + bytes;
    let blocksEnd = firstBlock + 1;
    for (; blocksEnd < this.#run.blocksEnd; blocksEnd++) {
      const next = blocks.at(blocksEnd);
      if (next.offset > end + MAX_GAP_BYTES || next.offset + next.bytes - offset > readBytes) break;
      end = next.offset + next.bytes;
    }
    this.#nextBlock = blocksEnd;
    const length = end - offset;
    const buffer = buffers.take(length + GUARD_BYTES);
    try {
      const held = await this.#context.files.read(this.#run.files.data, buffer, length, offset);
      if (held === undefined) this.#context.damage.missing(this.#run.files.data);
      buffer.fill('"', held ?? 0, (held ?? 0) + GUARD_BYTES);
      return { firstBlock, blocksEnd, offset, buffer, held };
    } catch (error) {
      return { firstBlock, blocksEnd, offset, buffer, held: { error } };
    }
  }

  /** The rows of a unit that are wanted; undefined if there are none. */
  async #windowOf(unit: Unit): Promise<RowWindow | undefined> {
    const { firstBlock, blocksEnd, offset, buffer, held } = unit;
    const { blocks } = this.#context;
    this.#offset = offset;
    if (held === undefined) return undefined;
    if (typeof held !== 'number') return this.#oneByOne(unit, held.error);
    const view = viewOf(buffer);
    let end = 0;
    let last = -Infinity;
    for (let number = firstBlock; number < blocksEnd; number++) {
      const block = blocks.at(number);
      const start = block.offset - offset;
      const bytes = buffer.subarray(start, Math.min(start + block.bytes, held));
      if (bytes.length < block.bytes || crc32(bytes) !== block.checksum)
        return this.#readable(unit, number, end, held);
      const before = end;
      end = this.#rows.keep(buffer, view, start, start + block.bytes, block, end);
      if (end > before) last = block.last;
    }
    return end === 0 ? undefined : { bytes: buffer, view, start: 0, end, last };
  }

  /** The rows of a unit of which a block is damaged. @param end - Of the rows of the blocks before that one. */
  #readable(unit: Unit, damaged: number, end: number, held: number): RowWindow | undefined {
    const { blocksEnd, offset, buffer } = unit;
    const { blocks } = this.#context;
    const parts: Buffer[] = [Buffer.from(buffer.subarray(0, end))];
    let last = end === 0 ? -Infinity : blocks.at(damaged - 1).last;
    for (let number = damaged; number < blocksEnd; number++) {
      const block = blocks.at(number);
      const start = block.offset - offset;
      const bytes = buffer.subarray(Math.min(start, held), Math.min(start + block.bytes, held));
      const isCut = bytes.length < block.bytes;
      if (isCut) this.#context.damage.endsEarly(this.#run.files.data, block.offset + bytes.length);
      const isWhole = !isCut && crc32(bytes) === block.checksum;
      const rows = this.#rows.readable(this.#readBlock(block, bytes, isWhole, isCut), block, this.#report);
      if (rows.length > 0) last = block.last;
      parts.push(rows);
    }
    return windowOf(Buffer.concat(parts), last);
  }

  /** What can be read of a unit that can't be read at once. */
  async #oneByOne({ firstBlock, blocksEnd, buffer }: Unit, error: unknown): Promise<RowWindow | undefined> {
    if (!isUnreadable(error)) throw error;
    const { blocks, files } = this.#context;
    const { data } = this.#run.files;
    const parts: Buffer[] = [];
    let last = -Infinity;
    for (let number = firstBlock; number < blocksEnd; number++) {
      const block = blocks.at(number);
      try {
        const held = (await files.read(data, buffer, block.bytes, block.offset)) ?? 0;
        const unit = { firstBlock: number, blocksEnd: number + 1, offset: block.offset, buffer, held };
        const window = this.#readable(unit, number, 0, held);
        if (window === undefined) continue;
        parts.push(window.bytes.subarray(window.start, window.end));
        last = window.last;
      } catch (blockError) {
        if (!isUnreadable(blockError)) throw blockError;
        this.#report(block.offset, 'the disk can not read it');
      }
    }
    return windowOf(Buffer.concat(parts), last);
  }

  #readBlock({ offset }: BlockInfo, bytes: Buffer, isWhole: boolean, isCut: boolean): ReadBlock {
    const { firstPosition, lastPosition } = this.#run;
    const mayHave = (position: number): boolean => position >= firstPosition && position <= lastPosition;
    return { offset, bytes, isWhole, isReported: isWhole || isCut, number: 0, mayHave };
  }

  #bytesOf({ firstBlock, blocksEnd }: Unit): number {
    let bytes = 0;
    for (let number = firstBlock; number < blocksEnd; number++)
      bytes += this.#context.blocks.at(number).bytes;
    return bytes;
  }

  readonly #report = (offset: number, reason: string): void =>
    this.#context.damage.add({ path: this.#run.files.data, offset, reason });
}

function windowOf(rows: Buffer, last: number): RowWindow | undefined {
  if (rows.length === 0) return undefined;
  const bytes = Buffer.concat([rows, Buffer.alloc(GUARD_BYTES, '"')]);
  return { bytes, view: viewOf(bytes), start: 0, end: rows.length, last };
}
