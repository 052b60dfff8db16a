import { GUARD_BYTES } from '../sealed/log-chunks.ts';
import { rowTimestamp } from '../sealed/sealed-row.ts';
import { viewOf } from '../../../words.ts';
import type { BufferPool } from './buffer-pool.ts';
import type { RowSource, RowWindow } from './row-source.ts';
import type { ScratchFile } from './scratch-file.ts';

/** Sorted rows in the scratch file, in pieces of whole lines. */
export interface SpilledPieces {
  /** Where in the file each begins; one more for the end. */
  readonly offsets: readonly number[];
  /** The first row's timestamp. */
  readonly from: number;
}

const NEWLINE = 0x0a;

/** Reads sorted rows back. */
export class SpilledRun implements RowSource {
  readonly from: number;
  readonly #file: ScratchFile;
  readonly #offsets: readonly number[];
  #next = 0;
  readonly #buffers: BufferPool;
  /** Holds the rows in hand. */
  #used: Buffer | undefined;

  /** @param buffers - Of buffers with room for most pieces, and for the guard behind. */
  constructor(file: ScratchFile, { offsets, from }: SpilledPieces, buffers: BufferPool) {
    this.#buffers = buffers;
    this.#file = file;
    this.#offsets = offsets;
    this.from = from;
  }

  async next(): Promise<RowWindow | undefined> {
    if (this.#used !== undefined) this.#buffers.give(this.#used);
    this.#used = undefined;
    const offset = this.#offsets[this.#next];
    const end = this.#offsets[this.#next + 1];
    if (offset === undefined || end === undefined) return undefined;
    this.#next++;
    const length = end - offset;
    const buffer = this.#buffers.take(length + GUARD_BYTES);
    this.#used = buffer;
    this.#file.read(buffer, length, offset);
    buffer.fill('"', length, length + GUARD_BYTES);
    const last = lastTimestamp(buffer, length);
    return { bytes: buffer, view: viewOf(buffer), start: 0, end: length, last };
  }
}

/** The timestamp of the last of whole lines of rows. */
function lastTimestamp(bytes: Buffer, end: number): number {
  return rowTimestamp(bytes, end < 2 ? 0 : bytes.lastIndexOf(NEWLINE, end - 2) + 1);
}
