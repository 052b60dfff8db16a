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

interface Piece {
  readonly buffer: Buffer;
  readonly length: number;
  readonly error?: unknown;
}

const NEWLINE = 0x0a;

/** Reads sorted rows back; reads on while its rows are used. */
export class SpilledRun implements RowSource {
  readonly from: number;
  readonly #file: ScratchFile;
  readonly #offsets: readonly number[];
  #next = 0;
  #ahead: Promise<Piece> | undefined;
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
    const reading = this.#ahead ?? this.#read();
    if (this.#used !== undefined) this.#buffers.give(this.#used);
    this.#used = undefined;
    if (reading === undefined) return undefined;
    const { buffer, length, error } = await reading;
    if (error !== undefined) throw error;
    this.#used = buffer;
    this.#ahead = this.#read();
    return {
      bytes: buffer,
      view: viewOf(buffer),
      start: 0,
      end: length,
      last: lastTimestamp(buffer, length),
    };
  }

  /** Begins to read the next piece; undefined if there is none. */
  #read(): Promise<Piece> | undefined {
    const offset = this.#offsets[this.#next];
    const end = this.#offsets[this.#next + 1];
    if (offset === undefined || end === undefined) return undefined;
    this.#next++;
    const length = end - offset;
    return this.#readInto(this.#buffers.take(length + GUARD_BYTES), offset, length);
  }

  /** Never rejects, as nobody may be waiting for it. */
  async #readInto(buffer: Buffer, offset: number, length: number): Promise<Piece> {
    try {
      await this.#file.read(buffer, length, offset);
      buffer.fill('"', length, length + GUARD_BYTES);
      return { buffer, length };
    } catch (error) {
      return { buffer, length, error };
    }
  }
}

/** The timestamp of the last of whole lines of rows. */
function lastTimestamp(bytes: Buffer, end: number): number {
  return rowTimestamp(bytes, end < 2 ? 0 : bytes.lastIndexOf(NEWLINE, end - 2) + 1);
}
