import { orderByTimestamp, orderTies } from '../sealed/row-order.ts';
import { viewOf } from '../sealed/words.ts';
import { GUARD_BYTES } from '../sealed/log-chunks.ts';
import type { RowWindow } from './row-source.ts';
import { compareTies } from './row-ties.ts';

/** Bytes that are handed out at a time. */
const PIECE_BYTES = 65_536;

/** Rows in memory, to be put in order. */
export class RowArena {
  readonly #maxBytes: number;
  readonly #maxRows: number;
  #bytes: Buffer = Buffer.alloc(0);
  #view = viewOf(this.#bytes);
  #timestamps = new Float64Array(0);
  #starts = new Uint32Array(0);
  #groups = new Uint32Array(0);
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

  /** The rows in their order, some at a time; the arena is empty when all have been handed out. */
  *takeSorted(): Generator<RowWindow> {
    const { count } = this;
    const starts = this.#starts;
    const timestamps = this.#timestamps.subarray(0, count);
    const order = orderByTimestamp(timestamps);
    orderTies(order, timestamps, this.#groups, (a, b) => compareTies(this.#placeOf(a), this.#placeOf(b)));
    let piece = Buffer.allocUnsafeSlow(PIECE_BYTES + GUARD_BYTES);
    let held = 0;
    let last = -Infinity;
    for (const row of order) {
      const start = starts[row] ?? 0;
      const end = starts[row + 1] ?? 0;
      if (held + end - start + GUARD_BYTES > piece.length) {
        if (held > 0) yield windowOf(piece, held, last);
        held = 0;
        if (end - start + GUARD_BYTES > piece.length)
          piece = Buffer.allocUnsafeSlow(end - start + GUARD_BYTES);
      }
      this.#bytes.copy(piece, held, start, end);
      held += end - start;
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

function windowOf(piece: Buffer, end: number, last: number): RowWindow {
  piece.fill('"', end, end + GUARD_BYTES);
  return { bytes: piece, view: viewOf(piece), start: 0, end, last };
}
