import {
  STAGED_BATCH,
  STAGED_BYTES,
  STAGED_HEAD_BYTES,
  STAGED_SEQUENCE,
  STAGED_TAIL_BYTES,
  type RowStage,
} from './row-stage.ts';
import type { SortedRows } from './sorted-rows.ts';
import { copyText, viewOf, WORD_SLACK_BYTES, writeInteger } from '../../../words.ts';

const PIECE_BYTES = 262_144;
/** A sequence, a comma, a bracket and a newline of a row, and words' slack. */
const ROW_OVERHEAD_BYTES = 16 + WORD_SLACK_BYTES;
const CLOSE_BRACKET = 0x5d;
const COMMA = 0x2c;
const NEWLINE = 0x0a;

/** Puts the lines of rows together. */
export class RowEncoder {
  readonly #batchPlaces: readonly number[];
  readonly #batchTexts: DataView;
  #piece: Buffer = Buffer.allocUnsafeSlow(PIECE_BYTES);
  #view = viewOf(this.#piece);

  /** @param stage - Of all rows that will be encoded. */
  constructor({ batchTexts }: RowStage) {
    this.#batchPlaces = batchTexts.places;
    this.#batchTexts = batchTexts.view;
  }

  /** The rows' lines, some at a time; each piece is valid until the next one is asked for. */
  *encode({ chunks, chunkNumbers, places }: SortedRows): Generator<Buffer> {
    let end = 0;
    for (let row = 0; row < places.length; row++) {
      const texts = chunks[chunkNumbers[row] ?? 0]?.view;
      if (texts === undefined) break;
      const place = places[row] ?? 0;
      const needed = this.#maxBytes(texts, place);
      if (end + needed > this.#piece.length) {
        if (end > 0) yield this.#piece.subarray(0, end);
        end = 0;
        this.#reserve(needed);
      }
      end = this.#encodeRow(texts, place, end);
    }
    if (end > 0) yield this.#piece.subarray(0, end);
  }

  #maxBytes(texts: DataView, place: number): number {
    const places = this.#batchPlaces;
    const batch = 2 * texts.getUint32(place + STAGED_BATCH, true);
    return (
      ROW_OVERHEAD_BYTES +
      texts.getUint32(place + STAGED_BYTES, true) +
      texts.getUint32(place + STAGED_TAIL_BYTES, true) +
      (places[batch + 2] ?? 0) -
      (places[batch] ?? 0)
    );
  }

  /** Returns where the line ends. */
  #encodeRow(texts: DataView, place: number, start: number): number {
    const view = this.#view;
    const batchTexts = this.#batchTexts;
    const places = this.#batchPlaces;
    const bytes = texts.getUint32(place + STAGED_BYTES, true);
    const tailBytes = texts.getUint32(place + STAGED_TAIL_BYTES, true);
    const batch = 2 * texts.getUint32(place + STAGED_BATCH, true);
    const batchAt = places[batch] ?? 0;
    const restAt = places[batch + 1] ?? 0;
    const restEnd = places[batch + 2] ?? 0;
    const lineAt = place + STAGED_HEAD_BYTES;
    let at = start;
    copyText(texts, lineAt, view, at, bytes);
    at += bytes;
    copyText(batchTexts, batchAt, view, at, restAt - batchAt);
    at = writeInteger(view, at + restAt - batchAt, texts.getUint32(place + STAGED_SEQUENCE, true));
    copyText(batchTexts, restAt, view, at, restEnd - restAt);
    at += restEnd - restAt;
    if (tailBytes > 0) {
      view.setUint8(at++, COMMA);
      copyText(texts, lineAt + bytes, view, at, tailBytes);
      at += tailBytes;
    }
    view.setUint8(at++, CLOSE_BRACKET);
    view.setUint8(at++, NEWLINE);
    return at;
  }

  #reserve(bytes: number): void {
    if (bytes <= this.#piece.length) return;
    this.#piece = Buffer.allocUnsafeSlow(bytes);
    this.#view = viewOf(this.#piece);
  }
}
