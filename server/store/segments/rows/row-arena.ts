import { orderByTimestamp, orderTies } from '../sealed/row-order.ts';
import { copyText, viewOf } from '../../../words.ts';
import { GUARD_BYTES } from '../sealed/log-chunks.ts';
import type { RowWindow } from './row-source.ts';
import { compareTies } from './row-ties.ts';

/** Bytes that are handed out at a time. */
export const PIECE_BYTES = 131_072;

/** Rows in memory, to be put in order. */
export class RowArena {
  readonly #maxBytes: number;
  readonly #maxRows: number;
  #bytes: Buffer = Buffer.alloc(0);
  #view = viewOf(this.#bytes);
  #timestamps = new Float64Array(0);
  #starts = new Uint32Array(0);
  #groups = new Uint32Array(0);
  /** Used again by each sorting. */
  #pieces: readonly [Piece, Piece] | undefined;
  #length = 0;
  count = 0;

  /** The memory is taken when the first row comes; what a row does not write of it costs nothing. */
  constructor(maxBytes: number, maxRows: number) {
    this.#maxBytes = maxBytes;
    this.#maxRows = maxRows;
  }

  /** Whether a row of that many bytes has room; in an empty arena any has. */
  hasRoom(bytes: number): boolean {
    if (this.count === 0) {
      this.#reserve(bytes);
      return true;
    }
    return this.#length + bytes + GUARD_BYTES <= this.#bytes.length && this.count < this.#maxRows;
  }

  /** Where the next row is to be written: there is room for it, and words' slack behind. */
  get view(): DataView {
    return this.#view;
  }

  get bytes(): Buffer {
    return this.#bytes;
  }

  /** Where in the view the next row begins. */
  get end(): number {
    return this.#length;
  }

  /**
   * Adds the row that was written to `view` at `end`.
   *
   * @param end - Behind its newline.
   * @param group - Of rows with the same timestamp, those of one group come in order.
   */
  add(end: number, timestamp: number, group: number): void {
    this.#timestamps[this.count] = timestamp;
    this.#starts[this.count] = this.#length;
    this.#groups[this.count] = group;
    this.count++;
    this.#starts[this.count] = end;
    this.#length = end;
  }

  /**
   * The rows in their order, some at a time; the arena is empty when all have been handed out.
   *
   * What was handed out is valid until the next but one is asked for, so that it can be written meanwhile.
   */
  *takeSorted(): Generator<RowWindow> {
    const { count } = this;
    const starts = this.#starts;
    const timestamps = this.#timestamps.subarray(0, count);
    const order = orderByTimestamp(timestamps);
    orderTies(order, timestamps, this.#groups, (a, b) => compareTies(this.#placeOf(a), this.#placeOf(b)));
    this.#pieces ??= [newPiece(PIECE_BYTES), newPiece(PIECE_BYTES)];
    let [piece, other] = this.#pieces;
    let held = 0;
    let last = -Infinity;
    for (const row of order) {
      const start = starts[row] ?? 0;
      const end = starts[row + 1] ?? 0;
      const bytes = end - start;
      if (held + bytes + GUARD_BYTES > piece.bytes.length) {
        if (held > 0) {
          yield windowOf(piece, held, last);
          [piece, other] = [other, piece];
          held = 0;
        }
        if (bytes + GUARD_BYTES > piece.bytes.length) piece = newPiece(bytes);
      }
      copyText(this.#view, start, piece.view, held, bytes);
      held += bytes;
      last = timestamps[row] ?? 0;
    }
    if (held > 0) yield windowOf(piece, held, last);
    this.count = 0;
    this.#length = 0;
  }

  /** Lets go of the memory. */
  free(): void {
    this.count = 0;
    this.#length = 0;
    this.#bytes = Buffer.alloc(0);
    this.#view = viewOf(this.#bytes);
    this.#timestamps = new Float64Array(0);
    this.#starts = new Uint32Array(0);
    this.#groups = new Uint32Array(0);
  }

  #placeOf(row: number): { readonly bytes: Buffer; readonly view: DataView; readonly start: number } {
    return { bytes: this.#bytes, view: this.#view, start: this.#starts[row] ?? 0 };
  }

  #reserve(bytes: number): void {
    const needed = Math.max(this.#maxBytes, bytes) + GUARD_BYTES;
    if (this.#bytes.length < needed) {
      this.#bytes = Buffer.allocUnsafeSlow(needed);
      this.#view = viewOf(this.#bytes);
    }
    if (this.#starts.length > 0) return;
    this.#timestamps = new Float64Array(this.#maxRows);
    this.#groups = new Uint32Array(this.#maxRows);
    this.#starts = new Uint32Array(this.#maxRows + 1);
  }
}

interface Piece {
  readonly bytes: Buffer;
  readonly view: DataView;
}

function newPiece(length: number): Piece {
  const bytes = Buffer.allocUnsafeSlow(length + GUARD_BYTES);
  return { bytes, view: viewOf(bytes) };
}

function windowOf({ bytes, view }: Piece, end: number, last: number): RowWindow {
  bytes.fill('"', end, end + GUARD_BYTES);
  return { bytes, view, start: 0, end, last };
}
