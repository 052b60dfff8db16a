import type { LogColumns } from './log-columns.ts';
import { CONTEXT_TO_VERSION, TIMESTAMP_TO_CONTEXT, TYPE_TO_TIMESTAMP } from './scan-event.ts';

const PIECE_BYTES = 262_144;
/** Brackets, commas, newline, a sequence, a timestamp, and the words' overhang. */
const ROW_OVERHEAD_BYTES = 96;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const COMMA = 0x2c;
const NEWLINE = 0x0a;
const ZERO = 0x30;

/** Writes rows of columns as lines of a sealed segment, by copying the bytes of their texts. */
export class RowEncoder {
  readonly #columns: LogColumns;
  readonly #source: DataView;
  readonly #extra: DataView;
  readonly #batchTexts: DataView;
  readonly #typeBytes: Uint32Array;
  #piece: Buffer = Buffer.alloc(0);
  #view = new DataView(this.#piece.buffer);

  /** @param columns - Whole: rows that are added later are not known. */
  constructor(columns: LogColumns) {
    this.#columns = columns;
    this.#source = viewOf(columns.source);
    this.#extra = viewOf(columns.extra.bytes);
    this.#batchTexts = viewOf(columns.batchTexts.bytes);
    const { typeTable } = columns;
    this.#typeBytes = Uint32Array.from({ length: typeTable.count }, (_, type) => typeTable.text(type).length);
    this.#grow(PIECE_BYTES);
  }

  /**
   * Encodes the first of some rows, as many as fit.
   *
   * @param rows - Numbers of rows, at least one.
   * @returns The lines, valid until the next call, and how many rows they are: at least one.
   */
  encode(rows: Uint32Array): { readonly lines: Buffer; readonly count: number } {
    let end = 0;
    let count = 0;
    for (const row of rows) {
      const needed = end + this.#maxBytes(row);
      if (needed > this.#piece.length) {
        if (count > 0) break;
        this.#grow(needed);
      }
      end = this.#encodeRow(row, end);
      count++;
    }
    return { lines: this.#piece.subarray(0, end), count };
  }

  #maxBytes(row: number): number {
    const { types, contextBytes, versionBytes, batches, batchPlaces } = this.#columns;
    const batch = 2 * (batches[row] ?? 0);
    return (
      ROW_OVERHEAD_BYTES +
      (this.#typeBytes[types[row] ?? 0] ?? 0) +
      (contextBytes[row] ?? 0) +
      (versionBytes[row] ?? 0) +
      (batchPlaces[batch + 2] ?? 0) -
      (batchPlaces[batch] ?? 0)
    );
  }

  #encodeRow(row: number, start: number): number {
    const columns = this.#columns;
    const piece = this.#piece;
    const view = this.#view;
    const place = columns.places[row] ?? 0;
    const isExtra = place >= columns.sourceLength;
    const texts = isExtra ? this.#extra : this.#source;
    const typeAt = isExtra ? place - columns.sourceLength : place;
    const typeBytes = this.#typeBytes[columns.types[row] ?? 0] ?? 0;
    const timestampAt = typeAt + typeBytes + TYPE_TO_TIMESTAMP;
    const timestampBytes = digitsOf(columns.timestamps[row] ?? 0);
    const contextAt = timestampAt + timestampBytes + TIMESTAMP_TO_CONTEXT;
    const contextBytes = columns.contextBytes[row] ?? 0;
    const batch = 2 * (columns.batches[row] ?? 0);
    const batchAt = columns.batchPlaces[batch] ?? 0;
    const restAt = columns.batchPlaces[batch + 1] ?? 0;
    const restBytes = (columns.batchPlaces[batch + 2] ?? 0) - restAt;

    let at = start;
    piece[at++] = OPEN_BRACKET;
    copyBytes(texts, timestampAt, view, at, timestampBytes);
    at += timestampBytes;
    piece[at++] = COMMA;
    copyBytes(texts, typeAt, view, at, typeBytes);
    at += typeBytes;
    piece[at++] = COMMA;
    copyBytes(texts, contextAt, view, at, contextBytes);
    at += contextBytes;
    copyBytes(this.#batchTexts, batchAt, view, at, restAt - batchAt);
    at = writeInteger(piece, at + restAt - batchAt, columns.sequences[row] ?? 0);
    copyBytes(this.#batchTexts, restAt, view, at, restBytes);
    at += restBytes;
    const version = columns.versionBytes[row] ?? 0;
    if (version > 0) {
      const versionBytes = version - CONTEXT_TO_VERSION;
      piece[at++] = COMMA;
      copyBytes(texts, contextAt + contextBytes + CONTEXT_TO_VERSION, view, at, versionBytes);
      at += versionBytes;
    }
    piece[at++] = CLOSE_BRACKET;
    piece[at++] = NEWLINE;
    return at;
  }

  #grow(bytes: number): void {
    this.#piece = Buffer.allocUnsafeSlow(bytes);
    this.#view = viewOf(this.#piece);
  }
}

function viewOf({ buffer, byteOffset, byteLength }: Buffer): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

/** Copies by words, up to 3 bytes more than asked for: calls of the runtime cost more for such short texts. */
function copyBytes(from: DataView, fromAt: number, to: DataView, toAt: number, length: number): void {
  for (let index = 0; index < length; index += 4)
    to.setUint32(toAt + index, from.getUint32(fromAt + index, true), true);
}

/** How many characters a timestamp has in JSON. */
function digitsOf(timestamp: number): number {
  // From 2001 to 2286.
  return timestamp >= 1e12 && timestamp < 1e13 ? 13 : String(timestamp).length;
}

function writeInteger(bytes: Buffer, start: number, value: number): number {
  let end = start + 1;
  for (let rest = value; rest > 9; rest = Math.floor(rest / 10)) end++;
  let rest = value;
  for (let at = end - 1; at >= start; at--) {
    const next = Math.floor(rest / 10);
    bytes[at] = ZERO + rest - next * 10;
    rest = next;
  }
  return end;
}
