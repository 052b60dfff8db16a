import {
  BATCH,
  CONTEXT_BYTES,
  PLACE,
  ROW_NUMBERS,
  SEQUENCE,
  TIMESTAMP_BYTES,
  TYPE,
  VERSION_BYTES,
  type LogColumns,
} from './log-columns.ts';
import { CONTEXT_TO_VERSION, TIMESTAMP_TO_CONTEXT, TYPE_TO_TIMESTAMP } from './scan-event.ts';
import { copyBytes, viewOf } from './words.ts';

const PIECE_BYTES = 262_144;
/** Brackets, commas, newline and sequence of a row, and words' slack. */
const ROW_OVERHEAD_BYTES = 64;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const COMMA = 0x2c;
const NEWLINE = 0x0a;
const ZERO = 0x30;

/** Writes rows of columns as lines of a sealed segment, by copying the bytes of their texts. */
export class RowEncoder {
  readonly #columns: LogColumns;
  readonly #typeBytes: Uint32Array;
  #piece: Buffer = Buffer.allocUnsafeSlow(PIECE_BYTES);
  #view = viewOf(this.#piece);

  /** @param columns - Whole: rows that are added later are not known. */
  constructor(columns: LogColumns) {
    this.#columns = columns;
    const { typeTable } = columns;
    this.#typeBytes = Uint32Array.from({ length: typeTable.count }, (_, type) => typeTable.text(type).length);
  }

  /**
   * Encodes rows, as many as fit.
   *
   * @param rows - Numbers of rows, of which that at `start` is the first one wanted.
   * @returns The lines, valid until the next call, and the place of the first row that is not in them.
   */
  encode(rows: Uint32Array, start: number): { readonly lines: Buffer; readonly next: number } {
    const { numbers, sourceLength, sourceView, extra, batchPlaces, batchTexts } = this.#columns;
    const extraView = extra.view;
    const batchView = batchTexts.view;
    const typeLengths = this.#typeBytes;
    let piece = this.#piece;
    let view = this.#view;
    let at = 0;
    let next = start;
    for (; next < rows.length; next++) {
      const row = (rows[next] ?? 0) * ROW_NUMBERS;
      const typeBytes = typeLengths[numbers[row + TYPE] ?? 0] ?? 0;
      const timestampBytes = numbers[row + TIMESTAMP_BYTES] ?? 0;
      const contextBytes = numbers[row + CONTEXT_BYTES] ?? 0;
      const versionBytes = numbers[row + VERSION_BYTES] ?? 0;
      const batch = 2 * (numbers[row + BATCH] ?? 0);
      const batchAt = batchPlaces[batch] ?? 0;
      const restAt = batchPlaces[batch + 1] ?? 0;
      const restEnd = batchPlaces[batch + 2] ?? 0;
      const needed =
        ROW_OVERHEAD_BYTES + typeBytes + timestampBytes + contextBytes + versionBytes + restEnd - batchAt;
      if (at + needed > piece.length) {
        if (next > start) break;
        this.#grow(needed);
        piece = this.#piece;
        view = this.#view;
      }
      const place = numbers[row + PLACE] ?? 0;
      const isExtra = place >= sourceLength;
      const texts = isExtra ? extraView : sourceView;
      const typeAt = isExtra ? place - sourceLength : place;
      const timestampAt = typeAt + typeBytes + TYPE_TO_TIMESTAMP;
      const contextAt = timestampAt + timestampBytes + TIMESTAMP_TO_CONTEXT;

      piece[at++] = OPEN_BRACKET;
      copyBytes(texts, timestampAt, view, at, timestampBytes);
      at += timestampBytes;
      piece[at++] = COMMA;
      copyBytes(texts, typeAt, view, at, typeBytes);
      at += typeBytes;
      piece[at++] = COMMA;
      copyBytes(texts, contextAt, view, at, contextBytes);
      at += contextBytes;
      copyBytes(batchView, batchAt, view, at, restAt - batchAt);
      at = writeInteger(piece, at + restAt - batchAt, numbers[row + SEQUENCE] ?? 0);
      copyBytes(batchView, restAt, view, at, restEnd - restAt);
      at += restEnd - restAt;
      if (versionBytes > 0) {
        const valueBytes = versionBytes - CONTEXT_TO_VERSION;
        piece[at++] = COMMA;
        copyBytes(texts, contextAt + contextBytes + CONTEXT_TO_VERSION, view, at, valueBytes);
        at += valueBytes;
      }
      piece[at++] = CLOSE_BRACKET;
      piece[at++] = NEWLINE;
    }
    return { lines: piece.subarray(0, at), next };
  }

  #grow(bytes: number): void {
    this.#piece = Buffer.allocUnsafeSlow(bytes);
    this.#view = viewOf(this.#piece);
  }
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
